import { sampleRatioLogBayesFactor } from "../statistics/anytime/sample-ratio.ts";
import { normalUpperQuantile } from "../statistics/distributions.ts";
import { type ControlledStage, controlledStages, type Guardrail, type Plan } from "./plan.ts";
import { type ArmReading, type Arms, readMargin } from "./reading.ts";

/** What is known at one analysis inside a stage. Plain data, so that summaries of a real canary can be judged as well. */
export interface Look {
  /** index among the plan's controlled stages */
  readonly stage: number;
  readonly elapsedMs: number;
  /** the stage's last look, at its maximum duration */
  readonly last: boolean;
  /** mature units of this stage */
  readonly units: Arms<number>;
  /** units seen for the first time in this stage */
  readonly firstSeen: Arms<number>;
  /** units that both arms have served in this stage */
  readonly unitsInBothArms: number;
  /** one per guardrail of the plan, in its order; mature outcomes of this stage only */
  readonly metrics: readonly Arms<ArmReading>[];
}

/** How one guardrail stands at a look. */
export interface Reading {
  readonly key: string;
  readonly control: number;
  readonly candidate: number;
  /** loss in the direction of harm, candidate against control, in the metric's unit */
  readonly harm: number;
  /** harm / SE under no harm; NaN when it cannot be computed */
  readonly zRollback: number;
  /** (margin − harm) / SE at the margin, on the margin's scale; NaN when it cannot be computed */
  readonly zPass: number;
  readonly boundaryRollback: number;
  readonly boundaryPass: number;
  readonly harmful: boolean;
  readonly passes: boolean;
}

/** What happens next, with every reading, so that a person can follow it. */
export type Decision = { readonly readings: readonly Reading[] } & (
  | { readonly action: "promote"; readonly timeout: boolean }
  | { readonly action: "hold"; readonly final: boolean; readonly waitingFor: readonly string[] }
  | { readonly action: "rollback"; readonly because: string; readonly timeout: boolean }
);

/** The level of the sequential sample-ratio test. Source of the usual value: Kohavi, Tang & Xu (2020), ch. 21. */
const sampleRatioLevel = 0.001;

/**
 * THE rule: what happens at a look, in this order.
 *
 * 1. Broken trust (sample ratio, units in both arms): hold, the look is void.
 * 2. A guardrail is harmful and not shown inside its margin, with `rollbackFloor` units in each arm: roll back.
 * 3. Every guardrail passes at this same look, minimum duration and sample are reached: promote.
 * 4. At the stage's last look `onTimeout` decides; otherwise hold.
 *
 * A guardrail without a value in some arm neither rolls back nor passes. Nothing latches: each look stands alone.
 *
 * @throws RangeError when the look does not fit the plan
 */
export function decide(plan: Plan, look: Look): Decision {
  const stages = controlledStages(plan);
  const stage = stages[look.stage];
  if (!stage) throw new RangeError(`look.stage is ${look.stage}, the plan has ${stages.length} controlled stages`);
  if (look.metrics.length !== plan.guardrails.length) {
    throw new RangeError(`the look has ${look.metrics.length} metrics, the plan ${plan.guardrails.length} guardrails`);
  }
  const bounds = boundaries(plan, stages.length, look.stage === stages.length - 1);
  const point = plan.rule.evidence === "point";
  const readings = plan.guardrails.map((guardrail, i) =>
    readGuardrail(guardrail, look.metrics[i] as Arms<ArmReading>, bounds, point),
  );
  const broken = brokenTrust(look, stage);
  if (broken !== undefined) return { action: "hold", final: look.last, waitingFor: [broken], readings };

  const floor = Math.min(look.units.control, look.units.candidate) >= plan.rule.rollbackFloor;
  const harmful = floor ? readings.find((reading) => reading.harmful && !reading.passes) : undefined;
  if (harmful) return { action: "rollback", because: harmful.key, timeout: false, readings };

  const waitingFor = reasonsToWait(look, stage, readings);
  if (waitingFor.length === 0) return { action: "promote", timeout: false, readings };
  if (look.last && plan.rule.onTimeout === "promote") return { action: "promote", timeout: true, readings };
  if (look.last && plan.rule.onTimeout === "rollback") {
    return { action: "rollback", because: "timeout", timeout: true, readings };
  }
  return { action: "hold", final: look.last, waitingFor, readings };
}

/**
 * z-boundaries of a stage. Rolling back: α, shared equally over guardrails and controlled stages. Passing: β in the last
 * controlled stage and the leak before it, not shared, since every guardrail must pass.
 *
 * `fixed` has the same boundary at every look, uncorrected for their number. `point` has none: it compares the estimate
 * with the margin.
 */
function boundaries(
  { budgets, rule, guardrails }: Plan,
  stages: number,
  lastStage: boolean,
): { readonly rollback: number; readonly pass: number } {
  if (rule.evidence === "point") return { rollback: 0, pass: 0 };
  return {
    rollback: normalUpperQuantile(budgets.falseRollback / (guardrails.length * stages)),
    pass: normalUpperQuantile(lastStage ? budgets.missedRegression : rule.leak),
  };
}

function readGuardrail(
  { key, metric, margin }: Guardrail,
  arms: Arms<ArmReading>,
  { rollback, pass }: { readonly rollback: number; readonly pass: number },
  point: boolean,
): Reading {
  const { harm, overMargin, zHarm, zMargin } = readMargin(metric, margin, arms);
  return {
    key,
    control: arms.control.estimate,
    candidate: arms.candidate.estimate,
    harm,
    zRollback: zHarm,
    zPass: zMargin,
    boundaryRollback: rollback,
    boundaryPass: pass,
    harmful: point ? overMargin > 0 : zHarm >= rollback,
    passes: point ? overMargin <= 0 : zMargin >= pass,
  };
}

function brokenTrust({ firstSeen, unitsInBothArms }: Look, { exposure }: ControlledStage): string | undefined {
  if (unitsInBothArms > 0) return `${unitsInBothArms} units were served by both arms`;
  const log = sampleRatioLogBayesFactor([firstSeen.candidate, firstSeen.control], [exposure, 1 - exposure]);
  return log >= -Math.log(sampleRatioLevel) ? "the sample ratio does not fit the exposure" : undefined;
}

function reasonsToWait(look: Look, stage: ControlledStage, readings: readonly Reading[]): string[] {
  const reasons: string[] = [];
  if (look.elapsedMs < stage.minimumMs) reasons.push("minimum duration");
  if (Math.min(look.units.control, look.units.candidate) < stage.minimumSample) reasons.push("minimum sample");
  for (const { key, passes } of readings) if (!passes) reasons.push(key);
  return reasons;
}
