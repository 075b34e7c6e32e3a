import { type Estimate, undetermined } from "../estimate.ts";
import { lastWhere } from "../line-search.ts";
import type { Count } from "../proportions/proportions.ts";
import { requireLevel } from "../requirements.ts";
import { bestRho } from "./mixture-bounds.ts";
import { logPolyaRatio } from "./polya.ts";

/** What a sequence of one proportion is tuned to. */
export interface BernoulliOptions {
  /** 0.95 */
  readonly level?: number;
  /** trials near which the interval is tightest, 1000; fixed in advance */
  readonly tunedTo?: number;
  /** error probability it is tuned for, 0.05 */
  readonly tunedAlpha?: number;
}

/**
 * ln of the beta-binomial mixture against one proportion p, a martingale with mean 1 at every trial when p is true.
 *
 * The prior is Beta(cp, c(1 − p)) with c from {@link BernoulliOptions.tunedTo}, at least 0.001.
 *
 * @param p in [0, 1]; at 0 (or 1) it is Infinity as soon as an event (a non-event) was seen
 *
 * Source: Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Stat. 49:1055–1080, proposition 6 with g = p, h = 1 − p.
 */
export function bernoulliLogMixture(
  { events, n }: Count,
  p: number,
  { tunedTo = 1000, tunedAlpha = 0.05 }: BernoulliOptions = {},
): number {
  requireCount("bernoulliLogMixture", events, n);
  if (!(p >= 0 && p <= 1)) throw new RangeError(`bernoulliLogMixture needs p in [0, 1], got ${p}`);
  return logPolyaRatio([events, n - events], [p, 1 - p], concentration(tunedTo, tunedAlpha));
}

/**
 * The beta-binomial confidence sequence of one proportion: it covers at all looks together with probability at least
 * `level`, exactly and at any sample size, for independent trials whose conditional mean stays p; values between 0 and 1
 * may be added up as `events` (it is then conservative). Not for several events of one unit.
 *
 * The mixture is convex in p, so that the proportions it does not reject form an interval; its ends by bisection to the
 * last digits.
 *
 * @returns low 0 without events (or too few trials to exclude a small p), high 1 when all are; undetermined without trials
 * @throws RangeError when events are not within 0 … n or the level is not in (0, 1)
 *
 * Source: Howard et al. (2021), proposition 6, inverted; as confseq's `bernoulli_confidence_interval`.
 */
export function bernoulliSequentialInterval({ events, n }: Count, options: BernoulliOptions = {}): Estimate {
  const { level = 0.95, tunedTo = 1000, tunedAlpha = 0.05 } = options;
  requireCount("bernoulliSequentialInterval", events, n);
  requireLevel("bernoulliSequentialInterval", level);
  if (n === 0) return undetermined("there are no trials");
  const value = events / n;
  const c = concentration(tunedTo, tunedAlpha);
  const threshold = -Math.log(1 - level);
  const keeps = (p: number) => logPolyaRatio([events, n - events], [p, 1 - p], c) < threshold;
  // above one half in terms of 1 − p, which would otherwise lose its digits
  const keepsComplement = (q: number) => logPolyaRatio([events, n - events], [1 - q, q], c) < threshold;
  const nothing = 2 ** -1000;
  const low = events === 0 || keeps(nothing) ? 0 : lastWhere(keeps, value, 0);
  const high = events === n || keepsComplement(nothing) ? 1 : 1 - lastWhere(keepsComplement, 1 - value, 0);
  return { status: "ok", value, low: Math.min(low, value), high: Math.max(high, value), level };
}

/** r / gh = ρ / gh − 1 does not depend on p, since ρ is proportional to the variance it is tuned to. */
function concentration(tunedTo: number, alpha: number): number {
  return Math.max(bestRho({ variance: tunedTo, alpha }) - 1, 1e-3);
}

function requireCount(caller: string, events: number, n: number): void {
  if (!(n >= 0 && events >= 0 && events <= n)) {
    throw new RangeError(`${caller} needs 0 ≤ events ≤ n, got events=${events}, n=${n}`);
  }
}
