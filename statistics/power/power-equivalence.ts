import { undetermined } from "../estimate.ts";
import { equivalencePower, requireFraction, requirePositive, smallestSize } from "./noncentral-power.ts";
import {
  type ArmSizes,
  allocated,
  type ExpectedDifference,
  type MeanTest,
  requireSizes,
  type SampleSize,
  statisticOf,
} from "./power-means.ts";

/**
 * Power to show that candidate − control lies between two margins, by two one-sided tests, each at `alpha` = .05.
 *
 * Exact for the z and pooled t tests; with Satterthwaite's degrees of freedom for Welch's.
 *
 * @throws RangeError when the margins are not low < high
 */
export function powerEquivalence(
  expected: Omit<ExpectedDifference, "nullDifference">,
  margins: { readonly low: number; readonly high: number },
  sizes: ArmSizes,
  { test = "t", alpha = 0.05 }: { readonly test?: MeanTest; readonly alpha?: number } = {},
): number {
  requireSizes("powerEquivalence", sizes, test);
  return equivalenceAt(expected, margins, sizes, test, alpha);
}

/** Units in each arm for a power of {@link powerEquivalence}; undetermined unless the difference is inside the margins. */
export function sampleSizeEquivalence(
  expected: Omit<ExpectedDifference, "nullDifference">,
  margins: { readonly low: number; readonly high: number },
  power = 0.8,
  {
    ratio = 1,
    test = "t",
    alpha = 0.05,
  }: { readonly ratio?: number; readonly test?: MeanTest; readonly alpha?: number } = {},
): SampleSize {
  requirePositive("sampleSizeEquivalence", "ratio", ratio);
  requireFraction("sampleSizeEquivalence", "power", power);
  if (!(expected.difference > margins.low && expected.difference < margins.high)) {
    return undetermined("the expected difference is not inside the margins");
  }
  const powerOf = (candidate: number) =>
    equivalenceAt(expected, margins, { control: ratio * candidate, candidate }, test, alpha);
  return allocated(smallestSize(powerOf, power, test === "z" ? 1e-12 : 2 * Math.max(1, 1 / ratio)), ratio);
}

function equivalenceAt(
  { difference, deviation }: Omit<ExpectedDifference, "nullDifference">,
  { low, high }: { readonly low: number; readonly high: number },
  sizes: ArmSizes,
  test: MeanTest,
  alpha: number,
): number {
  if (!(low < high)) throw new RangeError(`equivalence needs a low margin below the high one, got ${low} and ${high}`);
  const { standardError, degreesOfFreedom } = statisticOf({ difference, deviation }, sizes, test);
  return equivalencePower(
    (difference - low) / standardError,
    (high - difference) / standardError,
    degreesOfFreedom,
    alpha,
  );
}
