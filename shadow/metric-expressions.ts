import { type Database, SqlError } from "../io/duckdb.ts";
import { diskProblem, parquetFiles } from "../io/run-folder.ts";
import { join, literal, name, raw, type Sql, sql } from "../io/sql.ts";
import { didYouMean } from "../plan/document.ts";
import { InputError } from "../plan/input-error.ts";
import { isComposition, type Metric } from "../plan/metric.ts";
import { vetExpression } from "./ingest/expression.ts";

export const lanes = ["control", "candidate"] as const;
export type Lane = (typeof lanes)[number];

/** Measures with their types, by lane. */
export type LaneMeasures = Readonly<Record<Lane, ReadonlyMap<string, string>>>;

/** The measures of each lane with their types; one type a measure, over all shards and lanes. */
export async function laneMeasures(
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

/** The aggregates of a metric over one session: one, or numerator and denominator, or the lists of both its predictions. */
export async function metricExpressions(
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
  if (metric.kind === "calibration-error") {
    const probability = sql`cast(${await expression(metric.probability, "scalar")} as double)`;
    const outcome = sql`cast(${await expression(metric.outcome, "scalar")} as double)`;
    const known = sql`status = 'ok' and isfinite(${probability}) and isfinite(${outcome})`;
    return [probability, outcome].map((part) => sql`list(${part}) filter (where ${known})`);
  }
  if (isComposition(metric)) {
    const value = await expression(metric.value, "scalar");
    const many = await isList(database, value);
    const shown = many ? sql`cast(${value} as varchar[])` : sql`[cast(${value} as varchar)]`;
    return [
      sql`list_filter(flatten(list(${shown}) filter (where status = 'ok' and ${value} is not null)), lambda one: one is not null)`,
    ];
  }
  return [sql`cast(${await expression(metric.value, "aggregate")} as double)`];
}

/** Whether a request shows several things; false for what cannot be computed, which {@link bind} complains about. */
async function isList(database: Database, value: Sql): Promise<boolean> {
  try {
    const [column] = await database.describe(sql`select ${value} as value from ${name(lanes[0])}`);
    return /\]$/.test(column?.type ?? "");
  } catch (error) {
    if (error instanceof SqlError) return false;
    throw error;
  }
}

/** Asks DuckDB whether the expressions fit the measures' types, for a message that names the metric. */
export async function bind(
  database: Database,
  expressions: readonly Sql[],
  metric: Metric,
  place: string,
): Promise<void> {
  try {
    for (const lane of lanes) {
      await database.describe(sql`select ${join(expressions)} from ${name(lane)} group by session`);
    }
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw (
      diskProblem(error) ??
      new InputError(
        place,
        `metric ${metric.name} cannot be computed: ${error.problem}`,
        "check its expression against the measures' types",
        { cause: error },
      )
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

/** A failure while metrics are computed, as an error of the project's file. */
export function metricError(error: unknown, metrics: readonly Metric[], place: (metric: string) => string): unknown {
  if (!(error instanceof SqlError)) return error;
  const disk = diskProblem(error);
  if (disk) return disk;
  const [first] = metrics;
  return new InputError(
    metrics.length === 1 && first ? place(first.name) : "metrics",
    `cannot be computed: ${error.problem}`,
    "check the expressions against the measures' types",
    { cause: error },
  );
}
