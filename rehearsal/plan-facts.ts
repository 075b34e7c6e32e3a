import { type ArmSummary, type Chosen, summarizeArm } from "../analysis/arms.ts";
import { sessionsOf } from "../analysis/compare.ts";
import type { Baseline, PlanFacts, TrafficFacts } from "../plan/finding.ts";
import { type ControlledStage, controlledStages, type Plan, type Segment } from "../plan/plan.ts";
import type { SessionSummary } from "../shadow/ingest/sessions.ts";
import type { Outcomes } from "../shadow/outcomes.ts";
import { firstFrom } from "../statistics/sorted.ts";
import type { Project } from "./project.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * What `checkPlan` knows beside the plan: of the project, and of its recorded traffic once that was replayed.
 *
 * @param outcomes of a finished run, whose project has the maturity that labels showed; undefined when there is none
 * @param imported what the import of that run has counted
 */
export function planFacts(
  project: Project,
  outcomes: Outcomes | undefined,
  pastSalts: PlanFacts["pastSalts"],
  imported?: Pick<SessionSummary, "changing">,
): PlanFacts {
  const { plan } = project;
  const known = {
    attributes: project.attributes.map(({ name }) => name),
    hasUsers: hasUsers(project),
    pastSalts,
  };
  if (!outcomes || outcomes.sessions.length === 0) return { ...known, waitingForLabels: project.maturedByLabels };
  return { ...known, traffic: trafficFacts(plan, outcomes, imported), baselines: baselinesOf(plan, outcomes) };
}

function hasUsers({ traffic, lanes }: Project): boolean {
  if (traffic) return traffic.user !== undefined;
  return lanes.some(
    ({ policy }) => policy.kind === "recorded" && policy.source !== "traffic" && policy.source.user !== undefined,
  );
}

function trafficFacts(plan: Plan, outcomes: Outcomes, imported?: Pick<SessionSummary, "changing">): TrafficFacts {
  const { fromMs, spanMs } = spanOf(outcomes);
  const weekend = weekendOf(outcomes, fromMs, spanMs);
  const changing = imported?.changing.find(({ attribute }) => attribute === plan.assignBy)?.sessions;
  return {
    spanMs,
    units: outcomes.unitNames.length,
    sessions: outcomes.sessions.length,
    arrived: arrivedWithin(outcomes, fromMs, spanMs),
    taking: controlledStages(plan).map((stage, s) => {
      const all = windowOf(plan, s, outcomes, 0);
      return distinctUnits(inside(stage.where, all, outcomes), outcomes) / (distinctUnits(all, outcomes) || 1);
    }),
    ...(weekend === undefined ? {} : { weekend }),
    ...(changing === undefined ? {} : { changingSessions: changing }),
  };
}

/** From the full hour before the first session to the full hour after the last one's arrival. */
function spanOf({ arrivalMs }: Pick<Outcomes, "arrivalMs">): { readonly fromMs: number; readonly spanMs: number } {
  const fromMs = Math.floor((arrivalMs[0] as number) / hourMs) * hourMs;
  const untilMs = (Math.floor((arrivalMs[arrivalMs.length - 1] as number) / hourMs) + 1) * hourMs;
  return { fromMs, spanMs: untilMs - fromMs };
}

/** Starts of a stage, over which its traffic is averaged: at every hour of the day alike. */
const startEveryMs = 7 * hourMs;
const mostStarts = 48;
const mostSteps = 400;

/** Distinct units by time since a start: the mean over starts from which so much log is left. */
function arrivedWithin(outcomes: Outcomes, fromMs: number, spanMs: number): TrafficFacts["arrived"] {
  const stepMs = Math.ceil(spanMs / hourMs / mostSteps) * hourMs;
  const steps = Math.ceil(spanMs / stepMs);
  const everyMs = startEveryMs * Math.max(1, Math.ceil(spanMs / startEveryMs / mostStarts));
  const sums = new Float64Array(steps);
  const starts = new Int32Array(steps);
  for (let start = 0; start < spanMs; start += everyMs) {
    const first = firstArrivals(outcomes, fromMs + start, stepMs, steps);
    const whole = Math.floor((spanMs - start) / stepMs);
    let units = 0;
    for (let step = 0; step < whole; step++) {
      units += first[step] as number;
      sums[step] = (sums[step] as number) + units;
      starts[step] = (starts[step] as number) + 1;
    }
  }
  let most = 0;
  return Array.from({ length: steps }, (_, step) => {
    // the means of later steps are over fewer starts; the log's last hours may be less than a step
    most = Math.max(most, (starts[step] as number) > 0 ? (sums[step] as number) / (starts[step] as number) : most);
    if (step === steps - 1) most = Math.max(most, outcomes.unitNames.length);
    return { withinMs: Math.min(spanMs, (step + 1) * stepMs), units: most };
  });
}

