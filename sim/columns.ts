import type { Values } from "../shadow/outcomes.ts";
import { firstFrom } from "../statistics/sorted.ts";
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
  /** integers per unit of each column */
  readonly scales: Float64Array;
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
  const arms = [...new Set([guardrail.control, ...guardrail.candidates, ...(guardrail.controls ?? [])])];
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
  const rows = new Float64Array(width * rowsAtOnce);
  const sessions = values.kind === "sums" ? values.numerator.length : values.offsets.length - 1;
  const slots = Uint16Array.from({ length: rowsAtOnce }, (_, row) => row);
  const who = new Int32Array(rowsAtOnce);
  for (let first = 0; first < sessions; first += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, sessions - first);
    for (let row = 0; row < count; row++) who[row] = first + row;
    rows.fill(0);
    addColumns(rows, rowsAtOnce, 0, columns, values, { who, slots }, 0, count);
    for (let c = 0; c < width; c++) {
      for (let at = c * rowsAtOnce; at < c * rowsAtOnce + count; at++) {
        const value = rows[at] as number;
        totals[c] = (totals[c] as number) + Math.abs(value);
        if (value !== Math.trunc(value)) whole[c] = 0;
      }
    }
  }
  return { totals, whole };
}

const rowsAtOnce = 1000;

/** Puts guardrails side by side, after `before` columns of counts. */
export function blockOf(columns: readonly Columns[], guardrails: readonly number[], before: number): Block {
  const offsets: number[] = [];
  const scales = new Array<number>(before).fill(1);
  for (const own of columns) {
    offsets.push(scales.length);
    scales.push(...own.scales);
  }
  const width = scales.length;
  return {
    columns,
    guardrails,
    offsets,
    width,
    vectors: Math.ceil(width / lanes),
    scales: Float64Array.from(scales),
  };
}

/** Entries of sessions, each with the bucket that it is in. */
export interface Entries {
  /** session of the log */
  readonly who: Int32Array;
  readonly slots: Uint16Array;
}

/**
 * Adds the columns of some sessions to the sums of their buckets.
 *
 * @param sums    of each column for all buckets, column after column
 * @param buckets how many sums a column has
 * @param offset  first column of the guardrail
 * @param from    first entry that is added, up to and without `to`
 */
export function addColumns(
  sums: Float64Array,
  buckets: number,
  offset: number,
  columns: Columns,
  values: Values,
  entries: Entries,
  from: number,
  to: number,
): void {
  const at = offset * buckets;
  const { mask, edges } = columns.guardrail;
  const chosen = mask === null ? entries : inside(entries, mask, from, to);
  const [first, last] = mask === null ? [from, to] : [0, chosen.who.length];
  if (values.kind === "requests") addBins(sums, buckets, at, edges as Float64Array, values, chosen, first, last);
  else if (columns.kind === "ratio") addRatio(sums, buckets, at, columns, values, chosen, first, last);
  else addMean(sums, buckets, at, columns, values, chosen, first, last);
}

type Sums = Extract<Values, { kind: "sums" }>;

/** The entries of a segment. */
function inside({ who, slots }: Entries, mask: Uint8Array, from: number, to: number): Entries {
  const keep: number[] = [];
  for (let j = from; j < to; j++) if (mask[who[j] as number] === 1) keep.push(j);
  return {
    who: Int32Array.from(keep, (j) => who[j] as number),
    slots: Uint16Array.from(keep, (j) => slots[j] as number),
  };
}

function addMean(
  sums: Float64Array,
  buckets: number,
  at: number,
  { kind, denominator: own, guardrail: { centre } }: Columns,
  { numerator, denominator }: Sums,
  { who, slots }: Entries,
  from: number,
  to: number,
): void {
  const squares = kind === "mean" ? at + buckets : -1;
  const counts = !own ? -1 : squares < 0 ? at + buckets : squares + buckets;
  for (let j = from; j < to; j++) {
    const i = who[j] as number;
    const slot = slots[j] as number;
    // 1 where it is no column
    const b = counts < 0 ? 1 : (denominator[i] as number);
    const a = (numerator[i] as number) - centre * b;
    sums[at + slot] = (sums[at + slot] as number) + a;
    if (squares >= 0) sums[squares + slot] = (sums[squares + slot] as number) + a * a;
    if (counts >= 0) sums[counts + slot] = (sums[counts + slot] as number) + b;
  }
}

function addRatio(
  sums: Float64Array,
  buckets: number,
  at: number,
  { guardrail: { centre } }: Columns,
  { numerator, denominator }: Sums,
  { who, slots }: Entries,
  from: number,
  to: number,
): void {
  const [b1, b2, b3, b4] = [at + buckets, at + 2 * buckets, at + 3 * buckets, at + 4 * buckets] as const;
  for (let j = from; j < to; j++) {
    const i = who[j] as number;
    const slot = slots[j] as number;
    const b = denominator[i] as number;
    const a = (numerator[i] as number) - centre * b;
    sums[at + slot] = (sums[at + slot] as number) + a;
    sums[b1 + slot] = (sums[b1 + slot] as number) + b;
    sums[b2 + slot] = (sums[b2 + slot] as number) + a * a;
    sums[b3 + slot] = (sums[b3 + slot] as number) + a * b;
    sums[b4 + slot] = (sums[b4 + slot] as number) + b * b;
  }
}

function addBins(
  sums: Float64Array,
  buckets: number,
  at: number,
  edges: Float64Array,
  { offsets, values }: Extract<Values, { kind: "requests" }>,
  { who, slots }: Entries,
  from: number,
  to: number,
): void {
  const last = edges.length - 1;
  const lowest = edges[0] as number;
  for (let j = from; j < to; j++) {
    const i = who[j] as number;
    const slot = slots[j] as number;
    for (let k = offsets[i] as number; k < (offsets[i + 1] as number); k++) {
      const value = values[k] as number;
      // the lowest bin has most values
      const bin = value <= lowest ? 0 : Math.min(last, firstFrom(edges, value));
      const sum = at + bin * buckets + slot;
      sums[sum] = (sums[sum] as number) + 1;
    }
  }
}
