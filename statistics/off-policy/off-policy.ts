import { studentUpperQuantile } from "../distributions.ts";
import { type Estimate, type Undetermined, undetermined } from "../estimate.ts";
import { column, importanceWeights, type LoggedDecisions } from "./importance-weights.ts";

/**
 * - `ips`: mean of w·r; `snips`: Σ w·r / Σ w; w = evaluation / behaviour, cut at `clip`
 * - `dm`: mean of the direct values
 * - `dr`: direct + w·(r − q̂); `sndr`: the correction over Σ w instead of n
 * - `switchDr`: `dr` where w ≤ threshold, `dm` elsewhere
 * - `drOs`: `dr` with optimistic shrinkage λw/(w² + λ)
 * - `subGaussianIps`, `subGaussianDr`: w/(1 − λ + λw), λ in [0, 1]
 * - `replay`: mean reward of the rows on which a deterministic policy agrees
 */
export type Estimator =
  | { readonly kind: "ips" | "snips" | "dr" | "sndr"; readonly clip?: number }
  | { readonly kind: "dm" | "replay" }
  | { readonly kind: "switchDr"; readonly threshold: number }
  | { readonly kind: "drOs" | "subGaussianIps" | "subGaussianDr"; readonly lambda: number };

export type OffPolicyEstimate =
  | (Extract<Estimate, { status: "ok" }> & {
      readonly standardError: number;
      /** (Σ w)² / Σ w² before clipping; NaN where no weights are read */
      readonly effectiveSampleSize: number;
      readonly maximumWeight: number;
      /** near 1 when the propensities are right */
      readonly meanWeight: number;
      readonly warning?: string;
    })
  | Undetermined;

/**
 * The value of a policy from decisions that another policy logged, with a delta-method interval clustered by unit.
 *
 * The interval is honest only when the effective sample is large: with few heavy weights it is too short and the estimate
 * too low in most samples (its rare large terms are not in the log), hence the warning. Clipping, switching and shrinking
 * bring a bias that the interval does not show; that of `dm` shows nothing of the model's error. Where that matters, `dr` or `sndr`.
 *
 * @param level of the two-sided interval, Student's t with units − 1 degrees of freedom
 * @param enough effective sample size below which there is a warning
 * @returns undetermined when a propensity is missing or 0 where the action was logged, weights overflow or are all 0, or
 *   there is one unit
 * @throws RangeError when columns that are needed are missing or differ in length, or a propensity is outside [0, 1]
 *
 * Sources: Horvitz & Thompson (1952); Swaminathan & Joachims (2015), NeurIPS (SNIPS); Dudík, Erhan, Langford & Li (2014),
 * Stat. Sci. 29:485–511 (DR); Wang, Agarwal & Dudík (2017), ICML (SWITCH); Su et al. (2020), ICML (DRos); Metelli, Russo &
 * Restelli (2021), NeurIPS (sub-Gaussian); Li, Chu, Langford & Wang (2011), WSDM (replay); Owen (2013), Monte Carlo theory,
 * ch. 9 (self-normalised variance, effective sample).
 */
export function offPolicyValue(
  logged: LoggedDecisions,
  estimator: Estimator,
  { level = 0.95, enough = 30 }: { readonly level?: number; readonly enough?: number } = {},
): OffPolicyEstimate {
  if (!(level > 0 && level < 1)) throw new RangeError(`offPolicyValue needs level in (0, 1), got ${level}`);
  requireParameter(estimator);
  const { kind } = estimator;
  const n = logged.reward.length;
  if (n === 0) return undetermined("no decisions");
  const weights = kind === "dm" ? undefined : importanceWeights(logged);
  if (weights !== undefined && "status" in weights) return weights;
  const scores = scoresOf(logged, estimator, weights);
  if ("status" in scores) return scores;
  const { value, influence } = scores;
  const standardError = clusteredError(influence, logged.unit);
  if (standardError === undefined) return undetermined("one unit has no spread");
  if (!Number.isFinite(value) || !Number.isFinite(standardError.error)) {
    return undetermined("a value is not a number, or weights overflow");
  }
  const half = studentUpperQuantile((1 - level) / 2, standardError.units - 1) * standardError.error;
  const health = healthOf(weights);
  const weak = health.effectiveSampleSize < enough;
  return {
    status: "ok",
    value,
    low: value - half,
    high: value + half,
    level,
    standardError: standardError.error,
    ...health,
    ...(weak && {
      warning: `the weights leave an effective sample of ${health.effectiveSampleSize.toPrecision(3)} out of ${n} decisions`,
    }),
  };
}

/** Value and each row's influence on it, mean 0 over rows. */
interface Scores {
  readonly value: number;
  readonly influence: Float64Array;
}

