import { randomNormal } from "d3-random";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { risingRoot } from "../../../statistics/line-search.ts";
import { twoSidedP, welch } from "../../../statistics/means/means.ts";
import { ratioOfSums } from "../../../statistics/means/ratio.ts";
import { moments } from "../../../statistics/moments.ts";
import { equivalencePower, noncentralPower, smallestSize } from "../../../statistics/power/noncentral-power.ts";
import { powerEquivalence, sampleSizeEquivalence } from "../../../statistics/power/power-equivalence.ts";
import {
  minimumDetectableDifference,
  optimalRatio,
  powerMeans,
  ratioAsDifference,
  sampleSizeMeans,
} from "../../../statistics/power/power-means.ts";
import {
  minimumDetectableMean,
  pairedDeviation,
  powerOneMean,
  sampleSizeOneMean,
} from "../../../statistics/power/power-one-mean.ts";
import { textStream } from "../../../statistics/random-stream.ts";

const tests = ["z", "t", "welch"] as const;
const anyTest = fc.constantFrom(...tests);
const effect = fc.double({ min: -2, max: 2, noNaN: true });
const deviation = fc.record({
  control: fc.double({ min: 0.5, max: 3, noNaN: true }),
  candidate: fc.double({ min: 0.5, max: 3, noNaN: true }),
});
const sizes = fc.record({ control: fc.integer({ min: 2, max: 5000 }), candidate: fc.integer({ min: 2, max: 500 }) });
const swap = <T>({ control, candidate }: { control: T; candidate: T }) => ({ control: candidate, candidate: control });

function ok(size: ReturnType<typeof sampleSizeMeans>) {
  if (size.status !== "ok") throw new Error(size.reason);
  return size;
}

describe("the power of a comparison of means", () => {
  it("exchanges less and greater when the arms are swapped or the difference turned", () => {
    fc.assert(
      fc.property(effect, deviation, sizes, anyTest, (difference, own, n, test) => {
        const less = powerMeans({ difference, deviation: own }, n, { test, alternative: "less" });
        const turned = { difference: -difference, deviation: swap(own) };
        expect(powerMeans(turned, swap(n), { test, alternative: "greater" })).toBeCloseTo(less, 12);
      }),
      { numRuns: 50 },
    );
  });

  it("does not depend on the unit of measure, nor on a shift of null and difference together", () => {
    fc.assert(
      fc.property(effect, deviation, sizes, anyTest, fc.constantFrom(1e12, 1e-12), (difference, own, n, test, unit) => {
        const plain = powerMeans({ difference, deviation: own }, n, { test });
        const scaled = { control: own.control * unit, candidate: own.candidate * unit };
        expect(powerMeans({ difference: difference * unit, deviation: scaled }, n, { test })).toBeCloseTo(plain, 12);
        const shifted = { difference: difference + 8, nullDifference: 8, deviation: own };
        expect(powerMeans(shifted, n, { test })).toBeCloseTo(plain, 10);
      }),
      { numRuns: 50 },
    );
  });

  it("is alpha where the null holds", () => {
    for (const test of tests) {
      for (const alternative of ["less", "greater", "twoSided"] as const) {
        const expected = { difference: -0.3, nullDifference: -0.3, deviation: 1 };
        expect(powerMeans(expected, { control: 990, candidate: 10 }, { test, alternative, alpha: 0.001 })).toBeCloseTo(
          0.001,
          12,
        );
      }
    }
  });

  it("is alpha to the last digits where Student's quantile changes from one method to the other", () => {
    for (const degreesOfFreedom of [1, 29_999, 30_001, 1e6, 1e9]) {
      for (const alpha of [0.025, 1e-6]) {
        const level = noncentralPower(0, degreesOfFreedom, { alternative: "greater", alpha });
        // below 30,000 the quantile has the ten digits of the incomplete beta function
        const digits = degreesOfFreedom > 30_000 || degreesOfFreedom === 1 ? 1e-12 : 1e-10;
        expect(Math.abs(level / alpha - 1), `${degreesOfFreedom} ${alpha}`).toBeLessThan(digits);
      }
    }
  });

  it("rises with the effect and with units in either arm", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.05, max: 1, noNaN: true }), deviation, sizes, (difference, own, n) => {
        const power = powerMeans({ difference, deviation: own }, n);
        expect(powerMeans({ difference: difference * 1.1, deviation: own }, n)).toBeGreaterThanOrEqual(power - 1e-13);
        const more = { control: n.control + 3, candidate: n.candidate };
        expect(powerMeans({ difference, deviation: own }, more, { test: "z" })).toBeGreaterThanOrEqual(
          powerMeans({ difference, deviation: own }, n, { test: "z" }) - 1e-13,
        );
      }),
      { numRuns: 50 },
    );
  });

  it("of the t tests becomes that of the z test in large arms", () => {
    const n = { control: 99e7, candidate: 1e7 };
    const expected = { difference: 0.001, deviation: { control: 1, candidate: 1.1 } };
    const z = powerMeans(expected, n, { test: "z" });
    for (const test of ["t", "welch"] as const) expect(powerMeans(expected, n, { test })).toBeCloseTo(z, 6);
  });

  // 4,000 replicates, fixed seed: four standard errors of a share near .6 are .031, a false alarm once in 16,000
  it("is the share of rejections of Welch's test at 1 : 49 in simulated normal data", () => {
    const draw = textStream("power of welch");
    const control = randomNormal.source(draw)(0, 1);
    const candidate = randomNormal.source(draw)(1, 2);
    const arm = (values: number[]) => ratioOfSums(moments([values, values.map(() => 1)]));
    const replicates = 4000;
    let rejected = 0;
    for (let i = 0; i < replicates; i++) {
      const difference = welch(arm(Array.from({ length: 588 }, control)), arm(Array.from({ length: 20 }, candidate)));
      if (twoSidedP(difference) < 0.05) rejected += 1;
    }
    const power = powerMeans(
      { difference: 1, deviation: { control: 1, candidate: 2 } },
      { control: 588, candidate: 20 },
      { test: "welch" },
    );
    expect(Math.abs(rejected / replicates - power)).toBeLessThan(4 * Math.sqrt((power * (1 - power)) / replicates));
  });

  it("refuses wrong calls", () => {
    const expected = { difference: 1, deviation: 1 };
    expect(() => powerMeans(expected, { control: 1, candidate: 5 })).toThrow(
      new RangeError("powerMeans needs at least 2 units in each arm, got control n=1, candidate n=5"),
    );
    expect(() => powerMeans(expected, { control: 0, candidate: 5 }, { test: "z" })).toThrow("needs more than 0 units");
    expect(() => powerMeans(expected, { control: 5, candidate: 5 }, { alpha: 1 })).toThrow(
      new RangeError("noncentralPower needs alpha in (0, 1), got 1"),
    );
    expect(() => powerMeans({ difference: 1, deviation: 0 }, { control: 5, candidate: 5 })).toThrow("above 0, got 0");
  });
});

