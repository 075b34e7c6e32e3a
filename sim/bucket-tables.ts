import { position, type TextHash } from "../plan/assignment.ts";
import { bucketCount } from "../plan/parse-plan.ts";
import type { Values } from "../shadow/outcomes.ts";
import type { SimulatedGuardrail, SimulationInput } from "./simulation-input.ts";

/** Where a guardrail's columns start in a row, and how many there are. */
export interface Layout {
  readonly offset: readonly number[];
  /** columns of a row; the first is the number of sessions */
  readonly width: number;
}

/** Sums of outcomes by bucket: `bucketCount` rows of `width` columns, and the total over all buckets. */
export interface Cell {
  readonly rows: Float64Array;
  readonly total: Float64Array;
}

/**
 * The columns of one maturity: sessions, then per guardrail
 * - session: numerator, its square, denominator (0 or 1)
 * - ratio: numerator, denominator, numerator², numerator·denominator, denominator²
 * - quantile: requests below or at each edge's bin
 *
 * Numerators are centred: numerator − centre · denominator.
 */
function layoutOf(guardrails: readonly SimulatedGuardrail[], maturity: number): Layout {
  let width = 1;
  const offset = guardrails.map((guardrail) => {
    const at = width;
    if (guardrail.maturity === maturity) width += columnsOf(guardrail);
    return at;
  });
  return { offset, width };
}

function columnsOf({ kind, edges }: SimulatedGuardrail): number {
  if (kind === "quantile") return (edges as Float64Array).length;
  return kind === "ratio" ? 5 : 3;
}

/** Buckets of the copies of every unit, for one salt. */
export interface Assignment {
  /** bucket of copy k of unit u at starts[u] + k */
  readonly buckets: Uint16Array;
  readonly starts: Int32Array;
}

/**
 * Resamples the population of units and assigns each copy to a bucket.
 *
 * A unit is drawn Poisson(1) times, which is the bootstrap of a population whose size is not fixed; copies are units of
 * their own. Re-randomising one fixed log instead has no population variance and understates missed regressions.
 *
 * Source: Hanley & MacGibbon (2006), Comput. Methods Programs Biomed. 83:57–62 (Poisson bootstrap).
 */
export function assignUnits(unitHash: Uint32Array, salt: TextHash): Assignment {
  const units = unitHash.length / 2;
  const starts = new Int32Array(units + 1);
  const buckets: number[] = [];
  for (let u = 0; u < units; u++) {
    const unit: TextHash = [unitHash[2 * u] as number, unitHash[2 * u + 1] as number];
    const copies = poissonOne(position(unit, [salt[0] ^ 0x85ebca6b, salt[1]]));
    for (let copy = 0; copy < copies; copy++) {
      buckets.push(Math.floor(position(unit, [salt[0] + copy * 0x9e3779b9, salt[1]]) * bucketCount));
    }
    starts[u + 1] = buckets.length;
  }
  return { buckets: Uint16Array.from(buckets), starts };
}

/** Quantile of Poisson(1). */
function poissonOne(uniform: number): number {
  let probability = Math.exp(-1);
  let below = probability;
  let count = 0;
  while (uniform >= below && count < 20) {
    count += 1;
    probability /= count;
    below += probability;
  }
  return count;
}

/**
 * Bucket tables of one salt and one arm, a cell for each window of arrival and each delay of visibility, built when they
 * are first asked for: most rollouts end before the plan's last window.
 */
export class BucketTables {
  readonly #input: SimulationInput;
  readonly #assignment: Assignment;
  readonly #values: readonly Values[];
  readonly #cells = new Map<number, Cell | null>();
  readonly layouts: readonly Layout[];

  /** @param values the arm's values, one entry a guardrail */
  constructor(input: SimulationInput, assignment: Assignment, values: readonly Values[]) {
    this.#input = input;
    this.#assignment = assignment;
    this.#values = values;
    this.layouts = input.sessions.lags.map((_, maturity) => layoutOf(input.guardrails, maturity));
  }

