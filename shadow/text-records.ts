import { BIGINT, INTEGER, VARCHAR } from "@duckdb/node-api";
import { CsvReader, delimiterOf } from "../io/csv.ts";
import type { Database } from "../io/duckdb.ts";
import { bytesOf, type Line, readLines } from "../io/lines.ts";
import { raw, sql } from "../io/sql.ts";
import { InputError } from "../plan/input-error.ts";
import type { Redactor } from "./redaction.ts";

/** Collects records and appends them in batches, without their secrets when there is a redactor: nothing else is ever stored. */
export class RecordAppender {
  readonly #database: Database;
  readonly #table: string;
  readonly #file: number;
  readonly #redactor: Redactor | undefined;
  #lines: bigint[] = [];
  #keys: (string | null)[] = [];
  #records: (string | null)[] = [];
  #problems: (string | null)[] = [];

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
    const kept = this.#redactor ? redacted(this.#redactor, record, problem) : { record, problem };
    this.#lines.push(BigInt(line));
    this.#keys.push(key !== null && this.#redactor ? this.#redactor.text(key) : key);
    this.#records.push(kept.record);
    this.#problems.push(kept.problem);
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
    for (const { number, text } of lines) {
      if (text === null) await appender.add(number, null, "not UTF-8");
      else if (text.trim() !== "") await appender.add(number, text);
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
export async function loadJson(database: Database, file: string, appender: RecordAppender): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytesOf(file)) chunks.push(chunk);
  const text = wholeText(file, Buffer.concat(chunks));
  const { valid } = await database.row<{ valid: boolean }>(sql`select json_valid(${text}) as valid`);
  if (!valid) {
    const firstLine = text.trimStart().split("\n", 1)[0] as string;
    const { lines } = await database.row<{ lines: boolean }>(sql`select json_valid(${firstLine}) as lines`);
    if (lines && firstLine.trim().startsWith("{")) return loadLines(file, appender);
    throw new InputError(file, `is not valid JSON${whereBroken(text)}`, "it may be cut off: copy or write it again");
  }
  const { type, records } = await database.row<{ type: string; records: boolean | null }>(sql`
    select
      json_type(${text}) as type,
      (select avg(cast(json_type(value) = 'OBJECT' as integer)) >= 0.9 from json_each(cast(${text} as json))) as records`);
  if (type === "ARRAY" || (type === "OBJECT" && records)) {
    const [keys, values] = (await database.columns(sql`
      select ${type === "OBJECT" ? raw("key") : raw("cast(null as varchar)")}, cast(value as varchar)
      from json_each(cast(${text} as json))`)) as unknown as [(string | null)[], string[]];
    for (const [i, value] of values.entries()) await appender.add(i + 1, value, null, keys[i] ?? null);
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
