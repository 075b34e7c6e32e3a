import type { Comparison, MetricComparison, SegmentComparison } from "../analysis/compare.ts";
import type { OperatingCharacteristics } from "../analysis/operating-characteristics.ts";
import { looksOf, type Plan, type Stage, segmentsInWords } from "../plan/plan.ts";
import type { Outcomes } from "../shadow/outcomes.ts";
import type { MetricResult, Result, ScenarioResult, SegmentResult } from "./result.ts";
import type { TrustCheck } from "./trust.ts";
import { judgeGates, verdictOf } from "./verdict.ts";

/** Everything that a rehearsal found, before it is put into words. */
export interface Findings {
  readonly name: string;
  readonly run: Result["run"];
  readonly plan: Plan;
  readonly trust: readonly TrustCheck[];
  readonly traffic: Result["traffic"];
  readonly outcomes: Outcomes;
  readonly comparison: Comparison;
  readonly compared?: ComparedLanes | undefined;
  readonly others?: readonly OtherComparison[] | undefined;
  readonly scenarios: readonly OperatingCharacteristics[];
  readonly simulation: Result["simulation"];
}

const exitCodes = { go: 0, hold: 10, "no-go": 11, "cannot-tell": 12 } as const;

/** The result of a rehearsal: all that a report says, as plain data. */
export function buildResult(findings: Findings): Result {
  const { name, run, plan, trust, traffic, comparison, scenarios, simulation, outcomes } = findings;
  const gates = judgeGates(plan, comparison);
  const { decision, reasons } = verdictOf(plan, trust, comparison, scenarios, gates);
  return {
    schemaVersion: 1,
    name,
    run,
    verdict: { decision, reasons: [...reasons], exitCode: exitCodes[decision] },
    trust: { checks: trust.map((check) => ({ ...check })) },
    traffic,
    plan: planResult(plan, gates),
    comparison: comparisonResult(comparison, outcomes, findings.compared, findings.others),
    scenarios: scenarios.map(scenarioResult),
    simulation,
    limits: limitsOf(findings),
  };
}

function planResult(plan: Plan, gates: ReturnType<typeof judgeGates>): Result["plan"] {
  return {
    ...(plan.owner === undefined ? {} : { owner: plan.owner }),
    ...(plan.channel === undefined ? {} : { channel: plan.channel }),
    assignBy: plan.assignBy,
    salt: plan.salt,
    primary: plan.primary,
    guardrails: plan.guardrails.map(({ key, written, metric }) => ({ key, margin: written, better: metric.better })),
    gates: gates.map((gate) => ({ ...gate, metrics: [...gate.metrics] })),
    stages: plan.stages.map(stageResult),
    rule: { ...plan.rule },
    budgets: { ...plan.budgets },
  };
}

function stageResult(stage: Stage): Result["plan"]["stages"][number] {
  const hours = (ms: number) => ms / 3_600_000;
  const untested = { minimumHours: null, maximumHours: null, minimumSample: null, lookEveryHours: null, looks: 0 };
  if (stage.kind === "full") return { name: stage.name, exposure: 1, ...untested };
  const { name, where, approval } = stage;
  const common = { name, ...(approval ? { approval: approval.by } : {}) };
  if (stage.kind === "routed") {
    const addresses = stage.header === undefined ? segmentsInWords(where) : `header ${stage.header}`;
    return { ...common, exposure: null, addresses, ...untested, maximumHours: hours(stage.durationMs) };
  }
  return {
    ...common,
    exposure: stage.exposure,
    ...(where.length === 0 ? {} : { addresses: segmentsInWords(where) }),
    minimumHours: hours(stage.minimumMs),
    maximumHours: hours(stage.maximumMs),
    minimumSample: stage.minimumSample,
    lookEveryHours: hours(stage.lookEveryMs),
    looks: looksOf(stage),
  };
}

/** The lanes that stand for control and candidate. */
export interface ComparedLanes {
  readonly control: string;
  readonly candidate: string;
}

/** A comparison of two other lanes. */
export interface OtherComparison {
  readonly lanes: ComparedLanes;
  readonly comparison: Comparison;
}

