/** What rows showed: the categories of row i are codes[offsets[i]] to codes[offsets[i + 1] − 1], each below `categories`. */
export interface Shown {
  readonly offsets: Int32Array;
  readonly codes: Int32Array;
  readonly categories: number;
}

/** How often each category was shown, in all and by unit. */
export interface Tally {
  /** length `categories` */
  readonly counts: Float64Array;
  readonly total: number;
  /** units that showed something, rising */
  readonly units: readonly number[];
  /** cells of units[k]: from starts[k] to starts[k + 1], each a category with its count, categories rising */
  readonly starts: readonly number[];
  readonly category: readonly number[];
  readonly count: readonly number[];
}

/** A functional of what was shown, to first order in each showing and to second order in its variance. */
export interface Linearised {
  readonly estimate: number;
  /** of one showing of each category; over all showings they sum to 0 */
  readonly influence: Float64Array;
  /** variance of second order, times the square of the number of showings */
  readonly curvature: number;
}

/** @param unit of every row; @param rows those that count */
export function tally({ offsets, codes, categories }: Shown, unit: Int32Array, rows: readonly number[]): Tally {
  const counts = new Float64Array(categories);
  const own = new Float64Array(categories);
  const cells = cellList();
  for (const group of byUnit(unit, rows)) {
    const touched: number[] = [];
    for (const row of group) {
      for (let k = offsets[row] as number; k < (offsets[row + 1] as number); k++) {
        const code = codes[k] as number;
        if (own[code] === 0) touched.push(code);
        own[code] = (own[code] as number) + 1;
      }
    }
    cells.add(unit[group[0] as number] as number, touched, own, counts);
  }
  return { counts, total: sum(counts), ...cells.found };
}

/** The same showings in fewer categories: category c becomes groups[c]. */
export function regrouped({ units, starts, category, count }: Tally, groups: Int32Array, categories: number): Tally {
  const counts = new Float64Array(categories);
  const own = new Float64Array(categories);
  const cells = cellList();
  for (const [k, unit] of units.entries()) {
    const touched: number[] = [];
    for (let at = starts[k] as number; at < (starts[k + 1] as number); at++) {
      const group = groups[category[at] as number] as number;
      if (own[group] === 0) touched.push(group);
      own[group] = (own[group] as number) + (count[at] as number);
    }
    cells.add(unit, touched, own, counts);
  }
  return { counts, total: sum(counts), ...cells.found };
}

/**
 * Σ over categories of weight · Cov(share in a, share in b), by unit: independent units, whatever there is inside one.
 *
 * With a = b it is the weighted sum of the shares' variances, share · (1 − share) / total where each showing is a unit of its
 * own; no unit in both gives 0.
 *
 * Source: the linearised variance of a ratio, Cochran (1977), Sampling Techniques, eq. 6.13, without its n / (n − 1).
 */
export function weightedCovariance(a: Tally, b: Tally, weights: Float64Array): number {
  if (a.total === 0 || b.total === 0) return 0;
  let both = 0;
  for (let c = 0; c < weights.length; c++)
    both += (((weights[c] as number) * (a.counts[c] as number)) / a.total) * ((b.counts[c] as number) / b.total);
  let found = 0;
  let l = 0;
  for (const [k, unit] of a.units.entries()) {
    while (l < b.units.length && (b.units[l] as number) < unit) l += 1;
    if (b.units[l] !== unit) continue;
    found += unitProduct(a, k, b, l, weights, both);
  }
  return found / (a.total * b.total);
}

/** Σ w (x − p·d)(y − q·e) of one unit with counts x, y and totals d, e. */
function unitProduct(a: Tally, k: number, b: Tally, l: number, weights: Float64Array, both: number): number {
  let [d, e, product, expectedA, expectedB] = [0, 0, 0, 0, 0];
  let j = b.starts[l] as number;
  const end = b.starts[l + 1] as number;
  for (let m = j; m < end; m++) {
    const c = b.category[m] as number;
    e += b.count[m] as number;
    expectedB += (((weights[c] as number) * (a.counts[c] as number)) / a.total) * (b.count[m] as number);
  }
  for (let i = a.starts[k] as number; i < (a.starts[k + 1] as number); i++) {
    const c = a.category[i] as number;
    const x = a.count[i] as number;
    d += x;
    expectedA += (((weights[c] as number) * (b.counts[c] as number)) / b.total) * x;
    while (j < end && (b.category[j] as number) < c) j += 1;
    if (j < end && b.category[j] === c) product += (weights[c] as number) * x * (b.count[j] as number);
  }
  return product - e * expectedA - d * expectedB + d * e * both;
}

/** Variance by unit of the mean influence. */
export function linearVariance({ total, units, starts, category, count }: Tally, influence: Float64Array): number {
  let squares = 0;
  for (let k = 0; k < units.length; k++) {
    let own = 0;
    for (let at = starts[k] as number; at < (starts[k + 1] as number); at++)
      own += (influence[category[at] as number] as number) * (count[at] as number);
    squares += own * own;
  }
  return total === 0 ? 0 : squares / (total * total);
}

/**
 * What influences are multiplied with because those at the observed shares vary with the shares' own error, too: at a null
 * where the true ones vanish they have twice the variance of second order. It is taken off once: estimate and standard error
 * rise together, and taken off twice the level of a fall is 10 % at a nominal 5 % in small arms.
 */
export function withoutOwnError(linear: number, quadratic: number): number {
  return linear > 0 ? Math.sqrt(Math.max(0, 1 - quadratic / linear)) : 0;
}

/** The rows of each unit, units rising, each unit's rows in the order in which they are given. */
export function byUnit(unit: Int32Array, rows: readonly number[]): Int32Array[] {
  const starts = new Int32Array(2 + rows.reduce((most, row) => Math.max(most, unit[row] as number), -1));
  for (const row of rows) starts[(unit[row] as number) + 1] = (starts[(unit[row] as number) + 1] as number) + 1;
  for (let u = 1; u < starts.length; u++) starts[u] = (starts[u] as number) + (starts[u - 1] as number);
  const sorted = new Int32Array(rows.length);
  const next = starts.slice();
  for (const row of rows) {
    const own = unit[row] as number;
    sorted[next[own] as number] = row;
    next[own] = (next[own] as number) + 1;
  }
  const groups: Int32Array[] = [];
  for (let u = 0; u + 1 < starts.length; u++) {
    if ((starts[u] as number) < (starts[u + 1] as number)) groups.push(sorted.subarray(starts[u], starts[u + 1]));
  }
  return groups;
}

function cellList() {
  const found = { units: [] as number[], starts: [0], category: [] as number[], count: [] as number[] };
  return {
    found,
    /** Takes the touched counts of a unit, and leaves 0 behind. */
    add(unit: number, touched: number[], own: Float64Array, counts: Float64Array): void {
      if (touched.length === 0) return;
      for (const code of touched.sort((a, b) => a - b)) {
        found.category.push(code);
        found.count.push(own[code] as number);
        counts[code] = (counts[code] as number) + (own[code] as number);
        own[code] = 0;
      }
      found.units.push(unit);
      found.starts.push(found.category.length);
    },
  };
}

function sum(values: Float64Array): number {
  return values.reduce((all, value) => all + value, 0);
}
