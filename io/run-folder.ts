import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** Makes a finished temporary file visible under its name: synced, renamed, and the folder synced. */
export function publishFile(temporary: string, file: string): void {
  syncPath(temporary);
  renameSync(temporary, file);
  syncPath(dirname(file));
}

/** The same for one of many parts, whose folder is not synced: a part that a power cut loses is made again. */
export function publishPart(temporary: string, file: string): void {
  syncPath(temporary);
  renameSync(temporary, file);
}

/** Writes a text so that the file is there whole or not at all. */
export function writeTextFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = temporaryName(file);
  writeFileSync(temporary, text);
  publishFile(temporary, file);
}

/** A name beside the file that no reader looks for. */
export function temporaryName(file: string): string {
  return `${file}.tmp`;
}

/** The folders of the runs below a project, oldest first. */
export function runFolders(project: string): string[] {
  const runs = runsFolder(project);
  if (!existsSync(runs)) return [];
  return readdirSync(runs)
    .filter((id) => existsSync(join(runs, id, "manifest.json")))
    .sort()
    .map((id) => join(runs, id));
}

export function runsFolder(project: string): string {
  return join(project, ".foretaste", "runs");
}

/** A JSON file, or undefined when it is not there or damaged. */
export function readJsonFile<T>(file: string): T | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The file of one shard in a folder. */
export function shardFile(folder: string, shard: number): string {
  return join(folder, `${String(shard).padStart(5, "0")}.parquet`);
}

/** The Parquet files of a folder, in the order of their names; none when it does not exist. */
export function parquetFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".parquet"))
    .sort()
    .map((file) => join(folder, file));
}

function syncPath(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
