import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { designEffect } from "../../../statistics/means/clusters.ts";
import { ratioOfSums } from "../../../statistics/means/ratio.ts";
import { moments } from "../../../statistics/moments.ts";
import { duration } from "../../../statistics/power/duration.ts";
import { attenuation, correctedRate, judgedRate, judgeInflation } from "../../../statistics/power/judge-error.ts";
import {
  adjustedSize,
  allocationEfficiency,
  pilotDeviation,
  powerEventRates,
  quantileDeviation,
  ratioDeviation,
  sampleSizeEventRates,
  varianceAtFixedCandidate,
} from "../../../statistics/power/power-design.ts";
import { type SampleSize, sampleSizeMeans } from "../../../statistics/power/power-means.ts";

function ok(size: SampleSize) {
  if (size.status !== "ok") throw new Error(size.reason);
  return size;
}

describe("an adjusted sample size", () => {
  const size: SampleSize = { status: "ok", control: 990, candidate: 10, total: 1000 };

  it("is multiplied by clusters and looks, saved by a covariate, and keeps its allocation", () => {
    const effect = designEffect({ size: 20, correlation: 0.02, variation: 0.6 });
    const got = ok(adjustedSize(size, { designEffect: effect, inflation: 1.1, explained: 0.25, lost: 0.5 }));
    // 1.524 by hand: 1 + (1.36 · 20 − 1) · .02
    expect(got.candidate).toBeCloseTo((10 * 1.524 * 1.1 * 0.75) / 0.5, 10);
    expect(got.control / got.candidate).toBeCloseTo(99, 10);
    expect(got.total).toBeCloseTo(got.control + got.candidate, 10);
  });

  it("stays as it is without adjustments, and undetermined if it was", () => {
    expect(adjustedSize(size, {})).toEqual(size);
    const none = { status: "undetermined", reason: "none" } as const;
    expect(adjustedSize(none, { inflation: 2 })).toEqual(none);
  });

  it("refuses shares that are none", () => {
    expect(() => adjustedSize(size, { explained: 1 })).toThrow("adjustedSize needs explained in [0, 1), got 1");
    expect(() => adjustedSize(size, { lost: -0.1 })).toThrow("adjustedSize needs lost in [0, 1), got -0.1");
    expect(() => adjustedSize(size, { inflation: 0 })).toThrow("adjustedSize needs inflation above 0, got 0");
    expect(() => adjustedSize(size, { designEffect: Number.NaN })).toThrow(RangeError);
  });
});

describe("an unequal allocation", () => {
  it("is as efficient as its mirror image and never more than equal arms", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (ratio) => {
        expect(allocationEfficiency(1 / ratio)).toBeCloseTo(allocationEfficiency(ratio), 12);
        expect(allocationEfficiency(ratio)).toBeLessThanOrEqual(1);
        expect(varianceAtFixedCandidate(ratio)).toBeGreaterThan(0.5);
      }),
    );
    expect(() => allocationEfficiency(-1)).toThrow("needs ratio above 0, got -1");
  });

  it("explains the sample sizes of a comparison of means", () => {
    const total = (ratio: number) =>
      ok(sampleSizeMeans({ difference: 0.1, deviation: 1 }, 0.8, { test: "z", ratio })).total;
    expect(total(1) / total(99)).toBeCloseTo(allocationEfficiency(99), 10);
  });
});

describe("event rates", () => {
  it("need the units that their expected events need, whatever the exposure's unit", () => {
    const size = (unit: number) =>
      ok(
        sampleSizeEventRates({ control: 0.01 * unit, candidate: 0.02 * unit }, 0.8, { exposure: 1 / unit, ratio: 99 }),
      );
    expect(size(1000).candidate).toBeCloseTo(size(1).candidate, 6);
  });

  it("need as many times the units as their counts are overdispersed", () => {
    const rates = { control: 1, candidate: 1.2 };
    const size = (overdispersion: number) => ok(sampleSizeEventRates(rates, 0.8, { overdispersion })).candidate;
    expect(size(3) / size(1)).toBeCloseTo(3, 10);
    // negative binomial: 1/μ + k in place of 1/μ
    const negative = ok(sampleSizeEventRates({ control: 2, candidate: 1 }, 0.8, { dispersion: 0.5 })).candidate;
    const poisson = ok(sampleSizeEventRates({ control: 2, candidate: 1 }, 0.8)).candidate;
    expect(negative / poisson).toBeCloseTo(2.5 / 1.5, 10);
  });

  it("have the power alpha under the null ratio and mirror when swapped", () => {
    const n = { control: 500, candidate: 40 };
    expect(
      powerEventRates({ control: 2, candidate: 3 }, n, { nullRatio: 1.5, alternative: "greater", alpha: 0.01 }),
    ).toBeCloseTo(0.01, 12);
    expect(powerEventRates({ control: 2, candidate: 3 }, n, { alternative: "greater" })).toBeCloseTo(
      powerEventRates({ control: 3, candidate: 2 }, { control: 40, candidate: 500 }, { alternative: "less" }),
      12,
    );
    expect(sampleSizeEventRates({ control: 2, candidate: 2 }).status).toBe("undetermined");
    expect(() => sampleSizeEventRates({ control: 0, candidate: 2 })).toThrow("the control's rate above 0, got 0");
    expect(() => sampleSizeEventRates({ control: 1, candidate: 2 }, 0.8, { dispersion: -1 })).toThrow(
      "at least 0, got -1",
    );
  });
});

