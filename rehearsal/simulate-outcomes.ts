import { join } from "node:path";
import { type OperatingCharacteristics, operatingCharacteristics } from "../analysis/operating-characteristics.ts";
import { threadPool } from "../io/pool.ts";
import type { Result } from "../reports/result.ts";
import type { Outcomes } from "../shadow/outcomes.ts";
import { KeptSalts } from "../sim/kept-salts.ts";
import type { Rollout } from "../sim/rollout.ts";
import { type SaltsJob, type ScenarioRollouts, simulate, simulationWorker } from "../sim/simulate.ts";
import type { SimulationInput } from "../sim/simulation-input.ts";
import { type Toll, tollOf } from "../sim/toll.ts";
import { type PreparedWorld, prepareSimulation } from "./prepare-simulation.ts";
import type { Project } from "./project.ts";
import type { Progress } from "./replay-project.ts";
import { writeRollouts } from "./rollout-table.ts";
import type { Run, RunOptions } from "./run.ts";

/** Replicates of the simulation: salts × replicatesPerSalt rollouts per scenario. */
export interface SimulationOptions {
  readonly salts?: number;
  readonly replicatesPerSalt?: number;
  /** replicates are added until the 95 % interval of every scenario's rates is at most this far from them, as a fraction */
  readonly precision?: number | undefined;
  /** leave out the chance that lies in who the log's units are: rates are then those of this very log, and too good */
  readonly fixedPopulation?: boolean | undefined;
  /** also harm of 1.5 and 2 times each margin: how surely and how soon it is found */
  readonly detection?: boolean | undefined;
  /** salts take turns to start so far apart in the log, as far as the longest rollout fits in; all at its beginning otherwise */
  readonly startEveryMs?: number | undefined;
}

/** What a simulation found. */
export interface Simulated {
  readonly scenarios: readonly OperatingCharacteristics[];
  readonly simulation: Result["simulation"];
  /** to be removed when the results are written */
  readonly kept: KeptSalts;
}

/** Salts at most, when a precision is asked for. */
const mostSalts = 4000;

/** Simulates the plan on outcomes under all scenarios, and writes every rollout to the run's folder. */
export async function simulateOutcomes(
  { plan, scenarios: stated }: Project,
  { run, outcomes }: { readonly run: Run; readonly outcomes: Outcomes },
  options: RunOptions & SimulationOptions,
  onProgress: Progress,
): Promise<Simulated> {
  const { threads, salts = 40, replicatesPerSalt = 25, precision, fixedPopulation, signal, versions } = options;
  const { worlds, starts, notes } = prepareSimulation(plan, stated, outcomes, options);
  const pool = threadPool<SaltsJob, Rollout[][][]>(simulationWorker, threads, signal);
  const kept = new KeptSalts(join(run.folder, "salts"), versions.foretaste);
  const planned = worlds.map(() => salts);
  let done = 0;
  let known: string | undefined;
  const tell = (finished: number) => {
    done += finished;
    onProgress(
      "simulate",
      done,
      planned.reduce((sum, own) => sum + own, 0),
      known,
    );
  };
  const settings = { seed: run.manifest.seed, replicatesPerSalt, fixedPopulation };
  const some: SimulateSome = (input, of) => simulate(input, { ...settings, ...of }, pool, tell, kept);
  const found: SimulatedWorld[] = [];
  for (const [w, world] of worlds.entries()) {
    const own = new SimulatedWorld(plan, world, starts);
    await own.add(salts, some);
    while (precision !== undefined) {
      const error = largestError(own.characteristics());
      planned[w] = saltsFor(precision, error, own.salts);
      known = `rates known to ${percentagePoints(error)}`;
      if (error <= precision) break;
      if (own.salts >= mostSalts) {
        const names = worlds.length === 1 ? "each scenario" : world.scenarios.map(({ name }) => name).join(", ");
        notes.push(
          `the precision asked for is not reached: rates are known to ${percentagePoints(error)} after ${own.salts * replicatesPerSalt} rollouts of ${names}`,
        );
        break;
      }
      await own.add(Math.min(own.salts, mostSalts - own.salts), some);
    }
    found.push(own);
  }
  if (known !== undefined) tell(0);
  if (fixedPopulation) notes.push("units are those of the log, not drawn from them: rates are those of this very log");
  if (options.startEveryMs !== undefined) {
    notes.push(
      starts.length > 1
        ? `rollouts start at ${starts.length} times of the log, which salts take in turns`
        : "every rollout starts with the log: one of full length that starts later would outlast it",
    );
  }
  const { windowMs, laps } = (worlds[0] as PreparedWorld).input;
  const first = found[0] as SimulatedWorld;
  const everyOne = found.flatMap(({ rollouts }) => rollouts);
  await writeRollouts(run.folder, plan, everyOne, windowMs, starts);
  return {
    scenarios: found.flatMap((own) => own.characteristics()),
    simulation: {
      replicates: first.salts * replicatesPerSalt,
      salts: first.salts,
      windowHours: windowMs / 3_600_000,
      laps,
      starts: starts.length,
      notes,
    },
    kept,
  };
}

