import { chiSquaredUpperTail } from "../distributions.ts";
import { type Undetermined, undetermined } from "../estimate.ts";
import type { ArmEstimate, Difference } from "./means.ts";

/** Both arms of one stratum: a segment, or a stage of a ramp. */
export interface Stratum<T> {
  readonly control: T;
  readonly candidate: T;
}

/** A difference over strata, with the weights that made it. */
export interface StratifiedDifference extends Difference {
  readonly status: "ok";
  /** one a stratum, in the order given, summing to 1; 0 where a stratum was left out */
  readonly weights: readonly number[];
  /** indices of the strata that were left out for want of units in an arm */
  readonly leftOut: readonly number[];
}

/**
 * Post-stratified difference: the difference in each stratum, weighted by the stratum's share of the population, which
 * takes out what chance put into one arm more than into the other.
 *
 * Strata must be fixed before the split. The counts that chance gave each stratum are taken as fixed: many strata of a few
 * units each have errors on a few degrees of freedom, and may lose more than they take out. Rates whose stratum has a handful
 * of events in an arm spoil it, whatever the size of the others: `mantelHaenszel` holds there.
 *
 * @param weights     share of each stratum, any positive scale; the strata's own units in both arms unless given
 * @param whenEmpty   a stratum with fewer than two units in an arm has no error: `undetermined` says so of the whole,
 *   `leave out` drops it, which changes what is estimated to the other strata's difference
 * @returns degrees of freedom by Satterthwaite over all strata and arms, t for no difference
 * @throws RangeError when weights are not one a stratum, negative, or all 0
 *
 * Source: Miratrix, Sekhon & Yu (2013), J. R. Stat. Soc. B 75:369–396, conditional on the strata's counts; Cochran
 * (1977), Sampling Techniques, §5.4, for the degrees of freedom.
 */
export function postStratified(
  strata: readonly Stratum<ArmEstimate>[],
  {
    weights = strata.map(({ control, candidate }) => control.n + candidate.n),
    whenEmpty = "undetermined",
  }: { readonly weights?: readonly number[]; readonly whenEmpty?: "undetermined" | "leave out" } = {},
): StratifiedDifference | Undetermined {
  if (weights.length !== strata.length) {
    throw new RangeError(`postStratified needs one weight a stratum, got ${weights.length} for ${strata.length}`);
  }
  for (const weight of weights) {
    if (!(weight >= 0 && Number.isFinite(weight))) {
      throw new RangeError(`postStratified needs finite weights of at least 0, got ${weight}`);
    }
  }
  const leftOut: number[] = [];
  for (const [i, { control, candidate }] of strata.entries()) {
    if (weights[i] === 0 || (control.n >= 2 && candidate.n >= 2)) continue;
    if (whenEmpty === "undetermined") {
      return undetermined(`stratum ${i + 1} has ${control.n} units in control and ${candidate.n} in candidate`);
    }
    leftOut.push(i);
  }
  const used = weights.map((weight, i) => (leftOut.includes(i) ? 0 : weight));
  const total = used.reduce((a, b) => a + b, 0);
  if (total === 0) {
    if (leftOut.length === 0) throw new RangeError("postStratified needs a weight above 0, got none");
    return undetermined("no stratum has two units in each arm");
  }
  return weighted(
    strata,
    used.map((weight) => weight / total),
    leftOut,
  );
}

function weighted(
  strata: readonly Stratum<ArmEstimate>[],
  weights: readonly number[],
  leftOut: readonly number[],
): StratifiedDifference | Undetermined {
  let difference = 0;
  let variance = 0;
  let squares = 0;
  for (const [i, { control, candidate }] of strata.entries()) {
    const weight = weights[i] as number;
    if (weight === 0) continue;
    difference += weight * (candidate.estimate - control.estimate);
    for (const { n, standardError } of [control, candidate]) {
      const part = (weight * standardError) ** 2;
      variance += part;
      squares += part ** 2 / (n - 1);
    }
  }
  if (!Number.isFinite(difference) || !Number.isFinite(variance)) {
    return undetermined(`the difference is ${difference}, its variance ${variance}`);
  }
  const standardError = Math.sqrt(variance);
  return {
    status: "ok",
    difference,
    standardError,
    degreesOfFreedom: squares === 0 ? Number.POSITIVE_INFINITY : variance ** 2 / squares,
    t: difference === 0 ? 0 : difference / standardError,
    weights,
    leftOut,
  };
}

/** Stages combined, and whether they say the same. */
export interface CombinedDifference extends Difference {
  readonly status: "ok";
  readonly weights: readonly number[];
  /** Cochran's Q: chi-squared with one degree of freedom fewer than stages when all have one effect; null of one stage */
  readonly heterogeneity: { readonly statistic: number; readonly pValue: number } | null;
}

/**
 * Inverse-variance combination of differences from disjoint units, say the stages of a ramp: what pooled arms cannot give,
 * because traffic drifts while exposure grows.
 *
 * Normal, as if the errors were known: with few units a stage, or with rates whose error depends on the estimate, weights
 * follow chance, and `mantelHaenszel` is the way. A unit that stays while exposure grows is in several stages and
 * makes them dependent: the level then does not hold.
 *
 * @returns undetermined without stages and when a stage has no error or an error of zero, which would take all the weight
 *
 * Source: Cochran (1954), Biometrics 10:101–129.
 */
export function combineDifferences(
  stages: readonly Pick<Difference, "difference" | "standardError">[],
): CombinedDifference | Undetermined {
  if (stages.length === 0) return undetermined("no stages");
  for (const [i, { difference, standardError }] of stages.entries()) {
    if (!Number.isFinite(difference)) return undetermined(`the difference of stage ${i + 1} is ${difference}`);
    if (!(standardError > 0 && Number.isFinite(standardError))) {
      return undetermined(`the standard error of stage ${i + 1} is ${standardError}`);
    }
  }
  // relative to the smallest error, so that no square overflows
  const smallest = Math.min(...stages.map(({ standardError }) => standardError));
  const information = stages.map(({ standardError }) => (smallest / standardError) ** 2);
  const total = information.reduce((a, b) => a + b, 0);
  const weights = information.map((own) => own / total);
  const difference = stages.reduce((sum, stage, i) => sum + (weights[i] as number) * stage.difference, 0);
  const standardError = smallest / Math.sqrt(total);
  const statistic = stages.reduce(
    (sum, stage) => sum + ((stage.difference - difference) / stage.standardError) ** 2,
    0,
  );
  return {
    status: "ok",
    difference,
    standardError,
    degreesOfFreedom: Number.POSITIVE_INFINITY,
    t: difference / standardError,
    weights,
    heterogeneity:
      stages.length === 1 ? null : { statistic, pValue: chiSquaredUpperTail(statistic, stages.length - 1) },
  };
}
