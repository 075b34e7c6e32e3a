import type { Spending } from "../statistics/sequential/spending.ts";
import type { Margin } from "./margin.ts";
import type { Metric } from "./metric.ts";

/** A staged rollout and its rule, as frozen before anyone is exposed. */
export interface Plan {
  /** who can pause and roll back */
  readonly owner?: string;
  /** where each decision is announced */
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
  /** What freezing adds; without it a look's time is the clock's. */
  readonly calibration?: Calibration;
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
  /** Harm above this counts for a rollback: any harm, unless stated. */
  readonly rollbackAbove?: Margin;
  /** How its errors are used up over the looks of a stage. */
  readonly spending: Spending;
  /** Its part of the false-rollback budget, against the other guardrails' weights. */
  readonly weight: number;
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

export type Stage = RoutedStage | ControlledStage | FullStage;

/** Units that are sent to the candidate by a header or a segment, all of them: no control is like them, nothing is tested. */
export interface RoutedStage {
  readonly kind: "routed";
  readonly name: string;
  /** as `x-canary: always` */
  readonly header?: string;
  /** all of these at once */
  readonly where: readonly Segment[];
  readonly durationMs: number;
  readonly approval?: Approval;
}

/** A stage with a control arm. */
export interface ControlledStage {
  readonly kind: "controlled";
  readonly name: string;
  /** Share of units that the candidate gets, in (0, 1). */
  readonly exposure: number;
  /** Only units of these segments, all at once, take part; everyone when there is none. */
  readonly where: readonly Segment[];
  readonly minimumMs: number;
  readonly maximumMs: number;
  /** Units that each arm must have before a promotion. */
  readonly minimumSample: number;
  readonly lookEveryMs: number;
  /** Its part of the false-rollback budget, against the other stages' weights. */
  readonly weight: number;
  /** Instead of the rule's. */
  readonly onTimeout?: Timeout;
  /** Instead of the rule's. */
  readonly rollbackFloor?: number;
  /** Instead of the plan's, by a guardrail's key. */
  readonly margins?: Readonly<Record<string, StageMargin>>;
  readonly approval?: Approval;
}

export interface StageMargin {
  readonly margin: Margin;
  readonly written: string;
}

/** A person who must agree to a promotion that the rule has made. */
export interface Approval {
  readonly by: string;
  /** after which the promotion lapses */
  readonly timeoutMs?: number;
}

/** 100 %: no control is left, nothing is tested. */
export interface FullStage {
  readonly kind: "full";
  readonly name: string;
  readonly hotStandbyMs: number;
}

export const evidences = ["point", "fixed", "sequential", "always-valid", "calibrated"] as const;
export type Evidence = (typeof evidences)[number];

export const timeouts = ["hold", "rollback", "promote"] as const;
export type Timeout = (typeof timeouts)[number];

export interface Rule {
  readonly evidence: Evidence;
  readonly onTimeout: Timeout;
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

/** What is known of a plan once it has been rehearsed on recorded traffic. */
export interface Calibration {
  /**
   * n* by controlled stage and guardrail: 1 / (1/n₁ + 1/n₀) in mature units that the stage is planned to have at its maximum
   * duration, in the guardrail's segment.
   */
  readonly plannedSample: readonly (readonly number[])[];
  /** κ by controlled stage and guardrail, on the boundaries of `calibrated` evidence; 1 unless stated. */
  readonly factors?: readonly (readonly BoundaryFactors[])[];
}

export interface BoundaryFactors {
  readonly rollback: number;
  readonly pass: number;
}

/** The stages that have a control arm, in order. */
export function controlledStages({ stages }: Pick<Plan, "stages">): readonly ControlledStage[] {
  return stages.filter((stage) => stage.kind === "controlled");
}

/** The margin of a guardrail in a stage. */
export function marginIn({ margins }: ControlledStage, { key, margin }: Guardrail): Margin {
  return margins?.[key]?.margin ?? margin;
}

/** Looks of a stage at most. */
export function looksOf({ maximumMs, lookEveryMs }: Pick<ControlledStage, "maximumMs" | "lookEveryMs">): number {
  // a quotient that is whole but for its last bit has no look more
  return Math.ceil(maximumMs / lookEveryMs - 1e-9);
}

/** `attribute=value`, of all segments at once. */
export function segmentsInWords(where: readonly Segment[]): string {
  return where.map(({ attribute, value }) => `${attribute}=${value}`).join(" and ");
}
