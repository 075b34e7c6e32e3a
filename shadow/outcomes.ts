import { mkdirSync } from "node:fs";
import { type Database, SqlError } from "../io/duckdb.ts";
import { parquetFiles, publishFile, shardFile, temporaryName } from "../io/run-folder.ts";
import { join, literal, name, raw, type Sql, sql } from "../io/sql.ts";
import { didYouMean } from "../plan/document.ts";
import { InputError } from "../plan/input-error.ts";
import type { Metric } from "../plan/metric.ts";
import { vetExpression } from "./expression.ts";

/**
 * The inputs of every metric for every session, under control and under candidate: columns of one length, in the order
 * of arrival.
 */
export interface Outcomes {
  readonly sessions: readonly string[];
  /** index into unitNames */
  readonly unit: Int32Array;
  readonly unitNames: readonly string[];
  /** epoch ms */
  readonly arrivalMs: Float64Array;
  readonly endMs: Float64Array;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly metrics: readonly MetricOutcomes[];
}

/** The values of one attribute: `(missing)` where a session has none. */
export interface Attribute {
  readonly names: readonly string[];
  /** index into names, one a session */
  readonly codes: Int32Array;
}

export interface MetricOutcomes {
  readonly metric: Metric;
  readonly control: Values;
  readonly candidate: Values;
}

/**
 * One metric in one lane. `sums`: numerator and denominator of each session; a missing value is 0 over 0, so that it adds
 * nothing. `requests`: the values of all requests, those of session i from offsets[i] to offsets[i + 1].
 */
export type Values =
  | {
      readonly kind: "sums";
      readonly numerator: Float64Array;
      readonly denominator: Float64Array;
      readonly missing: Uint8Array;
    }
  | { readonly kind: "requests"; readonly offsets: Int32Array; readonly values: Float64Array };

/** What there is besides the outcomes: how lanes matched, failed and lacked values. */
export interface OutcomeSummary {
  readonly unmatched: { readonly control: number; readonly candidate: number };
  readonly failedSessions: { readonly control: number; readonly candidate: number };
  /** 1 for the sessions that failed, in the order of the outcomes */
  readonly failed: { readonly control: Uint8Array; readonly candidate: Uint8Array };
  /** sessions by status of their requests and lane */
  readonly statuses: readonly { readonly lane: string; readonly status: string; readonly requests: number }[];
}

const lanes = ["control", "candidate"] as const;
type Lane = (typeof lanes)[number];

/**
 * Aggregates the observations of each lane to one value per session and metric.
 *
 * The database must have one thread: sums of doubles on two are not reproducible.
 *
 * @param folders of the observations' Parquet files, by lane
 * @param sessions the table of createSessions, as a Parquet file
 * @param place where a metric stands in the project's file
 * @throws InputError for an expression that is not one aggregate, a column that no lane has, and a measure that one lane
 *   lacks
 */
export async function computeOutcomes(
  database: Database,
  folders: Readonly<Record<Lane, string>>,
  sessions: string,
  metrics: readonly Metric[],
  attributes: readonly string[],
  place: (metric: string) => string,
): Promise<{ readonly outcomes: Outcomes; readonly summary: OutcomeSummary }> {
  const measures = await laneMeasures(database, folders);
  for (const lane of lanes) await createLaneTable(database, lane, folders[lane]);
  const expressions = await Promise.all(
    metrics.map((metric) => metricExpressions(database, metric, measures, place(metric.name))),
  );
  for (const [i, metric] of metrics.entries())
    await bind(database, expressions[i] as Sql[], metric, place(metric.name));
  for (const lane of lanes) {
    await database
      .run(sql`
      create table ${name(`${lane}_outcomes`)} as
      select session, bool_or(status <> 'ok') as failed
        ${join(
          expressions.flatMap((own, i) => own.map((value, k) => sql`, ${value} as ${slot(i, k)}`)),
          "",
        )}
      from (select * from ${name(lane)} order by session, seq)
      group by session`)
      .catch((error) => Promise.reject(metricError(error, metrics, place)));
  }
  await database.run(sql`
    create table matched as
    select position, session, unit, arrival, ends, attributes, shard, control.failed as control_failed,
      candidate.failed as candidate_failed,
      ${join(lanes.flatMap((lane) => expressions.flatMap((own, i) => own.map((_, k) => sql`${name(lane)}.${slot(i, k)} as ${laneSlot(lane, i, k)}`))))}
    from read_parquet(${sessions}) as sessions
    join control_outcomes as control using (session)
    join candidate_outcomes as candidate using (session)
    order by position`);
  const outcomes = await readOutcomes(database, metrics, attributes);
  if (outcomes.sessions.length === 0) {
    throw new InputError(
      "control and candidate",
      "no session is in both lanes",
      "check that session names the same thing in both logs",
    );
  }
  return { outcomes, summary: await summarize(database) };
}

