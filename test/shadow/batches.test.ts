import {
  Bool,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  type RecordBatch,
  Struct,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sql } from "../../io/sql.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { replayTraffic } from "../../rehearsal/rehearse.ts";
import type { Answer, BatchAnswers, Policy } from "../../shadow/policy.ts";
import { replayRequests } from "../../shadow/replay-requests.ts";
import { type RequestSchema, requestSchema } from "../../shadow/request-table.ts";
import type { Requests } from "../../shadow/requests.ts";
import { observationsFile } from "../../shadow/shard-store.ts";
import { openDatabase } from "../support/database.ts";
import { type Observed, observed } from "../support/observed.ts";
import { parquetRows, projectFolder, requests, runOptions } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

/** A request as a policy sees it, asked by itself or as a row of a batch. */
interface Row {
  readonly session: string;
  readonly seq: number;
  readonly at: number;
  readonly request: unknown;
}

type Respond = (row: Row) => Answer;

const text: RequestSchema = { kind: "text" };

/** One array of requests a session; undefined is a request that is missing. */
function shard(sessions: readonly (readonly unknown[])[]): Requests {
  const all = sessions.flat();
  const counts = sessions.map((own) => own.length);
  return {
    session: sessions.map((_, i) => `s${i}`),
    attributes: sessions.map(() => "{}"),
    starts: [0, ...counts.map((_, i) => counts.slice(0, i + 1).reduce((sum, n) => sum + n, 0))],
    at: all.map((_, i) => 1_760_000_000_000 + 500 * i),
    request: all.map((request) => (request === undefined ? "" : JSON.stringify(request))),
    response: all.map(() => ""),
    tools: all.map(() => ""),
  };
}

/** Sessions whose requests are the numbers from 0 on. */
const numbered = (...counts: readonly number[]) => {
  let next = 0;
  return shard(counts.map((count) => Array.from({ length: count }, () => next++)));
};

const oneByOne = (respond: Respond): Policy => ({
  name: "one by one",
  version: "1",
  open: ({ id: session }, context) => ({
    respond: (request) => respond({ session, seq: context.seq, at: context.at, request }),
  }),
});

const inBatches = (respondBatch: NonNullable<Policy["respondBatch"]>): Policy => ({
  name: "in batches",
  version: "1",
  respondBatch,
});

/** The rows of a batch, requests read by `read`. */
function rowsOf(batch: RecordBatch, read: (request: unknown) => unknown): Row[] {
  return batch.toArray().map((row: unknown) => {
    const { session, seq, at, request } = row as { session: string; seq: number; at: number; request: unknown };
    return { session, seq, at: Number(at), request: read(request) };
  });
}

/** The answers of each row as columns. */
function columnsOf(answers: readonly Answer[]): BatchAnswers {
  const names = [...new Set(answers.flatMap(({ measures }) => Object.keys(measures ?? {})))];
  return {
    response: answers.map(({ response }) => response),
    measures: Object.fromEntries(names.map((name) => [name, answers.map(({ measures }) => measures?.[name] ?? null)])),
  };
}

interface Options {
  readonly schema?: RequestSchema;
  readonly timeoutMs?: number;
  readonly keepResponses?: boolean;
}

async function observe(requests: Requests, policy: Policy, { schema = text, ...own }: Options = {}) {
  const settings = { seed: "test", timeoutMs: 30_000, concurrency: 4, ...own, schema };
  const [observations] = await replayRequests(requests, [{ lane: "candidate", policy }], settings);
  return { ...observed(observations), responses: observations?.responses };
}

/** Without stacks, which know who called. */
const seen = ({ stack: _, ...rest }: Observed) => rest;

/** A member as it was written, from a column of a struct; null is one that is missing. */
function membersOf(request: unknown, json: readonly string[]): unknown {
  if (request === null) return null;
  const members = Object.entries((request as { toJSON(): object }).toJSON()).filter(([, value]) => value !== null);
  return Object.fromEntries(
    members.map(([name, value]) => [name, json.includes(name) ? JSON.parse(value as string) : value]),
  );
}

/** Depends on everything that a policy is told, and answers with every type. */
const digesting: Respond = ({ session, seq, at, request }) => {
  const told = JSON.stringify([session, seq, at, request]);
  return {
    response: told.length % 5 === 0 ? undefined : told.length % 5 === 1 ? { told } : told,
    measures: {
      length: told.length / 3,
      even: told.length % 2 === 0,
      end: told.length % 3 === 0 ? null : told.slice(-4),
      latency_ms: told.length,
    },
  };
};

