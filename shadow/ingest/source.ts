import { existsSync, statSync } from "node:fs";
import { type Database, SqlError } from "../../io/duckdb.ts";
import { join, literal, name, raw, type Sql, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";
import type { Redactor } from "../redaction/redaction.ts";
import { origin } from "./origin.ts";
import { areWhole, isDeep, pathLiteral, rawLines, tooDeep } from "./plain-records.ts";
import { heaviestVector, loadCsv, loadJson, loadLines, RecordAppender } from "./text-records.ts";

/** The log's records inside DuckDB, before anything is known of their columns. */
export interface Source {
  readonly files: readonly string[];
  /** table with the columns of {@link origin}; Parquet's own columns beside them */
  readonly table: string;
  readonly format: Format;
  /** names of the log's own columns */
  readonly columns: readonly string[];
  /** columns that the files' folders state, as `day=2026-01-05/` does, with their values by file */
  readonly partitions: ReadonlyMap<string, readonly (string | null)[]>;
  readonly records: number;
}

export type Format = "jsonl" | "csv" | "json" | "parquet" | "arrow";

/**
 * Loads files into a table: one row a record, a broken record with its problem, none dropped.
 *
 * With a redactor, secrets are replaced before anything is stored. Text formats are cut into records here and not by DuckDB's readers, which turn two rows into NULLs for one that is
 * cut off, and read invalid text as NULL silently.
 *
 * @throws InputError for a missing, empty or unreadable file and for an unknown format
 */
export async function loadSource(
  database: Database,
  files: readonly string[],
  table: string,
  redactor?: Redactor,
): Promise<Source> {
  const formats = files.map(formatOf);
  const [format] = formats as [Format];
  const other = formats.findIndex((next) => next !== format);
  if (other > 0)
    throw new InputError(
      files[other] as string,
      `is ${formats[other]}, but ${files[0]} is ${format}`,
      "give files of one format",
    );
  return inMemory(files, () => {
    if (format === "jsonl" || format === "csv" || format === "json")
      return loadText(database, files, format, table, redactor);
    if (redactor) return loadRedacted(database, files, format, table, redactor);
    return loadColumns(database, files, format, table);
  });
}

/** Tables may be larger than the memory, but not the 2,048 records that DuckDB works on at a time. */
async function inMemory<T>(files: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SqlError && isOutOfMemory(error))) throw error;
    const problem = `its records are too long for the memory there is (${error.problem})`;
    const wayOut = "write it as JSON lines, or leave out long texts that are not replayed";
    throw new InputError(files.join(", "), problem, wayOut, { cause: error });
  }
}

function isOutOfMemory({ message }: SqlError): boolean {
  return message.startsWith("Out of Memory");
}

/** Whether the table has the log's columns at their own types; otherwise a record is JSON text. */
export function isColumnar({ format }: Source): boolean {
  return format === "parquet" || format === "arrow";
}

/** @throws InputError for an unknown ending */
export function formatOf(file: string): Format {
  const bare = file.toLowerCase().replace(/\.gz$/, "");
  if (/\.(jsonl|ndjson)$/.test(bare)) return "jsonl";
  if (/\.(csv|tsv)$/.test(bare)) return "csv";
  if (/\.json$/.test(bare)) return "json";
  if (/\.parquet$/.test(file.toLowerCase())) return "parquet";
  if (/\.(arrow|arrows|feather|ipc)$/.test(file.toLowerCase())) return "arrow";
  throw new InputError(
    file,
    "has an unknown format",
    "give a .jsonl, .csv, .json (each also .gz), .parquet, .arrow or .feather file",
  );
}

async function loadColumns(
  database: Database,
  files: readonly string[],
  format: "parquet" | "arrow",
  table: string,
): Promise<Source> {
  for (const file of files) requireFile(file);
  if (format === "arrow") await loadArrowRecords(database, files, table);
  else await loadParquet(database, files, sql`table ${name(table)}`);
  const own = new Set<string>(Object.values(origin));
  const columns = (await database.describe(sql`select * from ${name(table)}`)).map((column) => column.name);
  const { n } = await database.row<{ n: number }>(sql`select count(*) as n from ${name(table)}`);
  if (n === 0) throw new InputError(files.join(", "), "has no rows", "give a log with at least one request");
  const recorded = columns.filter((column) => !own.has(column));
  const partitions = partitionsOf(files, recorded);
  return { files, table, format, columns: [...recorded, ...partitions.keys()], partitions, records: n };
}

/** Arrow's library takes a quarter of a second to load: only those wait for it who need it. */
async function loadArrowRecords(database: Database, files: readonly string[], table: string): Promise<void> {
  const { loadArrow } = await import("./arrow-records.ts");
  await loadArrow(database, files, table);
}

