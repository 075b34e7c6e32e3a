import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalUpperQuantile } from "../../../statistics/distributions.ts";
import { textStream } from "../../../statistics/random-stream.ts";
import { mannWhitney } from "../../../statistics/ranks/ranks.ts";
import { bootstrapInterval, permutationTest } from "../../../statistics/ranks/resampling.ts";

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const difference = (control: readonly number[], candidate: readonly number[]) => mean(candidate) - mean(control);

/** Mean over rows of units that each bring several. */
const perRow = (control: readonly (readonly number[])[], candidate: readonly (readonly number[])[]) =>
  mean(candidate.flat()) - mean(control.flat());

const arm = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 5 });

function ok<T extends { status: string }>(result: T) {
  if (result.status !== "ok") fc.pre(false);
  return result as Extract<T, { status: "ok" }>;
}

const exponentials = (n: number, random: () => number) => Array.from({ length: n }, () => -Math.log(1 - random()));

describe("the permutation test", () => {
  it("turns with its arms when it lists all splits, and draws nothing", () => {
    const random = () => {
      throw new Error("drawn");
    };
    fc.assert(
      fc.property(arm, arm, (control, candidate) => {
        const there = ok(permutationTest(control, candidate, difference, { random }));
        const back = ok(permutationTest(candidate, control, difference, { random }));
        expect(back.statistic).toBeCloseTo(-there.statistic, 12);
        expect(back.less).toBeCloseTo(there.greater, 12);
        expect(back.twoSided).toBeCloseTo(there.twoSided, 12);
      }),
    );
  });

  it("of the number of wins is Mann and Whitney's exact test", () => {
    const distinct = fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { minLength: 2, maxLength: 10 });
    const wins = (control: readonly number[], candidate: readonly number[]) =>
      candidate.reduce((sum, x) => sum + control.filter((y) => x > y).length, 0);
    fc.assert(
      fc.property(distinct, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const cut = 1 + Math.floor(share * (values.length - 1.001));
        const [control, candidate] = [values.slice(0, cut), values.slice(cut)];
        const { less, greater } = ok(permutationTest(control, candidate, wins, { random: Math.fround as never }));
        const exact = ok(mannWhitney(control, candidate));
        expect(less).toBeCloseTo(exact.less, 11);
        expect(greater).toBeCloseTo(exact.greater, 11);
      }),
    );
  });

  it("by drawing agrees with listing: 9,999 draws, 5 standard errors, false alarm 1e-6", () => {
    const random = textStream("permutation");
    const control = exponentials(14, random);
    const candidate = exponentials(4, random).map((x) => x + 0.7);
    const exact = ok(permutationTest(control, candidate, difference, { random }));
    for (const [a, b, flipped] of [
      [control, candidate, false],
      [candidate, control, true],
    ] as const) {
      const drawn = ok(permutationTest(a, b, difference, { random, exactUpTo: 0 }));
      for (const side of ["less", "greater"] as const) {
        const wanted = exact[flipped ? (side === "less" ? "greater" : "less") : side];
        const error = Math.sqrt((wanted * (1 - wanted)) / 9999);
        expect(Math.abs(drawn[side] - wanted)).toBeLessThan(5 * error + 1e-4);
      }
    }
  });

  it("keeps its level at 5 : 55: 1,500 draws of 199 splits, 4 standard errors, false alarm 6e-5", () => {
    const random = textStream("permutation A/A");
    let rejected = 0;
    for (let i = 0; i < 1500; i++) {
      const result = permutationTest(exponentials(55, random), exponentials(5, random), difference, {
        random,
        permutations: 199,
      });
      if (result.status === "ok" && result.twoSided <= 0.05) rejected++;
    }
    // twice the smaller of multiples of 1/200: at most .05 by symmetry of ranks among 200
    expect(Math.abs(rejected / 1500 - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / 1500));
  });

  it("is never 0 when splits are drawn", () => {
    const control = Array.from({ length: 50 }, (_, i) => i);
    const candidate = control.map((x) => x + 1000);
    const options = { random: textStream("never 0"), permutations: 99 };
    expect(permutationTest(control, candidate, difference, options)).toMatchObject({ greater: 0.01, twoSided: 0.02 });
  });

  it("deals units with all their rows: at each split a unit's rows are together", () => {
    const units = (arm: string, n: number) =>
      Array.from({ length: n }, (_, i) => ({ unit: `${arm}${i}`, rows: [i, i] }));
    const seen = new Set<number>();
    const statistic = (control: readonly { unit: string }[], candidate: readonly { unit: string }[]) => {
      expect(new Set([...control, ...candidate].map(({ unit }) => unit)).size).toBe(60);
      seen.add(candidate.length);
      return candidate.filter(({ unit }) => unit.startsWith("b")).length;
    };
    permutationTest(units("a", 48), units("b", 12), statistic, { random: textStream("units"), permutations: 50 });
    expect([...seen]).toEqual([12]);
  });

  it("is undetermined for an empty arm, a statistic that is not finite, and one statistic for all splits", () => {
    const random = textStream("");
    expect(permutationTest([], [1], difference, { random }).status).toBe("undetermined");
    expect(permutationTest([1], [Number.NaN], difference, { random }).status).toBe("undetermined");
    expect(permutationTest([0.1, 0.1, 0.1], [0.1, 0.1], difference, { random })).toEqual({
      status: "undetermined",
      reason: "all splits have one statistic",
    });
    const share = (control: readonly number[], candidate: readonly number[]) => mean(candidate) / mean(control);
    expect(permutationTest([0, 3], [0, 2], share, { random }).status).toBe("undetermined");
  });

  it.each([0, -1, 2.5, Number.NaN])("refuses %d permutations", (permutations) => {
    expect(() => permutationTest([1], [2], difference, { random: () => 0, permutations })).toThrow(RangeError);
  });
});

