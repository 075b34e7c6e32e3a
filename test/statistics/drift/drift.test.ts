import { randomNormal } from "d3-random";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  binCounts,
  categoryDrift,
  jensenShannon,
  populationStability,
  quantileEdges,
  wasserstein,
} from "../../../statistics/drift/drift.ts";
import { kolmogorovSmirnov, kolmogorovUpperTail } from "../../../statistics/drift/kolmogorov-smirnov.ts";
import { type RandomStream, textStream } from "../../../statistics/random-stream.ts";

const rising = (values: ArrayLike<number>) => Array.from(values).sort((a, b) => a - b);
const sample = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 25 }).map(rising);
const histogram = (bins: number) => fc.array(fc.integer({ min: 1, max: 500 }), { minLength: bins, maxLength: bins });
const pair = fc.integer({ min: 2, max: 12 }).chain((bins) => fc.tuple(histogram(bins), histogram(bins)));

function ok<T extends { status: string }>(result: T): Extract<T, { status: "ok" }> {
  if (result.status !== "ok") throw new Error(JSON.stringify(result));
  return result as Extract<T, { status: "ok" }>;
}

describe("the population stability index", () => {
  it("is the same both ways, 0 only for equal shares, and does not depend on the order of the bins", () => {
    fc.assert(
      fc.property(pair, ([reference, current]) => {
        const there = ok(populationStability(reference, current));
        const back = ok(populationStability(current, reference));
        expect(back.value).toBeCloseTo(there.value, 12);
        expect(back.pValue).toBeCloseTo(there.pValue, 12);
        expect(ok(populationStability(reference.toReversed(), current.toReversed())).value).toBeCloseTo(
          there.value,
          12,
        );
        expect(there.value).toBeCloseTo(
          there.contributions.reduce((a, b) => a + b, 0),
          14,
        );
        expect(there.value).toBeGreaterThanOrEqual(0);
        expect(
          ok(
            populationStability(
              reference,
              reference.map((count) => 3 * count),
            ),
          ).value,
        ).toBeCloseTo(0, 14);
      }),
    );
  });

  it("leaves out bins that are empty in both, and smooths all bins when one is empty in one", () => {
    const plain = ok(populationStability([30, 70], [40, 60]));
    const padded = ok(populationStability([30, 0, 70], [40, 0, 60]));
    expect(padded).toMatchObject({ value: plain.value, pValue: plain.pValue });
    expect(padded.contributions[1]).toBe(0);
    // by hand: (.5, 10.5)/11 against (5.5, 5.5)/11
    const smoothed = ok(populationStability([0, 10], [5, 5]));
    expect(smoothed.value).toBeCloseTo((5 / 11) * Math.log(11) + (-5 / 11) * Math.log(5.5 / 10.5), 12);
    expect(populationStability([0, 10], [5, 5], { smoothing: 0 })).toEqual({
      status: "undetermined",
      reason: "an empty bin without smoothing",
    });
  });

  it("is undetermined without units and refuses histograms that are none", () => {
    expect(populationStability([0, 0], [1, 2])).toEqual({ status: "undetermined", reason: "no units in a histogram" });
    expect(() => populationStability([1], [1, 2])).toThrow("needs histograms of one length, got 1 and 2");
    expect(() => populationStability([1, -1], [1, 2])).toThrow("needs counts of at least 0, got -1");
    expect(() => populationStability([1, Number.NaN], [1, 2])).toThrow(RangeError);
  });

  // 2,000 replicates: four standard errors of .05 are .0195, a false alarm once in 16,000
  it("rejects no drift in 5 % of 4,000 against 400 units", () => {
    const draw = textStream("psi");
    const shares = [0.15, 0.15, 0.2, 0.2, 0.3];
    let rejected = 0;
    for (let i = 0; i < 2000; i++) {
      const { pValue } = ok(populationStability(multinomial(4000, shares, draw), multinomial(400, shares, draw)));
      if (pValue < 0.05) rejected += 1;
    }
    expect(Math.abs(rejected / 2000 - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / 2000));
  });

  it("has for 10 bins of 100 and 100 units a mean of about .18 without drift", () => {
    const draw = textStream("psi mean");
    const shares = new Array<number>(10).fill(0.1);
    let sum = 0;
    for (let i = 0; i < 500; i++)
      sum += ok(populationStability(multinomial(100, shares, draw), multinomial(100, shares, draw))).value;
    // deviation of one value √(2 · 9) · .02 = .085, of the mean .0038; higher moments add some .01
    expect(Math.abs(sum / 500 - 0.18)).toBeLessThan(0.025);
  });
});