function scoresOf(
  logged: LoggedDecisions,
  estimator: Estimator,
  weights: Float64Array | undefined,
): Scores | Undetermined {
  const { reward } = logged;
  const rows = (value: (i: number) => number) => Float64Array.from({ length: reward.length }, (_, i) => value(i));
  if (weights === undefined) {
    const direct = column(logged, "direct");
    return averaged(rows((i) => direct[i] as number));
  }
  const { kind } = estimator;
  if (kind === "replay") {
    const evaluation = column(logged, "evaluation");
    const agrees = rows((i) => evaluation[i] as number);
    if (agrees.some((share) => share !== 0 && share !== 1))
      return undetermined("replay of a policy that draws actions");
    return normalised(
      agrees,
      rows((i) => reward[i] as number),
    );
  }
  const used = weights.map((weight) => adjusted(weight, estimator));
  if (kind === "ips" || kind === "subGaussianIps") {
    if (used.every((weight) => weight === 0)) return undetermined("no logged action is one of the judged policy's");
    return averaged(rows((i) => (used[i] as number) * (reward[i] as number)));
  }
  if (kind === "snips")
    return normalised(
      used,
      rows((i) => reward[i] as number),
    );
  const predicted = column(logged, "predicted");
  const direct = column(logged, "direct");
  const residual = rows((i) => (reward[i] as number) - (predicted[i] as number));
  if (kind !== "sndr")
    return averaged(rows((i) => (direct[i] as number) + (used[i] as number) * (residual[i] as number)));
  const base = averaged(rows((i) => direct[i] as number));
  const correction = normalised(used, residual);
  if ("status" in correction) return correction;
  return {
    value: base.value + correction.value,
    influence: rows((i) => (base.influence[i] as number) + (correction.influence[i] as number)),
  };
}

function adjusted(weight: number, estimator: Estimator): number {
  switch (estimator.kind) {
    case "switchDr":
      return weight <= estimator.threshold ? weight : 0;
    case "drOs":
      return estimator.lambda === 0 ? 0 : (estimator.lambda * weight) / (weight ** 2 + estimator.lambda);
    case "subGaussianIps":
    case "subGaussianDr":
      return weight === 0 ? 0 : weight / (1 - estimator.lambda + estimator.lambda * weight);
    case "dm":
    case "replay":
      return weight;
    default:
      return Math.min(weight, estimator.clip ?? Number.POSITIVE_INFINITY);
  }
}

function averaged(values: Float64Array): Scores {
  const value = mean(values);
  return { value, influence: values.map((own) => own - value) };
}

/** Σ w·v / Σ w and its linearisation w·(v − value) / mean w. */
function normalised(weights: Float64Array, values: Float64Array): Scores | Undetermined {
  const scale = mean(weights);
  if (scale === 0) return undetermined("no logged action is one of the judged policy's");
  const value = mean(weights.map((weight, i) => (weight / scale) * (values[i] as number)));
  return { value, influence: weights.map((weight, i) => (weight / scale) * ((values[i] as number) - value)) };
}

function clusteredError(influence: Float64Array, unit: LoggedDecisions["unit"]) {
  const n = influence.length;
  if (unit !== undefined && unit.length !== n) {
    throw new RangeError(`offPolicyValue needs columns of one length, got reward ${n}, unit ${unit.length}`);
  }
  const sums = new Map<number | string, number>();
  influence.forEach((own, i) => {
    const key = unit === undefined ? i : (unit[i] as number | string);
    sums.set(key, (sums.get(key) ?? 0) + own);
  });
  const units = sums.size;
  if (units < 2) return undefined;
  let squares = 0;
  for (const sum of sums.values()) squares += (sum / n) ** 2;
  return { units, error: Math.sqrt((squares * units) / (units - 1)) };
}

function healthOf(weights: Float64Array | undefined) {
  if (weights === undefined) {
    return { effectiveSampleSize: Number.NaN, maximumWeight: Number.NaN, meanWeight: Number.NaN };
  }
  const maximumWeight = weights.reduce((a, b) => Math.max(a, b), 0);
  const scaled = weights.map((weight) => (maximumWeight === 0 ? 0 : weight / maximumWeight));
  const sum = scaled.reduce((a, b) => a + b, 0);
  const squares = scaled.reduce((a, b) => a + b * b, 0);
  return {
    effectiveSampleSize: squares === 0 ? 0 : sum ** 2 / squares,
    maximumWeight,
    meanWeight: (sum / weights.length) * maximumWeight,
  };
}

function mean(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function requireParameter(estimator: Estimator): void {
  const [name, value, highest] =
    "clip" in estimator && estimator.clip !== undefined
      ? (["clip", estimator.clip, Number.POSITIVE_INFINITY] as const)
      : "threshold" in estimator
        ? (["threshold", estimator.threshold, Number.POSITIVE_INFINITY] as const)
        : "lambda" in estimator
          ? (["lambda", estimator.lambda, estimator.kind === "drOs" ? Number.POSITIVE_INFINITY : 1] as const)
          : (["nothing", 0, 0] as const);
  if (!(value >= 0 && value <= highest)) {
    throw new RangeError(`offPolicyValue needs ${name} in [0, ${highest}], got ${value}`);
  }
}
