import { countsTest, rateRatioSequence } from "../../statistics/anytime/counts-sequential.ts";
import { correctedRate, judgedRate } from "../../statistics/power/judge-error.ts";
import { contingencyTest } from "../../statistics/proportions/contingency.ts";
import { conditionalOddsRatio, fisherExact } from "../../statistics/proportions/exact-proportions.ts";
import {
  agrestiCaffoInterval,
  clopperPearson,
  newcombeInterval,
  pooledTest,
  waldInterval,
} from "../../statistics/proportions/proportion-interval.ts";
import { scoreInterval, scoreTest } from "../../statistics/proportions/proportion-score.ts";
import { skewnessCorrectedInterval, skewnessCorrectedTest } from "../../statistics/proportions/proportion-skewness.ts";
import { type Count, wilson } from "../../statistics/proportions/proportions.ts";
import { barnardExact, boschlooExact } from "../../statistics/proportions/unconditional-proportions.ts";
import { armSizes, splits, two } from "./numbers.ts";
import { binomial } from "./populations.ts";
import type { Cell, Method, Study } from "./study.ts";

interface Sample {
  readonly control: Count;
  readonly candidate: Count;
  /** the candidate's successes as a judge sees them, who is right about 90 % of successes and 95 % of failures */
  readonly judged: Count;
}

const judge = { sensitivity: 0.9, specificity: 0.95 };

const rates: Readonly<Record<string, number>> = { "rate 50 %": 0.5, "rate 5 %": 0.05, "rate 1 %": 0.01 };
const rateOf = ({ population }: Cell) => rates[population] as number;
/** Events that are expected in the smaller arm. */
const expected = (cell: Cell) => rateOf(cell) * armSizes(cell)[1];
const step = ({ control, candidate }: Sample) => {
  const n = control.n + candidate.n;
  return [{ counts: [control.events, candidate.events], shares: [control.n / n, candidate.n / n] }];
};

const methods: readonly Method<Sample>[] = [
  {
    name: "Wilson, one rate",
    file: "proportions",
    interval: ({ candidate }) => wilson(candidate),
    truth: rateOf,
    fails: (cell) => expected(cell) < 10,
  },
  {
    name: "Clopper–Pearson, one rate",
    file: "proportion-interval",
    interval: ({ candidate }) => clopperPearson(candidate),
    truth: rateOf,
  },
  {
    name: "rate behind a judge, ± 1.96 errors",
    file: "judge-error",
    interval: ({ judged }) => {
      const found = correctedRate(judged, judge);
      if (found.status !== "ok") return found;
      const half = 1.959963984540054 * found.standardError;
      return { status: "ok", value: found.rate, low: found.rate - half, high: found.rate + half, level: 0.95 };
    },
    truth: rateOf,
    fails: (cell) => armSizes(cell)[1] * judgedRate(rateOf(cell), judge) < 50,
  },
  {
    name: "pooled z",
    file: "proportion-interval",
    test: ({ control, candidate }) => two(pooledTest(control, candidate)),
    fails: (cell) => expected(cell) < 10,
  },
  {
    name: "pooled z, continuity correction",
    file: "proportion-interval",
    test: ({ control, candidate }) => two(pooledTest(control, candidate, { continuityCorrection: true })),
    fails: (cell) => expected(cell) < 10,
  },
  {
    name: "Wald interval of the difference",
    file: "proportion-interval",
    interval: ({ control, candidate }) => waldInterval(control, candidate),
    fails: (cell) => expected(cell) < 50,
  },
  {
    name: "Agresti–Caffo interval",
    file: "proportion-interval",
    interval: ({ control, candidate }) => agrestiCaffoInterval(control, candidate),
    fails: (cell) => armSizes(cell)[1] < 10,
  },
  {
    name: "Newcombe interval",
    file: "proportion-interval",
    interval: ({ control, candidate }) => newcombeInterval(control, candidate),
    fails: (cell) => armSizes(cell)[1] < 10,
  },
  ...(["difference", "ratio", "odds-ratio"] as const).map(
    (scale): Method<Sample> => ({
      name: `score, ${scale}`,
      file: "proportion-score",
      test: ({ control, candidate }) => two(scoreTest(control, candidate, scale)),
      interval: ({ control, candidate }) => scoreInterval(control, candidate, scale),
      truth: () => (scale === "difference" ? 0 : 1),
      fails: (cell) => expected(cell) < 10,
    }),
  ),
  ...(["difference", "ratio"] as const).map(
    (scale): Method<Sample> => ({
      name: `score corrected for skewness, ${scale}`,
      file: "proportion-skewness",
      test: ({ control, candidate }) => two(skewnessCorrectedTest(control, candidate, scale)),
      interval: ({ control, candidate }) => skewnessCorrectedInterval(control, candidate, scale),
      truth: () => (scale === "difference" ? 0 : 1),
      fails: (cell) => expected(cell) < 3,
    }),
  ),
  {
    name: "Fisher exact",
    file: "exact-proportions",
    test: ({ control, candidate }) => two(fisherExact(control, candidate)),
  },
  {
    name: "Fisher mid-p",
    file: "exact-proportions",
    test: ({ control, candidate }) => two(fisherExact(control, candidate, { midP: true })),
  },
  ...(["Boschloo", "Barnard"] as const).map(
    (name): Method<Sample> => ({
      name: `${name} exact`,
      file: "unconditional-proportions",
      costly: true,
      // thousands of tables in each of thousands of samples take too long
      test: ({ control, candidate }, { n }) =>
        n > 400 ? undefined : two((name === "Boschloo" ? boschlooExact : barnardExact)(control, candidate)),
    }),
  ),
  {
    name: "likelihood ratio G, 2 × 2",
    file: "contingency",
    test: ({ control, candidate }) => {
      const table = [control, candidate].map(({ events, n }) => [events, n - events]);
      const found = contingencyTest(table, { statistic: "likelihood-ratio" });
      return found.status === "ok" ? found.pValue : undefined;
    },
    fails: (cell) => expected(cell) < 50,
  },
  {
    name: "conditional odds ratio",
    file: "exact-proportions",
    costly: true,
    interval: ({ control, candidate }) => conditionalOddsRatio(control, candidate),
    truth: () => 1,
  },
  {
    name: "chi-squared, 2 × 2",
    file: "contingency",
    test: ({ control, candidate }) => {
      const found = contingencyTest([control, candidate].map(({ events, n }) => [events, n - events]));
      return found.status === "ok" ? found.pValue : undefined;
    },
    fails: (cell) => expected(cell) < 10,
  },
  {
    name: "multinomial sequential test of counts, one look",
    file: "counts-sequential",
    test: (sample) => two(countsTest(step(sample))),
    interval: (sample) => rateRatioSequence(step(sample)),
    truth: () => 1,
  },
];

/** Two proportions. */
export const counts: Study<Sample> = {
  name: "two proportions",
  cells: Object.keys(rates).flatMap((population) =>
    splits.flatMap((split) => [400, 4000].map((n) => ({ population, split, n }))),
  ),
  draw: (cell, random) => {
    const [n0, n1] = armSizes(cell);
    const rate = rateOf(cell);
    return {
      control: { events: binomial(random, n0, rate), n: n0 },
      candidate: { events: binomial(random, n1, rate), n: n1 },
      judged: { events: binomial(random, n1, judgedRate(rate, judge)), n: n1 },
    };
  },
  methods,
};
