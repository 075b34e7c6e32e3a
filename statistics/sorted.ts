/** Index of the first of rising values that is not below a bound; their number when all are. */
export function firstFrom(rising: ArrayLike<number>, bound: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] as number) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
