import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { Database } from "../../io/duckdb.ts";
import { raw, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";
import { loadSource } from "../../shadow/ingest/source.ts";
import type { Redactor } from "../../shadow/redaction/redaction.ts";
import { textStream } from "../../statistics/random-stream.ts";
import { openDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/folders.ts";
import { field, type ImportedLog, importLog, jsonLines, type LogSpec, writeFiles } from "../support/import-log.ts";
import { type Mutation, mutationsOf, textSnippets } from "../support/mutations.ts";
import { refusal } from "../support/refusal.ts";

/** All damage is drawn from it: another text is another test. */
const seed = "hostile logs";
console.info(`seed of the hostile logs: ${seed}`);

/** In milliseconds; far longer than any case takes on a busy machine. */
const longestCase = 60_000;

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

/** Columns as they stand: JSON lines of them are read in one pass. */
const asTheyStand = [field("text", "text", "text"), field("n", "n", "text"), field("meta", "meta", "json")];
/** The same with an expression, for the careful reader. */
const withExpression = [field("text", { sql: "text" }, "text"), ...asTheyStand.slice(1)];
/** Expressions over numbers and nested values. */
const typed = [
  field("text", "text", "text"),
  field("n", { sql: "n + 1" }),
  field("meta", { sql: "meta.tools" }, "json"),
];

/** What a log becomes, or why it is refused; any other end is thrown. */
type Outcome = { readonly log: ImportedLog } | { readonly refused: string };

async function outcomeOf(file: string, fields: LogSpec["fields"], database?: Database): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${longestCase} ms`)), longestCase);
  });
  try {
    const spec = { logs: [file], user: "user", at: "at", ...(fields ? { fields } : {}) };
    const log = importLog({ ...spec, ...(database ? { database } : {}) });
    return { log: await Promise.race([log, tooLong]) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { refused: error.message };
  } finally {
    clearTimeout(timer);
  }
}

/** What holds for every file: counts that add up, or a message with place, problem and way out. */
function faultsOf(outcome: Outcome, file: string): string[] {
  if ("refused" in outcome) {
    const { refused } = outcome;
    const named = refused.includes(file) || refused.startsWith("foretaste.yaml:");
    return named && /^\S[^;]*?: \S.*; \S.*$/s.test(refused) ? [] : [`no place, problem and way out: ${refused}`];
  }
  const { found, rows: kept, quarantine } = outcome.log;
  const lines = [...kept, ...quarantine].map(({ line }) => Number(line));
  return Object.entries({
    "counts do not add up": found.kept + found.excluded + found.quarantined === found.records,
    "counts are not those of the rows": kept.length === found.kept && quarantine.length === found.quarantined,
    "reasons do not add up": found.reasons.reduce((sum, { count }) => sum + count, 0) === found.quarantined,
    "a bad record without its place": quarantine.every((one) => one.reason && one.file === file && one.line > 0),
    "a line is in two records": new Set(lines).size === lines.length,
  }).flatMap(([fault, holds]) => (holds ? [] : [fault]));
}

interface Checked {
  /** ending of the files' names */
  readonly ending: string;
  readonly fields: readonly [LogSpec["fields"], LogSpec["fields"]];
  /** what is wrong with the two outcomes, beside what is always looked at */
  readonly check: (outcomes: readonly [Outcome, Outcome], bytes: Buffer) => readonly string[];
}

/** Reads every damaged file twice, two files at a time, and lists what is wrong. */
async function faultsOfAll(cases: readonly Mutation[], { ending, fields, check }: Checked): Promise<string[]> {
  const folder = temporaryFolder();
  const found: string[] = [];
  const rest = [...cases.entries()];
  const work = async () => {
    const database = await Database.open({ threads: 1 });
    for (let next = rest.shift(); next; next = rest.shift()) {
      const [i, { name, bytes }] = next;
      const [file] = writeFiles(folder, { [`${i}${ending}`]: bytes }) as [string];
      try {
        const outcomes = [
          await outcomeOf(file, fields[0], database),
          await outcomeOf(file, fields[1], database),
        ] as const;
        const faults = [...outcomes.flatMap((outcome) => faultsOf(outcome, file)), ...check(outcomes, bytes)];
        found.push(...new Set(faults.map((fault) => `${name}: ${fault}`)));
      } catch (error) {
        found.push(`${name}: ${String(error).slice(0, 400)}`);
      }
    }
    await database.close();
  };
  await Promise.all([work(), work()]);
  return found;
}

/** More than 200 damaged texts of 24 records; a quarter of them gzipped. */
function damagedTexts(text: string, what: string, snippets = textSnippets): Mutation[] {
  const bytes = Buffer.from(text);
  const boundaries = [...bytes.entries()].flatMap(([i, byte]) => (byte === 0x0a ? [i] : []));
  const random = textStream(`${seed}: ${what}`);
  const damaged = [...mutationsOf(bytes, random, { drawn: 60, boundaries, snippets }), ...writtenOtherwise(text)];
  return damaged.map((one, i) => (i % 4 > 0 ? one : { name: `${one.name}, gzipped`, bytes: gzipSync(one.bytes) }));
}

/** A text in other encodings, with other line ends, twice, and its lines in another order. */
function writtenOtherwise(text: string): Mutation[] {
  const wide = Buffer.from(text, "utf16le");
  const marked = Buffer.from(`\ufeff${text}`, "utf16le");
  return Object.entries({
    "UTF-16": marked,
    "UTF-16, big-endian": Buffer.from(marked).swap16(),
    "UTF-16 without a mark": wide,
    "UTF-16 without a mark, big-endian": Buffer.from(wide).swap16(),
    "Latin-1": Buffer.from(text, "latin1"),
    "a mark in front": Buffer.from(`\ufeff${text}`),
    "two marks in front": Buffer.from(`\ufeff\ufeff${text}`),
    CRLF: Buffer.from(text.replaceAll("\n", "\r\n")),
    CR: Buffer.from(text.replaceAll("\n", "\r")),
    "LF and CRLF by turns": Buffer.from(text.replace(/(\n[^\n]*)\n/g, "$1\r\n")),
    "LF and CR by turns": Buffer.from(text.replace(/(\n[^\n]*)\n/g, "$1\r")),
    "blank lines between": Buffer.from(text.replaceAll("\n", "\n \t\n\n")),
    "nothing but blank lines": Buffer.from(text.replace(/[^\n]/g, "")),
    twice: Buffer.from(text + text),
    backwards: Buffer.from(text.split("\n").toReversed().join("\n")),
    "its first line": Buffer.from(text.split("\n", 1).join("")),
  }).map(([name, bytes]) => ({ name, bytes }));
}

/** A gzipped text of which the compressed bytes are damaged: header, blocks, checksum, length, and what follows. */
function damagedGzip(text: string, what: string): Mutation[] {
  const bytes = gzipSync(text);
  const behind = {
    text: gzipSync(text),
    nothing: gzipSync(""),
    garbage: Buffer.from("garbage"),
    zeros: Buffer.alloc(999),
  };
  return [
    ...mutationsOf(bytes, textStream(`${seed}: gzip, ${what}`), {
      drawn: 190,
      boundaries: [2, 4, 8, 10, bytes.length - 8, bytes.length - 4, bytes.length],
    }),
    ...Object.entries(behind).map(([name, own]) => ({ name: `${name} behind it`, bytes: Buffer.concat([bytes, own]) })),
    { name: "gzipped twice", bytes: gzipSync(bytes) },
  ];
}

/** The text of a file, unless its gzip stream is broken. */
function unzipped(bytes: Buffer): Buffer | undefined {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch {
    return undefined;
  }
}

/** Physical lines in Latin-1, which keeps every byte; line ends and the mark at the file's start are taken off. */
function linesOf(bytes: Buffer): string[] {
  const text = bytes.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  const lines = text.includes("\n") || !/\r./s.test(text) ? text.split("\n") : text.split("\r");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => line.replace(/\r$/, ""));
}

const isUtf16 = (bytes: Buffer) => ["fffe", "feff"].includes(bytes.subarray(0, 2).toString("hex"));
const latin1 = (text: string) => Buffer.from(text).toString("latin1");
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** What a record of the log becomes. */
function expectedRow({ session, user, at, text, n, meta }: Row) {
  return { session, user, at: `${at.slice(0, -1)}000`, text, n: String(n), meta: JSON.stringify(meta) };
}

const byLine = new Map(rows.map((row) => [latin1(JSON.stringify(row)), expectedRow(row)]));

/** JSON lines: each is kept or in quarantine under its own number, and one that is whole is kept as it is. */
function lostLines(outcome: Outcome, file: Buffer): string[] {
  const bytes = unzipped(file);
  if (!bytes) return "refused" in outcome ? [] : ["read although its gzip stream is broken"];
  const lines = linesOf(bytes);
  if ("refused" in outcome) {
    const whole = lines.some((line) => byLine.has(line)) && !isUtf16(bytes);
    return whole ? [`refused although lines are whole: ${outcome.refused}`] : [];
  }
  const kept = new Map(outcome.log.rows.map(({ line, ...row }) => [Number(line), row]));
  const bad = new Set(outcome.log.quarantine.map(({ line }) => line));
  const numbers = [...kept.keys(), ...bad].filter((line) => line > lines.length);
  return [
    ...numbers.map((line) => `there is no line ${line}`),
    ...lines.flatMap((text, i) => {
      const row = kept.get(i + 1);
      const read = row !== undefined || bad.has(i + 1);
      if (/^[ \t\r]*$/.test(text)) return read ? [`line ${i + 1} is blank, and a record`] : [];
      if (!read) return [`line ${i + 1} is lost: ${text.slice(0, 100)}`];
      const own = byLine.get(text);
      return own && !same(row, own) ? [`line ${i + 1} is whole, and became ${JSON.stringify(row)}`] : [];
    }),
  ];
}

/** What the readers must agree on; an expression names itself, a column itself. */
function comparable(outcome: Outcome) {
  if ("refused" in outcome) return outcome;
  const { found, rows: kept, quarantine } = outcome.log;
  const reasons = found.reasons.map(({ count }) => count).sort();
  const bad = quarantine.map((one) => ({ ...one, reason: one.reason.replace(/^\w+: /, "") }));
  return { found: { ...found, reasons }, kept, bad };
}

const lineByLine: Checked = {
  ending: ".jsonl",
  fields: [asTheyStand, withExpression],
  check: ([one, other], bytes) => [
    ...[one, other].flatMap((outcome) => lostLines(outcome, bytes)),
    ...(same(comparable(one), comparable(other)) ? [] : ["the readers disagree"]),
  ],
};

const header = ["session", "user", "at", "text", "n", "meta"];

function csvRecord({ session, user, at, text, n, meta }: Row, delimiter: string): string {
  const quoted = (value: string) => (/[",;\t\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  return [session, user ?? "", at, text, String(n), JSON.stringify(meta)].map(quoted).join(delimiter);
}

function csvOf(all: readonly Row[], delimiter: string): string {
  return [header.join(delimiter), ...all.map((row) => csvRecord(row, delimiter)), ""].join("\n");
}

/** CSV: every line belongs to one record that is kept or in quarantine, and no record that is whole is changed. */
function lostRecords(outcome: Outcome, file: Buffer, delimiter: string): string[] {
  const bytes = unzipped(file);
  if (!bytes) return "refused" in outcome ? [] : ["read although its gzip stream is broken"];
  const lines = linesOf(bytes);
  const first = lines.findIndex((line) => line !== "");
  const whole = rows.flatMap((row) => {
    const own = latin1(csvRecord(row, delimiter)).split("\n");
    const at = lines.findIndex((_, i) => i > first && own.every((line, k) => lines[i + k] === line));
    return at < 0 ? [] : [{ row, line: at + 1 }];
  });
  if ("refused" in outcome) {
    const readable = whole.length > 0 && lines[first] === header.join(delimiter);
    return readable ? [`refused although records are whole: ${outcome.refused}`] : [];
  }
  const { rows: kept, quarantine } = outcome.log;
  const times = new Map<number, number>();
  const cover = (line: number, fields: readonly unknown[]) => {
    const ends = fields.map((text) => String(text).split("\n").length - 1);
    for (let i = line; i <= line + ends.reduce((sum, n) => sum + n, 0); i++) times.set(i, (times.get(i) ?? 0) + 1);
  };
  for (const { line, session, user, text, n, meta } of kept)
    cover(Number(line), [session, user, text, n, meta === null ? null : JSON.parse(meta as string)]);
  for (const { line, reason, record } of quarantine) {
    const isLine = /^\d+ fields, |quote|^not UTF-8$/.test(reason);
    cover(line, isLine ? [] : Object.values(JSON.parse(record ?? "{}") as object));
  }
  const byNumber = new Map(kept.map(({ line, ...row }) => [Number(line), row]));
  return [
    ...lines.flatMap((text, i) => {
      const read = times.get(i + 1) ?? 0;
      if (i === first ? read === 0 : read === 1 || (read === 0 && text === "")) return [];
      return [`line ${i + 1} is in ${read} records: ${text.slice(0, 100)}`];
    }),
    ...whole.flatMap(({ row, line }) => {
      const own = byNumber.get(line);
      const expected = { ...expectedRow(row), meta: JSON.stringify(JSON.stringify(row.meta)) };
      return own && !same(own, expected) ? [`line ${line} is whole, and became ${JSON.stringify(own)}`] : [];
    }),
  ];
}

/** A JSON document: all of its records or none, and those that are whole as they are. */
function lostValues(outcome: Outcome, file: Buffer): string[] {
  const bytes = unzipped(file);
  if (!bytes) return "refused" in outcome ? [] : ["read although its gzip stream is broken"];
  const values = valuesOf(bytes);
  if (values === undefined) return [];
  // of members that occur twice one parser takes the first and one the last
  const intact = rows.filter((row) => bytes.includes(JSON.stringify(row)));
  const whole = values.flatMap((value, i) => {
    const row = intact.find((own) => same(own, value));
    return row ? [{ row, line: i + 1 }] : [];
  });
  if ("refused" in outcome)
    return whole.length > 0.9 * values.length ? [`refused although it is whole: ${outcome.refused}`] : [];
  const byNumber = new Map(outcome.log.rows.map(({ line, ...row }) => [Number(line), row]));
  return [
    ...(outcome.log.found.records === values.length ? [] : [`has ${values.length} records`]),
    ...whole.flatMap(({ row, line }) => {
      const own = byNumber.get(line);
      return same(own, expectedRow(row)) ? [] : [`record ${line} is whole, and became ${JSON.stringify(own)}`];
    }),
  ];
}

/** What another parser finds in a document; undefined where the two may differ. */
function valuesOf(bytes: Buffer): unknown[] | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value: unknown = /\\ud[89a-f]/i.test(text) ? undefined : JSON.parse(text);
    if (value === null || typeof value !== "object") return undefined;
    const twice = Object.keys(value).length < text.split(/"record \d+": *\{/).length - 1;
    return twice ? undefined : Object.values(value);
  } catch {
    return undefined;
  }
}

const array = `[${rows.map((row) => JSON.stringify(row)).join(",\n")}]`;
const keyed = `{${rows.map((row, i) => `"record ${i}": ${JSON.stringify(row)}`).join(",\n")}}`;
const byValue: Checked = {
  ending: ".json",
  fields: [asTheyStand, withExpression],
  check: (outcomes, bytes) => outcomes.flatMap((outcome) => lostValues(outcome, bytes)),
};
const byRecord = (ending: string, delimiter: string): Checked => ({
  ending,
  fields: [asTheyStand, withExpression],
  check: (outcomes, bytes) => outcomes.flatMap((outcome) => lostRecords(outcome, bytes, delimiter)),
});

describe("a damaged log is read without a loss, or refused:", () => {
  it.each<[string, string, Checked]>([
    ["JSON lines", jsonLines(rows), lineByLine],
    ["CSV", csvOf(rows, ","), byRecord(".csv", ",")],
    ["a JSON array", array, byValue],
    ["a JSON object by id", keyed, byValue],
  ])("%s, plain and gzipped", async (what, text, checked) => {
    const cases = damagedTexts(text, what);
    expect(cases.length).toBeGreaterThanOrEqual(200);
    expect(await faultsOfAll(cases, checked)).toEqual([]);
  });

  it("tab-separated values", async () => {
    const cases = damagedTexts(csvOf(rows, "\t"), "tab-separated values", []);
    expect(await faultsOfAll(cases, byRecord(".tsv", "\t"))).toEqual([]);
  });

  it.each<[string, string, Checked]>([
    ["JSON lines", jsonLines(rows), lineByLine],
    ["CSV", csvOf(rows, ","), byRecord(".csv", ",")],
    ["a JSON array", array, byValue],
  ])("a gzip stream of %s", async (what, text, checked) => {
    const gzipped = { ...checked, ending: `${checked.ending}.gz` };
    const cases = damagedGzip(text, what);
    expect(cases.length).toBeGreaterThanOrEqual(200);
    expect(await faultsOfAll(cases, gzipped)).toEqual([]);
  });

  it.each(["uncompressed", "zstd"])("Parquet, %s", async (compression) => {
    const whole = await parquetOf(rows, compression);
    const parts = await parquetColumns(whole);
    const boundaries = [4, footerOf(whole), whole.length - 8, whole.length - 4, ...parts.flatMap((own) => own.ends)];
    const cases = mutationsOf(whole, textStream(`${seed}: ${compression}`), { drawn: 180, boundaries });
    const fields = [typed.slice(0, 1), typed] as const;
    const check: Checked["check"] = (outcomes, bytes) =>
      outcomes.flatMap((outcome) => changedColumns(outcome, touchedParts(whole, bytes, parts)));
    expect(await faultsOfAll(cases, { ending: ".parquet", fields, check })).toEqual([]);
  });

  it.each(["file", "stream"] as const)("Arrow, as a %s", async (format) => {
    const whole = arrowOf(rows, format);
    const parts = arrowMessages(whole);
    const boundaries = [8, ...parts.flatMap((own) => own.ends), whole.length - 10, whole.length - 6];
    const cases = mutationsOf(whole, textStream(`${seed}: ${format}`), { drawn: 180, boundaries });
    const fields = [typed.slice(0, 1), typed] as const;
    const batches = parts.filter(({ name }) => name !== "schema");
    const check: Checked["check"] = (outcomes, bytes) =>
      outcomes.flatMap((outcome) => changedBatches(outcome, touchedParts(whole, bytes, batches)));
    expect(await faultsOfAll(cases, { ending: ".arrow", fields, check })).toEqual([]);
  });
});

describe("a line of 100 MB costs itself, and no other,", () => {
  const [before, after] = [rows.slice(0, 12), rows.slice(12)];
  const long = "x".repeat(100_000_000);
  const longLine = { session: long };

  it.each<[string, string, () => string, number]>([
    ["in JSON lines", "log.jsonl", () => `${jsonLines(before)}{"session":"${long}"}\n${jsonLines(after)}`, 13],
    ["in CSV", "log.csv", () => `${csvOf(before, ",")}${long}\n${csvOf(after, ",").replace(/.*\n/, "")}`, 17],
    ["as the last one of CSV", "log.csv", () => `${csvOf(rows, ",")}"${long}`, 35],
    ["as a record of a JSON array", "log.json", () => JSON.stringify([...before, longLine, ...after]), 13],
    ["in gzipped JSON lines", "log.jsonl.gz", () => `${jsonLines(before)}${long}\n${jsonLines(after)}`, 13],
  ])("%s", async (_, own, content, line) => {
    const text = content();
    const logs = { [own]: own.endsWith(".gz") ? gzipSync(text, { level: 1 }) : text };
    const { rows: kept, quarantine } = await importLog({ logs });
    expect(quarantine.map((one) => [one.line, one.reason, one.record || null])).toEqual([
      [line, "longer than 8 MB", null],
    ]);
    expect(kept.map(({ session }) => session)).toEqual(rows.map(({ session }) => session));
  });

  it("and is refused as a header of CSV and as a whole document", async () => {
    const headless = { "log.csv": `${long}\n${csvOf(rows, ",")}` };
    expect(await refusal(() => importLog({ logs: headless }))).toMatch(
      /log\.csv:1: the header is longer than 8 MB; check the file's line ends$/,
    );
    expect(await refusal(() => importLog({ logs: { "log.json": `"${long}"` } }))).toMatch(
      /log\.json: is JSON, but neither an array of records nor /,
    );
  });
});

