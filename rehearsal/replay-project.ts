import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { Database } from "../io/duckdb.ts";
import { threadPool } from "../io/pool.ts";
import { publishFile, readJsonFile, temporaryName, writeTextFile } from "../io/run-folder.ts";
import { type Sql, sql } from "../io/sql.ts";
import { InputError } from "../plan/input-error.ts";
import { createQuarantine, type Import, importRecords } from "../shadow/import-records.ts";
import type { Field } from "../shadow/map-records.ts";
import { recordedFields, writeRecorded } from "../shadow/recorded.ts";
import { finishedShards, observationsFolder, replay, replayWorker, requestsFile } from "../shadow/replay.ts";
import type { ShardJob, ShardSummary } from "../shadow/replay-shard.ts";
import { createSessions, requireTimes, type SessionSummary } from "../shadow/sessions.ts";
import type { LanePolicy, Project, TrafficSource } from "./project.ts";
import { openRun, planCalls, type Run, type RunOptions } from "./run.ts";

/** A run whose observations are there. */
export interface Replayed {
  readonly run: Run;
  readonly imported: Imported;
}

/** What was read of the log; kept in the run's folder, so that a resumed run reads nothing twice. */
export interface Imported {
  readonly imports: readonly Import[];
  readonly sessions: SessionSummary;
}

/** Told while a rehearsal goes on; shown on stderr by the command line. */
export type Progress = (step: string, done: number, total: number, note?: string) => void;

const lanes = ["control", "candidate"] as const;

/** Reads the log and replays it through both lanes; finished parts of a resumed run are kept. */
export async function replayProject(
  project: Project,
  options: RunOptions,
  onProgress: Progress = () => {},
): Promise<Replayed> {
  const run = await openRun(project, options);
  const imported =
    readJsonFile<Imported>(importFile(run)) ?? (await importProject(project, run, options.threads, onProgress));
  planCalls(project, run.manifest, imported.sessions.requests);
  const modules = lanes.flatMap((lane) => {
    const policy = project[lane];
    return policy.kind === "module" ? [{ lane, module: policy.module }] : [];
  });
  if (modules.length > 0) {
    const { shards, requests, requestsByShard } = imported.sessions;
    const kept = finishedShards(
      run.folder,
      shards,
      modules.map(({ lane }) => lane),
    );
    let done = kept.reduce((sum, shard) => sum + (requestsByShard[shard] as number), 0);
    let failed = 0;
    onProgress("replay", done, requests);
    await replay(
      {
        folder: run.folder,
        shards,
        lanes: modules,
        seed: run.manifest.seed,
        timeoutMs: project.timeoutMs,
        concurrency: project.concurrency,
        threads: options.threads,
      },
      threadPool<ShardJob, ShardSummary>(replayWorker, options.threads),
      (summary) => {
        done += summary.requests;
        failed += summary.failedSessions;
        onProgress("replay", done, requests, failed > 0 ? `${failed} sessions failed` : undefined);
      },
    );
  }
  return { run, imported };
}

function importFile({ folder }: Run): string {
  return join(folder, "import.json");
}

async function importProject(project: Project, run: Run, threads: number, onProgress: Progress): Promise<Imported> {
  const folders = [run.folder, ...new Set(run.manifest.inputs.map(({ file }) => dirname(file)))];
  const database = await Database.open({ threads, folders });
  try {
    await createQuarantine(database);
    const imports: Import[] = [];
    const quarantined = () =>
      writeTable(database, join(run.folder, "quarantine.parquet"), sql`select * from quarantine`);
    const base = project.traffic ? "traffic" : "control";
    const attributeFields = project.attributes.map(
      ({ name: own, from }): Field => ({
        name: `attribute:${own}`,
        from,
        as: "text",
        place: project.place("traffic", "attributes"),
      }),
    );
    const load = async (
      role: string,
      source: TrafficSource,
      place: (key: string) => string,
      fields: readonly Field[],
    ) => {
      onProgress(`read ${role}`, 0, 1);
      const at = role === base ? source.at : undefined;
      requireTimes(role !== base || at !== undefined, role === base ? project.arrivals : undefined, place("at"));
      const spec = { ...source, role, fields, place, quarantineLimit: project.quarantineLimit };
      try {
        imports.push(await importRecords(database, spec, role));
        onProgress(`read ${role}`, 1, 1);
      } finally {
        await quarantined();
      }
    };
    if (project.traffic) {
      const { request, response } = project.traffic;
      const answered = lanes.some((lane) => project[lane].kind === "module");
      if (answered && request === undefined) {
        throw new InputError(
          project.place("traffic", "columns"),
          "traffic.columns.request is missing",
          "name what the policies answer: request: input",
        );
      }
      const place = (key: string) => project.place("traffic", "columns", key);
      await load("traffic", project.traffic, place, [
        ...attributeFields,
        ...(request === undefined
          ? []
          : [{ name: "request", from: request, as: "json", place: place("request") } as const]),
        ...(response === undefined
          ? []
          : [{ name: "response", from: response, as: "json", place: place("response") } as const]),
      ]);
    }
    for (const lane of lanes) {
      const policy = project[lane];
      if (policy.kind === "module") continue;
      const place = (key: string) => project.place(lane, "recorded", ...key.split("."));
      const own = recordedFields(policy, place);
      await load(lane, policy.source, place, lane === base ? [...own, ...attributeFields] : own);
    }
    const sessions = await createSessions(database, base, {
      assignBy: project.plan.assignBy,
      attributes: project.attributes.map((attribute) => attribute.name),
      arrivals: project.arrivals,
    });
    await writeSessions(database, run.folder, sessions.shards, project.traffic !== undefined);
    for (const lane of lanes) await writeLane(database, run.folder, lane, project[lane]);
    const imported = { imports, sessions };
    writeTextFile(importFile(run), `${JSON.stringify(imported, null, 2)}\n`);
    return imported;
  } finally {
    await database.close();
  }
}

async function writeSessions(database: Database, folder: string, shards: number, withRequests: boolean): Promise<void> {
  await writeTable(database, join(folder, "sessions.parquet"), sql`select * from sessions order by position`);
  if (!withRequests) return;
  mkdirSync(join(folder, "requests"), { recursive: true });
  for (let shard = 0; shard < shards; shard++) {
    await writeTable(
      database,
      requestsFile(folder, shard),
      sql`
        select requests.session, seq, "at", request, response, attributes
        from requests join sessions using (session)
        where requests.shard = ${shard}
        order by requests.position, seq`,
    );
  }
}

async function writeLane(
  database: Database,
  folder: string,
  lane: "control" | "candidate",
  policy: LanePolicy,
): Promise<void> {
  if (policy.kind === "module") return;
  mkdirSync(observationsFolder(folder, lane), { recursive: true });
  await writeRecorded(database, lane, policy, join(observationsFolder(folder, lane), "recorded.parquet"));
}

async function writeTable(database: Database, file: string, query: Sql): Promise<void> {
  const temporary = temporaryName(file);
  await database.run(sql`copy (${query}) to ${temporary} (format parquet)`);
  publishFile(temporary, file);
}
