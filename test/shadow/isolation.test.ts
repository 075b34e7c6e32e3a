import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadProject } from "../../rehearsal/project.ts";
import { replayTraffic } from "../../rehearsal/rehearse.ts";
import { observationsFile } from "../../shadow/shard-store.ts";
import { parquetRows, policyModule, projectFolder, requests, runOptions } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

interface Row {
  readonly session: string;
  readonly seq: number;
  readonly status: string;
  readonly error: string | null;
  readonly stack: string | null;
  readonly n: number | null;
}

/** Sessions of three requests; the policy of this lane does something else at the middle one of sessions 3 and 7. */
async function lanesWith(evil: string, { isolation = "thread", threads = 2, replay = {} } = {}) {
  const candidate = policyModule({
    before: `const evil = async (request) => { ${evil}; return { measures: { n: request.n } }; };`,
    respond: "request.n === 10 || request.n === 22 ? evil(request) : { measures: { n: request.n } }",
  });
  const control = policyModule({ respond: "({ measures: { n: request.n } })" });
  const folder = projectFolder({
    log: requests(60, 3),
    files: { "candidate.mjs": candidate, "control.mjs": control },
    project: {
      replay: { isolation, timeout: "300ms", memory: "64MB", ...replay },
      metrics: { n: { kind: "mean", value: "sum(n)", better: "higher" } },
    },
    plan: { primary: "n", margins: { n: "5%" } },
  });
  const result = await replayTraffic(await loadProject(folder), runOptions({ threads }));
  const rows = (lane: string) => parquetRows<Row>(observationsFile(result.folder, lane, 0));
  return { result, control: await rows("control"), candidate: await rows("candidate") };
}

const bad = (rows: readonly Row[]) => rows.filter(({ status }) => status !== "ok");

/** What a policy does, and what becomes of the request in which it does it. */
const faults: Readonly<Record<string, [string, string, RegExp]>> = {
  throws: [`throw new Error("broken")`, "error", /^broken$/],
  rejects: [`await Promise.reject(new Error("broken later"))`, "error", /^broken later$/],
  "never answers": ["await new Promise(() => {})", "timeout", /^no answer within 300 ms$/],
  "loops for ever": ["while (true);", "timeout", /^no answer within 300 ms, and its (thread|process) was blocked$/],
  "loops for ever after an await": [
    "await new Promise((resolve) => setTimeout(resolve, 1)); while (true);",
    "timeout",
    /^no answer within 300 ms, and its (thread|process) was blocked$/,
  ],
  exits: ["process.exit(3)", "crashed", /^(ended its thread|its process died) \(.*exit.*3\)$/],
  "exits later": [
    "setTimeout(() => process.exit(3), 2); await new Promise((resolve) => setTimeout(resolve, 100))",
    "crashed",
    /exit/,
  ],
  "fills its heap": [
    "const all = []; for (;;) all.push(new Array(1e5).fill(0.5).map(Math.sqrt))",
    "crashed",
    /^ran out of memory \(64 MB\)$|^its process died \(SIGABRT: an abort, or out of memory\)$/,
  ],
  "lets a rejection go": [
    `Promise.reject(new Error("stray"))`,
    "error",
    /^an error was thrown or rejected where nothing waits for it \(stray\)$/,
  ],
  "throws in a timer": [
    `setTimeout(() => { throw new Error("late") }, 1); await new Promise((resolve) => setTimeout(resolve, 30))`,
    "error",
    /^an error was thrown or rejected where nothing waits for it \(late\)$/,
  ],
};

describe.each(["thread", "process"])("a policy in a %s", (isolation) => {
  it.each(Object.entries(faults))("that %s costs its own session, and no other", async (_, [evil, status, message]) => {
    const { control, candidate } = await lanesWith(evil, { isolation });
    expect(bad(control)).toEqual([]);
    const stray = message.source.includes("nothing waits");
    for (const session of ["session 3", "session 7"]) {
      const own = candidate.filter((row) => row.session === session);
      const failed = own.find((row) => row.status === status);
      expect(failed?.error).toMatch(message);
      // an error that nothing waits for is known by its session, not by its request
      if (!stray) expect(own.map((row) => row.status)).toEqual(["ok", status, "skipped"]);
      expect(own[0]?.n).toBe(session === "session 3" ? 9 : 21);
    }
    const others = candidate.filter(({ session }) => session !== "session 3" && session !== "session 7");
    expect(others).toHaveLength(54);
    expect(bad(others)).toEqual([]);
    expect(others.map(({ n }) => n)).toEqual(others.map(({ session, seq }) => 3 * Number(session.slice(8)) + seq));
  });
});

