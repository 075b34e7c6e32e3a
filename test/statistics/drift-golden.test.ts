import { describe, expect, it } from "vitest";
import { categoryDrift, jensenShannon, populationStability, wasserstein } from "../../statistics/drift/drift.ts";
import { kolmogorovSmirnov, kolmogorovUpperTail } from "../../statistics/drift/kolmogorov-smirnov.ts";
import { ar1Inflation, autocorrelations, effectiveSampleSize, ljungBox } from "../../statistics/drift/series.ts";
import golden from "../golden/drift.json" with { type: "json" };

// biome-ignore lint/suspicious/noExplicitAny: each table has inputs of its own shape
type Input = any;

interface Entry {
  readonly id: string;
  readonly input: Input;
  readonly expect: Readonly<Record<string, number | readonly number[]>>;
  readonly tolerance: number;
}

const tables = golden.tables as unknown as Readonly<Record<string, readonly Entry[]>>;
const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);

const computed: Readonly<Record<string, (input: Input) => Record<string, unknown>>> = {
  ks: ({ control, candidate, exact }) => ({ ...kolmogorovSmirnov(sorted(control), sorted(candidate), { exact }) }),
  kolmogorov: ({ x }) => ({ upper: kolmogorovUpperTail(x) }),
  wasserstein: ({ a, b }) => ({ w1: wasserstein(sorted(a), sorted(b)) }),
  jensen_shannon: ({ reference, current }) => ({ bits: jensenShannon(reference, current) }),
  stability: ({ reference, current }) => ({ ...populationStability(reference, current) }),
  categories: ({ reference, current }) => ({ ...categoryDrift(reference, current) }),
  autocorrelation: ({ series, lag }) => ({ r: autocorrelations(series, lag) }),
  ljung_box: ({ series, lags, fitted }) => ({ ...ljungBox(series, lags, fitted) }),
  effective_size: ({ series }) => ({ ...effectiveSampleSize(series) }),
  ar1: ({ rho, n }) => ({ inflation: ar1Inflation(rho, n) }),
};

describe("the tables of drift", () => {
  it("all have a function to check", () => {
    expect(Object.keys(tables).sort()).toEqual(Object.keys(computed).sort());
  });
});

describe.each(Object.keys(computed))("%s agrees with references made elsewhere", (table) => {
  it.each((tables[table] as readonly Entry[]).map((entry) => [entry.id, entry] as const))("%s", (_, entry) => {
    const got = (computed[table] as (input: Input) => Record<string, unknown>)(entry.input);
    for (const [key, wanted] of Object.entries(entry.expect)) {
      const pairs = Array.isArray(wanted)
        ? wanted.map((value, i) => [(got[key] as readonly number[])[i], value])
        : [[got[key], wanted]];
      for (const [have, want] of pairs as [number, number][]) {
        expect(Math.abs(have - want), `${key}: ${have} for ${want}`).toBeLessThanOrEqual(
          entry.tolerance * (Math.abs(want) || 1),
        );
      }
    }
  });
});
