import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { raw, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";
import { textStream } from "../../statistics/random-stream.ts";
import { openDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/folders.ts";
import { field, type ImportedLog, importLog, jsonLines } from "../support/import-log.ts";
import { type Mutation, mutationsOf, textSnippets } from "../support/mutations.ts";

const seed = "hostile logs 1";

interface Row {
  readonly session: string;
  readonly user: string | null;
  readonly at: string;
  readonly text: string;
  readonly n: number;
  readonly meta: { readonly model: string; readonly tools: readonly string[] };
}

const texts = ["plain", "é😀", 'say "hi"', "one\ntwo\n\nthree", "a, b; c\td", "null", "{}", "\\ /", " "];

const rows: readonly Row[] = Array.from({ length: 24 }, (_, i) => ({
  session: `session ${i}`,
  user: i % 5 === 0 ? null : `user ${i >> 1}`,
  at: new Date(Date.UTC(2026, 0, 5) + i * 61_000).toISOString(),
  text: texts[i % texts.length] as string,
  n: 7 * i - 20,
  meta: { model: "m", tools: i % 2 === 0 ? [] : ["lookup", `t${i}`] },
}));

const own = ["text", "n", "meta"] as const;
/** Columns as they stand: JSON lines of them are read in one pass. */
const asTheyStand = own.map((column) => field(column, column, column === "meta" ? "json" : "text"));
/** The same with an expression, for the careful reader. */
const withExpression = asTheyStand.map((one) => (one.name === "text" ? field("text", { sql: "text" }, "text") : one));

type Outcome = { readonly log: ImportedLog } | { readonly refusal: string };

/** Longer than any case takes on a busy machine: what takes longer hangs. */
const longestCase = 60_000;

async function outcomeOf(file: string, fields: typeof asTheyStand): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${longestCase} ms`)), longestCase);
  });
  try {
    return { log: await Promise.race([importLog({ logs: [file], user: "user", at: "at", fields }), tooLong]) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { refusal: error.message };
  } finally {
    clearTimeout(timer);
  }
}

/** What must hold whatever the file holds. */
function faultsOf(outcome: Outcome, file: string): string[] {
  if ("refusal" in outcome) {
    const { refusal } = outcome;
    const faults: string[] = [];
    if (!/^\S[^;]*?: \S.*; \S.*$/s.test(refusal)) faults.push(`no place, problem and way out: ${refusal}`);
    if (!refusal.includes(file)) faults.push(`does not name the file: ${refusal}`);
    return faults;
  }
  const { found, rows: kept, quarantine } = outcome.log;
  const faults: string[] = [];
  if (found.kept + found.excluded + found.quarantined !== found.records) faults.push("counts do not add up");
  if (kept.length !== found.kept || quarantine.length !== found.quarantined) faults.push("counts are not those of rows");
  if (found.reasons.reduce((sum, { count }) => sum + count, 0) !== found.quarantined) faults.push("reasons do not add up");
  if (quarantine.some((one) => !one.reason || one.file !== file || one.line < 1)) faults.push("quarantine without place");
  const lines = [...kept.map(({ line }) => Number(line)), ...quarantine.map(({ line }) => line)];
  if (new Set(lines).size < lines.length) faults.push("a line twice");
  return faults;
}

/** Runs every case, two at a time, and lists what is wrong. */
async function faultsOfAll(
  cases: readonly Mutation[],
  own: string,
  check: (outcomes: readonly [Outcome, Outcome], bytes: Buffer) => readonly string[],
  second = withExpression,
): Promise<string[]> {
  const folder = temporaryFolder();
  const found: string[] = [];
  const rest = [...cases.entries()];
  const work = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) {
      const [i, { name, bytes }] = next;
      const file = join(folder, `${i}${own}`);
      writeFileSync(file, bytes);
      const faults: string[] = [];
      try {
        const outcomes = [await outcomeOf(file, asTheyStand), await outcomeOf(file, second)] as const;
        faults.push(...outcomes.flatMap((outcome) => faultsOf(outcome, file)), ...check(outcomes, bytes));
      } catch (error) {
        faults.push(String(error).slice(0, 400));
      }
      found.push(...new Set(faults.map((fault) => `${name}: ${fault}`)));
    }
  };
  await Promise.all([work(), work()]);
  return found;
}

function randomOf(what: string) {
  console.info(`${what}: seed "${seed}, ${what}"`);
  return textStream(`${seed}, ${what}`);
}

function occurrences(bytes: Buffer, parts: string): number[] {
  return [...bytes.entries()].flatMap(([i, byte]) => (parts.includes(String.fromCharCode(byte)) ? [i] : []));
}

/** Physical lines, their ends and the mark at the file's start taken off. */
function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  const body = bytes.subarray(bytes.subarray(0, 3).equals(Buffer.from("\ufeff")) ? 3 : 0);
  for (let start = 0; start < body.length; ) {
    const end = body.indexOf(0x0a, start);
    const line = body.subarray(start, end < 0 ? body.length : end);
    lines.push(line.at(-1) === 0x0d ? line.subarray(0, -1) : line);
    start = end < 0 ? body.length : end + 1;
  }
  return lines;
}

/** What a record of the log becomes. */
function expectedRow(row: Row) {
  const { session, user, at, text, n, meta } = row;
  return { session, user, at: `${at.slice(0, -1)}000`, text, n: String(n), meta: JSON.stringify(meta) };
}

const expected = new Map(rows.map((row) => [JSON.stringify(row), expectedRow(row)]));

/** Every line is kept or in quarantine under its own number, and one that is whole is kept as it is. */
function lostLines(outcome: Outcome, bytes: Buffer): string[] {
  const lines = linesOf(bytes).map((line) => line.toString("latin1"));
  const original = (line: string) => expected.get(Buffer.from(line, "latin1").toString("utf8"));
  if ("refusal" in outcome) {
    const utf16 = [0xff, 0xfe].includes(bytes[0] as number);
    return lines.some(original) && !utf16 ? [`refused although lines are whole: ${outcome.refusal}`] : [];
  }
  const kept = new Map(outcome.log.rows.map(({ line, ...row }) => [Number(line), row]));
  const lost = new Map(outcome.log.quarantine.map(({ line, reason }) => [line, reason]));
  return lines.flatMap((text, i) => {
    const [line, row, reason] = [i + 1, kept.get(i + 1), lost.get(i + 1)];
    const same = JSON.stringify(row) === JSON.stringify(original(text));
    if (/^[ \t\r]*$/.test(text)) return row || reason ? [`blank line ${line} is a record`] : [];
    if (!row && !reason) return [`line ${line} is lost: ${text.slice(0, 100)}`];
    if (original(text) && !same) return [`line ${line} is whole, and became ${JSON.stringify(row ?? reason)}`];
    return [];
  });
}

/** What both readers must agree on; an expression names itself, a column itself. */
function comparable(outcome: Outcome) {
  if ("refusal" in outcome) return outcome;
  const { found, rows: kept, quarantine } = outcome.log;
  const reasons = found.reasons.map(({ count }) => count).sort();
  const lost = quarantine.map((one) => ({ ...one, reason: one.reason.replace(/^\w+: /, "") }));
  return { found: { ...found, reasons }, kept, lost };
}

describe("JSON lines", () => {
  const whole = Buffer.from(jsonLines(rows));
  it("x", async () => {
    const cases = mutationsOf(whole, randomOf("JSON lines"), { count: 400, snippets: textSnippets, boundaries: occurrences(whole, "\n") });
    const start = performance.now();
    const faults = await faultsOfAll(cases, ".jsonl", ([plain, careful], bytes) => [
      ...lostLines(plain, bytes),
      ...lostLines(careful, bytes),
      ...(JSON.stringify(comparable(plain)) === JSON.stringify(comparable(careful)) ? [] : [`the readers differ: ${JSON.stringify(comparable(plain)).slice(0,300)}; ${JSON.stringify(comparable(careful)).slice(0,300)}`]),
    ]);
    console.info(cases.length, (performance.now() - start) / cases.length);
    expect(faults).toEqual([]);
  });
});

const header = ["session", "user", "at", "text", "n", "meta"] as const;

function csvRecord(row: Row, delimiter: string): string {
  const values = [row.session, row.user ?? "", row.at, row.text, String(row.n), JSON.stringify(row.meta)];
  const quoted = (value: string) => (/[",;\t\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  return values.map(quoted).join(delimiter);
}

function csvOf(all: readonly Row[], delimiter: string): string {
  return [header.join(delimiter), ...all.map((row) => csvRecord(row, delimiter)), ""].join("\n");
}

/** Every line belongs to one record that is kept or in quarantine, and a record that is whole is kept as it is. */
function lostRecords(outcome: Outcome, bytes: Buffer, delimiter: string, more: number): string[] {
  const lines = linesOf(bytes).map((line) => line.toString("latin1"));
  const first = lines.findIndex((line) => line !== "");
  const whole = rows.flatMap((row) => {
    const own = Buffer.from(csvRecord(row, delimiter)).toString("latin1").split("\n");
    const at = lines.findIndex((_, i) => i > first && own.every((line, k) => lines[i + k] === line));
    return at < 0 ? [] : [{ row, line: at + 1 }];
  });
  if ("refusal" in outcome) {
    const sameHeader = lines[first] === header.join(delimiter);
    return sameHeader && whole.length > 0 ? [`refused although records are whole: ${outcome.refusal}`] : [];
  }
  const covered = new Map<number, number>();
  const cover = (line: number, texts: readonly unknown[]) => {
    const span = texts.reduce<number>((sum, text) => sum + (typeof text === "string" ? text.split("\n").length - 1 : 0), 1);
    for (let i = line; i < line + span; i++) covered.set(i, (covered.get(i) ?? 0) + 1);
  };
  const { rows: kept, quarantine } = outcome.log;
  for (const row of kept) {
    const meta = row.meta === null ? null : JSON.parse(row.meta as string);
    cover(Number(row.line), [row.session, row.user, row.text, meta]);
  }
  for (const { line, reason, record } of quarantine) {
    const physical = /^\d+ fields, |quote|^not UTF-8$/.test(reason);
    cover(line, physical ? [] : Object.values(JSON.parse(record ?? "") as object));
  }
  const faults = lines.flatMap((text, i) => {
    const times = covered.get(i + 1) ?? 0;
    if (i === first) return times === 0 ? [] : ["the header is a record"];
    if (times === 1 || (times === 0 && text === "")) return [];
    return [`line ${i + 1} is in ${times} records: ${text.slice(0, 100)}`];
  });
  const at = new Map(kept.map(({ line, ...row }) => [Number(line), row]));
  for (const { row, line } of whole) {
    const own = at.get(line);
    const expected = { ...expectedRow(row), n: more === 0 ? String(row.n) : row.n + more, meta: JSON.stringify(JSON.stringify(row.meta)) };
    if (own && JSON.stringify(own) !== JSON.stringify(expected) ) faults.push(`line ${line} became ${JSON.stringify(own)}`);
    if (!own && !quarantine.some((one)=>one.line===line)) console.info(`swallowed ${line}`);
  }
  return faults;
}

describe("CSV", () => {
  const whole = Buffer.from(csvOf(rows, ","));
  it("x", async () => {
    const cases = mutationsOf(whole, randomOf("CSV"), { count: 400, snippets: textSnippets, boundaries: occurrences(whole, "\n") });
    const start = performance.now();
    const faults = await faultsOfAll(cases, ".csv", ([plain, careful], bytes) => [
      ...lostRecords(plain, bytes, ",", 0),
      ...lostRecords(careful, bytes, ",", 0),
    ]);
    console.info(cases.length, (performance.now() - start) / cases.length);
    expect(faults).toEqual([]);
  });
});

async function parquetOf(all: readonly Row[], compression: string): Promise<Buffer> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "rows.jsonl"), jsonLines(all));
  const database = await openDatabase();
  await database.run(sql`
    copy (select session, "user", cast("at" as timestamptz) as "at", "text", n, meta from read_json(${join(folder, "rows.jsonl")}))
    to ${join(folder, "rows.parquet")} (format parquet, compression ${raw(compression)})`);
  return readFileSync(join(folder, "rows.parquet"));
}

/** Where the parts of a Parquet file end: dictionaries, pages, columns, the footer. */
async function parquetParts(bytes: Buffer): Promise<number[]> {
  const file = join(temporaryFolder(), "rows.parquet");
  writeFileSync(file, bytes);
  const database = await openDatabase();
  const columns = await database.rows<Record<string, number>>(sql`
    select data_page_offset as data, coalesce(dictionary_page_offset, data_page_offset) as dictionary,
      coalesce(dictionary_page_offset, data_page_offset) + total_compressed_size as "end"
    from parquet_metadata(${file})`);
  const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
  return [...new Set([4, footer, bytes.length - 8, bytes.length - 4, ...columns.flatMap((one) => Object.values(one))])];
}

const typed = [field("text", "text", "text"), field("n", { sql: "n + 1" }), field("meta", { sql: "meta.tools" }, "json")];

describe("Parquet", () => {
  it.each(["uncompressed", "zstd"])("x %s", async (compression) => {
    const whole = await parquetOf(rows, compression);
    const cases = mutationsOf(whole, randomOf(`Parquet ${compression}`), { count: Number(process.env.N ?? 400), boundaries: await parquetParts(whole) });
    const start = performance.now();
    const seen = new Map<string, number>();
    const faults = await faultsOfAll([{name: "whole", bytes: whole}, ...cases], ".parquet", ([plain, careful], bytes) => {
      for (const one of [plain, careful]) {
        const key = "refusal" in one ? one.refusal.replace(/^.*?parquet: /, "").replace(/\d+/g, "#").slice(0, 90) : `ok ${one.log.found.records} ${one.log.found.kept}`;
        seen.set(key, 1 + (seen.get(key) ?? 0));
      }
      return [];
    }, typed);
    console.info(cases.length, (performance.now() - start) / cases.length, [...seen].filter(([k])=>k.startsWith("ok")||process.env.ALL).sort((a,b)=>b[1]-a[1]).map(String));
    expect(faults).toEqual([]);
  });
});
function arrowOf(all: readonly Row[], format: "file" | "stream"): Buffer {
  const f = (own: string, type: arrow.DataType) => new arrow.Field(own, type, true);
  const meta = new arrow.Struct([f("model", new arrow.Utf8()), f("tools", new arrow.List(f("item", new arrow.Utf8())))]);
  const batches = [0, 8, 16].map((from) => {
    const own = all.slice(from, from + 8);
    return new arrow.Table({
      session: arrow.vectorFromArray(own.map(({ session }) => session), new arrow.Utf8()),
      user: arrow.vectorFromArray(own.map(({ user }) => user), new arrow.Utf8()),
      at: arrow.vectorFromArray(own.map(({ at }) => Date.parse(at)), new arrow.TimestampMillisecond("UTC")),
      text: arrow.vectorFromArray(own.map(({ text }) => text), new arrow.Utf8()),
      n: arrow.vectorFromArray(own.map(({ n }) => n), new arrow.Int32()),
      meta: arrow.vectorFromArray(own.map(({ meta }) => meta), meta),
      model: arrow.vectorFromArray(own.map(({ meta }) => meta.model), new arrow.Utf8()),
    });
  });
  const [first] = batches as [arrow.Table];
  return Buffer.from(arrow.tableToIPC(new arrow.Table(first.schema, batches.flatMap((table) => table.batches)), format));
}

describe("Arrow", () => {
  it.each(["file", "stream"] as const)("x %s", async (format) => {
    const whole = arrowOf(rows, format);
    const ends = [...whole.entries()].flatMap(([i, byte]) => (i % 8 === 0 && byte === 0xff && whole.readInt32LE(i) === -1 ? [i, i + 8 + whole.readInt32LE(i + 4)] : []));
    const cases = mutationsOf(whole, randomOf(`Arrow ${format}`), { count: Number(process.env.N ?? 400), boundaries: [...ends, 8, whole.length - 10, whole.length - 6].filter((at) => at <= whole.length) });
    const start = performance.now();
    const seen = new Map<string, number>();
    const faults = await faultsOfAll([{name: "whole", bytes: whole}, ...cases], ".arrow", ([plain, careful], bytes) => {
      for (const one of [plain, careful]) {
        const key = "refusal" in one ? one.refusal.replace(/^.*?arrow: /, "").replace(/\d+/g, "#").slice(0, 90) : `ok ${one.log.found.records} ${one.log.found.kept}`;
        seen.set(key, 1 + (seen.get(key) ?? 0));
      }
      return [];
    }, typed);
    console.info(cases.length, (performance.now() - start) / cases.length, [...seen].filter(([k])=>k.startsWith("ok")||process.env.ALL).sort((a,b)=>b[1]-a[1]).map(String));
    expect(faults).toEqual([]);
  });
});
