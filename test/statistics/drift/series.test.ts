import { randomNormal } from "d3-random";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ar1Inflation, autocorrelations, effectiveSampleSize, ljungBox } from "../../../statistics/drift/series.ts";
import { textStream } from "../../../statistics/random-stream.ts";

const values = fc
  .array(fc.integer({ min: -1000, max: 1000 }), { minLength: 5, maxLength: 60 })
  .filter((series) => new Set(series).size > 1);

function ok<T extends { status: string }>(result: T): Extract<T, { status: "ok" }> {
  if (result.status !== "ok") throw new Error(JSON.stringify(result));
  return result as Extract<T, { status: "ok" }>;
}

function autoregressive(n: number, correlation: number, draw: () => number): number[] {
  const normal = randomNormal.source(draw)(0, 1);
  let value = normal() / Math.sqrt(1 - correlation ** 2);
  return Array.from({ length: n }, () => {
    const now = value;
    value = correlation * value + normal();
    return now;
  });
}

describe("a series", () => {
  it("has a dependence that shift, unit, sign and direction of time do not change", () => {
    fc.assert(
      fc.property(values, fc.constantFrom(1024, -0.125), fc.integer({ min: -99, max: 99 }), (series, unit, shift) => {
        const other = series.map((value) => value * unit + shift).toReversed();
        const [mine, theirs] = [autocorrelations(series, 4) as number[], autocorrelations(other, 4) as number[]];
        for (const [lag, own] of mine.entries()) expect(theirs[lag]).toBeCloseTo(own, 10);
        expect(ok(ljungBox(other, 3)).pValue).toBeCloseTo(ok(ljungBox(series, 3)).pValue, 9);
      }),
    );
  });

  it("has correlations in [−1, 1] that begin with 1, and a variance of the mean that is never negative", () => {
    fc.assert(
      fc.property(values, (series) => {
        const all = autocorrelations(series, series.length - 1) as number[];
        expect(all[0]).toBe(1);
        for (const own of all) expect(Math.abs(own)).toBeLessThanOrEqual(1 + 1e-12);
        // correlations about the own mean sum to 0 over both directions
        expect(1 + 2 * all.slice(1).reduce((a, b) => a + b, 0)).toBeCloseTo(0, 9);
        const { size, inflation } = ok(effectiveSampleSize(series));
        expect(inflation).toBeGreaterThan(0);
        expect(size * inflation).toBeCloseTo(series.length, 8);
      }),
    );
  });

  it.each([
    ["is constant", [3, 3, 3, 3, 3]],
    ["is constant to the last digit", [0.1, 0.1, 0.1, 0.1, 0.1]],
    ["holds NaN", [1, 2, Number.NaN, 4, 5]],
    ["holds infinity", [1, 2, Number.POSITIVE_INFINITY, 4, 5]],
  ])("that %s is undetermined", (_, series) => {
    const reason = "a constant series, or values that are not numbers";
    expect(autocorrelations(series, 2)).toBeUndefined();
    expect(effectiveSampleSize(series)).toEqual({ status: "undetermined", reason });
    expect(ljungBox(series, 2)).toEqual({ status: "undetermined", reason });
  });

  it("of less than four values has no effective size", () => {
    expect(effectiveSampleSize([1, 2, 3])).toEqual({ status: "undetermined", reason: "a series of 3 values" });
    expect(autocorrelations([], 0)).toBeUndefined();
  });

  it("needs lags below its length", () => {
    expect(() => autocorrelations([1, 2, 3], 3)).toThrow("needs a maximumLag in [0, 2], got 3");
    expect(() => ljungBox([1, 2, 3], 0)).toThrow("ljungBox needs lags in [1, 2], got 0");
    expect(() => ljungBox([1, 2, 3], 2, 2)).toThrow("ljungBox needs fitted in [0, 1], got 2");
  });
});

describe("the effective size", () => {
  // τ of 20,000 values at ρ = .8 is 9 with a relative error of about √(2·2·M/n), M ≈ 25 lags: .07; four of them .28
  it("of an autoregression is its length over (1 + ρ)/(1 − ρ)", () => {
    const draw = textStream("effective size");
    for (const correlation of [0.8, 0, -0.3]) {
      const { inflation } = ok(effectiveSampleSize(autoregressive(20_000, correlation, draw)));
      expect(Math.abs(inflation / ar1Inflation(correlation) - 1)).toBeLessThan(0.28);
    }
  });

  it("of alternating values stops at n·log₁₀ n", () => {
    const series = Array.from({ length: 100 }, (_, i) => i % 2);
    expect(ok(effectiveSampleSize(series)).size).toBeCloseTo(200, 8);
  });
});

describe("the Ljung–Box test", () => {
  // 2,000 replicates, four standard errors of .05 are .0195: a false alarm once in 16,000, plus .005 for χ² at n = 200
  it("rejects 5 % of independent series and nearly all with ρ = .4", () => {
    const draw = textStream("ljung-box");
    const share = (correlation: number, replicates: number) => {
      let rejected = 0;
      for (let i = 0; i < replicates; i++) {
        if (ok(ljungBox(autoregressive(200, correlation, draw), 5)).pValue < 0.05) rejected += 1;
      }
      return rejected / replicates;
    };
    expect(Math.abs(share(0, 2000) - 0.05)).toBeLessThan(0.0245);
    expect(share(0.4, 200)).toBeGreaterThan(0.9);
  });
});

describe("the variance inflation of an autoregression", () => {
  it("is 1 for one value or independent ones and rises to (1 + ρ)/(1 − ρ)", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 0.95, noNaN: true }), fc.integer({ min: 2, max: 1000 }), (rho, n) => {
        expect(ar1Inflation(rho, 1)).toBeCloseTo(1, 10);
        expect(ar1Inflation(0, n)).toBe(1);
        expect(ar1Inflation(rho, n)).toBeLessThan(ar1Inflation(rho, n + 1));
        expect(ar1Inflation(rho, n)).toBeLessThan(ar1Inflation(rho));
      }),
    );
    expect(ar1Inflation(0.5)).toBe(3);
  });

  it("needs a stationary series", () => {
    expect(() => ar1Inflation(1)).toThrow("ar1Inflation needs correlation in (-1, 1), got 1");
    expect(() => ar1Inflation(0.5, 0)).toThrow("ar1Inflation needs n of at least 1, got 0");
  });
});
