import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binomialMassLog, logChoose } from "../../../statistics/distributions.ts";
import { conditionalOddsRatio, fisherExact } from "../../../statistics/proportions/exact-proportions.ts";
import type { Count } from "../../../statistics/proportions/proportions.ts";
import { barnardExact, boschlooExact } from "../../../statistics/proportions/unconditional-proportions.ts";

const countOf = (most: number) =>
  fc
    .integer({ min: 1, max: most })
    .chain((n) => fc.integer({ min: 0, max: n }).map((events): Count => ({ n, events })));
const count = countOf(300);
const few = countOf(25);

function ok<T extends { status: string }>(result: T) {
  if (result.status !== "ok") fc.pre(false);
  return result as Extract<T, { status: "ok" }>;
}

describe("Fisher's exact test", () => {
  it("turns with its arms, and with events for failures", () => {
    fc.assert(
      fc.property(count, count, fc.boolean(), (control, candidate, midP) => {
        const failures = ({ events, n }: Count) => ({ events: n - events, n });
        const own = ok(fisherExact(control, candidate, { midP }));
        const turned = [
          fisherExact(candidate, control, { midP }),
          fisherExact(failures(control), failures(candidate), { midP }),
        ];
        for (const other of turned) {
          expect(ok(other).less).toBeCloseTo(own.greater, 11);
          expect(ok(other).twoSided).toBeCloseTo(own.twoSided, 11);
        }
      }),
    );
  });

  it("counts the table seen on both sides, and the mid-p halves of it once in all", () => {
    fc.assert(
      fc.property(count, count, (control, candidate) => {
        const own = ok(fisherExact(control, candidate));
        const mid = ok(fisherExact(control, candidate, { midP: true }));
        expect(mid.less + mid.greater).toBeCloseTo(1, 11);
        expect(own.less + own.greater).toBeCloseTo(1 + 2 * (own.less - mid.less), 11);
        expect(mid.twoSided).toBeLessThan(own.twoSided);
      }),
    );
  });

  it("keeps the digits of a tail of 1e-84", () => {
    const { greater, twoSided } = ok(fisherExact({ events: 0, n: 1000 }, { events: 50, n: 50 }));
    const exact = Math.exp(-logChoose(1050, 50));
    expect(greater / exact).toBeCloseTo(1, 9);
    expect(twoSided / exact).toBeCloseTo(1, 9);
  });

  it.each([
    [10, 10, 0.013],
    [40, 40, 0.0331],
  ])("rejects no more than it says with %d and %d trials (exact enumeration at a rate of 1/2)", (n0, n1, most) => {
    let rejected = 0;
    for (let a = 0; a <= n0; a++) {
      for (let b = 0; b <= n1; b++) {
        const test = fisherExact({ events: a, n: n0 }, { events: b, n: n1 });
        if (test.status !== "ok" || test.twoSided > 0.05) continue;
        rejected += Math.exp(binomialMassLog(a, n0, 0.5) + binomialMassLog(b, n1, 0.5));
      }
    }
    expect(rejected).toBeLessThanOrEqual(most);
    expect(rejected).toBeGreaterThan(0.01);
  });

  it.each<[Count, Count]>([
    [
      { events: 0, n: 5 },
      { events: 0, n: 9 },
    ],
    [
      { events: 5, n: 5 },
      { events: 9, n: 9 },
    ],
    [
      { events: 0, n: 0 },
      { events: 2, n: 9 },
    ],
  ])("is undetermined for %j and %j, where only one table is possible", (control, candidate) => {
    const undetermined = { status: "undetermined", reason: "only one table has these margins" };
    expect(fisherExact(control, candidate)).toEqual(undetermined);
    expect(conditionalOddsRatio(control, candidate)).toEqual(undetermined);
  });

  it("refuses counts that are not whole, or impossible", () => {
    expect(() => fisherExact({ events: 1.5, n: 5 }, { events: 1, n: 5 })).toThrow(
      new RangeError("fisherExact needs whole counts, got control events=1.5, n=5"),
    );
    expect(() => fisherExact({ events: 1, n: 5 }, { events: 7, n: 5 })).toThrow(RangeError);
  });
});

