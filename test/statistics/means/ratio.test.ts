import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fiellerSet, ratioContrast } from "../../../statistics/means/fieller.ts";
import type { ArmEstimate } from "../../../statistics/means/means.ts";
import {
  onScale,
  ratioOfSums,
  relativeDifference,
  relativeLift,
  relativeTest,
} from "../../../statistics/means/ratio.ts";
import { moments } from "../../../statistics/moments.ts";

const numbers = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 40 });

describe("moments", () => {
  it("are those of the definition", () => {
    expect(
      moments([
        [1, 2, 3, 6],
        [2, 0, 2, 0],
      ]),
    ).toEqual({
      n: 4,
      mean: [3, 1],
      products: [
        [14, -4],
        [-4, 4],
      ],
    });
  });

  it("lose no digits of the variance to a large mean", () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const moved = moments([values.map((value) => value + 2 ** 33)]);
        const { products } = moments([values]);
        expect(moved.products[0]?.[0]).toBeCloseTo(products[0]?.[0] as number, 3);
      }),
    );
  });

  it("of nothing are zeros", () => {
    expect(moments([[], []])).toEqual({
      n: 0,
      mean: [0, 0],
      products: [
        [0, 0],
        [0, 0],
      ],
    });
    expect(moments([])).toEqual({ n: 0, mean: [], products: [] });
  });

  it("need columns of one length", () => {
    expect(() => moments([[1, 2], [1]])).toThrow(new RangeError("moments needs columns of one length, got 2 and 1"));
  });
});

describe("a ratio of sums", () => {
  it("with denominators of 1 is the mean with its usual standard error", () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const n = values.length;
        const mean = values.reduce((a, b) => a + b, 0) / n;
        const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
        const got = ratioOfSums(moments([values, values.map(() => 1)]));
        expect(got.n).toBe(n);
        expect(got.estimate).toBeCloseTo(mean, 9);
        expect(got.standardError).toBeCloseTo(Math.sqrt(variance / n), 9);
      }),
    );
  });

  it("has the standard error of its linearised units, the infinitesimal jackknife", () => {
    const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 20 })), {
      minLength: 2,
      maxLength: 40,
    });
    fc.assert(
      fc.property(rows, (units) => {
        const n = units.length;
        const total = units.reduce((sum, [, d]) => sum + d, 0);
        const ratio = units.reduce((sum, [y]) => sum + y, 0) / total;
        const squares = units.reduce((sum, [y, d]) => sum + (y - ratio * d) ** 2, 0);
        const got = ratioOfSums(moments([units.map(([y]) => y), units.map(([, d]) => d)]));
        expect(got.estimate).toBeCloseTo(ratio, 10);
        expect(got.standardError).toBeCloseTo(Math.sqrt((squares * n) / (n - 1)) / total, 8);
      }),
    );
  });

  it("does not change when every unit is measured twice as finely", () => {
    const got = ratioOfSums(
      moments([
        [2, 4, 6],
        [4, 8, 10],
      ]),
    );
    expect(got).toEqual(
      ratioOfSums(
        moments([
          [1, 2, 3],
          [2, 4, 5],
        ]),
      ),
    );
  });

  it("has no error when all units have the same ratio", () => {
    expect(
      ratioOfSums(
        moments([
          [1, 2, 3],
          [2, 4, 6],
        ]),
      ),
    ).toEqual({ n: 3, estimate: 0.5, standardError: 0 });
  });

  it("has no value when nothing is in the denominator, and no error below two units", () => {
    expect(
      ratioOfSums(
        moments([
          [0, 0],
          [0, 0],
        ]),
      ).estimate,
    ).toBeNaN();
    expect(ratioOfSums(moments([[1], [2]]))).toEqual({ n: 1, estimate: 0.5, standardError: Number.NaN });
    expect(ratioOfSums(moments([[], []]))).toEqual({ n: 0, estimate: Number.NaN, standardError: Number.NaN });
  });
});

