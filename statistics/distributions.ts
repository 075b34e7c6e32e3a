import { dnorm, dt, lbeta, lgamma, pchisq, pgamma, pnorm, ppois, qchisq, qnorm, qt } from "lib-r-math.js";
import { integrate } from "./quadrature.ts";

/** P(Z > z) of a standard normal, accurate far out in the tail. Source: R's nmath `pnorm`. */
export function normalUpperTail(z: number): number {
  return pnorm(z, 0, 1, false);
}

/** ln P(Z > z), finite where the probability itself is 0 as a double. Source: R's nmath `pnorm`. */
export function normalUpperTailLog(z: number): number {
  return pnorm(z, 0, 1, false, true);
}

/** The density of a standard normal. */
export function normalDensity(z: number): number {
  return dnorm(z);
}

/** The z with ln P(Z > z) = `logUpperTail` < 0. Source: R's nmath `qnorm`, then Newton's method on the log tail. */
export function normalUpperQuantileLog(logUpperTail: number): number {
  let z = qnorm(logUpperTail, 0, 1, false, true);
  for (let step = 0; step < 2 && Number.isFinite(z); step++) {
    const log = normalUpperTailLog(z);
    // d/dz ln P(Z > z) = −φ(z) / P(Z > z)
    z += (log - logUpperTail) / Math.exp(-0.5 * z * z - 0.5 * Math.log(2 * Math.PI) - log);
  }
  return z;
}

/** The z that a standard normal exceeds with probability `upperTail` in (0, 1). Source: R's nmath `qnorm`. */
export function normalUpperQuantile(upperTail: number): number {
  return qnorm(upperTail, 0, 1, false);
}

/**
 * P(T > t) of Student's t with `degreesOfFreedom` > 0, fractions allowed, Infinity for the normal.
 *
 * Not lib-r-math.js's `pt`, which has eight digits and is 0 at t = 10 with 1,000 degrees of freedom (8.3e-23 in R).
 *
 * Source: Abramowitz & Stegun (1964), 26.7.1: half of I_x(ν/2, 1/2) at x = ν/(ν + t²).
 */
export function studentUpperTail(t: number, degreesOfFreedom: number): number {
  if (degreesOfFreedom > 1e10) return normalUpperTail(t);
  if (!Number.isFinite(t)) return t > 0 ? 0 : t < 0 ? 1 : Number.NaN;
  const square = t * t;
  const half =
    incompleteBeta(
      degreesOfFreedom / (degreesOfFreedom + square),
      square / (degreesOfFreedom + square),
      degreesOfFreedom / 2,
      0.5,
    ) / 2;
  return t > 0 ? half : 1 - half;
}

/**
 * The t that Student's t exceeds with probability `upperTail` in (0, 1).
 *
 * Source: R's nmath `qt`, which lib-r-math.js gives to eight digits, then Newton's method on {@link studentUpperTail}.
 */
export function studentUpperQuantile(upperTail: number, degreesOfFreedom: number): number {
  if (degreesOfFreedom > 1e10) return normalUpperQuantile(upperTail);
  let t = qt(upperTail, degreesOfFreedom, undefined, false);
  for (let step = 0; step < 3 && Number.isFinite(t); step++) {
    const density = dt(t, degreesOfFreedom);
    if (density === 0) break;
    t += (studentUpperTail(t, degreesOfFreedom) - upperTail) / density;
  }
  return t;
}

/**
 * P(T > t) of a noncentral t: (Z + δ) / √(χ²/ν), with ν = `degreesOfFreedom` ≥ 1 and δ = `noncentrality`.
 *
 * Relative error below 1e-11 where the probability is above 1e-12.
 *
 * Source: the mean of P(Z > t·s − δ) over s = √(χ²/ν), integrated numerically (Johnson, Kotz & Balakrishnan 1995, ch. 31).
 */
export function noncentralStudentUpperTail(t: number, degreesOfFreedom: number, noncentrality: number): number {
  if (degreesOfFreedom > 1e10) return normalUpperTail(t - noncentrality);
  const bound = (upperTail: number, lower: boolean) =>
    Math.log(qchisq(upperTail, degreesOfFreedom, undefined, lower) / degreesOfFreedom) / 2;
  const [low, high] = [bound(1e-20, true), bound(1e-25, false)];
  // over ln s, where the density has no corner at 0; relative to its mode, since its constant would lose digits
  const density = (w: number) => Math.exp(degreesOfFreedom * (w - Math.expm1(2 * w) / 2));
  const tail = (w: number) => normalUpperTail(t * Math.exp(w) - noncentrality);
  return integrate((w) => tail(w) * density(w), low, high, 60) / integrate(density, low, high, 60);
}

