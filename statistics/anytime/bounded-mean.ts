import { type Estimate, undetermined } from "../estimate.ts";
import { lastWhere } from "../line-search.ts";
import { requireLevel } from "../requirements.ts";
import { gammaExponentialMixture, mixtureBound } from "./mixture-bounds.ts";

/** Bounds and level of a confidence sequence for a mean. */
export interface BoundedOptions {
  /** smallest possible value, known in advance; 0 */
  readonly minimum?: number;
  /** largest possible value, known in advance; 1 */
  readonly maximum?: number;
  /** 0.95 */
  readonly level?: number;
}

/**
 * The empirical Bernstein confidence sequence of a mean: gamma-exponential mixture of V = Σ (x − mean of those before)².
 *
 * It covers at all looks together with probability at least `level`, exactly and at any sample size, for values within
 * known bounds whose conditional mean, given those before, does not change (independent units in order of arrival are
 * enough). Each side has half the error. The caller may intersect the intervals of all looks.
 *
 * @param values one per unit in order of arrival
 * @param tunedTo V near which it is tightest, in units of (maximum − minimum)²: planned units times their variance; fixed
 *   in advance, 100
 * @returns value the mean; undetermined when there are no values or one is NaN
 * @throws RangeError when a value is out of bounds
 *
 * Source: Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Stat. 49:1055–1080, theorem 4 and proposition 8 with c = 1;
 * half of α a side, where confseq's `conjmix_empbern_twosided_cs` spends a quarter.
 */
export function empiricalBernsteinMixture(
  values: ArrayLike<number>,
  { tunedTo = 100, ...options }: BoundedOptions & { readonly tunedTo?: number } = {},
): Estimate {
  const scaled = unitValues("empiricalBernsteinMixture", values, options);
  if (typeof scaled === "string") return undetermined(scaled);
  const { level = 0.95 } = options;
  const alpha = (1 - level) / 2;
  const mixture = gammaExponentialMixture({ variance: tunedTo, alpha }, 1);
  let sum = 0;
  let variance = 0;
  for (let i = 0; i < scaled.length; i++) {
    const x = scaled[i] as number;
    variance += (x - (i === 0 ? 0.5 : sum / i)) ** 2;
    sum += x;
  }
  const mean = sum / scaled.length;
  const half = mixtureBound(mixture, variance, alpha) / scaled.length;
  return inBounds(mean, mean - half, mean + half, options);
}

/**
 * The predictable plug-in empirical Bernstein confidence sequence of a mean; the assumptions and validity of
 * {@link empiricalBernsteinMixture}, no tuning, but centred on a weighted mean in which early values weigh more.
 *
 * @returns value the weighted mean; undetermined also when the interval falls outside the bounds, which has probability
 *   at most 1 − level if the assumptions hold
 *
 * Source: Waudby-Smith & Ramdas (2024), JRSS B 86:1–27, theorem 2 with c = 1/2.
 */
export function empiricalBernsteinPlugIn(values: ArrayLike<number>, options: BoundedOptions = {}): Estimate {
  const scaled = unitValues("empiricalBernsteinPlugIn", values, options);
  if (typeof scaled === "string") return undetermined(scaled);
  const log = Math.log(2 / (1 - (options.level ?? 0.95)));
  const { bets, predictions } = predictableBets(scaled, log);
  let weight = 0;
  let weighted = 0;
  let cost = log;
  for (const [i, x] of scaled.entries()) {
    const bet = Math.min(0.5, bets[i] as number);
    weight += bet;
    weighted += bet * x;
    cost += (-Math.log1p(-bet) - bet) * (x - (predictions[i] as number)) ** 2;
  }
  const centre = weighted / weight;
  return inBounds(centre, centre - cost / weight, centre + cost / weight, options);
}

/**
 * The betting confidence sequence of a mean (hedged capital): usually the shortest of the three, by exact root-finding.
 *
 * The capitals are K⁺(m) = Π (1 + λ⁺(x − m)) with λ⁺ = min(λ, truncation / m) and its mirror image K⁻(m); the interval is
 * every m at which neither half has grown to 1/α. λ does not depend on m, so that each factor of K⁺ falls as m rises: with
 * λ untruncated it is 1 + λ(x − m), else 1 − truncation + truncation·x/m. Hence K⁺ < 2/α is a half-line, so is K⁻ < 2/α,
 * and their intersection is an interval. Validity and assumptions as {@link empiricalBernsteinMixture}.
 *
 * @param options.truncation the largest share of the capital at stake, in (0, 1); 0.5
 * @param options.tunedAlpha error probability that the bets are sized for; (1 − level) / 2, where confseq's `hedged_cs`
 *   has 1 − level; the interval is valid with any
 * @returns value the mean, which may lie outside the interval if the values drift; undetermined also when no mean is left
 *   (probability at most 1 − level if the assumptions hold)
 *
 * Source: Waudby-Smith & Ramdas (2024), theorem 3, θ = 1/2.
 */
