import type { MeasureType } from "../io/tables.ts";
import { InputError } from "../plan/input-error.ts";

/** What became of a request; a session's requests after the first that is not `ok` are `skipped`. */
export const statuses = ["ok", "error", "timeout", "crashed", "skipped"] as const;
export type Status = (typeof statuses)[number];

/** What a lane did with the requests of a batch or a shard: columns, one entry a row. */
export interface Observations {
  readonly rows: number;
  /** index into {@link statuses} */
  readonly status: Uint8Array;
  /** ms; NaN is missing */
  readonly latencyMs: Float64Array;
  /** of the response; NaN without one */
  readonly digest: Float64Array;
  readonly failures: Failure[];
  readonly measures: Map<string, MeasureColumn>;
  /** recorded tool calls that were asked for: hits, drifts and misses a row; undefined without recorded calls */
  toolUse?: Uint32Array;
  /** responses as JSON texts, when they are kept */
  responses?: (string | null)[];
}

export interface Failure {
  readonly row: number;
  readonly message: string;
  readonly stack: string | null;
}

/** Booleans are 1 and 0; NaN and null are missing. */
export type MeasureColumn =
  | { readonly type: "boolean" | "number"; readonly values: Float64Array }
  | { readonly type: "text"; readonly values: (string | null)[] };

export function emptyObservations(rows: number): Observations {
  return {
    rows,
    status: new Uint8Array(rows),
    latencyMs: new Float64Array(rows).fill(Number.NaN),
    digest: new Float64Array(rows).fill(Number.NaN),
    failures: [],
    measures: new Map(),
  };
}

export function emptyMeasure(type: MeasureType, rows: number): MeasureColumn {
  return type === "text"
    ? { type, values: new Array<string | null>(rows).fill(null) }
    : { type, values: new Float64Array(rows).fill(Number.NaN) };
}

/** The first request of a session that failed, and those after it: none of them has an answer. */
export function failFrom(
  into: Observations,
  row: number,
  to: number,
  status: Status,
  failure: Omit<Failure, "row">,
): void {
  into.digest.fill(Number.NaN, row, to);
  into.latencyMs.fill(Number.NaN, row, to);
  into.responses?.fill(null, row, to);
  for (const { type, values } of into.measures.values()) {
    if (type === "text") values.fill(null, row, to);
    else values.fill(Number.NaN, row, to);
  }
  into.status[row] = statuses.indexOf(status);
  into.failures.push({ row, ...failure });
  into.status.fill(statuses.indexOf("skipped"), row + 1, to);
}

/** Rows `from` to `to` of a part, which stand from `at` on in the whole. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly at: number;
}

/**
 * Copies pieces of a part to their places in the whole.
 *
 * @throws InputError for a measure that has another type in the whole
 */
export function place(into: Observations, part: Observations, pieces: readonly Piece[]): void {
  const measures = [...part.measures].map(([name, from]) => ({ from, to: measureOf(into, name, from.type) }));
  if (part.toolUse) into.toolUse ??= new Uint32Array(3 * into.rows);
  if (part.responses) into.responses ??= new Array<string | null>(into.rows).fill(null);
  for (const { from, to, at } of pieces) {
    into.status.set(part.status.subarray(from, to), at);
    into.latencyMs.set(part.latencyMs.subarray(from, to), at);
    into.digest.set(part.digest.subarray(from, to), at);
    if (part.toolUse) into.toolUse?.set(part.toolUse.subarray(3 * from, 3 * to), 3 * at);
    for (let i = from; i < to && part.responses && into.responses; i++)
      into.responses[at + i - from] = part.responses[i] as string | null;
    for (const measure of measures) {
      if (measure.from.type !== "text" && measure.to.type !== "text")
        measure.to.values.set(measure.from.values.subarray(from, to), at);
      else for (let i = from; i < to; i++) measure.to.values[at + i - from] = measure.from.values[i] as never;
    }
    for (const failure of part.failures) {
      if (failure.row >= from && failure.row < to) into.failures.push({ ...failure, row: failure.row - from + at });
    }
  }
}

/**
 * The column of a measure, made when it is new.
 *
 * @throws InputError when it has another type
 */
export function measureOf(into: Observations, name: string, type: MeasureType): MeasureColumn {
  const known = into.measures.get(name);
  if (known && known.type !== type) {
    throw new InputError(
      `measure ${name}`,
      `is a ${known.type} in one answer and a ${type} in another`,
      "return one type",
    );
  }
  const measure = known ?? emptyMeasure(type, into.rows);
  if (!known) into.measures.set(name, measure);
  return measure;
}
