import {
  type EstimateResult,
  type MetricResult,
  type Result,
  resultSchema,
  type ScenarioResult,
  type SegmentResult,
} from "../../reports/result.ts";

/** A value with a symmetric interval. */
export function estimate(value: number, halfWidth: number): EstimateResult {
  return { status: "ok", value, low: value - halfWidth, high: value + halfWidth, level: 0.95 };
}

/** A Monte Carlo rate of 1,000 rollouts, with Wilson's interval. */
export function rate(value: number, n = 1000): EstimateResult {
  const z = 1.96;
  const centre = (value + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((value * (1 - value)) / n + z ** 2 / (4 * n ** 2));
  const low = value === 0 ? 0 : centre - half;
  return { status: "ok", value, low, high: value === 1 ? 1 : centre + half, level: 0.95 };
}

export function undetermined(reason: string): EstimateResult {
  return { status: "undetermined", reason };
}

/** A metric over all sessions; a proportion well inside its margin unless stated otherwise. */
export function metric(own: Partial<MetricResult> = {}): MetricResult {
  const paired = { both: 3302, controlOnly: 146, candidateOnly: 130, neither: 422 };
  return {
    name: "completion_rate",
    kind: "proportion",
    better: "higher",
    control: 0.862,
    candidate: 0.858,
    difference: estimate(-0.004, 0.0152),
    relative: estimate(-0.0046, 0.0176),
    pValue: 0.36,
    test: "McNemar, clustered by unit",
    ...(own.kind === undefined || own.kind === "proportion" ? { paired } : {}),
    n: { control: 4000, candidate: 4000, pairs: 4000, units: 2912 },
    missing: { control: 0, candidate: 0 },
    margin: "5pp",
    reading: "inside",
    ...own,
  };
}

/** One metric inside one segment; the completion rate inside its margin unless stated otherwise. */
export function segment(own: Partial<SegmentResult> = {}): SegmentResult {
  return {
    attribute: "workflow",
    value: "billing",
    metric: "completion_rate",
    kind: "proportion",
    better: "higher",
    control: 0.871,
    candidate: 0.874,
    difference: estimate(0.003, 0.031),
    n: { control: 905, candidate: 905 },
    pValue: 1,
    pBeyond: 1,
    margin: "5pp",
    reading: "inside",
    ...own,
  };
}

/** A scenario in which most rollouts are promoted; what is known by stage and by metric adds up to its rates. */
export function scenario(own: Partial<ScenarioResult> = {}): ScenarioResult {
  const { rollback = rate(0.041), stop = rate(0.032) } = own;
  const shares = { rollback: shareOf(rollback), stop: shareOf(stop) };
  return {
    name: "as_replayed",
    replicates: 1000,
    salts: 40,
    rollback,
    stop,
    promote: rate(1 - shares.rollback - shares.stop),
    hoursToDecision: { p10: 66, p50: 68, p90: 94 },
    unitsExposed: { p10: 1322, p50: 1398, p90: 1471 },
    byStage: stages(shares),
    byMetric: [
      { metric: "completion_rate", rollback: 0.7 * shares.rollback },
      { metric: "cost_per_task", rollback: 0.3 * shares.rollback },
    ].filter((cause) => cause.rollback > 0),
    ...own,
  };
}

function stages({ rollback, stop }: { readonly rollback: number; readonly stop: number }): ScenarioResult["byStage"] {
  let left = 0;
  const ended = { canary: 0.4, early: 0.3, quarter: 0.2, half: 0.1 };
  return Object.entries(ended).map(([stage, share]) => {
    left += share;
    const promote = Math.max(0, 1 - left * (rollback + stop));
    return { stage, rollback: share * rollback, stop: share * stop, promote };
  });
}

function shareOf(own: EstimateResult): number {
  return own.status === "ok" ? own.value : 0;
}

/** Harm at the margin of a metric, promoted although it should not be in a share `missed` of the rollouts. */
export function atMargin(name: string, missed: number): ScenarioResult {
  const budget = 0.1;
  const promote = rate(missed);
  const bounds = promote.status === "ok" ? promote : { low: 0, high: 1 };
  const verdict = bounds.low > budget ? "missed" : bounds.high <= budget ? "kept" : "not separated";
  return scenario({
    name: `at_margin:${name}`,
    rollback: rate(0.99 - missed),
    stop: rate(0.01),
    promote,
    wrong: { kind: "missed regression", rate: promote, budget, verdict },
    hoursToDecision: { p10: 3, p50: 9, p90: 31 },
    unitsExposed: { p10: 14, p50: 31, p90: 164 },
    sessionsHarmed: { p10: 1, p50: 3, p90: 12 },
    costs: [{ metric: "task_completion", measuredIn: "sessions", p10: 0.8, p50: 2.5, p90: 12.3 }],
    byMetric: [{ metric: name, rollback: 0.99 - missed }],
  });
}

/**
 * The result of a rehearsal of the support agent: harmless over all, but refunds are broken.
 *
 * @param own replaces fields of the default, one level deep
 */
export function result(own: { readonly [Key in keyof Result]?: Result[Key] | Partial<Result[Key]> } = {}): Result {
  const merged = Object.entries(noGo()).map(([key, value]) => {
    const replacement = own[key as keyof Result];
    if (replacement === undefined) return [key, value];
    const object = typeof value === "object" && !Array.isArray(value);
    return [key, object ? { ...value, ...(replacement as object) } : replacement];
  });
  return resultSchema.parse(Object.fromEntries(merged));
}

function noGo(): Result {
  return {
    schemaVersion: 1,
    name: "support-agent 2.3 → 2.4",
    run: {
      id: "20260119T091500-4f1c",
      seed: "support-agent",
      planHash: "9f2b4c7d1e0a8b365a1c2d3e4f50617283940a1b2c3d4e5f60718293a4b5c6d7",
      startedAt: "2026-01-19T09:15:00.000Z",
      foretaste: "0.1.0",
      node: "20.20.2",
      command: "foretaste rehearse foretaste.yaml --seed support-agent --threads 2",
      policies: { control: "support-agent 2.3", candidate: "support-agent 2.4" },
      policyHashes: {
        control: "0c5de3a9f1b2470e8d6c3b5a79f80e1d2c3b4a5968778695a4b3c2d1e0f9a8b7",
        candidate: "e1a4779b2c3d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7",
      },
      inputs: [
        {
          role: "traffic",
          file: "logs/2026-01-05.jsonl",
          sha256: "5b41362bc82b7f3d56edc5a306db22105707d01ff4819e26faef9724a2d406c9",
        },
        {
          role: "plan",
          file: "plan.yaml",
          sha256: "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d",
        },
      ],
    },
    verdict: {
      decision: "no-go",
      reasons: ["completion_rate in workflow=refund goes from 84.1 % to 51.7 %, beyond its margin of 5pp"],
      exitCode: 11,
    },
    trust: {
      checks: [
        {
          name: "records of traffic",
          status: "warn",
          figure: "12 of 11862 in quarantine",
          threshold: "at most 1 %",
          why: "12 × the time is not a date",
        },
        {
          name: "sessions in both lanes",
          status: "pass",
          figure: "4000 matched, 0 only in control, 0 only in candidate",
          threshold: "at least half matched",
          why: "both lanes answered the same sessions",
        },
        {
          name: "missing values of cost_per_task",
          status: "pass",
          figure: "0 in control, 0 in candidate (p 1.0)",
          threshold: "p at least 0.001",
          why: "neither lane lacks values more often",
        },
        {
          name: "length of the log",
          status: "pass",
          figure: "the log covers the longest rollout",
          threshold: "1 time",
          why: "no traffic is used twice",
        },
      ],
    },
    traffic: {
      notes: ["redacted before anything was stored: 12 email, 3 phone"],
      imports: [
        {
          role: "traffic",
          files: ["logs/2026-01-05.jsonl"],
          records: 11_862,
          kept: 11_850,
          excluded: 0,
          quarantined: 12,
          reasons: [{ reason: "the time is not a date", count: 12 }],
          notes: ["times without a zone are read as UTC"],
        },
      ],
      requests: 11_850,
      sessions: 4000,
      units: 2912,
      assignBy: "user",
      from: "2026-01-05T00:00:00.000Z",
      until: "2026-01-19T00:00:00.000Z",
      statuses: [
        { lane: "control", status: "ok", requests: 11_838 },
        { lane: "control", status: "error", requests: 10 },
        { lane: "control", status: "skipped", requests: 2 },
        { lane: "candidate", status: "ok", requests: 11_835 },
        { lane: "candidate", status: "error", requests: 9 },
        { lane: "candidate", status: "timeout", requests: 3 },
        { lane: "candidate", status: "skipped", requests: 3 },
      ],
      failures: [
        { lane: "control", status: "error", error: "tool search_help answered 500", requests: 10 },
        { lane: "candidate", status: "error", error: "tool search_help answered 500", requests: 9 },
        { lane: "candidate", status: "timeout", error: "no answer within 30000 ms", requests: 3 },
      ],
      failedSessions: { control: 10, candidate: 12 },
      unmatched: { control: 0, candidate: 0 },
    },
    plan: {
      owner: "agent-platform on-call",
      channel: "#agent-rollouts",
      assignBy: "user",
      salt: "support-agent-2.4",
      primary: "completion_rate",
      guardrails: [
        { key: "completion_rate", margin: "5pp", better: "higher" },
        { key: "tool_error_rate", margin: "x3", better: "lower" },
        { key: "cost_per_task", margin: "20%", better: "lower" },
        { key: "latency_p95", margin: "200 ms", better: "lower" },
        { key: "failure_rate", margin: "1pp", better: "lower" },
      ],
      gates: [
        {
          name: "offline",
          metrics: ["completion_rate"],
          minimumSample: 200,
          passed: true,
          why: "every metric is inside its margin",
        },
      ],
      stages: [
        stage("canary", 0.01, [6, 48], 20),
        stage("early", 0.05, [12, 48], 75),
        stage("quarter", 0.25, [24, 72], 300),
        stage("half", 0.5, [24, 96], 600),
        {
          name: "full",
          exposure: 1,
          minimumHours: null,
          maximumHours: null,
          minimumSample: null,
          lookEveryHours: null,
          looks: 0,
        },
      ],
      rule: { evidence: "fixed", onTimeout: "hold", rollbackFloor: 30, leak: 0.25 },
      budgets: { falseRollback: 0.05, missedRegression: 0.1, falseStop: 0.2 },
    },
    comparison: {
      lanes: ["control", "candidate"],
      level: 0.95,
      sessions: 4000,
      units: 2912,
      metrics: metrics(),
      segments: [refund(), ...harmlessSegments()],
      others: [],
      notes: ["region has 64 values, more than 50: it is not cut into segments"],
    },
    scenarios: [
      scenario(),
      scenario({
        name: "no_change",
        wrong: { kind: "false rollback", rate: rate(0.041), budget: 0.05, verdict: "not separated" },
        falseStop: { rate: rate(0.073), budget: 0.2, verdict: "kept" },
      }),
      atMargin("completion_rate", 0.062),
      atMargin("tool_error_rate", 0.004),
      atMargin("cost_per_task", 0),
      atMargin("latency_p95", 0.047),
      atMargin("failure_rate", 0.055),
      scenario({ name: "segment_broken", note: "harm stated in the project" }),
    ],
    simulation: { replicates: 1000, salts: 40, windowHours: 1, laps: 1, notes: [] },
    limits: [
      "Outcomes are imputed: no user reacts to the candidate, retries, returns or leaves because of it.",
      "Tool results are those of the log; a candidate that would have called a tool otherwise did not see its answer.",
      "The traffic is that of the log; drift since then, novelty and seasonality beyond it are not in these figures.",
    ],
  };
}

function stage(
  name: string,
  exposure: number,
  [minimumHours, maximumHours]: readonly [number, number],
  minimumSample: number,
): Result["plan"]["stages"][number] {
  return { name, exposure, minimumHours, maximumHours, minimumSample, lookEveryHours: 2, looks: maximumHours / 2 };
}

export function metrics(): MetricResult[] {
  return [
    metric(),
    metric({
      name: "tool_error_rate",
      kind: "ratio",
      better: "lower",
      control: 0.0212,
      candidate: 0.0241,
      difference: estimate(0.0029, 0.0038),
      relative: estimate(0.137, 0.191),
      pValue: 0.13,
      test: "Welch on units",
      margin: "x3",
    }),
    metric({
      name: "cost_per_task",
      kind: "mean",
      better: "lower",
      measuredIn: "USD",
      control: 0.0421,
      candidate: 0.0387,
      difference: estimate(-0.0034, 0.0007),
      relative: estimate(-0.081, 0.016),
      pValue: 2e-21,
      test: "Welch on units",
      n: { control: 3990, candidate: 3988, pairs: 3981, units: 2906 },
      missing: { control: 10, candidate: 12 },
      margin: "20%",
    }),
    metric({
      name: "latency_p95",
      kind: "quantile",
      better: "lower",
      measuredIn: "ms",
      control: 1842,
      candidate: 1871,
      difference: estimate(29, 67),
      relative: estimate(0.0157, 0.0364),
      pValue: 0.4,
      test: "order statistics",
      n: { control: 3990, candidate: 3988, pairs: 3981, units: 2906 },
      missing: { control: 10, candidate: 12 },
      margin: "200 ms",
    }),
    metric({
      name: "failure_rate",
      better: "lower",
      control: 0.0025,
      candidate: 0.003,
      difference: estimate(0.0005, 0.0023),
      relative: estimate(0.2, 0.98),
      pValue: 0.83,
      paired: { both: 0, controlOnly: 10, candidateOnly: 12, neither: 3978 },
      margin: "1pp",
    }),
  ];
}

/** The segment that the candidate breaks. */
export function refund(): SegmentResult {
  return segment({
    value: "refund",
    control: 0.841,
    candidate: 0.517,
    difference: estimate(-0.324, 0.057),
    n: { control: 478, candidate: 478 },
    pValue: 4e-26,
    pBeyond: 7e-20,
    reading: "beyond",
  });
}

export function harmlessSegments(): SegmentResult[] {
  const values = [
    { attribute: "workflow", value: "billing", n: 905 },
    { attribute: "workflow", value: "delivery", n: 1224 },
    { attribute: "workflow", value: "account", n: 1061 },
    { attribute: "workflow", value: "(missing)", n: 332 },
    { attribute: "tier", value: "free", n: 2711 },
    { attribute: "tier", value: "plus", n: 1040 },
    { attribute: "tier", value: "enterprise", n: 249 },
  ];
  return values.flatMap(({ n, ...own }) => [
    segment({
      ...own,
      n: { control: n, candidate: n },
      difference: estimate(0.003, 0.93 / Math.sqrt(n)),
      ...(n < 400 ? ({ reading: "unresolved", pBeyond: 0.62 } as const) : {}),
    }),
    segment({
      ...own,
      metric: "latency_p95",
      kind: "quantile",
      better: "lower",
      measuredIn: "ms",
      control: 1839,
      candidate: 1866,
      n: { control: n, candidate: n },
      difference: estimate(27, 4200 / Math.sqrt(n)),
      margin: "200 ms",
      ...(n < 600 ? ({ reading: "unresolved", pBeyond: 0.58 } as const) : {}),
    }),
  ]);
}

/** As large as a usual result becomes: 12 metrics, 60 segments, 15 scenarios. */
export function large(): Result {
  const names = Array.from({ length: 12 }, (_, i) => `metric_number_${i}`);
  const segments = Array.from({ length: 60 }, (_, i) =>
    segment({ metric: `metric_number_${i % 12}`, value: `value ${i}` }),
  );
  return result({
    comparison: { metrics: names.map((name) => metric({ name })), segments },
    scenarios: [
      scenario(),
      ...names.map((name) => atMargin(name, 0.05)),
      scenario({ name: "a" }),
      scenario({ name: "b" }),
    ],
  });
}
