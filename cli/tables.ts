import type { Result } from "../index.ts";
import { count, difference, hours, metricValue, percent, pValue, rate, readingWord } from "../reports/format.ts";
import { table } from "./table.ts";

/** Metrics, control against candidate. */
export function comparisonTable({ metrics }: Result["comparison"]): string {
  return table(
    ["metric", "control", "candidate", "difference", "p", "sessions", "missing", "margin", ""],
    metrics.map((metric) => [
      metric.name,
      metricValue(metric.control, metric),
      metricValue(metric.candidate, metric),
      difference(metric.difference, metric),
      pValue(metric.pValue),
      count(metric.n.pairs),
      metric.missing.control + metric.missing.candidate === 0
        ? "0"
        : `${metric.missing.control} / ${metric.missing.candidate}`,
      metric.margin ?? "–",
      readingWord(metric.reading),
    ]),
  );
}

/** Segments beyond a margin, and with `differing` also those that differ after Holm's correction; empty when there are none. */
export function segmentTable({ segments, level }: Result["comparison"], differing = false): string {
  const beyond = segments.filter(({ reading }) => reading === "beyond");
  const others = segments.filter(({ reading, pValue: p }) => reading !== "beyond" && p !== null && p < 1 - level);
  const shown = differing ? [...beyond, ...others] : beyond;
  if (shown.length === 0) return "";
  return table(
    ["segment", "metric", "control", "candidate", "difference", "adjusted p", "sessions", ""],
    shown.map((segment) => [
      `${segment.attribute}=${segment.value}`,
      segment.metric,
      metricValue(segment.control, segment),
      metricValue(segment.candidate, segment),
      difference(segment.difference, segment),
      pValue(segment.pValue),
      count(segment.n.candidate),
      readingWord(segment.reading),
    ]),
  );
}

/** What the plan does in each scenario. */
export function scenarioTable(scenarios: Result["scenarios"]): string {
  return table(
    [
      "scenario",
      "rolled back",
      "stopped",
      "promoted",
      "hours p50 (p90)",
      "units exposed p50 (p90)",
      "sessions harmed",
      "budget",
    ],
    scenarios.map((scenario) => [
      scenario.name,
      rate(scenario.rollback),
      rate(scenario.stop),
      rate(scenario.promote),
      `${hours(scenario.hoursToDecision.p50)} (${hours(scenario.hoursToDecision.p90)})`,
      `${count(scenario.unitsExposed.p50)} (${count(scenario.unitsExposed.p90)})`,
      scenario.sessionsHarmed && scenario.sessionsHarmed.p90 > 0
        ? `${count(scenario.sessionsHarmed.p50)} (${count(scenario.sessionsHarmed.p90)})`
        : "–",
      [
        ...(scenario.wrong
          ? [`${scenario.wrong.kind} ${percent(scenario.wrong.budget)}: ${scenario.wrong.verdict}`]
          : []),
        ...(scenario.falseStop
          ? [`false stop ${percent(scenario.falseStop.budget)}: ${scenario.falseStop.verdict}`]
          : []),
      ].join(", "),
    ]),
  );
}
