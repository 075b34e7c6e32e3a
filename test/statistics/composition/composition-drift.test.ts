import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compositionDrift } from "../../../statistics/composition/composition-drift.ts";
import { jensenShannon } from "../../../statistics/drift/drift.ts";
import { independent, permutedCodes, rowsWithUnits, tallied } from "../../support/compositions.ts";

describe("the drift of a composition", () => {
  it("of identical lanes is exactly 0, with the error of two arms of that size", () => {
    fc.assert(
      fc.property(rowsWithUnits, ({ lists, unit }) => {
        const own = tallied(lists, { unit, categories: 6 });
        const { estimate, control, candidate } = compositionDrift(own, own);
        expect(Math.abs(estimate)).toBe(0);
        expect([...control.influence, ...candidate.influence].every((influence) => Math.abs(influence) === 0)).toBe(
          true,
        );
        expect(control.curvature).toBe(candidate.curvature);
      }),
    );
  });

  it("does not depend on the names of categories, and is the same from either lane", () => {
    fc.assert(
      fc.property(rowsWithUnits, rowsWithUnits, permutedCodes, (control, candidate, permutation) => {
        const of = ({ lists, unit }: typeof control, map = (code: number) => code) =>
          tallied(
            lists.map((list) => list.map(map)),
            { unit, categories: 6 },
          );
        const own = compositionDrift(of(control), of(candidate)).estimate;
        const renamed = (code: number) => permutation[code] as number;
        expect(compositionDrift(of(control, renamed), of(candidate, renamed)).estimate).toBeCloseTo(own, 10);
        expect(compositionDrift(of(candidate), of(control)).estimate).toBeCloseTo(own, 10);
      }),
    );
  });

  it("is the Jensen–Shannon divergence less (K − 1)(1/N + 1/M)/(8 ln 2) of shares that are near", () => {
    const [control, candidate] = [
      [5000, 3000, 2000],
      [4900, 3050, 2050],
    ] as const;
    const { estimate } = compositionDrift(independent(control), independent(candidate, 10_000));
    const bias = (2 * (1 / 10_000 + 1 / 10_000)) / (8 * Math.LN2);
    expect(estimate).toBeCloseTo(jensenShannon(control, candidate) - bias, 7);
  });

  it("takes what is rare in both lanes for one category", () => {
    const rare = Array.from({ length: 30 }, () => 1);
    const none = rare.map(() => 0);
    const together = compositionDrift(independent([970, ...rare, ...none]), independent([970, ...none, ...rare], 1000));
    expect(Math.abs(together.estimate)).toBeLessThan(1e-3);
    expect(together.control.influence.slice(1).every((own) => own === together.control.influence[1])).toBe(true);
  });

  it("has influences that sum to 0 over what either lane showed", () => {
    fc.assert(
      fc.property(rowsWithUnits, rowsWithUnits, (control, candidate) => {
        const [before, after] = [control, candidate].map(({ lists, unit }) => tallied(lists, { unit, categories: 6 }));
        if (!before || !after) return;
        const drift = compositionDrift(before, after);
        for (const [own, influence] of [
          [before, drift.control.influence],
          [after, drift.candidate.influence],
          [before, drift.direction],
        ] as const)
          expect(own.counts.reduce((sum, count, c) => sum + count * (influence[c] as number), 0)).toBeCloseTo(0, 8);
      }),
    );
  });

  it("is not a number where a lane shows nothing, and needs the same categories in both", () => {
    expect(compositionDrift(independent([3, 1]), independent([0, 0])).estimate).toBeNaN();
    expect(() => compositionDrift(independent([3, 1]), independent([3]))).toThrow(
      "compositionDrift needs the same categories, got 2 and 1",
    );
  });
});
