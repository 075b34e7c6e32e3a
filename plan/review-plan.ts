import { boundariesAt, levelsOf } from "./boundaries.ts";
import type { Margin } from "./margin.ts";
import {
  type Approval,
  type ControlledStage,
  controlledStages,
  type Evidence,
  type Gate,
  type Guardrail,
  looksOf,
  type Plan,
  type Stage,
  segmentsInWords,
  type Timeout,
} from "./plan.ts";

/** What a launch review asks of a plan, and what the plan answers: plain data, null where it answers nothing. */
export interface PlanReview {
  /** who can pause and roll back */
  readonly owner: string | null;
  /** where each decision is announced */
  readonly channel: string | null;
  readonly assignBy: string;
  readonly salt: string;
  readonly evidence: Evidence;
  readonly budgets: Plan["budgets"];
  readonly gates: readonly Gate[];
  readonly stages: readonly ReviewedStage[];
  /** one per controlled stage and guardrail */
  readonly thresholds: readonly Threshold[];
}

/** A stage: how long, on how much, and what happens next. */
export interface ReviewedStage {
  readonly name: string;
  readonly kind: Stage["kind"];
  /** null for a routed stage, which takes all units that it addresses */
  readonly exposure: number | null;
  /** the header or the segments that take part; null for everyone */
  readonly addresses: string | null;
  readonly minimumMs: number | null;
  readonly maximumMs: number | null;
  /** units in each arm before a promotion, and before a rollback */
  readonly minimumSample: number | null;
  readonly rollbackFloor: number | null;
  readonly looks: number;
  readonly lookEveryMs: number | null;
  readonly approval: Approval | null;
  readonly hotStandbyMs: number | null;
  /** what follows a look that finds harm, passes, or does neither; in words */
  readonly onFail: string;
  readonly onPass: string;
  readonly onHold: string;
  /** at the last look; null where nothing is tested */
  readonly onTimeout: Timeout | null;
}

/** What was set for a metric in a stage before anyone is exposed. */
export interface Threshold {
  readonly stage: string;
  readonly guardrail: string;
  readonly role: "primary" | "guardrail";
  readonly better: "higher" | "lower";
  /** the largest loss still accepted, as the plan writes it */
  readonly margin: string;
  /** harm up to this is none yet; null where any harm counts */
  readonly rollbackAbove: Margin | null;
  /** error rates of this test in this stage */
  readonly levels: { readonly rollback: number; readonly pass: number };
  /**
   * z that is reached to roll back and to pass, at the first and the last look that may; null under `point` evidence, and where
   * nothing can be decided yet
   */
  readonly boundaries: {
    readonly first: { readonly rollback: number | null; readonly pass: number | null };
    readonly last: { readonly rollback: number | null; readonly pass: number | null };
  };
}

/** The table that a launch review signs: every threshold, sample and duration, and who does what when. */
export function reviewPlan(plan: Plan): PlanReview {
  const stages = controlledStages(plan);
  return {
    owner: plan.owner ?? null,
    channel: plan.channel ?? null,
    assignBy: plan.assignBy,
    salt: plan.salt,
    evidence: plan.rule.evidence,
    budgets: plan.budgets,
    gates: plan.gates,
    stages: plan.stages.map((stage, i) => reviewStage(plan, stage, plan.stages[i + 1])),
    thresholds: stages.flatMap((_, s) => plan.guardrails.map((_, g) => thresholdOf(plan, s, g))),
  };
}

function reviewStage(plan: Plan, stage: Stage, next: Stage | undefined): ReviewedStage {
  const untested = {
    minimumMs: null,
    maximumMs: null,
    minimumSample: null,
    rollbackFloor: null,
    looks: 0,
    lookEveryMs: null,
    hotStandbyMs: null,
    onTimeout: null,
  };
  const { name, kind } = stage;
  const owner = plan.owner ?? "whoever notices";
  if (stage.kind === "full") {
    return {
      ...untested,
      name,
      kind,
      exposure: 1,
      addresses: null,
      hotStandbyMs: stage.hotStandbyMs,
      approval: null,
      onFail:
        stage.hotStandbyMs > 0 ? `${owner} switches back to the hot standby` : `${owner} deploys the control again`,
      onPass: "the rollout is done",
      onHold: "nothing is tested: no control is left",
    };
  }
  const onward = next ? `on to ${next.name}` : "the plan ends here";
  const approval = stage.approval ?? null;
  const onPass = approval ? `${onward}, if ${approval.by} agrees` : onward;
  const addresses = stage.where.length > 0 ? segmentsInWords(stage.where) : null;
  if (stage.kind === "routed") {
    return {
      ...untested,
      name,
      kind,
      exposure: null,
      addresses: stage.header ?? addresses,
      minimumMs: stage.durationMs,
      maximumMs: stage.durationMs,
      approval,
      onFail: `${owner} takes the route away`,
      onPass,
      onHold: "nothing is tested: these units have no control that is like them",
    };
  }
  const onTimeout = stage.onTimeout ?? plan.rule.onTimeout;
  return {
    name,
    kind,
    exposure: stage.exposure,
    addresses,
    minimumMs: stage.minimumMs,
    maximumMs: stage.maximumMs,
    minimumSample: stage.minimumSample,
    rollbackFloor: stage.rollbackFloor ?? plan.rule.rollbackFloor,
    looks: looksOf(stage),
    lookEveryMs: stage.lookEveryMs,
    hotStandbyMs: null,
    approval,
    onTimeout,
    onFail: "every unit goes back to the control",
    onPass,
    onHold: `the exposure stays until the next look; at the last one ${lastWords[onTimeout]}`,
  };
}

const lastWords: Readonly<Record<Timeout, string>> = {
  hold: "the rollout stops",
  rollback: "every unit goes back to the control",
  promote: "it is promoted all the same",
};

function thresholdOf(plan: Plan, stageIndex: number, guardrailIndex: number): Threshold {
  const stage = controlledStages(plan)[stageIndex] as ControlledStage;
  const guardrail = plan.guardrails[guardrailIndex] as Guardrail;
  const { lookEveryMs, minimumMs, maximumMs } = stage;
  const firstPass = Math.max(1, Math.ceil(minimumMs / lookEveryMs - 1e-9));
  const at = (look: number) =>
    boundariesAt(plan, stageIndex, guardrailIndex, Math.min(1, (look * lookEveryMs) / maximumMs));
  const shown = (z: number) => (plan.rule.evidence !== "point" && Number.isFinite(z) ? z : null);
  const last = at(looksOf(stage));
  return {
    stage: stage.name,
    guardrail: guardrail.key,
    role: guardrail.key === plan.primary ? "primary" : "guardrail",
    better: guardrail.metric.better,
    margin: stage.margins?.[guardrail.key]?.written ?? guardrail.written,
    rollbackAbove: guardrail.rollbackAbove ?? null,
    levels: levelsOf(plan, stageIndex, guardrail),
    boundaries: {
      first: { rollback: shown(at(1).rollback), pass: shown(at(firstPass).pass) },
      last: { rollback: shown(last.rollback), pass: shown(last.pass) },
    },
  };
}
