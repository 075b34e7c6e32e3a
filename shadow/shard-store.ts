import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Database } from "../io/duckdb.ts";
import { parquetFiles, publishPart, shardFile, temporaryName } from "../io/run-folder.ts";
import { join as joined, literal, name, raw, type Sql, sql } from "../io/sql.ts";
import { labelPrefix } from "../io/tables.ts";
import { InputError } from "../plan/input-error.ts";
import { type Observations, statuses } from "./observations.ts";
import { batchesOf, type RequestBatch, type WholeShard } from "./requests.ts";

/** Observations of a whole shard, with the number of each request in its session. */
export interface ShardObservations extends Observations {
  readonly seq: readonly number[];
}

/** The requests of all shards, in the order of `requestsInOrder`: shard, position, session, at, attributes, request, response, tools, and labels. */
export function requestsFile(folder: string): string {
  return join(folder, "requests.parquet");
}

export function observationsFolder(folder: string, lane: string): string {
  return join(folder, "observations", lane);
}

export function observationsFile(folder: string, lane: string, shard: number): string {
  return shardFile(observationsFolder(folder, lane), shard);
}

export function responsesFile(folder: string, lane: string, shard: number): string {
  return shardFile(join(folder, "responses", lane), shard);
}

/**
 * Reads a shard's requests, cut into batches.
 *
 * The database must have one thread: it is then the file's order in which texts are put together.
 */
export async function readShard(database: Database, requests: RequestFile, shard: number): Promise<RequestBatch[]> {
  const text = (column: string) => sql`
    case when count(${name(column)}) = 0 then '' else string_agg(coalesce(${name(column)}, ''), chr(30)) end as ${name(column)}`;
  const whole = await database.row<WholeShard>(sql`
    select cast(count(*) as integer) as rows,
      cast(to_json(list(session) filter (where attributes is not null)) as varchar) as sessions,
      string_agg(attributes, chr(30)) filter (where attributes is not null) as attributes,
      string_agg(cast(attributes is not null as integer), '') as firsts,
      string_agg(cast(epoch_ms("at") as varchar), ',') as "at",
      ${text("request")}, ${text("response")}, ${text("tools")}
    from ${await requests.rows(shard, raw("*"))}`);
  return batchesOf(whole);
}

/** Shards that are read at once: what a file holds is looked up by its footer, which is long for many shards. */
const shardsAtOnce = 8;

/** The requests of a run, of which a few shards at a time are held in the database. */
export class RequestFile {
  readonly #database: Database;
  readonly #folder: string;
  readonly #held = new Set<number>();

  constructor(database: Database, folder: string) {
    this.#database = database;
    this.#folder = folder;
  }

