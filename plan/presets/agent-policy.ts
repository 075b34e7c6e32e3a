import { ownDefault, type Preset } from "./preset.ts";

export const agentPolicy: Preset = {
  name: "agent-policy",
  description: "an agent's prompt, model, tools or guardrails: five stages over one to two weeks",
  sources: [
    {
      figures: "stages of 1, 5, 25, 50 and 100 %; completion −5 points, cost +20 %, guardrail triggers ×3",
      from: "[Canary rollout for agent policies](https://notesfromsde.herein.one/ai/patterns/reliability/canary-rollout-agent-policy), whose 5 % of completion is read as points",
    },
    { figures: "tool-call errors ×3, P95 latency +50 %, abandonment +10 % of its rate", from: ownDefault },
    { figures: "durations, samples, looks, wider margins at 1 and 5 %, hot standby", from: ownDefault },
  ],
  measures: {
    completed: "true when the task was done; of a session, one such answer is enough",
    abandoned: "true when the user gave up",
    tool_calls: "how many tools the answer called",
    tool_errors: "how many of these calls failed",
    guardrail_triggered: "true when a guardrail blocked or changed the answer",
    cost_usd: "what the answer cost",
    latency_ms: "how long it took",
  },
  attributes: [],
  metrics: `metrics:
  completion_rate:        { kind: proportion, value: bool_or(completed), better: higher }
  tool_error_rate:        { kind: ratio, numerator: sum(tool_errors), denominator: sum(tool_calls), better: lower }
  cost_per_task:          { kind: mean, value: sum(cost_usd), better: lower, measuredIn: USD }
  latency_p95:            { kind: quantile, quantile: 0.95, value: latency_ms, better: lower, measuredIn: ms }
  guardrail_trigger_rate: { kind: proportion, value: bool_or(guardrail_triggered), better: lower }
  abandonment_rate:       { kind: proportion, value: bool_or(abandoned), better: lower }
`,
  plan: `# owner: who can pause and roll back
# channel: "#where-decisions-are-announced"
assignBy: user                     # a user stays with the version that answered first
salt: agent-policy-1               # new for every rollout
primary: completion_rate
margins:                           # the largest loss still accepted
  completion_rate: 5pp
  tool_error_rate: x3              # of the control's rate
  cost_per_task: 20%
  latency_p95: 50%
  guardrail_trigger_rate: x3
  abandonment_rate: 10%            # of the control's rate: 20 % may become 22 %; 2pp where few users give up
  failure_rate: 1pp                # always guarded: sessions with a failed answer
  # completion_rate@workflow=refund: 10pp     # for a segment that must not break: an attribute of foretaste.yaml
stages:                            # a week at least, with its weekend; at max onTimeout decides
  - name: canary                   # few units can only show a disaster: margins of its own, wider
    exposure: 1%
    duration: { min: 1d, max: 4d }
    minimumSample: 100             # units that each arm needs before a promotion
    lookEvery: 1d
    margins: { completion_rate: 15pp, tool_error_rate: x6, cost_per_task: 60%, latency_p95: x3, guardrail_trigger_rate: x10, abandonment_rate: 60%, failure_rate: 5pp }
  - name: early
    exposure: 5%
    duration: { min: 1d, max: 2d }
    minimumSample: 200
    lookEvery: 1d
    margins: { completion_rate: 10pp, tool_error_rate: x4, cost_per_task: 40%, latency_p95: x2, guardrail_trigger_rate: x6, abandonment_rate: 30%, failure_rate: 2pp }
  - { name: quarter, exposure: 25%,  duration: { min: 1d, max: 3d }, minimumSample: 1500, lookEvery: 1d }
  - { name: half,    exposure: 50%,  duration: { min: 4d, max: 5d }, minimumSample: 3000, lookEvery: 1d }
  - { name: full,    exposure: 100%, hotStandby: 48h }
rule: { evidence: calibrated, onTimeout: hold, rollbackFloor: 50 }
budgets: { falseRollback: 5%, missedRegression: 10%, falseStop: 20% }
`,
};