describe("a sample size for means", () => {
  it("keeps the allocation, 1 : 99 and beyond, and needs the smaller arm but little less for more control units", () => {
    const candidate = [1, 99, 9999].map((ratio) => {
      const size = ok(sampleSizeMeans({ difference: 0.1, deviation: 1 }, 0.8, { test: "z", ratio }));
      expect(size.control / size.candidate).toBeCloseTo(ratio, 8);
      expect(size.total).toBeCloseTo(size.control + size.candidate, 8);
      return size.candidate;
    }) as [number, number, number];
    expect(candidate[1] / candidate[0]).toBeCloseTo(1.01010101 / 2, 6);
    expect(candidate[2] / candidate[0]).toBeCloseTo(1.00010001 / 2, 6);
  });

  it("is smallest in all at the ratio of the deviations", () => {
    const own = { control: 3, candidate: 1.5 };
    const total = (ratio: number) =>
      ok(sampleSizeMeans({ difference: 0.5, deviation: own }, 0.8, { test: "z", ratio })).total;
    const best = optimalRatio(own);
    expect(best).toBe(2);
    expect(total(best)).toBeLessThan(total(best * 1.05));
    expect(total(best)).toBeLessThan(total(best / 1.05));
  });

  it("mirrors when the arms are swapped and the ratio turned", () => {
    fc.assert(
      fc.property(deviation, fc.double({ min: 0.05, max: 20, noNaN: true }), anyTest, (own, ratio, test) => {
        const there = ok(sampleSizeMeans({ difference: 0.2, deviation: own }, 0.8, { test, ratio }));
        const back = ok(sampleSizeMeans({ difference: -0.2, deviation: swap(own) }, 0.8, { test, ratio: 1 / ratio }));
        expect(back.candidate / there.control).toBeCloseTo(1, 9);
      }),
      { numRuns: 20 },
    );
  });

  it("is at least two units in each arm for the t tests", () => {
    expect(ok(sampleSizeMeans({ difference: 100, deviation: 1 }, 0.8, { ratio: 0.1 }))).toMatchObject({
      control: 2,
      candidate: 20,
    });
    expect(ok(sampleSizeOneMean({ mean: 1e6, deviation: 1 })).total).toBe(2);
  });

  it.each([
    ["no effect", { difference: 0.2, nullDifference: 0.2 }, "twoSided", "the expected effect is the null's"],
    [
      "an effect on the other side",
      { difference: -0.2 },
      "greater",
      "the expected effect lies on the other side of the null",
    ],
    [
      "a loss beyond the margin",
      { difference: -0.3, nullDifference: -0.2 },
      "greater",
      "the expected effect lies on the other side of the null",
    ],
    ["an effect that is no number", { difference: Number.NaN }, "twoSided", "the expected effect is not a number"],
    ["an effect beyond all samples", { difference: 1e-12 }, "twoSided", "more than 1e15 units in the candidate arm"],
  ] as const)("of %s is undetermined", (_, expected, alternative, reason) => {
    expect(sampleSizeMeans({ ...expected, deviation: 1 }, 0.8, { alternative, test: "z" })).toEqual({
      status: "undetermined",
      reason,
    });
  });

  it("refuses a power that alpha reaches already, and an allocation that is none", () => {
    const expected = { difference: 1, deviation: 1 };
    expect(() => sampleSizeMeans(expected, 0.05)).toThrow(
      new RangeError("sampleSizeMeans needs power in (alpha, 1) = (0.05, 1), got 0.05"),
    );
    expect(() => sampleSizeMeans(expected, 1)).toThrow(RangeError);
    expect(() => sampleSizeMeans(expected, 0.8, { ratio: 0 })).toThrow("sampleSizeMeans needs ratio above 0, got 0");
  });
});

