import { betaQuantile, normalUpperQuantile } from "../distributions.ts";
import { type Estimate, type TestResult, undetermined } from "../estimate.ts";
import { requireLevel } from "../requirements.ts";
import { zTest } from "../z-test.ts";
import { type Count, requireCount, requireCounts, wilson } from "./proportions.ts";

/**
 * The textbook z test of two proportions, variance pooled; z² is Pearson's chi-squared of the 2 × 2 table.
 *
 * It does not hold its level for rare events at unequal arms: 2 % events, 143 candidates against 14,157 controls, 3.7 %
 * at a nominal 2.5 % one-sided (exact enumeration). Use `fisherExact`, `boschlooExact` or a sequential exact test there.
 *
 * @param continuityCorrection Yates's, at most the difference itself, as R's `prop.test(correct = TRUE)`
 * @returns undetermined when an arm has no trials, and when all trials came out alike
 * @throws RangeError for impossible counts
 *
 * Source: Pearson (1900); Yates (1934), JRSS Suppl. 1:217–235; R's `prop.test`.
 */
export function pooledTest(
  control: Count,
  candidate: Count,
  { continuityCorrection = false }: { readonly continuityCorrection?: boolean } = {},
): TestResult {
  requireCounts("pooledTest", control, candidate);
  if (control.n === 0 || candidate.n === 0) return undetermined("an arm has no trials");
  const standardError = pooledError(control, candidate);
  if (standardError === 0) return undetermined("all trials came out alike");
  const difference = candidate.events / candidate.n - control.events / control.n;
  const correction = continuityCorrection ? yates(control, candidate, difference) : 0;
  const z = (Math.sign(difference) * (Math.abs(difference) - correction)) / standardError;
  return zTest(z);
}

/**
 * The Wald interval of candidate − control, cut at ±1.
 *
 * It covers too rarely for small samples and rare events, and is a point when both arms are all or nothing: prefer
 * {@link newcombeInterval} or `scoreInterval`.
 *
 * @param continuityCorrection widens it as R's `prop.test(correct = TRUE)`
 * @param pooled takes the standard error under no difference, so that the interval agrees with {@link pooledTest}
 * @returns undetermined when an arm has no trials
 * @throws RangeError for impossible counts and a level outside (0, 1)
 *
 * Source: R's `prop.test`.
 */
export function waldInterval(
  control: Count,
  candidate: Count,
  {
    level = 0.95,
    continuityCorrection = false,
    pooled = false,
  }: { readonly level?: number; readonly continuityCorrection?: boolean; readonly pooled?: boolean } = {},
): Estimate {
  requireCounts("waldInterval", control, candidate);
  requireLevel("waldInterval", level);
  if (control.n === 0 || candidate.n === 0) return undetermined("an arm has no trials");
  const value = candidate.events / candidate.n - control.events / control.n;
  const standardError = pooled ? pooledError(control, candidate) : Math.hypot(errorOf(control), errorOf(candidate));
  const correction = continuityCorrection ? yates(control, candidate, value) : 0;
  const half = normalUpperQuantile((1 - level) / 2) * standardError + correction;
  return { status: "ok", value, low: Math.max(-1, value - half), high: Math.min(1, value + half), level };
}

/**
 * The Wald interval after one event and one failure more in each arm: simple, and fair from ten trials an arm.
 *
 * @returns `value` is the difference of the rates as observed; the interval's middle is that of the added counts
 * @throws RangeError for impossible counts and a level outside (0, 1)
 *
 * Source: Agresti & Caffo (2000), American Statistician 54:280–288.
 */
export function agrestiCaffoInterval(
  control: Count,
  candidate: Count,
  { level = 0.95 }: { readonly level?: number } = {},
): Estimate {
  requireCounts("agrestiCaffoInterval", control, candidate);
  if (control.n === 0 || candidate.n === 0) return undetermined("an arm has no trials");
  const more = ({ events, n }: Count) => ({ events: events + 1, n: n + 2 });
  const interval = waldInterval(more(control), more(candidate), { level });
  return { ...interval, value: candidate.events / candidate.n - control.events / control.n } as Estimate;
}

/**
 * Newcombe's hybrid score interval of candidate − control, made of the two Wilson intervals: never outside [−1, 1], never
 * a point, and close to its level from some ten trials an arm on; with four against 396 it covers 92 %.
 *
 * @returns undetermined when an arm has no trials
 * @throws RangeError for impossible counts and a level outside (0, 1)
 *
 * Source: Newcombe (1998), Stat. Med. 17:873–890, method 10.
 */
export function newcombeInterval(
  control: Count,
  candidate: Count,
  { level = 0.95 }: { readonly level?: number } = {},
): Estimate {
  requireCounts("newcombeInterval", control, candidate);
  requireLevel("newcombeInterval", level);
  const own0 = wilson(control, level);
  const own1 = wilson(candidate, level);
  if (own0.status !== "ok" || own1.status !== "ok") return undetermined("an arm has no trials");
  const value = own1.value - own0.value;
  const low = value - Math.hypot(own1.value - own1.low, own0.high - own0.value);
  const high = value + Math.hypot(own1.high - own1.value, own0.value - own0.low);
  return { status: "ok", value, low: Math.max(-1, low), high: Math.min(1, high), level };
}

/**
 * The exact interval of one proportion, which covers at least as often as its level says, and usually more often.
 *
 * @returns undetermined when n is 0
 * @throws RangeError for impossible counts and a level outside (0, 1)
 *
 * Source: Clopper & Pearson (1934), Biometrika 26:404–413; quantiles of Beta(x, n − x + 1) and Beta(x + 1, n − x).
 */
export function clopperPearson({ events, n }: Count, { level = 0.95 }: { readonly level?: number } = {}): Estimate {
  requireCount("clopperPearson", { events, n });
  requireLevel("clopperPearson", level);
  if (n === 0) return undetermined("no trials");
  const tail = (1 - level) / 2;
  const low = events === 0 ? 0 : betaQuantile(tail, events, n - events + 1);
  const high = events === n ? 1 : 1 - betaQuantile(tail, n - events, events + 1);
  return { status: "ok", value: events / n, low, high, level };
}

function pooledError(control: Count, candidate: Count): number {
  const events = control.events + candidate.events;
  const failures = control.n - control.events + (candidate.n - candidate.events);
  const total = control.n + candidate.n;
  return Math.sqrt((events / total) * (failures / total) * (1 / control.n + 1 / candidate.n));
}

function errorOf({ events, n }: Count): number {
  return Math.sqrt((events * (n - events)) / n) / n;
}

/** R's: half a unit of each arm, but not more than the difference. */
function yates(control: Count, candidate: Count, difference: number): number {
  return Math.min(0.5 * (1 / control.n + 1 / candidate.n), Math.abs(difference));
}
