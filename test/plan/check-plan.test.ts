import { describe, expect, it } from "vitest";
import { checkPlan, notChecked } from "../../plan/check-plan.ts";
import { readDocument } from "../../plan/document.ts";
import type { Baseline, Finding, PlanFacts, TrafficFacts } from "../../plan/finding.ts";
import type { Metric } from "../../plan/metric.ts";
import { parsePlan } from "../../plan/parse-plan.ts";
import { controlledStages, type Plan } from "../../plan/plan.ts";
import type { PlanContext } from "../../plan/plan-context.ts";
import { hour } from "../support/plan.ts";
import { context } from "../support/plan-context.ts";
import golden from "./bad-plans.json" with { type: "json" };

/** A plan in which there is nothing to find. */
const sober = `owner: agent-platform on-call
channel: "#agent-rollouts"
assignBy: user
salt: support-agent-2.4
primary: completion_rate
margins:
  completion_rate: 5pp
  completion_rate@workflow=refund: 10pp
  cost_per_task: 20%
stages:
  - { name: early, exposure: 5%, duration: { min: 24h, max: 4d }, minimumSample: 1000, lookEvery: 6h }
  - { name: half, exposure: 50%, duration: { min: 6d, max: 10d }, minimumSample: 10000, lookEvery: 12h }
  - { name: full, exposure: 100%, hotStandby: 48h }
rule: { evidence: sequential, onTimeout: hold, rollbackFloor: 100 }
`;

const day = 24 * hour;

/** 20,000 new units a day for thirty days, of one session each. */
const steady: TrafficFacts = {
  spanMs: 30 * day,
  units: 600_000,
  sessions: 600_000,
  arrived: [{ withinMs: 30 * day, units: 600_000 }],
  taking: [1, 1, 1, 1],
  weekend: 0.95,
};

const estimates: Readonly<Record<string, Baseline>> = {
  completion_rate: baseline(0.75, Math.sqrt(0.1875)),
  "completion_rate@workflow=refund": { ...baseline(0.7, Math.sqrt(0.21)), share: 0.12 },
  cost_per_task: baseline(0.033, 0.05),
  failure_rate: baseline(0, 0),
};

function baseline(estimate: number, deviation: number, units = 40_000): Baseline {
  return { estimate, standardError: deviation / Math.sqrt(units), units, effectiveSample: units, share: 1 };
}

interface Case {
  /** what is written instead of a part of the sober plan */
  readonly edits?: Readonly<Record<string, string>>;
  readonly facts?: Partial<PlanFacts>;
  readonly traffic?: Partial<TrafficFacts>;
  readonly values?: Readonly<Record<string, Baseline | undefined>>;
  readonly metrics?: readonly Metric[];
  /** without any recorded traffic */
  readonly unmeasured?: boolean;
}

const metricsOf = (own: readonly Metric[]): PlanContext => ({ ...context, metrics: [...own, ...context.metrics] });

function planOf({ edits = {}, metrics = [] }: Case): { plan: Plan; place: (path: readonly PropertyKey[]) => string } {
  const text = Object.entries(edits).reduce((whole, [from, to]) => {
    expect(whole.split(from), from).toHaveLength(2);
    return whole.replace(from, () => to);
  }, sober);
  const document = readDocument(text, "plan.yaml");
  return { plan: parsePlan(document, metricsOf(metrics)), place: (path) => document.place(path) };
}

function factsOf(plan: Plan, { facts, traffic, values, unmeasured }: Case): PlanFacts {
  const known = { ...estimates, ...values };
  return {
    attributes: context.attributes,
    hasUsers: true,
    pastSalts: [],
    ...(unmeasured
      ? {}
      : {
          traffic: { ...steady, ...traffic },
          baselines: controlledStages(plan).map(() => plan.guardrails.map(({ key }) => known[key])),
        }),
    ...facts,
  };
}

function check(own: Case = {}): (Finding & { readonly place: string })[] {
  const { plan, place } = planOf(own);
  return checkPlan(plan, factsOf(plan, own)).map((finding) => ({ ...finding, place: place(finding.path) }));
}

const names = (findings: readonly Finding[]) => findings.map(({ check: own, severity }) => `${severity} ${own}`).sort();

