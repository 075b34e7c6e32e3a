import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkPlan } from "../../plan/check-plan.ts";
import type { Margin } from "../../plan/margin.ts";
import { controlledStages, looksOf, type Plan } from "../../plan/plan.ts";
import type { Preset } from "../../plan/presets/preset.ts";
import { presets } from "../../plan/presets.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { repository } from "../support/folders.ts";
import { hour } from "../support/plan.ts";
import { projectFolder } from "../support/project-folder.ts";

/** The plan of a preset, read with its own metrics. */
async function planOf({ name, metrics, plan, attributes }: Preset): Promise<Plan> {
  const project = await loadProject(
    projectFolder({
      files: {
        "plan.yaml": plan,
        "foretaste.yaml": `name: ${name}
traffic: { source: log.jsonl, columns: { session: session, request: input }, attributes: ${JSON.stringify(attributes)} }
control: { module: control.mjs }
candidate: { module: candidate.mjs }
${metrics}plan: plan.yaml
`,
      },
    }),
  );
  return project.plan;
}

const named = (name: string) => presets.find((own) => own.name === name) as Preset;
const marginsOf = ({ guardrails }: Plan) => Object.fromEntries(guardrails.map(({ key, written }) => [key, written]));
const stagesOf = (plan: Plan) =>
  controlledStages(plan).map(({ exposure, minimumMs, maximumMs }) => [exposure, minimumMs / hour, maximumMs / hour]);
const size = (margin: Margin) => (margin.kind === "absolute" ? margin.loss : Math.abs(margin.factor - 1));

