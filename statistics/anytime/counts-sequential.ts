import { type Estimate, type TestResult, undetermined } from "../estimate.ts";
import { lastWhere } from "../line-search.ts";
import { requireLevel } from "../requirements.ts";
import { logBetaTails } from "../tail-logs.ts";
import { logPolyaRatio } from "./polya.ts";

/** Events of one stretch of time in which the shares did not change, by arm; two arms are [control, candidate]. */
export interface CountStep {
  /** events (one per unit: the first), ≥ 0; nothing of their order inside the step is needed */
  readonly counts: readonly number[];
  /** the share of the units that each arm was given, ≥ 0, summing to 1; known before the step's events */
  readonly shares: readonly number[];
}

/** How far from the null the prior reaches. */
export interface CountsOptions {
  /**
   * c > 0, 100, fixed in advance: the prior weighs as much as c events at the first step's shares. An arm of share θ is
   * thought to differ by a factor of about 1 ± 1/√(cθ): c = 100 looks for doublings at 1 : 99, for 20 % at equal shares
   */
  readonly concentration?: number;
  /** true: what was learnt is carried over when the shares change; false: the prior starts anew */
  readonly carry?: boolean;
}

/**
 * ln of the Bayes factor after each step, against “an event falls to an arm with that arm's current share”: the
 * multinomial test of counts for any number of looks, arms and changes of shares.
 *
 * Each event multiplies the factor by its predicted probability over its arm's share; the prediction uses only what came
 * before, so that the factor is a martingale of mean 1, whatever happens to the total rate over time: the chance that it
 * ever reaches 1/α is at most α, exactly. It needs one event per unit, units that behave independently, and shares fixed
 * before the events. Within equal shares the steps may be cut anywhere: predictions are {@link logPolyaRatio}'s. When shares
 * change, the belief about the ratios of the arms' rates is carried over with its mean and its spread, unless `carry` is false.
 *
 * @returns one number per step, in order; Infinity from the step on in which an arm of share 0 has an event
 *
 * Source: Lindon & Malek (2022), NeurIPS, arXiv 2011.03567, eq. 5, its product over stretches of time.
 */
export function countsLogBayesFactors(steps: readonly CountStep[], options: CountsOptions = {}): number[] {
  return run("countsLogBayesFactors", steps, options, twoSidedFactor, () => true);
}

/**
 * The sequential test that candidate and control have the same event rate per unit, over the steps of two arms; p is
 * min(1, 1 / largest Bayes factor), valid however often one looked and whenever one stopped.
 *
 * The one-sided tests keep the prior on one side of the share (a truncated beta): each step's factor then has a mean of
 * at most 1 under every rate on the other side too, since θq/θ₀ + (1 − θ)(1 − q)/(1 − θ₀) ≤ 1 for θ ≤ θ₀ ≤ q. Exact at
 * 1 : 99 and with few events; assumptions of {@link countsLogBayesFactors}. Steps are looks: a peak inside a step is not
 * seen, so that finer steps can only lower p.
 *
 * @returns statistic the two-sided ln Bayes factor after the last step; undetermined when there are no events
 * @throws RangeError unless every step has two arms
 *
 * Source: Lindon & Malek (2022); truncated prior as the one-sided beta-binomial mixture of Howard et al. (2021),
 * proposition 7.
 */
export function countsTest(steps: readonly CountStep[], options: CountsOptions = {}): TestResult {
  requireTwoArms("countsTest", steps);
  const twoSided = countsLogBayesFactors(steps, options);
  if (!steps.some(({ counts }) => counts.some((count) => count > 0))) return undetermined("there are no events");
  return {
    status: "ok",
    statistic: twoSided.at(-1) as number,
    less: smallestP(oneSidedCountsLogBayesFactors(steps, "less", options)),
    greater: smallestP(oneSidedCountsLogBayesFactors(steps, "greater", options)),
    twoSided: smallestP(twoSided),
  };
}

/**
 * ln of the Bayes factor after each step for one alternative, candidate rate < or > control rate, against every rate on
 * the other side; as in {@link countsTest}.
 */
