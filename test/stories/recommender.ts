import { operatingCharacteristics } from "../../analysis/operating-characteristics.ts";
import { inline } from "../../io/pool.ts";
import { parseMargin } from "../../plan/margin.ts";
import type { Metric } from "../../plan/metric.ts";
import type { Plan } from "../../plan/plan.ts";
import { asReplayed, noChange } from "../../scenarios/scenario.ts";
import type { Outcomes, Values } from "../../shadow/outcomes.ts";
import { simulate, simulateSalts } from "../../sim/simulate.ts";
import { simulationInput } from "../../sim/simulation-input.ts";
import { tollOf } from "../../sim/toll.ts";
import { randomStream, studyKey } from "../../statistics/random-stream.ts";

const minute = 60_000;

/** Users who came in the eight hours. */
export const users = 2_100_000;
const hours = 8;

const clickThrough: Metric = {
  name: "click_through",
  kind: "ratio",
  numerator: "sum(clicks)",
  denominator: "sum(shown)",
  better: "higher",
  matureAfterMs: 0,
  whenFailed: "missing",
};

/** A visit of every user, ten recommendations each, 4 % of which are clicked by users who click more or less. */
function traffic(): Outcomes {
  const random = randomStream(studyKey("recommender"), 99, 0);
  const at = Float64Array.from({ length: users }, () => random() * hours * 60 * minute).sort();
  const clicks = new Float64Array(users);
  const fewer = new Float64Array(users);
  for (let user = 0; user < users; user++) {
    const rate = 0.08 * random();
    for (let k = 0; k < 10; k++) {
      if (random() >= rate) continue;
      clicks[user] = (clicks[user] as number) + 1;
      // relevant on paper: 23 % of the clicks do not come
      if (random() >= 0.23) fewer[user] = (fewer[user] as number) + 1;
    }
  }
  const denominator = new Float64Array(users).fill(10);
  const values = (numerator: Float64Array): Values => ({
    kind: "sums",
    numerator,
    denominator,
    missing: new Uint8Array(users),
  });
  return {
    sessions: Array.from({ length: users }, (_, i) => `v${i}`),
    unit: Int32Array.from({ length: users }, (_, i) => i),
    unitNames: Array.from({ length: users }, (_, i) => `u${i}`),
    arrivalMs: at,
    endMs: at,
    attributes: new Map(),
    metrics: [{ metric: clickThrough, control: values(clicks), candidate: values(fewer) }],
  };
}

/** A canary of 5 %, looked at every minute, then half of the users. */
function plan(): Plan {
  const margin = parseMargin("5%", clickThrough);
  if ("problem" in margin) throw new RangeError(margin.problem);
  const stage = { kind: "controlled", where: [], minimumSample: 1000, weight: 1, lookEveryMs: minute } as const;
  return {
    assignBy: "user",
    salt: "recommender",
    primary: clickThrough.name,
    guardrails: [
      { key: clickThrough.name, metric: clickThrough, margin, written: "5%", spending: { kind: "pocock" }, weight: 1 },
    ],
    gates: [],
    stages: [
      { ...stage, name: "canary", exposure: 0.05, minimumMs: 120 * minute, maximumMs: 240 * minute },
      { ...stage, name: "half", exposure: 0.5, minimumMs: 60 * minute, maximumMs: 240 * minute },
      { kind: "full", name: "full", hotStandbyMs: 0 },
    ],
    rule: { evidence: "sequential", onTimeout: "hold", rollbackFloor: 100, leak: 0.25 },
    budgets: { falseRollback: 0.05, missedRegression: 0.1, falseStop: 0.2 },
  };
}

/** What the canary does with the change, and without one: operating characteristics of 500 rollouts each. */
export async function recommenderStory() {
  const outcomes = traffic();
  const own = plan();
  const scenarios = [asReplayed, noChange];
  const input = simulationInput(own, outcomes, [
    { name: asReplayed.name, candidate: outcomes.metrics.map(({ candidate }) => candidate) },
    { name: noChange.name, candidate: outcomes.metrics.map(({ control }) => control) },
  ]);
  const rollouts = await simulate(input, { seed: "story", salts: 20, replicatesPerSalt: 25 }, inline(simulateSalts));
  const [collapsed, unchanged] = scenarios.map((scenario, s) =>
    operatingCharacteristics(own, scenario, rollouts[s] as (typeof rollouts)[number], input.windowMs, tollOf(input, s)),
  );
  if (!collapsed || !unchanged) throw new RangeError("a scenario is missing");
  return { collapsed, unchanged };
}
