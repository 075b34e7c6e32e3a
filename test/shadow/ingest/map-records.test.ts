import { describe, expect, it } from "vitest";
import { field, importLog, jsonLines } from "../../support/import-log.ts";
import { refusal } from "../../support/refusal.ts";

const logs = (records: readonly object[]) => ({
  "log.jsonl": jsonLines(records.map((r, i) => ({ session: i, ...r }))),
});

describe("an expression over a record", () => {
  it("sees columns at their types: numbers, booleans, objects and lists", async () => {
    const { rows } = await importLog({
      logs: logs([{ n: 2, good: true, turns: [{ ok: true }, { ok: false }], info: { cost: 1.5 } }]),
      fields: [
        field("double", { sql: "n * 2" }),
        field("bad", { sql: "not good" }),
        field("failed", { sql: "len(list_filter(turns, lambda turn: not turn.ok))" }),
        field("cost", { sql: "info.cost + 1" }),
      ],
    });
    expect(rows).toMatchObject([{ double: 4, bad: false, failed: 1, cost: 2.5 }]);
  });

  it("may hold dollars, comments and quotes, which stay what they are", async () => {
    const { rows } = await importLog({
      logs: logs([{ price: 5 }]),
      session: { sql: "'US$' || price || ' of $1' -- the price" },
      fields: [field("a", { sql: "'it''s $2'" }, "text"), field("b", { sql: "$$'$$" }, "json")],
    });
    expect(rows).toMatchObject([{ session: "US$5 of $1", a: "it's $2", b: `"'"` }]);
  });

  it("that fails on a record costs that record, which is kept with line and reason", async () => {
    const records = [{ text: "12" }, { text: "x" }, { text: "7" }, { text: null }];
    const { rows, quarantine, found } = await importLog({
      logs: logs(records),
      fields: [field("n", { sql: "cast(text as integer)" })],
    });
    expect(rows.map(({ session, n }) => [session, n])).toEqual([
      ["0", 12],
      ["2", 7],
      ["3", null],
    ]);
    expect(quarantine).toMatchObject([
      { line: 2, reason: "n: cast(text as integer) fails on this record", record: '{"session":1,"text":"x"}' },
    ]);
    expect(found.reasons).toEqual([{ reason: "n: cast(text as integer) fails on this record", count: 1 }]);
  });

  it("that does not fit the columns' types is refused at its place", async () => {
    const message = await refusal(() =>
      importLog({ logs: logs([{ a: { b: 1 } }]), fields: [field("x", { sql: "a.c + 1" })] }),
    );
    expect(message).toMatch(/^foretaste\.yaml:x: x: a\.c \+ 1 does not work: .+; mend the expression$/s);
  });

  it("that is more than one scalar expression is refused at its place", async () => {
    for (const [own, problem] of [
      ["sum(n)", /is an aggregate/],
      ["1; copy (select 1) to 'x'", /is not a SQL expression/],
      ["(select 1)", /has a subquery/],
    ] as const) {
      for (const spec of [{ session: { sql: own } }, { user: { sql: own } }, { at: { sql: own } }, { where: own }]) {
        const key = Object.keys(spec)[0];
        const message = await refusal(() => importLog({ logs: logs([{ n: 1 }]), ...spec }));
        expect(message).toMatch(new RegExp(`^foretaste\\.yaml:${key}: `));
        expect(message).toMatch(problem);
      }
    }
  });
});

describe("a column with values of several types", () => {
  const misfits = (at: readonly number[], value: unknown) =>
    Array.from({ length: 40 }, (_, i) => ({ n: at.includes(i) ? value : i }));

  it.each([
    ["JSON", (records: readonly object[]) => ({ "log.jsonl": jsonLines(records) })],
    [
      "CSV",
      (records: readonly object[]) => ({
        "log.csv": `session,n\n${records.map((r) => Object.values(r).join(",")).join("\n")}`,
      }),
    ],
  ])("keeps the type of nine tenths, and sends only the misfits to quarantine, from %s", async (format, write) => {
    const records = misfits([3, 17], "many").map((record, i) => ({ session: i, ...record }));
    const { rows, quarantine, found } = await importLog({ logs: write(records), fields: [field("n")] });
    const header = format === "CSV" ? 1 : 0;
    expect(quarantine.map(({ line }) => line)).toEqual([4 + header, 18 + header]);
    expect(quarantine.map(({ reason }) => reason).join()).toMatch(
      /^(column n: expected a (whole )?number, found many,?){2}$/,
    );
    expect(rows.map(({ n }) => n)).toEqual(records.map(({ n }) => n).filter((n) => n !== "many"));
    expect(found.reasons).toEqual([
      { reason: expect.stringMatching(/^column n: expected a (whole )?number$/), count: 2 },
    ]);
  });

  it("becomes text where less than nine tenths agree, and nothing is lost", async () => {
    const { rows, quarantine } = await importLog({
      logs: logs(misfits([0, 1, 2, 3, 4], "many")),
      fields: [field("n")],
    });
    expect(quarantine).toEqual([]);
    expect(rows.map(({ n }) => n)).toEqual(misfits([0, 1, 2, 3, 4], "many").map(({ n }) => String(n)));
  });

  it.each([
    ["true or false", [true, false, true], "yes"],
    ["an object", [{ a: 1 }, { a: 2 }, {}], [1]],
    ["an array", [[1], [], [2, 3]], { a: 1 }],
    ["a number", [1.5, 2, -3], true],
  ])("says that %s was expected", async (expected, values, misfit) => {
    const records = Array.from({ length: 30 }, (_, i) => ({ v: i === 29 ? misfit : values[i % 3] }));
    const { quarantine } = await importLog({ logs: logs(records), fields: [field("v")] });
    const found = typeof misfit === "string" ? misfit : JSON.stringify(misfit);
    expect(quarantine.map(({ line, reason }) => [line, reason])).toEqual([
      [30, `column v: expected ${expected}, found ${found}`],
    ]);
  });

  it("does not matter where nobody reads the column, or reads it as text", async () => {
    const { found } = await importLog({ logs: logs(misfits([3], "many")), fields: [field("n", "n", "text")] });
    expect(found).toMatchObject({ kept: 40, quarantined: 0 });
  });
});

describe("a CSV column", () => {
  it("of digits with leading zeros stays text, and empty fields are missing", async () => {
    const { rows } = await importLog({
      logs: { "log.csv": "session,zip,n,flag,x\n1,01234,1,true,1.5\n2,99999,,False,\n3,,3,TRUE,-2e3\n" },
      fields: [field("zip"), field("n"), field("flag"), field("x")],
    });
    expect(rows.map(({ zip, n, flag, x }) => [zip, n, flag, x])).toEqual([
      ["01234", 1, true, 1.5],
      ["99999", null, false, null],
      [null, 3, true, -2000],
    ]);
  });
});
