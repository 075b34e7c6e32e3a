/**
 * Figures measured on recorded traffic, each with the recording it was measured on: the generator follows them, and its
 * tests hold it to them.
 *
 * Azure trace: CC-BY-4.0, Patel et al. (2024), Splitwise: Efficient Generative LLM Inference Using Phase Splitting, ISCA.
 * ServeGen: Xiang et al. (2025), ServeGen: Workload Characterization and Generation of Large Language Model Serving in
 * Production. tau-bench, InterCode and RAGPulse: MIT. Quantiles are type 7 (numpy's default).
 */
export const trafficFacts = {
  /** The recording stops 22 s into its 59th minute; these are the 58 whole ones. */
  requestsPerMinute: {
    source: "Azure/AzurePublicDataset data/AzureLLMInferenceTrace_conv.csv",
    mean: 333.26,
    variance: 5469.2,
    lag1Autocorrelation: 0.81,
  },
  requestsByHourOfDay: {
    source: "flashserve/RAGPulse data/0_trace.jsonl",
    counts: [
      320, 107, 66, 25, 20, 22, 35, 108, 231, 311, 445, 453, 382, 423, 479, 485, 446, 379, 435, 461, 376, 374, 398, 325,
    ],
  },
  rateByDay: {
    source: "alibaba/ServeGen data/language/m-small/chunk-*-trace.csv",
    relative: [0.839, 0.795, 0.969, 0.98, 0.868, 0.972, 0.913, 0.993, 1.039, 1.224, 1.153, 1.211, 1.0, 1.043],
  },
  /** Sessions of 1, 2, … 14 and of 15 or more requests; 58.8 % have one. */
  sessionLength: {
    source: "flashserve/RAGPulse data/0_trace.jsonl",
    counts: [2347, 960, 376, 151, 62, 28, 18, 15, 9, 11, 3, 2, 2, 2, 4],
  },
  /** From one request of a session to its next: a lognormal of seconds. */
  thinkGap: { source: "flashserve/RAGPulse data/0_trace.jsonl", mu: 4.0314, sigma: 1.5294 },
  /** Spikes near 400, 1,020 and 4,083–4,142 tokens, which seven quantiles would smear by 12 % of the mean. */
  contextTokens: {
    source: "Azure/AzurePublicDataset data/AzureLLMInferenceTrace_conv.csv",
    mean: 1154.7,
    probabilities: [
      0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95,
      0.99, 0.999, 1,
    ],
    values: [
      2, 29, 181, 207, 372, 387, 396, 403, 414, 703, 984, 1020, 1045, 1071, 1097, 1130, 1189, 1315, 1876, 2735, 4083,
      4142, 6179, 14050,
    ],
  },
  /** Bimodal: one hump near 90 tokens, one near 400, and only 5 % between 217 and 384. */
  generatedTokens: {
    source: "Azure/AzurePublicDataset data/AzureLLMInferenceTrace_conv.csv",
    mean: 211.1,
    probabilities: [
      0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95,
      0.99, 0.999, 1,
    ],
    values: [
      7, 16, 41, 54, 67, 77, 85, 91, 96, 103, 113, 129, 151, 177, 217, 384, 395, 400, 411, 424, 451, 601, 954, 1000,
    ],
  },
  /** Intraclass correlation, within a session, of the logarithm of the tokens. */
  tokenClustering: { source: "flashserve/RAGPulse data/0_trace.jsonl", context: 0.4089, generated: 0.4512 },
  /** Above P99 a Pareto tail; `tailIndex` is Hill's over the largest 5 %. */
  serviceMs: {
    source: "1,700 recorded function-calling API requests, gpt-4-turbo-2024-04-09-FC (marginals only)",
    probabilities: [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99],
    values: [635.8, 1022.1, 1180.5, 1562.7, 2447.7, 4357.6, 12290.2, 21955.4],
    tailIndex: 2.8,
  },
  /** Per conversation; `errorRate` is per tool call, `transferRate` the share of conversations handed to a human. */
  tools: {
    source: "sierra-research/tau-bench historical_trajectories/gpt-4o-airline.json",
    userTurns: { mean: 7.45, sd: 3.439 },
    calls: { mean: 5.82, sd: 4.9376 },
    errorRate: 0.0627,
    transferRate: 0.24,
  },
  /** Intraclass correlation, within a session, of whether an action was valid. */
  toolErrorClustering: {
    source: "princeton-nlp/intercode data/results/sql/gpt-4/ic_sql_multiturn_gpt-4_10_turns.json",
    icc: 0.0547,
  },
  completion: {
    source: "princeton-nlp/intercode data/results/sql/gpt-4/ic_sql_multiturn_gpt-4_10_turns.json",
    overall: 0.7369,
    byHardness: { easy: 0.875, medium: 0.7668, hard: 0.6667, extra: 0.5241 },
  },
  /** Intraclass correlation of success over repeated trials of one task. */
  completionClustering: {
    source: "sierra-research/tau-bench historical_trajectories/gpt-4o-airline.json",
    icc: 0.4046,
  },
} as const;

/** Figures that no recording gave: assumed, not recorded. */
export const assumptions = {
  /** Share of sessions, and which recorded hardness the workflow behaves like. */
  workflows: {
    billing: { share: 0.32, hardness: "medium" },
    order_status: { share: 0.24, hardness: "easy" },
    technical: { share: 0.16, hardness: "extra" },
    refund: { share: 0.12, hardness: "hard" },
    account: { share: 0.1, hardness: "medium" },
    cancellation: { share: 0.06, hardness: "medium" },
  },
  tiers: { free: 0.6, pro: 0.32, enterprise: 0.08 },
  regions: { us: 0.45, eu: 0.35, apac: 0.2 },
  /** Mean of a Yule–Simon distribution over the users of one log, and the number above which a user is drawn again. */
  sessionsPerUser: 1.7,
  mostSessionsPerUser: 50,
  /** Share of a user's sessions that are in the user's own workflow; the others follow the mix. */
  loyalty: 0.5,
  /** Correlation of the normal scores of difficulty between two sessions of a user in one workflow. */
  difficultyClustering: 0.5,
  /** Share of refund conversations that press for money. */
  pressingRefunds: 0.55,
  /** Share of sessions that attack the agent, and of their requests that carry an injection: 0.8 % of requests. */
  hostileSessions: 0.01,
  injectionsInHostileSessions: 0.8,
  /** Beta distributions of the guardrail's score. */
  guardrailScore: { injection: [8, 2], ordinary: [2, 10] },
  /** Correlation of the normal scores of service time and of generated tokens. */
  latencyWithTokens: 0.6,
  longestThinkGapSeconds: 4 * 3600,
  longestServiceMs: 60_000,
} as const;
