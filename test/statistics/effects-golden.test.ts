import { describe, expect, it } from "vitest";
import {
  clusterOfSums,
  clusterSizes,
  designEffect,
  intraclassCorrelation,
  observedDesignEffect,
} from "../../statistics/means/clusters.ts";
import { cuped, cupedLift } from "../../statistics/means/covariates.ts";
import { fiellerSet } from "../../statistics/means/fieller.ts";
import { cochranMantelHaenszel, mantelHaenszel } from "../../statistics/means/mantel-haenszel.ts";
import { equivalenceTest, harmOf, marginTest } from "../../statistics/means/margins.ts";
import {
  compareMeans,
  differenceInterval,
  differenceTest,
  meansTest,
  varianceRatioTest,
} from "../../statistics/means/means.ts";
import {
  benjaminiHochberg,
  benjaminiYekutieli,
  bonferroni,
  hochberg,
  holm,
  hommel,
} from "../../statistics/means/multiplicity.ts";
import { ratioOfSums, relativeLift, relativeTest } from "../../statistics/means/ratio.ts";
import { combineDifferences, postStratified } from "../../statistics/means/strata.ts";
import { type Moments, moments, momentsOfRows, sumMoments } from "../../statistics/moments.ts";
import {
  quantileDifference,
  quantileRatio,
  quantileRatioTest,
  quantileTest,
} from "../../statistics/quantiles/quantile-differences.ts";
import {
  normalQuantileRanks,
  quantileCoverage,
  quantileInterval,
  quantileRanks,
  quantileSorted,
} from "../../statistics/quantiles/quantiles.ts";
import golden from "../golden/effects.json" with { type: "json" };

// biome-ignore lint/suspicious/noExplicitAny: each table has inputs of its own shape
type Input = any;
type Figures = { readonly [name: string]: unknown };

interface Entry {
  readonly id: string;
  readonly input: Input;
  readonly expect: Figures;
  readonly tolerance: number;
  readonly absolute: number;
}

const tables = golden.tables as unknown as Readonly<Record<string, readonly Entry[]>>;

const arm = (values: readonly number[]) => ratioOfSums(moments([values, values.map(() => 1)]));
const sums = ({ numerator, denominator }: Input) => ratioOfSums(moments([numerator, denominator]));
const fromCovariance = ({ n, mean, covariance }: Input): Moments => ({
  n,
  mean,
  products: covariance.map((row: readonly number[]) => row.map((value) => value * (n - 1))),
});
const adjustments = { bonferroni, holm, hochberg, hommel, BH: benjaminiHochberg, BY: benjaminiYekutieli };

/** Fails, with the reason, on what could not be computed. */
function known<T extends { readonly status: string }>(result: T): Exclude<T, { status: "undetermined" }> {
  if (result.status === "undetermined") throw new Error(JSON.stringify(result));
  return result as Exclude<T, { status: "undetermined" }>;
}

function differenceFigures(control: Input, candidate: Input, level = 0.95) {
  const difference = compareMeans(control, candidate);
  return {
    ...difference,
    df: difference.degreesOfFreedom,
    ...known(differenceTest(difference)),
    ...known(differenceInterval(difference, level)),
  };
}

