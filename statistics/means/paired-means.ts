import { studentUpperQuantile, studentUpperTail } from "../distributions.ts";
import { type Estimate, type TestResult, type Undetermined, undetermined } from "../estimate.ts";
import { moments } from "../moments.ts";
import { requireLevel } from "../requirements.ts";
import type { ArmEstimate } from "./means.ts";
import { ratioOfSums } from "./ratio.ts";

/** Which unit each pair belongs to; pairs are units when it is left out. */
export interface PairedOptions {
  /** unit of each pair, as long as the columns */
  readonly units?: ArrayLike<number>;
}

/**
 * The paired t test of mean candidate − control, a unit's pairs being added up first when `units` are given.
 *
 * The mean is over pairs, Σ differences / Σ pairs, its standard error over units: that of a ratio. Exact for normal
 * differences and one pair a unit; with several it is large-sample and wants some 30 units, more when their sizes are
 * very unequal.
 *
 * @param control, candidate columns of one length
 * @returns undetermined below two units, for values that are not finite or whose squares overflow, and when all units differ by the same (a standard
 *   error below ten units in the last place, as R's `t.test`)
 * @throws RangeError when the columns differ in length
 *
 * Source: Student (1908), Biometrika 6:1–25; clustered Deng, Knoblich & Lu (2018), arXiv 1803.06336, eq. 4, with K − 1
 * degrees of freedom for K units.
 */
export function pairedTTest(
  control: ArrayLike<number>,
  candidate: ArrayLike<number>,
  { units }: PairedOptions = {},
): TestResult {
  const summary = summarise("pairedTTest", control, candidate, units);
  if ("status" in summary) return summary;
  const t = summary.estimate / summary.standardError;
  const degreesOfFreedom = summary.n - 1;
  return {
    status: "ok",
    statistic: t,
    less: studentUpperTail(-t, degreesOfFreedom),
    greater: studentUpperTail(t, degreesOfFreedom),
    twoSided: Math.min(1, 2 * studentUpperTail(Math.abs(t), degreesOfFreedom)),
  };
}

/**
 * The interval of mean candidate − control that inverts {@link pairedTTest}.
 *
 * @returns undetermined as there
 * @throws RangeError when the columns differ in length, and for a level outside (0, 1)
 */
export function pairedTInterval(
  control: ArrayLike<number>,
  candidate: ArrayLike<number>,
  { units, level = 0.95 }: PairedOptions & { readonly level?: number } = {},
): Estimate {
  requireLevel("pairedTInterval", level);
  const summary = summarise("pairedTInterval", control, candidate, units);
  if ("status" in summary) return summary;
  const { n, estimate, standardError } = summary;
  const half = studentUpperQuantile((1 - level) / 2, n - 1) * standardError;
  return { status: "ok", value: estimate, low: estimate - half, high: estimate + half, level };
}

/**
 * One difference a unit: the mean of its pairs' differences, in the order in which units first appear, for `signedRank`,
 * `pseudoMedian` and `signTest`.
 *
 * Chosen over the clustered signed-rank tests of Rosner, Glynn & Lee (2006) and Datta & Satten (2008): those are
 * large-sample in units, while a sign or rank test of one value a unit stays exact at any number of units and whatever
 * the dependence within a unit, and lets a unit's number of pairs depend on its outcome. The price is some power when a
 * few units have most of the pairs.
 *
 * @returns a mean within rounding of 0 is 0, so that a unit whose differences cancel counts as no difference
 * @throws RangeError when differences and units differ in length
 */
export function meansByUnit(differences: ArrayLike<number>, units: ArrayLike<number>): Float64Array {
  const groups = groupByUnit("meansByUnit", differences, units);
  return Float64Array.from(groups, ({ sum, pairs, size }) =>
    Math.abs(sum) <= pairs * Number.EPSILON * size ? 0 : sum / pairs,
  );
}

interface Group {
  sum: number;
  pairs: number;
  /** sum of absolute differences */
  size: number;
}

function groupByUnit(name: string, differences: ArrayLike<number>, units: ArrayLike<number>): Group[] {
  if (differences.length !== units.length) {
    throw new RangeError(
      `${name} needs a unit for each pair, got ${differences.length} pairs and ${units.length} units`,
    );
  }
  const groups = new Map<number, Group>();
  for (let i = 0; i < units.length; i++) {
    const unit = units[i] as number;
    let group = groups.get(unit);
    if (group === undefined) {
      group = { sum: 0, pairs: 0, size: 0 };
      groups.set(unit, group);
    }
    const difference = differences[i] as number;
    group.sum += difference;
    group.pairs += 1;
    group.size += Math.abs(difference);
  }
  return [...groups.values()];
}

function summarise(
  name: string,
  control: ArrayLike<number>,
  candidate: ArrayLike<number>,
  units: ArrayLike<number> | undefined,
): ArmEstimate | Undetermined {
  if (control.length !== candidate.length) {
    throw new RangeError(`${name} needs columns of one length, got ${control.length} and ${candidate.length}`);
  }
  const differences = Float64Array.from(control, (value, i) => (candidate[i] as number) - value);
  if (!differences.every(Number.isFinite)) return undetermined("a difference is not finite");
  const groups = units === undefined ? null : groupByUnit(name, differences, units);
  const sums = groups === null ? differences : groups.map(({ sum }) => sum);
  const pairs = groups === null ? differences.map(() => 1) : groups.map((group) => group.pairs);
  if (sums.length < 2) return undetermined(`${sums.length} units have no variance`);
  const summary = ratioOfSums(moments([sums, pairs]));
  if (!Number.isFinite(summary.standardError)) return undetermined("the squares of the differences overflow");
  if (!(summary.standardError > 10 * Number.EPSILON * Math.abs(summary.estimate))) {
    return undetermined("all units differ by the same");
  }
  return summary;
}
