import { timeConversion } from "../plan/duration.ts";
import { isComposition, type Metric } from "../plan/metric.ts";

/** The metrics that an entry of the library may mean when it names none. */
export interface Fit {
  /** "a …" */
  readonly inWords: string;
  readonly fits: (metric: Metric) => boolean;
}

export const failedToolCalls: Fit = {
  inWords: "a rate where lower is better, with tool and error, fail or invalid in its name",
  fits: (metric) => lowerRate(metric) && /tool/i.test(metric.name) && /error|fail|invalid/i.test(metric.name),
};

export const guardrailTriggers: Fit = {
  inWords: "a rate where lower is better, with guardrail, refusal or block in its name",
  fits: (metric) => lowerRate(metric) && /guardrail|refusal|block/i.test(metric.name),
};

export const abandonedSessions: Fit = {
  inWords: "a rate where lower is better, with abandon in its name",
  fits: (metric) => lowerRate(metric) && /abandon/i.test(metric.name),
};

export const costs: Fit = {
  inWords: "a mean or ratio where lower is better, measured in tokens or in a currency, or with cost in its name",
  fits: ({ kind, better, name, measuredIn = "" }) =>
    better === "lower" &&
    (kind === "mean" || kind === "ratio") &&
    (/^tokens?$/i.test(measuredIn) || isCurrency(measuredIn) || /cost/i.test(name)),
};

export const slowRequests: Fit = {
  inWords: "a quantile where lower is better, measured in a unit of time, or with latency in its name",
  fits: ({ kind, better, name, measuredIn = "" }) =>
    better === "lower" &&
    kind === "quantile" &&
    (timeConversion(measuredIn, "ms") !== undefined || /latency/i.test(name)),
};

export const clicks: Fit = {
  inWords: "a metric where higher is better, with click or ctr in its name",
  fits: (metric) => metric.better === "higher" && !isComposition(metric) && /click|ctr/i.test(metric.name),
};

/** Entropies and shares of a catalogue. */
export function isDiversity({ kind, better }: Metric): boolean {
  return better === "higher" && (kind === "entropy" || kind === "distinct-share");
}

function lowerRate({ kind, better }: Metric): boolean {
  return better === "lower" && (kind === "proportion" || kind === "ratio");
}

/** ISO 4217 writes currencies as three capitals. */
function isCurrency(unit: string): boolean {
  return /^[A-Z]{3}$|^[$€£¥]$/.test(unit);
}
