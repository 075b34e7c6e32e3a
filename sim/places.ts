import { bucketCount } from "../plan/assignment.ts";
import type { Block } from "./columns.ts";
import { bytesPerVector } from "./gather.ts";
import type { SimulationInput } from "./simulation-input.ts";

/** Rows of a table are the buckets, then the sum of all of them. */
export const tableRows = bucketCount + 1;
const tableBytes = (vectors: number) => tableRows * vectors * bytesPerVector;

/** What a scenario changes, by maturity; null where nothing is. */
export interface ChangedBlocks {
  readonly blocks: readonly (Block | null)[];
}

/** Addresses of one rollout's sums. */
export interface Sums {
  /** of units first seen, in exposed buckets and in all */
  readonly arrived: number;
  readonly arrivedTotal: number;
  control(maturity: number): number;
  total(maturity: number): number;
  /** in exposed buckets, of what the scenario changes */
  changed(maturity: number): number;
  readonly end: number;
}

/** Where everything lies in the kernel's memory. */
export class Places {
  readonly bytes: number;
  readonly totalOrder: number;
  readonly #arrivals: readonly number[];
  readonly #orders: number;
  /** by group, maturity and delay */
  readonly #control: readonly (readonly (readonly number[])[])[];
  /** by group, scenario, maturity and delay */
  readonly #changed: readonly (readonly (readonly (readonly number[])[])[])[];
  readonly #sums: readonly Sums[];

  constructor(
    { sessions, groups }: SimulationInput,
    control: readonly Block[],
    arms: readonly ChangedBlocks[],
    replicates: number,
  ) {
    let next = 0;
    const take = (bytes: number) => {
      const at = next;
      next += Math.ceil(bytes / bytesPerVector) * bytesPerVector;
      return at;
    };
    this.totalOrder = take(2);
    this.#orders = take(replicates * orderBytes);
    this.#arrivals = groups.map(() => take(tableBytes(1)));
    const tables = (block: Block | null, maturity: number) =>
      (sessions.lags[maturity]?.delays ?? []).map(() => take(tableBytes(block?.vectors ?? 0)));
    this.#control = groups.map(() => control.map(tables));
    this.#changed = groups.map(() => arms.map(({ blocks }) => blocks.map(tables)));
    this.#sums = arms.flatMap((arm) => Array.from({ length: replicates }, () => sumsOf(control, arm, take)));
    this.bytes = next;
  }

  order(replicate: number): number {
    return this.#orders + replicate * orderBytes;
  }

  arrivals(group: number): number {
    return this.#arrivals[group] as number;
  }

  control(group: number, maturity: number, index: number): number {
    return this.#control[group]?.[maturity]?.[index] as number;
  }

  changed(group: number, scenario: number, maturity: number, index: number): number {
    return this.#changed[group]?.[scenario]?.[maturity]?.[index] as number;
  }

  sums(rollout: number): Sums {
    return this.#sums[rollout] as Sums;
  }
}

const orderBytes = 2 * bucketCount;

function sumsOf(control: readonly Block[], { blocks }: ChangedBlocks, take: (bytes: number) => number): Sums {
  const of = (block: Block | null) => take((block?.vectors ?? 0) * bytesPerVector);
  const arrived = take(bytesPerVector);
  const arrivedTotal = take(bytesPerVector);
  const exposed = control.map(of);
  const totals = control.map(of);
  const changed = blocks.map(of);
  const end = take(0);
  return {
    arrived,
    arrivedTotal,
    control: (maturity) => exposed[maturity] as number,
    total: (maturity) => totals[maturity] as number,
    changed: (maturity) => changed[maturity] as number,
    end,
  };
}
