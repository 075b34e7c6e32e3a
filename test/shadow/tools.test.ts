import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadProject } from "../../rehearsal/project.ts";
import { compareLanes, replayTraffic } from "../../rehearsal/rehearse.ts";
import type { Context, Policy } from "../../shadow/policy.ts";
import { type RecordedCall, RecordedTools } from "../../shadow/recorded-tools.ts";
import { replayRequests } from "../../shadow/replay-requests.ts";
import type { Requests } from "../../shadow/requests.ts";
import { observationsFile } from "../../shadow/shard-store.ts";
import { parquetRows, policyModule, projectFolder, requests, runOptions } from "../support/project-folder.ts";

/** The recorded calls of a session: an array a request, undefined where none is recorded. */
function recorded(...calls: readonly (readonly unknown[] | undefined)[]): RecordedTools {
  return new RecordedTools(calls.map((own) => (own === undefined ? "" : JSON.stringify(own))));
}

const lookup = (id: unknown, result?: unknown) => ({ name: "lookup", arguments: { id }, result });

describe("a call of a tool", () => {
  it("that was recorded at the same request is a hit, with what the tool gave back", () => {
    const tools = recorded([lookup(1, { stock: 3 })], [lookup(2, "none")]);
    expect(tools.use("lookup", { id: 1 }, 0)).toEqual({ use: "hit", result: { stock: 3 } });
    expect(tools.use("lookup", { id: 2 }, 1)).toEqual({ use: "hit", result: "none" });
  });

  it("that was recorded at another request of the session is a drift, with that result", () => {
    const tools = recorded([lookup(1, "early")], undefined, [lookup(2, "late")]);
    expect(tools.use("lookup", { id: 1 }, 1)).toEqual({ use: "drift", result: "early" });
    expect(tools.use("lookup", { id: 2 }, 1)).toEqual({ use: "drift", result: "late" });
  });

  it("that was not recorded is a miss, without a result: another tool, other arguments, none at all", () => {
    const tools = recorded([lookup(1, "x")]);
    for (const [name, args] of [
      ["refund", { id: 1 }] as const,
      ["lookup", { id: 2 }] as const,
      ["lookup", {}] as const,
    ])
      expect(tools.use(name, args, 0)).toEqual({ use: "miss" });
    expect(recorded(undefined).use("lookup", { id: 1 }, 0)).toEqual({ use: "miss" });
  });

  it("that was recorded several times has its results in their order, then the last one again", () => {
    const tools = recorded([lookup(1, "first"), lookup(1, "second")], [lookup(1, "third")]);
    expect([0, 0, 0, 0].map((seq) => tools.use("lookup", { id: 1 }, seq))).toEqual([
      { use: "hit", result: "first" },
      { use: "hit", result: "second" },
      { use: "drift", result: "third" },
      { use: "drift", result: "third" },
    ]);
  });

  it("has the result of its own request first, although an earlier one is left", () => {
    const tools = recorded([lookup(1, "first")], [lookup(1, "second")]);
    expect(tools.use("lookup", { id: 1 }, 1)).toEqual({ use: "hit", result: "second" });
    expect(tools.use("lookup", { id: 1 }, 1)).toEqual({ use: "drift", result: "first" });
  });

  it("is known by its arguments, as a JSON text or as an object, in any order of keys", async () => {
    const args = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 });
    const reversed = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(reversed)
        : value !== null && typeof value === "object"
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([key, own]) => [key, reversed(own)]),
            )
          : value;
    fc.assert(
      fc.property(args, (own) => {
        const plain = JSON.parse(JSON.stringify(own)) as object;
        for (const logged of [plain, JSON.stringify(plain), JSON.stringify(reversed(plain), null, 1)]) {
          for (const asked of [plain, reversed(plain), JSON.stringify(reversed(plain))]) {
            const tools = recorded([{ name: "tool", arguments: logged, result: 1 }]);
            expect(tools.use("tool", asked, 0)).toEqual({ use: "hit", result: 1 });
          }
        }
        const other = { ...plain, "another key": 1 };
        expect(recorded([{ name: "tool", arguments: plain }]).use("tool", other, 0)).toEqual({ use: "miss" });
      }),
    );
  });

  it("without arguments is the same whether they are left out, null, empty, or an empty text of JSON", () => {
    for (const logged of [{}, { arguments: null }, { arguments: {} }, { arguments: "{}" }]) {
      for (const asked of [undefined, null, {}, "{}"])
        expect(recorded([{ name: "now", result: 5, ...logged }]).use("now", asked, 0)).toEqual({
          use: "hit",
          result: 5,
        });
    }
  });

  it("with a text that is no JSON is known by that text", () => {
    const tools = recorded([{ name: "search", arguments: "red shoes", result: 7 }]);
    expect(tools.use("search", "blue shoes", 0)).toEqual({ use: "miss" });
    expect(tools.use("search", "red shoes", 0)).toEqual({ use: "hit", result: 7 });
  });

  it("is not mistaken for one of a tool whose name and arguments run together alike", () => {
    const tools = recorded([{ name: "a", arguments: "b {}", result: 1 }]);
    expect(tools.use("a b", {}, 0)).toEqual({ use: "miss" });
  });

  it("that has no result is a hit all the same", () => {
    expect(recorded([{ name: "delete", arguments: { id: 1 } }]).use("delete", { id: 1 }, 0)).toEqual({ use: "hit" });
  });

  it("is not looked for in what is no call", () => {
    const odd = [null, 5, "lookup", {}, { name: 5 }, ["lookup"], lookup(1, "x")] as unknown as RecordedCall[];
    expect(recorded(odd).use("lookup", { id: 1 }, 0)).toEqual({ use: "hit", result: "x" });
    for (const text of ['{"name":"lookup"}', "null", '"lookup"', "5"])
      expect(new RecordedTools([text]).use("lookup", {}, 0)).toEqual({ use: "miss" });
  });
});

