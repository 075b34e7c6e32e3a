import type { ArmEstimate } from "./means.ts";
import type { Moments } from "./moments.ts";

/**
 * A ratio of sums, Σ numerator / Σ denominator over units, with its delta-method standard error.
 *
 * With denominators of 1 this is the mean and its usual standard error; with a denominator that counts the sessions of
 * a unit it is the mean per session, clustered by unit.
 *
 * @param moments of the columns numerator, denominator; one row per unit
 * @returns NaN for the estimate when the denominators sum to zero, NaN for the standard error below two units
 *
 * Source: Deng, Knoblich & Lu (2018), arXiv 1803.06336, eq. 4:
 * Var(R) = [s_y² − 2R·s_yd + R²·s_d²] / (n·d̄²).
 */
export function ratioOfSums({ n, mean, products }: Moments): ArmEstimate {
  const [numerator = 0, denominator = 0] = mean;
  const estimate = denominator === 0 ? Number.NaN : numerator / denominator;
  if (n < 2) return { n, estimate, standardError: Number.NaN };
  const [[yy = 0, yd = 0] = [], [, dd = 0] = []] = products;
  const residual = Math.max(0, yy - 2 * estimate * yd + estimate ** 2 * dd) / (n - 1);
  return { n, estimate, standardError: Math.sqrt(residual / n) / Math.abs(denominator) };
}

/**
 * The relative difference candidate / control − 1 with a delta-method standard error.
 *
 * @returns NaN when control is zero
 *
 * Source: Deng, Knoblich & Lu (2018), §3.1; Var = Var₁/μ₀² + Var₀·μ₁²/μ₀⁴ for independent arms.
 */
export function relativeDifference(
  control: ArmEstimate,
  candidate: ArmEstimate,
): { readonly value: number; readonly standardError: number } {
  const ratio = candidate.estimate / control.estimate;
  if (control.estimate === 0 || !Number.isFinite(ratio)) return { value: Number.NaN, standardError: Number.NaN };
  return {
    value: ratio - 1,
    standardError:
      Math.sqrt(candidate.standardError ** 2 + (ratio * control.standardError) ** 2) / Math.abs(control.estimate),
  };
}
