import type { Finding, PlanFacts } from "../finding.ts";
import { durationInWords, durationToWrite, listInWords } from "../in-words.ts";
import { type ControlledStage, controlledStages, type Plan } from "../plan.ts";

const dayMs = 86_400_000;
const weekMs = 7 * dayMs;

/** Weekends that have so much less or more traffic than weekdays are another kind of traffic. */
const evenWeek = { from: 0.8, to: 1.25 };

/** Whether a stage lasts long enough to see its traffic, and its traffic's outcomes. */
export function checkTiming(plan: Plan, facts: PlanFacts): readonly Finding[] {
  return [...partialDay(plan), ...partialWeek(plan, facts), ...maturity(plan), ...longerThanLog(plan, facts)];
}

/** A controlled stage with its place in the file. */
export interface PlacedStage {
  readonly stage: ControlledStage;
  readonly i: number;
}

export function placedStages({ stages }: Plan): PlacedStage[] {
  return stages.flatMap((stage, i) => (stage.kind === "controlled" ? [{ stage, i }] : []));
}

/** Stages that are too short for the same reason share a finding. */
function partialDay(plan: Plan): Finding[] {
  const short = placedStages(plan).filter(({ stage }) => stage.minimumMs < dayMs);
  const [first] = short;
  if (!first) return [];
  const last = placedStages(plan).at(-1) as PlacedStage;
  const stages = listInWords(
    short.map(
      ({ stage }, k) => `${stage.name}${k === 0 ? " may be promoted" : ""} after ${durationInWords(stage.minimumMs)}`,
    ),
  );
  return [
    {
      check: "partial-day",
      severity: "warning",
      path: ["stages", first.i, "duration"],
      problem: `${stages}, less than a day`,
      reason: "Day and night bring other users and tasks: what a stage has not seen, the next one meets first.",
      fix: `write a min of 24h or more${short.at(-1)?.i === last.i ? `, at least in ${last.stage.name}, which is the last one with a control` : ""}`,
    },
  ];
}

function partialWeek(plan: Plan, { traffic }: PlanFacts): Finding[] {
  const stages = controlledStages(plan);
  const shortest = stages.reduce((sum, { minimumMs }) => sum + minimumMs, 0);
  const longest = stages.reduce((sum, { maximumMs }) => sum + maximumMs, 0);
  const weekend = traffic?.weekend;
  const uneven = weekend !== undefined && (weekend < evenWeek.from || weekend > evenWeek.to);
  if (shortest >= weekMs || (longest <= weekMs && !uneven)) return [];
  const { i } = placedStages(plan).at(-1) as PlacedStage;
  const recorded = uneven
    ? `; in the log a day of the weekend has ${Number((weekend as number).toPrecision(2))} times the sessions of a weekday`
    : "";
  return [
    {
      check: "partial-week",
      severity: "warning",
      path: ["stages", i, "duration"],
      problem: `all stages together may be passed in ${durationInWords(shortest)}, less than a week${recorded}`,
      reason:
        "A release that reaches everyone between Monday and Friday has not been seen on the traffic of a weekend.",
      fix: `raise the last min by ${durationToWrite(weekMs - shortest)}, or start so that the stages span a weekend`,
    },
  ];
}

function maturity(plan: Plan): Finding[] {
  return placedStages(plan).flatMap(({ stage, i }): Finding[] => {
    const late = plan.guardrails.filter(({ metric }) => metric.matureAfterMs > stage.minimumMs);
    const never = late.filter(({ metric }) => metric.matureAfterMs >= stage.maximumMs);
    const slowest = Math.max(0, ...late.map(({ metric }) => metric.matureAfterMs));
    const keys = (own: typeof late) => listInWords(own.map(({ key }) => key));
    const path = ["stages", i, "duration"];
    if (never.length > 0) {
      return [
        {
          check: "never-mature",
          severity: "error",
          path,
          problem: `stages[${i}] ${stage.name} ends after ${durationInWords(stage.maximumMs)}, and ${keys(never)} is known only ${durationInWords(slowest)} after a session's end`,
          reason:
            "Not one of its sessions has a value by the last look, so that the stage can neither roll back nor pass on it.",
          fix: `write a max above ${durationInWords(slowest + dayMs)}, or guard a metric that is known sooner`,
        },
      ];
    }
    if (late.length === 0) return [];
    return [
      {
        check: "late-maturity",
        severity: "warning",
        path,
        problem: `stages[${i}] ${stage.name} lasts at least ${durationInWords(stage.minimumMs)}, and ${keys(late)} is known only ${durationInWords(slowest)} after a session's end`,
        reason:
          "Until then no outcome of this stage is there: harm to it runs unseen, and the minimum duration means nothing.",
        fix: `write a min of at least ${durationToWrite(slowest + dayMs)}, or guard a metric that is known sooner beside it`,
      },
    ];
  });
}

function longerThanLog(plan: Plan, { traffic }: PlanFacts): Finding[] {
  const longest = controlledStages(plan).reduce((sum, { maximumMs }) => sum + maximumMs, 0);
  if (!traffic || longest <= traffic.spanMs) return [];
  return [
    {
      check: "longer-than-log",
      severity: "warning",
      path: ["stages"],
      problem: `the stages may last ${durationInWords(longest)}, the log ${durationInWords(traffic.spanMs)}`,
      reason: "What is simulated beyond the log is the same traffic again under new names, which certifies nothing.",
      fix: `replay a log of at least ${durationToWrite(longest)}, or shorten the stages`,
    },
  ];
}