export function bettingInterval(
  values: ArrayLike<number>,
  {
    truncation = 0.5,
    tunedAlpha,
    ...options
  }: BoundedOptions & { readonly truncation?: number; readonly tunedAlpha?: number } = {},
): Estimate {
  if (!(truncation > 0 && truncation < 1)) {
    throw new RangeError(`bettingInterval needs a truncation in (0, 1), got ${truncation}`);
  }
  const scaled = unitValues("bettingInterval", values, options);
  if (typeof scaled === "string") return undetermined(scaled);
  const log = Math.log(2 / (1 - (options.level ?? 0.95)));
  const { bets } = predictableBets(scaled, tunedAlpha === undefined ? log : -Math.log(tunedAlpha));
  const low = lowerEnd(scaled, bets, truncation, log);
  const high =
    1 -
    lowerEnd(
      scaled.map((x) => 1 - x),
      bets,
      truncation,
      log,
    );
  return inBounds(scaled.reduce((a, b) => a + b, 0) / scaled.length, low, high, options);
}

/**
 * candidate − control by a union bound over two confidence sequences, each at a level of (1 + level) / 2: the arms may be
 * looked at at any time, together or not.
 *
 * @param interval makes one arm's sequence at the level it is given
 * @returns undetermined when an arm is
 */
export function differenceByUnion(
  interval: (arm: "control" | "candidate", level: number) => Estimate,
  level = 0.95,
): Estimate {
  requireLevel("differenceByUnion", level);
  const control = interval("control", (1 + level) / 2);
  const candidate = interval("candidate", (1 + level) / 2);
  if (control.status !== "ok") return undetermined(`control: ${control.reason}`);
  if (candidate.status !== "ok") return undetermined(`candidate: ${candidate.reason}`);
  return {
    status: "ok",
    value: candidate.value - control.value,
    low: candidate.low - control.high,
    high: candidate.high - control.low,
    level,
  };
}

/** The m below which the capital that bets on a larger mean has reached 2/α. */
function lowerEnd(values: Float64Array, bets: Float64Array, truncation: number, log: number): number {
  const rich = (m: number) => logCapital(values, bets, truncation, m) >= log;
  if (!rich(2 ** -1000)) return 0;
  return rich(1) ? 1 : lastWhere(rich, 0, 1);
}

function logCapital(values: Float64Array, bets: Float64Array, truncation: number, m: number): number {
  let logs = 0;
  let product = 1;
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number;
    const bet = bets[i] as number;
    product *= bet * m < truncation ? 1 + bet * (x - m) : 1 - truncation + (truncation * x) / m;
    if (product < 1e-200 || product > 1e100) {
      logs += Math.log(product);
      product = 1;
    }
  }
  return logs + Math.log(product);
}

/** λ_t = √(2 ln(2/α) / (σ²_{t−1} t ln(1 + t))) and the predictions μ_{t−1}, both from the values before t only. */
function predictableBets(values: Float64Array, log: number) {
  const bets = new Float64Array(values.length);
  const predictions = new Float64Array(values.length);
  let sum = 0.5;
  let squares = 0.25;
  for (const [i, x] of values.entries()) {
    const t = i + 1;
    predictions[i] = sum / t;
    bets[i] = Math.sqrt((2 * log) / ((squares / t) * t * Math.log1p(t)));
    sum += x;
    squares += (x - sum / (t + 1)) ** 2;
  }
  return { bets, predictions };
}

/** The values scaled to [0, 1], or why there are none. */
function unitValues(
  caller: string,
  values: ArrayLike<number>,
  { minimum = 0, maximum = 1, level = 0.95 }: BoundedOptions,
): Float64Array | string {
  requireLevel(caller, level);
  const range = maximum - minimum;
  if (!(range > 0 && range < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${caller} needs minimum < maximum, both finite, got ${minimum} and ${maximum}`);
  }
  if (values.length === 0) return "there are no values";
  const scaled = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number;
    if (Number.isNaN(x)) return `value ${i} is NaN`;
    if (x < minimum || x > maximum) {
      throw new RangeError(`${caller} needs values within [${minimum}, ${maximum}], got ${x} at ${i}`);
    }
    scaled[i] = Math.min(1, Math.max(0, (x - minimum) / range));
  }
  return scaled;
}

function inBounds(
  value: number,
  low: number,
  high: number,
  { minimum = 0, maximum = 1, level = 0.95 }: BoundedOptions,
): Estimate {
  const range = maximum - minimum;
  if (low > high || low > 1 || high < 0) return undetermined("no mean within the bounds is compatible with the values");
  return {
    status: "ok",
    value: minimum + range * value,
    low: minimum + range * Math.max(0, low),
    high: minimum + range * Math.min(1, high),
    level,
  };
}