describe("a policy", () => {
  it("that fills memory with buffers, which no heap limit counts, costs its own session", async () => {
    const { candidate, control } = await lanesWith("const all = []; for (;;) all.push(Buffer.alloc(2 ** 26, 1))", {
      replay: { timeout: "20s" },
    });
    expect(bad(control)).toEqual([]);
    expect(bad(candidate).map(({ session, status }) => [session, status])).toEqual([
      ["session 3", "crashed"],
      ["session 3", "skipped"],
      ["session 7", "crashed"],
      ["session 7", "skipped"],
    ]);
    expect(bad(candidate)[0]?.error).toBe("more than 64 MB of memory were taken");
  });

  it("that crashes in native code costs its own session when it has a process of its own", async () => {
    const { candidate, control } = await lanesWith("process.abort()", { isolation: "process" });
    expect(bad(control)).toEqual([]);
    expect(bad(candidate).map(({ session, status }) => [session, status])).toEqual([
      ["session 3", "crashed"],
      ["session 3", "skipped"],
      ["session 7", "crashed"],
      ["session 7", "skipped"],
    ]);
  });

  it("that prints is heard in a file of the run, and nowhere else", async () => {
    const { candidate, result } = await lanesWith(
      `for (let i = 0; i < 100; i++) console.log("noise", i, { of: "it" }); process.stdout.write("more")`,
    );
    expect(bad(candidate)).toEqual([]);
    const file = join(result.folder, "printed.txt");
    expect(existsSync(file)).toBe(true);
    expect(readFileSync(file, "utf8")).toMatch(/^noise 0 \{"of":"it"\}\n/);
    expect(result.replay.printed).toBe(202);
  });

  it("keeps where it failed, without the frames of the harness", async () => {
    const { candidate } = await lanesWith(`throw new Error("broken")`);
    const [failed] = bad(candidate);
    expect(failed?.stack).toMatch(/^\s+at evil \(.*candidate\.mjs:1:\d+\)/);
    expect(failed?.stack).not.toMatch(/replay-requests/);
  });

  it("that never comes out of its import is refused with its name", async () => {
    const folder = projectFolder({ files: { "candidate.mjs": "while (true);" } });
    expect(await refusal(async () => replayTraffic(await loadProject(folder), runOptions()))).toMatch(
      /candidate\.mjs: is not loaded after 10000 ms; look for an endless loop at its top level$/,
    );
  });
});

describe("a lane that keeps failing", () => {
  const failing = (from: number) =>
    policyModule({
      respond: `(request.n >= ${from} && fail(), { measures: { n: 1 } })`,
      before: `const fail = () => { throw new Error("down"); };`,
    });

  it("stops after the shard in which its share of failed sessions passes the limit, the same on any number of threads", async () => {
    const folder = projectFolder({
      log: requests(45_000, 3),
      files: { "candidate.mjs": failing(0), "control.mjs": policyModule({ respond: "({ measures: { n: 1 } })" }) },
      project: {
        replay: { failureLimit: { share: "20%", sessions: 4000 } },
        metrics: { n: { kind: "mean", value: "sum(n)", better: "higher" } },
      },
      plan: { primary: "n", margins: { n: "5%" } },
    });
    const stops = [];
    for (const threads of [1, 3]) {
      const { replay, folder: run } = await replayTraffic(
        await loadProject(folder),
        runOptions({ threads, out: join(folder, String(threads)) }),
      );
      const files = ["control", "candidate"].map((lane) =>
        [0, 1, 2, 3, 4].filter((shard) => existsSync(observationsFile(run, lane, shard))),
      );
      stops.push({ stopped: replay.stopped, files });
    }
    expect(stops[0]).toMatchObject({
      stopped: [{ lane: "candidate", shard: 1 }],
      files: [
        [0, 1],
        [0, 1],
      ],
    });
    expect(stops[1]).toEqual(stops[0]);
  });
});
