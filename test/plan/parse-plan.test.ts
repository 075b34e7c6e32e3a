import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readDocument } from "../../plan/document.ts";
import { InputError } from "../../plan/input-error.ts";
import { failureRate } from "../../plan/metric.ts";
import { parsePlan } from "../../plan/parse-plan.ts";
import { controlledStages, evidences, type Plan, type Stage } from "../../plan/plan.ts";
import type { PlanContext } from "../../plan/plan-context.ts";
import { planSchema, stageSchema } from "../../plan/plan-schema.ts";
import { repository } from "../support/folders.ts";
import { hour } from "../support/plan.ts";
import { context } from "../support/plan-context.ts";
import golden from "./bad-plans.json" with { type: "json" };

const good = `${golden.plan.join("\n")}\n`;
const parse = (text: string, own: PlanContext = context): Plan => parsePlan(readDocument(text, "plan.yaml"), own);

interface BadPlan {
  readonly case: string;
  /** the whole file */
  readonly plan?: string;
  /** or what is written instead of a part of the good plan */
  readonly instead?: string;
  readonly written?: string;
  readonly complaint: readonly string[];
}

const bad = (golden.bad as readonly BadPlan[]).map((own) => [own.case, own] as const);

describe("a bad plan is refused with place, problem and way out:", () => {
  it.each(bad)("%s", (_, { plan, instead, written, complaint }) => {
    if (instead !== undefined) expect(good.split(instead)).toHaveLength(2);
    const text = plan ?? good.replace(instead as string, () => written as string);
    let message = "the plan was accepted";
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      message = error.message;
    }
    expect(message.split("\n")).toEqual(complaint);
  });

  it("there are 150 such cases at least, each line of them has three parts, and none is the library's own English", () => {
    expect(bad.length).toBeGreaterThanOrEqual(150);
    for (const line of bad.flatMap(([, { complaint }]) => complaint)) {
      expect(line).toMatch(/^plan\.yaml(:\d+){0,2}: .+; .+$/);
      expect(line).not.toMatch(/Invalid input|undefined|\[object/);
    }
  });
});

const short = `
salt: s
primary: completion_rate
margins: { completion_rate: 5pp }
stages:
  - { name: canary, exposure: 1%, duration: { max: 2d }, minimumSample: 400 }
rule: { evidence: point }
`;