/** @param into the table or view that is created */
async function loadParquet(database: Database, files: readonly string[], into: Sql): Promise<void> {
  const list = sql`[${join(files.map(literal))}]`;
  const own = sql`read_parquet([${join(files.map(pathLiteral))}], hive_partitioning = false`;
  await reading(files, async () => {
    requireOtherNames(
      files,
      (await database.describe(sql`select * from ${own})`)).map((column) => column.name),
      ["__filename", "file_row_number"],
    );
    await requireAllRows(database, files);
    await database.run(sql`
      create ${into} as
      select
        * exclude (__filename, file_row_number),
        cast(list_position(${list}, __filename) - 1 as integer) as ${name(origin.file)},
        file_row_number + 1 as ${name(origin.line)},
        cast(null as varchar) as ${name(origin.record)},
        cast(null as varchar) as ${name(origin.broken)},
        cast(null as varchar) as ${name(origin.problem)}
      from ${own}, filename = '__filename', file_row_number = true)`);
  });
}

/** DuckDB believes a row group that says it has fewer rows; a file states their sum, too. */
async function requireAllRows(database: Database, files: readonly string[]): Promise<void> {
  const list = sql`[${join(files.map(pathLiteral))}]`;
  const [wrong] = await database.rows<{ file: string; stated: number; held: number }>(sql`
    with row_groups as (select distinct file_name, row_group_id, row_group_num_rows as n from parquet_metadata(${list}))
    select file_name as file, any_value(num_rows) as stated, coalesce(sum(n), 0) as held
    from parquet_file_metadata(${list}) left join row_groups using (file_name)
    group by file_name
    having stated <> held
    order by file_name`);
  if (!wrong) return;
  const problem = `states ${wrong.stated} rows, and its row groups ${wrong.held}`;
  throw new InputError(wrong.file, problem, "copy or write the file again");
}

async function reading<T>(files: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SqlError) || isOutOfMemory(error)) throw error;
    const pattern = files.some((file) => /[*?[]/.test(file)) ? ", or rename it: DuckDB takes * ? [ for a pattern" : "";
    throw new InputError(
      files.join(", "),
      `is not a readable Parquet file (${error.problem})`,
      `it may be cut off: copy or write it again${pattern}`,
      { cause: error },
    );
  }
}

/** @throws InputError for a column that is called as one that is added, whatever its letters' case */
function requireOtherNames(files: readonly string[], columns: readonly string[], more: readonly string[] = []): void {
  const added = [...Object.values<string>(origin), ...more];
  const own = columns.find((column) => added.includes(column.toLowerCase()));
  if (own === undefined) return;
  const problem = `has a column ${own}, which is a name of foretaste's own`;
  throw new InputError(files.join(", "), problem, "rename it where the log is written");
}

/** Rows that are read at once to be redacted. */
const redactedAtOnce = 20_000;

/** Columnar files with a redactor: their rows become JSON texts, which are redacted a few at a time. */
async function loadRedacted(
  database: Database,
  files: readonly string[],
  format: "parquet" | "arrow",
  table: string,
  redactor: Redactor,
): Promise<Source> {
  const raw = `${table}_raw`;
  for (const file of files) requireFile(file);
  if (format === "arrow") {
    requireSmall(files);
    await loadArrowRecords(database, files, raw);
  } else {
    await loadParquet(database, files, sql`view ${name(raw)}`);
  }
  const loading = await createLoading(database, table);
  const own = await database.describe(
    sql`select * exclude (${join(Object.values(origin).map(name))}) from ${name(raw)}`,
  );
  const record = sql`struct_pack(${join(own.map((column) => sql`${name(column.name)} := ${name(column.name)}`))})`;
  for (const [index] of files.entries()) {
    const appender = new RecordAppender(database, loading, index, redactor);
    for (let first = 1; ; first += redactedAtOnce) {
      const [lines, records] = (await reading(files, () =>
        database.columns(sql`
          select ${name(origin.line)}, cast(to_json(${record}) as varchar)
          from ${name(raw)}
          where ${name(origin.file)} = ${index} and ${name(origin.line)} between ${first} and ${first + redactedAtOnce - 1}
          order by ${name(origin.line)}`),
      )) as unknown as [bigint[], string[]];
      for (const [i, text] of records.entries()) await appender.add(Number(lines[i]), text);
      if (records.length < redactedAtOnce) break;
    }
    await appender.flush();
  }
  await database.run(format === "arrow" ? sql`drop table ${name(raw)}` : sql`drop view ${name(raw)}`);
  return finishText(database, files, "jsonl", table, loading, new Set(), redactor);
}

/** What does not fit into memory would be spilled to the disk as it is. */
function requireSmall(files: readonly string[]): void {
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  if (bytes <= 2e8) return;
  throw new InputError(files[0] as string, "is too large to be redacted as Arrow", "write it as Parquet or JSON lines");
}

async function createLoading(database: Database, table: string): Promise<string> {
  const loading = `${table}_text`;
  await database.run(
    sql`create table ${name(loading)} (file integer, line bigint, key varchar, record varchar, problem varchar)`,
  );
  return loading;
}

