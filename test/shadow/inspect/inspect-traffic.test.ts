import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sql } from "../../../io/sql.ts";
import { isOutcomeName, matchName } from "../../../shadow/inspect/names.ts";
import { type InspectOptions, inspectTraffic, type TrafficInspection } from "../../../shadow/inspect/traffic.ts";
import { durationText, shareText } from "../../../shadow/inspect/words.ts";
import { openDatabase } from "../../support/database.ts";
import { repository, temporaryFolder } from "../../support/folders.ts";
import { jsonLines, writeFiles } from "../../support/import-log.ts";
import { refusal } from "../../support/refusal.ts";

type Row = Readonly<Record<string, unknown>>;

const monday = Date.UTC(2026, 0, 5);
const hour = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();

/** A clean log: sessions of two requests, two sessions a user, a request a minute from Monday 08:00. */
function cleanLog(n = 60, change: (row: Row, i: number) => Row = (row) => row): Row[] {
  return Array.from({ length: n }, (_, i) =>
    change(
      {
        conversation_id: `conversation ${Math.floor(i / 2)}`.replace(" ", "-"),
        user_id: `user-${Math.floor(i / 4)}`,
        started_at: iso(monday + 8 * hour + i * 60_000),
        input: { text: `what about order ${i}?` },
        output: `order ${i} is on its way`,
        workflow: ["order", "refund", "faq"][Math.floor(i / 2) % 3],
        latency_ms: 100 + ((i * 37) % 400),
      },
      i,
    ),
  );
}

async function inspected(rows: readonly Row[], options: InspectOptions = {}): Promise<TrafficInspection> {
  return inspectTraffic(writeFiles(temporaryFolder(), { "log.jsonl": jsonLines(rows) }), options);
}

/** The guessed columns by role. */
function guessed({ guesses }: TrafficInspection) {
  const { attributes, ...roles } = guesses;
  return {
    ...Object.fromEntries(Object.entries(roles).map(([role, guess]) => [role, guess?.column ?? null])),
    attributes: attributes.chosen.map(({ column }) => column),
  };
}

/** The one warning of a kind, or undefined. */
function warning<K extends TrafficInspection["warnings"][number]["kind"]>({ warnings }: TrafficInspection, kind: K) {
  const found = warnings.filter((own) => own.kind === kind);
  expect(found.length).toBeLessThanOrEqual(1);
  return found[0] as Extract<TrafficInspection["warnings"][number], { kind: K }> | undefined;
}

