import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantileSequentialTest } from "../../../statistics/quantiles/quantile-sequential-test.ts";
import { randomStream } from "../../../statistics/random-stream.ts";

const sorted = fc
  .array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 120 })
  .map((values) => values.sort((a, b) => a - b));

function ok(...[control, candidate, p, options]: Parameters<typeof quantileSequentialTest>) {
  const test = quantileSequentialTest(control, candidate, p, options);
  if (test.status !== "ok") throw new Error(test.reason);
  return test;
}

describe("the sequential test of a quantile in two arms", () => {
  it("exchanges less and greater when the arms are swapped", () => {
    fc.assert(
      fc.property(sorted, sorted, fc.constantFrom(0.25, 0.5, 0.9), (a, b, p) => {
        const own = ok(a, b, p);
        const other = ok(b, a, p);
        expect(other.less).toBeCloseTo(own.greater, 10);
        expect(other.greater).toBeCloseTo(own.less, 10);
        expect(other.twoSided).toBeCloseTo(own.twoSided, 10);
      }),
    );
  });

  it("sees only the order of values: units and monotone changes do not matter", () => {
    fc.assert(
      fc.property(sorted, sorted, (a, b) => {
        const change = (values: number[]) => values.map((x) => 1e-12 * Math.exp(x / 5) - 3);
        fc.pre(new Set(change([...a, ...b])).size === new Set([...a, ...b]).size);
        expect(ok(change(a), change(b), 0.5)).toEqual(ok(a, b, 0.5));
      }),
    );
  });

  it("exchanges less and greater when the values are turned round", () => {
    fc.assert(
      fc.property(sorted, sorted, (a, b) => {
        const turn = (values: number[]) => values.map((x) => -x).reverse();
        const own = ok(a, b, 0.75);
        const turned = ok(turn(a), turn(b), 0.25);
        expect(turned.less).toBeCloseTo(own.greater, 10);
        expect(turned.greater).toBeCloseTo(own.less, 10);
        expect(turned.twoSided).toBeCloseTo(own.twoSided, 8);
      }),
    );
  });

  it("finds nothing when all values are equal, or when there is one of each", () => {
    expect(ok([5, 5, 5], [5, 5], 0.5)).toMatchObject({ less: 1, greater: 1, twoSided: 1 });
    expect(ok([1], [2], 0.5).twoSided).toBe(1);
  });

  it("finds arms that do not overlap, at 1 : 20", () => {
    const control = Array.from({ length: 4000 }, (_, i) => i);
    const candidate = Array.from({ length: 200 }, (_, i) => 5000 + i);
    const test = ok(control, candidate, 0.5, { tunedTo: 200 });
    expect(test.greater).toBeLessThan(1e-20);
    expect(test.less).toBe(1);
  });

  it("calls equal arms different at some of 20 looks in at most 20 % of runs, at 1 : 4", () => {
    const replicates = 150;
    let alarms = 0;
    for (let replicate = 0; replicate < replicates; replicate++) {
      const draw = randomStream([9, 9], 1, replicate);
      const arms: [number[], number[]] = [[], []];
      for (let look = 1; look <= 20; look++) {
        for (let i = 0; i < 40; i++) arms[0].push(-Math.log(1 - draw()));
        for (let i = 0; i < 10; i++) arms[1].push(-Math.log(1 - draw()));
        const [control, candidate] = arms.map((values) => Float64Array.from(values).sort()) as [
          Float64Array,
          Float64Array,
        ];
        if (ok(control, candidate, 0.75, { tunedTo: 200, tunedAlpha: 0.2 }).greater >= 0.2) continue;
        alarms++;
        break;
      }
    }
    // a share above .2 + 4 standard errors has probability below 3.2e-5 if the level is .2
    expect(alarms / replicates).toBeLessThanOrEqual(0.2 + 4 * Math.sqrt((0.2 * 0.8) / replicates));
  });

  it("is undetermined with an empty arm or a NaN", () => {
    expect(quantileSequentialTest([], [1], 0.5).status).toBe("undetermined");
    expect(quantileSequentialTest([1], [], 0.5).status).toBe("undetermined");
    expect(quantileSequentialTest([1, Number.NaN], [1], 0.5).status).toBe("undetermined");
  });

  it("refuses values that are not sorted, and p outside (0, 1)", () => {
    expect(() => quantileSequentialTest([2, 1], [1], 0.5)).toThrow(RangeError);
    expect(() => quantileSequentialTest([1], [1], 1)).toThrow(RangeError);
  });
});
