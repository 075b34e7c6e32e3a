import { describe, expect, it } from "vitest";
import { exactPower } from "../../statistics/power/exact-power.ts";
import { correctedRate } from "../../statistics/power/judge-error.ts";
import {
  allocationEfficiency,
  powerEventRates,
  sampleSizeEventRates,
  varianceAtFixedCandidate,
} from "../../statistics/power/power-design.ts";
import { powerEquivalence, sampleSizeEquivalence } from "../../statistics/power/power-equivalence.ts";
import {
  minimumDetectableDifference,
  powerMeans,
  ratioAsDifference,
  type SampleSize,
  sampleSizeMeans,
} from "../../statistics/power/power-means.ts";
import { minimumDetectableMean, powerOneMean, sampleSizeOneMean } from "../../statistics/power/power-one-mean.ts";
import {
  powerOneProportion,
  powerOneProportionEquivalence,
  sampleSizeOneProportion,
} from "../../statistics/power/power-one-proportion.ts";
import { exactPowerMcNemar, powerMcNemar, sampleSizeMcNemar } from "../../statistics/power/power-paired-proportions.ts";
import { powerArcsine, powerProportions, sampleSizeProportions } from "../../statistics/power/power-proportions.ts";
import golden from "../golden/power.json" with { type: "json" };

// biome-ignore lint/suspicious/noExplicitAny: each table has inputs of its own shape
type Input = any;

interface Entry {
  readonly id: string;
  readonly input: Input;
  readonly expect: Readonly<Record<string, number>>;
  readonly tolerance: number;
}

const tables = golden.tables as unknown as Readonly<Record<string, readonly Entry[]>>;

function times(size: SampleSize, inflation: number) {
  if (size.status !== "ok") throw new Error(size.reason);
  return { control: size.control * inflation, candidate: size.candidate * inflation, total: size.total * inflation };
}

const computed: Readonly<Record<string, (input: Input) => Record<string, unknown>>> = {
  means_power: ({ sizes, test, alternative, alpha, strict = true, ...expected }) => ({
    power: powerMeans(expected, sizes, { test, alternative, alpha, strict }),
  }),
  means_size: ({ power, inflation, test, alternative, alpha, strict, ratio, ...expected }) =>
    times(sampleSizeMeans(expected, power, { test, alternative, alpha, strict, ratio }), inflation),
  mean_ratio_size: ({ means, deviation, nullRatio, power, inflation, ...options }) =>
    times(sampleSizeMeans(ratioAsDifference(means, deviation, nullRatio), power, options), inflation),
  one_mean_power: ({ n, test, alternative, alpha, ...expected }) => ({
    power: powerOneMean(expected, n, { test, alternative, alpha }),
  }),
  one_mean_size: ({ power, inflation, test, alternative, alpha, strict, ...expected }) =>
    times(sampleSizeOneMean(expected, power, { test, alternative, alpha, strict }), inflation),
  equivalence_power: ({ difference, deviation, low, high, sizes, test, alpha }) => ({
    power: powerEquivalence({ difference, deviation }, { low, high }, sizes, { test, alpha }),
  }),
  rates_power: ({ rates, sizes, ...options }) => ({ power: powerProportions(rates, sizes, options) }),
  rates_size: ({ rates, power, inflation, ...options }) =>
    times(sampleSizeProportions(rates, power, options), inflation),
  one_rate_power: ({ n, alternative, alpha, ...expected }) => ({
    power: powerOneProportion(expected, n, { alternative, alpha }),
  }),
  one_rate_equivalence: ({ rate, low, high, n, alpha }) => ({
    power: powerOneProportionEquivalence(rate, { low, high }, n, alpha),
  }),
  one_rate_size: ({ power, inflation, test, alternative, alpha, ...expected }) =>
    times(sampleSizeOneProportion(expected, power, { test, alternative, alpha }), inflation),
  arcsine_power: ({ h, sizes, ...sides }) => ({ power: powerArcsine(h, sizes, sides) }),
  exact_power: ({ rates, sizes, pooled, critical }) => ({
    power: exactPower(rates, sizes, (x0, x1) => {
      const [p0, p1] = [x0 / sizes.control, x1 / sizes.candidate];
      const p = (x0 + x1) / (sizes.control + sizes.candidate);
      const variance = pooled
        ? p * (1 - p) * (1 / sizes.control + 1 / sizes.candidate)
        : (p0 * (1 - p0)) / sizes.control + (p1 * (1 - p1)) / sizes.candidate;
      return (p1 - p0) / Math.sqrt(variance) > critical;
    }),
  }),
  mcnemar_power: ({ n, alternative, alpha, ...rates }) => ({
    normal: powerMcNemar(rates, n, { alternative, alpha }),
    exact: exactPowerMcNemar(rates, n, { alternative, alpha }),
  }),
  mcnemar_size: ({ power, alternative, alpha, ...rates }) => {
    const { total } = times(sampleSizeMcNemar(rates, power, { alternative, alpha }), 1);
    return { n: total };
  },
  events_size: ({ rates, power, ...options }) => times(sampleSizeEventRates(rates, power, options), 1),
  allocation: ({ ratio }) => ({
    efficiency: allocationEfficiency(ratio),
    variance: varianceAtFixedCandidate(ratio),
  }),
  judge: ({ events, n, successes, failures, ...judge }) => ({
    ...correctedRate({ events, n }, successes === null ? judge : { ...judge, successes, failures }),
  }),
};

