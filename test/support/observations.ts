import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { BOOLEAN, DOUBLE, type DuckDBType, INTEGER, VARCHAR } from "@duckdb/node-api";
import { Database } from "../../io/duckdb.ts";
import { join as joined, name, raw, sql } from "../../io/sql.ts";
import { failureRate, type Metric } from "../../plan/metric.ts";
import { computeOutcomes } from "../../shadow/compute-outcomes.ts";
import type { MetricOutcomes, OutcomeSummary, Outcomes } from "../../shadow/outcomes.ts";
import { temporaryFolder } from "./folders.ts";

/** What a lane observed of one request; further members are measures. */
export interface Observed {
  readonly session: string;
  readonly status?: "ok" | "error" | "timeout" | "skipped";
  readonly latency_ms?: number | null;
  readonly [measure: string]: boolean | number | string | null | undefined;
}

export interface ObservedLanes {
  /** an array a shard */
  readonly control: readonly Observed[] | readonly (readonly Observed[])[];
  readonly candidate: readonly Observed[] | readonly (readonly Observed[])[];
  readonly metrics?: readonly Metric[];
  /** attributes of sessions by name */
  readonly attributes?: Readonly<Record<string, Readonly<Record<string, string | null>>>>;
}

export interface ComputedOutcomes {
  readonly outcomes: Outcomes;
  readonly summary: OutcomeSummary;
  readonly metric: (name: string) => MetricOutcomes;
}

/** The outcomes of observations that are written as a replay writes them; sessions are those of control, then of candidate. */
export async function outcomesOf({
  control,
  candidate,
  metrics = [],
  attributes = {},
}: ObservedLanes): Promise<ComputedOutcomes> {
  const folder = temporaryFolder();
  const lanes = { control: shards(control), candidate: shards(candidate) };
  const database = await Database.open({ threads: 1 });
  try {
    for (const [lane, files] of Object.entries(lanes)) {
      mkdirSync(join(folder, lane));
      for (const [i, rows] of files.entries())
        await writeObservations(database, rows, join(folder, lane, `${i}.parquet`));
    }
    const sessions = [...new Set([...lanes.control, ...lanes.candidate].flat().map(({ session }) => session))];
    const names = [...new Set(Object.values(attributes).flatMap(Object.keys))];
    await database.run(sql`create table sessions (position integer, session varchar, attributes varchar)`);
    await database.append(
      "sessions",
      [INTEGER, VARCHAR, VARCHAR],
      [sessions.map((_, i) => i), sessions, sessions.map((session) => JSON.stringify(attributes[session] ?? {}))],
    );
    const file = join(folder, "sessions.parquet");
    await database.run(sql`
      copy (
        select position, session, 'unit of ' || session as unit, attributes, 0 as shard,
          timestamp '2026-01-05' + to_hours(position) as arrival, timestamp '2026-01-05 00:30:00' + to_hours(position) as ends
        from sessions
      ) to ${file} (format parquet)`);
    const folders = { control: join(folder, "control"), candidate: join(folder, "candidate") };
    const computed = await computeOutcomes(database, folders, file, metrics, names, (own) => `foretaste.yaml:${own}`);
    const metric = (own: string) => {
      const found = computed.outcomes.metrics.find((one) => one.metric.name === own);
      if (!found) throw new Error(`no metric ${own}`);
      return found;
    };
    return { ...computed, metric };
  } finally {
    await database.close();
  }
}

function shards(lane: ObservedLanes["control"]): readonly (readonly Observed[])[] {
  return Array.isArray(lane[0]) ? (lane as readonly (readonly Observed[])[]) : [lane as readonly Observed[]];
}

async function writeObservations(database: Database, rows: readonly Observed[], file: string): Promise<void> {
  const fixed = ["session", "status", "latency_ms"];
  const measures = [...new Set(rows.flatMap(Object.keys))].filter((key) => !fixed.includes(key)).sort();
  const types: Record<string, DuckDBType> = { boolean: BOOLEAN, number: DOUBLE, string: VARCHAR };
  const columns: readonly (readonly [string, DuckDBType, (row: Observed, i: number) => unknown])[] = [
    ["session", VARCHAR, (row) => row.session],
    ["seq", INTEGER, (row, i) => rows.slice(0, i).filter(({ session }) => session === row.session).length],
    ["status", VARCHAR, (row) => row.status ?? "ok"],
    ["latency_ms", DOUBLE, (row) => row.latency_ms ?? null],
    ...measures.map((key) => {
      const known = rows.map((row) => row[key]).find((value) => value !== null && value !== undefined);
      return [key, types[typeof known] ?? DOUBLE, (row: Observed) => row[key] ?? null] as const;
    }),
  ];
  await database.run(sql`
    create or replace table observed (${joined(columns.map(([key, type]) => sql`${name(key)} ${raw(type.toString())}`))})`);
  await database.append(
    "observed",
    columns.map(([, type]) => type),
    columns.map(([, , value]) => rows.map(value)) as (string | number | boolean | null)[][],
  );
  await database.run(sql`
    copy (
      select *, timestamp '2026-01-05' as "at", cast(null as bigint) as response_digest,
        case when status in ('error', 'timeout') then 'failed' end as error
      from observed)
    to ${file} (format parquet)`);
}

const common = { better: "higher", matureAfterMs: 0, whenFailed: "missing" } as const;

/** Metrics of each kind; the value is a DuckDB expression. */
export const proportion = (value: string, own: Partial<Metric> = {}): Metric =>
  ({ ...common, name: "proportion", kind: "proportion", value, whenFailed: "worst", ...own }) as Metric;
export const mean = (value: string, own: Partial<Metric> = {}): Metric =>
  ({ ...common, name: "mean", kind: "mean", value, ...own }) as Metric;
export const ratio = (numerator: string, denominator: string, own: Partial<Metric> = {}): Metric =>
  ({ ...common, name: "ratio", kind: "ratio", numerator, denominator, ...own }) as Metric;
export const quantile = (value: string, own: Partial<Metric> = {}): Metric =>
  ({ ...common, name: "quantile", kind: "quantile", quantile: 0.95, value, ...own }) as Metric;
export { failureRate };
