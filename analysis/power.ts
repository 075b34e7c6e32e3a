import { type Duration, duration } from "../statistics/power/duration.ts";
import { type SampleSize, sampleSizeMeans } from "../statistics/power/power-means.ts";
import { sampleSizeProportions } from "../statistics/power/power-proportions.ts";

/** What is to be found, and by which traffic. */
export interface PowerQuestion {
  readonly metric:
    | { readonly kind: "rate"; readonly control: number; readonly difference: number }
    | { readonly kind: "mean"; readonly deviation: number; readonly difference: number }
    /** the candidate's units are known */
    | { readonly kind: "units"; readonly candidate: number };
  /** share of the units that the candidate gets, in (0, 1) */
  readonly exposure: number;
  /** new units a day */
  readonly unitsPerDay?: number | undefined;
  /** two-sided, .05 unless stated */
  readonly alpha?: number | undefined;
  /** .8 unless stated */
  readonly power?: number | undefined;
}

/** How many units it takes, and how long. */
export interface PowerAnswer {
  readonly units: SampleSize;
  /** when units a day are given */
  readonly duration?: Duration | undefined;
  /** events that are expected in the candidate; below 20 the arithmetic of normal distributions is off */
  readonly events?: number | undefined;
}

/**
 * The units of one fixed test that finds a difference with a power, and the days until they have come: 10,000 candidate
 * units at 5 % of 50,000 a day take 4 days. Looking before that needs more: `inflationFactor`.
 *
 * @throws RangeError for a share outside (0, 1) or units below 0
 */
export function powerAnswer({ metric, exposure, unitsPerDay, alpha = 0.05, power = 0.8 }: PowerQuestion): PowerAnswer {
  if (!(exposure > 0 && exposure < 1)) throw new RangeError(`powerAnswer needs an exposure in (0, 1), got ${exposure}`);
  const ratio = (1 - exposure) / exposure;
  const units = unitsOf(metric, ratio, alpha, power);
  if (units.status !== "ok") return { units };
  return {
    units,
    ...(unitsPerDay === undefined ? {} : { duration: duration(units, exposure, unitsPerDay) }),
    ...(metric.kind === "rate"
      ? { events: units.candidate * Math.min(metric.control + metric.difference, metric.control) }
      : {}),
  };
}

function unitsOf(metric: PowerQuestion["metric"], ratio: number, alpha: number, power: number): SampleSize {
  switch (metric.kind) {
    case "rate":
      return sampleSizeProportions({ control: metric.control, candidate: metric.control + metric.difference }, power, {
        ratio,
        alpha,
      });
    case "mean":
      return sampleSizeMeans({ difference: metric.difference, deviation: metric.deviation }, power, { ratio, alpha });
    case "units": {
      const { candidate } = metric;
      return { status: "ok", control: ratio * candidate, candidate, total: (1 + ratio) * candidate };
    }
  }
}