describe("the tables of power", () => {
  it("all have a function to check", () => {
    expect(Object.keys(tables).sort()).toEqual(Object.keys(computed).sort());
  });
});

describe.each(Object.keys(computed))("%s agrees with references made elsewhere", (table) => {
  it.each((tables[table] as readonly Entry[]).map((entry) => [entry.id, entry] as const))("%s", (_, entry) => {
    const got = (computed[table] as (input: Input) => Record<string, unknown>)(entry.input);
    for (const [key, wanted] of Object.entries(entry.expect)) {
      const have = got[key] as number;
      expect(Math.abs(have - wanted), `${key}: ${have} for ${wanted}`).toBeLessThanOrEqual(
        entry.tolerance * (Math.abs(wanted) || 1),
      );
    }
  });
});

describe("a sample size has the power that it was made for", () => {
  it.each((tables.means_size as readonly Entry[]).map((entry) => [entry.id, entry] as const))(
    "means %s",
    (_, entry) => {
      const { power, test, alternative, alpha, strict, ratio, inflation: _inflation, ...expected } = entry.input;
      const size = times(sampleSizeMeans(expected, power, { test, alternative, alpha, strict, ratio }), 1);
      expect(powerMeans(expected, size, { test, alternative, alpha, strict })).toBeCloseTo(power, 10);
      // the detectable difference is the planned one again, on the alternative's side
      const { deviation, nullDifference = 0, difference } = expected;
      const found = minimumDetectableDifference({ deviation, nullDifference }, size, power, {
        test,
        alternative,
        alpha,
        strict,
      });
      expect(Math.abs(found - nullDifference)).toBeCloseTo(Math.abs(difference - nullDifference), 8);
    },
  );

  it.each((tables.one_mean_size as readonly Entry[]).map((entry) => [entry.id, entry] as const))(
    "mean %s",
    (_, entry) => {
      const { power, inflation: _inflation, mean, nullMean, deviation, ...options } = entry.input;
      const { total } = times(sampleSizeOneMean({ mean, nullMean, deviation }, power, options), 1);
      expect(minimumDetectableMean({ nullMean, deviation }, total, power, options)).toBeCloseTo(mean, 8);
    },
  );

  it.each((tables.events_size as readonly Entry[]).map((entry) => [entry.id, entry] as const))(
    "events %s",
    (_, entry) => {
      const { rates, power, ratio, ...options } = entry.input;
      const size = times(sampleSizeEventRates(rates, power, { ratio, ...options }), 1);
      expect(powerEventRates(rates, size, options)).toBeCloseTo(power, 10);
    },
  );

  it.each(["z", "t", "welch"] as const)("equivalence by %s", (test) => {
    const expected = { difference: 0.1, deviation: { control: 1, candidate: 1.5 } };
    const margins = { low: -0.4, high: 0.5 };
    const size = times(sampleSizeEquivalence(expected, margins, 0.9, { test, ratio: 9 }), 1);
    expect(powerEquivalence(expected, margins, size, { test })).toBeCloseTo(0.9, 10);
    expect(size.control).toBeCloseTo(9 * size.candidate, 8);
  });
});
