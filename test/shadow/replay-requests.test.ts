import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../io/hash.ts";
import { murmur3 } from "../../plan/assignment.ts";
import type { Context, Conversation, Policy } from "../../shadow/policy.ts";
import { replayRequests } from "../../shadow/replay-requests.ts";
import type { Requests } from "../../shadow/requests.ts";
import { type Observed, observed } from "../support/observed.ts";
import { refusal } from "../support/refusal.ts";

/** Sessions with so many requests each, whose requests are their names. */
function shard(sessions: Readonly<Record<string, number>> = { a: 3, b: 2 }): Requests {
  const names = Object.keys(sessions);
  const all = Object.entries(sessions).flatMap(([session, n]) =>
    Array.from({ length: n }, (_, seq) => ({ session, seq })),
  );
  return {
    session: names,
    attributes: names.map((session) => JSON.stringify({ name: session, tier: null })),
    starts: [0, ...names.map((_, i) => all.filter(({ session }) => names.indexOf(session) <= i).length)],
    at: all.map((_, i) => 1000 * i),
    request: all.map(({ session, seq }) => JSON.stringify(`${session}${seq}`)),
    response: all.map(({ session, seq }) => (seq === 0 ? JSON.stringify({ was: session }) : "")),
    tools: all.map(() => ""),
  };
}

const options = { seed: "test", timeoutMs: 30_000, concurrency: 4 };

type Respond = (request: string, context: Context, session: string) => unknown;

function policy(respond: Respond): Policy {
  return {
    name: "test",
    version: "1",
    open: (session, context) =>
      ({ respond: (request) => respond(request as string, context, session.id) }) as Conversation,
  };
}

/** What one lane of this policy observes. */
async function observe(respond: Respond, requests = shard(), own: Partial<typeof options> = {}): Promise<Observed> {
  const [observations] = await replayRequests(requests, [{ lane: "control", policy: policy(respond) }], {
    ...options,
    ...own,
  });
  return observed(observations);
}

const measure = (observations: Observed, name: string) => observations.measures.get(name)?.values;

describe("a session", () => {
  it("is opened once, and asked its requests in recorded order, with what the log says of each", async () => {
    const asked: unknown[] = [];
    const opened: unknown[] = [];
    const own: Policy = {
      name: "test",
      version: "1",
      open: (session, context) => {
        opened.push(session);
        return {
          respond: (request) => {
            asked.push([request, context.seq, context.at, context.recorded, context.mode]);
            return {};
          },
        };
      },
    };
    await replayRequests(shard({ a: 3, b: 1 }), [{ lane: "control", policy: own }], { ...options, concurrency: 1 });
    expect(opened).toEqual([
      { id: "a", attributes: { name: "a", tier: null } },
      { id: "b", attributes: { name: "b", tier: null } },
    ]);
    expect(asked).toEqual([
      ["a0", 0, 0, { was: "a" }, "shadow"],
      ["a1", 1, 1000, undefined, "shadow"],
      ["a2", 2, 2000, undefined, "shadow"],
      ["b0", 0, 3000, { was: "b" }, "shadow"],
    ]);
  });

  it("waits for an answer before it asks the next, while others go on", async () => {
    const log: string[] = [];
    await observe(
      async (request) => {
        log.push(`> ${request}`);
        await new Promise((resolve) => setTimeout(resolve, request === "a0" ? 40 : 1));
        log.push(`< ${request}`);
        return {};
      },
      shard({ a: 2, b: 2 }),
    );
    const of = (session: string) => log.filter((entry) => entry.includes(session));
    for (const session of ["a", "b"]) {
      expect(of(session)).toEqual([0, 1].flatMap((i) => [`> ${session}${i}`, `< ${session}${i}`]));
    }
    expect(log.indexOf("< b1")).toBeLessThan(log.indexOf("< a0"));
  });

  it("may be opened by a promise, and answered by one or by a plain value", async () => {
    const own: Policy = {
      name: "test",
      version: "1",
      open: async () => ({
        respond: (request) => (request === "a1" ? Promise.resolve({ measures: { n: 1 } }) : { measures: { n: 2 } }),
      }),
    };
    const [observations] = await replayRequests(shard({ a: 3 }), [{ lane: "control", policy: own }], options);
    expect(measure(observed(observations), "n")).toEqual([2, 1, 2]);
  });
});

