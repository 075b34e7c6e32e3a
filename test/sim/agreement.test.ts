import { describe, expect, it } from "vitest";
import type { Margin } from "../../plan/margin.ts";
import { evidences } from "../../plan/plan.ts";
import { atMargin, candidateValues, noChange, type Scenario } from "../../scenarios/scenario.ts";
import type { Rollout } from "../../sim/rollout.ts";
import { simulateSalts } from "../../sim/simulate.ts";
import { simulationInput } from "../../sim/simulation-input.ts";
import { exactRollout } from "../support/exact-engine.ts";
import { clusteredTraffic, cost, smallPlan, success } from "../support/traffic.ts";

const outcomes = clusteredTraffic();
const plan = smallPlan();
const size: Margin = { kind: "relative", factor: 1.15 };
const scenarios: readonly Scenario[] = [
  noChange,
  ...plan.guardrails.slice(0, 1).map(atMargin),
  { kind: "harm", name: "cost +15%", harms: [{ metric: cost, size, where: [] }] },
  {
    kind: "harm",
    name: "success −5pp",
    harms: [{ metric: success, size: { kind: "absolute", loss: 0.05 }, where: [] }],
  },
];
const values = scenarios.map((scenario) => ({ name: scenario.name, candidate: candidateValues(scenario, outcomes) }));

const salts = 100;
const replicatesPerSalt = 10;
const exactReplicates = 500;

/** What every kind of evidence does in every scenario, simulated fast. */
const worlds = evidences.map((evidence, study) => {
  const input = simulationInput({ ...plan, rule: { ...plan.rule, evidence } }, outcomes, values);
  const fast = simulateSalts({
    study,
    input,
    seed: "agreement",
    salts: Array.from({ length: salts }, (_, salt) => salt),
    replicatesPerSalt,
  });
  return { evidence, plan: input.plan, hoursPerWindow: input.windowMs / 3_600_000, fast };
});

/** What is compared: rates of ends, of reaching stages, and means of time and exposure. */
const figures: Readonly<Record<string, (rollout: Rollout) => number>> = {
  "rolled back": ({ end }) => Number(end === "rolledBack"),
  promoted: ({ end }) => Number(end === "promoted"),
  "ended in the first stage": ({ stage, end }) => Number(stage === 0 && end !== "promoted"),
  hours: ({ windows }) => windows,
  "units exposed": ({ unitsExposed }) => unitsExposed,
};

/**
 * 100 comparisons; |z| above 4.7 happens by chance in one of 3,800 seeds for all of them together (normal tail 1.3e-6 each
 * side, Bonferroni). The error of the fast engine is that of the means of its salts.
 */
const bound = 4.7;

describe.each(worlds)(
  "the bucket engine agrees with the exact engine, unit by unit, on evidence: $evidence",
  (world) => {
    describe.each(values.map(({ name, candidate }, s) => ({ name, candidate, s })))(
      "under $name",
      ({ candidate, s }) => {
        const exact = Array.from({ length: exactReplicates }, (_, r) =>
          exactRollout(world.plan, outcomes, candidate, "exact", 1000 * s + r),
        );
        it.each(Object.entries(figures))("in %s", (name, figure) => {
          const slow = meanAndError(exact.map(figure));
          const scale = name === "hours" ? world.hoursPerWindow : 1;
          const quick = meanAndError(world.fast.map((salt) => scale * mean((salt[s] as Rollout[]).map(figure))));
          const error = Math.hypot(slow.error, quick.error);
          expect(
            Math.abs(quick.mean - slow.mean),
            `${quick.mean} ± ${quick.error} against ${slow.mean} ± ${slow.error}`,
          ).toBeLessThanOrEqual(bound * error);
        });
      },
    );
  },
);

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function meanAndError(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const average = mean(values);
  const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1);
  return { mean: average, error: Math.sqrt(variance / values.length) };
}
