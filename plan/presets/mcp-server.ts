import { ownDefault, type Preset } from "./preset.ts";

export const mcpServer: Preset = {
  name: "mcp-server",
  description: "an MCP server, whole sessions at a time: four stages within a day",
  sources: [
    {
      figures: "1 % for 10 min, 10 % for 30 min, 50 % for 1 h, 100 %; whole sessions",
      from: "[Canary Deployments, MCP Production Ops](https://ryanconsulting.ai/courses/mcp-production-ops/canary-deployments)",
    },
    {
      figures: "P99 latency within 10 %",
      from: "[Canary Deployments and Automated Rollback for ML Models](https://www.systemoverflow.com/learn/ml-monitoring-observability/model-performance-degradation/canary-deployments-and-automated-rollback-for-ml-models), there of models",
    },
    { figures: "error rate within 0.5 points, tool success within 1 point", from: ownDefault },
    { figures: "longest durations, samples, looks, wider margins at 1 and 10 %, hot standby", from: ownDefault },
  ],
  measures: {
    protocol_error: "true when the server answered with an error instead of a result",
    tool_calls: "1 for a tool call, 0 for any other request",
    tool_successes: "1 for a tool call whose result is no error (isError), else 0",
    latency_ms: "how long the answer took",
  },
  attributes: [],
  metrics: `metrics:
  tool_success_rate: { kind: ratio, numerator: sum(tool_successes), denominator: sum(tool_calls), better: higher }
  error_rate:        { kind: ratio, numerator: count_if(protocol_error), denominator: count(*), better: lower }
  latency_p99:       { kind: quantile, quantile: 0.99, value: latency_ms, better: lower, measuredIn: ms }
`,
  plan: `# owner: who can pause and roll back
# channel: "#where-decisions-are-announced"
assignBy: session                  # an MCP session has state: all its requests go to one version
salt: mcp-server-1                 # new for every rollout
primary: tool_success_rate
margins:                           # the largest loss still accepted
  tool_success_rate: 1pp
  error_rate: 0.5pp
  latency_p99: 10%                 # a P99 needs some 400 requests in an arm before it has bounds at all
  failure_rate: 1pp                # always guarded: sessions with a failed answer
stages:                            # promoted after min at the earliest; a quiet hour may take until max
  - name: smoke                    # few sessions can only show a disaster: margins of its own, wider
    exposure: 1%
    duration: { min: 10min, max: 2h }
    minimumSample: 50              # sessions that each arm needs before a promotion
    lookEvery: 10min
    margins: { tool_success_rate: 10pp, error_rate: 5pp, latency_p99: x3, failure_rate: 5pp }
  - name: early
    exposure: 10%
    duration: { min: 30min, max: 3h }
    minimumSample: 500
    lookEvery: 30min
    margins: { tool_success_rate: 3pp, error_rate: 1.5pp, latency_p99: 50%, failure_rate: 2pp }
  - { name: half, exposure: 50%,  duration: { min: 1h, max: 4h }, minimumSample: 3000, lookEvery: 1h }
  - { name: full, exposure: 100%, hotStandby: 24h }
rule: { evidence: calibrated, onTimeout: hold, rollbackFloor: 50 }
budgets: { falseRollback: 5%, missedRegression: 10%, falseStop: 20% }
`,
};