describe("what is there", () => {
  it("counts records, sessions and columns, and shows an example of each", async () => {
    const found = await inspected(
      cleanLog(60, (row, i) => (i % 3 === 0 ? { ...row, note: null } : { ...row, note: "" })),
    );
    expect(found).toMatchObject({
      format: "jsonl",
      records: 60,
      unreadable: { records: 0, first: null },
      span: { from: "2026-01-05T08:00:00.000Z", until: "2026-01-05T08:59:00.000Z" },
      sessions: { sessions: 30, requests: 60, longest: { session: "conversation-0", durationMs: 60_000 } },
      warnings: [],
    });
    const column = (name: string) => found.columns.find((own) => own.name === name);
    expect(column("workflow")).toMatchObject({
      type: "VARCHAR",
      missing: 0,
      distinct: 3,
      example: "order",
      approximate: false,
    });
    expect(column("latency_ms")).toMatchObject({ type: "HUGEINT", numbers: 1, times: 0 });
    expect(column("input")).toMatchObject({
      type: 'STRUCT("text" VARCHAR)',
      distinct: 60,
      example: '{"text":"what about order 0?"}',
    });
    expect(column("started_at")).toMatchObject({ times: 1, timesAs: "text" });
    expect(column("note")).toMatchObject({ missing: 1, distinct: 0, example: null });
  });

  it("counts unreadable records and names the first with its line and reason", async () => {
    const lines = cleanLog(20).map((row) => JSON.stringify(row));
    const files = writeFiles(temporaryFolder(), {
      "a.jsonl": lines.slice(0, 10).join("\n"),
      "b.jsonl": [lines[10], '{"conversation_id": "cut', "[1]", ...lines.slice(11), ""].join("\n"),
    });
    const found = await inspectTraffic(files);
    expect(found.records).toBe(22);
    expect(found.unreadable).toEqual({
      records: 2,
      first: { file: files[1], line: 2, reason: "not valid JSON" },
    });
    expect(found.sessions?.requests).toBe(20);
  });

  it("is the same for the same records in every format", async () => {
    const rows = cleanLog(40).map(({ input, ...row }) => ({ ...row, input: `what about ${JSON.stringify(input)}` }));
    const header = Object.keys(rows[0] as Row);
    const csv = [header, ...rows.map((row) => Object.values(row))]
      .map((cells) => cells.map((cell) => `"${String(cell).replaceAll('"', '""')}"`).join(","))
      .join("\n");
    const folder = temporaryFolder();
    const files = writeFiles(folder, {
      "log.jsonl": jsonLines(rows),
      "log.jsonl.gz": gzipSync(jsonLines(rows)),
      "log.csv": csv,
      "log.json": JSON.stringify(rows),
    });
    const database = await openDatabase();
    const parquet = join(folder, "log.parquet");
    await database.run(sql`copy (select * from read_json(${files[0] as string})) to ${parquet} (format parquet)`);
    const found = [];
    for (const file of [...files, parquet]) found.push(await inspectTraffic([file]));
    for (const own of found) {
      expect(guessed(own)).toEqual({
        session: "conversation_id",
        user: "user_id",
        at: "started_at",
        request: "input",
        response: "output",
        attributes: ["workflow"],
      });
      expect(own.sessions).toEqual(found[0]?.sessions);
      expect(own.span).toEqual(found[0]?.span);
      expect(own.columns.map(({ name }) => name).sort()).toEqual(header.toSorted());
      expect(own.warnings.filter(({ kind }) => kind !== "times without a zone")).toEqual([]);
    }
    // DuckDB reads ISO text into a Parquet column without a zone
    expect(found.map((own) => warning(own, "times without a zone")?.count)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      40,
    ]);
  });

  it("estimates the different values of more than 100,000 records, and says so", async () => {
    const rows = Array.from({ length: 100_001 }, (_, i) => ({
      session_id: `s${i >> 1}`,
      ts: monday + i,
      tier: i & 2 ? "a" : "b",
    }));
    const found = await inspected(rows, { threads: 2 });
    const session = found.columns.find(({ name }) => name === "session_id");
    expect(session?.approximate).toBe(true);
    // HyperLogLog of 64 registers: a standard error of 13 %, four of them
    expect(Math.abs((session?.distinct ?? 0) / 50_001 - 1)).toBeLessThan(4 * 0.13);
    expect(found.guesses.session?.why).toMatch(/about/);
    expect(found.sessions?.sessions).toBe(50_001);
    expect(guessed(found)).toMatchObject({ session: "session_id", at: "ts", attributes: ["tier"] });
  });

  it("does not depend on the number of threads", async () => {
    const rows = cleanLog(500, (row, i) => ({ ...row, started_at: iso(monday + ((i * 7919) % 500) * hour) }));
    const files = writeFiles(temporaryFolder(), { "log.jsonl": jsonLines(rows) });
    expect(await inspectTraffic(files, { threads: 2 })).toEqual(await inspectTraffic(files, { threads: 1 }));
  });

  it("is plain data: JSON and back changes nothing", async () => {
    const found = await inspected(cleanLog(30, (row, i) => (i === 7 ? { ...row, started_at: iso(0) } : row)));
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });

  it("writes nothing beside the log", async () => {
    const folder = temporaryFolder();
    const files = writeFiles(folder, { "log.jsonl": jsonLines(cleanLog()) });
    await inspectTraffic(files);
    expect(readdirSync(folder)).toEqual(["log.jsonl"]);
  });

  it("refuses what cannot be read, naming it", async () => {
    const folder = temporaryFolder();
    const [empty, picture, cut] = writeFiles(folder, {
      "empty.jsonl": "",
      "picture.png": "x",
      "cut.jsonl.gz": gzipSync(jsonLines(cleanLog())).subarray(0, 200),
    }) as [string, string, string];
    expect(await refusal(() => inspectTraffic([join(folder, "none.jsonl")]))).toMatch(/none.jsonl: no such file/);
    expect(await refusal(() => inspectTraffic([folder]))).toMatch(/is a folder|unknown format/);
    expect(await refusal(() => inspectTraffic([empty]))).toMatch(/empty.jsonl: is empty/);
    expect(await refusal(() => inspectTraffic([picture]))).toMatch(/picture.png: has an unknown format/);
    expect(await refusal(() => inspectTraffic([cut]))).toMatch(/cut.jsonl.gz: the gzip stream is broken/);
  });
});