describe("a good plan", () => {
  it("is read whole", () => {
    const plan = parse(good);
    expect(plan).toMatchObject({
      owner: "agent-platform on-call",
      channel: "#agent-rollouts",
      assignBy: "user",
      salt: "support-agent-2.4",
      primary: "completion_rate",
      gates: [{ name: "offline", metrics: ["completion_rate"], minimumSample: 200, owner: "eval team" }],
      rule: { evidence: "fixed", onTimeout: "hold" },
      budgets: { falseRollback: 0.05, missedRegression: 0.1, falseStop: 0.2 },
    });
    expect(plan.stages).toEqual([
      {
        kind: "controlled",
        name: "canary",
        exposure: 0.01,
        where: [],
        minimumMs: 6 * hour,
        maximumMs: 48 * hour,
        minimumSample: 400,
        lookEveryMs: hour,
        weight: 1,
      },
      {
        kind: "controlled",
        name: "half",
        exposure: 0.5,
        where: [],
        minimumMs: 24 * hour,
        maximumMs: 72 * hour,
        minimumSample: 12000,
        lookEveryMs: 4 * hour,
        weight: 1,
      },
      { kind: "full", name: "full", hotStandbyMs: 48 * hour },
    ]);
    expect(plan.guardrails.map(({ key, margin, written }) => ({ key, margin, written }))).toEqual([
      { key: "completion_rate", margin: { kind: "absolute", loss: 0.05 }, written: "5pp" },
      { key: "completion_rate@workflow=refund", margin: { kind: "absolute", loss: 0.1 }, written: "10pp" },
      { key: "tool_error_rate", margin: { kind: "relative", factor: 3 }, written: "x3" },
      { key: "cost_per_task", margin: { kind: "relative", factor: 1.2 }, written: "20%" },
      { key: "latency_p95", margin: { kind: "absolute", loss: 200 }, written: "200 ms" },
      { key: "failure_rate", margin: { kind: "absolute", loss: 0.01 }, written: "1pp" },
    ]);
    expect(plan.guardrails[1]?.segment).toEqual({ attribute: "workflow", value: "refund" });
  });

  it("has defaults for all that it leaves out", () => {
    const plan = parse(short);
    expect(plan).not.toHaveProperty("owner");
    expect(plan).not.toHaveProperty("channel");
    expect(plan.assignBy).toBe("user");
    expect(plan.gates).toEqual([]);
    expect(plan.rule).toEqual({ evidence: "point", onTimeout: "hold", rollbackFloor: 30, leak: 0.25 });
    expect(plan.budgets).toEqual({ falseRollback: 0.05, missedRegression: 0.1, falseStop: 0.2 });
    expect(plan.stages).toEqual([
      {
        kind: "controlled",
        name: "canary",
        exposure: 0.01,
        where: [],
        minimumMs: 0,
        maximumMs: 48 * hour,
        minimumSample: 400,
        lookEveryMs: 48 * hour,
        weight: 1,
      },
    ]);
  });

  it("is calibrated unless it says otherwise", () => {
    const plan = parse(short.replace("rule: { evidence: point }\n", ""));
    expect(plan.rule).toEqual({ evidence: "calibrated", onTimeout: "hold", rollbackFloor: 30, leak: 0.25 });
    expect(parse(short.replace("{ evidence: point }", "{ leak: 10% }")).rule).toMatchObject({
      evidence: "calibrated",
      leak: 0.1,
    });
  });

  it.each(evidences)("may have %s evidence", (evidence) => {
    expect(parse(short.replace("evidence: point", `evidence: ${evidence}`)).rule.evidence).toBe(evidence);
  });

  it("has the same meaning as JSON", () => {
    const json = JSON.stringify(readDocument(good, "plan.yaml").value);
    expect(parse(json)).toEqual(parse(good));
  });

  it("always guards the failure rate, last, at 1pp unless it says otherwise", () => {
    const last = parse(short).guardrails.at(-1);
    expect(last).toEqual({
      key: "failure_rate",
      metric: failureRate,
      margin: { kind: "absolute", loss: 0.01 },
      written: "1pp",
      spending: { kind: "pocock" },
      weight: 1,
    });
    const looser = parse(short.replace("5pp }", "5pp, failure_rate: 3pp }"));
    expect(looser.guardrails.filter(({ key }) => key === "failure_rate")).toMatchObject([{ written: "3pp" }]);
  });

  it("may have the failure rate as its primary metric, at its default margin", () => {
    const plan = parse(short.replace("primary: completion_rate", "primary: failure_rate"));
    expect(plan.guardrails.map(({ key }) => key)).toEqual(["failure_rate", "completion_rate"]);
  });

  it("has its primary metric first, wherever its margin is written", () => {
    const plan = parse(good.replace("primary: completion_rate", "primary: cost_per_task"));
    expect(plan.guardrails[0]?.key).toBe("cost_per_task");
    expect(plan.guardrails).toHaveLength(6);
  });

  it("may have a segment as its primary metric", () => {
    const plan = parse(good.replace("primary: completion_rate", "primary: completion_rate@workflow=refund"));
    expect(plan.guardrails[0]?.segment).toEqual({ attribute: "workflow", value: "refund" });
  });

  it("keeps what stands after the first = of a segment as its value", () => {
    const plan = parse(good.replace("workflow=refund", "workflow=a=b@c"));
    expect(plan.guardrails[1]?.segment).toEqual({ attribute: "workflow", value: "a=b@c" });
  });

  it("may assign by session or by a declared attribute", () => {
    for (const unit of ["session", "tier"]) {
      expect(parse(good.replace("assignBy: user", `assignBy: ${unit}`)).assignBy).toBe(unit);
    }
  });

  it("may have margins that YAML reads as numbers", () => {
    expect(parse(good.replace("200 ms", "0.5")).guardrails[4]?.margin).toEqual({ kind: "absolute", loss: 0.5 });
  });

  it.each([0.1, 0.7, 2.9, 28.7, 56.9, 99.9])("takes an exposure of %f%% for exactly that many buckets", (percent) => {
    const [stage] = controlledStages(parse(short.replace("exposure: 1%", `exposure: ${percent}%`)));
    expect((stage?.exposure ?? 0) * 1000).toBe(Math.round(percent * 10));
  });

  it("may stop before everyone is exposed", () => {
    expect(parse(short).stages.every(({ kind }) => kind === "controlled")).toBe(true);
  });

  it("lists a metric once as known, also when it is told of the failure rate", () => {
    const told = { ...context, metrics: [...context.metrics, failureRate] };
    expect(() => parse(good.replace("cost_per_task", "zzz"), told)).toThrow(
      "known are completion_rate, tool_error_rate, cost_per_task, latency_p95, satisfaction, failure_rate",
    );
    expect(() => parse(good.replace("cost_per_task", "zzz"), told)).not.toThrow(/failure_rate, failure_rate/);
  });
});

