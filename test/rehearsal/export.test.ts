import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { raw, sql } from "../../io/sql.ts";
import { exportTable, findRun, observations, outcomes } from "../../rehearsal/export.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { compareLanes } from "../../rehearsal/rehearse.ts";
import { loadArrow } from "../../shadow/ingest/arrow-records.ts";
import { openDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/folders.ts";
import { parquetRows, projectFolder, runOptions } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

/** A query that gives rows of observations, numbered from `from` on. */
function observed(from: number, rows: number, measures = ""): string {
  return `select 's' || range as session, 0::integer as seq, timestamp '2026-01-05 00:00:00.123456' + to_seconds(range) as "at",
    'ok' as status, range / 4 as latency_ms, null::varchar as error ${measures} from range(${from}, ${from + rows})`;
}

/** The folder of a run with files of these queries, by their paths. */
async function runFolder({
  files,
  requestsByShard = [3, 0, 3],
  project = temporaryFolder(),
  id = "2026-01-05T00-00-00-000Z-abcdef",
}: {
  files: Readonly<Record<string, string>>;
  requestsByShard?: readonly number[];
  project?: string;
  id?: string;
}): Promise<string> {
  const folder = join(project, ".foretaste/runs", id);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "manifest.json"), "{}");
  writeFileSync(join(folder, "import.json"), JSON.stringify({ imports: [], sessions: { requestsByShard } }));
  const database = await openDatabase();
  for (const [path, query] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    await database.run(sql`copy (${raw(query)}) to ${join(folder, path)} (format parquet)`);
  }
  return folder;
}

/** Two lanes of two shards; a measure is missing in one of them, and another one in a lane. */
const twoLanes = {
  "observations/candidate/00000.parquet": observed(0, 3, ", range > 1 as completed"),
  "observations/candidate/00002.parquet": observed(3, 3, ", 'x' as note, null::boolean as completed"),
  "observations/control/00000.parquet": observed(0, 3, ", range > 1 as completed, 7::double as tokens"),
  "observations/control/00002.parquet": observed(3, 3, ", range > 4 as completed"),
  "outcomes/00000.parquet": `select 's' || range as session, [0.5, null] as "latency.control" from range(3)`,
  "outcomes/00002.parquet": `select 's' || range as session, null::double[] as "latency.control" from range(3, 6)`,
};

async function rowsOf(batches: AsyncIterable<arrow.RecordBatch>): Promise<Record<string, unknown>[]> {
  const found: arrow.RecordBatch[] = [];
  for await (const batch of batches) found.push(batch);
  for (const batch of found) {
    expect(arrow.util.compareSchemas(batch.schema, (found[0] as arrow.RecordBatch).schema)).toBe(true);
  }
  return plain(new arrow.Table(found));
}

/** Rows as JSON has them. */
function plain(table: arrow.Table): Record<string, unknown>[] {
  const text = JSON.stringify(table.toArray(), (_, value) => (typeof value === "bigint" ? Number(value) : value));
  return JSON.parse(text) as Record<string, unknown>[];
}

describe("the observations of a run", () => {
  it("of a lane come shard by shard, with the measures of all shards", async () => {
    const rows = await rowsOf(observations(await runFolder({ files: twoLanes }), "candidate"));
    expect(rows.map(({ session }) => session)).toEqual(["s0", "s1", "s2", "s3", "s4", "s5"]);
    expect(rows[2]).toEqual({
      session: "s2",
      seq: 0,
      at: Date.UTC(2026, 0, 5, 0, 0, 2, 123) + 0.456,
      status: "ok",
      latency_ms: 0.5,
      error: null,
      completed: true,
      note: null,
    });
    expect(rows[3]).toMatchObject({ completed: null, note: "x" });
  });

  it("of all lanes have a column lane, and the measures of all of them", async () => {
    const rows = await rowsOf(observations(await runFolder({ files: twoLanes })));
    expect(rows.map(({ lane, session }) => `${lane} ${session}`)).toEqual(
      ["control", "candidate"].flatMap((lane) => ["s0", "s1", "s2", "s3", "s4", "s5"].map((own) => `${lane} ${own}`)),
    );
    expect([rows[0]?.tokens, rows[3]?.tokens, rows[6]?.tokens]).toEqual([7, null, null]);
  });

  it("of a recorded lane are one long file, and come in pages, in its order", async () => {
    const files = { "observations/recorded/recorded.parquet": observed(0, 50_001) };
    const folder = await runFolder({ files });
    const sizes: number[] = [];
    let next = 0;
    for await (const batch of observations(folder, "recorded")) {
      sizes.push(batch.numRows);
      const sessions = batch.getChild("session") as arrow.Vector;
      for (let i = 0; i < batch.numRows; i++) expect(sessions.get(i)).toBe(`s${next++}`);
    }
    expect(sizes).toEqual([20_480, 20_480, 9041]);
  });
});

