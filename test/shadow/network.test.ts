import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { parquetRows, projectFolder, requests } from "../support/project-folder.ts";
import { cli, type Ended, run } from "../support/run-cli.ts";

interface Call {
  /** which process called */
  readonly run: string;
  readonly lane: string;
  readonly session: string;
  readonly seq: number;
}

/** What a server says to a call; undefined never answers. */
type Reply = (call: Call) => number | undefined;

interface Model {
  readonly url: string;
  readonly calls: Call[];
  /** calls in flight, at most */
  readonly most: () => number;
  onCall: (call: Call) => void;
}

/** A model behind a local server, which takes so long for an answer that depends on all the conversation before. */
async function startModel({ delayMs = 1, status = (() => 200) as Reply } = {}): Promise<Model> {
  let [now, most] = [0, 0];
  const calls: Call[] = [];
  const hanging: ServerResponse[] = [];
  const server = createServer((request, response) => {
    const [, process = "", lane = "", session = "", seq = "", history = ""] = (request.url ?? "")
      .split("/")
      .map(decodeURIComponent);
    const call = { run: process, lane, session, seq: Number(seq) };
    calls.push(call);
    now += 1;
    most = Math.max(most, now);
    response.on("close", () => {
      now -= 1;
    });
    model.onCall(call);
    const code = status(call);
    if (code === undefined) {
      hanging.push(response);
      return;
    }
    const answer = createHash("sha256").update(`${session} ${seq} ${history}`).digest().readUInt16BE();
    setTimeout(() => {
      response.statusCode = code;
      response.end(String(answer));
    }, delayMs);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    for (const response of hanging) response.destroy();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const model: Model = { url: `http://127.0.0.1:${port}`, calls, most: () => most, onCall: () => {} };
  return model;
}

/** Answers by asking the model, with a number that stands for the conversation so far. */
const agent = (lane: string, { resumes = true, version = "1", before = "" } = {}) => `
export default {
  name: "agent ${version}", version: "${version}", network: true,
  open: ({ id }, context) => {
    let history = 7;
    const remember = (answer) => { history = (31 * history + answer) % 1_000_003; };
    return {
      respond: async (request) => {
        ${before}
        const path = [process.env.RUN, "${lane}", id, context.seq, history].map(encodeURIComponent).join("/");
        const reply = await fetch(process.env.MODEL + "/" + path, { signal: context.signal });
        if (!reply.ok) throw new Error("status " + reply.status);
        const answer = Number(await reply.text());
        remember(answer);
        return { response: { answer, history }, measures: { completed: answer % 4 > 0, cost: answer / 3 } };
      },
      ${resumes ? "resume: async (request, { response }) => remember(response.answer)," : ""}
    };
  },
};`;

interface Parts {
  readonly replay?: Readonly<Record<string, unknown>>;
  readonly log?: readonly object[];
  readonly candidate?: string;
  readonly control?: string;
}

/** A project whose candidate, and control too when given, asks the model. */
function networkProject({ replay = {}, log = requests(1500, 3), candidate = agent("candidate"), control }: Parts = {}) {
  return projectFolder({
    log,
    files: { "candidate.mjs": candidate, ...(control ? { "control.mjs": control } : {}) },
    project: { replay: { maxCalls: 1_000_000, ...replay } },
  });
}

interface Options {
  readonly out?: string;
  readonly threads?: number;
  readonly name?: string;
  readonly more?: readonly string[];
}

const argumentsOf = (folder: string, { out = "out", threads = 2, more = [] }: Options) => [
  cli,
  "replay",
  folder,
  ...["--out", join(folder, out), "--threads", String(threads), ...more],
];

function replay(folder: string, model: Model, options: Options = {}): Promise<Ended> {
  const env = { MODEL: model.url, RUN: options.name ?? "" };
  return run(process.execPath, argumentsOf(folder, options), { env });
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly stderr: () => string;
}

/** The same in a process group of its own, and with stderr in a file, which is written before the process goes on. */
function start(folder: string, model: Model, options: Options = {}): Started {
  const file = join(folder, `stderr of ${options.name}`);
  const stderr = openSync(file, "w");
  const child = spawn(process.execPath, argumentsOf(folder, options), {
    env: { ...process.env, NO_COLOR: "1", MODEL: model.url, RUN: options.name ?? "" },
    stdio: ["ignore", "ignore", stderr],
    detached: true,
  });
  closeSync(stderr);
  onTestFinished(() => killGroup(child));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, ended, stderr: () => readFileSync(file, "utf8") };
}

function killGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-(pid as number), "SIGKILL");
  } catch {
    // it has ended already
  }
}

