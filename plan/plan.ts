import type { Margin } from "./margin.ts";
import type { Metric } from "./metric.ts";

/** A staged rollout and its rule, as frozen before anyone is exposed. */
export interface Plan {
  readonly owner?: string;
  readonly channel?: string;
  /** What is assigned to an arm, and stays there: `session`, `user` or the name of an attribute. */
  readonly assignBy: string;
  readonly salt: string;
  readonly primary: string;
  /** Every metric that has a margin, the primary one first; each must pass for a promotion. */
  readonly guardrails: readonly Guardrail[];
  readonly gates: readonly Gate[];
  readonly stages: readonly Stage[];
  readonly rule: Rule;
  readonly budgets: Budgets;
}

/** A metric with the largest loss still accepted, for everyone or inside one segment. */
export interface Guardrail {
  /** `metric`, or `metric@attribute=value` */
  readonly key: string;
  readonly metric: Metric;
  readonly segment?: Segment;
  readonly margin: Margin;
  /** The margin as it was written. */
  readonly written: string;
}

export interface Segment {
  readonly attribute: string;
  readonly value: string;
}

/** A condition before any user is exposed: these metrics inside their margins on at least so many paired sessions. */
export interface Gate {
  readonly name: string;
  readonly metrics: readonly string[];
  readonly minimumSample: number;
  readonly owner?: string;
}

export type Stage = ControlledStage | FullStage;

/** A stage with a control arm. */
export interface ControlledStage {
  readonly kind: "controlled";
  readonly name: string;
  /** Share of units that the candidate gets, in (0, 1). */
  readonly exposure: number;
  readonly minimumMs: number;
  readonly maximumMs: number;
  /** Units that each arm must have before a promotion. */
  readonly minimumSample: number;
  readonly lookEveryMs: number;
}

/** 100 %: no control is left, nothing is tested. */
export interface FullStage {
  readonly kind: "full";
  readonly name: string;
  readonly hotStandbyMs: number;
}

export type Evidence = "point" | "fixed";

export interface Rule {
  readonly evidence: Evidence;
  readonly onTimeout: "hold" | "rollback" | "promote";
  /** Units that each arm must have before a rollback. */
  readonly rollbackFloor: number;
  /** Chance that a release at its margin, having entered a stage before the last controlled one, passes it. */
  readonly leak: number;
}

/** Error rates that the plan may have, as fractions. */
export interface Budgets {
  readonly falseRollback: number;
  readonly missedRegression: number;
  readonly falseStop: number;
}

/** The stages that have a control arm, in order. */
export function controlledStages({ stages }: Pick<Plan, "stages">): readonly ControlledStage[] {
  return stages.filter((stage) => stage.kind === "controlled");
}