describe("the minimum detectable difference", () => {
  it("lies on the side of the alternative and shrinks with the root of the units", () => {
    const n = { control: 9900, candidate: 100 };
    const at = (alternative: "less" | "greater") =>
      minimumDetectableDifference({ deviation: 1, nullDifference: 0.5 }, n, 0.8, { alternative, test: "z" });
    expect(at("less") - 0.5).toBeCloseTo(0.5 - at("greater"), 12);
    const four = minimumDetectableDifference({ deviation: 1 }, { control: 4 * 9900, candidate: 400 }, 0.8, {
      test: "z",
    });
    expect(2 * four).toBeCloseTo(minimumDetectableDifference({ deviation: 1 }, n, 0.8, { test: "z" }), 12);
  });

  it("is z for alpha plus z for power times the standard error", () => {
    const n = { control: 50, candidate: 50 };
    // 1.644854 + 0.841621 from any normal table
    expect(minimumDetectableDifference({ deviation: 1 }, n, 0.8, { test: "z", alternative: "greater" })).toBeCloseTo(
      2.486475 / 5,
      6,
    );
  });
});

describe("a mean or a paired difference", () => {
  it("of uncorrelated pairs needs the pairs that a comparison of two equal arms needs units, up to degrees of freedom", () => {
    const paired = pairedDeviation({ control: 1, candidate: 2 }, 0);
    const pairs = ok(sampleSizeOneMean({ mean: 0.2, deviation: paired }, 0.8, { test: "z" })).total;
    const own = { control: 1, candidate: 2 };
    expect(pairs).toBeCloseTo(
      ok(sampleSizeMeans({ difference: 0.2, deviation: own }, 0.8, { test: "z" })).candidate,
      8,
    );
  });

  it("has no deviation when pairs are equal up to a constant", () => {
    expect(pairedDeviation({ control: 2, candidate: 2 }, 1)).toBe(0);
    expect(() => pairedDeviation({ control: 2, candidate: 2 }, 1.1)).toThrow("needs correlation in [-1, 1], got 1.1");
  });

  it("refuses wrong calls", () => {
    expect(() => powerOneMean({ mean: 1, deviation: 1 }, 1)).toThrow("powerOneMean needs n above 1, got 1");
    expect(() => powerOneMean({ mean: 1, deviation: -1 }, 5)).toThrow("needs deviation above 0, got -1");
    expect(() => minimumDetectableMean({ deviation: 1 }, 5, 0.01)).toThrow("needs power in (alpha, 1)");
    expect(sampleSizeOneMean({ mean: 1, nullMean: 1, deviation: 1 }).status).toBe("undetermined");
  });
});

