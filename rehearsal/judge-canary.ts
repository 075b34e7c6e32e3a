import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Canary, type Judgement, judge, type SegmentReading, segmentReadings } from "../analysis/judge.ts";
import { Database } from "../io/duckdb.ts";
import { name, sql, join as sqlJoin } from "../io/sql.ts";
import { didYouMean } from "../plan/document.ts";
import { parseDuration } from "../plan/duration.ts";
import { InputError } from "../plan/input-error.ts";
import type { Lock } from "../plan/lock.ts";
import { controlledStages, type Plan } from "../plan/plan.ts";
import { computeOutcomes } from "../shadow/compute-outcomes.ts";
import { createQuarantine, type Import, importRecords } from "../shadow/ingest/import-records.ts";
import type { Field } from "../shadow/ingest/map-records.ts";
import { recordedFields, writeRecorded } from "../shadow/ingest/recorded.ts";
import { createSessions, requireTimes } from "../shadow/ingest/sessions.ts";
import type { CanarySource } from "./canary-source.ts";
import { isIntact, planChanges, readLock } from "./freeze.ts";
import type { Project } from "./project.ts";
import type { Progress } from "./replay-project.ts";

/** What the caller decides; times are ISO texts, without a zone in UTC. */
export interface JudgeCanaryOptions {
  readonly threads: number;
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
}

/** Whether the rule was there before the data. */
export interface FrozenState {
  readonly status: "before the data" | "after the data began" | "not frozen" | "damaged";
  readonly frozenAt?: string;
  readonly hash?: string;
  /** what plan.yaml says otherwise now, in words */
  readonly changes: readonly string[];
}

const arms = ["control", "candidate"] as const;

/**
 * Applies the frozen plan, or the plan as it is while none is frozen, to what a real canary logged.
 *
 * @throws InputError for anything wrong in the project or its logs, and when there is no canary
 */
export async function judgeCanary(
  project: Project,
  { threads, asOf, start, stageStarts = {} }: JudgeCanaryOptions,
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
  const plan = lock ? lock.plan : project.plan;
  const times = {
    asOfMs: asOf === undefined ? undefined : timeOf("--as-of", asOf),
    startMs: start === undefined ? undefined : timeOf("--start", start),
    stageStarts: Object.fromEntries(
      Object.entries(stageStarts).map(([stage, text]) => [knownStage(plan, stage), timeOf("--stage", text)]),
    ),
  };
  const { canary, imports } = await loadCanary({ ...project, plan }, project.canary, threads, onProgress);
  const judgement = judge(plan, canary, { ...times, reference: lock?.reference });
  const candidates = canary.candidate.reduce((sum, own) => sum + own, 0);
  return {
    ...judgement,
    plan,
    frozen: frozenState(project, lock, canary),
    imports,
    sessions: { control: canary.candidate.length - candidates, candidate: candidates },
    segments: segmentReadings(plan, canary, judgement),
  };
}

function frozenState(project: Project, lock: Lock | undefined, { outcomes }: Canary): FrozenState {
  if (!lock) return { status: "not frozen", changes: [] };
  const { frozenAt, hash } = lock;
  const changes = planChanges(project, lock);
  if (!isIntact(lock)) return { status: "damaged", frozenAt, hash, changes };
  const before = Date.parse(frozenAt) <= (outcomes.arrivalMs[0] as number);
  return { status: before ? "before the data" : "after the data began", frozenAt, hash, changes };
}

function knownStage(plan: Plan, stage: string): string {
  const names = controlledStages(plan).map((own) => own.name);
  if (!names.includes(stage)) throw new InputError("--stage", `unknown stage ${stage}`, didYouMean(stage, names));
  return stage;
}

/** Epoch ms of an ISO text; a text without a zone is in UTC. */
function timeOf(option: string, text: string): number {
  const zoned = /([zZ]|[+-]\d\d:?\d\d)$/.test(text.trim()) || /^\d{4}-\d\d-\d\d$/.test(text.trim());
  const ms = Date.parse(zoned ? text.trim() : `${text.trim()}Z`);
  if (Number.isNaN(ms)) {
    const hint = parseDuration(text) === undefined ? "" : " (a time, not a duration)";
    throw new InputError(option, `${text} is not a time${hint}`, "write it as 2026-11-20T14:00Z");
  }
  return ms;
}

