import { betaBinomialMixture, type Mixture } from "../anytime/mixture-bounds.ts";
import { type TestResult, undetermined } from "../estimate.ts";
import { lowestPoint } from "../line-search.ts";

/**
 * The sequential test that two arms have the same p-quantile, valid at any number of looks and exactly at any sample size,
 * for independent values (one per unit) of any two distributions, in any order of arrival of the arms.
 *
 * If x is the common quantile, each arm's beta-binomial mixture of its share of values below x is a martingale, so is their
 * product, and the least product over x is at most that of the true one. The p-values are of this look; the caller may
 * keep the minimum over looks. Far weaker than a fixed-sample test; for extreme quantiles it needs several hundred values
 * beyond the quantile in the smaller arm.
 *
 * @param control sorted values of the control arm
 * @param candidate sorted values of the candidate arm
 * @param tunedTo values an arm near which it is most powerful, 1000; fixed in advance
 * @returns statistic ln of the least product (two-sided); one-sided p-values with one-sided mixtures, for quantiles that
 *   are smaller or larger; undetermined when an arm is empty or has a NaN
 *
 * Source: Howard & Ramdas (2022), theorem 5; one-sided likewise: under q₁ ≤ q₀ every x between them has
 * P(X₀ < x) ≤ p ≤ P(X₁ ≤ x).
 */
export function quantileSequentialTest(
  control: ArrayLike<number>,
  candidate: ArrayLike<number>,
  p: number,
  { tunedTo = 1000, tunedAlpha = 0.05 }: { readonly tunedTo?: number; readonly tunedAlpha?: number } = {},
): TestResult {
  if (!(p > 0 && p < 1)) throw new RangeError(`quantileSequentialTest needs a quantile in (0, 1), got ${p}`);
  for (const [arm, values] of [
    ["control", control],
    ["candidate", candidate],
  ] as const) {
    if (values.length === 0) return undetermined(`the ${arm} has no values`);
    for (let i = 0; i < values.length; i++) {
      if (Number.isNaN(values[i])) return undetermined(`value ${i} of the ${arm} is NaN`);
      if (i > 0 && (values[i - 1] as number) > (values[i] as number)) {
        throw new RangeError(`quantileSequentialTest needs sorted values, got ${values[i - 1]} before ${values[i]}`);
      }
    }
  }
  const tuning = { variance: p * (1 - p) * tunedTo, alpha: tunedAlpha };
  const statistic = leastTwoSided(control, candidate, p, betaBinomialMixture(tuning, p, 1 - p));
  const above = betaBinomialMixture(tuning, p, 1 - p, 1);
  const below = betaBinomialMixture(tuning, 1 - p, p, 1);
  const asP = (log: number) => Math.min(1, Math.exp(-log));
  return {
    status: "ok",
    statistic,
    less: asP(leastOneSided(candidate, control, p, above, below)),
    greater: asP(leastOneSided(control, candidate, p, above, below)),
    twoSided: asP(statistic),
  };
}

/**
 * The least sum, over x, of each arm's mixture at the share of values below x that is nearest to its minimum: outside the
 * two arms' minima both fall towards them, so that only the values between count.
 */
function leastTwoSided(first: ArrayLike<number>, second: ArrayLike<number>, p: number, mixture: Mixture): number {
  const arms = [first, second].map((values) => {
    const n = values.length;
    const at = (below: number) => mixture.logValue(below - n * p, n * p * (1 - p));
    const valley = lowestPoint(at, 0, n);
    return {
      values,
      best: values[Math.min(n - 1, Math.floor(valley))] as number,
      log: (x: number) => at(Math.min(countWhere(values, x, true), Math.max(countWhere(values, x, false), valley))),
    };
  });
  const start = Math.min(...arms.map(({ best }) => best));
  const end = Math.max(...arms.map(({ best }) => best));
  let least = Number.POSITIVE_INFINITY;
  for (const { values } of arms) {
    for (
      let i = countWhere(values, start, false);
      i < values.length;
      i = countWhere(values, values[i] as number, true)
    ) {
      const x = values[i] as number;
      if (x > end) break;
      least = Math.min(
        least,
        arms.reduce((sum, { log }) => sum + log(x), 0),
      );
    }
  }
  return least;
}

/**
 * The same for “the lower arm's quantile lies below the upper arm's”, but not below 0: with x the evidence rises in the
 * lower arm and falls in the upper, so that a scan outwards may stop where one arm alone forbids a smaller sum.
 */
function leastOneSided(
  lower: ArrayLike<number>,
  upper: ArrayLike<number>,
  p: number,
  above: Mixture,
  below: Mixture,
): number {
  const n0 = lower.length;
  const n1 = upper.length;
  const ofLower = (count: number) => above.logValue(count - n0 * p, n0 * p * (1 - p));
  const ofUpper = (count: number) => below.logValue(n1 * p - count, n1 * p * (1 - p));
  const leastOfLower = ofLower(0);
  const leastOfUpper = ofUpper(n1);
  let least = leastOfLower + ofUpper(0);
  const middle = countWhere(upper, lower[Math.min(n0 - 1, Math.floor(n0 * p))] as number, false);
  for (let i = middle; i < n1 && least > 0; i++) {
    const x = upper[i] as number;
    const rising = ofLower(countWhere(lower, x, false));
    if (rising + leastOfUpper >= least) break;
    least = Math.min(least, rising + ofUpper(countWhere(upper, x, true)));
  }
  for (let i = middle - 1; i >= 0 && least > 0; i--) {
    const x = upper[i] as number;
    const rising = ofUpper(countWhere(upper, x, true));
    if (rising + leastOfLower >= least) break;
    least = Math.min(least, rising + ofLower(countWhere(lower, x, false)));
  }
  return Math.max(0, least);
}

/** How many of the sorted values are below x, or at most x. */
function countWhere(values: ArrayLike<number>, x: number, orEqual: boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const value = values[middle] as number;
    if (value < x || (orEqual && value === x)) low = middle + 1;
    else high = middle;
  }
  return low;
}
