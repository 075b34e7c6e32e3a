import { binomialQuantile, normalUpperQuantile } from "./distributions.ts";
import type { ArmEstimate } from "./means.ts";

/** 1-based ranks of the order statistics that bound a quantile; null where the sample is too small for that bound. */
export interface QuantileRanks {
  readonly lower: number | null;
  readonly upper: number | null;
}

/**
 * Ranks of the two-sided order-statistic interval of the p-quantile of n independent values.
 *
 * n may be fractional, an effective sample; ranks are then those of the whole part. n = 59 is the smallest sample whose
 * P95 has an upper bound at a one-sided 5 %.
 *
 * Source: David & Nagaraja (2003), Order Statistics, §7.1: ranks qbinom(α/2, n, p) and qbinom(1 − α/2, n, p) + 1.
 */
export function quantileRanks(n: number, p: number, level = 0.95): QuantileRanks {
  const whole = Math.floor(n);
  if (whole < 1) return { lower: null, upper: null };
  const lower = binomialQuantile((1 - level) / 2, whole, p);
  const upper = binomialQuantile(1 - (1 - level) / 2, whole, p) + 1;
  return { lower: lower < 1 ? null : lower, upper: upper > whole ? null : upper };
}

/** The p-quantile of sorted values by linear interpolation (type 7, as R and numpy); NaN when empty. */
export function quantileSorted(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return Number.NaN;
  const position = (sorted.length - 1) * p;
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - below);
}

/**
 * A quantile over requests with a standard error by unit, from the order-statistic interval widened for clustering.
 *
 * The interval of n requests is taken at the ranks of n / designEffect independent ones, the design effect being that of
 * the indicator [value ≤ quantile] by unit; SE = (U − L) / 2z, which needs no density estimate.
 *
 * @param values per request
 * @param units  unit index of each request, the same length
 * @returns n counts units; NaN for the standard error when the sample is too small for both bounds
 *
 * Source: Deng, Knoblich & Lu (2018), arXiv 1803.06336, §4 (outer confidence interval, clustered).
 */
export function clusteredQuantile(
  values: Float64Array,
  units: Int32Array,
  unitCount: number,
  p: number,
): ArmEstimate & { readonly low: number; readonly high: number } {
  const sorted = Float64Array.from(values).sort();
  const estimate = quantileSorted(sorted, p);
  const { effect, clusters } = indicatorDesignEffect(values, units, unitCount, estimate);
  const effective = values.length / effect;
  const { lower, upper } = quantileRanks(effective, p);
  const at = (rank: number) => sorted[Math.min(sorted.length - 1, Math.round((rank / effective) * sorted.length) - 1)];
  const low = lower === null ? Number.NaN : (at(Math.max(1, lower)) ?? Number.NaN);
  const high = upper === null ? Number.NaN : (at(upper) ?? Number.NaN);
  const standardError = (high - low) / (2 * normalUpperQuantile(0.025));
  return { n: clusters, estimate, standardError, low, high };
}

/** Ratio of the clustered to the independent variance of the share of values at or below a cut; at least 1 cluster. */
function indicatorDesignEffect(
  values: Float64Array,
  units: Int32Array,
  unitCount: number,
  cut: number,
): { readonly effect: number; readonly clusters: number } {
  const below = new Float64Array(unitCount);
  const size = new Float64Array(unitCount);
  for (let i = 0; i < values.length; i++) {
    const unit = units[i] as number;
    size[unit] = (size[unit] as number) + 1;
    if ((values[i] as number) <= cut) below[unit] = (below[unit] as number) + 1;
  }
  const total = values.length;
  const share = below.reduce((a, b) => a + b, 0) / total;
  let clusters = 0;
  let squares = 0;
  for (let k = 0; k < unitCount; k++) {
    if (size[k] === 0) continue;
    clusters += 1;
    squares += ((below[k] as number) - share * (size[k] as number)) ** 2;
  }
  const independent = total * share * (1 - share);
  if (clusters < 2 || independent === 0) return { effect: 1, clusters };
  return { effect: Math.max(1, (squares * clusters) / (clusters - 1) / independent), clusters };
}
