import { describe, expect, it } from "vitest";
import { countsTest } from "../../statistics/anytime/counts-sequential.ts";
import { binomialMassLog, normalUpperTail } from "../../statistics/distributions.ts";
import type { TestResult } from "../../statistics/estimate.ts";
import { fisherExact } from "../../statistics/proportions/exact-proportions.ts";
import { pooledTest } from "../../statistics/proportions/proportion-interval.ts";
import { scoreTest } from "../../statistics/proportions/proportion-score.ts";
import { skewnessCorrectedInterval, skewnessCorrectedTest } from "../../statistics/proportions/proportion-skewness.ts";
import type { Count } from "../../statistics/proportions/proportions.ts";
import golden from "../golden/skewness.json" with { type: "json" };

// biome-ignore lint/suspicious/noExplicitAny: pairs of numbers that JSON types as arrays
type Entry = any;

const sizes = { control: 14_157, candidate: 143 };
const greater = (result: TestResult) => (result.status === "ok" ? result.greater : 1);

/** Chance of p ≤ .025 by summing over all tables; a test rejects from some number of candidate events on. */
function rejection(
  test: (control: Count, candidate: Count) => number,
  rates: { control: number; candidate: number },
): number {
  let total = 0;
  // outside of 160 and 420 lie 1e-12 of a binomial of mean 283
  for (let events = 160; events <= 420; events++) {
    const control = { events, n: sizes.control };
    let least = 0;
    while (least < 60 && !(test(control, { events: least, n: sizes.candidate }) <= 0.025)) least += 1;
    let tail = 0;
    for (let own = least; own <= sizes.candidate; own++)
      tail += Math.exp(binomialMassLog(own, sizes.candidate, rates.candidate));
    total += Math.exp(binomialMassLog(events, sizes.control, rates.control)) * tail;
  }
  return total;
}

function unpooled(control: Count, candidate: Count): number {
  const variance = ({ events, n }: Count) => ((events / n) * (1 - events / n)) / n;
  const error = Math.sqrt(variance(control) + variance(candidate));
  return error === 0 ? 1 : normalUpperTail((candidate.events / candidate.n - control.events / control.n) / error);
}

const multinomial = (control: Count, candidate: Count) => {
  const n = control.n + candidate.n;
  return greater(
    countsTest([{ counts: [control.events, candidate.events], shares: [control.n / n, candidate.n / n] }]),
  );
};

describe("a one-sided .025 at 143 candidate units against 14,157, 2 % against 6 %, by summing over all tables,", () => {
  const same = { control: 0.02, candidate: 0.02 };
  const worse = { control: 0.02, candidate: 0.06 };

  it.each<[string, (control: Count, candidate: Count) => number, number, number]>([
    ["pooled z", (...own) => greater(pooledTest(...own)), 0.0369, 0.788],
    ["unpooled z", unpooled, 0.0028, 0.498],
  ])("is what is known of the textbook's %s", (_, test, level, power) => {
    // to the digits that are known
    expect(Math.abs(rejection(test, same) - level)).toBeLessThan(0.00005);
    expect(Math.abs(rejection(test, worse) - power)).toBeLessThan(0.0005);
  });

  it("is passed by the plain score test too: against no difference it is the pooled z", () => {
    expect(rejection((...own) => greater(scoreTest(...own, "ratio")), same)).toBeGreaterThan(0.0368);
  });

  it.each<[string, (control: Count, candidate: Count) => number, number]>([
    ["score test corrected for skewness", (...own) => greater(skewnessCorrectedTest(...own, "difference")), 0.75],
    [
      "score test of the ratio corrected for skewness",
      (...own) => greater(skewnessCorrectedTest(...own, "ratio")),
      0.75,
    ],
    ["exact test", (...own) => greater(fisherExact(...own)), 0.68],
    ["mid-p test", (...own) => greater(fisherExact(...own, { midP: true })), 0.74],
    ["multinomial test, at any number of looks", multinomial, 0.34],
    [
      "score test with a margin of 2 points",
      (...own) => greater(scoreTest(...own, "difference", { nullValue: 0.02 })),
      0.24,
    ],
  ])("is held by the %s", (_, test, power) => {
    expect(rejection(test, same)).toBeLessThanOrEqual(0.025);
    expect(rejection(test, worse)).toBeGreaterThan(power);
  });
});

