import { levelsOf } from "../boundaries.ts";
import type { Finding, PlanFacts, TrafficFacts } from "../finding.ts";
import {
  countInWords,
  durationInWords,
  durationToWrite,
  listInWords,
  sampleToWrite,
  shareInWords,
} from "../in-words.ts";
import type { ControlledStage, Guardrail, Plan } from "../plan.ts";
import {
  type Growth,
  growthOf,
  type PlannedLook,
  passChance,
  plannedLooks,
  smallerShare,
  timeOfUnits,
  unitsFactor,
  unitsToPass,
} from "../planned-looks.ts";
import { type PlacedStage, placedStages } from "./timing.ts";

/** Whether samples and durations suffice on the recorded traffic. */
export function checkSamples(plan: Plan, facts: PlanFacts): readonly Finding[] {
  const stages = placedStages(plan).map((placed, s) => stageSamples(plan, s, placed, facts));
  return [...stages.flatMap(({ findings }) => findings), ...wholePlan(plan, stages)];
}

interface StageSamples {
  readonly findings: readonly Finding[];
  /** the least that a guardrail passes with, when nothing changed; undefined where it is not known */
  readonly passes?: number | undefined;
}

function stageSamples(plan: Plan, s: number, place: PlacedStage, facts: PlanFacts): StageSamples {
  const looks = plannedLooks(plan, s, facts);
  if (!looks) return { findings: [] };
  // that nothing matures in time has a finding of its own
  if (slowestOf(plan) >= place.stage.maximumMs) return { findings: [], passes: 0 };
  const outOfReach = sampleOutOfReach(plan, s, place, facts, looks);
  const power = outOfReach.length > 0 ? { findings: [], passes: 0 } : powerOf(plan, s, place, facts, looks);
  return { findings: [...outOfReach, ...power.findings], passes: power.passes };
}

/** How long after a session's end all its values are known. */
function slowestOf({ guardrails }: Plan): number {
  return Math.max(...guardrails.map(({ metric }) => metric.matureAfterMs));
}

function sampleOutOfReach(
  plan: Plan,
  s: number,
  { stage, i }: PlacedStage,
  facts: PlanFacts,
  looks: readonly PlannedLook[],
): Finding[] {
  const traffic = facts.traffic as TrafficFacts;
  const most = looks.at(-1)?.smallerArm as number;
  const slowest = slowestOf(plan);
  if (most >= stage.minimumSample) return [];
  const share = smallerShare(stage) * (traffic.taking[s] ?? 1);
  const neededMs = timeOfUnits(traffic, stage.minimumSample / share) + slowest;
  const wait = slowest > 0 ? ` and ${durationInWords(slowest)} until they are known` : "";
  return [
    {
      check: "sample-out-of-reach",
      severity: "error",
      path: ["stages", i, "minimumSample"],
      problem: `stages[${i}].minimumSample is ${countInWords(stage.minimumSample)}, and the smaller arm of ${stage.name} gets ${countInWords(most)} units in ${durationInWords(stage.maximumMs)} of the recorded traffic`,
      reason: "No release, however good, is ever promoted from this stage.",
      fix: Number.isFinite(neededMs)
        ? `write a max of ${durationToWrite(neededMs)} (at ${shareInWords(stage.exposure)} of the recorded traffic${wait}), or a larger exposure`
        : "write the segment that the stage is for: nobody in the log takes part",
    },
  ];
}

/** A guardrail whose growth the traffic tells. */
interface Known {
  readonly guardrail: Guardrail;
  /** index among the guardrails */
  readonly g: number;
  readonly growth: Growth;
  readonly share: number;
  /** chance to pass at some look */
  readonly passes: number;
  /** units of the stage's smaller arm at which it has its power in one look */
  readonly smallerArm: number;
}

/** Whether each guardrail passes with the power that falseStop promises: before the stage's end, and at the minimum sample. */
function powerOf(
  plan: Plan,
  s: number,
  place: PlacedStage,
  facts: PlanFacts,
  looks: readonly PlannedLook[],
): StageSamples {
  const { stage } = place;
  const traffic = facts.traffic as TrafficFacts;
  const power = 1 - plan.budgets.falseStop;
  const taking = traffic.taking[s] ?? 1;
  const known = plan.guardrails.flatMap((guardrail, g): Known[] => {
    const baseline = facts.baselines?.[s]?.[g];
    const growth = baseline && growthOf(stage, guardrail, baseline);
    if (!baseline || !growth) return [];
    const { share } = baseline;
    const units = unitsToPass(growth, levelsOf(plan, s, guardrail).pass, power);
    const passes = passChance(plan, s, g, looks, growth);
    return [{ guardrail, g, growth, share, passes, smallerArm: (units / share) * taking * smallerShare(stage) }];
  });
  if (known.length === 0) return { findings: [] };
  const failing = known.filter(({ passes }) => passes < power).sort((a, b) => a.passes - b.passes);
  const short = known
    .filter(({ smallerArm }) => smallerArm > stage.minimumSample * (1 + 1e-9))
    .sort((a, b) => b.smallerArm - a.smallerArm);
  return {
    findings:
      failing.length > 0
        ? [tooShort(plan, s, place, traffic, looks, failing)]
        : short.length > 0
          ? [smallSample(plan, s, place, traffic, short)]
          : [],
    passes: Math.min(...known.map(({ passes }) => passes)),
  };
}

