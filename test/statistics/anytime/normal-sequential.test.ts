import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  asymptoticInterval,
  asymptoticOneSidedBounds,
  asymptoticTest,
  mixtureSequentialInterval,
  mixtureSequentialTest,
} from "../../../statistics/anytime/normal-sequential.ts";
import type { Estimate, TestResult } from "../../../statistics/estimate.ts";
import { randomStream } from "../../../statistics/random-stream.ts";

const difference = fc.double({ min: -5, max: 5, noNaN: true });
const standardError = fc.double({ min: 0.01, max: 10, noNaN: true });
const units = fc.integer({ min: 2, max: 1_000_000 });

type Ok<T> = Extract<T, { status: "ok" }>;

function ok<T extends TestResult | Estimate>(result: T): Ok<T> {
  if (result.status !== "ok") throw new Error(result.reason);
  return result as Ok<T>;
}

describe.each([
  ["the normal mixture", (d: number, se: number) => mixtureSequentialTest({ difference: d, standardError: se }, 0.3)],
  ["the asymptotic sequence", (d: number, se: number) => asymptoticTest({ difference: d, standardError: se }, 900)],
] as const)("%s", (_, test) => {
  it("exchanges less and greater when the arms are swapped", () => {
    fc.assert(
      fc.property(difference, standardError, (d, se) => {
        const one = ok(test(d, se));
        const other = ok(test(-d, se));
        expect([other.less, other.greater, other.twoSided]).toEqual([one.greater, one.less, one.twoSided]);
      }),
    );
  });

  it("has p-values in [0, 1] that fall with the difference", () => {
    fc.assert(
      fc.property(difference, standardError, (d, se) => {
        const { less, greater, twoSided } = ok(test(d, se));
        for (const p of [less, greater, twoSided]) expect(p >= 0 && p <= 1).toBe(true);
        expect(ok(test(d + 0.1, se)).greater).toBeLessThanOrEqual(greater);
      }),
    );
  });

  it("goes far below 1e-5 and does not stop at 0.4999", () => {
    expect(ok(test(40, 0.5)).greater).toBeLessThan(1e-30);
    expect(ok(test(-0.2, 1)).greater).toBeGreaterThan(0.5);
  });

  it.each([
    [0.1, 0],
    [0.1, Number.NaN],
    [0.1, Number.POSITIVE_INFINITY],
    [Number.NaN, 1],
  ])("is undetermined at a difference of %f with standard error %f", (d, se) => {
    expect(test(d, se).status).toBe("undetermined");
  });
});

describe("tests and intervals agree", () => {
  it("for the mixture: p < 1 − level iff zero is outside", () => {
    fc.assert(
      fc.property(difference, standardError, fc.double({ min: 0.5, max: 0.999, noNaN: true }), (d, se, level) => {
        const current = { difference: d, standardError: se };
        const { low, high } = ok(mixtureSequentialInterval(current, 0.5, level));
        const p = ok(mixtureSequentialTest(current, 0.5)).twoSided;
        fc.pre(Math.abs(p / (1 - level) - 1) > 1e-9);
        expect(p < 1 - level).toBe(low > 0 || high < 0);
      }),
    );
  });

  it("for the asymptotic sequence, on two sides and on each", () => {
    fc.assert(
      fc.property(
        difference,
        standardError,
        units,
        fc.double({ min: 0.6, max: 0.999, noNaN: true }),
        (d, se, n, level) => {
          const current = { difference: d, standardError: se };
          const options = { level, tunedTo: 2000 };
          const test = ok(asymptoticTest(current, n, options));
          const both = ok(asymptoticInterval(current, n, options));
          const each = ok(asymptoticOneSidedBounds(current, n, options));
          for (const p of [test.less, test.greater, test.twoSided]) fc.pre(Math.abs(p / (1 - level) - 1) > 1e-9);
          expect(test.twoSided < 1 - level).toBe(both.low > 0 || both.high < 0);
          expect(test.greater < 1 - level).toBe(each.low > 0);
          expect(test.less < 1 - level).toBe(each.high < 0);
        },
      ),
    );
  });
});

