import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textStream } from "../../../statistics/random-stream.ts";
import { kthDifference, kthWalshAverage } from "../../../statistics/ranks/pair-order.ts";
import { lowerMass, mannWhitneyMasses, signedRankMasses } from "../../../statistics/ranks/rank-distributions.ts";
import { mannWhitney } from "../../../statistics/ranks/ranks.ts";
import { hodgesLehmannShift, pseudoMedian } from "../../../statistics/ranks/shift.ts";
import { signedRank, signTest } from "../../../statistics/ranks/signed-rank.ts";

const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const whole = fc.integer({ min: -6, max: 6 });
const arm = fc.oneof(
  fc.array(value, { minLength: 1, maxLength: 70 }),
  fc.array(whole, { minLength: 1, maxLength: 70 }),
);
const options = fc.record({ exactBelow: fc.constantFrom(0, 50), continuityCorrection: fc.boolean() });

function ok<T extends { status: string }>(result: T) {
  if (result.status !== "ok") fc.pre(false);
  return result as Extract<T, { status: "ok" }>;
}

const differencesOf = (control: readonly number[], candidate: readonly number[]) =>
  candidate.flatMap((x) => control.map((y) => x - y)).sort((a, b) => a - b);

describe("Mann and Whitney's test", () => {
  it("turns with its arms", () => {
    fc.assert(
      fc.property(arm, arm, options, (control, candidate, own) => {
        const there = ok(mannWhitney(control, candidate, own));
        const back = ok(mannWhitney(candidate, control, own));
        expect(there.statistic + back.statistic).toBe(control.length * candidate.length);
        expect(back.less).toBeCloseTo(there.greater, 12);
        expect(back.twoSided).toBeCloseTo(there.twoSided, 12);
      }),
    );
  });

  it("sees ranks alone: any rising change of all values leaves it as it is", () => {
    fc.assert(
      fc.property(fc.array(whole, { minLength: 1 }), fc.array(whole, { minLength: 1 }), options, (a, b, own) => {
        const change = (x: number) => Math.exp(x / 2) + 1000;
        expect(mannWhitney(a.map(change), b.map(change), own)).toEqual(mannWhitney(a, b, own));
      }),
    );
  });

  it("counts the pairs that the candidate wins, and ties for a half", () => {
    fc.assert(
      fc.property(arm, arm, (control, candidate) => {
        const wins = differencesOf(control, candidate).reduce((n, d) => n + (d > 0 ? 1 : d === 0 ? 0.5 : 0), 0);
        expect(ok(mannWhitney(control, candidate)).statistic).toBe(wins);
      }),
    );
  });

  it("is exact below the size given, where no two values are equal, and normal elsewhere", () => {
    const control = Array.from({ length: 49 }, (_, i) => i);
    const candidate = Array.from({ length: 49 }, (_, i) => i + 7.5);
    const asked = { exactBelow: 0 };
    expect(mannWhitney(control, candidate)).not.toEqual(mannWhitney(control, candidate, asked));
    expect(mannWhitney([...control, 99], candidate)).toEqual(mannWhitney([...control, 99], candidate, asked));
    expect(mannWhitney([...control, 99], candidate, { exactBelow: 51 })).not.toEqual(
      mannWhitney([...control, 99], candidate),
    );
    const tied = [...candidate.slice(1), 0];
    expect(mannWhitney(control, tied)).toEqual(mannWhitney(control, tied, asked));
  });

  it("keeps its level on A/A traffic at 1 : 19 with ties: 3,000 draws, 4 standard errors, false alarm 6e-5", () => {
    const random = textStream("ranks A/A");
    const draw = (n: number) => Array.from({ length: n }, () => Math.floor(-3 * Math.log(1 - random())));
    let rejected = 0;
    for (let i = 0; i < 3000; i++) {
      const result = mannWhitney(draw(190), draw(10), { continuityCorrection: false });
      if (result.status === "ok" && result.twoSided <= 0.05) rejected++;
    }
    const error = Math.sqrt((0.05 * 0.95) / 3000);
    // the normal approximation itself is off by some .003 at 10 against 190
    expect(Math.abs(rejected / 3000 - 0.05)).toBeLessThan(4 * error + 0.003);
  });

  it("is undetermined for an empty arm, NaN, and values that are all equal", () => {
    expect(mannWhitney([], [1])).toEqual({ status: "undetermined", reason: "an arm is empty" });
    expect(mannWhitney([1], [2, Number.NaN])).toEqual({ status: "undetermined", reason: "a value is NaN" });
    expect(mannWhitney([1, 1], [1])).toEqual({ status: "undetermined", reason: "all values are equal" });
  });

  it("ranks infinite values, and takes 0 and −0 for equal", () => {
    expect(ok(mannWhitney([-Infinity, 0], [Infinity, Infinity])).statistic).toBe(4);
    expect(mannWhitney([0], [-0])).toEqual({ status: "undetermined", reason: "all values are equal" });
  });

  it("refuses a negative exactBelow", () => {
    expect(() => mannWhitney([1], [2], { exactBelow: -1 })).toThrow(RangeError);
    expect(() => signedRank([1], { exactBelow: Number.NaN })).toThrow(RangeError);
  });
});

