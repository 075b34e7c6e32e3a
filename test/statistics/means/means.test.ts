import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ArmEstimate,
  compareMeans,
  differenceInterval,
  differenceTest,
  meansTest,
  twoSidedP,
  upperTailP,
  varianceRatioTest,
  welch,
} from "../../../statistics/means/means.ts";
import { randomStream, studyKey } from "../../../statistics/random-stream.ts";

const arm = (estimate: number, standardError: number, n = 10): ArmEstimate => ({ n, estimate, standardError });
const anyArm = fc.record({
  n: fc.integer({ min: 2, max: 10_000 }),
  estimate: fc.integer({ min: -(2 ** 30), max: 2 ** 30 }).map((value) => value / 1024),
  standardError: fc.integer({ min: 1, max: 2 ** 30 }).map((value) => value / 1024),
});

describe("welch", () => {
  it("flips its sign and nothing else when the arms are swapped", () => {
    fc.assert(
      fc.property(anyArm, anyArm, (a, b) => {
        const [there, back] = [welch(a, b), welch(b, a)];
        expect(back.difference).toBe(0 - there.difference);
        expect(back.t).toBe(0 - there.t);
        expect(back.standardError).toBe(there.standardError);
        expect(back.degreesOfFreedom).toBeCloseTo(there.degreesOfFreedom, 6);
        expect(twoSidedP(back)).toBeCloseTo(twoSidedP(there), 12);
      }),
    );
  });

  it("has degrees of freedom between those of its smaller arm and those of both", () => {
    fc.assert(
      fc.property(anyArm, anyArm, (a, b) => {
        const { degreesOfFreedom } = welch(a, b);
        expect(degreesOfFreedom).toBeGreaterThanOrEqual((Math.min(a.n, b.n) - 1) * (1 - 1e-12));
        expect(degreesOfFreedom).toBeLessThanOrEqual((a.n + b.n - 2) * (1 + 1e-12));
      }),
    );
  });

  it("does not depend on the unit of measure", () => {
    fc.assert(
      fc.property(anyArm, anyArm, fc.integer({ min: -30, max: 30 }), (a, b, power) => {
        const scaled = ({ n, estimate, standardError }: ArmEstimate) =>
          arm(estimate * 2 ** power, standardError * 2 ** power, n);
        expect(welch(scaled(a), scaled(b)).t).toBe(welch(a, b).t);
        expect(welch(scaled(a), scaled(b)).degreesOfFreedom).toBe(welch(a, b).degreesOfFreedom);
      }),
    );
  });

  it("has t = 0 and p = 1 for constant arms that are equal", () => {
    const same = welch(arm(3, 0), arm(3, 0));
    expect(same).toEqual({ difference: 0, standardError: 0, degreesOfFreedom: Number.POSITIVE_INFINITY, t: 0 });
    expect(twoSidedP(same)).toBe(1);
    expect(upperTailP(same)).toBe(0.5);
  });

  it("has t = ±Infinity and p = 0 for constant arms that differ", () => {
    expect(welch(arm(3, 0), arm(4, 0)).t).toBe(Number.POSITIVE_INFINITY);
    expect(welch(arm(4, 0), arm(3, 0)).t).toBe(Number.NEGATIVE_INFINITY);
    expect(twoSidedP(welch(arm(4, 0), arm(3, 0)))).toBe(0);
    expect(upperTailP(welch(arm(4, 0), arm(3, 0)))).toBe(1);
  });

  it("needs two units in each arm", () => {
    expect(() => welch(arm(1, 1, 1), arm(2, 1, 2))).toThrow(
      new RangeError("welch needs at least 2 units in each arm, got control n=1, candidate n=2"),
    );
    expect(() => welch(arm(1, 1, 2), arm(2, 1, 0))).toThrow(RangeError);
  });
});

