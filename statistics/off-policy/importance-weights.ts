import { type Undetermined, undetermined } from "../estimate.ts";

/** Logged decisions, one row each; the columns that an estimator does not read may be left out. */
export interface LoggedDecisions {
  readonly reward: ArrayLike<number>;
  /** probability with which the logging policy took the logged action */
  readonly behaviour?: ArrayLike<number>;
  /** probability with which the policy to be judged would have taken it */
  readonly evaluation?: ArrayLike<number>;
  /** model's reward of the logged action, q̂(x, a) */
  readonly predicted?: ArrayLike<number>;
  /** model's value of the judged policy in this context, Σ π(a|x)·q̂(x, a) */
  readonly direct?: ArrayLike<number>;
  /** rows of one unit (a user's sessions) share a value; by default each row is a unit */
  readonly unit?: ArrayLike<number | string>;
}

/** Evaluation over behaviour propensity by row, or why it cannot be had. */
export function importanceWeights(logged: LoggedDecisions): Float64Array | Undetermined {
  const n = logged.reward.length;
  const behaviour = column(logged, "behaviour");
  const evaluation = column(logged, "evaluation");
  const weights = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const [own, other] = [behaviour[i], evaluation[i]];
    if (own == null || other == null || Number.isNaN(own) || Number.isNaN(other)) {
      return undetermined(`row ${i} has no propensity`);
    }
    for (const propensity of [own, other]) {
      if (propensity < 0 || propensity > 1) {
        throw new RangeError(`importanceWeights needs propensities in [0, 1], got ${propensity} in row ${i}`);
      }
    }
    if (own === 0) return undetermined(`row ${i} has a logged action of behaviour propensity 0`);
    weights[i] = other / own;
    if (!Number.isFinite((weights[i] as number) ** 2)) return undetermined(`the weight of row ${i} overflows`);
  }
  return weights;
}

/**
 * A lower bound of the mean of independent values in [0, highest] that fails with probability `tail` at most, whatever their
 * distribution; for weighted rewards w·r ≥ 0 it bounds the judged policy's value.
 *
 * @param highest largest value that can occur, such as the largest possible weight times the largest reward; the largest
 *   one observed, as the Open Bandit Pipeline takes, gives no guarantee
 * @returns NaN without values
 *
 * Source: Hoeffding (1963), J. Am. Stat. Assoc. 58:13–30, theorem 2.
 */
export function hoeffdingLowerBound(values: ArrayLike<number>, highest: number, tail = 0.05): number {
  const { n, mean } = summary("hoeffdingLowerBound", values, highest, tail);
  return mean - highest * Math.sqrt(Math.log(1 / tail) / (2 * n));
}

/**
 * {@link hoeffdingLowerBound} by the observed variance: the higher one when n is large and the values spread little.
 *
 * @returns NaN below two values
 *
 * Source: Maurer & Pontil (2009), COLT, theorem 4; Thomas, Theocharous & Ghavamzadeh (2015), AAAI, and the Open Bandit
 * Pipeline.
 */
export function empiricalBernsteinLowerBound(values: ArrayLike<number>, highest: number, tail = 0.05): number {
  const { n, mean, variance } = summary("empiricalBernsteinLowerBound", values, highest, tail);
  if (n < 2) return Number.NaN;
  const log = Math.log(2 / tail);
  return mean - (7 * highest * log) / (3 * (n - 1)) - Math.sqrt((2 * log * variance) / (n - 1));
}

/** A column that an estimator needs. */
export function column(
  logged: LoggedDecisions,
  name: "behaviour" | "evaluation" | "predicted" | "direct",
): ArrayLike<number> {
  const values = logged[name];
  if (values?.length !== logged.reward.length) {
    throw new RangeError(
      `this estimator needs a column ${name} of ${logged.reward.length} rows, got ${values?.length ?? "none"}`,
    );
  }
  return values;
}

function summary(caller: string, values: ArrayLike<number>, highest: number, tail: number) {
  if (!(tail > 0 && tail < 1)) throw new RangeError(`${caller} needs tail in (0, 1), got ${tail}`);
  const n = values.length;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const value = values[i] as number;
    if (value < 0 || value > highest) throw new RangeError(`${caller} needs values in [0, ${highest}], got ${value}`);
    sum += value;
  }
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += ((values[i] as number) - mean) ** 2;
  return { n, mean, variance: squares / n };
}