  /** Sums of the sessions that arrive in a window and become visible at a delay; null when there are none. */
  cell(maturity: number, lag: number, window: number): Cell | null {
    const key = (window * 256 + lag) * 16 + maturity;
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const built = this.#build(maturity, lag, window);
    this.#cells.set(key, built);
    return built;
  }

  #build(maturity: number, lag: number, window: number): Cell | null {
    const { sessions, guardrails } = this.#input;
    const { buckets, starts } = this.#assignment;
    const { offset, width } = this.layouts[maturity] as Layout;
    const lags = (sessions.lags[maturity] as { lag: Uint8Array }).lag;
    let rows: Float64Array | null = null;
    const row = new Float64Array(width);
    for (let i = sessions.windowStart[window] as number; i < (sessions.windowStart[window + 1] as number); i++) {
      if (lags[i] !== lag) continue;
      const unit = sessions.unit[i] as number;
      const from = starts[unit] as number;
      const to = starts[unit + 1] as number;
      if (from === to) continue;
      rows ??= new Float64Array(bucketCount * width);
      row.fill(0);
      row[0] = 1;
      for (let g = 0; g < guardrails.length; g++) {
        const guardrail = guardrails[g] as SimulatedGuardrail;
        if (guardrail.maturity === maturity)
          contribute(guardrail, this.#values[g] as Values, sessions.base[i] as number, row, offset[g] as number);
      }
      for (let copy = from; copy < to; copy++) {
        const at = (buckets[copy] as number) * width;
        for (let c = 0; c < width; c++) rows[at + c] = (rows[at + c] as number) + (row[c] as number);
      }
    }
    return rows && { rows, total: columnTotals(rows, width) };
  }
}

function contribute(
  { kind, mask, centre, edges }: SimulatedGuardrail,
  values: Values,
  i: number,
  row: Float64Array,
  at: number,
): void {
  if (mask && mask[i] === 0) return;
  if (values.kind === "requests") {
    for (let k = values.offsets[i] as number; k < (values.offsets[i + 1] as number); k++) {
      const bin = at + binOf(edges as Float64Array, values.values[k] as number);
      row[bin] = (row[bin] as number) + 1;
    }
    return;
  }
  const denominator = values.denominator[i] as number;
  const numerator = (values.numerator[i] as number) - centre * denominator;
  if (kind === "session") {
    row[at] = numerator;
    row[at + 1] = numerator * numerator;
    row[at + 2] = denominator;
    return;
  }
  row[at] = numerator;
  row[at + 1] = denominator;
  row[at + 2] = numerator * numerator;
  row[at + 3] = numerator * denominator;
  row[at + 4] = denominator * denominator;
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

function columnTotals(rows: Float64Array, width: number): Float64Array {
  const totals = new Float64Array(width);
  for (let at = 0; at < rows.length; at += width) {
    for (let c = 0; c < width; c++) totals[c] = (totals[c] as number) + (rows[at + c] as number);
  }
  return totals;
}

/** Units first seen in each window, by bucket. */
export class FirstSeen {
  readonly #input: SimulationInput;
  readonly #assignment: Assignment;
  readonly #windows = new Map<number, { readonly counts: Int32Array; readonly total: number }>();

  constructor(input: SimulationInput, assignment: Assignment) {
    this.#input = input;
    this.#assignment = assignment;
  }

  window(window: number): { readonly counts: Int32Array; readonly total: number } {
    const known = this.#windows.get(window);
    if (known) return known;
    const { sessions } = this.#input;
    const { buckets, starts } = this.#assignment;
    const counts = new Int32Array(bucketCount);
    let total = 0;
    for (let i = sessions.windowStart[window] as number; i < (sessions.windowStart[window + 1] as number); i++) {
      if (sessions.first[i] === 0) continue;
      const unit = sessions.unit[i] as number;
      for (let copy = starts[unit] as number; copy < (starts[unit + 1] as number); copy++) {
        const bucket = buckets[copy] as number;
        counts[bucket] = (counts[bucket] as number) + 1;
        total += 1;
      }
    }
    const built = { counts, total };
    this.#windows.set(window, built);
    return built;
  }
}