describe("a value that nests 300,000 levels deep", () => {
  const good = rows.slice(0, 12);
  const objects = `${'{"a":'.repeat(300_000)}1${"}".repeat(300_000)}`;
  const arrays = "[".repeat(300_000) + "]".repeat(300_000);
  const deep = [objects, arrays].map(
    (value) => `{"session":"deep","at":"${good[0]?.at}","text":"t","n":1,"meta":${value}}`,
  );

  it("costs its record in JSON lines, whether or not an expression reads it", async () => {
    const logs = { "log.jsonl": `${jsonLines(good)}${deep.join("\n")}` };
    for (const fields of [asTheyStand, withExpression, typed]) {
      const { rows: kept, quarantine } = await importLog({ logs, at: "at", fields });
      expect(kept.map(({ session }) => session)).toEqual(good.map(({ session }) => session));
      expect(quarantine.map(({ line, reason }) => [line, reason])).toEqual([
        [13, "nested more than 200 levels deep"],
        [14, "nested more than 200 levels deep"],
      ]);
    }
  });

  it("costs its record in JSON documents, by index and by id", async () => {
    const values = [...good.map((row) => JSON.stringify(row)), ...deep];
    const documents = [`[${values.join(",")}]`, `{${values.map((value, i) => `"k${i}":${value}`).join(",")}}`];
    for (const document of documents) {
      const { found, quarantine } = await importLog({ logs: { "log.json": document }, at: "at", fields: typed });
      expect(found).toMatchObject({ records: 14, kept: 12, quarantined: 2 });
      expect(quarantine.map(({ line }) => line)).toEqual([13, 14]);
    }
  });

  it.each<[string, string]>([
    ["alone", objects],
    ["without its end", "[".repeat(300_000)],
    ["as an object's, without its end", '{"a":'.repeat(300_000)],
  ])("is refused %s as a document", async (_, document) => {
    expect(await refusal(() => importLog({ logs: { "log.json": document } }))).toMatch(/log\.json/);
  });

  it("is told from one of 200 levels, and from many brackets side by side or in a text", async () => {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    const metas = [nested(199), nested(200), `[${"[],".repeat(999)}[]]`, JSON.stringify(`\\"${"[{".repeat(999)}`)];
    const logs = { "log.jsonl": metas.map((meta, i) => `{"session":"${i}","meta":${meta}}\n`).join("") };
    for (const meta of ["meta", { sql: "meta" }]) {
      const { quarantine } = await importLog({ logs, fields: [field("meta", meta, "json")] });
      expect(quarantine.map(({ line }) => line)).toEqual([2]);
    }
  });
});

