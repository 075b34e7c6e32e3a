import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { raw, sql } from "../../../io/sql.ts";
import { openDatabase } from "../../support/database.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { field, importLog, jsonLines, type LogSpec, writeFiles } from "../../support/import-log.ts";
import { refusal } from "../../support/refusal.ts";

type Row = Readonly<Record<string, string | number | boolean | null>>;

/** The same records in every format that is read. */
const formats: Readonly<Record<string, (rows: readonly Row[], folder: string) => Promise<string[]>>> = {
  "JSON lines": async (rows, folder) => writeFiles(folder, { "log.jsonl": jsonLines(rows) }),
  "gzipped JSON lines": async (rows, folder) => writeFiles(folder, { "log.ndjson.gz": gzipSync(jsonLines(rows)) }),
  "gzip under a plain name": async (rows, folder) => writeFiles(folder, { "log.jsonl": gzipSync(jsonLines(rows)) }),
  CSV: async (rows, folder) => writeFiles(folder, { "log.csv": csv(rows, ",") }),
  "CSV of Windows": async (rows, folder) =>
    writeFiles(folder, { "log.csv": `\ufeff${csv(rows, ";").replaceAll("\n", "\r\n")}` }),
  "gzipped CSV": async (rows, folder) => writeFiles(folder, { "log.csv.gz": gzipSync(csv(rows, ",")) }),
  "tab-separated values": async (rows, folder) => writeFiles(folder, { "log.tsv": csv(rows, "\t") }),
  "a JSON array": async (rows, folder) => writeFiles(folder, { "log.json": JSON.stringify(rows, null, 2) }),
  "a gzipped JSON array": async (rows, folder) => writeFiles(folder, { "log.json.gz": gzipSync(JSON.stringify(rows)) }),
  "a JSON object by id": async (rows, folder) =>
    writeFiles(folder, { "log.json": JSON.stringify(Object.fromEntries(rows.map((row, i) => [`record ${i}`, row]))) }),
  "JSON lines that are called .json": async (rows, folder) => writeFiles(folder, { "log.json": jsonLines(rows) }),
  "two files": async (rows, folder) =>
    writeFiles(folder, { "a.jsonl": jsonLines(rows.slice(0, 2)), "b.jsonl.gz": gzipSync(jsonLines(rows.slice(2))) }),
  Parquet: async (rows, folder) => [await parquet(rows, join(folder, "log.parquet"))],
};

function csv(rows: readonly Row[], delimiter: string): string {
  const columns = Object.keys(rows[0] as Row);
  const quoted = (value: unknown) => (value === null ? "" : `"${String(value).replaceAll('"', '""')}"`);
  const line = (values: readonly unknown[]) => `${values.map(quoted).join(delimiter)}\n`;
  return line(columns) + rows.map((row) => line(columns.map((column) => row[column]))).join("");
}

async function parquet(rows: readonly Row[], file: string): Promise<string> {
  const database = await openDatabase();
  const lines = `${file}.jsonl`;
  writeFileSync(lines, jsonLines(rows));
  const types = Object.entries(rows[0] as Row).map(([column, value]) => {
    const type = { string: "varchar", number: "bigint", boolean: "boolean" }[typeof value as string] ?? "varchar";
    return `'${column.replaceAll("'", "''")}': '${type}'`;
  });
  await database.run(sql`
    copy (select * from read_json(${lines}, columns = ${raw(`{${types.join(", ")}}`)})) to ${file} (format parquet)`);
  return file;
}

const rows: readonly Row[] = [
  { session: "007", user: "00042", at: "2026-01-05T00:00:00.000Z", body: 'say "hi",\nthen; wait\t|', n: 1, flag: true },
  { session: "9007199254740993", user: null, at: "2026-01-05T00:00:01.500Z", body: "😀 é", n: 2, flag: false },
  { session: "a b", user: "18446744073709551617", at: "2026-01-05T00:00:02.000Z", body: "null", n: -3, flag: null },
  { session: "007", user: "00042", at: "2026-01-06T00:00:00.000Z", body: "{}", n: 0, flag: true },
].map((row) => ({ ...row, select: "1", "a b": "2", 'q"q': "3", "😀": "4", ["__proto__"]: "5", "~/0": "6" }));

