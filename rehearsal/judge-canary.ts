import { type Canary, type Judgement, judge } from "../analysis/judge.ts";
import { type SegmentReading, segmentReadings } from "../analysis/segment-readings.ts";
import { didYouMean } from "../plan/document.ts";
import { parseDuration } from "../plan/duration.ts";
import { InputError } from "../plan/input-error.ts";
import type { Lock } from "../plan/lock.ts";
import { controlledStages, type Plan } from "../plan/plan.ts";
import type { Import } from "../shadow/ingest/import-records.ts";
import { changesOf, isIntact, lockFile, readLock } from "./freeze.ts";
import { loadCanary } from "./load-canary.ts";
import type { Project } from "./project.ts";
import type { Progress } from "./replay-project.ts";

/** What the caller decides; times are ISO texts, without a zone in UTC. */
export interface JudgeCanaryOptions {
  readonly threads: number;
  /** what time it is: later records have clocks that are ahead */
  readonly now: Date;
  /** only what was known by then counts */
  readonly asOf?: string | undefined;
  /** of the first stage */
  readonly start?: string | undefined;
  /** when stages really began, by name */
  readonly stageStarts?: Readonly<Record<string, string>> | undefined;
}

/** What {@link judgeCanary} returns: plain data. */
export interface CanaryJudgement extends Judgement {
  readonly plan: Plan;
  readonly frozen: FrozenState;
  readonly imports: readonly Import[];
  readonly sessions: { readonly control: number; readonly candidate: number };
  readonly segments: readonly SegmentReading[];
  /** what else there is to know, in words */
  readonly notes: readonly string[];
}

/** Whether the rule was there before the data. */
export interface FrozenState {
  readonly status: "before the data" | "after the data began" | "not frozen";
  readonly frozenAt?: string;
  readonly hash?: string;
  /** what plan, policies and project say otherwise now, in words */
  readonly changes: readonly string[];
}

/**
 * Applies the frozen plan, or the plan as it is while none is frozen, to what a real canary logged.
 *
 * @throws InputError for anything wrong in the project or its logs, for a lock that was edited, and when there is no canary
 */
export async function judgeCanary(
  project: Project,
  { threads, now, asOf, start, stageStarts = {} }: JudgeCanaryOptions,
  onProgress: Progress = () => {},
): Promise<CanaryJudgement> {
  if (!project.canary) {
    throw new InputError(
      project.file,
      "names no log of a canary",
      "write canary: { source: canary/*.jsonl, session: …, at: …, measures: { … }, control: { where: … }, candidate: { where: … } }",
    );
  }
  const lock = readLock(project);
  if (lock && !isIntact(lock)) {
    throw new InputError(
      lockFile(project),
      "was edited since it was frozen: its hash does not fit",
      'restore it from version control, or freeze the plan again and say why: foretaste plan freeze --amend "…"',
    );
  }
  const plan = lock ? lock.plan : project.plan;
  const asOfMs = asOf === undefined ? undefined : parseTime("--as-of", asOf);
  const startMs = start === undefined ? undefined : parseTime("--start", start);
  const starts = startsOf(plan, stageStarts, startMs);
  const known = Math.min(asOfMs ?? Number.POSITIVE_INFINITY, now.getTime());
  const { canary, imports, notes } = await loadCanary({ ...project, plan }, project.canary, known, threads, onProgress);
  const judgement = judge(plan, canary, {
    startMs,
    stageStarts: starts,
    asOfMs: asOfMs ?? lastArrival(canary, notes),
    reference: lock?.reference,
  });
  const candidates = canary.candidate.reduce((sum, own) => sum + own, 0);
  return {
    ...judgement,
    plan,
    frozen: await frozenState(project, lock, canary),
    imports,
    sessions: { control: canary.candidate.length - candidates, candidate: candidates },
    segments: segmentReadings(plan, canary, judgement),
    notes,
  };
}

async function frozenState(project: Project, lock: Lock | undefined, { outcomes }: Canary): Promise<FrozenState> {
  if (!lock) return { status: "not frozen", changes: [] };
  const { frozenAt, hash } = lock;
  const before = Date.parse(frozenAt) <= (outcomes.arrivalMs[0] as number);
  const changes = await changesOf(project, lock);
  return { status: before ? "before the data" : "after the data began", frozenAt, hash, changes };
}

/** Stated starts of stages, which follow each other. */
function startsOf(
  plan: Plan,
  stated: Readonly<Record<string, string>>,
  startMs: number | undefined,
): Readonly<Record<string, number>> {
  const names = controlledStages(plan).map(({ name }) => name);
  const starts: Record<string, number> = {};
  for (const [stage, text] of Object.entries(stated)) {
    if (!names.includes(stage)) throw new InputError("--stage", `unknown stage ${stage}`, didYouMean(stage, names));
    starts[stage] = parseTime("--stage", text);
  }
  if (startMs !== undefined && starts[names[0] as string] !== undefined) {
    throw new InputError("--start", `is stated, and --stage ${names[0]}=… as well`, "write one of them");
  }
  let before = startMs ?? Number.NEGATIVE_INFINITY;
  for (const name of names) {
    const own = starts[name];
    if (own === undefined) continue;
    if (own <= before)
      throw new InputError("--stage", `${name} begins before the stage that it follows`, "stages follow each other");
    before = own;
  }
  return starts;
}

/** Sessions apart from all others by more than this are a clock that is wrong. */
const loneMs = 86_400_000;

/**
 * The last arrival that is not alone: a few sessions days after all others would make looks at times when nothing had been
 * recorded.
 */
function lastArrival({ outcomes: { arrivalMs, endMs } }: Canary, notes: string[]): number {
  const n = arrivalMs.length;
  const most = Math.max(1, Math.floor(n / 1000));
  for (let alone = 1; alone <= Math.min(most, n - 1); alone++) {
    const gap = (arrivalMs[n - alone] as number) - (arrivalMs[n - alone - 1] as number);
    if (gap <= loneMs) continue;
    notes.push(
      `${alone === 1 ? "one session lies" : `${alone} sessions lie`} ${Math.round(gap / loneMs)} days after all others: looks end before; if time has passed since, write --as-of`,
    );
    return arrivalMs[n - alone - 1] as number;
  }
  return endMs.reduce((latest, own) => Math.max(latest, own), 0);
}

/** Epoch ms of an ISO text; a text without a zone is in UTC. */
function parseTime(option: string, text: string): number {
  const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text.trim());
  const [, day = "", clock = "00:00", zone = "Z"] = iso ?? [];
  const ms = Date.parse(`${day}T${clock}${zone.toUpperCase()}`);
  // a day that the month has not is moved into the next one
  const real = new Date(`${day}T00:00Z`);
  if (iso && !Number.isNaN(ms) && !Number.isNaN(real.getTime()) && real.toISOString().startsWith(day)) return ms;
  const hint = parseDuration(text) === undefined ? "" : " (a time, not a duration)";
  throw new InputError(option, `${text} is not a time${hint}`, "write it as 2026-11-20T14:00Z");
}
