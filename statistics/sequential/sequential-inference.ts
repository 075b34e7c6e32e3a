import { type Estimate, undetermined } from "../estimate.ts";
import { fallingRoot } from "../line-search.ts";
import { type Bounds, crossingProbabilities } from "./group-sequential.ts";

/** Where a process stands at a look, or where it stopped. */
export interface Standing {
  /** index of the look, from 0 */
  readonly look: number;
  readonly z: number;
}

/**
 * The interval at a look that holds at all looks at once: estimate ± bound · standard error. It may be looked at whether or
 * not the process stops, and is wider than one that is looked at once.
 *
 * @param sides 2: both tails, level 1 − 2·error; 1: the other end is infinite
 * @returns undetermined where nothing is spent at the look
 *
 * Source: Jennison & Turnbull (1989), JRSS B 51:305–361.
 */
export function repeatedInterval(
  { upper }: Bounds,
  look: number,
  {
    estimate,
    standardError,
    error,
    sides = 2,
  }: { readonly estimate: number; readonly standardError: number; readonly error: number; readonly sides?: 1 | 2 },
): Estimate {
  const bound = upper[look];
  if (bound === undefined)
    throw new RangeError(`repeatedInterval needs a look from 0 to ${upper.length - 1}, got ${look}`);
  if (bound === Number.POSITIVE_INFINITY) return undetermined("nothing is spent at this look");
  if (!(Number.isFinite(estimate) && standardError >= 0))
    return undetermined(`the estimate is ${estimate} ± ${standardError}`);
  const half = bound * standardError;
  return {
    status: "ok",
    value: estimate,
    low: estimate - half,
    high: sides === 2 ? estimate + half : Number.POSITIVE_INFINITY,
    level: 1 - sides * error,
  };
}

/**
 * The p-value of a process that has stopped, in the order of stages: an earlier stop above is more extreme than a later one,
 * and a larger Z than a smaller at the same look.
 *
 * Uniform under no drift if Z is normal at each look (see `efficacyBounds`); at most the error if and only if an upper bound was reached.
 *
 * @param drift under which it is computed: 0, or that of another null value
 *
 * Source: Tsiatis, Rosner & Mehta (1984), Biometrics 40:797–803.
 */
export function stagewiseP(bounds: Bounds, { look, z }: Standing, drift = 0): number {
  const { information, upper, lower } = bounds;
  if (!(look >= 0 && look < information.length))
    throw new RangeError(`stagewiseP needs a look from 0 to ${information.length - 1}, got ${look}`);
  const until = {
    information: information.slice(0, look + 1),
    upper: [...upper.slice(0, look), z],
    // nothing is lost below at the last one: it has ended
    lower: [...lower.slice(0, look), Number.NEGATIVE_INFINITY],
  };
  return crossingProbabilities(until, drift).upper.reduce((sum, own) => sum + own, 0);
}

/**
 * Median-unbiased estimate of the drift per √information and its interval, in the order of stages.
 *
 * @param level two-sided
 *
 * Source: Tsiatis, Rosner & Mehta (1984); Jennison & Turnbull (2000), §8.5.
 */
export function stagewiseDrift(bounds: Bounds, standing: Standing, level = 0.95): Estimate {
  if (!Number.isFinite(standing.z)) return undetermined(`z is ${standing.z}`);
  const naive = standing.z / Math.sqrt(bounds.information[standing.look] as number);
  const width = 4 / Math.sqrt(bounds.information[standing.look] as number);
  const at = (p: number) =>
    fallingRoot((drift) => p - stagewiseP(bounds, standing, drift), naive - width, naive + width);
  return { status: "ok", value: at(0.5), low: at((1 - level) / 2), high: at((1 + level) / 2), level };
}
