import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  clusteredQuantile,
  clusteredQuantileInterval,
  normalQuantileRanks,
  quantileCoverage,
  quantileInterval,
  quantileRanks,
  quantileSorted,
} from "../../../statistics/quantiles/quantiles.ts";
import { randomStream, studyKey } from "../../../statistics/random-stream.ts";

const sample = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 60 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe("a quantile of sorted values", () => {
  // numpy.quantile, its default method (R's type 7)
  it.each([
    [[1, 2, 3, 4], 0.5, 2.5],
    [[1, 2, 3, 4], 0.95, 3.85],
    [[10, 20, 50], 0.25, 15],
    [[7], 0.9, 7],
    [[1, 2, 3], 0, 1],
    [[1, 2, 3], 1, 3],
  ])("of %j at %f is %f", (values, p, wanted) => {
    expect(quantileSorted(values, p)).toBeCloseTo(wanted, 12);
  });

  it("rises with p, and turns when the values are turned", () => {
    fc.assert(
      fc.property(sample, share, share, (values, a, b) => {
        const sorted = [...values].sort((x, y) => x - y);
        const turned = sorted.map((value) => -value).reverse();
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(quantileSorted(sorted, low)).toBeLessThanOrEqual(quantileSorted(sorted, high) + 1e-9);
        expect(quantileSorted(turned, 1 - a)).toBeCloseTo(-quantileSorted(sorted, a), 6);
      }),
    );
  });

  it("of nothing is not a number", () => {
    expect(quantileSorted([], 0.5)).toBeNaN();
  });

  it("of every type lies between the smallest and the largest, rises with p, and moves with the values", () => {
    fc.assert(
      fc.property(sample, share, share, fc.integer({ min: 1, max: 9 }), (values, a, b, type) => {
        const sorted = [...values].sort((x, y) => x - y);
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const found = quantileSorted(sorted, low, type);
        expect(found).toBeGreaterThanOrEqual(sorted[0] as number);
        expect(found).toBeLessThanOrEqual(quantileSorted(sorted, high, type) + 1e-9);
        expect(
          quantileSorted(
            sorted.map((value) => 3 * value + 7),
            low,
            type,
          ),
        ).toBeCloseTo(3 * found + 7, 6);
      }),
    );
  });

  it("refuses a share or a type that is none", () => {
    expect(() => quantileSorted([1, 2], 95)).toThrow(new RangeError("quantileSorted needs p in [0, 1], got 95"));
    expect(() => quantileSorted([1, 2], 0.5, 10)).toThrow(RangeError);
  });
});

describe("the ranks that bound a quantile", () => {
  it("cover it with at least the level asked for, by the binomial distribution itself", () => {
    const level = 0.95;
    for (const n of [20, 77, 150, 250]) {
      for (const p of [0.5, 0.9]) {
        const { lower, upper } = quantileRanks(n, p, level);
        if (lower === null || upper === null) continue;
        // P(lower ≤ X < upper) for X ~ Binomial(n, p), the number of values below the quantile
        let covered = 0;
        let term = (1 - p) ** n;
        for (let k = 0; k < upper; k++) {
          if (k >= lower) covered += term;
          term *= ((n - k) / (k + 1)) * (p / (1 - p));
        }
        expect(covered).toBeGreaterThanOrEqual(level);
        expect(covered).toBeLessThan(level + 0.05);
      }
    }
  });

  it("are not there when the sample is too small for them: a P95 has an upper one from 59 values at a one-sided 5%", () => {
    expect(quantileRanks(58, 0.95, 0.9).upper).toBeNull();
    expect(quantileRanks(59, 0.95, 0.9).upper).toBe(59);
    // six values bound their median by the smallest and the largest: 2 · (½)⁶ is .031
    expect(quantileRanks(6, 0.5)).toEqual({ lower: 1, upper: 6 });
    expect(quantileRanks(5, 0.5)).toEqual({ lower: null, upper: null });
    expect(quantileRanks(1, 0.5, 0.1)).toEqual({ lower: null, upper: null });
    expect(quantileRanks(0.9, 0.5)).toEqual({ lower: null, upper: null });
  });
});

describe("the coverage of two ranks", () => {
  it("is the binomial mass between them", () => {
    // six values, median: all but both tails of (½)⁶
    expect(quantileCoverage(6, 0.5, { lower: 1, upper: 6 })).toBeCloseTo(1 - 2 / 64, 12);
    expect(quantileCoverage(6, 0.5, { lower: null, upper: 6 })).toBeCloseTo(1 - 1 / 64, 12);
    expect(quantileCoverage(6, 0.5, { lower: null, upper: null })).toBe(1);
  });

  it("refuses ranks that are none", () => {
    expect(() => quantileCoverage(6, 0.5, { lower: 0, upper: 6 })).toThrow(RangeError);
    expect(() => quantileCoverage(6, 0.5, { lower: 3, upper: 3 })).toThrow(RangeError);
    expect(() => quantileCoverage(6, 0.5, { lower: 1, upper: 7 })).toThrow(RangeError);
    expect(() => quantileCoverage(6.5, 0.5, { lower: 1, upper: 6 })).toThrow(RangeError);
    expect(() => quantileRanks(10, 0.5, 2)).toThrow(RangeError);
    expect(() => normalQuantileRanks(10, 0.5, 0)).toThrow(RangeError);
  });
});

