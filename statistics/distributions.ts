import { dt, lbeta, lgamma, pnorm, qnorm, qt } from "lib-r-math.js";

/** P(Z > z) of a standard normal, accurate far out in the tail. Source: R's nmath `pnorm`. */
export function normalUpperTail(z: number): number {
  return pnorm(z, 0, 1, false);
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
 * P(X ≤ k) for X ~ Binomial(n, p); k and n whole, p in [0, 1].
 *
 * Source: Abramowitz & Stegun (1964), 26.5.24: I_{1−p}(n − k, k + 1).
 */
export function binomialLowerTail(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incompleteBeta(1 - p, p, n - k, k + 1);
}

/** Smallest k with P(X ≤ k) ≥ `lowerTail` for X ~ Binomial(n, p), by bisection. */
export function binomialQuantile(lowerTail: number, n: number, p: number): number {
  let low = -1;
  let high = n;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    // as R: a tail that misses by rounding alone counts as reached
    if (binomialLowerTail(middle, n, p) >= lowerTail * (1 - 64 * Number.EPSILON)) high = middle;
    else low = middle;
  }
  return high;
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
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(complement, x, b, a);
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
  return Math.exp(logFront) * fraction;
}

function nonzero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}
