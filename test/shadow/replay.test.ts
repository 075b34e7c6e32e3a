import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../io/hash.ts";
import { parquetFiles, temporaryName } from "../../io/run-folder.ts";
import { sql } from "../../io/sql.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { type ReplayResult, replayTraffic } from "../../rehearsal/rehearse.ts";
import type { RunOptions } from "../../rehearsal/run.ts";
import { observationsFile, observationsFolder } from "../../shadow/shard-store.ts";
import { openDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/folders.ts";
import { parquetRows, policyModule, projectFolder, requests, runOptions } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

const lanes = ["control", "candidate"] as const;

async function replayed(folder: string, options: Partial<RunOptions> = {}): Promise<ReplayResult> {
  return replayTraffic(await loadProject(folder), runOptions(options));
}

/** Hashes of the files of observations by their names in the run's folder. */
function fingerprints({ folder }: ReplayResult): Record<string, string> {
  const files = lanes.flatMap((lane) => parquetFiles(observationsFolder(folder, lane)));
  return Object.fromEntries(files.map((file) => [file.slice(folder.length), sha256(readFileSync(file, "latin1"))]));
}

/** Answers take their turns in the event loop, draw, fail here and there, and report measures of every type in any order. */
const busy = (version: string) =>
  policyModule({
    version,
    respond: "answer(request, context)",
    before: `async function answer({ n }, context) {
      const draw = context.random();
      for (let turn = (n + 3) % 4; turn > 0; turn--) await null;
      if (n % 997 === 5) throw new Error("broken " + n);
      const measures = { completed: draw < 0.7, cost: draw / 3, tool: "tool " + (n % 5), latency_ms: 100 * draw };
      return {
        response: { n, draw, of: "${version}" },
        measures: n % 2 === 0 ? measures : Object.fromEntries(Object.entries(measures).reverse()),
      };
    }`,
  });

/** Notes each session that it opens in a file; `LANE` is the name of its lane. */
const counting = (calls: string, lane: string) =>
  policyModule({
    before: `import { appendFileSync } from "node:fs";
      const note = (session) => appendFileSync(${JSON.stringify(calls)}, "${lane} " + session.id + "\\n");`,
    respond:
      "(context.seq === 0 && note(session), { response: request, measures: { completed: context.random() < 0.5 } })",
  });

describe("a replay of several shards", () => {
  const log = requests(21_000, 3);

  it("writes the same bytes on 1, 2 and 8 threads, and for any concurrency", async () => {
    const folder = projectFolder({
      log,
      files: { "control.mjs": busy("1"), "candidate.mjs": busy("2") },
    });
    const one = await replayed(folder, { threads: 1, out: temporaryFolder() });
    expect(one.sessions).toMatchObject({ requests: 21_000, sessions: 7000, shards: 3 });
    const expected = fingerprints(one);
    expect(Object.keys(expected)).toHaveLength(6);
    for (const threads of [2, 8]) {
      expect(fingerprints(await replayed(folder, { threads, out: temporaryFolder() }))).toEqual(expected);
    }
    const database = await openDatabase();
    const counts = await database.rows<{ status: string; n: number }>(sql`
      select status, count(*) as n
      from read_parquet(${join(one.folder, "observations/*/*.parquet")})
      group by status order by status`);
    const failing = log.filter(({ input }) => input.n % 997 === 5);
    const skipped = failing.reduce((sum, { input }) => sum + 2 - (input.n % 3), 0);
    expect(counts).toEqual([
      { status: "error", n: 2 * failing.length },
      { status: "ok", n: 2 * (21_000 - failing.length - skipped) },
      { status: "skipped", n: 2 * skipped },
    ]);
  });

  it("that was killed goes on where it stopped: the same bytes, and no finished shard is asked again", async () => {
    const calls = join(temporaryFolder(), "calls");
    const called = () => (existsSync(calls) ? readFileSync(calls, "utf8").trimEnd().split("\n") : []);
    const folder = projectFolder({
      log,
      files: Object.fromEntries(lanes.map((lane) => [`${lane}.mjs`, counting(calls, lane)])),
    });
    const whole = await replayed(folder, { threads: 2 });
    const expected = fingerprints(whole);
    expect(called()).toHaveLength(14_000);
    expect(new Set(called()).size).toBe(14_000);

    const lost = [
      ["control", 1],
      ["candidate", 1],
      ["candidate", 2],
    ] as const;
    const sessionsLost: string[] = [];
    for (const [lane, shard] of lost) {
      const file = observationsFile(whole.folder, lane, shard);
      const rows = await parquetRows<{ session: string; seq: number }>(file);
      sessionsLost.push(...rows.filter(({ seq }) => seq === 0).map(({ session }) => `${lane} ${session}`));
      rmSync(file);
      writeFileSync(temporaryName(file), "cut off while it was written");
    }
    rmSync(calls);
    const resumed = await replayed(folder, { threads: 1, resume: true, startedAt: new Date() });
    expect(resumed).toMatchObject({ resumed: true, folder: whole.folder, sessions: whole.sessions });
    expect(fingerprints(resumed)).toEqual(expected);
    expect(called().sort()).toEqual(sessionsLost.sort());

    rmSync(calls);
    expect(fingerprints(await replayed(folder, { resume: true }))).toEqual(expected);
    expect(called()).toEqual([]);
  });
});

describe("two policies that are the same", () => {
  it("give the same digests, measures and latencies to every request", async () => {
    const same = busy("1");
    const { folder } = await replayed(
      projectFolder({ log: requests(600), files: { "control.mjs": same, "candidate.mjs": same } }),
    );
    const [control, candidate] = await Promise.all(
      lanes.map((lane) => parquetRows<object>(parquetFiles(observationsFolder(folder, lane)))),
    );
    expect(control).toHaveLength(600);
    const withoutStack = (rows: readonly object[] | undefined) => rows?.map((row) => ({ ...row, stack: null }));
    expect(withoutStack(candidate)).toEqual(withoutStack(control));
  });
});

describe("a resumed run", () => {
  it("is that of the same inputs: another seed, log, policy or mapping starts a new one, another plan does not", async () => {
    const policy = policyModule({ more: 'files: ["prompt.md"],' });
    const folder = projectFolder({ files: { "control.mjs": policy, "prompt.md": "Be brief." } });
    await replayed(folder);
    /** Whether the first run goes on with a word of a file changed. */
    const resumed = async (file: string, from: string, to: string, options: Partial<RunOptions> = {}) => {
      const path = join(folder, file);
      const before = readFileSync(path, "utf8");
      expect(before).toContain(from);
      writeFileSync(path, before.replace(from, to));
      const found = await replayed(folder, { ...options, resume: true, startedAt: new Date(0) });
      writeFileSync(path, before);
      return found.resumed;
    };
    expect(await resumed("prompt.md", "brief", "brief")).toBe(true);
    expect(await resumed("plan.yaml", "5pp", "6pp")).toBe(true);
    expect(await resumed("prompt.md", "brief", "long")).toBe(false);
    expect(await resumed("prompt.md", "brief", "brief", { seed: "other" })).toBe(false);
    expect(await resumed("log.jsonl", "user 1", "user 2")).toBe(false);
    expect(await resumed("foretaste.yaml", '"user": "user"', '"user": "session"')).toBe(false);
  });
});

describe("in a worker thread", () => {
  it("a policy that breaks the rules of measures ends the run with place, problem and way out", async () => {
    const reserved = policyModule({ respond: "({ measures: { status: 1 } })" });
    expect(await refusal(() => replayed(projectFolder({ files: { "candidate.mjs": reserved } })))).toMatch(
      /^measure status: its name is reserved; rename it in the policy$/,
    );
    const mixed = policyModule({ respond: "({ measures: { completed: request.n % 2 ? 1 : true } })" });
    expect(await refusal(() => replayed(projectFolder({ files: { "control.mjs": mixed } })))).toMatch(
      /^measure completed: is a boolean in one answer and a number in another; return one type$/,
    );
  });

  it("a policy that hangs is given up after the project's timeout", async () => {
    const hanging = policyModule({
      respond: "request.n === 4 ? new Promise(() => {}) : { measures: { completed: true } }",
    });
    const { folder } = await replayed(
      projectFolder({ project: { replay: { timeout: "200ms", concurrency: 1 } }, files: { "candidate.mjs": hanging } }),
    );
    const rows = await parquetRows<{ session: string; seq: number; status: string; error: string | null }>(
      observationsFile(folder, "candidate", 0),
    );
    expect(rows.filter(({ status }) => status !== "ok")).toMatchObject([
      { session: "session 2", seq: 0, status: "timeout", error: "no answer within 200 ms" },
      { session: "session 2", seq: 1, status: "skipped", error: null },
    ]);
  });
});