describe("a relative difference", () => {
  const arm = (estimate: number, standardError = 0.1) => ({ n: 10, estimate, standardError });

  it("is a share of the control", () => {
    expect(relativeDifference(arm(2), arm(2.5)).value).toBeCloseTo(0.25, 12);
    expect(relativeDifference(arm(2), arm(2))).toMatchObject({ value: 0 });
  });

  it("does not depend on the unit of measure", () => {
    const scaled = (factor: number) => relativeDifference(arm(2 * factor, 0.1 * factor), arm(3 * factor, 0.2 * factor));
    expect(scaled(1024)).toEqual(scaled(1));
  });

  it("has the control's error too", () => {
    // Var₁/μ₀² + Var₀ μ₁²/μ₀⁴
    expect(relativeDifference(arm(2, 0.1), arm(3, 0.2)).standardError).toBeCloseTo(
      Math.sqrt(0.2 ** 2 / 4 + (0.1 ** 2 * 9) / 16),
      12,
    );
  });

  it("has no value when the control is zero or has none", () => {
    for (const control of [0, Number.NaN]) {
      expect(relativeDifference(arm(control), arm(1))).toEqual({ value: Number.NaN, standardError: Number.NaN });
    }
  });
});

describe("a relative lift", () => {
  const methods = ["delta", "log", "fieller"] as const;
  const arm = (estimate: number, standardError: number, n = 50): ArmEstimate => ({ n, estimate, standardError });
  /** positive, with a standard error of up to a sixth of its value, so that even at .99 the control is not zero */
  const firm = fc
    .record({
      n: fc.integer({ min: 10, max: 5000 }),
      value: fc.integer({ min: 100, max: 10_000 }),
      share: fc.integer({ min: 1, max: 100 }),
    })
    .map(({ n, value, share }) => arm(value, (value * share) / 600, n));
  const level = fc.constantFrom(0.8, 0.9, 0.95, 0.99);
  const variances = fc.constantFrom("welch" as const, "student" as const, "normal" as const);

  it("leaves a null out exactly when its test rejects it, by every method", () => {
    fc.assert(
      fc.property(firm, firm, level, variances, fc.integer({ min: -90, max: 300 }), (a, b, own, law, percent) => {
        const lift = percent / 100;
        for (const method of methods) {
          const interval = relativeLift(a, b, { method, level: own, variances: law });
          const test = relativeTest(a, b, { method, lift, variances: law });
          // a pooled error may be more than a firm control bears
          if (interval.status !== "ok" && method === "fieller" && law === "student") continue;
          if (interval.status !== "ok" || test.status !== "ok") throw new Error(`${method} undetermined`);
          const margin = Math.min(Math.abs(lift - interval.low), Math.abs(lift - interval.high));
          if (margin < 1e-9) continue;
          expect(test.twoSided < 1 - own, method).toBe(lift < interval.low || lift > interval.high);
        }
      }),
    );
  });

  it("does not depend on the unit of measure", () => {
    fc.assert(
      fc.property(firm, firm, fc.constantFrom(1e-9, 1e-3, 7, 1e6), (a, b, factor) => {
        const scaled = ({ n, estimate, standardError }: ArmEstimate) =>
          arm(estimate * factor, standardError * factor, n);
        for (const method of methods) {
          const [one, other] = [relativeLift(a, b, { method }), relativeLift(scaled(a), scaled(b), { method })];
          if (one.status !== "ok" || other.status !== "ok") throw new Error(`${method} undetermined`);
          for (const key of ["value", "low", "high"] as const) {
            expect(Math.abs(one[key] - other[key])).toBeLessThanOrEqual(1e-12 * (1 + Math.abs(one[key])));
          }
        }
      }),
    );
  });

  it("by logarithm or by Fieller is inverted when the arms are swapped", () => {
    fc.assert(
      fc.property(firm, firm, (a, b) => {
        for (const method of ["log", "fieller"] as const) {
          const [there, back] = [relativeLift(a, b, { method }), relativeLift(b, a, { method })];
          if (there.status !== "ok" || back.status !== "ok") throw new Error(`${method} undetermined`);
          expect((1 + there.low) * (1 + back.high)).toBeCloseTo(1, 9);
          const [forth, turned] = [relativeTest(a, b, { method }), relativeTest(b, a, { method })];
          if (forth.status !== "ok" || turned.status !== "ok") throw new Error(`${method} undetermined`);
          expect(Math.abs(forth.less - turned.greater)).toBeLessThan(1e-9);
        }
      }),
    );
  });

  it("agrees between its methods when both arms are precise", () => {
    const [a, b] = [arm(2, 0.001, 1000), arm(2.5, 0.001, 1000)];
    const [delta, log, fieller] = methods.map((method) => relativeLift(a, b, { method }));
    for (const other of [log, fieller]) {
      if (delta?.status !== "ok" || other?.status !== "ok") throw new Error("undetermined");
      // the methods differ in the second order of the relative errors, 5e-4 each
      expect(Math.abs(other.low - delta.low)).toBeLessThan(1e-5);
      expect(Math.abs(other.high - delta.high)).toBeLessThan(1e-5);
    }
  });

  it("says why there is none", () => {
    const cases = [
      [arm(0, 1), arm(1, 1), "delta", "control is zero"],
      [arm(1, 1), arm(-1, 1), "log", "the ratio is not above zero"],
      [arm(1, 1), arm(0, 1), "log", "the ratio is not above zero"],
      [arm(1, 0.1, 1), arm(1, 0.1), "delta", "control has one unit"],
      [arm(1, 0.1), arm(Number.NaN, 0.1), "fieller", "candidate is NaN"],
      [
        arm(1, 0.8),
        arm(5, 0.5),
        "fieller",
        "control does not differ from zero at this level: the ratio has no bounded interval",
      ],
    ] as const;
    for (const [control, candidate, method, reason] of cases) {
      expect(relativeLift(control, candidate, { method })).toEqual({ status: "undetermined", reason });
    }
    expect(relativeTest(arm(0, 1), arm(1, 1))).toEqual({ status: "undetermined", reason: "control is zero" });
    expect(relativeTest(arm(2, 0), arm(3, 0))).toMatchObject({ status: "undetermined" });
  });

  it("is tested by Fieller even where its interval is not bounded", () => {
    expect(relativeTest(arm(1, 0.8), arm(5, 0.5), { method: "fieller", lift: 0 })).toMatchObject({ status: "ok" });
  });

  it("of a negative control has a smaller ratio for a larger candidate", () => {
    for (const method of methods) {
      const test = relativeTest(arm(-2, 0.1), arm(-1, 0.1), { method });
      if (test.status !== "ok") throw new Error(test.reason);
      expect(test.less).toBeLessThan(0.001);
      expect(test.statistic).toBeLessThan(0);
    }
  });

  it("refuses a level or a lift that is none", () => {
    expect(() => relativeLift(arm(1, 1), arm(1, 1), { level: 1 })).toThrow(RangeError);
    expect(() => relativeTest(arm(1, 1), arm(1, 1), { lift: -1, method: "log" })).toThrow(
      new RangeError("relativeTest needs a finite lift above −1, got -1"),
    );
    expect(() => relativeTest(arm(1, 1), arm(1, 1), { lift: Number.NaN })).toThrow(RangeError);
  });

  it("has no logarithm when the arms lie on two sides of zero", () => {
    expect(onScale(arm(-1, 0.1), arm(1, 0.1), "log").difference).toBeNaN();
  });
});