const odd = ["select", "a b", 'q"q', "😀", "__proto__", "~/0"];

async function importRows(format: keyof typeof formats, spec: Partial<LogSpec> = {}) {
  const logs = await (formats[format] as (typeof formats)[string])(rows, temporaryFolder());
  return importLog({ logs, user: "user", at: "at", ...spec });
}

describe("the same records", () => {
  it.each(Object.keys(formats))("make the same table from %s", async (format) => {
    const { rows: found, found: counts } = await importRows(format, {
      fields: [
        field("body", "body", "json"),
        field("n", { sql: "n + 1" }),
        field("flag"),
        ...odd.map((column, i) => field(`text ${i}`, column, "text")),
        field("sum", { sql: odd.map((column) => `cast("${column.replaceAll('"', '""')}" as integer)`).join(" + ") }),
      ],
    });
    const kept = found.map(({ line: _, ...row }) => row);
    expect(kept).toEqual(
      rows.map(({ session, user, at, body, n, flag }) => ({
        session,
        user,
        at: `${String(at).slice(0, -1)}000`,
        body: JSON.stringify(body),
        n: (n as number) + 1,
        flag,
        "text 0": "1",
        "text 1": "2",
        "text 2": "3",
        "text 3": "4",
        "text 4": "5",
        "text 5": "6",
        sum: 21,
      })),
    );
    expect(counts).toMatchObject({ records: 4, kept: 4, excluded: 0, quarantined: 0, reasons: [] });
  });

  it("keep numbers as they are written where they are identifiers", async () => {
    const { rows: found } = await importLog({
      logs: { "log.jsonl": '{"session": 9007199254740993}\n{"session": 18446744073709551617}\n{"session": 7}\n' },
    });
    expect(found.map(({ session }) => session)).toEqual(["9007199254740993", "18446744073709551617", "7"]);
  });

  it("keep their requests as JSON: numbers, nested values and nulls inside, and NULL for a missing one", async () => {
    const requests = [{ turns: [{ n: 1.5, text: null }], on: true }, "text", 7, null, []];
    const logs = { "log.jsonl": jsonLines(requests.map((request, i) => ({ session: i, request }))) };
    const { rows: found } = await importLog({ logs, fields: [field("request", "request", "json")] });
    expect(found.map(({ request }) => (request === null ? null : JSON.parse(request as string)))).toEqual(requests);
  });
});

describe("a JSON object by id", () => {
  it("gives its ids as the column key, unless the records have one", async () => {
    const logs = { "log.json": '{"k1": {"a": 1, "b": null}, "k2": {"a": 2, "key": "own"}}' };
    const { rows: found } = await importLog({ logs, session: "key", fields: [field("a")] });
    expect(found).toMatchObject([
      { session: "k1", a: 1 },
      { session: "own", a: 2 },
    ]);
  });
});

describe("Parquet", () => {
  it("has the columns of its folders (hive partitions), and columns called filename", async () => {
    const folder = temporaryFolder();
    const database = await openDatabase();
    await database.run(sql`
      copy (select 's' || range as session, 'f' || range as filename, range % 2 as day from range(4))
      to ${join(folder, "log")} (format parquet, partition_by (day))`);
    const files = [0, 1].map((day) => join(folder, "log", `day=${day}`, "data_0.parquet"));
    const { rows: found } = await importLog({
      logs: files,
      fields: [field("day", "day", "text"), field("filename", "filename", "text")],
    });
    expect(found.map(({ session, day, filename }) => `${session} ${day} ${filename}`).sort()).toEqual([
      "s0 0 f0",
      "s1 1 f1",
      "s2 0 f2",
      "s3 1 f3",
    ]);
  });

  it("keeps its own types, and gives nested values and timestamps with a zone as they are", async () => {
    const file = join(temporaryFolder(), "log.parquet");
    const database = await openDatabase();
    await database.run(sql`
      copy (select 12345678901234567890::hugeint as session, timestamptz '2026-01-05 02:00:00+02' as "at",
        {'x': [1, 2]} as nested, 1.25::decimal(10, 2) as price) to ${file} (format parquet)`);
    const { rows: found, found: counts } = await importLog({
      logs: [file],
      at: "at",
      fields: [field("nested", "nested", "json"), field("price", { sql: "cast(price as double)" })],
    });
    expect(found).toMatchObject([{ at: "2026-01-05T00:00:00.000000", nested: '{"x":[1,2]}', price: 1.25 }]);
    expect(counts.notes).toEqual([]);
  });
});

