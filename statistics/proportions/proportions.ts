import { normalUpperQuantile } from "../distributions.ts";
import { type Estimate, undetermined } from "../estimate.ts";

/** Events among n trials; n may be an effective (fractional) sample. */
export interface Count {
  readonly events: number;
  readonly n: number;
}

/** Both proportions at their restricted maximum-likelihood values under a null, and the standard error there. */
export interface NullFit {
  readonly control: number;
  readonly candidate: number;
  readonly standardError: number;
}

/**
 * Fit and standard error of candidate − control under p₁ − p₀ = delta: the score test, whose level for rare events at
 * unequal arms is nearer than the Wald test's.
 *
 * @param delta in (−1, 1)
 * @returns standard error 0 when delta is 0 and no arm has an event (or every trial is one)
 * @throws RangeError when an arm has no trials
 *
 * Source: Farrington & Manning (1990), Stat. Med. 9:1447–1454, appendix (the cubic's closed form).
 */
export function differenceNull(control: Count, candidate: Count, delta: number): NullFit {
  requireTrials("differenceNull", control, candidate);
  const fitted1 = delta === 0 ? pooled(control, candidate) : candidateAt(control, candidate, delta);
  const fitted0 = Math.min(1, Math.max(0, fitted1 - delta));
  return {
    control: fitted0,
    candidate: fitted1,
    standardError: standardErrorOf(fitted0, control.n, fitted1, candidate.n, 1),
  };
}

function pooled(control: Count, candidate: Count): number {
  return (control.events + candidate.events) / (control.n + candidate.n);
}

/** The restricted estimate of the candidate's proportion: the root of the likelihood's cubic in the feasible range. */
function candidateAt(control: Count, candidate: Count, delta: number): number {
  const rate0 = control.events / control.n;
  const rate1 = candidate.events / candidate.n;
  const share = control.n / candidate.n;
  const a = 1 + share;
  const b = -(1 + share + rate1 + share * rate0 + delta * (share + 2));
  const c = delta ** 2 + delta * (2 * rate1 + share + 1) + rate1 + share * rate0;
  const d = -rate1 * delta * (1 + delta);
  const v = (b / (3 * a)) ** 3 - (b * c) / (6 * a ** 2) + d / (2 * a);
  const root = Math.sqrt(Math.max(0, (b / (3 * a)) ** 2 - c / (3 * a)));
  const u = v < 0 ? -root : root;
  const cosine = u === 0 ? 1 : Math.min(1, Math.max(-1, v / u ** 3));
  const w = (Math.PI + Math.acos(cosine)) / 3;
  return polished(control, candidate, delta, 2 * u * Math.cos(w) - b / (3 * a));
}

/**
 * The arc cosine loses digits when events are rare: Newton's method on the likelihood's slope, kept between bounds where
 * that slope changes sign, gives them back. The slope falls all the way, so its root is the maximum.
 */
function polished(control: Count, candidate: Count, delta: number, start: number): number {
  const failures0 = control.n - control.events;
  const failures1 = candidate.n - candidate.events;
  const slopeAt = (p: number) =>
    weight(candidate.events, p) -
    weight(failures1, 1 - p) +
    weight(control.events, p - delta) -
    weight(failures0, 1 - p + delta);
  let low = Math.max(0, delta);
  let high = Math.min(1, 1 + delta);
  if (slopeAt(low) <= 0) return low;
  if (slopeAt(high) >= 0) return high;
  let p = start > low && start < high ? start : (low + high) / 2;
  for (let step = 0; step < 60; step++) {
    const slope = slopeAt(p);
    if (slope > 0) low = p;
    else high = p;
    const curvature =
      weight(candidate.events, p ** 2) +
      weight(failures1, (1 - p) ** 2) +
      weight(control.events, (p - delta) ** 2) +
      weight(failures0, (1 - p + delta) ** 2);
    let next = p + slope / curvature;
    if (!(next > low && next < high)) next = slope === 0 ? p : (low + high) / 2;
    if (Math.abs(next - p) <= Number.EPSILON * p) return next;
    p = next;
  }
  return p;
}

/** events / p, where no events weigh nothing, and p may be below 0 by rounding. */
function weight(events: number, p: number): number {
  return events === 0 ? 0 : events / Math.max(0, p);
}

/**
 * Fit and standard error of candidate − ratio·control under p₁ = ratio·p₀.
 *
 * @param ratio above 0
 * @throws RangeError when an arm has no trials or the ratio is not positive
 *
 * Source: Farrington & Manning (1990), risk ratio; Miettinen & Nurminen (1985), Stat. Med. 4:213–226, eq. 10–11.
 */
