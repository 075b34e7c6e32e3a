import { describe, expect, it } from "vitest";
import { readDocument } from "../../plan/document.ts";
import { InputError } from "../../plan/input-error.ts";
import { failureRate } from "../../plan/metric.ts";
import { type PlanContext, parsePlan } from "../../plan/parse-plan.ts";
import { controlledStages, type Plan } from "../../plan/plan.ts";
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

  it("there are forty such cases at least, each line of them has three parts, and none is the library's own English", () => {
    expect(bad.length).toBeGreaterThanOrEqual(40);
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
        minimumMs: 6 * hour,
        maximumMs: 48 * hour,
        minimumSample: 400,
        lookEveryMs: hour,
      },
      {
        kind: "controlled",
        name: "half",
        exposure: 0.5,
        minimumMs: 24 * hour,
        maximumMs: 72 * hour,
        minimumSample: 12000,
        lookEveryMs: 4 * hour,
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
        minimumMs: 0,
        maximumMs: 48 * hour,
        minimumSample: 400,
        lookEveryMs: 48 * hour,
      },
    ]);
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
