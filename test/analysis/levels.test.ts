import { describe, expect, it } from "vitest";
import { type ArmSummary, summarizeArm } from "../../analysis/arms.ts";
import type { Margin } from "../../plan/margin.ts";
import type { Metric } from "../../plan/metric.ts";
import { readMargin } from "../../plan/reading.ts";
import type { Values } from "../../shadow/outcomes.ts";
import { normalUpperQuantile } from "../../statistics/distributions.ts";
import { twoSidedP, welch } from "../../statistics/means/means.ts";
import { type RandomStream, randomStream, studyKey } from "../../statistics/random-stream.ts";
import { cost, success } from "../support/traffic.ts";

/**
 * How often our tests speak up when nothing differs. Seeds are fixed, and no figure is tuned: a rate may lie four standard
 * errors of its replicates away from the nominal one, which a right test does by chance for one seed in 16,000.
 */
const within = (rejections: readonly boolean[], nominal: number) => {
  const rate = rejections.filter(Boolean).length / rejections.length;
  const tolerance = 4 * Math.sqrt((nominal * (1 - nominal)) / rejections.length);
  return { rate, tolerance, low: nominal - tolerance, high: nominal + tolerance };
};

const failures: Metric = { ...success, name: "failures", better: "lower" };
const anyMargin: Margin = { kind: "absolute", loss: 0.5 };
const levels = [0.025, 0.05] as const;

describe("Z_R of clustered means, under no difference,", () => {
  it.each([
    { split: "50:50", control: 300, candidate: 300, replicates: 3000 },
    { split: "1:99", control: 14_850, candidate: 150, replicates: 1000 },
  ])("has its nominal one-sided level at $split", ({ split, control, candidate, replicates }) => {
    const random = randomStream(studyKey(`means at ${split}`), 1, 0);
    const z = Array.from({ length: replicates }, () => {
      const arms = { control: unitTotals(random, control), candidate: unitTotals(random, candidate) };
      return readMargin(cost, anyMargin, arms).zHarm;
    });
    for (const level of levels) {
      const { rate, low, high } = within(
        z.map((own) => own >= normalUpperQuantile(level)),
        level,
      );
      expect(rate).toBeGreaterThan(low);
      expect(rate).toBeLessThan(high);
    }
  });
});

describe("Z_R of a rare failure (2.1%) that clusters by unit, under no difference,", () => {
  it("has its nominal one-sided level at 50:50", () => {
    const traffic = sessionsOf("rare failures", failures);
    const z = Array.from({ length: 2000 }, () => {
      const arms = { control: traffic(1000).byUnit(), candidate: traffic(1000).byUnit() };
      return readMargin(failures, anyMargin, arms).zHarm;
    });
    for (const level of levels) {
      const { rate, low, high } = within(
        z.map((own) => own >= normalUpperQuantile(level)),
        level,
      );
      expect(rate).toBeGreaterThan(low);
      expect(rate).toBeLessThan(high);
    }
  });
});

describe("Welch's test on traffic whose users come back (design effect above 2), under no difference,", () => {
  const traffic = sessionsOf("welch", cost);
  // below some 100 units in an arm, varying numbers of sessions raise the level: it is 6 % at 60
  const pairs = Array.from({ length: 2500 }, () => ({ control: traffic(600), candidate: traffic(150) }));

  it("rejects at its level of 5% when its rows are units", () => {
    const { rate, low, high } = within(
      pairs.map(({ control, candidate }) => twoSidedP(welch(control.byUnit(), candidate.byUnit())) <= 0.05),
      0.05,
    );
    expect(rate).toBeGreaterThan(low);
    expect(rate).toBeLessThan(high);
  });

  it("rejects at least three times too often when its rows are sessions", () => {
    const { rate, tolerance } = within(
      pairs.map(({ control, candidate }) => twoSidedP(welch(control.bySession(), candidate.bySession())) <= 0.05),
      0.15,
    );
    expect(rate).toBeGreaterThan(0.15 + tolerance);
  });
});

/**
 * Draws arms of units with one to many sessions. Sessions of a unit share 40% of their variance, and units
 * with many sessions have higher values; a failure happens to a fifth of the units at 8%, to the others at .6%.
 */
function sessionsOf(seed: string, metric: Metric) {
  const random = randomStream(studyKey(seed), 1, 0);
  return (units: number): { byUnit(): ArmSummary; bySession(): ArmSummary } => {
    const numerator: number[] = [];
    const unit: number[] = [];
    for (let own = 0; own < units; own++) {
      const sessions = sessionsOfUnit(random);
      const effect = metric.kind === "proportion" ? (random() < 0.2 ? 0.08 : 0.006) : unitEffect(random, sessions);
      for (let k = 0; k < sessions; k++) {
        const value =
          metric.kind === "proportion" ? Number(random() < effect) : effect + Math.sqrt(0.6) * normal(random);
        numerator.push(value);
        unit.push(own);
      }
    }
    const everyone = numerator.map((_, i) => i);
    const values: Values = {
      kind: "sums",
      numerator: Float64Array.from(numerator),
      denominator: new Float64Array(numerator.length).fill(1),
      missing: new Uint8Array(numerator.length),
    };
    return {
      byUnit: () => summarizeArm(metric, values, everyone, Int32Array.from(unit), units),
      bySession: () => summarizeArm(metric, values, everyone, Int32Array.from(everyone), everyone.length),
    };
  };
}

/** The same units, each with the sum of its sessions drawn at once: as the sessions of one unit add up to. */
function unitTotals(random: RandomStream, units: number): ArmSummary {
  const numerator = new Float64Array(units);
  const denominator = new Float64Array(units);
  for (let own = 0; own < units; own++) {
    const sessions = sessionsOfUnit(random);
    numerator[own] = sessions * unitEffect(random, sessions) + Math.sqrt(0.6 * sessions) * normal(random);
    denominator[own] = sessions;
  }
  const values: Values = { kind: "sums", numerator, denominator, missing: new Uint8Array(units) };
  const everyone = Array.from(numerator, (_, i) => i);
  return summarizeArm(cost, values, everyone, Int32Array.from(everyone), units);
}

/** 2.5 in the mean. */
function sessionsOfUnit(random: RandomStream): number {
  return 1 + Math.floor(-2 * Math.log(1 - random()));
}

function unitEffect(random: RandomStream, sessions: number): number {
  return Math.sqrt(0.4) * normal(random) + 0.1 * sessions;
}

/** Box–Muller. */
function normal(random: RandomStream): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
