import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { sql } from "../../io/sql.ts";
import { findRun } from "../../rehearsal/export.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { compareLanes, replayTraffic } from "../../rehearsal/rehearse.ts";
import { openDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/folders.ts";
import { parquetRows, projectFolder, runOptions } from "../support/project-folder.ts";
import { cli, foretaste, run } from "../support/run-cli.ts";

/** A project of twelve requests in six sessions, replayed and compared; runs are kept in `out`, if it is given. */
async function compared(out?: string): Promise<string> {
  const project = projectFolder();
  await compareLanes(await loadProject(project), runOptions({ out }));
  return project;
}

function arrowRows(file: string): Record<string, unknown>[] {
  return arrow.tableFromIPC(readFileSync(file)).toArray();
}

describe("foretaste export", () => {
  it("writes the observations of all lanes as Arrow, and says what it has written", async () => {
    const project = await compared();
    const file = join(temporaryFolder(), "new/out.arrow");
    const { code, stdout, stderr } = await foretaste(["export", project, "--to", file]);
    expect(stderr).toBe("");
    expect(stdout).toBe(`${file}: 24 rows, observations of control, candidate in run ${basename(findRun(project))}\n`);
    expect(code).toBe(0);
    const rows = arrowRows(file);
    expect(rows.map(({ lane }) => lane)).toEqual([...Array(12).fill("control"), ...Array(12).fill("candidate")]);
    expect(rows.every(({ completed, status }) => completed === true && status === "ok")).toBe(true);
    const sessions = rows.map(({ session }) => session);
    expect(new Set(sessions)).toEqual(new Set(Array.from({ length: 6 }, (_, i) => `session ${i}`)));
  });

  it("writes one lane as Parquet, as it lies in the run's folder", async () => {
    const project = await compared();
    const file = join(temporaryFolder(), "out.parquet");
    const { code, stdout } = await foretaste(["export", project, "--lane", "candidate", "--to", file]);
    expect(stdout).toMatch(/out\.parquet: 12 rows, observations of candidate in run /);
    expect(code).toBe(0);
    const lane = join(findRun(project), "observations/candidate");
    expect(await parquetRows(file)).toEqual(await parquetRows(readdirSync(lane).map((shard) => join(lane, shard))));
    const database = await openDatabase();
    const names = (await database.describe(sql`select * from read_parquet(${file})`)).map(({ name }) => name);
    expect(names).toContain("completed");
    expect(names).not.toContain("lane");
  });

  it("writes the outcomes, a row a session", async () => {
    const project = await compared();
    const folder = temporaryFolder();
    for (const name of ["out.feather", "out.parquet"]) {
      const file = join(folder, name);
      const { code, stdout } = await foretaste(["export", project, "--table", "outcomes", "--to", file]);
      expect(stdout).toBe(`${file}: 6 rows, outcomes in run ${basename(findRun(project))}\n`);
      expect(code).toBe(0);
    }
    const sessions = (rows: readonly Record<string, unknown>[]) => rows.map(({ session }) => session);
    const own = sessions(arrowRows(join(folder, "out.feather")));
    expect(own).toHaveLength(6);
    expect(sessions(await parquetRows(join(folder, "out.parquet")))).toEqual(own);
  });

  it("prints with --json what was written, and nothing else", async () => {
    const project = await compared();
    const file = join(temporaryFolder(), "out.arrow");
    const { stdout, stderr } = await foretaste(["export", project, "--json", "--to", file]);
    expect(JSON.parse(stdout)).toEqual({
      file,
      run: basename(findRun(project)),
      table: "observations",
      lanes: ["control", "candidate"],
      rows: 24,
      notes: [],
    });
    expect(stderr).toBe("");
  });

  it("takes the newest run, or the one that is named, and finds runs that are kept elsewhere", async () => {
    const out = temporaryFolder();
    const project = await compared(out);
    const older = basename(findRun(out));
    await replayTraffic(await loadProject(project), runOptions({ out, startedAt: new Date(Date.UTC(2026, 0, 2)) }));
    const newer = basename(findRun(out));
    expect(newer).not.toBe(older);
    const file = join(temporaryFolder(), "out.parquet");
    const exported = async (...args: string[]) => {
      const { stdout } = await foretaste(["export", project, "--out", out, "--json", "--to", file, ...args]);
      return (JSON.parse(stdout) as { run: string }).run;
    };
    expect(await exported()).toBe(newer);
    expect(await exported("--run", older)).toBe(older);
  });

  it("takes the project's file for its folder, and the folder it is called in when none is named", async () => {
    const project = await compared();
    const named = await foretaste(["export", join(project, "foretaste.yaml"), "--to", "named.parquet"], {
      cwd: project,
    });
    const own = await foretaste(["export", "--to", "own.parquet"], { cwd: project });
    expect([named.code, own.code]).toEqual([0, 0]);
    expect(readFileSync(join(project, "named.parquet")).equals(readFileSync(join(project, "own.parquet")))).toBe(true);
  });
});

describe("foretaste export ends with exit code 2 and a way out", () => {
  it.each<[string, readonly string[], RegExp]>([
    [
      "for a lane that is not there",
      ["--lane", "candidat"],
      /^lane candidat: is not in .*; it has control, candidate$/,
    ],
    [
      "for a lane of outcomes",
      ["--table", "outcomes", "--lane", "control"],
      /^lane control: outcomes are not kept by /,
    ],
    ["for a run that is not there", ["--run", "x"], /^run x: is not below .*; known are 2026-01-01T/],
    [
      "for another table",
      ["--table", "sessions"],
      /'sessions' is invalid\. Allowed choices are observations, outcomes, rollouts/,
    ],
  ])("%s", async (_, args, message) => {
    const project = await compared();
    const file = join(temporaryFolder(), "out.arrow");
    const { code, stdout, stderr } = await foretaste(["export", project, "--to", file, ...args]);
    expect(stderr.trimEnd()).toMatch(message);
    expect(stdout).toBe("");
    expect(code).toBe(2);
    expect(existsSync(file)).toBe(false);
  });

  it("for a project without a run", async () => {
    const project = projectFolder();
    const { code, stderr } = await foretaste(["export", project, "--to", join(temporaryFolder(), "out.arrow")]);
    expect(stderr).toBe(`${project}: has no runs; start one: foretaste replay ${project}\n`);
    expect(code).toBe(2);
  });

  it("for a run without outcomes", async () => {
    const project = projectFolder();
    await replayTraffic(await loadProject(project), runOptions());
    const file = join(temporaryFolder(), "out.arrow");
    const { code, stderr } = await foretaste(["export", project, "--table", "outcomes", "--to", file]);
    expect(stderr).toMatch(/has no outcomes yet; go on in it: foretaste compare --resume\n$/);
    expect(code).toBe(2);
  });

  it("for a place that cannot be written, and leaves what is there", async () => {
    const project = await compared();
    const folder = temporaryFolder();
    writeFileSync(join(folder, "plain"), "before");
    mkdirSync(join(folder, "folder.arrow"));
    for (const [to, message] of [
      ["plain/out.arrow", /plain\/out\.arrow: cannot be written \(.*\); choose another folder/],
      ["plain/out.parquet", /plain\/out\.parquet: cannot be written \(.*\); choose another folder/],
      ["folder.arrow", /folder\.arrow: is not a file that can be written; /],
      ["out.csv", /out\.csv: has an ending that is not known; end it in \.arrow or \.parquet/],
    ] as const) {
      const { code, stdout, stderr } = await foretaste(["export", project, "--to", join(folder, to)]);
      expect(stderr).toMatch(message);
      expect(stdout).toBe("");
      expect(code).toBe(2);
    }
    expect(readdirSync(folder).sort()).toEqual(["folder.arrow", "plain"]);
    expect(readFileSync(join(folder, "plain"), "utf8")).toBe("before");
  });

  it("when it is not told where to write", async () => {
    const { code, stderr } = await foretaste(["export", projectFolder()]);
    expect(stderr).toMatch(/required option '--to <file>' not specified/);
    expect(code).toBe(2);
  });
});

it("only an export to Arrow waits for Arrow's library", async () => {
  const project = await compared();
  const folder = temporaryFolder();
  const hook = join(folder, "hook.mjs");
  writeFileSync(hook, refusingArrow);
  const withoutArrow = (...args: string[]) => run(process.execPath, ["--import", hook, cli, ...args]);
  expect((await withoutArrow("--version")).code).toBe(0);
  const compare = await withoutArrow("compare", project, "--threads", "1");
  expect(compare.code, compare.stderr).toBe(0);
  expect((await withoutArrow("export", project, "--to", join(folder, "out.parquet"))).code).toBe(0);
  const { code, stderr } = await withoutArrow("export", project, "--to", join(folder, "out.arrow"));
  expect(stderr).toMatch(/Arrow is not to be loaded/);
  expect(code).toBe(1);
  expect(readdirSync(folder).sort()).toEqual(["hook.mjs", "out.parquet"]);
});

/** A module that lets every import of Arrow's library fail. */
const refusingArrow = `
import { register } from "node:module";
const hooks = \`export async function load(url, context, next) {
  if (url.includes("/node_modules/apache-arrow/")) throw new Error("Arrow is not to be loaded");
  return next(url, context);
}\`;
register("data:text/javascript," + encodeURIComponent(hooks));
`;
