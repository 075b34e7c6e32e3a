import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binomialMassLog, normalUpperTail } from "../../../statistics/distributions.ts";
import { holm } from "../../../statistics/means/multiplicity.ts";
import {
  concordanceOf,
  type McNemarForm,
  mcNemarClustered,
  mcNemarExact,
  mcNemarTest,
} from "../../../statistics/proportions/paired.ts";

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

describe("McNemar's tests", () => {
  const forms = ["exact", "mid-p", "asymptotic", "continuity-corrected"] as const;
  const discordant = fc.record({ controlOnly: fc.nat(400), candidateOnly: fc.nat(400) });
  const of = (counts: { controlOnly: number; candidateOnly: number }, form: McNemarForm) => {
    const result = mcNemarTest(counts, { form });
    if (result.status !== "ok") fc.pre(false);
    return result as Extract<typeof result, { status: "ok" }>;
  };

  it.each(forms)("turn with their arms (%s)", (form) => {
    fc.assert(
      fc.property(discordant, (own) => {
        const there = of(own, form);
        const back = of({ controlOnly: own.candidateOnly, candidateOnly: own.controlOnly }, form);
        expect(back.less).toBeCloseTo(there.greater, 12);
        expect(back.twoSided).toBeCloseTo(there.twoSided, 12);
      }),
    );
  });

  it("give by the exact form what the two-sided p-value gave before", () => {
    fc.assert(
      fc.property(discordant, (own) => {
        expect(of(own, "exact").twoSided).toBeCloseTo(mcNemarExact(own), 12);
      }),
    );
  });

  it("are less strict by mid-p than exactly, and the one-sided mid-p values add up to 1", () => {
    fc.assert(
      fc.property(discordant, (own) => {
        expect(of(own, "mid-p").twoSided).toBeLessThan(of(own, "exact").twoSided);
        expect(of(own, "mid-p").less + of(own, "mid-p").greater).toBeCloseTo(1, 12);
      }),
    );
  });

  const rejectedGiven = (n: number, form: McNemarForm) => {
    let rejected = 0;
    for (let k = 0; k <= n; k++) {
      const result = mcNemarTest({ controlOnly: n - k, candidateOnly: k }, { form });
      if (result.status === "ok" && result.twoSided <= 0.05) rejected += Math.exp(binomialMassLog(k, n, 0.5));
    }
    return rejected;
  };

  it.each(["exact", "continuity-corrected"] as const)(
    "keep their level given 10 to 60 discordant pairs (%s, exact enumeration)",
    (form) => {
      for (let n = 10; n <= 60; n++) expect(rejectedGiven(n, form)).toBeLessThanOrEqual(0.05);
    },
  );

  it("keep their level by mid-p over the number of discordant pairs among 20 to 50 (exact enumeration)", () => {
    for (const n of [20, 30, 50]) {
      for (const share of [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) {
        let rejected = 0;
        for (let own = 0; own <= n; own++) {
          rejected += Math.exp(binomialMassLog(own, n, share)) * rejectedGiven(own, "mid-p");
        }
        expect(rejected).toBeLessThanOrEqual(0.05);
      }
    }
    // given their number, it may exceed it
    expect(rejectedGiven(50, "mid-p")).toBeGreaterThan(0.06);
  });

  it("keep the digits of a tail of 2e-302", () => {
    const { greater } = of({ controlOnly: 0, candidateOnly: 1001 }, "exact");
    expect(greater / 2 ** -1001).toBeCloseTo(1, 9);
  });

  it("are undetermined without a discordant pair, and refuse counts that are not whole", () => {
    for (const form of forms) {
      expect(mcNemarTest({ controlOnly: 0, candidateOnly: 0 }, { form })).toEqual({
        status: "undetermined",
        reason: "no pair is discordant",
      });
    }
    expect(() => mcNemarTest({ controlOnly: -1, candidateOnly: 3 })).toThrow(
      new RangeError("mcNemarTest needs whole counts of 0 or more, got -1 and 3"),
    );
    expect(() => mcNemarTest({ controlOnly: 0.5, candidateOnly: 3 })).toThrow(RangeError);
  });
});

describe("the concordance of two columns", () => {
  it("counts each pair once, and turns with its arms", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean())), (pairs) => {
        const control = pairs.map(([own]) => own);
        const candidate = pairs.map(([, own]) => own);
        const { both, neither, controlOnly, candidateOnly } = concordanceOf(control, candidate);
        expect(both + neither + controlOnly + candidateOnly).toBe(pairs.length);
        expect(both + controlOnly).toBe(control.filter(Boolean).length);
        expect(both + candidateOnly).toBe(candidate.filter(Boolean).length);
        expect(concordanceOf(candidate.map(Number), Uint8Array.from(control, Number))).toEqual({
          both,
          neither,
          controlOnly: candidateOnly,
          candidateOnly: controlOnly,
        });
      }),
    );
  });

  it("refuses columns of two lengths", () => {
    expect(() => concordanceOf([true], [])).toThrow(
      new RangeError("concordanceOf needs columns of one length, got 1 and 0"),
    );
  });
});
