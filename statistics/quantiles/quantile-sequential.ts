import { betaBinomialMixture, mixtureBound, zeta } from "../anytime/mixture-bounds.ts";
import { lastWhere, lowestPoint } from "../line-search.ts";
import { requireLevel } from "../requirements.ts";
import type { QuantileRanks } from "./quantiles.ts";

/**
 * Ranks of the order statistics that bound one p-quantile at all looks together with probability at least `level`,
 * exactly and at any sample size, for independent values of any distribution (ties allowed); one value per unit.
 *
 * @param n values so far
 * @param tunedTo values near which the interval is tightest, 1000; fixed in advance
 * @returns null where the sample is too small for that bound
 *
 * Source: Howard & Ramdas (2022), Bernoulli 28:1704–1728, theorem 1: the beta-binomial bound with g = p, h = 1 − p for
 * the upper rank, and mirrored for the lower.
 */
export function quantileSequentialRanks(
  n: number,
  p: number,
  { level = 0.95, tunedTo = 1000 }: { readonly level?: number; readonly tunedTo?: number } = {},
): QuantileRanks {
  requireLevel("quantileSequentialRanks", level);
  requireQuantile("quantileSequentialRanks", p);
  if (!(n >= 1)) return { lower: null, upper: null };
  const alpha = 1 - level;
  const variance = p * (1 - p) * n;
  const reach = (g: number, h: number) => {
    const mixture = betaBinomialMixture({ variance: p * (1 - p) * tunedTo, alpha }, g, h);
    // at the largest sum, every value is on one side: where that is no evidence, there is no bound
    const reachable = mixture.logValue(mixture.largestSum(variance), variance) >= -Math.log(alpha);
    return reachable ? mixtureBound(mixture, variance, alpha) : Number.POSITIVE_INFINITY;
  };
  return ranks(n, n * p - reach(1 - p, p), n * p + reach(p, 1 - p));
}

/**
 * How far the empirical from the true distribution function can be anywhere and at any look: beyond this distance
 * at some t ≥ start with probability at most α.
 *
 * It makes a confidence sequence for all quantiles at once, a sequential Kolmogorov–Smirnov test, and (union of two arms)
 * a test that two distributions are the same; exact for independent values, one per unit.
 *
 * @param t values so far
 * @param start t from which it is valid; Infinity before
 * @param a the leading constant, above √½; 0.85
 *
 * Source: Howard & Ramdas (2022), theorem 2; the constant C is the least for α.
 */
export function empiricalProcessBound(
  t: number,
  alpha: number,
  { start, a = 0.85 }: { readonly start: number; readonly a?: number },
): number {
  requireAlpha("empiricalProcessBound", alpha);
  if (!(a > Math.SQRT1_2)) throw new RangeError(`empiricalProcessBound needs a above √½, got ${a}`);
  if (!(start >= 1)) throw new RangeError(`empiricalProcessBound needs a start of at least 1, got ${start}`);
  if (!(t >= start)) return Number.POSITIVE_INFINITY;
  const target = Math.log(alpha);
  let high = 1;
  while (leastErrorLog(high, a) > target) high *= 2;
  const c = lastWhere((trial) => leastErrorLog(trial, a) > target, 0, high);
  return a * Math.sqrt((Math.log1p(Math.log(t / start)) + c) / t);
}

/**
 * The double stitching bound of t·(F̂(Q(p)) − p), over all quantiles p and all looks together, with probability at
 * most α beyond it: narrower than {@link empiricalProcessBound} for extreme quantiles. Exact for independent values.
 *
 * @param start t near which it is tight; at fewer values the bound at `start` holds
 *
 * Source: Howard & Ramdas (2022), theorem 3; δ, s, η as there.
 */
