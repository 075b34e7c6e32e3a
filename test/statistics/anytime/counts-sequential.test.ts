import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CountStep,
  countsLogBayesFactors,
  countsTest,
  oneSidedCountsLogBayesFactors,
  rateRatioSequence,
} from "../../../statistics/anytime/counts-sequential.ts";
import type { Estimate, TestResult } from "../../../statistics/estimate.ts";

type Ok<T> = Extract<T, { status: "ok" }>;

function ok<T extends TestResult | Estimate>(result: T): Ok<T> {
  if (result.status !== "ok") throw new Error(result.reason);
  return result as Ok<T>;
}

const step = (control: number, candidate: number, share: number): CountStep => ({
  counts: [control, candidate],
  shares: [1 - share, share],
});

const steps = fc.array(
  fc
    .record({ control: fc.nat(200), candidate: fc.nat(60), share: fc.constantFrom(0.01, 0.05, 0.25, 0.5) })
    .map(({ control, candidate, share }) => step(control, candidate, share)),
  { minLength: 1, maxLength: 5 },
);

const swapped = (own: readonly CountStep[]) =>
  own.map(({ counts, shares }) => ({ counts: counts.toReversed(), shares: shares.toReversed() }));

describe("the sequential test of counts", () => {
  it("exchanges less and greater when the arms are swapped", () => {
    fc.assert(
      fc.property(steps, (own) => {
        fc.pre(own.some(({ counts }) => counts.some((count) => count > 0)));
        const a = ok(countsTest(own));
        const b = ok(countsTest(swapped(own)));
        expect(b.statistic).toBeCloseTo(a.statistic, 8);
        expect(Math.log(b.less)).toBeCloseTo(Math.log(a.greater), 6);
        expect(Math.log(b.greater)).toBeCloseTo(Math.log(a.less), 6);
        expect(Math.log(b.twoSided)).toBeCloseTo(Math.log(a.twoSided), 8);
      }),
    );
  });

  it("does not depend on how a stretch of equal shares is cut into steps", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.nat(20), fc.nat(20), (a, b, c, d) => {
        for (const last of [
          (own: CountStep[]) => countsLogBayesFactors(own).at(-1) as number,
          (own: CountStep[]) => oneSidedCountsLogBayesFactors(own, "greater").at(-1) as number,
        ]) {
          const before = step(30, 2, 0.1);
          const cut = last([before, step(a, c, 0.02), step(b, d, 0.02)]);
          expect(cut).toBeCloseTo(last([before, step(a + b, c + d, 0.02)]), 8);
        }
      }),
    );
  });

  it("is fair over steps of different shares: its mean over all outcomes is exactly 1", () => {
    for (const shares of [
      [0.01, 0.05, 0.5],
      [0.5, 0.25, 0.9],
    ]) {
      expect(mean(shares, 1, (own) => countsLogBayesFactors(own, { concentration: 20 }))).toBeCloseTo(1, 10);
      expect(mean(shares, 1, (own) => oneSidedCountsLogBayesFactors(own, "greater"))).toBeCloseTo(1, 10);
      expect(mean(shares, 1, (own) => oneSidedCountsLogBayesFactors(own, "less"))).toBeCloseTo(1, 10);
    }
  });

  it("is unfavourable on one side whenever the true ratio is on the other", () => {
    for (const ratio of [0.2, 0.8]) {
      expect(mean([0.05, 0.5], ratio, (own) => oneSidedCountsLogBayesFactors(own, "greater"))).toBeLessThan(1);
      expect(mean([0.05, 0.5], 1 / ratio, (own) => oneSidedCountsLogBayesFactors(own, "less"))).toBeLessThan(1);
      expect(mean([0.05, 0.5], 1 / ratio, (own) => oneSidedCountsLogBayesFactors(own, "greater"))).toBeGreaterThan(1);
    }
  });

  it("at 1 : 99 raises a false alarm at some of 1,500 events with probability at most 5 %, a sixfold rate is found (exact)", () => {
    const greater = (own: CountStep[]) => oneSidedCountsLogBayesFactors(own, "greater").at(-1) as number;
    const alarm = crossing(0.01, 1, 1500, greater);
    expect(alarm).toBeLessThanOrEqual(0.05);
    expect(alarm).toBeGreaterThan(0.003);
    expect(crossing(0.01, 6, 500, greater)).toBeGreaterThan(0.95);
  });

  it("is fair for three arms, one of which joins later, and does not depend on their order", () => {
    const first = [0.5, 0.5, 0];
    const second = [0.4, 0.3, 0.3];
    let mean = 0;
    const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
    for (let a = 0; a <= 4; a++) {
      for (let b = 0; b <= 5; b++) {
        for (let c = 0; b + c <= 5; c++) {
          const own = [
            { counts: [a, 4 - a, 0], shares: first },
            { counts: [b, c, 5 - b - c], shares: second },
          ];
          const [, log = 0] = countsLogBayesFactors(own, { concentration: 8 });
          const ways =
            (factorial(5) / (factorial(b) * factorial(c) * factorial(5 - b - c))) *
            (factorial(4) / (factorial(a) * factorial(4 - a)));
          mean += ways * 0.5 ** 4 * 0.4 ** b * 0.3 ** (5 - b) * Math.exp(log);
          const turned = own.map(({ counts, shares }) => ({
            counts: counts.toReversed(),
            shares: shares.toReversed(),
          }));
          expect(countsLogBayesFactors(turned, { concentration: 8 })[1]).toBeCloseTo(log, 10);
        }
      }
    }
    expect(mean).toBeCloseTo(1, 10);
  });

  it("carries what a small stage taught into the next one", () => {
    const first = step(900, 60, 0.01);
    const next = step(300, 700, 0.25);
    const [, both = 0] = countsLogBayesFactors([first, next]);
    const [alone = 0] = countsLogBayesFactors([first]);
    const [fresh = 0] = countsLogBayesFactors([next]);
    expect(both).toBeGreaterThan(alone + fresh);
  });

  it("learns nothing from a stage in which all units are in one arm", () => {
    const own = [step(99, 5, 0.01), step(500, 500, 0.5)];
    const withAll = [own[0] as CountStep, step(0, 1e6, 1), own[1] as CountStep];
    expect(countsLogBayesFactors(withAll).at(-1)).toBe(countsLogBayesFactors(own).at(-1));
  });

  it("takes an event of an arm without a share for certain, on its side only", () => {
    const own = [step(10, 1, 0)];
    expect(countsLogBayesFactors(own)).toEqual([Number.POSITIVE_INFINITY]);
    expect(ok(countsTest(own))).toMatchObject({ less: 1, greater: 0, twoSided: 0 });
    expect(rateRatioSequence(own).status).toBe("undetermined");
  });

  it("keeps its digits at a billion events", () => {
    const [log = 0] = countsLogBayesFactors([step(990_000_000, 10_000_000, 0.01)]);
    // Stirling's formula at the planned split; its remainder is 1 − ½ ln 2π at 1, and 1/12x at 99 and 100
    const remainders = 1 - 0.5 * Math.log(2 * Math.PI) + 1 / (12 * 99) - 1 / 1200;
    expect(log).toBeCloseTo(0.5 * Math.log(100 / (1e9 + 100)) - remainders, 7);
  });

  it("is undetermined without events", () => {
    expect(countsTest([]).status).toBe("undetermined");
    expect(countsTest([step(0, 0, 0.5)]).status).toBe("undetermined");
    expect(rateRatioSequence([]).status).toBe("undetermined");
  });

  it.each([
    () => countsLogBayesFactors([step(-1, 0, 0.5)]),
    () => countsLogBayesFactors([step(Number.NaN, 0, 0.5)]),
    () => countsLogBayesFactors([{ counts: [1, 2], shares: [0.5, 0.6] }]),
    () => countsLogBayesFactors([{ counts: [1, 2], shares: [1] }]),
    () => countsLogBayesFactors([step(1, 1, 0.5), { counts: [1, 2, 3], shares: [0.2, 0.3, 0.5] }]),
    () => countsLogBayesFactors([step(1, 1, 0.5)], { concentration: 0 }),
    () => countsTest([{ counts: [1, 2, 3], shares: [0.2, 0.3, 0.5] }]),
    () => rateRatioSequence([step(1, 1, 0.5)], { level: 1 }),
  ])("refuses %s", (call) => {
    expect(call).toThrow(RangeError);
  });
});

