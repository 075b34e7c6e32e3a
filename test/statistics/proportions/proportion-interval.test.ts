import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binomialLowerTail, binomialMassLog, binomialUpperTail } from "../../../statistics/distributions.ts";
import { contingencyTest } from "../../../statistics/proportions/contingency.ts";
import {
  agrestiCaffoInterval,
  clopperPearson,
  newcombeInterval,
  pooledTest,
  waldInterval,
} from "../../../statistics/proportions/proportion-interval.ts";
import type { Count } from "../../../statistics/proportions/proportions.ts";

const count = fc
  .record({ n: fc.integer({ min: 1, max: 5_000 }), share: fc.double({ min: 0, max: 1, noNaN: true }) })
  .map(({ n, share }): Count => ({ n, events: Math.round(share * n) }));

function ok<T extends { status: string }>(result: T) {
  if (result.status !== "ok") fc.pre(false);
  return result as Extract<T, { status: "ok" }>;
}

describe("the pooled z test", () => {
  it("is Pearson's chi-squared of the table of events and failures, with and without Yates's correction", () => {
    fc.assert(
      fc.property(count, count, fc.boolean(), (control, candidate, continuityCorrection) => {
        const { statistic, twoSided } = ok(pooledTest(control, candidate, { continuityCorrection }));
        const table = [control, candidate].map(({ events, n }) => [events, n - events]);
        const pearson = ok(contingencyTest(table, { continuityCorrection }));
        expect(Math.abs(statistic ** 2 - pearson.statistic)).toBeLessThanOrEqual(1e-9 * Math.max(1, statistic ** 2));
        expect(twoSided).toBeCloseTo(pearson.pValue, 8);
      }),
    );
  });

  it("turns with its arms", () => {
    fc.assert(
      fc.property(count, count, fc.boolean(), (control, candidate, continuityCorrection) => {
        const there = ok(pooledTest(control, candidate, { continuityCorrection }));
        const back = ok(pooledTest(candidate, control, { continuityCorrection }));
        expect(back.statistic).toBeCloseTo(-there.statistic, 12);
        expect(back.less).toBeCloseTo(there.greater, 14);
      }),
    );
  });

  it("rejects 3.7 % at a nominal 2.5 % for 2 % events at 1 : 99, as its docstring warns (exact enumeration)", () => {
    const [n0, n1, p] = [14_157, 143, 0.02];
    let rejected = 0;
    for (let x1 = 0; x1 <= 25; x1++) {
      // the controls that this candidate count rejects are those up to a border, found by bisection
      let [low, high] = [-1, n0];
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        const test = pooledTest({ events: middle, n: n0 }, { events: x1, n: n1 });
        if (test.status === "ok" && test.greater <= 0.025) low = middle;
        else high = middle;
      }
      rejected += Math.exp(binomialMassLog(x1, n1, p)) * binomialLowerTail(low, n0, p);
    }
    expect(rejected).toBeCloseTo(0.0369, 4);
  });

  it("is undetermined without trials, and when all trials came out alike", () => {
    expect(pooledTest({ events: 0, n: 0 }, { events: 1, n: 2 }).status).toBe("undetermined");
    expect(pooledTest({ events: 0, n: 3 }, { events: 0, n: 2 }).status).toBe("undetermined");
    expect(pooledTest({ events: 3, n: 3 }, { events: 2, n: 2 }).status).toBe("undetermined");
  });
});

describe.each([
  ["Wald's", waldInterval],
  ["Agresti & Caffo's", agrestiCaffoInterval],
  ["Newcombe's", newcombeInterval],
])("%s interval of a difference", (name, interval) => {
  it("turns with its arms, and with events for failures", () => {
    fc.assert(
      fc.property(count, count, (control, candidate) => {
        const failures = ({ events, n }: Count) => ({ events: n - events, n });
        const own = ok(interval(control, candidate));
        for (const turned of [interval(candidate, control), interval(failures(control), failures(candidate))]) {
          expect(ok(turned).low).toBeCloseTo(-own.high, 12);
          expect(ok(turned).high).toBeCloseTo(-own.low, 12);
        }
      }),
    );
  });

  it("stays in [−1, 1], widens with its level and narrows with n", () => {
    fc.assert(
      fc.property(count, count, (control, candidate) => {
        const own = ok(interval(control, candidate, { level: 0.9 }));
        const wide = ok(interval(control, candidate, { level: 0.99 }));
        const more = ({ events, n }: Count) => ({ events: events * 9, n: n * 9 });
        const narrow = ok(interval(more(control), more(candidate), { level: 0.9 }));
        for (const { low, high } of [own, wide]) expect(low >= -1 && high <= 1 && low <= high).toBe(true);
        expect(wide.high - wide.low).toBeGreaterThanOrEqual(own.high - own.low);
        expect(narrow.high - narrow.low).toBeLessThanOrEqual(own.high - own.low);
      }),
    );
  });

  it("is undetermined without trials, and refuses what cannot be", () => {
    const arm = { events: 1, n: 5 };
    expect(interval({ events: 0, n: 0 }, arm)).toEqual({ status: "undetermined", reason: "an arm has no trials" });
    expect(() => interval(arm, { events: 6, n: 5 })).toThrow(RangeError);
    expect(() => interval(arm, arm, { level: 1 })).toThrow(RangeError);
  });

  it(`${name === "Wald's" ? "is" : "is not"} a point when nothing happened`, () => {
    const { low, high } = ok(interval({ events: 0, n: 30 }, { events: 0, n: 30 }));
    if (name === "Wald's") expect(high).toBe(low);
    else expect(high).toBeGreaterThan(low + 0.05);
  });
});

describe("Clopper and Pearson's interval", () => {
  it("ends where each binomial tail is half of what the level leaves", () => {
    fc.assert(
      fc.property(count, fc.constantFrom(0.8, 0.95, 0.999), ({ events, n }, level) => {
        const { low, high } = ok(clopperPearson({ events, n }, { level }));
        const tail = (1 - level) / 2;
        if (events > 0) expect(binomialUpperTail(events, n, low) / tail).toBeCloseTo(1, 8);
        if (events < n) expect(binomialLowerTail(events, n, high) / tail).toBeCloseTo(1, 8);
      }),
    );
  });

  it("never covers less often than it says (exact enumeration, 25 trials)", () => {
    const intervals = Array.from({ length: 26 }, (_, events) => ok(clopperPearson({ events, n: 25 }, { level: 0.9 })));
    for (let p = 0.005; p < 1; p += 0.005) {
      let covered = 0;
      intervals.forEach(({ low, high }, k) => {
        if (low <= p && p <= high) covered += Math.exp(binomialMassLog(k, 25, p));
      });
      expect(covered).toBeGreaterThanOrEqual(0.9);
    }
  });

  it("ends at 0 and 1 exactly, is undetermined without trials, and refuses what cannot be", () => {
    expect(clopperPearson({ events: 0, n: 20 })).toMatchObject({ low: 0, value: 0 });
    expect(clopperPearson({ events: 20, n: 20 })).toMatchObject({ high: 1, value: 1 });
    expect(clopperPearson({ events: 0, n: 0 })).toEqual({ status: "undetermined", reason: "no trials" });
    expect(() => clopperPearson({ events: 3, n: 2 })).toThrow(
      new RangeError("clopperPearson needs 0 ≤ events ≤ n, got events=3, n=2"),
    );
    expect(() => clopperPearson({ events: 1, n: 2 }, { level: 0 })).toThrow(RangeError);
  });
});
