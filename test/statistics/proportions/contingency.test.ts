import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contingencyTest } from "../../../statistics/proportions/contingency.ts";

const table = fc
  .record({ rows: fc.integer({ min: 2, max: 5 }), columns: fc.integer({ min: 2, max: 5 }) })
  .chain(({ rows, columns }) =>
    fc.array(fc.array(fc.integer({ min: 1, max: 500 }), { minLength: columns, maxLength: columns }), {
      minLength: rows,
      maxLength: rows,
    }),
  );
const statistic = fc.constantFrom("pearson" as const, "likelihood-ratio" as const);

function of(own: readonly (readonly number[])[], options?: Parameters<typeof contingencyTest>[1]) {
  const result = contingencyTest(own, options);
  if (result.status !== "ok") throw new Error(result.reason);
  return result;
}

const close = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-11 * Math.max(1, Math.abs(b)));

describe("the chi-squared test of a table", () => {
  it("does not depend on the order of rows and columns, nor on which is which", () => {
    fc.assert(
      fc.property(table, statistic, (own, which) => {
        const wanted = of(own, { statistic: which });
        const turned = (own[0] as number[]).map((_, j) => own.map((row) => row[j] as number));
        for (const other of [[...own].reverse(), own.map((row) => [...row].reverse()), turned]) {
          close(of(other, { statistic: which }).statistic, wanted.statistic);
          expect(of(other).degreesOfFreedom).toBe(wanted.degreesOfFreedom);
        }
      }),
    );
  });

  it("grows in proportion when all counts do", () => {
    fc.assert(
      fc.property(table, statistic, fc.integer({ min: 2, max: 9 }), (own, which, times) => {
        const larger = own.map((row) => row.map((count) => count * times));
        close(of(larger, { statistic: which }).statistic, times * of(own, { statistic: which }).statistic);
      }),
    );
  });

  it("expects the margins that were seen", () => {
    fc.assert(
      fc.property(table, (own) => {
        const { expected, smallestExpected } = of(own);
        const sum = (row: readonly number[]) => row.reduce((a, b) => a + b, 0);
        own.forEach((row, i) => {
          close(sum(expected[i] as number[]), sum(row));
        });
        expect(smallestExpected).toBe(Math.min(...expected.flat()));
      }),
    );
  });

  it("of rows in the same proportions is 0, with p = 1", () => {
    const same = [
      [3, 6, 9],
      [10, 20, 30],
    ];
    expect(of(same)).toMatchObject({ statistic: 0, pValue: 1, degreesOfFreedom: 2 });
    expect(of(same, { statistic: "likelihood-ratio" })).toMatchObject({ statistic: 0, pValue: 1 });
  });

  it("by likelihood keeps its digits next to independence", () => {
    const near = [
      [1e9 + 1, 1e9],
      [1e9, 1e9 + 1],
    ];
    // the statistics differ by some 1e-9 of themselves, while o·ln(o/e) alone cancels to nothing
    expect(of(near, { statistic: "likelihood-ratio" }).statistic / of(near).statistic).toBeCloseTo(1, 6);
  });

  it("keeps the digits of a small tail", () => {
    const { statistic: own, pValue } = of([
      [1000, 0],
      [0, 1000],
    ]);
    expect(own).toBe(2000);
    // below the least double
    expect(pValue).toBe(0);
    // scipy 1.17.1, chi2.sf(200, 1)
    expect(
      of([
        [100, 0],
        [0, 100],
      ]).pValue / 2.0884875837625688e-45,
    ).toBeCloseTo(1, 9);
  });

  it("corrects tables of 2 × 2 only, and never past their expectation", () => {
    const large = [
      [3, 8, 9],
      [10, 2, 30],
    ];
    expect(of(large, { continuityCorrection: true })).toEqual(of(large));
    const level = [
      [10, 10],
      [10, 10],
    ];
    expect(of(level, { continuityCorrection: true }).statistic).toBe(0);
  });

  it("is undetermined when a row or a column is empty", () => {
    expect(
      contingencyTest([
        [0, 0],
        [3, 4],
      ]),
    ).toEqual({ status: "undetermined", reason: "row 1 of the table is empty" });
    expect(
      contingencyTest([
        [1, 0],
        [3, 0],
      ]),
    ).toEqual({
      status: "undetermined",
      reason: "column 2 of the table is empty",
    });
  });

  it.each([
    [[]],
    [[[1, 2]]],
    [[[1], [2]]],
    [[[1, 2], [3]]],
    [
      [
        [1, 2],
        [3, -1],
      ],
    ],
    [
      [
        [1, 2],
        [3, Number.NaN],
      ],
    ],
  ])("refuses %j", (own) => {
    expect(() => contingencyTest(own)).toThrow(RangeError);
  });
});