function multinomial(n: number, shares: readonly number[], draw: RandomStream): number[] {
  const counts = shares.map(() => 0);
  for (let i = 0; i < n; i++) {
    let left = draw();
    let k = 0;
    while (k < shares.length - 1 && left >= (shares[k] as number)) left -= shares[k++] as number;
    counts[k] = (counts[k] as number) + 1;
  }
  return counts;
}

describe("bins", () => {
  it("of quantiles hold equal shares of a reference without ties", () => {
    const reference = Array.from({ length: 101 }, (_, i) => i);
    expect(quantileEdges(reference, 4)).toEqual([25, 50, 75]);
    expect(binCounts(reference, [25, 50, 75])).toEqual([26, 25, 25, 25]);
  });

  it("merge where values tie, and count every value once but NaN", () => {
    expect(quantileEdges([1, 1, 1, 1, 1, 2], 4)).toEqual([1]);
    expect(binCounts([0, 1, 2, Number.NaN, Number.POSITIVE_INFINITY], [1])).toEqual([2, 2]);
    expect(binCounts([1, 2], [])).toEqual([2]);
    fc.assert(
      fc.property(sample, sample, (reference, values) => {
        const counts = binCounts(values, quantileEdges(reference, 5));
        expect(counts.reduce((a, b) => a + b, 0)).toBe(values.length);
      }),
    );
  });

  it("need values and at least two bins", () => {
    expect(() => quantileEdges([], 4)).toThrow("quantileEdges needs values, got none");
    expect(() => quantileEdges([1], 1)).toThrow("quantileEdges needs at least 2 bins, got 1");
  });
});

describe("the Wasserstein distance", () => {
  it("of a shifted sample is the shift, and scales with the unit", () => {
    fc.assert(
      fc.property(sample, sample, fc.integer({ min: -20, max: 20 }), (a, b, shift) => {
        expect(
          wasserstein(
            a,
            a.map((value) => value + shift),
          ),
        ).toBeCloseTo(Math.abs(shift), 10);
        expect(wasserstein(b, a)).toBeCloseTo(wasserstein(a, b), 12);
        const scaled = wasserstein(
          a.map((value) => value * 1024),
          b.map((value) => value * 1024),
        );
        expect(scaled).toBeCloseTo(1024 * wasserstein(a, b), 8);
      }),
    );
  });

  it("obeys the triangle inequality and is at least the difference of the means", () => {
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    fc.assert(
      fc.property(sample, sample, sample, (a, b, c) => {
        expect(wasserstein(a, c)).toBeLessThanOrEqual(wasserstein(a, b) + wasserstein(b, c) + 1e-9);
        expect(wasserstein(a, b)).toBeGreaterThanOrEqual(Math.abs(mean(a) - mean(b)) - 1e-9);
      }),
    );
  });

  it("has no value for an empty sample or one with NaN", () => {
    expect(wasserstein([], [1])).toBeNaN();
    expect(wasserstein([1, Number.NaN], [1, 2])).toBeNaN();
  });
});

describe("the Jensen–Shannon divergence", () => {
  it("is the same both ways, in [0, 1], and its root obeys the triangle inequality", () => {
    const three = fc.tuple(histogram(5), histogram(5), histogram(5));
    fc.assert(
      fc.property(three, ([p, q, r]) => {
        expect(jensenShannon(q, p)).toBeCloseTo(jensenShannon(p, q), 12);
        expect(jensenShannon(p, q)).toBeLessThanOrEqual(1);
        const root = (a: number[], b: number[]) => Math.sqrt(jensenShannon(a, b));
        expect(root(p, r)).toBeLessThanOrEqual(root(p, q) + root(q, r) + 1e-7);
      }),
    );
  });

  it("is 1 bit for histograms without a common bin, 0 for equal shares and NaN without units", () => {
    expect(jensenShannon([1, 0], [0, 7])).toBe(1);
    expect(jensenShannon([1, 3], [2, 6])).toBe(0);
    expect(jensenShannon([0, 0], [2, 6])).toBeNaN();
    expect(() => jensenShannon([1], [1, 2])).toThrow(RangeError);
  });
});

describe("drift of categories", () => {
  it("is the same both ways and blind to categories that are empty in both", () => {
    fc.assert(
      fc.property(pair, ([reference, current]) => {
        const there = ok(categoryDrift(reference, current));
        expect(ok(categoryDrift(current, reference)).statistic).toBeCloseTo(there.statistic, 8);
        expect(ok(categoryDrift([...reference, 0], [...current, 0]))).toEqual(there);
      }),
    );
  });

  it("is undetermined without units and with one category", () => {
    expect(categoryDrift([0, 0], [1, 2])).toEqual({ status: "undetermined", reason: "no units in a sample" });
    expect(categoryDrift([5, 0], [1, 0])).toEqual({ status: "undetermined", reason: "one category" });
    expect(() => categoryDrift([5], [1, 0])).toThrow(RangeError);
  });
});

