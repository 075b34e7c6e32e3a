import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Database } from "../../../io/duckdb.ts";
import { sql } from "../../../io/sql.ts";
import { flat } from "../../../shadow/ingest/arrivals.ts";
import { createQuarantine, importRecords } from "../../../shadow/ingest/import-records.ts";
import { createSessions, requireTimes, type SessionSpec } from "../../../shadow/ingest/sessions.ts";
import { openDatabase } from "../../support/database.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { field, jsonLines, writeFiles } from "../../support/import-log.ts";
import { refusal } from "../../support/refusal.ts";

interface LoggedRequest {
  readonly session: string;
  readonly user?: string | null;
  /** seconds */
  readonly at?: number;
  readonly plan?: string | null;
  readonly text?: string;
}

const day = Date.UTC(2026, 0, 5) / 1000;

/** Sessions, requests and their summary of a log of these requests, in this order. */
async function sessionsOf(requests: readonly LoggedRequest[], spec: Partial<SessionSpec> = {}) {
  const database = await Database.open({ threads: 1 });
  try {
    const records = requests.map(({ at = 0, ...request }, i) => ({ text: `request ${i}`, ...request, at: day + at }));
    const files = writeFiles(temporaryFolder(), {
      "log.jsonl": jsonLines(records.map((r) => ({ user: null, plan: null, ...r }))),
    });
    await createQuarantine(database);
    await importRecords(
      database,
      {
        role: "traffic",
        files,
        session: "session",
        user: "user",
        at: spec.arrivals ? undefined : "at",
        fields: [field("attribute:plan", "plan", "text"), field("request", "text", "json")],
        place: (key) => key,
        quarantineLimit: 0,
      },
      "traffic",
    );
    const summary = await createSessions(database, "traffic", { assignBy: "session", attributes: ["plan"], ...spec });
    const sessions = await database.rows<{
      session: string;
      unit: string;
      plan: string | null;
      arrival: number;
      ends: number;
    }>(sql`
      select session, unit, attributes ->> 'plan' as plan, epoch(arrival) - ${day} as arrival, epoch(ends) - ${day} as ends
      from sessions order by position`);
    const rows = await database.rows<{ session: string; seq: number; at: number; text: string; shard: number }>(sql`
      select session, seq, epoch("at") - ${day} as "at", request ->> '$' as text, shard from requests
      order by position, seq`);
    return { summary, sessions, requests: rows };
  } finally {
    await database.close();
  }
}

describe("a session", () => {
  it("has its requests in the order of time, then of the log, numbered from 0", async () => {
    const log = fc.array(fc.record({ session: fc.constantFrom("a", "b", "c"), at: fc.integer({ min: 0, max: 5 }) }), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(log, async (written) => {
        const { requests } = await sessionsOf(written);
        for (const session of new Set(written.map((request) => request.session))) {
          const own = requests.filter((request) => request.session === session);
          const expected = written
            .map((request, i) => ({ ...request, text: `request ${i}` }))
            .filter((request) => request.session === session)
            .sort((a, b) => a.at - b.at);
          expect(own.map(({ seq }) => seq)).toEqual(own.map((_, i) => i));
          expect(own.map(({ text, at }) => ({ text, at }))).toEqual(expected.map(({ text, at }) => ({ text, at })));
        }
        expect(requests).toHaveLength(written.length);
      }),
      { numRuns: 15 },
    );
  });

  it("arrives with its first request and ends with its last; sessions are in the order of arrival", async () => {
    const { sessions, summary } = await sessionsOf([
      { session: "late", at: 50 },
      { session: "long", at: 40 },
      { session: "early", at: 7 },
      { session: "long", at: 10 },
      { session: "long", at: 90 },
    ]);
    expect(sessions.map(({ session, arrival, ends }) => [session, arrival, ends])).toEqual([
      ["early", 7, 7],
      ["long", 10, 90],
      ["late", 50, 50],
    ]);
    expect(summary).toMatchObject({ requests: 5, sessions: 3, fromMs: (day + 7) * 1000, untilMs: (day + 90) * 1000 });
  });

  it("has the user and the attributes of its first request, and sessions in which they change are counted", async () => {
    const { sessions, summary } = await sessionsOf(
      [
        { session: "a", at: 2, user: "second", plan: "pro" },
        { session: "a", at: 1, user: "first", plan: "free" },
        { session: "b", at: 3, user: "u", plan: "free" },
        { session: "b", at: 4, user: "u", plan: "free" },
        { session: "c", at: 5, user: "v", plan: null },
        { session: "c", at: 6, user: "v", plan: "pro" },
      ],
      { assignBy: "user" },
    );
    expect(sessions.map(({ session, unit, plan }) => [session, unit, plan])).toEqual([
      ["a", "first", "free"],
      ["b", "u", "free"],
      ["c", "v", null],
    ]);
    expect(summary.changing).toEqual([{ attribute: "plan", sessions: 2 }]);
  });
});