describe("the guesses", () => {
  it.each([
    [{ session: "thread_id", user: "customer_id", at: "created_at", request: "messages", response: "completion" }],
    [{ session: "sessionId", user: "userId", at: "@timestamp", request: "prompt", response: "response" }],
    [
      {
        session: "gen_ai.conversation.id",
        user: "enduser.user.id",
        at: "start_time",
        request: "user_input",
        response: "answer",
      },
    ],
    [{ session: "Trace ID", user: "account", at: "ts", request: "Question", response: "model-output" }],
    [{ session: "run_id", user: "tenant_id", at: "event_time", request: "query_text", response: "reply" }],
  ])("know the names in use: %o", async (names) => {
    const rows = cleanLog(400).map(({ conversation_id, user_id, started_at, input, output, ...row }) => ({
      ...row,
      [names.user]: user_id,
      [names.session]: conversation_id,
      [names.response]: output,
      [names.request]: input,
      [names.at]: started_at,
    }));
    const found = await inspected(rows);
    expect(guessed(found)).toEqual({ ...names, attributes: ["workflow"] });
    expect(found.guesses.session).toMatchObject({
      sure: true,
      why: expect.stringMatching(/name.*200 different values, 2 records each/),
    });
  });

  it("prefer a conversation to the traces in it, which are the runner-up", async () => {
    const found = await inspected(cleanLog(60, (row, i) => ({ trace_id: `t${i}`, ...row })));
    expect(found.guesses.session).toMatchObject({
      column: "conversation_id",
      runnerUp: { column: "trace_id", why: expect.stringMatching(/each record its own/) },
    });
  });

  it("take a text that repeats for a session when no name says one, and call that unsure", async () => {
    const found = await inspected(
      cleanLog(400).map(({ conversation_id, ...row }) => ({ ...row, thing: `${conversation_id}-4f1b9c` })),
    );
    expect(found.guesses.session).toMatchObject({ column: "thing", sure: false });
    expect(found.sessions?.sessions).toBe(200);
  });

  it("take neither measurements nor row numbers nor prompts for a session", async () => {
    const rows = Array.from({ length: 400 }, (_, i) => ({
      n: i,
      prompt_tokens: 100 + (i % 150),
      item_id: i % 34,
      prompt: `please tell me about number ${i % 100}`,
      digest: `${i % 3}`.repeat(32),
    }));
    expect((await inspected(rows)).guesses.session).toBeNull();
  });

  it.each([
    ["seconds", 1e-3],
    ["milliseconds", 1],
    ["microseconds", 1e3],
    ["nanoseconds", 1e6],
  ])("know an epoch in %s, in numbers and in texts, and say its unit", async (unit, factor) => {
    for (const write of [(value: number) => value, String]) {
      const rows = cleanLog(60, ({ started_at, ...row }) => ({
        ...row,
        when_at: write(Date.parse(started_at as string) * factor),
      }));
      const found = await inspected(rows);
      expect(found.guesses.at).toMatchObject({
        column: "when_at",
        sure: true,
        why: expect.stringContaining(`epoch ${unit}`),
      });
      expect(found.notes).toEqual([`times are read as epoch ${unit}`]);
      expect(found.span).toEqual({ from: "2026-01-05T08:00:00.000Z", until: "2026-01-05T08:59:00.000Z" });
    }
  });

  it("take a column of times whose name says nothing, and numbers like an epoch only as unsure", async () => {
    const texts = await inspected(cleanLog(60, ({ started_at, ...row }) => ({ ...row, x: started_at })));
    expect(texts.guesses.at).toMatchObject({ column: "x", sure: true });
    const numbers = await inspected(cleanLog(60, ({ started_at, ...row }, i) => ({ ...row, x: 1_700_000_000 + i })));
    expect(numbers.guesses.at).toMatchObject({ column: "x", sure: false });
    expect(numbers.span).toBeNull();
  });

  it("accept a time column in which up to a tenth is no time", async () => {
    const log = (bad: number) => cleanLog(100, (row, i) => (i < bad ? { ...row, started_at: "soon" } : row));
    expect((await inspected(log(10))).guesses.at?.column).toBe("started_at");
    expect((await inspected(log(11))).guesses.at).toBeNull();
  });

  it("take neither durations nor token counts for what they are named like", async () => {
    const rows = cleanLog(60, ({ started_at, input, output, user_id, ...row }, i) => ({
      ...row,
      response_time: i / 10,
      input_tokens: i,
      output_length: i,
      is_new_user: i % 2 === 0,
      system_prompt: "you are an agent",
      time_since_start: i,
    }));
    expect(guessed(await inspected(rows))).toMatchObject({ user: null, at: null, request: null, response: null });
  });

  it("are attributes for few values that stay the same in a session, never for outcomes", async () => {
    const rows = cleanLog(400, (row, i) => ({
      ...row,
      turn: i % 2,
      premium: Math.floor(i / 2) % 2 === 0,
      region: Math.floor(i / 2) % 50,
      shop: `shop ${Math.floor(i / 2) % 51}`,
      reward: Math.floor(i / 2) % 2,
      error_code: i % 100 < 50 ? 500 : 200,
      constant: "x",
    }));
    const { attributes } = (await inspected(rows)).guesses;
    expect(attributes.chosen).toEqual([
      { column: "premium", why: "2 values, constant inside every session" },
      { column: "workflow", why: "3 values, constant inside every session" },
    ]);
    expect(attributes.others).toEqual([
      { column: "turn", why: expect.stringContaining("changes inside 200 of 200 longer sessions (100 %)") },
    ]);
  });

  it("give way to stated columns, and the warnings with them", async () => {
    const rows = cleanLog(60, (row, i) => ({
      ...row,
      other: `o${Math.floor(i / 20)}`,
      when: iso(monday + i * 7 * hour),
    }));
    const found = await inspected(rows, {
      columns: { session: "other", at: "when" },
      attributes: ["workflow", "latency_ms"],
    });
    expect(guessed(found)).toMatchObject({ session: "other", at: "when", attributes: ["workflow", "latency_ms"] });
    expect(found.guesses.session).toMatchObject({ why: "as stated", runnerUp: { column: "conversation_id" } });
    expect(warning(found, "sessions over midnight")?.count).toBe(3);
    const changing = found.warnings.flatMap((own) => (own.kind === "values that change" ? [own.column] : []));
    expect(changing).toEqual(["user_id", "workflow", "latency_ms"]);
  });

  it("refuse stated columns that are not there", async () => {
    const message = await refusal(() => inspected(cleanLog(), { columns: { session: "conversationid" } }));
    expect(message).toMatch(/columns.session: column conversationid is not in .*did you mean conversation_id\?/);
    expect(await refusal(() => inspected(cleanLog(), { attributes: ["x"] }))).toMatch(/attributes: column x is not in/);
    expect(await refusal(() => inspected(cleanLog(), { columns: { at: "" } }))).toMatch(
      /columns.at: a column without a name/,
    );
  });

  it("do not mind hostile names and values", async () => {
    const odd = [
      "select",
      'q"q',
      "😀",
      "__proto__",
      "~/0",
      "a b",
      "constructor",
      "Session",
      "x'); drop table log; --",
      "",
    ];
    const rows = cleanLog(60, ({ conversation_id, workflow, ...row }) => ({
      ...row,
      ...Object.fromEntries(odd.map((name) => [name, "\u001b[31m\n"])),
      "session\u0000": "1",
      SESSION: "2",
      ["__proto__"]: workflow,
      'my "session_id': conversation_id,
    }));
    const files = writeFiles(temporaryFolder(), {
      "log.jsonl": rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
    });
    const found = await inspectTraffic(files, {
      columns: { session: 'my "session_id' },
      attributes: ["__proto__", "😀"],
    });
    expect(found.columns.map(({ name }) => name)).toEqual(expect.arrayContaining(odd));
    expect(found.notes).toEqual(["1 column is left out: SQL cannot read a name with a NUL character in it"]);
    expect(found.sessions).toMatchObject({ sessions: 30 });
    expect(found.guesses.attributes.chosen.map(({ column }) => column)).toEqual(["__proto__", "😀"]);
    expect(found.columns.find(({ name }) => name === "__proto__")).toMatchObject({ distinct: 3, example: "order" });
  });
});