/** Reads both arms' logs into sessions with their outcomes; nothing is kept on disk. */
async function loadCanary(
  project: Project,
  source: CanarySource,
  threads: number,
  onProgress: Progress,
): Promise<{ readonly canary: Canary; readonly imports: readonly Import[] }> {
  const folder = mkdtempSync(join(tmpdir(), "foretaste-judge-"));
  const sources = arms.flatMap((arm) => source[arm].files);
  const database = await Database.open({
    threads,
    folders: [folder, ...new Set(sources.map((file) => dirname(file)))],
  });
  try {
    await createQuarantine(database);
    const imports: Import[] = [];
    for (const arm of arms) {
      onProgress(`read ${arm}`, 0, 1);
      imports.push(await readArm(database, project, source, arm));
      onProgress(`read ${arm}`, 1, 1);
    }
    const spec = {
      assignBy: project.plan.assignBy,
      attributes: project.attributes.map((attribute) => attribute.name),
      arrivals: project.arrivals,
    };
    await unite(database, spec.attributes);
    await createSessions(database, "canary", spec);
    const sessions = join(folder, "sessions.parquet");
    await database.run(sql`copy (select * from sessions order by position) to ${sessions} (format parquet)`);
    const [first] = (await database.columns(sql`select first % 2 = 1 from sessions order by position`)) as unknown as [
      boolean[],
    ];
    for (const arm of arms) {
      mkdirSync(join(folder, arm));
      await writeRecorded(database, arm, source[arm], join(folder, arm, "recorded.parquet"), {
        place: source[arm].place,
      });
    }
    onProgress("outcomes", 0, 1);
    const own = await outcomesOf(project, folder, sessions);
    onProgress("outcomes", 1, 1);
    const candidate = Uint8Array.from(first, Number);
    const failed = candidate.map((lane, i) => own.summary.failed[lane === 1 ? "candidate" : "control"][i] as number);
    return { canary: { outcomes: own.outcomes, candidate, failed }, imports };
  } finally {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function readArm(
  database: Database,
  project: Project,
  source: CanarySource,
  arm: "control" | "candidate",
): Promise<Import> {
  const { place, measures, failed, error, ...own } = source[arm];
  const attributes = project.attributes.map(
    ({ name: attribute, from }): Field => ({
      name: `attribute:${attribute}`,
      from,
      as: "text",
      place: project.place("traffic", "attributes"),
    }),
  );
  requireTimes(own.at !== undefined, project.arrivals, place("at"));
  const fields = [...recordedFields({ measures, failed, error }, place), ...attributes];
  return importRecords(database, { role: arm, ...own, fields, place, quarantineLimit: project.quarantineLimit }, arm);
}

/** Records of both arms in one view, numbered so that odd ones are the candidate's. */
async function unite(database: Database, attributes: readonly string[]): Promise<void> {
  const columns = sqlJoin(
    attributes.map((own) => sql`, ${name(`attribute:${own}`)}`),
    "",
  );
  await database.run(sql`
    create view canary as
    select 2 * record as record, file, line, session, "user", "at" ${columns} from control
    union all
    select 2 * record + 1, file, line, session, "user", "at" ${columns} from candidate`);
}

async function outcomesOf(project: Project, folder: string, sessions: string) {
  // one thread: sums of doubles on two are not reproducible
  const database = await Database.open({ threads: 1, folders: [folder] });
  try {
    return await computeOutcomes(
      database,
      { control: join(folder, "control"), candidate: join(folder, "candidate") },
      sessions,
      metricsOf(project),
      project.attributes.map((attribute) => attribute.name),
      (metric) => project.place("metrics", metric),
      { unpaired: true },
    );
  } finally {
    await database.close();
  }
}

/** Those that the plan guards, as it defines them. */
function metricsOf({ plan }: Project) {
  return [...new Map(plan.guardrails.map(({ metric }) => [metric.name, metric])).values()];
}
