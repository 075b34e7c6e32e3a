import { chiSquaredUpperTail } from "../distributions.ts";
import { type Undetermined, undetermined } from "../estimate.ts";

/** A test of independence in an r × c table of counts. */
export type ContingencyResult =
  | {
      readonly status: "ok";
      readonly statistic: number;
      /** (r − 1)(c − 1) */
      readonly degreesOfFreedom: number;
      readonly pValue: number;
      /** counts under independence, r × c */
      readonly expected: readonly (readonly number[])[];
      /** below 5, the p-value is a rough one */
      readonly smallestExpected: number;
    }
  | Undetermined;

/**
 * The chi-squared test of an r × c table of counts of independent units, by Pearson's statistic or by the likelihood
 * ratio G.
 *
 * Both are large-sample. With expected counts below 5 the true level may be off in either direction, and G's more so:
 * for 2 × 2 use `fisherExact` or `boschlooExact`, for larger tables `permutationTest`.
 *
 * @param table rows of equal length, at least 2 × 2
 * @param continuityCorrection moves each count of a 2 × 2 table half a unit towards its expectation, but not past it
 *   (Yates); larger tables take no correction
 * @returns undetermined when a row or a column is empty
 * @throws RangeError for ragged or too small tables and for counts that are negative or not finite
 *
 * Source: Pearson (1900), Phil. Mag. 50:157–175; Wilks (1938), Ann. Math. Stat. 9:60–62; Yates (1934), JRSS Suppl. 1:217–235.
 */
export function contingencyTest(
  table: readonly (readonly number[])[],
  {
    statistic = "pearson",
    continuityCorrection = false,
  }: { readonly statistic?: "pearson" | "likelihood-ratio"; readonly continuityCorrection?: boolean } = {},
): ContingencyResult {
  const columns = table[0]?.length ?? 0;
  if (table.length < 2 || columns < 2 || table.some((row) => row.length !== columns)) {
    throw new RangeError(`contingencyTest needs rows of one length, 2 × 2 or more, got ${table.map((r) => r.length)}`);
  }
  for (const count of table.flat()) {
    if (!(count >= 0 && Number.isFinite(count))) {
      throw new RangeError(`contingencyTest needs counts of 0 or more, got ${count}`);
    }
  }
  const rowSums = table.map((row) => row.reduce((a, b) => a + b, 0));
  const columnSums = table.reduce((sums, row) => sums.map((sum, j) => sum + at(row, j)), new Array(columns).fill(0));
  if (rowSums.includes(0)) return undetermined(`row ${rowSums.indexOf(0) + 1} of the table is empty`);
  if (columnSums.includes(0)) return undetermined(`column ${columnSums.indexOf(0) + 1} of the table is empty`);
  const total = rowSums.reduce((a, b) => a + b, 0);
  const expected = rowSums.map((row) => columnSums.map((column: number) => (row / total) * column));
  const degreesOfFreedom = (table.length - 1) * (columns - 1);
  const half = continuityCorrection && degreesOfFreedom === 1 ? 0.5 : 0;
  let distance = 0;
  table.forEach((row, i) => {
    row.forEach((observed, j) => {
      const wanted = at(expected[i] as number[], j);
      const gap = wanted - observed;
      const count = observed + Math.sign(gap) * Math.min(half, Math.abs(gap));
      if (statistic === "pearson") distance += (count - wanted) ** 2 / wanted;
      else distance += 2 * deviance(count, wanted);
    });
  });
  return {
    status: "ok",
    statistic: distance,
    degreesOfFreedom,
    pValue: chiSquaredUpperTail(distance, degreesOfFreedom),
    expected,
    smallestExpected: Math.min(...expected.flat()),
  };
}

/** o·ln(o/e) − (o − e), whose last terms add up to nothing over the table and keep each cell from cancelling. */
function deviance(observed: number, expected: number): number {
  if (observed === 0) return expected;
  const excess = (observed - expected) / expected;
  // near 0, the series of (1 + x)·ln(1 + x) − x
  if (Math.abs(excess) < 1e-4) return expected * excess ** 2 * (1 / 2 - excess / 6 + excess ** 2 / 12);
  return observed * Math.log(observed / expected) - (observed - expected);
}

function at(row: readonly number[], j: number): number {
  return row[j] as number;
}
