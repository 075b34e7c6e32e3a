import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Estimate } from "../../../statistics/estimate.ts";
import {
  quantileDifference,
  quantileRatio,
  quantileRatioTest,
  quantileTest,
} from "../../../statistics/quantiles/quantile-differences.ts";
import { clusteredQuantileInterval, quantileInterval } from "../../../statistics/quantiles/quantiles.ts";
import { randomStream, studyKey } from "../../../statistics/random-stream.ts";

const interval = (value: number, low: number, high: number, level = 0.95): Estimate => ({
  status: "ok",
  value,
  low,
  high,
  level,
});
const positive = fc
  .tuple(fc.integer({ min: 200, max: 1000 }), fc.integer({ min: 1, max: 150 }), fc.integer({ min: 1, max: 900 }))
  .map(([value, below, above]) => interval(value, value - below, value + above));
const method = fc.constantFrom("mover" as const, "normal" as const);

function ok<T extends { readonly status: string }>(result: T): Exclude<T, { status: "undetermined" }> {
  if (result.status === "undetermined") throw new Error(JSON.stringify(result));
  return result as Exclude<T, { status: "undetermined" }>;
}

describe("a difference of quantiles", () => {
  it("turns when the arms are swapped; their ratio is inverted; less and greater are exchanged", () => {
    fc.assert(
      fc.property(positive, positive, method, (a, b, own) => {
        const [there, back] = [
          ok(quantileDifference(a, b, { method: own })),
          ok(quantileDifference(b, a, { method: own })),
        ];
        expect(back.low).toBeCloseTo(-there.high, 9);
        expect(back.value).toBeCloseTo(-there.value, 9);
        const [ratio, inverse] = [ok(quantileRatio(a, b, { method: own })), ok(quantileRatio(b, a, { method: own }))];
        expect(ratio.low * inverse.high).toBeCloseTo(1, 9);
        const [forth, turned] = [ok(quantileTest(a, b, { method: own })), ok(quantileTest(b, a, { method: own }))];
        expect(Math.abs(forth.less - turned.greater)).toBeLessThan(1e-12);
      }),
    );
  });

  it("leaves a null out exactly when the test rejects it at the intervals' level", () => {
    fc.assert(
      fc.property(positive, positive, method, fc.integer({ min: -1500, max: 1500 }), (a, b, own, difference) => {
        const found = ok(quantileDifference(a, b, { method: own }));
        const test = ok(quantileTest(a, b, { method: own, difference }));
        if (Math.min(Math.abs(difference - found.low), Math.abs(difference - found.high)) < 1e-6) return;
        expect(test.twoSided < 0.05).toBe(difference < found.low || difference > found.high);
        const ratio = 1 + (difference + 1501) / 1000;
        const quotient = ok(quantileRatio(a, b, { method: own }));
        if (Math.min(Math.abs(ratio - quotient.low), Math.abs(ratio - quotient.high)) < 1e-6) return;
        const ratioTest = ok(quantileRatioTest(a, b, { method: own, ratio }));
        expect(ratioTest.twoSided < 0.05).toBe(ratio < quotient.low || ratio > quotient.high);
      }),
    );
  });

  it("does not depend on the unit of measure", () => {
    fc.assert(
      fc.property(positive, positive, method, fc.constantFrom(1e-6, 1000), (a, b, own, factor) => {
        const scaled = (arm: Estimate) => {
          const { value, low, high } = ok(arm);
          return interval(value * factor, low * factor, high * factor);
        };
        const [one, other] = [
          ok(quantileDifference(a, b, { method: own })),
          ok(quantileDifference(scaled(a), scaled(b), { method: own })),
        ];
        expect(Math.abs(other.high / factor - one.high)).toBeLessThanOrEqual(1e-12 * (1000 + Math.abs(one.high)));
        const [p, q] = [quantileTest(a, b, { method: own }), quantileTest(scaled(a), scaled(b), { method: own })];
        expect(ok(p).less).toBeCloseTo(ok(q).less, 10);
      }),
    );
  });

  it("is longer on the side where the arm is: up by the candidate's upper distance, down by the control's", () => {
    const found = ok(quantileDifference(interval(10, 9, 14), interval(20, 19, 30)));
    // √(10² + 1²) above, √(1² + 4²) below
    expect(found.high).toBeCloseTo(10 + Math.sqrt(101), 12);
    expect(found.low).toBeCloseTo(10 - Math.sqrt(17), 12);
  });

  it("by both methods is the same for symmetric intervals", () => {
    const [a, b] = [interval(10, 8, 12), interval(13, 10, 16)];
    const [mover, normal] = [ok(quantileDifference(a, b)), ok(quantileDifference(a, b, { method: "normal" }))];
    expect(mover.low).toBeCloseTo(normal.low, 12);
    expect(mover.high).toBeCloseTo(normal.high, 12);
  });

  it("says why there is none", () => {
    const [few, good] = [quantileInterval([1, 2, 3], 0.95), interval(5, 4, 6)];
    expect(quantileDifference(few, good)).toEqual({
      status: "undetermined",
      reason: "control: a sample of 3 is too small for an upper bound of this quantile",
    });
    expect(quantileTest(good, few)).toMatchObject({ status: "undetermined" });
    expect(quantileRatio(interval(1, 0, 2), good)).toEqual({
      status: "undetermined",
      reason: "control: the interval reaches down to 0",
    });
    expect(quantileRatioTest(good, interval(1, -1, 2))).toMatchObject({ status: "undetermined" });
    expect(quantileDifference(good, interval(5, 4, Number.POSITIVE_INFINITY))).toMatchObject({
      status: "undetermined",
    });
    // all ties: the limits are the value
    expect(quantileTest(interval(5, 5, 5), interval(6, 6, 6))).toEqual({
      status: "undetermined",
      reason: "nothing varies on the side of the null",
    });
    expect(quantileDifference(interval(5, 5, 5), interval(6, 6, 6))).toMatchObject({ low: 1, high: 1 });
  });

  it("refuses intervals of two levels, and nulls that are none", () => {
    const [a, b] = [interval(1, 0.5, 2), interval(1, 0.5, 2, 0.9)];
    expect(() => quantileDifference(a, b)).toThrow(
      new RangeError("quantiles need intervals at one level, got 0.95 and 0.9"),
    );
    expect(() => quantileTest(a, a, { difference: Number.NaN })).toThrow(RangeError);
    expect(() => quantileRatioTest(a, a, { ratio: 0 })).toThrow(
      new RangeError("quantileRatioTest needs a ratio above 0, got 0"),
    );
  });

  it("by MOVER is wrong to either side at most as often as it says, at 1 : 10 and on skewed values", () => {
    const replicates = 1500;
    const random = randomStream(studyKey("mover"), 1, 0);
    const exponential = (n: number) => Float64Array.from({ length: n }, () => -Math.log(1 - random())).sort();
    const outside = { below: 0, above: 0 };
    for (let r = 0; r < replicates; r++) {
      const found = ok(
        quantileDifference(quantileInterval(exponential(1000), 0.9), quantileInterval(exponential(100), 0.9)),
      );
      if (found.high < 0) outside.below += 1;
      if (found.low > 0) outside.above += 1;
    }
    // an interval at its level fails here for one seed in 16,000
    const error = Math.sqrt((0.025 * 0.975) / replicates);
    expect(outside.below / replicates).toBeLessThan(0.025 + 4 * error);
    expect(outside.above / replicates).toBeLessThan(0.025 + 4 * error);
    // and it is no empty promise
    expect((outside.below + outside.above) / replicates).toBeGreaterThan(0.005);
  });

  it("covers no difference of users' requests as often as it says", () => {
    const replicates = 600;
    const random = randomStream(studyKey("clustered mover"), 1, 0);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const arm = (users: number) => {
      const values: number[] = [];
      const owner: number[] = [];
      for (let user = 0; user < users; user++) {
        const own = normal();
        for (let k = Math.floor(random() * 6); k >= 0; k--) {
          values.push(Math.exp((own + normal()) / 2));
          owner.push(user);
        }
      }
      return { values: Float64Array.from(values), owner: Int32Array.from(owner), users };
    };
    let covered = 0;
    let naive = 0;
    for (let r = 0; r < replicates; r++) {
      const [control, candidate] = [arm(600), arm(120)];
      const clustered = ({ values, owner, users }: typeof control) =>
        clusteredQuantileInterval(values, owner, users, { p: 0.9 });
      const found = ok(quantileDifference(clustered(control), clustered(candidate)));
      if (found.low <= 0 && found.high >= 0) covered += 1;
      const flat = ({ values }: typeof control) => quantileInterval(values.toSorted(), 0.9);
      const short = ok(quantileDifference(flat(control), flat(candidate)));
      if (short.low <= 0 && short.high >= 0) naive += 1;
    }
    // four standard errors, false for one seed in 31,000
    expect(covered / replicates).toBeGreaterThan(0.95 - 4 * Math.sqrt((0.05 * 0.95) / replicates));
    expect(naive).toBeLessThan(covered);
  });
});
