import { timeConversion } from "../duration.ts";
import type { Finding, PlanFacts } from "../finding.ts";
import { listInWords } from "../in-words.ts";
import { failureRate, isComposition, type Metric } from "../metric.ts";
import type { Plan } from "../plan.ts";

/** Whether what is guarded is what users would lose. */
export function checkMetrics(plan: Plan, facts: PlanFacts): readonly Finding[] {
  return [...noSegment(plan, facts), ...onlyRunning(plan), ...staticThresholds(plan)];
}

function noSegment({ guardrails, primary }: Plan, { attributes }: PlanFacts): Finding[] {
  const [attribute] = attributes;
  if (attribute === undefined || guardrails.some(({ segment }) => segment !== undefined)) return [];
  const own = guardrails.find(({ key }) => key === primary);
  return [
    {
      check: "no-segment-guardrail",
      severity: "warning",
      path: ["margins"],
      problem: `no margin guards a segment, although the traffic has ${listInWords(attributes)}`,
      reason: "Harm to a segment of a tenth of the users shows in the total at a tenth of its size, inside the margin.",
      fix: `write a wider margin for the segment that matters most, as ${primary}@${attribute}=…: twice ${own?.written ?? "its margin"}`,
    },
  ];
}

function onlyRunning({ guardrails }: Plan): Finding[] {
  if (!guardrails.every(({ metric }) => isRunning(metric))) return [];
  const names = [...new Set(guardrails.map(({ metric }) => metric.name))];
  return [
    {
      check: "only-infrastructure",
      severity: "warning",
      path: ["margins"],
      problem: `${listInWords(names)} ${names.length === 1 ? "says" : "say"} how the candidate runs, and no margin guards what users get`,
      reason: "A candidate that answers quickly, cheaply and wrongly passes every one of them.",
      fix: "guard what a good answer is: a metric with better: higher, as completion_rate: 5pp",
    },
  ];
}

function staticThresholds({ guardrails }: Plan): Finding[] {
  return guardrails.flatMap(({ key, metric, segment }) => {
    const threshold = segment === undefined ? thresholdOf(metric) : undefined;
    if (threshold === undefined) return [];
    return [
      {
        check: "static-threshold",
        severity: "warning",
        path: ["margins", key],
        problem: `${key} counts what passes a fixed number (${threshold}), whatever the control's values are`,
        reason:
          "Where most of the control lies on one side of it, the count hardly moves, however much worse the candidate is.",
        fix: "guard the values themselves against the control, as kind: quantile or mean with a margin of 20%",
      },
    ];
  });
}

/** `latency_ms > 2000`, `2000 < latency_ms` */
const fixedComparison =
  /[\w."]+\)?\s*[<>]=?\s*(-?(?:\d+(?:\.\d+)?|\.\d+))(?![\w.])|(?<![\w.])(-?(?:\d+(?:\.\d+)?|\.\d+))\s*[<>]=?\s*[A-Za-z_"]+/g;

/** A comparison with a number other than 0 and 1, which ask whether there is any; undefined when there is none. */
function thresholdOf(metric: Metric): string | undefined {
  if (isComposition(metric)) return undefined;
  const expressions = metric.kind === "ratio" ? [metric.numerator, metric.denominator] : [metric.value];
  for (const expression of expressions) {
    const text = expression.replace(/'(?:[^']|'')*'/g, "''");
    for (const [found, after, before] of text.matchAll(fixedComparison)) {
      if (!["0", "1"].includes((after ?? before) as string)) return found;
    }
  }
  return undefined;
}

/** Words of names and expressions that are about time, money, tokens and failures. */
const running = new Set(
  (
    "latency duration elapsed time timeout second sec ms cost price spend usd eur cent token " +
    "error fail failed failure crash crashed retry retries status throughput cpu memory"
  ).split(" "),
);

/**
 * Whether a metric tells how a policy runs and not what users get: less of it is better, it is no composition of answers, and its
 * name, its unit or its expression is one of time, money, tokens or failures.
 */
function isRunning(metric: Metric): boolean {
  if (metric.name === failureRate.name) return true;
  if (metric.better === "higher" || isComposition(metric)) return false;
  const { name, measuredIn = "" } = metric;
  const expression = metric.kind === "ratio" ? metric.numerator : metric.value;
  return (
    timeConversion(measuredIn, "ms") !== undefined ||
    [name, measuredIn, expression].flatMap(wordsOf).some((word) => running.has(word) || running.has(word.slice(0, -1)))
  );
}

/** `latencyMs` and `latency_ms` are two words each. */
function wordsOf(text: string): string[] {
  return text
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== "");
}