describe("the interval of a difference", () => {
  it("leaves out 0 exactly when the two-sided p-value is below what the interval leaves out", () => {
    fc.assert(
      fc.property(anyArm, anyArm, fc.constantFrom(0.8, 0.9, 0.95, 0.99), (a, b, level) => {
        const difference = welch(a, b);
        const interval = differenceInterval(difference, level);
        if (interval.status !== "ok") throw new Error(interval.reason);
        expect(interval.low <= 0 && interval.high >= 0).toBe(twoSidedP(difference) >= 1 - level);
        expect(interval).toMatchObject({ value: difference.difference, level });
      }),
    );
  });

  it("is a point when nothing varies", () => {
    expect(differenceInterval(welch(arm(3, 0), arm(4, 0)), 0.9)).toEqual({
      status: "ok",
      value: 1,
      low: 1,
      high: 1,
      level: 0.9,
    });
  });

  it("is undetermined, with its reason, when the difference is not a number", () => {
    expect(differenceInterval(welch(arm(Number.NaN, 1), arm(4, 1)))).toEqual({
      status: "undetermined",
      reason: "the difference is NaN",
    });
  });
});

const methods = fc.constantFrom("welch" as const, "student" as const, "normal" as const);

describe("a test of means", () => {
  it("exchanges less and greater, and turns its statistic, when the arms and the null are turned", () => {
    fc.assert(
      fc.property(anyArm, anyArm, methods, fc.integer({ min: -1000, max: 1000 }), (a, b, method, difference) => {
        const [there, back] = [
          meansTest(a, b, { difference, method }),
          meansTest(b, a, { difference: -difference, method }),
        ];
        if (there.status !== "ok" || back.status !== "ok") throw new Error("undetermined");
        expect(back.statistic).toBeCloseTo(-there.statistic, 9);
        expect(Math.abs(back.less - there.greater)).toBeLessThan(1e-9);
        expect(Math.abs(back.twoSided - there.twoSided)).toBeLessThan(1e-9);
      }),
    );
  });

  it("rejects a margin exactly when the interval leaves it out", () => {
    const level = fc.constantFrom(0.8, 0.95, 0.999);
    fc.assert(
      fc.property(
        anyArm,
        anyArm,
        methods,
        level,
        fc.integer({ min: -(2 ** 20), max: 2 ** 20 }),
        (a, b, method, own, null_) => {
          const interval = differenceInterval(compareMeans(a, b, method), own);
          const test = meansTest(a, b, { difference: null_, method });
          if (interval.status !== "ok" || test.status !== "ok") throw new Error("undetermined");
          expect(test.twoSided < 1 - own).toBe(null_ < interval.low || null_ > interval.high);
        },
      ),
    );
  });

  it("has tails that add up to one, the smaller of them half of both", () => {
    fc.assert(
      fc.property(anyArm, anyArm, methods, (a, b, method) => {
        const test = meansTest(a, b, { method });
        if (test.status !== "ok") throw new Error(test.reason);
        expect(test.less + test.greater).toBeCloseTo(1, 12);
        expect(test.twoSided).toBeCloseTo(2 * Math.min(test.less, test.greater), 12);
      }),
    );
  });

  it("by Student with arms of one size and one variance is Welch's", () => {
    const [a, b] = [arm(1, 0.5, 20), arm(2, 0.5, 20)];
    expect(compareMeans(a, b, "student").t).toBeCloseTo(welch(a, b).t, 12);
    expect(compareMeans(a, b, "student").degreesOfFreedom).toBe(38);
  });

  it("says which arm has too few units, or what is not finite, instead of a p-value", () => {
    const good = arm(2, 1, 2);
    expect(meansTest(arm(1, 1, 0), good)).toEqual({ status: "undetermined", reason: "control has 0 units" });
    expect(meansTest(good, arm(1, 1, 1))).toEqual({ status: "undetermined", reason: "candidate has one unit" });
    expect(meansTest(good, arm(Number.NaN, 1))).toEqual({ status: "undetermined", reason: "candidate is NaN" });
    expect(meansTest(good, arm(1, Number.POSITIVE_INFINITY))).toMatchObject({ status: "undetermined" });
    expect(meansTest(arm(3, 0), arm(4, 0))).toEqual({
      status: "undetermined",
      reason: "nothing varies: the standard error is 0",
    });
  });

  it("can be made when only one arm varies", () => {
    // t = 1 with the degrees of freedom of that arm: scipy's stats.t.sf(1, 9)
    const test = meansTest(arm(3, 0, 50), arm(4, 1, 10));
    expect(test).toMatchObject({ status: "ok", statistic: 1 });
    if (test.status === "ok") expect(test.greater).toBeCloseTo(0.1717181980689568, 12);
  });

  it("refuses a wrong call", () => {
    expect(() => meansTest(arm(1, 1, -3), arm(1, 1))).toThrow(RangeError);
    expect(() => meansTest(arm(1, -1), arm(1, 1))).toThrow(RangeError);
    expect(() => meansTest(arm(1, 1), arm(1, 1), { difference: Number.NaN })).toThrow(
      new RangeError("differenceTest needs a finite null value, got NaN"),
    );
    expect(() => differenceInterval(welch(arm(1, 1), arm(1, 1)), 95)).toThrow(
      new RangeError("differenceInterval needs a level in (0, 1), got 95"),
    );
    expect(() => compareMeans(arm(1, 1, 1), arm(1, 1), "student")).toThrow(RangeError);
  });

  it("gives no p-value without degrees of freedom", () => {
    expect(differenceTest({ difference: 1, standardError: 1, degreesOfFreedom: Number.NaN })).toMatchObject({
      status: "undetermined",
    });
  });

  it("by Welch holds 5% at 1 : 20 with unequal variances, and by Student does not", () => {
    const replicates = 4000;
    const random = randomStream(studyKey("means"), 1, 0);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const sampled = (n: number, sd: number) => {
      const values = Array.from({ length: n }, () => sd * normal());
      const mean = values.reduce((a, b) => a + b, 0) / n;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
      return arm(mean, Math.sqrt(variance / n), n);
    };
    const rejections = { welch: 0, student: 0 };
    for (let r = 0; r < replicates; r++) {
      const [control, candidate] = [sampled(200, 1), sampled(10, 2)];
      for (const method of ["welch", "student"] as const) {
        const test = meansTest(control, candidate, { method });
        if (test.status === "ok" && test.twoSided < 0.05) rejections[method] += 1;
      }
    }
    // four standard errors: a test at its level fails here for one seed in 16,000
    const error = Math.sqrt((0.05 * 0.95) / replicates);
    expect(Math.abs(rejections.welch / replicates - 0.05)).toBeLessThan(4 * error);
    expect(rejections.student / replicates).toBeGreaterThan(0.2);
  });
});

describe("a test of variances", () => {
  it("exchanges less and greater when the arms are swapped, and inverts its statistic", () => {
    fc.assert(
      fc.property(anyArm, anyArm, (a, b) => {
        const [there, back] = [varianceRatioTest(a, b), varianceRatioTest(b, a)];
        if (there.status !== "ok" || back.status !== "ok") throw new Error("undetermined");
        expect(back.statistic * there.statistic).toBeCloseTo(1, 9);
        expect(Math.abs(back.less - there.greater)).toBeLessThan(1e-9);
        expect(Math.abs(there.less + there.greater - 1)).toBeLessThan(1e-9);
      }),
    );
  });

  it("says which arm does not vary or has too few units", () => {
    expect(varianceRatioTest(arm(1, 0), arm(1, 1))).toEqual({
      status: "undetermined",
      reason: "control does not vary",
    });
    expect(varianceRatioTest(arm(1, 1), arm(1, 0))).toEqual({
      status: "undetermined",
      reason: "candidate does not vary",
    });
    expect(varianceRatioTest(arm(1, 1, 1), arm(1, 1))).toMatchObject({ status: "undetermined" });
  });
});
