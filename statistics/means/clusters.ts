import { type Undetermined, undetermined } from "../estimate.ts";

/** What one cluster, say a user with several sessions, says of a value. */
export interface Cluster {
  /** observations in the cluster, at least 1 */
  readonly n: number;
  readonly mean: number;
  /** sum of squared deviations from the cluster's own mean */
  readonly squares: number;
}

/**
 * A cluster from running sums; they cancel when values are large beside their spread, which {@link Cluster} does not.
 *
 * For 0/1 values sum and sumOfSquares are both the number of ones.
 */
export function clusterOfSums({
  n,
  sum,
  sumOfSquares,
}: {
  readonly n: number;
  readonly sum: number;
  readonly sumOfSquares: number;
}): Cluster {
  return { n, mean: n === 0 ? 0 : sum / n, squares: n === 0 ? 0 : Math.max(0, sumOfSquares - (sum * sum) / n) };
}

/** How alike the observations of one cluster are, with the analysis of variance that says so. */
export interface IntraclassCorrelation {
  readonly status: "ok";
  /** at most 1; negative when observations of a cluster differ more than those of different clusters */
  readonly value: number;
  readonly clusters: number;
  readonly observations: number;
  readonly meanSquareBetween: number;
  readonly meanSquareWithin: number;
  /** the size that stands for unequal ones: (N − Σn²/N) / (k − 1) */
  readonly typicalSize: number;
}

/**
 * Intraclass correlation by the analysis of variance, for clusters of any sizes.
 *
 * With few clusters, or with hardly any of more than one observation, it is nearly noise: its standard error at no
 * correlation is about √(2 / (k (m̄ − 1) m̄)). A negative value is reported as it is; plan with max(0, value).
 *
 * @param clusters those without observations are left out
 * @returns undetermined with fewer than two clusters, with no cluster of two observations, or when nothing varies
 * @throws RangeError when a size is negative or not whole
 *
 * Source: Donner (1986), Int. Stat. Rev. 54:67–82, analysis-of-variance estimator: (MSB − MSW) / (MSB + (n₀ − 1) MSW).
 */
export function intraclassCorrelation(clusters: readonly Cluster[]): IntraclassCorrelation | Undetermined {
  const { count, observations, squaredSizes, mean } = totals("intraclassCorrelation", clusters);
  if (count < 2) return undetermined(`${count === 1 ? "one cluster" : "no clusters"}`);
  if (observations === count) return undetermined("no cluster has two observations");
  let between = 0;
  let within = 0;
  for (const cluster of clusters) {
    if (cluster.n === 0) continue;
    between += cluster.n * (cluster.mean - mean) ** 2;
    within += cluster.squares;
  }
  const meanSquareBetween = between / (count - 1);
  const meanSquareWithin = within / (observations - count);
  const typicalSize = (observations - squaredSizes / observations) / (count - 1);
  const total = meanSquareBetween + (typicalSize - 1) * meanSquareWithin;
  if (!Number.isFinite(total)) return undetermined(`the mean squares are ${meanSquareBetween}, ${meanSquareWithin}`);
  if (total === 0) return undetermined("no observation differs from another");
  const value = (meanSquareBetween - meanSquareWithin) / total;
  return { status: "ok", value, clusters: count, observations, meanSquareBetween, meanSquareWithin, typicalSize };
}

/**
 * Design effect of the mean per observation: by how much clustering multiplies its variance.
 *
 * @param size      mean number of observations in a cluster, above 0
 * @param variation coefficient of variation of the sizes, standard deviation over mean, with the divisor k
 * @throws RangeError when the correlation is outside [−1, 1], the size not above 0 or the variation negative
 *
 * Source: Eldridge, Ashby & Kerry (2006), Int. J. Epidemiol. 35:1292–1300: 1 + ((1 + CV²) m̄ − 1) ρ; with equal sizes
 * Kish (1965), Survey Sampling, §5.4.
 */
export function designEffect({
  correlation,
  size,
  variation = 0,
}: {
  readonly correlation: number;
  readonly size: number;
  readonly variation?: number;
}): number {
  if (!(Math.abs(correlation) <= 1)) {
    throw new RangeError(`designEffect needs a correlation in [−1, 1], got ${correlation}`);
  }
  if (!(size > 0)) throw new RangeError(`designEffect needs a size above 0, got ${size}`);
  if (!(variation >= 0)) throw new RangeError(`designEffect needs a variation of at least 0, got ${variation}`);
  return 1 + ((1 + variation ** 2) * size - 1) * correlation;
}

/** Mean size of clusters and the coefficient of variation of their sizes (divisor k); NaN without clusters. */
export function clusterSizes(clusters: readonly Pick<Cluster, "n">[]): {
  readonly size: number;
  readonly variation: number;
} {
  const own = clusters.filter(({ n }) => n > 0);
  const size = own.reduce((sum, { n }) => sum + n, 0) / own.length;
  const squares = own.reduce((sum, { n }) => sum + (n - size) ** 2, 0);
  return { size, variation: Math.sqrt(squares / own.length) / size };
}

/** The number of independent observations that say as much: n / designEffect. */
export function effectiveSample(n: number, effect: number): number {
  if (!(n >= 0)) throw new RangeError(`effectiveSample needs n of at least 0, got ${n}`);
  if (!(effect > 0)) throw new RangeError(`effectiveSample needs a design effect above 0, got ${effect}`);
  return n / effect;
}

/**
 * Design effect as it is in the data: the variance of the mean per observation by cluster, over what it would be if
 * observations were independent. It assumes no common correlation, so it also holds where large clusters differ from
 * small ones.
 *
 * @returns undetermined with fewer than two clusters or when no observation differs from another
 * @throws RangeError when a size is negative or not whole
 *
 * Source: Kish (1965), Survey Sampling, §8.2; the clustered variance is that of a ratio of sums (Deng, Knoblich & Lu
 * 2018, eq. 4), k/(k − 1) · Σ nᵢ² (m̄ᵢ − m̄)² / N².
 */
export function observedDesignEffect(
  clusters: readonly Cluster[],
): { readonly status: "ok"; readonly value: number } | Undetermined {
  const { count, observations, mean } = totals("observedDesignEffect", clusters);
  if (count < 2) return undetermined(`${count === 1 ? "one cluster" : "no clusters"}`);
  let clustered = 0;
  let squares = 0;
  for (const cluster of clusters) {
    if (cluster.n === 0) continue;
    clustered += (cluster.n * (cluster.mean - mean)) ** 2;
    squares += cluster.squares + cluster.n * (cluster.mean - mean) ** 2;
  }
  const independent = squares / (observations - 1) / observations;
  if (!(independent > 0)) return undetermined("no observation differs from another");
  return { status: "ok", value: ((count / (count - 1)) * clustered) / observations ** 2 / independent };
}

function totals(name: string, clusters: readonly Cluster[]) {
  let count = 0;
  let observations = 0;
  let squaredSizes = 0;
  let weighted = 0;
  for (const { n, mean } of clusters) {
    if (!(Number.isInteger(n) && n >= 0)) throw new RangeError(`${name} needs whole sizes of at least 0, got ${n}`);
    if (n === 0) continue;
    count += 1;
    observations += n;
    squaredSizes += n * n;
    weighted += n * mean;
  }
  return { count, observations, squaredSizes, mean: weighted / observations };
}
