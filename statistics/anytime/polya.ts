import { deviance, stirlingError } from "../tail-logs.ts";

/**
 * ln of the Dirichlet–multinomial likelihood of counts over their multinomial likelihood at given shares, the prior being
 * centred on those shares: ln B(cθ + S) − ln B(cθ) − Σ S ln θ. A martingale with mean 1 under the shares, unit by unit.
 *
 * The large terms cancel on paper, so that 1e12 units cost no digits. Convex in θ for two arms (each Pólya step is: its
 * second derivative in θ is 1/θ² − 1/(θ + j/c)² ≥ 0), so that the shares it does not reject form an interval.
 *
 * @param counts ≥ 0, fractions allowed
 * @param shares ≥ 0, summing to 1
 * @param concentration c > 0 of the prior
 * @returns 0 when there are no counts; Infinity when an arm of share 0 has counts
 *
 * Source: Lindon & Malek (2022), NeurIPS, arXiv 2011.03567, eq. 5; cancelled as in Loader (2000).
 */
export function logPolyaRatio(counts: readonly number[], shares: readonly number[], concentration: number): number {
  const units = counts.reduce((a, b) => a + b, 0);
  const total = concentration + units;
  let log = 0.5 * Math.log1p(units / concentration) + stirlingError(concentration) - stirlingError(total);
  for (const [arm, count] of counts.entries()) {
    const share = shares[arm] as number;
    if (share === 0) {
      if (count > 0) return Number.POSITIVE_INFINITY;
      continue;
    }
    const prior = concentration * share;
    const posterior = prior + count;
    log +=
      deviance(posterior, total * share) -
      0.5 * (count > prior ? Math.log(posterior) - Math.log(prior) : Math.log1p(count / prior)) +
      stirlingError(posterior) -
      stirlingError(prior);
  }
  return units === 0 ? 0 : log;
}
