import {
  asymptoticInterval,
  asymptoticTest,
  mixtureSequentialInterval,
  mixtureSequentialTest,
} from "../../statistics/anytime/normal-sequential.ts";
import { kolmogorovSmirnov } from "../../statistics/drift/kolmogorov-smirnov.ts";
import { type Estimate, type TestResult, undetermined } from "../../statistics/estimate.ts";
import { equivalenceTest, harmOf, marginTest } from "../../statistics/means/margins.ts";
import { compareMeans, differenceInterval, meansTest, varianceRatioTest, welch } from "../../statistics/means/means.ts";
import { ratioOfSums, relativeLift, relativeTest } from "../../statistics/means/ratio.ts";
import { moments } from "../../statistics/moments.ts";
import {
  quantileDifference,
  quantileRatio,
  quantileRatioTest,
  quantileTest,
} from "../../statistics/quantiles/quantile-differences.ts";
import { quantileInterval } from "../../statistics/quantiles/quantiles.ts";
import { type RandomStream, randomStream, studyKey } from "../../statistics/random-stream.ts";
import { mannWhitney } from "../../statistics/ranks/ranks.ts";
import { bootstrapInterval, permutationTest } from "../../statistics/ranks/resampling.ts";
import { hodgesLehmannShift } from "../../statistics/ranks/shift.ts";
import { draws, populations } from "./populations.ts";
import type { Cell, Method, Study } from "./study.ts";

interface Sample {
  readonly control: Float64Array;
  readonly candidate: Float64Array;
  readonly random: RandomStream;
}

export const splits = [
  [1, 1],
  [9, 1],
  [99, 1],
] as const;

export function armSizes({ n, split: [control, candidate] }: Cell): [number, number] {
  const small = Math.round((n * candidate) / (control + candidate));
  return [n - small, small];
}

export const two = (result: TestResult) => (result.status === "ok" ? result.twoSided : undefined);
const arm = (values: Float64Array) => ratioOfSums(moments([values, new Float64Array(values.length).fill(1)]));
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const difference = (control: readonly number[], candidate: readonly number[]) => mean(candidate) - mean(control);
const smaller = (cell: Cell) => armSizes(cell)[1];
const skewed = ({ population }: Cell) => population !== "normal";
const sortedOf = (values: Float64Array) => values.toSorted();
const p90 = (values: Float64Array): Estimate => quantileInterval(sortedOf(values), 0.9);

