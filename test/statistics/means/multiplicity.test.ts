import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  benjaminiHochberg,
  benjaminiYekutieli,
  bonferroni,
  falseCoverageLevel,
  hochberg,
  holm,
  hommel,
  simultaneousLevel,
} from "../../../statistics/means/multiplicity.ts";

const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
const methods = { bonferroni, holm, hochberg, hommel, benjaminiHochberg, benjaminiYekutieli };
/** one more rounding than the other side of the comparison */
const slack = 1 + 1e-12;

describe.each(Object.entries(methods))("%s", (name, adjust) => {
  it("never falls below the p-value, nor above 1", () => {
    fc.assert(
      fc.property(pValues, (p) => {
        adjust(p).forEach((adjusted, i) => {
          expect(adjusted * slack).toBeGreaterThanOrEqual(p[i] as number);
          expect(adjusted).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  it("keeps the order of the p-values", () => {
    fc.assert(
      fc.property(pValues, (p) => {
        const adjusted = adjust(p);
        p.forEach((a, i) => {
          p.forEach((b, j) => {
            if (a <= b) expect(adjusted[i]).toBeLessThanOrEqual((adjusted[j] as number) * slack);
          });
        });
      }),
    );
  });

  it("does not depend on the order in which they come", () => {
    fc.assert(
      fc.property(pValues, (p) => {
        expect(adjust(p.toReversed())).toEqual(adjust(p).toReversed());
      }),
    );
  });

  it("leaves one p-value as it is, and nothing of nothing", () => {
    expect(adjust([0.3])).toEqual([0.3]);
    expect(adjust([])).toEqual([]);
  });

  it("keeps a test that could not be computed in its place, and does not count it", () => {
    const [a, none, b] = adjust([0.01, Number.NaN, 0.5]);
    expect(none).toBeNaN();
    expect([a, b]).toEqual(adjust([0.01, 0.5]));
    expect(adjust([Number.NaN])).toEqual([Number.NaN]);
  });

  it("refuses what is not a p-value", () => {
    expect(() => adjust([0.1, 1.1])).toThrow(new RangeError(`${name} needs p-values in [0, 1], got 1.1`));
    expect(() => adjust([-0.1])).toThrow(RangeError);
  });
});

it("each correction is at least as strict as the next: Bonferroni, Holm, Hochberg, Hommel, false discoveries", () => {
  fc.assert(
    fc.property(pValues, (p) => {
      const chain = [bonferroni, holm, hochberg, hommel, benjaminiHochberg].map((adjust) => adjust(p));
      for (let i = 0; i < p.length; i++) {
        for (let k = 1; k < chain.length; k++) {
          expect((chain[k] as number[])[i]).toBeLessThanOrEqual(((chain[k - 1] as number[])[i] as number) * slack);
        }
      }
    }),
  );
});

describe("levels of several intervals", () => {
  it("share what is left out", () => {
    expect(simultaneousLevel(5)).toBeCloseTo(0.99, 12);
    expect(simultaneousLevel(1, 0.9)).toBeCloseTo(0.9, 12);
    expect(falseCoverageLevel(2, 10)).toBeCloseTo(0.99, 12);
    expect(falseCoverageLevel(10, 10, 0.9)).toBeCloseTo(0.9, 12);
  });

  it("of the one selected effect are those of all at once", () => {
    for (const count of [1, 3, 20]) expect(falseCoverageLevel(1, count)).toBe(simultaneousLevel(count));
  });

  it("leave out 0 for exactly the effects that Benjamini and Hochberg select, when these are as many", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.integer({ min: 0, max: 1000 }).map((k) => k / 1000),
          { minLength: 1, maxLength: 12 },
        ),
        (p) => {
          const selected = benjaminiHochberg(p).filter((adjusted) => adjusted <= 0.05 + 1e-12).length;
          if (selected === 0) return;
          // an interval at that level leaves 0 out when its p-value is at most 1 − level
          const left = 1 - falseCoverageLevel(selected, p.length, 0.95) + 1e-12;
          expect(p.filter((own) => own <= left)).toHaveLength(selected);
        },
      ),
    );
  });

  it("refuse a count that is none", () => {
    expect(() => falseCoverageLevel(0, 3)).toThrow(
      new RangeError("falseCoverageLevel needs whole numbers 1 ≤ selected ≤ count, got 0 of 3"),
    );
    expect(() => falseCoverageLevel(4, 3)).toThrow(RangeError);
    expect(() => simultaneousLevel(0)).toThrow(RangeError);
    expect(() => simultaneousLevel(2.5)).toThrow(RangeError);
    expect(() => simultaneousLevel(2, 1)).toThrow(new RangeError("simultaneousLevel needs a level in (0, 1), got 1"));
  });
});
