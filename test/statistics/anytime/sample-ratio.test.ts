import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  sampleRatioByStage,
  sampleRatioChiSquared,
  sampleRatioExact,
  sampleRatioLogBayesFactor,
  sampleRatioSequential,
} from "../../../statistics/anytime/sample-ratio.ts";
import type { ChiSquaredResult } from "../../../statistics/estimate.ts";

describe("the log Bayes factor against the planned split", () => {
  // ln B(α + S) − ln B(α) − Σ S ln θ with scipy 1.17.1's gammaln; the α of each is concentration · θ
  it.each([
    { counts: [505, 495], shares: [0.5, 0.5], concentration: 100, expected: -1.1557238014024733 },
    { counts: [1150, 98850], shares: [0.01, 0.99], concentration: 100, expected: 7.225152322971553 },
    { counts: [340, 330, 330], shares: [1 / 3, 1 / 3, 1 / 3], concentration: 30, expected: -3.4607651240737596 },
  ])("of $counts at $shares is $expected", ({ counts, shares, concentration, expected }) => {
    const got = sampleRatioLogBayesFactor(counts, shares, concentration);
    expect(Math.abs(got - expected)).toBeLessThanOrEqual(1e-9 * Math.abs(expected));
  });

  it("is 0 before anybody was seen", () => {
    expect(sampleRatioLogBayesFactor([0, 0], [0.01, 0.99])).toBe(0);
  });

  it("does not depend on which arm is named first", () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(5000), fc.integer({ min: 1, max: 999 }), (a, b, bucket) => {
        const share = bucket / 1000;
        const got = sampleRatioLogBayesFactor([a, b], [share, 1 - share]);
        expect(got).toBeCloseTo(sampleRatioLogBayesFactor([b, a], [1 - share, share]), 8);
      }),
    );
  });

  it.each([0.01, 0.05, 0.25, 0.5])(
    "is fair at a share of %f: its mean over all splits of the plan is exactly 1",
    (share) => {
      const n = 200;
      let mean = 0;
      let logCombinations = 0;
      for (let k = 0; k <= n; k++) {
        const logProbability = logCombinations + k * Math.log(share) + (n - k) * Math.log(1 - share);
        mean += Math.exp(logProbability + sampleRatioLogBayesFactor([k, n - k], [share, 1 - share]));
        logCombinations += Math.log((n - k) / (k + 1));
      }
      expect(mean).toBeCloseTo(1, 9);
    },
  );

  it.each([0.01, 0.1, 0.5])(
    "at a share of %f raises a false alarm in fewer than one of a thousand rollouts, though looked at after each of 800 units (exact)",
    (share) => {
      const alarm = crossing(share, share, 800);
      expect(alarm).toBeGreaterThan(0);
      expect(alarm).toBeLessThanOrEqual(0.001);
    },
  );

  it("finds a canary that gets twice its units in nearly every rollout within 800 units", () => {
    expect(crossing(0.1, 0.2, 800)).toBeGreaterThan(0.99);
  });
});

function p(test: ChiSquaredResult): number {
  if (test.status !== "ok") throw new Error(test.reason);
  return test.pValue;
}

describe.each([
  ["chi-squared", sampleRatioChiSquared],
  ["exact", sampleRatioExact],
] as const)("the %s test of the planned split", (_, test) => {
  it("is 1 at the plan, and does not depend on the order of the arms or the scale of the weights", () => {
    expect(p(test([25, 75], [1, 3]))).toBe(1);
    expect(p(test([20, 30, 10], [2, 3, 1]))).toBeCloseTo(1, 12);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 20 }),
        (a, b, w) => {
          const own = p(test([a, b], [w, 5]));
          expect(p(test([b, a], [5, w]))).toBeCloseTo(own, 9);
          expect(p(test([a, b], [w / 7, 5 / 7]))).toBeCloseTo(own, 9);
        },
      ),
    );
  });

  it("takes a unit in an arm of weight 0 for a certain mismatch, and ignores the arm otherwise", () => {
    expect(p(test([10, 10, 1], [1, 1, 0]))).toBe(0);
    expect(p(test([10, 1], [1, 0]))).toBe(0);
    expect(test([14, 6, 0], [1, 1, 0])).toEqual(test([14, 6], [1, 1]));
  });

  it("is undetermined without units, or with one arm", () => {
    expect(test([0, 0], [1, 1]).status).toBe("undetermined");
    expect(test([7, 0], [1, 0]).status).toBe("undetermined");
  });

  it.each([
    [[1, 2], [1]],
    [
      [1, -2],
      [1, 1],
    ],
    [
      [1, Number.NaN],
      [1, 1],
    ],
    [
      [1, 2],
      [0, 0],
    ],
    [
      [1, 2],
      [-1, 2],
    ],
  ])("refuses %o at %o", (counts, weights) => {
    expect(() => test(counts, weights)).toThrow(RangeError);
  });
});

