import { type Database, SqlError } from "../../io/duckdb.ts";
import { join, literal, name, raw, type Sql, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";
import { vetExpression } from "./expression.ts";
import { origin } from "./origin.ts";
import type { Source } from "./source.ts";
import { jsonColumn, textColumn, typedRelation } from "./typed-columns.ts";

/** A column of the log by its name, or one scalar SQL expression over its columns. */
export type ColumnExpression = string | { readonly sql: string };

/** What becomes of a record: a named value, as text, as JSON text, or at its own type. */
export interface Field {
  readonly name: string;
  readonly from: ColumnExpression;
  readonly as: "text" | "json" | "value";
  /** a value that is no number makes the record a bad one */
  readonly number?: boolean;
  /** where the project's file names it */
  readonly place: string;
}

/**
 * Creates a table with the fields of every record, and with `__problem` where a value or an expression fails on that
 * record. Good rows do not suffer from bad ones.
 *
 * @throws InputError for unknown columns and for expressions that are not one scalar expression
 */
export async function mapRecords(
  database: Database,
  source: Source,
  fields: readonly Field[],
  table: string,
): Promise<void> {
  const values: FieldValue[] = [];
  for (const field of fields) values.push(await fieldValue(database, source, field));
  const columns = [...new Set(values.flatMap((value) => value.columns))];
  const place = fields[0]?.place ?? "";
  for (const { columns: own, field } of values) {
    for (const column of own.filter((next) => !source.columns.includes(next))) {
      textColumn(source, column, field.place);
    }
  }
  const relation = await typedRelation(database, source, columns, place);
  const slot = (i: number) => name(`__field_${i}`);
  const types = new Map<Field, string>();
  for (const { field, value } of values) types.set(field, await bind(database, relation, field, value));
  const failures = values.map(({ field }, i) => failureOf(field, slot(i), types.get(field) === "JSON"));
  await database.run(sql`
    create table ${name(table)} as
    select
      ${name(origin.file)}, ${name(origin.line)},
      case when ${name(origin.problem)} is not null then ${name(origin.problem)} ${join(failures, " ")} end as ${name(origin.problem)},
      ${join(values.map(({ field }, i) => sql`${slot(i)}.v as ${name(field.name)}`))}
    from (
      select *, ${join(values.map(({ value }, i) => sql`try(struct_pack(v := ${value})) as ${slot(i)}`))}
      from (${relation}))`);
}

interface FieldValue {
  readonly field: Field;
  readonly value: Sql;
  readonly columns: readonly string[];
}

async function fieldValue(database: Database, source: Source, field: Field): Promise<FieldValue> {
  const { from, as, place } = field;
  if (typeof from === "string") {
    if (as === "text") return { field, value: textColumn(source, from, place), columns: [] };
    if (as === "json") return { field, value: jsonColumn(source, from, place), columns: [] };
    return { field, value: name(from), columns: [from] };
  }
  const vetted = await vetExpression(database, from.sql, place, "scalar");
  const value = raw(vetted.sql);
  const cast = { text: sql`cast(${value} as varchar)`, json: sql`cast(to_json(${value}) as varchar)`, value }[as];
  return { field, value: cast, columns: vetted.columns };
}

/** Why a record has no value for a field, as the branches of a CASE. */
function failureOf(field: Field, slot: Sql, mixed: boolean): Sql {
  const fails = sql`when ${slot} is null then ${literal(`${describe(field)} fails on this record`)}`;
  const found = sql`|| left(cast(${slot}.v as varchar), 40)`;
  if (field.as === "json") {
    // JSON as Python writes it: NaN and Infinity outside of texts
    const bare = sql`regexp_replace(${slot}.v, '"(\\\\.|[^"\\\\])*"', '', 'g')`;
    return sql`${fails} when regexp_matches(${slot}.v, 'NaN|nan|[Ii]nf') and regexp_matches(${bare}, 'NaN|nan|[Ii]nf')
      then ${literal(`${describe(field)}: expected JSON, found NaN or Infinity in `)} ${found}`;
  }
  if (!mixed && field.number !== true) return fails;
  return sql`${fails} when ${slot}.v is not null and try_cast(json_extract_string(to_json(${slot}.v), '$') as double) is null
    and try_cast(json_extract_string(to_json(${slot}.v), '$') as boolean) is null
    then ${literal(`${describe(field)}: expected a number, found `)} ${found}`;
}

/** Asks DuckDB whether the expression fits the columns' types, for a message that names its place; gives its type. */
async function bind(database: Database, relation: Sql, field: Field, value: Sql): Promise<string> {
  try {
    const [column] = await database.describe(sql`select ${value} as v from (${relation})`);
    await database.describe(sql`select try(struct_pack(v := ${value})) from (${relation})`);
    return column?.type ?? "";
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new InputError(field.place, `${describe(field)} does not work: ${error.problem}`, "mend the expression", {
      cause: error,
    });
  }
}

function describe({ name: own, from }: Field): string {
  return typeof from === "string" ? `column ${from}` : `${own}: ${from.sql}`;
}