describe("a policy", () => {
  /** Two sessions of three requests, with recorded calls. */
  const asked: Requests = {
    session: ["a", "b"],
    attributes: ["{}", "{}"],
    starts: [0, 3, 6],
    at: [0, 1, 2, 3, 4, 5],
    request: ["0", "1", "2", "3", "4", "5"],
    response: ["", "", "", "", "", ""],
    tools: [
      JSON.stringify([lookup(0, "zero")]),
      "",
      JSON.stringify([lookup(2, "two"), lookup(2, "two again")]),
      JSON.stringify([lookup(3, "three")]),
      JSON.stringify([lookup(4, "four")]),
      "",
    ],
  };

  async function toolUse(ask: (n: number, tool: Context["tool"], context: Context) => unknown, timeoutMs = 30_000) {
    const policy: Policy = {
      name: "test",
      version: "1",
      open: (_, context) => ({
        respond: async (request) => (await ask(request as number, context.tool, context)) ?? {},
      }),
    };
    const [observations] = await replayRequests(asked, [{ lane: "candidate", policy }], {
      seed: "test",
      timeoutMs,
      concurrency: 2,
    });
    const { toolUse: uses, status } = observations as NonNullable<typeof observations>;
    const counts = uses && Array.from({ length: 6 }, (_, row) => [...uses.subarray(3 * row, 3 * row + 3)].join(" "));
    return { counts, status: [...status] };
  }

  it("is given recorded results, and its hits, drifts and misses are counted at the request where it asks", async () => {
    const given: unknown[][] = [];
    const { counts } = await toolUse((n, tool) => {
      if (n === 0) given.push([n, tool("lookup", { id: 0 }), tool("lookup", { id: 2 })]);
      if (n === 2) given.push([n, tool("lookup", '{"id":2}'), tool("lookup", { id: 9 }), tool("refund")]);
      if (n === 5) given.push([n, tool("lookup", { id: 3 }), tool("lookup", { id: 0 })]);
    });
    expect(given.sort()).toEqual([
      [0, "zero", "two"],
      [2, "two again", undefined, undefined],
      [5, "three", undefined],
    ]);
    expect(counts).toEqual(["1 1 0", "0 0 0", "1 0 2", "0 0 0", "0 0 0", "0 1 1"]);
  });

  it("that asks for no tool has no counts", async () => {
    expect((await toolUse(() => ({ measures: { n: 1 } }))).counts).toBeUndefined();
  });

  it("that fails after a call keeps its count", async () => {
    const { counts, status } = await toolUse((n, tool) => {
      tool("lookup", { id: n });
      if (n === 0) throw new Error("broken");
      return n === 4 ? new Promise(() => {}) : {};
    }, 100);
    expect(status).toEqual([1, 4, 4, 0, 2, 4]);
    expect(counts).toEqual(["1 0 0", "0 0 0", "0 0 0", "1 0 0", "1 0 0", "0 0 0"]);
  });
});

