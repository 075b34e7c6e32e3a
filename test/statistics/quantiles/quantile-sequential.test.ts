import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  doubleStitchingBound,
  empiricalProcessBound,
  quantileSequentialRanks,
  uniformQuantileRanks,
} from "../../../statistics/quantiles/quantile-sequential.ts";
import { quantileRanks } from "../../../statistics/quantiles/quantiles.ts";

describe.each([
  ["one quantile", (n: number, p: number) => quantileSequentialRanks(n, p, { tunedTo: 500 })],
  ["all quantiles, double stitching", (n: number, p: number) => uniformQuantileRanks(n, p, { start: 50 })],
  [
    "all quantiles, empirical process",
    (n: number, p: number) => uniformQuantileRanks(n, p, { start: 50, method: "empiricalProcess" }),
  ],
] as const)("ranks for %s", (_, ranks) => {
  it("are mirrored when the order of values is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (n, p) => {
        const own = ranks(n, p);
        const mirrored = ranks(n, 1 - p);
        const turned = (rank: number | null) => (rank === null ? null : n + 1 - rank);
        // a bound within rounding of a whole number may fall on either side
        const near = (a: number | null, b: number | null) => a === b || Math.abs((a ?? 0) - (b ?? n + 1)) <= 1;
        expect(near(turned(mirrored.upper), own.lower)).toBe(true);
        expect(near(turned(mirrored.lower), own.upper)).toBe(true);
      }),
    );
  });

  it("lie outside those of a single look, and within the sample", () => {
    for (const n of [60, 500, 10_000]) {
      for (const p of [0.05, 0.5, 0.95]) {
        const { lower, upper } = ranks(n, p);
        const single = quantileRanks(n, p);
        if (lower !== null) expect(lower >= 1 && lower < (single.lower as number)).toBe(true);
        if (upper !== null) expect(upper <= n && upper > (single.upper as number)).toBe(true);
      }
    }
  });

  it("have no bounds in a small sample", () => {
    expect(ranks(0, 0.5)).toEqual({ lower: null, upper: null });
    expect(ranks(5, 0.5)).toEqual({ lower: null, upper: null });
    expect(ranks(40, 0.99).upper).toBeNull();
  });

  it.each([0, 1, Number.NaN])("refuse p = %f", (p) => {
    expect(() => ranks(10, p)).toThrow(RangeError);
  });
});

describe("ranks for one quantile", () => {
  it.each([0.5, 0.95])("miss the quantile p = %f at some of 400 looks in at most 10 %% of runs (exact)", (p) => {
    // the number of values at or below the quantile is binomial; it is missed when it is below `lower` or at least `upper`
    let at = Float64Array.of(1);
    let missed = 0;
    for (let n = 1; n <= 400; n++) {
      const { lower, upper } = quantileSequentialRanks(n, p, { level: 0.9, tunedTo: 150 });
      const next = new Float64Array(n + 1);
      at.forEach((own, k) => {
        next[k] = (next[k] as number) + own * (1 - p);
        next[k + 1] = (next[k + 1] as number) + own * p;
      });
      next.forEach((own, k) => {
        if ((lower === null || k >= lower) && (upper === null || k < upper)) return;
        missed += own;
        next[k] = 0;
      });
      at = next;
    }
    expect(missed).toBeLessThanOrEqual(0.1);
    expect(missed).toBeGreaterThan(0.02);
  });
});

describe("bounds for all quantiles", () => {
  it("of the empirical process are none before their start, and shrink from there", () => {
    expect(empiricalProcessBound(99, 0.05, { start: 100 })).toBe(Number.POSITIVE_INFINITY);
    expect(empiricalProcessBound(1000, 0.05, { start: 100 })).toBeLessThan(
      empiricalProcessBound(500, 0.05, { start: 100 }),
    );
    expect(empiricalProcessBound(1000, 0.01, { start: 100 })).toBeGreaterThan(
      empiricalProcessBound(1000, 0.05, { start: 100 }),
    );
  });

  it("by double stitching are narrower for extreme quantiles than the empirical process", () => {
    const t = 10_000;
    const uniform = t * empiricalProcessBound(t, 0.05, { start: 100 });
    expect(doubleStitchingBound(0.99, t, 0.05, { start: 100 })).toBeLessThan(uniform);
  });

  it.each([
    () => empiricalProcessBound(100, 0, { start: 10 }),
    () => empiricalProcessBound(100, 0.05, { start: 0 }),
    () => empiricalProcessBound(100, 0.05, { start: 10, a: 0.7 }),
    () => doubleStitchingBound(0.5, 100, 1, { start: 10 }),
    () => doubleStitchingBound(0.5, 100, 0.05, { start: 10, s: 1 }),
    () => quantileSequentialRanks(10, 0.5, { level: 1 }),
  ])("refuse %s", (call) => {
    expect(call).toThrow(RangeError);
  });
});
