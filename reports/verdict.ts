import type { Comparison, MetricComparison } from "../analysis/compare.ts";
import type { OperatingCharacteristics } from "../analysis/operating-characteristics.ts";
import type { Plan } from "../plan/plan.ts";
import { metricValue, percent } from "./format.ts";
import type { TrustCheck } from "./trust.ts";

export interface Verdict {
  readonly decision: "go" | "hold" | "no-go" | "cannot-tell";
  readonly reasons: readonly string[];
}

/** A gate of the plan, passed or not, and why. */
export interface GateResult {
  readonly name: string;
  readonly metrics: readonly string[];
  readonly minimumSample: number;
  readonly passed: boolean;
  readonly why: string;
}

/**
 * The verdict of a rehearsal, first match: a trust check fails → cannot tell; harm beyond a margin is shown, overall or in
 * a segment after multiplicity → no-go; the plan misses a budget, a margin is unresolved or a gate is not passed → hold;
 * else go.
 */
export function verdictOf(
  plan: Plan,
  trust: readonly TrustCheck[],
  comparison: Comparison,
  scenarios: readonly OperatingCharacteristics[],
  gates: readonly GateResult[],
): Verdict {
  const untrusted = trust.filter(({ status }) => status === "fail");
  if (untrusted.length > 0) {
    return { decision: "cannot-tell", reasons: untrusted.map(({ name, figure, why }) => `${name}: ${figure}; ${why}`) };
  }
  const guarded = new Set(comparison.metrics.map(({ name }) => name));
  const harm = [
    ...comparison.metrics.filter(({ reading }) => reading === "beyond").map((metric) => harmReason(metric, "")),
    ...comparison.segments
      .filter(
        ({ reading, name, segment }) =>
          reading === "beyond" && !guarded.has(`${name}@${segment.attribute}=${segment.value}`),
      )
      .map((own) => harmReason(own, ` in ${own.segment.attribute}=${own.segment.value}`)),
  ];
  if (harm.length > 0) return { decision: "no-go", reasons: harm };
  const open = [
    ...comparison.metrics
      .filter(({ guardrail, reading }) => guardrail !== null && reading === "unresolved")
      .map(
        ({ name, guardrail }) => `${name}: whether it stays inside its margin of ${guardrail?.written} is not shown`,
      ),
    ...gates.filter(({ passed }) => !passed).map(({ name, why }) => `gate ${name} is not passed: ${why}`),
    ...scenarios.flatMap(missedBudgets),
  ];
  if (open.length > 0) return { decision: "hold", reasons: open };
  return {
    decision: "go",
    reasons: [
      ["every metric is inside its margin, and no segment is shown beyond one", ...comparison.notes].join("; "),
      `no budget is missed by the plan: false rollback ${percent(plan.budgets.falseRollback)}, missed regression ${percent(plan.budgets.missedRegression)}, false stop ${percent(plan.budgets.falseStop)}`,
    ],
  };
}

/** Whether the plan's gates are passed on the compared sessions. */
export function judgeGates(plan: Plan, { metrics }: Comparison): GateResult[] {
  return plan.gates.map(({ name, metrics: wanted, minimumSample }) => {
    const found = wanted.map((key) => metrics.find((metric) => metric.name === key)).filter((own) => own !== undefined);
    const absent = wanted.find((key) => !metrics.some((metric) => metric.name === key));
    const short = found.find(({ pairs }) => pairs < minimumSample);
    const open = found.find(({ reading }) => reading !== "inside");
    const why = absent
      ? `${absent} was not compared`
      : short
        ? `${short.name} has ${short.pairs} of ${minimumSample} paired sessions`
        : open
          ? `${open.name} is not shown inside its margin`
          : "every metric is inside its margin";
    return { name, metrics: wanted, minimumSample, passed: !absent && !short && !open, why };
  });
}

function harmReason({ name, control, candidate, guardrail, outcomes }: MetricComparison, where: string): string {
  const shown = (value: number) => metricValue(value, outcomes.metric);
  return `${name}${where} goes from ${shown(control.estimate)} to ${shown(candidate.estimate)}, beyond its margin of ${guardrail?.written}`;
}

function missedBudgets({ scenario, wrong, falseStop }: OperatingCharacteristics): string[] {
  const missed: string[] = [];
  if (wrong?.verdict === "missed" && wrong.rate.status === "ok") {
    missed.push(
      `${wrong.kind} under ${scenario.name}: ${percent(wrong.rate.value)} of rollouts, the budget is ${percent(wrong.budget)}`,
    );
  }
  if (falseStop?.verdict === "missed" && falseStop.rate.status === "ok") {
    missed.push(
      `false stop under ${scenario.name}: ${percent(falseStop.rate.value)} of rollouts, the budget is ${percent(falseStop.budget)}`,
    );
  }
  return missed;
}
