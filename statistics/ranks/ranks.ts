import { normalUpperTail } from "../distributions.ts";
import { type TestResult, undetermined } from "../estimate.ts";
import { lowerMass, mannWhitneyMasses } from "./rank-distributions.ts";

export interface RankOptions {
  /** exact p-values when each arm has fewer units than this and no two values are equal; R's 50 unless given */
  readonly exactBelow?: number;
  /** half a unit towards the null where the normal approximation is used, as R */
  readonly continuityCorrection?: boolean;
}

/**
 * Mann & Whitney's test (Wilcoxon's rank-sum test) that neither arm's values tend to be larger.
 *
 * It holds its level when both arms have one distribution. When they differ in spread it is not a test of medians: 10
 * candidates four times as spread as 100 controls about one median are called different in 19 % of samples at a nominal
 * 5 % (simulated, normal); compare quantiles there. It takes values as independent: give one value a unit. Nor does the normal
 * approximation hold for two or three candidates among values that are mostly ties: `permutationTest`.
 *
 * @returns `statistic` is R's W: pairs in which the candidate's value is larger, ties for a half; undetermined when an
 *   arm is empty, has NaN, or all values are equal
 * @throws RangeError when exactBelow is negative
 *
 * Source: Mann & Whitney (1947), Ann. Math. Stat. 18:50–60; R's `wilcox.test`.
 */
export function mannWhitney(
  control: ArrayLike<number>,
  candidate: ArrayLike<number>,
  { exactBelow = 50, continuityCorrection = true }: RankOptions = {},
): TestResult {
  if (!(exactBelow >= 0)) throw new RangeError(`mannWhitney needs exactBelow of 0 or more, got ${exactBelow}`);
  const [n, m] = [control.length, candidate.length];
  if (n === 0 || m === 0) return undetermined("an arm is empty");
  const low = sorted(control);
  const high = sorted(candidate);
  // NaN sorts to the end
  if (Number.isNaN(low[n - 1]) || Number.isNaN(high[m - 1])) return undetermined("a value is NaN");
  const { wins, ties } = compare(low, high);
  if (ties === 0 && n < exactBelow && m < exactBelow) {
    const masses = mannWhitneyMasses(m, n);
    return exactResult(wins, lowerMass(masses, wins), lowerMass(masses, m * n - wins));
  }
  const standardDeviation = rankSumDeviation(m, n, ties);
  if (!(standardDeviation > 0)) return undetermined("all values are equal");
  return normalResult(wins, (m * n) / 2, standardDeviation, continuityCorrection);
}

/** Standard deviation of U under the null; `ties` is Σ(t³ − t) over groups of equal values. */
export function rankSumDeviation(m: number, n: number, ties: number): number {
  const total = m + n;
  return Math.sqrt(((m * n) / 12) * (total + 1 - ties / (total * (total - 1))));
}

/** Σ(t³ − t) over the groups of equal values of sorted ones. */
export function tieSum(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; ) {
    let end = i + 1;
    while (end < values.length && values[end] === values[i]) end++;
    sum += (end - i) ** 3 - (end - i);
    i = end;
  }
  return sum;
}

export function sorted(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(values).sort();
}

/** Tails of an exact rank test; two-sided is twice the smaller one, as R. */
export function exactResult(statistic: number, less: number, greater: number): TestResult {
  return { status: "ok", statistic, less, greater, twoSided: Math.min(1, 2 * Math.min(less, greater)) };
}

/** Tails by the normal approximation, with half a unit towards the null on each side when corrected, as R. */
export function normalResult(
  statistic: number,
  mean: number,
  standardDeviation: number,
  continuityCorrection: boolean,
): TestResult {
  const half = continuityCorrection ? 0.5 : 0;
  const excess = statistic - mean;
  const away = Math.max(0, Math.abs(excess) - half);
  return {
    status: "ok",
    statistic,
    less: normalUpperTail(-(excess + half) / standardDeviation),
    greater: normalUpperTail((excess - half) / standardDeviation),
    twoSided: Math.min(1, 2 * normalUpperTail(away / standardDeviation)),
  };
}

/** Pairs that the candidate wins, and Σ(t³ − t) over equal values of both arms, in one pass over sorted arms. */
function compare(control: Float64Array, candidate: Float64Array): { readonly wins: number; readonly ties: number } {
  let wins = 0;
  let ties = 0;
  let i = 0;
  let j = 0;
  while (i < control.length || j < candidate.length) {
    const value = Math.min(control[i] ?? Number.POSITIVE_INFINITY, candidate[j] ?? Number.POSITIVE_INFINITY);
    const [from0, from1] = [i, j];
    while (i < control.length && control[i] === value) i++;
    while (j < candidate.length && candidate[j] === value) j++;
    const [own0, own1] = [i - from0, j - from1];
    wins += own1 * (from0 + own0 / 2);
    ties += (own0 + own1) ** 3 - (own0 + own1);
  }
  return { wins, ties };
}