it("the outcomes of a run come shard by shard", async () => {
  const rows = await rowsOf(outcomes(await runFolder({ files: twoLanes })));
  expect(rows.map(({ session }) => session)).toEqual(["s0", "s1", "s2", "s3", "s4", "s5"]);
  expect([rows[0]?.["latency.control"], rows[3]?.["latency.control"]]).toEqual([[0.5, null], null]);
});

describe("an exported table", () => {
  const tables = [
    { table: "observations", lane: "candidate" },
    { table: "observations", lane: undefined },
    { table: "outcomes", lane: undefined },
  ] as const;

  it.each(tables)(
    "of $table (lane $lane) is the same in Arrow and in Parquet, and as loadArrow reads it",
    async (spec) => {
      const folder = await runFolder({ files: twoLanes });
      const target = temporaryFolder();
      const [file, parquet] = [join(target, "new/out.arrow"), join(target, "out.parquet")];
      const exported = await exportTable({ folder, ...spec, file });
      expect(await exportTable({ folder, ...spec, file: parquet })).toEqual({ ...exported, file: parquet });
      const database = await openDatabase();
      await loadArrow(database, [file], "log");
      const origins = raw("__file, __record, __broken, __problem");
      const own = sql`select * exclude (${origins}) from log`;
      const expected = sql`select *, row_number() over () as __line from read_parquet(${parquet})`;
      const { differing, rows } = await database.row<{ differing: number; rows: number }>(sql`
      select (select count(*) from (${own} except all ${expected})) + (select count(*) from (${expected} except all ${own})) as differing,
        (select count(*) from log) as rows`);
      expect({ differing, rows }).toEqual({ differing: 0, rows: exported.rows });
      const source = spec.table === "outcomes" ? outcomes(folder) : observations(folder, spec.lane);
      expect(plain(arrow.tableFromIPC(readFileSync(file)))).toEqual(await rowsOf(source));
      expect(readdirSync(target).sort()).toEqual(["new", "out.parquet"]);
    },
  );

  it("says what it is", async () => {
    const folder = await runFolder({ files: twoLanes });
    const file = join(temporaryFolder(), "out.ARROW");
    expect(await exportTable({ folder, table: "observations", file })).toEqual({
      file,
      run: basename(folder),
      table: "observations",
      lanes: ["control", "candidate"],
      rows: 12,
      notes: [],
    });
  });

  it("notes the shards that are missing, of a lane that stopped or a run that was interrupted", async () => {
    const folder = await runFolder({ files: twoLanes });
    rmSync(join(folder, "observations/candidate/00002.parquet"));
    const file = join(temporaryFolder(), "out.parquet");
    const { rows, notes } = await exportTable({ folder, table: "observations", file });
    expect({ rows, notes }).toEqual({ rows: 9, notes: ["candidate: 1 of 2 shards are there"] });
  });

  it("has the same bytes each time", async () => {
    const folder = await runFolder({ files: twoLanes });
    const target = temporaryFolder();
    for (const ending of ["arrow", "parquet"]) {
      const [one, two] = ["one", "two"].map((own) => join(target, `${own}.${ending}`)) as [string, string];
      await exportTable({ folder, table: "observations", file: one });
      await exportTable({ folder, table: "observations", file: two });
      expect(readFileSync(one).equals(readFileSync(two))).toBe(true);
    }
  });

  it("replaces a file only when it is whole", async () => {
    const files = { ...twoLanes, "observations/control/00000.parquet": observed(0, 3, ", 1 as completed") };
    const folder = await runFolder({ files });
    writeFileSync(join(folder, "observations/candidate/00002.parquet"), "PAR1 but damaged PAR1");
    const target = temporaryFolder();
    for (const own of ["out.arrow", "out.parquet"]) {
      const file = join(target, own);
      writeFileSync(file, "before");
      await expect(exportTable({ folder, table: "observations", file })).rejects.toThrow();
      expect(readFileSync(file, "utf8")).toBe("before");
    }
    expect(readdirSync(target).sort()).toEqual(["out.arrow", "out.parquet"]);
  });
});

