import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CsvReader, type CsvRecord, delimiterOf } from "../../io/csv.ts";
import { readLines } from "../../io/lines.ts";
import { temporaryFolder } from "../support/folders.ts";

const delimiters = [",", "\t", ";", "|"];

/** RFC 4180, section 2: fields with quotes, delimiters or line ends are quoted, quotes inside are doubled. */
function writeCsv(rows: readonly (readonly string[])[], delimiter: string, lineEnd: string): string {
  const field = (text: string, alone: boolean) =>
    /["\r\n]/.test(text) || text.includes(delimiter) || (alone && text === "")
      ? `"${text.replaceAll('"', '""')}"`
      : text;
  return rows.map((row) => row.map((text) => field(text, row.length === 1)).join(delimiter) + lineEnd).join("");
}

/** The records of bytes, as the importer reads them: from a file, line by line. */
async function recordsOf(folder: string, bytes: string | Uint8Array, delimiter: string, width: number) {
  const file = join(folder, "log.csv");
  writeFileSync(file, bytes);
  const reader = new CsvReader(delimiter, width);
  const records: CsvRecord[] = [];
  for await (const lines of readLines(file)) for (const line of lines) records.push(...reader.push(line));
  return [...records, ...reader.end()];
}

const fieldsOf = (records: readonly CsvRecord[]) => records.flatMap((r) => ("fields" in r ? [r.fields] : []));
const problemLines = (records: readonly CsvRecord[]) => records.flatMap((r) => ("problem" in r ? [r.line] : []));

const nasty = fc
  .array(fc.constantFrom("a", "B", "7", " ", '"', '""', ",", ";", "\t", "|", "\n", "\r", "\r\n", "é", "😀", "\u0000"))
  .map((parts) => parts.join(""));

const table = fc
  .integer({ min: 1, max: 5 })
  .chain((width) => fc.array(fc.array(nasty, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 12 }));

describe("a table that was written by RFC 4180", () => {
  it.each(delimiters)("is read back as it was, with %j between fields", async (delimiter) => {
    const folder = temporaryFolder();
    await fc.assert(
      fc.asyncProperty(table, fc.constantFrom("\n", "\r\n"), async (rows, lineEnd) => {
        const width = (rows[0] as string[]).length;
        const records = await recordsOf(folder, writeCsv(rows, delimiter, lineEnd), delimiter, width);
        // line ends inside a field become LF
        expect(fieldsOf(records)).toEqual(rows.map((row) => row.map((text) => text.replaceAll("\r\n", "\n"))));
        expect(records).toHaveLength(rows.length);
      }),
      { numRuns: 150 },
    );
  });

  it("needs no line end after its last record, and loses none to blank lines between records", async () => {
    const records = await recordsOf(temporaryFolder(), 'a,b\n\n\n"c\n\nd",e\n\nf,g', ",", 2);
    expect(fieldsOf(records)).toEqual([
      ["a", "b"],
      ["c\n\nd", "e"],
      ["f", "g"],
    ]);
    expect(records.map(({ line }) => line)).toEqual([1, 4, 8]);
  });

  it("may have a quote inside an unquoted field", async () => {
    const records = await recordsOf(temporaryFolder(), '1,5" disk\n2,a "b" c\n', ",", 2);
    expect(fieldsOf(records)).toEqual([
      ["1", '5" disk'],
      ["2", 'a "b" c'],
    ]);
  });
});

describe("a broken line", () => {
  /** Texts that never make a record of the broken lines below: what follows an opening quote is a letter. */
  const field = fc.tuple(
    fc.constantFrom("x", "y", "😀"),
    fc.array(fc.constantFrom("z", " ", '"', ",", "\n", "é")).map((parts) => parts.join("")),
  );
  const rows = fc.array(
    fc.array(
      field.map(([first, rest]) => first + rest),
      { minLength: 3, maxLength: 3 },
    ),
    { minLength: 1, maxLength: 10 },
  );
  const broken = fc.constantFrom(
    '"never closed,b,c',
    'a,"never closed,c',
    'a,b,"never closed',
    '"text"after a quote,b,c',
    "a,b",
    "a,b,c,d",
    "a",
    Buffer.from([0x61, 0x2c, 0xff, 0xfe, 0x2c, 0x63]),
  );

  it("costs exactly itself, wherever it stands and however many there are", async () => {
    const folder = temporaryFolder();
    const insertions = fc.array(fc.tuple(fc.nat(), broken), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(rows, insertions, async (good, bad) => {
        const pieces: { bytes: Buffer; broken: boolean }[] = good.map((row) => ({
          bytes: Buffer.from(writeCsv([row], ",", "\n")),
          broken: false,
        }));
        for (const [at, line] of bad) {
          const bytes = Buffer.concat([Buffer.from(line), Buffer.from("\n")]);
          pieces.splice(at % (pieces.length + 1), 0, { bytes, broken: true });
        }
        const records = await recordsOf(folder, Buffer.concat(pieces.map(({ bytes }) => bytes)), ",", 3);
        let line = 1;
        const lost: number[] = [];
        for (const piece of pieces) {
          if (piece.broken) lost.push(line);
          line += piece.bytes.filter((byte) => byte === 0x0a).length;
        }
        expect(fieldsOf(records)).toEqual(good);
        expect(problemLines(records)).toEqual(lost);
      }),
      { numRuns: 400 },
    );
  });

  it("with an opening quote costs itself in front of thousands of lines without any quote", async () => {
    const rest = Array.from({ length: 3500 }, (_, i) => [String(i), "b", "c"]);
    const records = await recordsOf(temporaryFolder(), `"open,b,c\n${writeCsv(rest, ",", "\n")}`, ",", 3);
    expect(problemLines(records)).toEqual([1]);
    expect(fieldsOf(records)).toEqual(rest);
  });

  it("is what opens a field of more than a thousand lines, and no more than these are held until it is known", () => {
    const field = (lines: number) => [`"${"x\n".repeat(lines - 1)}x",b`, "c,d"].join("\n").split("\n");
    const read = (lines: string[]) => {
      const reader = new CsvReader(",", 2);
      return lines.map((text, i) => reader.push({ number: i + 1, text }).length);
    };
    expect(read(field(1000)).filter((n) => n > 0)).toEqual([1, 1]);
    expect(read(field(1001)).findIndex((n) => n > 0)).toBe(999);
  });

  it("says what is wrong with it, and keeps its text", async () => {
    const text = '"open,b\na,b,c\n"x"y,b\n';
    const records = await recordsOf(temporaryFolder(), Buffer.concat([Buffer.from(text), Buffer.from([0xff])]), ",", 2);
    expect(records).toEqual([
      { line: 1, problem: "text follows a closing quote", text: '"open,b' },
      { line: 2, problem: "3 fields, the header has 2", text: "a,b,c" },
      { line: 3, problem: "text follows a closing quote", text: '"x"y,b' },
      { line: 4, problem: "not UTF-8", text: "" },
    ]);
    expect(await recordsOf(temporaryFolder(), 'a,b\nc,"d\n', ",", 2)).toMatchObject([
      { line: 1 },
      { line: 2, problem: "a quote is opened and not closed", text: 'c,"d' },
    ]);
  });
});

describe("any lines at all", () => {
  const line = fc.array(fc.constantFrom("a", '"', '""', ",", '",', ',"', " ")).map((parts) => parts.join(""));

  it("end up in exactly one record or problem each, in order, save blank ones between records", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 15 }), fc.integer({ min: 1, max: 3 }), (lines, width) => {
        const reader = new CsvReader(",", width);
        const records = lines.flatMap((text, i) => reader.push({ number: i + 1, text }));
        records.push(...reader.end());
        const covered = records.flatMap((record) => {
          const more = "fields" in record ? record.fields.join("").split("\n").length - 1 : 0;
          return Array.from({ length: more + 1 }, (_, i) => record.line + i);
        });
        const blank = lines.flatMap((text, i) => (text === "" && !covered.includes(i + 1) ? [i + 1] : []));
        expect(covered).toEqual([...new Set(covered)].sort((a, b) => a - b));
        expect([...covered, ...blank].sort((a, b) => a - b)).toEqual(lines.map((_, i) => i + 1));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the delimiter", () => {
  it.each(delimiters)("%j is found where it is the most frequent one", (delimiter) => {
    expect(delimiterOf(["session", "at", "request"].join(delimiter))).toBe(delimiter);
  });

  it("is not counted inside quotes, and is a comma where there is one column", () => {
    expect(delimiterOf('"a,b,""c,d";x')).toBe(";");
    expect(delimiterOf("session")).toBe(",");
  });
});
