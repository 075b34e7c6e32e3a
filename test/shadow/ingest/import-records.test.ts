import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../support/folders.ts";
import { field, importLog, jsonLines, writeFiles } from "../../support/import-log.ts";
import { refusal } from "../../support/refusal.ts";

const minute = 60_000;

/** How people write an instant of whole milliseconds. */
const writings: Readonly<Record<string, (ms: number) => string | number>> = {
  "ISO, UTC": (ms) => iso(ms),
  "ISO without a zone": (ms) => iso(ms).slice(0, -1),
  "ISO with a space": (ms) => iso(ms).slice(0, -1).replace("T", " "),
  "ISO with an offset east": (ms) => `${iso(ms + 330 * minute).slice(0, -1)}+05:30`,
  "ISO with an offset west": (ms) => `${iso(ms - 480 * minute).slice(0, -1)}-08:00`,
  "ISO with a short offset": (ms) => `${iso(ms + 120 * minute).slice(0, -1)}+02`,
  "ISO with 6-digit fractions": (ms) => `${iso(ms).slice(0, -1)}000Z`,
  "ISO with 7-digit fractions": (ms) => `${iso(ms).slice(0, -1)}0000Z`,
  "ISO with 7-digit fractions without a zone": (ms) => `${iso(ms).slice(0, -1)}0000`,
  "ISO with 9-digit fractions": (ms) => `${iso(ms).slice(0, -1)}000000+00:00`,
  "epoch seconds": (ms) => ms / 1000,
  "epoch milliseconds": (ms) => ms,
  "epoch microseconds": (ms) => ms * 1000,
  "epoch seconds as text": (ms) => String(ms / 1000),
  "epoch milliseconds as text": (ms) => String(ms),
  "epoch microseconds as text": (ms) => String(ms * 1000),
  "epoch nanoseconds as text": (ms) => `${ms}000000`,
};

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

describe("an instant", () => {
  const instants = fc.array(fc.integer({ min: Date.UTC(1975, 0, 1), max: Date.UTC(2040, 0, 1) }), {
    minLength: 1,
    maxLength: 20,
  });

  it.each(Object.entries(writings))("is the same from JSON and CSV however it is written: %s", async (_, write) => {
    const folder = temporaryFolder();
    await fc.assert(
      fc.asyncProperty(instants, fc.boolean(), async (times, asCsv) => {
        const records = times.map((ms, i) => ({ session: i, when: write(ms) }));
        const text = asCsv
          ? `session,when\n${records.map((r) => `${r.session},${r.when}\n`).join("")}`
          : jsonLines(records);
        const logs = writeFiles(folder, { [asCsv ? "log.csv" : "log.jsonl"]: text });
        const { rows, quarantine } = await importLog({ logs, at: "when" });
        expect(quarantine).toEqual([]);
        expect(rows.map(({ at }) => at)).toEqual(times.map((ms) => `${iso(ms).slice(0, -1)}000`));
      }),
      { numRuns: 3 },
    );
  });

  it("keeps microseconds, and is read as UTC out loud when it has no zone", async () => {
    const notes = async (...times: (string | number)[]) => {
      const records = times.map((at, i) => ({ session: i, at }));
      const { rows, found } = await importLog({ logs: { "log.jsonl": jsonLines(records) }, at: "at" });
      return { at: rows.map((row) => row.at), notes: found.notes };
    };
    expect(await notes("2026-01-05T00:00:01.123456Z")).toEqual({ at: ["2026-01-05T00:00:01.123456"], notes: [] });
    expect(await notes("2026-01-05T00:00:01.1234567")).toEqual({
      at: ["2026-01-05T00:00:01.123456"],
      notes: ["times without a zone are read as UTC"],
    });
    expect(await notes("2026-01-05T01:00:00+01:00", "2026-01-05 00:00:00")).toEqual({
      at: ["2026-01-05T00:00:00.000000", "2026-01-05T00:00:00.000000"],
      notes: ["times without a zone are read as UTC"],
    });
    expect(await notes("2026-01-05")).toEqual({
      at: ["2026-01-05T00:00:00.000000"],
      notes: ["times without a zone are read as UTC"],
    });
    expect(await notes(1767571200.25)).toEqual({
      at: ["2026-01-05T00:00:00.250000"],
      notes: ["times are read as epoch seconds"],
    });
  });

  it("that is none, or missing, costs its record", async () => {
    const times = ["2026-01-05T00:00:00Z", "yesterday", null, "2026-02-30T00:00:00Z", "2026-01-05T25:00:00Z", true, ""];
    const logs = { "log.jsonl": jsonLines(times.map((at, i) => ({ session: i, at }))) };
    const { quarantine, found } = await importLog({ logs, at: "at" });
    expect(quarantine.map(({ line, reason }) => [line, reason])).toEqual([
      [2, "not a time: yesterday"],
      [3, "the time is missing"],
      [4, "not a time: 2026-02-30T00:00:00Z"],
      [5, "not a time: 2026-01-05T25:00:00Z"],
      [6, "not a time: true"],
      [7, "not a time: "],
    ]);
    expect(found.reasons).toEqual([
      { reason: "not a time", count: 5 },
      { reason: "the time is missing", count: 1 },
    ]);
  });
});

