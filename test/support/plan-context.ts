import type { Metric } from "../../plan/metric.ts";
import type { PlanContext } from "../../plan/plan-context.ts";

const common = { value: "x", matureAfterMs: 0, whenFailed: "missing" } as const;

/** What the plans of test/plan may refer to. */
export const context: PlanContext = {
  metrics: [
    { ...common, name: "completion_rate", kind: "proportion", better: "higher", whenFailed: "worst" },
    { ...common, name: "tool_error_rate", kind: "ratio", numerator: "a", denominator: "b", better: "lower" },
    { ...common, name: "cost_per_task", kind: "mean", better: "lower", measuredIn: "USD" },
    { ...common, name: "latency_p95", kind: "quantile", quantile: 0.95, better: "lower", measuredIn: "ms" },
    { ...common, name: "satisfaction", kind: "mean", better: "higher" },
  ] satisfies readonly Metric[],
  attributes: ["workflow", "tier"],
};
