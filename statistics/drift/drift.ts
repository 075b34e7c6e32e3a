import { chiSquaredUpperTail } from "../distributions.ts";
import { type Undetermined, undetermined } from "../estimate.ts";
import { type ContingencyResult, contingencyTest } from "../proportions/contingency.ts";
import { quantileSorted } from "../quantiles/quantiles.ts";

export type PopulationStability =
  | {
      readonly status: "ok";
      /** 0 when both have the same shares */
      readonly value: number;
      /** of no drift, approximate */
      readonly pValue: number;
      /** each bin's part of the value; 0 for a bin that is empty in both */
      readonly contributions: readonly number[];
    }
  | Undetermined;

/**
 * The population stability index of two histograms, Σ (aₖ − eₖ)·ln(aₖ/eₖ), the symmetric Kullback–Leibler divergence.
 *
 * The customary .1 and .25 ignore the sample: with B bins and no drift its mean is about (B − 1)(1/n + 1/m), which is .18
 * for 10 bins of 100 and 100. Hence the p-value: value/(1/n + 1/m) is about χ² with B − 1 degrees of freedom. At a nominal
 * 5 % it rejects 5.9 % with 20 units a bin, 9 % with 5 and below 1 % with 2 (smoothed): there use {@link categoryDrift} on
 * merged bins.
 *
 * @param reference counts by bin or category; in the same order as `current`
 * @param smoothing added to every bin of both when a bin is empty in one of them; bins empty in both are left out
 * @returns undetermined when a histogram has no units, or a bin is empty and smoothing is 0
 * @throws RangeError when the histograms differ in length or a count is negative
 *
 * Sources: Siddiqi (2006), Credit Risk Scorecards, ch. 9; null distribution Yurdakul & Naranjo (2020), J. Risk Model Valid.
 * 14:89–100; smoothing ½ Jeffreys (1946).
 */
export function populationStability(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { smoothing = 0.5 }: { readonly smoothing?: number } = {},
): PopulationStability {
  const n = total("populationStability", reference, current.length);
  const m = total("populationStability", current, reference.length);
  if (n === 0 || m === 0) return undetermined("no units in a histogram");
  const bins = Array.from({ length: reference.length }, (_, k) => [at(reference, k), at(current, k)] as const);
  const kept = bins.filter(([e, a]) => e + a > 0);
  const added = kept.some(([e, a]) => e === 0 || a === 0) ? smoothing : 0;
  if (added === 0 && kept.some(([e, a]) => e === 0 || a === 0)) return undetermined("an empty bin without smoothing");
  const contributions = bins.map(([e, a]) => {
    if (e + a === 0) return 0;
    const expected = (e + added) / (n + added * kept.length);
    const actual = (a + added) / (m + added * kept.length);
    return (actual - expected) * Math.log(actual / expected);
  });
  const value = contributions.reduce((sum, part) => sum + part, 0);
  const pValue = kept.length < 2 ? 1 : chiSquaredUpperTail(value / (1 / n + 1 / m), kept.length - 1);
  return { status: "ok", value, pValue, contributions };
}

/**
 * Inner edges of bins that hold equal shares of a sorted reference; ties merge bins, so there may be fewer than asked for.
 *
 * @throws RangeError when there are fewer than 2 bins or no values
 */
export function quantileEdges(sortedReference: ArrayLike<number>, bins = 10): number[] {
  if (!(Number.isInteger(bins) && bins >= 2)) throw new RangeError(`quantileEdges needs at least 2 bins, got ${bins}`);
  if (sortedReference.length === 0) throw new RangeError("quantileEdges needs values, got none");
  const edges = Array.from({ length: bins - 1 }, (_, k) => quantileSorted(sortedReference, (k + 1) / bins));
  return edges.filter((edge, k) => k === 0 || edge > (edges[k - 1] as number));
}

/** Counts by bin, one more than edges: up to and with the first edge, …, above the last; NaN is not counted. */
export function binCounts(values: ArrayLike<number>, edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (let i = 0; i < values.length; i++) {
    const value = at(values, i);
    if (Number.isNaN(value)) continue;
    let [low, high] = [0, edges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= (edges[middle] as number)) high = middle;
      else low = middle + 1;
    }
    counts[low] = (counts[low] as number) + 1;
  }
  return counts;
}

