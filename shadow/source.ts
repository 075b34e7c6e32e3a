import { existsSync, statSync } from "node:fs";
import { BIGINT, INTEGER, VARCHAR } from "@duckdb/node-api";
import { CsvReader, delimiterOf } from "../io/csv.ts";
import { type Database, SqlError } from "../io/duckdb.ts";
import { bytesOf, type Line, readLines } from "../io/lines.ts";
import { join, literal, name, raw, type Sql, sql } from "../io/sql.ts";
import { didYouMean } from "../plan/document.ts";
import { InputError } from "../plan/input-error.ts";

/** The log's records inside DuckDB, before anything is known of their columns. */
export interface Source {
  readonly files: readonly string[];
  /** table with the columns of {@link origin}; Parquet's own columns beside them */
  readonly table: string;
  readonly format: Format;
  /** names of the log's own columns */
  readonly columns: readonly string[];
  readonly records: number;
}

type Format = "jsonl" | "csv" | "json" | "parquet";

/**
 * Loads files into a table: one row a record, a broken record with its problem, none dropped.
 *
 * Text formats are cut into records here and not by DuckDB's readers, which turn two rows into NULLs for one that is
 * cut off, and read invalid text as NULL silently.
 *
 * @throws InputError for a missing, empty or unreadable file and for an unknown format
 */
export async function loadSource(database: Database, files: readonly string[], table: string): Promise<Source> {
  const formats = files.map(formatOf);
  const [format] = formats as [Format];
  const other = formats.findIndex((next) => next !== format);
  if (other > 0)
    throw new InputError(
      files[other] as string,
      `is ${formats[other]}, but ${files[0]} is ${format}`,
      "give files of one format",
    );
  return format === "parquet" ? loadParquet(database, files, table) : loadText(database, files, format, table);
}

/** Columns that the tables of {@link loadSource} and {@link typedRelation} add to the log's own. */
export const origin = {
  file: "__file",
  line: "__line",
  record: "__record",
  /** the text of a record that cannot be read */
  broken: "__broken",
  problem: "__problem",
} as const;

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
  if (source.format === "parquet") return sql`select * from ${table}`;
  const typed = await Promise.all(
    columns.map(async (column) => ({ column, ...(await typeOf(database, source, column)) })),
  );
  const problems = typed.map(
    ({ column, misfit, expected }) =>
      sql`when ${misfit} then ${literal(`column ${column}: expected ${expected}, found `)} || left(${textValue(column)}, 40)`,
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
  return source.format === "parquet" ? sql`cast(${name(column)} as varchar)` : textValue(column);
}

/** A column as JSON text. */
export function jsonColumn(source: Source, column: string, place: string): Sql {
  requireColumn(source, column, place);
  if (source.format === "parquet") return sql`cast(to_json(${name(column)}) as varchar)`;
  return sql`cast(nullif(json_extract(${name(origin.record)}, ${pointer(column)}), 'null') as varchar)`;
}