function tooShort(
  plan: Plan,
  s: number,
  { stage, i }: PlacedStage,
  traffic: TrafficFacts,
  looks: readonly PlannedLook[],
  failing: readonly Known[],
): Finding {
  const { falseStop } = plan.budgets;
  const needed = failing.map(({ guardrail, g, growth, share }) => {
    const factor = unitsFactor(plan, s, g, looks, growth, 1 - falseStop) ?? Number.POSITIVE_INFINITY;
    const units = (looks.at(-1)?.units[g] as number) * factor;
    const timeMs = timeOfUnits(traffic, units / share) + guardrail.metric.matureAfterMs;
    return { key: guardrail.key, candidate: units * stage.exposure, timeMs };
  });
  const slowest = needed.reduce((a, b) => (b.timeMs > a.timeMs ? b : a));
  const shown = failing.map(
    ({ guardrail, passes }) =>
      `${guardrail.key} inside ${writtenIn(stage, guardrail)} in at most ${shareInWords(passes)}`,
  );
  return {
    check: "too-short-for-margin",
    severity: "error",
    path: ["stages", i, "duration"],
    problem: `stages[${i}] ${stage.name} shows ${listInWords(shown)} of rollouts without a change, in ${durationInWords(stage.maximumMs)} of the recorded traffic`,
    reason: `With falseStop: ${shareInWords(falseStop)} it is to be ${shareInWords(1 - falseStop)}: good releases are stopped because too few units could show them to be good.`,
    fix: Number.isFinite(slowest.timeMs)
      ? `write a max of ${durationToWrite(slowest.timeMs)}, by which ${countInWords(sampleToWrite(slowest.candidate))} units of the candidate show ${slowest.key}, a larger exposure or a wider margin`
      : `write a wider margin for ${slowest.key}: no sample shows this one`,
  };
}

function smallSample(
  plan: Plan,
  s: number,
  { stage, i }: PlacedStage,
  traffic: TrafficFacts,
  short: readonly Known[],
): Finding {
  const most = short[0] as Known;
  const sample = sampleToWrite(most.smallerArm);
  const arrived = sample / smallerShare(stage) / (traffic.taking[s] ?? 1);
  const neededMs = timeOfUnits(traffic, arrived) + most.guardrail.metric.matureAfterMs;
  const beyond = neededMs > stage.maximumMs ? ` and a max of ${durationToWrite(neededMs)}` : "";
  const shown = short.map(
    ({ guardrail, smallerArm }) =>
      `${guardrail.key} inside ${writtenIn(stage, guardrail)} (${countInWords(sampleToWrite(smallerArm))})`,
  );
  return {
    check: "small-minimum-sample",
    severity: "warning",
    path: ["stages", i, "minimumSample"],
    problem: `stages[${i}].minimumSample is ${countInWords(stage.minimumSample)}, too few to show ${listInWords(shown)} in ${shareInWords(1 - plan.budgets.falseStop)} of rollouts without a change`,
    reason: "A minimum that cannot show the margin never holds anything back: what promotes at it is a lucky sample.",
    fix: `write minimumSample: ${sample}${beyond} (units of the ${stage.exposure <= 0.5 ? "candidate" : "control"}: ${durationInWords(neededMs)} at ${shareInWords(stage.exposure)} of the recorded traffic, for one look; more when there are several)`,
  };
}

/** A guardrail's margin in a stage, as the plan writes it. */
export function writtenIn(stage: ControlledStage, guardrail: Guardrail): string {
  return stage.margins?.[guardrail.key]?.written ?? guardrail.written;
}

/** Stages that pass one by one may still stop too many releases together. */
function wholePlan(plan: Plan, stages: readonly StageSamples[]): Finding[] {
  const power = 1 - plan.budgets.falseStop;
  const known = stages.flatMap(({ passes }) => (passes === undefined ? [] : [passes]));
  const through = known.reduce((product, own) => product * own, 1);
  if (known.some((own) => own < power) || through >= power) return [];
  return [
    {
      check: "stages-stop-too-often",
      severity: "error",
      path: ["budgets", "falseStop"],
      problem: `at most ${shareInWords(through)} of releases without a change pass all ${known.length} stages on the recorded traffic, and falseStop: ${shareInWords(plan.budgets.falseStop)} promises ${shareInWords(power)}`,
      reason: "Each stage sees its own units, so that their chances to stop a good release add up.",
      fix: "lengthen the stages that pass least often, or merge two of them",
    },
  ];
}

/** Guardrails of which a stage's traffic says nothing. */
export function withoutValue(plan: Plan, { baselines }: PlanFacts): readonly string[] {
  if (!baselines) return [];
  return plan.guardrails.flatMap(({ key }, g) => (baselines.every((own) => own[g] === undefined) ? [key] : []));
}
