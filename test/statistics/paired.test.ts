import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalUpperTail } from "../../statistics/distributions.ts";
import { holm } from "../../statistics/multiplicity.ts";
import { mcNemarClustered, mcNemarExact } from "../../statistics/paired.ts";

describe("McNemar's exact test", () => {
  it("is 1 without discordant pairs, and for as many in one direction as in the other", () => {
    fc.assert(
      fc.property(fc.nat(500), (n) => {
        expect(mcNemarExact({ controlOnly: n, candidateOnly: n })).toBe(1);
      }),
    );
  });

  it("does not depend on which arm is called control", () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(500), (a, b) => {
        expect(mcNemarExact({ controlOnly: a, candidateOnly: b })).toBe(
          mcNemarExact({ controlOnly: b, candidateOnly: a }),
        );
      }),
    );
  });

  it("of n pairs in one direction is that of n equal flips of a coin", () => {
    for (let n = 1; n < 60; n++)
      expect(mcNemarExact({ controlOnly: n, candidateOnly: 0 })).toBeCloseTo(2 * 0.5 ** n, 14);
  });

  it("keeps its level: it rejects no more often than asked under no difference (exact)", () => {
    const n = 40;
    let term = 0.5 ** n;
    let rejected = 0;
    for (let k = 0; k <= n; k++) {
      if (mcNemarExact({ controlOnly: k, candidateOnly: n - k }) <= 0.05) rejected += term;
      term *= (n - k) / (k + 1);
    }
    expect(rejected).toBeLessThanOrEqual(0.05);
    expect(rejected).toBeGreaterThan(0.02);
  });
});

describe("McNemar's test by unit", () => {
  const differences = fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 60 });

  it("of one pair a unit is McNemar's chi-squared", () => {
    const units = [...new Array(30).fill(1), ...new Array(12).fill(-1), ...new Array(100).fill(0)];
    const { z, pValue } = mcNemarClustered(units);
    expect(z ** 2).toBeCloseTo((30 - 12) ** 2 / (30 + 12), 12);
    expect(pValue).toBeCloseTo(2 * normalUpperTail(Math.abs(z)), 14);
  });

  it("turns with its arms, and does not see units without a difference", () => {
    fc.assert(
      fc.property(differences, (own) => {
        const { z, pValue } = mcNemarClustered(own);
        const turned = mcNemarClustered([...own.map((d) => -d), 0, 0, 0]);
        expect(turned.z).toBeCloseTo(-z, 12);
        expect(turned.pValue).toBeCloseTo(pValue, 12);
      }),
    );
  });

  it("takes a unit's many pairs for one voice: repeating every pair changes nothing", () => {
    fc.assert(
      fc.property(differences, fc.integer({ min: 1, max: 50 }), (own, times) => {
        expect(mcNemarClustered(own.map((d) => d * times)).z).toBeCloseTo(mcNemarClustered(own).z, 12);
      }),
    );
  });

  it("is 1 when every difference is 0", () => {
    expect(mcNemarClustered([0, 0, 0])).toEqual({ z: 0, pValue: 1 });
    expect(mcNemarClustered([])).toEqual({ z: 0, pValue: 1 });
  });
});

describe("Holm's correction", () => {
  const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });

  it("never lowers a p-value, and raises it by no more than Bonferroni's does", () => {
    fc.assert(
      fc.property(pValues, (own) => {
        holm(own).forEach((adjusted, i) => {
          expect(adjusted).toBeGreaterThanOrEqual(own[i] as number);
          expect(adjusted).toBeLessThanOrEqual(Math.min(1, own.length * (own[i] as number)));
        });
      }),
    );
  });

  it("keeps the order of the p-values, and follows them when they are shuffled", () => {
    fc.assert(
      fc.property(pValues, (own) => {
        const adjusted = holm(own);
        for (const [i, p] of own.entries()) {
          for (const [j, q] of own.entries()) {
            if (p < q) expect(adjusted[i] as number).toBeLessThanOrEqual(adjusted[j] as number);
          }
        }
        expect(holm([...own].reverse())).toEqual([...adjusted].reverse());
      }),
    );
  });

  it("leaves a single p-value alone", () => {
    expect(holm([0.03])).toEqual([0.03]);
    expect(holm([])).toEqual([]);
  });
});