describe("several files", () => {
  it("are one log in their order, and each names its own bad lines", async () => {
    const { rows: found, quarantine } = await importLog({
      logs: {
        "b.jsonl": '{"session": "b1"}\nbroken\n{"session": "b3"}\n',
        "a.jsonl": '\n{"session": "a2", "extra": 1}\n{"session": "a3"\n',
      },
    });
    expect(found.map(({ session, line }) => [session, line])).toEqual([
      ["b1", 1],
      ["b3", 3],
      ["a2", 2],
    ]);
    expect(quarantine.map(({ file, line, reason }) => `${file.split("/").at(-1)}:${line} ${reason}`)).toEqual([
      "a.jsonl:3 not valid JSON",
      "b.jsonl:2 not valid JSON",
    ]);
  });

  it("may be CSV files with different columns in a different order, and with different delimiters", async () => {
    const { rows: found } = await importLog({
      logs: { "a.csv": "session,n\ns1,1\n", "b.csv": "m;n;session\n9;2;s2\n" },
      fields: [field("n"), field("m")],
    });
    expect(found.map(({ session, n, m }) => ({ session, n, m }))).toEqual([
      { session: "s1", n: 1, m: null },
      { session: "s2", n: 2, m: 9 },
    ]);
  });

  it("must be of one format", async () => {
    const logs = { "a.jsonl": '{"session": "s"}\n', "b.csv": "session\ns\n" };
    expect(await refusal(() => importLog({ logs }))).toMatch(/b\.csv: is csv, but .*a\.jsonl is jsonl; /);
  });
});

