import { normalUpperTailLog } from "../distributions.ts";
import { type Estimate, type TestResult, type Undetermined, undetermined } from "../estimate.ts";
import { bestRho } from "./mixture-bounds.ts";

/** candidate − control (or one mean less its null) from all units seen so far, and its standard error. */
export interface CurrentDifference {
  readonly difference: number;
  readonly standardError: number;
}

/**
 * The mixture sequential probability ratio test of no difference: Robbins' normal mixture, effects ~ N(0, mixingVariance).
 *
 * Valid at any number of looks when differences are normal with a known variance V/n (standardError² = V/n) of
 * independent units; with an estimated standard error it holds for large samples only, and looks below some 100 units an
 * arm, or few events, raise too many false alarms: start late, or use bounded-mean, bernoulli-sequential or
 * counts-sequential. These are the p-values of this look: each look's own is valid whenever one stops, and so is the
 * minimum over the looks made, which the caller keeps.
 *
 * @param mixingVariance τ² > 0, the square of a typical effect, in squared units of the difference; fixed in advance
 * @returns statistic ln Λ of the two-sided test; one-sided p-values of the half-normal mixture, which is valid also when
 *   the true effect lies on the other side of zero; undetermined when the standard error is zero or not finite
 *
 * Source: Robbins (1970), Ann. Math. Stat. 41:1397–1409; Johari, Koomen, Pekelis & Walsh (2022), Oper. Res. 70:1806–1821;
 * one side Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Stat. 49:1055–1080, proposition 5.
 */
export function mixtureSequentialTest(
  { difference, standardError }: CurrentDifference,
  mixingVariance: number,
): TestResult {
  requirePositive("mixtureSequentialTest", "a mixingVariance", mixingVariance);
  const problem = degenerate(difference, standardError);
  if (problem) return problem;
  const share = mixingShare(standardError, mixingVariance);
  const z = difference / standardError;
  const statistic = 0.5 * Math.log1p(-share) + (share * z ** 2) / 2;
  const oneSided = (direction: 1 | -1) =>
    Math.min(1, Math.exp(-(statistic + Math.LN2 + normalUpperTailLog(-direction * z * Math.sqrt(share)))));
  return {
    status: "ok",
    statistic,
    less: oneSided(-1),
    greater: oneSided(1),
    twoSided: Math.min(1, Math.exp(-statistic)),
  };
}

/**
 * The confidence sequence that inverts {@link mixtureSequentialTest}: it covers the difference at all looks together with
 * probability at least `level`, under the same assumptions. The caller may intersect the intervals of all looks.
 */
export function mixtureSequentialInterval(
  { difference, standardError }: CurrentDifference,
  mixingVariance: number,
  level = 0.95,
): Estimate {
  requirePositive("mixtureSequentialInterval", "a mixingVariance", mixingVariance);
  requireLevel("mixtureSequentialInterval", level);
  const problem = degenerate(difference, standardError);
  if (problem) return problem;
  const share = mixingShare(standardError, mixingVariance);
  const half = standardError * Math.sqrt((-2 * Math.log(1 - level) - Math.log1p(-share)) / share);
  return { status: "ok", value: difference, low: difference - half, high: difference + half, level };
}

/** What an asymptotic confidence sequence is tuned to: it is tightest near `units`, for an interval at `level`. */
export interface AsymptoticOptions {
  /** 0.95; of a one-sided bound, too, it is the probability of covering */
  readonly level?: number;
  /** units of both arms, 5000; fixed in advance */
  readonly tunedTo?: number;
}

/**
 * The asymptotic confidence sequence of a difference of means, ratios or any estimate that is a mean of independent
 * units' influence values.
 *
 * Valid at any number of looks in the limit of a late first look: no first-look size makes it exact. At 1 : 99 and a rate
 * of 2 % it raises 10.5 % false alarms at a nominal 5 %, nearly all of “less”, when first looked at after 143 candidate
 * units, 3.7 % after 500, 2.1 % after 2,500 (simulated, 50 looks): begin when the smaller arm has some 50 events, before
 * use counts-sequential. Units must be independent (sum a unit's sessions first). Scale-free: only z and n enter.
 *
 * @param units of both arms together, n ≥ 2; standardError²·n is the variance of one unit
 *
 * Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Ann. Stat., arXiv 2103.06476v7, eq. 9, 134, 161.
 */
export function asymptoticInterval(
  { difference, standardError }: CurrentDifference,
  units: number,
  { level = 0.95, tunedTo = 5000 }: AsymptoticOptions = {},
): Estimate {
  requireLevel("asymptoticInterval", level);
  const problem = degenerate(difference, standardError, units);
  if (problem) return problem;
  const { square, growth } = tuned(units, 1 - level, tunedTo);
  const half = standardError * Math.sqrt(((2 * growth) / square) * Math.log(Math.sqrt(growth) / (1 - level)));
  return { status: "ok", value: difference, low: difference - half, high: difference + half, level };
}

