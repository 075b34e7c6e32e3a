import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meansByUnit, pairedTInterval, pairedTTest } from "../../../statistics/means/paired-means.ts";
import { textStream } from "../../../statistics/random-stream.ts";
import { signedRank } from "../../../statistics/ranks/signed-rank.ts";

const pairs = fc.array(
  fc.record({
    control: fc.integer({ min: -1000, max: 1000 }),
    candidate: fc.integer({ min: -1000, max: 1000 }),
    unit: fc.nat(9),
  }),
  { minLength: 2, maxLength: 60 },
);
type Pair = { readonly control: number; readonly candidate: number; readonly unit: number };
const columns = (own: readonly Pair[]) => ({
  control: own.map(({ control }) => control),
  candidate: own.map(({ candidate }) => candidate),
  units: own.map(({ unit }) => unit),
});

function ok<T extends { status: string }>(result: T) {
  if (result.status !== "ok") fc.pre(false);
  return result as Extract<T, { status: "ok" }>;
}

const close = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(b)));

describe("the paired t test", () => {
  it("turns with its arms, by pair and by unit", () => {
    fc.assert(
      fc.property(pairs, fc.boolean(), (own, clustered) => {
        const { control, candidate, units } = columns(own);
        const options = clustered ? { units } : {};
        const there = ok(pairedTTest(control, candidate, options));
        const back = ok(pairedTTest(candidate, control, options));
        close(back.statistic, -there.statistic);
        close(back.less, there.greater);
      }),
    );
  });

  it("does not depend on the unit of measure, nor on what is added to both arms", () => {
    fc.assert(
      fc.property(pairs, (own) => {
        const { control, candidate, units } = columns(own);
        const change = (x: number) => 1024 * x + 4096;
        const { statistic } = ok(pairedTTest(control, candidate, { units }));
        close(ok(pairedTTest(control.map(change), candidate.map(change), { units })).statistic, statistic);
      }),
    );
  });

  it("rejects no difference exactly when 0 is outside its interval", () => {
    fc.assert(
      fc.property(pairs, fc.boolean(), (own, clustered) => {
        const { control, candidate, units } = columns(own);
        const options = clustered ? { units } : {};
        const { twoSided } = ok(pairedTTest(control, candidate, options));
        const { low, high, value } = ok(pairedTInterval(control, candidate, { ...options, level: 0.9 }));
        fc.pre(Math.abs(twoSided - 0.1) > 1e-9);
        expect(low > 0 || high < 0).toBe(twoSided < 0.1);
        close((low + high) / 2, value);
      }),
    );
  });

  it("by unit is that by pair when each pair is a unit, whatever the units are called", () => {
    fc.assert(
      fc.property(pairs, (own) => {
        const { control, candidate } = columns(own);
        const units = own.map((_, i) => 7 * i + 3);
        close(ok(pairedTTest(control, candidate, { units })).statistic, ok(pairedTTest(control, candidate)).statistic);
      }),
    );
  });

  it("by unit takes a unit's repeated pairs for one voice", () => {
    fc.assert(
      fc.property(pairs, fc.integer({ min: 2, max: 5 }), (own, times) => {
        const once = columns(own);
        const often = columns(Array.from({ length: times }, () => own).flat());
        const { statistic } = ok(pairedTTest(once.control, once.candidate, { units: once.units }));
        close(ok(pairedTTest(often.control, often.candidate, { units: often.units })).statistic, statistic);
      }),
    );
  });

  it("by unit holds its level where pairs of a unit are alike: 2,000 draws, 4 standard errors, false alarm 6e-5", () => {
    const random = textStream("paired by unit");
    let clustered = 0;
    let naive = 0;
    for (let draw = 0; draw < 2000; draw++) {
      const candidate: number[] = [];
      const units: number[] = [];
      for (let unit = 0; unit < 60; unit++) {
        const own = random() - 0.5;
        for (let pair = 0; pair < 5; pair++) {
          candidate.push(own + (random() - 0.5));
          units.push(unit);
        }
      }
      const control = new Float64Array(candidate.length);
      const byUnit = pairedTTest(control, candidate, { units });
      const byPair = pairedTTest(control, candidate);
      if (byUnit.status === "ok" && byUnit.twoSided <= 0.05) clustered++;
      if (byPair.status === "ok" && byPair.twoSided <= 0.05) naive++;
    }
    const error = Math.sqrt((0.05 * 0.95) / 2000);
    expect(Math.abs(clustered / 2000 - 0.05)).toBeLessThan(4 * error);
    expect(naive / 2000).toBeGreaterThan(0.15);
  });

  it("is undetermined for one unit, constant differences and values that are not finite", () => {
    expect(pairedTTest([], [])).toEqual({ status: "undetermined", reason: "0 units have no variance" });
    expect(pairedTTest([1, 2], [2, 5], { units: [4, 4] })).toEqual({
      status: "undetermined",
      reason: "1 units have no variance",
    });
    const constant = { status: "undetermined", reason: "all units differ by the same" };
    expect(pairedTTest([1, 2, 3], [1, 2, 3])).toEqual(constant);
    expect(pairedTInterval([0.1, 0.2, 0.7], [0.4, 0.5, 1])).toEqual(constant);
    const bad = { status: "undetermined", reason: "a difference is not finite" };
    expect(pairedTTest([1, Number.NaN], [2, 3])).toEqual(bad);
    expect(pairedTTest([1, 2], [2, Infinity])).toEqual(bad);
    expect(pairedTTest([0, 0, 0], [1e200, -1e200, 3e200])).toMatchObject({
      reason: "the squares of the differences overflow",
    });
  });

  it("refuses columns of two lengths, units of a third, and a level that is none", () => {
    expect(() => pairedTTest([1], [1, 2])).toThrow(
      new RangeError("pairedTTest needs columns of one length, got 1 and 2"),
    );
    expect(() => pairedTTest([1, 3], [1, 2], { units: [1] })).toThrow(
      new RangeError("pairedTTest needs a unit for each pair, got 2 pairs and 1 units"),
    );
    expect(() => pairedTInterval([1, 3], [1, 2], { level: 1 })).toThrow(RangeError);
  });
});

describe("one difference a unit", () => {
  it("is the mean of the unit's differences, in order of appearance", () => {
    expect([...meansByUnit([1, 2, 3, 10], [5, 5, 2, 5])]).toEqual([13 / 3, 3]);
    expect([...meansByUnit([], [])]).toEqual([]);
  });

  it("is zero where the differences cancel up to rounding", () => {
    expect(0.1 + 0.2 - 0.3).not.toBe(0);
    expect([...meansByUnit([0.1, 0.2, -0.3, 1e-300], [1, 1, 1, 2])]).toEqual([0, 1e-300]);
  });

  it("makes the signed-rank test exact by unit: repeating a unit's pairs changes nothing", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: -99, max: 99 }), { minLength: 1, maxLength: 20 }), (own) => {
        const twice = own.flatMap((d) => [d, d]);
        const units = own.flatMap((_, i) => [i, i]);
        expect(signedRank(meansByUnit(twice, units))).toEqual(signedRank(own));
      }),
    );
  });

  it("refuses units of another length", () => {
    expect(() => meansByUnit([1], [])).toThrow(RangeError);
  });
});