const wellFormed = fc.string({ unit: "binary" }).map((own) => own.toWellFormed());

describe("a policy that answers batches is observed as if it were asked one by one", () => {
  const sessions = <T>(request: fc.Arbitrary<T>) =>
    fc.array(fc.array(request, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 6 });

  it("when requests are objects, whose members are columns", async () => {
    const request = fc.option(
      fc.record(
        {
          n: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
          t: wellFormed,
          b: fc.boolean(),
          j: fc.oneof(fc.array(fc.integer()), fc.record({ deep: fc.string({ unit: "grapheme" }) }), fc.constant("x")),
        },
        { requiredKeys: [] },
      ),
      { nil: undefined },
    );
    const schema: RequestSchema = {
      kind: "object",
      members: [
        { name: "n", type: "number" },
        { name: "t", type: "text" },
        { name: "b", type: "boolean" },
        { name: "j", type: "json" },
      ],
    };
    // members in the order of the columns
    const ordered: Respond = (row) => {
      const own = row.request as Readonly<Record<string, unknown>> | null;
      const members = ["n", "t", "b", "j"].filter((name) => own?.[name] !== undefined);
      return digesting({ ...row, request: own && Object.fromEntries(members.map((name) => [name, own[name]])) });
    };
    await fc.assert(
      fc.asyncProperty(sessions(request), async (own) => {
        const asked = shard(own);
        const batch = inBatches((table) => columnsOf(rowsOf(table, (one) => membersOf(one, ["j"])).map(ordered)));
        const options = { schema, keepResponses: true };
        expect(seen(await observe(asked, batch, options))).toEqual(
          seen(await observe(asked, oneByOne(ordered), options)),
        );
      }),
      { numRuns: 50 },
    );
  });

  it("when they are texts", async () => {
    await fc.assert(
      fc.asyncProperty(sessions(fc.option(wellFormed, { nil: undefined })), async (own) => {
        const batch = inBatches((table) => columnsOf(rowsOf(table, (request) => request).map(digesting)));
        expect(seen(await observe(shard(own), batch))).toEqual(seen(await observe(shard(own), oneByOne(digesting))));
      }),
      { numRuns: 50 },
    );
  });

  it("when they are of several kinds: texts as they are, anything else as JSON", async () => {
    const own = [
      ["plain", { a: [1] }, undefined],
      [5, true, "5"],
      [["x"], 1e21, "ü😀"],
    ];
    const asText: Respond = (row) =>
      digesting({ ...row, request: typeof row.request === "string" ? row.request : JSON.stringify(row.request) });
    const batch = inBatches((table) =>
      columnsOf(rowsOf(table, (request) => request ?? "null").map((row) => digesting(row))),
    );
    expect(seen(await observe(shard(own), batch))).toEqual(seen(await observe(shard(own), oneByOne(asText))));
  });

  it("when a session is longer than a batch, and when there is one request in all", async () => {
    const read = (request: unknown) => JSON.parse(request as string) as unknown;
    const batch = inBatches((table) => columnsOf(rowsOf(table, read).map(digesting)));
    for (const own of [numbered(3000), numbered(1)])
      expect(seen(await observe(own, batch))).toEqual(seen(await observe(own, oneByOne(digesting))));
  });
});

describe("the columns of a batch", () => {
  const schemaOf = async (all: readonly unknown[]): Promise<RequestSchema> => {
    const database = await openDatabase();
    const texts = JSON.stringify(all.map((one) => JSON.stringify(one)));
    const { structure } = await database.row<{ structure: string }>(sql`
      select cast(json_group_structure(cast(request as json)) as varchar) as structure
      from (select unnest(from_json(${texts}, '["VARCHAR"]')) as request)`);
    return requestSchema(JSON.parse(structure));
  };
  const typesOf = async (schema: RequestSchema, own: Requests) => {
    let found: Record<string, string> = {};
    const policy = inBatches((table) => {
      found = Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)]));
      return {};
    });
    await observe(own, policy, { schema });
    return found;
  };

  it("are session, seq, at and request, with the types that the whole traffic has", async () => {
    const all = [{ n: 1, t: "x", b: true, l: [1], m: "x" }, { n: 1.5, o: { p: 1 }, m: 2, z: null }, { n: -3 }];
    expect(await typesOf(await schemaOf(all), shard([all.slice(2), all.slice(2)]))).toEqual({
      session: "Utf8",
      seq: "Int32",
      at: "Timestamp<MILLISECOND>",
      request: "Struct<{n:Float64, t:Utf8, b:Bool, l:Utf8, m:Utf8, o:Utf8, z:Utf8}>",
    });
    for (const mixed of [
      ["x", "y"],
      ["x", { a: 1 }],
      [1, 2],
      [[1], [2]],
      [{}, {}],
      [null, null],
    ])
      expect((await typesOf(await schemaOf(mixed), shard([mixed, mixed]))).request).toBe("Utf8");
  });

  it("are null where a request is missing, or a member of it", async () => {
    const asked = shard([[{ a: 1 }, { b: "x" }], [undefined]]);
    const schema = await schemaOf([{ a: 1 }, { b: "x" }]);
    const batch: unknown[] = [];
    await observe(
      asked,
      inBatches((table) => {
        batch.push(...rowsOf(table, (request) => request && { ...(request as { toJSON(): object }).toJSON() }));
        return {};
      }),
      { schema },
    );
    expect(batch).toMatchObject([
      { session: "s0", seq: 0, request: { a: 1, b: null } },
      { session: "s0", seq: 1, request: { a: null, b: "x" } },
      { session: "s1", seq: 0, request: null },
    ]);
  });
});

