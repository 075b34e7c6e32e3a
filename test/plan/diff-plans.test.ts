import { describe, expect, it } from "vitest";
import { changeInWords, diffPlans } from "../../plan/diff-plans.ts";
import { readDocument } from "../../plan/document.ts";
import { parsePlan } from "../../plan/parse-plan.ts";
import { context } from "../support/plan-context.ts";
import golden from "./bad-plans.json" with { type: "json" };

const good = `${golden.plan.join("\n")}\n`;
const parse = (text: string) => parsePlan(readDocument(text, "plan.yaml"), context);
const edited = (instead: string, written: string) => {
  expect(good.split(instead)).toHaveLength(2);
  return parse(good.replace(instead, written));
};

describe("what has changed between two plans", () => {
  it("is nothing for one plan written in two ways", () => {
    const rewritten = edited("min: 6h, max: 48h", "max: 2d, min: 360min");
    expect(diffPlans(parse(good), rewritten)).toEqual([]);
  });

  it.each([
    ["owner: agent-platform on-call\n", "", ["owner: no more agent-platform on-call"]],
    ["  completion_rate: 5pp\n", "  completion_rate: 6pp\n", ["margin of completion_rate: 5pp → 6pp"]],
    ["salt: support-agent-2.4", "salt: other", ["salt: support-agent-2.4 → other"]],
    ["exposure: 50%", "exposure: 40%", ["stage half, exposure: 50% → 40%"]],
    ["hotStandby: 48h", "hotStandby: 1h", ["stage full, hotStandby: 2d → 1h"]],
    ["evidence: fixed, onTimeout: hold", "evidence: fixed, onTimeout: rollback", ["rule, onTimeout: hold → rollback"]],
    ["falseRollback: 5%", "falseRollback: 7.5%", ["budget falseRollback: 5% → 7.5%"]],
    ["evidence: fixed", "evidence: calibrated", ["rule, evidence: fixed → calibrated"]],
    [
      "minimumSample: 400, ",
      "minimumSample: 500, approval: { by: release manager, timeout: 4h }, margins: { latency_p95: 300 ms }, ",
      [
        "stage canary, approval: release manager within 4h, new",
        "stage canary, minimum sample: 400 → 500",
        "stage canary, margin of latency_p95: 300 ms, new",
      ],
    ],
    [
      "rule: { evidence: fixed, ",
      "rule: { evidence: fixed, weights: { tool_error_rate: 2 }, rollbackAbove: { cost_per_task: 5% }, ",
      ["weight of tool_error_rate: 1 → 2", "rollbackAbove of cost_per_task: factor 1.05, new"],
    ],
  ])("%j instead of %j is said in words", (instead, written, words) => {
    expect(diffPlans(parse(good), edited(instead, written)).map(changeInWords)).toEqual(words);
  });

  it("names a metric that is defined otherwise", () => {
    const other = { ...context, metrics: context.metrics.map((own) => ({ ...own, matureAfterMs: 3_600_000 })) };
    const after = parsePlan(readDocument(good, "plan.yaml"), other);
    const changes = diffPlans(parse(good), after).map(changeInWords);
    expect(changes).toHaveLength(4);
    expect(changes[0]).toMatch(/^metric completion_rate: .*matureAfter 0ms.* → .*matureAfter 1h/);
  });
});
