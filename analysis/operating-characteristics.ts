import { quantile } from "simple-statistics";
import { type Budgets, controlledStages, type Plan } from "../plan/plan.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import type { Rollout } from "../sim/rollout.ts";
import type { ScenarioRollouts } from "../sim/simulate.ts";
import type { Toll } from "../sim/toll.ts";
import { type Estimate, undetermined } from "../statistics/estimate.ts";
import { wilson } from "../statistics/proportions/proportions.ts";

/** A rate held against its budget: `missed` when the budget lies below the whole interval, `kept` when above it. */
export interface Held {
  readonly rate: Estimate;
  readonly budget: number;
  readonly verdict: "kept" | "not separated" | "missed";
}

/** How often a plan decides what in one scenario, with Monte Carlo error, and what it takes. */
export interface OperatingCharacteristics {
  readonly scenario: Scenario;
  readonly replicates: number;
  readonly salts: number;
  readonly rollback: Estimate;
  readonly stop: Estimate;
  readonly promote: Estimate;
  readonly wrong?: Held & { readonly kind: "false rollback" | "missed regression" };
  readonly falseStop?: Held;
  readonly hoursToDecision: Quantiles;
  readonly unitsExposed: Quantiles;
  /** sessions that the candidate served worse than the control would have */
  readonly sessionsHarmed: Quantiles;
  /** what the rollout cost in each guardrail that is a sum over sessions and that the scenario changes; below 0 for a gain */
  readonly costs: readonly ({ readonly metric: string; readonly measuredIn?: string } & Quantiles)[];
  readonly byStage: readonly {
    readonly stage: string;
    readonly rollback: number;
    readonly stop: number;
    readonly promote: number;
  }[];
  readonly byMetric: readonly { readonly metric: string; readonly rollback: number }[];
}

export interface Quantiles {
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
}

/**
 * The operating characteristics of a plan in a scenario, from its simulated rollouts.
 *
 * @param tollOf what a rollout did to sessions
 */
export function operatingCharacteristics(
  plan: Plan,
  scenario: Scenario,
  { bySalt }: ScenarioRollouts,
  windowMs: number,
  tollOf: (rollout: Rollout) => Toll,
): OperatingCharacteristics {
  const all = bySalt.flat();
  const tolls = all.map(tollOf);
  const rate = (event: (rollout: Rollout) => boolean) => clusteredRate(bySalt.map((rollouts) => rollouts.map(event)));
  const shares = {
    rollback: rate(({ end }) => end === "rolledBack"),
    stop: rate(({ end }) => end === "stopped"),
    promote: rate(({ end }) => end === "promoted"),
  };
  const count = (event: (rollout: Rollout) => boolean) => all.filter(event).length / all.length;
  const causes = [
    ...plan.guardrails.map(({ key }, because) => ({ metric: key, because })),
    { metric: "timeout", because: -1 },
  ];
  return {
    scenario,
    replicates: all.length,
    salts: bySalt.length,
    ...shares,
    ...wrongDecisions(
      scenario,
      plan.budgets,
      shares,
      rate(({ end }) => end !== "promoted"),
    ),
    hoursToDecision: quantilesOf(all.map(({ windows }) => (windows * windowMs) / 3_600_000)),
    unitsExposed: quantilesOf(all.map(({ unitsExposed }) => unitsExposed)),
    sessionsHarmed: quantilesOf(tolls.map(({ sessionsHarmed }) => sessionsHarmed)),
    costs: plan.guardrails.flatMap(({ key, metric }, g) => {
      const losses = tolls.map((toll) => toll.losses[g] as number);
      if (losses.some(Number.isNaN) || losses.every((own) => own === 0)) return [];
      const measuredIn = metric.kind === "proportion" ? "sessions" : metric.measuredIn;
      return [{ metric: key, ...(measuredIn === undefined ? {} : { measuredIn }), ...quantilesOf(losses) }];
    }),
    byStage: controlledStages(plan).map(({ name }, index) => ({
      stage: name,
      rollback: count(({ end, stage }) => end === "rolledBack" && stage === index),
      stop: count(({ end, stage }) => end === "stopped" && stage === index),
      promote: count(({ end, stage }) => stage > index || end === "promoted"),
    })),
    byMetric: causes
      .map(({ metric, because }) => ({
        metric,
        rollback: count((rollout) => rollout.end === "rolledBack" && rollout.because === because),
      }))
      .filter(({ rollback }) => rollback > 0),
  };
}

function wrongDecisions(
  scenario: Scenario,
  budgets: Budgets,
  { rollback, promote }: { readonly rollback: Estimate; readonly promote: Estimate },
  notPromoted: Estimate,
): Pick<OperatingCharacteristics, "wrong" | "falseStop"> {
  if (scenario.kind === "no_change") {
    return {
      wrong: { kind: "false rollback", ...held(rollback, budgets.falseRollback) },
      falseStop: held(notPromoted, budgets.falseStop),
    };
  }
  if (scenario.kind === "harm" && scenario.atMargin !== undefined) {
    return { wrong: { kind: "missed regression", ...held(promote, budgets.missedRegression) } };
  }
  return {};
}

function held(rate: Estimate, budget: number): Held {
  if (rate.status === "undetermined") return { rate, budget, verdict: "not separated" };
  return { rate, budget, verdict: rate.low > budget ? "missed" : rate.high <= budget ? "kept" : "not separated" };
}

/**
 * A rate with its Monte Carlo interval, clustered by salt: Wilson's interval at the effective number of replicates.
 *
 * @param bySalt events of the replicates of each salt
 *
 * Source: Korn & Graubard (1998), Survey Methodology 24:193–201, §2 (effective sample from the design effect).
 */
export function clusteredRate(bySalt: readonly (readonly boolean[])[], level = 0.95): Estimate {
  const n = bySalt.reduce((sum, events) => sum + events.length, 0);
  if (n === 0) return undetermined("no replicates");
  const hits = bySalt.map((events) => events.filter(Boolean).length);
  const rate = hits.reduce((a, b) => a + b, 0) / n;
  const clusters = bySalt.length;
  const independent = n * rate * (1 - rate);
  const between = hits.reduce((sum, hit, i) => sum + (hit - rate * (bySalt[i] as readonly boolean[]).length) ** 2, 0);
  const effect =
    clusters < 2 || independent === 0 ? 1 : Math.max(1, (between * clusters) / (clusters - 1) / independent);
  const interval = wilson({ events: (rate * n) / effect, n: n / effect }, level);
  return interval.status === "ok" ? { ...interval, value: rate } : interval;
}

function quantilesOf(values: readonly number[]): Quantiles {
  const [p10, p50, p90] = quantile([...values], [0.1, 0.5, 0.9]) as [number, number, number];
  return { p10, p50, p90 };
}
