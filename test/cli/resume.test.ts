import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Result } from "../../reports/result.ts";
import { randomStream, studyKey } from "../../statistics/random-stream.ts";
import { parquetRows, projectFolder, requests } from "../support/project-folder.ts";
import { cli } from "../support/run-cli.ts";

const perSession = 3;

/**
 * Answers in about 5 µs (in 20 ms when it is told to be slow), fails here and there, and notes each session that it opens
 * in a file.
 */
const policy = (lane: string) => `
import { appendFileSync } from "node:fs";
export default {
  name: "test", version: "${lane}",
  open: ({ id }, context) => {
    if (process.env.NOTES) appendFileSync(process.env.NOTES, "${lane} " + id + "\\n");
    const respond = ({ n }) => {
      const end = performance.now() + 0.004;
      while (performance.now() < end);
      if (n % 1999 === 7) throw new Error("broken " + n);
      const draw = context.random();
      return { response: { n, draw, of: "${lane}" }, measures: { completed: draw < 0.9, cost: draw / 3 } };
    };
    const later = (request) => new Promise((resolve) => setTimeout(resolve, 20)).then(() => respond(request));
    return { respond: process.env.SLOW ? later : respond };
  },
};`;

/** A project of so many shards, also as process.yaml, whose policies run in processes; the last shard is a small one. */
function projectOf(shards: number, replay: object = {}): string {
  const folder = projectFolder({
    log: requests(10_200 * (shards - 1) + 900, perSession),
    files: { "control.mjs": policy("control"), "candidate.mjs": policy("candidate") },
    project: { replay },
  });
  const text = readFileSync(join(folder, "foretaste.yaml"), "utf8");
  const written = JSON.parse(text) as object;
  writeFileSync(
    join(folder, "process.yaml"),
    JSON.stringify({ ...written, replay: { ...replay, isolation: "process" } }),
  );
  return folder;
}

interface Started {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string; readonly stdout: string }>;
}

interface Options {
  readonly out: string;
  readonly threads?: number;
  readonly project?: string;
  readonly command?: string;
  readonly resume?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a command in a process group of its own; runs of the folder are kept below `out`, notes of policies in `out`.notes. */
function start(folder: string, options: Options): Started {
  const { out, threads = 1, project = "foretaste.yaml", command = "rehearse", resume = false, env = {} } = options;
  const more = [...(resume ? ["--resume"] : []), ...(command === "rehearse" ? ["--replicates", "50"] : [])];
  const child = spawn(
    process.execPath,
    [cli, command, join(folder, project), "--out", join(folder, out), "--threads", String(threads), ...more],
    { env: { ...process.env, NO_COLOR: "1", ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  onTestFinished(() => signalGroup(child, "SIGKILL"));
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Awaited<Started["ended"]>>((resolve) =>
    child.on("close", (code) => resolve({ code, stderr, stdout })),
  );
  return { child, ended, stderr: () => stderr };
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-(pid as number), signal);
  } catch {
    // it has ended already
  }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The one run below `out`; undefined before it has a manifest. */
function runFolder(folder: string, out: string): string | undefined {
  const runs = join(folder, out, ".foretaste/runs");
  if (!existsSync(runs)) return undefined;
  const found = readdirSync(runs).filter((id) => existsSync(join(runs, id, "manifest.json")));
  expect(found.length).toBeLessThanOrEqual(1);
  return found[0] === undefined ? undefined : join(runs, found[0]);
}

/** Every file of a run by its name, as a hash of its bytes. */
function filesOf(run: string | undefined): Record<string, string> {
  if (run === undefined) return {};
  const names = readdirSync(run, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(run.length + 1));
  return Object.fromEntries(
    names.sort().map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(run, name)))
        .digest("hex"),
    ]),
  );
}

/** Files that are another one's in every run: they name it. Requests have a test of their own. */
const named = new Set(["manifest.json", "result.json", "report.html", "report.md", "requests/00000.parquet"]);

/** What must not depend on how often a run was killed: its files, but for those that name the run or its command. */
function outcomeOf(run: string | undefined) {
  const files = filesOf(run);
  const result = JSON.parse(readFileSync(join(run as string, "result.json"), "utf8")) as Result;
  const { id: _, startedAt: __, command: ___, ...own } = result.run;
  return {
    names: Object.keys(files),
    bytes: Object.entries(files).filter(([name]) => !named.has(name)),
    result: { ...result, run: own },
  };
}

