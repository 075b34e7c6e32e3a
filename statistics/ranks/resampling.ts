import { logChoose, normalUpperQuantile, normalUpperTail } from "../distributions.ts";
import { type Estimate, type TestResult, undetermined } from "../estimate.ts";
import { quantileSorted } from "../quantiles/quantiles.ts";
import type { RandomStream } from "../random-stream.ts";
import { requireLevel } from "../requirements.ts";

/**
 * A number that compares two arms of units; the arrays it is given are reused, so it must neither keep nor change them.
 * A unit comes with all its rows.
 */
export type ArmStatistic<Unit> = (control: readonly Unit[], candidate: readonly Unit[]) => number;

/**
 * The permutation test that units would have come out the same in either arm: units, never their rows, are dealt anew to
 * arms of the same sizes.
 *
 * Exact for equal distributions at any split. Where the arms may differ in spread it tests means only if the statistic is
 * studentised (Welch's t): the plain difference of means of 10 candidates three times as spread as 90 controls is called
 * real in some 35 % of samples at a nominal 5 % (simulated, normal).
 *
 * @param statistic its p-values are P(statistic ≤ observed) as `less`, ≥ as `greater`, and twice the smaller one
 * @param random used when there are more than `exactUpTo` splits; below, all are enumerated
 * @returns the Monte Carlo p-value is (1 + as extreme) / (1 + permutations), so never 0; undetermined when an arm is
 *   empty, when a split's statistic is not finite, and when all splits have the same
 * @throws RangeError when permutations is not a whole number above 0
 *
 * Source: Fisher (1935), The Design of Experiments, §21; Phipson & Smyth (2010), SAGMB 9:39 (+1); Chung & Romano (2013),
 * Ann. Stat. 41:484–507 (studentise).
 */
export function permutationTest<Unit>(
  control: readonly Unit[],
  candidate: readonly Unit[],
  statistic: ArmStatistic<Unit>,
  {
    random,
    permutations = 9_999,
    exactUpTo = 20_000,
  }: { readonly random: RandomStream; readonly permutations?: number; readonly exactUpTo?: number },
): TestResult {
  requireReplicates("permutationTest", "permutations", permutations);
  if (control.length === 0 || candidate.length === 0) return undetermined("an arm is empty");
  const observed = statistic(control, candidate);
  if (!Number.isFinite(observed)) return undetermined(`the statistic is ${observed}`);
  const units = [...control, ...candidate];
  const splits = Math.exp(logChoose(units.length, candidate.length));
  const exact = splits <= exactUpTo * (1 + 1e-9);
  const values = exact
    ? everySplit(units, candidate.length, statistic)
    : randomSplits(units, candidate.length, statistic, permutations, random);
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad !== undefined) return undetermined(`the statistic of a split is ${bad}`);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), Math.abs(observed));
  // sums in another order differ in their last digits
  const slack = 1e-12 * largest;
  if (values.every((value) => Math.abs(value - observed) <= slack))
    return undetermined("all splits have one statistic");
  const extra = exact ? 0 : 1;
  const share = (extreme: (value: number) => boolean) =>
    (extra + values.reduce((count, value) => count + (extreme(value) ? 1 : 0), 0)) / (extra + values.length);
  const less = share((value) => value <= observed + slack);
  const greater = share((value) => value >= observed - slack);
  return { status: "ok", statistic: observed, less, greater, twoSided: Math.min(1, 2 * Math.min(less, greater)) };
}

/**
 * A bootstrap interval of a statistic of two arms, by units: each arm's units are drawn with replacement, each with all
 * its rows, to the arm's own size.
 *
 * BCa corrects bias and skewness to second order; both forms cover too rarely with fewer than some 20 units in either
 * arm, for rare events, and for heavy tails, and neither suits maxima: there `permutationTest`, or `mannWhitney`. BCa takes one statistic more for every unit, so
 * for 100,000 units take percentile.
 *
 * @param method bca, or percentile
 * @returns the statistic of the arms as the value; undetermined below two units in an arm, when a draw's statistic is not
 *   finite, when all draws have the same, and for bca when all lie on one side of the value
 * @throws RangeError for a level outside (0, 1), and when replicates is not a whole number above 0
 *
 * Source: Efron (1987), JASA 82:171–185; Efron & Tibshirani (1993), An Introduction to the Bootstrap, §14.3; acceleration
 * of several samples, Davison & Hinkley (1997), Bootstrap Methods, eq. 5.24 and §5.3.2, by the jackknife over the units
 * of each arm.
 */