describe("the deviation of one unit", () => {
  it("for the median of a normal metric is √(π/2) deviations", () => {
    expect(quantileDeviation(0.5, 1 / Math.sqrt(2 * Math.PI))).toBeCloseTo(Math.sqrt(Math.PI / 2), 14);
    expect(() => quantileDeviation(1, 1)).toThrow("needs p in (0, 1), got 1");
    expect(() => quantileDeviation(0.5, 0)).toThrow("needs density above 0, got 0");
  });

  it("from a pilot's interval gives the interval's half width back", () => {
    const got = pilotDeviation({ low: 10, high: 14 }, 400, 0.9);
    if (got.status !== "ok") throw new Error(got.reason);
    expect((1.6448536269514722 * got.deviation) / Math.sqrt(400)).toBeCloseTo(2, 10);
    expect(pilotDeviation({ low: 10, high: Number.POSITIVE_INFINITY }, 40)).toEqual({
      status: "undetermined",
      reason: "the pilot's interval is open",
    });
    expect(pilotDeviation({ low: 10, high: 10 }, 40).status).toBe("undetermined");
    expect(() => pilotDeviation({ low: 1, high: 2 }, 0)).toThrow("needs n above 0, got 0");
  });

  it("of a ratio metric gives the pilot's standard error back", () => {
    const pilot = moments([
      [1, 4, 2, 9],
      [1, 2, 2, 5],
    ]);
    const got = ratioDeviation(pilot);
    if (got.status !== "ok") throw new Error(got.reason);
    expect(got.ratio).toBeCloseTo(1.6, 12);
    expect(got.deviation / 2).toBeCloseTo(ratioOfSums(pilot).standardError, 12);
    expect(ratioDeviation(moments([[1], [1]]))).toEqual({ status: "undetermined", reason: "a pilot of 1 units" });
    expect(
      ratioDeviation(
        moments([
          [1, 2],
          [0, 0],
        ]),
      ).status,
    ).toBe("undetermined");
  });
});

describe("a judge that errs", () => {
  const judge = { sensitivity: 0.9, specificity: 0.8 };

  it("lets Youden's share of a difference through, and its rate is corrected back", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (p, q) => {
        expect(judgedRate(q, judge) - judgedRate(p, judge)).toBeCloseTo(attenuation(judge) * (q - p), 12);
        const got = correctedRate({ events: 1000 * judgedRate(p, judge), n: 1000 }, judge);
        if (got.status !== "ok") throw new Error(got.reason);
        expect(got.rate).toBeCloseTo(p, 12);
      }),
    );
  });

  it("costs nothing when perfect, and units otherwise", () => {
    const rates = { control: 0.9, candidate: 0.85 };
    const perfect = { sensitivity: 1, specificity: 1 };
    expect(judgeInflation(rates, perfect, 99)).toEqual({ status: "ok", inflation: 1 });
    const got = judgeInflation(rates, judge);
    if (got.status !== "ok") throw new Error(got.reason);
    // by hand: judged rates .83 and .795; (.1411 + .162975)/.49 over .09 + .1275
    expect(got.inflation).toBeCloseTo((0.1411 + 0.162975) / 0.49 / 0.2175, 10);
  });

  it("that was itself estimated adds its error", () => {
    const known = correctedRate({ events: 300, n: 1000 }, judge);
    const estimated = correctedRate({ events: 300, n: 1000 }, { ...judge, successes: 50, failures: 50 });
    if (known.status !== "ok" || estimated.status !== "ok") throw new Error("undetermined");
    expect(estimated.rate).toBe(known.rate);
    expect(estimated.standardError).toBeGreaterThan(known.standardError);
  });

  it("no better than chance says nothing", () => {
    const chance = { sensitivity: 0.3, specificity: 0.7 };
    const reason = "the judge is no better than chance";
    expect(correctedRate({ events: 1, n: 5 }, chance)).toEqual({ status: "undetermined", reason });
    expect(judgeInflation({ control: 0.1, candidate: 0.2 }, chance)).toEqual({ status: "undetermined", reason });
    expect(correctedRate({ events: 0, n: 0 }, judge)).toEqual({ status: "undetermined", reason: "no trials" });
    expect(judgeInflation({ control: 0, candidate: 1 }, judge).status).toBe("undetermined");
    expect(() => correctedRate({ events: 6, n: 5 }, judge)).toThrow("needs events in [0, n], got 6 of 5");
    expect(() => attenuation({ sensitivity: 1.1, specificity: 0.5 })).toThrow("need to be in [0, 1], got 1.1");
  });
});