/** The short plan with these stages. */
const withStages = (stages: string, more = "") =>
  parse(`${more}${short.replace(/ {2}- \{ name: canary.*\n/, stages)}`).stages as readonly Stage[];

describe("a stage", () => {
  it("may have a timeout, a floor, a weight, margins and an approval of its own", () => {
    const [stage] = withStages(`
  - name: canary
    exposure: 5%
    duration: { min: 1h, max: 2d }
    minimumSample: 400
    lookEvery: 12h
    onTimeout: rollback
    rollbackFloor: 100
    weight: 2.5
    margins: { completion_rate: 10pp, failure_rate: x4 }
    approval: { by: release manager, timeout: 4h }
`);
    expect(stage).toEqual({
      kind: "controlled",
      name: "canary",
      exposure: 0.05,
      where: [],
      minimumMs: hour,
      maximumMs: 48 * hour,
      minimumSample: 400,
      lookEveryMs: 12 * hour,
      onTimeout: "rollback",
      rollbackFloor: 100,
      weight: 2.5,
      margins: {
        completion_rate: { margin: { kind: "absolute", loss: 0.1 }, written: "10pp" },
        failure_rate: { margin: { kind: "relative", factor: 4 }, written: "x4" },
      },
      approval: { by: "release manager", timeoutMs: 4 * hour },
    });
  });

  it("may have a margin of its own in a segment that the plan guards", () => {
    const plan = parse(
      good.replace("minimumSample: 400", 'minimumSample: 400, margins: { "completion_rate@workflow=refund": 20pp }'),
    );
    expect(controlledStages(plan)[0]?.margins).toEqual({
      "completion_rate@workflow=refund": { margin: { kind: "absolute", loss: 0.2 }, written: "20pp" },
    });
  });

  it("may wait for an approval without end", () => {
    const [stage] = withStages(
      "  - { name: a, exposure: 5%, duration: { max: 1d }, minimumSample: 1, approval: { by: release manager } }\n",
    );
    expect(stage).toMatchObject({ approval: { by: "release manager" } });
    expect(stage).not.toHaveProperty("approval.timeoutMs");
  });

  it("may be for a part of some segments only, whose values are texts", () => {
    const [stage] = withStages(
      "  - { name: pilot, exposure: 50%, where: { tier: 1, workflow: true }, duration: { max: 1d }, minimumSample: 1 }\n",
    );
    expect(stage).toMatchObject({
      kind: "controlled",
      exposure: 0.5,
      where: [
        { attribute: "tier", value: "1" },
        { attribute: "workflow", value: "true" },
      ],
    });
  });

  it("has exposures that rise among those who are the same, and may begin anew for others", () => {
    const stages = withStages(`
  - { name: a, exposure: 50%, where: { tier: internal }, duration: { max: 1d }, minimumSample: 1 }
  - { name: b, exposure: 1%, duration: { max: 1d }, minimumSample: 1 }
  - { name: c, exposure: 80%, where: { tier: internal }, duration: { max: 1d }, minimumSample: 1 }
  - { name: d, exposure: 5%, duration: { max: 1d }, minimumSample: 1 }
`);
    expect(stages.map((stage) => stage.kind === "controlled" && stage.exposure)).toEqual([0.5, 0.01, 0.8, 0.05]);
  });

  it("is routed, and not tested, when a header decides or a segment is exposed whole", () => {
    const stages = withStages(`
  - { name: staff, header: "x-canary: always", duration: { max: 1d }, approval: { by: release manager, timeout: 1h } }
  - { name: internal, exposure: 100%, where: { tier: internal }, duration: { max: 2d } }
  - { name: both, header: "x-canary: 1", where: { workflow: refund }, duration: { min: 1h, max: 2h } }
  - { name: canary, exposure: 5%, duration: { max: 1d }, minimumSample: 1 }
`);
    expect(stages.slice(0, 3)).toEqual([
      {
        kind: "routed",
        name: "staff",
        header: "x-canary: always",
        where: [],
        durationMs: 24 * hour,
        approval: { by: "release manager", timeoutMs: hour },
      },
      {
        kind: "routed",
        name: "internal",
        where: [{ attribute: "tier", value: "internal" }],
        durationMs: 48 * hour,
      },
      {
        kind: "routed",
        name: "both",
        header: "x-canary: 1",
        where: [{ attribute: "workflow", value: "refund" }],
        durationMs: 2 * hour,
      },
    ]);
  });

  it("may last cycles instead of hours, and mix both", () => {
    const stages = withStages(
      `
  - { name: a, exposure: 5%, duration: { min: 2 cycles, max: 4cycles }, lookEvery: 1 cycle, minimumSample: 1 }
  - { name: b, exposure: 50%, duration: { min: 3h, max: 1.5 cycles }, minimumSample: 1 }
  - { name: c, header: "x-canary: always", duration: { max: 1 cycle } }
`,
      "cycle: 6h\n",
    );
    expect(stages).toMatchObject([
      { minimumMs: 12 * hour, maximumMs: 24 * hour, lookEveryMs: 6 * hour },
      { minimumMs: 3 * hour, maximumMs: 9 * hour },
      { durationMs: 6 * hour },
    ]);
  });

  it("may have exactly 1000 looks", () => {
    const [stage] = withStages(
      "  - { name: a, exposure: 5%, duration: { max: 1000min }, lookEvery: 1min, minimumSample: 1 }\n",
    );
    expect(stage).toMatchObject({ lookEveryMs: 60_000 });
  });
});