describe.each(["percentile", "bca"] as const)("the bootstrap interval by %s", (method) => {
  const draw = (seed: string, n0: number, n1: number) => {
    const random = textStream(seed);
    return { control: exponentials(n0, random), candidate: exponentials(n1, random) };
  };
  const of = (control: readonly number[], candidate: readonly number[], level = 0.95, replicates = 499) =>
    ok(bootstrapInterval(control, candidate, difference, { random: textStream("b"), method, level, replicates }));

  it("moves with the candidate and scales with both", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 5 }), fc.integer({ min: -3, max: 3 }), (seed, power) => {
        const { control, candidate } = draw(seed, 20, 9);
        const scale = 2 ** power;
        const own = of(control, candidate);
        const scaled = of(
          control.map((x) => x * scale),
          candidate.map((x) => x * scale),
        );
        expect([scaled.value, scaled.low, scaled.high]).toEqual([own.value, own.low, own.high].map((x) => x * scale));
        const moved = of(
          control,
          candidate.map((x) => x + 3),
        );
        expect(moved.low).toBeCloseTo(own.low + 3, 10);
        expect(moved.high).toBeCloseTo(own.high + 3, 10);
      }),
      { numRuns: 20 },
    );
  });

  it("holds the value and widens with the level", () => {
    const { control, candidate } = draw("levels", 30, 12);
    const narrow = of(control, candidate, 0.8);
    const wide = of(control, candidate, 0.99);
    expect(wide.low).toBeLessThan(narrow.low);
    expect(narrow.low).toBeLessThan(narrow.value);
    expect(narrow.value).toBeLessThan(narrow.high);
    expect(narrow.high).toBeLessThan(wide.high);
  });

  it("of a mean of symmetric values is the normal interval: 4,999 draws, 5 standard errors, false alarm 1e-6", () => {
    const control = Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 1 : -1) * (1 + (i % 20) / 20));
    const candidate = control.slice(0, 100);
    const variance = (values: readonly number[]) => mean(values.map((x) => (x - mean(values)) ** 2)) / values.length;
    const error = Math.sqrt(variance(control) + variance(candidate));
    const { low, high, value } = of(control, candidate, 0.9, 4999);
    const z = normalUpperQuantile(0.05);
    // standard error of a quantile of B draws: √(p(1 − p)/B) / density; BCa adds that of its bias
    const density = Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);
    const noise =
      error * (Math.sqrt((0.05 * 0.95) / 4999) / density + (method === "bca" ? (2 * 1.26) / Math.sqrt(4999) : 0));
    expect(Math.abs(low - (value - z * error))).toBeLessThan(5 * noise);
    expect(Math.abs(high - (value + z * error))).toBeLessThan(5 * noise);
  });

  it("draws units with all their rows: splitting a unit's rows is not free", () => {
    const random = textStream("rows");
    const units = Array.from({ length: 60 }, () => {
      const own = random();
      return Array.from({ length: 8 }, () => own + random() / 10);
    });
    const [control, candidate] = [units.slice(0, 40), units.slice(40)];
    const rows = (arm: readonly (readonly number[])[]) => arm.flat().map((row) => [row]);
    const options = { random: textStream("r"), method, replicates: 499 };
    const byUnit = ok(bootstrapInterval(control, candidate, perRow, options));
    const byRow = ok(bootstrapInterval(rows(control), rows(candidate), perRow, options));
    expect(byUnit.value).toBeCloseTo(byRow.value, 12);
    // eight rows alike: nearly √8 as wide
    expect((byUnit.high - byUnit.low) / (byRow.high - byRow.low)).toBeGreaterThan(2);
  });

  it("is undetermined for one unit, constant arms and a statistic that is not finite", () => {
    const random = textStream("none");
    const of = (control: readonly number[], candidate: readonly number[], statistic = difference) =>
      bootstrapInterval(control, candidate, statistic, { random, method, replicates: 99 });
    expect(of([1, 2], [1])).toEqual({ status: "undetermined", reason: "an arm has fewer than 2 units" });
    expect(of([1, 1], [2, 2])).toEqual({ status: "undetermined", reason: "all draws have one statistic" });
    expect(of([1, Number.NaN], [2, 2]).status).toBe("undetermined");
    expect(of([0, 1], [2, 3], (a, b) => mean(b) / mean(a)).status).toBe("undetermined");
  });

  it("refuses a level that is none, and no replicates", () => {
    const random = () => 0;
    expect(() => bootstrapInterval([1, 2], [3, 4], difference, { random, method, level: 0 })).toThrow(RangeError);
    expect(() => bootstrapInterval([1, 2], [3, 4], difference, { random, method, replicates: 0 })).toThrow(RangeError);
  });
});

describe("BCa", () => {
  it("is undetermined when all draws lie on one side of the value", () => {
    const arm = Array.from({ length: 30 }, (_, i) => Math.sqrt(i));
    const moved = arm.map((x) => x + 1e-9);
    const options = { random: textStream("side"), replicates: 99 };
    const side = bootstrapInterval(arm, moved, (a, b) => difference(a, b) ** 2, options);
    expect(side).toEqual({ status: "undetermined", reason: "all draws lie on one side of the value" });
  });

  it("leans to the side of a skewed statistic's long tail, where percentile does not", () => {
    const random = textStream("skew");
    const control = exponentials(40, random);
    const candidate = exponentials(15, random);
    const share = (a: readonly number[], b: readonly number[]) => mean(b) + 0 * mean(a);
    const of = (method: "bca" | "percentile") =>
      ok(bootstrapInterval(control, candidate, share, { random: textStream("s"), method, replicates: 4999 }));
    expect(of("bca").high).toBeGreaterThan(of("percentile").high);
    expect(of("bca").low).toBeGreaterThan(of("percentile").low);
  });
});
