import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { CompareResult } from "../../rehearsal/rehearse.ts";
import type { MetricResult, Result } from "../../reports/result.ts";
import { copyExample, repository } from "../support/folders.ts";
import { foretaste } from "../support/run-cli.ts";

const log = join(repository, "..", "shared", "data", "agents", "tau_gpt-4o-airline.json.gz");
const there = existsSync(log);
if (!there) console.info("skipped: the tau-bench log is not beside the project, see examples/tau-airline/README.md");

interface Message {
  readonly role: string;
  readonly content: string | null;
  readonly name?: string;
}

interface Conversation {
  readonly task_id: number;
  readonly trial: number;
  readonly reward: number;
  readonly info: { readonly user_cost: number | null };
  readonly traj: readonly Message[];
}

/** What must not differ. The fourth metric is the simulated customer's cost, and trial 0 had a dearer one: see the README. */
const ofTheAgent = ["success_rate", "transfer_rate", "tool_error_rate"];

/** The example with its log in place. */
function example(): string {
  const project = copyExample("tau-airline");
  mkdirSync(join(project, "logs"));
  cpSync(log, join(project, "logs/gpt-4o-airline.json.gz"));
  return project;
}

/** The lines of output that the README shows. */
function shownLines(): readonly string[] {
  const readme = readFileSync(join(repository, "examples/tau-airline/README.md"), "utf8");
  const [, block = ""] = /```text\n([\s\S]*?)```/.exec(readme) ?? [];
  return block.split("\n").filter((line) => line !== "" && line !== "…");
}

function conversations(): readonly Conversation[] {
  return JSON.parse(gunzipSync(readFileSync(log)).toString("utf8"));
}

function metric({ metrics }: Result["comparison"], name: string): MetricResult {
  const found = metrics.find((own) => own.name === name);
  if (!found) throw new Error(`no metric ${name}`);
  return found;
}

/** The figures of some trials, counted here in the file as published. */
function counted(trials: readonly number[]) {
  const own = conversations().filter(({ trial }) => trials.includes(trial));
  const results = own.flatMap(({ traj }) => traj.filter(({ role }) => role === "tool"));
  const costs = own.flatMap(({ info }) => (info.user_cost === null ? [] : [info.user_cost]));
  return {
    conversations: own.length,
    solved: own.filter(({ reward }) => reward === 1).length,
    transferred: own.filter(({ traj }) => traj.some(({ name }) => name === "transfer_to_human_agents")).length,
    toolCalls: results.length,
    toolErrors: results.filter(({ content }) => content?.startsWith("Error")).length,
    withoutCost: own.length - costs.length,
    meanCost: costs.reduce((sum, cost) => sum + cost, 0) / costs.length,
  };
}

/** What a lane says of them. */
function shown(comparison: Result["comparison"], lane: "control" | "candidate") {
  const rate = (name: string) => metric(comparison, name)[lane] as number;
  return {
    success: rate("success_rate"),
    transfer: rate("transfer_rate"),
    toolErrors: rate("tool_error_rate"),
    withoutCost: metric(comparison, "user_cost").missing[lane],
    meanCost: rate("user_cost"),
  };
}

function expectLane(comparison: Result["comparison"], lane: "control" | "candidate", trials: readonly number[]): void {
  const known = counted(trials);
  const found = shown(comparison, lane);
  expect(found.success).toBeCloseTo(known.solved / known.conversations, 12);
  expect(found.transfer).toBeCloseTo(known.transferred / known.conversations, 12);
  expect(found.toolErrors).toBeCloseTo(known.toolErrors / known.toolCalls, 12);
  expect(found.withoutCost).toBe(known.withoutCost);
  expect(found.meanCost).toBeCloseTo(known.meanCost, 12);
}

/**
 * Known answers: sierra-research/tau-bench @ 59a200c, historical_trajectories/gpt-4o-airline.json: success by trial .42, .44,
 * .40, .42; over all 200 conversations 6.3 % of 1,164 tool results begin with "Error", 24 % are transferred, 5 have no cost.
 */
