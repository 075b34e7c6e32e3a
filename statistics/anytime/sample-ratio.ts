import { binomialLowerTail, binomialUpperTail, chiSquaredUpperTail } from "../distributions.ts";
import { type ChiSquaredResult, undetermined } from "../estimate.ts";
import { deviance, stirlingError } from "../tail-logs.ts";
import { type CountStep, countsLogBayesFactors, smallestP } from "./counts-sequential.ts";
import { logPolyaRatio } from "./polya.ts";

/**
 * Natural log of the Bayes factor against a planned split, for a test that may be looked at any number of times:
 * reject at level a when it reaches ln(1/a).
 *
 * @param counts  first-seen units of each arm
 * @param shares  planned shares, in [0, 1], summing to 1; a unit of an arm of share 0 makes it Infinity
 * @param concentration of the Dirichlet prior, whose mean is the planned split; the larger, the smaller the departures
 *   that it is tuned to
 *
 * Source: Lindon & Malek (2022), NeurIPS, arXiv 2011.03567, eq. 5: B(α + S) / B(α) / Π θ^S.
 */
export function sampleRatioLogBayesFactor(
  counts: readonly number[],
  shares: readonly number[],
  concentration = 100,
): number {
  return logPolyaRatio(counts, shares, concentration);
}

/**
 * Pearson's chi-squared test of a planned split, for one look at first-seen units; repeated looks need
 * {@link sampleRatioSequential}. It wants some 10 expected units an arm: below, {@link sampleRatioExact}.
 *
 * @param weights planned shares ≥ 0 up to a common factor; an arm of weight 0 adds no degree of freedom, and a unit there
 *   is a certain mismatch: statistic Infinity, p = 0
 * @returns undetermined without units, or with fewer than two arms of positive weight
 *
 * Source: Pearson (1900), Phil. Mag. 50:157–175; as R's `chisq.test(p = )`.
 */
export function sampleRatioChiSquared(counts: readonly number[], weights: readonly number[]): ChiSquaredResult {
  return sampleRatioByStage([{ counts, shares: weights }]);
}

/**
 * Chi-squared over the stages of a ramp: each stage's first-seen units against its own weights, statistics and degrees of
 * freedom added, because counts pooled over stages of different shares never match one split. One look, at the end. It wants some
 * 10 expected units in each arm of each stage: below, {@link sampleRatioSequential}.
 *
 * @returns stages without units, or with one arm of positive weight, add nothing; undetermined if none is left
 */
export function sampleRatioByStage(stages: readonly CountStep[]): ChiSquaredResult {
  let statistic = 0;
  let degreesOfFreedom = 0;
  for (const { counts, shares } of stages) {
    const { units, planned } = plannedShares("sampleRatioByStage", counts, shares);
    if (units === 0) continue;
    counts.forEach((count, arm) => {
      const expected = units * (planned[arm] as number);
      if (expected > 0) statistic += (count - expected) ** 2 / expected;
      else if (count > 0) statistic = Number.POSITIVE_INFINITY;
    });
    degreesOfFreedom += planned.filter((share) => share > 0).length - 1;
  }
  if (statistic === Number.POSITIVE_INFINITY) return { status: "ok", statistic, degreesOfFreedom, pValue: 0 };
  if (degreesOfFreedom === 0) return undetermined("no stage has units and two arms of positive weight");
  const pValue = chiSquaredUpperTail(statistic, degreesOfFreedom);
  return { status: "ok", statistic, degreesOfFreedom, pValue };
}

/**
 * The exact test of a planned split: the probability of all splits that are no likelier than the one seen. One look.
 *
 * Two arms at any number of units, as R's `binom.test` (splits within 1e-7 of the seen one's probability count as no
 * likelier); more arms as long as there are at most a million splits.
 *
 * @param counts whole numbers; weights as in {@link sampleRatioChiSquared}
 * @returns statistic ln of the seen split's probability, degreesOfFreedom arms − 1; undetermined without units, with
 *   fewer than two arms of positive weight, or with too many splits
 * @throws RangeError when a count is not whole
 *
 * Source: Read & Cressie (1988), Goodness-of-Fit Statistics, §5.1.
 */