/** P(X > x) of chi-squared; x ≥ 0. Source: R's nmath `pchisq`. */
export function chiSquaredUpperTail(x: number, degreesOfFreedom: number): number {
  return pchisq(x, degreesOfFreedom, undefined, false);
}

/** The x that chi-squared exceeds with probability `upperTail` in (0, 1). Source: R's nmath `qchisq`. */
export function chiSquaredUpperQuantile(upperTail: number, degreesOfFreedom: number): number {
  return qchisq(upperTail, degreesOfFreedom, undefined, false);
}

/** P(F > f) of Fisher's F; f ≥ 0. Source: DLMF 8.17, I_x(d₂/2, d₁/2) at x = d₂/(d₂ + d₁·f). */
export function fUpperTail(f: number, numeratorDf: number, denominatorDf: number): number {
  if (f <= 0) return 1;
  const scaled = numeratorDf * f;
  return incompleteBeta(
    denominatorDf / (denominatorDf + scaled),
    scaled / (denominatorDf + scaled),
    denominatorDf / 2,
    numeratorDf / 2,
  );
}

/** P(X ≤ x) of a gamma variable with unit rate: the regularized P(shape, x). Source: R's nmath `pgamma`. */
export function gammaLowerTail(x: number, shape: number): number {
  return pgamma(x, shape, 1, undefined, true);
}

/** P(X > x): the regularized Q(shape, x). */
export function gammaUpperTail(x: number, shape: number): number {
  return pgamma(x, shape, 1, undefined, false);
}

/** ln P(shape, x). */
export function gammaLowerTailLog(x: number, shape: number): number {
  return pgamma(x, shape, 1, undefined, true, true);
}

/** ln Q(shape, x). */
export function gammaUpperTailLog(x: number, shape: number): number {
  return pgamma(x, shape, 1, undefined, false, true);
}

/** P(X ≤ x) for X ~ Beta(a, b); a, b > 0. Source: {@link incompleteBeta}. */
export function betaLowerTail(x: number, a: number, b: number): number {
  return incompleteBeta(x, 1 - x, a, b);
}

/** P(X > x) for X ~ Beta(a, b), with all its digits where it is small. */
export function betaUpperTail(x: number, a: number, b: number): number {
  return incompleteBeta(1 - x, x, b, a);
}

/** ln P(X ≤ x) for X ~ Beta(a, b), finite where the probability itself is 0 as a double. */
export function betaLowerTailLog(x: number, a: number, b: number): number {
  return incompleteBetaLog(x, 1 - x, a, b);
}

/** ln P(X > x) for X ~ Beta(a, b). */
export function betaUpperTailLog(x: number, a: number, b: number): number {
  return incompleteBetaLog(1 - x, x, b, a);
}

/** The x with P(X ≤ x) = `lowerTail` in (0, 1) for X ~ Beta(a, b), by bisection on the smaller tail's log. */
export function betaQuantile(lowerTail: number, a: number, b: number): number {
  const flip = lowerTail > 0.5;
  const target = flip ? Math.log1p(-lowerTail) : Math.log(lowerTail);
  const [p, q] = flip ? [b, a] : [a, b];
  // in ln x: small quantiles keep their digits
  let low = -745;
  let high = 0;
  for (let step = 0; step < 200 && high - low > 1e-17 * -low; step++) {
    const middle = (low + high) / 2;
    if (incompleteBetaLog(Math.exp(middle), -Math.expm1(middle), p, q) < target) low = middle;
    else high = middle;
  }
  const x = Math.exp((low + high) / 2);
  return flip ? 1 - x : x;
}

/** ln B(a, b) for a, b > 0. Source: R's nmath `lbeta`. */
export function logBeta(a: number, b: number): number {
  return lbeta(a, b);
}

/** P(X ≤ k) for X ~ Poisson(mean). Source: R's nmath `ppois`. */
export function poissonLowerTail(k: number, mean: number): number {
  return k < 0 ? 0 : ppois(k, mean, true);
}

/** P(X ≥ k) for X ~ Poisson(mean). */
export function poissonUpperTail(k: number, mean: number): number {
  return k <= 0 ? 1 : ppois(k - 1, mean, false);
}

/** P(X ≥ k) for X ~ Binomial(n, p), with all its digits where it is small. Source: Abramowitz & Stegun (1964), 26.5.24. */
export function binomialUpperTail(k: number, n: number, p: number): number {
  if (k <= 0) return 1;
  if (k > n) return 0;
  return incompleteBeta(p, 1 - p, k, n - k + 1);
}