/** Units by the step in which they first arrive after a start. */
function firstArrivals(
  { arrivalMs, unit, unitNames }: Outcomes,
  startMs: number,
  stepMs: number,
  steps: number,
): Int32Array {
  const seen = new Uint8Array(unitNames.length);
  const first = new Int32Array(steps);
  for (let i = firstFrom(arrivalMs, startMs); i < arrivalMs.length; i++) {
    const own = unit[i] as number;
    if (seen[own] === 1) continue;
    seen[own] = 1;
    const step = Math.floor(((arrivalMs[i] as number) - startMs) / stepMs);
    first[step] = (first[step] as number) + 1;
  }
  return first;
}

/** Sessions of a mean day of the weekend over those of a mean weekday, on whole days (UTC). */
function weekendOf({ arrivalMs }: Outcomes, fromMs: number, spanMs: number): number | undefined {
  const first = Math.ceil(fromMs / dayMs);
  const days = Math.floor((fromMs + spanMs) / dayMs) - first;
  if (days < 7) return undefined;
  const sessions = new Int32Array(days);
  for (const at of arrivalMs) {
    const day = Math.floor(at / dayMs) - first;
    if (day >= 0 && day < days) sessions[day] = (sessions[day] as number) + 1;
  }
  const mean = (own: (day: number) => boolean) => {
    const chosen = sessions.filter((_, day) => own(day));
    return chosen.reduce((sum, n) => sum + n, 0) / chosen.length;
  };
  // the first of January 1970 was a Thursday
  const isWeekend = (day: number) => [2, 3].includes((first + day) % 7);
  const weekday = mean((day) => !isWeekend(day));
  return weekday > 0 ? mean(isWeekend) / weekday : undefined;
}

/** Control by controlled stage and guardrail. */
function baselinesOf(plan: Plan, outcomes: Outcomes): (Baseline | undefined)[][] {
  return controlledStages(plan).map((stage, s) =>
    plan.guardrails.map(({ metric, segment }) => {
      const own = outcomes.metrics.find((entry) => entry.metric.name === metric.name);
      if (!own) return undefined;
      const mature = windowOf(plan, s, outcomes, metric.matureAfterMs);
      const chosen = inside(segment ? [...stage.where, segment] : stage.where, mature, outcomes);
      return baselineOf(
        summarizeArm(metric, own.control, chosen, outcomes.unit, outcomes.unitNames.length),
        distinctUnits(mature, outcomes),
      );
    }),
  );
}

function baselineOf(
  { n, estimate, standardError, effectiveSample }: ArmSummary,
  arrived: number,
): Baseline | undefined {
  if (n < 2 || !Number.isFinite(estimate) || !Number.isFinite(standardError)) return undefined;
  return { estimate, standardError, units: n, effectiveSample, share: n / arrived };
}

/**
 * The sessions that a controlled stage of full length sees when the stages before it take their least, and whose values are
 * known by its end; the last such time of a log that is shorter.
 */
function windowOf(plan: Plan, index: number, { sessions, arrivalMs, endMs }: Outcomes, matureAfterMs: number): Chosen {
  const stages = controlledStages(plan);
  const { fromMs, spanMs } = spanOf({ arrivalMs });
  const { maximumMs } = stages[index] as ControlledStage;
  const before = stages.slice(0, index).reduce((sum, { minimumMs }) => sum + minimumMs, 0);
  const startMs = fromMs + Math.max(0, Math.min(before, spanMs - maximumMs));
  const chosen: number[] = [];
  for (
    let i = firstFrom(arrivalMs, startMs);
    i < sessions.length && (arrivalMs[i] as number) < startMs + maximumMs;
    i++
  ) {
    if ((endMs[i] as number) + matureAfterMs < startMs + maximumMs) chosen.push(i);
  }
  return chosen;
}

function inside(where: readonly Segment[], chosen: Chosen, outcomes: Outcomes): Chosen {
  return where.reduce((left, segment) => {
    const own = new Set(sessionsOf(segment, outcomes));
    return left.filter((i) => own.has(i));
  }, chosen);
}

function distinctUnits(chosen: Chosen, { unit }: Outcomes): number {
  return new Set(chosen.map((i) => unit[i])).size;
}
