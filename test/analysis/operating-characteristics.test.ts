import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clusteredRate, operatingCharacteristics } from "../../analysis/operating-characteristics.ts";
import { asReplayed, atMargin, noChange, type Scenario } from "../../scenarios/scenario.ts";
import type { Rollout } from "../../sim/rollout.ts";
import type { Estimate } from "../../statistics/estimate.ts";
import { wilson } from "../../statistics/proportions/proportions.ts";
import { randomStream, studyKey } from "../../statistics/random-stream.ts";
import { noToll } from "../support/no-toll.ts";
import { guardrail, hour, plan } from "../support/plan.ts";
import { cost, errors, latency, success } from "../support/traffic.ts";

const guardrails = [guardrail(success, "5pp"), guardrail(cost, "20%"), guardrail(errors, "x3")];
const own = plan({ guardrails, exposures: [0.1, 0.25, 0.5] });

function rollout(others: Partial<Rollout> = {}): Rollout {
  return { end: "promoted", stage: 2, windows: 10, starts: [0, 3, 6], unitsExposed: 100, because: -1, ...others };
}

const anyRollout = fc.oneof(
  fc.constant(rollout()),
  fc.record({
    end: fc.constant("stopped" as const),
    stage: fc.nat(2),
    windows: fc.nat(50),
    starts: fc.constant([0]),
    unitsExposed: fc.nat(900),
    because: fc.constant(-1),
  }),
  fc.record({
    end: fc.constant("rolledBack" as const),
    stage: fc.nat(2),
    windows: fc.nat(50),
    starts: fc.constant([0]),
    unitsExposed: fc.nat(900),
    because: fc.integer({ min: -1, max: 2 }),
  }),
);
const bySalt = fc.array(fc.array(anyRollout, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 15 });

const characteristics = (rollouts: readonly (readonly Rollout[])[], scenario: Scenario = noChange, of = own) =>
  operatingCharacteristics(of, scenario, { scenario: scenario.name, bySalt: rollouts }, hour, noToll);
const value = (estimate: Estimate) => (estimate.status === "ok" ? estimate.value : Number.NaN);
const width = (estimate: Estimate) => (estimate.status === "ok" ? estimate.high - estimate.low : Number.NaN);

/** `hits` of `n` in each of `salts`. */
const evenly = (salts: number, n: number, hits: number) =>
  Array.from({ length: salts }, () => Array.from({ length: n }, (_, i) => i < hits));

