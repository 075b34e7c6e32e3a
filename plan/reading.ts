import { differenceNull, ratioNull } from "../statistics/proportions/proportions.ts";
import type { Margin } from "./margin.ts";
import { harmSign, type Metric } from "./metric.ts";

export interface Arms<T> {
  readonly control: T;
  readonly candidate: T;
}

/** One arm of one metric: its value, with the error that comes from the units it was measured on. */
export interface ArmReading {
  /** NaN when the arm has no value */
  readonly estimate: number;
  /** by unit; NaN below two units */
  readonly standardError: number;
  /** For proportions: sessions that were independent, that is sessions over the design effect. */
  readonly effectiveSample: number;
}

/** Where the candidate stands between no harm and its margin. */
export interface MarginReading {
  /** loss in the direction of harm, candidate against control, in the metric's unit */
  readonly harm: number;
  /** harm beyond the margin on the margin's scale; negative inside it; NaN for a share of a negative control */
  readonly overMargin: number;
  /** (harm − above) / SE under that much harm; NaN when it cannot be computed */
  readonly zHarm: number;
  /** (margin − harm) / SE at the margin; NaN when it cannot be computed */
  readonly zMargin: number;
}

/**
 * Reads both arms against no harm and against the margin, without dividing by the control: for a relative margin the harm
 * beyond it is candidate − factor · control in the direction of harm.
 *
 * Proportions have the score standard error under each null, the other kinds that of the estimates. For rare events at
 * 1 : 99 the score's level is nearer than Wald's, but not nominal: .037 for .025 (2 % in 143 against 14,157 units).
 * Constant arms read 0 where they meet the null, ±Infinity where they miss it.
 *
 * @param above harm up to this is no harm for zHarm; none unless given
 *
 * Sources: Farrington & Manning (1990) for proportions; Laster & Johnson (2003), Stat. Med. 22:187–200, eq. 3, for ratios
 * of means.
 */
export function readMargin(metric: Metric, margin: Margin, arms: Arms<ArmReading>, above?: Margin): MarginReading {
  return {
    harm: harmSign(metric) * (arms.candidate.estimate - arms.control.estimate),
    overMargin: harmBeyond(metric, margin, arms),
    zHarm: zOfHarm(metric, arms, above),
    zMargin: zOfMargin(metric, margin, arms),
  };
}

/** {@link MarginReading.overMargin} alone. */
export function harmOverMargin(metric: Metric, margin: Margin, arms: Arms<ArmReading>): number {
  return harmBeyond(metric, margin, arms);
}

/** {@link MarginReading.zHarm} alone. */
export function zOfHarm(metric: Metric, arms: Arms<ArmReading>, above: Margin = noHarm): number {
  return standardized(harmBeyond(metric, above, arms), errorAt(metric, above, arms));
}

/** {@link MarginReading.zMargin} alone. */
export function zOfMargin(metric: Metric, margin: Margin, arms: Arms<ArmReading>): number {
  const beyond = harmBeyond(metric, margin, arms);
  const standardError = errorAt(metric, margin, arms);
  // constant arms without any harm are inside every margin, also a share of zero
  return metric.kind !== "proportion" &&
    standardError === 0 &&
    harmBeyond(metric, noHarm, arms) <= 0 &&
    !Number.isNaN(beyond)
    ? Number.POSITIVE_INFINITY
    : standardized(-beyond, standardError);
}

/** The bound of no harm. */
export const noHarm: Margin = { kind: "relative", factor: 1 };

/** Harm beyond a bound on the bound's scale; NaN for a share of a negative control, which bounds nothing. */
function harmBeyond(metric: Metric, bound: Margin, { control, candidate }: Arms<ArmReading>): number {
  const sign = harmSign(metric);
  if (bound.kind === "absolute") return sign * (candidate.estimate - control.estimate - sign * bound.loss);
  if (bound.factor !== 1 && control.estimate < 0) return Number.NaN;
  return sign * (candidate.estimate - bound.factor * control.estimate);
}

/** Standard error of the harm beyond a bound where the harm is at the bound. */
function errorAt(metric: Metric, bound: Margin, { control, candidate }: Arms<ArmReading>): number {
  const factor = bound.kind === "relative" ? bound.factor : 1;
  if (metric.kind === "proportion" && control.effectiveSample > 0 && candidate.effectiveSample > 0) {
    return scoreError(factor, bound.kind === "absolute" ? harmSign(metric) * bound.loss : 0, control, candidate);
  }
  return Math.hypot(candidate.standardError, factor * control.standardError);
}

function scoreError(factor: number, shift: number, control: ArmReading, candidate: ArmReading): number {
  const count = ({ estimate, effectiveSample: n }: ArmReading) => ({ events: estimate * n, n });
  const fit =
    factor === 1
      ? differenceNull(count(control), count(candidate), shift)
      : ratioNull(count(control), count(candidate), factor);
  return fit.standardError;
}

/** 0 for no effect without variance, ±Infinity for an effect without variance. */
function standardized(effect: number, standardError: number): number {
  return effect === 0 && standardError === 0 ? 0 : effect / standardError;
}
