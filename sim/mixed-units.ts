import { controlledStages } from "../plan/plan.ts";
import type { SimulationInput } from "./simulation-input.ts";

/** Units that meet both arms, where every session is routed by itself: means over who is exposed. */
export class MixedUnits {
  readonly #input: SimulationInput;
  /** of each session of the log, which are the units of the input */
  readonly #owners: Int32Array;
  readonly #units: number;
  readonly #exposures: readonly number[];
  /** by stage and start: of the first k windows at k */
  readonly #known = new Map<string, Float64Array>();

  /** @param owners the unit of each session of the log */
  constructor(input: SimulationInput, owners: Int32Array) {
    this.#input = input;
    this.#owners = owners;
    this.#units = owners.reduce((most, own) => Math.max(most, own + 1), 0);
    this.#exposures = controlledStages(input.plan).map(({ exposure }) => exposure);
  }

  /** Units with sessions in both arms of a stage, in its first k windows. */
  inBothArms(stage: number, start: number, k: number): number {
    const key = `${stage} ${start}`;
    const known = this.#known.get(key) ?? this.#count(stage, start);
    this.#known.set(key, known);
    return known[k] as number;
  }

  /** Units that the candidate serves at least once in stages that start so, before `end`. */
  served(starts: readonly number[], end: number): number {
    const missed = new Float64Array(this.#units * this.#input.laps).fill(1);
    for (const [stage, start] of starts.entries()) {
      const share = 1 - (this.#exposures[stage] as number);
      this.#each(stage, start, starts[stage + 1] ?? end, (unit) => {
        missed[unit] = (missed[unit] as number) * share;
      });
    }
    return missed.reduce((sum, own) => sum + (1 - own), 0);
  }

  #count(stage: number, start: number): Float64Array {
    const { planWindows } = this.#input;
    const exposure = this.#exposures[stage] as number;
    const both = (sessions: number) => 1 - exposure ** sessions - (1 - exposure) ** sessions;
    const sessions = new Int32Array(this.#units * this.#input.laps);
    const found = new Float64Array(planWindows - start + 1);
    for (let window = start; window < planWindows; window++) {
      let sum = found[window - start] as number;
      this.#each(stage, window, window + 1, (unit) => {
        const own = sessions[unit] as number;
        sum += both(own + 1) - (own === 0 ? 0 : both(own));
        sessions[unit] = own + 1;
      });
      found[window - start + 1] = sum;
    }
    return found;
  }

  #each(stage: number, from: number, to: number, visit: (unit: number) => void): void {
    const { sessions, groups, stageGroups } = this.#input;
    const group = groups[stageGroups[stage] as number] ?? null;
    for (let i = sessions.windowStart[from] as number; i < (sessions.windowStart[to] as number); i++) {
      const base = sessions.base[i] as number;
      if (group !== null && group[base] === 0) continue;
      // a unit of another lap is another unit
      const lap = Math.floor((sessions.unit[i] as number) / this.#owners.length);
      visit((this.#owners[base] as number) + lap * this.#units);
    }
  }
}