describe("a duration", () => {
  it("for 10,000 candidate units at 5 % of 50,000 a day is 4 days", () => {
    expect(duration({ control: 0, candidate: 10_000 }, 0.05, 50_000)).toEqual({
      status: "ok",
      days: 4,
      limitedBy: "candidate",
      units: { control: 190_000, candidate: 10_000 },
    });
  });

  it("adds up stages and stops inside the one that completes the last arm", () => {
    const stages = [{ exposure: 0.01, days: 2 }, { exposure: 0.1, days: 3 }, { exposure: 0.5 }];
    // 20 + 300 candidate units after 5 days, the other 680 at 500 a day
    expect(duration({ control: 100, candidate: 1000 }, stages, 1000)).toMatchObject({
      days: 6.36,
      limitedBy: "candidate",
    });
    // 990 · 2 control units, the other 720 at 900 a day
    expect(duration({ control: 2700, candidate: 50 }, stages, 1000)).toMatchObject({
      days: 2.8,
      limitedBy: "control",
    });
  });

  it("does not end when a last stage of 100 % adds no control units, or the stages are too short", () => {
    expect(duration({ control: 1000, candidate: 5 }, [{ exposure: 0.5, days: 1 }, { exposure: 1 }], 100)).toEqual({
      status: "undetermined",
      reason: "the control arm never has 1000 units",
    });
    expect(duration({ control: 0, candidate: 11 }, [{ exposure: 0.1, days: 1 }], 100).status).toBe("undetermined");
    expect(duration({ control: 1, candidate: 1 }, 0, 100).status).toBe("undetermined");
  });

  it("is nothing when nothing is needed", () => {
    expect(duration({ control: 0, candidate: 0 }, 0.1, 100)).toMatchObject({
      days: 0,
      units: { control: 0, candidate: 0 },
    });
  });

  it("is monotone in the units needed, and the units at its end are enough", () => {
    const stage = fc.record({
      exposure: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      days: fc.integer({ min: 0, max: 9 }),
    });
    const need = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(fc.array(stage, { maxLength: 4 }), need, need, (first, control, candidate) => {
        const stages = [...first, { exposure: 0.3 }];
        const got = duration({ control, candidate }, stages, 500);
        const more = duration({ control: control + 1, candidate: candidate + 1 }, stages, 500);
        if (got.status !== "ok" || more.status !== "ok") throw new Error("undetermined");
        expect(more.days).toBeGreaterThan(got.days);
        expect(got.units.control).toBeGreaterThanOrEqual(control - 1e-6);
        expect(got.units.candidate).toBeGreaterThanOrEqual(candidate - 1e-6);
        expect(got.units[got.limitedBy]).toBeCloseTo({ control, candidate }[got.limitedBy], 6);
      }),
    );
  });

  it("refuses wrong calls", () => {
    const need = { control: 1, candidate: 1 };
    expect(() => duration(need, 0.1, 0)).toThrow("duration needs unitsPerDay above 0, got 0");
    expect(() => duration(need, 1.1, 10)).toThrow("duration needs exposure in [0, 1], got 1.1");
    expect(() => duration(need, [{ exposure: 0.1, days: -1 }], 10)).toThrow(
      "duration needs days of at least 0, got -1",
    );
    expect(() => duration({ control: -1, candidate: 1 }, 0.1, 10)).toThrow("sizes of at least 0, got control -1");
  });
});