/** Simulates every so many salts from one on. */
type SimulateSome = (
  input: SimulationInput,
  of: { readonly firstSalt: number; readonly every: number; readonly salts: number },
) => Promise<ScenarioRollouts[]>;

/** The rollouts of a world so far, and what they say. */
class SimulatedWorld {
  salts = 0;
  readonly rollouts: readonly { readonly scenario: string; readonly bySalt: (readonly Rollout[])[] }[];
  readonly #tolls = new Map<Rollout, Toll>();
  readonly #plan: Project["plan"];
  readonly #world: PreparedWorld;
  readonly #starts: readonly number[];

  /** @param starts at which salts take turns */
  constructor(plan: Project["plan"], world: PreparedWorld, starts: readonly number[]) {
    this.#plan = plan;
    this.#world = world;
    this.#starts = starts;
    this.rollouts = world.input.scenarios.map((scenario) => ({ scenario, bySalt: [] }));
  }

  async add(salts: number, simulated: SimulateSome): Promise<void> {
    const every = this.#starts.length;
    for (let k = 0; k < Math.min(every, salts); k++) {
      const firstSalt = this.salts + k;
      const input = this.#world.inputFrom(this.#starts[firstSalt % every] as number);
      const more = await simulated(input, { firstSalt, every, salts: Math.ceil((salts - k) / every) });
      for (const [s, { bySalt }] of more.entries()) {
        const toll = tollOf(input, s);
        for (const [i, own] of bySalt.entries()) {
          (this.rollouts[s] as (typeof this.rollouts)[number]).bySalt[firstSalt + i * every] = own;
          for (const rollout of own) this.#tolls.set(rollout, toll(rollout));
        }
      }
    }
    this.salts += salts;
  }

  characteristics(): OperatingCharacteristics[] {
    const { scenarios, input } = this.#world;
    const toll = (rollout: Rollout) => this.#tolls.get(rollout) as Toll;
    return scenarios.map((scenario, s) =>
      operatingCharacteristics(this.#plan, scenario, this.rollouts[s] as ScenarioRollouts, input.windowMs, toll),
    );
  }
}

/** Salts that a precision will take: they are doubled until it is reached, and errors fall with their root. */
function saltsFor(precision: number, error: number, salts: number): number {
  let planned = salts;
  const needed = error > precision ? Math.max(2 * salts, salts * (error / precision) ** 2) : salts;
  while (planned < Math.min(needed, mostSalts)) planned *= 2;
  return Math.min(planned, mostSalts);
}

/** The largest distance of a rate from an end of its interval. */
function largestError(characteristics: readonly OperatingCharacteristics[]): number {
  const errors = characteristics.flatMap(({ rollback, stop, promote }) =>
    [rollback, stop, promote].map((own) =>
      own.status === "ok" ? Math.max(own.high - own.value, own.value - own.low) : Number.POSITIVE_INFINITY,
    ),
  );
  return Math.max(0, ...errors);
}

function percentagePoints(share: number): string {
  return `${Number((100 * share).toPrecision(2))}pp`;
}
