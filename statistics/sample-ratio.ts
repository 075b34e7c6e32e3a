import { logGamma } from "./distributions.ts";

/**
 * Natural log of the Bayes factor against a planned split, for a test that may be looked at any number of times:
 * reject at level a when it reaches ln(1/a).
 *
 * @param counts  first-seen units of each arm
 * @param shares  planned shares, in (0, 1), summing to 1
 * @param concentration of the Dirichlet prior, whose mean is the planned split; the larger, the smaller the departures
 *   that it is tuned to
 *
 * Source: Lindon & Malek (2022), NeurIPS, arXiv 2011.03567, eq. 5: B(α + S) / B(α) / Π θ^S.
 */
export function sampleRatioLogBayesFactor(
  counts: readonly number[],
  shares: readonly number[],
  concentration = 100,
): number {
  const prior = shares.map((share) => share * concentration);
  const total = counts.reduce((a, b) => a + b, 0);
  let log = logGamma(concentration) - logGamma(concentration + total);
  counts.forEach((count, j) => {
    const a = prior[j] as number;
    log += logGamma(a + count) - logGamma(a) - (count === 0 ? 0 : count * Math.log(shares[j] as number));
  });
  return log;
}
