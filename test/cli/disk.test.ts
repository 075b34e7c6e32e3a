import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { diskProblem } from "../../io/run-folder.ts";
import { InputError } from "../../plan/input-error.ts";
import { CallLog } from "../../shadow/call-log.ts";
import { temporaryFolder } from "../support/folders.ts";
import { policyModule, projectFolder, requests } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";
import { cli, type Ended, run } from "../support/run-cli.ts";

const mountable = canMount();
if (!mountable) console.info("skipped: small disks that fill up can only be mounted by root");

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "foretaste-"));
  try {
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).status !== 0) return false;
    return spawnSync("umount", [folder]).status === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A disk of so many kilobytes; it is gone when the test ends. */
function mountDisk(kilobytes: number): { readonly folder: string; readonly change: (options: string) => boolean } {
  const folder = temporaryFolder();
  const mount = (options: string) =>
    spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" }).status === 0;
  expect(mount(`size=${kilobytes}k`)).toBe(true);
  onTestFinished(() => {
    spawnSync("umount", ["--lazy", folder]);
  });
  return { folder, change: (options) => mount(`remount,${options}`) };
}

/** Two shards; answers take a millisecond each when the policy is told to be slow. */
const project = () =>
  projectFolder({
    log: requests(12_000, 3),
    files: Object.fromEntries(
      ["control", "candidate"].map((lane) => [
        `${lane}.mjs`,
        policyModule({
          version: lane,
          before: "const slow = (answer) => new Promise((resolve) => setTimeout(() => resolve(answer), 1));",
          respond: `((answer) => (process.env.SLOW ? slow(answer) : answer))(
            { response: { n: request.n, of: "${lane}" }, measures: { completed: context.random() < 0.9, cost: request.n / 3 } })`,
        }),
      ]),
    ),
  });

function rehearse(folder: string, out: string, ...more: readonly string[]): Promise<Ended> {
  return run(process.execPath, [cli, "rehearse", folder, "--replicates", "50", "--out", out, ...more]);
}

const runsOf = (out: string) => {
  const runs = join(out, ".foretaste/runs");
  const there = existsSync(runs) ? readdirSync(runs) : [];
  return there.map((id) => join(runs, id)).filter((folder) => existsSync(join(folder, "manifest.json")));
};

/** Hashes of the files of a run by their names. */
function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  return Object.fromEntries(
    names.sort().map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
}

/** Files that name their run are another one's in every run; requests are cut into row groups by threads. */
const named = ["manifest.json", "result.json", "report.html", "report.md", "requests/00000.parquet"];
const bytesOf = (folder: string) => Object.entries(filesOf(folder)).filter(([name]) => !named.includes(name));

/** Everything that stands under a final name is whole. */
function expectWhole(folder: string, undisturbed: string): void {
  const expected = filesOf(undisturbed);
  for (const [name, hash] of Object.entries(filesOf(folder))) {
    // kept salts are there until the results are written
    if (name.endsWith(".tmp") || name.startsWith("salts/")) continue;
    const text = () => readFileSync(join(folder, name), "utf8");
    if (name.endsWith(".json")) expect(() => JSON.parse(text())).not.toThrow();
    else if (name === "report.html") expect(text()).toMatch(/<\/html>\s*$/);
    else if (!named.includes(name)) expect([name, hash]).toEqual([name, expected[name]]);
  }
}

/** Exit code 2 and one line on stderr beside the progress: a path, what is wrong with the disk, and the way out. */
function expectRefusal({ code, stderr, stdout }: Ended, path: string, problem: RegExp): void {
  const lines = stderr.split("\n").filter((line) => line !== "" && !/^[a-z ,0-9]+: [\d,]+ of [\d,]+/.test(line));
  expect(lines).toEqual([expect.stringMatching(problem)]);
  expect(lines[0]).toMatch(/^\/[^:]+: [^;]+; .+/);
  expect(lines[0]?.startsWith(path)).toBe(true);
  expect([code, stdout]).toEqual([2, ""]);
}