describe("the names of columns", () => {
  const separators = fc.constantFrom("_", "-", ".", " ", "/", "__");
  const known = fc.constantFrom(
    ["session", "conversation_id"] as const,
    ["session", "thread_id"] as const,
    ["user", "customer_id"] as const,
    ["at", "started_at"] as const,
    ["request", "user_input"] as const,
  );

  it("mean the same in every case and with every separator", () => {
    fc.assert(
      fc.property(known, separators, fc.boolean(), ([role, name], separator, upper) => {
        const written = name.replaceAll("_", separator);
        const match = matchName(role, upper ? written.toUpperCase() : written);
        const camel = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
        expect(match).toEqual(matchName(role, name));
        expect(matchName(role, camel)).toEqual(match);
        expect(match).toBeDefined();
      }),
    );
  });

  it("mean the same behind a word, unless that turns the meaning", () => {
    expect(matchName("session", "langfuse.session_id")).toMatchObject({ name: "session_id", exact: false });
    for (const [role, name] of [
      ["session", "parent_run_id"],
      ["session", "item_id"],
      ["user", "is_user"],
      ["user", "user_feature_0"],
      ["request", "system_prompt"],
      ["request", "input_length"],
      ["request", "gen_text"],
      ["response", "expected_output"],
      ["at", "format"],
    ] as const) {
      expect(matchName(role, name), name).toBeUndefined();
    }
  });

  it("tell outcomes", () => {
    for (const name of ["error_code", "reward", "cost_usd", "isCompleted", "click", "total_tokens"])
      expect(isOutcomeName(name), name).toBe(true);
    for (const name of ["workflow", "country_code", "tier", "region"]) expect(isOutcomeName(name), name).toBe(false);
  });
});

