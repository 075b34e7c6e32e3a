/**
 * Count, means and products of k columns. Moments of disjoint samples add up, so a stage of a rollout is a sum of
 * moments of its buckets.
 */
export interface Moments {
  /** units, not requests */
  readonly n: number;
  /** length k */
  readonly mean: readonly number[];
  /** k × k: sums of products about the means */
  readonly products: readonly (readonly number[])[];
}

/**
 * Moments of k columns of equal length, in two passes so that large means do not cancel.
 *
 * @returns n = 0, means 0 and products 0 for empty columns
 * @throws RangeError when the columns differ in length
 */
export function moments(columns: readonly ArrayLike<number>[]): Moments {
  const n = columns[0]?.length ?? 0;
  for (const column of columns) {
    if (column.length !== n) throw new RangeError(`moments needs columns of one length, got ${n} and ${column.length}`);
  }
  const mean = columns.map((column) => (n === 0 ? 0 : sum(n, (i) => column[i] as number) / n));
  const products = columns.map((a, j) =>
    columns.map((b, k) =>
      sum(n, (i) => ((a[i] as number) - (mean[j] as number)) * ((b[i] as number) - (mean[k] as number))),
    ),
  );
  return { n, mean, products };
}

function sum(n: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += term(i);
  return total;
}
