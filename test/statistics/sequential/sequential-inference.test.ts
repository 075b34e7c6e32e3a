import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalUpperTail } from "../../../statistics/distributions.ts";
import { inverseNormal } from "../../../statistics/means/combination.ts";
import { randomStream, studyKey } from "../../../statistics/random-stream.ts";
import { wangTsiatisBounds } from "../../../statistics/sequential/bound-shapes.ts";
import { efficacyBounds } from "../../../statistics/sequential/group-sequential.ts";
import { repeatedInterval, stagewiseDrift, stagewiseP } from "../../../statistics/sequential/sequential-inference.ts";

const pocock = efficacyBounds({ information: [0.25, 0.5, 0.75, 1], error: 0.025, spending: { kind: "pocock" } });
const canary = efficacyBounds({
  information: [0.01, 0.05, 0.25, 1],
  error: 0.025,
  spending: { kind: "obrien-fleming" },
  sides: 2,
});

describe("a repeated interval", () => {
  it("leaves out 0 exactly where the bound is reached", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), fc.double({ min: -8, max: 8, noNaN: true }), (look, z) => {
        const interval = repeatedInterval(pocock, look, {
          estimate: z * 0.5,
          standardError: 0.5,
          error: 0.025,
          sides: 1,
        });
        expect(interval.status === "ok" && interval.low >= 0).toBe(z * 0.5 - (pocock.upper[look] as number) * 0.5 >= 0);
      }),
    );
  });

  it("has the level of both tails, or one open end", () => {
    const given = { estimate: 2, standardError: 1, error: 0.025 };
    const bound = pocock.upper[1] as number;
    expect(repeatedInterval(pocock, 1, given)).toEqual({
      status: "ok",
      value: 2,
      low: 2 - bound,
      high: 2 + bound,
      level: 0.95,
    });
    expect(repeatedInterval(pocock, 1, { ...given, sides: 1 })).toMatchObject({
      high: Number.POSITIVE_INFINITY,
      level: 0.975,
    });
  });

  it("cannot be had where nothing is spent, without a look or without an estimate", () => {
    const late = efficacyBounds({ information: [0.5, 1], error: 0.025, spending: { kind: "points", shares: [0, 1] } });
    const given = { estimate: 2, standardError: 1, error: 0.025 };
    expect(repeatedInterval(late, 0, given)).toEqual({
      status: "undetermined",
      reason: "nothing is spent at this look",
    });
    expect(repeatedInterval(late, 1, { ...given, estimate: Number.NaN })).toMatchObject({ status: "undetermined" });
    expect(() => repeatedInterval(late, 2, given)).toThrow(/a look from 0 to 1, got 2/);
  });

  it("covers at all looks of a canary at once", () => {
    // 4,000 processes: the share of misses has a standard error of .0034 at .05; z = 4.4 is passed once in 10⁵ such tests
    const draw = randomStream(studyKey("repeated interval"), 0, 0);
    const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
    let missed = 0;
    for (let i = 0; i < 4000; i++) {
      let score = 0;
      const out = canary.information.some((own, k) => {
        score += normal() * Math.sqrt(own - (canary.information[k - 1] ?? 0));
        const interval = repeatedInterval(canary, k, {
          estimate: score / own,
          standardError: 1 / Math.sqrt(own),
          error: 0.025,
        });
        return interval.status === "ok" && (interval.low > 0 || interval.high < 0);
      });
      if (out) missed += 1;
    }
    expect(Math.abs(missed / 4000 - 0.05)).toBeLessThan(4.4 * Math.sqrt((0.05 * 0.95) / 4000));
  });
});

