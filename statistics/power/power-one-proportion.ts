import { binomialLowerTail, binomialUpperTail, normalUpperQuantile, normalUpperTail } from "../distributions.ts";
import { undetermined } from "../estimate.ts";
import { requireFraction, smallestSize, type TestSides } from "./noncentral-power.ts";
import { requirePower, type SampleSize, wrongSide } from "./power-means.ts";

/** An expected rate in [0, 1] against the null's in (0, 1). */
export interface ExpectedRate {
  readonly rate: number;
  readonly nullRate: number;
}

/** The binomial test, or its normal approximation with the null's deviation under the statistic. */
export interface OneRateTest extends TestSides {
  readonly test?: "exact" | "z";
}

/**
 * Power of the test of one proportion with n units.
 *
 * The exact test spends less than alpha, the two-sided one at most half of it a side, so its power does not rise with
 * every unit; the z test does not hold its level for n·p below some 10.
 *
 * Source: Chernick & Liu (2002), Am. Stat. 56:149–155 (the saw-tooth); Fleiss (1981), Statistical Methods for Rates and Proportions (z).
 */
export function powerOneProportion(expected: ExpectedRate, n: number, options: OneRateTest = {}): number {
  const { rate, nullRate } = expected;
  const { test = "exact", alternative = "twoSided", alpha = 0.05, strict = true } = options;
  requireFraction("powerOneProportion", "alpha", alpha);
  requireFraction("powerOneProportion", "nullRate", nullRate);
  if (!(rate >= 0 && rate <= 1)) throw new RangeError(`powerOneProportion needs rate in [0, 1], got ${rate}`);
  if (!(n > 0)) throw new RangeError(`powerOneProportion needs n above 0, got ${n}`);
  if (test === "exact" && !Number.isInteger(n)) {
    throw new RangeError(`powerOneProportion needs a whole n for the exact test, got ${n}`);
  }
  const tail = alternative === "twoSided" ? alpha / 2 : alpha;
  const above = () => (test === "exact" ? exactAbove(expected, n, tail) : normalAbove(expected, n, tail));
  const mirrored = { rate: 1 - rate, nullRate: 1 - nullRate };
  const below = () => (test === "exact" ? exactBelow(expected, n, tail) : normalAbove(mirrored, n, tail));
  if (alternative === "greater") return above();
  if (alternative === "less") return below();
  if (strict) return above() + below();
  return rate >= nullRate ? above() : below();
}

/**
 * Units for a power of {@link powerOneProportion}; the fields of {@link SampleSize} are all this n.
 *
 * For the exact test the first n that has the power, which a somewhat larger one need not have; undetermined beyond 100,000.
 */
export function sampleSizeOneProportion(
  expected: ExpectedRate,
  power = 0.8,
  { test = "exact", ...sides }: OneRateTest = {},
): SampleSize {
  requirePower("sampleSizeOneProportion", power, sides);
  const wrong = wrongSide(expected.rate - expected.nullRate, sides);
  if (wrong !== undefined) return undetermined(wrong);
  const approximate = smallestSize((n) => powerOneProportion(expected, n, { test: "z", ...sides }), power, 1e-9);
  if (approximate === undefined) return undetermined("more than 1e15 units");
  if (test === "z") return alike(approximate);
  for (let n = Math.max(1, Math.floor(approximate / 3)); n <= 100_000; n++) {
    if (powerOneProportion(expected, n, { test, ...sides }) >= power) return alike(n);
  }
  return undetermined("more than 100,000 units for the exact test");
}

/**
 * Power to show that a rate lies between two margins with n units, by two exact one-sided tests, each at `alpha`.
 *
 * @throws RangeError unless 0 < low < high < 1 and n is whole
 *
 * Source: Chow, Shao & Wang (2008), Sample Size Calculations in Clinical Research; statsmodels' `power_binom_tost`.
 */
export function powerOneProportionEquivalence(
  rate: number,
  { low, high }: { readonly low: number; readonly high: number },
  n: number,
  alpha = 0.05,
): number {
  requireFraction("powerOneProportionEquivalence", "alpha", alpha);
  if (!(low > 0 && low < high && high < 1)) {
    throw new RangeError(`powerOneProportionEquivalence needs 0 < low < high < 1, got ${low} and ${high}`);
  }
  if (!(rate >= 0 && rate <= 1))
    throw new RangeError(`powerOneProportionEquivalence needs rate in [0, 1], got ${rate}`);
  if (!(Number.isInteger(n) && n > 0)) throw new RangeError(`powerOneProportionEquivalence needs a whole n, got ${n}`);
  const least = firstAbove(low, n, alpha);
  const most = lastBelow(high, n, alpha);
  return least > most ? 0 : Math.max(0, binomialLowerTail(most, n, rate) - binomialLowerTail(least - 1, n, rate));
}

function alike(n: number): SampleSize {
  return { status: "ok", control: n, candidate: n, total: n };
}

function normalAbove({ rate, nullRate }: ExpectedRate, n: number, tail: number): number {
  const critical = normalUpperQuantile(tail) * Math.sqrt(nullRate * (1 - nullRate));
  return normalUpperTail((critical - Math.sqrt(n) * (rate - nullRate)) / Math.sqrt(rate * (1 - rate)));
}

// a tail that exceeds the level by rounding alone does not
const rounding = 1 + 64 * Number.EPSILON;

function exactAbove({ rate, nullRate }: ExpectedRate, n: number, tail: number): number {
  return binomialUpperTail(firstAbove(nullRate, n, tail), n, rate);
}

function exactBelow({ rate, nullRate }: ExpectedRate, n: number, tail: number): number {
  return binomialLowerTail(lastBelow(nullRate, n, tail), n, rate);
}

/** The smallest count that is too large for the null; n + 1 when none is. */
function firstAbove(nullRate: number, n: number, tail: number): number {
  let [low, high] = [-1, n + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (binomialUpperTail(middle, n, nullRate) <= tail * rounding) high = middle;
    else low = middle;
  }
  return high;
}

/** The largest count that is too small for the null; −1 when none is. */
function lastBelow(nullRate: number, n: number, tail: number): number {
  let [low, high] = [-1, n + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (binomialLowerTail(middle, n, nullRate) <= tail * rounding) low = middle;
    else high = middle;
  }
  return low;
}
