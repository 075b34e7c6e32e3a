import { sampleRatioLogBayesFactor } from "../statistics/anytime/sample-ratio.ts";
import { deviance } from "../statistics/tail-logs.ts";
import { boundariesAt } from "./boundaries.ts";
import { type ControlledStage, controlledStages, type Evidence, type Guardrail, marginIn, type Plan } from "./plan.ts";
import { type ArmReading, type Arms, readMargin } from "./reading.ts";
import { promote, verdictOf } from "./verdict.ts";

/** What is known at one analysis inside a stage. Plain data, so that summaries of a real canary can be judged as well. */
export interface Look {
  /** index among the plan's controlled stages */
  readonly stage: number;
  readonly elapsedMs: number;
  /** the stage's last look, at its maximum duration */
  readonly last: boolean;
  /** units of this stage whose every value is known */
  readonly units: Arms<number>;
  /** units seen for the first time in this stage */
  readonly firstSeen: Arms<number>;
  /** units that both arms have served in this stage */
  readonly unitsInBothArms: number;
  /** one per guardrail of the plan, in its order; mature outcomes of this stage only */
  readonly metrics: readonly MetricLook[];
  /** why the plan as frozen does not cover what is seen: nothing is promoted then, harm still rolls back */
  readonly uncertified?: string;
}

/** One guardrail at a look. */
export interface MetricLook extends Arms<ArmReading> {
  /** mature units: those whose value must be known by now, in the guardrail's segment */
  readonly units: Arms<number>;
  /** those of them that have no value, though none of their sessions failed */
  readonly missing: Arms<number>;
}

/** How one guardrail stands at a look. */
export interface Reading {
  readonly key: string;
  readonly control: number;
  readonly candidate: number;
  /** loss in the direction of harm, candidate against control, in the metric's unit */
  readonly harm: number;
  /** of the harm, by unit */
  readonly standardError: number;
  /** mature units */
  readonly n: Arms<number>;
  /** {@link timeOf} */
  readonly time: number;
  /** (harm − rollbackAbove) / SE under that much harm; NaN when it cannot be computed */
  readonly zRollback: number;
  /** (margin − harm) / SE at the margin, on the margin's scale; NaN when it cannot be computed */
  readonly zPass: number;
  readonly boundaryRollback: number;
  readonly boundaryPass: number;
  /** harm is shown */
  readonly harmful: boolean;
  /** harm is shown to be inside the margin */
  readonly passes: boolean;
  /** why it cannot be read */
  readonly unknown?: string;
}

/** What happens next, with every reading, so that a person can follow it. */
export type Decision = { readonly readings: readonly Reading[] } & (
  | { readonly action: "promote"; readonly timeout: boolean }
  | { readonly action: "hold"; readonly final: boolean; readonly waitingFor: readonly string[] }
  | { readonly action: "rollback"; readonly because: string; readonly timeout: boolean }
);

/** The level of each sequential test of trust in a stage. Source of the usual value: Kohavi, Tang & Xu (2020), ch. 21. */
export const trustLevel = 0.001;

/**
 * THE rule: what happens at a look, in this order.
 *
 * 1. Broken trust (sample ratio, units in both arms, values missing more often in one arm): hold, the look is void.
 * 2. A guardrail is harmful and not shown inside its margin, with `rollbackFloor` units in each arm: roll back.
 * 3. Every guardrail passes at this same look, minimum duration and sample are reached, the plan covers what is seen: promote.
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
  const readings = plan.guardrails.map((guardrail, g) => readGuardrail(plan, look, stage, guardrail, g));
  const broken = brokenTrust(plan, look, stage);
  const floor = stage.rollbackFloor ?? plan.rule.rollbackFloor;
  const verdict = verdictOf({
    guardrails: readings.length,
    isTrusted: () => broken.length === 0,
    isHarmful: (g) => {
      const { harmful, n } = readings[g] as Reading;
      return harmful && Math.min(n.control, n.candidate) >= floor;
    },
    passes: (g) => (readings[g] as Reading).passes,
    mayPromote: () => reasonsToWait(look, stage, []).length === 0,
  });
  if (verdict >= 0) {
    return { action: "rollback", because: (readings[verdict] as Reading).key, timeout: false, readings };
  }
  if (verdict === promote) return { action: "promote", timeout: false, readings };
  if (broken.length > 0) return { action: "hold", final: look.last, waitingFor: broken, readings };
  const waitingFor = reasonsToWait(look, stage, readings);
  const onTimeout = stage.onTimeout ?? plan.rule.onTimeout;
  // not by a timeout either: the plan does not say what this traffic would do to its budgets
  if (look.last && onTimeout === "promote" && look.uncertified === undefined) {
    return { action: "promote", timeout: true, readings };
  }
  if (look.last && onTimeout === "rollback") {
    return { action: "rollback", because: "timeout", timeout: true, readings };
  }
  return { action: "hold", final: look.last, waitingFor, readings };
}

function readGuardrail(plan: Plan, look: Look, stage: ControlledStage, guardrail: Guardrail, index: number): Reading {
  const arms = look.metrics[index] as MetricLook;
  const { control, candidate, units } = arms;
  const margin = marginIn(stage, guardrail);
  const { harm, overMargin, zHarm, zMargin } = readMargin(guardrail.metric, margin, arms, guardrail.rollbackAbove);
  const clock = look.elapsedMs / stage.maximumMs;
  const time = timeOf(plan.rule.evidence, shareOf(plan, look, index), clock, look.last);
  const { rollback, pass } = boundariesAt(plan, look.stage, index, time);
  const point = plan.rule.evidence === "point";
  const unknown = unknownOf(arms, zMargin);
  return {
    key: guardrail.key,
    control: control.estimate,
    candidate: candidate.estimate,
    harm,
    standardError: Math.hypot(candidate.standardError, control.standardError),
    n: units,
    time,
    zRollback: zHarm,
    zPass: zMargin,
    boundaryRollback: rollback,
    boundaryPass: pass,
    harmful: unknown === undefined && (point ? overMargin > 0 : zHarm >= rollback),
    passes: unknown === undefined && (point ? overMargin <= 0 : zMargin >= pass),
    ...(unknown === undefined ? {} : { unknown }),
  };
}

/**
 * The time of a look for a guardrail: its mature units against the planned ones, so that it does not follow outcomes; 1 at
 * the stage's last look, and never ahead of the clock. Traffic beyond the plan would otherwise spend all of the error early and
 * leave every further look at the last boundary, which on twice the traffic turns 5 % into 9 %.
 *
 * @param share of the planned sample; NaN while none is frozen
 * @param clock share of the stage's maximum duration
 */