function requireColumn({ columns, files }: Source, column: string, place: string): void {
  if (columns.includes(column)) return;
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
    select json_type(${value}) as type, count(*) as n ${usable} group by all having type <> 'NULL'`);
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

function formatOf(file: string): Format {
  const bare = file.toLowerCase().replace(/\.gz$/, "");
  if (/\.(jsonl|ndjson)$/.test(bare)) return "jsonl";
  if (/\.(csv|tsv)$/.test(bare)) return "csv";
  if (/\.json$/.test(bare)) return "json";
  if (/\.parquet$/.test(file.toLowerCase())) return "parquet";
  throw new InputError(file, "has an unknown format", "give a .jsonl, .csv, .json (each also .gz) or .parquet file");
}

async function loadParquet(database: Database, files: readonly string[], table: string): Promise<Source> {
  for (const file of files) requireFile(file);
  const list = sql`[${join(files.map(literal))}]`;
  try {
    await database.run(sql`
      create table ${name(table)} as
      select
        * exclude (__filename, file_row_number),
        cast(list_position(${list}, __filename) - 1 as integer) as ${name(origin.file)},
        file_row_number + 1 as ${name(origin.line)},
        cast(null as varchar) as ${name(origin.record)},
        cast(null as varchar) as ${name(origin.broken)},
        cast(null as varchar) as ${name(origin.problem)}
      from read_parquet(${list}, filename = '__filename', file_row_number = true)`);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new InputError(
      files.join(", "),
      `is not a readable Parquet file (${error.problem})`,
      "it may be cut off: copy or write it again",
      { cause: error },
    );
  }
  const own = new Set<string>(Object.values(origin));
  const columns = (await database.describe(sql`select * from ${name(table)}`)).map((column) => column.name);
  const { n } = await database.row<{ n: number }>(sql`select count(*) as n from ${name(table)}`);
  if (n === 0) throw new InputError(files.join(", "), "has no rows", "give a log with at least one request");
  return { files, table, format: "parquet", columns: columns.filter((column) => !own.has(column)), records: n };
}

async function loadText(
  database: Database,
  files: readonly string[],
  format: Exclude<Format, "parquet">,
  table: string,
): Promise<Source> {
  const loading = `${table}_text`;
  await database.run(
    sql`create table ${name(loading)} (file integer, line bigint, key varchar, record varchar, problem varchar)`,
  );
  const columns = new Set<string>();
  for (const [index, file] of files.entries()) {
    requireFile(file);
    const appender = new RecordAppender(database, loading, index);
    if (format === "csv") for (const column of await loadCsv(file, appender)) columns.add(column);
    else if (format === "json") await loadJson(database, file, loading, index, appender);
    else await loadLines(file, appender);
    await appender.flush();
  }
  const keyed =
    format === "json"
      ? sql`case when key is null or json_exists(record, '/key') then record
    else cast(json_merge_patch(record, json_object('key', key)) as varchar) end`
      : raw("record");
  await database.run(sql`
    create table ${name(table)} as
    select file as ${name(origin.file)}, line as ${name(origin.line)},
      case when problem is null then ${keyed} end as ${name(origin.record)},
      case when problem is not null then record end as ${name(origin.broken)}, problem as ${name(origin.problem)}
    from (
      select * exclude (problem), case
        when problem is not null then problem
        when not json_valid(record) then 'not valid JSON'
        when try(json_type(record)) <> 'OBJECT' then 'not a JSON object'
      end as problem
      from ${name(loading)})`);
  await database.run(sql`drop table ${name(loading)}`);
  const { n, bad } = await database.row<{ n: number; bad: number }>(sql`
    select count(*) as n, count(${name(origin.problem)}) as bad from ${name(table)}`);
  if (n === 0) throw new InputError(files.join(", "), "is empty", "give a log with at least one request");
  if (bad === n) await refuseAll(database, files, table);
  return { files, table, format, columns: format === "csv" ? [...columns] : await keysOf(database, table), records: n };
}

async function refuseAll(database: Database, files: readonly string[], table: string): Promise<never> {
  const { line, problem } = await database.row<{ line: number; problem: string }>(sql`
    select ${name(origin.line)} as line, ${name(origin.problem)} as problem from ${name(table)}
    order by ${name(origin.file)}, ${name(origin.line)} limit 1`);
  const encoding = problem === "not UTF-8";
  throw new InputError(
    `${files[0]}:${line}`,
    `no record of the file can be read; the first is ${problem}`,
    encoding ? `convert it: iconv -f LATIN1 -t UTF-8 ${files[0]}` : "check that the file's name says its format",
  );
}

async function keysOf(database: Database, table: string): Promise<string[]> {
  const rows = await database.rows<{ key: string }>(sql`
    select distinct unnest(json_keys(${name(origin.record)})) as key
    from ${name(table)}
    where ${name(origin.problem)} is null`);
  return rows.map(({ key }) => key).sort();
}

function requireFile(file: string): void {
  if (!existsSync(file))
    throw new InputError(file, "no such file", "check the path; it is relative to the project's file");
  if (statSync(file).isDirectory()) throw new InputError(file, "is a folder", `name its files, as ${file}/*.parquet`);
  if (statSync(file).size === 0) throw new InputError(file, "is empty", "give a log with at least one request");
}

/** Collects records and appends them in batches. */
class RecordAppender {
  readonly #database: Database;
  readonly #table: string;
  readonly #file: number;
  #lines: bigint[] = [];
  #keys: (string | null)[] = [];
  #records: (string | null)[] = [];
  #problems: (string | null)[] = [];

  constructor(database: Database, table: string, file: number) {
    this.#database = database;
    this.#table = table;
    this.#file = file;
  }

  async add(
    line: number,
    record: string | null,
    problem: string | null = null,
    key: string | null = null,
  ): Promise<void> {
    this.#lines.push(BigInt(line));
    this.#keys.push(key);
    this.#records.push(record);
    this.#problems.push(problem);
    if (this.#lines.length >= 65_536) await this.flush();
  }

  async flush(): Promise<void> {
    const files = this.#lines.map(() => this.#file);
    await this.#database.append(
      this.#table,
      [INTEGER, BIGINT, VARCHAR, VARCHAR, VARCHAR],
      [files, this.#lines, this.#keys, this.#records, this.#problems],
    );
    this.#lines = [];
    this.#keys = [];
    this.#records = [];
    this.#problems = [];
  }
}

async function loadLines(file: string, appender: RecordAppender): Promise<void> {
  for await (const lines of readLines(file)) {
    for (const { number, text } of lines) {
      if (text === null) await appender.add(number, null, "not UTF-8");
      else if (text.trim() !== "") await appender.add(number, text);
    }
  }
}

async function loadCsv(file: string, appender: RecordAppender): Promise<string[]> {
  let reader: CsvReader | undefined;
  let header: readonly string[] = [];
  const keep = async (records: ReturnType<CsvReader["push"]>) => {
    for (const record of records) {
      if ("problem" in record) await appender.add(record.line, record.text, record.problem);
      else await appender.add(record.line, objectText(header, record.fields));
    }
  };
  for await (const lines of readLines(file)) {
    for (const line of lines) {
      if (reader) {
        await keep(reader.push(line));
      } else if (line.text !== "") {
        header = headerOf(file, line);
        reader = new CsvReader(delimiterOf(line.text as string), header.length);
      }
    }
  }
  if (!reader) throw new InputError(file, "is empty", "give a log with a header and at least one request");
  await keep(reader.end());
  return [...header];
}

function headerOf(file: string, line: Line): readonly string[] {
  if (line.text === null)
    throw new InputError(`${file}:${line.number}`, "is not UTF-8", `convert it: iconv -f LATIN1 -t UTF-8 ${file}`);
  const [record] = new CsvReader(delimiterOf(line.text), Number.POSITIVE_INFINITY).push(line);
  if (!record || "problem" in record)
    throw new InputError(`${file}:${line.number}`, "the header is not a CSV record", "check its quotes");
  const names = record.fields.map((field) => field.trim());
  const twice = names.find((column, i) => names.indexOf(column) !== i);
  if (twice !== undefined)
    throw new InputError(`${file}:${line.number}`, `the header has two columns called ${twice}`, "rename one");
  return names;
}

function objectText(header: readonly string[], fields: readonly string[]): string {
  const object: Record<string, string> = Object.create(null);
  header.forEach((column, i) => {
    const field = fields[i] as string;
    if (field !== "") object[column] = field;
  });
  return JSON.stringify(object);
}

/** A JSON array of records, an object of records keyed by id, or, under the wrong name, JSON lines. */
async function loadJson(
  database: Database,
  file: string,
  table: string,
  index: number,
  appender: RecordAppender,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytesOf(file)) chunks.push(chunk);
  const text = wholeText(file, Buffer.concat(chunks));
  const { valid } = await database.row<{ valid: boolean }>(sql`select json_valid(${text}) as valid`);
  if (!valid) {
    const firstLine = text.split("\n", 1)[0] as string;
    const { lines } = await database.row<{ lines: boolean }>(sql`select json_valid(${firstLine}) as lines`);
    if (lines && firstLine.trim().startsWith("{")) return loadLines(file, appender);
    throw new InputError(file, `is not valid JSON${whereBroken(text)}`, "it may be cut off: copy or write it again");
  }
  const { type, records } = await database.row<{ type: string; records: boolean | null }>(sql`
    select
      json_type(${text}) as type,
      (select bool_and(json_type(value) = 'OBJECT') from json_each(cast(${text} as json))) as records`);
  if (type === "ARRAY" || (type === "OBJECT" && records)) {
    await database.run(sql`
      insert into ${name(table)}
      select ${index}, id_number, ${type === "OBJECT" ? raw("key") : raw("null")}, cast(value as varchar), null
      from (select row_number() over () as id_number, key, value from json_each(cast(${text} as json)))`);
    return;
  }
  throw new InputError(
    file,
    "is JSON, but neither an array of records nor an object of records keyed by id",
    "write one record a line (.jsonl), or an array",
  );
}

function wholeText(file: string, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw bytes.length > 2 ** 28
      ? new InputError(file, "is too long for one JSON document", "write one record a line (.jsonl)", { cause })
      : new InputError(file, "is not UTF-8", `convert it: iconv -f LATIN1 -t UTF-8 ${file}`, { cause });
  }
}

function whereBroken(text: string): string {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    if (position === undefined) return ` (${(error as Error).message})`;
    const before = text.slice(0, Number(position)).split("\n");
    return ` (line ${before.length}, column ${(before.at(-1) as string).length + 1})`;
  }
}