describe("a log that cannot be read is refused:", () => {
  it.each<[string, Record<string, string | Uint8Array>, RegExp]>([
    ["an empty file", { "log.jsonl": "" }, /log\.jsonl: is empty; /],
    ["blank lines only", { "log.jsonl": "\n \n" }, /log\.jsonl: is empty; /],
    ["a header only", { "log.csv": "session,at\n" }, /log\.csv: is empty; /],
    ["an empty array", { "log.json": "[]" }, /log\.json: is empty; /],
    ["an unknown format", { "log.xml": "<a/>" }, /log\.xml: has an unknown format; give a \.jsonl, /],
    [
      "prose",
      { "log.jsonl": "Dear all,\nthis is no log\n" },
      /log\.jsonl:1: no record of the file can be read; the first is not valid JSON; /,
    ],
    ["JSON of numbers", { "log.jsonl": "1\n2\n" }, /log\.jsonl:1: .* not a JSON object; /],
    [
      "a JSON document of something else",
      { "log.json": '{"session": "a", "n": 1}' },
      /log\.json: is JSON, but neither an array of records nor /,
    ],
    [
      "a JSON array that is cut off",
      { "log.json": '[{"session": 1},\n {"session": 2},\n {"ses' },
      /log\.json: is not valid JSON \(line 3, column 7\); /,
    ],
    [
      "Latin-1",
      { "log.jsonl": Buffer.from('{"session": "caf\u00e9"}\n', "latin1") },
      /log\.jsonl:1: .* not UTF-8; convert it: iconv -f LATIN1 -t UTF-8 .*log\.jsonl$/,
    ],
    [
      "Latin-1 in a JSON array",
      { "log.json": Buffer.from('["\u00e9"]', "latin1") },
      /log\.json: is not UTF-8; convert it: iconv /,
    ],
    [
      "Latin-1 in a header",
      { "log.csv": Buffer.from("caf\u00e9,b\n1,2\n", "latin1") },
      /log\.csv:1: is not UTF-8; convert it: iconv /,
    ],
    ["a header that is no record", { "log.csv": 'session,"at\n1,2\n' }, /log\.csv:1: the header is not a CSV record; /],
    [
      "a header with a column twice",
      { "log.csv": "session, at,at\n1,2,3\n" },
      /log\.csv:1: the header has two columns called at; /,
    ],
    [
      "text in the place of Parquet",
      { "log.parquet": "not Parquet at all" },
      /log\.parquet: is not a readable Parquet file \(.+\); it may be cut off/,
    ],
  ])("%s", async (_, logs, message) => {
    expect(await refusal(() => importLog({ logs }))).toMatch(message);
  });

  it("Parquet that is cut off anywhere", async () => {
    const folder = temporaryFolder();
    const whole = readFileSync(await parquet(rows, join(folder, "whole.parquet")));
    for (const length of [1, 4, 100, whole.length >> 1, whole.length - 1]) {
      const logs = { "log.parquet": whole.subarray(0, length) };
      expect(await refusal(() => importLog({ logs }))).toMatch(/log\.parquet: is not a readable Parquet file \(.+\); /);
    }
  });

  it("Parquet without rows", async () => {
    const file = join(temporaryFolder(), "log.parquet");
    await (await openDatabase()).run(sql`copy (select 1 as session where false) to ${file} (format parquet)`);
    expect(await refusal(() => importLog({ logs: [file] }))).toMatch(/log\.parquet: has no rows; /);
  });

  it("a file that is not there, and a folder", async () => {
    const folder = temporaryFolder();
    expect(await refusal(() => importLog({ logs: [join(folder, "a.jsonl")] }))).toMatch(/a\.jsonl: no such file; /);
    mkdirSync(join(folder, "b.jsonl"));
    expect(await refusal(() => importLog({ logs: [join(folder, "b.jsonl")] }))).toMatch(/b\.jsonl: is a folder; /);
  });
});

describe("a column that is not in the log", () => {
  it.each(["JSON lines", "CSV", "Parquet"])("is refused at its place in %s, with the nearest name", async (format) => {
    expect(await refusal(() => importRows(format, { session: "sesion" }))).toMatch(
      /^foretaste\.yaml:session: column sesion is not in .*log\.\w+; did you mean session\?$/,
    );
    expect(await refusal(() => importRows(format, { fields: [field("x", { sql: "bdy || 'x'" })] }))).toMatch(
      /^foretaste\.yaml:x: column bdy is not in .*; did you mean body\?$/,
    );
    expect(await refusal(() => importRows(format, { where: "flags" }))).toMatch(
      /^foretaste\.yaml:where: .*mean flag\?$/,
    );
    expect(await refusal(() => importRows(format, { user: "nothing like it" }))).toMatch(
      /^foretaste\.yaml:user: .*; known are .*session/,
    );
  });

  it("is refused when SQL cannot tell it from another one that is read", async () => {
    const logs = { "log.jsonl": '{"session": "s", "n": 1, "N": 100}\n' };
    expect(await refusal(() => importLog({ logs, fields: [field("x", { sql: 'n + "N"' })] }))).toMatch(
      /columns n and N differ only in case; /,
    );
    expect((await importLog({ logs, fields: [field("x", "N")] })).rows).toMatchObject([{ x: 100 }]);
  });
});

describe("the table of records", () => {
  it("does not depend on the number of threads", async () => {
    const records = Array.from({ length: 5000 }, (_, i) => ({
      session: `s${i % 700}`,
      n: i,
      at: 1767571200 + (i % 50),
    }));
    const logs = writeFiles(temporaryFolder(), { "log.jsonl": jsonLines(records) });
    const fields = [field("n")];
    const [one, four] = [
      await importLog({ logs, at: "at", fields }),
      await importLog({ logs, at: "at", fields, threads: 4 }),
    ];
    expect(four).toEqual(one);
    expect(one.rows.map(({ n }) => n)).toEqual(records.map(({ n }) => n));
  });
});
