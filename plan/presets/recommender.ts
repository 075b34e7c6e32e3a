import { ownDefault, type Preset } from "./preset.ts";

export const recommender: Preset = {
  name: "recommender",
  description: "recommendations: clicks and revenue, with diversity and coverage of the catalogue as guardrails",
  sources: [
    {
      figures: "diversity and coverage beside clicks and revenue",
      from: "[Recommendation testing](https://webmasterid.com/conversion-analytics/recommendation-testing)",
    },
    {
      figures: "click-through −5 %",
      from: "[ML-specific guardrails](https://www.systemoverflow.com/learn/ml-infrastructure-mlops/automated-rollback/ml-specific-guardrails-and-metrics-in-canary-analysis)",
    },
    { figures: "all other margins, wider ones at 5 %", from: ownDefault },
    { figures: "stages, durations, samples, looks", from: ownDefault },
  ],
  measures: {
    item_id: "the item that was recommended, or a list of them",
    category: "its category, or a list of them",
    clicks: "how many of the recommendations were clicked",
    impressions: "how many were shown",
    revenue_usd: "what they brought in",
    seconds: "how long the user stayed after the request",
  },
  attributes: [],
  metrics: `metrics:                           # clicks, revenue and time are what users did: a replay alone cannot know them of a candidate
  click_through_rate:         { kind: ratio, numerator: sum(clicks), denominator: sum(impressions), better: higher }
  diversity:                  { kind: entropy, value: category, better: higher }
  catalogue_coverage:         { kind: distinct-share, value: item_id, draws: 1000, catalogue: 5000, better: higher }   # catalogue: how many items there are
  revenue_per_recommendation: { kind: ratio, numerator: sum(revenue_usd), denominator: sum(impressions), better: higher, measuredIn: USD }
  session_length:             { kind: mean, value: sum(seconds), better: higher, measuredIn: s }
`,
  plan: `# owner: who can pause and roll back
# channel: "#where-decisions-are-announced"
assignBy: user                     # a user sees one recommender
salt: recommender-1                # new for every rollout
primary: click_through_rate
margins:                           # the largest loss still accepted
  click_through_rate: 5%           # of the control's value
  diversity: 5%                    # of its entropy
  catalogue_coverage: 1pp          # of the catalogue, in 1,000 recommendations
  revenue_per_recommendation: 10%
  session_length: 5%
  failure_rate: 1pp                # always guarded: sessions with a failed answer
stages:                            # whole days: clicks differ by the hour; a week at half for the weekend
  - name: canary                   # few users can only show a disaster: margins of its own, wider
    exposure: 5%
    duration: { min: 2d, max: 4d }
    minimumSample: 1000            # users that each arm needs before a promotion
    lookEvery: 1d
    margins: { click_through_rate: 20%, diversity: 15%, catalogue_coverage: 4pp, revenue_per_recommendation: 50%, session_length: 20%, failure_rate: 3pp }
  - { name: quarter, exposure: 25%,  duration: { min: 3d, max: 6d },  minimumSample: 8000,  lookEvery: 1d }
  - { name: half,    exposure: 50%,  duration: { min: 7d, max: 14d }, minimumSample: 22000, lookEvery: 7d }
  - { name: full,    exposure: 100%, hotStandby: 48h }
rule: { evidence: calibrated, onTimeout: hold, rollbackFloor: 100 }
budgets: { falseRollback: 5%, missedRegression: 10%, falseStop: 20% }
`,
};