describe("the conditional odds ratio", () => {
  it("has 1 outside its interval exactly when a one-sided test rejects at half of what the level leaves", () => {
    fc.assert(
      fc.property(count, count, fc.constantFrom(0.8, 0.95), (control, candidate, level) => {
        const { low, high } = ok(conditionalOddsRatio(control, candidate, { level }));
        const { less, greater } = ok(fisherExact(control, candidate));
        const tail = (1 - level) / 2;
        fc.pre(Math.abs(less - tail) > 1e-9 && Math.abs(greater - tail) > 1e-9);
        expect(low > 1).toBe(greater < tail);
        expect(high < 1).toBe(less < tail);
      }),
    );
  });

  it("turns with its arms", () => {
    fc.assert(
      fc.property(count, count, (control, candidate) => {
        const own = ok(conditionalOddsRatio(control, candidate));
        const turned = ok(conditionalOddsRatio(candidate, control));
        if (own.value > 0 && own.value < Infinity) expect(turned.value * own.value).toBeCloseTo(1, 8);
        if (own.high < Infinity) expect(turned.low * own.high).toBeCloseTo(1, 8);
      }),
    );
  });

  it("is 0 or infinite when the candidate's count is as low or as high as it can be", () => {
    expect(conditionalOddsRatio({ events: 5, n: 9 }, { events: 0, n: 9 })).toMatchObject({ value: 0, low: 0 });
    expect(conditionalOddsRatio({ events: 0, n: 9 }, { events: 5, n: 9 })).toMatchObject({
      value: Infinity,
      high: Infinity,
    });
  });

  it("refuses a level that is none", () => {
    expect(() => conditionalOddsRatio({ events: 1, n: 5 }, { events: 1, n: 5 }, { level: 95 })).toThrow(RangeError);
  });
});

describe.each([
  ["Boschloo's", boschlooExact],
  ["Barnard's", barnardExact],
])("%s exact test", (_, test) => {
  it("turns with its arms", () => {
    fc.assert(
      fc.property(few, few, (control, candidate) => {
        const own = ok(test(control, candidate));
        const turned = ok(test(candidate, control));
        expect(turned.less).toBeCloseTo(own.greater, 9);
        expect(turned.twoSided).toBeCloseTo(own.twoSided, 9);
      }),
      { numRuns: 50 },
    );
  });

  it("holds its level at 12 : 5 whatever the common rate (exact enumeration)", () => {
    const [n0, n1] = [12, 5];
    const results = Array.from({ length: n0 + 1 }, (_, a) =>
      Array.from({ length: n1 + 1 }, (_, b) => test({ events: a, n: n0 }, { events: b, n: n1 })),
    );
    for (let rate = 0.01; rate < 1; rate += 0.01) {
      const rejected = { less: 0, greater: 0, twoSided: 0 };
      results.forEach((row, a) => {
        row.forEach((result, b) => {
          if (result.status !== "ok") return;
          const p = Math.exp(binomialMassLog(a, n0, rate) + binomialMassLog(b, n1, rate));
          for (const side of ["less", "greater", "twoSided"] as const) if (result[side] <= 0.05) rejected[side] += p;
        });
      });
      for (const share of Object.values(rejected)) expect(share).toBeLessThanOrEqual(0.05);
    }
  });

  it("is undetermined when all trials came out alike, without trials, and for too many tables", () => {
    expect(test({ events: 0, n: 5 }, { events: 0, n: 9 }).status).toBe("undetermined");
    expect(test({ events: 5, n: 5 }, { events: 9, n: 9 }).status).toBe("undetermined");
    expect(test({ events: 0, n: 0 }, { events: 2, n: 9 }).status).toBe("undetermined");
    expect(test({ events: 5, n: 50_000 }, { events: 2, n: 500 })).toMatchObject({
      reason: "25050501 tables are too many to enumerate",
    });
  });

  it("refuses counts that are not whole", () => {
    expect(() => test({ events: 0.5, n: 5 }, { events: 0, n: 9 })).toThrow(RangeError);
  });
});

describe("Boschloo's exact test", () => {
  it("is never weaker than Fisher's on one side", () => {
    fc.assert(
      fc.property(few, few, (control, candidate) => {
        const own = ok(boschlooExact(control, candidate));
        const fisher = ok(fisherExact(control, candidate));
        expect(own.less).toBeLessThanOrEqual(fisher.less * (1 + 1e-9));
        expect(own.greater).toBeLessThanOrEqual(fisher.greater * (1 + 1e-9));
      }),
      { numRuns: 100 },
    );
  });
});
