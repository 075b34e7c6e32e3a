import { z } from "zod";
import { metricKinds } from "../plan/metric.ts";

const undetermined = z.object({ status: z.literal("undetermined"), reason: z.string() });

/** A value with its interval at a confidence level, or why there is none. */
export const estimateSchema = z.union([
  z.object({ status: z.literal("ok"), value: z.number(), low: z.number(), high: z.number(), level: z.number() }),
  undetermined,
]);

const quantiles = z.object({ p10: z.number(), p50: z.number(), p90: z.number() });
const perLane = z.object({ control: z.number(), candidate: z.number() });
const value = z.number().nullable();

/** How a metric stands against its margin. */
export const readings = ["inside", "beyond", "unresolved", "no margin"] as const;

/** What a metric shows over all sessions and inside a segment alike. */
const shownMetric = {
  kind: z.enum(metricKinds),
  better: z.enum(["higher", "lower"]),
  measuredIn: z.string().optional(),
  control: value,
  candidate: value,
  difference: estimateSchema,
  /** as written in the plan */
  margin: z.string().nullable(),
  reading: z.enum(readings),
};

const metricSchema = z.object({
  /** `metric`, or `metric@attribute=value` for a segment guardrail */
  name: z.string(),
  ...shownMetric,
  relative: estimateSchema,
  /** two-sided, of no difference: McNemar's for proportions, Welch's for the others */
  pValue: z.number().nullable(),
  test: z.string(),
  paired: z
    .object({ both: z.number(), controlOnly: z.number(), candidateOnly: z.number(), neither: z.number() })
    .optional(),
  /** sessions with a value; pairs have one in both lanes; units are those of assignment */
  n: z.object({ control: z.number(), candidate: z.number(), pairs: z.number(), units: z.number() }),
  /** sessions without a value, failed ones included */
  missing: perLane,
});

const segmentSchema = z.object({
  attribute: z.string(),
  value: z.string(),
  metric: z.string(),
  ...shownMetric,
  n: perLane,
  /** Holm over all segments of the metric: of no difference, and of harm within the margin */
  pValue: z.number().nullable(),
  pBeyond: z.number().nullable(),
});

const scenarioSchema = z.object({
  name: z.string(),
  replicates: z.number(),
  salts: z.number(),
  rollback: estimateSchema,
  stop: estimateSchema,
  promote: estimateSchema,
  /** the wrong decision of this scenario; `missed` when the budget is below the whole interval */
  wrong: z
    .object({
      kind: z.enum(["false rollback", "missed regression"]),
      rate: estimateSchema,
      budget: z.number(),
      verdict: z.enum(["kept", "not separated", "missed"]),
    })
    .optional(),
  /** no change, and not promoted */
  falseStop: z
    .object({ rate: estimateSchema, budget: z.number(), verdict: z.enum(["kept", "not separated", "missed"]) })
    .optional(),
  /** from the start to the end of the last controlled stage, or to the stop */
  hoursToDecision: quantiles,
  /** units that the candidate served at least once before everyone got it */
  unitsExposed: quantiles,
  /** sessions that the candidate served worse than the control would have, until then */
  sessionsHarmed: quantiles.optional(),
  /** total loss in a guardrail's metric over the sessions that the candidate served, in the direction of harm */
  costs: z.array(z.object({ metric: z.string(), measuredIn: z.string().optional(), ...quantiles.shape })).optional(),
  byStage: z.array(z.object({ stage: z.string(), rollback: z.number(), stop: z.number(), promote: z.number() })),
  /** shares of all replicates that a guardrail (or `timeout`) rolled back */
  byMetric: z.array(z.object({ metric: z.string(), rollback: z.number() })),
  note: z.string().optional(),
});

