import { normalUpperQuantile, normalUpperTail, studentUpperQuantile } from "../distributions.ts";
import { risingRoot } from "../line-search.ts";
import { integrate } from "../quadrature.ts";

/** Which side a test looks at: candidate < control, candidate > control, or either. */
export type Alternative = "less" | "greater" | "twoSided";

export interface TestSides {
  readonly alternative?: Alternative;
  /** probability of rejecting a true null, over both sides if there are two; in (0, 1) */
  readonly alpha?: number;
  /** count rejections on the wrong side of a two-sided test too, as statsmodels; false as R's `power.t.test` */
  readonly strict?: boolean;
}

/**
 * Power of a z or t test whose statistic has this noncentrality (expected effect over its standard error).
 *
 * @param degreesOfFreedom above 0; Infinity for the z test
 *
 * Source: Cohen (1988), Statistical Power Analysis, 2nd ed., ch. 2; the noncentral t as a mixture over the chi
 * distribution of the standard error, Johnson, Kotz & Balakrishnan (1995), ch. 31.
 */
export function noncentralPower(
  noncentrality: number,
  degreesOfFreedom: number,
  { alternative = "twoSided", alpha = 0.05, strict = true }: TestSides = {},
): number {
  requireFraction("noncentralPower", "alpha", alpha);
  const toward = alternative === "less" ? -noncentrality : noncentrality;
  if (alternative !== "twoSided") return beyond(alpha, toward, degreesOfFreedom);
  const right = beyond(alpha / 2, Math.abs(toward), degreesOfFreedom);
  return strict ? right + beyond(alpha / 2, -Math.abs(toward), degreesOfFreedom) : right;
}

/**
 * Power of two one-sided tests, each at `alpha`, to find an effect inside its margins: exact for the z and the pooled t test.
 *
 * @param toLow  (expected effect − lower margin) / standard error
 * @param toHigh (upper margin − expected effect) / standard error
 *
 * Source: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15:657–680; Phillips (1990), ibid. 18:137–144.
 */
export function equivalencePower(toLow: number, toHigh: number, degreesOfFreedom: number, alpha = 0.05): number {
  if (!(alpha > 0 && alpha < 0.5)) throw new RangeError(`equivalencePower needs alpha in (0, 0.5), got ${alpha}`);
  const critical = studentCritical(alpha, degreesOfFreedom);
  const inside = (s: number) => normalBetween(critical * s - toLow, toHigh - critical * s);
  // the widest standard error, relative to the expected one, that still leaves room between the margins
  const widest = (toLow + toHigh) / (2 * critical);
  if (!(widest > 0)) return 0;
  if (degreesOfFreedom > 1e10) return widest > 1 ? inside(1) : 0;
  const density = (x: number) => Math.exp(logChiDensity(x, degreesOfFreedom));
  const [low, high] = [edge(-1, degreesOfFreedom), edge(1, degreesOfFreedom)];
  const end = Math.min(high, Math.log(widest));
  if (end <= low) return 0;
  const panels = 40 + Math.ceil((end - low) * critical * Math.exp(end));
  return integrate((x) => density(x) * inside(Math.exp(x)), low, end, panels) / integrate(density, low, high, 40);
}

/**
 * The smallest size at which a rising power reaches a target, as a real number, or undefined beyond 1e15.
 *
 * @param minimum returned when the power is reached there already
 */
export function smallestSize(powerOf: (size: number) => number, target: number, minimum: number): number | undefined {
  if (powerOf(minimum) >= target) return minimum;
  let high = 2 * minimum;
  while (!(powerOf(high) >= target)) {
    high *= 2;
    if (!(high < 1e15)) return undefined;
  }
  return Math.exp(risingRoot((log) => powerOf(Math.exp(log)) - target, Math.log(high / 2), Math.log(high)));
}

export function requireFraction(caller: string, name: string, value: number): void {
  if (!(value > 0 && value < 1)) throw new RangeError(`${caller} needs ${name} in (0, 1), got ${value}`);
}

export function requirePositive(caller: string, name: string, value: number): void {
  if (!(value > 0) || value === Number.POSITIVE_INFINITY) {
    throw new RangeError(`${caller} needs ${name} above 0, got ${value}`);
  }
}

/** P(T' > the upper-`tail` quantile of T) for a noncentral T'. */
function beyond(tail: number, noncentrality: number, degreesOfFreedom: number): number {
  if (degreesOfFreedom === Number.POSITIVE_INFINITY) return normalUpperTail(normalUpperQuantile(tail) - noncentrality);
  const critical = studentCritical(tail, degreesOfFreedom);
  // the turn from 0 to 1 lies at s = noncentrality / critical, if that can be at all
  const steepest = Math.abs(critical) * Math.exp(edge(1, degreesOfFreedom));
  const steepness = Math.min(Math.abs(noncentrality), steepest, 1000);
  return chiMixture(degreesOfFreedom, steepness, (s) => normalUpperTail(critical * s - noncentrality));
}

/**
 * The upper quantile of Student's t; beyond 30,000 degrees of freedom by expansion, whose error is below 1e-14 there while
 * the incomplete beta function has ten digits, too few to search a size by.
 *
 * Source: Abramowitz & Stegun (1964), 26.7.5.
 */
function studentCritical(tail: number, degreesOfFreedom: number): number {
  if (degreesOfFreedom <= 30_000) return studentUpperQuantile(tail, degreesOfFreedom);
  const z = normalUpperQuantile(tail);
  const [z3, z5, z7] = [z ** 3, z ** 5, z ** 7];
  const inverse = 1 / degreesOfFreedom;
  return (
    z +
    ((z3 + z) / 4) * inverse +
    ((5 * z5 + 16 * z3 + 3 * z) / 96) * inverse ** 2 +
    ((3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / 384) * inverse ** 3
  );
}

function normalBetween(low: number, high: number): number {
  if (high <= low) return 0;
  return low > 0 ? normalUpperTail(low) - normalUpperTail(high) : normalUpperTail(-high) - normalUpperTail(-low);
}

/**
 * The mean of g(S), S = √(χ²_ν / ν), by the trapezoidal rule in ln S, where the density is log-concave with its mode at 0.
 *
 * @param steepness of g in ln S; the step is a sixth of the narrower width, which leaves an error below 1e-13 for smooth g
 */
function chiMixture(degreesOfFreedom: number, steepness: number, g: (s: number) => number): number {
  if (degreesOfFreedom > 1e10) return g(1);
  const step = Math.min(1 / Math.sqrt(2 * degreesOfFreedom), 1 / (1 + steepness)) / 6;
  let sum = g(1);
  let total = 1;
  for (const side of [-step, step]) {
    for (let k = 1; ; k++) {
      const x = side * k;
      const log = logChiDensity(x, degreesOfFreedom);
      if (log < -80) break;
      const weight = Math.exp(log);
      total += weight;
      sum += weight * g(Math.exp(x));
    }
  }
  return sum / total;
}

/** Log density of ln S up to a constant. */
function logChiDensity(x: number, degreesOfFreedom: number): number {
  return degreesOfFreedom * (x - Math.expm1(2 * x) / 2);
}

/** Where the density of ln S has fallen by e⁻⁸⁰ on one side of its mode. */
function edge(side: -1 | 1, degreesOfFreedom: number): number {
  let x = side / Math.sqrt(2 * degreesOfFreedom);
  while (logChiDensity(x, degreesOfFreedom) > -80) x *= 1.25;
  return x;
}