/** Ways to spoil one line of a log, and the reason that is then given. */
const spoilings = fc.oneof(
  fc.record({ kind: fc.constant("truncate" as const), share: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
  fc.record({ kind: fc.constant("type" as const), value: fc.constantFrom<unknown>("many", true, [1], { a: 1 }) }),
  fc.record({ kind: fc.constant("time" as const), value: fc.constantFrom<unknown>("soon", null, false, { a: 1 }) }),
  fc.record({ kind: fc.constant("session" as const) }),
  fc.record({
    kind: fc.constant("garbage" as const),
    at: fc.nat(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  }),
  fc.record({ kind: fc.constant("array" as const) }),
);

type Spoiling = typeof spoilings extends fc.Arbitrary<infer T> ? T : never;

const reasons: Readonly<Record<Spoiling["kind"], RegExp>> = {
  truncate: /^not valid JSON$/,
  type: /^column n: expected a number, found /,
  time: /^not a time: |^the time is missing$/,
  session: /^the session is missing$/,
  garbage: /^not UTF-8$/,
  array: /^not a JSON object$/,
};

function spoil(record: { session: string; at: string; n: number }, spoiling: Spoiling): Buffer {
  const line = JSON.stringify(record);
  switch (spoiling.kind) {
    case "truncate":
      return Buffer.from(line.slice(0, 1 + Math.floor(spoiling.share * (line.length - 1))));
    case "type":
      return Buffer.from(JSON.stringify({ ...record, n: spoiling.value }));
    case "time":
      return Buffer.from(JSON.stringify({ ...record, at: spoiling.value }));
    case "session":
      return Buffer.from(JSON.stringify({ ...record, session: null }));
    case "garbage": {
      const at = spoiling.at % line.length;
      const bytes = Buffer.from(spoiling.bytes.map((byte) => (byte === 0x0a || byte === 0x0d ? 0xff : byte)));
      return Buffer.concat([Buffer.from(line.slice(0, at)), Buffer.from([0xff]), bytes, Buffer.from(line.slice(at))]);
    }
    case "array":
      return Buffer.from(JSON.stringify([record]));
  }
}

describe("a log of which some lines are spoilt", () => {
  const records = Array.from({ length: 60 }, (_, i) => ({
    session: `session ${i % 7}`,
    at: iso(Date.UTC(2026, 0, 5) + i * minute),
    n: i,
  }));

  it("loses exactly these lines, each with its reason, and keeps all the others", async () => {
    const folder = temporaryFolder();
    const spoilt = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 59 }), spoilings), {
      selector: ([line]) => line,
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(spoilt, async (lines) => {
        const bad = new Map(lines);
        const bytes = records.map((record, i) => {
          const spoiling = bad.get(i);
          return Buffer.concat([
            spoiling ? spoil(record, spoiling) : Buffer.from(JSON.stringify(record)),
            Buffer.from("\n"),
          ]);
        });
        const logs = writeFiles(folder, { "log.jsonl": Buffer.concat(bytes) });
        const { rows, quarantine, found } = await importLog({ logs, at: "at", fields: [field("n")] });
        const expected = [...bad].sort(([a], [b]) => a - b);
        expect(quarantine.map(({ line }) => line)).toEqual(expected.map(([line]) => line + 1));
        for (const [i, [, { kind }]] of expected.entries()) expect(quarantine[i]?.reason).toMatch(reasons[kind]);
        expect(rows.map(({ n }) => n)).toEqual(records.flatMap(({ n }, i) => (bad.has(i) ? [] : [n])));
        expect(found).toMatchObject({ records: 60, kept: 60 - bad.size, excluded: 0, quarantined: bad.size });
        expect(found.reasons.reduce((sum, { count }) => sum + count, 0)).toBe(bad.size);
      }),
      { numRuns: 25 },
    );
  });

  it("loses exactly these lines of CSV, too", async () => {
    const folder = temporaryFolder();
    const bad = fc.constantFrom(
      "session 1,2026-01-05T00:00:00Z",
      "session 1,2026-01-05T00:00:00Z,1,1",
      '"session 1,2026-01-05T00:00:00Z,1',
      "session 1,2026-01-05T00:00:00Z,many",
      "session 1,soon,1",
      ",2026-01-05T00:00:00Z,1",
      Buffer.from([0x61, 0xff, 0x2c, 0x2c]),
    );
    const insertions = fc.array(fc.tuple(fc.nat(), bad), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(insertions, async (spoilt) => {
        const lines = records.map(({ session, at, n }) => ({
          bytes: Buffer.from(`${session},${at},${n}`),
          good: true,
        }));
        for (const [at, line] of spoilt)
          lines.splice(at % (lines.length + 1), 0, { bytes: Buffer.from(line), good: false });
        const end = Buffer.from("\n");
        const bytes = [Buffer.from("session,at,n\n"), ...lines.flatMap((line) => [line.bytes, end])];
        const logs = writeFiles(folder, { "log.csv": Buffer.concat(bytes) });
        const { rows, quarantine, found } = await importLog({ logs, at: "at", fields: [field("n")] });
        expect(quarantine.map(({ line }) => line)).toEqual(lines.flatMap(({ good }, i) => (good ? [] : [i + 2])));
        expect(rows.map(({ n }) => n)).toEqual(records.map(({ n }) => n));
        expect(found).toMatchObject({ records: lines.length, kept: 60, quarantined: spoilt.length });
      }),
      { numRuns: 15 },
    );
  });

  it("keeps the text of each in quarantine", async () => {
    const { quarantine } = await importLog({
      logs: { "log.jsonl": '{"session": "a"}\n{"session":\n[1]\n{"session": null, "b": 1}\n' },
    });
    expect(quarantine.map(({ record }) => record)).toEqual(['{"session":', "[1]", '{"session": null, "b": 1}']);
  });
});