/** Observations that are there under their final names, as lane/shard. */
const finished = (files: Readonly<Record<string, string>>) =>
  Object.keys(files).flatMap((name) => /^observations\/(.*)\.parquet$/.exec(name)?.[1] ?? []);

const notes = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : []);

describe("a rehearsal that is killed", () => {
  const points = 20;

  it(`at ${points} points between its start and its end goes on to the same bytes, and calls no finished shard again`, async () => {
    const folder = projectOf(3);
    const begun = performance.now();
    const undisturbed = await Promise.all(
      [1, 2].map((threads) => start(folder, { out: `threads ${threads}`, threads }).ended),
    );
    const length = performance.now() - begun;
    const [verdict, again] = undisturbed.map(({ code }) => code);
    expect([0, 10, 11, 12]).toContain(verdict);
    expect(again).toBe(verdict);
    const expected = outcomeOf(runFolder(folder, "threads 1"));
    expect(outcomeOf(runFolder(folder, "threads 2"))).toEqual(expected);
    const run = runFolder(folder, "threads 1") as string;
    const shards = await parquetRows<{ session: string; shard: number }>(join(run, "requests/00000.parquet"));
    const sessions = (parts: readonly string[]) =>
      parts
        .flatMap((part) => {
          const [lane, shard] = part.split("/");
          const own = shards.filter((row) => row.shard === Number(shard)).map(({ session }) => `${lane} ${session}`);
          return [...new Set(own)];
        })
        .sort();
    const all = finished(filesOf(run));
    expect(all).toHaveLength(6);

    const draw = randomStream(studyKey("kill"), 0, 0);
    const delays = Array.from({ length: points }, (_, i) => (length * (i + draw())) / points);
    const phases: string[] = [];
    const kill = async (delay: number, i: number) => {
      // some with workers that are processes; threads differ before and after
      const own = { out: `killed ${i}`, project: i % 5 === 4 ? "process.yaml" : "foretaste.yaml" };
      let killed = false;
      // some once more, while they go on
      for (let times = 0; times < (i % 4 === 2 ? 2 : 1); times++) {
        const started = start(folder, { ...own, threads: 1 + (i % 2), resume: times > 0 });
        await Promise.race([wait(delay), started.ended]);
        signalGroup(started.child, "SIGKILL");
        killed = (await started.ended).code === null;
      }
      const before = filesOf(runFolder(folder, own.out));
      const there = finished(before);
      const phase = !before["import.json"] ? "read" : there.length < 6 ? "replay" : "later";
      phases.push(killed ? phase : "ended");
      for (const part of there) expect(all).toContain(part);

      const noted = join(folder, `notes ${i}`);
      const { code, stderr } = await start(folder, {
        ...own,
        threads: 2 - (i % 2),
        resume: true,
        env: { NOTES: noted },
      }).ended;
      expect([code, stderr]).toEqual([verdict, expect.stringContaining("simulate")]);
      expect(outcomeOf(runFolder(folder, own.out))).toEqual(expected);
      expect(notes(noted).sort()).toEqual(sessions(all.filter((part) => !there.includes(part))));
    };
    // two at once, from both ends
    const waiting = [...delays.entries()];
    const work = async (next: () => [number, number] | undefined) => {
      for (let own = next(); own; own = next()) await kill(own[1], own[0]);
    };
    await Promise.all([work(() => waiting.shift()), work(() => waiting.pop())]);
    expect(phases).toHaveLength(points);
    for (const phase of ["read", "replay"]) expect(phases).toContain(phase);
  });
});

