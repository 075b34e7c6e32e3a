import { binomialLowerTail } from "../distributions.ts";
import { type TestResult, undetermined } from "../estimate.ts";
import { lowerMass, signedRankMasses } from "./rank-distributions.ts";
import { exactResult, normalResult, type RankOptions, sorted, tieSum } from "./ranks.ts";

/**
 * Wilcoxon's signed-rank test that differences candidate − control are symmetric about zero.
 *
 * It holds its level for symmetric differences; for skewed ones it is not a test of their median: use {@link signTest}.
 * When a unit has several pairs, give one difference a unit (`meansByUnit`).
 *
 * @param differences zeros are dropped, as R does
 * @returns `statistic` is R's V, the rank sum of the positive differences; undetermined without a difference other than
 *   zero, and for NaN
 *
 * Source: Wilcoxon (1945), Biometrics Bulletin 1:80–83; R's `wilcox.test(paired = TRUE)`.
 */
export function signedRank(
  differences: ArrayLike<number>,
  { exactBelow = 50, continuityCorrection = true }: RankOptions = {},
): TestResult {
  if (!(exactBelow >= 0)) throw new RangeError(`signedRank needs exactBelow of 0 or more, got ${exactBelow}`);
  const values = Float64Array.from(differences).filter((difference) => difference !== 0);
  const n = values.length;
  if (n === 0) return undetermined("no difference other than zero");
  if (values.some(Number.isNaN)) return undetermined("a difference is NaN");
  const order = values.sort((a, b) => Math.abs(a) - Math.abs(b));
  const sizes = sorted(order.map(Math.abs));
  const ties = tieSum(sizes);
  const statistic = positiveRankSum(order);
  if (ties === 0 && n < exactBelow && n === differences.length) {
    const masses = signedRankMasses(n);
    return exactResult(statistic, lowerMass(masses, statistic), lowerMass(masses, (n * (n + 1)) / 2 - statistic));
  }
  return normalResult(statistic, (n * (n + 1)) / 4, signedRankDeviation(n, ties), continuityCorrection);
}

/** Standard deviation of V under the null; `ties` is Σ(t³ − t) over groups of equal sizes. */
export function signedRankDeviation(n: number, ties: number): number {
  return Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24 - ties / 48);
}

/**
 * The exact sign test: as many positive as negative differences. It asks for nothing but independence, and has the level
 * it says whatever the distribution.
 *
 * @param differences zeros are dropped; one a unit
 * @returns `statistic` is the number of positive differences; undetermined without a difference other than zero, and for
 *   NaN
 *
 * Source: Dixon & Mood (1946), JASA 41:557–566; R's `binom.test(x, n)`.
 */
export function signTest(differences: ArrayLike<number>): TestResult {
  let positive = 0;
  let negative = 0;
  for (let i = 0; i < differences.length; i++) {
    const difference = differences[i] as number;
    if (Number.isNaN(difference)) return undetermined("a difference is NaN");
    if (difference > 0) positive++;
    else if (difference < 0) negative++;
  }
  const n = positive + negative;
  if (n === 0) return undetermined("no difference other than zero");
  return exactResult(positive, binomialLowerTail(positive, n, 0.5), binomialLowerTail(negative, n, 0.5));
}

/** Sum of the ranks of the positive ones among values sorted by size; equal sizes share their mean rank. */
function positiveRankSum(order: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < order.length; ) {
    let end = i;
    let positive = 0;
    const size = Math.abs(order[i] as number);
    while (end < order.length && Math.abs(order[end] as number) === size) {
      if ((order[end] as number) > 0) positive++;
      end++;
    }
    sum += (positive * (i + 1 + end)) / 2;
    i = end;
  }
  return sum;
}
