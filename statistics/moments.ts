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

/**
 * Moments of rows of k numbers, one row a unit.
 *
 * @param k number of columns, which says what the moments of no rows are
 * @throws RangeError when a row does not have k numbers
 */
export function momentsOfRows(rows: readonly ArrayLike<number>[], k = rows[0]?.length ?? 0): Moments {
  for (const row of rows) {
    if (row.length !== k) throw new RangeError(`momentsOfRows needs rows of ${k} numbers, got ${row.length}`);
  }
  return moments(Array.from({ length: k }, (_, column) => rows.map((row) => row[column] as number)));
}

/**
 * Moments of two disjoint samples together; a sample of nothing changes nothing.
 *
 * @throws RangeError when the samples differ in their number of columns
 *
 * Source: Chan, Golub & LeVeque (1983), Am. Stat. 37:242–247; Pébay (2008), SAND2008-6212, for products.
 */
export function addMoments(a: Moments, b: Moments): Moments {
  if (a.mean.length !== b.mean.length) {
    throw new RangeError(`addMoments needs the same columns, got ${a.mean.length} and ${b.mean.length}`);
  }
  if (a.n === 0) return b;
  if (b.n === 0) return a;
  const n = a.n + b.n;
  const apart = a.mean.map((mean, j) => (b.mean[j] as number) - mean);
  const weight = (a.n * b.n) / n;
  return {
    n,
    mean: a.mean.map((mean, j) => mean + ((apart[j] as number) * b.n) / n),
    products: a.products.map((row, j) =>
      row.map(
        (product, k) =>
          product +
          ((b.products[j] as readonly number[])[k] as number) +
          weight * (apart[j] as number) * (apart[k] as number),
      ),
    ),
  };
}

/**
 * Moments of any number of disjoint samples together.
 *
 * @throws RangeError when there are none, or when they differ in their number of columns
 */
export function sumMoments(parts: readonly Moments[]): Moments {
  const [first, ...rest] = parts;
  if (!first) throw new RangeError("sumMoments needs at least one part, got none");
  return rest.reduce(addMoments, first);
}

/** Mean and variance (n − 1) of one column; NaN for the mean of nothing and for the variance below two units. */
export function columnMoments(
  { n, mean, products }: Moments,
  column = 0,
): { readonly n: number; readonly mean: number; readonly variance: number } {
  return {
    n,
    mean: n === 0 ? Number.NaN : (mean[column] ?? Number.NaN),
    variance: n < 2 ? Number.NaN : (products[column]?.[column] ?? Number.NaN) / (n - 1),
  };
}

function sum(n: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += term(i);
  return total;
}