describe("the exact test of the planned split", () => {
  it("of two arms is the sum of all probabilities that are no larger", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.nat(60),
        (n, share, at) => {
          const k = Math.min(at, n);
          const masses = Array.from({ length: n + 1 }, (_, x) => {
            let mass = (1 - share) ** (n - x);
            for (let i = 1; i <= x; i++) mass *= ((n - x + i) / i) * share;
            return mass;
          });
          const seen = masses[k] as number;
          // ties that rounding tells apart either way
          fc.pre(!masses.some((mass) => Math.abs(mass / (seen * (1 + 1e-7)) - 1) < 1e-9));
          const wanted = masses.filter((mass) => mass <= seen * (1 + 1e-7)).reduce((a, b) => a + b, 0);
          expect(p(sampleRatioExact([n - k, k], [1 - share, share]))).toBeCloseTo(Math.min(1, wanted), 9);
        },
      ),
    );
  });

  it("has small tails: 5 units of 5 in an arm of one in a million", () => {
    expect(p(sampleRatioExact([0, 5], [1 - 1e-6, 1e-6])) / 1e-30).toBeCloseTo(1, 9);
  });

  it("is undetermined when there are too many splits, and refuses parts of units", () => {
    expect(sampleRatioExact([1000, 1000, 1000, 1000], [1, 1, 1, 1]).status).toBe("undetermined");
    expect(() => sampleRatioExact([1.5, 2], [1, 1])).toThrow(RangeError);
  });
});

describe("the test by stage", () => {
  const ramp = [
    { counts: [9900, 100], shares: [0.99, 0.01] },
    { counts: [5000, 5000], shares: [0.5, 0.5] },
  ];

  it("finds nothing wrong with a ramp whose pooled counts fit no split", () => {
    expect(p(sampleRatioByStage(ramp))).toBe(1);
    expect(p(sampleRatioChiSquared([14900, 5100], [0.5, 0.5]))).toBeLessThan(1e-100);
  });

  it("adds nothing for stages without units or without a second arm", () => {
    const more = [{ counts: [0, 0], shares: [0.5, 0.5] }, { counts: [0, 50], shares: [0, 1] }, ...ramp];
    expect(sampleRatioByStage(more)).toEqual(sampleRatioByStage(ramp));
    expect(sampleRatioByStage([]).status).toBe("undetermined");
  });

  it("finds a mismatch in one stage, at once or sequentially", () => {
    const wrong = [...ramp, { counts: [1100, 500], shares: [0.75, 0.25] }];
    expect(p(sampleRatioByStage(wrong))).toBeLessThan(1e-6);
    expect(sampleRatioSequential(wrong).pValue).toBeLessThan(0.001);
    expect(sampleRatioSequential(ramp).pValue).toBe(1);
  });
});

describe("the sequential test with changing shares", () => {
  it("is the log Bayes factor of the counts added up while the shares stay", () => {
    const { logBayesFactors } = sampleRatioSequential([
      { counts: [97, 3], shares: [0.99, 0.01] },
      { counts: [480, 15], shares: [0.99, 0.01] },
    ]);
    expect(logBayesFactors[0]).toBeCloseTo(sampleRatioLogBayesFactor([97, 3], [0.99, 0.01]), 10);
    expect(logBayesFactors[1]).toBeCloseTo(sampleRatioLogBayesFactor([577, 18], [0.99, 0.01]), 10);
  });

  it("is fair when they change: its mean over all splits of two stages is exactly 1", () => {
    let mean = 0;
    const mass = (k: number, n: number, share: number) => {
      let log = k * Math.log(share) + (n - k) * Math.log(1 - share);
      for (let i = 1; i <= k; i++) log += Math.log((n - k + i) / i);
      return Math.exp(log);
    };
    for (let a = 0; a <= 30; a++) {
      for (let b = 0; b <= 20; b++) {
        const { logBayesFactors } = sampleRatioSequential([
          { counts: [30 - a, a], shares: [0.95, 0.05] },
          { counts: [20 - b, b], shares: [0.5, 0.5] },
        ]);
        mean += mass(a, 30, 0.05) * mass(b, 20, 0.5) * Math.exp(logBayesFactors[1] as number);
      }
    }
    expect(mean).toBeCloseTo(1, 9);
  });

  it("has p = 1 before anybody was seen and 0 once an arm without share has a unit", () => {
    expect(sampleRatioSequential([])).toEqual({ logBayesFactors: [], pValue: 1 });
    expect(sampleRatioSequential([{ counts: [3, 1], shares: [1, 0] }]).pValue).toBe(0);
  });

  it("keeps the smallest p of all looks", () => {
    const wrong = { counts: [500, 700], shares: [0.5, 0.5] };
    const right = { counts: [90_000, 90_000], shares: [0.5, 0.5] };
    expect(sampleRatioSequential([wrong, right]).pValue).toBe(sampleRatioSequential([wrong]).pValue);
  });
});

/** P(log Bayes factor reaches ln 1000 at some of the first n units), when each falls into the arm with probability `truth`. */
function crossing(share: number, truth: number, n: number): number {
  let probability = Float64Array.of(1);
  let crossed = 0;
  for (let seen = 1; seen <= n; seen++) {
    const next = new Float64Array(seen + 1);
    for (let k = 0; k < seen; k++) {
      const own = probability[k] as number;
      next[k] = (next[k] as number) + own * (1 - truth);
      next[k + 1] = (next[k + 1] as number) + own * truth;
    }
    for (let k = 0; k <= seen; k++) {
      if (next[k] === 0) continue;
      if (sampleRatioLogBayesFactor([k, seen - k], [share, 1 - share]) < Math.log(1000)) continue;
      crossed += next[k] as number;
      next[k] = 0;
    }
    probability = next;
  }
  return crossed;
}
