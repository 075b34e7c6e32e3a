import { type Estimate, type TestResult, undetermined } from "../estimate.ts";
import { lastWhere } from "../line-search.ts";
import { requireLevel } from "../requirements.ts";
import { type Count, requireCounts } from "./proportions.ts";

/**
 * Fisher's exact test of two proportions, given how many events there were in all; `statistic` is the candidate's count.
 *
 * It holds its level at any size and split, and is conservative: at a nominal 5 % two-sided it rejects at most 1.3 % with
 * 10 trials an arm, 3.3 % with 40 (exact enumeration). `boschlooExact` is never weaker on one side; the mid-p value is
 * nearer the level on average and may exceed it.
 *
 * @param midP counts half of the tables exactly as probable as the one observed
 * @returns two-sided: the sum over all tables not more probable than the one observed, with R's tolerance of 1e-7;
 *   undetermined when an arm has no trials or all trials came out alike, for then only one table is possible
 * @throws RangeError for counts that are impossible or not whole
 *
 * Source: Fisher (1935), JRSS 98:39–54; R's `fisher.test`; mid-p Lancaster (1961), JASA 56:223–234.
 */
export function fisherExact(
  control: Count,
  candidate: Count,
  { midP = false }: { readonly midP?: boolean } = {},
): TestResult {
  requireWhole("fisherExact", control, candidate);
  const { lowest, weights } = tablesOf(control, candidate);
  if (weights.length === 1) return undetermined("only one table has these margins");
  const total = sum(weights, () => true);
  const at = candidate.events - lowest;
  const own = weights[at] as number;
  const half = midP ? own / 2 : 0;
  const tied = midP ? sum(weights, (w) => Math.abs(w - own) <= 1e-7 * own) / 2 : 0;
  return {
    status: "ok",
    statistic: candidate.events,
    less: Math.min(1, (sum(weights, (_, k) => k <= at) - half) / total),
    greater: Math.min(1, (sum(weights, (_, k) => k >= at) - half) / total),
    twoSided: Math.min(1, (sum(weights, (w) => w <= own * (1 + 1e-7)) - tied) / total),
  };
}

/**
 * The odds ratio candidate / control by conditional maximum likelihood, with Cornfield's exact interval.
 *
 * The interval covers at least as often as its level says, at any size and split. It is made of two one-sided tests, so
 * it may hold 1 where the two-sided {@link fisherExact} rejects. R stops its own root-finding at 1.2e-4 of the ratio or its
 * inverse: 621.9 for a high end of 626.2.
 *
 * @returns 0 or Infinity as the value when the candidate's count is the lowest or highest possible; undetermined when
 *   only one table is possible
 * @throws RangeError for counts that are impossible or not whole, and for a level outside (0, 1)
 *
 * Source: Cornfield (1956), 3rd Berkeley Symposium 4:135–148; R's `fisher.test`.
 */
export function conditionalOddsRatio(
  control: Count,
  candidate: Count,
  { level = 0.95 }: { readonly level?: number } = {},
): Estimate {
  requireWhole("conditionalOddsRatio", control, candidate);
  requireLevel("conditionalOddsRatio", level);
  const { lowest, weights } = tablesOf(control, candidate);
  if (weights.length === 1) return undetermined("only one table has these margins");
  const logs = logWeightsOf(control, candidate);
  const at = candidate.events - lowest;
  const tail = (1 - level) / 2;
  const solve = (below: (tilted: Float64Array) => boolean) =>
    Math.exp(lastWhere((logOdds) => below(tilt(logs, logOdds)), -600, 600));
  const first = at === 0;
  const last = at === weights.length - 1;
  const mean = (tilted: Float64Array) => tilted.reduce((total, p, k) => total + p * k, 0);
  return {
    status: "ok",
    value: first ? 0 : last ? Number.POSITIVE_INFINITY : solve((tilted) => mean(tilted) < at),
    low: first ? 0 : solve((tilted) => sum(tilted, (_, k) => k >= at) < tail),
    high: last ? Number.POSITIVE_INFINITY : solve((tilted) => sum(tilted, (_, k) => k <= at) > tail),
    level,
  };
}

/**
 * Weights of all tables with the same margins, by the candidate's count from `lowest` up, the likeliest being 1.
 *
 * Source: Fisher (1935): hypergeometric probabilities, by the ratio of each to the next.
 */
export function tablesOf(
  control: Count,
  candidate: Count,
): { readonly lowest: number; readonly weights: Float64Array } {
  const events = control.events + candidate.events;
  const lowest = Math.max(0, events - control.n);
  const highest = Math.min(events, candidate.n);
  const mode = Math.floor(((events + 1) * (candidate.n + 1)) / (control.n + candidate.n + 2));
  const start = Math.min(highest, Math.max(lowest, mode));
  const weights = new Float64Array(highest - lowest + 1);
  weights[start - lowest] = 1;
  const rise = (k: number) => ((events - k) / (k + 1)) * ((candidate.n - k) / (control.n - events + k + 1));
  for (let k = start; k < highest; k++) weights[k + 1 - lowest] = (weights[k - lowest] as number) * rise(k);
  for (let k = start; k > lowest; k--) weights[k - 1 - lowest] = (weights[k - lowest] as number) / rise(k - 1);
  return { lowest, weights };
}

/** @throws RangeError for counts that are impossible or not whole */
export function requireWhole(name: string, control: Count, candidate: Count): void {
  requireCounts(name, control, candidate);
  for (const [arm, { events, n }] of Object.entries({ control, candidate })) {
    if (!(Number.isInteger(events) && Number.isInteger(n))) {
      throw new RangeError(`${name} needs whole counts, got ${arm} events=${events}, n=${n}`);
    }
  }
}

/** The same weights in logs, for odds ratios so far from 1 that the weights themselves are 0 as doubles. */
function logWeightsOf(control: Count, candidate: Count): Float64Array {
  const events = control.events + candidate.events;
  const lowest = Math.max(0, events - control.n);
  const logs = new Float64Array(Math.min(events, candidate.n) - lowest + 1);
  for (let i = 1; i < logs.length; i++) {
    const k = lowest + i - 1;
    const rise = ((events - k) / (k + 1)) * ((candidate.n - k) / (control.n - events + k + 1));
    logs[i] = (logs[i - 1] as number) + Math.log(rise);
  }
  return logs;
}

/** Probabilities of the tables at an odds ratio. */
function tilt(logs: Float64Array, logOdds: number): Float64Array {
  const tilted = logs.map((log, k) => log + k * logOdds);
  const most = tilted.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = tilted.map((log) => Math.exp(log - most));
  const total = sum(weights, () => true);
  return weights.map((weight) => weight / total);
}

function sum(weights: Float64Array, counts: (weight: number, k: number) => boolean): number {
  let total = 0;
  for (let k = 0; k < weights.length; k++) if (counts(weights[k] as number, k)) total += weights[k] as number;
  return total;
}