async function loadText(
  database: Database,
  files: readonly string[],
  format: "jsonl" | "csv" | "json",
  table: string,
  redactor: Redactor | undefined,
): Promise<Source> {
  const loading = await createLoading(database, table);
  const columns = new Set<string>();
  for (const [index, file] of files.entries()) {
    requireFile(file);
    const appender = new RecordAppender(database, loading, index, redactor);
    if (format === "csv") for (const column of await loadCsv(file, appender)) columns.add(column);
    else if (format === "json") await loadJson(file, appender);
    else if (redactor || !(await appendRawLines(database, file, loading, index))) await loadLines(file, appender);
    await appender.flush();
  }
  return finishText(database, files, format, table, loading, columns, redactor);
}

/** The table of records from the table of texts. */
async function finishText(
  database: Database,
  files: readonly string[],
  format: "jsonl" | "csv" | "json",
  table: string,
  loading: string,
  columns: ReadonlySet<string>,
  redactor: Redactor | undefined,
): Promise<Source> {
  const keyed =
    format === "json"
      ? sql`case when key is null or json_exists(record, '/key') then record
    else '{"key":' || cast(to_json(key) as varchar) || case when regexp_full_match(record, '[{]\\s*[}]') then '}'
      else ',' || substr(record, 2) end end`
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
        when ${isDeep(raw("record"))} then ${tooDeep}
      end as problem
      from ${name(loading)})`);
  await database.run(sql`drop table ${name(loading)}`);
  // the place between long records
  await database.run(sql`delete from ${name(table)} where ${name(origin.line)} is null`);
  const { n, bad } = await database.row<{ n: number; bad: number }>(sql`
    select count(*) as n, count(${name(origin.problem)}) as bad from ${name(table)}`);
  if (n === 0) throw new InputError(files.join(", "), "is empty", "give a log with at least one request");
  if (bad === n) await refuseAll(database, files, table);
  const own = format === "csv" ? [...columns] : await keysOf(database, table);
  requireOtherNames(files, own);
  const partitions = partitionsOf(files, own, redactor);
  return { files, table, format, columns: [...own, ...partitions.keys()], partitions, records: n };
}

/** Lines of a file that DuckDB's reader understands; false, and none of them, when it does not or they are too long for it. */
async function appendRawLines(database: Database, file: string, table: string, index: number): Promise<boolean> {
  if (!(await areWhole([file]))) return false;
  await database.run(sql`begin`);
  try {
    await database.run(sql`
      insert into ${name(table)}
      select ${index}, line, null, record, null
      from (select record, row_number() over () as line from ${rawLines([file])})
      where trim(record, chr(32) || chr(9) || chr(13)) <> ''`);
    const { heaviest } = await database.row<{ heaviest: number | null }>(sql`
      select max(signs) as heaviest
      from (select sum(strlen(record)) as signs from ${name(table)} where file = ${index} group by line // 2048)`);
    const light = (heaviest ?? 0) <= heaviestVector;
    await database.run(light ? sql`commit` : sql`rollback`);
    return light;
  } catch (error) {
    await database.run(sql`rollback`);
    if (error instanceof SqlError) return false;
    throw error;
  }
}

/** What the folders of a file state, as `day=2026-01-05/log.jsonl` does; a column of the records wins. */
function partitionsOf(
  files: readonly string[],
  own: readonly string[],
  redactor?: Redactor | undefined,
): Source["partitions"] {
  const shown = (value: string | null) => (value === null ? null : (redactor?.text(value) ?? value));
  const stated = files.map((file) =>
    Object.fromEntries(
      file
        .split("/")
        .slice(0, -1)
        .flatMap((folder) => {
          const [, column, value] = /^([^=]+)=(.*)$/.exec(folder) ?? [];
          return column === undefined || value === undefined ? [] : [[column, shown(decoded(value))] as const];
        }),
    ),
  );
  const known = new Set(own.map((column) => column.toLowerCase()));
  const columns = new Set(stated.flatMap((each) => Object.keys(each)).filter((each) => !known.has(each.toLowerCase())));
  return new Map([...columns].map((column) => [column, stated.map((each) => each[column] ?? null)]));
}

/** Hive writes some signs as %3A, and a missing value by a name of its own. */
function decoded(value: string): string | null {
  if (value === "__HIVE_DEFAULT_PARTITION__") return null;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

async function refuseAll(database: Database, files: readonly string[], table: string): Promise<never> {
  const { at, line, problem } = await database.row<{ at: number; line: number; problem: string }>(sql`
    select ${name(origin.file)} as "at", ${name(origin.line)} as line, ${name(origin.problem)} as problem from ${name(table)}
    order by ${name(origin.file)}, ${name(origin.line)} limit 1`);
  const encoding = problem === "not UTF-8";
  throw new InputError(
    `${files[at]}:${line}`,
    `no record of the file can be read; the first is ${problem}`,
    encoding ? `convert it: iconv -f LATIN1 -t UTF-8 ${files[at]}` : "check that the file's name says its format",
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