describe.each(presets)("the preset $name", (preset) => {
  it("has a calibrated rule that never promotes for want of time, with few looks and samples to decide on", async () => {
    const plan = await planOf(preset);
    const stages = controlledStages(plan);
    expect(plan.rule).toMatchObject({ evidence: "calibrated", onTimeout: "hold" });
    expect(plan.budgets).toEqual({ falseRollback: 0.05, missedRegression: 0.1, falseStop: 0.2 });
    expect(plan.rule.rollbackFloor).toBeGreaterThanOrEqual(30);
    for (const stage of stages) {
      expect(stage).not.toHaveProperty("onTimeout");
      expect(stage.minimumSample).toBeGreaterThanOrEqual(plan.rule.rollbackFloor);
      expect(looksOf(stage)).toBeLessThanOrEqual(12);
    }
    expect(plan.stages.at(-1)).toMatchObject({ kind: "full" });
    expect(stages.at(-1)).toMatchObject({ exposure: 0.5 });
  });

  it("leaves owner and channel to be filled in, where a reader sees them first", async () => {
    const plan = await planOf(preset);
    expect(plan).not.toHaveProperty("owner");
    expect(plan).not.toHaveProperty("channel");
    expect(preset.plan).toMatch(/^# owner: .+\n# channel: .+\n/);
  });

  it("has a plan in which a reviewer finds no mistake but the owner who is to be filled in", async () => {
    const { attributes } = preset;
    const findings = checkPlan(await planOf(preset), { attributes, hasUsers: true, pastSalts: [] });
    expect(findings.filter(({ severity }) => severity === "error").map(({ check }) => check)).toEqual(["no-owner"]);
  });

  it("has the plan's margins in the last stage, and wider ones for every metric where an early stage has its own", async () => {
    const plan = await planOf(preset);
    const stages = controlledStages(plan);
    expect(stages.at(-1)).not.toHaveProperty("margins");
    for (const { margins } of stages.filter((stage) => stage.margins)) {
      expect(Object.keys(margins ?? {}).sort()).toEqual(plan.guardrails.map(({ key }) => key).sort());
      for (const { key, margin } of plan.guardrails) {
        const own = margins?.[key]?.margin as Margin;
        expect(own.kind, key).toBe(margin.kind);
        expect(size(own), key).toBeGreaterThan(size(margin));
      }
    }
  });

  it("guards each of its metrics, and says of each measure what it is", async () => {
    const { guardrails } = await planOf(preset);
    const metrics = [...preset.metrics.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name);
    expect(guardrails.map(({ key }) => key).sort()).toEqual([...metrics, "failure_rate"].sort());
    for (const measure of Object.keys(preset.measures)) expect(preset.metrics).toMatch(new RegExp(`\\b${measure}\\b`));
  });

  it("names a source, or that there is none, for its figures, and docs/presets.md has them", () => {
    const docs = readFileSync(join(repository, "docs/presets.md"), "utf8");
    expect(preset.sources.length).toBeGreaterThan(0);
    expect(docs).toContain(`\n## ${preset.name}\n`);
    for (const { figures, from } of preset.sources) {
      expect(from).toMatch(/^foretaste's own default$|https:\/\//);
      expect(docs).toContain(`| ${figures} | ${from} |`);
    }
  });
});

describe("the figures of the presets", () => {
  it("agent-policy: 1, 5, 25 and 50 % before everyone", async () => {
    const plan = await planOf(named("agent-policy"));
    expect(marginsOf(plan)).toEqual({
      completion_rate: "5pp",
      tool_error_rate: "x3",
      cost_per_task: "20%",
      latency_p95: "50%",
      guardrail_trigger_rate: "x3",
      abandonment_rate: "10%",
      failure_rate: "1pp",
    });
    expect(controlledStages(plan).map(({ exposure }) => exposure)).toEqual([0.01, 0.05, 0.25, 0.5]);
  });

  it("mcp-server: whole sessions, 10 min at 1 %, 30 min at 10 %, 1 h at 50 % at least", async () => {
    const plan = await planOf(named("mcp-server"));
    expect(plan.assignBy).toBe("session");
    expect(marginsOf(plan)).toMatchObject({ latency_p99: "10%", error_rate: "0.5pp", tool_success_rate: "1pp" });
    expect(stagesOf(plan)).toEqual([
      [0.01, 1 / 6, 2],
      [0.1, 0.5, 3],
      [0.5, 1, 4],
    ]);
  });

  it("model: 24 h at 5 %, 24 to 72 h at 25 %, 12 to 24 h at 50 %, 72 h of hot standby", async () => {
    const plan = await planOf(named("model"));
    expect(stagesOf(plan)).toEqual([
      [0.05, 24, 48],
      [0.25, 24, 72],
      [0.5, 12, 24],
    ]);
    expect(plan.stages.at(-1)).toMatchObject({ hotStandbyMs: 72 * hour });
  });

  it("recommender: clicks first, then diversity, coverage, revenue and session length", async () => {
    const plan = await planOf(named("recommender"));
    expect(plan.guardrails.map(({ metric }) => [metric.name, metric.kind])).toEqual([
      ["click_through_rate", "ratio"],
      ["diversity", "entropy"],
      ["catalogue_coverage", "distinct-share"],
      ["revenue_per_recommendation", "ratio"],
      ["session_length", "mean"],
      ["failure_rate", "proportion"],
    ]);
  });

  it("classifier: accuracy first, then both error rates, drift and calibration", async () => {
    const plan = await planOf(named("classifier"));
    expect(plan.guardrails.map(({ metric }) => [metric.name, metric.kind])).toEqual([
      ["accuracy", "ratio"],
      ["false_positive_rate", "ratio"],
      ["false_negative_rate", "ratio"],
      ["prediction_drift", "drift"],
      ["calibration", "calibration-error"],
      ["failure_rate", "proportion"],
    ]);
  });

  it("classifier: a drift of 0.02 bits is a population stability index of about 0.1", () => {
    const [p, q] = [
      [0.5, 0.5],
      [0.6575, 0.3425],
    ] as const;
    const sum = (term: (p: number, q: number) => number) =>
      p.reduce((total, own, i) => total + term(own, q[i] ?? 0), 0);
    const stabilityIndex = sum((own, other) => (own - other) * Math.log(own / other));
    const divergence = sum((own, other) => {
      const mean = (own + other) / 2;
      return (own * Math.log2(own / mean) + other * Math.log2(other / mean)) / 2;
    });
    expect(stabilityIndex).toBeCloseTo(0.1, 2);
    expect(divergence).toBeCloseTo(0.1 / (8 * Math.LN2), 3);
    expect(divergence).toBeLessThan(0.02);
  });

  it("batch: cycles of a day, a pilot customer first", async () => {
    const plan = await planOf(named("batch"));
    expect(stagesOf(plan)).toEqual([
      [0.5, 48, 96],
      [0.1, 48, 96],
      [0.5, 72, 144],
    ]);
    expect(controlledStages(plan).map(({ where }) => where)).toEqual([
      [{ attribute: "customer", value: "pilot" }],
      [],
      [],
    ]);
    const hourly = { ...named("batch"), plan: named("batch").plan.replace("cycle: 1d", "cycle: 1h") };
    expect(stagesOf(await planOf(hourly))[0]).toEqual([0.5, 2, 4]);
  });
});