/**
 * One-sided asymptotic confidence sequences: `low` alone covers at `level`, and `high` alone does.
 *
 * @throws RangeError when level is not above 0.5
 *
 * Source: Waudby-Smith et al. (2024), arXiv 2103.06476v7, eq. 134, 161; ρ tuned with 2α.
 */
export function asymptoticOneSidedBounds(
  { difference, standardError }: CurrentDifference,
  units: number,
  { level = 0.95, tunedTo = 5000 }: AsymptoticOptions = {},
): Estimate {
  requireLevel("asymptoticOneSidedBounds", level, 0.5);
  const problem = degenerate(difference, standardError, units);
  if (problem) return problem;
  const alpha = 1 - level;
  requirePositive("an asymptotic confidence sequence", "tunedTo", tunedTo);
  const half = standardError * asymptoticBoundary(units / tunedTo, alpha);
  return { status: "ok", value: difference, low: difference - half, high: difference + half, level };
}

/**
 * The p-values that invert {@link asymptoticInterval} (two-sided) and {@link asymptoticOneSidedBounds} exactly, ρ staying
 * tuned to `level`: p ≤ 1 − level iff zero is not inside. Down to 5e-324, not clipped; minimum over looks as the caller
 * keeps it.
 *
 * @returns statistic ln of the two-sided e-value; an estimate on the wrong side of zero has a one-sided p of 1
 * @throws RangeError when level is not above 0.5
 */
export function asymptoticTest(
  { difference, standardError }: CurrentDifference,
  units: number,
  { level = 0.95, tunedTo = 5000 }: AsymptoticOptions = {},
): TestResult {
  requireLevel("asymptoticTest", level, 0.5);
  const problem = degenerate(difference, standardError, units);
  if (problem) return problem;
  const z = difference / standardError;
  const two = tuned(units, 1 - level, tunedTo);
  const one = tuned(units, 2 * (1 - level), tunedTo);
  const statistic = (two.square * z ** 2) / (2 * two.growth) - 0.5 * Math.log(two.growth);
  const exponent = (one.square * z ** 2) / (2 * one.growth);
  // α = √growth / 2(e^exponent − 1), in logs where e^exponent would overflow
  const logOdds = exponent > 30 ? exponent : Math.log(Math.expm1(exponent));
  const ahead = Math.min(1, Math.exp(0.5 * Math.log(one.growth) - Math.LN2 - logOdds));
  return {
    status: "ok",
    statistic,
    less: difference < 0 ? ahead : 1,
    greater: difference > 0 ? ahead : 1,
    twoSided: Math.min(1, Math.exp(-statistic)),
  };
}

/**
 * z at which {@link asymptoticOneSidedBounds} excludes zero, when a share of the sample that it is tuned to is there.
 *
 * @param share n / N, at least 0; Infinity at 0
 * @param alpha of one side, below .5
 */
export function asymptoticBoundary(share: number, alpha: number): number {
  requireLevel("asymptoticBoundary", 1 - alpha, 0.5);
  if (!(share > 0)) return Number.POSITIVE_INFINITY;
  const { square, growth } = tuned(share, 2 * alpha, 1);
  return Math.sqrt(((2 * growth) / square) * Math.log1p(Math.sqrt(growth) / (2 * alpha)));
}

/** n ρ² and n ρ² + 1, ρ² = (−2 ln α + ln(1 − 2 ln α)) / N. */
function tuned(units: number, alpha: number, tunedTo: number): { readonly square: number; readonly growth: number } {
  requirePositive("an asymptotic confidence sequence", "tunedTo", tunedTo);
  // ρ² N = the normal mixture's V / ρ at its best
  const square = units / bestRho({ variance: tunedTo, alpha });
  return { square, growth: 1 + square };
}

/** nτ² / (V + nτ²) = τ² / (SE² + τ²) */
function mixingShare(standardError: number, mixingVariance: number): number {
  return 1 / (1 + standardError ** 2 / mixingVariance);
}

function degenerate(difference: number, standardError: number, units?: number): Undetermined | undefined {
  if (units !== undefined && !(units >= 2)) return undetermined(`a confidence sequence needs 2 units, got ${units}`);
  if (!Number.isFinite(difference)) return undetermined(`the difference is ${difference}`);
  if (!(standardError > 0 && standardError < Number.POSITIVE_INFINITY)) {
    return undetermined(`the standard error is ${standardError}`);
  }
  return undefined;
}

function requireLevel(caller: string, level: number, above = 0): void {
  if (!(level > above && level < 1)) throw new RangeError(`${caller} needs a level in (${above}, 1), got ${level}`);
}

function requirePositive(caller: string, what: string, value: number): void {
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${caller} needs ${what} above 0, got ${value}`);
  }
}
