import { describe, expect, it } from "vitest";
import type { Margin } from "../../plan/margin.ts";
import { controlledStages } from "../../plan/plan.ts";
import { candidateValues, type HarmScenario, noChange } from "../../scenarios/scenario.ts";
import type { Outcomes, Values } from "../../shadow/outcomes.ts";
import type { Rollout } from "../../sim/rollout.ts";
import { type ScenarioValues, simulationInput, type Unlike } from "../../sim/simulation-input.ts";
import { tollOf } from "../../sim/toll.ts";
import { unitsServed } from "../../sim/units-served.ts";
import { guardrail } from "../support/plan.ts";
import { clusteredTraffic, cost, latency, smallPlan, success } from "../support/traffic.ts";

const hour = 3_600_000;
const traffic = clusteredTraffic({ users: 400 });
const base = smallPlan();
const plan = { ...base, guardrails: [guardrail(success, "5pp"), guardrail(cost, "20%"), guardrail(latency, "20%")] };
const stages = controlledStages(plan);

const harm = (metric: HarmScenario["harms"][number]["metric"], size: Margin): HarmScenario => ({
  kind: "harm",
  name: "worse",
  harms: [{ metric, size, where: [] }],
});
const worse = harm(success, { kind: "absolute", loss: 0.1 });
const dearer = harm(cost, { kind: "relative", factor: 1.5 });
const slower = harm(latency, { kind: "absolute", loss: 100 });

const input = (scenario: HarmScenario | typeof noChange, others: Partial<ScenarioValues> = {}, unlike: Unlike = {}) =>
  simulationInput(plan, traffic, [{ name: "s", candidate: candidateValues(scenario, traffic), ...others }], unlike);
const { windowMs } = input(noChange);
const start = Math.floor((traffic.arrivalMs[0] as number) / hour) * hour;
const windowOf = (i: number) => Math.floor(((traffic.arrivalMs[i] as number) - start) / windowMs);

/** It went through the second stage, and was rolled back there. */
const rollout: Rollout = { end: "rolledBack", stage: 1, windows: 11, starts: [0, 4], unitsExposed: 0, because: 0 };
const toll = (...given: Parameters<typeof input>) => tollOf(input(...given), 0)(rollout);

/** The sum over sessions of a figure times the exposure of the stage in which each arrives. */
function expected(figure: (i: number) => number, exposure = (stage: number) => stages[stage]?.exposure ?? 0): number {
  return traffic.sessions.reduce((sum, _, i) => {
    const window = windowOf(i);
    return window < 11 ? sum + figure(i) * exposure(window < 4 ? 0 : 1) : sum;
  }, 0);
}

const sums = (values: Values | undefined) => (values as Extract<Values, { kind: "sums" }>).numerator;
const fallen = (i: number) =>
  (sums(traffic.metrics[0]?.control)[i] as number) - (sums(candidateValues(worse, traffic)[0])[i] as number);