describe("a name", () => {
  it.each([
    ...['"', "'", '""', "😀", " ", "select", "constructor", "__proto__", "a.b", "$", "~1", "-- x"].map((own) => [
      own,
      own,
    ]),
    ["nothing at all", ""],
    ["a very long one", "x".repeat(100_000)],
  ] as [string, string][])("of a column may be anything: %s", async (_, own) => {
    const records = rows.map(({ session, n }) => ({ session, [own]: String(n) }));
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const logs: LogSpec["logs"][] = [{ "log.jsonl": jsonLines(records) }, { "log.json": JSON.stringify(records) }];
    if (own.trim() !== "")
      logs.push({
        "log.csv": `session,${quoted(own)}\n${rows.map(({ session, n }) => `${session},${n}\n`).join("")}`,
      });
    // SQL has no empty names
    const expressions = own === "" ? [] : [field("expression", { sql: quoted(own) }, "text")];
    for (const log of logs) {
      for (const some of [[field("plain", own, "text")], [field("plain", own, "text"), ...expressions]]) {
        const { rows: kept } = await importLog({ logs: log, fields: some });
        expect(kept.map((row) => some.map((one) => row[one.name]))).toEqual(
          rows.map(({ n }) => some.map(() => String(n))),
        );
      }
    }
  });

  it.each(["__line", "__File", "__record", "__broken", "__problem"])(
    "that foretaste gives to a column of its own is refused in a log: %s",
    async (own) => {
      const database = await openDatabase();
      const parquet = join(temporaryFolder(), "log.parquet");
      await database.run(sql`copy (select 's' as session, 'x' as ${raw(`"${own}"`)}) to ${parquet} (format parquet)`);
      const records = [{ session: "s", [own]: "x" }];
      const logs: LogSpec["logs"][] = [
        [parquet],
        { "log.csv": `session,${own}\ns,x\n` },
        { "log.json": JSON.stringify(records) },
      ];
      for (const log of logs) {
        expect(await refusal(() => importLog({ logs: log }))).toMatch(
          new RegExp(`log\\.\\w+: has a column ${own}, which is a name of foretaste's own; rename it`),
        );
      }
    },
  );

  it("of a Parquet file's column that is not UTF-8 is refused", async () => {
    const bytes = await parquetOf(rows);
    const footer = footerOf(bytes);
    for (let at = bytes.indexOf("text", footer); at >= 0; at = bytes.indexOf("text", at + 1))
      bytes.fill(0xff, at, at + 4);
    expect(await refusal(() => importLog({ logs: { "log.parquet": bytes } }))).toMatch(
      /log\.parquet: is not a readable Parquet file \(.*\); it may be cut off/,
    );
  });

  it.each(["a*", "b?", "c[12]", "d{1,2}", "[abc]", "**", "e'f", "g\nh", "~", "i%20j", "ü😀"])(
    "of a file is taken literally, and no other file is read: %s",
    async (own) => {
      const folder = temporaryFolder();
      const records = rows.map(({ session }) => ({ session: `${own} ${session}` }));
      const files = { [`${own}.jsonl`]: jsonLines(records), [`${own}.csv`]: "" };
      files[`${own}.csv`] = `session\n${records.map(({ session }) => `"${session}"\n`).join("")}`;
      const others = ["a1", "bb", "c1", "d1", "a", "x"].map((other) => `${other}.jsonl`);
      writeFiles(folder, Object.fromEntries(others.map((other) => [other, '{"session":"another"}\n'])));
      const database = await openDatabase();
      await database.run(sql`copy (select 'another' as session) to ${join(folder, "c1.parquet")} (format parquet)`);
      writeFileSync(join(folder, `${own}.parquet`), await parquetOf(rows));
      for (const file of writeFiles(folder, files)) {
        const { rows: kept } = await importLog({ logs: [file] });
        expect(kept.map(({ session }) => session)).toEqual(records.map(({ session }) => session));
      }
      const { rows: kept } = await importLog({ logs: [join(folder, `${own}.parquet`)] });
      expect(kept.map(({ session }) => session)).toEqual(rows.map(({ session }) => session));
    },
  );
});

