import { undetermined } from "../estimate.ts";
import { noncentralPower, requirePositive, smallestSize } from "./noncentral-power.ts";
import {
  type ArmSizes,
  detectable,
  type MeanTestOptions,
  requirePower,
  type SampleSize,
  wrongSide,
} from "./power-means.ts";

/** A mean, or the mean difference of pairs, against its null value; n units or pairs with this deviation. */
export interface ExpectedMean {
  readonly mean: number;
  readonly nullMean?: number;
  readonly deviation: number;
}

/** Power of the one-sample or paired test of n ≥ 2 units, with n − 1 degrees of freedom. Source: Cohen (1988), ch. 2. */
export function powerOneMean(
  { mean, nullMean = 0, deviation }: ExpectedMean,
  n: number,
  { test = "t", ...sides }: MeanTestOptions = {},
): number {
  requirePositive("powerOneMean", "deviation", deviation);
  if (!(n > 1)) throw new RangeError(`powerOneMean needs n above 1, got ${n}`);
  return noncentralPower(
    (Math.sqrt(n) * (mean - nullMean)) / deviation,
    test === "z" ? Number.POSITIVE_INFINITY : n - 1,
    sides,
  );
}

/** Units, or pairs, for a power; the fields of {@link SampleSize} are all this n. See {@link sampleSizeMeans}. */
export function sampleSizeOneMean(expected: ExpectedMean, power = 0.8, options: MeanTestOptions = {}): SampleSize {
  requirePower("sampleSizeOneMean", power, options);
  const wrong = wrongSide(expected.mean - (expected.nullMean ?? 0), options);
  if (wrong !== undefined) return undetermined(wrong);
  const { test = "t", ...sides } = options;
  requirePositive("sampleSizeOneMean", "deviation", expected.deviation);
  const effect = (expected.mean - (expected.nullMean ?? 0)) / expected.deviation;
  const n = smallestSize(
    (size) => noncentralPower(Math.sqrt(size) * effect, test === "z" ? Number.POSITIVE_INFINITY : size - 1, sides),
    power,
    test === "z" ? 1e-12 : 2,
  );
  return n === undefined ? undetermined("more than 1e15 units") : { status: "ok", control: n, candidate: n, total: n };
}

/** The mean that n units or pairs find with a power. See {@link minimumDetectableDifference}. */
export function minimumDetectableMean(
  { nullMean = 0, deviation }: Omit<ExpectedMean, "mean">,
  n: number,
  power = 0.8,
  { test = "t", ...sides }: MeanTestOptions = {},
): number {
  requirePositive("minimumDetectableMean", "deviation", deviation);
  requirePower("minimumDetectableMean", power, sides);
  if (!(n > 1)) throw new RangeError(`minimumDetectableMean needs n above 1, got ${n}`);
  const noncentrality = detectable(power, test === "z" ? Number.POSITIVE_INFINITY : n - 1, sides);
  return nullMean + (noncentrality * deviation) / Math.sqrt(n);
}

/** Deviation of candidate − control within pairs whose two values have this correlation in [−1, 1]. */
export function pairedDeviation({ control, candidate }: ArmSizes, correlation: number): number {
  if (!(Math.abs(correlation) <= 1)) {
    throw new RangeError(`pairedDeviation needs correlation in [-1, 1], got ${correlation}`);
  }
  return Math.sqrt(Math.max(0, control ** 2 + candidate ** 2 - 2 * correlation * control * candidate));
}
