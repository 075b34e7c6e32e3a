import { bernoulliSequentialInterval } from "../../statistics/anytime/bernoulli-sequential.ts";
import {
  bettingInterval,
  differenceByUnion,
  empiricalBernsteinMixture,
  empiricalBernsteinPlugIn,
} from "../../statistics/anytime/bounded-mean.ts";
import { countsTest } from "../../statistics/anytime/counts-sequential.ts";
import {
  asymptoticInterval,
  asymptoticOneSidedBounds,
  asymptoticTest,
  mixtureSequentialInterval,
  mixtureSequentialTest,
} from "../../statistics/anytime/normal-sequential.ts";
import { normalUpperTail } from "../../statistics/distributions.ts";
import type { Estimate } from "../../statistics/estimate.ts";
import { quantileSequentialRanks } from "../../statistics/quantiles/quantile-sequential.ts";
import { quantileSequentialTest } from "../../statistics/quantiles/quantile-sequential-test.ts";
import { efficacyBounds } from "../../statistics/sequential/group-sequential.ts";
import { repeatedInterval, stagewiseDrift, stagewiseP } from "../../statistics/sequential/sequential-inference.ts";
import type { Spending } from "../../statistics/sequential/spending.ts";
import { armSizes, splits, two } from "./numbers.ts";
import { draws, normal } from "./populations.ts";
import { type Cell, levels, type Method, type Study } from "./study.ts";

const count = 10;

/** One look: what has come so far. */
interface Look {
  readonly units: number;
  readonly difference: number;
  readonly standardError: number;
}

interface Sample {
  readonly looks: readonly Look[];
  /** of the candidate, in [0, 1], in order of arrival */
  readonly bounded: Float64Array;
  readonly boundedControl: Float64Array;
  readonly control: Float64Array;
  readonly candidate: Float64Array;
  /** successes of new units by look: [control, candidate] */
  readonly events: readonly (readonly [number, number])[];
  readonly shares: readonly [number, number];
}

const smaller = (cell: Cell) => armSizes(cell)[1];
const fractions = Array.from({ length: count }, (_, k) => (k + 1) / count);

/** What lies in the intervals of all looks. */
function together(intervals: readonly Estimate[]): Estimate {
  const found = intervals.flatMap((own) => (own.status === "ok" ? [own] : []));
  const last = found.at(-1);
  if (!last) return { status: "undetermined", reason: "no interval" };
  return { ...last, low: Math.max(...found.map(({ low }) => low)), high: Math.min(...found.map(({ high }) => high)) };
}

/** The smallest level that is rejected at, of those that are looked at; 1 when none is. */
function smallestRejected(rejects: (level: number) => boolean): number {
  return levels.find(rejects) ?? 1;
}

const growing = (values: Float64Array) => fractions.map((own) => values.subarray(0, Math.round(own * values.length)));

function groupSequential(name: string, spending: Spending): Method<Sample> {
  const bounds = new Map(
    levels.map((level) => [
      level as number,
      efficacyBounds({ information: fractions, error: level / 2, spending, sides: 2 }),
    ]),
  );
  return {
    name: `group-sequential, ${name}`,
    file: "group-sequential",
    test: ({ looks }) =>
      smallestRejected((level) =>
        looks.some(
          ({ difference, standardError }, k) =>
            Math.abs(difference) >= (bounds.get(level)?.upper[k] as number) * standardError,
        ),
      ),
    interval: ({ looks }) =>
      together(
        looks.map(({ difference, standardError }, k) =>
          repeatedInterval(bounds.get(0.05) as never, k, { estimate: difference, standardError, error: 0.025 }),
        ),
      ),
    fails: (cell) => smaller(cell) < 200,
  };
}

const bounded = (name: string, interval: (values: Float64Array) => Estimate): Method<Sample> => ({
  name,
  file: "bounded-mean",
  costly: true,
  interval: (sample) => together(growing(sample.bounded).map(interval)),
  truth: () => 1 / 3,
});

const stopping = efficacyBounds({ information: fractions, error: 0.025, spending: { kind: "pocock" }, sides: 2 });

/** Where a process stops, or its last look. */
function standingOf({ looks: own }: Sample) {
  const z = own.map(({ difference, standardError }) => difference / standardError);
  const stops = z.findIndex((value, k) => Math.abs(value) >= (stopping.upper[k] as number));
  const look = stops < 0 ? count - 1 : stops;
  return { look, z: z[look] as number };
}

