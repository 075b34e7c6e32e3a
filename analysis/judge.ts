import { uncertified } from "../plan/certify.ts";
import { type Decision, decide, type Look, type MetricLook } from "../plan/decide.ts";
import type { Reference } from "../plan/lock.ts";
import { type ControlledStage, controlledStages, type Guardrail, looksOf, type Plan } from "../plan/plan.ts";
import type { Arms } from "../plan/reading.ts";
import { recomposed } from "../shadow/compose.ts";
import type { Outcomes } from "../shadow/outcomes.ts";
import { sampleRatioByStage, sampleRatioLogBayesFactor } from "../statistics/anytime/sample-ratio.ts";
import { firstFrom } from "../statistics/sorted.ts";
import { type Chosen, summarizeArm } from "./arms.ts";

/** What a real canary recorded: sessions of both arms, in the order of arrival. */
export interface Canary {
  /** a session has values in the lane of its own arm */
  readonly outcomes: Outcomes;
  /** 1 for the candidate's sessions; a session belongs to the arm of its first request */
  readonly candidate: Uint8Array;
  /** 1 for sessions in which a request failed */
  readonly failed: Uint8Array;
  /** 1 for sessions with requests in both arms */
  readonly inBothArms: Uint8Array;
}

export interface JudgeOptions {
  /** epoch ms of the first stage's start; the candidate's first session unless stated */
  readonly startMs?: number | undefined;
  /** what is known by then; everything unless stated */
  readonly asOfMs?: number | undefined;
  /** epoch ms at which stages really began, by name; after a promotion by the rule unless stated */
  readonly stageStarts?: Readonly<Record<string, number>> | undefined;
  /** of the frozen plan */
  readonly reference?: Reference | undefined;
}

/** One look of the frozen plan at a real canary. */
export interface JudgedLook {
  readonly stage: string;
  readonly atMs: number;
  readonly look: Look;
  readonly decision: Decision;
}

export interface JudgedStage {
  readonly stage: string;
  readonly exposure: number;
  readonly startMs: number;
  readonly looks: number;
  /** the first look that ends the stage; undefined while it goes on */
  readonly ended?: JudgedLook | undefined;
  readonly sampleRatio: SampleRatio;
  /** units that both arms have served, with a few of their names */
  readonly inBothArms: { readonly units: number; readonly examples: readonly string[] };
}

/** First-seen units against the exposure. */
export interface SampleRatio {
  readonly firstSeen: Arms<number>;
  /** the candidate's share of them; NaN without units */
  readonly share: number;
  /** of a test that may be looked at any number of times: 1 / largest Bayes factor so far */
  readonly sequentialP: number;
  /** of Pearson's chi-squared test at the last look; null without units */
  readonly pValue: number | null;
}

export interface Judgement {
  readonly asOfMs: number;
  readonly looks: readonly JudgedLook[];
  readonly stages: readonly JudgedStage[];
  /** how the rule ends the rollout: the first rollback, final hold, or promotion from the last controlled stage */
  readonly end?: JudgedLook | undefined;
}

/** Names of units that both arms have served are shown up to here. */
const mostExamples = 5;

/**
 * The rule, applied to what a real canary recorded: at every look of every stage that had begun by then.
 *
 * Stages follow the rule's own promotions, or the times at which they really began. Looks go on after the one that ends a
 * stage, as long as there are data, so that a person sees what later looks would have said.
 *
 * @throws RangeError when a stated stage does not exist
 */