describe("answers", () => {
  const four = numbered(2, 2);
  const one = (own: readonly Answer[]) => oneByOne(({ request }) => own[request as number] as Answer);

  it("may be arrays, typed arrays and Arrow vectors", async () => {
    const plain = await observe(
      four,
      one([
        { response: "a", measures: { f: 0.5, i: 1, big: 2 ** 40, t: "x", b: true, d: "p" } },
        { response: "b", measures: { f: -0.25, i: 2, big: -3, t: "y", b: false, d: "q" } },
        { response: "c", measures: { f: 3, i: 3, big: 0, t: "z", b: true, d: "p" } },
        { response: "d", measures: { f: 4, i: 4, big: 7, t: "", b: true, d: "q" } },
      ]),
    );
    const big = [2n ** 40n, -3n, 0n, 7n];
    const forms: Readonly<Record<string, BatchAnswers>> = {
      arrays: {
        response: ["a", "b", "c", "d"],
        measures: {
          f: [0.5, -0.25, 3, 4],
          i: [1, 2, 3, 4],
          big,
          t: ["x", "y", "z", ""],
          b: [true, false, true, true],
          d: ["p", "q", "p", "q"],
        },
      },
      "typed arrays": {
        response: ["a", "b", "c", "d"],
        measures: {
          f: Float32Array.of(0.5, -0.25, 3, 4),
          i: Uint8Array.of(1, 2, 3, 4),
          big: BigInt64Array.from(big),
          t: ["x", "y", "z", ""],
          b: [true, false, true, true],
          d: ["p", "q", "p", "q"],
        },
      },
      "Arrow vectors": {
        response: vectorFromArray(["a", "b", "c", "d"], new Utf8()),
        measures: {
          f: vectorFromArray([0.5, -0.25, 3, 4], new Float64()),
          i: vectorFromArray([1, 2, 3, 4], new Int32()),
          big: vectorFromArray(big, new Int64()),
          t: vectorFromArray(["x", "y", "z", ""], new Utf8()),
          b: vectorFromArray([true, false, true, true], new Bool()),
          d: vectorFromArray(["p", "q", "p", "q"], new Dictionary(new Utf8(), new Int32())),
        },
      },
    };
    for (const [form, answers] of Object.entries(forms))
      expect([
        form,
        seen(
          await observe(
            four,
            inBatches(() => answers),
          ),
        ),
      ]).toEqual([form, seen(plain)]);
  });

  it("that are null are none, in an array and in a vector", async () => {
    const plain = await observe(
      four,
      one([{ response: "a", measures: { f: 1 } }, { measures: { b: true } }, { measures: { f: 2, b: false } }, {}]),
    );
    const arrays: BatchAnswers = {
      response: ["a", null, undefined, null],
      measures: { f: [1, null, 2, undefined], b: [null, true, false, null] },
    };
    const vectors: BatchAnswers = {
      response: vectorFromArray(["a", null, null, null], new Utf8()),
      measures: {
        f: vectorFromArray([1, null, 2, null], new Float64()),
        b: vectorFromArray([null, true, false, null], new Bool()),
      },
    };
    for (const answers of [arrays, vectors])
      expect(
        seen(
          await observe(
            four,
            inBatches(() => answers),
          ),
        ),
      ).toEqual(seen(plain));
    expect(
      seen(
        await observe(
          four,
          inBatches(() => ({})),
        ),
      ),
    ).toEqual(seen(await observe(four, one([{}, {}, {}, {}]))));
  });

  it("that are Arrow structs and lists are the objects and arrays that they look like", async () => {
    const values = [{ id: 1n, tags: ["x"] }, { id: 2n, tags: [] }, null, { id: null, tags: null }];
    const type = new Struct([
      new Field("id", new Int64(), true),
      new Field("tags", new List(new Field("item", new Utf8(), true)), true),
    ]);
    const struct = await observe(
      four,
      inBatches(() => ({ response: vectorFromArray(values, type) })),
      { keepResponses: true },
    );
    const plain = await observe(
      four,
      one([
        { response: { id: 1, tags: ["x"] } },
        { response: { id: 2, tags: [] } },
        {},
        { response: { id: null, tags: null } },
      ]),
      { keepResponses: true },
    );
    expect(seen(struct)).toEqual(seen(plain));
  });

  it("that are 64-bit integers no number holds differ when they differ", async () => {
    const near = BigInt64Array.of(2n ** 53n, 2n ** 53n + 1n, 2n ** 53n, 5n);
    const { digest } = await observe(
      four,
      inBatches(() => ({ response: near })),
    );
    expect(digest[1]).not.toBe(digest[0]);
    expect(digest[2]).toBe(digest[0]);
    expect(digest[3]).toBe((await observe(four, one([{ response: 5 }, {}, {}, {}]))).digest[0]);
  });

  const refused: Readonly<Record<string, [unknown, RegExp]>> = {
    "nothing at all": [undefined, /^respondBatch returned undefined, not \{ response, measures \}$/],
    "a null for a column": [{ measures: { n: null } }, /^respondBatch returned null as n, not an array or a vector$/],
    "a text for a column": [{ response: "abcd" }, /^respondBatch returned abcd as response, not an array or a vector$/],
    "a set for a column": [
      { response: new Set([1]) },
      /^respondBatch returned \[object Set\] as response, not an array/,
    ],
    "too many entries": [{ response: [1, 2, 3, 4, 5] }, /^respondBatch returned 5 entries of response for 1 request$/],
    "too few entries": [{ measures: { n: [] } }, /^respondBatch returned 0 entries of n for 1 request$/],
    "a vector of another length": [
      { measures: { n: vectorFromArray([1, 2], new Float64()) } },
      /^respondBatch returned 2 entries of n for 1 request$/,
    ],
  };

  it.each(Object.entries(refused))("with %s are errors that say so", async (_, [answers, message]) => {
    const { status, error } = await observe(
      four,
      inBatches(() => answers as BatchAnswers),
    );
    expect(status).toEqual(["error", "skipped", "error", "skipped"]);
    expect(error[0]).toMatch(message);
  });

  it("that break the rules of measures are refused out loud", async () => {
    const own = inBatches((table) => ({ measures: { status: rowsOf(table, () => 0).map(() => 1) } }));
    expect(await refusal(() => observe(four, own))).toMatch(/^measure status: its name is reserved; /);
    const mixed = inBatches(() => ({ measures: { n: [1, "x", 1, 1] } }));
    expect(await refusal(() => observe(four, mixed))).toMatch(/^measure n: is a number in one answer and a text in/);
  });
});

