import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type InitOptions, initCommand } from "../../cli/init.ts";
import { presets } from "../../plan/presets.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { compareLanes, rehearse } from "../../rehearsal/rehearse.ts";
import { repository, temporaryFolder } from "../support/folders.ts";
import { jsonLines } from "../support/import-log.ts";
import { runOptions } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

/** Runs the command in a folder; what it printed, and its exit code. */
async function init(cwd: string, folder: string, options: Partial<InitOptions> = {}) {
  const before = process.cwd();
  process.chdir(cwd);
  onTestFinished(() => process.chdir(before));
  const printed = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((stream) =>
    vi.spyOn(process[stream], "write").mockImplementation((text) => {
      printed[stream] += text;
      return true;
    }),
  );
  try {
    return { code: await initCommand(folder, { threads: 1, ...options }), ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.chdir(before);
  }
}

/** Everything that a preset's metrics read, of one answer. */
function measures(i: number, version: string) {
  return {
    completed: i % 3 > 0,
    abandoned: i % 7 === 0,
    tool_calls: 2,
    tool_errors: i % 5 === 0 ? 1 : 0,
    tool_successes: i % 5 === 0 ? 1 : 2,
    guardrail_triggered: i % 11 === 0,
    protocol_error: i % 13 === 0,
    cost_usd: 0.01 + (i % 4) / 1000,
    latency_ms: 500 + 10 * (i % 40) + (version === "candidate" ? 5 : 0),
    correct: i % 4 > 0,
    accepted: i % 9 > 0,
    item_id: `item ${i % 17}`,
    category: `category ${i % 4}`,
    clicks: i % 6 === 0 ? 1 : 0,
    impressions: 3,
    revenue_usd: i % 12 === 0 ? 5 : 0,
    seconds: 20 + (i % 30),
    predicted: i % 3 === 0,
    probability: (i % 10) / 10,
    label: i % 4 === 0,
  };
}

/** `logs/answers.jsonl`: the same 600 sessions answered by both versions, over two days. */
function logFolder(shape: "columns" | "object"): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "logs"));
  const rows = (["control", "candidate"] as const).flatMap((version) =>
    Array.from({ length: 1200 }, (_, i) => ({
      conversation_id: `c-${Math.floor(i / 2)}`,
      user_id: `u-${Math.floor(i / 4)}`,
      started_at: new Date(Date.UTC(2026, 0, 5) + i * 144_000).toISOString(),
      input: `what about order ${i}?`,
      customer: ["pilot", "b", "c"][Math.floor(i / 2) % 3],
      version,
      ...(shape === "columns" ? measures(i, version) : { output: measures(i, version) }),
    })),
  );
  const shown = shape === "columns" ? rows : rows.filter(({ version }) => version === "control");
  writeFileSync(join(folder, "logs/answers.jsonl"), jsonLines(shown));
  return folder;
}

const simulation = { salts: 2, replicatesPerSalt: 10 };