describe("lines", () => {
  it("that end in CR alone are lines to every reader", async () => {
    const redactor: Redactor = { redact: (value) => value, text: (text) => text, counts: () => ({}) };
    const ended = (text: string) => text.replaceAll("\n", "\r");
    const plain = rows.filter(({ text }) => !text.includes("\n"));
    const sessions = plain.map(({ session }) => session);
    const logs = { "log.jsonl": ended(jsonLines(plain)) };
    for (const spec of [{ fields: asTheyStand }, { fields: withExpression }, { redactor }]) {
      const { rows: kept } = await importLog({ logs, ...spec });
      expect(kept.map(({ session, line }) => [session, line])).toEqual(sessions.map((session, i) => [session, i + 1]));
    }
    const { rows: kept } = await importLog({ logs: { "log.csv": ended(csvOf(plain, ",")) } });
    expect(kept.map(({ session }) => session)).toEqual(sessions);
  });

  it("of signs that look like nothing are bad ones to every reader, and those of blanks and tabs are none", async () => {
    const bytes = Buffer.from(`{"session":"s"}\n\u00a0\n\u2028\n\ufeff\n \t\n\n`);
    for (const more of [Buffer.alloc(0), Buffer.of(0xff)]) {
      const { quarantine } = await importLog({ logs: { "log.jsonl": Buffer.concat([bytes, more]) } });
      expect(quarantine.map(({ line }) => line)).toEqual([2, 3, 4, ...(more.length > 0 ? [7] : [])]);
    }
  });

  it("of which each closes a quote and opens another one take no time, however many columns there are", async () => {
    const columns = ["session", ...Array.from({ length: 2000 }, (_, i) => `c${i}`)];
    const good = `good${",".repeat(2000)}\n`;
    const logs = { "log.csv": `${columns.join(",")}\n"a\n${'b","c\n'.repeat(4000)}${good}` };
    const { found } = await importLog({ logs });
    expect(found).toMatchObject({ records: 4002, kept: 1 });
  }, 60_000);

  it("of a header that cannot be read are refused at their place", async () => {
    const header = async (text: string) => refusal(() => importLog({ logs: { "log.csv": text } }));
    expect(await header("session,,at,\na,b,c,d\n")).toMatch(/log\.csv:1: the header has two columns without a name; /);
    expect(await header(`session,"${"a,".repeat(3_000_000)}\na,b\n`)).toMatch(/:1: the header is not a CSV record; /);
  });

  it("that are all bad are refused at the first of them, in its file", async () => {
    const logs = { "a.csv": "session,n\n", "b.csv": "session,n\n\n1,2,3\n" };
    expect(await refusal(() => importLog({ logs }))).toMatch(/b\.csv:3: no record of the file can be read; /);
  });
});

