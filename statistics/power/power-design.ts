import { normalUpperQuantile, normalUpperTail } from "../distributions.ts";
import { type Undetermined, undetermined } from "../estimate.ts";
import { ratioOfSums } from "../means/ratio.ts";
import type { Moments } from "../moments.ts";
import { requireFraction, requirePositive, smallestSize, type TestSides } from "./noncentral-power.ts";
import { type ArmSizes, allocated, requirePower, type SampleSize, wrongSide } from "./power-means.ts";

/** What multiplies a sample size. */
export interface Adjustments {
  /** of clusters: 1 + ((1 + CV²)·m − 1)·ICC, see clusters.ts */
  readonly designEffect?: number;
  /** largest sample of a sequential design over that of one fixed test */
  readonly inflation?: number;
  /** R² of a covariate from before the experiment: its share of the variance is saved */
  readonly explained?: number;
  /** share of units that yield no outcome */
  readonly lost?: number;
}

/**
 * A sample size after clusters, looks, covariate and losses; undetermined stays undetermined.
 *
 * Source: each factor multiplies the variance or the information: n·DEFF·R·(1 − R²)/(1 − lost).
 */
export function adjustedSize(
  size: SampleSize,
  { designEffect: clusters = 1, inflation = 1, explained = 0, lost = 0 }: Adjustments,
): SampleSize {
  requirePositive("adjustedSize", "designEffect", clusters);
  requirePositive("adjustedSize", "inflation", inflation);
  if (!(explained >= 0 && explained < 1))
    throw new RangeError(`adjustedSize needs explained in [0, 1), got ${explained}`);
  if (!(lost >= 0 && lost < 1)) throw new RangeError(`adjustedSize needs lost in [0, 1), got ${lost}`);
  if (size.status !== "ok") return size;
  return allocated(
    (size.candidate * clusters * inflation * (1 - explained)) / (1 - lost),
    size.control / size.candidate,
  );
}

/** Information of 1 : r allocation over that of 1 : 1 with as many units in all: 4r/(1 + r)². */
export function allocationEfficiency(ratio: number): number {
  requirePositive("allocationEfficiency", "ratio", ratio);
  return (4 * ratio) / (1 + ratio) ** 2;
}

/** Variance with r control units per candidate unit over that with one, candidate units fixed: (1 + 1/r)/2, at least ½. */
export function varianceAtFixedCandidate(ratio: number): number {
  requirePositive("varianceAtFixedCandidate", "ratio", ratio);
  return (1 + 1 / ratio) / 2;
}

/** Events per unit of exposure, such as errors per request or per session. */
export interface EventRates {
  readonly control: number;
  readonly candidate: number;
}

export interface EventTestOptions extends TestSides {
  /** exposure of one unit, in the rates' unit */
  readonly exposure?: number;
  /** variance over mean of a unit's count in the quasi-Poisson model: 1 for Poisson */
  readonly overdispersion?: number;
  /** k of the negative binomial's variance μ + k·μ² */
  readonly dispersion?: number;
  /** candidate / control under the null */
  readonly nullRatio?: number;
}

/**
 * Power to find a ratio of event rates, from the normal approximation of its log with the plan's variance.
 *
 * Too small for events of one user in bursts unless their overdispersion is given; with fewer than some 20 expected events
 * in an arm the level is off, above all at unequal arms: there condition on the events and use a binomial test.
 *
 * Source: Wald test of the log rate ratio; its negative binomial variance as in Zhu & Lakkis (2014), Stat. Med. 33:376–387.
 */
export function powerEventRates(rates: EventRates, sizes: ArmSizes, options: EventTestOptions = {}): number {
  requirePositive("powerEventRates", "the control's size", sizes.control);
  requirePositive("powerEventRates", "the candidate's size", sizes.candidate);
  const { alternative = "twoSided", alpha = 0.05, strict = true } = options;
  requireFraction("powerEventRates", "alpha", alpha);
  const { effect, variance0, variance1 } = logRateRatio(rates, options);
  const signal = effect / Math.sqrt(variance0 / sizes.control + variance1 / sizes.candidate);
  const reject = (tail: number, toward: number) => normalUpperTail(normalUpperQuantile(tail) - toward);
  if (alternative !== "twoSided") return reject(alpha, alternative === "less" ? -signal : signal);
  return reject(alpha / 2, Math.abs(signal)) + (strict ? reject(alpha / 2, -Math.abs(signal)) : 0);
}

