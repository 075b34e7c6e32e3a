import fc from "fast-check";
import type { Predictions } from "../../statistics/composition/calibration-error.ts";
import { type Shown, type Tally, tally } from "../../statistics/composition/tally.ts";

/** What rows showed, from a list of codes a row. */
export function shown(lists: readonly (readonly number[])[], categories = 1 + Math.max(-1, ...lists.flat())): Shown {
  return { offsets: offsetsOf(lists), codes: Int32Array.from(lists.flat()), categories };
}

/** Each row a unit of its own unless stated. */
export function tallied(
  lists: readonly (readonly number[])[],
  {
    unit = everyRow(lists),
    categories = 1 + Math.max(-1, ...lists.flat()),
  }: { readonly unit?: ArrayLike<number>; readonly categories?: number } = {},
): Tally {
  return tally(shown(lists, categories), Int32Array.from(unit), everyRow(lists));
}

/** Showings that are units of their own, numbered from `first`, from the counts of categories. */
export function independent(counts: readonly number[], first = 0): Tally {
  const lists = counts.flatMap((count, code) => Array.from({ length: count }, () => [code]));
  return tallied(lists, { categories: counts.length, unit: lists.map((_, i) => first + i) });
}

export function predictionsOf(
  probabilities: readonly (readonly number[])[],
  outcomes: readonly (readonly number[])[],
): Predictions {
  return {
    offsets: offsetsOf(probabilities),
    probabilities: Float64Array.from(probabilities.flat()),
    outcomes: Float64Array.from(outcomes.flat()),
  };
}

export function everyRow(rows: readonly unknown[]): number[] {
  return rows.map((_, i) => i);
}

function offsetsOf(lists: readonly (readonly unknown[])[]): Int32Array {
  const offsets = new Int32Array(lists.length + 1);
  lists.forEach(({ length }, i) => {
    offsets[i + 1] = (offsets[i] as number) + length;
  });
  return offsets;
}

/** Rows of codes below 6, of up to six units. */
export const rowsWithUnits = fc
  .array(
    fc.record({
      list: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 }),
      unit: fc.integer({ min: 0, max: 5 }),
    }),
    { minLength: 2, maxLength: 25 },
  )
  .filter((rows) => rows.some(({ list }) => list.length > 0))
  .map((rows) => ({ lists: rows.map(({ list }) => list), unit: rows.map(({ unit }) => unit) }));

export const permutedCodes = fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6, maxLength: 6 });
