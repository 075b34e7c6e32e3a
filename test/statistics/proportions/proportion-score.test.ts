import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalUpperQuantile } from "../../../statistics/distributions.ts";
import { pooledTest } from "../../../statistics/proportions/proportion-interval.ts";
import { type ProportionScale, scoreInterval, scoreTest } from "../../../statistics/proportions/proportion-score.ts";
import { type Count, differenceNull, oddsNull } from "../../../statistics/proportions/proportions.ts";

const count = fc
  .record({ n: fc.integer({ min: 1, max: 5_000 }), share: fc.double({ min: 0, max: 1, noNaN: true }) })
  .map(({ n, share }): Count => ({ n, events: Math.round(share * n) }));
const scale = fc.constantFrom<ProportionScale>("difference", "ratio", "odds-ratio");
const position = fc.double({ min: -0.95, max: 0.95, noNaN: true });
const options = fc.record({ smallSample: fc.boolean() });

/** A null of any scale from a number in (−1, 1), 0 being none. */
const nullAt = (own: ProportionScale, at: number) => (own === "difference" ? at : Math.exp(3 * at));

function ok<T extends { status: string }>(result: T) {
  if (result.status !== "ok") fc.pre(false);
  return result as Extract<T, { status: "ok" }>;
}

describe("the score test", () => {
  it("turns with its arms: the statistic flips, less and greater change places", () => {
    fc.assert(
      fc.property(count, count, scale, position, options, (control, candidate, own, at, small) => {
        const there = ok(scoreTest(control, candidate, own, { nullValue: nullAt(own, at), ...small }));
        const back = ok(scoreTest(candidate, control, own, { nullValue: nullAt(own, -at), ...small }));
        const digits = 1e-8 * Math.max(1, Math.abs(there.statistic));
        expect(Math.abs(back.statistic + there.statistic)).toBeLessThanOrEqual(digits);
        expect(back.less).toBeCloseTo(there.greater, 8);
        expect(back.twoSided).toBeCloseTo(there.twoSided, 7);
      }),
      { numRuns: 2000 },
    );
  });

  it("against no difference is the pooled z test, on every scale", () => {
    fc.assert(
      fc.property(count, count, scale, (control, candidate, own) => {
        const pooled = ok(pooledTest(control, candidate));
        const { statistic } = ok(scoreTest(control, candidate, own));
        expect(Math.abs(statistic - pooled.statistic)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(statistic)));
      }),
    );
  });

  it("sees the same odds ratio, turned, in failures as in events", () => {
    fc.assert(
      fc.property(count, count, position, (control, candidate, at) => {
        const failures = ({ events, n }: Count) => ({ events: n - events, n });
        const own = ok(scoreTest(control, candidate, "odds-ratio", { nullValue: Math.exp(3 * at) }));
        const other = scoreTest(failures(control), failures(candidate), "odds-ratio", { nullValue: Math.exp(-3 * at) });
        const digits = 1e-7 * Math.max(1, Math.abs(own.statistic));
        expect(Math.abs(ok(other).statistic + own.statistic)).toBeLessThanOrEqual(digits);
      }),
    );
  });

  it("with the small-sample factor is nearer 0 by √((N − 1)/N)", () => {
    const arms = [
      { events: 3, n: 20 },
      { events: 9, n: 30 },
    ] as const;
    const { statistic } = ok(scoreTest(...arms, "difference", { nullValue: -0.1 }));
    const shrunk = ok(scoreTest(...arms, "difference", { nullValue: -0.1, smallSample: true }));
    expect(shrunk.statistic / statistic).toBeCloseTo(Math.sqrt(49 / 50), 14);
  });

  it.each<[string, Count, Count, ProportionScale, number]>([
    ["an empty arm", { events: 0, n: 0 }, { events: 1, n: 5 }, "difference", 0.1],
    ["no event, no difference", { events: 0, n: 9 }, { events: 0, n: 5 }, "difference", 0],
    ["no failure, no difference", { events: 9, n: 9 }, { events: 5, n: 5 }, "ratio", 1],
    ["no event, any ratio", { events: 0, n: 9 }, { events: 0, n: 5 }, "ratio", 2],
    ["no event, any odds ratio", { events: 0, n: 9 }, { events: 0, n: 5 }, "odds-ratio", 2],
    ["no failure, any odds ratio", { events: 59, n: 59 }, { events: 11, n: 11 }, "odds-ratio", 0.03],
  ])("is undetermined for %s", (_, control, candidate, own, nullValue) => {
    expect(scoreTest(control, candidate, own, { nullValue }).status).toBe("undetermined");
  });

  it.each<[ProportionScale, number]>([
    ["difference", 1],
    ["difference", -1.2],
    ["difference", Number.NaN],
    ["ratio", 0],
    ["ratio", Number.POSITIVE_INFINITY],
    ["odds-ratio", -1],
  ])("refuses for a %s the null %d", (own, nullValue) => {
    const arm = { events: 1, n: 5 };
    expect(() => scoreTest(arm, arm, own, { nullValue })).toThrow(RangeError);
  });

  it.each([
    [{ events: 6, n: 5 }],
    [{ events: -1, n: 5 }],
    [{ events: 0, n: -1 }],
    [{ events: Number.NaN, n: 5 }],
    [{ events: 1, n: Number.POSITIVE_INFINITY }],
  ])("refuses the impossible count %j", (own) => {
    expect(() => scoreTest({ events: 1, n: 5 }, own, "ratio")).toThrow(/0 ≤ events ≤ n, got candidate/);
    expect(() => scoreInterval(own, { events: 1, n: 5 }, "ratio")).toThrow(/got control/);
  });
});