/** ln P(X = k) for X ~ Binomial(n, p); −Infinity where it is impossible. */
export function binomialMassLog(k: number, n: number, p: number): number {
  if (k < 0 || k > n || (p === 0 && k > 0) || (p === 1 && k < n)) return Number.NEGATIVE_INFINITY;
  const choose = logChoose(n, k);
  return choose + (k === 0 ? 0 : k * Math.log(p)) + (k === n ? 0 : (n - k) * Math.log1p(-p));
}

/** ln P(X = k) of k marked among `draws` without replacement from `marked` and `unmarked`; −Infinity where it is impossible. */
export function hypergeometricMassLog(k: number, marked: number, unmarked: number, draws: number): number {
  if (k < 0 || k > marked || draws - k < 0 || draws - k > unmarked) return Number.NEGATIVE_INFINITY;
  return logChoose(marked, k) + logChoose(unmarked, draws - k) - logChoose(marked + unmarked, draws);
}

/** ln of n over k for whole 0 ≤ k ≤ n. */
export function logChoose(n: number, k: number): number {
  return k === 0 || k === n ? 0 : -Math.log1p(n) - lbeta(n - k + 1, k + 1);
}

/**
 * P(X ≤ k) for X ~ Binomial(n, p); k and n whole, p in [0, 1].
 *
 * Source: Abramowitz & Stegun (1964), 26.5.24: I_{1−p}(n − k, k + 1).
 */
export function binomialLowerTail(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incompleteBeta(1 - p, p, n - k, k + 1);
}

/** Smallest k with P(X ≤ k) ≥ `lowerTail` for X ~ Binomial(n, p), searched for around {@link binomialQuantileNear}. */
export function binomialQuantile(lowerTail: number, n: number, p: number): number {
  // as R: a tail that misses by rounding alone counts as reached
  const reached = (k: number) => k >= n || binomialLowerTail(k, n, p) >= lowerTail * (1 - 64 * Number.EPSILON);
  const near = binomialQuantileNear(lowerTail, n, p);
  let low = Math.min(n, Math.max(-1, Number.isNaN(near) ? -1 : near - 1));
  let high = low + 1;
  // the bracket: not reached at low, reached at high
  for (let step = 1; low >= 0 && reached(low); step *= 2) [low, high] = [Math.max(-1, low - step), low];
  for (let step = 1; high < n && !reached(high); step *= 2) [low, high] = [high, Math.min(n, high + step)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (reached(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * About {@link binomialQuantile}: mostly it, else one beside it, once n·p·(1 − p) is some tens.
 *
 * Source: Cornish & Fisher (1938), the expansion to the skewness, as R's qbinom begins its search.
 */
export function binomialQuantileNear(lowerTail: number, n: number, p: number): number {
  const z = -normalUpperQuantile(lowerTail);
  const deviation = Math.sqrt(n * p * (1 - p));
  const near = Math.floor(n * p + deviation * z + ((1 - 2 * p) * (z * z - 1)) / 6 + 0.5);
  return Math.min(n, Math.max(0, near));
}

/** ln Γ(x) for x > 0. Source: R's nmath `lgammafn`. */
export function logGamma(x: number): number {
  return lgamma(x);
}

/**
 * The regularized incomplete beta function I_x(a, b), given x and 1 − x so that neither loses digits.
 *
 * Source: DLMF 8.17.22 (continued fraction), evaluated by the method of Lentz as modified by Thompson & Barnett (1986).
 */
function incompleteBeta(x: number, complement: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (complement <= 0) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - Math.exp(betaFractionLog(complement, x, b, a));
  return Math.exp(betaFractionLog(x, complement, a, b));
}

function incompleteBetaLog(x: number, complement: number, a: number, b: number): number {
  if (x <= 0) return Number.NEGATIVE_INFINITY;
  if (complement <= 0) return 0;
  if (x > (a + 1) / (a + b + 2)) return Math.log1p(-Math.exp(betaFractionLog(complement, x, b, a)));
  return betaFractionLog(x, complement, a, b);
}

/** ln I_x(a, b) for x below about the mean, where the fraction converges. */
function betaFractionLog(x: number, complement: number, a: number, b: number): number {
  const logFront = a * Math.log(x) + b * Math.log(complement) - lbeta(a, b) - Math.log(a);
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / nonzero(1 - ((a + b) * x) / (a + 1), tiny);
  let fraction = d;
  for (let m = 1; m < 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonzero(1 + even * d, tiny);
    c = nonzero(1 + even / c, tiny);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonzero(1 + odd * d, tiny);
    c = nonzero(1 + odd / c, tiny);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 2e-16) break;
  }
  return logFront + Math.log(fraction);
}

function nonzero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}