const methods: readonly Method<Sample>[] = [
  groupSequential("O'Brien–Fleming", { kind: "obrien-fleming" }),
  groupSequential("Pocock", { kind: "pocock" }),
  groupSequential("Hwang–Shih–DeCani −4", { kind: "hwang-shih-decani", gamma: -4 }),
  {
    name: "stagewise p and drift, Pocock",
    file: "sequential-inference",
    costly: true,
    test: (sample) => stagewiseP(stopping, standingOf(sample)),
    interval: (sample) => stagewiseDrift(stopping, standingOf(sample)),
    fails: (cell) => smaller(cell) < 200,
  },
  {
    name: "z at every look, uncorrected",
    file: "means",
    test: ({ looks }) =>
      Math.min(
        ...looks.map(({ difference, standardError }) => 2 * normalUpperTail(Math.abs(difference / standardError))),
      ),
    fails: () => true,
  },
  {
    name: "normal mixture",
    file: "normal-sequential",
    test: ({ looks }) => Math.min(...looks.map((look) => two(mixtureSequentialTest(look, 0.01)) ?? 1)),
    interval: ({ looks }) => together(looks.map((look) => mixtureSequentialInterval(look, 0.01))),
    fails: (cell) => smaller(cell) < 200,
  },
  {
    name: "asymptotic confidence sequence",
    file: "normal-sequential",
    test: ({ looks }) => Math.min(...looks.map((look) => two(asymptoticTest(look, look.units)) ?? 1)),
    interval: ({ looks }) => together(looks.map((look) => asymptoticInterval(look, look.units))),
    fails: (cell) => smaller(cell) < 200,
  },
  {
    name: "asymptotic confidence sequence, one-sided bounds",
    file: "normal-sequential",
    // each bound alone has the level: the lower one here
    interval: ({ looks }) =>
      together(
        looks.map((look) => {
          const found = asymptoticOneSidedBounds(look, look.units);
          return found.status === "ok" ? { ...found, high: Number.POSITIVE_INFINITY } : found;
        }),
      ),
    fails: (cell) => smaller(cell) < 200,
  },
  bounded("empirical Bernstein, mixture", (values) => empiricalBernsteinMixture(values)),
  bounded("empirical Bernstein, plug-in", (values) => empiricalBernsteinPlugIn(values)),
  bounded("betting", (values) => bettingInterval(values)),
  {
    name: "difference of two betting sequences, by union",
    file: "bounded-mean",
    costly: true,
    interval: ({ bounded: values, boundedControl }) =>
      together(
        fractions.map((_, k) =>
          differenceByUnion((own, level) =>
            bettingInterval(growing(own === "control" ? boundedControl : values)[k] as Float64Array, { level }),
          ),
        ),
      ),
  },
  {
    name: "Bernoulli sequence",
    file: "bernoulli-sequential",
    costly: true,
    interval: ({ bounded: values }) =>
      together(
        growing(values).map((own) =>
          bernoulliSequentialInterval({ events: own.filter((value) => value < 1 / 9).length, n: own.length }),
        ),
      ),
    // values are squares of uniform numbers
    truth: () => 1 / 3,
  },
  {
    name: "multinomial test of counts",
    file: "counts-sequential",
    test: ({ events, shares }) => two(countsTest(events.map((counts) => ({ counts, shares })))),
  },
  {
    name: "quantile sequence of P90",
    file: "quantile-sequential",
    costly: true,
    interval: ({ candidate }) =>
      together(
        growing(candidate).map((own): Estimate => {
          const sorted = own.toSorted();
          const { lower, upper } = quantileSequentialRanks(own.length, 0.9);
          return {
            status: "ok",
            value: 0,
            low: lower === null ? Number.NEGATIVE_INFINITY : (sorted[lower - 1] as number),
            high: upper === null ? Number.POSITIVE_INFINITY : (sorted[upper - 1] as number),
            level: 0.95,
          };
        }),
      ),
    truth: () => 1.2815515655446004,
  },
  {
    name: "sequential test of P90",
    file: "quantile-sequential-test",
    costly: true,
    test: ({ control, candidate }) => {
      const [before, after] = [growing(control), growing(candidate)].map((own) =>
        own.map((values) => values.toSorted()),
      ) as [Float64Array[], Float64Array[]];
      return Math.min(
        ...fractions.map(
          (_, k) => two(quantileSequentialTest(before[k] as Float64Array, after[k] as Float64Array, 0.9)) ?? 1,
        ),
      );
    },
  },
];

/** Ten looks while units arrive: rejected if at any of them, covered if at all. */
export const looks: Study<Sample> = {
  name: "ten looks",
  cells: splits.flatMap((split) => [2000, 20_000].map((n) => ({ population: "normal", split, n }))),
  draw: (cell, random) => {
    const [n0, n1] = armSizes(cell);
    const control = draws(n0, () => normal(random));
    const candidate = draws(n1, () => normal(random));
    const until = (values: Float64Array, k: number) => Math.round(((k + 1) / count) * values.length);
    const so = (values: Float64Array) => {
      const found: { n: number; mean: number; variance: number }[] = [];
      let sum = 0;
      let squares = 0;
      let i = 0;
      for (let k = 0; k < count; k++) {
        for (; i < until(values, k); i++) {
          sum += values[i] as number;
          squares += (values[i] as number) ** 2;
        }
        found.push({ n: i, mean: sum / i, variance: (squares - (sum * sum) / i) / (i - 1) });
      }
      return found;
    };
    const [a, b] = [so(control), so(candidate)];
    const events = fractions.map((_, k) =>
      ([control, candidate] as const).map(
        (values) =>
          values.subarray(k === 0 ? 0 : until(values, k - 1), until(values, k)).filter((own) => own > 2).length,
      ),
    ) as unknown as readonly (readonly [number, number])[];
    return {
      looks: a.map((own, k) => {
        const other = b[k] as (typeof b)[number];
        return {
          units: own.n + other.n,
          difference: other.mean - own.mean,
          standardError: Math.sqrt(own.variance / own.n + other.variance / other.n),
        };
      }),
      bounded: draws(Math.min(n1, 1000), () => random() ** 2),
      boundedControl: draws(200, () => random() ** 2),
      control,
      candidate,
      events,
      shares: [n0 / (n0 + n1), n1 / (n0 + n1)],
    };
  },
  methods,
};
