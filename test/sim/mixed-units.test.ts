import { describe, expect, it } from "vitest";
import { controlledStages } from "../../plan/plan.ts";
import type { Outcomes } from "../../shadow/outcomes.ts";
import { MixedUnits } from "../../sim/mixed-units.ts";
import type { Rollout } from "../../sim/rollout.ts";
import { simulateSalts, traceRollout } from "../../sim/simulate.ts";
import { simulationInput } from "../../sim/simulation-input.ts";
import { clusteredTraffic, smallPlan } from "../support/traffic.ts";

const traffic = clusteredTraffic({ users: 300 });
const plan = smallPlan();
const stages = controlledStages(plan);
const bySession: Outcomes = {
  ...traffic,
  unit: Int32Array.from(traffic.sessions.keys()),
  unitNames: traffic.sessions,
};
const inputOf = (outcomes: Outcomes, owners: Int32Array) =>
  simulationInput(plan, outcomes, [{ name: "s", candidate: outcomes.metrics.map(({ control }) => control) }], {
    owners,
  });
const input = inputOf(bySession, traffic.unit);
const hour = 3_600_000;
const first = Math.floor((traffic.arrivalMs[0] as number) / hour) * hour;
const windowOf = (i: number) => Math.floor(((traffic.arrivalMs[i] as number) - first) / input.windowMs);

/** Sessions of each unit that arrive from one window on, before another. */
function counts(from: number, to: number): number[] {
  const found = new Array<number>(300).fill(0);
  for (const [i, unit] of traffic.unit.entries()) {
    if (windowOf(i) >= from && windowOf(i) < to) found[unit] = (found[unit] as number) + 1;
  }
  return found;
}

describe("units whose sessions are routed each by itself", () => {
  const mixed = new MixedUnits(input, traffic.unit);

  it("meet both arms as often as coins that do not all fall alike", () => {
    const [{ exposure }] = stages as [(typeof stages)[number]];
    for (const [start, k] of [
      [0, 1],
      [0, 7],
      [3, 5],
    ] as const) {
      const expected = counts(start, start + k)
        .filter((n) => n > 0)
        .reduce((sum, n) => sum + 1 - exposure ** n - (1 - exposure) ** n, 0);
      expect(mixed.inBothArms(0, start, k)).toBeCloseTo(expected, 9);
    }
  });

  it("meet the candidate in one of their sessions, at the exposure that each stage has", () => {
    const [early, late] = stages.map(({ exposure }) => exposure) as [number, number];
    const [before, after] = [counts(0, 4), counts(4, 9)];
    const expected = before.reduce((sum, n, u) => sum + 1 - (1 - early) ** n * (1 - late) ** (after[u] as number), 0);
    expect(mixed.served([0, 4], 9)).toBeCloseTo(expected, 9);
  });

  it("make looks void, so that the rollout stops in its first stage", () => {
    const [[rollouts]] = simulateSalts({ study: -2, input, seed: "s", salts: [0], replicatesPerSalt: 5 }) as [
      [Rollout[]],
    ];
    for (const { end, stage } of rollouts) expect([end, stage]).toEqual(["stopped", 0]);
    const traced = { seed: "s", scenario: "s", salt: 0, replicate: 1, replicatesPerSalt: 5 };
    const last = traceRollout(input, traced).at(-1);
    expect(last?.look.unitsInBothArms).toBeGreaterThan(0);
    expect(last?.decision).toMatchObject({ action: "hold", final: true });
  });

  it("are other units when the log is gone around again", () => {
    const alone = Int32Array.from(traffic.sessions.keys());
    const arrivalMs = traffic.arrivalMs.map((at) => first + (at - first) / 20);
    const short = inputOf({ ...bySession, arrivalMs, endMs: arrivalMs }, alone);
    expect(short.laps).toBeGreaterThan(1);
    // one session each: nobody meets both arms
    expect(new MixedUnits(short, alone).inBothArms(0, 0, short.planWindows)).toBe(0);
  });

  it("are units as others are where each has one session", () => {
    const owners = Int32Array.from(traffic.sessions.keys());
    const candidate = bySession.metrics.map(({ control }) => control);
    const plain = simulationInput(plan, bySession, [{ name: "s", candidate }]);
    const run = (own: typeof input, study: number) =>
      (simulateSalts({ study, input: own, seed: "s", salts: [0], replicatesPerSalt: 5 }) as [[Rollout[]]])[0][0];
    const [alone, others] = [run(inputOf(bySession, owners), -3), run(plain, -4)];
    expect(alone.map(({ end, stage, windows }) => [end, stage, windows])).toEqual(
      others.map(({ end, stage, windows }) => [end, stage, windows]),
    );
  });
});