describe("Fieller's set", () => {
  const anyArm = fc
    .record({
      n: fc.integer({ min: 3, max: 500 }),
      estimate: fc.integer({ min: -50, max: 50 }),
      error: fc.integer({ min: 1, max: 60 }),
    })
    .map(({ n, estimate, error }) => ({ n, estimate, standardError: error / 4 }));

  it("holds exactly the ratios that a z of candidate − ratio · control does not reject, in each of its shapes", () => {
    const z = 1.959963984540054;
    const seen = new Set<string>();
    fc.assert(
      fc.property(anyArm, anyArm, fc.integer({ min: -800, max: 800 }), (a, b, hundredths) => {
        const ratio = hundredths / 100;
        const set = fiellerSet(a, b, { variances: "normal" });
        if (set.status !== "ok") throw new Error(set.reason);
        seen.add(set.shape);
        const { t } = ratioContrast(a, b, ratio);
        if (Math.abs(Math.abs(t) - z) < 1e-9) return;
        const inside =
          set.shape === "line" ||
          (set.shape === "interval" ? set.low <= ratio && ratio <= set.high : ratio <= set.low || ratio >= set.high);
        expect(inside).toBe(Math.abs(t) <= z);
      }),
      { seed: 7, numRuns: 1000 },
    );
    expect([...seen].sort()).toEqual(["complement", "interval", "line"]);
  });

  it("is undetermined when the control is zero without variance", () => {
    expect(fiellerSet({ n: 9, estimate: 0, standardError: 0 }, { n: 9, estimate: 1, standardError: 1 })).toEqual({
      status: "undetermined",
      reason: "control is zero and does not vary",
    });
  });

  it("is a point when nothing varies", () => {
    const constant = (estimate: number) => ({ n: 9, estimate, standardError: 0 });
    expect(fiellerSet(constant(4), constant(3))).toMatchObject({ shape: "interval", low: 0.75, high: 0.75 });
    expect(fiellerSet(constant(4), constant(0))).toMatchObject({ shape: "interval", low: 0, high: 0 });
  });
});