/**
 * Wasserstein-1 distance of two sorted samples, in the values' unit: the area between their distribution functions.
 *
 * It is above 0 without drift as well, by some 1/√n of the deviation: compare it with a permutation, not with 0.
 *
 * @returns NaN when a sample is empty or holds NaN
 *
 * Source: Vallender (1974), Theory Probab. Appl. 18:784–786: ∫ |F − G|.
 */
export function wasserstein(sortedA: ArrayLike<number>, sortedB: ArrayLike<number>): number {
  const [n, m] = [sortedA.length, sortedB.length];
  if (n === 0 || m === 0) return Number.NaN;
  let [i, j, area] = [0, 0, 0];
  let last = Math.min(at(sortedA, 0), at(sortedB, 0));
  while (i < n || j < m) {
    const takeA = j >= m || (i < n && at(sortedA, i) <= at(sortedB, j));
    const next = takeA ? at(sortedA, i) : at(sortedB, j);
    area += Math.abs(i / n - j / m) * (next - last);
    last = next;
    if (takeA) i += 1;
    else j += 1;
  }
  return area;
}

/**
 * Jensen–Shannon divergence of two histograms in bits, in [0, 1]; its square root is a metric.
 *
 * With few units in many bins it is above 0 without drift, by about (B − 1)(1/n + 1/m)/(8 ln 2).
 *
 * @param reference counts or shares by bin, in the same order as `current`
 * @returns NaN when a histogram has no units
 * @throws RangeError when the histograms differ in length or a count is negative
 *
 * Source: Lin (1991), IEEE Trans. Inf. Theory 37:145–151, with equal weights.
 */
export function jensenShannon(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const n = total("jensenShannon", reference, current.length);
  const m = total("jensenShannon", current, reference.length);
  let sum = 0;
  for (let k = 0; k < reference.length; k++) {
    const p = at(reference, k) / n;
    const q = at(current, k) / m;
    // in shares of the two, so that p = q adds an exact 0
    if (p > 0) sum += p * Math.log2((2 * p) / (p + q));
    if (q > 0) sum += q * Math.log2((2 * q) / (p + q));
  }
  return Math.min(1, Math.max(0, sum / 2));
}

/**
 * Pearson's chi-squared test that two samples have the same shares of categories, without continuity correction.
 *
 * Its level holds for independent units only: sessions of the same users reject far too often.
 *
 * @param reference counts by category, in the same order as `current`; categories empty in both are left out
 * @returns undetermined when a sample has no units or there is one category
 * @throws RangeError when the samples differ in length or a count is negative
 *
 * Source: Pearson (1900); R's `chisq.test` of a 2 × k table.
 */
export function categoryDrift(reference: ArrayLike<number>, current: ArrayLike<number>): ContingencyResult {
  const n = total("categoryDrift", reference, current.length);
  const m = total("categoryDrift", current, reference.length);
  if (n === 0 || m === 0) return undetermined("no units in a sample");
  const bins = Array.from({ length: reference.length }, (_, k) => [at(reference, k), at(current, k)] as const);
  const kept = bins.filter(([before, now]) => before + now > 0);
  if (kept.length < 2) return undetermined("one category");
  return contingencyTest([kept.map(([before]) => before), kept.map(([, now]) => now)]);
}

function total(caller: string, counts: ArrayLike<number>, length: number): number {
  if (counts.length !== length) {
    throw new RangeError(`${caller} needs histograms of one length, got ${counts.length} and ${length}`);
  }
  let sum = 0;
  for (let k = 0; k < counts.length; k++) {
    if (!(at(counts, k) >= 0)) throw new RangeError(`${caller} needs counts of at least 0, got ${at(counts, k)}`);
    sum += at(counts, k);
  }
  return sum;
}

function at(values: ArrayLike<number>, k: number): number {
  return values[k] as number;
}