describe("a JSON document", () => {
  it("in UTF-16 is refused with the way to convert it", async () => {
    for (const bytes of [Buffer.from(`\ufeff${array}`, "utf16le"), Buffer.from(`\ufeff${array}`, "utf16le").swap16()]) {
      expect(await refusal(() => importLog({ logs: { "log.json": bytes } }))).toMatch(
        /log\.json: is UTF-16, not UTF-8; convert it: iconv -f UTF-16 /,
      );
    }
  });

  it("loses a record with half of a character, and keeps NaN as a text, and a comma behind the last one", async () => {
    const odd = '{"session":"\\ud800"},{"session":"nan","n":NaN},{"session":"inf","n":[-Infinity,],"t":"NaN,}"},';
    const { rows: kept, quarantine } = await importLog({ logs: { "log.json": `[{"session":"a"},${odd}]` } });
    expect(quarantine.map(({ line, reason }) => [line, reason])).toEqual([[2, "not valid JSON"]]);
    expect(kept.map(({ session }) => session)).toEqual(["a", "nan", "inf"]);
  });

  it.each<[string, string]>([
    ["a missing comma", '[{"session":"a"}\n {"session":"b"}]'],
    ["a missing value", '[{"session":"a"},\n ,{"session":"b"}]'],
    ["a wrong bracket", '[{"session":"a"}\n }'],
    ["something behind it", '[{"session":"a"}]\n x'],
    ["a name without a value", '{"a":{"session":"a"},\n "b"}'],
    ["a name that is none", '{"a":{"session":"a"},\n b:{"session":"b"}}'],
    ["a record that is none", '[{"session":"a"},\n {"session":b}]'],
  ])("with %s is refused as a whole, with its line", async (_, text) => {
    expect(await refusal(() => importLog({ logs: { "log.json": text } }))).toMatch(
      /log\.json: is not valid JSON \(line 2, column 2\); it may be cut off/,
    );
  });

  it("of blanks is empty", async () => {
    expect(await refusal(() => importLog({ logs: { "log.json": " \n\t" } }))).toMatch(/log\.json: is empty; /);
  });
});

