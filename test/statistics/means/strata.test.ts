import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ArmEstimate, differenceTest, welch } from "../../../statistics/means/means.ts";
import { combineDifferences, postStratified } from "../../../statistics/means/strata.ts";

const arm = (estimate: number, standardError: number, n = 20): ArmEstimate => ({ n, estimate, standardError });
const anyArm = fc.record({
  n: fc.integer({ min: 2, max: 500 }),
  estimate: fc.integer({ min: -1000, max: 1000 }),
  standardError: fc.integer({ min: 1, max: 500 }),
});
const anyStrata = fc.array(fc.record({ control: anyArm, candidate: anyArm }), { minLength: 1, maxLength: 6 });

describe("a post-stratified difference", () => {
  it("of one stratum is Welch's", () => {
    fc.assert(
      fc.property(anyArm, anyArm, (control, candidate) => {
        const found = postStratified([{ control, candidate }]);
        if (found.status !== "ok") throw new Error(found.reason);
        const wanted = welch(control, candidate);
        expect(found.difference).toBe(wanted.difference);
        expect(found.standardError).toBeCloseTo(wanted.standardError, 9);
        expect(found.degreesOfFreedom).toBeCloseTo(wanted.degreesOfFreedom, 6);
        expect(found.weights).toEqual([1]);
      }),
    );
  });

  it("turns when the arms are swapped, and does not depend on the order of strata or the scale of weights", () => {
    fc.assert(
      fc.property(anyStrata, (strata) => {
        const there = postStratified(strata);
        const back = postStratified(
          strata.map(({ control, candidate }) => ({ control: candidate, candidate: control })),
        );
        const weights = strata.map(({ control, candidate }) => 7 * (control.n + candidate.n));
        const turned = postStratified(strata.toReversed(), { weights: weights.toReversed() });
        if (there.status !== "ok" || back.status !== "ok" || turned.status !== "ok") throw new Error("undetermined");
        expect(back.difference).toBeCloseTo(-there.difference, 9);
        expect(turned.difference).toBeCloseTo(there.difference, 9);
        expect(turned.standardError).toBeCloseTo(there.standardError, 9);
        expect(there.weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      }),
    );
  });

  it("takes out a difference that only the mix of strata makes", () => {
    // each stratum is the same in both arms, but the candidate has more of the larger
    const strata = [
      { control: arm(1, 0.1, 90), candidate: arm(1, 0.1, 10) },
      { control: arm(5, 0.1, 10), candidate: arm(5, 0.1, 90) },
    ];
    expect(postStratified(strata)).toMatchObject({ difference: 0, t: 0 });
  });

  it("says which stratum an arm is missing from, or leaves it out when told", () => {
    const strata = [
      { control: arm(1, 1), candidate: arm(3, 1) },
      { control: arm(1, 1), candidate: arm(9, Number.NaN, 1) },
    ];
    expect(postStratified(strata)).toEqual({
      status: "undetermined",
      reason: "stratum 2 has 20 units in control and 1 in candidate",
    });
    expect(postStratified(strata, { whenEmpty: "leave out" })).toMatchObject({
      difference: 2,
      weights: [1, 0],
      leftOut: [1],
    });
    expect(postStratified(strata.slice(1), { whenEmpty: "leave out" })).toEqual({
      status: "undetermined",
      reason: "no stratum has two units in each arm",
    });
  });

  it("does not ask for units where the weight is 0", () => {
    const strata = [
      { control: arm(1, 1), candidate: arm(3, 1) },
      { control: arm(0, 0, 0), candidate: arm(0, 0, 0) },
    ];
    expect(postStratified(strata, { weights: [2, 0] })).toMatchObject({ difference: 2, leftOut: [] });
  });

  it("of constant strata has an error of 0, which no test takes", () => {
    const found = postStratified([{ control: arm(1, 0), candidate: arm(2, 0) }]);
    expect(found).toMatchObject({ status: "ok", difference: 1, standardError: 0 });
    if (found.status === "ok") expect(differenceTest(found)).toMatchObject({ status: "undetermined" });
  });

  it("is undetermined without numbers and refuses wrong weights", () => {
    const strata = [{ control: arm(Number.NaN, 1), candidate: arm(1, 1) }];
    expect(postStratified(strata)).toMatchObject({ status: "undetermined" });
    expect(() => postStratified(strata, { weights: [1, 2] })).toThrow(
      new RangeError("postStratified needs one weight a stratum, got 2 for 1"),
    );
    expect(() => postStratified(strata, { weights: [-1] })).toThrow(RangeError);
    expect(() => postStratified(strata, { weights: [0] })).toThrow(
      new RangeError("postStratified needs a weight above 0, got none"),
    );
  });
});

describe("stages combined by inverse variance", () => {
  const stage = fc.record({
    difference: fc.integer({ min: -1000, max: 1000 }),
    standardError: fc.integer({ min: 1, max: 500 }),
  });
  const stages = fc.array(stage, { minLength: 1, maxLength: 6 });

  it("lie between the smallest and the largest, with less error than any", () => {
    fc.assert(
      fc.property(stages, (own) => {
        const found = combineDifferences(own);
        if (found.status !== "ok") throw new Error(found.reason);
        const differences = own.map(({ difference }) => difference);
        expect(found.difference).toBeGreaterThanOrEqual(Math.min(...differences) - 1e-9);
        expect(found.difference).toBeLessThanOrEqual(Math.max(...differences) + 1e-9);
        expect(found.standardError).toBeLessThanOrEqual(
          Math.min(...own.map(({ standardError }) => standardError)) * (1 + 1e-12),
        );
      }),
    );
  });

  it("do not depend on which are combined first", () => {
    fc.assert(
      fc.property(stages, stages, (a, b) => {
        const [first, second, all] = [combineDifferences(a), combineDifferences(b), combineDifferences([...a, ...b])];
        if (first.status !== "ok" || second.status !== "ok" || all.status !== "ok") throw new Error("undetermined");
        const both = combineDifferences([first, second]);
        if (both.status !== "ok") throw new Error(both.reason);
        expect(both.difference).toBeCloseTo(all.difference, 8);
        expect(both.standardError).toBeCloseTo(all.standardError, 8);
      }),
    );
  });

  it("have no heterogeneity when they agree, and none to speak of when there is one", () => {
    const same = { difference: 2, standardError: 1 };
    expect(combineDifferences([same, same])).toMatchObject({
      heterogeneity: { statistic: 0, pValue: 1 },
    });
    expect(combineDifferences([same])).toMatchObject({ ...same, heterogeneity: null });
  });

  it("do not overflow when errors are very unequal or very small", () => {
    const found = combineDifferences([
      { difference: 3e-180, standardError: 1e-180 },
      { difference: 1, standardError: 1e180 },
    ]);
    expect(found).toMatchObject({ status: "ok", difference: 3e-180, standardError: 1e-180, weights: [1, 0] });
  });

  it("say which stage has no error", () => {
    const good = { difference: 1, standardError: 1 };
    expect(combineDifferences([])).toEqual({ status: "undetermined", reason: "no stages" });
    expect(combineDifferences([good, { difference: 1, standardError: 0 }])).toEqual({
      status: "undetermined",
      reason: "the standard error of stage 2 is 0",
    });
    expect(combineDifferences([{ difference: Number.NaN, standardError: 1 }])).toEqual({
      status: "undetermined",
      reason: "the difference of stage 1 is NaN",
    });
  });
});