describe("a stagewise p-value", () => {
  it("is that of one test at the first look", () => {
    for (const z of [-2, 0, 1.3, 9.955]) expect(stagewiseP(pocock, { look: 0, z })).toBe(normalUpperTail(z));
  });

  it("is the error that is spent so far where a bound is just reached", () => {
    const spent = [0.25, 0.5, 0.75, 1].map((t) => 0.025 * Math.log1p((Math.E - 1) * t));
    pocock.upper.forEach(
      (z, look) => void expect(stagewiseP(pocock, { look, z })).toBeCloseTo(spent[look] as number, 12),
    );
  });

  it("falls with Z, rises with the look, and has the drift's order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.double({ min: -3, max: 6, noNaN: true }), (look, z) => {
        const p = stagewiseP(pocock, { look, z });
        expect(stagewiseP(pocock, { look, z: z + 0.01 })).toBeLessThan(p);
        expect(stagewiseP(pocock, { look, z }, 0.5)).toBeGreaterThan(p);
        expect(stagewiseP(pocock, { look: look - 1, z: pocock.upper[look - 1] as number })).toBeLessThan(p);
      }),
      { numRuns: 50, seed: 6 },
    );
  });

  it("needs a look of the design", () => {
    expect(() => stagewiseP(pocock, { look: 4, z: 1 })).toThrow(/a look from 0 to 3, got 4/);
  });
});

describe("the drift of a process that has stopped", () => {
  it("is the plain estimate at the first look, with its plain interval", () => {
    const found = stagewiseDrift(pocock, { look: 0, z: 3 });
    // 1.959963984540054 is the normal's 97.5 % point
    for (const [own, wanted] of [
      ["value", 6],
      ["low", 2 * (3 - 1.959963984540054)],
      ["high", 2 * (3 + 1.959963984540054)],
    ] as const)
      expect(found.status === "ok" && found[own]).toBeCloseTo(wanted, 10);
  });

  it("is pulled towards 0 after it, and its interval leaves out 0 if p is small enough", () => {
    const shape = wangTsiatisBounds({ information: [0.5, 1], error: 0.025, delta: 0.5 });
    const found = stagewiseDrift(shape, { look: 1, z: 2.5 });
    if (found.status !== "ok") throw new Error(found.reason);
    expect(found.value).toBeLessThan(2.5);
    expect(found.low > 0).toBe(stagewiseP(shape, { look: 1, z: 2.5 }) < 0.025);
    for (const [drift, p] of [
      [found.value, 0.5],
      [found.low, 0.025],
      [found.high, 0.975],
    ] as const)
      expect(stagewiseP(shape, { look: 1, z: 2.5 }, drift)).toBeCloseTo(p, 10);
  });

  it("cannot be had without a Z", () => {
    expect(stagewiseDrift(pocock, { look: 1, z: Number.NaN })).toMatchObject({ status: "undetermined" });
  });
});

describe("the inverse-normal combination", () => {
  it("is the weighted sum over the root of the squared weights", () => {
    // (3·1 + 4·2) / 5; P(Z > 2.2) from a table
    expect(inverseNormal([1, 2], [3, 4])).toMatchObject({ status: "ok", statistic: 2.2 });
    const found = inverseNormal([1, 2], [3, 4]);
    expect(found.status === "ok" && found.greater).toBeCloseTo(0.0139034475134986, 14);
    expect(found.status === "ok" && found.twoSided).toBeCloseTo(2 * 0.0139034475134986, 14);
  });

  it("changes its sign with those of the stages, and does not depend on the unit of weights", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 5 }), (z) => {
        const weights = z.map((_, k) => k + 0.5);
        const [one, other] = [
          inverseNormal(z, weights),
          inverseNormal(
            z.map((own) => -own),
            weights.map((own) => 8 * own),
          ),
        ];
        if (one.status !== "ok" || other.status !== "ok") throw new Error("undetermined");
        expect(other.less).toBeCloseTo(one.greater, 12);
        expect(other.statistic).toBeCloseTo(-one.statistic, 12);
      }),
    );
  });

  it("cannot be had without stages or a stage's z, and needs weights above 0", () => {
    expect(inverseNormal([], [])).toMatchObject({ status: "undetermined" });
    expect(inverseNormal([Number.NaN], [1])).toMatchObject({ status: "undetermined" });
    expect(() => inverseNormal([1], [0])).toThrow(/weights above 0, got 0/);
    expect(() => inverseNormal([1], [])).toThrow(/a weight for each stage/);
  });
});