describe("an export is refused", () => {
  it.each<[string, object, RegExp]>([
    [
      "to a file of another ending",
      { file: "out.csv" },
      /out\.csv: has an ending that is not known; end it in \.arrow or \.parquet/,
    ],
    ["of a lane that is not there", { lane: "candidat" }, /lane candidat: is not in .*; it has control, candidate$/],
    ["of a lane of outcomes", { table: "outcomes", lane: "control" }, /lane control: outcomes are not kept by lane; /],
    [
      "of another table",
      { table: "sessions" },
      /table sessions: is not known; name observations, outcomes or rollouts/,
    ],
    ["of no run", { folder: "/nowhere" }, /\/nowhere: is not the folder of a run; /],
  ])("%s", async (_, wrong, message) => {
    const folder = await runFolder({ files: twoLanes });
    const file = join(temporaryFolder(), "out.arrow");
    const spec = { folder, table: "observations" as const, file, ...wrong };
    expect(await refusal(() => exportTable(spec))).toMatch(message);
    expect(existsSync(file)).toBe(false);
  });

  it("to a file below a file", async () => {
    const folder = await runFolder({ files: twoLanes });
    const file = join(temporaryFolder(), "plain");
    writeFileSync(file, "");
    const exporting = () => exportTable({ folder, table: "observations", file: join(file, "out.arrow") });
    expect(await refusal(exporting)).toMatch(/plain\/out\.arrow: cannot be written \(.*\); /);
  });

  it("to a folder", async () => {
    const folder = await runFolder({ files: twoLanes });
    const file = join(temporaryFolder(), "out.arrow");
    mkdirSync(file);
    const exporting = () => exportTable({ folder, table: "observations", file });
    expect(await refusal(exporting)).toMatch(/out\.arrow: is not a file that can be written; /);
  });

  it("of a run that has nothing yet", async () => {
    const folder = await runFolder({ files: {} });
    expect(await refusal(() => rowsOf(observations(folder)))).toMatch(/has no observations yet; .*--resume/);
    expect(await refusal(() => rowsOf(outcomes(folder)))).toMatch(/has no outcomes yet; .*--resume/);
  });
});

describe("a run", () => {
  it("is the newest below a project, or the one that is named", async () => {
    const project = temporaryFolder();
    const ids = ["2026-01-05T00-00-00-000Z-aaaaaa", "2026-01-06T00-00-00-000Z-bbbbbb"];
    const folders: string[] = [];
    for (const id of ids) folders.push(await runFolder({ files: {}, project, id }));
    expect(findRun(project)).toBe(folders[1]);
    expect(findRun(project, ids[0])).toBe(folders[0]);
    expect(await refusal(() => findRun(project, "x"))).toMatch(/run x: is not below .*; known are .*aaaaaa, .*bbbbbb$/);
    expect(await refusal(() => findRun(temporaryFolder()))).toMatch(/has no runs; start one: foretaste replay /);
  });

  it("that was replayed and compared is exported as it lies in its folder", async () => {
    const project = projectFolder();
    const { run } = await compareLanes(await loadProject(project), runOptions());
    const folder = findRun(project, run.id);
    const target = temporaryFolder();
    for (const [table, lane, files] of [
      ["observations", "candidate", "observations/candidate"],
      ["outcomes", undefined, "outcomes"],
    ] as const) {
      const file = join(target, `${table}.parquet`);
      const { rows, notes } = await exportTable({ folder, table, lane, file });
      const own = readdirSync(join(folder, files)).map((shard) => join(folder, files, shard));
      expect(await parquetRows(file)).toEqual(await parquetRows(own));
      expect({ rows, notes }).toEqual({ rows: table === "outcomes" ? 6 : 12, notes: [] });
    }
    expect(await rowsOf(observations(folder))).toHaveLength(24);
  });
});
