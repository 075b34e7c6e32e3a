import type { Margin } from "../plan/margin.ts";
import { isComposition, type Metric } from "../plan/metric.ts";
import type { Segment } from "../plan/plan.ts";
import type { Attribute, Outcomes, Values } from "../shadow/outcomes.ts";
import { NoRoom, shifted } from "./shift.ts";

/** What a scenario does to one metric. */
export interface Harm {
  readonly metric: Metric;
  /** of the loss, never signed; of a gain that is a share of the control, the factor lies on the better side */
  readonly size: Margin;
  /** the sessions that are in all of these segments; everyone when there is none */
  readonly where: readonly Segment[];
  /**
   * Absent: a loss of that size there. `gain`: an improvement. `gain_elsewhere`: the sessions outside the segments improve
   * until the mean over all sessions is better than the control's by the size, whatever the harms before this one did.
   */
  readonly effect?: "gain" | "gain_elsewhere";
}

/** The metric with the other direction: a loss in it is a gain. */
export function reversed(metric: Metric): Metric {
  return { ...metric, better: metric.better === "lower" ? "higher" : "lower" };
}

/**
 * The values of the harm's metric after it.
 *
 * @param values  those that the harms before this one left
 * @param control those of the control
 * @throws NoRoom when the metric has no room for the harm, or for the gain
 */
export function harmed(values: Values, harm: Harm, control: Values, outcomes: Outcomes): Values {
  const { metric, size, where, effect } = harm;
  const mask = segmentsMask(where, outcomes);
  if (effect === undefined) return shifted(values, metric, size, outcomes.sessions, mask);
  if (isComposition(metric)) throw new NoRoom(`${metric.name} is a composition, whose gain is not simulated`);
  if (effect === "gain") return shifted(values, reversed(metric), size, outcomes.sessions, mask);
  return gainedElsewhere(values, harm, control, outcomes.sessions, mask);
}

function gainedElsewhere(
  values: Values,
  { metric, size }: Harm,
  control: Values,
  sessions: readonly string[],
  mask: Uint8Array | null,
): Values {
  if (values.kind === "requests" || control.kind === "requests")
    throw new NoRoom(`${metric.name} is a quantile, which no sum over other sessions balances`);
  const outside = Uint8Array.from(sessions, (_, i) => (mask?.[i] === 0 ? 1 : 0));
  const others = totals(values, outside);
  if (others.denominator === 0)
    throw new NoRoom(`${metric.name} has no sessions outside the segment that could improve`);
  const before = totals(control);
  const gain = size.kind === "relative" ? before.numerator * Math.abs(size.factor - 1) : size.loss * before.denominator;
  const wanted = before.numerator + (metric.better === "higher" ? gain : -gain);
  const change = wanted - totals(values).numerator;
  const risen = { ...metric, better: change >= 0 ? "lower" : "higher" } as const;
  if (size.kind === "absolute" || metric.kind === "proportion") {
    const loss = Math.abs(change) / others.denominator;
    return shifted(values, risen, { kind: "absolute", loss }, sessions, outside);
  }
  const factor = 1 + change / others.numerator;
  if (factor < 0) throw new NoRoom(`${metric.name} cannot fall below 0 outside the segment`);
  return shifted(values, risen, { kind: "relative", factor }, sessions, outside);
}

/** Sums over the masked sessions; a missing value is 0 over 0. */
function totals({ numerator, denominator }: Extract<Values, { kind: "sums" }>, mask: Uint8Array | null = null) {
  const over = (column: Float64Array) => column.reduce((sum, own, i) => (mask?.[i] === 0 ? sum : sum + own), 0);
  return { numerator: over(numerator), denominator: over(denominator) };
}

/** 1 for the sessions that are in all the segments; null when there are no segments. */
function segmentsMask(where: readonly Segment[], { sessions, attributes }: Outcomes): Uint8Array | null {
  if (where.length === 0) return null;
  return Uint8Array.from(sessions, (_, i) => (where.every((segment) => inSegment(segment, attributes, i)) ? 1 : 0));
}

function inSegment({ attribute, value }: Segment, attributes: ReadonlyMap<string, Attribute>, i: number): boolean {
  const known = attributes.get(attribute);
  return known?.names[known.codes[i] as number] === value;
}