const full = /: the disk is full; make space there, then go on with the same command and --resume$/;
const readOnly = /: the disk is read-only; make it writable, or name another folder with --out$/;
const kilobytesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).reduce(
    (sum, name) => sum + Math.ceil(statSync(join(folder, name)).size / 4096) * 4,
    0,
  );

describe("an error of the disk", () => {
  const ofNode = (code: string, own: object = {}) =>
    Object.assign(new Error(`${code}: some words, write`), { code, ...own });
  const ofDatabase = (words: string) => new Error(`IO Error: ${words}\nselect 1`);

  it.each<[Error, string | undefined, RegExp]>([
    [ofNode("ENOSPC"), "/run/result.json", /^\/run\/result\.json: the disk is full; make space there, /],
    [ofNode("EDQUOT", { path: "/run/a" }), "/run/b", /^\/run\/a: the disk quota is used up; /],
    [ofNode("EACCES", { path: "/run" }), undefined, /^\/run: permission is denied; .*--out$/],
    [ofNode("ELOOP", { path: "/run" }), undefined, /^\/run: ELOOP: some words, write; check the path/],
    [
      ofDatabase('Could not write file "/a b/c.tmp": No space left on device'),
      undefined,
      /^\/a b\/c\.tmp: the disk is full;/,
    ],
    [
      ofDatabase('Cannot open file "/run/x.tmp": Read-only file system'),
      undefined,
      /^\/run\/x\.tmp: the disk is read-only;/,
    ],
    [
      ofDatabase('No files found that match the pattern "/gone/x.parquet"'),
      undefined,
      /^\/gone\/x\.parquet: is not there/,
    ],
  ])("is told with its path, what is wrong, and the way out: %s", (error, place, message) => {
    expect(diskProblem(error, place)).toBeInstanceOf(InputError);
    expect(diskProblem(error, place)?.message).toMatch(message);
    expect(diskProblem(error, place)?.message).not.toMatch(/\n/);
  });

  it.each([
    ["of a statement", new Error("Parser Error: syntax error at No space left on device")],
    ["without a path", ofNode("ENOSPC")],
    ["of a module", Object.assign(new Error("x"), { code: "ERR_MODULE_NOT_FOUND", path: "/x" })],
    ["that is none", "ENOSPC"],
  ])("is not seen in one %s", (_, error) => {
    expect(diskProblem(error)).toBeUndefined();
  });
});

