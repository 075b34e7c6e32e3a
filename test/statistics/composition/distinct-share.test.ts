import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { distinctShare } from "../../../statistics/composition/distinct-share.ts";
import type { Linearised } from "../../../statistics/composition/tally.ts";
import { randomStream, studyKey } from "../../../statistics/random-stream.ts";
import { independent, permutedCodes, rowsWithUnits, tallied } from "../../support/compositions.ts";

const share = (own: Parameters<typeof distinctShare>[0], draws: number, catalogue = 10) =>
  distinctShare(own, { draws, catalogue }) as Linearised;

describe("the share of a catalogue", () => {
  it("rises with the draws, and each new draw adds less", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), (counts) => {
        const own = independent(counts);
        const curve = Array.from({ length: own.total }, (_, m) => share(own, m + 1).estimate);
        const steps = curve.map((value, m) => value - (curve[m - 1] ?? 0));
        for (const [m, step] of steps.entries()) {
          expect(step).toBeGreaterThanOrEqual(-1e-12);
          if (m > 0) expect(step).toBeLessThanOrEqual((steps[m - 1] as number) + 1e-12);
        }
      }),
    );
  });

  it("is one item at one draw, and all that was shown when everything is drawn", () => {
    const own = independent([5, 0, 2, 1]);
    expect(share(own, 1).estimate).toBeCloseTo(0.1, 12);
    expect(share(own, 8).estimate).toBeCloseTo(0.3, 12);
  });

  it("does not depend on the names of items or the order of units", () => {
    fc.assert(
      fc.property(rowsWithUnits, permutedCodes, ({ lists, unit }, permutation) => {
        const own = tallied(lists, { unit, categories: 6 });
        const other = tallied(
          lists.map((list) => list.map((code) => permutation[code] as number)),
          {
            unit: unit.map((one) => 100 - one),
            categories: 6,
          },
        );
        const draws = Math.max(1, Math.floor(own.total / 2));
        expect(share(other, draws).estimate).toBeCloseTo(share(own, draws).estimate, 10);
      }),
    );
  });

  it("is the same, on average, of 50 and of 1,000 units with tastes of their own", () => {
    // the 1 % arm's tastes are 20 times fewer, its coverage at 60 draws is not
    const catalogue = 40;
    const means = [50, 1000].map((units) => {
      const replicates = units === 50 ? 2000 : 100;
      const values = Array.from({ length: replicates }, (_, r) => {
        const random = stream(units, r);
        const lists = Array.from({ length: units }, () => {
          const taste = Math.floor(catalogue * random() ** 2);
          return Array.from({ length: 4 }, () => (random() < 0.5 ? taste : Math.floor(catalogue * random() ** 2)));
        });
        return share(tallied(lists, { categories: catalogue }), 60, catalogue).estimate;
      });
      const mean = values.reduce((sum, own) => sum + own, 0) / replicates;
      const variance = values.reduce((sum, own) => sum + (own - mean) ** 2, 0) / (replicates - 1);
      return { mean, variance: variance / replicates };
    });
    const [small, large] = means as [{ mean: number; variance: number }, { mean: number; variance: number }];
    // 3.9 standard errors are passed by chance once in 10,000 times
    expect(Math.abs(small.mean - large.mean)).toBeLessThan(3.9 * Math.sqrt(small.variance + large.variance));
  });

  it("is undetermined with fewer showings than draws, and refuses a catalogue that is too small", () => {
    const own = independent([3, 2]);
    expect(distinctShare(own, { draws: 6, catalogue: 9 })).toEqual({
      status: "undetermined",
      reason: "5 shown, fewer than the 6 draws of this share",
    });
    expect(() => distinctShare(own, { draws: 2, catalogue: 1 })).toThrow(
      "distinctShare was shown 2 items, the catalogue has 1",
    );
    expect(() => distinctShare(own, { draws: 0, catalogue: 9 })).toThrow(
      "distinctShare needs draws to be a whole number of at least 1, got 0",
    );
  });
});

function stream(study: number, replicate: number) {
  return randomStream(studyKey(`distinct share ${study}`), 1, replicate);
}