describe("the score test corrected for skewness", () => {
  const control = { events: 283, n: 14_157 };
  const candidate = { events: 8, n: 143 };

  it("agrees with its interval", () => {
    for (const scale of ["difference", "ratio"] as const) {
      const interval = skewnessCorrectedInterval(control, candidate, scale);
      if (interval.status !== "ok") throw new Error(interval.reason);
      for (const [end, side] of [
        [interval.low, "greater"],
        [interval.high, "less"],
      ] as const) {
        const at = skewnessCorrectedTest(control, candidate, scale, { nullValue: end });
        expect(at.status === "ok" && at[side]).toBeCloseTo(0.025, 9);
      }
    }
  });

  it("is that of a numerical likelihood", () => {
    for (const {
      control: [x0, n0],
      candidate: [x1, n1],
      scale,
      null: nullValue,
      z,
      greater: p,
    } of golden.tests as Entry[]) {
      const found = skewnessCorrectedTest({ events: x0, n: n0 }, { events: x1, n: n1 }, scale, { nullValue });
      // the numerical maximum is flat to half the digits of a double
      expect(found.status === "ok" && Math.abs(found.statistic - z), `${x0} ${scale} ${nullValue}`).toBeLessThan(1e-6);
      expect(found.status === "ok" && Math.abs(found.greater / p - 1)).toBeLessThan(1e-5);
    }
    for (const {
      control: [x0, n0],
      candidate: [x1, n1],
      low,
      high,
    } of golden.intervals as Entry[]) {
      const found = skewnessCorrectedInterval({ events: x0, n: n0 }, { events: x1, n: n1 }, "difference");
      expect(found.status === "ok" && Math.abs(found.low - low)).toBeLessThan(1e-7);
      expect(found.status === "ok" && Math.abs(found.high - high)).toBeLessThan(1e-7);
    }
  });

  it("changes sides when arms do, and is the plain score without skewness", () => {
    const [one, other] = [
      skewnessCorrectedTest(control, candidate, "difference"),
      skewnessCorrectedTest(candidate, control, "difference"),
    ];
    if (one.status !== "ok" || other.status !== "ok") throw new Error("undetermined");
    expect(other.less).toBeCloseTo(one.greater, 12);
    const half = [skewnessCorrectedTest, scoreTest].map((test) =>
      test({ events: 40, n: 100 }, { events: 60, n: 100 }, "difference"),
    );
    expect(half[0]).toMatchObject({ statistic: (half[1] as Extract<TestResult, { status: "ok" }>).statistic });
  });

  it("cannot be had without trials, events or variance, and refuses impossible nulls", () => {
    const nothing = { events: 0, n: 0 };
    const none = { events: 0, n: 50 };
    expect(skewnessCorrectedTest(nothing, candidate, "difference")).toMatchObject({ status: "undetermined" });
    expect(skewnessCorrectedTest(none, none, "difference")).toMatchObject({ status: "undetermined" });
    expect(skewnessCorrectedInterval(none, none, "ratio")).toMatchObject({ status: "undetermined" });
    expect(skewnessCorrectedInterval(none, candidate, "ratio")).toMatchObject({ high: Number.POSITIVE_INFINITY });
    expect(skewnessCorrectedInterval(control, { events: 0, n: 143 }, "ratio")).toMatchObject({ low: 0 });
    expect(() => skewnessCorrectedTest(control, candidate, "ratio", { nullValue: 0 })).toThrow(/nullValue above 0/);
  });
});
