import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactPower } from "../../../statistics/power/exact-power.ts";
import {
  powerOneProportion,
  powerOneProportionEquivalence,
  sampleSizeOneProportion,
} from "../../../statistics/power/power-one-proportion.ts";
import {
  exactPowerMcNemar,
  powerMcNemar,
  sampleSizeMcNemar,
} from "../../../statistics/power/power-paired-proportions.ts";
import {
  arcsineEffect,
  continuityCorrected,
  minimumDetectableRate,
  type NullRate,
  powerProportions,
  sampleSizeProportions,
} from "../../../statistics/power/power-proportions.ts";

const rate = fc.double({ min: 0.01, max: 0.99, noNaN: true });
const rates = fc.record({ control: rate, candidate: rate });
const sizes = fc.record({ control: fc.integer({ min: 5, max: 50_000 }), candidate: fc.integer({ min: 5, max: 500 }) });
const test = fc.constantFrom("score" as const, "unpooled" as const);
const turned = <T>({ control, candidate }: { control: T; candidate: T }) => ({
  control: candidate,
  candidate: control,
});

function ok(size: ReturnType<typeof sampleSizeProportions>) {
  if (size.status !== "ok") throw new Error(size.reason);
  return size;
}

describe("the power of a comparison of rates", () => {
  it("exchanges less and greater when the arms are swapped, on the scales that are symmetric in them", () => {
    const margin = fc.double({ min: -0.2, max: 0.2, noNaN: true });
    fc.assert(
      fc.property(rates, sizes, test, margin, (own, n, kind, value) => {
        for (const [there, back] of [
          [value, -value, "difference"],
          [Math.exp(value), Math.exp(-value), "oddsRatio"],
        ].map(([a, b, scale]) => [
          { scale, value: a },
          { scale, value: b },
        ]) as [NullRate, NullRate][]) {
          const less = powerProportions(own, n, { null: there, test: kind, alternative: "less" });
          const greater = powerProportions(turned(own), turned(n), { null: back, test: kind, alternative: "greater" });
          expect(greater).toBeCloseTo(less, 8);
        }
      }),
    );
  });

  it("of successes is that of failures, turned", () => {
    fc.assert(
      fc.property(rates, sizes, test, (own, n, kind) => {
        const failures = { control: 1 - own.control, candidate: 1 - own.candidate };
        expect(powerProportions(failures, n, { test: kind, alternative: "greater" })).toBeCloseTo(
          powerProportions(own, n, { test: kind, alternative: "less" }),
          10,
        );
      }),
    );
  });

  it("does not depend on the scale where the null is no difference, for the score test of difference and ratio", () => {
    fc.assert(
      fc.property(rates, sizes, (own, n) => {
        const at = (scale: NullRate["scale"], value: number) => powerProportions(own, n, { null: { scale, value } });
        expect(at("ratio", 1)).toBeCloseTo(at("difference", 0), 12);
      }),
    );
  });

  it("is alpha where the plan obeys the null", () => {
    for (const [control, hypothesis] of [
      [0.3, { scale: "difference", value: 0.1 }],
      [0.2, { scale: "ratio", value: 2 }],
      [0.25, { scale: "oddsRatio", value: 2 }],
    ] as [number, NullRate][]) {
      expect(
        powerProportions(
          { control, candidate: 0.4 },
          { control: 990, candidate: 10 },
          { null: hypothesis, alternative: "greater", alpha: 0.025 },
        ),
      ).toBeCloseTo(0.025, 10);
    }
  });

  it("has an answer at rates of 0 and 1", () => {
    const n = { control: 99, candidate: 40 };
    expect(powerProportions({ control: 0, candidate: 0.2 }, n)).toBeGreaterThan(0.8);
    expect(powerProportions({ control: 0, candidate: 1 }, n)).toBe(1);
    expect(ok(sampleSizeProportions({ control: 1, candidate: 0.9 }, 0.8, { ratio: 9 })).candidate).toBeGreaterThan(5);
  });

  it("refuses wrong calls", () => {
    const n = { control: 10, candidate: 10 };
    const call =
      (own: { control: number; candidate: number }, options = {}) =>
      () =>
        powerProportions(own, n, options);
    expect(call({ control: 1.2, candidate: 0.1 })).toThrow(
      new RangeError("a comparison of rates needs rates in [0, 1], got 1.2 and 0.1"),
    );
    expect(call({ control: 0, candidate: 0.1 }, { null: { scale: "oddsRatio", value: 1 } })).toThrow(
      "in (0, 1), got 0",
    );
    expect(call({ control: 0.1, candidate: 0.1 }, { null: { scale: "difference", value: 1 } })).toThrow(
      "in (-1, 1), got 1",
    );
    expect(call({ control: 0.1, candidate: 0.1 }, { null: { scale: "ratio", value: 0 } })).toThrow("above 0, got 0");
    expect(
      call({ control: 0.1, candidate: 0.1 }, { test: "arcsine", null: { scale: "difference", value: 0.1 } }),
    ).toThrow("the arcsine test needs a null of no difference, got difference 0.1");
    expect(() => powerProportions({ control: 0.1, candidate: 0.2 }, { control: 0, candidate: 1 })).toThrow(
      "above 0, got 0",
    );
    expect(call({ control: 0.1, candidate: 0.2 }, { alpha: 2 })).toThrow(RangeError);
  });
});

