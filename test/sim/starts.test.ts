import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { controlledStages } from "../../plan/plan.ts";
import { sessionsFrom, startsOf } from "../../sim/starts.ts";
import { clusteredTraffic, smallPlan } from "../support/traffic.ts";

const hour = 3_600_000;
const plan = smallPlan();
const planMs = controlledStages(plan).reduce((sum, { maximumMs }) => sum + maximumMs, 0);
const traffic = clusteredTraffic({ users: 300 });
const first = Math.floor((traffic.arrivalMs[0] as number) / hour) * hour;
const last = traffic.arrivalMs[traffic.arrivalMs.length - 1] as number;
/** The same sessions over a longer time. */
const slow = { ...traffic, arrivalMs: traffic.arrivalMs.map((at) => first + 5 * (at - first)) };

describe("starts of rollouts", () => {
  it("begin with the log, lie on the grid, and leave the longest rollout inside the log: no later one would", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (hours) => {
        const starts = startsOf(slow, plan, hours * hour);
        expect(starts).toEqual(starts.map((_, k) => k * hours * hour));
        const fits = (start: number) => first + start + planMs <= first + 5 * (last - first);
        expect(starts.slice(1).every(fits)).toBe(true);
        expect(fits(starts.length * hours * hour)).toBe(false);
      }),
    );
  });

  it("are just the log's beginning when the plan outlasts it", () => {
    const short = { ...traffic, arrivalMs: traffic.arrivalMs.map((at) => first + (at - first) / 1000) };
    expect(startsOf(short, plan, hour)).toEqual([0]);
  });
});

it("a rollout sees the sessions that arrive from its start on", () => {
  expect([...sessionsFrom(slow, 30 * hour)]).toEqual(
    slow.sessions.flatMap((_, i) => ((slow.arrivalMs[i] as number) >= first + 30 * hour ? [i] : [])),
  );
  expect(sessionsFrom(slow, 0)).toHaveLength(slow.sessions.length);
});
