import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketCount } from "../../plan/assignment.ts";
import { bucketsOf, conditioned, controlAt, delayed } from "../../scenarios/conditions.ts";
import { candidateValues, type HarmScenario } from "../../scenarios/scenario.ts";
import type { Outcomes, Values } from "../../shadow/outcomes.ts";
import { clusteredTraffic, cost, latency, smallPlan, success } from "../support/traffic.ts";

const traffic = clusteredTraffic({ users: 400 });
const worse: HarmScenario = {
  kind: "harm",
  name: "worse",
  harms: [
    { metric: success, size: { kind: "absolute", loss: 0.2 }, where: [] },
    { metric: cost, size: { kind: "relative", factor: 2 }, where: [] },
    { metric: latency, size: { kind: "absolute", loss: 200 }, where: [] },
  ],
};
const harmed = candidateValues(worse, traffic);
const n = traffic.sessions.length;

const ofSession = (values: Values, i: number): readonly number[] =>
  values.kind === "sums"
    ? [values.numerator[i] as number, values.denominator[i] as number, values.missing[i] as number]
    : [...values.values.subarray(values.offsets[i], values.offsets[i + 1])];

/** Everything that is known of a session, by its name. */
function bySession(world: Outcomes): Map<string, readonly unknown[]> {
  return new Map(
    world.sessions.map((session, i) => [
      session,
      [
        world.unitNames[world.unit[i] as number],
        world.arrivalMs[i],
        world.endMs[i],
        [...world.attributes].map(([name, { names, codes }]) => [name, names[codes[i] as number]]),
        world.metrics.map(({ control, candidate }) => [ofSession(control, i), ofSession(candidate, i)]),
      ],
    ]),
  );
}

describe("traffic that dwindles", () => {
  it("keeps whole units, unchanged, and of a smaller share those of a larger one", () => {
    const all = bySession(conditioned(traffic, harmed, {}));
    fc.assert(
      fc.property(fc.double({ min: 0.05, max: 1, noNaN: true }), (share) => {
        const world = conditioned(traffic, harmed, { traffic: share });
        const less = conditioned(traffic, harmed, { traffic: share / 1.1 });
        for (const [session, known] of bySession(world)) expect(known).toEqual(all.get(session));
        const units = new Set(world.unitNames);
        for (const unit of less.unitNames) expect(units.has(unit)).toBe(true);
        const came = traffic.sessions.filter((_, i) =>
          units.has(traffic.unitNames[traffic.unit[i] as number] as string),
        );
        expect(world.sessions).toEqual(came);
      }),
      { numRuns: 20 },
    );
  });

  it("keeps about as many as are stated", () => {
    const { length } = conditioned(traffic, harmed, { traffic: 0.25 }).unitNames;
    // binomial: beyond five standard errors in 6 of 10 million
    expect(Math.abs(length - 0.25 * 400)).toBeLessThan(5 * Math.sqrt(400 * 0.25 * 0.75));
  });

  it("leaves equal values the same object, so that nothing is simulated twice", () => {
    const same = traffic.metrics.map(({ control }) => control);
    for (const { control, candidate } of conditioned(traffic, same, { traffic: 0.5 }).metrics)
      expect(candidate).toBe(control);
  });

  it("is refused when nobody comes", () => {
    expect(() => conditioned(traffic, harmed, { traffic: 1e-9 })).toThrow("none of the log's 400 units");
  });
});

describe("contamination", () => {
  it("gives a share of each arm's sessions the values of the other arm, in every metric at once, and no other", () => {
    const world = conditioned(traffic, harmed, { contamination: 0.1 });
    let swapped = 0;
    for (let i = 0; i < n; i++) {
      const was = traffic.metrics.map(({ control }, m) => [ofSession(control, i), ofSession(harmed[m] as Values, i)]);
      const is = world.metrics.map(({ control, candidate }) => [ofSession(control, i), ofSession(candidate, i)]);
      const crossed = was.map(([control, candidate]) => [candidate, control]);
      const differs = JSON.stringify(was) !== JSON.stringify(crossed);
      if (differs && JSON.stringify(is) === JSON.stringify(crossed)) swapped += 1;
      else expect(is).toEqual(was);
    }
    expect(Math.abs(swapped - 0.1 * n)).toBeLessThan(5 * Math.sqrt(n * 0.1 * 0.9));
  });

  it("of everyone exchanges the arms", () => {
    const world = conditioned(traffic, harmed, { contamination: 1 });
    expect(world.metrics.map(({ control }) => control)).toEqual(harmed);
    expect(world.metrics.map(({ candidate }) => candidate)).toEqual(traffic.metrics.map(({ control }) => control));
  });
});

describe("spillover", () => {
  const world = conditioned(traffic, harmed, {});

  it("gives share times exposure of the control's sessions the harm, in every metric at once, and more as exposure grows", () => {
    const at = controlAt(world, { spillover: 0.8 }) as (exposure: number) => readonly Values[];
    const reached = (exposure: number) => {
      const control = at(exposure);
      return Array.from({ length: n }, (_, i) => {
        const is = control.map((own) => ofSession(own, i));
        const was = traffic.metrics.map((own) => ofSession(own.control, i));
        const becomes = harmed.map((own) => ofSession(own, i));
        if (JSON.stringify(is) === JSON.stringify(was)) return false;
        expect(is).toEqual(becomes);
        return true;
      });
    };
    const [few, many] = [reached(0.1), reached(0.5)];
    few.forEach((own, i) => {
      if (own) expect(many[i]).toBe(true);
    });
    // latency rises in every session that has requests: binomial, beyond five standard errors in 6 of 10 million
    expect(Math.abs(many.filter(Boolean).length - 0.4 * n)).toBeLessThan(5 * Math.sqrt(n * 0.24));
    expect(at(0)).toEqual(world.metrics.map(({ control }) => control));
  });

  it("is asked for only where it is", () => {
    expect(controlAt(world, { contamination: 0.5 })).toBeUndefined();
  });
});

describe("values that become known late", () => {
  it("are those of the named metrics, and the plan's times stay", () => {
    const plan = smallPlan();
    const before = plan.guardrails.map(({ metric }) => metric.matureAfterMs);
    const late = delayed(plan, { late: { metrics: [success.name], byMs: 5000 } });
    expect(late.guardrails.map(({ metric }) => metric.matureAfterMs)).toEqual(
      plan.guardrails.map(({ metric }, g) => (before[g] as number) + (metric.name === success.name ? 5000 : 0)),
    );
    expect(late.stages).toEqual(plan.stages);
    expect(delayed(plan, {})).toBe(plan);
  });
});

describe("units that meet the candidate first", () => {
  const sessionsOf = (u: number) => traffic.unit.filter((own) => own === u).length;

  it("are those with the most sessions, an equal number in each bucket to one", () => {
    const buckets = bucketsOf("power_users", "salt", traffic);
    const sizes = new Array<number>(bucketCount).fill(0);
    for (const bucket of buckets) sizes[bucket] = (sizes[bucket] as number) + 1;
    expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.ceil(400 / bucketCount));
    const ordered = [...buckets.keys()].sort((a, b) => (buckets[a] as number) - (buckets[b] as number));
    const counts = ordered.map(sessionsOf);
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
  });

  it("are those of the salt, which another salt changes", () => {
    const first = bucketsOf("reused_salt", "salt", traffic);
    expect(bucketsOf("reused_salt", "salt", traffic)).toEqual(first);
    expect(bucketsOf("reused_salt", "another", traffic)).not.toEqual(first);
  });
});
