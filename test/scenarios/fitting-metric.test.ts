import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Metric } from "../../plan/metric.ts";
import { presets } from "../../plan/presets.ts";
import {
  abandonedSessions,
  clicks,
  costs,
  failedToolCalls,
  guardrailTriggers,
  slowRequests,
} from "../../scenarios/fitting-metric.ts";

const fits = { abandonedSessions, clicks, costs, failedToolCalls, guardrailTriggers, slowRequests };

const fitting = (metrics: readonly Metric[]) =>
  Object.fromEntries(
    Object.entries(fits).flatMap(([fit, own]) => {
      const names = metrics.filter(own.fits).map(({ name }) => name);
      return names.length === 0 ? [] : [[fit, names]];
    }),
  );

describe("the metrics that fit", () => {
  it.each<[string, object]>([
    [
      "agent-policy",
      {
        abandonedSessions: ["abandonment_rate"],
        costs: ["cost_per_task"],
        failedToolCalls: ["tool_error_rate"],
        guardrailTriggers: ["guardrail_trigger_rate"],
        slowRequests: ["latency_p95"],
      },
    ],
    ["mcp-server", { slowRequests: ["latency_p99"] }],
    ["model", { costs: ["cost_per_request"], slowRequests: ["latency_p95"] }],
    ["recommender", { clicks: ["click_through_rate"] }],
    ["classifier", {}],
    ["batch", { costs: ["cost_per_record"], slowRequests: ["latency_p95"] }],
  ])("of the preset %s are what its scenarios mean", (name, expected) => {
    const preset = presets.find((own) => own.name === name);
    const { metrics } = parse(preset?.metrics ?? "") as { metrics: Readonly<Record<string, object>> };
    expect(fitting(Object.entries(metrics).map(([own, metric]) => ({ ...metric, name: own }) as Metric))).toEqual(
      expected,
    );
  });

  const rate = { name: "tool_error_rate", kind: "ratio", better: "lower" } as Metric;
  it.each<[string, Partial<Metric>, object]>([
    ["has another direction", { better: "higher" }, {}],
    ["is no rate", { kind: "mean" } as Partial<Metric>, {}],
    ["counts tokens", { name: "output", kind: "mean", measuredIn: "tokens" } as Partial<Metric>, { costs: ["output"] }],
    ["is in euros", { name: "spent", measuredIn: "EUR" }, { costs: ["spent"] }],
    ["is in seconds", { name: "p95", kind: "quantile", measuredIn: "s" } as Partial<Metric>, { slowRequests: ["p95"] }],
    ["is a quantile of tokens", { name: "p95", kind: "quantile", measuredIn: "tokens" } as Partial<Metric>, {}],
  ])("of a project: one that %s", (_, others, expected) => {
    expect(fitting([{ ...rate, ...others } as Metric])).toEqual(expected);
  });
});