describe("a ratio of means", () => {
  it("needs the same units whatever the unit of measure", () => {
    const size = (unit: number) =>
      ok(sampleSizeMeans(ratioAsDifference({ control: 2 * unit, candidate: 2.2 * unit }, unit, 1), 0.8)).candidate;
    expect(size(1000)).toBeCloseTo(size(1), 8);
  });

  it("of 1 is the difference", () => {
    const own = { control: 1, candidate: 2 };
    expect(ratioAsDifference({ control: 3, candidate: 4 }, own)).toEqual({
      difference: 1,
      nullDifference: 0,
      deviation: own,
    });
    expect(() => ratioAsDifference({ control: 3, candidate: 4 }, own, 0)).toThrow("needs nullRatio above 0, got 0");
  });
});

describe("equivalence", () => {
  it("has the power of one test where the other margin is far away", () => {
    const n = { control: 300, candidate: 30 };
    for (const test of tests) {
      const both = powerEquivalence({ difference: 0.1, deviation: 1 }, { low: -0.4, high: 1e6 }, n, { test });
      const one = powerMeans({ difference: 0.1, nullDifference: -0.4, deviation: 1 }, n, {
        test,
        alternative: "greater",
        alpha: 0.05,
      });
      expect(both).toBeCloseTo(one, 11);
    }
  });

  it("never exceeds alpha at a margin, and is 0 where the margins leave no room", () => {
    fc.assert(
      fc.property(sizes, anyTest, (n, test) => {
        const power = powerEquivalence({ difference: 0.5, deviation: 1 }, { low: -0.5, high: 0.5 }, n, { test });
        expect(power).toBeLessThanOrEqual(0.05 + 1e-12);
      }),
      { numRuns: 50 },
    );
    expect(equivalencePower(1, 1, Number.POSITIVE_INFINITY)).toBe(0);
    expect(equivalencePower(-3, 2, 10)).toBe(0);
  });

  it("mirrors with its margins", () => {
    expect(equivalencePower(4, 2.5, 17)).toBeCloseTo(equivalencePower(2.5, 4, 17), 13);
  });

  it("is undetermined for a difference outside the margins, and refuses margins in the wrong order", () => {
    const expected = { difference: 0.5, deviation: 1 };
    expect(sampleSizeEquivalence(expected, { low: -0.5, high: 0.5 })).toEqual({
      status: "undetermined",
      reason: "the expected difference is not inside the margins",
    });
    expect(() => powerEquivalence(expected, { low: 1, high: 0 }, { control: 5, candidate: 5 })).toThrow(
      "equivalence needs a low margin below the high one, got 1 and 0",
    );
  });
});

describe("the searches", () => {
  it("find a root to the last digits, also of a step", () => {
    expect(risingRoot((x) => x ** 3 - 2, 0, 5)).toBeCloseTo(Math.cbrt(2), 13);
    expect(risingRoot((x) => (x < Math.E ? -1 : 1), 0, 10)).toBeCloseTo(Math.E, 12);
    expect(risingRoot((x) => x, 0, 1)).toBe(0);
    expect(risingRoot((x) => x - 2, 0, 1)).toBe(1);
  });

  it("give up where a power is never reached", () => {
    expect(smallestSize(() => 0.5, 0.8, 1)).toBeUndefined();
    expect(smallestSize(() => 0.9, 0.8, 7)).toBe(7);
  });

  it("count rejections on the wrong side only when asked", () => {
    const sides = { alpha: 0.4, strict: false };
    expect(noncentralPower(0, 20, sides)).toBeCloseTo(0.2, 12);
    expect(noncentralPower(0, 20, { ...sides, strict: true })).toBeCloseTo(0.4, 12);
  });
});

describe("tea-tasting's planning of a mean", () => {
  // tests/metrics/test_mean.py at 90306f1: orders of 100 users with variance .65565…
  const deviation = Math.sqrt(0.6556565656565659);

  it("finds −.04027 with 10,000 users, and .05 with 8,236", () => {
    const sizes = { control: 5000, candidate: 5000 };
    const found = minimumDetectableDifference({ deviation }, sizes, 0.8, { alternative: "less" });
    expect(Math.abs(found / -0.04027000268908317 - 1)).toBeLessThan(1e-6);
    const needed = sampleSizeMeans({ difference: 0.05, deviation }, 0.8);
    expect(needed.status === "ok" && Math.ceil(needed.total)).toBe(8236);
  });
});
