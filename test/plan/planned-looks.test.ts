import { describe, expect, it } from "vitest";
import type { Baseline, TrafficFacts } from "../../plan/finding.ts";
import type { Margin } from "../../plan/margin.ts";
import type { Metric } from "../../plan/metric.ts";
import type { ControlledStage, Guardrail, Plan } from "../../plan/plan.ts";
import {
  growthOf,
  passChance,
  pointChance,
  repeatedLevel,
  timeOfUnits,
  unitsFactor,
  unitsToPass,
  unitsWithin,
} from "../../plan/planned-looks.ts";
import { normalUpperQuantile } from "../../statistics/distributions.ts";
import { sampleSizeProportions } from "../../statistics/power/power-proportions.ts";
import { crossingProbabilities } from "../../statistics/sequential/group-sequential.ts";
import golden from "../golden/plan-checks.json" with { type: "json" };
import { hour, plan as planOf, stages } from "../support/plan.ts";
import { cost, success } from "../support/traffic.ts";

const day = 24 * hour;

function guardrailOf(kind: string, [scale, bound, better]: readonly (string | number)[]): Guardrail {
  const margin: Margin =
    scale === "absolute" ? { kind: "absolute", loss: bound as number } : { kind: "relative", factor: bound as number };
  const metric = { ...(kind === "proportion" ? success : cost), better } as Metric;
  return { key: metric.name, metric, margin, written: "", spending: { kind: "pocock" }, weight: 1 };
}

function stageAt(exposure: number): ControlledStage {
  return stages([exposure])[0] as ControlledStage;
}

/** So many units of one session each. */
function baseline(estimate: number, deviation: number, units = 40_000): Baseline {
  return { estimate, standardError: deviation / Math.sqrt(units), units, effectiveSample: units, share: 1 };
}

describe("the units that a margin takes", () => {
  it.each(golden.units.map((entry) => [entry.id, entry] as const))(
    "agree with scipy: %s",
    (_, { input, expect: units, tolerance }) => {
      const { kind, estimate, deviation, exposure, margin, level, power } = input;
      const growth = growthOf(stageAt(exposure), guardrailOf(kind, margin), baseline(estimate, deviation));
      if (!growth) throw new Error("no growth");
      expect(Math.abs(unitsToPass(growth, level, power) / units - 1)).toBeLessThan(tolerance);
    },
  );

  it("agree with the sample size of two proportions", () => {
    const growth = growthOf(
      stageAt(0.05),
      guardrailOf("proportion", ["absolute", 0.05, "higher"]),
      baseline(0.75, Math.sqrt(0.1875)),
    );
    const size = sampleSizeProportions({ control: 0.75, candidate: 0.75 }, 0.8, {
      null: { scale: "difference", value: -0.05 },
      ratio: 19,
      alternative: "greater",
      alpha: 0.25,
    });
    expect(growth && size.status === "ok" && unitsToPass(growth, 0.25, 0.8) / size.total).toBeCloseTo(1, 6);
  });

  it("are a certain number where no unit fails", () => {
    const growth = growthOf(stageAt(0.5), guardrailOf("proportion", ["absolute", 0.01, "lower"]), baseline(0, 0));
    expect(growth?.spread).toBe(0);
    // at the margin the candidate's rate is .01 and control's 0: SE = √(.01 · .99 · 2 / units)
    const z = normalUpperQuantile(0.1);
    expect(growth && unitsToPass(growth, 0.1, 0.8)).toBeCloseTo((z ** 2 * 0.01 * 0.99 * 2) / 0.01 ** 2, 0);
  });

  it("have no value where control's share bounds nothing", () => {
    expect(growthOf(stageAt(0.5), guardrailOf("mean", ["relative", 1.2, "lower"]), baseline(0, 1))).toBeUndefined();
    expect(growthOf(stageAt(0.5), guardrailOf("mean", ["relative", 1.2, "lower"]), baseline(-3, 1))).toBeUndefined();
  });
});

