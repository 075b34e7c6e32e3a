import type { Database } from "../../io/duckdb.ts";
import { join, literal, name, raw, type Sql, sql } from "../../io/sql.ts";
import { didYouMean } from "../../plan/document.ts";
import { InputError } from "../../plan/input-error.ts";
import { origin } from "./origin.ts";
import { isColumnar, type Source } from "./source.ts";

/**
 * The records with the named columns at their types, one row a record, and `__problem` where a value does not fit.
 *
 * A column of JSON or CSV has the type that at least nine tenths of its values have; a value of another type makes its
 * row a bad one. In CSV an empty field is missing.
 *
 * @param columns the log's columns that are read, at their types
 * @throws InputError at `place` for an unknown column, and for columns that SQL cannot tell apart
 */
export async function typedRelation(
  database: Database,
  source: Source,
  columns: readonly string[],
  place: string,
): Promise<Sql> {
  for (const [i, column] of columns.entries()) {
    requireColumn(source, column, place);
    const alike = columns.slice(0, i).find((other) => other.toLowerCase() === column.toLowerCase());
    if (alike !== undefined)
      throw new InputError(place, `columns ${alike} and ${column} differ only in case`, "rename one in the log");
  }
  const table = name(source.table);
  const origins = sql`${name(origin.file)}, ${name(origin.line)}, ${name(origin.record)}, ${name(origin.broken)}`;
  if (isColumnar(source)) {
    const stated = columns.filter((column) => source.partitions.has(column));
    return sql`select * ${join(
      stated.map((column) => sql`, ${statedColumn(source, column) as Sql} as ${name(column)}`),
      "",
    )} from ${table}`;
  }
  const typed: (ColumnType & { readonly column: string })[] = [];
  for (const column of columns.filter((own) => own !== origin.line && own !== origin.file))
    typed.push({ column, ...(await typeOf(database, source, column)) });
  const problems = typed.map(
    ({ column, misfit, expected }) =>
      sql`when ${misfit} then ${literal(`column ${column}: expected ${expected}, found `)} || left(${statedColumn(source, column) ?? textValue(column)}, 40)`,
  );
  const problem =
    problems.length === 0
      ? name(origin.problem)
      : sql`case when ${name(origin.problem)} is not null then ${name(origin.problem)} ${join(problems, " ")} end`;
  const values = typed.map(({ column, value }) => sql`, ${value} as ${name(column)}`);
  return sql`select ${origins}, ${problem} as ${name(origin.problem)} ${join(values, "")} from ${table}`;
}

/** A column as text, as it stands in the log: identifiers keep their digits and leading zeros. */
export function textColumn(source: Source, column: string, place: string): Sql {
  requireColumn(source, column, place);
  const stated = statedColumn(source, column);
  if (stated) return sql`cast(${stated} as varchar)`;
  return isColumnar(source) ? sql`cast(${name(column)} as varchar)` : textValue(column);
}

/** A column as JSON text. */
export function jsonColumn(source: Source, column: string, place: string): Sql {
  requireColumn(source, column, place);
  const stated = statedColumn(source, column);
  if (stated) return sql`cast(to_json(${stated}) as varchar)`;
  if (isColumnar(source)) return sql`cast(to_json(${name(column)}) as varchar)`;
  return sql`cast(nullif(json_extract(${name(origin.record)}, ${pointer(column)}), 'null') as varchar)`;
}

/** What is known of a record besides its own members: where it stands, and what its file's folders say. */
function statedColumn({ partitions }: Source, column: string): Sql | undefined {
  if (column === origin.line || column === origin.file) return name(column);
  const values = partitions.get(column);
  if (!values) return undefined;
  const list = join(values.map((value) => (value === null ? raw("null") : literal(value))));
  return sql`list_extract([${list}], ${name(origin.file)} + 1)`;
}

function requireColumn({ columns, files }: Source, column: string, place: string): void {
  if (columns.includes(column) || column === origin.line || column === origin.file) return;
  throw new InputError(place, `column ${column} is not in ${files[0]}`, didYouMean(column, columns));
}