describe("sessions at once", () => {
  it("are never more than the concurrency, and reach it", async () => {
    let [now, most] = [0, 0];
    const sessions = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`s${i}`, 2]));
    await observe(
      async () => {
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setTimeout(resolve, 1));
        now -= 1;
        return {};
      },
      shard(sessions),
      { concurrency: 3 },
    );
    expect(most).toBe(3);
  });

  it("leave the observations in the order of the requests, however they overlap", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.infiniteStream(fc.integer({ min: 0, max: 4 })),
        fc.integer({ min: 1, max: 9 }),
        async (ns, delays, concurrency) => {
          const requests = shard(Object.fromEntries(ns.map((n, i) => [`s${i}-`, n])));
          const own = await observe(
            async (request) => {
              for (let turn = delays.next().value as number; turn > 0; turn--) await null;
              return { response: request, measures: { request } };
            },
            requests,
            { concurrency },
          );
          expect(measure(own, "request")).toEqual(requests.request.map((text) => JSON.parse(text as string)));
          expect(own.status.every((status) => status === "ok")).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("a request that fails", () => {
  const failures: Readonly<Record<string, [Respond, RegExp]>> = {
    "a throw": [
      () => {
        throw new Error("broken");
      },
      /^broken$/,
    ],
    "a rejection": [() => Promise.reject(new Error("broken later")), /^broken later$/],
    "nothing returned": [() => undefined, /respond returned undefined, not \{ response, measures \}/],
    "null returned": [async () => null, /respond returned null/],
    "a text returned": [() => "answer", /respond returned answer/],
    "a measure that is NaN": [
      () => ({ measures: { cost: Number.NaN } }),
      /measure cost is NaN, not a finite number, boolean or text/,
    ],
    "a measure that is infinite": [() => ({ measures: { cost: 1 / 0 } }), /measure cost is Infinity/],
    "a measure that is an object": [() => ({ measures: { cost: { usd: 1 } } }), /measure cost is \[object Object\]/],
    "a latency that is no number": [
      () => ({ measures: { latency_ms: "fast" } }),
      /measure latency_ms is "fast", not a number/,
    ],
    "a response without JSON": [() => ({ response: 1n }), /BigInt/],
  };

  it.each(Object.entries(failures))(
    "by %s is an error, and the rest of its session is skipped",
    async (_, [fail, message]) => {
      const own = await observe(
        (request, context, session) => (request === "a1" ? fail(request, context, session) : {}),
        shard({ a: 4, b: 2 }),
      );
      expect(own.status).toEqual(["ok", "error", "skipped", "skipped", "ok", "ok"]);
      expect(own.error[1]).toMatch(message);
      expect(own.error.filter((error) => error !== null)).toHaveLength(1);
    },
  );

  it("is an error whatever it throws", async () => {
    const thrown = fc.oneof(
      fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }),
      fc.constantFrom(Symbol("x"), Object.assign(new Error(), { message: 5 }), Object.create(null)),
    );
    await fc.assert(
      fc.asyncProperty(thrown, fc.boolean(), async (value, later) => {
        const own = await observe(() => {
          if (later) return Promise.reject(value);
          throw value;
        });
        expect(own.status).toEqual(["error", "skipped", "skipped", "error", "skipped"]);
        expect(typeof own.error[0]).toBe("string");
      }),
    );
  });

  it("in open fails the first request", async () => {
    const own: Policy = {
      name: "test",
      version: "1",
      open: () => {
        throw new Error("no key");
      },
    };
    const [observations] = await replayRequests(shard({ a: 2, b: 1 }), [{ lane: "control", policy: own }], options);
    expect(observed(observations)).toMatchObject({
      status: ["error", "skipped", "error"],
      error: ["no key", null, "no key"],
    });
  });

  it("by never answering is a timeout; its signal is aborted, and others are not held up", async () => {
    let aborted: AbortSignal | undefined;
    const own = await observe(
      (request, context) => {
        if (request !== "b0") return Promise.resolve({});
        aborted = context.signal;
        return new Promise(() => {});
      },
      shard({ a: 2, b: 2, c: 2 }),
      { timeoutMs: 200, concurrency: 1 },
    );
    expect(own.status).toEqual(["ok", "ok", "timeout", "skipped", "ok", "ok"]);
    expect(own.error[2]).toBe("no answer within 200 ms");
    expect(aborted?.aborted).toBe(true);
  });

  it("in one lane does not touch the other lanes of its session", async () => {
    const broken = policy(() => {
      throw new Error("broken");
    });
    const fine = policy(() => ({ measures: { n: 1 } }));
    const [control, candidate] = await replayRequests(
      shard(),
      [
        { lane: "control", policy: fine },
        { lane: "candidate", policy: broken },
      ],
      options,
    );
    expect(observed(control).status).toEqual(new Array(5).fill("ok"));
    expect(observed(candidate).status).toEqual(["error", "skipped", "skipped", "error", "skipped"]);
  });
});

/** The first 53 bits of the two hashes of a text's UTF-16LE bytes. */
function murmurOf(text: string): number {
  const bytes = new Uint8Array(Buffer.from(text, "utf16le"));
  const [high, low] = [0, 0x9747b28c].map((seed) => BigInt(murmur3(bytes, seed) >>> 0)) as [bigint, bigint];
  return Number(((high << 32n) | low) >> 11n);
}

