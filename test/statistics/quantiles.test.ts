import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clusteredQuantile, quantileRanks, quantileSorted } from "../../statistics/quantiles.ts";
import { randomStream, studyKey } from "../../statistics/random-stream.ts";

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
