import type { Database } from "../../io/duckdb.ts";
import { name, raw, sql } from "../../io/sql.ts";
import { origin } from "../ingest/origin.ts";
import { fileAndLine } from "./texts.ts";
import type { Example, TrafficWarning } from "./warning.ts";
import { countOf } from "./words.ts";

/** Records that no reader can make sense of, and the first of them. */
export interface Unreadable {
  readonly records: number;
  readonly first: { readonly file: string; readonly line: number; readonly reason: string } | null;
}

export async function unreadableRecords(
  database: Database,
  table: string,
  files: readonly string[],
): Promise<Unreadable> {
  const rows = await database.rows<{ n: number; file: number; line: number; reason: string }>(sql`
    select count(*) over () as n, ${name(origin.file)} as file, ${name(origin.line)} as line, ${name(origin.problem)} as reason
    from ${name(table)}
    where ${name(origin.problem)} is not null
    order by file, line
    limit 1`);
  const [first] = rows;
  if (!first) return { records: 0, first: null };
  return {
    records: first.n,
    first: { file: files[first.file] as string, line: first.line, reason: first.reason },
  };
}

/** Warns about records that can be read, and would be given up for their session or their time. */
export async function unusableWarnings(
  database: Database,
  placeOf: (file: number, line: number) => Example,
): Promise<readonly TrafficWarning[]> {
  const rows = await database.rows<{ reason: string; n: number; file: number; line: number }>(sql`
    select unusable as reason, count(*) as n, arg_min(file, place) as file, arg_min(line, place) as line
    from inspected
    where unusable is not null
    group by unusable
    order by n desc, reason`);
  return rows.map(({ reason, n, file, line }) => ({
    kind: "unusable records",
    reason,
    count: n,
    message: `${countOf(n, "record")} of no use: ${reason}`,
    example: placeOf(file, line),
  }));
}

/**
 * Warns about records that are there twice: equal in every column, and, among the others, of the same session, time and
 * request. What is counted are the surplus ones.
 */
export async function duplicateWarnings(
  database: Database,
  repeatable: boolean,
  placeOf: (file: number, line: number) => Example,
): Promise<readonly TrafficWarning[]> {
  const surplus = sql`sum(n - 1) as n, ${fileAndLine(raw("min(second)"))}`;
  const exact = await database.row<{ n: number | null; file: number; line: number }>(sql`
    select ${surplus}
    from (select count(*) as n, min(place, 2)[2] as second from inspected group by record having count(*) > 1)`);
  const repeated = repeatable
    ? await database.row<{ n: number | null; file: number; line: number }>(sql`
        with different as (
          select session, "at", request, min(place) as place
          from usual
          where session is not null and "at" is not null and request is not null
          group by session, "at", request, record
        )
        select ${surplus}
        from (
          select count(*) as n, min(place, 2)[2] as second
          from different
          group by session, "at", request
          having count(*) > 1)`)
    : { n: null, file: 0, line: 0 };
  const warnings: TrafficWarning[] = [];
  if (exact.n !== null) {
    warnings.push({
      kind: "exact duplicates",
      count: exact.n,
      message: `${countOf(exact.n, "record is an exact copy", "records are exact copies")} of an earlier one`,
      example: placeOf(exact.file, exact.line),
    });
  }
  if (repeated.n !== null) {
    warnings.push({
      kind: "repeated requests",
      count: repeated.n,
      message: `${countOf(repeated.n, "record has", "records have")} the session, time and request of an earlier one, and differ${repeated.n === 1 ? "s" : ""} elsewhere`,
      example: placeOf(repeated.file, repeated.line),
    });
  }
  return warnings;
}
