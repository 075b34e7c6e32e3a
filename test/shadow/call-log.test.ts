import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CallLog, type Logged } from "../../shadow/call-log.ts";
import type { Answer, Conversation, Measure, Policy } from "../../shadow/policy.ts";
import { replayRequests } from "../../shadow/replay-requests.ts";
import type { Requests } from "../../shadow/requests.ts";
import { temporaryFolder } from "../support/folders.ts";
import { observed } from "../support/observed.ts";

const answer = (response: unknown): Logged => ({ answer: { response } });
const failure: Logged = { failed: { status: "timeout", message: "no answer within 5 ms", stack: null } };

function newFile(): string {
  return join(temporaryFolder(), "candidate/00000-000.jsonl");
}

/** Notes calls as one run does, from opening to closing. */
function note(file: string, calls: readonly (readonly [string, number, Logged])[]): void {
  const log = new CallLog(file);
  for (const call of calls) log.note(...call);
  log.close();
}

describe("a log of calls", () => {
  it("gives the answers of a session's first requests back, in their order", () => {
    const file = newFile();
    expect(new CallLog(file).of("a")).toEqual([]);
    expect(existsSync(file)).toBe(false);
    note(file, [
      ["a", 0, answer("first")],
      ["b", 0, answer({ x: [1] })],
      ["a", 1, answer("second")],
    ]);
    note(file, [["a", 2, failure]]);
    const log = new CallLog(file);
    expect(log.of("a")).toEqual([answer("first"), answer("second"), failure]);
    expect(log.of("b")).toEqual([answer({ x: [1] })]);
    expect(log.of("c")).toEqual([]);
  });

  it("is only ever appended to, a line a call", () => {
    const file = newFile();
    let before = "";
    for (let i = 0; i < 5; i++) {
      note(file, [[`s${i % 2}`, i >> 1, answer(`line\nbreak ${i}`)]]);
      const after = readFileSync(file, "utf8");
      expect(after.startsWith(before)).toBe(true);
      expect(after.slice(before.length)).toMatch(/^[^\n]+\n$/);
      before = after;
    }
  });

  it("has each call as soon as it is noted, without being closed", () => {
    const file = newFile();
    const log = new CallLog(file);
    log.note("a", 0, answer(1));
    expect(new CallLog(file).of("a")).toEqual([answer(1)]);
    log.note("a", 1, answer(2));
    expect(new CallLog(file).of("a")).toEqual([answer(1), answer(2)]);
    log.close();
  });

  it("starts a session over that was begun anew", () => {
    const file = newFile();
    note(file, [
      ["a", 0, answer("old 0")],
      ["a", 1, answer("old 1")],
      ["b", 0, answer("b")],
    ]);
    note(file, [["a", 0, answer("new 0")]]);
    expect(new CallLog(file).of("a")).toEqual([answer("new 0")]);
    note(file, [["a", 1, failure]]);
    expect(new CallLog(file).of("a")).toEqual([answer("new 0"), failure]);
    expect(new CallLog(file).of("b")).toEqual([answer("b")]);
  });

  it("that was cut off anywhere has the calls before, and takes those after", () => {
    const session = fc.constantFrom("a", "b", 'ü "quoted"\n', "\u{1f600}");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(session, fc.string({ unit: "grapheme" })), { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (calls, share) => {
          const file = newFile();
          const seqs = new Map<string, number>();
          const numbered = calls.map(([own, text]): [string, number, Logged] => {
            const seq = seqs.get(own) ?? 0;
            seqs.set(own, seq + 1);
            return [own, seq, answer(text)];
          });
          note(file, numbered);
          const whole = readFileSync(file);
          const size = Math.floor(share * whole.length);
          truncateSync(file, size);
          // a line is there when it is whole, whether or not its end is
          const lines = readFileSync(file, "latin1").split("\n");
          const all = whole.toString("latin1").split("\n");
          const kept = lines.filter((line, i) => line !== "" && line === all[i]).length;
          const expected = (own: string, upTo: number) =>
            numbered.slice(0, upTo).flatMap(([one, , logged]) => (one === own ? [logged] : []));
          for (const own of seqs.keys()) expect(new CallLog(file).of(own)).toEqual(expected(own, kept));

          note(file, numbered.slice(kept));
          for (const own of seqs.keys()) expect(new CallLog(file).of(own)).toEqual(expected(own, calls.length));
          expect(readFileSync(file).subarray(0, size)).toEqual(whole.subarray(0, size));
        },
      ),
    );
  });

  it("is not led astray by lines that are no calls", () => {
    const file = newFile();
    note(file, [["a", 0, answer(1)]]);
    writeFileSync(file, `\n\0\0\0\n{"half":\n${readFileSync(file, "utf8")}["a",1,{"answer":{"resp`);
    expect(new CallLog(file).of("a")).toEqual([answer(1)]);
    note(file, [["a", 1, answer(2)]]);
    expect(new CallLog(file).of("a")).toEqual([answer(1), answer(2)]);
  });
});

