import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { sql } from "../../io/sql.ts";
import type { ReplayResult } from "../../rehearsal/rehearse.ts";
import type { MetricResult, Result } from "../../reports/result.ts";
import { openDatabase } from "../support/database.ts";
import { copyExample, repository } from "../support/folders.ts";
import { foretaste } from "../support/run-cli.ts";

const log = join(repository, "..", "shared", "data", "traces", "ragpulse_0_trace.jsonl.gz");
const there = existsSync(log);
if (!there) console.info("skipped: the RAGPulse trace is not beside the project, see examples/ragpulse/README.md");

const weekSeconds = 7 * 24 * 3600;
/** 12:00:00 at UTC+8, epoch seconds. */
const startSeconds = Date.parse("2025-09-10T04:00:00Z") / 1000;

interface Recorded {
  readonly session: string;
  /** since 12:00:00 of the week */
  readonly seconds: number;
  /** 0 before the place in the file where the clock begins again, 1 from there on */
  readonly week: number;
  readonly output: number;
  readonly webSearch: boolean;
  readonly passages: boolean;
}

/** The example with its log in place. */
function example(): string {
  const project = copyExample("ragpulse");
  mkdirSync(join(project, "logs"));
  cpSync(log, join(project, "logs/0_trace.jsonl.gz"));
  return project;
}

/** The lines of output that the README shows. */
function shownLines(): readonly string[] {
  const readme = readFileSync(join(repository, "examples/ragpulse/README.md"), "utf8");
  const [, block = ""] = /```text\n([\s\S]*?)```/.exec(readme) ?? [];
  return block.split("\n").filter((line) => line !== "" && line !== "…");
}

function lines(): readonly string[] {
  return gunzipSync(readFileSync(log)).toString("utf8").split("\n");
}

function records(): readonly Recorded[] {
  let week = 0;
  let before = 0;
  return lines().flatMap((line) => {
    if (line === "") return [];
    const { timestamp, session_id, output_length, hash_ids } = JSON.parse(line);
    const seconds = Number(timestamp);
    if (seconds < before) week += 1;
    before = seconds;
    const [webSearch, passages] = [hash_ids.web_search.length > 0, hash_ids.passages_ids.length > 0];
    return [{ session: session_id, seconds, week, output: output_length, webSearch, passages }];
  });
}

function bySession(): ReadonlyMap<string, readonly Recorded[]> {
  const sessions = new Map<string, Recorded[]>();
  for (const record of records()) {
    const turns = sessions.get(record.session) ?? [];
    turns.push(record);
    sessions.set(record.session, turns);
  }
  return sessions;
}

function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * p;
  const [below = Number.NaN, above = below] = sorted.slice(Math.floor(at));
  return below + (above - below) * (at - Math.floor(at));
}

function metric({ metrics }: Result["comparison"], name: string): MetricResult {
  const found = metrics.find((own) => own.name === name);
  if (!found) throw new Error(`no metric ${name}`);
  return found;
}

/** Hours that the sessions of several turns last. */
async function hoursOpen(folder: string): Promise<readonly number[]> {
  const database = await openDatabase({ folders: [folder] });
  const several = await database.rows<{ hours: number }>(sql`
    select epoch_ms(max("at") - min("at")) / 3600000 as hours
    from read_parquet(${join(folder, "requests/00000.parquet")})
    group by session
    having count(*) > 1`);
  return several.map(({ hours }) => Number(hours));
}

function expectNothingLost({ requests, sessions, requestsByShard }: ReplayResult["sessions"]): void {
  expect([requests, sessions]).toEqual([7106, 3990]);
  expect(requestsByShard.reduce((sum, n) => sum + n, 0)).toBe(7106);
}

/**
 * Known answers: flashserve/RAGPulse @ 3672232, data/0_trace.jsonl: 7,106 requests of 3,990 sessions, 58.8 % of one turn, 1.78
 * turns on average and 25 at most; web search in 3.6 % of the requests. With the documented times P99 of the time for which
 * a session of several turns is open is 26 h.
 */