/**
 * Writes the outcomes of {@link computeOutcomes} as one file per shard: session, unit, arrival, ends, attributes, and for each
 * metric and lane `<metric>.<lane>` (of a ratio `<metric>.<lane>.numerator` and `.denominator`, of a quantile the list of its
 * requests' values) as the lane has it: NULL is missing, and failed sessions, whose `failure_rate` is 1, are not yet replaced.
 */
export async function writeOutcomes(database: Database, metrics: readonly Metric[], folder: string): Promise<void> {
  const columns = metrics.flatMap((metric, i) =>
    lanes.flatMap((lane) => {
      const parts = metric.kind === "ratio" ? [".numerator", ".denominator"] : [""];
      return parts.map((part, k) => sql`${laneSlot(lane, i, k)} as ${name(`${metric.name}.${lane}${part}`)}`);
    }),
  );
  mkdirSync(folder, { recursive: true });
  const shards = await database.rows<{ shard: number }>(sql`select distinct shard from matched order by shard`);
  for (const { shard } of shards) {
    const file = shardFile(folder, shard);
    const temporary = temporaryName(file);
    await database.run(sql`
      copy (
        select session, unit, arrival, ends, attributes, ${join(columns)} from matched where shard = ${shard} order by position
      ) to ${temporary} (format parquet)`);
    publishFile(temporary, file);
  }
}

const slot = (metric: number, part: number) => name(`m${metric}_${part}`);
const laneSlot = (lane: Lane, metric: number, part: number) => name(`${lane}_m${metric}_${part}`);

/** The measures of each lane with their types; one type a measure, over all shards and lanes. */
async function laneMeasures(
  database: Database,
  folders: Readonly<Record<Lane, string>>,
): Promise<Readonly<Record<Lane, ReadonlyMap<string, string>>>> {
  const types = async (lane: Lane) => {
    const rows = await database.rows<{ column: string; type: string; file: string }>(sql`
      select name as "column", type || coalesce('/' || converted_type, '') as type, min(file_name) as file
      from parquet_schema([${join(parquetFiles(folders[lane]).map(literal))}])
      where num_children is null
      group by all
      order by all`);
    const found = new Map<string, string>();
    for (const { column, type, file } of rows) {
      const before = found.get(column);
      if (before !== undefined && before !== type) {
        throw new InputError(
          file,
          `measure ${column} of ${lane} is ${before} in some shards and ${type} in others`,
          "return one type",
        );
      }
      found.set(column, type);
    }
    return found;
  };
  const [control, candidate] = [await types("control"), await types("candidate")];
  for (const [measure, type] of control) {
    const other = candidate.get(measure);
    if (other !== undefined && other !== type) {
      throw new InputError(
        `measure ${measure}`,
        `is ${type} in control and ${other} in candidate`,
        "return one type in both lanes",
      );
    }
  }
  return { control, candidate };
}

async function createLaneTable(database: Database, lane: Lane, folder: string): Promise<void> {
  const files = parquetFiles(folder).map(literal);
  await database.run(sql`
    create view ${name(lane)} as select * from read_parquet([${join(files)}], union_by_name = true)`);
}

async function metricExpressions(
  database: Database,
  metric: Metric,
  measures: Readonly<Record<Lane, ReadonlyMap<string, string>>>,
  place: string,
): Promise<Sql[]> {
  const expression = async (text: string, kind: "scalar" | "aggregate") => {
    const { sql: vetted, columns } = await vetExpression(database, text, place, kind);
    for (const column of columns) requireMeasure(column, metric, measures, place);
    return raw(vetted);
  };
  if (metric.kind === "ratio") {
    const parts = [await expression(metric.numerator, "aggregate"), await expression(metric.denominator, "aggregate")];
    return parts.map((part) => sql`cast(${part} as double)`);
  }
  if (metric.kind === "quantile") {
    const value = await expression(metric.value, "scalar");
    return [sql`list(cast(${value} as double)) filter (where status = 'ok' and isfinite(cast(${value} as double)))`];
  }
  return [sql`cast(${await expression(metric.value, "aggregate")} as double)`];
}