describe("units", () => {
  const log: LoggedRequest[] = [
    { session: "a", at: 1, user: "u", plan: "pro" },
    { session: "b", at: 2, user: "u", plan: null },
    { session: "c", at: 3, user: null, plan: "pro" },
    { session: "d", at: 4, user: null, plan: null },
  ];

  it.each([
    ["session", ["a", "b", "c", "d"], 4],
    ["user", ["u", "u", "session:c", "session:d"], 3],
    ["plan", ["pro", "(missing)", "pro", "(missing)"], 2],
  ])("are those of assignBy: %s", async (assignBy, expected, units) => {
    const { sessions, summary } = await sessionsOf(log, { assignBy });
    expect(sessions.map(({ unit }) => unit)).toEqual(expected);
    expect(summary).toMatchObject({ units, withoutUser: 2 });
  });
});

describe("stated arrivals", () => {
  it("give a session without times its place in the log, at one instant", async () => {
    const { sessions, requests } = await sessionsOf(
      [
        { session: "second", text: "1" },
        { session: "first", text: "1" },
        { session: "second", text: "2" },
        { session: "third", text: "1" },
      ],
      { arrivals: { perDay: 24, hourlyRates: flat } },
    );
    const base = sessions[0]?.arrival as number;
    expect(sessions.map(({ session, arrival, ends }) => [session, (arrival - base) / 3600, ends - arrival])).toEqual([
      ["second", 0, 0],
      ["first", 1, 0],
      ["third", 2, 0],
    ]);
    expect(requests.map(({ session, text }) => `${session} ${text}`)).toEqual([
      "second 1",
      "second 2",
      "first 1",
      "third 1",
    ]);
  });

  it("are asked for where the log has no times, and refused where it has", async () => {
    const arrivals = { perDay: 10, hourlyRates: flat };
    expect(await refusal(() => requireTimes(false, undefined, "foretaste.yaml:3"))).toMatch(
      /the log has no times; .*arrivals:/,
    );
    expect(await refusal(() => requireTimes(true, arrivals, "foretaste.yaml:3"))).toMatch(
      /both times \(at\) and stated arrivals/,
    );
    requireTimes(true, undefined, "foretaste.yaml:3");
    requireTimes(false, arrivals, "foretaste.yaml:3");
  });
});

describe("shards", () => {
  it("hold whole units, all requests between them, and none more than a few times its share", async () => {
    const database = await openDatabase({ threads: 2 });
    await database.run(sql`
      create table traffic as
      select range as record, 0 as file, range as line, 'session ' || range // 3 as session, 'user ' || (range // 3) % 4000 as "user",
        timestamp '2026-01-05' + to_seconds(range) as "at"
      from range(48000)`);
    const summary = await createSessions(database, "traffic", { assignBy: "user", attributes: [] });
    expect(summary).toMatchObject({ requests: 48_000, sessions: 16_000, units: 4000, shards: 5 });
    const { split, requests, same } = await database.row<{ split: number; requests: number; same: boolean }>(sql`
      select (select count(*) from (select unit from sessions group by unit having count(distinct shard) > 1)) as split,
        (select count(*) from requests) as requests,
        (select bool_and(sessions.shard = requests.shard) from requests join sessions using (session)) as same`);
    expect({ split, requests, same }).toEqual({ split: 0, requests: 48_000, same: true });
    const shards = await database.rows<{ shard: number; n: number }>(
      sql`select shard, count(*) as n from requests group by shard order by shard`,
    );
    expect(shards.map(({ shard }) => shard)).toEqual([0, 1, 2, 3, 4]);
    // 4,000 units in five shards: 800 each, with a standard deviation of 25
    for (const { n } of shards) expect(Math.abs(n - 9600)).toBeLessThan(5 * 25 * 12);
  });
});
