import { studentUpperQuantile } from "../distributions.ts";
import { type Undetermined, undetermined } from "../estimate.ts";
import { requireLevel } from "../requirements.ts";
import { type ArmEstimate, type Difference, type MeansMethod, pooledArms, welch, whyIncomparable } from "./means.ts";

/**
 * candidate − ratio · control: a ratio is tested without dividing by the control, exactly for normal arms when they are
 * pooled (`student`, which wants equal variances of the arms as they are).
 *
 * @throws RangeError when an arm has fewer than two units
 */
export function ratioContrast(
  control: ArmEstimate,
  candidate: ArmEstimate,
  ratio: number,
  variances: MeansMethod = "welch",
): Difference {
  const [was, is] = variances === "student" ? pooledArms(control, candidate) : [control, candidate];
  const own = welch(
    { n: was.n, estimate: ratio * was.estimate, standardError: Math.abs(ratio) * was.standardError },
    is,
  );
  if (variances === "welch") return own;
  return { ...own, degreesOfFreedom: variances === "normal" ? Number.POSITIVE_INFINITY : was.n + is.n - 2 };
}

/**
 * The ratios candidate / control that the data do not reject: an interval; all but those strictly between `low` and
 * `high` (`complement`); or every one (`line`). The last two say that the control may be zero.
 */
export type FiellerSet =
  | { readonly status: "ok"; readonly shape: "interval" | "complement"; readonly low: number; readonly high: number }
  | { readonly status: "ok"; readonly shape: "line" }
  | Undetermined;

/**
 * Fieller's confidence set of candidate / control for independent arms.
 *
 * Each limit of an interval has the degrees of freedom of the test at that limit, so that `relativeTest` agrees with
 * it; the other shapes have those at the estimate.
 *
 * @returns undetermined when an arm has fewer than two units, a figure is not finite, or nothing varies and control is 0
 * @throws RangeError when the level is not in (0, 1)
 *
 * Source: Fieller (1954), J. R. Stat. Soc. B 16:175–185; the three shapes as von Luxburg & Franz (2009), Stat. Sinica
 * 19:1095–1117.
 */
export function fiellerSet(
  control: ArmEstimate,
  candidate: ArmEstimate,
  { level = 0.95, variances = "welch" }: { readonly level?: number; readonly variances?: MeansMethod } = {},
): FiellerSet {
  requireLevel("fiellerSet", level);
  const why = whyIncomparable(control, candidate);
  if (why !== null) return undetermined(why);
  const arms = variances === "student" ? pooledArms(control, candidate) : ([control, candidate] as const);
  const at = (ratio: number) => {
    const { degreesOfFreedom } = ratioContrast(control, candidate, ratio, variances);
    return notRejected(...arms, studentUpperQuantile((1 - level) / 2, degreesOfFreedom));
  };
  const first = at(control.estimate === 0 ? 0 : candidate.estimate / control.estimate);
  if (first.status === "undetermined" || first.shape !== "interval") return first;
  const settle = (side: "low" | "high") => {
    let limit = first[side];
    for (let step = 0; step < 50; step++) {
      const next = at(limit);
      if (next.status === "undetermined" || next.shape !== "interval") return limit;
      if (Math.abs(next[side] - limit) <= 1e-15 * Math.abs(limit)) return next[side];
      limit = next[side];
    }
    return limit;
  };
  return { status: "ok", shape: "interval", low: settle("low"), high: settle("high") };
}

/** Solves (μ₁ − ρ μ₀)² ≤ q² (v₁ + ρ² v₀) for ρ. */
function notRejected(control: ArmEstimate, candidate: ArmEstimate, q: number): FiellerSet {
  const variance0 = (q * control.standardError) ** 2;
  const variance1 = (q * candidate.standardError) ** 2;
  const square = control.estimate ** 2 - variance0;
  const cross = control.estimate * candidate.estimate;
  const rest = candidate.estimate ** 2 - variance1;
  const discriminant = control.estimate ** 2 * variance1 + candidate.estimate ** 2 * variance0 - variance0 * variance1;
  if (!Number.isFinite(discriminant)) return undetermined(`Fieller's discriminant is ${discriminant}`);
  if (square === 0 && cross === 0 && variance0 === 0) return undetermined("control is zero and does not vary");
  if (square <= 0 && discriminant <= 0) return { status: "ok", shape: "line" };
  const root = Math.sqrt(Math.max(0, discriminant));
  // the root that does not cancel, and the other from their product rest / square
  const far = cross + (cross < 0 ? -root : root);
  const ends = [far / square, far === 0 ? 0 : rest / far];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return { status: "ok", shape: square >= 0 ? "interval" : "complement", low, high };
}
