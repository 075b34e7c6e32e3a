import { normalUpperQuantile } from "../distributions.ts";
import { fallingRoot } from "../line-search.ts";
import { cumulativeSpending, requireRising, type Spending } from "./spending.ts";
import {
  type Continuation,
  continueAt,
  type Look,
  lowerTailAt,
  mirrored,
  type SubDensity,
  tailAt,
} from "./sub-density.ts";

/** Bounds of Z at each look: at or above `upper` the process stops for efficacy, at or below `lower` for futility. */
export interface Bounds {
  /** rising, above 0; usually fractions of the planned information */
  readonly information: readonly number[];
  /** Infinity where nothing is spent */
  readonly upper: readonly number[];
  /** −Infinity without a bound; the negative of `upper` in a two-sided design */
  readonly lower: readonly number[];
}

/** What is spent on the upper bounds: of each tail. */
export interface Efficacy {
  readonly information: readonly number[];
  /** of one tail, in (0, 1): .025 for a two-sided 5 % */
  readonly error: number;
  readonly spending: Spending;
  /** 2: both tails are bounded alike, each with `error` */
  readonly sides?: 1 | 2 | undefined;
  /** binding lower bounds of a one-sided design, whose stops give error back */
  readonly lower?: readonly number[] | undefined;
}

/**
 * Exact bounds of a group-sequential test from its spending function, for any information fractions: also at 1 %, where the
 * bound is the normal quantile of 1e-23.
 *
 * The bounds are exact for a Z that is normal at every look. A Z whose first look has a handful of units in the smaller arm is
 * not: ten looks at 20 candidates against 1,980 controls stop 15 % (O'Brien–Fleming) to 32 % (Pocock) of processes without a
 * change at a nominal 5 %. Begin to look at some 50 units, or at 20 events of a rare one, in the smaller arm.
 *
 * Without `lower`, futility bounds that are drawn later are non-binding: to ignore them costs no error.
 *
 * @returns lower bounds −Infinity when there are none
 * @throws RangeError for information that does not rise, or where binding lower bounds leave less than is to be spent
 *
 * Source: Lan & DeMets (1983); the recursion of Armitage, McPherson & Rowe (1969), in upper tails.
 */
export function efficacyBounds({ information, error, spending, sides = 1, lower }: Efficacy): Bounds {
  const spent = cumulativeSpending(spending, error, fractionsOf(information));
  const upper: number[] = [];
  const below: number[] = [];
  walk(information, 0, (before, look, k) => {
    const increment = (spent[k] as number) - (spent[k - 1] ?? 0);
    const bound = upperBoundOf(before, look, increment);
    if (bound === undefined)
      throw new RangeError(
        `no bound has probability ${increment} at look ${k + 1}: the binding lower bounds leave less`,
      );
    upper.push(bound);
    below.push(sides === 2 ? -bound : (lower?.[k] ?? Number.NEGATIVE_INFINITY));
    return { lower: Math.min(below[k] as number, bound), upper: bound };
  });
  return { information, upper, lower: below };
}

/** Information as fractions of its last value. */
export function fractionsOf(information: readonly number[]): number[] {
  const last = information.at(-1) as number;
  return information.map((own) => own / last);
}

/**
 * Information fractions of looks that ran over the plan, or fell short of it: the plan is the largest information where it is
 * passed.
 *
 * @param information of the looks, rising
 * @param planned     information at the planned end
 */
export function fractionsWithOverrun(information: readonly number[], planned: number): number[] {
  requireRising("fractionsWithOverrun", information);
  const whole = Math.max(planned, information.at(-1) as number);
  return information.map((own) => own / whole);
}

/** P(first stop at each look above, and below) under a drift per √information. */
export interface Crossing {
  readonly upper: readonly number[];
  readonly lower: readonly number[];
}

/**
 * The probabilities of stopping at each look.
 *
 * @param drift mean of Z per √information: with information as fractions, the mean of Z at the end
 */
export function crossingProbabilities({ information, upper, lower }: Bounds, drift = 0): Crossing {
  requireRising("crossingProbabilities", information);
  const above: number[] = [];
  const below: number[] = [];
  walk(information, drift, (before, look, k) => {
    const [a, b] = [lower[k] as number, upper[k] as number];
    above.push(b === Number.POSITIVE_INFINITY ? 0 : tailAt(before, look, b).upper);
    below.push(a === Number.NEGATIVE_INFINITY ? 0 : lowerTailAt(before, look, a).lower);
    return { lower: a, upper: b };
  });
  return { upper: above, lower: below };
}

/** A design with an upper and a lower bound that meet at the last look. */
export interface FutilityDesign extends Bounds {
  /** mean of Z at the last look under which the power is 1 − beta */
  readonly drift: number;
}

