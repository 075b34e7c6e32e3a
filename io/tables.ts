import { BOOLEAN, DOUBLE, type DuckDBType, INTEGER, VARCHAR } from "@duckdb/node-api";

/** What one lane did with one request; declared measures follow as further columns. */
export const observationColumns = {
  /** session's name in the log */
  session: VARCHAR,
  /** position of the request in its session, from 0 */
  seq: INTEGER,
  /** log time, epoch milliseconds; TIMESTAMP in the file */
  at: DOUBLE,
  /** `ok`, `error`, `timeout`, `crashed`, or `skipped` after one of these */
  status: VARCHAR,
  /** as the policy or the log reports it, never the harness's own clock */
  latency_ms: DOUBLE,
  /** 16 hex digits: digest64 of the response's canonical JSON; NULL without a response */
  response_digest: VARCHAR,
  /** message of a failed request */
  error: VARCHAR,
  /** where it failed, innermost frame first; NULL when nothing was thrown */
  stack: VARCHAR,
  /** recorded tool calls that the policy asked for: the same at the same request, elsewhere in the session, or not there */
  tool_hits: INTEGER,
  tool_drifts: INTEGER,
  tool_misses: INTEGER,
} as const satisfies Readonly<Record<string, DuckDBType>>;

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

export const measureTypes = { boolean: BOOLEAN, number: DOUBLE, text: VARCHAR } as const satisfies Readonly<
  Record<MeasureType, DuckDBType>
>;

/** Columns of requests that hold delayed truth: `label:<name>`, which observations have as `<name>`. */
export const labelPrefix = "label:";