export function oneSidedCountsLogBayesFactors(
  steps: readonly CountStep[],
  alternative: "less" | "greater",
  options: CountsOptions = {},
): number[] {
  requireTwoArms("oneSidedCountsLogBayesFactors", steps);
  const side = alternative === "greater" ? "upper" : "lower";
  const truncated: StepFactor = (prior, counts, shares) => {
    const [a0 = 0, a1 = 0] = prior;
    const [s0 = 0, s1 = 0] = counts;
    const [share0 = 0, share1 = 0] = shares;
    const before = logBetaTails(share1, share0, a1, a0)[side];
    return twoSidedFactor(prior, counts, shares) + logBetaTails(share1, share0, a1 + s1, a0 + s0)[side] - before;
  };
  const arm = alternative === "greater" ? 1 : 0;
  return run("oneSidedCountsLogBayesFactors", steps, options, truncated, (seen) => seen === arm);
}

/**
 * The confidence sequence of the rate ratio candidate / control: the ratios r whose share θ(r) = θr / (1 − θ + θr) in
 * every step the Bayes factor does not reject. It covers at all looks together with probability at least `level`, exactly,
 * if the ratio of rates does not change; assumptions of {@link countsLogBayesFactors}.
 *
 * The predictions stay those of the test of r = 1, so that r = 1 is inside iff the test's current factor is below
 * 1 / (1 − level), and the log factor is convex in ln r: Σ n ln(1 − θ + θr) − S ln r and a constant. Of the steps only
 * the last counts as a look; the caller may intersect the intervals of several.
 *
 * @returns value the maximum-likelihood ratio; low 0 without candidate events, high Infinity without control events;
 *   undetermined without events in steps that have both arms, or when no constant ratio is compatible
 *
 * Source: Lindon & Malek (2022), confidence sequences by inversion.
 */
export function rateRatioSequence(
  steps: readonly CountStep[],
  { level = 0.95, ...options }: CountsOptions & { readonly level?: number } = {},
): Estimate {
  requireTwoArms("rateRatioSequence", steps);
  requireLevel("rateRatioSequence", level);
  const atOne = countsLogBayesFactors(steps, options).at(-1) ?? 0;
  if (atOne === Number.POSITIVE_INFINITY) return undetermined("an arm without a share has events");
  const terms = steps
    .filter(({ shares }) => shares.every((share) => share > 0))
    .map(({ counts, shares: [share0 = 0, share1 = 0] }) => ({ counts, n: sumOf(counts), share0, share1 }));
  const candidate = sumOf(terms.map(({ counts }) => counts[1] as number));
  const events = sumOf(terms.map(({ n }) => n));
  if (events === 0) return undetermined("there are no events while both arms had a share");
  const logFactor = (logRatio: number) =>
    terms.reduce((log, { n, share0, share1 }) => log + n * logMixedRate(share0, share1, logRatio), atOne) -
    candidate * logRatio;
  const expected = (logRatio: number) =>
    terms.reduce((total, { n, share0, share1 }) => total + n / (1 + (share0 / share1) * Math.exp(-logRatio)), 0);
  const far = 700;
  const centre =
    candidate === 0
      ? -far
      : candidate === events
        ? far
        : lastWhere((logRatio) => expected(logRatio) < candidate, -far, far);
  const threshold = -Math.log(1 - level);
  const keeps = (logRatio: number) => logFactor(logRatio) < threshold;
  if (!keeps(centre)) return undetermined("no constant ratio of rates is compatible with the counts");
  return {
    status: "ok",
    value: candidate === 0 ? 0 : candidate === events ? Number.POSITIVE_INFINITY : Math.exp(centre),
    low: keeps(-far) ? 0 : Math.exp(lastWhere(keeps, centre, -far)),
    high: keeps(far) ? Number.POSITIVE_INFINITY : Math.exp(lastWhere(keeps, centre, far)),
    level,
  };
}

/** ln(θ₀ + θ₁r), so that neither a ratio near 1 nor a large one loses digits. */
function logMixedRate(share0: number, share1: number, logRatio: number): number {
  if (logRatio < 1) return Math.log1p(share1 * Math.expm1(logRatio));
  return logRatio + Math.log(share1 + share0 * Math.exp(-logRatio));
}