describe("what a rollout does to sessions", () => {
  it("is nothing where nothing changes", () => {
    expect(toll(noChange)).toEqual({ sessionsHarmed: 0, losses: [0, 0, 0] });
  });

  it("is as many lost successes as sessions are harmed, at the exposure of the stage in which they arrive", () => {
    const { sessionsHarmed, losses } = toll(worse);
    expect(sessionsHarmed).toBeCloseTo(expected(fallen), 9);
    expect(losses[0]).toBeCloseTo(expected(fallen), 9);
    expect(losses[1]).toBe(0);
    expect(sessionsHarmed).toBeGreaterThan(0);
  });

  it("is what sessions cost more", () => {
    const spent = sums(traffic.metrics[1]?.control);
    expect(toll(dearer).losses[1]).toBeCloseTo(
      expected((i) => 0.5 * (spent[i] as number)),
      6,
    );
  });

  it("is below 0 for a gain, and harms nobody", () => {
    const cheaper = harm({ ...cost, better: "higher" }, { kind: "relative", factor: 0.5 });
    const { sessionsHarmed, losses } = toll(cheaper);
    expect(losses[1]).toBeLessThan(0);
    expect(sessionsHarmed).toBe(0);
  });

  it("has no total of a quantile, whose harmed sessions count", () => {
    const { sessionsHarmed, losses } = toll(slower);
    expect(losses[2]).toBeNaN();
    const own = traffic.metrics.find(({ metric }) => metric.name === latency.name);
    const { offsets } = (own as (typeof traffic.metrics)[number]).control as Extract<Values, { kind: "requests" }>;
    expect(sessionsHarmed).toBeCloseTo(
      expected((i) => ((offsets[i + 1] as number) > (offsets[i] as number) ? 1 : 0)),
      9,
    );
  });

  it("begins with the harm: at an exposure, or at a time", () => {
    const second = expected(fallen, (stage) => (stage === 1 ? (stages[1]?.exposure ?? 0) : 0));
    expect(toll(worse, { fromExposure: stages[1]?.exposure }).sessionsHarmed).toBeCloseTo(second, 9);
    const afterMs = 4 * windowMs;
    expect(toll(worse, { course: { kind: "begins", afterMs } }).sessionsHarmed).toBeCloseTo(second, 9);
  });

  it("is that of whoever the candidate serves, where some sessions of each arm are served by the other", () => {
    const swapped = Uint8Array.from(traffic.sessions, (_, i) => (i % 5 === 0 ? 1 : 0));
    const swap = (i: number, own: Values, other: Values) => sums(swapped[i] === 1 ? other : own)[i] as number;
    const [control, candidate] = [traffic.metrics[0]?.control as Values, candidateValues(worse, traffic)[0] as Values];
    const mixed = (own: Values, other: Values): Values => ({
      ...(own as Extract<Values, { kind: "sums" }>),
      numerator: Float64Array.from(traffic.sessions, (_, i) => swap(i, own, other)),
    });
    const [first, ...others] = traffic.metrics as [Outcomes["metrics"][number], ...Outcomes["metrics"]];
    const outcomes = { ...traffic, metrics: [{ ...first, control: mixed(control, candidate) }, ...others] };
    const values = [mixed(candidate, control), ...others.map((own) => own.control)];
    const own = tollOf(simulationInput(plan, outcomes, [{ name: "s", candidate: values }], { swapped }), 0)(rollout);
    const exposureOf = (stage: number) => stages[stage]?.exposure ?? 0;
    const hit = expected(
      (i) => {
        const exposure = exposureOf(windowOf(i) < 4 ? 0 : 1);
        return fallen(i) * (swapped[i] === 1 ? 1 - exposure : exposure);
      },
      () => 1,
    );
    expect(own.sessionsHarmed).toBeCloseTo(hit, 9);
    expect(own.losses[0]).toBeCloseTo(hit, 9);
  });

  it("is that of the units that are exposed, where they are known", () => {
    const buckets = Uint16Array.from(traffic.unitNames, (_, u) => Math.floor((1000 * u) / traffic.unitNames.length));
    const exposed = (i: number, stage: number) =>
      (buckets[traffic.unit[i] as number] as number) < Math.round(1000 * (stages[stage]?.exposure ?? 0)) ? 1 : 0;
    const hit = expected(
      (i) => fallen(i) * exposed(i, windowOf(i) < 4 ? 0 : 1),
      () => 1,
    );
    expect(toll(worse, {}, { buckets }).sessionsHarmed).toBe(hit);
    const served = new Set(
      traffic.sessions.flatMap((_, i) => {
        const window = windowOf(i);
        return window < 11 && exposed(i, window < 4 ? 0 : 1) === 1 ? [traffic.unit[i]] : [];
      }),
    );
    expect(unitsServed(input(worse, {}, { buckets }), buckets, [0, 4], 11)).toBe(served.size);
  });
});