/** Asks DuckDB whether the expressions fit the measures' types, for a message that names the metric. */
async function bind(database: Database, expressions: readonly Sql[], metric: Metric, place: string): Promise<void> {
  try {
    for (const lane of lanes) {
      await database.describe(sql`select ${join(expressions)} from ${name(lane)} group by session`);
    }
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new InputError(
      place,
      `metric ${metric.name} cannot be computed: ${error.problem}`,
      "check its expression against the measures' types",
      { cause: error },
    );
  }
}

function requireMeasure(
  column: string,
  metric: Metric,
  { control, candidate }: Readonly<Record<Lane, ReadonlyMap<string, string>>>,
  place: string,
): void {
  if (control.has(column) && candidate.has(column)) return;
  if (control.has(column) || candidate.has(column)) {
    const [has, lacks] = control.has(column) ? ["control", "candidate"] : ["candidate", "control"];
    throw new InputError(
      place,
      `metric ${metric.name} reads ${column}, which ${has} reports and ${lacks} never does`,
      `make ${lacks} report it, or remove the metric`,
    );
  }
  const known = [...new Set([...control.keys(), ...candidate.keys()])];
  throw new InputError(
    place,
    `metric ${metric.name} reads ${column}, which no lane reports`,
    didYouMean(column, known),
  );
}

function metricError(error: unknown, metrics: readonly Metric[], place: (metric: string) => string): unknown {
  if (!(error instanceof SqlError)) return error;
  const [first] = metrics;
  return new InputError(
    metrics.length === 1 && first ? place(first.name) : "metrics",
    `cannot be computed: ${error.problem}`,
    "check the expressions against the measures' types",
    { cause: error },
  );
}

async function readOutcomes(
  database: Database,
  metrics: readonly Metric[],
  attributes: readonly string[],
): Promise<Outcomes> {
  const [sessions, units, arrival, ends] = (await database.columns(sql`
    select session, unit, cast(epoch_ms(arrival) as double), cast(epoch_ms(ends) as double) from matched order by position`)) as unknown as [
    string[],
    string[],
    number[],
    number[],
  ];
  const unit = encode(units);
  const values = new Map<string, Attribute>();
  for (const attribute of attributes) {
    const [texts] = (await database.columns(sql`
      select coalesce(json_extract_string(attributes, ${`/${attribute.replaceAll("~", "~0").replaceAll("/", "~1")}`}), '(missing)')
      from matched order by position`)) as unknown as [string[]];
    values.set(attribute, encode(texts));
  }
  const columns: MetricOutcomes[] = [];
  for (const [i, metric] of metrics.entries()) {
    const read = (lane: Lane) =>
      metric.kind === "quantile" ? readRequests(database, lane, i) : readSums(database, lane, i, metric);
    const [control, candidate] = [await read("control"), await read("candidate")];
    columns.push(
      metric.whenFailed === "worst" && metric.kind !== "ratio"
        ? withWorst(metric, control, candidate)
        : { metric, control: control.values, candidate: candidate.values },
    );
  }
  return {
    sessions,
    unit: unit.codes,
    unitNames: unit.names,
    arrivalMs: Float64Array.from(arrival),
    endMs: Float64Array.from(ends),
    attributes: values,
    metrics: columns,
  };
}

interface Read {
  readonly values: Values;
  readonly failed: Uint8Array;
}

async function readSums(database: Database, lane: Lane, index: number, metric: Metric): Promise<Read> {
  const ratio = metric.kind === "ratio";
  const numerator = laneSlot(lane, index, 0);
  const denominator = ratio ? laneSlot(lane, index, 1) : raw("1.0");
  const failed = name(`${lane}_failed`);
  const own = sql`(${numerator} is not null and ${denominator} is not null
    and isfinite(${numerator}) and isfinite(${denominator}) and not ${failed})`;
  const [top, bottom, present, fail] = (await database.columns(sql`
    select coalesce(case when ${own} then ${numerator} end, 0.0), case when ${own} then ${denominator} else 0.0 end, ${own}, ${failed}
    from matched order by position`)) as unknown as [number[], number[], boolean[], boolean[]];
  if (metric.kind === "proportion") requireBinary(metric, lane, top);
  return {
    values: {
      kind: "sums",
      numerator: Float64Array.from(top),
      denominator: Float64Array.from(bottom),
      missing: Uint8Array.from(present, (there) => (there ? 0 : 1)),
    },
    failed: Uint8Array.from(fail, Number),
  };
}