describe("a rule", () => {
  it("gives each metric its spending: the primary one late, the others at once, unless stated", () => {
    const plan = parse(good);
    expect(plan.guardrails.map(({ spending }) => spending.kind)).toEqual([
      "obrien-fleming",
      ...Array.from({ length: 5 }, () => "pocock"),
    ]);
    const stated = parse(
      good.replace(
        "onTimeout: hold",
        `onTimeout: hold, spending: { completion_rate: { power: 2 }, cost_per_task: { hwang-shih-decani: -4 },
           latency_p95: obrien-fleming }`,
      ),
    );
    expect(Object.fromEntries(stated.guardrails.map(({ key, spending }) => [key, spending]))).toMatchObject({
      completion_rate: { kind: "power", rho: 2 },
      cost_per_task: { kind: "hwang-shih-decani", gamma: -4 },
      latency_p95: { kind: "obrien-fleming" },
      tool_error_rate: { kind: "pocock" },
    });
  });

  it("gives each metric a weight of 1 unless stated", () => {
    const plan = parse(good.replace("onTimeout: hold", "onTimeout: hold, weights: { cost_per_task: 0.5 }"));
    expect(plan.guardrails.map(({ weight }) => weight)).toEqual([1, 1, 1, 0.5, 1, 1]);
  });

  it("may call harm inside the margin none yet, in the margin's own unit", () => {
    const plan = parse(
      good.replace(
        "onTimeout: hold",
        `onTimeout: hold, rollbackAbove: { completion_rate: 1pp, cost_per_task: 5%, tool_error_rate: x1.5,
           latency_p95: 0.05 s }`,
      ),
    );
    const above = Object.fromEntries(plan.guardrails.map(({ key, rollbackAbove }) => [key, rollbackAbove]));
    expect(above).toEqual({
      completion_rate: { kind: "absolute", loss: 0.01 },
      "completion_rate@workflow=refund": undefined,
      tool_error_rate: { kind: "relative", factor: 1.5 },
      cost_per_task: { kind: "relative", factor: 1.05 },
      latency_p95: { kind: "absolute", loss: 50 },
      failure_rate: undefined,
    });
    expect(plan.guardrails[1]).not.toHaveProperty("rollbackAbove");
  });

  it("may be always-valid with a leak below one half", () => {
    expect(parse(short.replace("evidence: point", "evidence: always-valid, leak: 49%")).rule.leak).toBe(0.49);
  });
});

describe("the plan that docs/plan.md shows", () => {
  it("is read without a complaint, every key of the language in it", () => {
    const page = readFileSync(join(repository, "docs/plan.md"), "utf8");
    const [, text = ""] = /<!-- a plan that is read by the tests -->\n```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const plan = parse(text);
    expect(plan.stages.map(({ kind }) => kind)).toEqual(["routed", "controlled", "controlled", "controlled", "full"]);
    for (const key of [...Object.keys(planSchema.shape), ...Object.keys(stageSchema.shape)])
      expect(text).toContain(`${key}:`);
  });
});