const runFolder = (folder: string, out = "out") => {
  const runs = join(folder, out, ".foretaste/runs");
  expect(readdirSync(runs)).toHaveLength(1);
  return join(runs, readdirSync(runs)[0] as string);
};

function fingerprints(folder: string, out = "out"): Record<string, string> {
  const root = join(runFolder(folder, out), "observations");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".parquet"));
  return Object.fromEntries(
    files.sort().map((file) => [
      file,
      createHash("sha256")
        .update(readFileSync(join(root, file)))
        .digest("hex"),
    ]),
  );
}

/** Lines of the lane's log of calls, as they stand in the files. */
function loggedLines(folder: string, out = "out", lane = "candidate"): string[] {
  const calls = join(runFolder(folder, out), "calls", lane);
  if (!existsSync(calls)) return [];
  return readdirSync(calls)
    .sort()
    .flatMap((file) => readFileSync(join(calls, file), "utf8").split("\n"))
    .filter((line) => line.endsWith("}]"));
}

/** Calls of the log by session: how many, and whether the last one failed. */
function logged(folder: string, out = "out"): Map<string, { calls: number; failed: boolean }> {
  const sessions = new Map<string, { calls: number; failed: boolean }>();
  for (const line of loggedLines(folder, out)) {
    const [session, seq, entry] = JSON.parse(line) as [string, number, object];
    sessions.set(session, { calls: seq + 1, failed: "failed" in entry });
  }
  return sessions;
}

const key = ({ session, seq }: { readonly session: string; readonly seq: number }) => `${session}/${seq}`;

describe("a policy that calls a network", () => {
  const small = { log: requests(60, 3), control: agent("control") };

  it.each([
    [
      "without a limit of calls",
      { maxCalls: undefined },
      /foretaste\.yaml:\d+: agent 1 1 and agent 1 1 call a network \(120 calls planned\); state replay\.maxCalls: 120/,
    ],
    [
      "when more calls are planned than allowed",
      { maxCalls: 119 },
      /120 network calls are planned, replay\.maxCalls is 119; raise it, or replay less traffic/,
    ],
  ])("is refused %s, and nothing is called", async (_, own, message) => {
    const model = await startModel();
    const { code, stderr, stdout } = await replay(networkProject({ ...small, replay: own }), model);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, ""]);
    expect(model.calls).toEqual([]);
  });

  it("makes the calls that are planned and no more, and they are told on stderr before the first one", async () => {
    const model = await startModel();
    const folder = networkProject({ ...small, replay: { maxCalls: 120 } });
    let told = "";
    const { ended, stderr } = start(folder, model, { name: "first" });
    model.onCall = () => {
      told ||= stderr();
    };
    expect(await ended).toBe(0);
    expect(told).toMatch(/network calls planned in control, agent 1 1: 60 of 60/);
    expect(told).toMatch(/network calls planned in candidate, agent 1 1: 60 of 60/);
    expect(model.calls).toHaveLength(120);
    expect(new Set(model.calls.map((call) => `${call.lane} ${key(call)}`)).size).toBe(120);
  });

  it("is called by one lane of two when the other calls no network", async () => {
    const model = await startModel();
    const folder = networkProject({ log: small.log, replay: { maxCalls: 60 } });
    expect((await replay(folder, model)).code).toBe(0);
    expect(model.calls.map(({ lane }) => lane)).toEqual(new Array(60).fill("candidate"));
    expect(existsSync(join(runFolder(folder), "calls/control"))).toBe(false);
  });
});

