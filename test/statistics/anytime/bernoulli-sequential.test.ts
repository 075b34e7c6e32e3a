import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bernoulliLogMixture, bernoulliSequentialInterval } from "../../../statistics/anytime/bernoulli-sequential.ts";

const count = fc
  .integer({ min: 1, max: 5000 })
  .chain((n) => fc.record({ events: fc.integer({ min: 0, max: n }), n: fc.constant(n) }));

function ends(events: number, n: number, options = {}) {
  const interval = bernoulliSequentialInterval({ events, n }, options);
  if (interval.status !== "ok") throw new Error(interval.reason);
  return interval;
}

describe("the sequential interval of a proportion", () => {
  it("holds the estimate, and ends where the mixture is 1/α", () => {
    fc.assert(
      fc.property(count, fc.double({ min: 0.5, max: 0.999, noNaN: true }), ({ events, n }, level) => {
        const { low, high, value } = ends(events, n, { level });
        expect(low <= value && value <= high).toBe(true);
        for (const end of [low, high]) {
          if (end <= 1e-12 || end >= 1 - 1e-12) continue;
          // an end is off by an ulp, the mixture's slope is below n / min(p, 1 − p)
          const slack = 1e-10 + (n * 1e-15) / Math.min(end, 1 - end);
          expect(Math.abs(bernoulliLogMixture({ events, n }, end) + Math.log(1 - level))).toBeLessThan(slack);
        }
      }),
    );
  });

  it("is mirrored when events and non-events change places", () => {
    fc.assert(
      fc.property(count, ({ events, n }) => {
        const own = ends(events, n);
        const mirrored = ends(n - events, n);
        expect(mirrored.low).toBeCloseTo(1 - own.high, 13);
        expect(mirrored.high).toBeCloseTo(1 - own.low, 13);
      }),
    );
  });

  it("is wider at a higher level", () => {
    const own = ends(30, 200);
    const wider = ends(30, 200, { level: 0.99 });
    expect(wider.low).toBeLessThan(own.low);
    expect(wider.high).toBeGreaterThan(own.high);
  });

  it.each([0.01, 0.3])("misses p = %f at some of 400 looks in at most 5 % of runs (exact)", (p) => {
    let at = Float64Array.of(1);
    let missed = 0;
    for (let n = 1; n <= 400; n++) {
      const next = new Float64Array(n + 1);
      at.forEach((own, k) => {
        next[k] = (next[k] as number) + own * (1 - p);
        next[k + 1] = (next[k + 1] as number) + own * p;
      });
      next.forEach((own, events) => {
        if (own < 1e-30 || bernoulliLogMixture({ events, n }, p, { tunedTo: 200 }) < Math.log(20)) return;
        missed += own;
        next[events] = 0;
      });
      at = next;
    }
    expect(missed).toBeLessThanOrEqual(0.05);
    expect(missed).toBeGreaterThan(0.005);
  });

  it("is undetermined without trials", () => {
    expect(bernoulliSequentialInterval({ events: 0, n: 0 }).status).toBe("undetermined");
  });

  it("is everything after one trial", () => {
    expect(ends(0, 1)).toMatchObject({ low: 0, high: 1 });
    expect(ends(1, 1)).toMatchObject({ low: 0, high: 1 });
  });

  it("keeps its digits at a thousand events in a trillion, and at all but a thousand", () => {
    const { low, high } = ends(1000, 1e12);
    expect(low > 0.75e-9 && high < 1.25e-9).toBe(true);
    // 1 − p has five digits at 1e-9 as a double
    expect((1 - ends(1e12 - 1000, 1e12).high) / low).toBeCloseTo(1, 6);
  });

  it("does not exclude a p near 0 after a single event", () => {
    expect(ends(1, 1e9).low).toBe(0);
  });

  it("cannot have p = 0 once an event was seen", () => {
    expect(bernoulliLogMixture({ events: 1, n: 5 }, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(bernoulliLogMixture({ events: 0, n: 5 }, 0)).toBe(0);
  });

  it.each([
    () => bernoulliSequentialInterval({ events: 2, n: 1 }),
    () => bernoulliSequentialInterval({ events: -1, n: 1 }),
    () => bernoulliSequentialInterval({ events: 1, n: 2 }, { level: 1 }),
    () => bernoulliLogMixture({ events: 1, n: 2 }, 1.1),
  ])("refuses %s", (call) => {
    expect(call).toThrow(RangeError);
  });
});