describe("Parquet", () => {
  it("with the footer of another file, or a row group that hides rows, is refused", async () => {
    const [whole, other] = [await parquetOf(rows), await parquetOf(rows.slice(0, 7).toReversed())];
    const swapped = Buffer.concat([other.subarray(0, footerOf(other)), whole.subarray(footerOf(whole))]);
    expect(await refusal(() => importLog({ logs: { "log.parquet": swapped } }))).toMatch(
      /log\.parquet: is not a readable /,
    );
    const hidden = [...whole.keys()].slice(footerOf(whole)).flatMap((at) => {
      const bytes = Buffer.from(whole);
      // 24 rows as Thrift writes them; 16 rows
      if (bytes[at] !== 48) return [];
      bytes[at] = 32;
      return [bytes];
    });
    const ends = [];
    for (const bytes of hidden) {
      const file = writeFiles(temporaryFolder(), { "log.parquet": bytes })[0] as string;
      const outcome = await outcomeOf(file, []);
      ends.push("refused" in outcome ? outcome.refused : outcome.log.found.records);
    }
    expect(ends.filter((end) => typeof end === "number" && end !== 24)).toEqual([]);
    expect(ends).toContainEqual(expect.stringMatching(/states 24 rows, and its row groups 16; copy or write /));
  });

  it("and Arrow are redacted, record by record", async () => {
    const redactor: Redactor = {
      redact: (value) => value,
      text: (text) => text.replaceAll("session", "*"),
      counts: () => ({}),
    };
    for (const logs of [{ "log.parquet": await parquetOf(rows) }, { "log.arrow": arrowOf(rows, "file") }]) {
      const { rows: kept } = await importLog({ logs, session: "*", fields: [field("meta", "meta", "json")], redactor });
      expect(kept.map(({ session, meta }) => [session, JSON.parse(meta as string)])).toEqual(
        rows.map(({ session, meta }) => [session.replace("session", "*"), meta]),
      );
    }
  });
});

