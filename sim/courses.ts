import type { Rollout } from "./rollout.ts";
import type { SimulationInput } from "./simulation-input.ts";

/** Where every rollout stands. */
export class Courses {
  readonly count: number;
  readonly stage: Int32Array;
  readonly start: Int32Array;
  readonly rollouts: Rollout[];
  underWay: number;
  readonly #stageGroups: readonly number[];
  readonly #over: Uint8Array;
  /** start of each stage that a rollout has reached */
  readonly #starts: number[][];
  /** by group of units: how many rollouts under way are in a stage of each start */
  readonly #startedAt: readonly Map<number, number>[];

  constructor(count: number, { groups, stageGroups }: Pick<SimulationInput, "groups" | "stageGroups">) {
    this.count = count;
    this.underWay = count;
    this.stage = new Int32Array(count);
    this.start = new Int32Array(count);
    this.rollouts = new Array<Rollout>(count);
    this.#stageGroups = stageGroups;
    this.#over = new Uint8Array(count);
    this.#starts = Array.from({ length: count }, () => [0]);
    this.#startedAt = groups.map((_, group) => new Map(group === stageGroups[0] ? [[0, count]] : []));
  }

  isOver(i: number): boolean {
    return this.#over[i] === 1;
  }

  /** The starts of the stages under way that address a group of units. */
  startsUnderWay(group: number): number[] {
    return [...(this.#startedAt[group] as Map<number, number>).keys()];
  }

  promote(i: number, start: number): void {
    this.#count(i, -1);
    this.stage[i] = (this.stage[i] as number) + 1;
    this.start[i] = start;
    this.#count(i, 1);
    (this.#starts[i] as number[]).push(start);
  }

  startsOf(i: number): readonly number[] {
    return this.#starts[i] as number[];
  }

  finish(i: number, rollout: Rollout): void {
    this.#count(i, -1);
    this.rollouts[i] = rollout;
    this.#over[i] = 1;
    this.underWay -= 1;
  }

  #count(i: number, change: number): void {
    const startedAt = this.#startedAt[this.#stageGroups[this.stage[i] as number] as number] as Map<number, number>;
    const start = this.start[i] as number;
    const count = (startedAt.get(start) ?? 0) + change;
    if (count > 0) startedAt.set(start, count);
    else startedAt.delete(start);
  }
}