describe("units of measure", () => {
  it("do not matter to the asymptotic sequence, down to 1e-12", () => {
    fc.assert(
      fc.property(difference, standardError, units, (d, se, n) => {
        const k = 1e-12;
        const own = ok(asymptoticInterval({ difference: d, standardError: se }, n));
        const small = ok(asymptoticInterval({ difference: d * k, standardError: se * k }, n));
        expect(Math.abs(small.high / k - own.high)).toBeLessThanOrEqual(
          1e-12 * (Math.abs(own.high) + Math.abs(d) + se),
        );
      }),
    );
  });

  it("do not matter to the mixture when its variance goes with them", () => {
    const k = 1e-12;
    const own = ok(mixtureSequentialTest({ difference: 0.2, standardError: 0.06 }, 0.01));
    const small = ok(mixtureSequentialTest({ difference: 0.2 * k, standardError: 0.06 * k }, 0.01 * k ** 2));
    expect(small.statistic).toBeCloseTo(own.statistic, 12);
    expect(small.greater).toBeCloseTo(own.greater, 12);
  });
});

describe("a process without effect, looked at 100 times", () => {
  // Brownian motion at t = 1 … 100 with variance known: exact but for the gaps between looks, which only help
  const replicates = 2000;
  const share = (test: (difference: number, standardError: number, t: number) => boolean, drift = 0) => {
    let alarms = 0;
    for (let replicate = 0; replicate < replicates; replicate++) {
      const draw = randomStream([4, 2], 0, replicate);
      let sum = 0;
      for (let t = 1; t <= 100; t++) {
        sum += drift + Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
        if (!test(sum / t, 1 / Math.sqrt(t), t)) continue;
        alarms++;
        break;
      }
    }
    return alarms / replicates;
  };
  // a share above .05 + 4 standard errors has probability below 3.2e-5 if the level is .05
  const limit = 0.05 + 4 * Math.sqrt((0.05 * 0.95) / replicates);

  it("is called different in at most 5 % of runs by the mixture, and in more than 1 %", () => {
    const alarms = share(
      (d, se) => ok(mixtureSequentialTest({ difference: d, standardError: se }, 0.1)).twoSided < 0.05,
    );
    expect(alarms).toBeLessThanOrEqual(limit);
    expect(alarms).toBeGreaterThan(0.01);
  });

  it("is called greater in at most 5 % of runs, and hardly ever when it is smaller", () => {
    const greater = (d: number, se: number) =>
      ok(mixtureSequentialTest({ difference: d, standardError: se }, 0.1)).greater < 0.05;
    expect(share(greater)).toBeLessThanOrEqual(limit);
    expect(share(greater)).toBeGreaterThan(0.01);
    expect(share(greater, -0.1)).toBeLessThan(0.05);
  });

  it("is called greater in at most 5 % of runs by the asymptotic test with the true standard error", () => {
    const alarms = share(
      (d, se, t) =>
        t > 1 && ok(asymptoticTest({ difference: d, standardError: se }, t, { tunedTo: 30 })).greater < 0.05,
    );
    expect(alarms).toBeLessThanOrEqual(limit);
    expect(alarms).toBeGreaterThan(0.01);
  });
});

describe("wrong calls", () => {
  const current = { difference: 0.1, standardError: 0.1 };
  it.each([
    () => mixtureSequentialTest(current, 0),
    () => mixtureSequentialInterval(current, 1, 1),
    () => asymptoticInterval(current, 10, { level: 0 }),
    () => asymptoticOneSidedBounds(current, 10, { level: 0.5 }),
    () => asymptoticTest(current, 10, { tunedTo: 0 }),
  ])("are refused: %s", (call) => {
    expect(call).toThrow(RangeError);
  });

  it("one unit has no sequence", () => {
    expect(asymptoticInterval(current, 1).status).toBe("undetermined");
  });
});