describe("answers that come out of the log", () => {
  /** One session a list of answers; a request is its number in the whole. */
  function asked(counts: readonly number[]): Requests {
    const rows = counts.reduce((sum, n) => sum + n, 0);
    const every = <T>(value: (i: number) => T) => Array.from({ length: rows }, (_, i) => value(i));
    return {
      session: counts.map((_, i) => `s${i}`),
      attributes: counts.map(() => "{}"),
      starts: [0, ...counts.map((_, i) => counts.slice(0, i + 1).reduce((sum, n) => sum + n, 0))],
      at: every((i) => i),
      request: every((i) => String(i)),
      response: every(() => ""),
      tools: every(() => ""),
    };
  }

  async function observe(counts: readonly number[], file: string, respond: Conversation<number>["respond"]) {
    const policy: Policy<number> = { name: "test", version: "1", network: true, open: () => ({ respond }) };
    const calls = new CallLog(file);
    const [observations] = await replayRequests(
      asked(counts),
      [{ lane: "candidate", policy: policy as Policy, calls }],
      { seed: "test", timeoutMs: 1000, concurrency: 3, keepResponses: true },
    );
    calls.close();
    const { measures, ...rest } = observed(observations);
    // -0 is another number than 0 in a file
    const signs = new Map(
      [...measures].map(([name, { values }]) => [name, values.map((value) => Object.is(value, -0))]),
    );
    return { ...rest, measures, signs, responses: observations?.responses };
  }

  const refuse = () => {
    throw new Error("was called again");
  };

  const anyText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.integer({ min: 0xd7ff, max: 0xe001 }), { maxLength: 4 }).map((codes) => String.fromCharCode(...codes)),
    fc.constantFrom("", "\ud800", "a\udc00b", "\u2028\n\r\0", '"', "\\u0000", "__proto__"),
  );
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(-0, 0, 1e21, 1e-7, -1e300, 5e-324, 2 ** 53, 0.1 + 0.2),
  );
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constant(null),
      fc.boolean(),
      number,
      anyText,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(anyText, tie("value"), { maxKeys: 4 }),
    ),
  })).value;
  const measures = fc.record(
    {
      flag: fc.option(fc.boolean()),
      cost: fc.option(number),
      model: fc.option(anyText),
      latency_ms: fc.option(number),
      none: fc.constant(undefined),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<Record<string, Measure>>;
  const answers = fc.record({ response: fc.oneof(json, fc.constant(undefined)), measures }, { requiredKeys: [] });

  it("are observed like those that came over the network: any JSON, any measures", async () => {
    const sessions = fc.array(fc.array(answers, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(sessions, async (own) => {
        const file = newFile();
        const counts = own.map((session) => session.length);
        const first = await observe(counts, file, async (i) => own.flat()[i] as Answer);
        expect(first.status).toEqual(own.flat().map(() => "ok"));
        expect(await observe(counts, file, refuse)).toEqual(first);
      }),
    );
  });

  const odd: Readonly<Record<string, unknown>> = {
    "a date": new Date(0),
    "a value that writes itself as a text": { toJSON: () => "text" },
    "a value that writes itself as an object": { toJSON: () => ({ b: 1, a: 2 }) },
    "a member that is undefined": { a: undefined, b: [undefined] },
    "a number that JSON has not": Number.NaN,
    "a function": refuse,
    "an object with its own __proto__": JSON.parse('{"__proto__":{"a":1},"b":2}'),
    "a map": new Map([[1, 2]]),
    bytes: Uint8Array.of(1, 2),
    "a boxed text": Object("text"),
    "keys that are numbers": { 2: "b", 1: "a", "-1": "c" },
  };

  it.each(Object.entries(odd))("are observed alike when a response is %s", async (_, response) => {
    const file = newFile();
    const first = await observe([1], file, () => ({ response }));
    expect(first.status).toEqual(["ok"]);
    expect(await observe([1], file, refuse)).toEqual(first);
  });

  const failures: Readonly<Record<string, Conversation<number>["respond"]>> = {
    "a throw": () => {
      throw new Error("broken \ud800");
    },
    "a rejection": () => Promise.reject(new Error("status 500")),
    "no answer": () => new Promise(() => {}),
    "a measure that is not finite": () => ({ response: "x", measures: { a: 1, cost: Number.NaN } }),
    "a response without JSON": () => ({ response: { big: 1n }, measures: { a: 1 } }),
    "nothing returned": () => undefined as unknown as Answer,
  };

  it.each(Object.entries(failures))("or failed by %s are not asked again, and observed alike", async (_, fail) => {
    const file = newFile();
    const counts = [3, 2];
    const fine = (i: number): Answer => ({ response: i, measures: { a: i } });
    const first = await observe(counts, file, (i) => (i === 1 ? fail(i) : fine(i)));
    expect(first.status.slice(0, 1)).toEqual(["ok"]);
    expect(first.status.slice(1)).toEqual([expect.stringMatching(/^(error|timeout)$/), "skipped", "ok", "ok"]);
    expect(await observe(counts, file, refuse)).toEqual(first);
  });

  it("are told to a conversation that can resume, which is asked the rest; others are begun anew", async () => {
    for (const resumes of [true, false]) {
      const file = newFile();
      note(file, [
        ["s0", 0, { answer: { response: "logged 0", measures: { n: 0 } } }],
        ["s0", 1, { answer: { response: "logged 1" } }],
        ["s1", 0, { answer: { response: "logged 3" } }],
      ]);
      const told: unknown[] = [];
      const policy: Policy<number> = {
        name: "test",
        version: "1",
        network: true,
        open: ({ id }) => ({
          respond: (request) => {
            told.push([id, request]);
            return { response: `called ${request}`, measures: { n: request } };
          },
          ...(resumes
            ? { resume: async (request: number, before: Answer) => void told.push([id, request, before.response]) }
            : {}),
        }),
      };
      const calls = new CallLog(file);
      const [observations] = await replayRequests(
        asked([3, 1]),
        [{ lane: "candidate", policy: policy as Policy, calls }],
        { seed: "test", timeoutMs: 1000, concurrency: 1, keepResponses: true },
      );
      calls.close();
      const logged = resumes ? "logged" : "called";
      expect(told).toEqual(
        resumes
          ? [
              ["s0", 0, "logged 0"],
              ["s0", 1, "logged 1"],
              ["s0", 2],
            ]
          : [
              ["s0", 0],
              ["s0", 1],
              ["s0", 2],
            ],
      );
      expect(observations?.responses).toEqual([`"${logged} 0"`, `"${logged} 1"`, '"called 2"', '"logged 3"']);
      expect(new CallLog(file).of("s0")).toHaveLength(3);
      expect(readFileSync(file, "utf8").trimEnd().split("\n")).toHaveLength(resumes ? 4 : 6);
    }
  });

  it("bring the tool calls back that were made for them", async () => {
    const file = newFile();
    const tools = JSON.stringify([{ name: "lookup", arguments: {}, result: 1 }]);
    const own = { ...asked([2, 1]), tools: [tools, "", ""] };
    const policy: Policy = {
      name: "test",
      version: "1",
      network: true,
      open: (_, { tool }) => ({ respond: () => ({ response: tool("lookup") ?? null }) }),
    };
    const uses = [];
    for (let run = 0; run < 2; run++) {
      const calls = new CallLog(file);
      const [observations] = await replayRequests(own, [{ lane: "candidate", policy, calls }], {
        seed: "test",
        timeoutMs: 1000,
        concurrency: 1,
      });
      calls.close();
      uses.push(observations?.toolUse);
    }
    expect(uses[0]).toEqual(Uint32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1));
    expect(uses[1]).toEqual(uses[0]);
  });
});
