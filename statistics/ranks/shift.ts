import { normalUpperQuantile, normalUpperTail } from "../distributions.ts";
import { type Estimate, undetermined } from "../estimate.ts";
import { requireLevel } from "../requirements.ts";
import { kthDifference, kthWalshAverage } from "./pair-order.ts";
import { lowerMass, lowerQuantile, type Masses, mannWhitneyMasses, signedRankMasses } from "./rank-distributions.ts";
import { type RankOptions, rankSumDeviation, sorted, tieSum } from "./ranks.ts";
import { signedRankDeviation } from "./signed-rank.ts";

export interface ShiftOptions extends RankOptions {
  readonly level?: number;
}

/**
 * Hodges & Lehmann's shift, the median of all differences candidate − control, with the interval that inverts
 * `mannWhitney`.
 *
 * The interval supposes that the arms differ by a shift alone, of values without many ties: of those that are mostly zero it
 * is a point. Time grows as (n + m) log of the values' precision, memory
 * as n + m: no n × m array.
 *
 * @returns the order statistics that R's `wilcox.test(conf.int = TRUE)` gives exactly without ties, and approaches to
 *   1e-4 by root-finding otherwise; R's estimate is the same median without ties. When the arms are too small for the
 *   level, the range of all differences with the level that it reaches. Undetermined when an arm is empty, a value is not
 *   finite, or all differences are equal
 * @throws RangeError for a level outside (0, 1)
 *
 * Source: Hodges & Lehmann (1963), Ann. Math. Stat. 34:598–611; Bauer (1972), JASA 67:687–690.
 */
export function hodgesLehmannShift(
  control: ArrayLike<number>,
  candidate: ArrayLike<number>,
  { level = 0.95, exactBelow = 50, continuityCorrection = true }: ShiftOptions = {},
): Estimate {
  requireLevel("hodgesLehmannShift", level);
  const [n, m] = [control.length, candidate.length];
  if (n === 0 || m === 0) return undetermined("an arm is empty");
  const low = sorted(control);
  const high = sorted(candidate);
  if (![low[0], low[n - 1], high[0], high[m - 1]].every(Number.isFinite)) return undetermined("a value is not finite");
  const extremes = [(high[0] as number) - (low[n - 1] as number), (high[m - 1] as number) - (low[0] as number)];
  if (!extremes.every(Number.isFinite)) return undetermined("a difference overflows");
  if (low[0] === low[n - 1] && high[0] === high[m - 1]) return undetermined("all differences are equal");
  const pairs = n * m;
  const ties0 = tieSum(low);
  const ties1 = tieSum(high);
  const exact = n < exactBelow && m < exactBelow && ties0 === 0 && ties1 === 0 && disjoint(low, high);
  const rank = exact
    ? exactRank(mannWhitneyMasses(m, n), level)
    : normalRank(pairs, rankSumDeviation(m, n, ties0 + ties1), level, continuityCorrection);
  return around((k) => kthDifference(high, low, k), pairs, rank);
}

/**
 * The pseudo-median of differences, the median of all their averages in pairs, with the interval that inverts
 * `signedRank`. For symmetric differences it is their median.
 *
 * @param differences one a unit; zeros are dropped, as R does
 * @returns as {@link hodgesLehmannShift}; undetermined also when all differences are zero
 * @throws RangeError for a level outside (0, 1)
 *
 * Source: Hodges & Lehmann (1963); Tukey (1949); R's `wilcox.test(paired = TRUE, conf.int = TRUE)`.
 */
export function pseudoMedian(
  differences: ArrayLike<number>,
  { level = 0.95, exactBelow = 50, continuityCorrection = true }: ShiftOptions = {},
): Estimate {
  requireLevel("pseudoMedian", level);
  const values = sorted(differences).filter((difference) => difference !== 0);
  const n = values.length;
  if (n === 0) return undetermined("no difference other than zero");
  if (!(Number.isFinite(values[0]) && Number.isFinite(values[n - 1]))) return undetermined("a value is not finite");
  if (values[0] === values[n - 1]) return undetermined("all differences are equal");
  const pairs = (n * (n + 1)) / 2;
  const sizes = sorted(values.map(Math.abs));
  const exact = n < exactBelow && n === differences.length && tieSum(sizes) === 0;
  const rank = exact
    ? exactRank(signedRankMasses(n), level)
    : normalRank(pairs, signedRankDeviation(n, tieSum(values)), level, continuityCorrection);
  return around((k) => kthWalshAverage(values, k), pairs, rank);
}

/** How far from either end an interval's limits are, 1 being the ends, and its level. */
interface Rank {
  readonly rank: number;
  readonly level: number;
}

function exactRank(masses: Masses, level: number): Rank {
  const rank = lowerQuantile(masses, (1 - level) / 2);
  return rank > 0 ? { rank, level } : { rank: 1, level: Math.max(0, 1 - 2 * lowerMass(masses, 0)) };
}

function normalRank(pairs: number, deviation: number, level: number, continuityCorrection: boolean): Rank {
  const half = continuityCorrection ? 0.5 : 0;
  const needed = Math.ceil(pairs / 2 + half + normalUpperQuantile((1 - level) / 2) * deviation);
  if (needed <= pairs) return { rank: pairs - needed + 1, level };
  return { rank: 1, level: Math.max(0, 1 - 2 * normalUpperTail((pairs / 2 - half) / deviation)) };
}

function around(kth: (k: number) => number, pairs: number, { rank, level }: Rank): Estimate {
  const lower = kth(Math.floor((pairs + 1) / 2));
  const upper = pairs % 2 === 1 ? lower : kth(pairs / 2 + 1);
  return { status: "ok", value: lower / 2 + upper / 2, low: kth(rank), high: kth(pairs - rank + 1), level };
}

/** Whether two sorted arrays have no value in common. */
function disjoint(a: Float64Array, b: Float64Array): boolean {
  const own = new Set(a);
  return !b.some((value) => own.has(value));
}