describe("long records", () => {
  it("are loaded in the memory that a run has, from every text format", async () => {
    const folder = temporaryFolder();
    const records = Array.from({ length: 2500 }, (_, i) => ({
      session: `s${i}`,
      text: `${i} lorem ipsum `.repeat(2000),
    }));
    const csv = records.map(({ session, text }) => `${session},${text}\n`).join("");
    const logs = {
      "log.jsonl": jsonLines(records),
      "log.json": JSON.stringify(records),
      "log.csv": `session,text\n${csv}`,
    };
    for (const file of writeFiles(folder, logs)) {
      const database = await Database.open({ threads: 2, folders: [folder] });
      try {
        expect(await loadSource(database, [file], "log")).toMatchObject({
          records: 2500,
          columns: ["session", "text"],
        });
        const found = await database.rows(sql`
          select count(*) as n, min(__line) as "first", max(__line) as "last", count(__problem) as bad,
            count(distinct json_extract_string(__record, '/session')) as sessions
          from log`);
        const first = file.endsWith("csv") ? 2 : 1;
        expect(found).toEqual([{ n: 2500, first, last: first + 2499, bad: 0, sessions: 2500 }]);
      } finally {
        await database.close();
      }
    }
  });

  it("are refused from Parquet where they do not fit, with a way out", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "log.parquet");
    await (await openDatabase()).run(sql`
      copy (select 's' || range as session, repeat(md5(cast(range as varchar)), 8000) as "text" from range(2100))
      to ${file} (format parquet)`);
    const database = await openDatabase({ threads: 2, folders: [folder] });
    expect(await refusal(() => loadSource(database, [file], "log"))).toMatch(
      /log\.parquet: its records are too long for the memory there is \(.*\); write it as JSON lines, /,
    );
  });
});

/** A part of a binary file, from its first byte to behind its last one. */
interface Part {
  readonly name: string;
  readonly ends: readonly [number, number];
}