describe("the warnings", () => {
  it("count records of no use, by what is wrong with them", async () => {
    const rows = cleanLog(60, (row, i) => {
      if (i === 5 || i === 6) return { ...row, conversation_id: i === 5 ? "" : null };
      if (i === 9) return { ...row, started_at: "yesterday" };
      if (i === 11) return { ...row, started_at: "2300-01-01T00:00:00Z" };
      return i === 13 ? { ...row, started_at: null } : row;
    });
    const found = await inspected(rows);
    const unusable = found.warnings.flatMap((own) =>
      own.kind === "unusable records" ? [[own.reason, own.count, "line" in own.example && own.example.line]] : [],
    );
    expect(unusable).toEqual([
      ["the session is missing", 2, 6],
      ["not a time", 1, 10],
      ["not a time between 1970 and 2200", 1, 12],
      ["the time is missing", 1, 14],
    ]);
    expect(found.sessions?.requests).toBe(55);
  });

  it("count values that are no number among epochs", async () => {
    const rows = cleanLog(60, ({ started_at, ...row }, i) => ({
      ...row,
      ts: i === 20 ? "soon" : Date.parse(started_at as string),
    }));
    expect(warning(await inspected(rows), "unusable records")).toMatchObject({ count: 1, example: { line: 21 } });
  });

  it("count sessions in which the user or an attribute changes, a missing value too", async () => {
    const found = await inspected(
      cleanLog(60, (row, i) => ({
        ...row,
        ...(i === 7 || i === 21 ? { user_id: "other" } : {}),
        ...(i === 10 ? { workflow: null } : {}),
      })),
    );
    const changes = found.warnings.flatMap((own) => (own.kind === "values that change" ? [own] : []));
    expect(changes).toMatchObject([
      { column: "user_id", count: 2, sessions: 30, example: { session: "conversation-3" } },
      { column: "workflow", count: 1, sessions: 30, example: { session: "conversation-5" } },
    ]);
    expect(changes[0]?.message).toBe(
      "user_id changes inside 2 of 30 sessions; the value of a session's first request counts",
    );
  });

  it("tell a file from new to old from times that step back", async () => {
    const reversed = warning(await inspected(cleanLog(60).reverse()), "time runs backwards");
    expect(reversed).toMatchObject({ count: 59, newestFirst: true, largestStepMs: 60_000 });
    const rows = cleanLog(60);
    const late = [...rows.slice(0, 30), ...rows.slice(31, 40), rows[30] as Row, ...rows.slice(40)];
    expect(warning(await inspected(late), "time runs backwards")).toMatchObject({
      count: 1,
      newestFirst: false,
      largestStepMs: 9 * 60_000,
      example: { line: 40 },
    });
  });

  it("compare times inside one file only", async () => {
    const rows = cleanLog(60);
    const files = writeFiles(temporaryFolder(), {
      "a.jsonl": jsonLines(rows.slice(30)),
      "b.jsonl": jsonLines(rows.slice(0, 30)),
    });
    expect((await inspectTraffic(files)).warnings).toEqual([]);
  });

  it("count times in several zones, and those without one among them", async () => {
    const written = (i: number, at: string) =>
      i < 40 ? at : i < 50 ? at.replace("Z", "+00:00") : i < 57 ? at.replace("Z", "+02:00") : at.replace("Z", "");
    const found = await inspected(
      cleanLog(60, (row, i) => ({ ...row, started_at: written(i, row.started_at as string) })),
    );
    expect(warning(found, "times in several zones")).toMatchObject({
      count: 10,
      zones: [
        { zone: "UTC", records: 50 },
        { zone: "+02:00", records: 7 },
        { zone: "", records: 3 },
      ],
      example: { line: 58 },
    });
    expect(warning(found, "times without a zone")).toBeUndefined();
  });

  it("take +02, +0200 and +02:00 for one zone", async () => {
    const zones = ["+02", "+0200", "+02:00"];
    const found = await inspected(
      cleanLog(60, (row, i) => ({
        ...row,
        started_at: (row.started_at as string).replace("Z", zones[i % 3] as string),
      })),
    );
    expect(found.warnings).toEqual([]);
    expect(found.span?.from).toBe("2026-01-05T06:00:00.000Z");
  });

  it("say when all times lack a zone", async () => {
    const found = await inspected(
      cleanLog(60, (row) => ({ ...row, started_at: (row.started_at as string).replace("Z", "") })),
    );
    expect(warning(found, "times without a zone")).toMatchObject({ count: 60, example: { line: 1 } });
    expect(found.notes).toEqual(["times without a zone are read as UTC"]);
  });

  it("set times far from the rest apart, from 1970 and the next century", async () => {
    const rows = cleanLog(60, (row, i) =>
      i === 12 ? { ...row, started_at: iso(0) } : i === 40 ? { ...row, started_at: "2126-01-05T08:40:00Z" } : row,
    );
    const found = await inspected(rows);
    expect(warning(found, "times far from the rest")).toMatchObject({ count: 2, example: { line: 13 } });
    expect(found.span).toEqual({ from: "2026-01-05T08:00:00.000Z", until: "2026-01-05T08:59:00.000Z" });
    // and no other warning is about them
    expect(found.warnings).toHaveLength(1);
  });

  it("do not call a slow trickle far", async () => {
    const found = await inspected(cleanLog(60, (row, i) => ({ ...row, started_at: iso(monday + i * i * hour) })));
    expect(warning(found, "times far from the rest")).toBeUndefined();
  });

  it("notice times that count from the log's start", async () => {
    const rows = cleanLog(60, ({ started_at, ...row }, i) => ({ ...row, timestamp: String(i * 60) }));
    const found = await inspected(rows);
    expect(found.guesses.at?.column).toBe("timestamp");
    expect(warning(found, "times from the log's start")).toMatchObject({ count: 60, example: { line: 1 } });
  });

  it("find the stretches without requests, and count empty days", async () => {
    const shifted = (i: number) => i * 60_000 + (i >= 300 ? 30 * hour : 0) + (i >= 450 ? 3 * 24 * hour : 0);
    const rows = cleanLog(600, (row, i) => ({ ...row, started_at: iso(monday + shifted(i)) }));
    expect(warning(await inspected(rows), "gaps")).toMatchObject({
      count: 2,
      emptyDays: 2,
      typicalMs: 60_000,
      longest: [
        { from: "2026-01-06T13:29:00.000Z", until: "2026-01-09T13:30:00.000Z", durationMs: 72 * hour + 60_000 },
        { from: "2026-01-05T04:59:00.000Z", until: "2026-01-06T11:00:00.000Z", durationMs: 30 * hour + 60_000 },
      ],
      example: { line: 451 },
    });
  });

  it("take quiet nights for no gap", async () => {
    // busy from 08:00 to 20:00, and three requests in the night, for a week
    const times = Array.from({ length: 7 }, (_, day) =>
      [...[1, 3.5, 6].map((at) => at), ...Array.from({ length: 240 }, (_, i) => 8 + i / 20), 23].map(
        (at) => monday + (24 * day + at) * hour,
      ),
    ).flat();
    const found = await inspected(times.map((at, i) => ({ session_id: `s${i}`, at: iso(at) })));
    expect(found.warnings).toEqual([]);
  });

  it("tell copies from requests that are there again", async () => {
    const rows = cleanLog(60);
    const again = [
      ...rows.slice(0, 30),
      rows[3],
      rows[3],
      rows[20],
      { ...rows[7], output: "another" },
      ...rows.slice(30),
    ] as Row[];
    const found = await inspected(again);
    expect(warning(found, "exact duplicates")).toMatchObject({ count: 3, example: { line: 31 } });
    expect(warning(found, "repeated requests")).toMatchObject({ count: 1, example: { line: 34 } });
  });

  it("agree with a plain count on any log", { timeout: 120_000 }, async () => {
    const record = fc.record({
      session: fc.constantFrom("a", "b", "c", "d"),
      user: fc.constantFrom("u", "v", null),
      minute: fc.integer({ min: 0, max: 4 * 24 * 60 }),
      request: fc.constantFrom("one", "two"),
      tier: fc.constantFrom("x", "y"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 3, maxLength: 40 }), async (records) => {
        const rows = records.map(({ minute, ...row }) => ({ ...row, at: iso(monday + minute * 60_000) }));
        const found = await inspected(rows, {
          columns: { session: "session", user: "user", at: "at", request: "request" },
          attributes: ["tier"],
        });
        expect(summaryOf(found)).toEqual(plainCount(rows));
      }),
      { numRuns: 40, seed: 5 },
    );
  });
});

