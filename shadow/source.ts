import { existsSync, statSync } from "node:fs";
import { type Database, SqlError } from "../io/duckdb.ts";
import { join, literal, name, raw, sql } from "../io/sql.ts";
import { InputError } from "../plan/input-error.ts";
import { rawLines } from "./plain-records.ts";
import { loadCsv, loadJson, loadLines, RecordAppender } from "./text-records.ts";

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

/** @throws InputError for an unknown ending */
export function formatOf(file: string): Format {
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
    else if (!(await appendRawLines(database, file, loading, index))) await loadLines(file, appender);
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

/** Lines of a file that DuckDB's reader understands; false, and none of them, when it does not. */
async function appendRawLines(database: Database, file: string, table: string, index: number): Promise<boolean> {
  try {
    await database.run(sql`
      insert into ${name(table)}
      select ${index}, line, null, record, null
      from (select record, row_number() over () as line from ${rawLines([file])})
      where trim(record, chr(32) || chr(9) || chr(13)) <> ''`);
    return true;
  } catch (error) {
    if (error instanceof SqlError) return false;
    throw error;
  }
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

/** Whether there is something to read; {@link loadSource} says what is wrong when there is not. */
export function isReadable(file: string): boolean {
  return existsSync(file) && statSync(file).isFile() && statSync(file).size > 0;
}

function requireFile(file: string): void {
  if (!existsSync(file))
    throw new InputError(file, "no such file", "check the path; it is relative to the project's file");
  if (statSync(file).isDirectory()) throw new InputError(file, "is a folder", `name its files, as ${file}/*.parquet`);
  if (statSync(file).size === 0) throw new InputError(file, "is empty", "give a log with at least one request");
}