/** The parts that differ from the original; undefined when others do, too. */
function touchedParts(whole: Buffer, bytes: Buffer, parts: readonly Part[]): readonly string[] | undefined {
  if (bytes.length !== whole.length) return undefined;
  const touched = new Set<string>();
  for (const [i, byte] of bytes.entries()) {
    if (byte === whole[i]) continue;
    const part = parts.find(({ ends: [from, until] }) => i >= from && i < until);
    if (!part) return undefined;
    touched.add(part.name);
  }
  return [...touched];
}

/** No row of a columnar file is left out, and a column keeps its values when others are damaged. */
function changedColumns(outcome: Outcome, touched: readonly string[] | undefined): string[] {
  if ("refused" in outcome) return [];
  const { found, rows: kept } = outcome.log;
  const untouched = touched ? plainColumns.filter((column) => !touched.includes(column)) : [];
  const changed = kept.flatMap((row) => changesOf(row, rows[Number(row.line) - 1] as Row, untouched));
  return found.records === rows.length ? changed : [`has ${found.records} records`];
}

/** No row of a columnar file is left out, and a batch keeps its rows when others are damaged. */
function changedBatches(outcome: Outcome, touched: readonly string[] | undefined): string[] {
  if ("refused" in outcome) return [];
  const { found, rows: kept } = outcome.log;
  const byNumber = new Map(kept.map((row) => [Number(row.line), row]));
  const untouched = rows.flatMap((row, i) =>
    touched && !touched.includes(`batch ${i >> 3}`) ? [{ row, line: i + 1 }] : [],
  );
  const changed = untouched.flatMap(({ row, line }) => changesOf(byNumber.get(line) ?? {}, row, plainColumns));
  return found.records === rows.length ? changed : [`has ${found.records} records`];
}

const plainColumns = ["session", "user", "at", "text"] as const;

function changesOf(
  row: Readonly<Record<string, unknown>>,
  original: Row,
  columns: readonly (typeof plainColumns)[number][],
) {
  const expected = expectedRow(original);
  const changed = columns.filter((column) => row[column] !== expected[column]);
  return changed.map((column) => `${column} of ${original.session} became ${JSON.stringify(row[column])}`);
}

async function parquetOf(all: readonly Row[], compression = "snappy"): Promise<Buffer> {
  const [lines, file] = ["rows.jsonl", "rows.parquet"].map((own) => join(temporaryFolder(), own)) as [string, string];
  writeFileSync(lines, jsonLines(all));
  const database = await openDatabase();
  await database.run(sql`
    copy (select * replace (cast("at" as timestamptz) as "at") from read_json(${lines}))
    to ${file} (format parquet, compression ${raw(compression)})`);
  return readFileSync(file);
}

function footerOf(parquet: Buffer): number {
  return parquet.length - 8 - parquet.readUInt32LE(parquet.length - 8);
}

/** Where the pages of the columns lie. */
async function parquetColumns(bytes: Buffer): Promise<Part[]> {
  const [file] = writeFiles(temporaryFolder(), { "rows.parquet": bytes }) as [string];
  const database = await openDatabase();
  const found = await database.rows<{ column: string; from: number; until: number }>(sql`
    select path_in_schema as "column", coalesce(dictionary_page_offset, data_page_offset) as "from",
      coalesce(dictionary_page_offset, data_page_offset) + total_compressed_size as until
    from parquet_metadata(${file})`);
  return found.map(({ column, from, until }) => ({ name: column.split(",")[0] as string, ends: [from, until] }));
}

function arrowOf(all: readonly Row[], format: "file" | "stream"): Buffer {
  const text = new arrow.Utf8();
  const of = (own: string, type: arrow.DataType) => new arrow.Field(own, type, true);
  const meta = new arrow.Struct([of("model", text), of("tools", new arrow.List(of("item", text)))]);
  const tables = [0, 8, 16].map((from) => {
    const own = all.slice(from, from + 8);
    const column = (type: arrow.DataType, value: (row: Row) => unknown) => arrow.vectorFromArray(own.map(value), type);
    return new arrow.Table({
      session: column(text, (row) => row.session),
      user: column(text, (row) => row.user),
      at: column(new arrow.TimestampMillisecond("UTC"), (row) => Date.parse(row.at)),
      text: column(text, (row) => row.text),
      n: column(new arrow.Int32(), (row) => row.n),
      meta: column(meta, (row) => row.meta),
    });
  });
  const [first] = tables as [arrow.Table];
  const batches = tables.flatMap((table) => table.batches);
  return Buffer.from(arrow.tableToIPC(new arrow.Table(first.schema, batches), format));
}

/** The messages of a file or stream: its schema, and the batches with their bodies. */
function arrowMessages(bytes: Buffer): Part[] {
  const parts: Part[] = [];
  for (let at = bytes.subarray(0, 6).toString() === "ARROW1" ? 8 : 0; bytes.readInt32LE(at + 4) > 0; ) {
    const length = bytes.readInt32LE(at + 4);
    const message = arrow.Message.decode(bytes.subarray(at + 8, at + 8 + length));
    const until = at + 8 + length + message.bodyLength;
    const before = parts.filter(({ name }) => name !== "schema").length;
    parts.push({ name: message.isSchema() ? "schema" : `batch ${before}`, ends: [at, until] });
    at = until;
  }
  return parts;
}
