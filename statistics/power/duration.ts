import { type Undetermined, undetermined } from "../estimate.ts";
import type { ArmSizes } from "./power-means.ts";

/** A share of units given to the candidate for some days; the last stage may leave out its days and stays. */
export interface ExposureStage {
  readonly exposure: number;
  readonly days?: number;
}

export type Duration =
  | {
      readonly status: "ok";
      readonly days: number;
      /** the arm that is complete last */
      readonly limitedBy: "control" | "candidate";
      /** units in each arm by then */
      readonly units: ArmSizes;
    }
  | Undetermined;

/**
 * Days until both arms have the units they need: 10,000 candidate units at 5 % of 50,000 a day take 4 days.
 *
 * Units are counted when first seen; a unit that comes back is not a new one, so give new units a day, not requests.
 * Adding up the stages is for the traffic only: arms pooled over stages of different exposure are biased by a time trend.
 *
 * @param needed      units in each arm; 0 for an arm that does not matter
 * @param exposure    a share in [0, 1], or stages in order
 * @param unitsPerDay above 0
 * @returns undetermined when the stages end first, as in a last stage of 100 %, which adds no control units
 */
export function duration(needed: ArmSizes, exposure: number | readonly ExposureStage[], unitsPerDay: number): Duration {
  if (!(unitsPerDay > 0)) throw new RangeError(`duration needs unitsPerDay above 0, got ${unitsPerDay}`);
  if (!(needed.control >= 0 && needed.candidate >= 0)) {
    throw new RangeError(
      `duration needs sizes of at least 0, got control ${needed.control}, candidate ${needed.candidate}`,
    );
  }
  const stages = typeof exposure === "number" ? [{ exposure }] : exposure;
  for (const { exposure: share, days = 0 } of stages) {
    if (!(share >= 0 && share <= 1)) throw new RangeError(`duration needs exposure in [0, 1], got ${share}`);
    if (!(days >= 0)) throw new RangeError(`duration needs days of at least 0, got ${days}`);
  }
  const control = daysUntil(
    needed.control,
    stages.map(({ exposure: e, days }) => ({ rate: (1 - e) * unitsPerDay, days })),
  );
  const candidate = daysUntil(
    needed.candidate,
    stages.map(({ exposure: e, days }) => ({ rate: e * unitsPerDay, days })),
  );
  const limitedBy = control > candidate ? "control" : "candidate";
  const days = Math.max(control, candidate);
  if (days === Number.POSITIVE_INFINITY)
    return undetermined(`the ${limitedBy} arm never has ${needed[limitedBy]} units`);
  return { status: "ok", days, limitedBy, units: unitsBy(days, stages, unitsPerDay) };
}

function daysUntil(needed: number, stages: readonly { rate: number; days: number | undefined }[]): number {
  let missing = needed;
  let elapsed = 0;
  for (const { rate, days = Number.POSITIVE_INFINITY } of stages) {
    if (missing === 0) break;
    if (rate > 0 && missing <= rate * days) return elapsed + missing / rate;
    elapsed += days;
    missing -= rate === 0 ? 0 : rate * days;
  }
  return missing === 0 ? elapsed : Number.POSITIVE_INFINITY;
}

function unitsBy(days: number, stages: readonly ExposureStage[], unitsPerDay: number): ArmSizes {
  let control = 0;
  let candidate = 0;
  let left = days;
  for (const { exposure, days: length = Number.POSITIVE_INFINITY } of stages) {
    const spent = Math.min(left, length);
    control += spent * (1 - exposure) * unitsPerDay;
    candidate += spent * exposure * unitsPerDay;
    left -= spent;
  }
  return { control, candidate };
}
