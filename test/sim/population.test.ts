import { describe, expect, it } from "vitest";
import { inline } from "../../io/pool.ts";
import { atMargin, candidateValues, noChange } from "../../scenarios/scenario.ts";
import type { Rollout } from "../../sim/rollout.ts";
import { simulate, simulateSalts } from "../../sim/simulate.ts";
import { simulationInput } from "../../sim/simulation-input.ts";
import { clusteredTraffic, smallPlan } from "../support/traffic.ts";

const base = smallPlan();
const plan = { ...base, rule: { ...base.rule, evidence: "sequential" as const } };
const scenarios = [noChange, ...plan.guardrails.slice(0, 1).map(atMargin)];

/** Rollouts on a fortnight of its own, by scenario. */
async function rolloutsOn(seed: string, salts: number, replicatesPerSalt: number, fixedPopulation: boolean) {
  const outcomes = clusteredTraffic({ seed });
  const values = scenarios.map((own) => ({ name: own.name, candidate: candidateValues(own, outcomes) }));
  const input = simulationInput(plan, outcomes, values);
  const all = await simulate(
    { ...input, plan },
    { seed, salts, replicatesPerSalt, fixedPopulation },
    inline(simulateSalts),
  );
  return all.map(({ bySalt }) => bySalt.flat());
}

const rate = (rollouts: readonly Rollout[], end: Rollout["end"]) =>
  rollouts.filter((own) => own.end === end).length / rollouts.length;

function meanAndError(values: readonly number[]) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, own) => sum + (own - mean) ** 2, 0) / (values.length - 1);
  return { mean, error: Math.sqrt(variance / values.length) };
}

describe("what is predicted on one generated week", () => {
  it("holds on fresh weeks, each rolled out once on its own units", async () => {
    // each log predicts, with its units drawn anew; each fresh one is what really comes
    const predicted = await Promise.all(Array.from({ length: 12 }, (_, i) => rolloutsOn(`log ${i}`, 20, 10, false)));
    const fresh = await Promise.all(Array.from({ length: 120 }, (_, i) => rolloutsOn(`fresh ${i}`, 1, 4, true)));
    for (const [s, scenario] of scenarios.entries()) {
      for (const end of ["rolledBack", "promoted", "stopped"] as const) {
        const before = meanAndError(predicted.map((own) => rate(own[s] as Rollout[], end)));
        const after = meanAndError(fresh.map((own) => rate(own[s] as Rollout[], end)));
        // six comparisons at 4.2 standard errors: by chance once in 6,000 seeds
        expect(
          Math.abs(before.mean - after.mean),
          `${scenario.name}, ${end}: ${before.mean} ± ${before.error}, then ${after.mean} ± ${after.error}`,
        ).toBeLessThanOrEqual(4.2 * Math.hypot(before.error, after.error));
      }
    }
  });

  it("is another thing without the chance of the population: every unit is there once", async () => {
    const [drawn] = await rolloutsOn("log", 30, 10, false);
    const [own] = await rolloutsOn("log", 30, 10, true);
    const spread = (rollouts: readonly Rollout[] | undefined) =>
      new Set(rollouts?.map(({ unitsExposed }) => unitsExposed)).size;
    expect(drawn).not.toEqual(own);
    expect(spread(own)).toBeGreaterThan(0);
  });
});
