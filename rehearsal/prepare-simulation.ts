import { InputError } from "../plan/input-error.ts";
import type { Plan } from "../plan/plan.ts";
import { bucketsOf, type Conditions, conditioned, controlAt, delayed } from "../scenarios/conditions.ts";
import { candidateValues, type HarmScenario, type Scenario, scenariosOf } from "../scenarios/scenario.ts";
import { NoRoom } from "../scenarios/shift.ts";
import type { Outcomes } from "../shadow/outcomes.ts";
import { type ScenarioValues, type SimulationInput, simulationInput } from "../sim/simulation-input.ts";
import type { Project } from "./project.ts";

/** What a simulation of a project reads. */
export interface PreparedSimulation {
  /** the log's own world, then that of each scenario under conditions of its own */
  readonly worlds: readonly PreparedWorld[];
  /** what is not simulated, and why */
  readonly notes: string[];
}

/** Scenarios that share traffic, plan and routing. */
export interface PreparedWorld {
  readonly input: SimulationInput;
  /** those that can be simulated, in the order of the input's */
  readonly scenarios: readonly Scenario[];
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
  const found: { readonly scenario: Scenario; readonly values: ScenarioValues }[] = [];
  for (const scenario of scenariosOf(plan, stated, detection)) {
    try {
      const { course, fromExposure } = statedOf(scenario);
      const candidate = candidateValues(scenario, outcomes);
      found.push({ scenario, values: { name: scenario.name, candidate, course, fromExposure } });
    } catch (error) {
      if (!(error instanceof NoRoom)) throw error;
      notes.push(`${scenario.name} is not simulated: ${error.message}`);
    }
  }
  const plain = found.filter(({ scenario }) => statedOf(scenario).conditions === undefined);
  const input = inputOf(
    plan,
    outcomes,
    plain.map(({ values }) => values),
  );
  const worlds: PreparedWorld[] = [{ input, scenarios: plain.map(({ scenario }) => scenario) }];
  for (const { scenario, values } of found) {
    const { conditions } = statedOf(scenario);
    if (conditions === undefined) continue;
    try {
      // planned samples are those of the log: the plan does not know better
      worlds.push({ input: conditionedInput(input.plan, outcomes, values, conditions), scenarios: [scenario] });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      notes.push(`${scenario.name} is not simulated: ${error.message}`);
    }
  }
  return { worlds, notes };
}

/** What the project says of time, exposure and conditions; of the scenarios of every rehearsal it says nothing. */
function statedOf(scenario: Scenario): Pick<HarmScenario, "course" | "fromExposure" | "conditions"> {
  return scenario.kind === "harm" || scenario.kind === "own" ? scenario : {};
}

function conditionedInput(plan: Plan, outcomes: Outcomes, values: ScenarioValues, conditions: Conditions) {
  const world = conditioned(outcomes, values.candidate, conditions);
  const candidate = world.metrics.map((own) => own.candidate);
  const { routing } = conditions;
  return simulationInput(delayed(plan, conditions), world, [{ ...values, candidate }], {
    buckets: routing === undefined ? undefined : bucketsOf(routing, plan.salt, world),
    controlAt: controlAt(world, conditions),
  });
}

function inputOf(plan: Plan, outcomes: Outcomes, values: readonly ScenarioValues[]): SimulationInput {
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
