/**
 * `proportion` is 0/1 per session, `mean` a number per session, `ratio` a sum over a sum, `quantile` of requests.
 *
 * What requests make together, {@link CompositionMetric}: `distinct-share` is the share of a catalogue that so many draws
 * show, `entropy` the diversity of a category, `calibration-error` the mean squared gap between probabilities and what came
 * of them, `drift` the distance of a category's shares from control's.
 */
export const metricKinds = [
  "proportion",
  "mean",
  "ratio",
  "quantile",
  "distinct-share",
  "entropy",
  "calibration-error",
  "drift",
] as const;
export type MetricKind = (typeof metricKinds)[number];

/**
 * What is measured, and which direction is better. Expressions are DuckDB aggregates over one session's observations, those
 * of a quantile and of a composition are scalars of one request.
 */
export type Metric =
  | (MetricCommon &
      (
        | { readonly kind: "proportion" | "mean"; readonly value: string }
        | { readonly kind: "ratio"; readonly numerator: string; readonly denominator: string }
        | { readonly kind: "quantile"; readonly value: string; readonly quantile: number }
      ))
  | CompositionMetric;

/** A functional of everything that a lane's requests showed, which is no sum over sessions; failed sessions are missing. */
export type CompositionMetric = MetricCommon &
  (
    | { readonly kind: "distinct-share"; readonly value: string; readonly draws: number; readonly catalogue: number }
    | { readonly kind: "entropy" | "drift"; readonly value: string }
    | {
        readonly kind: "calibration-error";
        readonly probability: string;
        readonly outcome: string;
        readonly bins: number;
      }
  );

interface MetricCommon {
  readonly name: string;
  readonly better: "higher" | "lower";
  /** Unit of measure, as `ms` or `USD`. */
  readonly measuredIn?: string;
  /** How long after a session's end its value is known, in milliseconds. */
  readonly matureAfterMs: number;
  /** What a session with a failed request counts as: the worst value of the metric, or a missing one. */
  readonly whenFailed: "worst" | "missing";
}

/** The guardrail that always exists: the share of sessions in which the policy failed. */
export const failureRate: Metric = {
  name: "failure_rate",
  kind: "proportion",
  value: "bool_or(status <> 'ok')",
  better: "lower",
  matureAfterMs: 0,
  whenFailed: "worst",
};

export function isComposition(metric: Metric): metric is CompositionMetric {
  return ["distinct-share", "entropy", "calibration-error", "drift"].includes(metric.kind);
}

/** +1 when a rise of the metric is harm, −1 when a fall is. */
export function harmSign({ better }: Pick<Metric, "better">): 1 | -1 {
  return better === "lower" ? 1 : -1;
}
