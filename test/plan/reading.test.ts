import { describe, expect, it } from "vitest";
import type { Margin } from "../../plan/margin.ts";
import type { Metric } from "../../plan/metric.ts";
import { readMargin } from "../../plan/reading.ts";
import { normalUpperQuantile } from "../../statistics/distributions.ts";
import { differenceNull, ratioNull } from "../../statistics/proportions/proportions.ts";
import { arm } from "../support/plan.ts";
import { cost, latency, success } from "../support/traffic.ts";

const failures: Metric = { ...success, name: "failures", better: "lower" };
const absolute = (loss: number): Margin => ({ kind: "absolute", loss });
const relative = (factor: number): Margin => ({ kind: "relative", factor });
const read = (
  metric: Metric,
  margin: Margin,
  control: number,
  candidate: number,
  errors: readonly [number, number] = [0.1, 0.2],
) =>
  readMargin(metric, margin, {
    control: arm(control, { standardError: errors[0] }),
    candidate: arm(candidate, { standardError: errors[1] }),
  });

describe("harm", () => {
  it("is a rise where lower is better and a fall where higher is", () => {
    expect(read(cost, absolute(1), 2, 2.5).harm).toBe(0.5);
    expect(read({ ...cost, better: "higher" }, absolute(1), 2, 2.5).harm).toBe(-0.5);
  });

  it("is held against its own error under no harm", () => {
    expect(read(cost, absolute(1), 2, 2.5).zHarm).toBeCloseTo(0.5 / Math.hypot(0.1, 0.2), 12);
  });
});

describe("the margin", () => {
  it("that is absolute is read on the scale of the difference", () => {
    const { overMargin, zMargin } = read(cost, absolute(1), 2, 2.5);
    expect(overMargin).toBe(-0.5);
    expect(zMargin).toBeCloseTo(0.5 / Math.hypot(0.1, 0.2), 12);
  });

  it("that is relative is read without dividing by the control: candidate − factor · control", () => {
    const { overMargin, zMargin } = read(cost, relative(1.5), 2, 2.5);
    expect(overMargin).toBe(-0.5);
    expect(zMargin).toBeCloseTo(0.5 / Math.hypot(0.15, 0.2), 12);
  });

  it("of a metric where higher is better lies below the control", () => {
    const higher: Metric = { ...cost, better: "higher" };
    expect(read(higher, relative(0.75), 2, 1.75).overMargin).toBe(-0.25);
    expect(read(higher, absolute(0.5), 2, 1).overMargin).toBe(0.5);
  });

  it("is met with z = 0, whatever the metric, when harm is just as large", () => {
    expect(read(latency, relative(1.5), 2, 3).zMargin).toBe(-0);
    expect(read(latency, absolute(1), 2, 3).zMargin).toBe(-0);
  });

  it("as a share of a negative control bounds nothing, though harm can still be shown", () => {
    const { overMargin, zMargin, zHarm } = read(cost, relative(1.5), -2, -1.5);
    expect([overMargin, zMargin]).toEqual([Number.NaN, Number.NaN]);
    expect(zHarm).toBeCloseTo(0.5 / Math.hypot(0.1, 0.2), 12);
    expect(read(cost, absolute(1), -2, -1.5).zMargin).toBeGreaterThan(0);
  });
});

describe("a reading without variance", () => {
  it("is 0 where it meets its null and ±Infinity where it misses it", () => {
    expect(read(cost, absolute(1), 2, 2, [0, 0])).toMatchObject({ zHarm: 0, zMargin: Number.POSITIVE_INFINITY });
    expect(read(cost, absolute(1), 2, 5, [0, 0])).toMatchObject({
      zHarm: Number.POSITIVE_INFINITY,
      zMargin: Number.NEGATIVE_INFINITY,
    });
  });
});

describe("a reading without a value", () => {
  it.each([
    ["control", Number.NaN, 1],
    ["candidate", 1, Number.NaN],
  ])("in %s has no z", (_, control, candidate) => {
    for (const metric of [cost, success, latency]) {
      expect(read(metric, absolute(0.5), control, candidate)).toMatchObject({ zHarm: Number.NaN, zMargin: Number.NaN });
    }
  });
});