describe("a sober plan", () => {
  it("has nothing to find on steady traffic, and nothing is left out", () => {
    expect(check()).toEqual([]);
    const { plan } = planOf({});
    expect(notChecked(plan, factsOf(plan, {}))).toEqual([]);
  });

  it("has nothing to find without traffic, and says what was not looked at", () => {
    expect(check({ unmeasured: true })).toEqual([]);
    const { plan } = planOf({});
    expect(notChecked(plan, factsOf(plan, { unmeasured: true }))).toEqual([
      {
        what: "samples, power, durations and looks against the recorded traffic",
        why: "no run of these inputs is measured yet; measure one first: foretaste compare",
      },
    ]);
  });
});

describe("what cannot be looked at", () => {
  it("is named: labels that are waited for, and users of a plan that assigns by session", () => {
    const own: Case = {
      edits: { "assignBy: user": "assignBy: session" },
      facts: { waitingForLabels: ["completion_rate", "other"] },
    };
    const { plan } = planOf(own);
    expect(notChecked(plan, factsOf(plan, own))).toEqual([
      {
        what: "when completion_rate is known",
        why: "only the labels of a replayed log tell; replay it first: foretaste compare",
      },
      { what: "how many sessions a user has", why: "a run whose plan assigns by session keeps no users" },
    ]);
  });

  it("is not asked of a log without users, or of users with one session each", () => {
    const edits = { "assignBy: user": "assignBy: session" };
    expect(check({ edits, facts: { hasUsers: false } })).toEqual([]);
    expect(check({ edits, traffic: { sessionsPerUser: 1.001 } })).toEqual([]);
    expect(names(check({ edits }))).toEqual(["warning session-assignment"]);
  });
});

const stateOf = (name: string, rest: Partial<Metric> = {}): Metric =>
  ({ name, kind: "mean", value: "x", better: "lower", matureAfterMs: 0, whenFailed: "missing", ...rest }) as Metric;

