import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Canary } from "../analysis/judge.ts";
import { Database } from "../io/duckdb.ts";
import { name, raw, type Sql, sql, join as sqlJoin } from "../io/sql.ts";
import { durationText } from "../plan/duration.ts";
import { InputError } from "../plan/input-error.ts";
import { computeOutcomes } from "../shadow/compute-outcomes.ts";
import { createQuarantine, type Import, importRecords } from "../shadow/ingest/import-records.ts";
import type { Field } from "../shadow/ingest/map-records.ts";
import { recordedFields, writeRecorded } from "../shadow/ingest/recorded.ts";
import { createSessions, requireTimes } from "../shadow/ingest/sessions.ts";
import type { CanaryArm, CanarySource } from "./canary-source.ts";
import { filesOf, type Project } from "./project.ts";
import type { Progress } from "./replay-project.ts";

const arms = ["control", "candidate"] as const;

/** Between two requests of one session, unless the project says how long. */
const usualIdleMs = 1_800_000;

/** What a canary's logs say. */
export interface LoadedCanary {
  readonly canary: Canary;
  readonly imports: readonly Import[];
  readonly notes: string[];
}

/** Reads what both arms' logs knew by a time into sessions with their outcomes; nothing is kept on disk. */
export async function loadCanary(
  project: Project,
  source: CanarySource,
  knownMs: number,
  threads: number,
  onProgress: Progress,
): Promise<LoadedCanary> {
  const folder = mkdtempSync(join(tmpdir(), "foretaste-judge-"));
  const files = {
    control: await filesOfArm(project, source.control),
    candidate: await filesOfArm(project, source.candidate),
  };
  const database = await Database.open({
    threads,
    folders: [folder, ...new Set(arms.flatMap((arm) => files[arm].map((file) => dirname(file))))],
  });
  try {
    await createQuarantine(database);
    const imports: Import[] = [];
    for (const arm of arms) {
      onProgress(`read ${arm}`, 0, 1);
      imports.push(await readArm(database, project, source[arm], files[arm], arm));
      onProgress(`read ${arm}`, 1, 1);
    }
    const spec = {
      assignBy: project.plan.assignBy,
      attributes: project.attributes.map((attribute) => attribute.name),
      arrivals: project.arrivals,
    };
    const known = knownBy(knownMs);
    await unite(database, spec.attributes, known);
    const { records } = await database.row<{ records: number }>(sql`select count(*) as records from canary`);
    if (records === 0) {
      throw new InputError(
        source.control.place("source"),
        "the canary has no record yet",
        "judge it when there are some",
      );
    }
    const { withoutUser } = await createSessions(database, "canary", spec);
    const clock = await sessionClock(database, source.idleMs);
    const notes = await notesOf(database, withoutUser, knownMs, clock);
    const sessions = join(folder, "sessions.parquet");
    await database.run(sql`copy (select * from sessions order by position) to ${sessions} (format parquet)`);
    const [candidates, both] = (await database.columns(sql`
      select first % 2 = 1, twice.session is not null
      from sessions left join in_both_arms as twice using (session) order by position`)) as unknown as [
      boolean[],
      boolean[],
    ];
    const silent = await silentMeasures(database, source);
    for (const arm of arms) {
      mkdirSync(join(folder, arm));
      await writeRecorded(database, arm, source[arm], join(folder, arm, "recorded.parquet"), {
        from: sql`(select * from ${name(arm)} where ${known})`,
        silent: silent[arm],
        place: source[arm].place,
      });
    }
    onProgress("outcomes", 0, 1);
    const own = await outcomesOf(project, folder, sessions);
    onProgress("outcomes", 1, 1);
    const candidate = Uint8Array.from(candidates, Number);
    const failed = candidate.map((lane, i) => own.summary.failed[lane === 1 ? "candidate" : "control"][i] as number);
    // a session goes on until it has been idle for so long
    const outcomes = { ...own.outcomes, endMs: own.outcomes.endMs.map((end) => end + clock.idleMs) };
    return { canary: { outcomes, candidate, failed, inBothArms: Uint8Array.from(both, Number) }, imports, notes };
  } finally {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function filesOfArm({ folder }: Project, { sources, place }: CanaryArm): Promise<readonly string[]> {
  const found = await Promise.all(sources.map((pattern) => filesOf(folder, pattern, place("source"))));
  // a file that two patterns name is read once
  return [...new Set(found.flat())];
}

async function readArm(
  database: Database,
  project: Project,
  { place, measures, failed, error, sources: _, ...own }: CanaryArm,
  files: readonly string[],
  arm: "control" | "candidate",
): Promise<Import> {
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
  const { quarantineLimit } = project;
  return importRecords(database, { role: arm, ...own, files, fields, place, quarantineLimit, growing: true }, arm);
}

/** Records that were there by a time; all of a log without times. */
function knownBy(ms: number): Sql {
  return Number.isFinite(ms)
    ? raw(`("at" is null or "at" <= epoch_ms(cast(${Math.floor(ms)} as bigint)))`)
    : raw("true");
}

/** How long a session may be idle, and how many were idle for longer and went on. */
interface SessionClock {
  readonly idleMs: number;
  readonly resumed: number;
}

async function sessionClock(database: Database, stated: number | undefined): Promise<SessionClock> {
  const { longest } = await database.row<{ longest: number }>(sql`
    select coalesce(max(n), 0) as longest from (select count(*) as n from canary group by session)`);
  // sessions of one request end with it
  const idleMs = stated ?? (longest > 1 ? usualIdleMs : 0);
  const { resumed } = await database.row<{ resumed: number }>(sql`
    select count(distinct session) as resumed
    from (select session, epoch_ms("at") - epoch_ms(lag("at") over (partition by session order by "at")) as pause from canary)
    where pause > ${idleMs}`);
  return { idleMs, resumed };
}

async function notesOf(
  database: Database,
  withoutUser: number,
  knownMs: number,
  { idleMs, resumed }: SessionClock,
): Promise<string[]> {
  const notes: string[] = [];
  const counted = (n: number, one: string, many: string) => (n === 1 ? `one ${one}` : `${n} ${many}`);
  const { n: both } = await database.row<{ n: number }>(sql`select count(*) as n from in_both_arms`);
  if (both > 0) {
    notes.push(
      `${counted(both, "session has", "sessions have")} records in both arms; if each log numbers its sessions by itself, write session: { sql: … } with the log's name in it`,
    );
  }
  const { late } = await database.row<{ late: number }>(sql`
    select (select count(*) from control where not ${knownBy(knownMs)}) + (select count(*) from candidate where not ${knownBy(knownMs)}) as late`);
  if (late > 0) {
    notes.push(
      `${counted(late, "record is", "records are")} later than ${new Date(knownMs).toISOString()} and left out`,
    );
  }
  if (withoutUser > 0) {
    notes.push(`${counted(withoutUser, "session has", "sessions have")} no user: each is a unit of its own`);
  }
  if (idleMs > 0) notes.push(`a session has ended when no request came for ${durationText(idleMs)} (canary.idle)`);
  if (resumed > 0) {
    notes.push(
      `${counted(resumed, "session went", "sessions went")} on after a longer pause: what an earlier look said of ${resumed === 1 ? "it" : "them"} may have been otherwise; raise canary.idle`,
    );
  }
  const { duplicates } = await database.row<{ duplicates: number }>(sql`
    select coalesce(sum(n - 1), 0)::bigint as duplicates
    from (select count(*) as n from canary group by session, "at", record % 2, line_hash having n > 1)`);
  if (duplicates > 0)
    notes.push(
      `${counted(duplicates, "record repeats", "records repeat")} another one, value by value: all are counted`,
    );
  return notes;
}

/** Measures of which an arm has no value yet, with the type that the other arm has, or that of a number. */
async function silentMeasures(
  database: Database,
  source: CanarySource,
): Promise<Readonly<Record<"control" | "candidate", ReadonlyMap<string, string>>>> {
  const found = { control: new Map<string, string>(), candidate: new Map<string, string>() };
  for (const measure of Object.keys({ ...source.control.measures, ...source.candidate.measures })) {
    const types: { arm: "control" | "candidate"; type: string; n: number }[] = [];
    for (const arm of arms) {
      const column = name(`measure:${measure}`);
      const has = (await database.describe(sql`from ${name(arm)}`)).some((own) => own.name === `measure:${measure}`);
      if (!has) continue;
      const { type, n } = await database.row<{ type: string; n: number }>(sql`
        select coalesce(any_value(typeof(${column})), 'NULL') as type, count(${column}) as n from ${name(arm)}
        where ${column} is not null`);
      types.push({ arm, type, n });
    }
    const spoken = types.find(({ n }) => n > 0);
    const type =
      spoken === undefined
        ? "double"
        : spoken.type === "BOOLEAN"
          ? "boolean"
          : /VARCHAR|ENUM|UUID|DATE|TIME/.test(spoken.type)
            ? "varchar"
            : "double";
    for (const { arm, n } of types) if (n === 0) found[arm].set(measure, type);
  }
  return found;
}

/** Records of both arms in one view, numbered so that odd ones are the candidate's; and the sessions that are in both. */
async function unite(database: Database, attributes: readonly string[], known: Sql): Promise<void> {
  const columns = sqlJoin(
    attributes.map((own) => sql`, ${name(`attribute:${own}`)}`),
    "",
  );
  const arm = (own: "control" | "candidate", odd: 0 | 1) => sql`
    select 2 * record + ${raw(String(odd))} as record, file, line, session, "user", "at",
      hash(columns(* exclude (record, file, line))) as line_hash ${columns}
    from ${name(own)} where ${known}`;
  await database.run(sql`create view canary as ${arm("control", 0)} union all ${arm("candidate", 1)}`);
  await database.run(sql`
    create table in_both_arms as
    select session from canary group by session having min(record % 2) <> max(record % 2)`);
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
