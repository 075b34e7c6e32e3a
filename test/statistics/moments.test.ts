import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addMoments,
  columnMoments,
  type Moments,
  moments,
  momentsOfRows,
  sumMoments,
} from "../../statistics/moments.ts";

const row = fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -1000, max: 1000 }));
const rows = fc.array(row, { maxLength: 30 });

/** Sums of at most 90 products below 4e6, each rounded to 2^-53 of itself a few times over. */
function expectSame(got: Moments, wanted: Moments): void {
  expect(got.n).toBe(wanted.n);
  got.mean.forEach((mean, j) => {
    expect(Math.abs(mean - (wanted.mean[j] as number))).toBeLessThan(1e-10);
  });
  got.products.flat().forEach((product, i) => {
    expect(Math.abs(product - (wanted.products.flat()[i] as number))).toBeLessThan(1e-5);
  });
}

describe("moments of disjoint samples", () => {
  it("add up to those of the whole", () => {
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 3 }), (parts) => {
        expectSame(sumMoments(parts.map((part) => momentsOfRows(part, 2))), momentsOfRows(parts.flat(), 2));
      }),
    );
  });

  it("add up in any order", () => {
    fc.assert(
      fc.property(rows, rows, rows, (a, b, c) => {
        const [x, y, z] = [momentsOfRows(a, 2), momentsOfRows(b, 2), momentsOfRows(c, 2)];
        expectSame(addMoments(x, y), addMoments(y, x));
        expectSame(addMoments(addMoments(x, y), z), addMoments(x, addMoments(y, z)));
      }),
    );
  });

  it("do not change by a sample of nothing", () => {
    const some = momentsOfRows([
      [1, 2],
      [3, 5],
    ]);
    expect(addMoments(some, momentsOfRows([], 2))).toEqual(some);
    expect(addMoments(momentsOfRows([], 2), some)).toEqual(some);
  });

  it("lose nothing to a mean that is large beside the spread", () => {
    const far = 2 ** 40;
    const whole = addMoments(moments([[far, far + 1]]), moments([[far + 2, far + 3]]));
    expect(whole).toEqual({ n: 4, mean: [far + 1.5], products: [[5]] });
  });

  it("need the same columns, and at least one part", () => {
    expect(() => addMoments(moments([[1]]), moments([[1], [2]]))).toThrow(
      new RangeError("addMoments needs the same columns, got 1 and 2"),
    );
    expect(() => sumMoments([])).toThrow(new RangeError("sumMoments needs at least one part, got none"));
  });
});

describe("moments of rows", () => {
  it("are those of their columns", () => {
    fc.assert(
      fc.property(rows, (own) => {
        expect(momentsOfRows(own, 2)).toEqual(moments([own.map(([a]) => a), own.map(([, b]) => b)]));
      }),
    );
  });

  it("need rows of one length", () => {
    expect(() => momentsOfRows([[1, 2], [3]])).toThrow(new RangeError("momentsOfRows needs rows of 2 numbers, got 1"));
  });
});

describe("mean and variance of a column", () => {
  it("are those of the definition", () => {
    const both = moments([
      [1, 2, 3, 6],
      [2, 0, 2, 0],
    ]);
    expect(columnMoments(both)).toEqual({ n: 4, mean: 3, variance: 14 / 3 });
    expect(columnMoments(both, 1)).toEqual({ n: 4, mean: 1, variance: 4 / 3 });
  });

  it("are not there for nothing, nor the variance for one unit", () => {
    expect(columnMoments(moments([[]]))).toEqual({ n: 0, mean: Number.NaN, variance: Number.NaN });
    expect(columnMoments(moments([[7]]))).toEqual({ n: 1, mean: 7, variance: Number.NaN });
  });
});
