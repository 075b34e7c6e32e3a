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

/**
 * The root of a rising function between two ends of different sign, to rounding.
 *
 * Source: Ridders (1979), IEEE Trans. Circuits Syst. 26:979–980, with a bisection in each step.
 */
export function risingRoot(f: (x: number) => number, low: number, high: number): number {
  let [a, b] = [low, high];
  let [fa, fb] = [f(a), f(b)];
  if (fa >= 0) return a;
  if (fb <= 0) return b;
  for (let step = 0; step < 200; step++) {
    const middle = (a + b) / 2;
    const fm = f(middle);
    if (fm === 0 || middle === a || middle === b) return middle;
    const ridders = middle - ((middle - a) * fm) / Math.sqrt(fm * fm - fa * fb);
    const fr = f(ridders);
    if (fr === 0 || Math.abs(b - a) <= 1e-14 * Math.max(Math.abs(a), Math.abs(b))) return ridders;
    const points = [
      [middle, fm],
      [ridders, fr],
    ] as const;
    for (const [x, fx] of points) {
      if (fx < 0 && x > a) [a, fa] = [x, fx];
      if (fx > 0 && x < b) [b, fb] = [x, fx];
    }
  }
  return (a + b) / 2;
}

/** A root of a falling function, by widening the bracket until it holds one. */
export function fallingRoot(f: (x: number) => number, low: number, high: number): number {
  let [a, b] = [low, high];
  for (let step = 0; step < 60 && f(a) < 0; step++) [a, b] = [a - (high - low), a];
  for (let step = 0; step < 60 && f(b) > 0; step++) [a, b] = [b, b + (high - low)];
  if (!(f(a) >= 0 && f(b) <= 0)) throw new RangeError(`no root between ${a} and ${b}`);
  return risingRoot((x) => -f(x), a, b);
}