/** Each with the line at which it stands, and what its text must say. */
const cases: readonly (readonly [string, Case, string, number, RegExp])[] = [
  ["no owner", { edits: { "owner: agent-platform on-call\n": "" } }, "error no-owner", 1, /no owner is named/],
  ["no channel", { edits: { 'channel: "#agent-rollouts"\n': "" } }, "warning no-channel", 1, /no channel is named/],
  [
    "a gate that nobody owns",
    {
      edits: { "stages:\n": "gates: [{ name: offline, metrics: [completion_rate], minimumSample: 200 }]\nstages:\n" },
    },
    "warning gate-without-owner",
    10,
    /gates\[0\] offline has no owner/,
  ],
  [
    "an approval that never lapses",
    { edits: { "lookEvery: 6h }": "lookEvery: 6h, approval: { by: release manager } }" } },
    "warning approval-without-timeout",
    11,
    /waits for release manager without an end.*timeout: 4h/,
  ],
  [
    "a salt of another candidate",
    { facts: { pastSalts: [{ salt: "support-agent-2.4", plan: "2.3 → 2.4b", frozenAt: "2026-01-05" }] } },
    "error salt-used-before",
    4,
    /used by 2\.3 → 2\.4b, frozen at 2026-01-05/,
  ],
  [
    "sessions of users that have several",
    { edits: { "assignBy: user": "assignBy: session" }, traffic: { sessionsPerUser: 2.34 } },
    "warning session-assignment",
    3,
    /a user has 2\.34 sessions; write assignBy: user/,
  ],
  [
    "an attribute that changes inside a session",
    { edits: { "assignBy: user": "assignBy: tier" }, traffic: { changingSessions: 1234 } },
    "error changing-unit",
    3,
    /assignBy is tier, which changes inside 1,234 sessions/,
  ],
  [
    "a stage that is routed by a header",
    {
      edits: {
        "stages:\n": "stages:\n  - { name: internal, header: 'x-canary: always', duration: { max: 24h } }\n",
      },
    },
    "warning routed-stage",
    11,
    /sends all of x-canary: always to the candidate: nothing is compared/,
  ],
  [
    "a first stage of a fifth",
    { edits: { "exposure: 5%": "exposure: 20%" } },
    "warning first-exposure",
    11,
    /begins with 20% of all units/,
  ],
  [
    "a jump from 1 % to half",
    { edits: { "exposure: 5%": "exposure: 1%", "minimumSample: 1000,": "minimumSample: 250," } },
    "warning exposure-jump",
    12,
    /exposes 50%, 50 times the 1% before it; put a stage of about 7%/,
  ],
  [
    "an end at half",
    { edits: { "  - { name: full, exposure: 100%, hotStandby: 48h }\n": "" } },
    "warning no-full-stage",
    12,
    /ends at 50%, without a stage of 100%/,
  ],
  [
    "no hot standby",
    { edits: { "exposure: 100%, hotStandby: 48h": "exposure: 100%" } },
    "warning no-hot-standby",
    13,
    /keeps no hot standby.*hotStandby: 48h/,
  ],
  [
    "no margin for a segment",
    { edits: { "  completion_rate@workflow=refund: 10pp\n": "" } },
    "warning no-segment-guardrail",
    6,
    /the traffic has workflow and tier; .* completion_rate@workflow=…: twice 5pp/,
  ],
  [
    "onTimeout: promote in the rule",
    { edits: { "onTimeout: hold": "onTimeout: promote" } },
    "error timeout-promotes",
    14,
    /rule\.onTimeout is promote.*missedRegression: 10% is void/,
  ],
  [
    "onTimeout: promote in a stage",
    { edits: { "lookEvery: 6h": "lookEvery: 6h, onTimeout: promote" } },
    "error timeout-promotes",
    11,
    /stages\[0\]\.onTimeout is promote/,
  ],
  [
    "onTimeout: rollback with a smaller budget",
    { edits: { "onTimeout: hold": "onTimeout: rollback" } },
    "warning timeout-rolls-back",
    14,
    /up to 20% of unchanged releases may be stopped while 5% may be rolled back/,
  ],
  [
    "a leak of three quarters",
    { edits: { "rollbackFloor: 100": "rollbackFloor: 100, leak: 75%" } },
    "warning leaky-stages",
    14,
    /passes the stage before the last one in 75% of rollouts; write leak: 50% or less/,
  ],
  [
    "so many tests that each has a tiny level",
    {
      edits: { "rollbackFloor: 100": "rollbackFloor: 100, weights: { completion_rate: 40 }" },
    },
    "warning small-levels",
    6,
    /4 guardrails in 2 stages share falseRollback: 5%, which leaves 0\.0581% to completion_rate@workflow=refund in early/,
  ],
  [
    "a minimum of six hours",
    { edits: { "min: 24h": "min: 6h", "min: 6d": "min: 7d" } },
    "warning partial-day",
    11,
    /^early may be promoted after 6h, less than a day; write a min of 24h or more; Day and night/,
  ],
  [
    "minima of some hours, also in the last stage",
    {
      edits: { "min: 24h": "min: 6h", "min: 6d, max: 10d": "min: 12h, max: 60h" },
      traffic: { weekend: 1 },
      values: { cost_per_task: baseline(0.033, 0.01) },
    },
    "warning partial-day",
    11,
    /^early may be promoted after 6h and half after 12h, less than a day; .*, at least in half, which is the last one/,
  ],
  [
    "a plan that may end before the weekend",
    { edits: { "min: 6d": "min: 5d" } },
    "warning partial-week",
    12,
    /may be passed in 6d, less than a week; raise the last min by 24h/,
  ],
  [
    "a short plan on traffic with weekends",
    {
      edits: { "min: 6d, max: 10d": "min: 2d, max: 60h", "min: 24h, max: 4d": "min: 24h, max: 60h" },
      traffic: { weekend: 0.41 },
    },
    "warning partial-week",
    12,
    /a day of the weekend has 0\.41 times the sessions of a weekday/,
  ],
  [
    "a metric that is known after the stage",
    {
      edits: { "  cost_per_task: 20%": "  solved: 5pp" },
      metrics: [stateOf("solved", { kind: "proportion", better: "higher", matureAfterMs: 5 * day } as Partial<Metric>)],
      values: { solved: baseline(0.5, 0.5) },
    },
    "error never-mature",
    11,
    /ends after 4d, and solved is known only 5d after a session's end/,
  ],
  [
    "a metric that is known after the minimum",
    {
      edits: { "  cost_per_task: 20%": "  solved: 5pp" },
      metrics: [stateOf("solved", { kind: "proportion", better: "higher", matureAfterMs: 2 * day } as Partial<Metric>)],
      values: { solved: baseline(0.5, 0.5) },
    },
    "warning late-maturity",
    11,
    /lasts at least 24h, and solved is known only 2d after/,
  ],
  [
    "a stage with one look",
    { edits: { "lookEvery: 6h": "lookEvery: 4d" } },
    "warning single-look",
    11,
    /is looked at once, after 4d; write lookEvery: 12h/,
  ],
  [
    "a log that is shorter than the plan",
    { traffic: { spanMs: 7 * day, arrived: [{ withinMs: 7 * day, units: 140_000 }] } },
    "warning longer-than-log",
    10,
    /the stages may last 14d, the log 7d/,
  ],
  [
    "a minimum sample below the rollback's",
    {
      edits: { "minimumSample: 10000": "minimumSample: 2000", "lookEvery: 12h": "lookEvery: 12h, rollbackFloor: 3000" },
    },
    "warning promotes-before-rollback",
    12,
    /minimumSample is 2,000, and nothing rolls back below 3,000 units/,
  ],
  [
    "a look for every handful of units",
    {
      edits: {
        "lookEvery: 6h": "lookEvery: 6h, rollbackFloor: 30, where: { tier: pro }",
        "minimumSample: 1000,": "minimumSample: 70,",
        "completion_rate: 5pp": "completion_rate: 20pp",
        "refund: 10pp": "refund: 60pp",
        "20%": "x3\n  failure_rate: 30pp",
      },
      traffic: { taking: [0.02, 1] },
      values: Object.fromEntries(Object.entries(estimates).map(([key, own]) => [key, { ...own, share: 0.02 }])),
    },
    "warning few-units-per-look",
    12,
    /each of the 16 looks of stages\[0\] early brings 5 new units to its smaller arm; write lookEvery: 12h, which brings 10/,
  ],
  [
    "a rollback floor that takes days",
    { edits: { "lookEvery: 6h": "lookEvery: 6h, rollbackFloor: 1900" } },
    "warning rollback-floor-late",
    11,
    /rolls back from 1,900 units in each arm on, which its smaller arm has only after 2d/,
  ],
  [
    "a rollback floor that is never reached",
    { edits: { "lookEvery: 6h": "lookEvery: 6h, rollbackFloor: 5000" } },
    "error rollback-floor-late",
    11,
    /which its smaller arm has never/,
  ],
  [
    "a rollback on 42 units",
    {
      edits: { "lookEvery: 6h": "lookEvery: 1h", "rollbackFloor: 100": "rollbackFloor: 30" },
    },
    "warning rollback-floor-low",
    14,
    /the smaller arm of early has 42 units after 1h, enough to roll back; write rollbackFloor: 50/,
  ],
  [
    "a minimum sample that does not come",
    { edits: { "minimumSample: 1000,": "minimumSample: 5000," } },
    "error sample-out-of-reach",
    11,
    /minimumSample is 5,000, and the smaller arm of early gets 4,000 units in 4d.*; write a max of 5d/,
  ],
  [
    "a share of a control that is zero",
    { values: { cost_per_task: baseline(0, 1) } },
    "error margin-of-nothing",
    9,
    /the margin of cost_per_task is 20% of the control, whose value in the log is 0/,
  ],
  [
    "a margin that allows to lose everything",
    { values: { completion_rate: baseline(0.04, 0.2) } },
    "error margin-of-everything",
    7,
    /the margin of completion_rate is 5pp, and control has 4% in the log.*as 2pp/,
  ],
];

