import type { Margin } from "../plan/margin.ts";
import type { Metric } from "../plan/metric.ts";
import type { Guardrail, Plan, Segment } from "../plan/plan.ts";
import type { Attribute, Outcomes, Values } from "../shadow/outcomes.ts";
import { shifted } from "./shift.ts";

/**
 * A world in which the plan is rehearsed: what the candidate's outcomes are.
 *
 * - `as_replayed`: what the replay found
 * - `no_change`: the candidate equals the control
 * - `shift`: the control's outcomes with harm of a size in one metric, for everyone or inside segments
 */
export type Scenario =
  | { readonly kind: "as_replayed"; readonly name: string }
  | { readonly kind: "no_change"; readonly name: string }
  | ShiftScenario;

export interface ShiftScenario {
  readonly kind: "shift";
  readonly name: string;
  readonly metric: Metric;
  readonly size: Margin;
  /** all of them at once */
  readonly where: readonly Segment[];
  /** key of the guardrail at whose margin the harm is */
  readonly atMargin?: string;
}

export const asReplayed: Scenario = { kind: "as_replayed", name: "as_replayed" };
export const noChange: Scenario = { kind: "no_change", name: "no_change" };

/** Harm that sits exactly at a guardrail's margin: the regression that the plan must not miss more often than β. */
export function atMargin({ key, metric, margin, segment }: Guardrail): Scenario {
  return {
    kind: "shift",
    name: `at_margin:${key}`,
    metric,
    size: margin,
    where: segment ? [segment] : [],
    atMargin: key,
  };
}

/** The scenarios that every rehearsal has, then those of the project that are not among them. */
export function scenariosOf(plan: Plan, stated: readonly Scenario[]): Scenario[] {
  const always = [asReplayed, noChange, ...plan.guardrails.map(atMargin)];
  const names = new Set(always.map(({ name }) => name));
  return [...always, ...stated.filter(({ name }) => !names.has(name))];
}

/**
 * The candidate's values under a scenario, one entry a metric of the outcomes; the control's own object where they are equal.
 *
 * @throws NoRoom when the metric has no room for the harm
 */
export function candidateValues(scenario: Scenario, outcomes: Outcomes): readonly Values[] {
  if (scenario.kind === "as_replayed") return outcomes.metrics.map(({ candidate }) => candidate);
  if (scenario.kind === "no_change") return outcomes.metrics.map(({ control }) => control);
  return outcomes.metrics.map(({ metric, control }) =>
    metric.name === scenario.metric.name
      ? shifted(control, metric, scenario.size, outcomes.sessions, segmentsMask(scenario.where, outcomes))
      : control,
  );
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
