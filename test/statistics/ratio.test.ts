import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { moments } from "../../statistics/moments.ts";
import { ratioOfSums, relativeDifference } from "../../statistics/ratio.ts";

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
