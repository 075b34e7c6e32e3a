import { describe, expect, it } from "vitest";
import { pairedTInterval, pairedTTest } from "../../statistics/means/paired-means.ts";
import { contingencyTest } from "../../statistics/proportions/contingency.ts";
import { conditionalOddsRatio, fisherExact } from "../../statistics/proportions/exact-proportions.ts";
import { mcNemarTest } from "../../statistics/proportions/paired.ts";
import {
  clopperPearson,
  newcombeInterval,
  pooledTest,
  waldInterval,
} from "../../statistics/proportions/proportion-interval.ts";
import { scoreInterval, scoreTest } from "../../statistics/proportions/proportion-score.ts";
import { barnardExact, boschlooExact } from "../../statistics/proportions/unconditional-proportions.ts";
import { mannWhitney } from "../../statistics/ranks/ranks.ts";
import { bootstrapInterval, permutationTest } from "../../statistics/ranks/resampling.ts";
import { hodgesLehmannShift, pseudoMedian } from "../../statistics/ranks/shift.ts";
import { signedRank, signTest } from "../../statistics/ranks/signed-rank.ts";
import golden from "../golden/two-samples.json" with { type: "json" };

// biome-ignore lint/suspicious/noExplicitAny: each table has inputs of its own shape
type Input = any;

interface Entry {
  readonly id: string;
  readonly input: Input;
  readonly expect: Readonly<Record<string, number | null>>;
  /** relative */
  readonly tolerance: number;
  readonly absolute?: number;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const statistics = {
  "mean-difference": (a: readonly number[], b: readonly number[]) => mean(b) - mean(a),
  "mean-ratio": (a: readonly number[], b: readonly number[]) => mean(b) / mean(a),
};

/** The generator of the script that made the numbers. */
function congruential(seed: number) {
  let state = seed;
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const notDrawn = () => {
  throw new Error("an exact test draws nothing");
};

const computed: Readonly<Record<string, (input: Input) => unknown>> = {
  score_test: ({ control, candidate, scale, ...options }) => scoreTest(control, candidate, scale, options),
  score_interval: ({ control, candidate, scale, ...options }) => scoreInterval(control, candidate, scale, options),
  pooled_test: ({ control, candidate, ...options }) => pooledTest(control, candidate, options),
  wald: ({ control, candidate, ...options }) => waldInterval(control, candidate, options),
  newcombe: ({ control, candidate, level }) => newcombeInterval(control, candidate, { level }),
  clopper_pearson: ({ level, ...count }) => clopperPearson(count, { level }),
  fisher: ({ control, candidate, midP = false }) => fisherExact(control, candidate, { midP }),
  conditional_odds_ratio: ({ control, candidate, level }) => conditionalOddsRatio(control, candidate, { level }),
  boschloo: ({ control, candidate }) => boschlooExact(control, candidate),
  barnard: ({ control, candidate }) => barnardExact(control, candidate),
  contingency: ({ table, ...options }) => contingencyTest(table, options),
  mann_whitney: ({ control, candidate, ...options }) => mannWhitney(control, candidate, options),
  shift: ({ control, candidate, ...options }) => hodgesLehmannShift(control, candidate, options),
  signed_rank: ({ differences, ...options }) => signedRank(differences, options),
  pseudo_median: ({ differences, ...options }) => pseudoMedian(differences, options),
  sign_test: ({ differences }) => signTest(differences),
  mcnemar: ({ form, ...counts }) => mcNemarTest(counts, { form }),
  paired_t: ({ control, candidate, ...options }) => pairedTTest(control, candidate, options),
  paired_t_interval: ({ control, candidate, ...options }) => pairedTInterval(control, candidate, options),
  permutation: ({ control, candidate }) =>
    permutationTest<number>(control, candidate, statistics["mean-difference"], { random: notDrawn }),
  bootstrap: ({ control, candidate, statistic, seed, ...options }) =>
    bootstrapInterval<number>(control, candidate, statistics[statistic as keyof typeof statistics], {
      random: congruential(seed),
      ...options,
    }),
};

const tables = golden.tables as unknown as Readonly<Record<string, readonly Entry[]>>;
const copied = golden.copied as unknown as Readonly<Record<string, readonly Entry[]>>;

describe.each(Object.keys(computed))("%s agrees with references made elsewhere", (table) => {
  const entries = [...(copied[table] ?? []), ...(tables[table] ?? [])];
  it.each(entries.map((entry) => [entry.id, entry] as const))("%s", (_, { input, expect: wanted, ...allowed }) => {
    const got = (computed[table] as (input: Input) => unknown)(input) as Record<string, number>;
    expect(got).toMatchObject({ ...("status" in got ? { status: "ok" } : {}) });
    for (const [key, want] of Object.entries(wanted)) {
      const have = key === "chiSquared" ? (got.statistic as number) ** 2 : (got[key] as number);
      if (want === null) expect(Math.abs(have), key).toBe(Number.POSITIVE_INFINITY);
      else {
        const tolerance = allowed.absolute ?? allowed.tolerance * (Math.abs(want) || 1);
        expect(Math.abs(have - want), `${key}: ${have} for ${want}`).toBeLessThanOrEqual(tolerance);
      }
    }
  });
});

describe("every table of the golden file is read", () => {
  const apart = ["conditional_odds_ratio_by_uniroot", "shift_without_correction"];
  it.each([...Object.keys(tables), ...Object.keys(copied)])("%s", (table) => {
    expect([...Object.keys(computed), ...apart]).toContain(table);
  });
});

describe("where R stops its root-finding early, the exact answer is within R's tolerance", () => {
  it.each((copied.conditional_odds_ratio_by_uniroot as readonly Entry[]).map((entry) => [entry.id, entry] as const))(
    "%s: the conditional odds ratio, 1.2e-4 on the ratio or its inverse, whichever is below 1",
    (_, { input, expect: wanted, absolute = 0 }) => {
      const got = conditionalOddsRatio(input.control, input.candidate, input) as unknown as Record<string, number>;
      const shrink = (ratio: number) => (ratio > 1 ? 1 / ratio : ratio);
      for (const [key, want] of Object.entries(wanted)) {
        expect(Math.abs(shrink(got[key] as number) - shrink(want as number)), key).toBeLessThanOrEqual(absolute);
      }
    },
  );

  it.each((copied.shift_without_correction as readonly Entry[]).map((entry) => [entry.id, entry] as const))(
    "%s: the shift, 1e-4 from some point between the two middle differences",
    (_, { input, expect: { value }, absolute = 0 }) => {
      const differences = input.candidate.flatMap((x: number) => input.control.map((y: number) => x - y));
      differences.sort((a: number, b: number) => a - b);
      const half = differences.length / 2;
      const [low, high] = [differences[Math.ceil(half) - 1], differences[Math.floor(half)]];
      expect(hodgesLehmannShift(input.control, input.candidate)).toMatchObject({ value: (low + high) / 2 });
      expect(value).toBeGreaterThanOrEqual(low - absolute);
      expect(value).toBeLessThanOrEqual(high + absolute);
    },
  );
});