/** A comparison as plain data. */
export function comparisonResult(
  { level, metrics, segments, notes }: Comparison,
  outcomes: Outcomes,
  { control, candidate }: ComparedLanes = { control: "control", candidate: "candidate" },
  others: readonly OtherComparison[] = [],
): Result["comparison"] {
  return {
    lanes: [control, candidate],
    level,
    sessions: outcomes.sessions.length,
    units: outcomes.unitNames.length,
    metrics: metrics.map(metricResult),
    segments: segments.map(segmentResult),
    others: others.map((own) => ({
      lanes: [own.lanes.control, own.lanes.candidate],
      metrics: own.comparison.metrics.map(metricResult),
    })),
    notes: [...notes],
  };
}

function common({ outcomes: { metric }, control, candidate, difference, guardrail, reading }: MetricComparison) {
  return {
    kind: metric.kind,
    better: metric.better,
    ...(metric.measuredIn === undefined ? {} : { measuredIn: metric.measuredIn }),
    control: finite(control.estimate),
    candidate: finite(candidate.estimate),
    difference,
    margin: guardrail?.written ?? null,
    reading,
  };
}

function metricResult(own: MetricComparison): MetricResult {
  const { name, control, candidate, relative, pValue, test, paired, pairs } = own;
  return {
    name,
    ...common(own),
    relative,
    pValue,
    test,
    ...(paired === undefined ? {} : { paired: { ...paired } }),
    n: { control: control.sessions, candidate: candidate.sessions, pairs, units: Math.max(control.n, candidate.n) },
    missing: { control: control.missing, candidate: candidate.missing },
  };
}

function segmentResult(own: SegmentComparison): SegmentResult {
  return {
    attribute: own.segment.attribute,
    value: own.segment.value,
    metric: own.name,
    ...common(own),
    n: { control: own.control.sessions, candidate: own.candidate.sessions },
    ...own.adjusted,
  };
}

/** Operating characteristics as plain data. */
export function scenarioResult({
  scenario,
  byStage,
  byMetric,
  costs,
  ...characteristics
}: OperatingCharacteristics): ScenarioResult {
  return {
    name: scenario.name,
    ...characteristics,
    byStage: [...byStage],
    byMetric: [...byMetric],
    costs: [...costs],
    ...noteOf(scenario),
  };
}

/** What the project's own scenarios are; those of every rehearsal have words of their own. */
function noteOf(scenario: OperatingCharacteristics["scenario"]): Pick<ScenarioResult, "note"> {
  if (scenario.kind === "own") return { note: `a module of the project${scenario.story ? `: ${scenario.story}` : ""}` };
  if (scenario.kind !== "harm" || scenario.atMargin !== undefined) return {};
  const { name, story } = scenario;
  if (name.startsWith("at_margin:")) return story === undefined ? {} : { note: story };
  return { note: `harm stated in the project${story === undefined ? "" : `: ${story}`}` };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function limitsOf({ traffic: { arrivals, imports }, simulation }: Findings): string[] {
  return [
    "Outcomes are imputed: no user reacts to the candidate, retries, returns or leaves because of it.",
    "Tool results are those of the log; a candidate that would have called a tool otherwise did not see its answer.",
    "Sessions do not interfere: load, caches and shared limits that a larger exposure would strain are not simulated.",
    "The traffic is that of the log; drift since then, novelty and seasonality beyond it are not in these figures.",
    "A label that arrives later than its metric's matureAfter says is taken as known.",
    ...((simulation.starts ?? 1) > 1 ? [] : ["Every rollout starts with the log's first window."]),
    ...(arrivals === undefined
      ? []
      : [`The log has no times: every hour shown is an hour of stated arrivals (${arrivals}).`]),
    ...(simulation.laps > 1
      ? [
          `The plan may last longer than the log: it goes around up to ${simulation.laps} times with new units, and rates that rest on later laps are not certified.`,
        ]
      : []),
    ...imports.flatMap(({ role, notes }) => notes.map((note) => `${role}: ${note}.`)),
  ];
}