describe("the rates of a scenario", () => {
  it("add up to 1: every rollout is rolled back, stopped or promoted", () => {
    fc.assert(
      fc.property(bySalt, (rollouts) => {
        const { rollback, stop, promote, replicates, salts } = characteristics(rollouts);
        expect(value(rollback) + value(stop) + value(promote)).toBeCloseTo(1, 12);
        expect(replicates).toBe(rollouts.flat().length);
        expect(salts).toBe(rollouts.length);
      }),
    );
  });

  it("by stage add up to the rollouts that entered it, and the last one's promotions are the plan's", () => {
    fc.assert(
      fc.property(bySalt, (rollouts) => {
        const { byStage, promote, rollback, stop } = characteristics(rollouts);
        let entered = 1;
        for (const stage of byStage) {
          expect(stage.rollback + stage.stop + stage.promote).toBeCloseTo(entered, 12);
          entered = stage.promote;
        }
        expect(entered).toBeCloseTo(value(promote), 12);
        const total = (key: "rollback" | "stop") => byStage.reduce((sum, stage) => sum + stage[key], 0);
        expect(total("rollback")).toBeCloseTo(value(rollback), 12);
        expect(total("stop")).toBeCloseTo(value(stop), 12);
      }),
    );
  });

  it("by metric add up to the rollbacks, and name only metrics that rolled back", () => {
    fc.assert(
      fc.property(bySalt, (rollouts) => {
        const { byMetric, rollback } = characteristics(rollouts);
        expect(byMetric.reduce((sum, metric) => sum + metric.rollback, 0)).toBeCloseTo(value(rollback), 12);
        expect(byMetric.every((metric) => metric.rollback > 0)).toBe(true);
      }),
    );
  });

  it("tell which guardrail or timeout rolled back, in the plan's order", () => {
    const { byMetric } = characteristics([
      [rollout({ end: "rolledBack", because: 2 }), rollout({ end: "rolledBack", because: -1 })],
      [rollout({ end: "rolledBack", because: 0 }), rollout({ end: "rolledBack", because: 2 })],
    ]);
    expect(byMetric).toEqual([
      { metric: "success", rollback: 0.25 },
      { metric: "errors", rollback: 0.5 },
      { metric: "timeout", rollback: 0.25 },
    ]);
  });

  it("do not mistake a metric that is called timeout for one", () => {
    const of = plan({ guardrails: [guardrail({ ...cost, name: "timeout" }, "20%")] });
    const { byMetric } = characteristics(
      [[rollout({ end: "rolledBack", because: 0, stage: 0 }), rollout()]],
      noChange,
      of,
    );
    expect(byMetric).toEqual([{ metric: "timeout", rollback: 0.5 }]);
  });

  it("come with hours and exposed units of the middle and the outer tenths", () => {
    const rollouts = Array.from({ length: 101 }, (_, i) => rollout({ windows: i, unitsExposed: 1000 - i }));
    const own = operatingCharacteristics(
      plan({ guardrails }),
      noChange,
      { scenario: "", bySalt: [rollouts] },
      hour / 2,
      noToll,
    );
    expect(own.hoursToDecision).toEqual({ p10: 5, p50: 25, p90: 45 });
    expect(own.unitsExposed).toEqual({ p10: 910, p50: 950, p90: 990 });
  });

  it("come with what rollouts do to sessions, and cost in the metrics that are sums and that change", () => {
    const rollouts = Array.from({ length: 101 }, (_, i) => rollout({ windows: i }));
    const of = plan({ guardrails: [guardrail(success, "5pp"), guardrail(cost, "20%"), guardrail(latency, "20%")] });
    const tollOf = ({ windows }: Rollout) => ({ sessionsHarmed: windows, losses: [2 * windows, 0, Number.NaN] });
    const own = operatingCharacteristics(of, noChange, { scenario: "", bySalt: [rollouts] }, hour, tollOf);
    expect(own.sessionsHarmed).toEqual({ p10: 10, p50: 50, p90: 90 });
    expect(own.costs).toEqual([{ metric: "success", measuredIn: "sessions", p10: 20, p50: 100, p90: 180 }]);
  });
});

describe("the Monte Carlo interval of a rate", () => {
  it("is Wilson's when the salts agree", () => {
    expect(clusteredRate(evenly(10, 100, 7))).toEqual(wilson({ events: 70, n: 1000 }));
  });

  it("is Wilson's of a single salt, which cannot disagree with itself", () => {
    expect(clusteredRate(evenly(1, 500, 100))).toEqual(wilson({ events: 100, n: 500 }));
  });

  it("widens when the salts disagree, up to that of as many replicates as there are salts", () => {
    const half = clusteredRate([...evenly(10, 100, 30), ...evenly(10, 100, 70)]);
    const all = clusteredRate([...evenly(10, 100, 0), ...evenly(10, 100, 100)]);
    const wilsons = wilson({ events: 1000, n: 2000 });
    expect([value(half), value(all)]).toEqual([0.5, 0.5]);
    expect(width(half)).toBeGreaterThan(2 * width(wilsons));
    expect(width(all)).toBeGreaterThan(width(half));
    // 20 salts that are all or nothing: the design effect is 100 · 20/19
    expect(width(all)).toBeCloseTo(width(wilson({ events: 9.5, n: 19 })), 10);
  });

  it("is never narrower than Wilson's, also when the salts agree more than chance would have it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 20 }),
        (events) => {
          const flat = events.flat();
          const plain = wilson({ events: flat.filter(Boolean).length, n: flat.length });
          const clustered = clusteredRate(events);
          expect(value(clustered)).toBeCloseTo(value(plain), 12);
          expect(width(clustered)).toBeGreaterThanOrEqual(width(plain) - 1e-12);
        },
      ),
    );
  });

  it("does not depend on the order of the salts", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 20 }),
        (events) => {
          expect(width(clusteredRate([...events].reverse()))).toBeCloseTo(width(clusteredRate(events)), 10);
        },
      ),
    );
  });

  it("covers the true rate of salts that differ as often as it says, within four standard errors", () => {
    // rates by salt are .1 or .3, so that the true rate is .2
    const uniform = randomStream(studyKey("rates that differ by salt"), 1, 0);
    const replicates = 2000;
    let covered = 0;
    for (let r = 0; r < replicates; r++) {
      const events = Array.from({ length: 40 }, () => {
        const rate = uniform() < 0.5 ? 0.1 : 0.3;
        return Array.from({ length: 25 }, () => uniform() < rate);
      });
      const interval = clusteredRate(events);
      if (interval.status === "ok" && interval.low <= 0.2 && 0.2 <= interval.high) covered += 1;
    }
    // of a right interval one seed in 16,000 is off by four standard errors
    const tolerance = 4 * Math.sqrt((0.95 * 0.05) / replicates);
    expect(Math.abs(covered / replicates - 0.95)).toBeLessThan(tolerance);
  });

  it("of no replicates is undetermined", () => {
    expect(clusteredRate([])).toEqual({ status: "undetermined", reason: "no replicates" });
    expect(clusteredRate([[], []])).toEqual({ status: "undetermined", reason: "no replicates" });
  });
});

