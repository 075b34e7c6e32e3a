import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { sql } from "../../io/sql.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { compareLanes } from "../../rehearsal/rehearse.ts";
import type { ColumnExpression, Field } from "../../shadow/ingest/map-records.ts";
import { openDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/folders.ts";
import { field, importLog, jsonLines, type LogSpec } from "../support/import-log.ts";
import { projectFolder, runOptions } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

type Row = Readonly<Record<string, string | number>>;
type Write = (file: string, rows: readonly Row[]) => void | Promise<void>;

/** Writers of every format that a folder may hold. */
const formats: Readonly<Record<string, Write>> = {
  jsonl: (file, rows) => writeFileSync(file, jsonLines(rows)),
  "jsonl.gz": (file, rows) => writeFileSync(file, gzipSync(jsonLines(rows))),
  csv: (file, rows) => {
    const cells = [Object.keys(rows[0] as Row), ...rows.map((row) => Object.values(row))];
    writeFileSync(file, cells.map((row) => row.join(",")).join("\n"));
  },
  json: (file, rows) => writeFileSync(file, JSON.stringify(rows)),
  parquet: async (file, rows) => {
    const lines = join(temporaryFolder(), "rows.jsonl");
    writeFileSync(lines, jsonLines(rows));
    const database = await openDatabase();
    await database.run(sql`copy (select * from read_json(${lines})) to ${file} (format parquet)`);
  },
  arrow: (file, rows) => writeFileSync(file, arrow.tableToIPC(arrow.tableFromJSON([...rows]), "file")),
};

/** Three requests of a session that is called after its file. */
const rowsOf = (session: string, more: Row = {}): readonly Row[] =>
  [0, 1, 2].map((second) => ({ session, second, ...more }));

/** Writes files of a format into the folders, and says where they lie. */
async function filesIn(folders: Readonly<Record<string, readonly Row[]>>, format: string): Promise<readonly string[]> {
  const root = temporaryFolder();
  const files: string[] = [];
  for (const [folder, rows] of Object.entries(folders)) {
    const file = join(root, "logs", folder, `log.${format}`);
    mkdirSync(dirname(file), { recursive: true });
    await (formats[format] as Write)(file, rows);
    files.push(file);
  }
  return files;
}

describe.each(Object.keys(formats))("a column that the folders of .%s files state", (format) => {
  const days = { "day=2026-01-05/shop=007": rowsOf("a"), "day=2026-01-06/shop=010": rowsOf("b") };

  /** The rows of the log, as texts unless told. */
  const read = async (
    folders: Readonly<Record<string, readonly Row[]>>,
    columns: Readonly<Record<string, ColumnExpression>>,
    { as = "text", ...more }: Omit<LogSpec, "logs" | "fields"> & { as?: Field["as"] } = {},
  ) => {
    const fields = Object.entries(columns).map(([own, from]) => field(own, from, as));
    const { rows, found } = await importLog({ logs: await filesIn(folders, format), fields, ...more });
    expect(found.quarantined).toBe(0);
    return rows;
  };

  it("is read as it is written, as text, as JSON, and as user", async () => {
    const texts = await read(days, { day: "day", shop: "shop" }, { user: "shop" });
    expect(texts.map(({ session, day, shop, user }) => [session, day, shop, user])).toEqual([
      ...[0, 1, 2].map(() => ["a", "2026-01-05", "007", "007"]),
      ...[0, 1, 2].map(() => ["b", "2026-01-06", "010", "010"]),
    ]);
    const json = await read(days, { shop: "shop" }, { as: "json" });
    expect(new Set(json.map(({ shop }) => shop))).toEqual(new Set(['"007"', '"010"']));
  });

  it("is a column of expressions and conditions, and may be the time", async () => {
    const own = await read(
      days,
      { monday: { sql: "day = '2026-01-05'" }, place: { sql: "'at ' || shop || ' as ' || session" } },
      { at: { sql: "cast(day as timestamp) + to_minutes(cast(second as bigint))" } },
    );
    expect(own.map(({ at, monday, place }) => [at, monday, place])).toEqual([
      ...[0, 1, 2].map((second) => [`2026-01-05T00:0${second}:00.000000`, "true", "at 007 as a"]),
      ...[0, 1, 2].map((second) => [`2026-01-06T00:0${second}:00.000000`, "false", "at 010 as b"]),
    ]);
    const later = await read(days, {}, { at: "day", where: "shop > '007'" });
    expect(later.map(({ session, at }) => [session, at])).toEqual(
      [0, 1, 2].map(() => ["b", "2026-01-06T00:00:00.000000"]),
    );
  });

  it("is missing where Hive says so or the folders do not state it; signs behind % are decoded, once", async () => {
    const own = await read(
      {
        "day=__HIVE_DEFAULT_PARTITION__/shop=eu%2Fwest %26 more": rowsOf("a"),
        "day=2026-01-06/shop=100%25": rowsOf("b"),
        "day=2026-01-06/shop=5%2525": rowsOf("c"),
        "day=2026-01-06/shop=a=b": rowsOf("d"),
        "day=/shop=50%": rowsOf("e"),
        "elsewhere/shop=__hive": rowsOf("f"),
      },
      { day: "day", shop: "shop" },
    );
    expect(own.filter((_, i) => i % 3 === 0).map(({ session, day, shop }) => [session, day, shop])).toEqual([
      ["a", null, "eu/west & more"],
      ["b", "2026-01-06", "100%"],
      ["c", "2026-01-06", "5%25"],
      ["d", "2026-01-06", "a=b"],
      ["e", "", "50%"],
      ["f", null, "__hive"],
    ]);
  });

  it("gives way to a column of the records", async () => {
    const folders = {
      "day=2026-01-05": rowsOf("a", { day: "a Monday" }),
      "day=2026-01-06": rowsOf("b", { day: "a Tuesday" }),
    };
    const own = await read(folders, { day: "day", said: { sql: "'it was ' || day" } });
    expect([own[0], own[3]]).toMatchObject([
      { day: "a Monday", said: "it was a Monday" },
      { day: "a Tuesday", said: "it was a Tuesday" },
    ]);
  });

  it("is named when a column is not there", async () => {
    expect(await refusal(() => read(days, { day: "dya" }))).toMatch(
      /^foretaste\.yaml:day: column dya is not in \S+; did you mean day\?$/,
    );
  });

  it("has the numbers of file and line beside it, as __file and __line", async () => {
    const own = await read(
      days,
      { in_file: "__file", at_line: "__line", both: { sql: "__file || '/' || __line" } },
      {
        session: { sql: "session || __file" },
        at: { sql: "cast(day as timestamp) + to_hours(cast(__line as integer))" },
      },
    );
    // that of the header is 1
    const first = format === "csv" ? 2 : 1;
    expect(own.map((row) => [row.session, row.in_file, row.at_line, row.both, row.at])).toEqual(
      ["a", "b"].flatMap((session, file) =>
        [0, 1, 2].map((i) => [
          `${session}${file}`,
          `${file}`,
          `${first + i}`,
          `${file}/${first + i}`,
          `2026-01-0${5 + file}T0${first + i}:00:00.000000`,
        ]),
      ),
    );
  });

  it("may be the unit and the segment of a rehearsal, and a measure of what was logged", async () => {
    const logs = await filesIn(days, format);
    const folder = projectFolder({
      project: {
        traffic: {
          source: logs,
          columns: { session: "session", user: "shop", at: "day", request: "second" },
          attributes: ["day"],
        },
        recorded: { measures: { completed: { sql: "day = '2026-01-06'" } } },
        control: undefined,
        replay: { lanes: ["recorded", "candidate"] },
      },
      plan: { assignBy: "user", margins: { completion: "5pp", "completion@day=2026-01-06": "5pp" } },
    });
    const { comparison, traffic } = await compareLanes(await loadProject(folder), runOptions());
    expect(comparison.metrics[0]).toMatchObject({ control: 0.5, candidate: 1, n: { units: 2, pairs: 2 } });
    expect(comparison.segments.map(({ attribute, value }) => `${attribute}=${value}`)).toContain("day=2026-01-06");
    expect([traffic.from, traffic.until]).toEqual(["2026-01-05T00:00:00.000Z", "2026-01-06T00:00:00.000Z"]);
  });
});
