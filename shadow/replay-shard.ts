import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Database } from "../io/duckdb.ts";
import { publishFile, temporaryName } from "../io/run-folder.ts";
import { join, name, raw, sql } from "../io/sql.ts";
import { measureTypes, observationColumns } from "../io/tables.ts";
import { loadPolicy } from "./policy.ts";
import { type Observations, type ReplaySettings, replayRequests, type ShardRequests } from "./replay-requests.ts";

/** One shard of the replay: which requests, through which lanes, and where the observations go. */
export interface ShardJob extends ReplaySettings {
  readonly requests: string;
  readonly lanes: readonly { readonly lane: string; readonly module: string; readonly observations: string }[];
}

export interface ShardSummary {
  readonly requests: number;
  readonly failedSessions: number;
}

let database: Promise<Database> | undefined;

/**
 * Replays a shard and writes one file of observations per lane, each whole or not at all.
 *
 * @throws InputError for a measure of a reserved name or of two types
 */
export async function replayShard(job: ShardJob): Promise<ShardSummary> {
  database ??= Database.open({ threads: 1 });
  const open = await database;
  const requests = await readRequests(open, job.requests);
  const policies = await Promise.all(
    job.lanes.map(async ({ lane, module }) => ({ lane, policy: await loadPolicy(module) })),
  );
  const lanes = await replayRequests(requests, policies, job);
  for (const [i, { observations }] of job.lanes.entries()) {
    await writeObservations(open, requests, lanes[i] as Observations, observations);
  }
  const failed = lanes.map(
    ({ status }) => requests.seq.filter((seq, i) => seq === 0 && failedFrom(requests, status, i)).length,
  );
  return { requests: requests.session.length, failedSessions: failed.reduce((a, b) => a + b, 0) };
}

function failedFrom({ session }: ShardRequests, status: readonly string[], first: number): boolean {
  for (let i = first; session[i] === session[first]; i++) if (status[i] !== "ok") return true;
  return false;
}

async function readRequests(open: Database, file: string): Promise<ShardRequests> {
  const columns = await open.columns(sql`
    select session, seq, cast(epoch_ms("at") as double), request, response, attributes
    from read_parquet(${file})`);
  const [session, seq, at, request, response, attributes] = columns as unknown as [
    string[],
    number[],
    number[],
    (string | null)[],
    (string | null)[],
    string[],
  ];
  return { session, seq, at, request, response, attributes };
}

async function writeObservations(
  open: Database,
  { session, seq, at }: ShardRequests,
  { status, latencyMs, digest, error, measures }: Observations,
  file: string,
): Promise<void> {
  const declared = [...measures].sort(([a], [b]) => (a < b ? -1 : 1));
  const columns = [
    ...Object.entries(observationColumns),
    ...declared.map(([key, { type }]) => [key, measureTypes[type]] as const),
  ];
  await open.run(sql`
    create or replace temp table observations (${join(columns.map(([key, type]) => sql`${name(key)} ${raw(type.toString())}`))})`);
  const values = [session, seq, at, status, latencyMs, digest, error, ...declared.map(([, measure]) => measure.values)];
  await open.append(
    "observations",
    columns.map(([, type]) => type),
    values as (string | number | boolean | null)[][],
  );
  mkdirSync(dirname(file), { recursive: true });
  const temporary = temporaryName(file);
  await open.run(sql`
    copy (select * replace (epoch_ms(cast("at" as bigint)) as "at") from observations) to ${temporary} (format parquet)`);
  publishFile(temporary, file);
}
