import { gammaLowerTailLog, gammaUpperTailLog, normalUpperTailLog } from "../distributions.ts";
import { lastWhere } from "../line-search.ts";
import { deviance, logBetaTails, stirlingError } from "../tail-logs.ts";
import { logPolyaRatio } from "./polya.ts";

/**
 * A nonnegative supermartingale of a sum S of centred values and its intrinsic time V, starting at 1. Whatever the number
 * of looks, it ever reaches 1/α with probability at most α (Ville's inequality), if the values are as its maker says.
 */
export interface Mixture {
  /** ln M(S, V), V ≥ 0 */
  readonly logValue: (sum: number, variance: number) => number;
  /** the largest sum that can occur at V */
  readonly largestSum: (variance: number) => number;
}

/** The intrinsic time, and the error probability (one side's, for a one-sided mixture), at which the bound shall be near its least. */
export interface Tuning {
  readonly variance: number;
  readonly alpha?: number;
}

/**
 * The ρ that makes the normal-mixture bound nearly least at one intrinsic time.
 *
 * @param sides 1 uses 2α, which must stay below 1
 *
 * Source: Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Stat. 49:1055–1080, §3.5 (Lambert's W approximated).
 */
export function bestRho({ variance, alpha = 0.05 }: Tuning, sides: 1 | 2 = 2): number {
  const total = sides === 1 ? 2 * alpha : alpha;
  requireAlpha("bestRho", total);
  requirePositive("bestRho", "a tuning variance", variance);
  const logs = -2 * Math.log(total);
  return variance / (logs + Math.log1p(logs));
}

/**
 * Normal mixture, for sub-Gaussian sums: |S| beyond the bound (two sides) or S above it (one side).
 *
 * Exact for normal values of known variance, for values of range r with V = n r²/4 (Hoeffding), for symmetric values with
 * V = Σ x²; with an estimated variance only asymptotic.
 *
 * Source: Howard et al. (2021), propositions 4 (two-sided) and 5 (one-sided, half-normal prior).
 */
export function normalMixture(tuning: Tuning, sides: 1 | 2 = 2): Mixture {
  const rho = bestRho(tuning, sides);
  const twoSided = (s: number, v: number) => -0.5 * Math.log1p(v / rho) + s ** 2 / (2 * (v + rho));
  const oneSided = (s: number, v: number) => twoSided(s, v) + Math.LN2 + normalUpperTailLog(-s / Math.sqrt(v + rho));
  return { logValue: sides === 1 ? oneSided : twoSided, largestSum: () => Number.POSITIVE_INFINITY };
}

/**
 * Gamma mixture, for S above the bound of a sub-exponential sum of scale c: with c = 1 the empirical Bernstein bound of
 * values in [0, 1] with V = Σ (x − prediction)², for the sum of mean − x or x − mean.
 *
 * @throws RangeError below S = −(V + ρ)/c, where its formula ends (it is far below 1 there)
 *
 * Source: Howard et al. (2021), proposition 8.
 */
export function gammaExponentialMixture(tuning: Tuning, scale: number): Mixture {
  requirePositive("gammaExponentialMixture", "a scale", scale);
  const prior = bestRho(tuning, 1) / scale ** 2;
  const start = -stirlingError(prior) + 0.5 * Math.log(prior) - gammaLowerTailLog(prior, prior);
  return {
    logValue: (s, v) => {
      const shape = prior + v / scale ** 2;
      const x = shape + s / scale;
      requirePositive("gammaExponentialMixture", "S + (V + ρ)/c", x);
      return start + deviance(shape, x) + stirlingError(shape) - 0.5 * Math.log(shape) + gammaLowerTailLog(x, shape);
    },
    largestSum: () => Number.POSITIVE_INFINITY,
  };
}

/**
 * Gamma mixture for sub-Poisson sums of scale c: values at most c above their mean, with V = Σ variance (Bennett).
 *
 * @throws RangeError below S = −(V + ρ)/c, where its formula ends
 *
 * Source: Howard et al. (2021), proposition 9.
 */
export function gammaPoissonMixture(tuning: Tuning, scale: number): Mixture {
  requirePositive("gammaPoissonMixture", "a scale", scale);
  const prior = bestRho(tuning, 1) / scale ** 2;
  const start = -stirlingError(prior) + 0.5 * Math.log(prior) - gammaUpperTailLog(prior, prior);
  return {
    logValue: (s, v) => {
      const x = prior + v / scale ** 2;
      const shape = x + s / scale;
      requirePositive("gammaPoissonMixture", "S + (V + ρ)/c", shape);
      return start + deviance(shape, x) + stirlingError(shape) - 0.5 * Math.log(shape) + gammaUpperTailLog(x, shape);
    },
    largestSum: () => Number.POSITIVE_INFINITY,
  };
}

