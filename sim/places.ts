import { bucketCount } from "../plan/assignment.ts";
import type { Block } from "./columns.ts";
import { bytesPerVector } from "./gather.ts";
import type { SimulationInput } from "./simulation-input.ts";

/** Rows of a table are the buckets, then the sum of all of them. */
const tableRows = bucketCount + 1;
export const tableBytes = (vectors: number) => tableRows * vectors * bytesPerVector;

/** What a scenario changes, by maturity; null where nothing is. */
export interface ChangedBlocks {
  readonly blocks: readonly (Block | null)[];
}

/** Where everything lies in the kernel's memory: addresses are bytes. */
export class Places {
  readonly bytes: number;
  /** an order of all buckets */
  readonly everyBucket: number;
  /** of each maturity's sums under control, from a rollout's first on */
  readonly exposed: readonly number[];
  /** of each maturity's changed sums, by scenario, from a rollout's first on */
  readonly changed: readonly (readonly number[])[];
  /** integers that all control's sums of a rollout take */
  readonly controlWidth: number;
  readonly #orders: number;
  /** by group, maturity and table */
  readonly #controlTables: readonly (readonly (readonly number[])[])[];
  /** by group, scenario, maturity and table */
  readonly #changedTables: readonly (readonly (readonly (readonly number[])[])[])[];
  readonly #sums: readonly number[];
  /** by scenario */
  readonly #sumsBytes: readonly number[];
  /** by maturity */
  readonly #vectors: readonly number[];

  constructor(
    { sessions, groups }: SimulationInput,
    control: readonly Block[],
    arms: readonly ChangedBlocks[],
    replicates: number,
  ) {
    const memory = new Extent();
    this.everyBucket = memory.take(orderBytes);
    this.#orders = memory.take(replicates * orderBytes);
    // one for all that everyone sees, one a delay for what only some do
    const tables = (block: Block | null, maturity: number) =>
      block === null
        ? []
        : Array.from({ length: 1 + (sessions.lags[maturity]?.delays.length ?? 0) }, () =>
            memory.take(tableBytes(block.vectors)),
          );
    this.#controlTables = groups.map(() => control.map(tables));
    this.#changedTables = groups.map(() => arms.map(({ blocks }) => blocks.map(tables)));
    const own = new Extent();
    this.exposed = control.map(({ vectors }) => own.take(vectors * bytesPerVector));
    this.controlWidth = own.bytes >> 2;
    const extents = arms.map(() => new Extent(own.bytes));
    this.changed = arms.map(({ blocks }, s) =>
      blocks.map((block) => (extents[s] as Extent).take((block?.vectors ?? 0) * bytesPerVector)),
    );
    this.#sumsBytes = extents.map(({ bytes }) => bytes);
    this.#sums = this.#sumsBytes.map((bytes) => memory.take(replicates * bytes));
    this.#vectors = control.map(({ vectors }) => vectors);
    this.bytes = memory.bytes;
  }

  order(replicate: number): number {
    return this.#orders + replicate * orderBytes;
  }

  controlTable(group: number, maturity: number, table: number): number {
    return this.#controlTables[group]?.[maturity]?.[table] as number;
  }

  /** Of the sums of all buckets in a table. */
  totalRow(group: number, maturity: number, table: number): number {
    return (
      this.controlTable(group, maturity, table) + bucketCount * (this.#vectors[maturity] as number) * bytesPerVector
    );
  }

  changedTable(group: number, scenario: number, maturity: number, table: number): number {
    return this.#changedTables[group]?.[scenario]?.[maturity]?.[table] as number;
  }

  /** Of the first of a rollout's sums. */
  sums(scenario: number, replicate: number): number {
    return (this.#sums[scenario] as number) + replicate * (this.#sumsBytes[scenario] as number);
  }

  sumsWidth(scenario: number): number {
    return (this.#sumsBytes[scenario] as number) >> 2;
  }
}

const orderBytes = 2 * bucketCount;

/** Memory that is taken piece after piece, as whole vectors. */
class Extent {
  bytes: number;

  constructor(bytes = 0) {
    this.bytes = bytes;
  }

  take(bytes: number): number {
    const at = this.bytes;
    this.bytes += Math.ceil(bytes / bytesPerVector) * bytesPerVector;
    return at;
  }
}