/** Everything a report says; fields are added, not renamed. */
export const resultSchema = z.object({
  schemaVersion: z.literal(1),
  name: z.string(),
  run: z.object({
    id: z.string(),
    seed: z.string(),
    planHash: z.string(),
    startedAt: z.string(),
    foretaste: z.string(),
    node: z.string(),
    command: z.string(),
    policies: z.object({ control: z.string(), candidate: z.string() }),
    policyHashes: z.object({ control: z.string(), candidate: z.string() }),
    inputs: z.array(z.object({ role: z.string(), file: z.string(), sha256: z.string() })),
  }),
  verdict: z.object({
    decision: z.enum(["go", "hold", "no-go", "cannot-tell"]),
    reasons: z.array(z.string()),
    exitCode: z.number(),
  }),
  trust: z.object({
    checks: z.array(
      z.object({
        name: z.string(),
        status: z.enum(["pass", "warn", "fail"]),
        figure: z.string(),
        threshold: z.string(),
        why: z.string(),
      }),
    ),
  }),
  traffic: z.object({
    imports: z.array(
      z.object({
        role: z.string(),
        files: z.array(z.string()),
        records: z.number(),
        kept: z.number(),
        excluded: z.number(),
        quarantined: z.number(),
        reasons: z.array(z.object({ reason: z.string(), count: z.number() })),
        notes: z.array(z.string()),
      }),
    ),
    requests: z.number(),
    sessions: z.number(),
    units: z.number(),
    assignBy: z.string(),
    from: z.string(),
    until: z.string(),
    /** stated arrivals in words; hours are then hours of these */
    arrivals: z.string().optional(),
    statuses: z.array(z.object({ lane: z.string(), status: z.string(), requests: z.number() })),
    /** the most frequent messages of failed requests */
    failures: z
      .array(z.object({ lane: z.string(), status: z.string(), error: z.string(), requests: z.number() }))
      .default([]),
    failedSessions: perLane,
    unmatched: perLane,
    /** what else a reader should know of the replay: samples, redaction, labels, lanes that stopped, in words */
    notes: z.array(z.string()).default([]),
  }),
  plan: z.object({
    owner: z.string().optional(),
    channel: z.string().optional(),
    assignBy: z.string(),
    salt: z.string(),
    primary: z.string(),
    guardrails: z.array(z.object({ key: z.string(), margin: z.string(), better: z.enum(["higher", "lower"]) })),
    gates: z.array(
      z.object({
        name: z.string(),
        metrics: z.array(z.string()),
        minimumSample: z.number(),
        passed: z.boolean(),
        why: z.string(),
      }),
    ),
    stages: z.array(
      z.object({
        name: z.string(),
        /** null of a stage that a header or a segment routes to the candidate */
        exposure: z.number().nullable(),
        /** the units that take part, when not everyone does */
        addresses: z.string().optional(),
        /** who must agree to the promotion */
        approval: z.string().optional(),
        minimumHours: z.number().nullable(),
        maximumHours: z.number().nullable(),
        minimumSample: z.number().nullable(),
        lookEveryHours: z.number().nullable(),
        looks: z.number(),
      }),
    ),
    rule: z.object({ evidence: z.string(), onTimeout: z.string(), rollbackFloor: z.number(), leak: z.number() }),
    budgets: z.object({ falseRollback: z.number(), missedRegression: z.number(), falseStop: z.number() }),
  }),
  comparison: z.object({
    lanes: z.array(z.string()),
    level: z.number(),
    sessions: z.number(),
    units: z.number(),
    metrics: z.array(metricSchema),
    segments: z.array(segmentSchema),
    /** further pairs of lanes: the noise floor (control, control_again), what production logged against its replay */
    others: z.array(z.object({ lanes: z.array(z.string()), metrics: z.array(metricSchema) })).default([]),
    /** attributes that were not cut into segments, and why */
    notes: z.array(z.string()),
  }),
  scenarios: z.array(scenarioSchema),
  simulation: z.object({
    replicates: z.number(),
    salts: z.number(),
    windowHours: z.number(),
    /** times the plan goes around the log at most */
    laps: z.number(),
    /** times of the log at which rollouts start */
    starts: z.number().optional(),
    notes: z.array(z.string()),
  }),
  limits: z.array(z.string()),
});

export type Result = z.infer<typeof resultSchema>;
export type MetricResult = z.infer<typeof metricSchema>;
export type SegmentResult = z.infer<typeof segmentSchema>;
export type ScenarioResult = z.infer<typeof scenarioSchema>;
export type EstimateResult = z.infer<typeof estimateSchema>;