describe("the confidence sequence of the rate ratio", () => {
  it("holds 1 iff the test's current factor is below 1/α", () => {
    fc.assert(
      fc.property(steps, (own) => {
        const interval = rateRatioSequence(own);
        const log = countsLogBayesFactors(own).at(-1) as number;
        fc.pre(Math.abs(log - Math.log(20)) > 1e-6);
        if (interval.status !== "ok") return;
        expect(interval.low < 1 && 1 < interval.high).toBe(log < Math.log(20));
      }),
    );
  });

  it("is turned upside down when the arms are swapped", () => {
    fc.assert(
      fc.property(steps, (own) => {
        const a = rateRatioSequence(own);
        const b = rateRatioSequence(swapped(own));
        expect(b.status).toBe(a.status);
        if (a.status !== "ok" || b.status !== "ok") return;
        expect(Math.abs(b.low * a.high - 1) < 1e-8 || (b.low === 0 && a.high === Number.POSITIVE_INFINITY)).toBe(true);
        expect(Math.abs(b.high * a.low - 1) < 1e-8 || (a.low === 0 && b.high === Number.POSITIVE_INFINITY)).toBe(true);
      }),
    );
  });

  it("of one share has the ratio of the rates as its value", () => {
    expect(ok(rateRatioSequence([step(980, 30, 0.01)])).value).toBeCloseTo((30 / 980) * 99, 9);
  });

  it("reaches 0 without candidate events and infinity without control events", () => {
    expect(ok(rateRatioSequence([step(200, 0, 0.05)]))).toMatchObject({ value: 0, low: 0 });
    const { value, high, low } = ok(rateRatioSequence([step(0, 9, 0.05)]));
    expect([value, high]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect(low).toBeGreaterThan(1);
  });

  it.each([0.3, 1, 4])("misses a true ratio of %f at the end in at most 5 %% of outcomes (exact)", (ratio) => {
    let missed = 0;
    outcomes([0.05, 0.5], ratio, 12, (own, probability) => {
      const interval = rateRatioSequence(own, { concentration: 10 });
      if (interval.status !== "ok" || ratio < interval.low || ratio > interval.high) missed += probability;
    });
    expect(missed).toBeLessThanOrEqual(0.05);
  });
});

/** Visits every outcome of `events` events a step, when an event is the candidate's at its share times the ratio. */
function outcomes(
  shares: readonly number[],
  ratio: number,
  events: number,
  visit: (own: CountStep[], probability: number) => void,
): void {
  const walk = (own: CountStep[], probability: number) => {
    if (own.length === shares.length) return visit(own, probability);
    const share = shares[own.length] as number;
    const truth = (share * ratio) / (1 - share + share * ratio);
    let choose = 1;
    for (let k = 0; k <= events; k++) {
      const mass = choose * truth ** k * (1 - truth) ** (events - k);
      walk([...own, step(events - k, k, share)], probability * mass);
      choose *= (events - k) / (k + 1);
    }
  };
  walk([], 1);
}

function mean(shares: readonly number[], ratio: number, logs: (own: CountStep[]) => number[]): number {
  let total = 0;
  outcomes(shares, ratio, 9, (own, probability) => {
    total += probability * Math.exp(logs(own).at(-1) as number);
  });
  return total;
}

/** P(the factor reaches 20 at some of the first n events of one share). */
function crossing(share: number, ratio: number, n: number, log: (own: CountStep[]) => number): number {
  const truth = (share * ratio) / (1 - share + share * ratio);
  let at = Float64Array.of(1);
  let crossed = 0;
  for (let seen = 1; seen <= n; seen++) {
    const next = new Float64Array(Math.min(seen, 120) + 1);
    at.forEach((own, k) => {
      next[k] = (next[k] as number) + own * (1 - truth);
      if (k + 1 < next.length) next[k + 1] = (next[k + 1] as number) + own * truth;
    });
    next.forEach((own, k) => {
      if (own < 1e-12 || log([step(seen - k, k, share)]) < Math.log(20)) return;
      crossed += own;
      next[k] = 0;
    });
    at = next;
  }
  return crossed;
}
