import { InputError } from "../plan/input-error.ts";
import { candidateValues, type HarmScenario, type Scenario, scenariosOf } from "../scenarios/scenario.ts";
import { NoRoom } from "../scenarios/shift.ts";
import type { Outcomes } from "../shadow/outcomes.ts";
import { type ScenarioValues, type SimulationInput, simulationInput } from "../sim/simulation-input.ts";
import type { Project } from "./project.ts";

/** What a simulation of a project reads. */
export interface PreparedSimulation {
  readonly input: SimulationInput;
  /** those that can be simulated, in the order of the input's */
  readonly scenarios: readonly Scenario[];
  /** what is not simulated, and why */
  readonly notes: string[];
}

/**
 * The scenarios of a project as a simulation takes them.
 *
 * @param detection also harm beyond each margin
 * @throws InputError for a plan whose times are too uneven or too long for the log
 */
export function prepareSimulation(
  plan: Project["plan"],
  stated: Project["scenarios"],
  outcomes: Outcomes,
  detection = false,
): PreparedSimulation {
  const notes = plan.stages.flatMap((stage) =>
    stage.kind === "routed" ? [`stage ${stage.name} is not simulated: it is routed, and nothing is tested in it`] : [],
  );
  const scenarios: Scenario[] = [];
  const values: ScenarioValues[] = [];
  for (const scenario of scenariosOf(plan, stated, detection)) {
    try {
      const { course, fromExposure } = scenario.kind === "harm" ? scenario : noHarm;
      values.push({ name: scenario.name, candidate: candidateValues(scenario, outcomes), course, fromExposure });
      scenarios.push(scenario);
    } catch (error) {
      if (!(error instanceof NoRoom)) throw error;
      notes.push(`${scenario.name} is not simulated: ${error.message}`);
    }
  }
  return { input: inputOf(plan, outcomes, values), scenarios, notes };
}

/** Values that are there from the start, at every exposure. */
const noHarm: Pick<HarmScenario, "course" | "fromExposure"> = {};

function inputOf(plan: Project["plan"], outcomes: Outcomes, values: readonly ScenarioValues[]) {
  try {
    return simulationInput(plan, outcomes, values);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(
      "plan",
      error.message,
      "give looks and durations a larger common step (1h), or rehearse on a longer log",
      {
        cause: error,
      },
    );
  }
}