describe("foretaste init", () => {
  it("lists the presets without one, and ends with 2", async () => {
    const folder = temporaryFolder();
    const { code, stdout, stderr } = await init(folder, ".");
    expect(code).toBe(2);
    expect(stdout.trimEnd().split("\n")).toHaveLength(presets.length);
    for (const { name, description } of presets) {
      expect(stdout).toMatch(new RegExp(`^${name} +${description}$`, "m"));
      expect(description.length + 15).toBeLessThanOrEqual(120);
    }
    expect(stderr).toMatch(/^\n--preset: none is named; write foretaste init --preset/);
    expect(readdirSync(folder)).toEqual([]);
    const json = await init(folder, ".", { json: true });
    expect(JSON.parse(json.stdout)).toHaveLength(presets.length);
  });

  it("refuses a preset that does not exist", async () => {
    const folder = temporaryFolder();
    expect(await refusal(() => init(folder, ".", { preset: "agent-polcy" }))).toBe(
      "--preset: there is no preset agent-polcy; did you mean agent-policy?",
    );
    expect(await refusal(() => init(folder, ".", { preset: "kubernetes" }))).toMatch(/; known are agent-policy, mcp/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("overwrites nothing, and names every file that is in the way before it reads a log", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "plan.yaml"), "mine");
    mkdirSync(join(folder, "policies"));
    writeFileSync(join(folder, "policies/control.mjs"), "mine");
    const message = await refusal(() => init(folder, ".", { preset: "model", traffic: ["no such file"] }));
    expect(message).toBe(
      `plan.yaml: exists already; move it away, or name another folder
policies/control.mjs: exists already; move it away, or name another folder`,
    );
    expect(readFileSync(join(folder, "plan.yaml"), "utf8")).toBe("mine");
    expect(existsSync(join(folder, "foretaste.yaml"))).toBe(false);
    expect(await refusal(() => init(folder, "plan.yaml", { preset: "model" }))).toMatch(/^plan.yaml: is a file; /);
  });

  it("writes nothing when the log cannot be read", async () => {
    const folder = temporaryFolder();
    expect(await refusal(() => init(folder, "new", { preset: "model", traffic: ["logs/*.jsonl"] }))).toBe(
      "logs/*.jsonl: no file matches; check the pattern",
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it("writes into a folder that is there, beside what is in it, and names the next command", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "my rollout/policies"), { recursive: true });
    writeFileSync(join(folder, "my rollout/policies/prompt.md"), "mine");
    const { code, stdout } = await init(folder, "my rollout", { preset: "mcp-server" });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^my rollout, from the preset mcp-server\. Written:\n {2}foretaste\.yaml +traffic/);
    expect(stdout).toMatch(/\nThen: foretaste rehearse 'my rollout'\n$/);
    expect(readdirSync(join(folder, "my rollout/policies"))).toEqual(["candidate.mjs", "control.mjs", "prompt.md"]);
    expect(readFileSync(join(folder, "my rollout/plan.yaml"), "utf8")).toMatch(/^salt: "my rollout-1" +# new/m);
    const here = await init(join(folder, "my rollout/policies"), ".", { preset: "model", json: true });
    expect(JSON.parse(here.stdout)).toMatchObject({
      preset: "model",
      files: ["foretaste.yaml", "plan.yaml", "policies/control.mjs", "policies/candidate.mjs"],
      next: "foretaste rehearse",
    });
  });

  it("leaves what cannot be known without a log as comments, and the project says what is missing", async () => {
    const folder = temporaryFolder();
    await init(folder, ".", { preset: "agent-policy" });
    expect(await refusal(() => loadProject(folder))).toMatch(
      /foretaste\.yaml:\d+: traffic\.source is missing; a policy module needs traffic to answer: write source: logs/,
    );
    const recorded = temporaryFolder();
    await init(recorded, ".", { preset: "agent-policy", recorded: true });
    expect(await refusal(() => loadProject(recorded))).toMatch(
      /foretaste\.yaml:\d+: control\.recorded\.source is missing; name the log, or give traffic\.source/,
    );
  });

  it("has comments that are a traffic section once they are uncommented", async () => {
    const folder = logFolder("object");
    await init(folder, ".", { preset: "batch" });
    const file = join(folder, "foretaste.yaml");
    const text = readFileSync(file, "utf8")
      .replace(/^# (traffic:| {2})/gm, "$1")
      .replace("source: logs/*.jsonl  ", "source: logs/*.jsonl")
      .replace("session: COLUMN", "session: conversation_id")
      .replace("user: COLUMN", "user: user_id")
      .replace("at: COLUMN", "at: started_at")
      .replace("request: COLUMN", "request: input")
      .replace("response: COLUMN", "response: output")
      .replace(/^ {2}arrivals: .*\n/m, "");
    writeFileSync(file, text);
    const project = await loadProject(folder);
    expect(project.attributes.map(({ name }) => name)).toEqual(["customer"]);
    const { comparison } = await compareLanes(project, runOptions());
    expect(comparison.metrics.every(({ difference }) => difference.status === "ok")).toBe(true);
  });

  it("names what no lane reports yet, when a log has no measures", async () => {
    const folder = temporaryFolder();
    const rows = Array.from({ length: 40 }, (_, i) => ({
      conversation_id: `c-${Math.floor(i / 2)}`,
      started_at: new Date(Date.UTC(2026, 0, 5) + i * 60_000).toISOString(),
      input: `question ${i} about the order`,
      output: `answer ${i} about the order`,
    }));
    writeFileSync(join(folder, "log.jsonl"), jsonLines(rows));
    await init(folder, "p", { preset: "agent-policy", traffic: ["log.jsonl"] });
    const message = await refusal(async () => compareLanes(await loadProject(join(folder, "p")), runOptions()));
    expect(message).toMatch(
      /p\/foretaste\.yaml:\d+: metric completion_rate reads completed, which no lane reports; known are/,
    );
  });

  it("says which attribute of the plan the log's section lacks, and so does the project", async () => {
    const folder = temporaryFolder();
    const rows = Array.from({ length: 40 }, (_, i) => ({ session_id: `s-${i % 20}`, input: `question ${i}` }));
    writeFileSync(join(folder, "log.jsonl"), jsonLines(rows));
    const { stdout } = await init(folder, "p", { preset: "batch", traffic: ["log.jsonl"] });
    expect(stdout).toContain("- foretaste.yaml: the attribute customer, which plan.yaml names; or change the plan\n");
    expect(await refusal(() => loadProject(join(folder, "p")))).toMatch(
      /plan\.yaml:\d+: stages\[0\]\.where names the unknown attribute customer/,
    );
  });

  it("says that no session could be guessed", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "log.jsonl"), jsonLines([{ x: 1.5 }, { x: 2.5 }, { x: 3.5 }]));
    const { stdout } = await init(folder, "p", { preset: "model", traffic: ["log.jsonl"] });
    expect(stdout).toContain("- foretaste.yaml: the column of the session, which could not be guessed\n");
    expect(await refusal(() => loadProject(join(folder, "p")))).toMatch(/foretaste\.yaml:\d+: traffic\.columns/);
  });

  it.each(presets)("$name replays a log whose answers have the measures", async ({ name }) => {
    const folder = logFolder("object");
    const { stdout } = await init(folder, "p", { preset: name, traffic: ["logs/*.jsonl"] });
    expect(stdout).toContain("foretaste rehearse p\n");
    const { comparison } = await compareLanes(await loadProject(join(folder, "p")), runOptions());
    expect(comparison.metrics.length).toBeGreaterThan(3);
    for (const metric of comparison.metrics) {
      expect(metric.difference, metric.name).toMatchObject({ status: "ok", value: expect.closeTo(0, 9) });
    }
  });

  it.each(presets)("$name compares two versions that a log recorded", async ({ name }) => {
    const folder = logFolder("columns");
    const { stdout } = await init(folder, "p", { preset: name, traffic: ["logs/*.jsonl"], recorded: true });
    expect(stdout).not.toContain("policies/");
    expect(existsSync(join(folder, "p/policies"))).toBe(false);
    expect(readFileSync(join(folder, "p/foretaste.yaml"), "utf8")).not.toContain("NOT IN THE LOG");
    const { comparison } = await compareLanes(await loadProject(join(folder, "p")), runOptions());
    for (const { name: metric, difference } of comparison.metrics) expect(difference.status, metric).toBe("ok");
  });

  it("marks what a recorded log lacks, and the project names it", async () => {
    const folder = temporaryFolder();
    const rows = Array.from({ length: 40 }, (_, i) => ({
      conversation_id: `c-${i % 20}`,
      started_at: new Date(Date.UTC(2026, 0, 5) + (i % 20) * 60_000).toISOString(),
      version: i < 20 ? "control" : "candidate",
      Cost_USD: 1,
    }));
    writeFileSync(join(folder, "log.jsonl"), jsonLines(rows));
    await init(folder, "p", { preset: "model", traffic: ["log.jsonl"], recorded: true });
    const text = readFileSync(join(folder, "p/foretaste.yaml"), "utf8");
    expect(text).toMatch(/^ {6}cost_usd: "Cost_USD" +# what the answer cost$/m);
    expect(text).toMatch(/^ {6}correct: correct +# NOT IN THE LOG: name a column, or \{ sql: … \}: true when/m);
    expect(await refusal(async () => compareLanes(await loadProject(join(folder, "p")), runOptions()))).toMatch(
      /foretaste\.yaml:\d+: column correct is not in/,
    );
  });

  it("leaves a project that can be rehearsed to a verdict", async () => {
    const folder = logFolder("object");
    await init(folder, ".", { preset: "agent-policy", traffic: ["logs/*.jsonl"] });
    const { result } = await rehearse(await loadProject(folder), { ...runOptions(), ...simulation });
    expect(["go", "hold", "cannot-tell"]).toContain(result.verdict.decision);
    expect(result.name).toBe(basename(folder));
  });

  it("is what docs/presets.md shows", async () => {
    const folder = join(temporaryFolder(), "support-agent");
    mkdirSync(folder);
    const log = logFolder("object");
    mkdirSync(join(folder, "logs"));
    writeFileSync(join(folder, "logs/a.jsonl"), readFileSync(join(log, "logs/answers.jsonl")));
    const { stdout } = await init(folder, ".", { preset: "agent-policy", traffic: ["logs/*.jsonl"] });
    const list = await init(folder, ".");
    const docs = readFileSync(join(repository, "docs/presets.md"), "utf8");
    expect(docs).toContain(`\`\`\`text\n${stdout}\`\`\``);
    expect(docs).toContain(`\`\`\`text\n${list.stdout}\`\`\``);
    expect(docs).toContain(`\`\`\`js\n${readFileSync(join(folder, "policies/control.mjs"), "utf8")}\`\`\``);
  });
});