const methods: readonly Method<Sample>[] = [
  {
    name: "Welch",
    file: "means",
    test: ({ control, candidate }) => two(meansTest(arm(control), arm(candidate))),
    interval: ({ control, candidate }) => differenceInterval(welch(arm(control), arm(candidate))),
    fails: (cell) => skewed(cell) || smaller(cell) < 20,
  },
  {
    name: "Student, pooled variance",
    file: "means",
    test: ({ control, candidate }) => two(meansTest(arm(control), arm(candidate), { method: "student" })),
    interval: ({ control, candidate }) => differenceInterval(compareMeans(arm(control), arm(candidate), "student")),
    fails: skewed,
  },
  {
    name: "F test of two variances",
    file: "means",
    test: ({ control, candidate }) => two(varianceRatioTest(arm(control), arm(candidate))),
    fails: skewed,
  },
  ...(["delta", "log", "fieller"] as const).map(
    (method): Method<Sample> => ({
      name: `relative lift, ${method}`,
      file: "ratio",
      test: ({ control, candidate }) => two(relativeTest(arm(control), arm(candidate), { method })),
      interval: ({ control, candidate }) => relativeLift(arm(control), arm(candidate), { method }),
      fails: (cell) => skewed(cell) || smaller(cell) < 20,
    }),
  ),
  {
    name: "Mann–Whitney",
    file: "ranks",
    test: ({ control, candidate }) => two(mannWhitney(control, candidate)),
    // mostly ties, and the normal approximation of a handful of ranks
    fails: (cell) => cell.population === "mostly zero" && smaller(cell) < 20,
  },
  {
    name: "Hodges–Lehmann shift",
    file: "shift",
    interval: ({ control, candidate }) => hodgesLehmannShift(control, candidate),
    fails: ({ population }) => population === "mostly zero",
  },
  {
    name: "Kolmogorov–Smirnov",
    file: "kolmogorov-smirnov",
    test: ({ control, candidate }) => two(kolmogorovSmirnov(sortedOf(control), sortedOf(candidate))),
  },
  {
    name: "permutation of the means",
    file: "resampling",
    costly: true,
    test: ({ control, candidate, random }) =>
      two(permutationTest([...control], [...candidate], difference, { random, permutations: 199 })),
  },
  ...(["percentile", "bca"] as const).map(
    (method): Method<Sample> => ({
      name: `bootstrap of the means, ${method}`,
      file: "resampling",
      costly: true,
      interval: ({ control, candidate, random }, { n }) =>
        n > 500
          ? undetermined("left out of the grid: too slow")
          : bootstrapInterval([...control], [...candidate], difference, { random, method, replicates: 499 }),
      fails: (cell) => skewed(cell) || smaller(cell) < 50,
    }),
  ),
  {
    name: "difference of P90",
    file: "quantile-differences",
    test: ({ control, candidate }) => two(quantileTest(p90(control), p90(candidate))),
    interval: ({ control, candidate }) => quantileDifference(p90(control), p90(candidate)),
  },
  {
    name: "P90 of the candidate",
    file: "quantiles",
    interval: ({ candidate }) => p90(candidate),
    truth: ({ population }) => (populations[population] as (typeof populations)[string]).p90,
  },
  {
    name: "non-inferiority, of a candidate at its margin",
    file: "margins",
    // one-sided: the candidate is worse by all that is accepted
    test: ({ control, candidate }) => {
      const worse = candidate.map((own) => own - 0.2);
      const found = marginTest(
        harmOf(arm(control), arm(worse), { margin: { kind: "absolute", loss: 0.2 }, better: "higher" }),
      );
      return found.status === "ok" ? found.less : undefined;
    },
    fails: (cell) => skewed(cell) || smaller(cell) < 20,
  },
  {
    name: "equivalence, of a candidate at its margin",
    file: "margins",
    test: ({ control, candidate }) => {
      const found = equivalenceTest(arm(control), arm(candidate.map((own) => own + 0.2)), { below: 0.2, above: 0.2 });
      return found.status === "ok" ? found.pValue : undefined;
    },
    fails: (cell) => skewed(cell) || smaller(cell) < 20,
  },
  {
    name: "ratio of P90",
    file: "quantile-differences",
    test: ({ control, candidate }) => two(quantileRatioTest(p90(control), p90(candidate))),
    interval: ({ control, candidate }) => quantileRatio(p90(control), p90(candidate)),
    truth: () => 1,
  },
  {
    name: "normal mixture, one look",
    file: "normal-sequential",
    test: ({ control, candidate }) => two(mixtureSequentialTest(welch(arm(control), arm(candidate)), 0.01)),
    interval: ({ control, candidate }) => mixtureSequentialInterval(welch(arm(control), arm(candidate)), 0.01),
    fails: (cell) => skewed(cell) || smaller(cell) < 20,
  },
  {
    name: "asymptotic confidence sequence, one look",
    file: "normal-sequential",
    test: ({ control, candidate }) =>
      two(asymptoticTest(welch(arm(control), arm(candidate)), control.length + candidate.length)),
    interval: ({ control, candidate }) =>
      asymptoticInterval(welch(arm(control), arm(candidate)), control.length + candidate.length),
    fails: (cell) => skewed(cell) || smaller(cell) < 20,
  },
];

/** Two samples of one population. */
export const numbers: Study<Sample> = {
  name: "two samples of numbers",
  cells: Object.keys(populations).flatMap((population) =>
    splits.flatMap((split) => [200, 2000].map((n) => ({ population, split, n }))),
  ),
  draw: (cell, random) => {
    const [n0, n1] = armSizes(cell);
    const own = populations[cell.population] as (typeof populations)[string];
    const control = draws(n0, () => own.draw(random));
    const candidate = draws(n1, () => own.draw(random));
    return { control, candidate, random: randomStream(studyKey("resampling"), 0, Math.floor(2 ** 32 * random())) };
  },
  methods,
};
