import type { Finding, PlanFacts } from "../finding.ts";
import { countInWords, durationInWords, durationToWrite, listInWords } from "../in-words.ts";
import { type ControlledStage, looksOf, type Plan } from "../plan.ts";
import { type PlannedLook, plannedLooks, smallerShare } from "../planned-looks.ts";
import { type PlacedStage, placedStages } from "./timing.ts";

/** Whether there is something to see at each look, and something to do about it. */
export function checkLooks(plan: Plan, facts: PlanFacts): readonly Finding[] {
  const stages = placedStages(plan).map((place, s) => ({ ...place, looks: plannedLooks(plan, s, facts) }));
  const known = stages.flatMap(({ looks, ...place }) => (looks ? [{ ...place, looks }] : []));
  return [
    ...singleLook(plan),
    ...stages.flatMap((place) => promotesBeforeRollback(plan, place)),
    ...known.flatMap(fewUnitsPerLook),
    ...known.flatMap((place) => rollbackTooLate(plan, place)),
    ...rollbackTooEarly(plan, known),
  ];
}

/** A stage with what its looks see on the recorded traffic. */
interface SeenStage extends PlacedStage {
  readonly looks: readonly PlannedLook[];
}

function singleLook(plan: Plan): Finding[] {
  return placedStages(plan).flatMap(({ stage, i }) =>
    looksOf(stage) === 1
      ? [
          {
            check: "single-look",
            severity: "warning" as const,
            path: ["stages", i],
            problem: `stages[${i}] ${stage.name} is looked at once, after ${durationInWords(stage.maximumMs)}`,
            reason: "Until then nothing rolls back, also not a candidate that fails every session.",
            fix: `write lookEvery: ${durationToWrite(stage.maximumMs / 8)}`,
          },
        ]
      : [],
  );
}

function floorOf({ rule }: Plan, stage: ControlledStage): number {
  return stage.rollbackFloor ?? rule.rollbackFloor;
}

function floorPath({ stage, i }: PlacedStage): readonly PropertyKey[] {
  return stage.rollbackFloor === undefined ? ["rule", "rollbackFloor"] : ["stages", i, "rollbackFloor"];
}

function promotesBeforeRollback(plan: Plan, { stage, i }: PlacedStage): Finding[] {
  const floor = floorOf(plan, stage);
  if (stage.minimumSample >= floor) return [];
  return [
    {
      check: "promotes-before-rollback",
      severity: "warning",
      path: ["stages", i, "minimumSample"],
      problem: `stages[${i}].minimumSample is ${countInWords(stage.minimumSample)}, and nothing rolls back below ${countInWords(floor)} units in each arm`,
      reason: "With fewer units the stage can be promoted while it cannot yet be rolled back.",
      fix: `write minimumSample: ${floor} or more`,
    },
  ];
}

/** A look on fewer new units than these asks again what the one before it has answered. */
const fewUnits = 10;

function fewUnitsPerLook({ stage, i, looks }: SeenStage): Finding[] {
  const last = looks.at(-1) as PlannedLook;
  const perLook = last.smallerArm / looks.length;
  if (looks.length === 1 || !(perLook > 0) || perLook >= fewUnits) return [];
  const every = (stage.lookEveryMs * fewUnits) / perLook;
  return [
    {
      check: "few-units-per-look",
      severity: "warning",
      path: ["stages", i, "lookEvery"],
      problem: `each of the ${looksOf(stage)} looks of stages[${i}] ${stage.name} brings ${Number(perLook.toPrecision(2))} new units to its smaller arm`,
      reason:
        "A look on a handful of units asks again what the one before it answered, and pays for that with a part of the error budget.",
      fix:
        every >= stage.maximumMs
          ? "write a larger exposure or a longer max"
          : `write lookEvery: ${durationToWrite(every)}, which brings ${fewUnits}`,
    },
  ];
}

/** Units of the smaller arm that have a value of some guardrail. */
function smallerArm(stage: ControlledStage, { units }: PlannedLook): number {
  return Math.max(...units) * smallerShare(stage);
}

function firstAbleLook(plan: Plan, { stage, looks }: SeenStage): PlannedLook | undefined {
  return looks.find((look) => smallerArm(stage, look) >= floorOf(plan, stage));
}

function isTooLate(plan: Plan, place: SeenStage): boolean {
  const { stage, looks } = place;
  const first = firstAbleLook(plan, place);
  // that nothing matures in time has a finding of its own
  if (!first) return smallerArm(stage, looks.at(-1) as PlannedLook) > 0;
  return first.elapsedMs > stage.minimumMs && first !== looks[0];
}

function rollbackTooLate(plan: Plan, place: SeenStage): Finding[] {
  if (!isTooLate(plan, place)) return [];
  const { stage, i } = place;
  const first = firstAbleLook(plan, place);
  return [
    {
      check: "rollback-floor-late",
      severity: first ? "warning" : "error",
      path: floorPath(place),
      problem: `stages[${i}] ${stage.name} rolls back from ${countInWords(floorOf(plan, stage))} units in each arm on, which its smaller arm has ${first ? `only after ${durationInWords(first.elapsedMs)}` : "never"} on the recorded traffic`,
      reason: "Until then nothing rolls back, also not a candidate that fails every session.",
      fix: "write a larger exposure: with so few units nothing better can be done",
    },
  ];
}

/** From so many units in the smaller arm on, means are normal enough for the boundaries: see `efficacyBounds`. */
const normalFrom = 50;

/** Stages that share a floor share a finding. */
function rollbackTooEarly(plan: Plan, stages: readonly SeenStage[]): Finding[] {
  if (plan.rule.evidence === "point") return [];
  const early = stages.flatMap((place) => {
    const first = firstAbleLook(plan, place);
    if (!first || isTooLate(plan, place) || smallerArm(place.stage, first) >= normalFrom) return [];
    return [{ ...place, first, path: floorPath(place) }];
  });
  const paths = [...new Set(early.map(({ path }) => JSON.stringify(path)))];
  return paths.map((path) => {
    const own = early.filter((place) => JSON.stringify(place.path) === path);
    return {
      check: "rollback-floor-low",
      severity: "warning",
      path: own[0]?.path ?? [],
      problem: `the smaller arm of ${listInWords(
        own.map(
          ({ stage, first }) =>
            `${stage.name} has ${countInWords(smallerArm(stage, first))} units after ${durationInWords(first.elapsedMs)}`,
        ),
      )}, enough to roll back`,
      reason:
        "Sums of so few skewed values are not normal: ten looks from 20 units on rolled back 15 to 32 % where 5 % were allowed.",
      fix: `write rollbackFloor: ${normalFrom}`,
    };
  });
}