describe.skipIf(!mountable)("a full disk", () => {
  it("ends a rehearsal with exit code 2 wherever it fills up; with space it goes on to the same bytes", async () => {
    const folder = project();
    const whole = temporaryFolder();
    const verdict = (await rehearse(folder, whole)).code;
    const [undisturbed = ""] = runsOf(whole);
    const needed = kilobytesOf(undisturbed);
    const filled = new Set<string>();
    for (const share of [0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95]) {
      const disk = mountDisk(Math.floor((needed * share) / 4) * 4 + 4);
      const ended = await rehearse(folder, disk.folder, "--threads", "1");
      expectRefusal(ended, disk.folder, full);
      filled.add(/runs\/[^/]+\/([^/:.]+)/.exec(ended.stderr)?.[1] ?? "");
      for (const own of runsOf(disk.folder)) expectWhole(own, undisturbed);

      expect(disk.change(`size=${4 * needed}k`)).toBe(true);
      expect((await rehearse(folder, disk.folder, "--resume", "--threads", "2")).code).toBe(verdict);
      const [resumed = "", ...others] = runsOf(disk.folder);
      expect(others).toEqual([]);
      expect(bytesOf(resumed)).toEqual(bytesOf(undisturbed));
      expect(Object.keys(filesOf(resumed))).toEqual(Object.keys(filesOf(undisturbed)));
    }
    // while it reads and while it replays
    expect([...filled]).toEqual(expect.arrayContaining(["sessions", "observations"]));
  });

  it("costs a network policy no call twice", async () => {
    const calls = join(temporaryFolder(), "calls");
    const folder = projectFolder({
      log: requests(900, 3),
      files: {
        "candidate.mjs": `
import { appendFileSync } from "node:fs";
export default {
  name: "test", version: "1", network: true,
  open: ({ id }, context) => ({
    respond: async (request) => {
      appendFileSync(${JSON.stringify(calls)}, id + " " + context.seq + "\\n");
      return { response: "x".repeat(1000) + request.n, measures: { completed: request.n % 5 > 0 } };
    },
    resume: () => {},
  }),
};`,
      },
      project: { replay: { maxCalls: 900, concurrency: 4 } },
    });
    const called = () => readFileSync(calls, "utf8").trimEnd().split("\n");
    const whole = temporaryFolder();
    await rehearse(folder, whole);
    const [undisturbed = ""] = runsOf(whole);
    expect(called()).toHaveLength(900);
    rmSync(calls);

    const disk = mountDisk(500);
    expectRefusal(await rehearse(folder, disk.folder), join(disk.folder, ".foretaste"), full);
    const [cut = ""] = runsOf(disk.folder);
    const log = join(cut, "calls/candidate/00000-000.jsonl");
    const lines = readFileSync(log, "utf8").split("\n");
    const logged = lines.filter((line) => line.endsWith("}]"));
    expect(logged.length).toBeGreaterThan(100);
    const before = called();
    expect(before.length - logged.length).toBeLessThanOrEqual(4);

    expect(disk.change("size=8m")).toBe(true);
    await rehearse(folder, disk.folder, "--resume");
    const answered = new Set(logged.map((line) => (JSON.parse(line) as [string, number]).slice(0, 2).join(" ")));
    expect(
      called()
        .slice(before.length)
        .filter((call) => answered.has(call)),
    ).toEqual([]);
    expect(called().length).toBeLessThanOrEqual(904);
    const parquet = (own: string) => bytesOf(own).filter(([name]) => name.endsWith(".parquet"));
    expect(parquet(cut)).toEqual(parquet(undisturbed));
  });

  it("takes a part of a call into its log, which is then none, and does not spoil the next one", async () => {
    const disk = mountDisk(8);
    const file = join(disk.folder, "calls/00000-000.jsonl");
    const log = new CallLog(file);
    const answer = (i: number) => ({ answer: { response: `${i} ${"ü".repeat(500)}` } });
    let noted = 0;
    const message = await refusal(() => {
      for (; ; noted++) log.note("a", noted, answer(noted));
    });
    expect(message).toBe(`${file}: the disk is full; make space there, then go on with the same command and --resume`);
    expect(readFileSync(file, "utf8").endsWith("\n")).toBe(false);
    expect(await refusal(() => log.note("b", 0, answer(0)))).toMatch(full);

    disk.change("size=64k");
    log.note("b", 0, answer(1));
    log.note("a", noted, answer(noted));
    log.close();
    const read = new CallLog(file);
    expect(read.of("a")).toEqual(Array.from({ length: noted + 1 }, (_, i) => answer(i)));
    expect(read.of("b")).toEqual([answer(1)]);
  });

  it("is said of traffic that is generated or inspected, and of an export, and no half file is left", async () => {
    const disk = mountDisk(100);
    const file = join(disk.folder, "requests.jsonl");
    const generated = await run(process.execPath, [cli, "generate", file, "--sessions", "5000"]);
    expectRefusal(generated, disk.folder, /the disk is full/);
    expect(existsSync(file)).toBe(false);

    const folder = project();
    const section = join(disk.folder, "section.yaml");
    writeFileSync(join(disk.folder, "filler"), Buffer.alloc(100 * 1024));
    const inspected = await run(process.execPath, [
      ...[cli, "traffic", "inspect", join(folder, "log.jsonl"), "--write", section],
    ]);
    expectRefusal(inspected, section, /the disk is full/);
    expect(existsSync(section)).toBe(false);

    const out = temporaryFolder();
    await run(process.execPath, [cli, "replay", folder, "--out", out]);
    const table = join(disk.folder, "observations.parquet");
    const exported = await run(process.execPath, [cli, "export", folder, "--out", out, "--to", table]);
    expect([exported.code, exported.stdout]).toEqual([2, ""]);
    expect(exported.stderr).toContain(table);
    expect(existsSync(table)).toBe(false);
  });
});

