/**
 * The border between an interval's `low` side, where a condition holds, and its `high` side, where it does not, by
 * bisection to the last digits of a double; `high` may be the smaller number.
 *
 * @param holds asked only between the ends, never at them
 */
export function lastWhere(holds: (x: number) => boolean, low: number, high: number): number {
  let inside = low;
  let outside = high;
  for (let step = 0; step < 1200; step++) {
    const middle = inside + (outside - inside) / 2;
    if (middle === inside || middle === outside) break;
    if (Math.abs(outside - inside) <= 4e-16 * Math.abs(middle)) break;
    if (holds(middle)) inside = middle;
    else outside = middle;
  }
  return inside + (outside - inside) / 2;
}

/** Where a finite function with one valley between `low` and `high` is least, by golden section, to half the digits of a double. */
export function lowestPoint(f: (x: number) => number, low: number, high: number): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  let left = low;
  let right = high;
  for (let step = 0; step < 80; step++) {
    const width = golden * (right - left);
    if (f(right - width) < f(left + width)) right = left + width;
    else left = right - width;
  }
  return (left + right) / 2;
}
