import { categoryDrift, populationStability } from "../../statistics/drift/drift.ts";
import { ljungBox } from "../../statistics/drift/series.ts";
import { inverseNormal } from "../../statistics/means/combination.ts";
import { cochranMantelHaenszel, mantelHaenszel } from "../../statistics/means/mantel-haenszel.ts";
import { differenceInterval, differenceTest } from "../../statistics/means/means.ts";
import { combineDifferences, postStratified } from "../../statistics/means/strata.ts";
import { contingencyTest } from "../../statistics/proportions/contingency.ts";
import { pooledTest } from "../../statistics/proportions/proportion-interval.ts";
import type { Count } from "../../statistics/proportions/proportions.ts";
import { two } from "./numbers.ts";
import { binomial, draws, normal } from "./populations.ts";
import type { Cell, Method, Study } from "./study.ts";

interface Sample {
  /** of four stages whose rates and shares differ */
  readonly stages: readonly { readonly control: Count; readonly candidate: Count }[];
  readonly categories: readonly [readonly number[], readonly number[]];
  readonly series: Float64Array;
}

/** Traffic gets better while the candidate's share grows. */
const stages = [
  { rate: 0.1, share: 0.01 },
  { rate: 0.15, share: 0.05 },
  { rate: 0.2, share: 0.25 },
  { rate: 0.3, share: 0.5 },
];

const arms = ({ stages: own }: Sample) =>
  own.map(({ control, candidate }) => ({ control: estimate(control), candidate: estimate(candidate) }));
const differences = (sample: Sample) =>
  arms(sample).map(({ control, candidate }) => ({
    difference: candidate.estimate - control.estimate,
    standardError: Math.hypot(control.standardError, candidate.standardError),
  }));

function estimate({ events, n }: Count) {
  const rate = events / n;
  return { n, estimate: rate, standardError: Math.sqrt((rate * (1 - rate)) / (n - 1)) };
}

const small = ({ n }: Cell) => n < 20_000;

const methods: readonly Method<Sample>[] = [
  {
    name: "pooled z over all stages",
    file: "proportion-interval",
    test: ({ stages: own }) => {
      const sum = (arm: "control" | "candidate") =>
        own.reduce((all, stage) => ({ events: all.events + stage[arm].events, n: all.n + stage[arm].n }), {
          events: 0,
          n: 0,
        });
      return two(pooledTest(sum("control"), sum("candidate")));
    },
    // Simpson: the candidate has more of the better traffic
    fails: () => true,
  },
  {
    name: "Cochran–Mantel–Haenszel",
    file: "mantel-haenszel",
    test: ({ stages: own }) => two(cochranMantelHaenszel(own)),
    interval: ({ stages: own }) => {
      const found = mantelHaenszel(own);
      return found.status === "ok" ? differenceInterval(found) : found;
    },
  },
  {
    name: "post-stratified difference",
    file: "strata",
    test: (sample) => {
      const found = postStratified(arms(sample));
      return found.status === "ok" ? two(differenceTest(found)) : undefined;
    },
    interval: (sample) => {
      const found = postStratified(arms(sample));
      return found.status === "ok" ? differenceInterval(found) : found;
    },
    // five events in the smallest arm of a stratum, even of 20,000 units
    fails: () => true,
  },
  {
    name: "inverse-variance combination",
    file: "strata",
    test: (sample) => {
      const found = combineDifferences(differences(sample));
      return found.status === "ok" ? two(differenceTest(found)) : undefined;
    },
    interval: (sample) => {
      const found = combineDifferences(differences(sample));
      return found.status === "ok" ? differenceInterval(found) : found;
    },
    fails: small,
  },
  {
    name: "inverse-normal combination",
    file: "combination",
    test: ({ stages: own }) => {
      const z = own.map(({ control, candidate }) => {
        const found = pooledTest(control, candidate);
        return found.status === "ok" ? found.statistic : Number.NaN;
      });
      return two(inverseNormal(z, [1, 2, 4, 4]));
    },
    fails: small,
  },
  {
    name: "chi-squared, 2 × 5",
    file: "contingency",
    test: ({ categories }) => {
      const found = contingencyTest(categories);
      return found.status === "ok" ? found.pValue : undefined;
    },
  },
  {
    name: "drift of categories",
    file: "drift",
    test: ({ categories: [reference, current] }) => {
      const found = categoryDrift(reference, current);
      return found.status === "ok" ? found.pValue : undefined;
    },
  },
  {
    name: "population stability index",
    file: "drift",
    test: ({ categories: [reference, current] }) => {
      const found = populationStability(reference, current);
      return found.status === "ok" ? found.pValue : undefined;
    },
    // some five units in the smallest bin
    fails: () => true,
  },
  {
    name: "Ljung–Box, 5 lags of 100",
    file: "series",
    test: ({ series }) => {
      const found = ljungBox(series, 5);
      return found.status === "ok" ? found.pValue : undefined;
    },
  },
];

/** Four stages of a ramp, categories and series, without a difference. */
export const strata: Study<Sample> = {
  name: "stages, categories and series",
  cells: [2000, 20_000].map((n) => ({ population: "rising rates", split: [1, 1] as const, n })),
  draw: ({ n }, random) => {
    const own = stages.map(({ rate, share }) => {
      const candidate = Math.round((n / 4) * share);
      const control = n / 4 - candidate;
      return {
        control: { events: binomial(random, control, rate), n: control },
        candidate: { events: binomial(random, candidate, rate), n: candidate },
      };
    });
    const categories = [0.9, 0.1].map((share) => {
      const counts = [0, 0, 0, 0, 0];
      for (let i = 0; i < share * 1000; i++) {
        const k = Math.floor(5 * random() ** 2);
        counts[k] = (counts[k] as number) + 1;
      }
      return counts;
    }) as [number[], number[]];
    return { stages: own, categories, series: draws(100, () => normal(random)) };
  },
  methods,
};