function requireBinary(metric: Metric, lane: Lane, values: readonly number[]): void {
  const other = values.find((own) => own !== 0 && own !== 1);
  if (other === undefined) return;
  throw new InputError(
    `metric ${metric.name}`,
    `is a proportion, but a session of ${lane} has the value ${other}`,
    "a proportion is true or false for a session (as bool_or(completed)); use kind: mean for numbers",
  );
}

async function readRequests(database: Database, lane: Lane, index: number): Promise<Read> {
  const [counts, fail] = (await database.columns(sql`
    select coalesce(len(${laneSlot(lane, index, 0)}), 0), ${name(`${lane}_failed`)}
    from matched order by position`)) as unknown as [bigint[], boolean[]];
  const [values] = (await database.columns(sql`
    select value from (select position, unnest(${laneSlot(lane, index, 0)}) as value from matched) order by position`)) as unknown as [
    number[],
  ];
  const offsets = new Int32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) offsets[i + 1] = (offsets[i] as number) + Number(counts[i]);
  return {
    values: { kind: "requests", offsets, values: Float64Array.from(values) },
    failed: Uint8Array.from(fail, Number),
  };
}

/** Failed sessions take the worst value: 0 or 1 of a proportion, else the worst value seen in either lane. */
function withWorst(metric: Metric, control: Read, candidate: Read): MetricOutcomes {
  const highest = metric.better === "lower";
  const seen = [control, candidate].map(({ values }) => extreme(values, highest));
  const worst = metric.kind === "proportion" ? (highest ? 1 : 0) : highest ? Math.max(...seen) : Math.min(...seen);
  return { metric, control: replaceFailed(control, worst), candidate: replaceFailed(candidate, worst) };
}

function extreme(values: Values, highest: boolean): number {
  const numbers = values.kind === "sums" ? values.numerator.filter((_, i) => values.missing[i] === 0) : values.values;
  let found = highest ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  for (const value of numbers) if (highest ? value > found : value < found) found = value;
  return Number.isFinite(found) ? found : 0;
}

function replaceFailed({ values, failed }: Read, worst: number): Values {
  if (values.kind === "sums") {
    const pick = (column: Float64Array, value: number) => column.map((own, i) => (failed[i] === 1 ? value : own));
    return {
      kind: "sums",
      numerator: pick(values.numerator, worst),
      denominator: pick(values.denominator, 1),
      missing: values.missing.map((own, i) => (failed[i] === 1 ? 0 : own)),
    };
  }
  // one more value, the worst, for each failed session
  const offsets = new Int32Array(values.offsets.length);
  const all: number[] = [];
  for (let i = 0; i < failed.length; i++) {
    for (let k = values.offsets[i] as number; k < (values.offsets[i + 1] as number); k++)
      all.push(values.values[k] as number);
    if (failed[i] === 1) all.push(worst);
    offsets[i + 1] = all.length;
  }
  return { kind: "requests", offsets, values: Float64Array.from(all) };
}

function encode(texts: readonly string[]): Attribute {
  const index = new Map<string, number>();
  const codes = Int32Array.from(texts, (text) => {
    const known = index.get(text);
    if (known !== undefined) return known;
    index.set(text, index.size);
    return index.size - 1;
  });
  return { names: [...index.keys()], codes };
}

async function summarize(database: Database): Promise<OutcomeSummary> {
  const unmatched = await database.row<{ control: number; candidate: number }>(sql`
    select
      (select count(*) from control_outcomes where session not in (select session from matched)) as control,
      (select count(*) from candidate_outcomes where session not in (select session from matched)) as candidate`);
  const failedSessions = await database.row<{ control: number; candidate: number }>(sql`
    select count(*) filter (where control_failed) as control, count(*) filter (where candidate_failed) as candidate from matched`);
  const statuses = await database.rows<{ lane: string; status: string; requests: number }>(sql`
    select lane, status, count(*) as requests
    from (select 'control' as lane, status from control union all select 'candidate', status from candidate)
    group by all order by lane desc, status`);
  const [control, candidate] = (await database.columns(sql`
    select control_failed, candidate_failed from matched order by position`)) as unknown as [boolean[], boolean[]];
  const failed = { control: Uint8Array.from(control, Number), candidate: Uint8Array.from(candidate, Number) };
  return { unmatched, failedSessions, failed, statuses };
}