describe("the records of an import", () => {
  it("are kept, left out by where, or quarantined: the three add up", async () => {
    const values = fc.constantFrom<unknown>(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, null, "x");
    await fc.assert(
      fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 50 }), async (ns) => {
        const records = [{ session: "first", n: 9 }, ...ns.map((n, i) => ({ session: i % 5 === 4 ? null : i, n }))];
        const logs = { "log.jsonl": `${jsonLines(records)}broken\n\n` };
        const { found, rows, quarantine } = await importLog({ logs, where: "try_cast(n as integer) > 4" });
        expect(found.records).toBe(records.length + 1);
        expect(found.kept + found.excluded + found.quarantined).toBe(found.records);
        expect([rows.length, quarantine.length]).toEqual([found.kept, found.quarantined]);
      }),
      { numRuns: 12 },
    );
  });

  it("are left out where the condition is false or unknown", async () => {
    const logs = { "log.jsonl": jsonLines([5, null, 1].map((n, i) => ({ session: i, n }))) };
    const { rows, found } = await importLog({ logs, where: "n > 3" });
    expect(rows.map(({ session }) => session)).toEqual(["0"]);
    expect(found).toMatchObject({ kept: 1, excluded: 2, quarantined: 0 });
  });
});

describe("an import is refused", () => {
  const lines = (bad: number, of: number) =>
    Array.from({ length: of }, (_, i) => (i < bad ? "{broken\n" : `{"session": ${i}}\n`)).join("");

  it("above the limit of bad records, with file, line, reason, counts and way out", async () => {
    const logs = { "log.jsonl": `\n${lines(3, 200)}` };
    expect(await refusal(() => importLog({ logs, quarantineLimit: 0.01 }))).toMatch(
      /log\.jsonl:2: not valid JSON; 3 of 200 records \(1\.5%\) cannot be used, more than the accepted 1%; see quarantine\.parquet .* or raise traffic\.quarantineLimit$/,
    );
  });

  it("not at the limit", async () => {
    const logs = { "log.jsonl": lines(2, 200) };
    expect((await importLog({ logs, quarantineLimit: 0.01 })).found).toMatchObject({ kept: 198, quarantined: 2 });
  });

  it("with a way to convert the file where the bytes are the trouble", async () => {
    const logs = { "log.jsonl": Buffer.from(`{"session": "caf\u00e9"}\n${lines(0, 9)}`, "latin1") };
    expect(await refusal(() => importLog({ logs, quarantineLimit: 0.01 }))).toMatch(
      /log\.jsonl:1: not UTF-8; 1 of 10 records \(10%\) .*; convert the file: iconv -f LATIN1 -t UTF-8 .*log\.jsonl$/,
    );
  });

  it("when no record is left", async () => {
    const logs = { "log.jsonl": lines(0, 4) };
    expect(await refusal(() => importLog({ logs, where: "session > 10" }))).toMatch(
      /log\.jsonl: no usable record among 4 \(4 left out by where\); check the file and where$/,
    );
    const without = { "log.jsonl": '{"session": null}\n{"session": null}\n' };
    expect(await refusal(() => importLog({ logs: without }))).toMatch(
      /log\.jsonl: no usable record among 2 \(0 left out/,
    );
  });
});
