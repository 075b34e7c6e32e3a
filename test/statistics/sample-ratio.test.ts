import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleRatioLogBayesFactor } from "../../statistics/sample-ratio.ts";

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
