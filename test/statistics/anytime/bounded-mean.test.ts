import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bettingInterval,
  differenceByUnion,
  empiricalBernsteinMixture,
  empiricalBernsteinPlugIn,
} from "../../../statistics/anytime/bounded-mean.ts";
import type { Estimate } from "../../../statistics/estimate.ts";
import { randomStream } from "../../../statistics/random-stream.ts";

const methods = [
  ["empirical Bernstein, mixture", empiricalBernsteinMixture],
  ["empirical Bernstein, plug-in", empiricalBernsteinPlugIn],
  ["betting", bettingInterval],
] as const;

const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 80 });

function ends(interval: Estimate): [number, number] {
  if (interval.status !== "ok") throw new Error(interval.reason);
  return [interval.low, interval.high];
}

describe.each(methods)("%s", (_, interval) => {
  it("is mirrored with the values", () => {
    fc.assert(
      fc.property(values, (xs) => {
        const own = interval(xs);
        const mirrored = interval(xs.map((x) => 1 - x));
        expect(mirrored.status).toBe(own.status);
        if (own.status !== "ok" || mirrored.status !== "ok") return;
        expect(mirrored.low).toBeCloseTo(1 - own.high, 9);
        expect(mirrored.high).toBeCloseTo(1 - own.low, 9);
      }),
    );
  });

  it("moves with bounds in any unit, down to 1e-12", () => {
    fc.assert(
      fc.property(values, fc.constantFrom(1e-12, 1, 1e12), fc.integer({ min: -3, max: 3 }), (xs, k, shift) => {
        const own = interval(xs);
        const minimum = shift * k;
        // rounding may carry a value over a bound of its unit
        const moved = xs.map((x) => Math.min(minimum + k, Math.max(minimum, minimum + x * k)));
        const other = interval(moved, { minimum, maximum: minimum + k });
        if (own.status !== "ok" || other.status !== "ok") return;
        expect((other.low - minimum) / k).toBeCloseTo(own.low, 9);
        expect((other.high - minimum) / k).toBeCloseTo(own.high, 9);
      }),
    );
  });

  it("is wider at a higher level and stays within the bounds", () => {
    const draw = randomStream([1, 1], 0, 0);
    const xs = Array.from({ length: 300 }, () => draw() ** 2);
    const [low, high] = ends(interval(xs, { level: 0.9 }));
    const [lower, higher] = ends(interval(xs, { level: 0.999 }));
    expect(0 <= lower && lower < low && low < high && high < higher && higher <= 1).toBe(true);
  });

  it("is all of the range after one value", () => {
    expect(ends(interval([0.3]))).toEqual([0, 1]);
  });

  it("closes in on a constant", () => {
    const [low, high] = ends(interval(new Array(3000).fill(0.25)));
    expect(low > 0.22 && high < 0.28).toBe(true);
  });

  it("is undetermined without values and with a NaN", () => {
    expect(interval([]).status).toBe("undetermined");
    expect(interval([0.2, Number.NaN]).status).toBe("undetermined");
  });

  it.each([
    [[1.1], {}],
    [[-0.1], {}],
    [[0.5], { minimum: 1, maximum: 1 }],
    [[0.5], { level: 0 }],
  ] as const)("refuses %o with %o", (xs, options) => {
    expect(() => interval(xs, options)).toThrow(RangeError);
  });

  it("misses the mean at some look in at most 30 % of all sequences of 11 coin flips at a level of 0.7 (exact)", () => {
    for (const p of [0.5, 0.2]) {
      const missed = (prefix: number[]): number => {
        const own = prefix.length === 0 ? undefined : interval(prefix, { level: 0.7 });
        const probability = prefix.reduce((product, x) => product * (x === 1 ? p : 1 - p), 1);
        if (own && (own.status !== "ok" || p < own.low || p > own.high)) return probability;
        return prefix.length === 11 ? 0 : missed([...prefix, 0]) + missed([...prefix, 1]);
      };
      expect(missed([])).toBeLessThanOrEqual(0.3);
    }
  });
});

describe("the betting interval", () => {
  it("is the set of means that no capital rejects: every point of a grid agrees", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 5, maxLength: 40 }), (xs) => {
        const own = bettingInterval(xs, { level: 0.6 });
        for (let m = 0.005; m < 1; m += 0.01) {
          const inside = own.status === "ok" && own.low < m && m < own.high;
          const capital = richest(xs, m, 0.4);
          if (Math.abs(capital / 2.5 - 1) < 1e-9) continue;
          expect(capital < 2.5, `${m}`).toBe(inside);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("can be undetermined when the values drift", () => {
    const drifting = [...new Array(400).fill(0), ...new Array(400).fill(1), ...new Array(3000).fill(0.5)];
    const own = bettingInterval(drifting, { level: 0.5 });
    const gap = own.status === "undetermined" || own.value < own.low || own.value > own.high || own.low < own.high;
    expect(gap).toBe(true);
  });

  it("may be sized for another error probability and stays valid, but other", () => {
    const xs = Array.from({ length: 50 }, (_, i) => ((i * 7) % 10) / 10);
    expect(ends(bettingInterval(xs, { tunedAlpha: 0.05 }))).not.toEqual(ends(bettingInterval(xs)));
    expect(ends(bettingInterval(xs, { tunedAlpha: 0.025 }))).toEqual(ends(bettingInterval(xs)));
  });

  it.each([0, 1, Number.NaN])("refuses a truncation of %f", (truncation) => {
    expect(() => bettingInterval([0.5], { truncation })).toThrow(RangeError);
  });
});

/** max(K⁺, K⁻)/2 as Waudby-Smith & Ramdas (2024) write it, value by value. */
function richest(xs: readonly number[], m: number, alpha: number): number {
  let [up, down, sum, squares] = [0.5, 0.5, 0.5, 0.25];
  xs.forEach((x, i) => {
    const t = i + 1;
    const bet = Math.sqrt((2 * Math.log(2 / alpha)) / ((squares / t) * t * Math.log(1 + t)));
    up *= 1 + Math.min(bet, 0.5 / m) * (x - m);
    down *= 1 - Math.min(bet, 0.5 / (1 - m)) * (x - m);
    sum += x;
    squares += (x - sum / (t + 1)) ** 2;
  });
  return Math.max(up, down);
}

describe("the difference of two arms by a union bound", () => {
  const arms = { control: [0.1, 0.4, 0.2, 0.3, 0.2], candidate: [0.9, 0.8, 0.7, 0.9, 0.6] };
  const many = (xs: readonly number[]) => Array.from({ length: 400 }, (_, i) => xs[i % xs.length] as number);

  it("gives each arm half of the error, and flips with the arms", () => {
    const levels: number[] = [];
    const own = differenceByUnion((arm, level) => {
      levels.push(level);
      return bettingInterval(many(arms[arm]), { level });
    }, 0.9);
    const swapped = differenceByUnion(
      (arm, level) => bettingInterval(many(arms[arm === "control" ? "candidate" : "control"]), { level }),
      0.9,
    );
    expect(levels).toEqual([0.95, 0.95]);
    const [low, high] = ends(own);
    expect(ends(swapped)).toEqual([-high, -low]);
    expect(low).toBeGreaterThan(0.3);
  });

  it("is undetermined when an arm is", () => {
    const own = differenceByUnion((arm, level) => bettingInterval(arm === "control" ? [] : [0.5], { level }));
    expect(own.status).toBe("undetermined");
  });
});
