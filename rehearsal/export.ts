import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Database, SqlError } from "../io/duckdb.ts";
import type { RecordBatch } from "../io/record-batches.ts";
import { parquetFiles, publishFile, readJsonFile, runFolders, temporaryName } from "../io/run-folder.ts";
import { join as joined, literal, raw, type Sql, sql } from "../io/sql.ts";
import { InputError } from "../plan/input-error.ts";
import { observationsFolder } from "../shadow/shard-store.ts";
import { laneNames } from "./project-schema.ts";
import type { Imported } from "./replay-project.ts";
import { rolloutsFile } from "./rollout-table.ts";

export interface ExportSpec {
  /** the run's folder, see {@link findRun} */
  readonly folder: string;
  readonly table: "observations" | "outcomes" | "rollouts";
  /** of the observations; all lanes, with the column `lane`, unless given */
  readonly lane?: string | undefined;
  /** where to: `.arrow` (or `.feather`, which is the same) or `.parquet` */
  readonly file: string;
}

/** What was exported: plain data. */
export interface Exported {
  readonly file: string;
  readonly run: string;
  readonly table: ExportSpec["table"];
  /** empty for outcomes, which have all that are compared, and for rollouts */
  readonly lanes: readonly string[];
  readonly rows: number;
  /** what a reader of the file should know, in words */
  readonly notes: readonly string[];
}

/**
 * Writes a table of a run into a file, which is there whole or not at all; equal runs give equal bytes.
 *
 * @throws InputError for a folder that is no run, a lane that it has not, and a file that cannot be written
 */
export async function exportTable({ folder, table, lane, file }: ExportSpec): Promise<Exported> {
  if (!/\.(arrow|feather|parquet)$/i.test(file))
    throw new InputError(file, "has an ending that is not known", "end it in .arrow or .parquet");
  const parts = partsOf(folder, table, lane);
  requireWritable(file);
  try {
    const rows = await (/\.parquet$/i.test(file) ? writeParquet : writeArrowFile)(file, parts);
    const lanes = parts.flatMap((part) => part.lane ?? []);
    return { file, run: basename(folder), table, lanes, rows, notes: notesOf(folder, parts) };
  } catch (cause) {
    rmSync(temporaryName(file), { force: true });
    throw ofFiles(cause) ? unwritable(file, cause) : cause;
  }
}

/**
 * What a lane did with the requests, shard by shard; of all lanes, with the column `lane`, unless one is named. A lane that
 * stopped, or a run that was interrupted, has the shards that were finished.
 *
 * @throws InputError for a folder that is no run and a lane that it has not
 */
export async function* observations(folder: string, lane?: string): AsyncGenerator<RecordBatch> {
  yield* batchesOf(partsOf(folder, "observations", lane));
}

/**
 * The inputs of every metric by session, shard by shard.
 *
 * @throws InputError for a folder that is no run, and for one without outcomes
 */
export async function* outcomes(folder: string): AsyncGenerator<RecordBatch> {
  yield* batchesOf(partsOf(folder, "outcomes"));
}

/**
 * The folder of a run below a project, the newest one unless named.
 *
 * @throws InputError when there is none
 */
export function findRun(project: string, id?: string): string {
  const runs = runFolders(project);
  const ids = runs.map((run) => basename(run));
  const found = id === undefined ? runs.at(-1) : runs[ids.indexOf(id)];
  if (found) return found;
  throw runs.length === 0
    ? new InputError(project, "has no runs", `start one: foretaste replay ${project}`)
    : new InputError(`run ${id}`, `is not below ${project}`, `known are ${ids.slice(-5).join(", ")}`);
}

/** Files of one lane, or of the outcomes. */
interface Part {
  /** the value of the column `lane`, if there is to be one */
  readonly column?: string;
  readonly lane?: string;
  readonly files: readonly string[];
}

function partsOf(folder: string, table: ExportSpec["table"], lane?: string): Part[] {
  if (!existsSync(join(folder, "manifest.json")))
    throw new InputError(folder, "is not the folder of a run", "name one below .foretaste/runs");
  if (table === "outcomes") {
    if (lane !== undefined) throw new InputError(`lane ${lane}`, "outcomes are not kept by lane", "leave the lane out");
    const files = parquetFiles(join(folder, "outcomes"));
    if (files.length > 0) return [{ files }];
    throw new InputError(folder, "has no outcomes yet", "go on in it: foretaste compare --resume");
  }
  if (table === "rollouts") {
    if (lane !== undefined) throw new InputError(`lane ${lane}`, "rollouts are not kept by lane", "leave the lane out");
    if (existsSync(rolloutsFile(folder))) return [{ files: [rolloutsFile(folder)] }];
    throw new InputError(folder, "has no rollouts yet", "go on in it: foretaste simulate --resume");
  }
  if (table !== "observations")
    throw new InputError(`table ${table}`, "is not known", "name observations, outcomes or rollouts");
  const lanes = lanesOf(folder);
  if (lanes.length === 0)
    throw new InputError(folder, "has no observations yet", "go on in it: foretaste replay --resume");
  if (lane === undefined)
    return lanes.map((own) => ({ column: own, lane: own, files: parquetFiles(observationsFolder(folder, own)) }));
  if (!lanes.includes(lane)) throw new InputError(`lane ${lane}`, `is not in ${folder}`, `it has ${lanes.join(", ")}`);
  return [{ lane, files: parquetFiles(observationsFolder(folder, lane)) }];
}

