import { requireLevel } from "../requirements.ts";

/**
 * Bonferroni's adjusted p-values, in the order given, for any dependence.
 *
 * As in every function here a NaN, a test that could not be computed, stays NaN in its place and is not counted among
 * the tests. Count it by giving 1 instead when the plan named it in advance.
 *
 * @throws RangeError when a p-value is outside [0, 1]
 *
 * Source: Dunn (1961), JASA 56:52–64; as R's `p.adjust(method = "bonferroni")`.
 */
export function bonferroni(pValues: readonly number[]): number[] {
  return adjusted("bonferroni", pValues, (sorted) => sorted.map((p) => sorted.length * p));
}

/**
 * Holm's step-down adjusted p-values, in the order given, for any dependence: never above Bonferroni's.
 *
 * @throws RangeError when a p-value is outside [0, 1]; NaN stays in its place and is not counted
 *
 * Source: Holm (1979), Scand. J. Stat. 6:65–70; as R's `p.adjust(method = "holm")`.
 */
export function holm(pValues: readonly number[]): number[] {
  return adjusted("holm", pValues, (sorted) => runningMaximum(sorted.map((p, rank) => (sorted.length - rank) * p)));
}

/**
 * Hochberg's step-up adjusted p-values, for independent or positively dependent tests: two-sided tests of arms that
 * share a control are not always that, and {@link holm} is then the way.
 *
 * @throws RangeError when a p-value is outside [0, 1]; NaN stays in its place and is not counted
 *
 * Source: Hochberg (1988), Biometrika 75:800–802; as R's `p.adjust(method = "hochberg")`.
 */
export function hochberg(pValues: readonly number[]): number[] {
  return adjusted("hochberg", pValues, (sorted) => minimumFromAbove(sorted.map((p, i) => (sorted.length - i) * p)));
}

/**
 * Hommel's adjusted p-values, the closure of Simes' test: never above Hochberg's, under the same dependence.
 *
 * @throws RangeError when a p-value is outside [0, 1]; NaN stays in its place and is not counted
 *
 * Source: Hommel (1988), Biometrika 75:383–386; Wright (1992), Biometrics 48:1005–1013, appendix, for the algorithm.
 */
export function hommel(pValues: readonly number[]): number[] {
  return adjusted("hommel", pValues, (sorted) => {
    const count = sorted.length;
    const result = [...sorted];
    for (let m = count; m > 1; m--) {
      // Simes' p-value of the m − 1 largest and one more
      let simes = Number.POSITIVE_INFINITY;
      for (let k = 2; k <= m; k++) simes = Math.min(simes, (m * (sorted[count - m + k - 1] as number)) / k);
      sorted.forEach((p, i) => {
        const own = i >= count - m + 1 ? simes : Math.min(simes, m * p);
        result[i] = Math.max(result[i] as number, own);
      });
    }
    return result;
  });
}

/**
 * Benjamini & Hochberg's adjusted p-values: rejecting those at or below q keeps the expected share of false discoveries
 * at q for independent or positively dependent tests. It does not bound the chance of one false alarm.
 *
 * @throws RangeError when a p-value is outside [0, 1]; NaN stays in its place and is not counted
 *
 * Source: Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57:289–300; as R's `p.adjust(method = "BH")`.
 */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  return adjusted("benjaminiHochberg", pValues, (sorted) => falseDiscoveries(sorted, 1));
}

/**
 * Benjamini & Yekutieli's adjusted p-values: {@link benjaminiHochberg} for any dependence, at the price of a factor
 * 1 + 1/2 + … + 1/m.
 *
 * @throws RangeError when a p-value is outside [0, 1]; NaN stays in its place and is not counted
 *
 * Source: Benjamini & Yekutieli (2001), Ann. Stat. 29:1165–1188, theorem 1.3; as R's `p.adjust(method = "BY")`.
 */
export function benjaminiYekutieli(pValues: readonly number[]): number[] {
  return adjusted("benjaminiYekutieli", pValues, (sorted) => {
    let harmonic = 0;
    for (let k = sorted.length; k >= 1; k--) harmonic += 1 / k;
    return falseDiscoveries(sorted, harmonic);
  });
}

/**
 * The level at which each of `count` intervals must be made for all to cover at once with probability `level`, whatever
 * their dependence.
 *
 * @throws RangeError when the level is outside (0, 1) or the count is not a whole number from 1
 *
 * Source: Dunn (1961), JASA 56:52–64.
 */
export function simultaneousLevel(count: number, level = 0.95): number {
  return shareOfLevel("simultaneousLevel", 1, count, level);
}

/**
 * The level at which the intervals of `selected` effects out of `count` must be made so that the expected share of those
 * selected intervals that miss is at most 1 − level: an interval reported because its test was significant covers less
 * often than it says.
 *
 * For effects that were selected by {@link benjaminiHochberg} or by a fixed threshold, and independent or positively
 * dependent estimates.
 *
 * @throws RangeError when the level is outside (0, 1), or selected and count are not whole numbers with
 *   1 ≤ selected ≤ count
 *
 * Source: Benjamini & Yekutieli (2005), JASA 100:71–81: 1 − R·q/m.
 */
export function falseCoverageLevel(selected: number, count: number, level = 0.95): number {
  return shareOfLevel("falseCoverageLevel", selected, count, level);
}

function shareOfLevel(name: string, selected: number, count: number, level: number): number {
  requireLevel(name, level);
  if (!(Number.isInteger(count) && Number.isInteger(selected) && selected >= 1 && selected <= count)) {
    throw new RangeError(`${name} needs whole numbers 1 ≤ selected ≤ count, got ${selected} of ${count}`);
  }
  return 1 - (selected * (1 - level)) / count;
}

/** Adjusts the p-values that are numbers, given in rising order, and puts each in its old place, at most 1. */
function adjusted(
  name: string,
  pValues: readonly number[],
  adjust: (sorted: readonly number[]) => readonly number[],
): number[] {
  for (const p of pValues) {
    if (p < 0 || p > 1) throw new RangeError(`${name} needs p-values in [0, 1], got ${p}`);
  }
  const order = pValues.flatMap((p, i) => (Number.isNaN(p) ? [] : [i]));
  order.sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const result = new Array<number>(pValues.length).fill(Number.NaN);
  adjust(order.map((i) => pValues[i] as number)).forEach((p, rank) => {
    result[order[rank] as number] = Math.min(1, p);
  });
  return result;
}

function falseDiscoveries(sorted: readonly number[], factor: number): number[] {
  return minimumFromAbove(sorted.map((p, i) => (factor * sorted.length * p) / (i + 1)));
}

function runningMaximum(values: readonly number[]): number[] {
  let largest = 0;
  return values.map((value) => {
    largest = Math.max(largest, value);
    return largest;
  });
}

function minimumFromAbove(values: readonly number[]): number[] {
  let smallest = Number.POSITIVE_INFINITY;
  return values
    .toReversed()
    .map((value) => {
      smallest = Math.min(smallest, value);
      return smallest;
    })
    .toReversed();
}
