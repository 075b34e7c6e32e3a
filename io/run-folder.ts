import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { open, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError } from "../plan/input-error.ts";

/**
 * Makes a finished temporary file visible under its name: synced, renamed, and the folder synced.
 *
 * @throws InputError when the disk is full, cannot be written, or is gone
 */
export function publishFile(temporary: string, file: string): void {
  onDisk(file, () => {
    syncPath(temporary);
    renameSync(temporary, file);
    syncPath(dirname(file));
  });
}

/**
 * The same for one of many parts, whose folder is not synced: a part that a power cut loses is made again.
 *
 * @throws InputError as {@link publishFile}
 */
export async function publishPart(temporary: string, file: string): Promise<void> {
  try {
    const handle = await open(temporary, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    throw diskProblem(error, file) ?? error;
  }
}

/**
 * Writes one of many parts so that it is there whole or not at all; see {@link publishPart}.
 *
 * @throws InputError as {@link publishFile}
 */
export async function writePart(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = temporaryName(file);
  try {
    await writeFile(temporary, bytes);
  } catch (error) {
    throw diskProblem(error, file) ?? error;
  }
  await publishPart(temporary, file);
}

/**
 * Writes a text so that the file is there whole or not at all.
 *
 * @throws InputError when the disk is full, cannot be written, or is gone
 */
export function writeTextFile(file: string, text: string): void {
  const temporary = temporaryName(file);
  onDisk(file, () => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(temporary, text);
  });
  publishFile(temporary, file);
}

/** Runs work on a file; what the disk refuses is an InputError with the file's name. */
export function onDisk<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw diskProblem(error, file) ?? error;
  }
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

/**
 * An error of node:fs, or of DuckDB when it reads or writes a file, in the words of someone who has to mend the disk;
 * undefined for every other error.
 *
 * @param place named when the error itself names no file: Node leaves it out when a write fails, as on a full disk
 */
export function diskProblem(error: unknown, place?: string): InputError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code: own, path, message } = error as NodeJS.ErrnoException;
  const [first = ""] = message.split("\n");
  const ofDatabase = first.startsWith("IO Error: ");
  const named = path ?? (ofDatabase ? /"([^"]+)"/.exec(first)?.[1] : undefined) ?? place;
  const code = ofDatabase ? diskProblems.find(({ words }) => words.test(first))?.code : own;
  if (named === undefined || !/^E[A-Z0-9]+$/.test(code ?? "")) return undefined;
  const read = code === "ENOENT" && isReadOnly(named) ? "EROFS" : code;
  const { problem, wayOut } = diskProblems.find((known) => known.code === read) ?? { problem: first, wayOut: look };
  return new InputError(named, problem, wayOut, { cause: error });
}

const look = "check the path, its permissions and the space there";
const goOn = "then go on with the same command and --resume";

/** Codes of node:fs, and the words of strerror(3) or its own by which DuckDB says the same. */
const diskProblems = [
  {
    code: "ENOSPC",
    words: /No space left on device/,
    problem: "the disk is full",
    wayOut: `make space there, ${goOn}`,
  },
  {
    code: "EDQUOT",
    words: /Disk quota exceeded/,
    problem: "the disk quota is used up",
    wayOut: `make space there, ${goOn}`,
  },
  {
    code: "EROFS",
    words: /Read-only file system/,
    problem: "the disk is read-only",
    wayOut: "make it writable, or name another folder with --out",
  },
  {
    code: "EACCES",
    words: /Permission denied/,
    problem: "permission is denied",
    wayOut: "give it, or name another folder with --out",
  },
  {
    code: "ENOTDIR",
    words: /Not a directory/,
    problem: "a part of this path is a file, not a folder",
    wayOut: "check the path, or name another folder with --out",
  },
  {
    code: "ENOENT",
    words: /No such file or directory|No files found/,
    problem: "is not there, or no longer there",
    wayOut: "check whether its folder was moved or removed; without it, start anew",
  },
  { code: "EIO", words: /Input\/output error/, problem: "the disk has failed", wayOut: `mend the disk, ${goOn}` },
];

/** Node says ENOENT of a folder that it cannot make on a read-only disk. */
function isReadOnly(path: string): boolean {
  let nearest = path;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EROFS";
  }
}
