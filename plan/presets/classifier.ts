import { ownDefault, type Preset } from "./preset.ts";

export const classifier: Preset = {
  name: "classifier",
  description: "a classifier: accuracy, both error rates, calibration, and drift of what it predicts",
  sources: [
    {
      figures: "distribution of the predictions and calibration beside accuracy",
      from: "[ML-specific guardrails](https://www.systemoverflow.com/learn/ml-infrastructure-mlops/automated-rollback/ml-specific-guardrails-and-metrics-in-canary-analysis)",
    },
    {
      figures: "drift of at most 0.02 bits",
      from: "a population stability index of 0.1, below which [Alibaba's PAI](https://www.alibabacloud.com/help/doc-detail/283802.html) calls changes not significant: for small changes the index is 8 ln 2 times the Jensen–Shannon divergence in bits",
    },
    { figures: "all other margins, wider ones at 5 %", from: ownDefault },
    { figures: "stages, durations, samples, looks", from: ownDefault },
  ],
  measures: {
    predicted: "true when the answer is the positive class",
    probability: "the predicted probability of the positive class",
    label: "true when the positive class was right; null while that is not known",
  },
  attributes: [],
  metrics: `metrics:                           # a label that comes later belongs to traffic.labels, not to the lanes: docs/project.md
  accuracy:            { kind: ratio, numerator: count_if(predicted = label), denominator: count(label), better: higher }
  false_positive_rate: { kind: ratio, numerator: count_if(predicted and not label), denominator: count_if(not label), better: lower }
  false_negative_rate: { kind: ratio, numerator: count_if(label and not predicted), denominator: count_if(label), better: lower }
  prediction_drift:    { kind: drift, value: predicted, better: lower }
  calibration:         { kind: calibration-error, probability: probability, outcome: label, better: lower }
`,
  plan: `# owner: who can pause and roll back
# channel: "#where-decisions-are-announced"
assignBy: user                     # or session: whatever must not get two different answers
salt: classifier-1                 # new for every rollout
primary: accuracy
margins:                           # the largest loss still accepted
  accuracy: 1pp
  false_positive_rate: 1pp
  false_negative_rate: 2pp         # of the positives, which are rarer
  prediction_drift: 0.02           # bits of divergence from the control: half positives may become two thirds
  calibration: 0.005               # mean squared gap: a typical gap of 7 points
  failure_rate: 1pp                # always guarded: sessions with a failed answer
gates:                             # on the replayed traffic, before any user is exposed
  - { name: offline, metrics: [accuracy, prediction_drift], minimumSample: 1000 }   # owner: who is asked when it fails
stages:                            # a week at least, with its weekend; at max onTimeout decides
  - name: canary                   # few units can only show a disaster: margins of its own, wider
    exposure: 5%
    duration: { min: 1d, max: 2d }
    minimumSample: 500             # units that each arm needs before a promotion
    lookEvery: 1d
    margins: { accuracy: 4pp, false_positive_rate: 4pp, false_negative_rate: 8pp, prediction_drift: 0.08, calibration: 0.02, failure_rate: 3pp }
  - { name: quarter, exposure: 25%,  duration: { min: 1d, max: 3d }, minimumSample: 3000, lookEvery: 1d }
  - { name: half,    exposure: 50%,  duration: { min: 5d, max: 7d }, minimumSample: 9000, lookEvery: 1d }
  - { name: full,    exposure: 100%, hotStandby: 72h }
rule: { evidence: calibrated, onTimeout: hold, rollbackFloor: 100 }
budgets: { falseRollback: 5%, missedRegression: 10%, falseStop: 20% }
`,
};
