import { describe, expect, it } from "vitest";
import {
  normalUpperQuantile,
  normalUpperTail,
  studentUpperQuantile,
  studentUpperTail,
} from "../../statistics/distributions.ts";
import { differenceInterval, twoSidedP, welch } from "../../statistics/means/means.ts";
import { holm } from "../../statistics/means/multiplicity.ts";
import { ratioOfSums } from "../../statistics/means/ratio.ts";
import { moments } from "../../statistics/moments.ts";
import { mcNemarClustered, mcNemarExact } from "../../statistics/proportions/paired.ts";
import { differenceNull, ratioNull, wilson } from "../../statistics/proportions/proportions.ts";
import { quantileRanks } from "../../statistics/quantiles/quantiles.ts";
import { philox4x32, xoshiro128 } from "../../statistics/random-stream.ts";
import golden from "../golden/comparison.json" with { type: "json" };

// biome-ignore lint/suspicious/noExplicitAny: each table has inputs of its own shape
type Input = any;

interface Entry {
  readonly id: string;
  readonly input: Input;
  readonly expect: Readonly<Record<string, unknown>>;
  readonly tolerance: number;
}

const tables = golden.tables as unknown as Readonly<Record<string, readonly Entry[]>>;

function arm(values: readonly number[]) {
  return ratioOfSums(moments([values, values.map(() => 1)]));
}

function scored(null_: ReturnType<typeof differenceNull>, difference: number) {
  return {
    p0: null_.control,
    p1: null_.candidate,
    standardError: null_.standardError,
    z: difference / null_.standardError,
  };
}

const computed: Readonly<Record<string, (input: Input) => Record<string, unknown>>> = {
  welch: ({ control, candidate, level }) => {
    const difference = welch(arm(control), arm(candidate));
    return {
      ...differenceInterval(difference, level),
      ...difference,
      df: difference.degreesOfFreedom,
      pTwoSided: twoSidedP(difference),
    };
  },
  ratio: ({ units }: { units: number[][] }) => {
    const { n, estimate, standardError } = ratioOfSums(
      moments([units.map(([y]) => y as number), units.map(([, d]) => d as number)]),
    );
    return { n, ratio: estimate, standardError };
  },
  mcnemar_exact: (input) => ({ p: mcNemarExact(input) }),
  mcnemar_clustered: ({ differences }) => {
    const { z, pValue } = mcNemarClustered(differences);
    return { z, pTwoSided: pValue };
  },
  proportion_difference_null: ({ control, candidate, delta }) =>
    scored(
      differenceNull(control, candidate, delta),
      candidate.events / candidate.n - control.events / control.n - delta,
    ),
  proportion_ratio_null: ({ control, candidate, ratio }) =>
    scored(ratioNull(control, candidate, ratio), candidate.events / candidate.n - ratio * (control.events / control.n)),
  quantile_ranks: ({ n, p, level }) => ({ ...quantileRanks(n, p, level) }),
  holm: ({ p }) => ({ adjusted: holm(p) }),
  wilson: ({ successes, n, level }) => ({ ...wilson({ events: successes, n }, level) }),
  philox4x32_10: ({ counter, key }) => ({ output: philox4x32(counter, key) }),
  xoshiro128starstar: ({ state }) => {
    const draw = xoshiro128(state);
    return { outputs: Array.from({ length: 10 }, () => draw() * 2 ** 32) };
  },
  normal_tails: ({ z, upper, logUpper }) =>
    z !== undefined
      ? { upper: normalUpperTail(z), logUpper: Math.log(normalUpperTail(z)) }
      : { z: upper === undefined ? Number.NaN : normalUpperQuantile(upper), logUpper },
  t_tails: ({ t, df, upper }) =>
    t !== undefined ? { upper: studentUpperTail(t, df) } : { t: studentUpperQuantile(upper, df) },
};

/** A z whose numerator, a difference of two rates, is zero on paper: units in the last place over a standard error above .01. */
const rounding = (2 * Number.EPSILON) / 0.01;

/** The normal tail in logs, below what a double can hold, has no user yet. */
const inLogs = (entry: Entry) => "logUpper" in entry.input || !("upper" in entry.expect || "z" in entry.expect);

describe.each(Object.keys(computed))("%s agrees with references made elsewhere", (table) => {
  const entries = (tables[table] as readonly Entry[]).filter((entry) => table !== "normal_tails" || !inLogs(entry));
  it.each(entries.map((entry) => [entry.id, entry] as const))("%s", (_, entry) => {
    const got = (computed[table] as (input: Input) => Record<string, unknown>)(entry.input);
    for (const [key, wanted] of Object.entries(entry.expect)) {
      if (table === "normal_tails" && key === "logUpper") continue;
      const pairs = Array.isArray(wanted)
        ? wanted.map((value, i) => [(got[key] as unknown[])[i], value])
        : [[got[key], wanted]];
      for (const [have, want] of pairs as [number | null, number | null][]) {
        if (want === null) expect(have, key).toBeNull();
        else
          expect(Math.abs((have as number) - want), `${key}: ${have} for ${want}`).toBeLessThanOrEqual(
            entry.tolerance * (Math.abs(want) || 1) + (key === "z" ? rounding : 0),
          );
      }
    }
  });
});
