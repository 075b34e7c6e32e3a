import type { Database } from "../../io/duckdb.ts";
import { join, literal, name, raw, type Sql, sql } from "../../io/sql.ts";
import { origin } from "../ingest/origin.ts";
import type { Source } from "../ingest/source.ts";
import { textColumn } from "../ingest/typed-columns.ts";

/** No file has as many lines. */
const linesPerFile = raw("1000000000000");

/** Place of a record among all: sorts as file and line do. */
export const placeKey = sql`(cast(${name(origin.file)} as bigint) * ${linesPerFile} + ${name(origin.line)})`;

/** File and line of a {@link placeKey}, as two columns. */
export function fileAndLine(place: Sql): Sql {
  return sql`${place} // ${linesPerFile} as file, ${place} % ${linesPerFile} as line`;
}

/** The name of a column of {@link withTexts}. */
export function textName(i: number): Sql {
  return name(`__inspected_${i}`);
}

/**
 * A relation over the source's table with some columns of the log as text beside its own, an empty text as NULL.
 *
 * A record of text is parsed once for all of them: a call of a JSON function a column took ten times as long for 44
 * columns, and each call keeps its own parsed copies of 2,048 records.
 */
export async function withTexts(
  database: Database,
  source: Source,
  relation: Sql,
  columns: readonly string[],
): Promise<Sql> {
  if (columns.length === 0) return relation;
  const { parsed } = await database.row<{ parsed: number }>(
    sql`select count(${name(origin.record)}) as parsed from ${name(source.table)}`,
  );
  if (parsed === 0) {
    const texts = columns.map(
      (column, i) => sql`nullif(${textColumn(source, column, source.files[0] as string)}, '') as ${textName(i)}`,
    );
    return sql`select *, ${join(texts)} from (${relation})`;
  }
  const stated = (column: string) =>
    source.partitions.has(column) ? textColumn(source, column, source.files[0] as string) : undefined;
  const texts = columns.map(
    (column, i) => sql`nullif(${stated(column) ?? raw(`__texts[${i + 1}]`)}, '') as ${textName(i)}`,
  );
  return sql`
    select *, ${join(texts)}
    from (select *, json_extract_string(${name(origin.record)}, [${join(columns.map(pointer))}]) as __texts from (${relation}))`;
}

/** RFC 6901, which can name any key. */
function pointer(column: string): Sql {
  return literal(`/${column.replaceAll("~", "~0").replaceAll("/", "~1")}`);
}