describe("the interval of a quantile", () => {
  it("turns with the values, and moves with their logarithm, for values without ties", () => {
    const values = Array.from({ length: 120 }, (_, i) => 1 + i ** 1.5);
    const found = quantileInterval(values, 0.8);
    const logged = quantileInterval(values.map(Math.log), 0.8);
    if (found.status !== "ok" || logged.status !== "ok") throw new Error("undetermined");
    expect(logged.low).toBeCloseTo(Math.log(found.low), 12);
    expect(logged.high).toBeCloseTo(Math.log(found.high), 12);
    const turned = quantileInterval(values.map((value) => -value).reverse(), 0.2);
    if (turned.status !== "ok") throw new Error(turned.reason);
    expect([turned.low, turned.high]).toEqual([-found.high, -found.low]);
  });

  it("grows with its level", () => {
    const values = Array.from({ length: 300 }, (_, i) => i);
    const widths = [0.5, 0.8, 0.9, 0.95, 0.99].map((level) => {
      const found = quantileInterval(values, 0.9, { level });
      if (found.status !== "ok") throw new Error(found.reason);
      return found.high - found.low;
    });
    expect(widths).toEqual([...widths].sort((a, b) => a - b));
  });

  it("has a standard error near the bootstrap's, which is known without resampling", () => {
    const draw = randomStream(studyKey("bootstrap"), 1, 0);
    const values = Float64Array.from({ length: 800 }, () => -Math.log(1 - draw())).sort();
    const found = quantileInterval(values, 0.9);
    if (found.status !== "ok") throw new Error(found.reason);
    // Maritz & Jarrett (1978): the bootstrap draws the 720th value as a Beta(720, 81) share of the sample
    let [before, mean, square] = [0, 0, 0];
    for (const [i, value] of values.entries()) {
      // P(Beta(720, 81) ≤ (i + 1)/800) is P(Binomial(800, (i + 1)/800) ≥ 720)
      const after = binomialAtLeast(720, 800, (i + 1) / 800);
      mean += (after - before) * value;
      square += (after - before) * value ** 2;
      before = after;
    }
    const ratio = (found.high - found.low) / (2 * 1.959963984540054) / Math.sqrt(square - mean ** 2);
    // order statistics 17 ranks either way: each is off by one rank in 17 at most, and the gaps by √(2 / 17) or so
    expect(ratio).toBeGreaterThan(0.7);
    expect(ratio).toBeLessThan(1.4);
  });

  it("says why there is none", () => {
    expect(quantileInterval([], 0.5)).toMatchObject({ status: "undetermined" });
    expect(quantileInterval([7], 0.5)).toEqual({
      status: "undetermined",
      reason: "a sample of 1 is too small for a lower bound of this quantile",
    });
    expect(quantileInterval(Float64Array.of(3, Number.NaN, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11).sort(), 0.5)).toEqual({
      status: "undetermined",
      reason: "values are not all numbers",
    });
    expect(() => quantileInterval([1, 2], 1)).toThrow(new RangeError("quantileInterval needs p in (0, 1), got 1"));
    expect(() => quantileInterval([1, 2], 0.5, { level: 0 })).toThrow(RangeError);
  });

  it("of values that are all ties is a point", () => {
    const ties = new Array<number>(50).fill(3);
    expect(quantileInterval(ties, 0.5)).toEqual({ status: "ok", value: 3, low: 3, high: 3, level: 0.95 });
  });
});

function binomialAtLeast(k: number, n: number, p: number): number {
  if (p >= 1) return 1;
  let term = (1 - p) ** n;
  let below = 0;
  if (term === 0) {
    // from the other end, where the first term does not underflow
    let top = p ** n;
    let sum = 0;
    for (let j = n; j >= k; j--) {
      sum += top;
      top *= (j / (n - j + 1)) * ((1 - p) / p);
    }
    return sum;
  }
  for (let j = 0; j < k; j++) {
    below += term;
    term *= ((n - j) / (j + 1)) * (p / (1 - p));
  }
  return Math.max(0, 1 - below);
}