describe("a sample size for rates", () => {
  it("has the power that it was made for, and the detectable rate is the planned one", () => {
    fc.assert(
      fc.property(rates, test, fc.double({ min: 0.01, max: 200, noNaN: true }), (own, kind, ratio) => {
        fc.pre(Math.abs(own.candidate - own.control) > 0.02);
        const size = ok(sampleSizeProportions(own, 0.9, { test: kind, ratio }));
        expect(powerProportions(own, size, { test: kind })).toBeCloseTo(0.9, 9);
        const direction = own.candidate < own.control ? "less" : "greater";
        const found = minimumDetectableRate(own.control, size, 0.9, direction, { test: kind });
        expect(found).toBeCloseTo(own.candidate, 6);
      }),
      { numRuns: 50 },
    );
  });

  it("is undetermined where the plan obeys the null or exceeds the margin", () => {
    expect(sampleSizeProportions({ control: 0.1, candidate: 0.1 })).toEqual({
      status: "undetermined",
      reason: "the expected effect is the null's",
    });
    expect(
      sampleSizeProportions({ control: 0.1, candidate: 0.2 }, 0.8, {
        null: { scale: "difference", value: 0.05 },
        alternative: "less",
      }).status,
    ).toBe("undetermined");
  });

  it("grows by Yates's correction by about one over the difference in equal arms", () => {
    const own = { control: 0.5, candidate: 0.75 };
    const plain = ok(sampleSizeProportions(own, 0.8, { strict: false }));
    // by hand: 57.67/4 · (1 + √(1 + 4/(57.67 · .25)))² = 65.4
    const corrected = ok(continuityCorrected(plain, own));
    expect(Math.ceil(corrected.candidate)).toBe(66);
    expect(corrected.candidate - plain.candidate).toBeCloseTo(2 / 0.25, 0);
    expect(continuityCorrected({ status: "undetermined", reason: "none" }, own).status).toBe("undetermined");
  });

  it("finds no rate when even certainty is not enough", () => {
    expect(minimumDetectableRate(0.02, { control: 5, candidate: 2 }, 0.9, "less")).toBeUndefined();
    expect(() =>
      minimumDetectableRate(0.9, { control: 5, candidate: 2 }, 0.9, "greater", { null: { scale: "ratio", value: 2 } }),
    ).toThrow("a candidate rate under the null needs to be in [0, 1], got 1.8");
  });

  it("by arcsine has an effect of π between never and always", () => {
    expect(arcsineEffect({ control: 0, candidate: 1 })).toBeCloseTo(Math.PI, 14);
    expect(arcsineEffect({ control: 0.3, candidate: 0.3 })).toBe(0);
  });
});

describe("exact power", () => {
  const n = { control: 40, candidate: 6 };

  it("of always and never deciding is 1 and 0, and of two halves adds up", () => {
    const own = { control: 0.2, candidate: 0.7 };
    expect(exactPower(own, n, () => true)).toBeCloseTo(1, 14);
    expect(exactPower(own, n, () => false)).toBe(0);
    const half = (x: number, y: number) => (x * 7 + y) % 3 === 0;
    expect(exactPower(own, n, half) + exactPower(own, n, (x, y) => !half(x, y))).toBeCloseTo(1, 14);
  });

  it("of a decision by one arm is that arm's binomial tail", () => {
    expect(exactPower({ control: 0.5, candidate: 0.1 }, n, (_, y) => y === 0)).toBeCloseTo(0.9 ** 6, 14);
    expect(exactPower({ control: 0.5, candidate: 1 }, n, (x, y) => y === 6 && x === 40)).toBeCloseTo(0.5 ** 40, 24);
  });

  it("refuses fractions of units and tables that are too large", () => {
    expect(() => exactPower({ control: 0.5, candidate: 0.5 }, { control: 1.5, candidate: 1 }, () => true)).toThrow(
      "an exact power needs whole sizes, got 1.5",
    );
    expect(() => exactPower({ control: 0.5, candidate: 2 }, n, () => true)).toThrow("rates in [0, 1], got 2");
    expect(() => exactPower({ control: 0.5, candidate: 0.5 }, { control: 1e6, candidate: 1e6 }, () => true)).toThrow(
      "exactPower needs at most 20 million outcomes",
    );
  });
});

