import type { Look, MetricLook } from "../../plan/decide.ts";
import { parseMargin } from "../../plan/margin.ts";
import type { Metric } from "../../plan/metric.ts";
import type { Guardrail, Plan, Rule, Segment, Stage } from "../../plan/plan.ts";
import type { ArmReading, Arms } from "../../plan/reading.ts";
import { success } from "./traffic.ts";

export const hour = 3_600_000;

/** A guardrail with its margin as a plan would write it. */
export function guardrail(metric: Metric, written: string, segment?: Segment): Guardrail {
  const margin = parseMargin(written, metric);
  if ("problem" in margin) throw new RangeError(margin.problem);
  const key = segment ? `${metric.name}@${segment.attribute}=${segment.value}` : metric.name;
  return { key, metric, margin, written, spending: { kind: "pocock" }, weight: 1, ...(segment ? { segment } : {}) };
}

/** Controlled stages at these exposures, of 6 to 48 hours and 100 units in each arm, then everyone. */
export function stages(exposures: readonly number[]): Stage[] {
  return [
    ...exposures.map((exposure) => ({
      kind: "controlled" as const,
      name: `${exposure * 100}%`,
      exposure,
      where: [],
      weight: 1,
      minimumMs: 6 * hour,
      maximumMs: 48 * hour,
      minimumSample: 100,
      lookEveryMs: 6 * hour,
    })),
    { kind: "full", name: "everyone", hotStandbyMs: 0 },
  ];
}

export function plan({
  guardrails = [guardrail(success, "5pp")],
  exposures = [0.5],
  rule = {},
  ...others
}: Partial<Omit<Plan, "rule" | "stages">> & {
  readonly exposures?: readonly number[];
  readonly rule?: Partial<Rule>;
} = {}): Plan {
  return {
    assignBy: "user",
    salt: "salt",
    primary: guardrails[0]?.key ?? "",
    guardrails,
    gates: [],
    stages: stages(exposures),
    rule: { evidence: "fixed", onTimeout: "hold", rollbackFloor: 30, leak: 0.25, ...rule },
    budgets: { falseRollback: 0.05, missedRegression: 0.1, falseStop: 0.2 },
    ...others,
  };
}

/** One arm of a metric; `effectiveSample` matters for proportions only. */
export function arm(estimate: number, { standardError = 0.01, effectiveSample = 1000 } = {}): ArmReading {
  return { estimate, standardError, effectiveSample };
}

/** A look at which nothing but the metrics speaks: time and sample are reached, the split is as planned. */
export function look(
  metrics: readonly (Arms<ArmReading> & Partial<MetricLook>)[],
  { units = { control: 1000, candidate: 1000 }, ...others }: Partial<Omit<Look, "metrics">> = {},
): Look {
  return {
    stage: 0,
    elapsedMs: 24 * hour,
    last: false,
    units,
    firstSeen: units,
    unitsInBothArms: 0,
    metrics: metrics.map((own) => ({ units, missing: { control: 0, candidate: 0 }, ...own })),
    ...others,
  };
}
