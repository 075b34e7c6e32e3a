import { normalUpperQuantile } from "./distributions.ts";
import { type Estimate, undetermined } from "./estimate.ts";

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
  const lowest = Math.max(0, delta);
  const highest = Math.min(1, 1 + delta);
  const clamp = (p: number) => Math.min(highest, Math.max(lowest, p));
  let p = clamp(2 * u * Math.cos(w) - b / (3 * a));
  // the arc cosine loses digits when events are rare: Newton's method on the cubic gives them back
  for (let step = 0; step < 3; step++) {
    const slope = (3 * a * p + 2 * b) * p + c;
    if (slope === 0) break;
    p = clamp(p - (((a * p + b) * p + c) * p + d) / slope);
  }
  return p;
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
  const a = (control.n + candidate.n) * ratio;
  const b = -(candidate.n * ratio + candidate.events + control.n + control.events * ratio);
  const c = candidate.events + control.events;
  const discriminant = Math.sqrt(Math.max(0, b ** 2 - 4 * a * c));
  // the smaller root, written so that no digits cancel: 2c / (−b + √…)
  const root = c === 0 ? 0 : (2 * c) / (-b + discriminant);
  const highest = Math.min(1, 1 / ratio);
  const fitted0 =
    ratio === 1 ? pooled(control, candidate) : highest - root < 1e-7 * highest ? highest : Math.max(0, root);
  const fitted1 = Math.min(1, ratio * fitted0);
  return {
    control: fitted0,
    candidate: fitted1,
    standardError: standardErrorOf(fitted0, control.n, fitted1, candidate.n, ratio),
  };
}

/**
 * Wilson's interval of one proportion.
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