describe.skipIf(!there)("the tau-bench example, one agent four times on 50 airline tasks", () => {
  it("finds the known answers of trials 0 and 1, and no difference between them", async () => {
    const { code, stdout, stderr } = await foretaste(["rehearse", example(), "--json"]);
    expect(stderr).not.toMatch(/error/i);
    const { comparison, traffic, trust, verdict } = JSON.parse(stdout) as Result;

    expectLane(comparison, "control", [0]);
    expectLane(comparison, "candidate", [1]);
    expect(counted([0])).toMatchObject({ solved: 21, transferred: 9, toolErrors: 17, toolCalls: 282 });
    expect(counted([1])).toMatchObject({ solved: 22, transferred: 13, toolErrors: 16, toolCalls: 290 });
    const success = metric(comparison, "success_rate");
    expect(success.paired).toEqual({ both: 12, controlOnly: 9, candidateOnly: 10, neither: 19 });
    expect(success.test).toBe("McNemar, exact");
    expect(success.pValue).toBeCloseTo(1, 12);
    expect(success.n).toEqual({ control: 50, candidate: 50, pairs: 50, units: 50 });
    expect(metric(comparison, "user_cost").n).toMatchObject({ control: 49, candidate: 49, pairs: 48 });
    expect(metric(comparison, "user_cost").missing).toEqual({ control: 1, candidate: 1 });

    for (const name of ofTheAgent) expect(metric(comparison, name).pValue, name).toBeGreaterThan(0.05);
    expect(comparison.metrics.filter(({ reading }) => reading === "beyond")).toEqual([]);
    expect(trust.checks.filter(({ status }) => status === "fail")).toEqual([]);
    for (const { records, kept, excluded, quarantined } of traffic.imports) {
      expect([records, kept, excluded, quarantined]).toEqual([200, 50, 150, 0]);
    }
    expect(traffic.unmatched).toEqual({ control: 0, candidate: 0 });
    expect(verdict.decision).toBe("hold");
    expect(verdict.reasons.join()).toMatch(/success_rate/);
    expect(code).toBe(10);
  });

  it("prints what its README shows", async () => {
    const { stdout } = await foretaste(["rehearse", example()]);
    expect(shownLines()).not.toEqual([]);
    for (const line of shownLines()) expect(stdout).toContain(line);
  });

  it("finds the known answers of all 200 conversations with two trials in each lane", async () => {
    const { code, stdout } = await foretaste(["rehearse", join(example(), "all-trials.yaml"), "--json"]);
    const { comparison, traffic, verdict } = JSON.parse(stdout) as Result;
    expectLane(comparison, "control", [0, 1]);
    expectLane(comparison, "candidate", [2, 3]);
    expect([traffic.sessions, traffic.units]).toEqual([100, 50]);

    const all = counted([0, 1, 2, 3]);
    expect(all).toMatchObject({ conversations: 200, solved: 84, transferred: 48, toolCalls: 1164, toolErrors: 73 });
    expect(all.toolErrors / all.toolCalls).toBeCloseTo(0.063, 3);
    expect(all.meanCost).toBeCloseTo(0.00258, 5);
    const both = (name: string) => {
      const { control, candidate } = metric(comparison, name);
      return ((control as number) + (candidate as number)) / 2;
    };
    expect(both("success_rate")).toBeCloseTo(0.42, 12);
    expect(both("transfer_rate")).toBeCloseTo(0.24, 12);
    expect(metric(comparison, "user_cost").missing).toEqual({ control: 2, candidate: 3 });

    expect(comparison.metrics.filter(({ reading }) => reading === "beyond")).toEqual([]);
    expect(verdict.decision).toBe("hold");
    expect(code).toBe(10);
  });

  it("is as uncertain as 50 tasks are, not as 100 conversations would be", async () => {
    const { stdout } = await foretaste(["compare", join(example(), "all-trials.yaml"), "--json"]);
    const { difference, test } = metric((JSON.parse(stdout) as CompareResult).comparison, "success_rate");
    if (difference.status !== "ok") throw new Error(difference.reason);
    // two conversations a task in either lane, so that a lane's error is that of a mean of task means
    const errors = [[0, 1] as const, [2, 3] as const].map((trials) => {
      const means = new Map<number, number>();
      for (const { task_id, trial, reward } of conversations())
        if ((trials as readonly number[]).includes(trial)) means.set(task_id, (means.get(task_id) ?? 0) + reward / 2);
      const values = [...means.values()];
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1) / values.length;
    });
    const byTask = Math.sqrt(errors.reduce((sum, error) => sum + error, 0));
    const halfWidth = (difference.high - difference.low) / 2;
    // t quantiles at 49 and at 98 degrees of freedom, from R: qt(.975, c(49, 98))
    expect(halfWidth / byTask).toBeGreaterThan(1.98447);
    expect(halfWidth / byTask).toBeLessThan(2.00958);
    const byConversation = Math.sqrt((0.43 * 0.57 + 0.41 * 0.59) / 100);
    expect(halfWidth).toBeGreaterThan(1.15 * 1.96 * byConversation);
    expect(test).toBe("McNemar, clustered by unit");
  });

  it.each([
    { trials: "0 and 1", control: 0, candidate: 1, flips: [9, 10] },
    { trials: "0 and 2", control: 0, candidate: 2, flips: [9, 8] },
    { trials: "0 and 3", control: 0, candidate: 3, flips: [7, 7] },
    { trials: "1 and 2", control: 1, candidate: 2, flips: [7, 5] },
    { trials: "1 and 3", control: 1, candidate: 3, flips: [6, 5] },
    { trials: "2 and 3", control: 2, candidate: 3, flips: [7, 8] },
  ])("finds no difference of the agent between trials $trials", async ({ control, candidate, flips }) => {
    const project = example();
    const file = join(project, "foretaste.yaml");
    const [before, between, after] = readFileSync(file, "utf8").split(/trial = \d/) as [string, string, string];
    writeFileSync(file, `${before}trial = ${control}${between}trial = ${candidate}${after}`);
    const { code, stdout } = await foretaste(["compare", project, "--json"]);
    const { comparison } = JSON.parse(stdout) as CompareResult;
    expectLane(comparison, "control", [control]);
    expectLane(comparison, "candidate", [candidate]);
    const { paired } = metric(comparison, "success_rate");
    expect([paired?.controlOnly, paired?.candidateOnly]).toEqual(flips);
    // the cost is the customer's, not the agent's, and is in fact higher in trial 0: see the example's README
    for (const name of ["success_rate", "transfer_rate", "tool_error_rate"])
      expect(metric(comparison, name).pValue, name).toBeGreaterThan(0.05);
    expect(code).toBe(0);
  });
});