export function timeOf(evidence: Evidence, share: number, clock: number, last: boolean): number {
  // a confidence sequence has no last look, and no error that is spent
  if (evidence === "always-valid") return Number.isNaN(share) ? clock : share;
  return last ? 1 : Number.isNaN(share) ? clock : Math.min(share, clock);
}

/** Units against a planned sample, as 1 / (1/n₁ + 1/n₀); NaN while none is frozen. */
function shareOf(plan: Plan, look: Look, guardrail: number): number {
  const planned = plan.calibration?.plannedSample[look.stage]?.[guardrail] ?? 0;
  const { control, candidate } = (look.metrics[guardrail] as MetricLook).units;
  return planned > 0 ? 1 / (1 / candidate + 1 / control) / planned : Number.NaN;
}

function unknownOf({ control, candidate, units }: MetricLook, zMargin: number): string | undefined {
  for (const [name, arm, n] of [
    ["control", control, units.control],
    ["candidate", candidate, units.candidate],
  ] as const) {
    if (n === 0) return `the ${name} has no units yet`;
    if (Number.isNaN(arm.estimate)) return `the ${name} has no value`;
    if (Number.isNaN(arm.standardError)) return `the ${name} has too few units for a standard error`;
  }
  return Number.isNaN(zMargin) ? "a share of a negative control bounds nothing" : undefined;
}

function brokenTrust({ guardrails }: Plan, look: Look, { exposure }: ControlledStage): string[] {
  const { firstSeen, unitsInBothArms, metrics } = look;
  const reasons: string[] = [];
  if (unitsInBothArms > 0) {
    reasons.push(`${unitsInBothArms} ${unitsInBothArms === 1 ? "unit was" : "units were"} served by both arms`);
  }
  if (differs(firstSeen, { control: 1 - exposure, candidate: exposure }, 100)) {
    reasons.push("the sample ratio does not fit the exposure");
  }
  for (const [g, { units, missing }] of metrics.entries()) {
    if (units.control > 0 && units.candidate > 0 && differs(missing, units, 2)) {
      const more = missing.candidate / units.candidate > missing.control / units.control ? "candidate" : "control";
      reasons.push(`${(guardrails[g] as Guardrail).key} is missing more often in the ${more}`);
    }
  }
  return reasons;
}

/**
 * Whether counts fit shares, at any number of looks. For missing values, whose shares are the arms' units, it is conservative:
 * counts out of a finite number vary less than a multinomial's.
 *
 * @param concentration of the prior: 100 finds small departures of a split soonest, 2 large ones of a handful of units
 */
export function differs(counts: Arms<number>, { control, candidate }: Arms<number>, concentration: number): boolean {
  const share = candidate / (control + candidate);
  const n = counts.control + counts.candidate;
  const bound = -Math.log(trustLevel);
  // a Bayes factor is at most the largest likelihood over that of the shares
  const most = deviance(counts.candidate, n * share) + deviance(counts.control, n * (1 - share));
  if (!(most >= bound)) return false;
  return sampleRatioLogBayesFactor([counts.candidate, counts.control], [share, 1 - share], concentration) >= bound;
}

function reasonsToWait(look: Look, stage: ControlledStage, readings: readonly Reading[]): string[] {
  const reasons: string[] = [];
  if (look.uncertified !== undefined) reasons.push(`uncertified: ${look.uncertified}`);
  if (look.elapsedMs < stage.minimumMs) reasons.push("minimum duration");
  if (Math.min(look.units.control, look.units.candidate) < stage.minimumSample) reasons.push("minimum sample");
  for (const { key, passes, unknown } of readings) {
    if (!passes) reasons.push(unknown === undefined ? key : `${key}: ${unknown}`);
  }
  return reasons;
}
