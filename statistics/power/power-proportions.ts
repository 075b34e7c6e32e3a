import { normalUpperQuantile, normalUpperTail } from "../distributions.ts";
import { undetermined } from "../estimate.ts";
import { risingRoot } from "../line-search.ts";
import { differenceNull, ratioNull } from "../proportions/proportions.ts";
import { noncentralPower, requireFraction, requirePositive, smallestSize, type TestSides } from "./noncentral-power.ts";
import { type ArmSizes, allocated, requirePower, type SampleSize, wrongSide } from "./power-means.ts";

/** Rates of the two arms, in [0, 1]. */
export interface Rates {
  readonly control: number;
  readonly candidate: number;
}

/** A null value of candidate − control, of candidate / control, or of the candidate's odds over the control's. */
export interface NullRate {
  readonly scale: "difference" | "ratio" | "oddsRatio";
  readonly value: number;
}

/**
 * What stands under the test statistic: `score` the variance of the rates closest to the plan's that obey the null (with
 * no margin the pooled variance), `unpooled` that of the plan's rates, `arcsine` Cohen's constant one (no margin).
 */
export type RateTest = "score" | "unpooled" | "arcsine";

export interface RateTestOptions extends TestSides {
  readonly null?: NullRate;
  readonly test?: RateTest;
}

const noDifference: NullRate = { scale: "difference", value: 0 };

/**
 * Power of a comparison of two proportions, by the normal approximation.
 *
 * Wrong where events are few and arms unequal: at 2 % → 6 % with 143 candidate and 14,157 control units the pooled z test
 * has level .037 instead of .025 and power .788. There, use {@link exactPower} with the test that will be carried out.
 *
 * Sources: Fleiss, Tytun & Ury (1980), Biometrics 36:343–346 (no margin); Farrington & Manning (1990), Stat. Med.
 * 9:1447–1454 (difference, ratio); Miettinen & Nurminen (1985), Stat. Med. 4:213–226 (null fit of the odds ratio);
 * Cohen (1988), ch. 6 (arcsine).
 */
export function powerProportions(
  rates: Rates,
  sizes: ArmSizes,
  { null: hypothesis = noDifference, test = "score", ...sides }: RateTestOptions = {},
): number {
  requirePositive("powerProportions", "the control's size", sizes.control);
  requirePositive("powerProportions", "the candidate's size", sizes.candidate);
  return powerOf(standardised(rates, hypothesis, test, sizes.control / sizes.candidate), sizes.candidate, sides);
}

/**
 * Units in each arm for a power, by default .8; see {@link powerProportions} for where not to trust it.
 *
 * @returns fractions of units; undetermined when the planned rates obey the null or lie on its other side
 * @throws RangeError when the power does not exceed alpha, or a number is out of its range
 */
export function sampleSizeProportions(
  rates: Rates,
  power = 0.8,
  { null: hypothesis = noDifference, test = "score", ratio = 1, ...sides }: RateTestOptions & { ratio?: number } = {},
): SampleSize {
  requirePositive("sampleSizeProportions", "ratio", ratio);
  requirePower("sampleSizeProportions", power, sides);
  const planned = standardised(rates, hypothesis, test, ratio);
  const wrong = wrongSide(planned.effect, sides);
  if (wrong !== undefined) return undetermined(wrong);
  return allocated(
    smallestSize((candidate) => powerOf(planned, candidate, sides), power, 1e-9),
    ratio,
  );
}

/**
 * The candidate rate nearest to the null's that these arms find with a power, on one side of it.
 *
 * @returns undefined when even a rate of 0 or 1 is not found
 */
export function minimumDetectableRate(
  control: number,
  sizes: ArmSizes,
  power: number,
  direction: "less" | "greater",
  { null: hypothesis = noDifference, test = "score", ...sides }: RateTestOptions = {},
): number | undefined {
  requirePower("minimumDetectableRate", power, sides);
  const from = rateUnderNull(control, hypothesis);
  const to = direction === "less" ? 0 : 1;
  const reached = (share: number) => {
    const candidate = from + (to - from) * share;
    // log odds have no value at 0 and 1
    const inside = hypothesis.scale === "oddsRatio" ? Math.min(1 - 1e-12, Math.max(1e-12, candidate)) : candidate;
    return powerProportions({ control, candidate: inside }, sizes, { null: hypothesis, test, ...sides }) - power;
  };
  const steps = 256;
  for (let k = 1; k <= steps; k++) {
    if (reached(k / steps) < 0) continue;
    return from + (to - from) * risingRoot(reached, (k - 1) / steps, k / steps);
  }
  return undefined;
}

/** Cohen's h, 2·asin√p₁ − 2·asin√p₀. Source: Cohen (1988), eq. 6.2.1. */
export function arcsineEffect({ control, candidate }: Rates): number {
  return 2 * Math.asin(Math.sqrt(candidate)) - 2 * Math.asin(Math.sqrt(control));
}

/** Power for Cohen's h by the normal approximation, as R's `pwr.2p2n.test`. Source: Cohen (1988), ch. 6. */
export function powerArcsine(h: number, sizes: ArmSizes, sides: TestSides = {}): number {
  return noncentralPower(h / Math.sqrt(1 / sizes.control + 1 / sizes.candidate), Number.POSITIVE_INFINITY, sides);
}