describe("the level of a test that is repeated", () => {
  const still = golden.repeated.filter(({ input }) => input.drift === 0);
  it.each(still.map((entry) => [entry.id, entry] as const))(
    "agrees with scipy: %s",
    (_, { input, expect: level, tolerance }) => {
      expect(Math.abs(repeatedLevel(input.level, input.units) / level - 1)).toBeLessThan(tolerance);
    },
  );

  it("is the level itself at one look", () => {
    expect(repeatedLevel(0.05, [7])).toBeCloseTo(0.05, 12);
  });

  it("is 4 % too low when 200 looks are thinned out", () => {
    const units = Array.from({ length: 200 }, (_, k) => k + 1);
    const { upper } = crossingProbabilities({
      information: units,
      upper: units.map(() => normalUpperQuantile(0.00125)),
      lower: units.map(() => Number.NEGATIVE_INFINITY),
    });
    const whole = upper.reduce((sum, own) => sum + own, 0);
    expect(repeatedLevel(0.00125, units) / whole).toBeCloseTo(0.96, 2);
  });
});

describe("the chance to pass", () => {
  const own: Plan = {
    ...planOf({ guardrails: [guardrailOf("mean", ["absolute", 0.1, "lower"])] }),
    stages: [{ ...stageAt(0.5), minimumMs: 0, minimumSample: 1 }],
  };
  const looks = [100, 200, 300].map((units, k) => ({
    elapsedMs: (k + 1) * 6 * hour,
    smallerArm: units / 2,
    units: [units],
  }));

  it("agrees with scipy over three looks with a drift", () => {
    const { input, expect: chance } = golden.repeated.at(-1) as (typeof golden.repeated)[number];
    expect(passChance(own, 0, 0, looks, { rate: input.drift, spread: 1 })).toBeCloseTo(chance, 5);
  });

  it("counts only looks that have the minimum duration and sample", () => {
    const stage = own.stages[0] as ControlledStage;
    const at = (change: Partial<ControlledStage>) =>
      passChance({ ...own, stages: [{ ...stage, ...change }] }, 0, 0, looks, { rate: 0.1, spread: 1 });
    const last = 1 - 0.5 * (1 + erf((normalUpperQuantile(0.1) - 0.1 * Math.sqrt(300)) / Math.SQRT2));
    expect(at({ minimumMs: 18 * hour })).toBeCloseTo(last, 6);
    expect(at({ minimumSample: 150 })).toBeCloseTo(last, 6);
    expect(at({ minimumSample: 151 })).toBe(0);
  });

  it("reaches a power with so many times the units", () => {
    const growth = { rate: 0.05, spread: 1 };
    const factor = unitsFactor(own, 0, 0, looks, growth, 0.8) as number;
    const more = looks.map((look) => ({ ...look, units: look.units.map((units) => factor * units) }));
    expect(passChance(own, 0, 0, more, growth)).toBeCloseTo(0.8, 3);
    expect(unitsFactor(own, 0, 0, looks, { rate: 1, spread: 1 }, 0.8)).toBe(1);
    expect(unitsFactor(own, 0, 0, looks, { rate: 1e-9, spread: 1 }, 0.8)).toBeUndefined();
  });

  it("is certain without variance, once the units are there", () => {
    expect(passChance(own, 0, 0, looks, { rate: 0.1, spread: 0 })).toBe(1);
    expect(passChance(own, 0, 0, looks, { rate: 0.01, spread: 0 })).toBe(0);
  });
});

describe("the chance that an estimate is beyond its margin", () => {
  it("is the tail of one look, and grows with looks", () => {
    const growth = { rate: 0.1, spread: 1 };
    expect(pointChance(growth, [100])).toBeCloseTo(0.158655, 6);
    expect(pointChance(growth, [50, 100])).toBeGreaterThan(pointChance(growth, [50]));
  });
});

describe("units by time", () => {
  const traffic: TrafficFacts = {
    spanMs: 2 * day,
    units: 300,
    sessions: 500,
    arrived: [
      { withinMs: day, units: 200 },
      { withinMs: 2 * day, units: 300 },
    ],
    taking: [],
  };

  it("follow the log, and use it again beyond its end", () => {
    expect([0, day / 2, day, 1.5 * day, 2 * day, 4 * day].map((ms) => unitsWithin(traffic, ms))).toEqual([
      0, 100, 200, 250, 300, 600,
    ]);
  });

  it("are found again by their time", () => {
    for (const units of [50, 200, 270, 300, 900])
      expect(unitsWithin(traffic, timeOfUnits(traffic, units))).toBeCloseTo(units, 9);
  });
});

/** Abramowitz & Stegun (1964), 7.1.5: the series. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
