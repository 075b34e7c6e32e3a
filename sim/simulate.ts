import { type Pool, workerBeside } from "../io/pool.ts";
import { bucketCount, hashText } from "../plan/assignment.ts";
import { type Decision, decide, type Look } from "../plan/decide.ts";
import { controlledStages } from "../plan/plan.ts";
import { type RandomStream, randomStream, studyKey } from "../statistics/random-stream.ts";
import type { KeptSalts } from "./kept-salts.ts";
import type { Rollout } from "./rollout.ts";
import { SaltSimulation } from "./salt-simulation.ts";
import type { SimulationInput } from "./simulation-input.ts";

/** The module that runs {@link simulateSalts} in a thread. */
export const simulationWorker = workerBeside(import.meta.url, "worker");

/** A few salts: the tables of each serve every scenario, and all share the population's design effects. */
export interface SaltsJob {
  /** tells the studies of a program apart */
  readonly study: number;
  readonly input: SimulationInput;
  readonly seed: string;
  readonly salts: readonly number[];
  readonly replicatesPerSalt: number;
  /** units are those of the log, not drawn from them: the chance of the population is left out */
  readonly fixedPopulation?: boolean | undefined;
}

/** Salts of one job. */
const saltsPerJob = 5;
let studies = 0;

/** The rollouts of one scenario, by salt; one salt is one cluster of the Monte Carlo error. */
export interface ScenarioRollouts {
  readonly scenario: string;
  readonly bySalt: readonly (readonly Rollout[])[];
}

/**
 * Simulates the plan `salts · replicatesPerSalt` times under every scenario, from a salt on.
 *
 * Replicate r of a salt is a pure function of seed, salt and r, and is the same permutation in every scenario. Tables
 * rotate with the salt: one salt for all replicates is statistically wrong.
 *
 * @param onProgress is told how many more salts are there: first of those that were kept, which may be none
 * @param kept       salts that are there already, and where finished ones are kept
 */
export async function simulate(
  input: SimulationInput,
  {
    seed,
    firstSalt = 0,
    every = 1,
    salts = 40,
    replicatesPerSalt = 25,
    fixedPopulation = false,
  }: {
    readonly seed: string;
    readonly firstSalt?: number;
    /** only every so many salts is simulated */
    readonly every?: number;
    readonly salts?: number;
    readonly replicatesPerSalt?: number;
    readonly fixedPopulation?: boolean | undefined;
  },
  pool: Pool<SaltsJob, Rollout[][][]>,
  onProgress: (salts: number) => void = () => {},
  kept?: KeptSalts,
): Promise<ScenarioRollouts[]> {
  studies += 1;
  const all = Array.from({ length: salts }, (_, i) => firstSalt + i * every);
  const store = kept?.of(input, { seed, replicatesPerSalt, fixedPopulation });
  const results = all.map((salt) => store?.get(salt));
  const missing = all.filter((_, i) => results[i] === undefined);
  onProgress(salts - missing.length);
  const jobs = Array.from({ length: Math.ceil(missing.length / saltsPerJob) }, (_, job) => ({
    study: studies,
    input,
    seed,
    salts: missing.slice(job * saltsPerJob, (job + 1) * saltsPerJob),
    replicatesPerSalt,
    fixedPopulation,
  }));
  try {
    const simulated = await pool(jobs, (result, job) => {
      const own = (jobs[job] as SaltsJob).salts;
      store?.keep(own, result);
      onProgress(own.length);
    });
    for (const [i, result] of simulated.flat().entries()) results[all.indexOf(missing[i] as number)] = result;
  } finally {
    await store?.written();
  }
  return input.scenarios.map((scenario, s) => ({
    scenario,
    bySalt: results.map((result) => result?.[s] as Rollout[]),
  }));
}

/** The rollouts of a few salts, by salt and scenario. */
export function simulateSalts({
  study,
  input,
  seed,
  salts,
  replicatesPerSalt,
  fixedPopulation = false,
}: SaltsJob): Rollout[][][] {
  if (latest?.study !== study) latest = { study, engine: new SaltSimulation(input, replicatesPerSalt) };
  const { engine } = latest;
  return salts.map((salt) =>
    engine.simulate(hashText(`${seed}/${salt}`), ordersOf(input, seed, salt, replicatesPerSalt), !fixedPopulation),
  );
}

/** One look of a traced rollout, with the decision in words. */
export interface TracedLook {
  /** from the rollout's start */
  readonly hours: number;
  readonly stage: string;
  readonly look: Look;
  readonly decision: Decision;
}

/**
 * One replicate, look by look: what the rule saw and said.
 *
 * @param replicate of its salt, from 0
 */
export function traceRollout(
  input: SimulationInput,
  {
    seed,
    scenario,
    salt,
    replicate,
    replicatesPerSalt,
    fixedPopulation = false,
  }: Pick<SaltsJob, "seed" | "replicatesPerSalt" | "fixedPopulation"> & {
    readonly scenario: string;
    readonly salt: number;
    readonly replicate: number;
  },
): TracedLook[] {
  const traced: TracedLook[] = [];
  const index = input.scenarios.indexOf(scenario);
  const stages = controlledStages(input.plan);
  const orders = ordersOf(input, seed, salt, replicatesPerSalt);
  const engine = new SaltSimulation(input, replicate + 1);
  engine.simulate(hashText(`${seed}/${salt}`), orders, !fixedPopulation, (seen) => {
    if (seen.scenario !== index || seen.replicate !== replicate) return;
    traced.push({
      hours: ((seen.window + 1) * input.windowMs) / 3_600_000,
      stage: stages[seen.look.stage]?.name ?? "",
      look: seen.look,
      decision: decide(input.plan, seen.look),
    });
  });
  return traced;
}

/** The order of buckets of each replicate of a salt. */
function ordersOf({ plan, sessions }: SimulationInput, seed: string, salt: number, replicatesPerSalt: number) {
  if (sessions.buckets !== null) return () => unshuffled;
  const key = studyKey(seed);
  const most = Math.max(...controlledStages(plan).map(({ exposure }) => Math.round(exposure * bucketCount)));
  return (replicate: number) =>
    exposureOrder(randomStream(key, orderPurpose, salt * replicatesPerSalt + replicate), most);
}

/** A thread's jobs are mostly of one study: what all salts share is made once. */
let latest: { readonly study: number; readonly engine: SaltSimulation } | undefined;

/** Separates the orders of buckets from the streams of policies. */
const orderPurpose = 2;

/**
 * The buckets in the order in which a rollout exposes them, drawn as far as it may go.
 *
 * @param most buckets that are ever exposed
 *
 * Source: Durstenfeld (1964), CACM 7:420, Algorithm 235, from the front.
 */
export function exposureOrder(random: RandomStream, most: number): Uint16Array {
  const order = unshuffled.slice();
  for (let i = 0; i < most; i++) {
    const j = i + Math.floor(random() * (bucketCount - i));
    const kept = order[i] as number;
    order[i] = order[j] as number;
    order[j] = kept;
  }
  return order;
}

const unshuffled = Uint16Array.from({ length: bucketCount }, (_, i) => i);
