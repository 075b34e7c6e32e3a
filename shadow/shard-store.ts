import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Database } from "../io/duckdb.ts";
import { parquetFiles, publishPart, shardFile, temporaryName } from "../io/run-folder.ts";
import { join as joined, literal, name, raw, type Sql, sql } from "../io/sql.ts";
import { labelPrefix } from "../io/tables.ts";
import { InputError } from "../plan/input-error.ts";
import { type Observations, statuses } from "./observations.ts";
import { batchesOf, type RequestBatch, type WholeShard } from "./requests.ts";

/** What a lane observed of a whole shard. */
export interface LaneObservations {
  readonly lane: string;
  readonly observations: Observations;
}

/** Shards that are read at once: what a file holds is looked up by its footer, which is long for many shards. */
const shardsAtOnce = 8;

/** Shards of one file of requests: as much as is sorted at once, so that memory does not grow with the log. */
export const shardsPerFile = 25 * shardsAtOnce;

/**
 * The requests of a shard and its neighbours, in the order of `placedInOrder`: shard, position, session, at, attributes,
 * request, response, tools, and labels.
 */
export function requestsFile(folder: string, shard: number): string {
  return shardFile(join(folder, "requests"), Math.floor(shard / shardsPerFile));
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
  const all = (text: Sql) => sql`string_agg(${text}, chr(30))`;
  const text = (column: string) => sql`
    case when count(${name(column)}) > 0 then ${all(sql`coalesce(${name(column)}, '')`)} else '' end as ${name(column)}`;
  const whole = await database.row<WholeShard>(sql`
    select cast(count(*) as integer) as rows,
      ${all(raw("cast(to_json(session) as varchar)"))} filter (where attributes is not null) as sessions,
      ${all(raw("attributes"))} filter (where attributes is not null) as attributes,
      string_agg(cast(attributes is not null as integer), '') as firsts,
      string_agg(cast(epoch_ms("at") as varchar), ',') as "at",
      ${text("request")}, ${text("response")}, ${text("tools")}
    from ${await requests.rows(shard, raw("*"))}`);
  return batchesOf(whole);
}

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
        from read_parquet(${literal(requestsFile(this.#folder, first))})
        where shard between ${raw(String(first))} and ${raw(String(first + shardsAtOnce - 1))}`);
    }
    return sql`(select ${columns} from ${tableOf(window)} where shard = ${raw(String(shard))})`;
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

/**
 * Writes what lanes observed of a shard; each file is there whole or not at all.
 *
 * @param seq number of each request in its session
 */
export async function writeObservations(
  database: Database,
  requests: RequestFile,
  folder: string,
  shard: number,
  seq: Float64Array,
  lanes: readonly LaneObservations[],
  labels: readonly string[] = [],
): Promise<void> {
  const written = lanes.map(({ lane, observations }, i) => {
    requireOtherNames(observations, labels);
    return { lane, failing: observations.failures.length > 0, observations, ...columnsOf(observations, `${i} `) };
  });
  const row = Float64Array.from({ length: written.some(({ failing }) => failing) ? seq.length : 0 }, (_, i) => i);
  const numbers = [
    { column: "seq", values: seq },
    ...(row.length > 0 ? [{ column: "row", values: row }] : []),
    ...written.flatMap((lane) => lane.numbers),
  ];
  await database.run(sql`
    create or replace temp table answers (${joined(numbers.map(({ column }) => sql`${name(column)} double`))})`);
  await database.appendNumbers(
    "answers",
    numbers.map(({ values }) => values),
  );
  const rows = await requests.rows(
    shard,
    joined([raw('session, "at"'), ...labels.map((label) => name(labelPrefix + label))]),
  );
  const labelled = joined(
    labels.map((label) => sql`, requests.${name(labelPrefix + label)} as ${name(label)}`),
    "",
  );
  for (const { lane, failing, observations, columns, texts } of written) {
    const file = observationsFile(folder, lane, shard);
    mkdirSync(dirname(file), { recursive: true });
    const temporary = temporaryName(file);
    await database.run(sql`
      copy (
        ${failing ? failuresOf(observations) : raw("")}
        select session, cast(seq as integer) as seq, "at" ${joined(columns, "")} ${labelled}
        from ${rows} as requests
        positional join answers
        ${texts.length === 0 ? raw("") : sql`positional join (select ${joined(texts)}) as texts`}
        ${failing ? raw('left join failures on failures."row" = answers."row" order by answers."row"') : raw("")}
      ) to ${literal(temporary)} (format parquet)`);
    await publishPart(temporary, file);
  }
}

interface Column {
  readonly column: string;
  readonly values: Float64Array;
}

/** The columns of a lane's file, of the numbers in `answers` and of texts; one without a value is a constant. */
function columnsOf(
  observations: Observations,
  prefix: string,
): { readonly numbers: readonly Column[]; readonly texts: readonly Sql[]; readonly columns: readonly Sql[] } {
  const numbers: Column[] = [];
  const texts: Sql[] = [];
  const number = (column: string, values: Float64Array) => {
    if (values.every(Number.isNaN)) return raw("null");
    numbers.push({ column: prefix + column, values });
    return sql`answers.${name(prefix + column)}`;
  };
  const { status, latencyMs, digest, toolUse, failures } = observations;
  const failing = failures.length > 0;
  const uses = ["tool_hits", "tool_drifts", "tool_misses"];
  const measures = [...observations.measures].sort(([a], [b]) => (a < b ? -1 : 1));
  const values = measures.map(([key, measure]) => {
    const slot = `measure ${key}`;
    if (measure.type !== "text")
      return {
        as: key,
        value: sql`cast(${number(slot, measure.values)} as ${raw(measure.type === "boolean" ? "boolean" : "double")})`,
      };
    texts.push(sql`unnest(from_json(${jsonList(measure.values)}, '["VARCHAR"]')) as ${name(slot)}`);
    return { as: key, value: sql`texts.${name(slot)}` };
  });
  const all = [
    {
      as: "status",
      value: failing
        ? sql`list_extract([${joined(statuses.map(literal))}], cast(${number("status", new Float64Array(status))} as integer) + 1)`
        : literal(statuses[0]),
    },
    { as: "latency_ms", value: sql`cast(${number("latency_ms", latencyMs)} as double)` },
    { as: "response_digest", value: sql`cast(${number("response_digest", digest)} as bigint)` },
    { as: "error", value: failing ? raw("failures.message") : raw("cast(null as varchar)") },
    { as: "stack", value: failing ? raw("failures.stack") : raw("cast(null as varchar)") },
    ...uses.map((as, k) => ({
      as,
      value: sql`cast(${toolUse ? number(as, every(toolUse, uses.length, k)) : raw("null")} as integer)`,
    })),
    ...values,
  ];
  return { numbers, texts, columns: all.map(({ as, value }) => sql`, ${value} as ${name(as)}`) };
}

function requireOtherNames({ measures }: Observations, labels: readonly string[]): void {
  const lower = new Set([...measures.keys()].map((measure) => measure.toLowerCase()));
  const both = labels.find((label) => lower.has(label.toLowerCase()));
  if (both !== undefined) throw new InputError(`measure ${both}`, "is the name of a label, too", "rename one of them");
}

function failuresOf({ failures }: Observations): Sql {
  const list = [...failures]
    .sort((a, b) => a.row - b.row)
    .map(({ row, message, stack }) => ({
      row,
      message: message.toWellFormed(),
      stack: stack?.toWellFormed() ?? null,
    }));
  return sql`with failures as (
    select unnest(from_json(${JSON.stringify(list)}, '[{"row":"INTEGER","message":"VARCHAR","stack":"VARCHAR"}]'), recursive := true))`;
}

/** Writes the responses of a shard. */
export async function writeResponses(
  database: Database,
  requests: RequestFile,
  folder: string,
  shard: number,
  seq: Float64Array,
  { lane, observations: { rows, responses } }: LaneObservations,
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
        select unnest(from_json(${list}, '["VARCHAR"]')) as response, unnest(from_json(${jsonList([...seq])}, '["INTEGER"]')) as seq
      ) as answers
    ) to ${temporary} (format parquet)`);
  await publishPart(temporary, file);
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

function jsonList(values: readonly (string | number | null)[]): string {
  return JSON.stringify(values.map((value) => (typeof value === "string" ? value.toWellFormed() : value)));
}