/** ln of one step's factor, from the Dirichlet prior with which the step begins. */
type StepFactor = (prior: readonly number[], counts: readonly number[], shares: readonly number[]) => number;

const twoSidedFactor: StepFactor = (prior, counts, shares) => {
  const weight = sumOf(prior);
  const mean = prior.map((own) => own / weight);
  let log = logPolyaRatio(counts, mean, weight);
  counts.forEach((count, arm) => {
    const share = shares[arm] as number;
    if (count > 0 && mean[arm] !== share) log += count * Math.log((mean[arm] as number) / share);
  });
  return log;
};

/** The running sum of step factors; `certain` is what an event of an arm without a share does. */
function run(
  caller: string,
  steps: readonly CountStep[],
  { concentration = 100, carry = true }: CountsOptions,
  factor: StepFactor,
  certain: (arm: number) => boolean,
): number[] {
  requireSteps(caller, steps, concentration);
  let log = 0;
  let last: readonly number[] = [];
  let belief: readonly number[] | undefined;
  return steps.map(({ counts, shares }) => {
    if (counts.some((count, arm) => count > 0 && shares[arm] === 0 && certain(arm))) log = Number.POSITIVE_INFINITY;
    if (shares.filter((share) => share > 0).length > 1) {
      const possible = counts.map((count, arm) => (shares[arm] === 0 ? 0 : count));
      if (!carry && !same(shares, last)) belief = undefined;
      const prior = belief === undefined ? shares.map((share) => concentration * share) : carried(belief, last, shares);
      if (log < Number.POSITIVE_INFINITY) log += factor(prior, possible, shares);
      belief = prior.map((own, arm) => own + (possible[arm] as number));
      last = shares;
    }
    return log;
  });
}

/**
 * A Dirichlet belief under other shares: the same mean of the arms' relative rates, and a weight w with the same w·m(1 − m)
 * in all, the information about their logs.
 */
function carried(belief: readonly number[], last: readonly number[], shares: readonly number[]): readonly number[] {
  if (same(shares, last)) return belief;
  const weight = sumOf(belief);
  const mean = belief.map((own) => own / weight);
  const rates = shares.map(
    (share, arm) => share * (last[arm] === 0 ? 1 : (mean[arm] as number) / (last[arm] as number)),
  );
  const total = sumOf(rates);
  const moved = rates.map((rate) => rate / total);
  const scale = (weight * spread(mean)) / spread(moved);
  return moved.map((own) => own * scale);
}

function same(shares: readonly number[], others: readonly number[]): boolean {
  return shares.every((share, arm) => share === others[arm]);
}

function spread(mean: readonly number[]): number {
  return mean.reduce((total, own) => total + own * (1 - own), 0);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** min(1, 1 / the largest factor), the p-value of a running Bayes factor at all its looks; 1 before the first. */
export function smallestP(logBayesFactors: readonly number[]): number {
  return Math.exp(-logBayesFactors.reduce((a, b) => Math.max(a, b), 0));
}

function requireTwoArms(caller: string, steps: readonly CountStep[]): void {
  for (const { counts } of steps) {
    if (counts.length !== 2) throw new RangeError(`${caller} needs two arms in each step, got ${counts.length}`);
  }
}

function requireSteps(caller: string, steps: readonly CountStep[], concentration: number): void {
  if (!(concentration > 0 && concentration < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${caller} needs a concentration above 0, got ${concentration}`);
  }
  const arms = steps[0]?.counts.length;
  for (const [index, { counts, shares }] of steps.entries()) {
    if (counts.length !== arms || shares.length !== arms) {
      throw new RangeError(
        `${caller} needs ${arms} counts and shares in each step, got ${counts.length} and ${shares.length} in step ${index}`,
      );
    }
    const sum = shares.reduce((a, b) => a + b, 0);
    if (!shares.every((share) => share >= 0) || !(Math.abs(sum - 1) < 1e-9)) {
      throw new RangeError(
        `${caller} needs shares of at least 0 that sum to 1, got ${shares.join(", ")} in step ${index}`,
      );
    }
    if (!counts.every((count) => count >= 0 && count < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`${caller} needs counts of at least 0, got ${counts.join(", ")} in step ${index}`);
    }
  }
}