describe("one finding each, with place and figures:", () => {
  it.each(cases)("%s", (_, own, name, line, text) => {
    const findings = check(own);
    const found = findings.filter(({ check: kind, severity }) => `${severity} ${kind}` === name);
    expect(names(findings)).toContain(name);
    expect(found).toHaveLength(1);
    const [{ place, problem, reason, fix }] = found as [Finding & { place: string }];
    expect(place).toBe(`plan.yaml:${line}`);
    expect(`${problem}; ${fix}; ${reason}`).toMatch(text);
    expect(problem).not.toMatch(/\.$/);
    expect(reason).toMatch(/^[A-Z].*\.$/);
  });

  it.each(cases)("%s brings no other error", (_, own, name) => {
    const others = check(own).filter(({ check: kind, severity }) => severity === "error" && `error ${kind}` !== name);
    expect(others).toEqual([]);
  });
});

describe("a sample", () => {
  // 5 % of one-session units: ((z(.25) + z(.2))/0.05)² · p(1−p) · … by the golden numbers of scipy: 18,312 units at 1 %
  it("that cannot show a margin is named with the units and the time that it takes", () => {
    const [first, ...others] = check({
      edits: { "exposure: 5%": "exposure: 1%", "minimumSample: 1000,": "minimumSample: 120,", "max: 4d": "max: 8d" },
      traffic: { taking: [1, 1] },
      values: {
        "completion_rate@workflow=refund": { ...baseline(0.7, Math.sqrt(0.21)), share: 1 },
        cost_per_task: baseline(0.033, 0.01),
      },
    }).filter(({ check: kind }) => kind === "small-minimum-sample");
    expect(others).toEqual([]);
    // 18,312 units of both arms are 183.1 of the candidate, and 190 of it come in 0.95 days
    expect(first?.problem).toBe(
      "stages[0].minimumSample is 120, too few to show completion_rate inside 5pp (190) in 80% of rollouts without a change",
    );
    expect(first?.fix).toMatch(
      /^write minimumSample: 190 \(units of the candidate: 22\.8h at 1% of the recorded traffic/,
    );
    expect(first?.place).toBe("plan.yaml:11");
  });

  it("of a whole stage that cannot show a margin is an error, and no further one says so of the plan", () => {
    const findings = check({ values: { cost_per_task: baseline(0.033, 1) } });
    const short = findings.filter(({ check: kind }) => kind === "too-short-for-margin");
    expect(short.map(({ place }) => place)).toEqual(["plan.yaml:11", "plan.yaml:12"]);
    expect(short[0]?.problem).toMatch(
      /shows cost_per_task inside 20% in at most [\d.]+% of rollouts without a change, in 4d/,
    );
    expect(names(findings)).not.toContain("error stages-stop-too-often");
  });

  it("that suffices in each stage may stop too many releases in all", () => {
    const [error, ...others] = check({
      edits: { "minimumSample: 10000": "minimumSample: 4000", "exposure: 50%": "exposure: 6%" },
      values: { cost_per_task: baseline(0.033, 0.22) },
    });
    expect(names(others).filter((name) => name.startsWith("error"))).toEqual([]);
    expect(error).toMatchObject({ check: "stages-stop-too-often", severity: "error", path: ["budgets", "falseStop"] });
    expect(error?.problem).toMatch(
      /^at most 7\d\.\d% of releases without a change pass all 2 stages on the recorded traffic, and falseStop: 20% promises 80%$/,
    );
  });

  it("of a guardrail without a value is not checked, and that is said", () => {
    const own = { values: { cost_per_task: undefined } };
    expect(check(own)).toEqual([]);
    const { plan } = planOf(own);
    expect(notChecked(plan, factsOf(plan, own)).map(({ what }) => what)).toEqual(["the sample of cost_per_task"]);
  });
});

describe("repeated looks without a correction", () => {
  it("are a warning with their real error rates", () => {
    const [finding] = check({ edits: { "evidence: sequential": "evidence: fixed" }, unmeasured: true });
    expect(finding).toMatchObject({ check: "repeated-looks", severity: "warning", place: "plan.yaml:14" });
    expect(finding?.problem).toMatch(
      /looked at 16 and 20 times: the test of completion_rate in half has a level of 0\.625% at each look and rejects at one of them in 3\.89%/,
    );
  });

  it("are an error when one guardrail of the first stage alone exceeds the budget", () => {
    const severity = (deviation: number) =>
      check({
        edits: {
          "evidence: sequential": "evidence: fixed",
          "lookEvery: 6h": "lookEvery: 1h",
          "rollbackFloor: 100": "rollbackFloor: 50, weights: { cost_per_task: 20 }",
        },
        values: { cost_per_task: baseline(0.033, deviation) },
      }).find(({ check: kind }) => kind === "repeated-looks")?.severity;
    // a cost that varies much passes late: until then every look may roll back
    expect(severity(0.005)).toBe("warning");
    expect(severity(0.5)).toBe("error");
  });

  it("are none when each stage is looked at once", () => {
    const once = {
      "lookEvery: 6h": "lookEvery: 4d",
      "lookEvery: 12h": "lookEvery: 10d",
      "evidence: sequential": "evidence: fixed",
    };
    expect(names(check({ edits: once, unmeasured: true }))).toEqual(["warning single-look", "warning single-look"]);
  });

  it("count from the rollback floor on, once the traffic is known", () => {
    const of = (own: Case) => check({ edits: { "evidence: sequential": "evidence: fixed" }, ...own })[0]?.problem ?? "";
    const total = (text: string) => Number(/up to ([\d.]+)% of these/.exec(text)?.[1]);
    expect(total(of({}))).toBeLessThan(total(of({ unmeasured: true })) + 1e-9);
  });

  it("of point estimates are an error, with the chance of a false rollback on the traffic", () => {
    const edits = { "evidence: sequential": "evidence: point" };
    expect(check({ edits, unmeasured: true })[0]?.problem).toBe(
      "evidence is point: estimates are compared with margins as if they were exact",
    );
    expect(check({ edits })[0]?.problem).toMatch(
      /on the recorded traffic up to [\d.]+% of unchanged releases are rolled back/,
    );
  });
});

describe("only infrastructure", () => {
  const fast = stateOf("latency_ms", { measuredIn: "ms" });
  const only = (metric: Metric): Case => ({
    edits: {
      "primary: completion_rate": `primary: ${metric.name}`,
      "  completion_rate: 5pp\n": "",
      "  completion_rate@workflow=refund: 10pp\n": `  ${metric.name}@workflow=refund: 20%\n  ${metric.name}: 20%\n`,
    },
    metrics: [metric],
    unmeasured: true,
  });

  it.each([
    ["a latency", fast],
    ["a duration by its unit alone", stateOf("wait", { measuredIn: "s" })],
    ["tokens by their expression alone", stateOf("volume", { value: "sum(tokensOut)" } as Partial<Metric>)],
  ])("is found when there is nothing but costs and %s", (_, metric) => {
    const [finding, ...others] = check(only(metric));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ check: "only-infrastructure", severity: "warning", place: "plan.yaml:6" });
    expect(finding?.problem).toBe(
      `${metric.name}, cost_per_task and failure_rate say how the candidate runs, and no margin guards what users get`,
    );
  });

  it.each([
    ["something is better when higher", stateOf("rating", { better: "higher" })],
    ["less of it is better, but it is about answers", stateOf("sentiment_drop")],
    [
      "it is a composition of answers",
      stateOf("shift", { kind: "calibration-error", probability: "p", outcome: "o", bins: 10 } as Partial<Metric>),
    ],
  ])("is not found when %s", (_, metric) => {
    const margin = metric.kind === "calibration-error" ? { "  cost_per_task: 20%": "  cost_per_task: 20%" } : {};
    const own = only(metric);
    expect(names(check({ ...own, edits: { ...own.edits, ...margin } }))).not.toContain("warning only-infrastructure");
  });
});

