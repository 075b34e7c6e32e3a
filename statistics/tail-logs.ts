import { logGamma } from "./distributions.ts";

/** Natural logs of the two tails of a distribution at one point. */
export interface LogTails {
  readonly lower: number;
  readonly upper: number;
}

const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI);

/**
 * ln Γ(x) − (x − ½) ln x + x − ½ ln 2π for x > 0: what is left of ln Γ when its large terms have been cancelled on paper.
 *
 * Source: Loader (2000), Fast and accurate computation of binomial probabilities; series DLMF 5.11.1.
 */
export function stirlingError(x: number): number {
  if (x < 10) return logGamma(x) - (x - 0.5) * Math.log(x) + x - halfLogTwoPi;
  const y = 1 / (x * x);
  return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y * (1 / 1188 - (y * 691) / 360360))))) / x;
}

/**
 * x ln(x / mean) + mean − x for x ≥ 0 and mean > 0, without cancellation when the two are near.
 *
 * Source: Loader (2000), the function D₀, series in (x − mean) / (x + mean).
 */
export function deviance(x: number, mean: number): number {
  if (x === 0) return mean;
  const gap = x - mean;
  if (Math.abs(gap) >= 0.1 * (x + mean)) return x * Math.log(x / mean) - gap;
  const v = gap / (x + mean);
  let sum = gap * v;
  let term = 2 * x * v;
  for (let j = 1; j < 100; j++) {
    term *= v * v;
    const next = sum + term / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

/**
 * ln P(X ≤ x) and ln P(X > x) of a beta variable with a, b > 0, given x and 1 − x so that neither loses digits;
 * the absolute error stays near 1e-11 at a + b = 1e9.
 *
 * Source: DLMF 8.17.22 (continued fraction, Lentz's method); the factor before it as Loader (2000).
 */
export function logBetaTails(x: number, complement: number, a: number, b: number): LogTails {
  if (x <= 0) return { lower: Number.NEGATIVE_INFINITY, upper: 0 };
  if (complement <= 0) return { lower: 0, upper: Number.NEGATIVE_INFINITY };
  if (x > (a + 1) / (a + b + 2)) {
    const { lower, upper } = logBetaTails(complement, x, b, a);
    return { lower: upper, upper: lower };
  }
  const total = a + b;
  const front =
    -deviance(a, total * x) -
    deviance(b, total * complement) +
    0.5 * (Math.log(b / total) - Math.log(a)) -
    halfLogTwoPi +
    stirlingError(total) -
    stirlingError(a) -
    stirlingError(b);
  let c = 1;
  let d = 1 / nonzero(1 - (total * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < 1_000_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonzero(1 + even * d);
    c = nonzero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (total + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonzero(1 + odd * d);
    c = nonzero(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 2e-16) break;
  }
  const lower = Math.min(0, front + Math.log(fraction));
  return { lower, upper: logComplement(lower) };
}

/** ln(1 − eˣ) for x ≤ 0. Source: Mächler (2012), Accurately computing log(1 − exp(−|a|)), vignette of R's Rmpfr. */
function logComplement(x: number): number {
  return x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x));
}

function nonzero(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value;
}
