import { didYouMean } from "../plan/document.ts";
import { InputError } from "../plan/input-error.ts";
import type { Plan } from "../plan/plan.ts";
import { type TracedLook, traceRollout } from "../sim/simulate.ts";
import { prepareSimulation } from "./prepare-simulation.ts";
import type { Project } from "./project.ts";
import { measure } from "./rehearse.ts";
import type { Progress } from "./replay-project.ts";
import type { RunOptions } from "./run.ts";
import type { SimulationOptions } from "./simulate-outcomes.ts";

/** What {@link traceSimulation} returns: plain data. */
export interface Trace {
  readonly plan: Plan;
  readonly scenario: string;
  readonly salt: number;
  readonly replicate: number;
  readonly looks: readonly TracedLook[];
}

/**
 * One of the rollouts that `simulatePlan` simulates with the same seed, look by look.
 *
 * @param of its scenario, salt and replicate, as in the table of rollouts
 * @throws InputError for a scenario that is not simulated
 */
export async function traceSimulation(
  written: Project,
  { replicatesPerSalt = 25, fixedPopulation, detection, startEveryMs, ...options }: RunOptions & SimulationOptions,
  of: { readonly scenario: string; readonly salt: number; readonly replicate: number },
  onProgress: Progress = () => {},
): Promise<Trace> {
  const measured = await measure(written, { ...options, resume: true }, onProgress);
  const { plan, scenarios } = measured.project;
  const { worlds, starts } = prepareSimulation(plan, scenarios, measured.outcomes, { detection, startEveryMs });
  const world = worlds.find((own) => own.input.scenarios.includes(of.scenario));
  if (!world) {
    const known = worlds.flatMap(({ input }) => input.scenarios);
    throw new InputError("--trace", `unknown scenario ${of.scenario}`, didYouMean(of.scenario, known));
  }
  if (of.replicate >= replicatesPerSalt) {
    throw new InputError(
      "--replicate",
      `a salt has ${replicatesPerSalt} replicates, numbered from 0`,
      "write a smaller one",
    );
  }
  const { seed } = measured.run.manifest;
  const input = world.inputFrom(starts[of.salt % starts.length] as number);
  return {
    plan: input.plan,
    ...of,
    looks: traceRollout(input, { seed, replicatesPerSalt, fixedPopulation, ...of }),
  };
}