describe("what is observed of an answer", () => {
  it("is its measures at their types, its latency as reported, and NULL for what it leaves out", async () => {
    const answers: Record<string, unknown> = {
      a0: { measures: { done: true, cost: 0.5, model: "x", latency_ms: 12.5 } },
      a1: { measures: { done: false, cost: null, model: undefined } },
      a2: {},
      b0: { measures: { done: true, cost: -0 } },
      b1: { measures: {} },
    };
    const own = await observe((request) => answers[request]);
    expect([...own.measures].map(([name, { type }]) => [name, type])).toEqual([
      ["done", "boolean"],
      ["cost", "number"],
      ["model", "text"],
    ]);
    expect(measure(own, "done")).toEqual([true, false, null, true, null]);
    expect(measure(own, "cost")).toEqual([0.5, null, null, -0, null]);
    expect(measure(own, "model")).toEqual(["x", null, null, null, null]);
    expect(own.latencyMs).toEqual([12.5, null, null, null, null]);
  });

  it("is the digest of its response: of the text, or of the value whatever the order of its members", async () => {
    const answers: Record<string, unknown> = {
      a0: "hello",
      a1: { x: 1, y: [2] },
      a2: { y: [2], x: 1 },
      b0: { x: 1, y: [3] },
      b1: undefined,
    };
    const { digest } = await observe((request) => ({ response: answers[request] }));
    expect(digest[0]).toBe(murmurOf("hello"));
    expect(digest[1]).toBe(murmurOf(canonicalJson({ x: 1, y: [2] })));
    expect(digest[2]).toBe(digest[1]);
    expect(digest[3]).not.toBe(digest[1]);
    expect(digest[4]).toBeNull();
  });
});

describe("a measure is refused out loud", () => {
  it("with two types", async () => {
    expect(await refusal(() => observe((request) => ({ measures: { n: request === "b1" ? "1" : 1 } })))).toMatch(
      /^measure n: is a number in one answer and a text in another; return one type$/,
    );
  });

  it.each(["session", "seq", "at", "status", "error", "response_digest", "lane", "Status", "Latency_MS", ""])(
    "under the reserved name %j",
    async (name) => {
      expect(await refusal(() => observe(() => ({ measures: { [name]: 1 } })))).toMatch(
        /^measure .*: its name is reserved; rename it in the policy$/,
      );
    },
  );

  it("when its name differs from another one only in case", async () => {
    expect(await refusal(() => observe(() => ({ measures: { done: 1, Done: 2 } })))).toMatch(
      /^measure Done: differs from done only in case; /,
    );
  });
});

describe("chance in a policy", () => {
  const draw = policy((request, context) => ({ measures: { request, draw: context.random() } }));
  const lanes = [
    { lane: "control", policy: draw },
    { lane: "candidate", policy: draw },
  ];
  const many = shard(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`s${i}-`, 3])));

  it("is the same in both lanes, and for any concurrency", async () => {
    const [control, candidate] = await replayRequests(many, lanes, options);
    const [alone] = await replayRequests(many, lanes.slice(0, 1), { ...options, concurrency: 1 });
    expect(measure(observed(candidate), "draw")).toEqual(measure(observed(control), "draw"));
    expect(measure(observed(alone), "draw")).toEqual(measure(observed(control), "draw"));
  });

  it("differs between requests, sessions and seeds", async () => {
    const [one] = await replayRequests(many, lanes.slice(0, 1), options);
    const [other] = await replayRequests(many, lanes.slice(0, 1), { ...options, seed: "other" });
    const draws = [one, other].flatMap((own) => measure(observed(own), "draw") as number[]);
    expect(new Set(draws).size).toBe(300);
    expect(draws.every((draw) => draw >= 0 && draw < 1)).toBe(true);
  });

  it("decides which lane of a session goes first, about evenly and the same every time", async () => {
    const sessions = 400;
    const requests = shard(Object.fromEntries(Array.from({ length: sessions }, (_, i) => [`s${i}-`, 1])));
    const firsts = async (seed: string) => {
      const order: string[] = [];
      const named = (lane: string) => ({
        lane,
        policy: policy((request) => {
          order.push(`${request} ${lane}`);
          return {};
        }),
      });
      await replayRequests(requests, [named("control"), named("candidate")], { ...options, seed, concurrency: 1 });
      expect(order).toHaveLength(2 * sessions);
      return order.filter((_, i) => i % 2 === 0);
    };
    const first = await firsts("a");
    const controlFirst = first.filter((entry) => entry.endsWith("control")).length;
    // four standard errors of a fair coin
    expect(Math.abs(controlFirst - sessions / 2)).toBeLessThan(4 * Math.sqrt(sessions / 4));
    expect(await firsts("a")).toEqual(first);
    expect(await firsts("b")).not.toEqual(first);
  });
});