describe("the wrong decision", () => {
  const ends = (end: Rollout["end"], hits: number) =>
    evenly(20, 50, hits).map((events) => events.map((hit) => rollout(hit ? { end, stage: 0 } : {})));

  it("under no change is a rollback, and a false stop is any end but promotion", () => {
    const rollouts = [
      [
        rollout({ end: "rolledBack", stage: 0, because: 0 }),
        rollout({ end: "stopped", stage: 1 }),
        rollout(),
        rollout(),
      ],
    ];
    const { wrong, falseStop } = characteristics(rollouts);
    expect(wrong).toMatchObject({ kind: "false rollback", budget: 0.05, rate: { value: 0.25 } });
    expect(falseStop).toMatchObject({ budget: 0.2, rate: { value: 0.5 } });
  });

  it("at a margin is a promotion, and there is no false stop", () => {
    const own = characteristics(
      [[rollout(), rollout({ end: "stopped" })]],
      atMargin(guardrails[0] as (typeof guardrails)[0]),
    );
    expect(own.wrong).toMatchObject({ kind: "missed regression", budget: 0.1, rate: { value: 0.5 } });
    expect(own.falseStop).toBeUndefined();
  });

  it("is not known as replayed, nor of harm that the project states", () => {
    const stated: Scenario = {
      kind: "harm",
      name: "s",
      harms: [{ metric: cost, size: { kind: "relative", factor: 2 }, where: [] }],
    };
    for (const scenario of [asReplayed, stated]) {
      const own = characteristics([[rollout()]], scenario);
      expect([own.wrong, own.falseStop]).toEqual([undefined, undefined]);
    }
  });

  // 1,000 replicates against a budget of 5 %: Wilson's interval of 2 % ends at 3.1 %, that of 5 % holds it, that of 8 % begins at 6.5 %
  it.each([
    [1, "kept"],
    [2.5, "not separated"],
    [4, "missed"],
  ] as const)("in %f of 50 rollouts has its budget of 5%% %s", (hits, verdict) => {
    const low = ends("rolledBack", Math.floor(hits));
    const high = ends("rolledBack", Math.ceil(hits));
    const mixed = low.map((salt, i) => (i % 2 === 0 ? salt : (high[i] as Rollout[])));
    expect(characteristics(mixed).wrong?.verdict).toBe(verdict);
  });

  it("holds the false stops against their own budget of 20%", () => {
    expect(characteristics(ends("stopped", 5)).falseStop?.verdict).toBe("kept");
    expect(characteristics(ends("stopped", 10)).falseStop?.verdict).toBe("not separated");
    expect(characteristics(ends("stopped", 15)).falseStop?.verdict).toBe("missed");
  });

  it("keeps a budget that its whole interval only just reaches", () => {
    const { wrong } = characteristics(ends("rolledBack", 0));
    const high = wrong?.rate.status === "ok" ? wrong.rate.high : Number.NaN;
    const exactly = { ...own, budgets: { ...own.budgets, falseRollback: high } };
    expect(characteristics(ends("rolledBack", 0), noChange, exactly).wrong?.verdict).toBe("kept");
  });
});