describe("a batch that fails", () => {
  const evil = (row: Row) => row.request === 4 || row.request === 9;
  const asked = numbered(3, 4, 2, 3);
  const fine: Respond = ({ request }) => ({ response: request, measures: { n: request as number } });
  const read = (request: unknown) => JSON.parse(request as string) as unknown;
  const failing =
    (fail: (rows: readonly Row[]) => unknown): Policy["respondBatch"] =>
    (table) => {
      const rows = rowsOf(table, read);
      return (rows.some(evil) ? fail(rows) : columnsOf(rows.map(fine))) as BatchAnswers;
    };
  const broken = () => {
    throw new Error("broken");
  };

  const faults: Readonly<Record<string, [fail: (rows: readonly Row[]) => unknown, status: string, message: RegExp]>> = {
    "a throw": [broken, "error", /^broken$/],
    "a rejection": [() => Promise.reject(new Error("broken later")), "error", /^broken later$/],
    "no answer": [() => new Promise(() => {}), "timeout", /^no answer within 100 ms$/],
    "a wrong length": [(rows) => columnsOf([...rows, ...rows].map(fine)), "error", /^respondBatch returned 2 entries/],
    "a measure that is NaN": [
      (rows) => columnsOf(rows.map((row) => ({ measures: { n: evil(row) ? Number.NaN : 1 } }))),
      "error",
      /^measure n is NaN/,
    ],
  };

  it.each(Object.entries(faults))(
    "by %s costs the sessions that must fail, and no other",
    async (_, [fail, status, message]) => {
      const own = await observe(asked, inBatches(failing(fail) as NonNullable<Policy["respondBatch"]>), {
        timeoutMs: 100,
      });
      const expected = ["ok", "ok", "ok", "ok", status, "skipped", "skipped", "ok", "ok", status, "skipped", "skipped"];
      expect(own.status).toEqual(expected);
      expect(own.error[4]).toMatch(message);
      expect(own.error.filter((error) => error !== null)).toHaveLength(2);
      const alone = await observe(
        asked,
        oneByOne((row) => (evil(row) ? broken() : fine(row))),
      );
      expect(own.digest).toEqual(alone.digest);
      expect(own.measures).toEqual(alone.measures);
    },
  );

  it("by a throw keeps where, by a timeout there is no such place", async () => {
    const thrown = await observe(asked, inBatches(failing(broken) as NonNullable<Policy["respondBatch"]>));
    expect(thrown.stack[4]).toMatch(/^\s+at broken /);
    expect(thrown.stack[4]).not.toMatch(/respond-in-batches/);
    const late = await observe(
      asked,
      inBatches(failing(() => new Promise(() => {})) as NonNullable<Policy["respondBatch"]>),
      { timeoutMs: 50 },
    );
    expect(late.stack).toEqual(asked.request.map(() => null));
  });

  it("only as a whole costs nobody anything", async () => {
    const small = inBatches((table) => {
      if (table.numRows > 1) throw new Error("too many at once");
      return columnsOf(rowsOf(table, read).map(fine));
    });
    expect(seen(await observe(asked, small))).toEqual(seen(await observe(asked, oneByOne(fine))));
  });

  it("leaves nothing behind of what it answered before", async () => {
    // answers all rows, one of them badly, and none when asked again
    let times = 0;
    const own = await observe(
      asked,
      inBatches((table) => {
        times += 1;
        if (times > 1) throw new Error("gone");
        return columnsOf(rowsOf(table, read).map((row) => ({ ...fine(row), measures: { n: evil(row) ? 1 / 0 : 1 } })));
      }),
      { keepResponses: true },
    );
    expect(own.status.filter((status) => status === "error")).toHaveLength(4);
    expect(own.digest).toEqual(asked.request.map(() => null));
    expect(own.measures.size).toBe(0);
    expect(own.responses).toBeUndefined();
  });
});