export function bootstrapInterval<Unit>(
  control: readonly Unit[],
  candidate: readonly Unit[],
  statistic: ArmStatistic<Unit>,
  {
    random,
    level = 0.95,
    replicates = 9_999,
    method = "bca",
  }: {
    readonly random: RandomStream;
    readonly level?: number;
    readonly replicates?: number;
    readonly method?: "bca" | "percentile";
  },
): Estimate {
  requireLevel("bootstrapInterval", level);
  requireReplicates("bootstrapInterval", "replicates", replicates);
  if (control.length < 2 || candidate.length < 2) return undetermined("an arm has fewer than 2 units");
  const value = statistic(control, candidate);
  if (!Number.isFinite(value)) return undetermined(`the statistic is ${value}`);
  const drawn0 = [...control];
  const drawn1 = [...candidate];
  const draws = new Float64Array(replicates);
  for (let b = 0; b < replicates; b++) {
    redraw(control, drawn0, random);
    redraw(candidate, drawn1, random);
    draws[b] = statistic(drawn0, drawn1);
  }
  draws.sort();
  const [first, last] = [draws[0] as number, draws[replicates - 1] as number];
  if (!(Number.isFinite(first) && Number.isFinite(last))) return undetermined("the statistic of a draw is not finite");
  if (first === last) return undetermined("all draws have one statistic");
  const z = normalUpperQuantile((1 - level) / 2);
  if (method === "percentile") return at(draws, value, level, { low: -z, high: z });
  const below = draws.reduce((count, draw) => count + (draw < value ? 1 : draw === value ? 0.5 : 0), 0);
  if (below === 0 || below === replicates) return undetermined("all draws lie on one side of the value");
  const bias = -normalUpperQuantile(below / replicates);
  const acceleration = jackknifeAcceleration(control, candidate, statistic);
  const moved = (own: number) => bias + (bias + own) / (1 - acceleration * (bias + own));
  const sound = Number.isFinite(acceleration) && 1 - Math.abs(acceleration) * (Math.abs(bias) + z) > 0;
  if (!sound) return undetermined(`the acceleration is ${acceleration}: the arms are too small or too skewed`);
  return at(draws, value, level, { low: moved(-z), high: moved(z) });
}

/** Quantiles of sorted draws at two standard normal deviates. */
function at(draws: Float64Array, value: number, level: number, z: { readonly low: number; readonly high: number }) {
  const quantile = (own: number) => quantileSorted(draws, normalUpperTail(-own));
  return { status: "ok", value, low: quantile(z.low), high: quantile(z.high), level } as const;
}

/** Σ over arms of the third moments of the influence values over the second's power 3/2; 0 when there is no influence. */
function jackknifeAcceleration<Unit>(
  control: readonly Unit[],
  candidate: readonly Unit[],
  statistic: ArmStatistic<Unit>,
): number {
  const arms = [
    leaveOneOut(control, (rest) => statistic(rest, candidate)),
    leaveOneOut(candidate, (rest) => statistic(control, rest)),
  ];
  let squares = 0;
  let cubes = 0;
  for (const values of arms) {
    const n = values.length;
    const mean = values.reduce((a, b) => a + b, 0) / n;
    for (const value of values) {
      const influence = ((n - 1) * (mean - value)) / n;
      squares += influence ** 2;
      cubes += influence ** 3;
    }
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

function leaveOneOut<Unit>(arm: readonly Unit[], statistic: (rest: readonly Unit[]) => number): number[] {
  const rest = arm.slice(1);
  return arm.map((_, i) => {
    if (i > 0) rest[i - 1] = arm[i - 1] as Unit;
    return statistic(rest);
  });
}

function redraw<Unit>(arm: readonly Unit[], into: Unit[], random: RandomStream): void {
  for (let i = 0; i < into.length; i++) into[i] = arm[Math.floor(random() * arm.length)] as Unit;
}

/** The statistic of each way to give `size` of the units to the candidate. */
function everySplit<Unit>(units: readonly Unit[], size: number, statistic: ArmStatistic<Unit>): number[] {
  const values: number[] = [];
  const chosen = Array.from({ length: size }, (_, i) => i);
  for (;;) {
    const own = new Set(chosen);
    values.push(
      statistic(
        units.filter((_, i) => !own.has(i)),
        units.filter((_, i) => own.has(i)),
      ),
    );
    let last = size - 1;
    while (last >= 0 && chosen[last] === units.length - size + last) last--;
    if (last < 0) return values;
    const start = chosen[last] as number;
    for (let i = last; i < size; i++) chosen[i] = start + 1 + i - last;
  }
}

/** The statistic of random splits: the first `size` units of a shuffle, only the smaller arm being shuffled. */
function randomSplits<Unit>(
  units: readonly Unit[],
  size: number,
  statistic: ArmStatistic<Unit>,
  permutations: number,
  random: RandomStream,
): number[] {
  const deck = [...units];
  const smaller = Math.min(size, deck.length - size);
  return Array.from({ length: permutations }, () => {
    for (let i = 0; i < smaller; i++) {
      const j = i + Math.floor(random() * (deck.length - i));
      [deck[i], deck[j]] = [deck[j] as Unit, deck[i] as Unit];
    }
    const dealt = deck.slice(0, smaller);
    const rest = deck.slice(smaller);
    return smaller === size ? statistic(rest, dealt) : statistic(dealt, rest);
  });
}

function requireReplicates(name: string, what: string, count: number): void {
  if (!(Number.isSafeInteger(count) && count > 0)) {
    throw new RangeError(`${name} needs ${what} to be a whole number above 0, got ${count}`);
  }
}
