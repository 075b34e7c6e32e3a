import { parseMargin } from "../../plan/margin.ts";
import { harmSign, type Metric } from "../../plan/metric.ts";
import { type Block, type Cell, details, type ForestRow, type Mark, type Section, table } from "../blocks.ts";
import * as format from "../format.ts";
import type { MetricResult, Result } from "../result.ts";

/** Is the candidate acceptable in itself? */
export function comparisonSection({ comparison }: Result): Section | undefined {
  const { lanes, level, sessions, units, metrics } = comparison;
  if (metrics.length === 0) return undefined;
  return {
    id: "comparison",
    title: "Control and candidate side by side",
    blocks: [
      ...metricsTable(comparison),
      {
        kind: "paragraph",
        text:
          `Lanes: ${lanes.join(", ")}; ${format.count(sessions)} sessions of ${format.count(units)} units. ` +
          `A difference is candidate − control, with its ${format.percent(level)} interval by unit, then the same ` +
          "relative to control. p is two-sided, of no difference; that of a proportion uses the pairs and can be small where the interval, which takes the lanes for independent, holds zero. Not shown: these data do not tell whether the loss is " +
          "inside the margin; that takes more sessions.",
      },
      ...forest(metrics, level),
      ...pairsTable(metrics),
      ...othersTables(comparison),
    ],
  };
}

const readingMarks = { inside: "good", beyond: "bad", unresolved: "open", "no margin": undefined } as const;

/** `✓ inside its margin`, as a cell. */
export function readingCell(reading: MetricResult["reading"]): {
  readonly text: string;
  readonly mark: Mark | undefined;
} {
  return { text: format.readingWord(reading), mark: readingMarks[reading] };
}

/** What two other lanes make of the same sessions: the noise floor, or how well a replay repeats what was logged. */
function othersTables({ others, level }: Result["comparison"]): Block[] {
  return others.flatMap(({ lanes, metrics }) =>
    table(
      `${lanes[1]} against ${lanes[0]}${lanes[1] === "control_again" ? ": the same policy twice, the noise floor" : ""}`,
      [
        { title: "Metric" },
        { title: lanes[0] as string, numeric: true },
        { title: lanes[1] as string, numeric: true },
        { title: `Difference [${format.percent(level)}]`, numeric: true },
        { title: "p", numeric: true },
      ],
      metrics.map((metric) => [
        metric.name,
        format.metricValue(metric.control, metric),
        format.metricValue(metric.candidate, metric),
        format.difference(metric.difference, metric),
        format.pValue(metric.pValue),
      ]),
    ),
  );
}

function metricsTable({ metrics, level }: Result["comparison"]): Block[] {
  return table(
    "Metrics over all sessions",
    [
      { title: "Metric" },
      { title: "Control", numeric: true },
      { title: "Candidate", numeric: true },
      { title: `Difference [${format.percent(level)}]`, numeric: true },
      { title: "Margin", numeric: true },
      { title: "Reading" },
      { title: "p", numeric: true },
      { title: "n, control / candidate", numeric: true },
      { title: "Missing, control / candidate", numeric: true },
    ],
    metrics.map((metric) => [
      { text: metric.name, detail: `${metric.kind}, ${metric.better} is better` },
      format.metricValue(metric.control, metric),
      format.metricValue(metric.candidate, metric),
      differenceCell(metric),
      metric.margin ?? "–",
      readingCell(metric.reading),
      { text: format.pValue(metric.pValue), detail: metric.pValue === null ? undefined : metric.test },
      {
        text: `${format.count(metric.n.control)} / ${format.count(metric.n.candidate)}`,
        detail: `${format.count(metric.n.pairs)} pairs, ${format.count(metric.n.units)} units`,
      },
      `${format.count(metric.missing.control)} / ${format.count(metric.missing.candidate)}`,
    ]),
  );
}

function differenceCell(metric: MetricResult): Cell {
  const { difference, relative } = metric;
  const detail =
    difference.status === "undetermined" && relative.status === "undetermined"
      ? undefined
      : relative.status === "ok"
        ? format.relativeDifference(relative)
        : `relative: ${format.relativeDifference(relative)}`;
  return { text: format.difference(difference, metric), detail };
}

function forest(metrics: readonly MetricResult[], level: number): Block[] {
  const rows = metrics.flatMap((metric) => forestRow(metric) ?? []);
  if (rows.length === 0) return [];
  const left = metrics.filter(({ margin }) => margin !== null).length - rows.length;
  const missing = left > 0 ? ` ${left} without an interval ${left === 1 ? "is" : "are"} left out.` : "";
  const caption =
    `Harm against its margin, with ${format.percent(level)} intervals: each metric on the scale of its own margin, ` +
    `worse to the right.${missing}`;
  return [{ kind: "forest", caption, rows }];
}

/**
 * Where a metric stands between no difference (0) and its margin (1). A relative margin is compared with the relative
 * difference, so that this may differ a little from the reading, which is tested without dividing by the control.
 */
export function forestRow(own: MetricResult): ForestRow | undefined {
  const { name, better, margin: written, reading } = own;
  if (written === null) return undefined;
  // of a metric, the margin needs only what its result also has
  const margin = parseMargin(written, own as unknown as Metric);
  if ("problem" in margin) return undefined;
  const estimate = margin.kind === "absolute" ? own.difference : own.relative;
  if (estimate.status === "undetermined") return undefined;
  const scale = harmSign({ better }) / (margin.kind === "absolute" ? margin.loss : Math.abs(margin.factor - 1));
  const bounds = [scale * estimate.low, scale * estimate.high] as const;
  return {
    name,
    harm: scale * estimate.value,
    low: Math.min(...bounds),
    high: Math.max(...bounds),
    margin: written,
    reading: format.readingWord(reading),
    mark: readingMarks[reading],
  };
}

function pairsTable(metrics: readonly MetricResult[]): Block[] {
  return details(
    "Sessions that changed sides, by metric",
    table(
      "Pairs of the same session under both policies",
      [
        { title: "Metric" },
        { title: "True in both", numeric: true },
        { title: "Only in control", numeric: true },
        { title: "Only in candidate", numeric: true },
        { title: "In neither", numeric: true },
      ],
      metrics.flatMap(({ name, paired }) =>
        paired
          ? [[name, ...[paired.both, paired.controlOnly, paired.candidateOnly, paired.neither].map(format.count)]]
          : [],
      ),
    ),
  );
}