export function judge(plan: Plan, canary: Canary, options: JudgeOptions = {}): Judgement {
  const { outcomes } = canary;
  const stages = controlledStages(plan);
  const stated = options.stageStarts ?? {};
  for (const name of Object.keys(stated)) {
    if (!stages.some((stage) => stage.name === name)) throw new RangeError(`there is no controlled stage ${name}`);
  }
  const asOfMs = options.asOfMs ?? outcomes.endMs.reduce((latest, own) => Math.max(latest, own), 0);
  const firstArrival = firstArrivals(outcomes);
  const looks: JudgedLook[] = [];
  const judged: JudgedStage[] = [];
  let begin = options.startMs ?? firstOfCandidate(canary) ?? outcomes.arrivalMs[0];
  for (const [index, stage] of stages.entries()) {
    begin = stated[stage.name] ?? begin;
    if (begin === undefined || begin > asOfMs) break;
    const next = stated[stages[index + 1]?.name ?? ""];
    const own: JudgedLook[] = [];
    let logBayesFactor = 0;
    for (const elapsedMs of lookTimes(stage)) {
      const atMs = begin + elapsedMs;
      if (atMs > asOfMs || (next !== undefined && atMs > next)) break;
      const look = lookAt(plan, canary, index, begin, elapsedMs, firstArrival, options.reference);
      logBayesFactor = Math.max(logBayesFactor, logRatio(look, stage));
      own.push({ stage: stage.name, atMs, look, decision: decide(plan, look) });
      if (next === undefined && own.at(-1)?.decision.action === "promote") break;
    }
    looks.push(...own);
    const ended = own.find(({ decision }) => ends(decision));
    const last = own.at(-1)?.look;
    judged.push({
      stage: stage.name,
      exposure: stage.exposure,
      startMs: begin,
      looks: own.length,
      ended,
      sampleRatio: sampleRatioOf(last, stage, logBayesFactor),
      inBothArms: mixedUnits(canary, stage, begin, last ? begin + last.elapsedMs : begin),
    });
    begin = next ?? (ended?.decision.action === "promote" ? ended.atMs : undefined);
  }
  const lastStage = stages.at(-1)?.name;
  const end = looks.find(
    ({ decision, stage }) => ends(decision) && (decision.action !== "promote" || stage === lastStage),
  );
  return { asOfMs, looks, stages: judged, end };
}

/**
 * The rule at every look of one stage that is known by summaries: cumulative moments of both arms, as a dashboard has them.
 *
 * @param looks of one controlled stage, in time
 * @returns every look with its decision, and the first that ends the stage
 */
export function judgeLooks(
  plan: Plan,
  looks: readonly Look[],
): { readonly decisions: readonly Decision[]; readonly ended?: number | undefined } {
  const decisions = looks.map((look) => decide(plan, look));
  const ended = decisions.findIndex(ends);
  return { decisions, ended: ended < 0 ? undefined : ended };
}

function ends(decision: Decision): boolean {
  return decision.action !== "hold" || decision.final;
}

function lookTimes(stage: ControlledStage): number[] {
  return Array.from({ length: looksOf(stage) }, (_, k) => Math.min((k + 1) * stage.lookEveryMs, stage.maximumMs));
}

/** What the rule sees at a time of a stage: sessions that arrived in it, their outcomes where they are known by then. */
function lookAt(
  plan: Plan,
  canary: Canary,
  stageIndex: number,
  begin: number,
  elapsedMs: number,
  firstArrival: Float64Array,
  reference: Reference | undefined,
): Look {
  const stage = controlledStages(plan)[stageIndex] as ControlledStage;
  const { outcomes, candidate } = canary;
  const now = begin + elapsedMs;
  const arrived = arrivedIn(canary, stage, begin, now);
  const firstSeen = { control: 0, candidate: 0 };
  for (const i of arrived) {
    if (firstArrival[outcomes.unit[i] as number] === i) firstSeen[candidate[i] === 1 ? "candidate" : "control"] += 1;
  }
  const slowest = Math.max(...plan.guardrails.map(({ metric }) => metric.matureAfterMs));
  const mature = (matureAfterMs: number) => arrived.filter((i) => (outcomes.endMs[i] as number) + matureAfterMs <= now);
  const look = {
    stage: stageIndex,
    elapsedMs,
    last: elapsedMs >= stage.maximumMs,
    units: countUnits(mature(slowest), canary),
    firstSeen,
    unitsInBothArms: mixed(arrived, canary).length,
    metrics: plan.guardrails.map((guardrail) => metricLook(guardrail, mature(guardrail.metric.matureAfterMs), canary)),
  };
  const reason = reference && uncertified(plan, reference, look);
  return reason === undefined ? look : { ...look, uncertified: reason };
}

/** Sessions of the stage's units that arrived from its start up to a time. */
export function arrivedIn({ outcomes }: Canary, { where }: ControlledStage, begin: number, now: number): Chosen {
  const inside = where.map(({ attribute, value }) => {
    const known = outcomes.attributes.get(attribute);
    const code = known?.names.indexOf(value) ?? -1;
    return (i: number) => known !== undefined && known.codes[i] === code;
  });
  const chosen: number[] = [];
  for (let i = firstFrom(outcomes.arrivalMs, begin); i < outcomes.arrivalMs.length; i++) {
    if ((outcomes.arrivalMs[i] as number) >= now) break;
    if (inside.every((is) => is(i))) chosen.push(i);
  }
  return chosen;
}

