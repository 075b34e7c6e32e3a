/** `proportion` is 0/1 per session, `mean` a number per session, `ratio` a sum over a sum, `quantile` of requests. */
export type MetricKind = "proportion" | "mean" | "ratio" | "quantile";

/** What is measured, and which direction is better. Expressions are DuckDB aggregates over one session's observations. */
export type Metric = MetricCommon &
  (
    | { readonly kind: "proportion" | "mean"; readonly value: string }
    | { readonly kind: "ratio"; readonly numerator: string; readonly denominator: string }
    | { readonly kind: "quantile"; readonly value: string; readonly quantile: number }
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

/** +1 when a rise of the metric is harm, −1 when a fall is. */
export function harmSign({ better }: Pick<Metric, "better">): 1 | -1 {
  return better === "lower" ? 1 : -1;
}