describe("a project with traffic.columns.tools", () => {
  // the candidate asks for the id n: a third of the recorded calls have another, and every fourth request has none
  const log = requests(600, 2).map((one, i) => ({
    ...one,
    calls: i % 4 === 3 ? null : [{ name: "lookup", arguments: JSON.stringify({ id: i % 6 < 4 ? i : -i }), result: i }],
  }));
  const policy = (version: string, call: string) =>
    policyModule({
      version,
      respond: `({ measures: { completed: ${call} !== undefined } })`,
    });
  const parts = {
    log,
    files: {
      "control.mjs": policy("1", "context.recorded ?? 0"),
      "candidate.mjs": policy("2", 'context.tool("lookup", { id: request.n })'),
    },
    project: {
      traffic: {
        source: "log.jsonl",
        columns: { session: "session", user: "user", at: "at", request: "input", tools: "calls" },
      },
      metrics: {
        completion: { kind: "proportion", value: "bool_or(completed)", better: "higher" },
        diverged: { kind: "proportion", value: "coalesce(sum(tool_misses), 0) > 0", better: "lower" },
        miss_rate: {
          kind: "ratio",
          numerator: "coalesce(sum(tool_misses), 0)",
          denominator: "coalesce(sum(tool_hits + tool_drifts + tool_misses), 0) + 1",
          better: "lower",
        },
      },
    },
    plan: { margins: { completion: "5pp", diverged: "90pp", miss_rate: "x3" } },
  };

  it("gives each request's hits, drifts and misses as columns of the observations", async () => {
    const { folder } = await replayTraffic(await loadProject(projectFolder(parts)), runOptions());
    interface Own {
      readonly tool_hits: number | null;
      readonly tool_drifts: number | null;
      readonly tool_misses: number | null;
      readonly completed: boolean;
    }
    const rows = await parquetRows<Own>(observationsFile(folder, "candidate", 0));
    const hit = (i: number) => i % 4 !== 3 && i % 6 < 4;
    expect(rows.map(({ tool_hits, tool_drifts, tool_misses }) => [tool_hits, tool_drifts, tool_misses])).toEqual(
      log.map((_, i) => [Number(hit(i)), 0, Number(!hit(i))]),
    );
    expect(rows.map(({ completed }) => completed)).toEqual(log.map((_, i) => hit(i)));
    const control = await parquetRows<Own>(observationsFile(folder, "control", 0));
    expect(new Set(control.map(({ tool_misses }) => tool_misses))).toEqual(new Set([null]));
  });

  it("can be measured by them: sessions that diverge from what production did", async () => {
    const { comparison } = await compareLanes(await loadProject(projectFolder(parts)), runOptions());
    const diverged = comparison.metrics.find(({ name }) => name === "diverged");
    // sessions 2k and 2k+1 of requests 4k to 4k+3
    const sessions = Array.from({ length: 300 }, (_, s) => [2 * s, 2 * s + 1]);
    const missing = sessions.filter((own) => own.some((i) => i % 4 === 3 || i % 6 >= 4)).length;
    expect(diverged?.control).toBe(0);
    expect(diverged?.candidate).toBeCloseTo(missing / 300, 12);
    expect(comparison.metrics.find(({ name }) => name === "miss_rate")?.candidate).toBeGreaterThan(0);
  });

  it("counts the same on any number of threads", async () => {
    const folder = projectFolder({
      ...parts,
      log: [...log, ...log.map((one) => ({ ...one, session: `${one.session}b` }))],
    });
    const runs = [1, 2].map(async (threads) => {
      const { folder: run } = await replayTraffic(
        await loadProject(folder),
        runOptions({ out: join(folder, String(threads)), threads }),
      );
      return parquetRows<object>(observationsFile(run, "candidate", 0));
    });
    const [one, two] = await Promise.all(runs);
    expect(two).toEqual(one);
  });
});