export function sampleRatioExact(counts: readonly number[], weights: readonly number[]): ChiSquaredResult {
  const { units, planned } = plannedShares("sampleRatioExact", counts, weights);
  if (!counts.every(Number.isInteger))
    throw new RangeError(`sampleRatioExact needs whole counts, got ${counts.join(", ")}`);
  const arms = planned.flatMap((share, arm) => (share > 0 ? [arm] : []));
  if (units === 0) return undetermined("there are no units");
  if (counts.some((count, arm) => count > 0 && planned[arm] === 0)) {
    return { status: "ok", statistic: Number.NEGATIVE_INFINITY, degreesOfFreedom: arms.length - 1, pValue: 0 };
  }
  if (arms.length < 2) return undetermined("fewer than two arms have a positive weight");
  const seen = arms.map((arm) => counts[arm] as number);
  const shares = arms.map((arm) => planned[arm] as number);
  const statistic = multinomialMassLog(seen, shares);
  if (arms.length === 2) {
    const pValue = binomialTwoSided(seen[1] as number, units, shares[1] as number);
    return { status: "ok", statistic, degreesOfFreedom: 1, pValue };
  }
  if (splits(units, arms.length) > 1e6)
    return undetermined(`${units} units in ${arms.length} arms have too many splits`);
  const limit = statistic + Math.log1p(1e-7);
  let pValue = 0;
  const visit = (arm: number, left: number, split: number[]) => {
    if (arm === arms.length - 1) {
      const log = multinomialMassLog([...split, left], shares);
      if (log <= limit) pValue += Math.exp(log);
      return;
    }
    for (let k = 0; k <= left; k++) visit(arm + 1, left - k, [...split, k]);
  };
  visit(0, units, []);
  return { status: "ok", statistic, degreesOfFreedom: arms.length - 1, pValue: Math.min(1, pValue) };
}

/**
 * The sample-ratio test for any number of looks while the planned shares change: p is valid whenever one stops, exactly,
 * for units that are assigned independently and counted once, when first seen.
 *
 * Of two martingales, one that carries a mismatch over to the next shares and one that starts anew with them (a stage may
 * break the assignment), it takes the mean; while the shares stay, both are {@link sampleRatioLogBayesFactor}.
 *
 * @param steps first-seen units by arm since the look before, with the shares then in force (summing to 1); an arm of
 *   share 0 that gets a unit makes the factor Infinity and p = 0
 * @returns the ln Bayes factor after each step, and p = min(1, 1 / the largest); p = 1 before anybody was seen
 *
 * Source: Lindon & Malek (2022); see {@link countsLogBayesFactors}.
 */
export function sampleRatioSequential(
  steps: readonly CountStep[],
  { concentration = 100 }: { readonly concentration?: number } = {},
): { readonly logBayesFactors: readonly number[]; readonly pValue: number } {
  const carried = countsLogBayesFactors(steps, { concentration });
  const anew = countsLogBayesFactors(steps, { concentration, carry: false });
  const logBayesFactors = carried.map((log, step) => logMean(log, anew[step] as number));
  return { logBayesFactors, pValue: smallestP(logBayesFactors) };
}

function logMean(a: number, b: number): number {
  const larger = Math.max(a, b);
  return larger === Number.POSITIVE_INFINITY ? larger : larger + Math.log1p(Math.expm1(Math.min(a, b) - larger) / 2);
}

/** P of all k no likelier than the one seen, by its own tail and the far tail from where the mass has fallen as low. */
function binomialTwoSided(k: number, n: number, p: number): number {
  const massLog = (x: number) => multinomialMassLog([n - x, x], [1 - p, p]);
  const limit = massLog(k) + Math.log1p(1e-7);
  const mode = Math.floor((n + 1) * p);
  if (k === n * p) return 1;
  const low = k < n * p;
  // the mass falls monotonically from the mode outwards on the other side
  let inside = Math.min(n, mode);
  let outside = low ? n + 1 : -1;
  if (massLog(inside) <= limit) return 1;
  while (Math.abs(outside - inside) > 1) {
    const middle = Math.trunc((inside + outside) / 2);
    if (massLog(middle) <= limit) outside = middle;
    else inside = middle;
  }
  return Math.min(
    1,
    low
      ? binomialLowerTail(k, n, p) + binomialUpperTail(outside, n, p)
      : binomialUpperTail(k, n, p) + binomialLowerTail(outside, n, p),
  );
}

/** ln of the multinomial probability. Source: Loader (2000), Fast and accurate computation of binomial probabilities. */
function multinomialMassLog(counts: readonly number[], shares: readonly number[]): number {
  const units = counts.reduce((a, b) => a + b, 0);
  if (units === 0) return 0;
  let log = stirlingError(units) + 0.5 * Math.log(2 * Math.PI * units);
  counts.forEach((count, arm) => {
    log -= deviance(count, units * (shares[arm] as number));
    if (count > 0) log -= stirlingError(count) + 0.5 * Math.log(2 * Math.PI * count);
  });
  return log;
}

function splits(units: number, arms: number): number {
  let number = 1;
  for (let arm = 1; arm < arms; arm++) number *= (units + arm) / arm;
  return number;
}

function plannedShares(caller: string, counts: readonly number[], weights: readonly number[]) {
  if (counts.length !== weights.length) {
    throw new RangeError(
      `${caller} needs a weight for each arm, got ${counts.length} counts and ${weights.length} weights`,
    );
  }
  if (!counts.every((count) => count >= 0 && count < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${caller} needs counts of at least 0, got ${counts.join(", ")}`);
  }
  const total = weights.reduce((a, b) => a + b, 0);
  if (!weights.every((weight) => weight >= 0) || !(total > 0 && total < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${caller} needs weights of at least 0, not all 0, got ${weights.join(", ")}`);
  }
  return { units: counts.reduce((a, b) => a + b, 0), planned: weights.map((weight) => weight / total) };
}
