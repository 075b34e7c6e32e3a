import { normalUpperQuantile } from "../distributions.ts";
import { type Estimate, type TestResult, undetermined } from "../estimate.ts";
import { lastWhere } from "../line-search.ts";
import { requireLevel } from "../requirements.ts";
import { zTest } from "../z-test.ts";
import { type Count, differenceNull, ratioNull, requireCounts } from "./proportions.ts";

/** p₁ − p₀ or p₁ / p₀. */
export type SkewedScale = "difference" | "ratio";

/**
 * The score test of two proportions, corrected for the skewness of their difference: the one to take for rare events in a
 * small candidate arm.
 *
 * At 1 : 99 and 2 % of 143 candidate units a nominal .025 is .0245, where the score test without the correction, which is the
 * pooled z test, is at .0369. Asymptotic all the same: with fewer than about three expected events in an arm, `fisherExact`.
 *
 * @param nullValue in (−1, 1) for a difference (0 unless given), above 0 for a ratio (1)
 * @returns the corrected z with its p-values; undetermined when an arm has no trials or all trials came out alike
 * @throws RangeError for impossible counts and for a null outside its range
 *
 * Source: Gart & Nam (1988), Biometrics 44:323–338 (ratio); Gart & Nam (1990), Biometrics 46:637–643 (difference); as one
 * quadratic in Laud (2017), Pharm. Stat. 16:334–348, eq. 2–3.
 */
export function skewnessCorrectedTest(
  control: Count,
  candidate: Count,
  scale: SkewedScale,
  { nullValue = scale === "difference" ? 0 : 1 }: { readonly nullValue?: number } = {},
): TestResult {
  requireCounts("skewnessCorrectedTest", control, candidate);
  const inside = scale === "difference" ? Math.abs(nullValue) < 1 : nullValue > 0 && Number.isFinite(nullValue);
  if (!inside) {
    const range = scale === "difference" ? "in (−1, 1)" : "above 0";
    throw new RangeError(`skewnessCorrectedTest needs a nullValue ${range} for a ${scale}, got ${nullValue}`);
  }
  if (control.n === 0 || candidate.n === 0) return undetermined("an arm has no trials");
  const z = correctedAt(control, candidate, scale, nullValue);
  if (!Number.isFinite(z)) return undetermined("the null has no variance: all trials came out alike");
  return zTest(z);
}

/**
 * The interval of all nulls that {@link skewnessCorrectedTest} does not reject.
 *
 * @returns a ratio's high end is Infinity when control has no event; undetermined when an arm has no trials, and for a ratio
 *   without events
 */
export function skewnessCorrectedInterval(
  control: Count,
  candidate: Count,
  scale: SkewedScale,
  { level = 0.95 }: { readonly level?: number } = {},
): Estimate {
  requireCounts("skewnessCorrectedInterval", control, candidate);
  requireLevel("skewnessCorrectedInterval", level);
  if (control.n === 0 || candidate.n === 0) return undetermined("an arm has no trials");
  if (scale === "ratio" && control.events + candidate.events === 0) return undetermined("no arm has an event");
  const z = normalUpperQuantile((1 - level) / 2);
  const rates = [control.events / control.n, candidate.events / candidate.n] as const;
  const above = (at: number) => correctedAt(control, candidate, scale, at) > z;
  const below = (at: number) => correctedAt(control, candidate, scale, at) < -z;
  if (scale === "difference") {
    return {
      status: "ok",
      value: rates[1] - rates[0],
      low: lastWhere(above, -1, 1),
      high: lastWhere((at) => !below(at), -1, 1),
      level,
    };
  }
  // by the logarithm, as far out as doubles go
  return {
    status: "ok",
    value: rates[0] === 0 ? Number.POSITIVE_INFINITY : rates[1] / rates[0],
    low: candidate.events === 0 ? 0 : Math.exp(lastWhere((log) => above(Math.exp(log)), -60, 60)),
    high:
      control.events === 0 ? Number.POSITIVE_INFINITY : Math.exp(lastWhere((log) => !below(Math.exp(log)), -60, 60)),
    level,
  };
}

/** The corrected score at a null; NaN where the null has no variance. It falls as the null grows. */
function correctedAt(control: Count, candidate: Count, scale: SkewedScale, at: number): number {
  const fit = (scale === "difference" ? differenceNull : ratioNull)(control, candidate, at);
  const weight = scale === "difference" ? 1 : at;
  const offset = scale === "difference" ? at : 0;
  const score = candidate.events / candidate.n - weight * (control.events / control.n) - offset;
  const third = thirdMoment(fit.candidate, candidate.n) - weight ** 3 * thirdMoment(fit.control, control.n);
  const z = score / fit.standardError;
  const sixth = third / fit.standardError ** 3 / 6;
  if (!Number.isFinite(z)) return z;
  // z = x + sixth·(x² − 1), the root that is z without skewness
  const square = 1 + 4 * sixth * (z + sixth);
  if (Math.abs(sixth) < 1e-12) return z;
  return square < 0 ? -1 / (2 * sixth) : (2 * (z + sixth)) / (1 + Math.sqrt(square));
}

/** Of a mean of n Bernoulli variables about its own mean. */
function thirdMoment(p: number, n: number): number {
  return (p * (1 - p) * (1 - 2 * p)) / (n * n);
}
