/** What one lane did with one request, with the types of the columns; declared measures follow as further ones. */
export const observationColumns = {
  /** session's name in the log */
  session: "VARCHAR",
  /** position of the request in its session, from 0 */
  seq: "INTEGER",
  /** log time in UTC */
  at: "TIMESTAMP",
  /** `ok`, `error`, `timeout`, `crashed`, or `skipped` after one of these */
  status: "VARCHAR",
  /** as the policy or the log reports it, never the harness's own clock */
  latency_ms: "DOUBLE",
  /** digest53 of the response's canonical JSON, or of a response that is a text; NULL without a response */
  response_digest: "BIGINT",
  /** message of a failed request */
  error: "VARCHAR",
  /** where it failed, innermost frame first; NULL when nothing was thrown */
  stack: "VARCHAR",
  /** recorded tool calls that the policy asked for: the same at the same request, elsewhere in the session, or not there */
  tool_hits: "INTEGER",
  tool_drifts: "INTEGER",
  tool_misses: "INTEGER",
} as const;

/** Names that no measure may have; `latency_ms` is one that a policy does report. */
export const reservedMeasures: ReadonlySet<string> = new Set(
  [...Object.keys(observationColumns), "lane"].filter((column) => column !== "latency_ms"),
);

/** Whether a measure may not be called so: SQL does not tell `Status` from `status`, and has no empty name. */
export function isReservedMeasure(measure: string): boolean {
  const lower = measure.toLowerCase();
  return measure === "" || reservedMeasures.has(lower) || (lower === "latency_ms" && measure !== lower);
}

export type MeasureType = "boolean" | "number" | "text";

/** Columns of requests that hold delayed truth: `label:<name>`, which observations have as `<name>`. */
export const labelPrefix = "label:";