describe("a count of what passes a fixed number", () => {
  const counting = (value: string): Metric => ({
    name: "slow_share",
    kind: "mean",
    value,
    better: "lower",
    matureAfterMs: 0,
    whenFailed: "missing",
  });
  const found = (value: string) =>
    check({
      edits: { "  cost_per_task: 20%": "  cost_per_task: 20%\n  slow_share: 20%" },
      metrics: [counting(value)],
      unmeasured: true,
    }).filter((own) => own.check === "static-threshold");

  it.each([
    ["avg(case when latency_ms > 2000 then 1 else 0 end)", "latency_ms > 2000"],
    ["count(*) filter (where score<=.5)", "score<=.5"],
    ["count(*) filter (where 0.7 < score)", "0.7 < score"],
    ["sum(cast(tokens >= 4096 as integer))", "tokens >= 4096"],
  ])("is named with the number: %s", (value, shown) => {
    const [finding, ...others] = found(value);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: "warning", path: ["margins", "slow_share"] });
    expect(finding?.problem).toContain(`(${shown})`);
  });

  it.each([
    "sum(errors)",
    "avg(cast(errors > 0 as integer))",
    "avg(cast(calls >= 1 as integer))",
    "max(note = 'a > 5')",
    "avg(a - b)",
  ])("is not what asks whether there is any, nor a text: %s", (value) => {
    expect(found(value)).toEqual([]);
  });
});

describe("the plan that parses in every test of bad plans", () => {
  const document = readDocument(`${golden.plan.join("\n")}\n`, "plan.yaml");
  const plan = parsePlan(document, context);

  it("has what is known of it, and nothing else", () => {
    const findings = checkPlan(plan, factsOf(plan, { unmeasured: true }));
    expect(findings.map(({ check: kind, severity, path }) => `${document.place(path)} ${severity} ${kind}`)).toEqual([
      "plan.yaml:16 warning exposure-jump",
      "plan.yaml:18 warning repeated-looks",
      "plan.yaml:15 warning partial-day",
    ]);
  });
});
