import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { randomStream, studyKey } from "../../statistics/random-stream.ts";
import { policyModule, projectFolder, requests } from "../support/project-folder.ts";
import { cli } from "../support/run-cli.ts";

const policy = (version: string) =>
  policyModule({
    version,
    respond: "({ measures: { completed: context.random() < 0.8, cost: context.random() + request.n } })",
  });

/** A project that is replayed, and what a run of it begins with. */
async function replayedProject(): Promise<string> {
  const folder = projectFolder({
    log: requests(3000, 3).map((request, i) => ({
      ...request,
      at: new Date(Date.UTC(2026, 0, 5) + i * 15_000).toISOString(),
    })),
    project: {
      metrics: {
        completion: { kind: "proportion", value: "bool_or(completed)", better: "higher" },
        cost: { kind: "mean", value: "sum(cost)", better: "lower" },
      },
    },
    plan: {
      margins: { completion: "3pp", cost: "5%" },
      stages: [
        { name: "tenth", exposure: "10%", duration: { min: "1h", max: "3h" }, minimumSample: 1, lookEvery: "30min" },
        { name: "half", exposure: "50%", duration: { min: "1h", max: "3h" }, minimumSample: 1, lookEvery: "30min" },
        { name: "full", exposure: "100%" },
      ],
      rule: { evidence: "sequential" },
    },
    files: { "control.mjs": policy("1"), "candidate.mjs": policy("2") },
  });
  await start(folder, { out: "replayed", command: "replay" }).ended;
  return folder;
}

interface Options {
  readonly out: string;
  readonly command?: string;
  readonly threads?: number;
  readonly more?: readonly string[];
}

interface Started {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

/** Starts a command that goes on in the run below `out`, at first in a copy of the one that was only replayed. */
function start(folder: string, { out, command = "simulate", threads = 2, more = [] }: Options): Started {
  if (command !== "replay" && !existsSync(join(folder, out)))
    cpSync(join(folder, "replayed"), join(folder, out), { recursive: true });
  const common = ["--out", join(folder, out), "--threads", String(threads), "--json", "--resume"];
  const child = spawn(process.execPath, [cli, command, folder, ...common, ...more], {
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Awaited<Started["ended"]>>((resolve) =>
    child.on("close", (code) => resolve({ code, stdout, stderr })),
  );
  return { child, ended, stderr: () => stderr };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const runOf = (folder: string, out: string) => {
  const runs = join(folder, out, ".foretaste/runs");
  const found = readdirSync(runs);
  expect(found).toHaveLength(1);
  return join(runs, found[0] as string);
};

/** Every file of a run, with a hash of its bytes. */
function filesOf(run: string): readonly (readonly [string, string])[] {
  return readdirSync(run, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(run.length + 1))
    .sort()
    .map((name) => {
      const bytes = readFileSync(join(run, name));
      return [name, createHash("sha256").update(bytes).digest("hex")] as const;
    });
}

/** The files of kept salts. */
const partsOf = (folder: string, out: string) =>
  readdirSync(runOf(folder, out), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".gz"));

/** Waits until something is so, or a command has ended. */
async function until({ ended }: Started, isSo: () => boolean): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!isSo() && !over) await wait(2);
}

const simulating = (started: Started) => until(started, () => /^simulate: /m.test(started.stderr()));
const keeping = (folder: string, out: string, started: Started) =>
  until(started, () => partsOf(folder, out).length > 0);

/** Salts that were there when a command began to simulate. */
const found = (stderr: string) => Number(/^simulate: ([\d,]+) of/m.exec(stderr)?.[1]?.replaceAll(",", ""));

describe("a simulation that is killed", () => {
  it.each([
    ["simulate", ["--replicates", "3000"], 4],
    ["rehearse", ["--replicates", "250", "--precision", "1pp", "--detection"], 2],
  ])(
    "goes on to the same bytes, on other threads too, and simulates no finished salt again: %s",
    async (command, more, points) => {
      const folder = await replayedProject();
      const whole = start(folder, { out: "whole", command, more });
      await simulating(whole);
      const begun = performance.now();
      const expected = await whole.ended;
      const length = performance.now() - begun;
      expect([[0, 10, 11, 12].includes(expected.code ?? -1), found(expected.stderr)]).toEqual([true, 0]);
      const lines = expected.stderr.split("\n").filter((line) => line.startsWith("simulate: "));
      const last =
        command === "simulate" ? /^simulate: 120 of 120$/ : /^simulate: ([\d,]+) of \1, rates known to 0\.\d+pp$/;
      expect(lines.at(-1)).toMatch(last);
      const draw = randomStream(studyKey("kill"), 1, 0);
      const goneOn: number[] = [];
      for (let i = 0; i < points; i++) {
        const out = `killed ${i}`;
        let before = 0;
        // some twice
        for (let times = 0; times < 1 + (i % 2); times++) {
          const started = start(folder, { out, command, more, threads: 1 + ((i + times) % 2) });
          await simulating(started);
          // once as soon as something is kept
          if (i === 0) await keeping(folder, out, started);
          else await wait((length * (i - 1 + draw())) / (points - 1) / (1 + times));
          started.child.kill("SIGKILL");
          const { stderr } = await started.ended;
          expect(found(stderr)).toBeGreaterThanOrEqual(before);
          before = found(stderr);
        }
        const { code, stdout, stderr } = await start(folder, { out, command, more, threads: 2 - (i % 2) }).ended;
        goneOn.push(found(stderr));
        expect([code, stdout]).toEqual([expected.code, expected.stdout]);
        expect(filesOf(runOf(folder, out))).toEqual(filesOf(runOf(folder, "whole")));
      }
      expect(Math.max(...goneOn)).toBeGreaterThan(0);
    },
  );
});

describe("a simulation that is interrupted", () => {
  const many = ["--replicates", "100000"];

  it("ends with 130 when the salts under way are written, and can go on", async () => {
    const folder = await replayedProject();
    const started = start(folder, { out: "out", more: many, threads: 1 });
    await simulating(started);
    started.child.kill("SIGINT");
    const { code, stdout, stderr } = await started.ended;
    expect([code, stdout]).toEqual([130, ""]);
    expect(stderr).toMatch(/\nstopping when the salts under way are written; Ctrl-C again stops at once\n/);
    expect(stderr).toMatch(/\ninterrupted; go on with: the same command and --resume\n$/);
    expect(partsOf(folder, "out").length).toBeGreaterThan(0);
    const more = ["--replicates", "1000"];
    const resumed = await start(folder, { out: "out", more }).ended;
    expect(found(resumed.stderr)).toBeGreaterThanOrEqual(5);
    expect(resumed.stdout).toBe((await start(folder, { out: "whole", more }).ended).stdout);
  });

  it("twice ends at once, and what it kept is left by a simulation of other scenarios, for a later one that needs it", async () => {
    const folder = await replayedProject();
    const started = start(folder, { out: "out", more: many });
    await keeping(folder, "out", started);
    started.child.kill("SIGINT");
    await until(started, () => /stopping when/.test(started.stderr()));
    started.child.kill("SIGINT");
    expect((await started.ended).code).toBe(130);
    const parts = partsOf(folder, "out");
    const other = await start(folder, { out: "out", more: ["--replicates", "50", "--detection"] }).ended;
    expect(found(other.stderr)).toBe(0);
    expect(partsOf(folder, "out")).toEqual(parts);
    const again = await start(folder, { out: "out", more: ["--replicates", "250"] }).ended;
    expect(found(again.stderr)).toBeGreaterThanOrEqual(5);
    expect(partsOf(folder, "out")).toEqual([]);
  });
});