describe("the score interval", () => {
  it("holds exactly the nulls that the test does not reject", () => {
    fc.assert(
      fc.property(count, count, scale, position, options, (control, candidate, own, at, small) => {
        const nullValue = nullAt(own, at);
        const { low, high } = ok(scoreInterval(control, candidate, own, { level: 0.9, ...small }));
        const test = ok(scoreTest(control, candidate, own, { nullValue, ...small }));
        const distance = Math.abs(test.statistic) - normalUpperQuantile(0.05);
        fc.pre(Math.abs(distance) > 1e-7);
        expect(nullValue < low || nullValue > high).toBe(distance > 0);
      }),
      { numRuns: 3000 },
    );
  });

  it("ends where the test's p-value is the level's rest, to ten digits", () => {
    fc.assert(
      fc.property(count, count, scale, options, (control, candidate, own, small) => {
        const { low, high } = ok(scoreInterval(control, candidate, own, small));
        for (const [nullValue, tail] of [
          [low, "greater"],
          [high, "less"],
        ] as const) {
          if (own === "difference" ? Math.abs(nullValue) > 0.999 : nullValue === 0 || nullValue === Infinity) continue;
          expect(ok(scoreTest(control, candidate, own, { nullValue, ...small }))[tail]).toBeCloseTo(0.025, 10);
        }
      }),
    );
  });

  it("widens with its level, and holds the estimate", () => {
    fc.assert(
      fc.property(count, count, scale, (control, candidate, own) => {
        const narrow = ok(scoreInterval(control, candidate, own, { level: 0.8 }));
        const wide = ok(scoreInterval(control, candidate, own, { level: 0.99 }));
        expect(wide.low).toBeLessThanOrEqual(narrow.low);
        expect(wide.high).toBeGreaterThanOrEqual(narrow.high);
        expect(narrow.low).toBeLessThanOrEqual(narrow.value);
        expect(narrow.high).toBeGreaterThanOrEqual(narrow.value);
      }),
    );
  });

  it("ends at the bounds when an arm is all or nothing", () => {
    const none = { events: 0, n: 50 };
    const all = { events: 40, n: 40 };
    expect(scoreInterval(none, all, "difference")).toMatchObject({ value: 1, high: 1 });
    expect(scoreInterval(all, none, "difference")).toMatchObject({ value: -1, low: -1 });
    expect(scoreInterval(none, all, "ratio")).toMatchObject({ value: Infinity, high: Infinity });
    expect(scoreInterval(all, none, "odds-ratio")).toMatchObject({ value: 0, low: 0 });
    expect(scoreInterval(none, none, "difference")).toMatchObject({ status: "ok", value: 0 });
  });

  it.each<ProportionScale>(["ratio", "odds-ratio"])("of a %s without any event is undetermined", (own) => {
    expect(scoreInterval({ events: 0, n: 5 }, { events: 0, n: 9 }, own)).toEqual({
      status: "undetermined",
      reason: `the ${own} of 0/5 and 0/9 is 0 / 0`,
    });
  });

  it.each([0, 1, -0.5, Number.NaN])("refuses the level %d", (level) => {
    const arm = { events: 1, n: 5 };
    expect(() => scoreInterval(arm, arm, "difference", { level })).toThrow(RangeError);
  });
});

describe("the fit under a null odds ratio", () => {
  it("has that odds ratio, and as many events in all as were seen", () => {
    fc.assert(
      fc.property(count, count, position, (control, candidate, at) => {
        const odds = Math.exp(8 * at);
        const fit = oddsNull(control, candidate, odds);
        const events = control.events + candidate.events;
        const fitted = fit.control * control.n + fit.candidate * candidate.n;
        expect(Math.abs(fitted - events)).toBeLessThanOrEqual(1e-10 * (control.n + candidate.n));
        const left = fit.candidate * (1 - fit.control);
        const right = odds * fit.control * (1 - fit.candidate);
        expect(Math.abs(left - right)).toBeLessThanOrEqual(1e-11 * Math.max(1, odds));
      }),
    );
  });

  it.each([0, -1, Number.NaN])("needs an odds ratio above 0, not %d", (own) => {
    expect(() => oddsNull({ events: 1, n: 5 }, { events: 1, n: 5 }, own)).toThrow(
      new RangeError(`oddsNull needs an odds ratio above 0, got ${own}`),
    );
  });
});

describe("the fit under a null difference", () => {
  it("keeps its digits when events are rare and arms unequal", () => {
    // 50-digit bisection of the likelihood's slope: 2 of 100,000 against 1 of 1,000 at a margin of 1e-4
    const fit = differenceNull({ events: 2, n: 100_000 }, { events: 1, n: 1_000 }, 1e-4);
    const slope = (p: number) => 1 / p - 999 / (1 - p) + 2 / (p - 1e-4) - 99_998 / (1 - p + 1e-4);
    expect(slope(fit.candidate * (1 - 1e-10))).toBeGreaterThan(0);
    expect(slope(fit.candidate * (1 + 1e-10))).toBeLessThan(0);
  });
});
