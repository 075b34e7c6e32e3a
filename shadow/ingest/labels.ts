import type { Database } from "../../io/duckdb.ts";
import { join, name, raw, type Sql, sql } from "../../io/sql.ts";
import { isReservedMeasure, labelPrefix, reservedMeasures } from "../../io/tables.ts";
import { InputError } from "../../plan/input-error.ts";
import type { ColumnExpression, Field } from "./map-records.ts";
import { measureValue } from "./recorded.ts";

/** What is known of requests only later: a rating, a reopened ticket, what was right. */
export interface LabelSummary {
  /** labels that were read; of several for one key the latest counts */
  readonly labels: number;
  readonly repeated: number;
  readonly labelledRequests: number;
  readonly unlabelledRequests: number;
  /** keys that no request has */
  readonly unused: number;
  /** labels that are older than the first request of their key */
  readonly early: number;
  /** from a request to its label, ms; undefined when labels have no times */
  readonly delayMs?: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };
  /** from the end of a session to its last label, ms: the longest */
  readonly matureAfterMs?: number;
}

/**
 * The fields that labels are read by besides key and time.
 *
 * @throws InputError for a reserved name, and for two that differ only in case
 */
export function labelFields(
  values: Readonly<Record<string, ColumnExpression>>,
  place: (label: string) => string,
): Field[] {
  return Object.entries(values).map(([label, from]) => {
    // a measure may be the latency, a label may not
    if (isReservedMeasure(label) || label === "latency_ms")
      throw new InputError(
        place(label),
        `the label name ${label} is reserved`,
        `call it otherwise; reserved are ${[...reservedMeasures, "latency_ms"].join(", ")}`,
      );
    const alike = Object.keys(values).find((own) => own !== label && own.toLowerCase() === label.toLowerCase());
    if (alike !== undefined)
      throw new InputError(place(label), `labels ${label} and ${alike} differ only in case`, "rename one");
    return { name: labelPrefix + label, from, as: "value", place: place(label) };
  });
}

/** The field of the traffic by which labels are joined. */
export const labelKey = "label key";

/**
 * Creates `label_values`: one row a key, with the labels' columns `label:<name>` as booleans, numbers or texts.
 *
 * @param labels of importRecords, with the key as session and the fields of {@link labelFields}
 * @throws InputError for a label that is neither true or false, a number nor a text
 */
export async function createLabels(
  database: Database,
  labels: string,
  names: readonly string[],
  place: (label: string) => string,
): Promise<void> {
  const described = await database.describe(sql`from ${name(labels)}`);
  const labelColumn = (label: string) => {
    const column = labelPrefix + label;
    const type = described.find((own) => own.name === column)?.type ?? "";
    return sql`${measureValue({ name: label, type, value: name(column), place: place(label) })} as ${name(column)}`;
  };
  await database.run(sql`
    create table label_values as
    select session as key, "at" as labelled, ${join(names.map(labelColumn))}
    from ${name(labels)}
    qualify row_number() over (partition by session order by "at" desc, record desc) = 1`);
}

/** Joins `label_values` to records by the column {@link labelKey}, or by the session where there is none. */
export function withLabels(records: string, hasKey: boolean): Sql {
  return sql`(
    select own.*, label_values.* exclude (key)
    from ${name(records)} as own
    left join label_values on label_values.key = own.${hasKey ? name(labelKey) : raw("session")})`;
}

/** How labels fit the traffic, and how late they come. */
export async function summarizeLabels(
  database: Database,
  records: string,
  labels: string,
  hasKey: boolean,
): Promise<LabelSummary> {
  const own = withLabels(records, hasKey);
  const key = hasKey ? name(labelKey) : raw("session");
  const { all, kept, unused } = await database.row<{ all: number; kept: number; unused: number }>(sql`
    select (select count(*) from ${name(labels)}) as all, count(*) as kept,
      count(*) filter (where key not in (select ${key} from ${name(records)} where ${key} is not null)) as unused
    from label_values`);
  // sorted on disk: DuckDB's quantiles hold every value in memory
  await database.run(sql`
    create table delays as
    select coalesce(${key} in (select key from label_values), false) as known,
      cast(epoch_ms(labelled) - epoch_ms("at") as double) as delay
    from ${own}
    order by delay nulls last`);
  const counts = await database.row<{ labelled: number; unlabelled: number; delays: number }>(sql`
    select count(*) filter (where known) as labelled, count(*) filter (where not known) as unlabelled, count(delay) as delays
    from delays`);
  const quantile = (percent: number) =>
    sql`max(delay) filter (where rowid = ${Math.ceil((counts.delays * percent) / 100) - 1})`;
  const { p50, p90, p99, max } = await database.row<{
    p50: number | null;
    p90: number | null;
    p99: number | null;
    max: number | null;
  }>(sql`
    select ${quantile(50)} as p50, ${quantile(90)} as p90, ${quantile(99)} as p99, max(delay) as max
    from delays`);
  await database.run(sql`drop table delays`);
  const { late } = await database.row<{ late: number | null }>(sql`
    select max(late) as late
    from (select cast(epoch_ms(max(labelled)) - epoch_ms(max("at")) as double) as late from ${own} group by session)`);
  const { early } = await database.row<{ early: number }>(sql`
    select count(*) filter (where late < 0) as early
    from (select epoch_ms(any_value(labelled)) - epoch_ms(min("at")) as late from ${own} group by ${key})`);
  return {
    labels: all,
    repeated: all - kept,
    labelledRequests: counts.labelled,
    unlabelledRequests: counts.unlabelled,
    unused,
    early,
    ...(p50 === null || p90 === null || p99 === null || max === null ? {} : { delayMs: { p50, p90, p99, max } }),
    ...(late === null ? {} : { matureAfterMs: Math.max(0, late) }),
  };
}
