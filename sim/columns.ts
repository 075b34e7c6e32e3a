import type { Values } from "../shadow/outcomes.ts";
import { lanes } from "./gather.ts";
import type { SimulatedGuardrail } from "./simulation-input.ts";

/**
 * What a session adds to the sums of a guardrail, numerators centred:
 *
 * - proportion: numerator; denominator, where not all sessions have one
 * - mean: numerator, its square; denominator, where not all sessions have one
 * - ratio: numerator, denominator, numerator², numerator · denominator, denominator²
 * - quantile: requests by bin
 */
export interface Columns {
  readonly guardrail: SimulatedGuardrail;
  readonly kind: "proportion" | "mean" | "ratio" | "quantile";
  /** whether a proportion or a mean has its denominator as a column; else it is that of all sessions */
  readonly denominator: boolean;
  readonly width: number;
  /** integers per unit of each column: powers of two */
  readonly scales: Float64Array;
}

/** Columns of several guardrails side by side, as whole vectors. */
export interface Block {
  readonly columns: readonly Columns[];
  /** index of the guardrail of each of the columns */
  readonly guardrails: readonly number[];
  /** first column of each */
  readonly offsets: readonly number[];
  readonly width: number;
  readonly vectors: number;
}

/** Sums stay this far below 2³¹: units that are drawn several times add more than the log has. */
const largestSum = 2 ** 28;

/**
 * The columns of a guardrail, wide and fine enough for every arm that is simulated: equal values give equal integers, whose arm
 * they may be.
 *
 * @param laps times that the log is gone around
 */
export function columnsOf(simulated: SimulatedGuardrail, laps: number): Columns {
  // a success is its own square
  const proportion = simulated.kind === "session" && simulated.guardrail.metric.kind === "proportion";
  const guardrail = proportion ? { ...simulated, centre: 0 } : simulated;
  const arms = [...new Set([guardrail.control, ...guardrail.candidates])];
  const kind: Columns["kind"] = guardrail.kind !== "session" ? guardrail.kind : proportion ? "proportion" : "mean";
  const denominator = guardrail.mask !== null || arms.some(lacksSome);
  const width =
    { proportion: 1, mean: 2, ratio: 5, quantile: guardrail.edges?.length ?? 0 }[kind] +
    Number(denominator && kind in own);
  const unscaled = { guardrail, kind, denominator, width, scales: new Float64Array(width).fill(1) };
  const totals = new Float64Array(width);
  for (const values of arms) {
    const sums = absoluteSums(unscaled, values);
    for (let c = 0; c < width; c++) totals[c] = Math.max(totals[c] as number, laps * (sums.totals[c] as number));
    for (let c = 0; c < width; c++)
      unscaled.scales[c] = Math.min(unscaled.scales[c] as number, sums.whole[c] === 1 ? 1 : 0);
  }
  const scales = totals.map((total, c) => {
    // counts need no finer steps
    if (unscaled.scales[c] === 1 && total <= largestSum) return 1;
    return total > 0 ? 2 ** Math.floor(Math.log2(largestSum / total)) : 1;
  });
  return { ...unscaled, scales };
}

/** Kinds whose denominator is one for each session that has a value. */
const own = { proportion: true, mean: true };

function lacksSome(values: Values): boolean {
  return values.kind === "sums" && values.denominator.some((denominator) => denominator !== 1);
}

/** Σ |value| of every column over the log, and whether all its values are whole numbers. */
function absoluteSums(columns: Columns, values: Values) {
  const { width } = columns;
  const totals = new Float64Array(width);
  const whole = new Uint8Array(width).fill(1);
  const row = new Float64Array(width);
  const sessions = values.kind === "sums" ? values.numerator.length : values.offsets.length - 1;
  const slots = Int32Array.of(0);
  const who = Int32Array.of(0);
  for (let i = 0; i < sessions; i++) {
    row.fill(0);
    who[0] = i;
    addColumns(row, width, 0, columns, values, who, slots, 0, 1);
    for (let c = 0; c < width; c++) {
      const value = row[c] as number;
      totals[c] = (totals[c] as number) + Math.abs(value);
      if (value !== Math.trunc(value)) whole[c] = 0;
    }
  }
  return { totals, whole };
}

/** Puts guardrails side by side, after `before` columns of something else. */
export function blockOf(columns: readonly Columns[], guardrails: readonly number[], before: number): Block {
  const offsets: number[] = [];
  let width = before;
  for (const own of columns) {
    offsets.push(width);
    width += own.width;
  }
  return { columns, guardrails, offsets, width, vectors: Math.ceil(width / lanes) };
}

/**
 * Adds the columns of some sessions to the rows of their buckets.
 *
 * @param rows   of `width` columns each, this guardrail's from `offset` on
 * @param who    session of the log of each entry
 * @param slots  bucket of each entry
 * @param from    first entry that is added, up to and without `to`
 */
export function addColumns(
  rows: Float64Array,
  width: number,
  offset: number,
  { guardrail: { mask, centre, edges }, kind, denominator }: Columns,
  values: Values,
  who: Int32Array,
  slots: Int32Array,
  from: number,
  to: number,
): void {
  for (let j = from; j < to; j++) {
    const i = who[j] as number;
    if (mask !== null && mask[i] === 0) continue;
    const at = (slots[j] as number) * width + offset;
    if (values.kind === "requests") {
      addBins(rows, at, edges as Float64Array, values, i);
      continue;
    }
    const b = values.denominator[i] as number;
    const a = (values.numerator[i] as number) - centre * b;
    rows[at] = (rows[at] as number) + a;
    if (kind === "ratio") {
      rows[at + 1] = (rows[at + 1] as number) + b;
      rows[at + 2] = (rows[at + 2] as number) + a * a;
      rows[at + 3] = (rows[at + 3] as number) + a * b;
      rows[at + 4] = (rows[at + 4] as number) + b * b;
      continue;
    }
    if (kind === "mean") rows[at + 1] = (rows[at + 1] as number) + a * a;
    if (denominator) {
      const last = at + (kind === "mean" ? 2 : 1);
      rows[last] = (rows[last] as number) + b;
    }
  }
}

function addBins(
  rows: Float64Array,
  at: number,
  edges: Float64Array,
  { offsets, values }: Extract<Values, { kind: "requests" }>,
  i: number,
): void {
  for (let k = offsets[i] as number; k < (offsets[i + 1] as number); k++) {
    const bin = at + binOf(edges, values[k] as number);
    rows[bin] = (rows[bin] as number) + 1;
  }
}

/** Index of the first edge that is not below the value. */
function binOf(edges: Float64Array, value: number): number {
  let low = 0;
  let high = edges.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