describe("the power of McNemar's test", () => {
  const discordant = fc.record({
    controlOnly: fc.double({ min: 0.01, max: 0.4, noNaN: true }),
    candidateOnly: fc.double({ min: 0.01, max: 0.4, noNaN: true }),
  });

  it("exchanges less and greater when the arms are swapped", () => {
    fc.assert(
      fc.property(discordant, fc.integer({ min: 1, max: 200 }), (own, n) => {
        const back = { controlOnly: own.candidateOnly, candidateOnly: own.controlOnly };
        for (const power of [powerMcNemar, exactPowerMcNemar]) {
          expect(power(back, n, { alternative: "greater" })).toBeCloseTo(power(own, n, { alternative: "less" }), 12);
          expect(power(back, n)).toBeCloseTo(power(own, n), 12);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("exactly carried out never exceeds alpha under no difference", () => {
    for (const n of [1, 5, 20, 137]) {
      expect(exactPowerMcNemar({ controlOnly: 0.1, candidateOnly: 0.1 }, n)).toBeLessThanOrEqual(0.05);
    }
  });

  it("says how many pairs, unless no pair tells the arms apart", () => {
    const size = sampleSizeMcNemar({ controlOnly: 0.1, candidateOnly: 0.2 }, 0.8);
    if (size.status !== "ok") throw new Error(size.reason);
    expect(powerMcNemar({ controlOnly: 0.1, candidateOnly: 0.2 }, size.total)).toBeCloseTo(0.8, 10);
    expect(sampleSizeMcNemar({ controlOnly: 0.1, candidateOnly: 0.1 }).status).toBe("undetermined");
    expect(() => powerMcNemar({ controlOnly: 0, candidateOnly: 0 }, 5)).toThrow("a sum in (0, 1], got 0 and 0");
    expect(() => exactPowerMcNemar({ controlOnly: 0.6, candidateOnly: 0.5 }, 5)).toThrow(RangeError);
  });
});

describe("the power of a test of one proportion", () => {
  it("of failures is that of successes, turned", () => {
    for (const kind of ["exact", "z"] as const) {
      const greater = powerOneProportion({ rate: 0.3, nullRate: 0.2 }, 50, { test: kind, alternative: "greater" });
      expect(powerOneProportion({ rate: 0.7, nullRate: 0.8 }, 50, { test: kind, alternative: "less" })).toBeCloseTo(
        greater,
        12,
      );
    }
  });

  it("of both sides is the sum of the sides at half alpha", () => {
    const own = { rate: 0.3, nullRate: 0.2 };
    const side = (alternative: "less" | "greater") => powerOneProportion(own, 60, { alternative, alpha: 0.025 });
    expect(powerOneProportion(own, 60)).toBeCloseTo(side("less") + side("greater"), 14);
    expect(powerOneProportion(own, 60, { strict: false })).toBeCloseTo(side("greater"), 14);
  });

  it("counts a tail that is alpha exactly", () => {
    // five failures of a fair coin: 1/32
    const own = { rate: 0.2, nullRate: 0.5 };
    expect(powerOneProportion(own, 5, { alternative: "less", alpha: 1 / 32 })).toBeCloseTo(0.8 ** 5, 14);
    expect(powerOneProportion(own, 5, { alternative: "greater", alpha: 1 / 32 })).toBeCloseTo(0.2 ** 5, 14);
    expect(powerOneProportion(own, 5, { alternative: "less", alpha: 1 / 33 })).toBe(0);
  });

  it("of equivalence is at most alpha at a margin, and 0 where the margins leave no count", () => {
    const margins = { low: 0.4, high: 0.6 };
    for (const rate of [0.4, 0.6]) expect(powerOneProportionEquivalence(rate, margins, 300)).toBeLessThanOrEqual(0.05);
    expect(powerOneProportionEquivalence(0.5, margins, 20)).toBe(0);
    expect(() => powerOneProportionEquivalence(0.5, { low: 0.6, high: 0.4 }, 20)).toThrow(
      "0 < low < high < 1, got 0.6 and 0.4",
    );
    expect(() => powerOneProportionEquivalence(0.5, margins, 20.5)).toThrow("needs a whole n, got 20.5");
  });

  it("refuses wrong calls, and has no size without an effect", () => {
    expect(() => powerOneProportion({ rate: 0.3, nullRate: 0 }, 5)).toThrow("needs nullRate in (0, 1), got 0");
    expect(() => powerOneProportion({ rate: -0.3, nullRate: 0.5 }, 5)).toThrow("needs rate in [0, 1], got -0.3");
    expect(() => powerOneProportion({ rate: 0.3, nullRate: 0.5 }, 5.5)).toThrow(
      "needs a whole n for the exact test, got 5.5",
    );
    expect(() => powerOneProportion({ rate: 0.3, nullRate: 0.5 }, 0)).toThrow("needs n above 0, got 0");
    expect(sampleSizeOneProportion({ rate: 0.5, nullRate: 0.5 }).status).toBe("undetermined");
    expect(sampleSizeOneProportion({ rate: 0.5001, nullRate: 0.5 })).toEqual({
      status: "undetermined",
      reason: "more than 100,000 units for the exact test",
    });
  });
});
