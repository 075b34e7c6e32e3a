import type { Metric } from "../plan/metric.ts";
import type { ArmReading } from "../plan/reading.ts";
import type { Values } from "../shadow/outcomes.ts";
import type { ArmEstimate } from "../statistics/means/means.ts";
import { ratioOfSums } from "../statistics/means/ratio.ts";
import { moments } from "../statistics/moments.ts";
import { clusteredQuantile } from "../statistics/quantiles/quantiles.ts";

/** One metric in one lane, by unit. */
export interface ArmSummary extends ArmEstimate, ArmReading {
  /** units with a value */
  readonly n: number;
  /** sessions with a value */
  readonly sessions: number;
  /** sessions without one */
  readonly missing: number;
  /** why there is no value, where more than its absence is known */
  readonly undetermined?: string;
}

/** The sessions that are summarised: all of them, or those of a segment. */
export type Chosen = readonly number[];

/**
 * A metric over the chosen sessions with its standard error by unit: rows are units with their sessions summed.
 *
 * Proportions, means and ratios are ratios of sums by the delta method, compositions too, with their variance of second
 * order; quantiles have order-statistic intervals.
 *
 * @param unit  unit index of each session
 * @param units number of units in all
 */
export function summarizeArm(
  metric: Metric,
  values: Values,
  chosen: Chosen,
  unit: Int32Array,
  units: number,
): ArmSummary {
  return values.kind === "requests"
    ? summarizeQuantile(metric, values, chosen, unit, units)
    : summarizeSums(metric, values, chosen, unit, units);
}

function summarizeSums(
  metric: Metric,
  values: Extract<Values, { kind: "sums" }>,
  chosen: Chosen,
  unit: Int32Array,
  units: number,
): ArmSummary {
  const numerator = new Float64Array(units);
  const denominator = new Float64Array(units);
  const present = new Uint8Array(units);
  let missing = 0;
  for (const i of chosen) {
    if (values.missing[i] === 1) {
      missing += 1;
      continue;
    }
    const own = unit[i] as number;
    numerator[own] = (numerator[own] as number) + (values.numerator[i] as number);
    denominator[own] = (denominator[own] as number) + (values.denominator[i] as number);
    present[own] = 1;
  }
  const there = (_: number, own: number) => present[own] === 1;
  const summary = ratioOfSums(moments([numerator.filter(there), denominator.filter(there)]));
  const sessions = chosen.length - missing;
  const p = summary.estimate;
  const independent = metric.kind === "proportion" && sessions > 0 ? (p * (1 - p)) / sessions : 0;
  const designEffect =
    independent > 0 && summary.n > 1 ? summary.standardError ** 2 / independent : sessions / (summary.n || 1);
  const { composition } = values;
  if (!composition) return { ...summary, effectiveSample: sessions / (designEffect || 1), sessions, missing };
  const showings = denominator.reduce((sum, own) => sum + own, 0);
  return {
    ...summary,
    standardError: Math.hypot(summary.standardError, Math.sqrt(composition.curvature) / showings),
    effectiveSample: sessions / (designEffect || 1),
    sessions,
    missing,
    ...(composition.undetermined === null ? {} : { undetermined: composition.undetermined }),
  };
}

function summarizeQuantile(
  metric: Metric,
  values: Extract<Values, { kind: "requests" }>,
  chosen: Chosen,
  unit: Int32Array,
  units: number,
): ArmSummary {
  const picked: number[] = [];
  const owner: number[] = [];
  let missing = 0;
  for (const i of chosen) {
    const from = values.offsets[i] as number;
    const to = values.offsets[i + 1] as number;
    if (from === to) missing += 1;
    for (let k = from; k < to; k++) {
      picked.push(values.values[k] as number);
      owner.push(unit[i] as number);
    }
  }
  const p = metric.kind === "quantile" ? metric.quantile : 0.5;
  const { n, estimate, standardError } = clusteredQuantile(Float64Array.from(picked), Int32Array.from(owner), units, p);
  return { n, estimate, standardError, effectiveSample: picked.length, sessions: chosen.length - missing, missing };
}