interface PlainRow {
  readonly session: string;
  readonly user: string | null;
  readonly at: string;
  readonly request: string;
  readonly tier: string;
}

function summaryOf(found: TrafficInspection) {
  const changing = (column: string) =>
    found.warnings.find((own) => own.kind === "values that change" && own.column === column)?.count ?? 0;
  return {
    sessions: found.sessions?.sessions,
    longestMs: found.sessions?.longest?.durationMs,
    backwards: warning(found, "time runs backwards")?.count ?? 0,
    largestStepMs: warning(found, "time runs backwards")?.largestStepMs ?? 0,
    overMidnight: warning(found, "sessions over midnight")?.count ?? 0,
    users: changing("user"),
    tiers: changing("tier"),
    copies: warning(found, "exact duplicates")?.count ?? 0,
    repeated: warning(found, "repeated requests")?.count ?? 0,
    emptyDays: warning(found, "gaps")?.emptyDays ?? 0,
  };
}

function grouped<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return groups;
}

function plainCount(rows: readonly PlainRow[]) {
  const sessions = grouped(rows, ({ session }) => session);
  const times = (own: readonly PlainRow[]) => own.map(({ at }) => Date.parse(at)).sort((a, b) => a - b);
  const lengths = [...sessions.values()].map((own) => (times(own).at(-1) as number) - (times(own)[0] as number));
  const steps = rows.slice(1).map(({ at }, i) => Date.parse((rows[i] as PlainRow).at) - Date.parse(at));
  const changing = (key: "user" | "tier") =>
    [...sessions.values()].filter((own) => new Set(own.map((row) => row[key])).size > 1).length;
  const different = [...new Set(rows.map((row) => JSON.stringify(row)))].map((text) => JSON.parse(text) as PlainRow);
  const requests = new Set(different.map(({ session, at, request }) => JSON.stringify([session, at, request])));
  const days = new Set(rows.map(({ at }) => Math.floor(Date.parse(at) / (24 * hour))));
  return {
    sessions: sessions.size,
    longestMs: Math.max(...lengths),
    backwards: steps.filter((step) => step > 0).length,
    largestStepMs: Math.max(0, ...steps),
    overMidnight: [...sessions.values()].filter((own) => new Set(own.map(({ at }) => at.slice(0, 10))).size > 1).length,
    users: changing("user"),
    tiers: changing("tier"),
    copies: rows.length - different.length,
    repeated: different.length - requests.size,
    emptyDays: Math.max(...days) - Math.min(...days) + 1 - days.size,
  };
}