  /** The requests of a shard, in the order of their file. */
  async rows(shard: number, columns: Sql): Promise<Sql> {
    const window = Math.floor(shard / shardsAtOnce);
    if (!this.#held.has(window)) {
      const first = window * shardsAtOnce;
      this.#held.add(window);
      await this.#database.run(sql`
        create or replace temp table ${tableOf(window)} as
        from read_parquet(${literal(requestsFile(this.#folder))})
        where shard between ${raw(String(first))} and ${raw(String(first + shardsAtOnce - 1))}`);
    }
    return sql`(select ${columns} from ${tableOf(window)} where shard = ${shard})`;
  }

  /** No shard up to this one is asked for again. */
  async release(shard: number): Promise<void> {
    for (const window of this.#held) {
      if (shard < (window + 1) * shardsAtOnce - 1) continue;
      this.#held.delete(window);
      await this.#database.run(sql`drop table ${tableOf(window)}`);
    }
  }
}

const tableOf = (window: number) => name(`requests_${window}`);

/** Writes what a lane observed of a shard; the file is there whole or not at all. */
export async function writeObservations(
  database: Database,
  requests: RequestFile,
  folder: string,
  lane: string,
  shard: number,
  observations: ShardObservations,
  labels: readonly string[] = [],
): Promise<void> {
  const { rows, seq, status, latencyMs, digest, toolUse } = observations;
  const measures = [...observations.measures].sort(([a], [b]) => (a < b ? -1 : 1));
  const uses = ["tool_hits", "tool_drifts", "tool_misses"] as const;
  const numbers: { readonly column: string; readonly values: Float64Array }[] = [
    { column: "seq", values: new Float64Array(seq) },
    { column: "status", values: new Float64Array(status) },
    { column: "latency_ms", values: latencyMs },
    { column: "high", values: every(digest, 2, 0) },
    { column: "low", values: every(digest, 2, 1) },
    ...(observations.failures.length > 0
      ? [{ column: "row", values: Float64Array.from({ length: rows }, (_, row) => row) }]
      : []),
    ...(toolUse ? uses.map((column, k) => ({ column, values: every(toolUse, 3, k) })) : []),
    ...measures.flatMap(([, { type, values }], i) => (type === "text" ? [] : [{ column: slot(i), values }])),
  ];
  const table = `answers_${lane}_${shard}`;
  await database.run(sql`
    create or replace temp table ${name(table)} (${joined(numbers.map(({ column }) => sql`${name(column)} double`))})`);
  await database.appendNumbers(
    table,
    numbers.map(({ values }) => values),
  );
  const lower = new Set([...observations.measures.keys()].map((measure) => measure.toLowerCase()));
  const both = labels.find((label) => lower.has(label.toLowerCase()));
  if (both !== undefined) throw new InputError(`measure ${both}`, "is the name of a label, too", "rename one of them");
  const failing = observations.failures.length > 0;
  const own = (column: string) => sql`answers.${name(column)}`;
  const number = (column: string) => sql`case when not isnan(${own(column)}) then ${own(column)} end`;
  const columns = measures.map(([key, { type }], i) => {
    const value = { text: sql`texts.${name(slot(i))}`, number: number(slot(i)), boolean: sql`${number(slot(i))} = 1` }[
      type
    ];
    return sql`, ${value} as ${name(key)}`;
  });
  const texts = measures.flatMap(([, { type, values }], i) =>
    type === "text" ? [sql`unnest(from_json(${jsonList(values)}, '["VARCHAR"]')) as ${name(slot(i))}`] : [],
  );
  const file = observationsFile(folder, lane, shard);
  mkdirSync(dirname(file), { recursive: true });
  const temporary = temporaryName(file);
  await database.run(sql`
    copy (
      ${
        failing
          ? sql`with failures as (
        select unnest(from_json(${failureList(observations)}, '[{"row":"INTEGER","message":"VARCHAR","stack":"VARCHAR"}]'), recursive := true)
      )`
          : raw("")
      }
      select session, cast(${own("seq")} as integer) as seq, "at", list_extract([${joined(statuses.map(literal))}], cast(${own("status")} as integer) + 1) as status,
        ${number("latency_ms")} as latency_ms,
        case when ${own("high")} <> 0 or ${own("low")} <> 0
          then format('{:08x}{:08x}', cast(${own("high")} as uinteger), cast(${own("low")} as uinteger)) end as response_digest,
        ${failing ? raw("failures.message as error, failures.stack") : raw("cast(null as varchar) as error, cast(null as varchar) as stack")},
        ${joined(uses.map((column) => sql`cast(${toolUse ? own(column) : raw("null")} as integer) as ${name(column)}`))}
        ${joined(columns, "")}
        ${joined(
          labels.map((label) => sql`, requests.${name(labelPrefix + label)} as ${name(label)}`),
          "",
        )}
      from ${await requests.rows(shard, joined([raw('session, "at"'), ...labels.map((label) => name(labelPrefix + label))]))} as requests
      positional join ${name(table)} as answers
      ${texts.length === 0 ? raw("") : sql`positional join (select ${joined(texts)}) as texts`}
      ${failing ? sql`left join failures on failures."row" = answers."row" order by answers."row"` : raw("")}
    ) to ${temporary} (format parquet)`);
  publishPart(temporary, file);
  await database.run(sql`drop table ${name(table)}`);
}

/** Writes the responses of a shard. */
export async function writeResponses(
  database: Database,
  requests: RequestFile,
  folder: string,
  lane: string,
  shard: number,
  { rows, seq, responses }: ShardObservations,
): Promise<void> {
  const file = responsesFile(folder, lane, shard);
  mkdirSync(dirname(file), { recursive: true });
  const temporary = temporaryName(file);
  const list = jsonList(responses ?? new Array<null>(rows).fill(null));
  await database.run(sql`
    copy (
      select session, seq, response
      from ${await requests.rows(shard, raw("session"))} as requests
      positional join (
        select unnest(from_json(${list}, '["VARCHAR"]')) as response, unnest(from_json(${jsonList(seq)}, '["INTEGER"]')) as seq
      ) as answers
    ) to ${temporary} (format parquet)`);
  publishPart(temporary, file);
}

/** Requests, sessions and failed sessions of shards that are there, by shard. */
export async function countSessions(
  database: Database,
  folder: string,
  lane: string,
): Promise<ReadonlyMap<number, { readonly requests: number; readonly sessions: number; readonly failed: number }>> {
  const files = parquetFiles(observationsFolder(folder, lane));
  if (files.length === 0) return new Map();
  const rows = await database.rows<{ shard: number; requests: number; sessions: number; failed: number }>(sql`
    select cast(regexp_extract(filename, '(\\d+)\\.parquet$', 1) as integer) as shard, count(*) as requests,
      count(*) filter (where seq = 0) as sessions,
      count(*) filter (where status not in ('ok', 'skipped')) as failed
    from read_parquet([${joined(files.map(literal))}], filename = true)
    group by all`);
  return new Map(rows.map(({ shard, ...counts }) => [shard, counts]));
}

/** Entry `k` of each group of `n`. */
function every(values: Uint32Array, n: number, k: number): Float64Array {
  const picked = new Float64Array(values.length / n);
  for (let i = 0; i < picked.length; i++) picked[i] = values[n * i + k] as number;
  return picked;
}

const slot = (i: number) => `measure ${i}`;

function jsonList(values: readonly (string | number | null)[]): string {
  return JSON.stringify(values.map((value) => (typeof value === "string" ? value.toWellFormed() : value)));
}

function failureList({ failures }: Observations): string {
  return JSON.stringify(
    [...failures]
      .sort((a, b) => a.row - b.row)
      .map(({ row, message, stack }) => ({
        row,
        message: message.toWellFormed(),
        stack: stack?.toWellFormed() ?? null,
      })),
  );
}