describe("a quantile over requests, by unit,", () => {
  const draw = randomStream(studyKey("quantiles"), 1, 0);
  const values = Float64Array.from({ length: 600 }, () => draw());
  const alone = Int32Array.from(values, (_, i) => i);

  it("of one request a unit has the order statistics as its bounds", () => {
    const sorted = [...values].sort((a, b) => a - b);
    const { lower, upper } = quantileRanks(600, 0.9);
    const got = clusteredQuantile(values, alone, 600, 0.9);
    expect(got.estimate).toBe(quantileSorted(sorted, 0.9));
    expect(got.n).toBe(600);
    // the design effect of independent requests is 1 but for chance, which may move a rank by one
    expect(Math.abs(sorted.indexOf(got.low) + 1 - (lower ?? 0))).toBeLessThanOrEqual(1);
    expect(Math.abs(sorted.indexOf(got.high) + 1 - (upper ?? 0))).toBeLessThanOrEqual(1);
  });

  it("learns nothing from the same request five times", () => {
    const five = Float64Array.from({ length: 3000 }, (_, i) => values[Math.floor(i / 5)] as number);
    const owner = Int32Array.from({ length: 3000 }, (_, i) => Math.floor(i / 5));
    const once = clusteredQuantile(values, alone, 600, 0.9);
    const clustered = clusteredQuantile(five, owner, 600, 0.9);
    const naive = clusteredQuantile(
      five,
      Int32Array.from(five, (_, i) => i),
      3000,
      0.9,
    );
    expect(clustered.n).toBe(600);
    expect(clustered.standardError / once.standardError).toBeGreaterThan(0.9);
    expect(clustered.standardError / once.standardError).toBeLessThan(1.1);
    expect(naive.standardError / once.standardError).toBeLessThan(0.6);
  });

  it("does not depend on the order of the requests or the names of the units", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.nat(9)), { minLength: 1, maxLength: 80 }),
        (requests) => {
          const quantile = (own: readonly (readonly [number, number])[], rename: (unit: number) => number) =>
            clusteredQuantile(
              Float64Array.from(own, ([value]) => value),
              Int32Array.from(own, ([, unit]) => rename(unit)),
              10,
              0.8,
            );
          const there = quantile(requests, (unit) => unit);
          const back = quantile([...requests].reverse(), (unit) => 9 - unit);
          expect(back.estimate).toBe(there.estimate);
          expect(back.n).toBe(there.n);
          expect(Object.is(back.standardError, there.standardError)).toBe(true);
        },
      ),
    );
  });

  it("covers the true P90 of clustered requests as often as it says, within four standard errors", () => {
    // 200 units of 1 to 5 requests; a unit's requests share half of their normal scores' variance
    const replicates = 1500;
    const random = randomStream(studyKey("coverage"), 1, 0);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    let covered = 0;
    for (let r = 0; r < replicates; r++) {
      const all: number[] = [];
      const owner: number[] = [];
      for (let unit = 0; unit < 200; unit++) {
        const own = normal();
        for (let k = Math.floor(random() * 5); k >= 0; k--) {
          all.push((own + normal()) / Math.SQRT2);
          owner.push(unit);
        }
      }
      const { low, high } = clusteredQuantile(Float64Array.from(all), Int32Array.from(owner), 200, 0.9);
      if (low <= z90 && z90 <= high) covered += 1;
    }
    // order statistics are discrete: coverage is at least nominal, and above it by at most the mass of two ranks; a right
    // interval fails below by chance for one seed in 31,000
    const standardError = Math.sqrt((0.95 * 0.05) / replicates);
    expect(covered / replicates).toBeGreaterThan(0.95 - 4 * standardError);
    expect(covered / replicates).toBeLessThan(0.95 + 0.03);
  });

  it("at .95 has the interval of its bounds, and a shorter one at .8", () => {
    const { estimate, low, high } = clusteredQuantile(values, alone, 600, 0.9);
    expect(clusteredQuantileInterval(values, alone, 600, { p: 0.9 })).toEqual({
      status: "ok",
      value: estimate,
      low,
      high,
      level: 0.95,
    });
    const short = clusteredQuantileInterval(values, alone, 600, { p: 0.9, level: 0.8 });
    if (short.status !== "ok") throw new Error(short.reason);
    expect(short.high - short.low).toBeLessThan(high - low);
  });

  it("has no interval, with the effective sample as reason, when units are too few", () => {
    const two = Float64Array.from({ length: 100 }, (_, i) => (i < 50 ? 1 : 2));
    const owner = Int32Array.from({ length: 100 }, (_, i) => (i < 50 ? 0 : 1));
    expect(clusteredQuantileInterval(two, owner, 2, { p: 0.5 })).toMatchObject({ status: "undetermined" });
    expect(clusteredQuantileInterval(new Float64Array(0), new Int32Array(0), 0, { p: 0.5 })).toEqual({
      status: "undetermined",
      reason: "an effective sample of 0.0 is too small for a lower bound of this quantile",
    });
    expect(clusteredQuantileInterval(two.fill(Number.NaN, 7, 8), owner, 2, { p: 0.5 })).toEqual({
      status: "undetermined",
      reason: "values are not all numbers",
    });
    expect(() => clusteredQuantileInterval(two, owner.slice(1), 2, { p: 0.5 })).toThrow(RangeError);
  });

  it("has no error when the sample is too small for both bounds", () => {
    const few = clusteredQuantile(Float64Array.from([1, 2, 3]), Int32Array.from([0, 1, 2]), 3, 0.95);
    expect(few.estimate).toBeCloseTo(2.9, 12);
    expect(few.standardError).toBeNaN();
  });

  it("of nothing has no value", () => {
    const none = clusteredQuantile(new Float64Array(0), new Int32Array(0), 5, 0.95);
    expect(none).toMatchObject({ n: 0, estimate: Number.NaN, standardError: Number.NaN });
  });
});

const z90 = 1.2815515655446004;