describe("a proportion", () => {
  const arms = (p0: number, n0: number, p1: number, n1: number) => ({
    control: arm(p0, { effectiveSample: n0 }),
    candidate: arm(p1, { effectiveSample: n1 }),
  });

  it("has the score error of each null at its effective sample", () => {
    const own = arms(0.02, 5000, 0.05, 800);
    const [control, candidate] = [
      { events: 100, n: 5000 },
      { events: 40, n: 800 },
    ];
    const at = (margin: Margin) => readMargin(failures, margin, own);
    expect(at(absolute(0.01)).zHarm).toBeCloseTo(0.03 / differenceNull(control, candidate, 0).standardError, 9);
    expect(at(absolute(0.01)).zMargin).toBeCloseTo(-0.02 / differenceNull(control, candidate, 0.01).standardError, 9);
    expect(at(relative(3)).zMargin).toBeCloseTo(0.01 / ratioNull(control, candidate, 3).standardError, 9);
  });

  it("is read the same as its complement", () => {
    const there = readMargin(failures, absolute(0.05), arms(0.02, 900, 0.06, 300));
    const back = readMargin(success, absolute(0.05), arms(0.98, 900, 0.94, 300));
    expect(back.zHarm).toBeCloseTo(there.zHarm, 9);
    expect(back.zMargin).toBeCloseTo(there.zMargin, 9);
  });

  it("without an event in either arm can pass an absolute margin, the better the larger the sample", () => {
    const z = [100, 1000].map((n) => readMargin(failures, absolute(0.01), arms(0, n, 0, n)).zMargin);
    expect(z[0]).toBeGreaterThan(0);
    expect(z[1]).toBeCloseTo((z[0] as number) * Math.sqrt(10), 3);
  });

  it("without an event in either arm never passes a relative one: a multiple of nothing is nothing", () => {
    expect(readMargin(failures, relative(3), arms(0, 1e6, 0, 1e6)).zMargin).toBe(0);
  });

  it("falls back on the arms' own errors without an effective sample", () => {
    const none = { control: arm(0.5, { effectiveSample: 0 }), candidate: arm(0.5, { effectiveSample: 0 }) };
    expect(readMargin(failures, absolute(0.05), none).zMargin).toBeCloseTo(0.05 / Math.hypot(0.01, 0.01), 9);
  });
});

/**
 * How often a rare failure's z reaches the boundary, by adding up the probabilities of all pairs of counts: no chance is
 * involved. The figures were computed with scipy 1.17.1 (binom.pmf of both arms, pooled z).
 */
describe("the exact level of a 2% failure's z", () => {
  it.each([
    { control: 500, candidate: 500, nominal: 0.025, level: 0.024835481331841436 },
    { control: 1000, candidate: 1000, nominal: 0.025, level: 0.025755858155518088 },
    { control: 1000, candidate: 1000, nominal: 0.0025, level: 0.0023519726958617045 },
  ])("is nominal at 50:50: $level for $nominal with $candidate units an arm", ({ level, nominal, ...n }) => {
    const got = crossing(n, { control: 0.02, candidate: 0.02 }, nominal);
    expect(got).toBeCloseTo(level, 9);
    expect(Math.abs(got - nominal) / nominal).toBeLessThan(0.1);
  });

  // skewness: at 1 : 99 all of it comes from the small arm, and it grows further out in the tail
  it.each([
    { nominal: 0.025, level: 0.03685643790666929 },
    { nominal: 0.0025, level: 0.008169152246186423 },
  ])(
    "is too high at 1:99, which only calibration mends: $level for $nominal with 143 units in the canary",
    ({ level, nominal }) => {
      const got = crossing({ control: 14_157, candidate: 143 }, { control: 0.02, candidate: 0.02 }, nominal);
      expect(got).toBeCloseTo(level, 9);
      expect(got).toBeGreaterThan(nominal);
    },
  );

  it("comes with a power of .788 against a threefold rate at 1:99", () => {
    const got = crossing({ control: 14_157, candidate: 143 }, { control: 0.02, candidate: 0.06 }, 0.025);
    expect(got).toBeCloseTo(0.7877507991357103, 9);
  });
});

function crossing(
  n: { readonly control: number; readonly candidate: number },
  rate: { readonly control: number; readonly candidate: number },
  nominal: number,
): number {
  const boundary = normalUpperQuantile(nominal);
  const [control, candidate] = [binomial(n.control, rate.control), binomial(n.candidate, rate.candidate)];
  let total = 0;
  for (const [x, px] of control.entries()) {
    // what is left out weighs less than 1e-11
    if (px < 1e-15) continue;
    for (const [y, py] of candidate.entries()) {
      if (py < 1e-15) continue;
      const { zHarm } = readMargin(failures, absolute(0.01), {
        control: arm(x / n.control, { effectiveSample: n.control }),
        candidate: arm(y / n.candidate, { effectiveSample: n.candidate }),
      });
      if (zHarm >= boundary) total += px * py;
    }
  }
  return total;
}

/** P(X = k) for k = 0 … n. */
function binomial(n: number, p: number): number[] {
  let log = n * Math.log1p(-p);
  return Array.from({ length: n + 1 }, (_, k) => {
    const own = Math.exp(log);
    log += Math.log((n - k) / (k + 1)) + Math.log(p / (1 - p));
    return own;
  });
}
