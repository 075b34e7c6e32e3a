import { describe, expect, it } from "vitest";
import { readDocument } from "../../plan/document.ts";
import { parsePlan } from "../../plan/parse-plan.ts";
import { reviewPlan } from "../../plan/review-plan.ts";
import { normalUpperQuantile } from "../../statistics/distributions.ts";
import { hour } from "../support/plan.ts";
import { context } from "../support/plan-context.ts";

const text = `owner: agent-platform on-call
channel: "#agent-rollouts"
assignBy: user
salt: support-agent-2.4
primary: completion_rate
margins: { completion_rate: 5pp, "completion_rate@workflow=refund": 10pp, cost_per_task: 20% }
gates:
  - { name: offline, metrics: [completion_rate], minimumSample: 200, owner: eval team }
stages:
  - { name: internal, header: "x-canary: always", duration: { max: 24h } }
  - { name: early, exposure: 5%, where: { tier: pro }, duration: { min: 24h, max: 4d }, minimumSample: 1000, lookEvery: 6h,
      rollbackFloor: 100, onTimeout: rollback, margins: { cost_per_task: 40% }, approval: { by: release manager, timeout: 4h } }
  - { name: half, exposure: 50%, duration: { min: 6d, max: 10d }, minimumSample: 10000, lookEvery: 12h }
  - { name: full, exposure: 100%, hotStandby: 48h }
rule: { evidence: fixed, rollbackAbove: { cost_per_task: 5% }, weights: { completion_rate: 2 } }
`;

const planOf = (own: string) => parsePlan(readDocument(own, "plan.yaml"), context);
const review = reviewPlan(planOf(text));

describe("a launch review", () => {
  it("says who acts, where it is announced, and what was promised", () => {
    expect(review).toMatchObject({
      owner: "agent-platform on-call",
      channel: "#agent-rollouts",
      assignBy: "user",
      salt: "support-agent-2.4",
      evidence: "fixed",
      budgets: { falseRollback: 0.05, missedRegression: 0.1, falseStop: 0.2 },
      gates: [{ name: "offline", metrics: ["completion_rate"], minimumSample: 200, owner: "eval team" }],
    });
  });

  it("has each stage with its sample, its time, and what follows", () => {
    expect(review.stages.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      "internal routed",
      "early controlled",
      "half controlled",
      "full full",
    ]);
    expect(review.stages[1]).toEqual({
      name: "early",
      kind: "controlled",
      exposure: 0.05,
      addresses: "tier=pro",
      minimumMs: 24 * hour,
      maximumMs: 96 * hour,
      minimumSample: 1000,
      rollbackFloor: 100,
      looks: 16,
      lookEveryMs: 6 * hour,
      approval: { by: "release manager", timeoutMs: 4 * hour },
      hotStandbyMs: null,
      onTimeout: "rollback",
      onFail: "every unit goes back to the control",
      onPass: "on to half, if release manager agrees",
      onHold: "the exposure stays until the next look; at the last one every unit goes back to the control",
    });
    expect(review.stages[2]).toMatchObject({
      rollbackFloor: 30,
      onTimeout: "hold",
      onPass: "on to full",
      approval: null,
    });
  });

  it("says where nothing is tested, and who then acts", () => {
    expect(review.stages[0]).toMatchObject({
      exposure: null,
      addresses: "x-canary: always",
      looks: 0,
      onTimeout: null,
    });
    expect(review.stages[0]?.onFail).toBe("agent-platform on-call takes the route away");
    expect(review.stages[3]).toMatchObject({ exposure: 1, hotStandbyMs: 48 * hour, looks: 0, minimumSample: null });
    expect(review.stages[3]?.onFail).toBe("agent-platform on-call switches back to the hot standby");
  });

  it("has a threshold for each stage and guardrail, with the stage's own margin", () => {
    expect(review.thresholds).toHaveLength(8);
    const cost = review.thresholds.filter(({ guardrail }) => guardrail === "cost_per_task");
    expect(cost.map(({ stage, margin }) => `${stage} ${margin}`)).toEqual(["early 40%", "half 20%"]);
    expect(cost[0]).toMatchObject({
      role: "guardrail",
      better: "lower",
      rollbackAbove: { kind: "relative", factor: 1.05 },
    });
    expect(review.thresholds[0]).toMatchObject({ guardrail: "completion_rate", role: "primary", rollbackAbove: null });
  });

  it("states error rates that share the budget, and the z that they take", () => {
    const total = review.thresholds.reduce((sum, { levels }) => sum + levels.rollback, 0);
    expect(total).toBeCloseTo(0.05, 12);
    // twice the weight of the other three, in one of two stages
    const [first] = review.thresholds;
    expect(first?.levels).toEqual({ rollback: 0.05 * 0.4 * 0.5, pass: 0.25 });
    const z = { rollback: normalUpperQuantile(0.01), pass: normalUpperQuantile(0.25) };
    expect(first?.boundaries).toEqual({ first: z, last: z });
  });
});

describe("boundaries in a review", () => {
  it("fall over the looks of sequential evidence, and begin to pass at the minimum duration", () => {
    const { thresholds } = reviewPlan(planOf(text.replace("evidence: fixed", "evidence: sequential")));
    const { first, last } = thresholds[0]?.boundaries ?? {};
    expect(first?.rollback).toBeGreaterThan(last?.rollback as number);
    expect(first?.pass).toBeGreaterThan(last?.pass as number);
    expect(last?.rollback).toBeGreaterThan(normalUpperQuantile(0.01));
  });

  it("are none for point evidence", () => {
    const { thresholds } = reviewPlan(planOf(text.replace("evidence: fixed", "evidence: point")));
    const none = { rollback: null, pass: null };
    expect(thresholds[0]?.boundaries).toEqual({ first: none, last: none });
  });
});

describe("a plan that leaves things open", () => {
  it("is told as null, and in words", () => {
    const bare = text
      .replace(/owner: agent-platform on-call\n|channel: .*\n/g, "")
      .replace("  - { name: full, exposure: 100%, hotStandby: 48h }\n", "");
    const own = reviewPlan(planOf(bare));
    expect(own).toMatchObject({ owner: null, channel: null });
    expect(own.stages.at(-1)?.onPass).toBe("the plan ends here");
    expect(own.stages[0]?.onFail).toBe("whoever notices takes the route away");
  });
});