export function doubleStitchingBound(
  p: number,
  t: number,
  alpha: number,
  {
    start,
    delta = 0.5,
    s = 1.4,
    eta = 2,
  }: { readonly start: number; readonly delta?: number; readonly s?: number; readonly eta?: number },
): number {
  requireAlpha("doubleStitchingBound", alpha);
  requireQuantile("doubleStitchingBound", p);
  if (!(start >= 1 && delta > 0 && s > 1 && eta > 1)) {
    throw new RangeError(
      `doubleStitchingBound needs start ≥ 1, delta > 0, s > 1, eta > 1, got ${start}, ${delta}, ${s}, ${eta}`,
    );
  }
  const time = Math.max(t, start);
  const logit = Math.log(p) - Math.log1p(-p);
  const nearest = logit + 2 * delta * Math.sqrt((start * eta) / time);
  const r = p >= 0.5 ? p : Math.min(0.5, 1 / (1 + Math.exp(-nearest)));
  const spread = r * (1 - r);
  const k1 = (eta ** 0.25 + eta ** -0.25) / Math.SQRT2;
  const k2 = (Math.sqrt(eta) + 1) / 2;
  const grid = (Math.sqrt(time / start) * Math.abs(logit)) / (2 * delta) + 1;
  const sum = 2 * zeta(s);
  const length =
    s * Math.log(Math.log((eta * time) / start)) +
    s * Math.log(grid) +
    Math.log((sum * (sum + 1)) / (alpha * Math.log(eta) ** s));
  const linear = (k2 * (1 - 2 * p) * length) / 3;
  return (
    delta * Math.sqrt((eta * time * spread) / start) +
    Math.sqrt(k1 ** 2 * spread * time * length + linear ** 2) +
    linear
  );
}

/** Ranks of the order statistics that bound the p-quantile, for all p and all looks together, at `level`. */
export function uniformQuantileRanks(
  n: number,
  p: number,
  {
    level = 0.95,
    start,
    method = "doubleStitching",
  }: {
    readonly level?: number;
    /** values from which on it shall be tight (or, for the empirical process, valid) */
    readonly start: number;
    readonly method?: "doubleStitching" | "empiricalProcess";
  },
): QuantileRanks {
  requireLevel("uniformQuantileRanks", level);
  requireQuantile("uniformQuantileRanks", p);
  if (!(n >= 1)) return { lower: null, upper: null };
  const alpha = 1 - level;
  if (method === "doubleStitching") {
    return ranks(
      n,
      n * p - doubleStitchingBound(1 - p, n, alpha, { start }),
      n * p + doubleStitchingBound(p, n, alpha, { start }),
    );
  }
  const radius = n * empiricalProcessBound(n, alpha, { start });
  return ranks(n, n * p - radius, n * p + radius);
}

/** ln of the least crossing probability over η of theorem 2, as C and A give it. */
function leastErrorLog(c: number, a: number): number {
  const errorLog = (eta: number) => {
    const gap = a - Math.sqrt((2 * (eta - 1)) / c);
    const square = (2 / eta) * gap ** 2;
    if (gap <= 0 || square <= 1) return Number.POSITIVE_INFINITY;
    return Math.log(4) - square * c + Math.log1p(1 / ((square - 1) * Math.log(eta)));
  };
  const limit = lastWhere((eta) => Math.sqrt(eta / 2) + Math.sqrt((2 * (eta - 1)) / c) < a, 1, 2 * a * a);
  return errorLog(lowestPoint(errorLog, 1, limit));
}

/** The smallest interval of order statistics around the counts of values below the quantile that are not excluded. */
function ranks(n: number, low: number, high: number): QuantileRanks {
  const lower = Math.floor(low + 1);
  const upper = Math.ceil(high);
  return { lower: lower < 1 ? null : lower, upper: upper > n ? null : upper };
}

function requireQuantile(caller: string, p: number): void {
  if (!(p > 0 && p < 1)) throw new RangeError(`${caller} needs a quantile in (0, 1), got ${p}`);
}

function requireAlpha(caller: string, alpha: number): void {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`${caller} needs an error probability in (0, 1), got ${alpha}`);
}