describe("the null distributions of rank sums", () => {
  it("add up to 1 and are symmetric", () => {
    for (const masses of [mannWhitneyMasses(7, 31), mannWhitneyMasses(1, 1), signedRankMasses(40)]) {
      expect(lowerMass(masses, masses.length)).toBeCloseTo(1, 12);
      masses.forEach((mass, k) => {
        expect(mass).toBeCloseTo(masses[masses.length - 1 - k] as number, 14);
      });
    }
  });

  it("of all splits of five values into two and three are those counted by hand", () => {
    expect([...mannWhitneyMasses(2, 3)].map((mass) => Math.round(mass * 10))).toEqual([1, 1, 2, 2, 2, 1, 1]);
    expect([...signedRankMasses(3)].map((mass) => mass * 8)).toEqual([1, 1, 1, 2, 1, 1, 1]);
  });

  it("keep the digits of the smallest tail: one arrangement of C(98, 49)", () => {
    expect((mannWhitneyMasses(49, 49)[0] as number) * 2.547761225898086e28).toBeCloseTo(1, 11);
  });
});

describe("an order statistic of pairs", () => {
  it("is the one found by listing all differences", () => {
    fc.assert(
      fc.property(arm, arm, fc.double({ min: 0, max: 0.999, noNaN: true }), (control, candidate, share) => {
        const all = differencesOf(control, candidate);
        const k = Math.floor(share * all.length);
        const found = kthDifference(Float64Array.from(candidate).sort(), Float64Array.from(control).sort(), k + 1);
        expect(found === all[k]).toBe(true);
      }),
    );
  });

  it("is the one found by listing all averages", () => {
    fc.assert(
      fc.property(arm, fc.double({ min: 0, max: 0.999, noNaN: true }), (values, share) => {
        const own = [...values].sort((a, b) => a - b);
        const all = own.flatMap((x, i) => own.slice(i).map((y) => x / 2 + y / 2)).sort((a, b) => a - b);
        const k = Math.floor(share * all.length);
        expect(kthWalshAverage(Float64Array.from(own), k + 1) === all[k]).toBe(true);
      }),
    );
  });
});

describe("Hodges and Lehmann's shift", () => {
  it("turns with its arms", () => {
    fc.assert(
      fc.property(arm, arm, options, (control, candidate, own) => {
        const there = ok(hodgesLehmannShift(control, candidate, own));
        const back = ok(hodgesLehmannShift(candidate, control, own));
        expect([-back.high, -back.value, -back.low].map((x) => x + 0)).toEqual(
          [there.low, there.value, there.high].map((x) => x + 0),
        );
      }),
    );
  });

  it("moves with the candidate and scales with both: whole numbers, without rounding", () => {
    const wholes = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(wholes, wholes, options, (control, candidate, own) => {
        const there = ok(hodgesLehmannShift(control, candidate, own));
        const moved = ok(
          hodgesLehmannShift(
            control.map((x) => 8 * x),
            candidate.map((x) => 8 * x + 56),
            // a shift may make or part ties, and with them the choice of the exact form
            { ...own, exactBelow: 0 },
          ),
        );
        const same = ok(hodgesLehmannShift(control, candidate, { ...own, exactBelow: 0 }));
        expect(moved.value).toBe(8 * there.value + 56);
        expect([moved.low, moved.high]).toEqual([8 * same.low + 56, 8 * same.high + 56]);
      }),
    );
  });

  it("agrees with the exact test: a shift is inside exactly when it is not rejected", () => {
    const distinct = fc.uniqueArray(fc.integer({ min: -5000, max: 5000 }), { minLength: 5, maxLength: 30 });
    fc.assert(
      fc.property(distinct, distinct, fc.integer({ min: -6000, max: 6000 }), (control, candidate, at) => {
        const shift = at + 0.5;
        const { low, high, level } = ok(
          hodgesLehmannShift(
            control,
            candidate.map((x) => x + 0.25),
          ),
        );
        const test = mannWhitney(
          control,
          candidate.map((x) => x + 0.25 - shift),
        );
        expect(shift < low || shift > high).toBe(ok(test).twoSided <= 1 - level);
      }),
    );
  });

  it("agrees with the normal test without ties, likewise", () => {
    const distinct = fc.uniqueArray(fc.integer({ min: -5000, max: 5000 }), { minLength: 8, maxLength: 60 });
    fc.assert(
      fc.property(distinct, distinct, fc.integer({ min: -6000, max: 6000 }), (control, candidate, at) => {
        const shift = at + 0.5;
        const moved = candidate.map((x) => x + 0.25);
        const { low, high } = ok(hodgesLehmannShift(control, moved, { exactBelow: 0, level: 0.9 }));
        const test = mannWhitney(
          control,
          moved.map((x) => x - shift),
          { exactBelow: 0 },
        );
        expect(shift < low || shift > high).toBe(ok(test).twoSided < 0.1);
      }),
    );
  });

  it("gives the whole range with the level that it reaches when the arms are too small", () => {
    // two against three: P(U = 0) = 1/10
    expect(hodgesLehmannShift([0, 1], [10, 20, 40])).toMatchObject({ value: 19.5, low: 9, high: 40, level: 0.8 });
    expect(hodgesLehmannShift([0, 1], [10, 20, 40], { level: 0.7 })).toMatchObject({ level: 0.7 });
  });

  it("is undetermined for an empty arm, values that are not finite, and one difference", () => {
    expect(hodgesLehmannShift([], [1])).toEqual({ status: "undetermined", reason: "an arm is empty" });
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      expect(hodgesLehmannShift([1, bad], [2])).toEqual({ status: "undetermined", reason: "a value is not finite" });
    }
    expect(hodgesLehmannShift([-1.5e308, 0], [1.5e308, 1])).toMatchObject({ reason: "a difference overflows" });
    expect(hodgesLehmannShift([1, 1], [4])).toEqual({ status: "undetermined", reason: "all differences are equal" });
    expect(() => hodgesLehmannShift([1, 2], [4], { level: 1 })).toThrow(RangeError);
  });

  it("of 100 against 100,000 is found without listing ten million differences", () => {
    const control = Float64Array.from({ length: 100_000 }, (_, i) => i);
    const candidate = Float64Array.from({ length: 100 }, (_, i) => 1000 * i + 0.5);
    // the candidates' mean is 49,500.5 and the controls' 49,999.5, and both are symmetric
    expect(hodgesLehmannShift(control, candidate)).toMatchObject({ value: -499 });
  });
});