describe("a batch in which the worker dies", () => {
  const faults = { exits: ["process.exit(3)", "crashed"], "loops for ever": ["while (true);", "timeout"] } as const;

  it.each(Object.entries(faults))(
    "because it %s costs one session, from that request on",
    async (_, [evil, status]) => {
      const candidate = `
const read = (request) => (typeof request === "string" ? JSON.parse(request) : request.toJSON());
export default {
  name: "test", version: "1",
  respondBatch: (table) => {
    const rows = table.toArray().map(({ request }) => read(request).n);
    if (rows.includes(40)) ${evil};
    return { response: rows, measures: { n: Float64Array.from(rows) } };
  },
};`;
      const control = candidate.replace("rows.includes(40)", "false");
      const folder = projectFolder({
        log: requests(60, 3),
        files: { "candidate.mjs": candidate, "control.mjs": control },
        project: {
          replay: { timeout: "500ms" },
          metrics: { n: { kind: "mean", value: "sum(n)", better: "higher" } },
        },
        plan: { primary: "n", margins: { n: "5%" } },
      });
      const { folder: run } = await replayTraffic(await loadProject(folder), runOptions());
      interface Own {
        readonly session: string;
        readonly status: string;
        readonly n: number | null;
        readonly response_digest: number | null;
      }
      const [before, after] = await Promise.all(
        ["control", "candidate"].map((lane) => parquetRows<Own>(observationsFile(run, lane, 0))),
      );
      expect(after?.map((row) => row.status)).toEqual(
        Array.from({ length: 60 }, (_, i) => (i === 40 ? status : i === 41 ? "skipped" : "ok")),
      );
      const answered = (rows: readonly Own[] | undefined) =>
        rows
          ?.map(({ session, n, response_digest }) => ({ session, n, response_digest }))
          .filter((_, i) => i < 40 || i > 41);
      expect(answered(after)).toEqual(answered(before));
    },
  );
});
