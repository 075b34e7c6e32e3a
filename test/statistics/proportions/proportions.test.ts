import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Count, differenceNull, ratioNull, wilson } from "../../../statistics/proportions/proportions.ts";

const count = fc
  .record({ n: fc.integer({ min: 1, max: 20_000 }), share: fc.double({ min: 0, max: 1, noNaN: true }) })
  .map(({ n, share }): Count => ({ n, events: Math.round(share * n) }));

const logLikelihood = ({ events, n }: Count, p: number) =>
  (events === 0 ? 0 : events * Math.log(p)) + (events === n ? 0 : (n - events) * Math.log(1 - p));

describe("the fit under a null difference", () => {
  const delta = fc.integer({ min: -9000, max: 9000 }).map((basisPoints) => basisPoints / 10_000);

  it("has exactly that difference, inside [0, 1]", () => {
    fc.assert(
      fc.property(count, count, delta, (control, candidate, own) => {
        const fit = differenceNull(control, candidate, own);
        expect(fit.candidate - fit.control).toBeCloseTo(own, 12);
        for (const p of [fit.control, fit.candidate]) expect(p >= 0 && p <= 1).toBe(true);
      }),
    );
  });

  it("is the likeliest of all fits with that difference", () => {
    fc.assert(
      fc.property(count, count, delta, fc.double({ min: 0, max: 1, noNaN: true }), (control, candidate, own, at) => {
        const [low, high] = [Math.max(0, -own), Math.min(1, 1 - own)];
        const other = low + (high - low) * at;
        const fit = differenceNull(control, candidate, own);
        const ours = logLikelihood(control, fit.control) + logLikelihood(candidate, fit.candidate);
        const theirs = logLikelihood(control, other) + logLikelihood(candidate, Math.min(1, Math.max(0, other + own)));
        fc.pre(Number.isFinite(theirs));
        expect(ours).toBeGreaterThanOrEqual(theirs - 1e-9 * Math.max(1, Math.abs(theirs)));
      }),
      { numRuns: 2000 },
    );
  });

  it("mirrors when the arms are swapped and the difference turned", () => {
    fc.assert(
      fc.property(count, count, delta, (control, candidate, own) => {
        const there = differenceNull(control, candidate, own);
        const back = differenceNull(candidate, control, -own);
        expect(back.candidate).toBeCloseTo(there.control, 7);
        expect(back.standardError).toBeCloseTo(there.standardError, 7);
      }),
      { numRuns: 2000 },
    );
  });

  it("is pooled under no difference, with no error when nothing ever happens, or always", () => {
    expect(differenceNull({ events: 1, n: 100 }, { events: 2, n: 50 }, 0)).toEqual({
      control: 0.02,
      candidate: 0.02,
      standardError: Math.sqrt(0.02 * 0.98 * (1 / 100 + 1 / 50)),
    });
    expect(differenceNull({ events: 0, n: 10 }, { events: 0, n: 10 }, 0).standardError).toBe(0);
    expect(differenceNull({ events: 10, n: 10 }, { events: 10, n: 10 }, 0).standardError).toBe(0);
  });

  it("still has an error at a margin when nothing ever happened", () => {
    const { standardError } = differenceNull({ events: 0, n: 1000 }, { events: 0, n: 1000 }, 0.05);
    expect(standardError).toBeCloseTo(Math.sqrt((0.05 * 0.95) / 1000), 6);
  });

  it("needs trials in each arm", () => {
    expect(() => differenceNull({ events: 0, n: 0 }, { events: 0, n: 5 }, 0)).toThrow(
      new RangeError("differenceNull needs trials in each arm, got control n=0, candidate n=5"),
    );
  });
});

describe("the fit under a null ratio", () => {
  const ratio = fc.double({ min: 0.05, max: 20, noNaN: true });

  it("has exactly that ratio, inside [0, 1]", () => {
    fc.assert(
      fc.property(count, count, ratio, (control, candidate, own) => {
        const fit = ratioNull(control, candidate, own);
        expect(fit.candidate).toBeCloseTo(own * fit.control, 6);
        for (const p of [fit.control, fit.candidate]) expect(p >= 0 && p <= 1).toBe(true);
      }),
    );
  });

  it("is the likeliest of all fits with that ratio", () => {
    fc.assert(
      fc.property(count, count, ratio, fc.double({ min: 0, max: 1, noNaN: true }), (control, candidate, own, at) => {
        const other = Math.min(1, 1 / own) * at;
        const fit = ratioNull(control, candidate, own);
        const ours = logLikelihood(control, fit.control) + logLikelihood(candidate, fit.candidate);
        const theirs = logLikelihood(control, other) + logLikelihood(candidate, Math.min(1, other * own));
        fc.pre(Number.isFinite(theirs));
        expect(ours).toBeGreaterThanOrEqual(theirs - 1e-9 * Math.max(1, Math.abs(theirs)));
      }),
      { numRuns: 2000 },
    );
  });

  it("of 1 is that of no difference", () => {
    fc.assert(
      fc.property(count, count, (control, candidate) => {
        expect(ratioNull(control, candidate, 1)).toEqual(differenceNull(control, candidate, 0));
      }),
    );
  });

  it.each([0, -1, Number.NaN])("needs a ratio above 0, not %d", (own) => {
    expect(() => ratioNull({ events: 1, n: 5 }, { events: 1, n: 5 }, own)).toThrow(
      new RangeError(`ratioNull needs a ratio above 0, got ${own}`),
    );
  });
});

describe("Wilson's interval", () => {
  it("holds the proportion, stays in [0, 1] and narrows with n", () => {
    fc.assert(
      fc.property(count, (own) => {
        const interval = wilson(own);
        const larger = wilson({ events: own.events * 4, n: own.n * 4 });
        if (interval.status !== "ok" || larger.status !== "ok") throw new Error("no interval");
        expect(interval.low).toBeGreaterThanOrEqual(0);
        expect(interval.high).toBeLessThanOrEqual(1);
        expect(interval.low).toBeLessThanOrEqual(interval.value);
        expect(interval.high).toBeGreaterThanOrEqual(interval.value);
        expect(larger.high - larger.low).toBeLessThan(interval.high - interval.low);
      }),
    );
  });

  it("ends at 0 and 1 exactly when nothing or everything happened", () => {
    expect(wilson({ events: 0, n: 20 })).toMatchObject({ low: 0, value: 0 });
    expect(wilson({ events: 20, n: 20 })).toMatchObject({ high: 1, value: 1 });
  });

  it.each([0, -1, Number.NaN])("of %d trials is undetermined", (n) => {
    expect(wilson({ events: 0, n })).toEqual({ status: "undetermined", reason: "no trials" });
  });
});