describe("the signed-rank test", () => {
  const differences = fc.oneof(fc.array(value, { maxLength: 70 }), fc.array(whole, { maxLength: 70 }));

  it("turns with its differences", () => {
    fc.assert(
      fc.property(differences, options, (own, how) => {
        const there = ok(signedRank(own, how));
        const back = ok(
          signedRank(
            own.map((d) => -d),
            how,
          ),
        );
        expect(back.less).toBeCloseTo(there.greater, 12);
        expect(back.twoSided).toBeCloseTo(there.twoSided, 12);
      }),
    );
  });

  it("does not see zeros by the normal form, nor the unit of measure", () => {
    fc.assert(
      fc.property(differences, (own) => {
        const wanted = signedRank(own, { exactBelow: 0 });
        expect(signedRank([...own, 0, 0, -0], { exactBelow: 0 })).toEqual(wanted);
        expect(
          signedRank(
            own.map((d) => 4 * d),
            { exactBelow: 0 },
          ),
        ).toEqual(wanted);
      }),
    );
  });

  it("is undetermined without a difference other than zero, and for NaN", () => {
    const none = { status: "undetermined", reason: "no difference other than zero" };
    for (const own of [[], [0, 0, -0]]) {
      expect(signedRank(own)).toEqual(none);
      expect(signTest(own)).toEqual(none);
      expect(pseudoMedian(own)).toEqual(none);
    }
    const bad = { status: "undetermined", reason: "a difference is NaN" };
    expect(signedRank([1, Number.NaN])).toEqual(bad);
    expect(signTest([1, Number.NaN])).toEqual(bad);
    expect(pseudoMedian([1, Number.NaN])).toMatchObject({ reason: "a value is not finite" });
  });

  it("agrees with the pseudo-median's interval without ties", () => {
    const distinct = fc.uniqueArray(fc.integer({ min: 1, max: 9999 }), { minLength: 6, maxLength: 40 });
    fc.assert(
      fc.property(distinct, fc.integer({ min: 0, max: 10_000 }), (own, at) => {
        const shift = at + 0.25;
        const sizes = new Set(own.map((x) => Math.abs(x - shift)));
        fc.pre(sizes.size === own.length);
        const { low, high } = ok(pseudoMedian(own));
        const test = ok(signedRank(own.map((x) => x - shift)));
        expect(shift < low || shift > high).toBe(test.twoSided <= 0.05);
      }),
    );
  });

  it("of one difference has no interval", () => {
    expect(pseudoMedian([3])).toEqual({ status: "undetermined", reason: "all differences are equal" });
    expect(pseudoMedian([1, 2, 4])).toMatchObject({ low: 1, high: 4, level: 0.75 });
  });
});

describe("the sign test", () => {
  it("turns with its differences, and sees signs alone", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 70 }), (own) => {
        const there = ok(signTest(own));
        const back = ok(signTest(own.map((d) => -d)));
        expect(back.less).toBe(there.greater);
        expect(signTest(own.map(Math.sign))).toEqual(there);
      }),
    );
  });
});