/**
 * Bounds for efficacy by alpha spending and for futility by beta spending, meeting at the last look.
 *
 * @param beta    1 − power, in (0, 1 − error)
 * @param binding whether efficacy bounds count on futility stops being kept; if not, to go on past one costs no error
 * @throws RangeError where no drift has that power
 *
 * Source: Pampallona, Tsiatis & Kim (2001), Drug Inf. J. 35:1113–1121; binding and not as in Jennison & Turnbull (2000), §7.3.
 */
export function futilityDesign({
  information,
  error,
  spending,
  beta,
  betaSpending,
  binding,
}: {
  readonly information: readonly number[];
  readonly error: number;
  readonly spending: Spending;
  readonly beta: number;
  readonly betaSpending: Spending;
  readonly binding: boolean;
}): FutilityDesign {
  const fractions = fractionsOf(information);
  const spent = cumulativeSpending(spending, error, fractions);
  const missed = cumulativeSpending(betaSpending, beta, fractions);
  const at = (drift: number) => boundsUnder(drift, fractions, spent, missed, binding);
  const fixed = normalUpperQuantile(error) + normalUpperQuantile(beta);
  if (!(fixed > 0)) throw new RangeError(`futilityDesign needs error + beta below 1, got ${error} and ${beta}`);
  // more drift, fewer misses at the end than may be spent
  const drift = fallingRoot((own) => at(own).missed - beta, fixed * 0.9, fixed * 1.6);
  const { upper, lower } = at(drift);
  return { information, upper, lower: [...lower.slice(0, -1), upper.at(-1) as number], drift };
}

/** Bounds under a drift, and what is missed in all when the last bounds meet; nothing when a larger drift has made them meet before. */
function boundsUnder(
  drift: number,
  fractions: readonly number[],
  spent: readonly number[],
  missed: readonly number[],
  binding: boolean,
) {
  const upper: number[] = [];
  const lower: number[] = [];
  let total = 0;
  let under: SubDensity | undefined;
  let met = false;
  walk(fractions, 0, (before, look, k) => {
    const bound = met ? undefined : upperBoundOf(before, look, (spent[k] as number) - (spent[k - 1] ?? 0));
    const driven = { ...look, drift };
    const last = k === fractions.length - 1;
    const below = last ? bound : lowerBoundOf(under, driven, (missed[k] as number) - (missed[k - 1] ?? 0));
    if (bound === undefined || below === undefined || (!last && below >= bound)) {
      met = true;
      return { lower: 0, upper: 0 };
    }
    if (Number.isFinite(below)) total += lowerTailAt(under, driven, below).lower;
    upper.push(bound);
    lower.push(below);
    under = continueAt(under, driven, { lower: below, upper: bound });
    return { lower: binding ? below : Number.NEGATIVE_INFINITY, upper: bound };
  });
  return { upper, lower, missed: met ? 0 : total };
}

/** Goes from look to look; each states where paths go on. */
function walk(
  information: readonly number[],
  drift: number,
  at: (before: SubDensity | undefined, look: Look, k: number) => Continuation,
): void {
  let before: SubDensity | undefined;
  information.forEach((own, k) => {
    const look = { information: own, next: information[k + 1], drift };
    const going = at(before, look, k);
    if (k < information.length - 1) before = continueAt(before, look, going);
  });
}

/** The bound above which so much of the sub-density lies, by Newton's method on the log of the tail; undefined when there is less. */
function upperBoundOf(before: SubDensity | undefined, look: Look, probability: number): number | undefined {
  if (!(probability > 0)) return Number.POSITIVE_INFINITY;
  const target = Math.log(probability);
  // paths that have stopped before are missing: the bound lies at or below that of a single look
  let z = normalUpperQuantile(probability) + look.drift * Math.sqrt(look.information);
  for (let step = 0; step < 60; step++) {
    const { upper, density } = tailAt(before, look, z);
    if (!(upper > 0)) {
      z -= 1;
      continue;
    }
    const change = ((Math.log(upper) - target) * upper) / density;
    if (!Number.isFinite(change)) break;
    z += Math.max(-2, change);
    if (Math.abs(change) < 1e-13 * Math.max(1, Math.abs(z))) return z;
    if (z < -38) break;
  }
  return Math.abs(Math.log(tailAt(before, look, z).upper) - target) < 1e-9 ? z : undefined;
}

function lowerBoundOf(before: SubDensity | undefined, look: Look, probability: number): number | undefined {
  const bound = upperBoundOf(before && mirrored(before), { ...look, drift: -look.drift }, probability);
  return bound === undefined ? undefined : -bound;
}