function textValue(column: string): Sql {
  return sql`json_extract_string(${name(origin.record)}, ${pointer(column)})`;
}

/** RFC 6901, which can name any key. */
function pointer(column: string): Sql {
  return literal(`/${column.replaceAll("~", "~0").replaceAll("/", "~1")}`);
}

interface ColumnType {
  readonly value: Sql;
  /** true for a value that has not the column's type */
  readonly misfit: Sql;
  readonly expected: string;
}

async function typeOf(database: Database, source: Source, column: string): Promise<ColumnType> {
  const stated = statedColumn(source, column);
  if (stated) return { value: stated, misfit: raw("false"), expected: "text" };
  return source.format === "csv" ? textType(database, source, column) : jsonType(database, source, column);
}

async function textType(database: Database, source: Source, column: string): Promise<ColumnType> {
  const text = textValue(column);
  const found = await database.row<{
    filled: number;
    numbers: number;
    integers: number;
    padded: number;
    booleans: number;
  }>(sql`
    select
      count(value) as filled,
      count(*) filter (where isfinite(try_cast(value as double))) as numbers,
      count(*) filter (where regexp_full_match(value, '[-+]?\\d{1,18}')) as integers,
      count(*) filter (where regexp_full_match(value, '[-+]?0\\d+')) as padded,
      count(*) filter (where lower(value) in ('true', 'false')) as booleans
    from (select ${text} as value from ${name(source.table)} where ${name(origin.problem)} is null)`);
  const most = (count: number) => found.filled > 0 && count >= 0.9 * found.filled;
  const cast = (type: string, expected: string): ColumnType => {
    const value = sql`try_cast(${text} as ${raw(type)})`;
    return { value, misfit: sql`(${text} is not null and ${value} is null)`, expected };
  };
  if (most(found.booleans)) return cast("boolean", "true or false");
  if (most(found.numbers) && found.padded === 0) {
    return found.integers === found.numbers ? cast("bigint", "a whole number") : cast("double", "a number");
  }
  return { value: text, misfit: raw("false"), expected: "text" };
}

async function jsonType(database: Database, source: Source, column: string): Promise<ColumnType> {
  const value = sql`json_extract(${name(origin.record)}, ${pointer(column)})`;
  const usable = sql`from ${name(source.table)} where ${name(origin.problem)} is null`;
  const rows = await database.rows<{ type: string; n: number }>(sql`
    select type, count(*) as n
    from (select json_type(${value}) as type ${usable})
    where type <> 'NULL'
    group by type`);
  const total = rows.reduce((sum, { n }) => sum + n, 0);
  const share = (...types: string[]) =>
    rows.filter(({ type }) => types.includes(type)).reduce((sum, { n }) => sum + n, 0) / Math.max(1, total);
  const text = textValue(column);
  const misfit = (...types: string[]) => sql`(json_type(${value}) not in (${join([...types, "NULL"].map(literal))}))`;
  if (total > 0 && share("BOOLEAN") >= 0.9) {
    return { value: sql`try_cast(${text} as boolean)`, misfit: misfit("BOOLEAN"), expected: "true or false" };
  }
  if (total > 0 && share("UBIGINT", "BIGINT", "DOUBLE") >= 0.9) {
    const type = share("DOUBLE") > 0 ? "double" : "hugeint";
    return {
      value: sql`try_cast(${text} as ${raw(type)})`,
      misfit: misfit("UBIGINT", "BIGINT", "DOUBLE"),
      expected: "a number",
    };
  }
  for (const nested of ["OBJECT", "ARRAY"] as const) {
    if (total === 0 || share(nested) < 0.9) continue;
    const { structure } = await database.row<{ structure: string }>(sql`
      select cast(json_group_structure(${value}) as varchar) as structure ${usable} and json_type(${value}) = ${literal(nested)}`);
    return {
      value: sql`from_json(${value}, ${literal(structure)})`,
      misfit: misfit(nested),
      expected: nested === "OBJECT" ? "an object" : "an array",
    };
  }
  return { value: text, misfit: raw("false"), expected: "text" };
}
