import type { Rollout } from "./rollout.ts";
import type { SimulationInput } from "./simulation-input.ts";

/** Where every rollout stands. */
export class Courses {
  readonly count: number;
  readonly stage: Int32Array;
  readonly start: Int32Array;
  readonly rollouts: Rollout[];
  underWay: number;
  readonly #over: Uint8Array;
  /** start of each stage that a rollout has reached */
  readonly #starts: number[][];

  constructor(count: number) {
    this.count = count;
    this.underWay = count;
    this.stage = new Int32Array(count);
    this.start = new Int32Array(count);
    this.rollouts = new Array<Rollout>(count);
    this.#over = new Uint8Array(count);
    this.#starts = Array.from({ length: count }, () => [0]);
  }

  isOver(i: number): boolean {
    return this.#over[i] === 1;
  }

  /** The earliest start of the stages under way, by group of units; Infinity where none is. */
  earliestStarts({ groups, stageGroups }: Pick<SimulationInput, "groups" | "stageGroups">): number[] {
    const earliest = groups.map(() => Number.POSITIVE_INFINITY);
    for (let i = 0; i < this.count; i++) {
      if (this.#over[i] === 1) continue;
      const group = stageGroups[this.stage[i] as number] as number;
      earliest[group] = Math.min(earliest[group] as number, this.start[i] as number);
    }
    return earliest;
  }

  promote(i: number, start: number): void {
    this.stage[i] = (this.stage[i] as number) + 1;
    this.start[i] = start;
    (this.#starts[i] as number[]).push(start);
  }

  startsOf(i: number): readonly number[] {
    return this.#starts[i] as number[];
  }

  finish(i: number, rollout: Rollout): void {
    this.rollouts[i] = rollout;
    this.#over[i] = 1;
    this.underWay -= 1;
  }
}
