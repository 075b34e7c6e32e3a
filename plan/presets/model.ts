import { ownDefault, type Preset } from "./preset.ts";

export const model: Preset = {
  name: "model",
  description: "a model behind an endpoint: quality, latency and cost over three to six days, the old one kept warm",
  sources: [
    {
      figures: "stages of 5, 25, 50 and 100 %",
      from: "[AI canary deployment](https://www.agencyscript.com/blog/ai-agency-ai-canary-deployment), whose steps are 1–5, 10–25, 50 and 100 %",
    },
    {
      figures: "24 to 72 h at 25 %",
      from: "[Canary deployment](https://decagon.ai/glossary/what-is-canary-deployment): usually 24–72 hours for AI workloads",
    },
    { figures: "24 h at 5 %, 12 to 24 h at 50 %, hot standby of 72 h", from: ownDefault },
    { figures: "margins, wider ones at 5 %, samples, looks", from: ownDefault },
  ],
  measures: {
    correct: "true when the answer was right, by a label, a judge or a check",
    cost_usd: "what the answer cost",
    latency_ms: "how long it took",
  },
  attributes: [],
  metrics: `metrics:
  quality:          { kind: ratio, numerator: count_if(correct), denominator: count(correct), better: higher }
  latency_p95:      { kind: quantile, quantile: 0.95, value: latency_ms, better: lower, measuredIn: ms }
  cost_per_request: { kind: ratio, numerator: sum(cost_usd), denominator: count(cost_usd), better: lower, measuredIn: USD }
`,
  plan: `# owner: who can pause and roll back
# channel: "#where-decisions-are-announced"
assignBy: user                     # a user stays with the version that answered first
salt: model-1                      # new for every rollout
primary: quality
margins:                           # the largest loss still accepted
  quality: 2pp
  latency_p95: 20%
  cost_per_request: 20%
  failure_rate: 1pp                # always guarded: sessions with a failed answer
gates:                             # on the replayed traffic, before any user is exposed
  - { name: offline, metrics: [quality], minimumSample: 500 }   # owner: who is asked when it fails
stages:                            # promoted after min at the earliest; at max onTimeout decides
  - name: canary                   # few units can only show a disaster: margins of its own, wider
    exposure: 5%
    duration: { min: 24h, max: 48h }
    minimumSample: 300             # units that each arm needs before a promotion
    lookEvery: 24h
    margins: { quality: 8pp, latency_p95: x2, cost_per_request: 60%, failure_rate: 3pp }
  - { name: quarter, exposure: 25%,  duration: { min: 24h, max: 72h }, minimumSample: 1000, lookEvery: 24h }   # or 10 %
  - { name: half,    exposure: 50%,  duration: { min: 12h, max: 24h }, minimumSample: 2000, lookEvery: 12h }
  - { name: full,    exposure: 100%, hotStandby: 72h }   # the old model stays loaded: 48 to 72 h
rule: { evidence: calibrated, onTimeout: hold, rollbackFloor: 50 }
budgets: { falseRollback: 5%, missedRegression: 10%, falseStop: 20% }
`,
};
