import { type Pool, workerBeside } from "../io/pool.ts";
import { hashText } from "../plan/assignment.ts";
import { bucketCount } from "../plan/parse-plan.ts";
import { controlledStages } from "../plan/plan.ts";
import type { Values } from "../shadow/outcomes.ts";
import { type RandomStream, randomStream, type StudyKey, studyKey } from "../statistics/random-stream.ts";
import { assignUnits, BucketTables, FirstSeen } from "./bucket-tables.ts";
import { DesignEffects } from "./design-effect.ts";
import { type Rollout, simulateRollout } from "./rollout.ts";
import type { SimulationInput } from "./simulation-input.ts";

/** The module that runs {@link simulateSalts} in a thread. */
export const simulationWorker = workerBeside(import.meta.url, "worker");

/** A few salts: the tables of each serve every scenario, and all share the population's design effects. */
export interface SaltsJob {
  readonly input: SimulationInput;
  readonly seed: string;
  readonly salts: readonly number[];
  readonly replicatesPerSalt: number;
}

const saltsPerJob = 5;

/** The rollouts of one scenario, by salt; one salt is one cluster of the Monte Carlo error. */
export interface ScenarioRollouts {
  readonly scenario: string;
  readonly bySalt: readonly (readonly Rollout[])[];
}

/**
 * Simulates the plan `salts · replicatesPerSalt` times under every scenario.
 *
 * Replicate r of a salt is a pure function of seed, salt and r, and is the same permutation in every scenario. Tables
 * rotate with the salt: one salt for all replicates is statistically wrong.
 */
export async function simulate(
  input: SimulationInput,
  {
    seed,
    salts = 40,
    replicatesPerSalt = 25,
  }: { readonly seed: string; readonly salts?: number; readonly replicatesPerSalt?: number },
  pool: Pool<SaltsJob, Rollout[][][]>,
  onProgress: () => void = () => {},
): Promise<ScenarioRollouts[]> {
  const all = Array.from({ length: salts }, (_, salt) => salt);
  const jobs = Array.from({ length: Math.ceil(salts / saltsPerJob) }, (_, job) => ({
    input,
    seed,
    salts: all.slice(job * saltsPerJob, (job + 1) * saltsPerJob),
    replicatesPerSalt,
  }));
  const results = (await pool(jobs, onProgress)).flat();
  return input.scenarios.map((scenario, s) => ({ scenario, bySalt: results.map((result) => result[s] as Rollout[]) }));
}

/** The rollouts of a few salts, by salt and scenario. */
export function simulateSalts({ input, seed, salts, replicatesPerSalt }: SaltsJob): Rollout[][][] {
  const longest = Math.max(...controlledStages(input.plan).map(({ maximumMs }) => maximumMs / input.windowMs));
  const controlValues = input.guardrails.map(({ control }) => control);
  const controlEffects = new DesignEffects(input, controlValues, longest);
  const arms = input.scenarios.map((_, s) => {
    const values = input.guardrails.map(({ candidates }) => candidates[s] as Values);
    const same = values.every((own, g) => own === controlValues[g]);
    return { values, same, effects: same ? controlEffects : new DesignEffects(input, values, longest, controlEffects) };
  });
  const study = studyKey(seed);
  return salts.map((salt) => {
    const hash = hashText(`${seed}/${salt}`);
    const assignment = assignUnits(input.sessions.unitHash, hash);
    const control = new BucketTables(input, assignment, controlValues);
    const firstSeen = new FirstSeen(input, assignment);
    return arms.map(({ values, same, effects }) => {
      const candidate = same ? control : new BucketTables(input, assignment, values);
      const world = { input, control, candidate, firstSeen, controlEffects, candidateEffects: effects };
      return Array.from({ length: replicatesPerSalt }, (_, r) =>
        simulateRollout(world, permutationOf(study, salt * replicatesPerSalt + r)),
      );
    });
  });
}

/** Separates the permutations from the streams of policies. */
const permutationPurpose = 2;

function permutationOf(study: StudyKey, replicate: number): Uint16Array {
  return shuffled(randomStream(study, permutationPurpose, replicate));
}

/** Source: Durstenfeld (1964), CACM 7:420, Algorithm 235. */
function shuffled(random: RandomStream): Uint16Array {
  const order = Uint16Array.from({ length: bucketCount }, (_, i) => i);
  for (let i = bucketCount - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const kept = order[i] as number;
    order[i] = order[j] as number;
    order[j] = kept;
  }
  return order;
}
