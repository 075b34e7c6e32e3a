/** How many pairs are at or below a cut, and the nearest values of pairs on either side of it. */
interface Split {
  readonly count: number;
  readonly below: number;
  readonly above: number;
}

/**
 * The k-th smallest of all differences a − b, k from 1 to their number, without listing them.
 *
 * @param minuends, subtrahends sorted and finite
 *
 * Bisection on values, each step one pass over both arrays; every cut is moved to a real difference, so the end is exact.
 */
export function kthDifference(minuends: Float64Array, subtrahends: Float64Array, k: number): number {
  const [m, n] = [minuends.length, subtrahends.length];
  const difference = (i: number, j: number) => (minuends[i] as number) - (subtrahends[j] as number);
  const split = (cut: number): Split => {
    let count = 0;
    let below = Number.NEGATIVE_INFINITY;
    let above = Number.POSITIVE_INFINITY;
    let j = 0;
    for (let i = 0; i < m; i++) {
      while (j < n && difference(i, j) > cut) j++;
      count += n - j;
      if (j < n) below = Math.max(below, difference(i, j));
      if (j > 0) above = Math.min(above, difference(i, j - 1));
    }
    return { count, below, above };
  };
  return kth(k, difference(0, n - 1), difference(m - 1, 0), split);
}

/** The k-th smallest of the averages (xᵢ + xⱼ)/2 of all pairs i ≤ j of sorted and finite values (Walsh averages). */
export function kthWalshAverage(values: Float64Array, k: number): number {
  const n = values.length;
  const average = (i: number, j: number) => (values[i] as number) / 2 + (values[j] as number) / 2;
  const split = (cut: number): Split => {
    let count = 0;
    let below = Number.NEGATIVE_INFINITY;
    let above = Number.POSITIVE_INFINITY;
    let j = n - 1;
    for (let i = 0; i < n; i++) {
      while (j >= i && average(i, j) > cut) j--;
      count += Math.max(0, j - i + 1);
      if (j >= i) below = Math.max(below, average(i, j));
      const next = Math.max(j + 1, i);
      if (next < n) above = Math.min(above, average(i, next));
    }
    return { count, below, above };
  };
  return kth(k, average(0, 0), average(n - 1, n - 1), split);
}

function kth(k: number, lowest: number, highest: number, split: (cut: number) => Split): number {
  let [low, high] = [lowest, highest];
  while (low < high) {
    const middle = low / 2 + high / 2;
    const { count, below, above } = split(middle < high && middle >= low ? middle : low);
    if (count >= k) high = below;
    else low = above;
  }
  return low;
}