function lanesOf(folder: string): string[] {
  const all = join(folder, "observations");
  const found = existsSync(all) ? readdirSync(all).filter((lane) => parquetFiles(join(all, lane)).length > 0) : [];
  const known = laneNames.filter((lane) => found.includes(lane));
  return [...known, ...found.filter((lane) => !known.some((own) => own === lane)).sort()];
}

/** Arrow's library takes up to a quarter of a second to load: only those wait for it who need it. */
async function writeArrowFile(file: string, parts: readonly Part[]): Promise<number> {
  const { writeArrow } = await import("../io/arrow-writer.ts");
  return writeArrow(file, batchesOf(parts));
}

async function* batchesOf(parts: readonly Part[]): AsyncGenerator<RecordBatch> {
  // here and not above, as in writeArrowFile
  const { recordBatches } = await import("../io/record-batches.ts");
  // one thread: rows keep the order of their files
  const database = await Database.open({ threads: 1 });
  try {
    const columns = await database.describe(allOf(parts));
    yield* recordBatches(database, columns, pagesOf(database, parts));
  } finally {
    await database.close();
  }
}

async function writeParquet(file: string, parts: readonly Part[]): Promise<number> {
  const database = await Database.open({ threads: 1 });
  try {
    const temporary = temporaryName(file);
    await database.run(sql`copy (${allOf(parts)}) to ${temporary} (format parquet)`);
    publishFile(temporary, file);
    const { rows } = await database.row<{ rows: number }>(sql`select count(*) as rows from read_parquet(${file})`);
    return rows;
  } finally {
    await database.close();
  }
}

/** All rows with all columns: a measure may be missing in some shards. */
function allOf(parts: readonly Part[]): Sql {
  const selects = parts.map(({ column, files }) => {
    return sql`select ${laneColumn(column)} * from read_parquet([${joined(files.map(literal))}], union_by_name = true)`;
  });
  return joined(selects, " union all by name ");
}

function laneColumn(column: string | undefined): Sql {
  return column === undefined ? raw("") : sql`${literal(column)} as lane,`;
}

/** Shards one by one; what a recorded lane has is one file, of any length, and read by pages. */
async function* pagesOf(database: Database, parts: readonly Part[]): AsyncGenerator<Sql> {
  for (const { column, files } of parts) {
    for (const file of files) {
      const { rows } = await database.row<{ rows: number }>(sql`
        select num_rows as rows from parquet_file_metadata(${file})`);
      if (rows <= pageRows) {
        yield sql`select ${laneColumn(column)} * from read_parquet(${literal(file)})`;
        continue;
      }
      for (let from = 0; from < rows; from += pageRows) {
        // DuckDB skips row groups by this column, where an offset would read them
        yield sql`
          select ${laneColumn(column)} * exclude (file_row_number)
          from read_parquet(${literal(file)}, file_row_number = true)
          where file_row_number >= ${from} and file_row_number < ${from + pageRows}`;
      }
    }
  }
}

const pageRows = 20_480;

function notesOf(folder: string, parts: readonly Part[]): string[] {
  const shards = readJsonFile<Imported>(join(folder, "import.json"))?.sessions.requestsByShard ?? [];
  const filled = shards.filter((requests) => requests > 0).length;
  return parts.flatMap(({ lane, files }) => {
    const found = files.filter((file) => /^\d+\.parquet$/.test(basename(file))).length;
    if (found === 0 || found >= filled) return [];
    return [`${lane ?? "outcomes"}: ${found} of ${filled} shards are there`];
  });
}

function requireWritable(file: string): void {
  if (existsSync(file) && !statSync(file).isFile())
    throw new InputError(file, "is not a file that can be written", "name a new file, as observations.arrow");
  try {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(temporaryName(file), "w"));
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

function ofFiles(cause: unknown): boolean {
  if (cause instanceof SqlError) return cause.message.startsWith("IO Error");
  return typeof (cause as NodeJS.ErrnoException).code === "string";
}

function unwritable(file: string, cause: unknown): InputError {
  const message = cause instanceof SqlError ? cause.problem : (cause as Error).message;
  return new InputError(file, `cannot be written (${message})`, "choose another folder, or make room there", { cause });
}
