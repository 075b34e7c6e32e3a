import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { filesMatching } from "../io/glob.ts";
import { writeTextFile } from "../io/run-folder.ts";
import { InputError } from "../plan/input-error.ts";
import { clipped, count, percent } from "../reports/format.ts";
import { trafficSection } from "../reports/traffic-section.ts";
import type { Role } from "../shadow/inspect/names.ts";
import { inspectTraffic, type TrafficInspection } from "../shadow/inspect/traffic.ts";
import { exampleText } from "../shadow/inspect/warning.ts";
import { oneLine, print, progressReporter } from "./common.ts";
import { table } from "./table.ts";

/** Options of `foretaste traffic inspect`; columns that are stated are not guessed. */
export interface TrafficOptions extends Readonly<Partial<Record<Role, string>>> {
  readonly attribute?: readonly string[];
  readonly write?: string;
  readonly json?: boolean;
  readonly threads: number;
}

/**
 * Says what a log holds, which columns a rehearsal would take from it, and what is odd about it; prints or writes the
 * project file's traffic section. 0 even with warnings.
 *
 * @param patterns files or globs
 */
export async function trafficCommand(patterns: readonly string[], options: TrafficOptions): Promise<number> {
  const { write, json, threads, attribute } = options;
  if (write !== undefined) refuseToOverwrite(write);
  const inspection = await inspectTraffic(await filesOf(patterns), {
    columns: statedColumns(options),
    ...(attribute ? { attributes: attribute } : {}),
    threads,
    place: (key) => `--${key === "attributes" ? "attribute" : key}`,
    onProgress: progressReporter(),
  });
  const folder = write === undefined ? process.cwd() : dirname(resolve(write));
  const section = trafficSection(
    inspection,
    patterns.map((pattern) => sourceFrom(folder, pattern)),
  );
  if (write !== undefined) writeNew(write, section);
  if (json) {
    print(JSON.stringify(inspection, null, 2));
    return 0;
  }
  print(inspectionText(inspection));
  print(write === undefined ? `\n${section.trimEnd()}` : `\nwritten: ${oneLine(write)}`);
  return 0;
}

/** What was found, for a terminal. */
export function inspectionText(inspection: TrafficInspection): string {
  return [headText(inspection), columnsText(inspection), guessesText(inspection), warningsText(inspection)].join(
    "\n\n",
  );
}

const roles = ["session", "user", "at", "request", "response"] as const;

function statedColumns(options: TrafficOptions): Partial<Record<Role, string>> {
  return Object.fromEntries(
    roles.flatMap((role) => {
      const column = options[role];
      return column === undefined ? [] : [[role, column]];
    }),
  );
}

function headText({ files, format, records, unreadable, span, sessions, notes }: TrafficInspection): string {
  const name = files.length === 1 ? (files[0] as string) : `${count(files.length)} files`;
  const lines = [`${name}: ${count(records)} records (${format}), ${count(unreadable.records)} unreadable`];
  const { first } = unreadable;
  if (first) lines.push(`the first unreadable one: ${first.file}:${first.line}: ${first.reason}`);
  if (span) lines.push(`${span.from} to ${span.until}`);
  lines.push(...notes);
  if (sessions) {
    const each = (sessions.requests / Math.max(1, sessions.sessions)).toFixed(2);
    lines.push(`${count(sessions.requests)} requests in ${count(sessions.sessions)} sessions, ${each} each`);
  }
  return lines.map(oneLine).join("\n");
}

/** More columns than a reader reads; `--json` has all. */
const mostColumns = 100;

function columnsText({ columns }: TrafficInspection): string {
  const shown = table(
    ["column", "type", "missing", "distinct", "example"],
    columns
      .slice(0, mostColumns)
      .map(({ name, type, missing, distinct, approximate, example }) => [
        name === "" ? "(no name)" : clipped(name, 40),
        clipped(type, 24),
        percent(missing),
        `${approximate ? "≈ " : ""}${count(distinct)}`,
        example === null ? "–" : clipped(oneLine(example), 40),
      ]),
  );
  return columns.length > mostColumns ? `${shown}\n… and ${count(columns.length - mostColumns)} more columns` : shown;
}

function guessesText({ guesses }: TrafficInspection): string {
  const line = (key: string, text: string) => `${key.padEnd(10)}  ${oneLine(text)}`;
  const byRole = roles.map((role) => {
    const guess = guesses[role];
    if (!guess)
      return line(role, role === "session" ? "no guess, and one is needed: name it with --session" : "no guess");
    const { column, why, sure, runnerUp } = guess;
    const other = runnerUp ? ` (or ${runnerUp.column}: ${runnerUp.why})` : "";
    return line(role, `${column}${sure ? "" : ", unsure"}: ${why}${other}`);
  });
  const { chosen } = guesses.attributes;
  const attributes = chosen.map(({ column, why }) => `${column}: ${why}`).join(" · ");
  return [...byRole, line("attributes", attributes || "no guess")].join("\n");
}

function warningsText({ warnings }: TrafficInspection): string {
  if (warnings.length === 0) return "no warnings";
  const lines = warnings.map(({ kind, message, example }) =>
    oneLine(
      `- ${kind}: ${message} (${kind === "exact duplicates" ? "the first copy: " : "as "}${exampleText(example)})`,
    ),
  );
  return [
    `${count(warnings.length)} ${warnings.length === 1 ? "warning" : "warnings"}, explained in docs/traffic.md:`,
    ...lines,
  ].join("\n");
}

/** The files that paths and globs name, each once. */
export async function filesOf(patterns: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  for (const pattern of patterns) {
    for (const file of await matching(pattern)) {
      const path = realpathSync(file);
      // a file that two patterns name is read once
      if (!found.has(path)) found.set(path, file);
    }
  }
  return [...found.values()];
}

async function matching(pattern: string): Promise<readonly string[]> {
  if (existsSync(pattern)) return [pattern];
  if (!isPattern(pattern)) throw new InputError(pattern || "FILE", "no such file", "check the path");
  const files = (await filesMatching(pattern)).filter((file) => !file.includes("/.foretaste/"));
  if (files.length === 0) throw new InputError(pattern, "no file matches", "check the pattern");
  return files;
}

function isPattern(text: string): boolean {
  return /[*?[]/.test(text);
}

/** How a project's file in a folder names a file or pattern: what is no pattern here must not become one there. */
export function sourceFrom(folder: string, pattern: string): string {
  const asText = (path: string) => path.replace(/[*?[]/g, "[$&]");
  const isFile = existsSync(pattern);
  if (isFile && ![folder, resolve(pattern)].some(isPattern)) return relative(folder, resolve(pattern));
  const written = isFile ? asText(pattern) : pattern;
  const whole = isAbsolute(pattern) ? written : join(asText(process.cwd()), written);
  return relative(asText(folder), whole);
}

function refuseToOverwrite(file: string): void {
  if (existsSync(file)) throw new InputError(file, "exists already", "name a new file, or remove it first");
  if (basename(file) === "") throw new InputError(file || "--write", "is not a file's name", "name a new file");
}

function writeNew(file: string, text: string): void {
  writeTextFile(resolve(file), text);
}