/**
 * A sample size for the test with Yates's continuity correction, from that without.
 *
 * Source: Fleiss, Tytun & Ury (1980), Biometrics 36:343–346: n′ = n/4·[1 + √(1 + 2(r + 1)/(n·r·|p₁ − p₀|))]².
 */
export function continuityCorrected(size: SampleSize, { control, candidate }: Rates): SampleSize {
  if (size.status !== "ok") return size;
  const ratio = size.control / size.candidate;
  const root = Math.sqrt(1 + (2 * (ratio + 1)) / (size.candidate * ratio * Math.abs(candidate - control)));
  return allocated((size.candidate / 4) * (1 + root) ** 2, ratio);
}

/** Effect of one candidate unit with its `ratio` control units, and the deviation under the null and under the plan. */
interface Standardised {
  readonly effect: number;
  readonly underNull: number;
  readonly underPlan: number;
}

function standardised(rates: Rates, { scale, value }: NullRate, test: RateTest, ratio: number): Standardised {
  requireRates(rates, scale);
  if (test === "arcsine") {
    if (scale === "difference" ? value !== 0 : value !== 1) {
      throw new RangeError(`the arcsine test needs a null of no difference, got ${scale} ${value}`);
    }
    const deviation = Math.sqrt(1 + 1 / ratio);
    return { effect: arcsineEffect(rates), underNull: deviation, underPlan: deviation };
  }
  if (scale === "difference" && !(value > -1 && value < 1)) {
    throw new RangeError(`a null difference of rates needs to be in (-1, 1), got ${value}`);
  }
  if (scale !== "difference") requirePositive("a comparison of rates", `the null ${scale}`, value);
  const underPlan = deviationOf(rates, scale, value, ratio);
  return {
    effect: effectOf(rates, scale, value),
    underPlan,
    underNull: test === "unpooled" ? underPlan : deviationOf(nullFit(rates, scale, value, ratio), scale, value, ratio),
  };
}

function effectOf({ control, candidate }: Rates, scale: NullRate["scale"], value: number): number {
  if (scale === "difference") return candidate - control - value;
  if (scale === "ratio") return candidate - value * control;
  return Math.log(candidate / (1 - candidate)) - Math.log(control / (1 - control)) - Math.log(value);
}

function deviationOf({ control, candidate }: Rates, scale: NullRate["scale"], value: number, ratio: number): number {
  const variance0 = control * (1 - control);
  const variance1 = candidate * (1 - candidate);
  if (scale === "difference") return Math.sqrt(variance1 + variance0 / ratio);
  if (scale === "ratio") return Math.sqrt(variance1 + (value ** 2 * variance0) / ratio);
  return Math.sqrt(1 / variance1 + 1 / (ratio * variance0));
}

/** The rates that obey the null and are likeliest if the planned ones are observed. */
function nullFit({ control, candidate }: Rates, scale: NullRate["scale"], value: number, ratio: number): Rates {
  const counts0 = { events: control * ratio, n: ratio };
  const counts1 = { events: candidate, n: 1 };
  if (scale === "difference") return differenceNull(counts0, counts1, value);
  if (scale === "ratio") return ratioNull(counts0, counts1, value);
  const events = counts0.events + counts1.events;
  const a = ratio * (value - 1);
  const b = value + ratio - events * (value - 1);
  // the root in (0, 1), in the form that does not cancel when the odds ratio is near 1
  const fitted = (2 * events) / (b + Math.sqrt(b * b + 4 * a * events));
  return { control: fitted, candidate: (value * fitted) / (1 + fitted * (value - 1)) };
}

function powerOf(
  { effect, underNull, underPlan }: Standardised,
  candidate: number,
  { alternative = "twoSided", alpha = 0.05, strict = true }: TestSides,
): number {
  requireFraction("a comparison of rates", "alpha", alpha);
  const toward = Math.sqrt(candidate) * (alternative === "less" ? -effect : effect);
  const reject = (tail: number, signal: number) =>
    normalUpperTail((normalUpperQuantile(tail) * underNull - signal) / underPlan);
  if (alternative !== "twoSided") return reject(alpha, toward);
  return reject(alpha / 2, Math.abs(toward)) + (strict ? reject(alpha / 2, -Math.abs(toward)) : 0);
}

function rateUnderNull(control: number, { scale, value }: NullRate): number {
  const odds = (value * control) / (1 - control);
  const rate = { difference: control + value, ratio: control * value, oddsRatio: odds / (1 + odds) }[scale];
  if (!(rate >= 0 && rate <= 1))
    throw new RangeError(`a candidate rate under the null needs to be in [0, 1], got ${rate}`);
  return rate;
}

function requireRates(rates: Rates, scale: NullRate["scale"]): void {
  for (const rate of [rates.control, rates.candidate]) {
    if (scale === "oddsRatio" ? !(rate > 0 && rate < 1) : !(rate >= 0 && rate <= 1)) {
      const range = scale === "oddsRatio" ? "(0, 1)" : "[0, 1]";
      throw new RangeError(
        `a comparison of rates needs rates in ${range}, got ${rates.control} and ${rates.candidate}`,
      );
    }
  }
}