/** Units in each arm for a power of {@link powerEventRates}; undetermined when the rates obey the null. */
export function sampleSizeEventRates(
  rates: EventRates,
  power = 0.8,
  { ratio = 1, ...options }: EventTestOptions & { readonly ratio?: number } = {},
): SampleSize {
  requirePositive("sampleSizeEventRates", "ratio", ratio);
  requirePower("sampleSizeEventRates", power, options);
  const wrong = wrongSide(logRateRatio(rates, options).effect, options);
  if (wrong !== undefined) return undetermined(wrong);
  const powerOf = (candidate: number) => powerEventRates(rates, { control: ratio * candidate, candidate }, options);
  return allocated(smallestSize(powerOf, power, 1e-9), ratio);
}

/**
 * The deviation of one unit that makes a quantile's standard error deviation/√n: √(p(1 − p))/f, f the density at it.
 *
 * Source: Serfling (1980), Approximation Theorems, §2.3.3.
 */
export function quantileDeviation(p: number, density: number): number {
  requireFraction("quantileDeviation", "p", p);
  requirePositive("quantileDeviation", "density", density);
  return Math.sqrt(p * (1 - p)) / density;
}

/**
 * The deviation of one unit from a pilot's interval for any estimate, such as a quantile's order-statistic interval:
 * √n·(high − low)/(2z).
 *
 * @returns undetermined when the interval is open or has no width (ties at the quantile, or too few units)
 *
 * Source: Deng, Knoblich & Lu (2018), arXiv 1803.06336, §4 (outer confidence interval).
 */
export function pilotDeviation(
  { low, high }: { readonly low: number; readonly high: number },
  n: number,
  level = 0.95,
): { readonly status: "ok"; readonly deviation: number } | Undetermined {
  requireFraction("pilotDeviation", "level", level);
  requirePositive("pilotDeviation", "n", n);
  if (!Number.isFinite(high - low)) return undetermined("the pilot's interval is open");
  if (!(high > low)) return undetermined("the pilot's interval has no width");
  return { status: "ok", deviation: (Math.sqrt(n) * (high - low)) / (2 * normalUpperQuantile((1 - level) / 2)) };
}

/**
 * The deviation of one unit of a ratio metric, from a pilot's moments of numerator and denominator.
 *
 * @returns undetermined below two units or when the denominators sum to zero
 *
 * Source: Deng, Knoblich & Lu (2018), arXiv 1803.06336, eq. 4.
 */
export function ratioDeviation(
  pilot: Moments,
): { readonly status: "ok"; readonly ratio: number; readonly deviation: number } | Undetermined {
  const { n, estimate, standardError } = ratioOfSums(pilot);
  if (n < 2) return undetermined(`a pilot of ${n} units`);
  if (!Number.isFinite(standardError)) return undetermined("the pilot's denominators sum to zero");
  return { status: "ok", ratio: estimate, deviation: standardError * Math.sqrt(n) };
}

function logRateRatio(
  { control, candidate }: EventRates,
  { exposure = 1, overdispersion = 1, dispersion = 0, nullRatio = 1 }: EventTestOptions,
) {
  requirePositive("a comparison of event rates", "the control's rate", control);
  requirePositive("a comparison of event rates", "the candidate's rate", candidate);
  requirePositive("a comparison of event rates", "exposure", exposure);
  requirePositive("a comparison of event rates", "overdispersion", overdispersion);
  requirePositive("a comparison of event rates", "nullRatio", nullRatio);
  if (!(dispersion >= 0))
    throw new RangeError(`a comparison of event rates needs dispersion of at least 0, got ${dispersion}`);
  const variance = (rate: number) => overdispersion / (rate * exposure) + dispersion;
  return {
    effect: Math.log(candidate / control) - Math.log(nullRatio),
    variance0: variance(control),
    variance1: variance(candidate),
  };
}
