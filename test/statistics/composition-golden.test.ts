import { describe, expect, it } from "vitest";
import { calibrationError } from "../../statistics/composition/calibration-error.ts";
import { compositionDrift } from "../../statistics/composition/composition-drift.ts";
import { distinctShare } from "../../statistics/composition/distinct-share.ts";
import { entropy } from "../../statistics/composition/entropy.ts";
import { linearVariance, type Tally } from "../../statistics/composition/tally.ts";
import golden from "../golden/composition.json" with { type: "json" };
import { everyRow, independent, predictionsOf, tallied } from "../support/compositions.ts";

// biome-ignore lint/suspicious/noExplicitAny: each table has inputs of its own shape
type Input = any;

interface Entry {
  readonly id: string;
  readonly input: Input;
  readonly expect: unknown;
  readonly tolerance: number;
}

const tables = golden.tables as unknown as Readonly<Record<string, readonly Entry[]>>;

const withLinear = (own: Tally, found: object) => ({
  ...found,
  ...("influence" in found ? { linear: linearVariance(own, found.influence as Float64Array) } : {}),
});

const computed: Readonly<Record<string, (input: Input) => unknown>> = {
  entropy: ({ lists, unit, categories }) => {
    const own = tallied(lists, { unit, categories });
    return withLinear(own, entropy(own));
  },
  distinct_share: ({ lists, counts, unit, categories, draws, catalogue }) => {
    const own = counts ? independent(counts) : tallied(lists, { unit, categories });
    return withLinear(own, distinctShare(own, { draws, catalogue }));
  },
  calibration: ({ probabilities, outcomes, unit, bins }) => {
    const found = calibrationError(predictionsOf(probabilities, outcomes), unit, everyRow(probabilities), { bins });
    const byUnit = new Map<number, number>();
    for (const [row, own] of found.influence.entries()) byUnit.set(unit[row], (byUnit.get(unit[row]) ?? 0) + own);
    const squares = [...byUnit.values()].reduce((sum, own) => sum + own * own, 0);
    return { ...found, linear: squares / probabilities.flat().length ** 2 };
  },
  drift: ({ control, candidate }) => {
    const [before, after] = [tallied(control.lists, control), tallied(candidate.lists, candidate)];
    const found = compositionDrift(before, after);
    return {
      ...found,
      control: withLinear(before, found.control),
      candidate: withLinear(after, found.candidate),
    };
  },
};

describe("the tables of compositions", () => {
  it("all have a function to check", () => {
    expect(Object.keys(tables).sort()).toEqual(Object.keys(computed).sort());
  });
});

describe.each(Object.keys(computed))("%s agrees with references made elsewhere", (table) => {
  it.each((tables[table] as readonly Entry[]).map((entry) => [entry.id, entry] as const))("%s", (_, entry) => {
    near((computed[table] as (input: Input) => unknown)(entry.input), entry.expect, entry.tolerance, table);
  });
});

function near(have: unknown, want: unknown, tolerance: number, path: string): void {
  if (typeof want !== "object" || want === null) {
    const wanted = want as number;
    expect(Math.abs((have as number) - wanted), `${path}: ${have} for ${wanted}`).toBeLessThanOrEqual(
      tolerance * (Math.abs(wanted) || 1),
    );
    return;
  }
  for (const [key, part] of Object.entries(want))
    near((have as Record<string, unknown>)[key], part, tolerance, `${path}.${key}`);
}
