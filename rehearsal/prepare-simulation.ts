import { InputError } from "../plan/input-error.ts";
import type { Plan } from "../plan/plan.ts";
import {
  bucketsOf,
  type Conditions,
  conditioned,
  controlAt,
  delayed,
  swappedSessions,
} from "../scenarios/conditions.ts";
import { candidateValues, type HarmScenario, type Scenario, scenariosOf } from "../scenarios/scenario.ts";
import { NoRoom } from "../scenarios/shift.ts";
import type { Outcomes, Values } from "../shadow/outcomes.ts";
import { picker, someSessions } from "../shadow/some-sessions.ts";
import { type ScenarioValues, type SimulationInput, simulationInput } from "../sim/simulation-input.ts";
import { sessionsFrom, startsOf } from "../sim/starts.ts";
import type { Project } from "./project.ts";
import type { SimulationOptions } from "./simulate-outcomes.ts";

/** What a simulation of a project reads. */
export interface PreparedSimulation {
  /** the log's own world, then that of each scenario under conditions of its own */
  readonly worlds: readonly PreparedWorld[];
  /** of rollouts, ms after the log's first hour; just 0 unless told otherwise */
  readonly starts: readonly number[];
  /** what is not simulated, and why */
  readonly notes: string[];
}

/** Scenarios that share traffic, plan and routing. */
export interface PreparedWorld {
  /** of rollouts that start with the log */
  readonly input: SimulationInput;
  /** those that can be simulated, in the order of the input's */
  readonly scenarios: readonly Scenario[];
  /** that of rollouts that start later, made when it is asked for */
  readonly inputFrom: (start: number) => SimulationInput;
}

/**
 * The scenarios of a project as a simulation takes them.
 *
 * @param detection    also harm beyond each margin
 * @param startEveryMs starts of rollouts; with the log where it is not given
 * @throws InputError for a plan whose times are too uneven or too long for the log
 */
export function prepareSimulation(
  plan: Project["plan"],
  stated: Project["scenarios"],
  outcomes: Outcomes,
  { detection, startEveryMs }: Pick<SimulationOptions, "detection" | "startEveryMs"> = {},
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
  const starts = startEveryMs === undefined ? [0] : startsOf(outcomes, plan, startEveryMs);
  const plain = found.filter(({ scenario }) => statedOf(scenario).conditions === undefined);
  const log = { outcomes, values: plain.map(({ values }) => values), unlike: {} };
  const input = refusable(() => inputOf(plan, log, 0));
  const worlds: PreparedWorld[] = [
    {
      input,
      scenarios: plain.map(({ scenario }) => scenario),
      inputFrom: (start) => (start === 0 ? input : inputOf(input.plan, log, start)),
    },
  ];
  for (const { scenario, values } of found) {
    const { conditions } = statedOf(scenario);
    if (conditions === undefined) continue;
    try {
      const world = worldOf(outcomes, values, conditions, plan.salt);
      // planned samples are those of the log: the plan does not know better
      const late = delayed(input.plan, conditions);
      const own = inputOf(late, world, 0);
      const inputFrom = (start: number) => (start === 0 ? own : inputOf(late, world, start));
      worlds.push({ input: own, scenarios: [scenario], inputFrom });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      notes.push(`${scenario.name} is not simulated: ${error.message}`);
    }
  }
  return { worlds, starts, notes };
}

/** Outcomes with the scenarios' values, and what is unlike the log. */
interface Simulable {
  readonly outcomes: Outcomes;
  readonly values: readonly ScenarioValues[];
  readonly unlike: {
    readonly conditions?: Conditions;
    readonly buckets?: ReadonlyMap<string, number>;
    /** unit of each session, by its name */
    readonly owners?: ReadonlyMap<string, number>;
  };
}

function worldOf(outcomes: Outcomes, values: ScenarioValues, conditions: Conditions, salt: string): Simulable {
  const world = conditioned(outcomes, values.candidate, conditions);
  const { routing } = conditions;
  const own = routing === undefined || routing === "per_session" ? undefined : bucketsOf(routing, salt, world);
  const buckets = own && new Map(world.unitNames.map((name, u) => [name, own[u] as number]));
  return {
    outcomes: world,
    values: [{ ...values, candidate: world.metrics.map(({ candidate }) => candidate) }],
    unlike: {
      conditions,
      ...(buckets ? { buckets } : {}),
      ...(routing === "per_session"
        ? { owners: new Map(outcomes.sessions.map((name, i) => [name, outcomes.unit[i] as number])) }
        : {}),
    },
  };
}

/** Of rollouts that start so late: units that came before are new to them. */
function inputOf(plan: Plan, { outcomes, values, unlike }: Simulable, start: number): SimulationInput {
  const { conditions, buckets, owners } = unlike;
  const kept = sessionsFrom(outcomes, start);
  const pick = start === 0 ? (own: Values) => own : picker(kept);
  const from = start === 0 ? outcomes : someSessions(outcomes, kept, pick);
  const later = values.map((own) => ({ ...own, candidate: own.candidate.map(pick) }));
  return simulationInput(plan, from, later, {
    buckets: buckets && Uint16Array.from(from.unitNames, (name) => buckets.get(name) as number),
    controlAt: conditions && controlAt(from, conditions),
    swapped: conditions?.contamination === undefined ? undefined : swappedSessions(from, conditions.contamination),
    owners: owners && Int32Array.from(from.sessions, (name) => owners.get(name) as number),
  });
}

/** What the project says of time, exposure and conditions; of the scenarios of every rehearsal it says nothing. */
function statedOf(scenario: Scenario): Pick<HarmScenario, "course" | "fromExposure" | "conditions"> {
  return scenario.kind === "harm" || scenario.kind === "own" ? scenario : {};
}

function refusable(input: () => SimulationInput): SimulationInput {
  try {
    return input();
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
