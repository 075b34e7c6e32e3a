import { normalUpperTail, studentUpperQuantile, studentUpperTail } from "./distributions.ts";
import { type Estimate, undetermined } from "./estimate.ts";

/** What one arm says of a metric: an estimate and its standard error from n units. */
export interface ArmEstimate {
  readonly n: number;
  readonly estimate: number;
  readonly standardError: number;
}

/** candidate − control, with the degrees of freedom of its standard error. */
export interface Difference {
  readonly difference: number;
  readonly standardError: number;
  /** Infinity when both standard errors are zero */
  readonly degreesOfFreedom: number;
  /** 0 when both arms are constant and equal, ±Infinity when they are constant and differ */
  readonly t: number;
}

/**
 * Welch's unequal-variance comparison of two arms.
 *
 * @param control   estimate and standard error of the control arm, n ≥ 2
 * @param candidate the same of the candidate arm
 * @throws RangeError when an arm has fewer than two units
 *
 * Source: Welch (1947), Biometrika 34:28–35; degrees of freedom Satterthwaite (1946), Biometrics Bulletin 2:110–114.
 */
export function welch(control: ArmEstimate, candidate: ArmEstimate): Difference {
  if (control.n < 2 || candidate.n < 2) {
    throw new RangeError(
      `welch needs at least 2 units in each arm, got control n=${control.n}, candidate n=${candidate.n}`,
    );
  }
  const variance0 = control.standardError ** 2;
  const variance1 = candidate.standardError ** 2;
  const variance = variance0 + variance1;
  const difference = candidate.estimate - control.estimate;
  const standardError = Math.sqrt(variance);
  return {
    difference,
    standardError,
    degreesOfFreedom:
      variance === 0
        ? Number.POSITIVE_INFINITY
        : variance ** 2 / (variance0 ** 2 / (control.n - 1) + variance1 ** 2 / (candidate.n - 1)),
    t: difference === 0 ? 0 : difference / standardError,
  };
}

/** The interval of a difference at a two-sided confidence level in (0, 1); a point when the standard error is zero. */
export function differenceInterval(
  { difference, standardError, degreesOfFreedom }: Difference,
  level = 0.95,
): Estimate {
  if (!Number.isFinite(difference)) return undetermined(`the difference is ${difference}`);
  if (standardError === 0) return { status: "ok", value: difference, low: difference, high: difference, level };
  const half = studentUpperQuantile((1 - level) / 2, degreesOfFreedom) * standardError;
  if (!Number.isFinite(half)) return undetermined(`the standard error is ${standardError}`);
  return { status: "ok", value: difference, low: difference - half, high: difference + half, level };
}

/** P(T > t) for a difference's own t; 0 or 1 when both arms are constant and differ, .5 when they are equal. */
export function upperTailP({ t, degreesOfFreedom }: Pick<Difference, "t" | "degreesOfFreedom">): number {
  return Number.isFinite(degreesOfFreedom) && Number.isFinite(t)
    ? studentUpperTail(t, degreesOfFreedom)
    : normalUpperTail(t);
}

/** Two-sided p-value of no difference: 1 when both arms are constant and equal, 0 when constant and different. */
export function twoSidedP({ t, degreesOfFreedom }: Pick<Difference, "t" | "degreesOfFreedom">): number {
  return Math.min(1, 2 * upperTailP({ t: Math.abs(t), degreesOfFreedom }));
}
