import { bucketCount } from "../plan/assignment.ts";
import type { Values } from "../shadow/outcomes.ts";
import type { Assignment } from "./assign-units.ts";
import { addColumns, type Block } from "./columns.ts";
import { type Kernel, lanes } from "./gather.ts";
import { PickedSessions } from "./picked-sessions.ts";
import { type ChangedBlocks, type Places, tableBytes } from "./places.ts";
import type { SimulationInput } from "./simulation-input.ts";

/** A table of what became visible in a window. */
export interface VisibleTable {
  readonly maturity: number;
  /** among those of its maturity */
  readonly table: number;
  /** seen by the rollouts whose stage started by then */
  readonly since: number;
}

/** The values of a scenario, and the columns of those that are not the control's. */
export interface ChangedValues extends ChangedBlocks {
  readonly values: readonly Values[];
}

/** Column of the first maturity's tables that counts units when they are first seen; column 0 counts sessions. */
export const arrivalsColumn = 1;

/** Sums of a window's sessions by bucket, made once for all rollouts. */
export class WindowTables {
  readonly #input: SimulationInput;
  readonly #place: Places;
  readonly #kernel: Kernel;
  readonly #control: readonly Block[];
  readonly #controlValues: readonly (readonly Values[])[];
  readonly #arms: readonly ChangedValues[];
  readonly #picked = new PickedSessions();
  /** by column, then by bucket */
  readonly #sums: Float64Array;

  /** @param controlValues by group of units and guardrail */
  constructor(
    input: SimulationInput,
    place: Places,
    kernel: Kernel,
    control: readonly Block[],
    controlValues: readonly (readonly Values[])[],
    arms: readonly ChangedValues[],
  ) {
    this.#input = input;
    this.#place = place;
    this.#kernel = kernel;
    this.#control = control;
    this.#controlValues = controlValues;
    this.#arms = arms;
    const widths = [...control, ...arms.flatMap(({ blocks }) => blocks)].map((block) => block?.width ?? 0);
    this.#sums = new Float64Array(bucketCount * Math.max(...widths));
  }

  /**
   * Makes the tables of what becomes visible of a group at the end of a window: delays that every rollout under way sees are
   * added up in one.
   *
   * @param starts of the stages under way
   */
  fill(window: number, group: number, starts: readonly number[], units: Assignment): VisibleTable[] {
    const { sessions, groups } = this.#input;
    const [earliest, latest] = [Math.min(...starts), Math.max(...starts)];
    const mask = groups[group] ?? null;
    const all: VisibleTable[] = [];
    for (const [maturity, { lag, delays }] of sessions.lags.entries()) {
      const own = new Map<number, VisibleTable>();
      const open = (table: number, since: number) => {
        if (own.has(table)) return;
        own.set(table, { maturity, table, since });
        this.#clear(group, maturity, table);
      };
      if (maturity === 0) {
        open(0, latest);
        this.#countArrivals(window, mask, units, this.#place.controlTable(group, 0, 0));
      }
      for (const [index, delay] of delays.entries()) {
        const arrival = window - delay;
        if (arrival < earliest) continue;
        this.#picked.pick(sessions, units, arrival, { lag, index, mask });
        if (this.#picked.count === 0) continue;
        const isShared = arrival >= latest;
        const table = isShared ? 0 : 1 + index;
        open(table, isShared ? latest : arrival);
        this.#addPicked(group, maturity, table, arrival);
      }
      for (const table of own.keys()) this.#total(group, maturity, table);
      all.push(...own.values());
    }
    return all;
  }

  #clear(group: number, maturity: number, table: number): void {
    this.#zero(this.#place.controlTable(group, maturity, table), this.#control[maturity] as Block);
    for (const [s, { blocks }] of this.#arms.entries()) {
      const block = blocks[maturity];
      if (block) this.#zero(this.#place.changedTable(group, s, maturity, table), block);
    }
  }

  #zero(table: number, { vectors }: Block): void {
    this.#kernel.integers.fill(0, table >> 2, (table + tableBytes(vectors)) >> 2);
  }

  /** Puts the sum of all buckets after them. */
  #total(group: number, maturity: number, table: number): void {
    const { vectors } = this.#control[maturity] as Block;
    const at = this.#place.controlTable(group, maturity, table);
    const total = this.#place.totalRow(group, maturity, table);
    this.#kernel.gather(at, vectors, this.#place.everyBucket, bucketCount, total);
  }

  /** Units of a group that are first seen in a window, by bucket. */
  #countArrivals(window: number, mask: Uint8Array | null, { buckets, starts }: Assignment, table: number): void {
    const { first, base, unit, windowStart } = this.#input.sessions;
    const { integers } = this.#kernel;
    const column = (table >> 2) + arrivalsColumn;
    const stride = (this.#control[0] as Block).vectors * lanes;
    for (let i = windowStart[window] as number; i < (windowStart[window + 1] as number); i++) {
      if (first[i] === 0 || (mask !== null && mask[base[i] as number] === 0)) continue;
      const own = unit[i] as number;
      for (let copy = starts[own] as number; copy < (starts[own + 1] as number); copy++) {
        const at = column + (buckets[copy] as number) * stride;
        integers[at] = (integers[at] as number) + 1;
      }
    }
  }

  /** Adds the picked sessions, which arrived in one window, to a table of each arm. */
  #addPicked(group: number, maturity: number, table: number, arrival: number): void {
    const picked = this.#picked;
    const control = this.#control[maturity] as Block;
    const others = this.#controlValues[group] as readonly Values[];
    this.#add(control, others, others, this.#place.controlTable(group, maturity, table), true);
    for (const [s, { blocks, values }] of this.#arms.entries()) {
      const block = blocks[maturity];
      if (!block) continue;
      const share = this.#input.worlds[s]?.shares?.[arrival] ?? 1;
      const reached = share === 1 ? picked.count : picked.reach(this.#input.chance as Float64Array, share);
      this.#add(block, values, others, this.#place.changedTable(group, s, maturity, table), false, reached);
    }
  }

  /** @param reached of the picked sessions have these values, those after them the others' */
  #add(
    block: Block,
    values: readonly Values[],
    others: readonly Values[],
    table: number,
    counted: boolean,
    reached: number = this.#picked.count,
  ): void {
    const { width, vectors, columns, guardrails, offsets, scales } = block;
    const sums = this.#sums;
    sums.fill(0, 0, bucketCount * width);
    const { slots, count } = this.#picked;
    if (counted) for (let j = 0; j < count; j++) sums[slots[j] as number] = (sums[slots[j] as number] as number) + 1;
    for (const [k, own] of columns.entries()) {
      const [offset, g] = [offsets[k] as number, guardrails[k] as number];
      addColumns(sums, bucketCount, offset, own, values[g] as Values, this.#picked, 0, reached);
      addColumns(sums, bucketCount, offset, own, others[g] as Values, this.#picked, reached, count);
    }
    addRounded(this.#kernel.integers, table >> 2, vectors * lanes, sums, scales);
  }
}

/** Adds sums, in whole steps of each column's own size, to the rows of a table. */
function addRounded(
  integers: Int32Array,
  first: number,
  stride: number,
  sums: Float64Array,
  scales: Float64Array,
): void {
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    const row = first + bucket * stride;
    for (let c = 0; c < scales.length; c++) {
      const value = Math.round((sums[c * bucketCount + bucket] as number) * (scales[c] as number));
      integers[row + c] = ((integers[row + c] as number) + value) | 0;
    }
  }
}