describe("calls in flight", () => {
  it.each([
    { threads: 1, concurrency: 3, isolation: "thread", reached: 3 },
    { threads: 2, concurrency: 4, isolation: "thread", reached: 4 },
    { threads: 8, concurrency: 2, isolation: "thread", reached: 2 },
    { threads: 2, concurrency: 4, isolation: "process", reached: 4 },
  ])(
    "are never more than the concurrency: $concurrency on $threads threads, in a $isolation",
    async ({ threads, reached, ...own }) => {
      const model = await startModel({ delayMs: 3 });
      // several batches
      const folder = networkProject({ log: requests(1100, 1), replay: own });
      expect((await replay(folder, model, { threads })).code).toBe(0);
      expect(model.calls).toHaveLength(1100);
      expect(model.most()).toBeLessThanOrEqual(own.concurrency);
      expect(model.most()).toBeGreaterThanOrEqual(reached);
    },
  );
});

describe("calls a second", () => {
  /** Times of the calls in ms, as the policy makes them. */
  async function callTimes(log: readonly object[], own: Readonly<Record<string, unknown>>, threads: number) {
    const model = await startModel();
    const times = join(temporaryFolder(), "times");
    const before = `(await import("node:fs")).appendFileSync(${JSON.stringify(times)}, process.hrtime.bigint() + "\\n");`;
    const folder = networkProject({ log, replay: own, candidate: agent("candidate", { before }) });
    expect((await replay(folder, model, { threads })).code).toBe(0);
    const all = readFileSync(times, "utf8").trimEnd().split("\n").map(Number);
    const first = Math.min(...all);
    return all.map((time) => (time - first) / 1e6).sort((a, b) => a - b);
  }

  it("are never more than stated, on several threads", async () => {
    const concurrency = 16;
    const times = await callTimes(requests(100, 2), { callsPerSecond: 80, concurrency }, 2);
    expect(times).toHaveLength(100);
    // those in flight may be late and come together
    for (const ms of [250, 500, 750])
      expect(times.filter((time) => time < ms).length).toBeLessThanOrEqual((80 * ms) / 1000 + concurrency);
  });

  it("are never more than stated when requests are so long that each is a batch of its own", async () => {
    const long = requests(4, 1).map((one) => ({ ...one, input: "x".repeat(4_000_000) }));
    const times = await callTimes(long, { callsPerSecond: 2, concurrency: 1 }, 1);
    expect(times).toHaveLength(4);
    expect(times.filter((time) => time < 900).length).toBeLessThanOrEqual(2 * 0.9 + 1);
  });
});

describe("a run that is killed while it calls", () => {
  /** Sessions that end in an error of the model's. */
  const broken = ({ session, seq }: Call) => (Number(session.split(" ")[1]) % 9 === 4 && seq === 1 ? 500 : 200);

  async function killAt(calls: number, started: Started, model: Model): Promise<void> {
    const name = model.calls.length;
    await new Promise<void>((resolve) => {
      model.onCall = () => {
        if (model.calls.length - name >= calls) resolve();
      };
      void started.ended.then(() => resolve());
    });
    killGroup(started.child);
    expect(await started.ended).toBe(null);
    model.onCall = () => {};
  }

  it.each([
    { resumes: true, kills: [100, 400, 1] },
    { resumes: false, kills: [330, 200] },
  ])("goes on without calling again what is in the log: resume $resumes", async ({ resumes, kills }) => {
    const model = await startModel({ delayMs: 2, status: broken });
    const candidate = agent("candidate", { resumes });
    const folder = networkProject({ candidate });
    expect((await replay(folder, model, { out: "undisturbed", threads: 1 })).code).toBe(0);
    model.calls.length = 0;

    const concurrency = 8;
    for (const [k, calls] of kills.entries()) {
      const name = `run ${k}`;
      const before = k === 0 ? new Map() : logged(folder);
      const lines = k === 0 ? [] : loggedLines(folder);
      await killAt(calls, start(folder, model, { name, more: ["--resume"] }), model);
      const own = model.calls.filter((call) => call.run === name);
      for (const call of own) {
        const known = before.get(call.session) ?? { calls: 0, failed: false };
        // a session that cannot resume begins anew, unless it has ended
        if (resumes) expect([key(call), call.seq >= known.calls && !known.failed]).toEqual([key(call), true]);
        else expect([key(call), known.calls < 3 && !known.failed]).toEqual([key(call), true]);
      }
      // what was called and is not in the log was in flight
      const after = loggedLines(folder);
      expect(own.length - (after.length - lines.length)).toBeLessThanOrEqual(concurrency);
      expect(lines.filter((line) => !after.includes(line))).toEqual([]);
    }
    const before = logged(folder);
    const { code, stdout } = await replay(folder, model, { name: "last", threads: 1, more: ["--resume"] });
    expect(code).toBe(0);
    expect(stdout).toMatch(/, resumed/);
    for (const call of model.calls.filter((one) => one.run === "last")) {
      const known = before.get(call.session) ?? { calls: 0, failed: false };
      expect([key(call), known.failed || (resumes ? call.seq < known.calls : known.calls === 3)]).toEqual([
        key(call),
        false,
      ]);
    }
    expect(fingerprints(folder)).toEqual(fingerprints(folder, "undisturbed"));
    if (resumes) {
      const calls = new Map<string, number>();
      for (const call of model.calls) calls.set(key(call), (calls.get(key(call)) ?? 0) + 1);
      const again = [...calls.values()].reduce((sum, times) => sum + times - 1, 0);
      expect(again).toBeLessThanOrEqual(kills.length * concurrency);
    }
  });

  it("leaves nobody behind who goes on calling, when its workers are processes", async () => {
    const model = await startModel({ delayMs: 20 });
    const folder = networkProject({ replay: { isolation: "process", concurrency: 2 } });
    const started = start(folder, model, { name: "killed" });
    await new Promise<void>((resolve) => {
      model.onCall = () => {
        if (model.calls.length === 20) resolve();
      };
    });
    started.child.kill("SIGKILL");
    await started.ended;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const calls = model.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(model.calls.length - calls).toBe(0);
  });
});

