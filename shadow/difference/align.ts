/** How many cells of tables alignments may still fill, together. */
export interface AlignmentBudget {
  cells: number;
}

/**
 * The partner of each left item among the right ones, -1 without one: equal items in a longest common subsequence.
 *
 * Equal beginnings and ends are partners first, and items that the other side lacks take no part, so that the quadratic table
 * is small for sequences with few differences; where it would exceed the budget no more partners are found.
 *
 * Source: Wagner and Fischer (1974), J. ACM 21:168–173.
 */
export function align(left: readonly number[], right: readonly number[], budget: AlignmentBudget): Int32Array {
  const partners = new Int32Array(left.length).fill(-1);
  const ends = trimmed(left, right, (i, j) => {
    partners[i] = j;
  });
  const common = new Set(right.slice(ends.start, ends.rightEnd));
  const ours = places(left, ends.start, ends.leftEnd, common);
  const theirs = places(right, ends.start, ends.rightEnd, new Set(ours.map((i) => left[i] as number)));
  const l = ours.map((i) => left[i] as number);
  const r = theirs.map((j) => right[j] as number);
  const pair = (i: number, j: number) => {
    partners[ours[i] as number] = theirs[j] as number;
  };
  const inner = trimmed(l, r, pair);
  longestCommon(l, r, inner, budget, pair);
  return partners;
}

interface Ends {
  readonly start: number;
  readonly leftEnd: number;
  readonly rightEnd: number;
}

type Pairing = (left: number, right: number) => void;

/** Pairs equal beginnings and ends, and says what is left between them. */
function trimmed(left: readonly number[], right: readonly number[], pair: Pairing): Ends {
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) {
    pair(start, start);
    start += 1;
  }
  let leftEnd = left.length;
  let rightEnd = right.length;
  while (leftEnd > start && rightEnd > start && left[leftEnd - 1] === right[rightEnd - 1]) {
    leftEnd -= 1;
    rightEnd -= 1;
    pair(leftEnd, rightEnd);
  }
  return { start, leftEnd, rightEnd };
}

function places(items: readonly number[], start: number, end: number, wanted: ReadonlySet<number>): number[] {
  const found: number[] = [];
  for (let i = start; i < end; i++) if (wanted.has(items[i] as number)) found.push(i);
  return found;
}

function longestCommon(
  left: readonly number[],
  right: readonly number[],
  { start, leftEnd, rightEnd }: Ends,
  budget: AlignmentBudget,
  pair: Pairing,
): void {
  const m = leftEnd - start;
  const n = rightEnd - start;
  if (m === 0 || n === 0 || m * n > budget.cells) return;
  budget.cells -= m * n;
  const width = n + 1;
  // length of the longest common subsequence of left from i and right from j on
  const lengths = new Int32Array((m + 1) * width);
  for (let i = m - 1; i >= 0; i--) {
    for (let j = n - 1; j >= 0; j--) {
      const below = lengths[(i + 1) * width + j] as number;
      const beside = lengths[i * width + j + 1] as number;
      const equal = left[start + i] === right[start + j];
      lengths[i * width + j] = equal ? (lengths[(i + 1) * width + j + 1] as number) + 1 : Math.max(below, beside);
    }
  }
  let i = 0;
  let j = 0;
  while (i < m && j < n) {
    if (left[start + i] === right[start + j]) {
      pair(start + i, start + j);
      i += 1;
      j += 1;
    } else if ((lengths[(i + 1) * width + j] as number) >= (lengths[i * width + j + 1] as number)) i += 1;
    else j += 1;
  }
}