describe.skipIf(!there)("the RAGPulse example, an assistant's traffic", () => {
  it("finds the known answers, and says go to a limit of 768 tokens", async () => {
    const { code, stdout, stderr } = await foretaste(["rehearse", example(), "--json"]);
    expect(stderr).not.toMatch(/error/i);
    const { comparison, traffic, trust, simulation, verdict } = JSON.parse(stdout) as Result;

    expect(lines().length).toBe(7108);
    expect(traffic.imports).toMatchObject([{ records: 7106, kept: 7106, excluded: 0, quarantined: 0 }]);
    expect([traffic.requests, traffic.sessions, traffic.units]).toEqual([7106, 3990, 3990]);
    expect(traffic.statuses.map(({ lane, status, requests }) => [lane, status, requests])).toEqual([
      ["control", "ok", 7106],
      ["candidate", "ok", 7106],
    ]);
    expect(metric(comparison, "turns").control).toBeCloseTo(7106 / 3990, 12);
    expect(metric(comparison, "turns").control).toBeCloseTo(1.78, 2);
    expect(metric(comparison, "single_turn").control).toBeCloseTo(0.588, 3);
    expect(metric(comparison, "web_search_share").control).toBeCloseTo(256 / 7106, 12);
    expect(records().filter(({ webSearch }) => webSearch)).toHaveLength(256);
    const sessions = [...bySession().values()];
    const output = (limit: number) =>
      records().reduce((sum, record) => sum + Math.min(record.output, limit), 0) / sessions.length;
    expect(metric(comparison, "output_per_session").control).toBeCloseTo(output(Number.POSITIVE_INFINITY), 9);
    expect(metric(comparison, "output_per_session").candidate).toBeCloseTo(output(768), 9);
    const cutOff = sessions.filter((turns) => turns.some((turn) => turn.output > 768)).length;
    expect(metric(comparison, "cut_off_rate").paired).toEqual({
      both: 0,
      controlOnly: 0,
      candidateOnly: cutOff,
      neither: 3990 - cutOff,
    });

    expect([traffic.from, traffic.until]).toEqual(["2025-09-10T04:01:22.000Z", "2025-09-24T03:56:43.000Z"]);
    expect(simulation.laps).toBe(1);
    const sources = ({ webSearch, passages }: Recorded) => (webSearch ? "web" : passages ? "passages" : "none");
    const changing = sessions.filter((turns) => new Set(turns.map(sources)).size > 1).length;
    const warnings = trust.checks.filter(({ status }) => status !== "pass").map(({ figure }) => figure);
    expect(warnings).toEqual([expect.stringContaining(`inside ${changing} sessions`)]);
    expect(verdict.decision).toBe("go");
    expect(code).toBe(0);
  });

  it("prints what its README shows", async () => {
    const { stdout } = await foretaste(["rehearse", example()]);
    expect(shownLines()).not.toEqual([]);
    for (const line of shownLines()) expect(stdout).toContain(line);
  });

  it("places all but eight requests in their week by their session ids", async () => {
    const { stdout } = await foretaste(["replay", example(), "--json"]);
    const { folder, sessions } = JSON.parse(stdout) as ReplayResult;
    expectNothingLost(sessions);
    const database = await openDatabase({ folders: [folder] });
    const placed = await database.rows<{ session: string; ms: number }>(sql`
      select session, epoch_ms("at") as ms from read_parquet(${join(folder, "requests/00000.parquet")})`);
    const known = bySession();
    const unmatched = new Map([...known].map(([session, turns]) => [session, turns.map(timeOf)]));
    const misplaced = placed.filter(({ session, ms }) => {
      const times = unmatched.get(session) ?? [];
      const at = times.indexOf(ms);
      if (at >= 0) times.splice(at, 1);
      return at < 0;
    });
    expect(misplaced).toHaveLength(8);
    for (const { session, ms } of misplaced) {
      // a week early, in sessions that are open in both weeks
      expect(unmatched.get(session)).toContain(ms + 1000 * weekSeconds);
      expect(new Set(known.get(session)?.map(({ week }) => week))).toEqual(new Set([0, 1]));
    }
    const several = [...known.values()].filter((turns) => turns.length > 1);
    const lasting = several.map((turns) => {
      const times = turns.map(timeOf);
      return (Math.max(...times) - Math.min(...times)) / 3_600_000;
    });
    const placedHours = await hoursOpen(folder);
    expect([quantile(lasting, 0.99), quantile(placedHours, 0.99)].map((hours) => hours.toFixed(1))).toEqual([
      "45.2",
      "35.8",
    ]);
    expect([Math.max(...lasting), Math.max(...placedHours)].map(Math.round)).toEqual([314, 150]);
  });

  it("finds the documented week's known answers, and no difference between a log and itself", async () => {
    const { code, stdout } = await foretaste(["rehearse", join(example(), "as-documented.yaml"), "--json"]);
    const { comparison, scenarios, traffic, verdict } = JSON.parse(stdout) as Result;
    expect([traffic.from, traffic.until]).toEqual(["2025-09-10T04:00:00.000Z", "2025-09-17T03:56:43.000Z"]);
    const known = {
      output_p50: 234,
      output_p95: 670,
      output_p99: 891,
      input_p50: 3139.5,
      input_p95: 4425,
      input_p99: 5438.3,
    };
    for (const [name, tokens] of Object.entries(known))
      expect(metric(comparison, name).control, name).toBeCloseTo(tokens, 9);
    for (const { name, control, candidate, difference, pValue } of comparison.metrics) {
      expect(candidate, name).toBe(control);
      expect(difference, name).toMatchObject({ status: "ok", value: 0 });
      expect(pValue, name).toBeCloseTo(1, 12);
    }
    const decisions = (name: string) => {
      const { rollback, stop, promote } = scenarios.find((own) => own.name === name) ?? {};
      return { rollback, stop, promote };
    };
    expect(decisions("as_replayed").promote?.status).toBe("ok");
    expect(decisions("as_replayed")).toEqual(decisions("no_change"));
    expect(verdict.decision).toBe("go");
    expect(code).toBe(0);
  });

  it("keeps sessions together that are open for days, and one pair of requests that is out of order", async () => {
    const { stdout } = await foretaste(["replay", join(example(), "as-documented.yaml"), "--json"]);
    const { folder, sessions } = JSON.parse(stdout) as ReplayResult;
    expectNothingLost(sessions);
    const all = records();
    expect(all.filter(({ seconds }, i) => seconds < (all[i - 1]?.seconds ?? 0))).toHaveLength(1);
    const several = [...bySession().values()].filter((turns) => turns.length > 1);
    const lasting = several.map((turns) => {
      const seconds = turns.map((turn) => turn.seconds);
      return (Math.max(...seconds) - Math.min(...seconds)) / 3600;
    });
    const found = await hoursOpen(folder);
    expect(found).toHaveLength(1643);
    expect(quantile(found, 0.99)).toBeCloseTo(quantile(lasting, 0.99), 9);
    expect(quantile(found, 0.99)).toBeCloseTo(26.17, 2);
    expect(Math.max(...found)).toBeCloseTo(524_100 / 3600, 9);

    const database = await openDatabase({ folders: [folder] });
    const { longest } = await database.row<{ longest: number }>(sql`
      select max(turns) as longest
      from (select count(*) as turns from read_parquet(${join(folder, "requests/00000.parquet")}) group by session)`);
    expect(longest).toBe(25);
    const { backwards } = await database.row<{ backwards: number }>(sql`
      select count(*) as backwards
      from (
        select "at" < lag("at") over (partition by session order by file_row_number) as back
        from read_parquet(${join(folder, "requests/00000.parquet")}, file_row_number = true)
      )
      where back`);
    expect(backwards).toBe(0);
  });
});

/** Epoch ms at which a request was in fact made. */
function timeOf({ seconds, week }: Recorded): number {
  return 1000 * (startSeconds + seconds + week * weekSeconds);
}