describe("a run that is interrupted", () => {
  const begun = async ({ stderr, ended }: Started, line: RegExp) => {
    let over = false;
    void ended.then(() => {
      over = true;
    });
    while (!line.test(stderr()) && !over) await wait(5);
  };
  const replaying = /^replay: 0 of/m;

  /** What is there of a run is whole; what is left of it comes with --resume. */
  async function expectResumable(folder: string, options: Options): Promise<void> {
    await start(folder, { ...options, out: "undisturbed", threads: 2 }).ended;
    const there = filesOf(runFolder(folder, options.out));
    const all = filesOf(runFolder(folder, "undisturbed"));
    for (const [name, hash] of Object.entries(there)) {
      if (!named.has(name)) expect([name, hash]).toEqual([name, all[name]]);
    }
    await start(folder, { ...options, resume: true }).ended;
    const bytes = (files: Readonly<Record<string, string>>) =>
      Object.entries(files).filter(([name]) => name.endsWith(".parquet") && !named.has(name));
    expect(bytes(filesOf(runFolder(folder, options.out)))).toEqual(bytes(all));
  }

  it("while it reads the log ends at once with 130, and says how to go on", async () => {
    const folder = projectOf(2);
    const started = start(folder, { out: "out", command: "replay" });
    await begun(started, /^read traffic: 0 of/m);
    started.child.kill("SIGINT");
    const { code, stderr } = await started.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(/interrupted; go on with: the same command and --resume\n$/);
    await expectResumable(folder, { out: "out", command: "replay" });
  });

  it.each(["foretaste.yaml", "process.yaml"])(
    "while it replays ends with 130 when the shards under way are written, and can go on: %s",
    async (project) => {
      const folder = projectOf(3);
      const options = { out: "out", command: "replay", project };
      const started = start(folder, options);
      await begun(started, replaying);
      // as a terminal does it: every process of the group is told
      signalGroup(started.child, "SIGINT");
      const { code, stderr } = await started.ended;
      expect(stderr).toMatch(/stopping when the shards under way are written; Ctrl-C again stops at once/);
      expect(stderr).toMatch(/interrupted; go on with: the same command and --resume\n$/);
      expect(code).toBe(130);
      expect(finished(filesOf(runFolder(folder, "out"))).length).toBeGreaterThan(0);
      await expectResumable(folder, options);
    },
  );

  it("while it replays its last shard does not go on to the simulation", async () => {
    const folder = projectOf(1);
    const started = start(folder, { out: "out" });
    await begun(started, replaying);
    signalGroup(started.child, "SIGINT");
    const { code, stderr } = await started.ended;
    expect(stderr).not.toMatch(/simulate/);
    expect(stderr).toMatch(/interrupted; go on with: the same command and --resume\n$/);
    expect(code).toBe(130);
  });

  it("twice ends at once, and can go on", async () => {
    const folder = projectOf(1, { concurrency: 1 });
    // a shard would take minutes
    const started = start(folder, { out: "out", command: "replay", env: { SLOW: "yes" } });
    await begun(started, replaying);
    signalGroup(started.child, "SIGINT");
    await begun(started, /stopping when/);
    await wait(300);
    expect(started.child.exitCode).toBe(null);
    const again = performance.now();
    signalGroup(started.child, "SIGINT");
    const { code, stderr } = await started.ended;
    expect(performance.now() - again).toBeLessThan(5000);
    expect(code).toBe(130);
    expect(stderr).toMatch(/interrupted; go on with: the same command and --resume\n$/);
    await expectResumable(folder, { out: "out", command: "replay" });
  });
});

it("a run whose responses are kept has them all after it was killed between a shard's observations and its responses", async () => {
  const folder = projectOf(1, { responses: "store" });
  await start(folder, { out: "undisturbed", command: "replay" }).ended;
  // the folder of the responses cannot be made while a file is in its place
  const started = start(folder, { out: "out", command: "replay" });
  while (!runFolder(folder, "out")) await wait(5);
  const blocked = join(runFolder(folder, "out") as string, "responses");
  writeFileSync(blocked, "");
  expect((await started.ended).code).toBe(2);
  rmSync(blocked);
  expect((await start(folder, { out: "out", command: "replay", resume: true }).ended).code).toBe(0);
  expect(Object.keys(filesOf(runFolder(folder, "out")))).toEqual(
    Object.keys(filesOf(runFolder(folder, "undisturbed"))),
  );
});

it("the requests of a run have the same bytes on any number of threads", async () => {
  const folder = projectFolder({ log: requests(12_000, perSession) });
  const bytes = [1, 2].map(async (threads) => {
    await start(folder, { out: `${threads}`, threads, command: "replay" }).ended;
    return filesOf(runFolder(folder, `${threads}`))["requests/00000.parquet"];
  });
  const [one, two] = await Promise.all(bytes);
  expect(two).toBe(one);
});

it("a log of one user, whose other shards are empty, is replayed and resumed like any other", async () => {
  const log = requests(21_000, perSession).map((one) => ({ ...one, user: "only" }));
  const folder = projectFolder({ log });
  const first = await start(folder, { out: "out" }).ended;
  expect(first.stderr).toMatch(/^replay: 21,000 of 21,000/m);
  const before = outcomeOf(runFolder(folder, "out"));
  expect(finished(filesOf(runFolder(folder, "out")))).toHaveLength(6);
  const again = await start(folder, { out: "out", resume: true, threads: 2 }).ended;
  expect(again.code).toBe(first.code);
  expect(outcomeOf(runFolder(folder, "out"))).toEqual(before);
});
