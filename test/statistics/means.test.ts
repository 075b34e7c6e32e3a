import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ArmEstimate, differenceInterval, twoSidedP, upperTailP, welch } from "../../statistics/means.ts";

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