describe.skipIf(!mountable)("a read-only disk", () => {
  it("is said before anything is called", async () => {
    const disk = mountDisk(4096);
    mkdirSync(join(disk.folder, "runs"));
    disk.change("ro");
    for (const out of [disk.folder, join(disk.folder, "runs"), join(disk.folder, "new/folder")])
      expectRefusal(await rehearse(project(), out), disk.folder, readOnly);
  });

  it("that was writable when the replay began ends it with exit code 2; writable again, it goes on to the same bytes", async () => {
    const folder = project();
    const whole = temporaryFolder();
    const verdict = (await rehearse(folder, whole)).code;
    const [undisturbed = ""] = runsOf(whole);

    const disk = mountDisk(16_384);
    const ended = startSlowly(folder, disk.folder);
    await until(() => runsOf(disk.folder).some((own) => existsSync(join(own, "observations/control/00000.parquet"))));
    // refused while a file is open for writing
    await until(() => disk.change("ro"));
    expectRefusal(await ended, disk.folder, readOnly);
    expect(disk.change("rw")).toBe(true);
    const [cut = ""] = runsOf(disk.folder);
    expectWhole(cut, undisturbed);
    expect((await rehearse(folder, disk.folder, "--resume")).code).toBe(verdict);
    expect(bytesOf(cut)).toEqual(bytesOf(undisturbed));
  });
});

describe.skipIf(!mountable)("a disk that becomes read-only while salts are kept", () => {
  it("ends the simulation with exit code 2; writable again, it goes on", async () => {
    const folder = project();
    const disk = mountDisk(16_384);
    const ended = run(process.execPath, [cli, "simulate", folder, "--replicates", "500000", "--out", disk.folder]);
    const kept = () => runsOf(disk.folder).flatMap((own) => readdirSync(own).filter((name) => name === "salts"));
    await until(() => kept().length > 0);
    await until(() => disk.change("ro"));
    expectRefusal(await ended, disk.folder, readOnly);
    expect(disk.change("rw")).toBe(true);
    const more = ["--replicates", "50", "--out", disk.folder, "--resume"];
    const resumed = await run(process.execPath, [cli, "simulate", folder, ...more]);
    expect([0, 10]).toContain(resumed.code);
    expect(kept()).toEqual([]);
  });
});

describe("a place that is none", () => {
  it("is said when --out is a file, or lies below one", async () => {
    const folder = project();
    const taken = join(folder, "taken");
    writeFileSync(taken, "");
    for (const out of [taken, join(taken, "below/it")])
      expectRefusal(await rehearse(folder, out), taken, /; check the path/);
    expect(readFileSync(taken, "utf8")).toBe("");
  });

  it("is said when the run's folder vanishes while it is replayed", async () => {
    const folder = project();
    const out = temporaryFolder();
    const ended = startSlowly(folder, out);
    await until(() => runsOf(out).some((own) => existsSync(join(own, "observations/control/00000.parquet"))));
    renameSync(join(out, ".foretaste"), join(folder, "moved away"));
    expectRefusal(await ended, out, /: is not there, or no longer there; .* start anew$/);
    expect((await rehearse(folder, out, "--resume")).stdout).toMatch(/report: /);
  });
});

/** Starts a rehearsal whose replay takes some seconds. */
function startSlowly(folder: string, out: string): Promise<Ended> {
  const args = [cli, "rehearse", folder, "--replicates", "50", "--threads", "1", "--out", out];
  const child = spawn(process.execPath, args, { env: { ...process.env, NO_COLOR: "1", SLOW: "yes" } });
  onTestFinished(() => void child.kill("SIGKILL"));
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