export function ratioNull(control: Count, candidate: Count, ratio: number): NullFit {
  requireTrials("ratioNull", control, candidate);
  if (!(ratio > 0)) throw new RangeError(`ratioNull needs a ratio above 0, got ${ratio}`);
  const events = control.events + candidate.events;
  const failures0 = control.n - control.events;
  const failures1 = candidate.n - candidate.events;
  const a = ratio * (candidate.n + control.events);
  const b = control.n + candidate.events;
  // the smaller root of N·ratio·p² − (a + b)·p + events, written so that no digits cancel
  const root = (2 * events) / (a + b + Math.sqrt((a - b) ** 2 + 4 * ratio * failures0 * failures1));
  const fitted0 = ratio === 1 ? pooled(control, candidate) : Math.min(1, 1 / ratio, root);
  const fitted1 = Math.min(1, ratio * fitted0);
  return {
    control: fitted0,
    candidate: fitted1,
    standardError: standardErrorOf(fitted0, control.n, fitted1, candidate.n, ratio),
  };
}

/**
 * Fit under odds₁ = oddsRatio·odds₀; `standardError` is that of the candidate's event count given all events, as a rate
 * of the candidate's trials.
 *
 * @param oddsRatio above 0
 * @returns standard error 0 when no arm has an event (or every trial is one)
 * @throws RangeError when an arm has no trials or the odds ratio is not positive
 *
 * Source: Miettinen & Nurminen (1985), Stat. Med. 4:213–226, eq. 15–17; the fit keeps the sum of all events.
 */
export function oddsNull(control: Count, candidate: Count, oddsRatio: number): NullFit {
  requireTrials("oddsNull", control, candidate);
  if (!(oddsRatio > 0)) throw new RangeError(`oddsNull needs an odds ratio above 0, got ${oddsRatio}`);
  if (oddsRatio < 1) {
    const turned = oddsNull(candidate, control, 1 / oddsRatio);
    const standardError = (turned.standardError * control.n) / candidate.n;
    return { control: turned.candidate, candidate: turned.control, standardError };
  }
  const events = control.events + candidate.events;
  const excess = oddsRatio - 1;
  const a = control.n * excess;
  const b = candidate.n * oddsRatio + control.n - events * excess;
  const discriminant = Math.sqrt(b ** 2 + 4 * a * events);
  const root = b >= 0 ? (2 * events) / (b + discriminant) : (discriminant - b) / (2 * a);
  const fitted0 = Math.min(1, root);
  const scale = 1 + excess * fitted0;
  const fitted1 = Math.min(1, (oddsRatio * fitted0) / scale);
  const information0 = control.n * fitted0 * (1 - fitted0);
  // 1 − fitted1 in this form keeps its digits
  const information1 = (candidate.n * fitted1 * (1 - fitted0)) / scale;
  const variance = information0 === 0 || information1 === 0 ? 0 : 1 / (1 / information0 + 1 / information1);
  return { control: fitted0, candidate: fitted1, standardError: Math.sqrt(variance) / candidate.n };
}

/**
 * Wilson's interval of one proportion. It covers about its level on average over rates, not at each: with four trials 88 % at a
 * rate of one half. `clopperPearson` covers at least its level everywhere.
 *
 * @returns undetermined when n is 0
 *
 * Source: Wilson (1927), JASA 22:209–212.
 */
export function wilson({ events, n }: Count, level = 0.95): Estimate {
  if (!(n > 0)) return undetermined("no trials");
  const z = normalUpperQuantile((1 - level) / 2);
  const p = events / n;
  const centre = (p + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
  const half = (z * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2))) / (1 + z ** 2 / n);
  const low = events === 0 ? 0 : Math.max(0, centre - half);
  const high = events === n ? 1 : Math.min(1, centre + half);
  return { status: "ok", value: p, low, high, level };
}

function standardErrorOf(p0: number, n0: number, p1: number, n1: number, scale0: number): number {
  return Math.sqrt((p1 * (1 - p1)) / n1 + (scale0 ** 2 * p0 * (1 - p0)) / n0);
}

function requireTrials(name: string, control: Count, candidate: Count): void {
  if (!(control.n > 0 && candidate.n > 0)) {
    throw new RangeError(`${name} needs trials in each arm, got control n=${control.n}, candidate n=${candidate.n}`);
  }
}

/**
 * Refuses counts that no trials can give.
 *
 * @throws RangeError when events are below 0 or above n, or n is negative or not finite
 */
export function requireCounts(name: string, control: Count, candidate: Count): void {
  requireCount(name, control, "control ");
  requireCount(name, candidate, "candidate ");
}

/** @throws RangeError as {@link requireCounts} */
export function requireCount(name: string, { events, n }: Count, arm = ""): void {
  if (!(n >= 0 && Number.isFinite(n) && events >= 0 && events <= n)) {
    throw new RangeError(`${name} needs 0 ≤ events ≤ n, got ${arm}events=${events}, n=${n}`);
  }
}
