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
  /** harm / SE under no harm; NaN when it cannot be computed */
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
 * Sources: Farrington & Manning (1990) for proportions; Laster & Johnson (2003), Stat. Med. 22:187–200, eq. 3, for ratios
 * of means.
 */
export function readMargin(metric: Metric, margin: Margin, { control, candidate }: Arms<ArmReading>): MarginReading {
  const sign = harmSign(metric);
  const factor = margin.kind === "relative" ? margin.factor : 1;
  const shift = margin.kind === "absolute" ? sign * margin.loss : 0;
  const harm = sign * (candidate.estimate - control.estimate);
  const overMargin = sign * (candidate.estimate - factor * control.estimate - shift);
  const errors =
    metric.kind === "proportion" && control.effectiveSample > 0 && candidate.effectiveSample > 0
      ? scoreErrors(margin, factor, shift, control, candidate)
      : {
          noHarm: Math.hypot(candidate.standardError, control.standardError),
          atMargin: Math.hypot(candidate.standardError, factor * control.standardError),
        };
  // a share of a negative control bounds nothing
  const meaningful = !(margin.kind === "relative" && control.estimate < 0);
  return {
    harm,
    overMargin: meaningful ? overMargin : Number.NaN,
    zHarm: standardized(harm, errors.noHarm),
    // constant arms without any harm are inside every margin, also a share of zero
    zMargin: !meaningful
      ? Number.NaN
      : metric.kind !== "proportion" && errors.atMargin === 0 && harm <= 0
        ? Number.POSITIVE_INFINITY
        : standardized(-overMargin, errors.atMargin),
  };
}

function scoreErrors(margin: Margin, factor: number, shift: number, control: ArmReading, candidate: ArmReading) {
  const count = ({ estimate, effectiveSample: n }: ArmReading) => ({ events: estimate * n, n });
  const null0 = differenceNull(count(control), count(candidate), 0);
  const nullMargin =
    margin.kind === "relative"
      ? ratioNull(count(control), count(candidate), factor)
      : differenceNull(count(control), count(candidate), shift);
  return { noHarm: null0.standardError, atMargin: nullMargin.standardError };
}

/** 0 for no effect without variance, ±Infinity for an effect without variance. */
function standardized(effect: number, standardError: number): number {
  return effect === 0 && standardError === 0 ? 0 : effect / standardError;
}
