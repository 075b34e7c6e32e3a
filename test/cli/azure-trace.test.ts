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

const file = "AzureLLMInferenceTrace_conv.csv.gz";
const log = join(repository, "..", "shared", "data", "traces", file);
const there = existsSync(log);
if (!there) console.info("skipped: the Azure trace is not beside the project, see examples/azure-trace/README.md");

/** The example with its log in place. */
function example(): string {
  const project = copyExample("azure-trace");
  mkdirSync(join(project, "logs"));
  cpSync(log, join(project, "logs", file));
  return project;
}

/** The lines of output that the README shows. */
function shownLines(): readonly string[] {
  const readme = readFileSync(join(repository, "examples/azure-trace/README.md"), "utf8");
  const [, block = ""] = /```text\n([\s\S]*?)```/.exec(readme) ?? [];
  return block.split("\n").filter((line) => line !== "" && line !== "…");
}

/** The trace as published: CRLF between the records and nothing after the last. */
function requests(): readonly { readonly at: string; readonly context: number; readonly generated: number }[] {
  const [, ...lines] = gunzipSync(readFileSync(log)).toString("utf8").split("\r\n");
  return lines.map((line) => {
    const [at = "", context, generated] = line.split(",");
    return { at, context: Number(context), generated: Number(generated) };
  });
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

function expectNothingLost({ traffic, trust }: Result): void {
  expect([traffic.requests, traffic.sessions, traffic.units]).toEqual([19_366, 19_366, 19_366]);
  for (const { role, records, kept, quarantined, excluded } of traffic.imports)
    expect([records, kept, quarantined, excluded], role).toEqual([19_366, 19_366, 0, 0]);
  expect(traffic.statuses.map(({ lane, status, requests: n }) => [lane, status, n])).toEqual([
    ["control", "ok", 19_366],
    ["candidate", "ok", 19_366],
  ]);
  expect(traffic.unmatched).toEqual({ control: 0, candidate: 0 });
  expect(trust.checks.filter(({ status }) => status !== "pass")).toEqual([]);
}

/**
 * Known answers: Azure/AzurePublicDataset @ b469a11, data/AzureLLMInferenceTrace_conv.csv: 19,366 requests; P50, P95 and P99 of
 * the context 1,020, 4,083 and 4,142 tokens, of the answer 129, 451 and 601.
 */
describe.skipIf(!there)("the Azure example, 58 minutes of a chat service", () => {
  it("finds the known answers, and says go to a limit of 600 tokens", async () => {
    const { code, stdout, stderr } = await foretaste(["rehearse", example(), "--json"]);
    expect(stderr).not.toMatch(/error/i);
    const result = JSON.parse(stdout) as Result;
    const { comparison, traffic, verdict } = result;
    expectNothingLost(result);
    expect([traffic.from, traffic.until]).toEqual(["2023-11-16T18:15:46.680Z", "2023-11-16T19:14:08.402Z"]);
    expect(result.limits.join()).toMatch(/times without a zone are read as UTC/);

    const known = {
      context_p50: 1020,
      context_p95: 4083,
      context_p99: 4142,
      generated_p50: 129,
      generated_p95: 451,
      generated_p99: 601,
    };
    for (const [name, tokens] of Object.entries(known)) expect(metric(comparison, name).control, name).toBe(tokens);
    const generated = requests().map((request) => request.generated);
    const limited = generated.map((tokens) => Math.min(tokens, 600));
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(metric(comparison, "generated_tokens").control).toBeCloseTo(mean(generated), 9);
    expect(metric(comparison, "generated_tokens").candidate).toBeCloseTo(mean(limited), 9);
    expect(metric(comparison, "generated_p99").candidate).toBe(quantile(limited, 0.99));
    expect(metric(comparison, "cut_off_rate").paired).toEqual({
      both: generated.filter((tokens) => tokens >= 1000).length,
      controlOnly: 0,
      candidateOnly: generated.filter((tokens) => tokens > 600 && tokens < 1000).length,
      neither: generated.filter((tokens) => tokens <= 600).length,
    });

    expect(result.simulation.laps).toBe(1);
    expect(verdict.decision).toBe("go");
    expect(code).toBe(0);
  });

  it("says no-go to a limit of 512 tokens, for requests of medium length", async () => {
    const { code, stdout } = await foretaste(["rehearse", join(example(), "limit-512.yaml"), "--json"]);
    const result = JSON.parse(stdout) as Result;
    expectNothingLost(result);
    const longerThan = (tokens: number, least: number, below: number) => {
      const own = requests().filter(({ context }) => context >= least && context < below);
      return own.filter(({ generated }) => generated > tokens).length / own.length;
    };
    const bySegment = new Map(
      result.comparison.segments
        .filter((segment) => segment.metric === "cut_off_rate")
        .map(({ value, n, candidate, reading }) => [value, { n: n.candidate, candidate, reading }]),
    );
    expect([...bySegment.values()].reduce((sum, { n }) => sum + n, 0)).toBe(19_366);
    expect(bySegment.get("short")?.candidate).toBeCloseTo(longerThan(512, 0, 512), 12);
    expect(bySegment.get("medium")?.candidate).toBeCloseTo(longerThan(512, 512, 2048), 12);
    expect(bySegment.get("long")?.candidate).toBeCloseTo(longerThan(512, 2048, Number.POSITIVE_INFINITY), 12);
    expect(bySegment.get("medium")).toMatchObject({ n: 9021, reading: "beyond" });
    expect(metric(result.comparison, "cut_off_rate").reading).toBe("inside");
    expect(result.verdict.decision).toBe("no-go");
    expect(result.verdict.reasons).toHaveLength(1);
    expect(result.verdict.reasons[0]).toMatch(/cut_off_rate in context=medium/);
    expect(code).toBe(11);
  });

  it("prints what its README shows", async () => {
    const { stdout } = await foretaste(["rehearse", join(example(), "limit-512.yaml")]);
    expect(shownLines()).not.toEqual([]);
    for (const line of shownLines()) expect(stdout).toContain(line);
  });

  it("keeps every request as a session of its own, at its time to the microsecond", async () => {
    const { stdout } = await foretaste(["replay", example(), "--json"]);
    const { folder, sessions } = JSON.parse(stdout) as ReplayResult;
    expect([sessions.requests, sessions.sessions]).toEqual([19_366, 19_366]);
    const database = await openDatabase({ folders: [folder] });
    const rows = await database.rows<{ session: string; micros: number; lasts: number }>(sql`
      select session, epoch_us(arrival) as micros, epoch_us(ends) - epoch_us(arrival) as lasts
      from read_parquet(${join(folder, "sessions.parquet")})
      order by arrival`);
    expect(rows.map(({ session }) => session)).toEqual(requests().map(({ at }) => at));
    // the seventh digit is 0 throughout
    const micros = ({ at }: { readonly at: string }) =>
      Date.parse(`${at.slice(0, 19)}Z`) * 1000 + Number(at.slice(20, 26));
    expect(rows.map((row) => Number(row.micros))).toEqual(requests().map(micros));
    expect(rows.filter(({ lasts }) => Number(lasts) !== 0)).toEqual([]);
  });
});
