import { BIGINT, INTEGER, VARCHAR } from "@duckdb/node-api";
import { CsvReader, delimiterOf } from "../../io/csv.ts";
import type { Database } from "../../io/duckdb.ts";
import { bytesOf, type Line, longestLine, problemOf, readLines, refuseUtf16 } from "../../io/lines.ts";
import { name, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";
import type { Redactor } from "../redaction/redaction.ts";

/**
 * Collects records and appends them in batches, without their secrets when there is a redactor: nothing else is ever stored.
 *
 * DuckDB works on 2,048 rows at a time and keeps all their texts in memory, and each of its JSON functions some four times as
 * much. So of long records fewer stand in that many rows: rows without a line fill the place between them.
 */
export class RecordAppender {
  readonly #database: Database;
  readonly #table: string;
  readonly #file: number;
  readonly #redactor: Redactor | undefined;
  #lines: (bigint | null)[] = [];
  #keys: (string | null)[] = [];
  #records: (string | null)[] = [];
  #problems: (string | null)[] = [];
  #signs = 0;

  constructor(database: Database, table: string, file: number, redactor?: Redactor) {
    this.#database = database;
    this.#table = table;
    this.#file = file;
    this.#redactor = redactor;
  }

  async add(
    line: number,
    record: string | null,
    problem: string | null = null,
    key: string | null = null,
  ): Promise<void> {
    if (record !== null && record.length > longestLine) return this.add(line, null, problemOf({ tooLong: true }));
    const kept = this.#redactor ? redacted(this.#redactor, record, problem) : { record, problem };
    this.#lines.push(BigInt(line));
    this.#keys.push(key !== null && this.#redactor ? this.#redactor.text(key) : key);
    this.#records.push(kept.record);
    this.#problems.push(kept.problem);
    this.#signs += kept.record?.length ?? 0;
    if (this.#lines.length >= 65_536 || this.#signs >= heaviestVector) await this.flush();
  }

  /** A column's name as messages and records have it. */
  nameOf(column: string): string {
    return this.#redactor?.text(column) ?? column;
  }

  async flush(): Promise<void> {
    if (this.#signs >= heaviestVector && this.#lines.length < vectorRows) await this.#fill();
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
    this.#signs = 0;
  }

  /** Empty rows up to the end of a vector. */
  async #fill(): Promise<void> {
    const { n } = await this.#database.row<{ n: number }>(sql`select count(*) as n from ${name(this.#table)}`);
    for (let row = n + this.#lines.length; row % vectorRows > 0; row++)
      for (const column of [this.#lines, this.#keys, this.#records, this.#problems]) column.push(null);
  }
}

/** Rows that DuckDB works on at a time, and the signs of the records among them that fit into its memory, on two threads. */
const vectorRows = 2048;
export const heaviestVector = 4_000_000;

/** A record that cannot be read cannot be redacted for certain, and is not kept. */
function redacted(redactor: Redactor, record: string | null, problem: string | null) {
  if (record === null) return { record, problem };
  if (problem === null && isJson(record)) return { record: redactor.text(record), problem };
  return { record: null, problem: problem ?? "not valid JSON" };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON lines: one record a line; blank lines are none. */
export async function loadLines(file: string, appender: RecordAppender): Promise<void> {
  for await (const lines of readLines(file)) {
    for (const line of lines) {
      if (line.text === null) await appender.add(line.number, null, problemOf(line));
      else if (/[^ \t\r]/.test(line.text)) await appender.add(line.number, line.text);
    }
  }
}

/** CSV with a header; each record becomes a JSON object of its texts, empty fields left out. Returns the columns. */
export async function loadCsv(file: string, appender: RecordAppender): Promise<string[]> {
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
        header = headerOf(file, line, appender);
        reader = new CsvReader(delimiterOf(line.text as string), header.length);
      }
    }
  }
  if (!reader) throw new InputError(file, "is empty", "give a log with a header and at least one request");
  await keep(reader.end());
  return [...header];
}

function headerOf(file: string, line: Line, appender: RecordAppender): readonly string[] {
  if (line.tooLong)
    throw new InputError(`${file}:${line.number}`, `the header is ${problemOf(line)}`, "check the file's line ends");
  if (line.text === null)
    throw new InputError(`${file}:${line.number}`, "is not UTF-8", `convert it: iconv -f LATIN1 -t UTF-8 ${file}`);
  const [record] = new CsvReader(delimiterOf(line.text), Number.POSITIVE_INFINITY).push(line);
  if (!record || "problem" in record)
    throw new InputError(`${file}:${line.number}`, "the header is not a CSV record", "check its quotes");
  const names = record.fields.map((field) => appender.nameOf(field.trim()));
  const seen = new Set<string>();
  const twice = names.find((column) => seen.has(column) || !seen.add(column));
  if (twice !== undefined) {
    const called = twice === "" ? "without a name" : `called ${twice}`;
    throw new InputError(`${file}:${line.number}`, `the header has two columns ${called}`, "rename one");
  }
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
export async function loadJson(file: string, appender: RecordAppender): Promise<void> {
  const text = await wholeText(file);
  const document = cutDocument(text);
  if (document.brokenAt !== undefined) {
    const firstLine = text.trimStart().split("\n", 1)[0] as string;
    if (firstLine.startsWith("{") && isNearlyJson(firstLine)) return loadLines(file, appender);
    throw notJson(file, text, document.brokenAt);
  }
  const { values, kind } = document;
  const records = values.filter(({ from }) => text[from] === "{").length;
  if (kind === "other" || (kind === "object" && (records === 0 || records < 0.9 * values.length)))
    throw new InputError(
      file,
      "is JSON, but neither an array of records nor an object of records keyed by id",
      "write one record a line (.jsonl), or an array",
    );
  for (const [i, { key, from, until }] of values.entries()) {
    const record = text.slice(from, until);
    if (!isNearlyJson(record)) throw notJson(file, text, from + brokenAt(record));
    await appender.add(i + 1, record, null, key);
  }
}

/** Longer texts are none in JavaScript. */
const longestDocument = 500_000_000;

async function wholeText(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bytesOf(file)) {
    length += chunk.length;
    if (length > longestDocument)
      throw new InputError(file, "is too long for one JSON document", "write one record a line (.jsonl)");
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  refuseUtf16(file, bytes);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text.trim() !== "") return text;
  } catch (cause) {
    throw new InputError(file, "is not UTF-8", `convert it: iconv -f LATIN1 -t UTF-8 ${file}`, { cause });
  }
  throw new InputError(file, "is empty", "give a log with at least one request");
}

interface Piece {
  /** the name of an object's member */
  readonly key: string | null;
  readonly from: number;
  readonly until: number;
}

interface JsonDocument {
  readonly kind: "array" | "object" | "other";
  readonly values: readonly Piece[];
  /** where it ends too early, or goes on where it should not */
  readonly brokenAt?: number;
}

/**
 * Cuts the values out of a JSON array or object, without a look into them: all of them at once, parsed, would take a dozen
 * times the memory. A comma behind the last one is let through, as by DuckDB.
 */
function cutDocument(text: string): JsonDocument {
  const values: Piece[] = [];
  const start = skipSpace(text, 0);
  const kind = text[start] === "[" ? "array" : text[start] === "{" ? "object" : "other";
  if (kind === "other") return isNearlyJson(text) ? { kind, values } : { kind, values, brokenAt: brokenAt(text) };
  const close = kind === "array" ? "]" : "}";
  let at = skipSpace(text, start + 1);
  while (text[at] !== close) {
    const begin = at;
    if (kind === "object") {
      const end = text[at] === '"' ? endOfText(text, at) : at;
      at = skipSpace(text, end);
      if (text[at] !== ":" || !isJson(text.slice(begin, end))) return { kind, values, brokenAt: begin };
      at = skipSpace(text, at + 1);
      values.push({ key: JSON.parse(text.slice(begin, end)), from: at, until: endOfValue(text, at) });
    } else values.push({ key: null, from: at, until: endOfValue(text, at) });
    const { from, until } = values.at(-1) as Piece;
    at = skipSpace(text, until);
    if (from === until || (text[at] !== "," && text[at] !== close)) return { kind, values, brokenAt: at };
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  at = skipSpace(text, at + 1);
  return at < text.length ? { kind, values, brokenAt: at } : { kind, values };
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at += 1;
  return at;
}

/** Behind a text, object, array or word; the text's end where it is not closed. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; ) {
    const sign = text[at] as string;
    if (sign === '"') at = endOfText(text, at);
    else if (depth === 0 && (sign === "," || sign === "]" || sign === "}" || skipSpace(text, at) > at)) return at;
    else {
      if (sign === "{" || sign === "[") depth += 1;
      if (sign === "}" || sign === "]") depth -= 1;
      at += 1;
    }
    if (depth === 0 && (sign === '"' || sign === "}" || sign === "]")) return at;
  }
  return text.length;
}

/** Behind the quote that closes a text: the first one with an even number of backslashes before it. */
function endOfText(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
  return text.length;
}

/** JSON, save for what DuckDB lets through: NaN and Infinity, as Python writes them, and commas behind the last value. */
function isNearlyJson(text: string): boolean {
  if (isJson(text)) return true;
  const strict: string[] = [];
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const bare = text.slice(at, quote < 0 ? text.length : quote);
    strict.push(bare.replace(/-?\b(?:nan|inf|infinity)\b/gi, "0").replace(/,(?=\s*[\]}])/g, ""));
    at = quote < 0 ? text.length : endOfText(text, quote);
    if (quote >= 0) strict.push(text.slice(quote, at));
  }
  return isJson(strict.join(""));
}

function notJson(file: string, text: string, at: number): InputError {
  const before = text.slice(0, at).split("\n");
  const place = `line ${before.length}, column ${(before.at(-1) as string).length + 1}`;
  return new InputError(file, `is not valid JSON (${place})`, "it may be cut off: copy or write it again");
}

/** As far as JSON's parser says. */
function brokenAt(text: string): number {
  try {
    JSON.parse(text);
  } catch (error) {
    return Number(/position (\d+)/.exec((error as Error).message)?.[1] ?? 0);
  }
  return 0;
}
