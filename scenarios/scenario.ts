import type { Margin } from "../plan/margin.ts";
import type { Guardrail, Plan } from "../plan/plan.ts";
import type { Outcomes, Values } from "../shadow/outcomes.ts";
import type { Conditions } from "./conditions.ts";
import type { Course } from "./course.ts";
import { type Harm, harmed } from "./harm.ts";
import { changedValues, type OwnScenario } from "./own-scenario.ts";

/**
 * A world in which the plan is rehearsed: what the candidate's outcomes are.
 *
 * - `as_replayed`: what the replay found
 * - `no_change`: the candidate equals the control
 * - `harm`: the control's outcomes with harm of a size in some metrics, for everyone or inside segments, or without any, under
 *   conditions that are not the log's
 * - `own`: what a module makes of each session
 */
export type Scenario =
  | { readonly kind: "as_replayed"; readonly name: string }
  | { readonly kind: "no_change"; readonly name: string }
  | HarmScenario
  | ModuleScenario;

/** A scenario that a module states. */
export interface ModuleScenario extends OwnScenario {
  readonly kind: "own";
  /** `file:line` where it is named */
  readonly place: string;
}

export interface HarmScenario {
  readonly kind: "harm";
  readonly name: string;
  /** what happens there, in one sentence */
  readonly story?: string;
  /** all at once; of two in one metric, the second comes on top of the first */
  readonly harms: readonly Harm[];
  /** key of the guardrail at whose margin the harm is */
  readonly atMargin?: string;
  /** how many sessions the harm reaches by time since the rollout's start: all of them unless stated */
  readonly course?: Course;
  /** exposure from which on the harm is there, as a fraction */
  readonly fromExposure?: number;
  /** what else is unlike the log */
  readonly conditions?: Conditions;
}

export const asReplayed: Scenario = { kind: "as_replayed", name: "as_replayed" };
export const noChange: Scenario = { kind: "no_change", name: "no_change" };

/** Harm that sits exactly at a guardrail's margin: the regression that the plan must not miss more often than β. */
export function atMargin({ key, metric, margin, segment }: Guardrail): Scenario {
  return {
    kind: "harm",
    name: `at_margin:${key}`,
    harms: [{ metric, size: margin, where: segment ? [segment] : [] }],
    atMargin: key,
  };
}

/** Harm beyond the margin whose detection is asked for. */
const detectionMultiples = [1.5, 2] as const;

/** Harm at a multiple of a guardrail's margin: how surely and how soon it is found, and by how many units. */
function beyondMargin({ key, metric, margin, segment }: Guardrail, times: number): Scenario[] {
  const size: Margin =
    margin.kind === "absolute"
      ? { kind: "absolute", loss: times * margin.loss }
      : { kind: "relative", factor: 1 + times * (margin.factor - 1) };
  // nothing falls by more than all of it
  if (size.kind === "relative" && size.factor <= 0) return [];
  return [
    {
      kind: "harm",
      name: `at_margin:${key}:${times}x`,
      story: `harm of ${times} times the margin`,
      harms: [{ metric, size, where: segment ? [segment] : [] }],
    },
  ];
}

/**
 * The scenarios that every rehearsal has, then those of the project that are not among them.
 *
 * @param detection also harm of 1.5 and 2 times each margin
 */
export function scenariosOf(plan: Plan, stated: readonly Scenario[], detection = false): Scenario[] {
  const beyond = detection
    ? plan.guardrails.flatMap((guardrail) => detectionMultiples.flatMap((times) => beyondMargin(guardrail, times)))
    : [];
  const always = [asReplayed, noChange, ...plan.guardrails.map(atMargin), ...beyond];
  const names = new Set(always.map(({ name }) => name));
  return [...always, ...stated.filter(({ name }) => !names.has(name))];
}

/**
 * The candidate's values under a scenario, one entry a metric of the outcomes; the control's own object where they are equal.
 * Those of a harm are harmed in full, whatever its course.
 *
 * @throws NoRoom when a metric has no room for the harm; InputError for what a module makes of a session
 */
export function candidateValues(scenario: Scenario, outcomes: Outcomes): readonly Values[] {
  if (scenario.kind === "as_replayed") return outcomes.metrics.map(({ candidate }) => candidate);
  if (scenario.kind === "no_change") return outcomes.metrics.map(({ control }) => control);
  if (scenario.kind === "own") return changedValues(scenario, outcomes, scenario.place);
  return outcomes.metrics.map(({ metric, control }) =>
    scenario.harms
      .filter((harm) => harm.metric.name === metric.name)
      .reduce((values, harm) => harmed(values, harm, control, outcomes), control),
  );
}
