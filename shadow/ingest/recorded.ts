import type { Database } from "../../io/duckdb.ts";
import { publishFile, temporaryName } from "../../io/run-folder.ts";
import { join, name, raw, type Sql, sql } from "../../io/sql.ts";
import { isReservedMeasure, labelPrefix, reservedMeasures } from "../../io/tables.ts";
import { InputError } from "../../plan/input-error.ts";
import type { ColumnExpression, Field } from "./map-records.ts";
import { inSampleToo } from "./sessions.ts";

/** A policy that is known only by what a log says of it. */
export interface RecordedPolicy {
  readonly failed?: ColumnExpression | undefined;
  /** what a failed request says of itself */
  readonly error?: ColumnExpression | undefined;
  readonly measures: Readonly<Record<string, ColumnExpression>>;
}

const measurePrefix = "measure:";

/**
 * The fields that a recorded lane reads besides session and time.
 *
 * @throws InputError for a measure with a reserved name, and for two whose names differ only in case
 */
export function recordedFields({ failed, error, measures }: RecordedPolicy, place: (key: string) => string): Field[] {
  const fields = Object.entries(measures).map(([key, from]): Field => {
    if (isReservedMeasure(key)) {
      throw new InputError(
        place(`measures.${key}`),
        `the measure name ${key} is reserved`,
        `call it otherwise; reserved are ${[...reservedMeasures].join(", ")}`,
      );
    }
    const alike = Object.keys(measures).find((own) => own !== key && own.toLowerCase() === key.toLowerCase());
    if (alike !== undefined) {
      throw new InputError(place(`measures.${key}`), `measures ${key} and ${alike} differ only in case`, "rename one");
    }
    return {
      name: `${measurePrefix}${key}`,
      from,
      as: "value",
      number: key === "latency_ms",
      place: place(`measures.${key}`),
    };
  });
  if (failed !== undefined) fields.push({ name: "failed", from: failed, as: "value", place: place("failed") });
  if (error !== undefined) fields.push({ name: "error", from: error, as: "text", place: place("error") });
  return fields;
}

export interface RecordedOptions {
  /** share of the units that is replayed, 1 unless stated */
  readonly sample?: number | undefined;
  /** the table with more columns */
  readonly from?: Sql;
  /** labels among its columns */
  readonly labels?: readonly string[];
  /** types of measures of which no record has a value */
  readonly silent?: ReadonlyMap<string, string>;
  /** file and line of a key in the project's file, for messages */
  readonly place?: (key: string) => string;
}

/**
 * Writes the observations of a recorded lane from its records: one a record, at the log's own times.
 *
 * @param table of importRecords, with the fields of {@link recordedFields}
 * @throws InputError for a measure that is neither true or false, a number nor a text, and for `failed` that is not true or false
 */
export async function writeRecorded(
  database: Database,
  table: string,
  { failed, error, measures }: RecordedPolicy,
  file: string,
  { sample, from = name(table), labels = [], silent = new Map(), place = (key) => key }: RecordedOptions = {},
): Promise<void> {
  const described = await database.describe(sql`select * from ${name(table)}`);
  const typeOf = (key: string) => described.find((column) => column.name === `${measurePrefix}${key}`)?.type ?? "";
  const declared = Object.keys(measures)
    .filter((key) => key !== "latency_ms")
    .sort();
  const measured = (key: string) => {
    const type = silent.get(key);
    if (type !== undefined) return sql`cast(null as ${raw(type)})`;
    const value = name(measurePrefix + key);
    return measureValue({ name: key, type: typeOf(key), value, place: place(`measures.${key}`) });
  };
  const columns = declared.map((key) => sql`, ${measured(key)} as ${name(key)}`);
  const latency = "latency_ms" in measures ? measured("latency_ms") : raw("cast(null as double)");
  const failedType = described.find((column) => column.name === "failed")?.type ?? "BOOLEAN";
  if (failed !== undefined && failedType !== "BOOLEAN") {
    throw new InputError(
      place("failed"),
      `failed is a ${failedType}, not true or false`,
      "write a condition, as { sql: error_code is not null }",
    );
  }
  const status =
    failed === undefined
      ? raw("'ok'")
      : raw("case when coalesce(try_cast(failed as boolean), false) then 'error' else 'ok' end");
  const message =
    failed === undefined || error === undefined
      ? raw("cast(null as varchar)")
      : sql`case when ${status} = 'error' then left(error, 500) end`;
  const temporary = temporaryName(file);
  await database.run(sql`
    copy (
      select session, cast(row_number() over (partition by session order by "at", file, line) - 1 as integer) as seq,
        "at", ${status} as status, ${latency} as latency_ms, cast(null as bigint) as response_digest,
        ${message} as error, cast(null as varchar) as stack, cast(null as integer) as tool_hits,
        cast(null as integer) as tool_drifts, cast(null as integer) as tool_misses ${join(columns, "")}
        ${join(
          labels.map((label) => sql`, ${name(labelPrefix + label)} as ${name(label)}`),
          "",
        )}
      from ${from}
      ${sample === undefined ? raw("") : sql`where ${inSampleToo(sample)}`}
      order by session, seq
    ) to ${temporary} (format parquet)`);
  publishFile(temporary, file);
}

/** A column that becomes a measure or a label. */
export interface MeasuredColumn {
  readonly name: string;
  /** as DuckDB calls it */
  readonly type: string;
  readonly value: Sql;
  /** where the project's file names it */
  readonly place: string;
}

/**
 * A value as boolean, number or text.
 *
 * @throws InputError for a type that is none of these
 */
export function measureValue({ name: key, type, value, place }: MeasuredColumn): Sql {
  if (type === "BOOLEAN") return value;
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL\(.*\))$/.test(type))
    return finite(sql`cast(${value} as double)`);
  if (type === "JSON") return finite(sql`try_cast(json_extract_string(${value}, '$') as double)`);
  if (/^(VARCHAR|ENUM\(.*\)|UUID|DATE|TIME|TIMESTAMP.*)$/.test(type)) {
    return key === "latency_ms" ? finite(sql`try_cast(${value} as double)`) : sql`cast(${value} as varchar)`;
  }
  throw new InputError(
    place,
    `${key} is a ${type}`,
    "write an expression that gives true or false, a number or a text",
  );
}

function finite(value: Sql): Sql {
  return sql`case when isfinite(${value}) then ${value} end`;
}
