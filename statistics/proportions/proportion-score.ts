import { normalUpperQuantile } from "../distributions.ts";
import { type Estimate, type TestResult, undetermined } from "../estimate.ts";
import { lastWhere } from "../line-search.ts";
import { requireLevel } from "../requirements.ts";
import { zTest } from "../z-test.ts";
import { type Count, differenceNull, oddsNull, ratioNull, requireCounts } from "./proportions.ts";

/** How two proportions are compared: p₁ − p₀, p₁ / p₀, or the ratio of their odds. */
export type ProportionScale = "difference" | "ratio" | "odds-ratio";

export interface ScoreOptions {
  /** multiply the variance by N / (N − 1), as Miettinen & Nurminen; without it the test is Farrington & Manning's */
  readonly smallSample?: boolean;
}

/**
 * The score test of candidate against control with a margin: the variance is taken where the null is likeliest, so that
 * it stays nearer its level than the Wald test.
 *
 * It is asymptotic. Against no difference it is the pooled z test on every scale, with that test's faults at 1 : 99 (see
 * `pooledTest`); with a handful of events in all, use `fisherExact` or `boschlooExact`. Requests of one unit are not
 * independent trials: count units.
 *
 * @param scale difference, ratio or odds-ratio
 * @param nullValue the margin to test against: in (−1, 1) for a difference (0 unless given), above 0 for a ratio (1)
 * @returns z with its p-values; undetermined when an arm has no trials, and when all trials came out alike and the null
 *   has no variance for it: any odds ratio, a ratio without events, and no difference
 * @throws RangeError for impossible counts and for a null outside its range
 *
 * Source: Farrington & Manning (1990), Stat. Med. 9:1447–1454; Miettinen & Nurminen (1985), Stat. Med. 4:213–226, eq. 8,
 * 10 and 15.
 */
export function scoreTest(
  control: Count,
  candidate: Count,
  scale: ProportionScale,
  {
    nullValue = scale === "difference" ? 0 : 1,
    smallSample = false,
  }: ScoreOptions & { readonly nullValue?: number } = {},
): TestResult {
  requireCounts("scoreTest", control, candidate);
  const inside = scale === "difference" ? Math.abs(nullValue) < 1 : nullValue > 0 && Number.isFinite(nullValue);
  if (!inside) {
    const range = scale === "difference" ? "in (−1, 1)" : "above 0";
    throw new RangeError(`scoreTest needs a nullValue ${range} for a ${scale}, got ${nullValue}`);
  }
  if (control.n === 0 || candidate.n === 0) return undetermined("an arm has no trials");
  const z = Number.isNaN(estimateOf(control, candidate, scale))
    ? Number.NaN
    : scoreAt(control, candidate, scale, nullValue, smallSample);
  if (!Number.isFinite(z)) return undetermined("the null has no variance: all trials came out alike");
  return zTest(z);
}

/**
 * The interval of all nulls that {@link scoreTest} does not reject, by bisection to the last digit of a double.
 *
 * Its coverage is near the level down to a few events an arm, though it is not guaranteed; for a guarantee use
 * `conditionalOddsRatio`.
 *
 * @returns a ratio's value and high end are Infinity when control has no event; undetermined when an arm has no trials,
 *   for ratios when no arm has an event, and for odds ratios when no arm has a failure
 * @throws RangeError for impossible counts and a level outside (0, 1)
 *
 * Source: Mee (1984), Biometrics 40:1175–1176 and Miettinen & Nurminen (1985), differences; Koopman (1984), Biometrics
 * 40:513–517, ratios; Cornfield (1956), 3rd Berkeley Symposium 4:135–148, odds ratios without his correction.
 */
export function scoreInterval(
  control: Count,
  candidate: Count,
  scale: ProportionScale,
  { level = 0.95, smallSample = false }: ScoreOptions & { readonly level?: number } = {},
): Estimate {
  requireCounts("scoreInterval", control, candidate);
  requireLevel("scoreInterval", level);
  if (control.n === 0 || candidate.n === 0) return undetermined("an arm has no trials");
  const z = normalUpperQuantile((1 - level) / 2);
  const value = estimateOf(control, candidate, scale);
  if (Number.isNaN(value))
    return undetermined(`the ${scale} of ${describe(control)} and ${describe(candidate)} is 0 / 0`);
  const inside = (at: number) => !(Math.abs(scoreAt(control, candidate, scale, at, smallSample)) > z);
  if (scale === "difference") {
    return { status: "ok", value, low: edge(value, -1, inside), high: edge(value, 1, inside), level };
  }
  // ratios are searched by their logarithm, from far out where the estimate is 0 or infinite
  const logInside = (log: number) => inside(Math.exp(log));
  const farthest = 60;
  const start = Math.min(farthest, Math.max(-farthest, Math.log(value)));
  const low = value === 0 ? 0 : Math.exp(edge(start, -farthest - 1, logInside));
  const high = value === Infinity ? value : Math.exp(edge(start, farthest + 1, logInside));
  return { status: "ok", value, low, high, level };
}

/** The score statistic at a null; it falls as the null grows. */
function scoreAt(control: Count, candidate: Count, scale: ProportionScale, at: number, smallSample: boolean): number {
  const total = control.n + candidate.n;
  const shrink = smallSample ? Math.sqrt((total - 1) / total) : 1;
  const rate0 = control.events / control.n;
  const rate1 = candidate.events / candidate.n;
  switch (scale) {
    case "difference":
      return (shrink * (rate1 - rate0 - at)) / differenceNull(control, candidate, at).standardError;
    case "ratio":
      return (shrink * (rate1 - at * rate0)) / ratioNull(control, candidate, at).standardError;
    case "odds-ratio": {
      const fit = oddsNull(control, candidate, at);
      // both arms miss their fit by as many events; the rarer one says it with more digits
      const byControl = fit.control * control.n < fit.candidate * candidate.n;
      const excess = byControl ? ((fit.control - rate0) * control.n) / candidate.n : rate1 - fit.candidate;
      return (shrink * excess) / fit.standardError;
    }
  }
}

function estimateOf(control: Count, candidate: Count, scale: ProportionScale): number {
  const rate0 = control.events / control.n;
  const rate1 = candidate.events / candidate.n;
  if (scale === "difference") return rate1 - rate0;
  if (scale === "ratio") return rate1 / rate0;
  return (candidate.events * (control.n - control.events)) / (control.events * (candidate.n - candidate.events));
}

/** The last point from `start` towards `end` that is inside. */
function edge(start: number, end: number, inside: (at: number) => boolean): number {
  const last = lastWhere(inside, start, end);
  return Math.abs(last - end) < 1e-15 ? end : last;
}

function describe({ events, n }: Count): string {
  return `${events}/${n}`;
}
