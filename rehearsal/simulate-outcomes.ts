import { join } from "node:path";
import { type OperatingCharacteristics, operatingCharacteristics } from "../analysis/operating-characteristics.ts";
import { threadPool } from "../io/pool.ts";
import type { Result } from "../reports/result.ts";
import type { Outcomes } from "../shadow/outcomes.ts";
import { KeptSalts } from "../sim/kept-salts.ts";
import type { Rollout } from "../sim/rollout.ts";
import { type SaltsJob, type ScenarioRollouts, simulate, simulationWorker } from "../sim/simulate.ts";
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
  const found: SimulatedWorld[] = [];
  for (const [w, world] of worlds.entries()) {
    const { windowMs } = world.input;
    const rollouts: ScenarioRollouts[] = world.input.scenarios.map((scenario) => ({ scenario, bySalt: [] }));
    const tolls = new Map<Rollout, Toll>();
    const add = async (from: number, to: number) => {
      // salts take turns at the starts
      for (const [turn, start] of starts.entries()) {
        const firstSalt = from + ((((turn - from) % starts.length) + starts.length) % starts.length);
        const count = Math.ceil((to - firstSalt) / starts.length);
        if (count <= 0) continue;
        const input = world.inputFrom(start);
        const of = { seed: run.manifest.seed, firstSalt, every: starts.length, salts: count };
        const more = await simulate(input, { ...of, replicatesPerSalt, fixedPopulation }, pool, tell, kept);
        for (const [s, { bySalt }] of more.entries()) {
          const toll = tollOf(input, s);
          for (const [i, own] of bySalt.entries()) {
            (rollouts[s]?.bySalt as (readonly Rollout[])[])[firstSalt + i * starts.length] = own;
            for (const rollout of own) tolls.set(rollout, toll(rollout));
          }
        }
      }
      return world.scenarios.map((scenario, s) =>
        operatingCharacteristics(
          plan,
          scenario,
          rollouts[s] as ScenarioRollouts,
          windowMs,
          (own) => tolls.get(own) as Toll,
        ),
      );
    };
    let total = salts;
    let characteristics = await add(0, salts);
    while (precision !== undefined) {
      const error = largestError(characteristics);
      planned[w] = saltsFor(precision, error, total);
      known = `rates known to ${percentagePoints(error)}`;
      if (error <= precision) break;
      if (total >= mostSalts) {
        const names = worlds.length === 1 ? "each scenario" : world.scenarios.map(({ name }) => name).join(", ");
        notes.push(
          `the precision asked for is not reached: rates are known to ${percentagePoints(error)} after ${total * replicatesPerSalt} rollouts of ${names}`,
        );
        break;
      }
      const to = Math.min(2 * total, mostSalts);
      characteristics = await add(total, to);
      total = to;
    }
    found.push({ rollouts, characteristics, salts: total });
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
    scenarios: found.flatMap(({ characteristics }) => characteristics),
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

interface SimulatedWorld {
  readonly rollouts: readonly ScenarioRollouts[];
  readonly characteristics: readonly OperatingCharacteristics[];
  readonly salts: number;
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