describe("words", () => {
  it("keep small and nearly whole shares apart from none and all", () => {
    expect([0, 0.0001, 0.5, 0.9, 0.9999, 1].map(shareText)).toEqual([
      "0 %",
      "less than 0.1 %",
      "50 %",
      "90 %",
      "more than 99.9 %",
      "100 %",
    ]);
  });

  it("say durations in a fitting unit", () => {
    expect([0, 250, 12_000, 210_000, 26 * hour, 6.07 * 24 * hour].map(durationText)).toEqual([
      "0 ms",
      "250 ms",
      "12 s",
      "3.5 min",
      "26 h",
      "6.07 d",
    ]);
  });
});

const data = join(repository, "..", "shared", "data");
const there = existsSync(data);
if (!there) console.info("skipped: the recorded data are not beside the project");

/** Known answers: counted in the original files, here or by those who recorded them. */
describe.skipIf(!there)("recorded logs", () => {
  it("RAGPulse: sessions, one step back, and times that count from the log's start", async () => {
    const file = join(data, "traces/ragpulse_0_trace.jsonl.gz");
    const rows = gunzipSync(readFileSync(file))
      .toString()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { session_id: string; timestamp: string });
    const found = await inspectTraffic([file], { threads: 2 });
    expect(found).toMatchObject({
      records: 7106,
      unreadable: { records: 0 },
      sessions: { sessions: 3990, requests: 7106 },
    });
    expect(guessed(found)).toMatchObject({
      session: "session_id",
      user: null,
      at: "timestamp",
      response: null,
      attributes: [],
    });
    expect(found.guesses.request?.sure).toBe(false);
    expect(found.warnings.map(({ kind }) => kind)).toEqual([
      "times from the log's start",
      "time runs backwards",
      "sessions over midnight",
    ]);
    expect(warning(found, "time runs backwards")).toMatchObject({ count: 1, example: { line: 3801 } });
    const days = grouped(rows, ({ session_id }) => session_id);
    const over = [...days.values()].filter(
      (own) => new Set(own.map(({ timestamp }) => Math.floor(Number(timestamp) / 86_400))).size > 1,
    );
    expect(warning(found, "sessions over midnight")?.count).toBe(over.length);
  });

  it("Azure: times without a zone, no session, nothing else", async () => {
    const found = await inspectTraffic([join(data, "traces/AzureLLMInferenceTrace_conv.csv.gz")]);
    expect(guessed(found)).toEqual({
      session: null,
      user: null,
      at: "TIMESTAMP",
      request: null,
      response: null,
      attributes: [],
    });
    expect(found).toMatchObject({ records: 19_366, sessions: null, span: { from: "2023-11-16T18:15:46.680Z" } });
    expect(found.warnings).toMatchObject([{ kind: "times without a zone", count: 19_366 }]);
  });

  it("llmperf: no session and no time, and failed requests that are all alike", async () => {
    const file = join(data, "traces/llmperf_individual/lepton_70b.json.gz");
    const rows = JSON.parse(gunzipSync(readFileSync(file)).toString()) as object[];
    const found = await inspectTraffic([file]);
    expect(guessed(found)).toEqual({
      session: null,
      user: null,
      at: null,
      request: null,
      response: null,
      attributes: [],
    });
    const different = new Set(rows.map((row) => JSON.stringify(row))).size;
    expect(found.warnings).toMatchObject([{ kind: "exact duplicates", count: 150 - different }]);
    const all = await inspectTraffic(
      readdirSync(join(data, "traces/llmperf_individual")).map((own) => join(data, "traces/llmperf_individual", own)),
    );
    expect(all.records).toBe(7 * 150 + 145);
    expect(guessed(all)).toMatchObject({ session: null, at: null, request: null });
  });

  it("InterCode: a task is a session of its own, hardness an attribute", async () => {
    const found = await inspectTraffic([join(data, "agents/ic_sql_multiturn_gpt-3.5_10_turns.json.gz")]);
    expect(guessed(found)).toEqual({
      session: "task_id",
      user: null,
      at: null,
      request: "query",
      response: null,
      attributes: ["hardness"],
    });
    expect(found.guesses.session?.runnerUp?.column).toBe("key");
    expect(found.sessions).toMatchObject({ sessions: 1034, requests: 1034 });
    expect(found.warnings).toEqual([]);
  });

  it("tau-bench: four trials a task, told by the trial that changes inside", async () => {
    const found = await inspectTraffic([join(data, "agents/tau_gpt-4o-airline.json.gz")]);
    expect(guessed(found)).toMatchObject({ session: "task_id", at: null, attributes: [] });
    expect(found.sessions).toMatchObject({ sessions: 50, requests: 200 });
    expect(found.guesses.attributes.others).toMatchObject([
      { column: "trial", why: expect.stringContaining("changes inside 50 of 50") },
    ]);
  });

  it.each(["men_random", "men_bts"])("Open Bandit, %s: features of users are attributes, and no user", async (log) => {
    const found = await inspectTraffic([join(data, "bandit", log, "men.csv.gz")]);
    expect(guessed(found)).toEqual({
      session: null,
      user: null,
      at: "timestamp",
      request: null,
      response: null,
      attributes: ["position", "user_feature_0", "user_feature_1", "user_feature_2", "user_feature_3"],
    });
    expect(found.records).toBe(10_000);
    expect(found.warnings).toEqual([]);
  });
});
