import { chiSquaredUpperTail } from "../distributions.ts";
import { type ChiSquaredResult, type Undetermined, undetermined } from "../estimate.ts";

/**
 * Autocorrelations at lags 0, 1, …, `maximumLag`, with the divisor n that keeps them in [−1, 1]; undefined for a constant
 * series or one that holds NaN.
 *
 * Source: Box & Jenkins (1970), Time Series Analysis; R's `acf`.
 */
export function autocorrelations(series: ArrayLike<number>, maximumLag: number): number[] | undefined {
  const n = series.length;
  if (!(Number.isInteger(maximumLag) && maximumLag >= 0 && maximumLag < Math.max(1, n))) {
    throw new RangeError(`autocorrelations needs a maximumLag in [0, ${Math.max(0, n - 1)}], got ${maximumLag}`);
  }
  const centred = centre(series);
  if (centred === undefined) return undefined;
  const variance = covariance(centred, 0);
  return Array.from({ length: maximumLag + 1 }, (_, lag) => covariance(centred, lag) / variance);
}

export type EffectiveSize =
  | {
      readonly status: "ok";
      /** independent values whose mean would be as precise */
      readonly size: number;
      /** n / size: the variance of the mean over that of n independent values */
      readonly inflation: number;
    }
  | Undetermined;

/**
 * How many independent values a stationary series is worth, by Geyer's initial positive sequence: sums of neighbouring
 * autocorrelations until the first that is not above 0.
 *
 * A series shorter than some 50 correlation times looks shorter-lived than it is, so its size comes out too large. A trend
 * is not stationary: remove it first. A size above n (alternating values) is kept, up to n·log₁₀ n.
 *
 * @returns undetermined for fewer than 4 values, a constant series or NaN
 *
 * Source: Geyer (1992), Stat. Sci. 7:473–483, §3.3; upper bound as in Stan's reference manual.
 */
export function effectiveSampleSize(series: ArrayLike<number>): EffectiveSize {
  const n = series.length;
  if (n < 4) return undetermined(`a series of ${n} values`);
  const centred = centre(series);
  if (centred === undefined) return undetermined("a constant series, or values that are not numbers");
  const variance = covariance(centred, 0);
  let sum = 0;
  for (let lag = 0; lag + 1 < n; lag += 2) {
    const pair = (covariance(centred, lag) + covariance(centred, lag + 1)) / variance;
    if (!(pair > 0)) break;
    sum += pair;
  }
  const inflation = Math.max(2 * sum - 1, 1 / Math.log10(Math.max(n, 11)));
  return { status: "ok", size: n / inflation, inflation };
}

/**
 * Variance of the mean of n values of an AR(1) series over that of independent ones; (1 + ρ)/(1 − ρ) for n = Infinity.
 *
 * @param correlation ρ of neighbours, in (−1, 1)
 *
 * Source: Bayley & Hammersley (1946), Suppl. J. R. Stat. Soc. 8:184–197: 1 + 2 Σ (1 − k/n)·ρᵏ.
 */
export function ar1Inflation(correlation: number, n = Number.POSITIVE_INFINITY): number {
  if (!(Math.abs(correlation) < 1)) {
    throw new RangeError(`ar1Inflation needs correlation in (-1, 1), got ${correlation}`);
  }
  if (!(n >= 1)) throw new RangeError(`ar1Inflation needs n of at least 1, got ${n}`);
  const limit = (1 + correlation) / (1 - correlation);
  if (n === Number.POSITIVE_INFINITY) return limit;
  const power = correlation === 0 ? 0 : correlation ** n;
  return limit - (2 * correlation * (1 - power)) / (n * (1 - correlation) ** 2);
}

/**
 * Ljung–Box test that the first `lags` autocorrelations are all zero.
 *
 * Rejects too often when the variance itself is clustered in time, and for heavy tails below some 100 values.
 *
 * @param lags   at least 1 and below n; about ln n is usual
 * @param fitted parameters of the model whose residuals these are, below `lags`
 * @returns undetermined for a constant series or NaN
 *
 * Source: Ljung & Box (1978), Biometrika 65:297–303; R's `Box.test(type = "Ljung")`.
 */
export function ljungBox(series: ArrayLike<number>, lags: number, fitted = 0): ChiSquaredResult {
  const n = series.length;
  if (!(Number.isInteger(lags) && lags >= 1 && lags < n)) {
    throw new RangeError(`ljungBox needs lags in [1, ${n - 1}], got ${lags}`);
  }
  if (!(Number.isInteger(fitted) && fitted >= 0 && fitted < lags)) {
    throw new RangeError(`ljungBox needs fitted in [0, ${lags - 1}], got ${fitted}`);
  }
  const correlations = autocorrelations(series, lags);
  if (correlations === undefined) return undetermined("a constant series, or values that are not numbers");
  let sum = 0;
  for (let lag = 1; lag <= lags; lag++) sum += (correlations[lag] as number) ** 2 / (n - lag);
  const statistic = n * (n + 2) * sum;
  const degreesOfFreedom = lags - fitted;
  return { status: "ok", statistic, degreesOfFreedom, pValue: chiSquaredUpperTail(statistic, degreesOfFreedom) };
}

/** Deviations from the mean; undefined when there are none, or one is not a finite number. */
function centre(series: ArrayLike<number>): Float64Array | undefined {
  const n = series.length;
  const first = n === 0 ? 0 : (series[0] as number);
  let constant = true;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    if (series[i] !== first) constant = false;
    sum += (series[i] as number) - first;
  }
  if (constant || !Number.isFinite(sum)) return undefined;
  return Float64Array.from({ length: n }, (_, i) => (series[i] as number) - first - sum / n);
}

function covariance(centred: Float64Array, lag: number): number {
  let sum = 0;
  for (let i = lag; i < centred.length; i++) sum += (centred[i] as number) * (centred[i - lag] as number);
  return sum / centred.length;
}
