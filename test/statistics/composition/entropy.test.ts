import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entropy } from "../../../statistics/composition/entropy.ts";
import { independent, permutedCodes, rowsWithUnits, tallied } from "../../support/compositions.ts";

describe("the entropy of what was shown", () => {
  it("does not depend on the names of categories, the order of rows or the numbers of units", () => {
    fc.assert(
      fc.property(rowsWithUnits, permutedCodes, ({ lists, unit }, permutation) => {
        const own = entropy(tallied(lists, { unit, categories: 6 }));
        const renamed = entropy(
          tallied(lists.map((list) => list.map((code) => permutation[code] as number)).reverse(), {
            unit: unit.map((own) => 100 - own).reverse(),
            categories: 6,
          }),
        );
        expect(renamed.estimate).toBeCloseTo(own.estimate, 10);
        expect(renamed.curvature).toBeCloseTo(own.curvature, 6);
      }),
    );
  });

  it("falls when two categories become one", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 8 }),
        ([first = 0, second = 0, ...rest]) => {
          const apart = entropy(independent([first, second, ...rest])).estimate;
          expect(entropy(independent([first + second, ...rest])).estimate).toBeLessThan(apart);
        },
      ),
    );
  });

  it("is 0 bits of one category and near log2 K of K equal ones, without any first order", () => {
    expect(entropy(independent([9]))).toMatchObject({ estimate: 0, curvature: 0 });
    const equal = entropy(independent([500, 500, 500, 500]));
    // near equal shares it is the Miller–Madow correction
    expect(equal.estimate).toBeCloseTo(2 + 3 / (2 * 2000 * Math.LN2), 5);
    for (const own of equal.influence) expect(own).toBeCloseTo(0, 12);
    expect(equal.curvature).toBeGreaterThan(0);
  });

  it("has influences that sum to 0 over all that was shown", () => {
    fc.assert(
      fc.property(rowsWithUnits, ({ lists, unit }) => {
        const own = tallied(lists, { unit, categories: 6 });
        const { influence } = entropy(own);
        expect(own.counts.reduce((sum, count, c) => sum + count * (influence[c] as number), 0)).toBeCloseTo(0, 8);
      }),
    );
  });

  it("is not a number of nothing", () => {
    expect(entropy(tallied([[], []], { categories: 3 })).estimate).toBeNaN();
  });
});