describe("calls that failed or were never answered", () => {
  it.each([true, false])("because the worker died cost no earlier call twice: resume %s", async (resumes) => {
    const model = await startModel();
    const before = 'if (id === "session 5" && context.seq === 2) process.exit(3);';
    const folder = networkProject({
      log: requests(60, 3),
      candidate: agent("candidate", { before, resumes }),
      replay: { concurrency: 1 },
    });
    expect((await replay(folder, model)).code).toBe(0);
    const calls = model.calls.map(key);
    expect(calls).toHaveLength(59);
    expect(new Set(calls).size).toBe(59);
    const file = join(runFolder(folder), "observations/candidate/00000.parquet");
    const rows = await parquetRows<{ session: string; seq: number; status: string }>(file);
    expect(rows.filter((row) => row.status !== "ok")).toMatchObject([
      { session: "session 5", seq: 2, status: "crashed" },
    ]);
  });

  it("are in the log, and not tried again", async () => {
    const status: Reply = ({ session, seq }) => {
      if (session === "session 3" && seq === 1) return 503;
      return session === "session 7" && seq === 2 ? undefined : 200;
    };
    const model = await startModel({ status });
    const folder = networkProject({ log: requests(60, 3), replay: { timeout: "1s" } });
    expect((await replay(folder, model)).code).toBe(0);
    // the request after a failed one is skipped
    expect(model.calls).toHaveLength(59);
    const before = fingerprints(folder);
    const file = join(runFolder(folder), "observations/candidate/00000.parquet");
    const rows = await parquetRows<{ session: string; seq: number; status: string; error: string | null }>(file);
    expect(rows.filter((row) => row.status !== "ok")).toMatchObject([
      { session: "session 3", seq: 1, status: "error", error: "status 503" },
      { session: "session 3", seq: 2, status: "skipped", error: null },
      { session: "session 7", seq: 2, status: "timeout", error: "no answer within 1000 ms" },
    ]);
    const failed = loggedLines(folder).filter((line) => line.includes('"failed"'));
    expect(failed.map((line) => JSON.parse(line).slice(0, 2)).sort()).toEqual([
      ["session 3", 1],
      ["session 7", 2],
    ]);

    // as if it had been killed before its answers were written
    rmSync(file);
    expect((await replay(folder, model, { more: ["--resume"], threads: 1 })).code).toBe(0);
    expect(model.calls).toHaveLength(59);
    expect(fingerprints(folder)).toEqual(before);
  });
});
