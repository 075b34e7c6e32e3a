import { type Database, SqlError } from "../../io/duckdb.ts";
import { bytesOf, isGzip, longestLine } from "../../io/lines.ts";
import { join, literal, name, raw, type Sql, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";
import type { Field } from "./map-records.ts";
import { inRange, isZoneless, timeFromText } from "./times.ts";

/** Columns that are taken as they stand: the session first. */
export interface PlainSpec {
  readonly session: string;
  readonly user?: string | undefined;
  readonly at?: string | undefined;
  readonly fields: readonly (Field & { readonly from: string; readonly as: "text" | "json" })[];
}

/**
 * Reads JSON lines in one pass: every record is parsed once, by DuckDB, and each bad one by itself.
 *
 * Creates a table of the files' lines in their order: file (index), line, session, user, at (TIMESTAMP in UTC), the fields,
 * `zoneless` (a time without a zone), `problem` (empty for a blank line) and `broken`, the text of a record with one.
 *
 * @returns false, and no table, when the files hold something that only the careful reader understands: bytes that are not
 *   UTF-8, mixed line ends, a very long line, times that are mostly no ISO texts, a column that no record has
 */
export async function readPlainRecords(
  database: Database,
  files: readonly string[],
  { session, user, at, fields }: PlainSpec,
  table: string,
): Promise<boolean> {
  const texts = [session, user, at].filter((column) => column !== undefined);
  const json = fields.filter(({ as }) => as === "json").map(({ from }) => from);
  const columns = [...new Set([...texts, ...fields.map(({ from }) => from)])];
  const alike = new Set(columns.map((column) => column.toLowerCase())).size < columns.length;
  if (
    alike ||
    json.some((column) => texts.includes(column) || fields.some((own) => own.as === "text" && own.from === column))
  )
    return false;
  const structure = JSON.stringify(
    Object.fromEntries(columns.map((column) => [column, json.includes(column) ? "JSON" : "VARCHAR"])),
  );
  const own = (column: string) => sql`v.${name(column)}`;
  const value = ({ from, as }: PlainSpec["fields"][number]) =>
    as === "json" ? sql`nullif(cast(${own(from)} as varchar), 'null')` : own(from);
  const time = at === undefined ? raw("cast(null as timestamp)") : timeFromText(own(at));
  const problem = sql`case
    when v is null then case when record is null or trim(record, ${whitespace}) = '' then '' when json_valid(record) then 'not a JSON object' else 'not valid JSON' end
    when ${isDeep(raw("record"))} then ${tooDeep}
    when coalesce(${own(session)}, '') = '' then case when json_type(record) <> 'OBJECT' then 'not a JSON object' else 'the session is missing' end
    ${at === undefined ? raw("") : sql`when "at" is null then coalesce('not a time: ' || left(${own(at)}, 40), 'the time is missing') when not ${inRange(raw('"at"'))} then 'not a time between 1970 and 2200: ' || left(${own(at)}, 40)`}
    ${join(
      fields.filter(({ as }) => as === "json").map((field) => notJson(field, name(field.name))),
      " ",
    )}
  end`;
  const several = files.length > 1;
  const parsed = sql`from_json(record, ${literal(structure)})`;
  const read = (parse: Sql) =>
    database.run(sql`
      create table ${name(table)} as
      select ${several ? raw("filename,") : raw("")} ${own(session)} as session,
        ${user === undefined ? raw("cast(null as varchar)") : sql`nullif(${own(user)}, '')`} as "user", "at"
        ${join(
          fields.map((field) => sql`, ${name(field.name)}`),
          "",
        )},
        ${at === undefined ? raw("false") : isZoneless(own(at))} as zoneless,
        problem, case when problem <> '' then record end as broken
      from (
        select *, ${problem} as problem
        from (
          select *, ${time} as "at" ${join(
            fields.map((field) => sql`, ${value(field)} as ${name(field.name)}`),
            "",
          )}
          from (select *, ${parse} as v from ${rawLines(files)})))`);
  if (!(await areWhole(files))) return false;
  // try() costs a tenth of the time: most logs do without
  if (!(await succeeds(read(parsed))) && !(await succeeds(read(sql`try(${parsed})`)))) return false;
  const found = await database.row<{ bad: number; records: number }>(sql`
    select count(*) filter (where problem <> '') as bad, count(*) filter (where problem is distinct from '') as records
    from ${name(table)}`);
  const wanted = [
    "session",
    ...(user === undefined ? [] : ["user"]),
    ...(at === undefined ? [] : ["at"]),
    ...fields.map((field) => field.name),
  ];
  // the first value is soon found: counting them would read everything
  const { filled } = await database.row<{ filled: boolean }>(sql`
    select ${join(
      wanted.map((column) => sql`exists (select 1 from ${name(table)} where ${name(column)} is not null)`),
      " and ",
    )} as filled`);
  if (!filled || found.bad > 0.1 * found.records) {
    await database.run(sql`drop table ${name(table)}`);
    return false;
  }
  return true;
}

async function succeeds(statement: Promise<void>): Promise<boolean> {
  try {
    await statement;
    return true;
  } catch (error) {
    if (error instanceof SqlError) return false;
    throw error;
  }
}

/** DuckDB takes the end of a cut-off gzip stream for the end of the file. */
export async function areWhole(files: readonly string[]): Promise<boolean> {
  try {
    for (const file of files.filter(isGzip)) for await (const _ of bytesOf(file));
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

/** Lines as DuckDB's CSV reader gives them: one column, blank ones as NULL; refused when one is not UTF-8 or very long. */
export function rawLines(files: readonly string[]): Sql {
  const zipped = new Set(files.map(isGzip));
  const compression = zipped.size > 1 ? "auto" : zipped.has(true) ? "gzip" : "none";
  const options = raw(
    `delim = chr(1), quote = '', escape = '', header = false, auto_detect = false, columns = {'record': 'VARCHAR'},
    compression = '${compression}', filename = ${files.length > 1}, hive_partitioning = false, max_line_size = ${longestLine}, buffer_size = ${longestLine}`,
  );
  return sql`read_csv([${join(files.map(pathLiteral))}], ${options})`;
}

/** A file's path where DuckDB takes a pattern: `*`, `?` and `[` stand for themselves. */
export function pathLiteral(file: string): Sql {
  return literal(file.replace(/[*?[]/g, "[$&]"));
}

/** DuckDB's functions that look for a JSON value's type call themselves once a level, and end the process at some thousands. */
const deepest = 200;

export const tooDeep = literal(`nested more than ${deepest} levels deep`);

/** Whether a valid JSON text nests too deeply. The pattern is slow (300 MB/s), so those without enough brackets are not asked. */
export function isDeep(text: Sql): Sql {
  let nested = "";
  for (let level = 0; level < deepest; level++)
    nested = `(?:[^\\[\\]{}"]|"(?:[^"\\\\]|\\\\.)*"|[\\[{]${nested}[\\]}])*`;
  const brackets = sql`len(string_split(${text}, '[')) + len(string_split(${text}, '{'))`;
  return sql`case when strlen(${text}) <= ${raw(String(2 * deepest))} or ${brackets} <= ${raw(String(deepest))} then false
    else not regexp_full_match(${text}, ${literal(nested)}, 's') end`;
}

/** JSON as Python writes it: NaN and Infinity outside of texts. The first look is a quick one. */
function notJson({ from }: PlainSpec["fields"][number], text: Sql): Sql {
  const bare = sql`regexp_replace(${text}, '"(\\\\.|[^"\\\\])*"', '', 'g')`;
  const quick = join(
    ["NaN", "nan", "nf"].map((word) => sql`contains(${text}, ${literal(word)})`),
    " or ",
  );
  return sql`when (${quick}) and regexp_matches(${bare}, 'NaN|nan|[Ii]nf')
    then ${literal(`column ${from}: expected JSON, found NaN or Infinity in `)} || left(${text}, 40)`;
}

const whitespace = raw("chr(32) || chr(9) || chr(10) || chr(13)");