describe("the Kolmogorov–Smirnov test", () => {
  it("exchanges less and greater when the arms are swapped, or all values turned", () => {
    fc.assert(
      fc.property(sample, sample, fc.boolean(), (control, candidate, exact) => {
        fc.pre(new Set([...control, ...candidate]).size > 1);
        const there = ok(kolmogorovSmirnov(control, candidate, { exact }));
        const back = ok(kolmogorovSmirnov(candidate, control, { exact }));
        const turned = ok(
          kolmogorovSmirnov(rising(control.map((own) => -own)), rising(candidate.map((own) => -own)), { exact }),
        );
        for (const other of [back, turned]) {
          expect(other.less).toBeCloseTo(there.greater, 12);
          expect(other.greater).toBeCloseTo(there.less, 12);
          expect(other.twoSided).toBeCloseTo(there.twoSided, 12);
          expect(other.statistic).toBeCloseTo(there.statistic, 14);
        }
      }),
    );
  });

  it("sees only the order of the values", () => {
    fc.assert(
      fc.property(sample, sample, (control, candidate) => {
        fc.pre(new Set([...control, ...candidate]).size > 1);
        const stretched = (values: number[]) => values.map((own) => Math.exp(own / 10));
        expect(kolmogorovSmirnov(stretched(control), stretched(candidate))).toEqual(
          kolmogorovSmirnov(control, candidate),
        );
      }),
    );
  });

  it("keeps the digits of probabilities far below rounding", () => {
    const low = Array.from({ length: 40 }, (_, i) => i);
    const high = low.map((value) => value + 100);
    const got = ok(kolmogorovSmirnov(low, high));
    // one order out of 80 over 40, about 1.08e23
    expect(got.greater * 1.0750720873333e23).toBeCloseTo(1, 9);
    expect(got).toMatchObject({ less: 1, statistic: 1, method: "exact" });
    expect(got.twoSided).toBeCloseTo(2 * got.greater, 30);
  });

  it("is exact below 10,000 pairs of values and asymptotic from there on", () => {
    const values = (n: number) => Array.from({ length: n }, (_, i) => i);
    expect(ok(kolmogorovSmirnov(values(99), values(101))).method).toBe("exact");
    expect(ok(kolmogorovSmirnov(values(100), values(100))).method).toBe("asymptotic");
  });

  // 2,000 replicates at 1 : 11; level .05 within four standard errors, and below it because the statistic is discrete
  it("does not reject more than 5 % of samples from one distribution, with ties or without", () => {
    const draw = textStream("ks");
    const normal = randomNormal.source(draw)(0, 1);
    for (const value of [normal, () => Math.round(normal())]) {
      let rejected = 0;
      for (let i = 0; i < 2000; i++) {
        const control = rising(Array.from({ length: 110 }, value));
        const candidate = rising(Array.from({ length: 10 }, value));
        if (ok(kolmogorovSmirnov(control, candidate)).twoSided < 0.05) rejected += 1;
      }
      expect(rejected / 2000).toBeLessThan(0.05 + 4 * Math.sqrt((0.05 * 0.95) / 2000));
      expect(rejected).toBeGreaterThan(0);
    }
  });

  it("is undetermined for empty samples, NaN and values that are all the same", () => {
    expect(kolmogorovSmirnov([], [1])).toEqual({ status: "undetermined", reason: "an empty sample" });
    expect(kolmogorovSmirnov([1, Number.NaN], [1])).toEqual({
      status: "undetermined",
      reason: "a value is not a number",
    });
    expect(kolmogorovSmirnov([2, 2], [2])).toEqual({ status: "undetermined", reason: "all values are the same" });
    expect(() => kolmogorovSmirnov([2, 1], [2])).toThrow("kolmogorovSmirnov needs rising values, got 2 before 1");
  });

  it("takes infinite values as any other", () => {
    const infinite = Number.POSITIVE_INFINITY;
    expect(kolmogorovSmirnov([1, infinite], [2, infinite])).toEqual(kolmogorovSmirnov([1, 9], [2, 9]));
  });

  it("has a limit that is continuous where its series change", () => {
    expect(kolmogorovUpperTail(1)).toBeCloseTo(kolmogorovUpperTail(1 - 1e-15), 13);
    expect(kolmogorovUpperTail(0)).toBe(1);
    expect(kolmogorovUpperTail(0.01)).toBe(1);
  });
});