const computed: Readonly<Record<string, (input: Input) => Figures>> = {
  means: ({ control, candidate, difference, level }) =>
    Object.fromEntries(
      (["welch", "student", "normal"] as const).map((method) => {
        const own = compareMeans(arm(control), arm(candidate), method);
        const test = known(meansTest(arm(control), arm(candidate), { difference, method }));
        return [method, { ...test, ...known(differenceInterval(own, level)), df: own.degreesOfFreedom }];
      }),
    ),
  variance_ratio: ({ control, candidate }) => known(varianceRatioTest(arm(control), arm(candidate))),
  ratio: (input) => ({ ...sums(input) }),
  ratio_difference: ({ control, candidate }) => differenceFigures(sums(control), sums(candidate)),
  relative: ({ control, candidate, ...options }) => ({
    ...known(relativeLift(control, candidate, options)),
    ...known(relativeTest(control, candidate, options)),
  }),
  summaries: ({ control, candidate, level }) => differenceFigures(control, candidate, level),
  fieller_set: ({ control, candidate, ...options }) => known(fiellerSet(control, candidate, options)),
  cuped_moments: ({ control, candidate, slope, level }) => {
    const adjusted = cuped(fromCovariance(control), fromCovariance(candidate), { slope });
    const difference = compareMeans(adjusted.control, adjusted.candidate, "normal");
    const lift = known(
      relativeLift(adjusted.control, adjusted.candidate, { level, method: "log", variances: "normal" }),
    );
    return {
      control: adjusted.control.estimate,
      candidate: adjusted.candidate.estimate,
      difference: difference.difference,
      z: difference.t,
      ...known(differenceTest(difference)),
      high: known(differenceInterval(difference, level)).high,
      lift: lift.value,
      liftHigh: lift.high,
    };
  },
  cuped_lift: ({ control, candidate, ...options }) => {
    const lift = (level: number) =>
      known(cupedLift(fromCovariance(control), fromCovariance(candidate), { ...options, level }));
    return { ...lift(options.level), twoSided: levelThatEndsAtZero(lift) };
  },
  cuped_rows: ({ control, candidate, slope }) => {
    const adjusted = cuped(momentsOfRows(control), momentsOfRows(candidate), { slope });
    return {
      theta: adjusted.theta,
      control: adjusted.control.estimate,
      controlError: adjusted.control.standardError,
      candidate: adjusted.candidate.estimate,
      candidateError: adjusted.candidate.standardError,
    };
  },
  design_effect: ({ size, correlation, variation }) => ({
    equal: designEffect({ size, correlation }),
    unequal: designEffect({ size, correlation, variation }),
  }),
  intraclass: ({ clusters }: { clusters: number[][] }) => {
    const own = clusters.map((values) => {
      const { n, mean, products } = moments([values]);
      return { n, mean: mean[0] as number, squares: products[0]?.[0] as number };
    });
    return {
      ...known(intraclassCorrelation(own)),
      ...clusterSizes(own),
      observedDesignEffect: known(observedDesignEffect(own)).value,
    };
  },
  post_stratified: ({ strata, weights }) => {
    const arms = strata.map(({ control, candidate }: Input) => ({ control: arm(control), candidate: arm(candidate) }));
    const found = known(postStratified(arms, weights ? { weights } : {}));
    return { ...found, df: found.degreesOfFreedom, ...known(differenceTest(found)) };
  },
  inverse_variance: ({ stages }: { stages: [number, number][] }) => {
    const found = known(
      combineDifferences(stages.map(([difference, standardError]) => ({ difference, standardError }))),
    );
    const { heterogeneity } = found;
    return { ...found, ...known(differenceTest(found)), q: heterogeneity?.statistic, qP: heterogeneity?.pValue };
  },
  mantel_haenszel: ({ tables }: { tables: [number, number, number, number][] }) => {
    const strata = tables.map(([b, n0, a, n1]) => ({ control: { events: b, n: n0 }, candidate: { events: a, n: n1 } }));
    const test = known(cochranMantelHaenszel(strata));
    const corrected = known(cochranMantelHaenszel(strata, { correct: true }));
    return {
      ...known(mantelHaenszel(strata)),
      ...test,
      z: test.statistic,
      zCorrected: corrected.statistic,
      chiSquaredCorrected: corrected.statistic ** 2,
      twoSidedCorrected: corrected.twoSided,
    };
  },
  quantile: ({ values, probs, type }) => {
    const sorted = [...values].sort((a, b) => a - b);
    return { q: probs.map((p: number) => quantileSorted(sorted, p, type)) };
  },
  quantile_ranks: ({ n, p, level }) => {
    const [exact, normal] = [quantileRanks(n, p, level), normalQuantileRanks(n, p, level)];
    const coverage = quantileCoverage(n, p, exact);
    return { ...exact, coverage, normalLower: normal.lower, normalUpper: normal.upper };
  },
  quantile_interval: ({ values, p, level }) => known(quantileInterval(values, p, { level })),
  quantile_difference: ({ control, candidate, difference, ratio, level }) => {
    const [was, is] = [control, candidate].map(([value, low, high]) => ({
      status: "ok" as const,
      value,
      low,
      high,
      level,
    }));
    if (!was || !is) throw new Error("an arm is missing");
    return Object.fromEntries(
      (["mover", "normal"] as const).flatMap((method) => [
        [
          `difference_${method}`,
          {
            ...known(quantileDifference(was, is, { method })),
            ...known(quantileTest(was, is, { method, difference })),
          },
        ],
        [
          `ratio_${method}`,
          { ...known(quantileRatio(was, is, { method })), ...known(quantileRatioTest(was, is, { method, ratio })) },
        ],
      ]),
    );
  },
  equivalence: ({ control, candidate, below, above }) =>
    known(equivalenceTest(arm(control), arm(candidate), { below, above })),
  margin: ({ control, candidate, margin, better }) => {
    const harm = known(harmOf(arm(control), arm(candidate), { margin, better }));
    return { ...known(marginTest(harm)), df: harm.degreesOfFreedom };
  },
  p_adjust: ({ p, method }: { p: (number | null)[]; method: keyof typeof adjustments }) => ({
    adjusted: adjustments[method](p.map((value) => value ?? Number.NaN)),
  }),
  moments: ({ parts }) => ({ ...sumMoments(parts.map((rows: number[][]) => momentsOfRows(rows))) }),
};

/** The two-sided p-value that an interval at every level implies, by bisection: 1 − the level whose interval ends at 0. */
function levelThatEndsAtZero(interval: (level: number) => { readonly low: number; readonly high: number }): number {
  let [inside, outside] = [1 - 1e-9, 1e-9];
  for (let step = 0; step < 60; step++) {
    const middle = (inside + outside) / 2;
    const { low, high } = interval(middle);
    if (low <= 0 && high >= 0) inside = middle;
    else outside = middle;
  }
  return 1 - inside;
}

function compare(have: unknown, want: unknown, { tolerance, absolute }: Entry, path: string): void {
  if (typeof want === "number") {
    const allowed = tolerance * (Math.abs(want) || 1) + absolute;
    expect(Math.abs((have as number) - want), `${path}: ${have} for ${want}`).toBeLessThanOrEqual(allowed);
  } else if (want === null) {
    expect(have === null || Number.isNaN(have), `${path}: ${have} for null`).toBe(true);
  } else if (typeof want === "object") {
    for (const [key, value] of Object.entries(want)) {
      compare((have as Figures)[key], value, { tolerance, absolute } as Entry, `${path}.${key}`);
    }
  } else {
    expect(have, path).toBe(want);
  }
}

it("has a way to compute every table", () => {
  expect(Object.keys(computed).sort()).toEqual(Object.keys(tables).sort());
});

describe.each(Object.keys(computed))("%s agrees with references made elsewhere", (table) => {
  it.each((tables[table] as readonly Entry[]).map((entry) => [entry.id, entry] as const))("%s", (id, entry) => {
    expect(Object.keys(entry.expect)).not.toHaveLength(0);
    compare((computed[table] as (input: Input) => Figures)(entry.input), entry.expect, entry, id);
  });
});

it("a cluster of running sums is that of its values", () => {
  expect(clusterOfSums({ n: 3, sum: 6, sumOfSquares: 14 })).toEqual({ n: 3, mean: 2, squares: 2 });
});