/** One guardrail's arms: each from the sessions of its own arm. */
export function metricLook(guardrail: Guardrail, mature: Chosen, canary: Canary): MetricLook {
  const { outcomes, candidate, failed } = canary;
  const whole = outcomes.metrics.find(({ metric }) => metric.name === guardrail.metric.name);
  if (!whole) throw new RangeError(`the canary has no metric ${guardrail.metric.name}`);
  const { segment } = guardrail;
  const known = segment && outcomes.attributes.get(segment.attribute);
  const code = segment && known ? known.names.indexOf(segment.value) : -1;
  const inside = segment ? mature.filter((i) => known?.codes[i] === code) : mature;
  const own = recomposed(whole, inside, outcomes.unit);
  const of = (lane: "control" | "candidate") => inside.filter((i) => (candidate[i] === 1) === (lane === "candidate"));
  const read = (lane: "control" | "candidate") => {
    const chosen = of(lane);
    const summary = summarizeArm(guardrail.metric, own[lane], chosen, outcomes.unit, outcomes.unitNames.length);
    const units = new Set<number>();
    const lacking = new Set<number>();
    for (const i of chosen) {
      const unit = outcomes.unit[i] as number;
      units.add(unit);
      const values = own[lane];
      const missing = values.kind === "sums" ? values.missing[i] === 1 : values.offsets[i] === values.offsets[i + 1];
      if (missing && failed[i] === 0) lacking.add(unit);
    }
    return { summary, units: units.size, missing: lacking.size };
  };
  const [control, tried] = [read("control"), read("candidate")];
  return {
    control: control.summary,
    candidate: tried.summary,
    units: { control: control.units, candidate: tried.units },
    missing: { control: control.missing, candidate: tried.missing },
  };
}

function countUnits(sessions: Chosen, { outcomes, candidate }: Canary): Arms<number> {
  const arms = { control: new Set<number>(), candidate: new Set<number>() };
  for (const i of sessions) arms[candidate[i] === 1 ? "candidate" : "control"].add(outcomes.unit[i] as number);
  return { control: arms.control.size, candidate: arms.candidate.size };
}

/** Units with sessions in both arms. */
function mixed(sessions: Chosen, { outcomes, candidate, inBothArms }: Canary): number[] {
  const seen = new Map<number, number>();
  for (const i of sessions) {
    const unit = outcomes.unit[i] as number;
    seen.set(unit, (seen.get(unit) ?? 0) | (inBothArms[i] === 1 ? 3 : candidate[i] === 1 ? 2 : 1));
  }
  return [...seen].flatMap(([unit, arms]) => (arms === 3 ? [unit] : []));
}

function mixedUnits(canary: Canary, stage: ControlledStage, begin: number, now: number) {
  const units = mixed(arrivedIn(canary, stage, begin, now), canary);
  return {
    units: units.length,
    examples: units.slice(0, mostExamples).map((unit) => canary.outcomes.unitNames[unit] as string),
  };
}

function logRatio({ firstSeen }: Look, { exposure }: ControlledStage): number {
  return sampleRatioLogBayesFactor([firstSeen.candidate, firstSeen.control], [exposure, 1 - exposure]);
}

function sampleRatioOf(look: Look | undefined, { exposure }: ControlledStage, logBayesFactor: number): SampleRatio {
  const firstSeen = look?.firstSeen ?? { control: 0, candidate: 0 };
  const counts = [firstSeen.candidate, firstSeen.control];
  const test = sampleRatioByStage([{ counts, shares: [exposure, 1 - exposure] }]);
  return {
    firstSeen,
    share: firstSeen.candidate / (firstSeen.candidate + firstSeen.control),
    sequentialP: Math.min(1, Math.exp(-logBayesFactor)),
    pValue: test.status === "ok" ? test.pValue : null,
  };
}

function firstOfCandidate({ outcomes, candidate }: Canary): number | undefined {
  const first = candidate.indexOf(1);
  return first < 0 ? undefined : outcomes.arrivalMs[first];
}

/** The session with which each unit was first seen. */
function firstArrivals({ unit, unitNames }: Outcomes): Float64Array {
  const first = new Float64Array(unitNames.length).fill(-1);
  for (let i = 0; i < unit.length; i++) {
    const own = unit[i] as number;
    if (first[own] === -1) first[own] = i;
  }
  return first;
}
