import { normalUpperQuantile } from "../distributions.ts";
import { fallingRoot, lowestPoint } from "../line-search.ts";
import { wangTsiatisBounds } from "./bound-shapes.ts";
import { type Bounds, crossingProbabilities, fractionsOf } from "./group-sequential.ts";

/** What a design does under a drift: the mean of Z at its last look. */
export interface SequentialPower {
  /** P(an upper bound is reached) at or before each look */
  readonly power: readonly number[];
  /** P(a lower bound is reached) at or before each look; the other tail in a two-sided design */
  readonly lower: readonly number[];
  /** mean of the look, from 1, at which the process stops */
  readonly expectedLook: number;
  /** mean of the information at that look, as a fraction of the last one */
  readonly expectedInformation: number;
}

/** Power by look, and when the process stops, under a drift: the mean of Z at the last look. */
export function sequentialPower(bounds: Bounds, drift: number): SequentialPower {
  const fractions = fractionsOf(bounds.information);
  const { upper, lower } = crossingProbabilities({ ...bounds, information: fractions }, drift);
  let going = 1;
  let expectedLook = 0;
  let expectedInformation = 0;
  fractions.forEach((fraction, k) => {
    const stops = k === fractions.length - 1 ? going : (upper[k] as number) + (lower[k] as number);
    going -= stops;
    expectedLook += (k + 1) * stops;
    expectedInformation += fraction * stops;
  });
  return { power: sums(upper), lower: sums(lower), expectedLook, expectedInformation };
}

/**
 * The drift, the mean of Z at the last look, under which a design has a power.
 *
 * @param power in (error, 1)
 */
export function driftForPower(bounds: Bounds, power: number): number {
  if (!(power > 0 && power < 1)) throw new RangeError(`driftForPower needs a power in (0, 1), got ${power}`);
  const atEnd = bounds.upper.at(-1) as number;
  const fixed = (Number.isFinite(atEnd) ? atEnd : 3) + normalUpperQuantile(1 - power);
  return fallingRoot(
    (drift) => power - (sequentialPower(bounds, drift).power.at(-1) as number),
    fixed - 0.5,
    fixed + 0.5,
  );
}

/**
 * The drift of a sequential design whose last look has the information of a fixed test: with it, the power of any fixed test
 * (a t test, a score test of rates) becomes that of the design.
 *
 * @param error of one tail of the fixed test
 * @param power of that tail
 *
 * Source: as rpact's `getPowerMeans` and `getPowerRates`; exact for a z test, an approximation for others.
 */
export function driftOfFixedTest(error: number, power: number): number {
  return normalUpperQuantile(error) - normalUpperQuantile(power);
}

/**
 * How much more information than one fixed test a design needs at its last look for the same power: 1.03 for O'Brien &
 * Fleming's bounds, 1.2 for Pocock's with four looks.
 *
 * @param error of one tail of the fixed test
 *
 * Source: Jennison & Turnbull (2000), eq. 2.7 and tables 2.2, 2.4.
 */
export function inflationFactor(bounds: Bounds, error: number, power: number): number {
  return (driftForPower(bounds, power) / (normalUpperQuantile(error) + normalUpperQuantile(1 - power))) ** 2;
}

/**
 * The Wang–Tsiatis shape that needs the least information on average, for a power.
 *
 * @param error of one tail
 * @param over  where the mean is taken: under the drift that has the power, or summed over none, half and all of it
 * @returns delta in [0, 1], to about 1e-8, with its bounds
 *
 * Source: Wang & Tsiatis (1987), Biometrics 43:193–199; the sum as rpact's criterion `ASNsum`.
 */
export function optimalWangTsiatis({
  information,
  error,
  sides = 1,
  power,
  over,
}: {
  readonly information: readonly number[];
  readonly error: number;
  readonly sides?: 1 | 2;
  readonly power: number;
  readonly over: "alternative" | "sum";
}): { readonly delta: number; readonly bounds: Bounds } {
  const boundsOf = (delta: number) => wangTsiatisBounds({ information, error, delta, sides });
  const cost = (delta: number) => {
    const bounds = boundsOf(delta);
    const drift = driftForPower(bounds, power);
    const shares = over === "sum" ? [0, 0.5, 1] : [1];
    return shares.reduce(
      (sum, share) => sum + drift ** 2 * sequentialPower(bounds, share * drift).expectedInformation,
      0,
    );
  };
  const delta = lowestPoint(cost, 0, 1);
  return { delta, bounds: boundsOf(delta) };
}

function sums(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => (sum += value));
}