/**
 * Beta-binomial mixture, for sums of centred values in [−g, h] whose V is g·h a value: exact for two-valued ones, also a
 * supermartingale for every other value in that range.
 *
 * @param sides 1 for S above the bound only
 *
 * Source: Howard et al. (2021), propositions 6 (two-sided) and 7 (one-sided).
 */
export function betaBinomialMixture(tuning: Tuning, g: number, h: number, sides: 1 | 2 = 2): Mixture {
  requirePositive("betaBinomialMixture", "g", g);
  requirePositive("betaBinomialMixture", "h", h);
  const unit = g * h;
  const concentration = Math.max(bestRho(tuning, sides) / unit - 1, 1e-3);
  const low = h / (g + h);
  const high = g / (g + h);
  const upperHalf = (below: number, above: number) => logBetaTails(low, high, below, above).lower;
  const start = sides === 1 ? upperHalf(concentration * low, concentration * high) : 0;
  return {
    logValue: (s, v) => {
      const below = Math.max(0, (v - g * s) / (g * (g + h)));
      const above = Math.max(0, (v + h * s) / (h * (g + h)));
      const twoSided = logPolyaRatio([below, above], [low, high], concentration);
      if (sides === 2) return twoSided;
      return twoSided + upperHalf(concentration * low + below, concentration * high + above) - start;
    },
    largestSum: (v) => v / g,
  };
}

/**
 * The sum that the mixture's S exceeds at some look with probability at most α, at intrinsic time V.
 *
 * @returns the largest possible sum where even that is no evidence at α
 * @throws RangeError when α is outside (0, 1) or V is not at least 0
 */
export function mixtureBound(mixture: Mixture, variance: number, alpha: number): number {
  requireAlpha("mixtureBound", alpha);
  if (!(variance >= 0 && variance < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`mixtureBound needs a variance of at least 0, got ${variance}`);
  }
  const threshold = -Math.log(alpha);
  const largest = mixture.largestSum(variance);
  const below = (s: number) => mixture.logValue(s, variance) < threshold;
  if (largest < Number.POSITIVE_INFINITY) return below(largest) ? largest : lastWhere(below, 0, largest);
  let high = Math.max(Math.sqrt(variance * threshold), Number.MIN_VALUE * 2 ** 100);
  while (below(high)) high *= 2;
  return lastWhere(below, 0, high);
}

/**
 * The polynomial stitching bound, V·ln ln V in rate: S exceeds it at some V with probability at most α.
 *
 * @param start intrinsic time from which it is valid and near which it is tight; before it the bound at `start` holds
 * @param scale c of a sub-gamma sum; 0 for sub-Gaussian, negative for values with a lighter upper tail
 *
 * Source: Howard et al. (2021), theorem 1 with h(k) = (k + 1)^s ζ(s).
 */
export function polynomialStitchingBound(
  variance: number,
  alpha: number,
  { start, scale = 0, s = 1.4, eta = 2 }: { start: number; scale?: number; s?: number; eta?: number },
): number {
  requireAlpha("polynomialStitchingBound", alpha);
  requirePositive("polynomialStitchingBound", "a start", start);
  requirePositive("polynomialStitchingBound", "s − 1", s - 1);
  requirePositive("polynomialStitchingBound", "eta − 1", eta - 1);
  const v = Math.max(variance, start);
  const k1 = (eta ** 0.25 + eta ** -0.25) / Math.SQRT2;
  const k2 = (Math.sqrt(eta) + 1) / 2;
  const length = s * Math.log(Math.log((eta * v) / start)) + Math.log(zeta(s) / (alpha * Math.log(eta) ** s));
  const linear = k2 * scale * length;
  return Math.sqrt(k1 ** 2 * v * length + linear ** 2) + linear;
}

/** Riemann's ζ(s) for s > 1. Source: DLMF 25.2.9 (Euler–Maclaurin), 20 terms and four corrections. */
export function zeta(s: number): number {
  const n = 20;
  let sum = 0;
  for (let k = 1; k < n; k++) sum += k ** -s;
  const edge = n ** -s;
  const first = (s * edge) / n;
  const third = (first * (s + 1) * (s + 2)) / n ** 2;
  const fifth = (third * (s + 3) * (s + 4)) / n ** 2;
  return sum + (n * edge) / (s - 1) + edge / 2 + first / 12 - third / 720 + fifth / 30240;
}

function requireAlpha(caller: string, alpha: number): void {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`${caller} needs an error probability in (0, 1), got ${alpha}`);
}

function requirePositive(caller: string, what: string, value: number): void {
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${caller} needs ${what} above 0, got ${value}`);
  }
}
