import { ownDefault, type Preset } from "./preset.ts";

export const batch: Preset = {
  name: "batch",
  description: "a scheduled job: stages by cycles and customers instead of hours, one pilot customer first",
  sources: [
    { figures: "a pilot customer first, then shares of all records; whole cycles", from: ownDefault },
    { figures: "margins, wider ones for the pilot, samples, looks, hot standby", from: ownDefault },
  ],
  measures: {
    accepted: "true when the record's result passed its checks",
    cost_usd: "what the record cost",
    latency_ms: "how long it took",
  },
  attributes: ["customer"],
  metrics: `metrics:
  acceptance_rate: { kind: ratio, numerator: count_if(accepted), denominator: count(accepted), better: higher }
  cost_per_record: { kind: ratio, numerator: sum(cost_usd), denominator: count(cost_usd), better: lower, measuredIn: USD }
  latency_p95:     { kind: quantile, quantile: 0.95, value: latency_ms, better: lower, measuredIn: ms }
`,
  plan: `# owner: who can pause and roll back
# channel: "#where-decisions-are-announced"
assignBy: session                  # a session is what is processed together: a record, a document, an account
salt: batch-1                      # new for every rollout
cycle: 1d                          # how often the job runs: 1h, 1d, 7d
primary: acceptance_rate
margins:                           # the largest loss still accepted
  acceptance_rate: 1pp
  cost_per_record: 20%
  latency_p95: 50%
  failure_rate: 1pp                # always guarded: sessions with a failed answer
stages:                            # durations in runs of the job, with a look after each
  - name: pilot                    # half of one customer's records; the other half is their control
    where: { customer: pilot }     # an attribute of foretaste.yaml, and the customer who goes first
    exposure: 50%
    duration: { min: 2 cycles, max: 4 cycles }
    minimumSample: 100             # records that each arm needs before a promotion
    lookEvery: 1 cycle
    margins: { acceptance_rate: 5pp, cost_per_record: 60%, latency_p95: x2, failure_rate: 5pp }   # few records: wider
  - name: tenth
    exposure: 10%
    duration: { min: 2 cycles, max: 4 cycles }
    minimumSample: 500
    lookEvery: 1 cycle
  - name: half
    exposure: 50%
    duration: { min: 3 cycles, max: 6 cycles }
    minimumSample: 2000
    lookEvery: 1 cycle
  - name: full
    exposure: 100%
    hotStandby: 2d
rule: { evidence: calibrated, onTimeout: hold, rollbackFloor: 50 }
budgets: { falseRollback: 5%, missedRegression: 10%, falseStop: 20% }
`,
};
