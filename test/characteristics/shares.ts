import {
  sampleRatioByStage,
  sampleRatioChiSquared,
  sampleRatioExact,
  sampleRatioSequential,
} from "../../statistics/anytime/sample-ratio.ts";
import { binomial } from "./populations.ts";
import type { Method, Study } from "./study.ts";

/** First-seen units of a stage in ten steps: [control, candidate]. */
interface Sample {
  readonly steps: readonly (readonly [number, number])[];
  readonly shares: readonly [number, number];
}

const total = ({ steps }: Sample) => steps.reduce(([a, b], [c, d]) => [a + c, b + d] as const, [0, 0] as const);
const p = (result: { readonly status: string; readonly pValue?: number }) =>
  result.status === "ok" ? result.pValue : undefined;

const methods: readonly Method<Sample>[] = [
  {
    name: "chi-squared, one look",
    file: "sample-ratio",
    test: (sample) => p(sampleRatioChiSquared(total(sample), sample.shares)),
    fails: ({ n, split: [control, candidate] }) => (n * candidate) / (control + candidate) < 10,
  },
  {
    name: "exact, one look",
    file: "sample-ratio",
    test: (sample) => p(sampleRatioExact(total(sample), sample.shares)),
  },
  {
    name: "chi-squared at ten looks, the smallest p",
    file: "sample-ratio",
    test: (sample) =>
      Math.min(
        ...sample.steps.map(
          (_, k) =>
            p(sampleRatioChiSquared(total({ ...sample, steps: sample.steps.slice(0, k + 1) }), sample.shares)) ?? 1,
        ),
      ),
    fails: () => true,
  },
  {
    name: "sequential, ten looks",
    file: "sample-ratio",
    test: ({ steps, shares }) => sampleRatioSequential(steps.map((counts) => ({ counts, shares }))).pValue,
  },
  {
    name: "chi-squared summed over ten stages",
    file: "sample-ratio",
    test: ({ steps, shares }) => p(sampleRatioByStage(steps.map((counts) => ({ counts, shares })))),
    fails: ({ n, split: [control, candidate] }) => (n * candidate) / (control + candidate) < 100,
  },
];

/** The split of units, as planned. */
export const shares: Study<Sample> = {
  name: "sample ratio",
  cells: (
    [
      [1, 1],
      [9, 1],
      [99, 1],
    ] as const
  ).flatMap((split) => [200, 4000].map((n) => ({ population: "units", split, n }))),
  draw: ({ split: [control, candidate], n }, random) => {
    const share = candidate / (control + candidate);
    const steps = Array.from({ length: 10 }, () => {
      const events = binomial(random, n / 10, share);
      return [n / 10 - events, events] as const;
    });
    return { steps, shares: [1 - share, share] };
  },
  methods,
};
