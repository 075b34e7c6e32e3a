import { fUpperTail, normalUpperTail, studentUpperQuantile, studentUpperTail } from "../distributions.ts";
import { type Estimate, type TestResult, undetermined } from "../estimate.ts";
import { requireLevel } from "../requirements.ts";

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
 * Its level holds for values that are near normal, from some 20 units in the smaller arm. With two candidate units it rejects
 * 13 % at a nominal 5 %; with values that are very skewed (lognormal, σ = 1.5) and 20 candidates to 1,980 controls about twice the
 * level, nearly all of it on one side. Then: `mannWhitney` or `permutationTest`, or a calibrated plan.
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

/** How arms vary: each in its own way (Welch), alike (Student, pooled), or as known (normal quantiles, Welch's error). */
export type MeansMethod = "welch" | "student" | "normal";

/**
 * candidate − control by Welch, by Student's pooled variance, or by the normal distribution.
 *
 * Student's level does not hold when arms differ in variance and in size: at 1 : 99, with a candidate that has twice the
 * control's standard deviation, a nominal 5 % rejects a third of the time. Heavy tails in a small candidate arm spoil all
 * three; a rank or permutation test is then the way.
 *
 * @throws RangeError when an arm has fewer than two units
 *
 * Source: Student (1908), Biometrika 6:1–25, with the pooled variance; {@link welch} for the others.
 */
export function compareMeans(control: ArmEstimate, candidate: ArmEstimate, method: MeansMethod = "welch"): Difference {
  const own = welch(control, candidate);
  if (method === "welch") return own;
  if (method === "normal") return { ...own, degreesOfFreedom: Number.POSITIVE_INFINITY };
  return { ...welch(...pooledArms(control, candidate)), degreesOfFreedom: control.n + candidate.n - 2 };
}

/** Both arms with the standard errors that they have if their units vary alike. */
export function pooledArms(control: ArmEstimate, candidate: ArmEstimate): readonly [ArmEstimate, ArmEstimate] {
  const squares = (arm: ArmEstimate) => (arm.n - 1) * arm.n * arm.standardError ** 2;
  const pooled = (squares(control) + squares(candidate)) / (control.n + candidate.n - 2);
  const own = (arm: ArmEstimate): ArmEstimate => ({ ...arm, standardError: Math.sqrt(pooled / arm.n) });
  return [own(control), own(candidate)];
}

/**
 * Test that the mean of the candidate is that of the control plus `difference`, which is 0 for no effect and a margin
 * for non-inferiority.
 *
 * @returns undetermined below two units in an arm, when no arm varies, or when a figure is not finite
 * @throws RangeError when a number of units or a standard error is negative, or the difference is not finite
 */
export function meansTest(
  control: ArmEstimate,
  candidate: ArmEstimate,
  { difference = 0, method = "welch" }: { difference?: number; method?: MeansMethod } = {},
): TestResult {
  const why = whyIncomparable(control, candidate);
  return why === null ? differenceTest(compareMeans(control, candidate, method), difference) : undetermined(why);
}

/**
 * Why two estimates cannot be compared: fewer than two units in an arm, or a figure that is not finite; null when they can.
 *
 * @throws RangeError when a number of units or a standard error is negative
 */
export function whyIncomparable(control: ArmEstimate, candidate: ArmEstimate): string | null {
  for (const [name, { n, estimate, standardError }] of Object.entries({ control, candidate })) {
    if (n < 0 || standardError < 0) {
      throw new RangeError(
        `${name} needs n and standard error of at least 0, got n=${n}, standard error ${standardError}`,
      );
    }
    if (!(n >= 2)) return `${name} has ${n === 1 ? "one unit" : `${n} units`}`;
    if (!Number.isFinite(estimate)) return `${name} is ${estimate}`;
    if (!Number.isFinite(standardError)) return `the standard error of ${name} is ${standardError}`;
  }
  return null;
}

/**
 * Test that a difference equals `nullValue`, at the same level as {@link differenceInterval}: twoSided < α exactly when
 * the interval at 1 − α leaves the null value out.
 *
 * @returns undetermined when the standard error is zero or anything is not finite
 */
export function differenceTest(
  { difference, standardError, degreesOfFreedom }: Omit<Difference, "t">,
  nullValue = 0,
): TestResult {
  if (!Number.isFinite(nullValue)) throw new RangeError(`differenceTest needs a finite null value, got ${nullValue}`);
  if (!Number.isFinite(difference)) return undetermined(`the difference is ${difference}`);
  if (standardError === 0) return undetermined("nothing varies: the standard error is 0");
  if (!Number.isFinite(standardError)) return undetermined(`the standard error is ${standardError}`);
  if (!(degreesOfFreedom > 0)) return undetermined(`the degrees of freedom are ${degreesOfFreedom}`);
  const t = (difference - nullValue) / standardError;
  return {
    status: "ok",
    statistic: t,
    less: upperTailP({ t: -t, degreesOfFreedom }),
    greater: upperTailP({ t, degreesOfFreedom }),
    twoSided: twoSidedP({ t, degreesOfFreedom }),
  };
}

/**
 * F test of equal variances of the units' values; the statistic is the candidate's variance over the control's.
 *
 * For normal values only: with the heavy tails of latencies or costs it rejects equal variances far too often, and more
 * so the larger the sample.
 *
 * @returns undetermined below two units in an arm or when an arm does not vary
 *
 * Source: R's `var.test`.
 */
export function varianceRatioTest(control: ArmEstimate, candidate: ArmEstimate): TestResult {
  const why = whyIncomparable(control, candidate);
  if (why !== null) return undetermined(why);
  if (control.standardError === 0 || candidate.standardError === 0) {
    return undetermined(`${control.standardError === 0 ? "control" : "candidate"} does not vary`);
  }
  const statistic = (candidate.n * candidate.standardError ** 2) / (control.n * control.standardError ** 2);
  const greater = fUpperTail(statistic, candidate.n - 1, control.n - 1);
  const less = fUpperTail(1 / statistic, control.n - 1, candidate.n - 1);
  return { status: "ok", statistic, less, greater, twoSided: Math.min(1, 2 * Math.min(less, greater)) };
}

/** The interval of a difference at a two-sided confidence level in (0, 1); a point when the standard error is zero. */
export function differenceInterval(
  { difference, standardError, degreesOfFreedom }: Omit<Difference, "t">,
  level = 0.95,
): Estimate {
  requireLevel("differenceInterval", level);
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
