import { type Undetermined, undetermined } from "../estimate.ts";
import type { Count } from "../proportions/proportions.ts";

/** How often a judge calls a true success a success, and a true failure a failure; in [0, 1]. */
export interface Judge {
  readonly sensitivity: number;
  readonly specificity: number;
  /** true successes and failures from which the two were estimated; Infinity (default) if they are known */
  readonly successes?: number;
  readonly failures?: number;
}

/** The rate that a judge reports where the true one is `rate`: Se·p + (1 − Sp)(1 − p). Source: Rogan & Gladen (1978). */
export function judgedRate(rate: number, { sensitivity, specificity }: Judge): number {
  return sensitivity * rate + (1 - specificity) * (1 - rate);
}

/** Youden's J = Se + Sp − 1, the share of a true difference of rates that a judge lets through. Source: Youden (1950), Cancer 3:32–35. */
export function attenuation({ sensitivity, specificity }: Judge): number {
  requireShares(sensitivity, specificity);
  return sensitivity + specificity - 1;
}

/**
 * The true rate behind a judge's counts, with its standard error; not cut to [0, 1], so that differences stay unbiased.
 *
 * An interval of ± 1.96 errors wants some 50 successes that the judge counts; below, it covers too rarely.
 *
 * @returns undetermined when the judge is no better than chance (J ≤ 0) or there are no trials
 *
 * Source: Rogan & Gladen (1978), Am. J. Epidemiol. 107:71–76; variance with an estimated judge Lang & Reiczigel (2014),
 * Prev. Vet. Med. 113:13–22 (here without their added counts).
 */
export function correctedRate(
  { events, n }: Count,
  judge: Judge,
): { readonly status: "ok"; readonly rate: number; readonly standardError: number } | Undetermined {
  if (events < 0 || events > n) throw new RangeError(`correctedRate needs events in [0, n], got ${events} of ${n}`);
  const share = attenuation(judge);
  if (!(n > 0)) return undetermined("no trials");
  if (!(share > 0)) return undetermined("the judge is no better than chance");
  const { sensitivity, specificity, successes = Infinity, failures = Infinity } = judge;
  const observed = events / n;
  const rate = (observed + specificity - 1) / share;
  const inside = Math.min(1, Math.max(0, rate));
  const variance =
    (observed * (1 - observed)) / n +
    (inside ** 2 * sensitivity * (1 - sensitivity)) / successes +
    ((1 - inside) ** 2 * specificity * (1 - specificity)) / failures;
  return { status: "ok", rate, standardError: Math.sqrt(variance) / share };
}

/**
 * How many times the units are needed when this judge, not the truth, says who succeeded: variance of the reported rates
 * over J² and over the true rates' variance, with `ratio` control units per candidate unit.
 *
 * @returns undetermined when the judge is no better than chance, or both rates are 0 or 1
 *
 * Source: Rogan & Gladen (1978); Bross (1954), Biometrics 10:478–486 (attenuation leaves the null's level intact).
 */
export function judgeInflation(
  rates: { readonly control: number; readonly candidate: number },
  judge: Judge,
  ratio = 1,
): { readonly status: "ok"; readonly inflation: number } | Undetermined {
  requireShares(rates.control, rates.candidate);
  const share = attenuation(judge);
  if (!(share > 0)) return undetermined("the judge is no better than chance");
  const variance = (control: number, candidate: number) =>
    candidate * (1 - candidate) + (control * (1 - control)) / ratio;
  const truth = variance(rates.control, rates.candidate);
  if (truth === 0) return undetermined("the true rates have no variance");
  const judged = variance(judgedRate(rates.control, judge), judgedRate(rates.candidate, judge));
  return { status: "ok", inflation: judged / share ** 2 / truth };
}

function requireShares(...shares: readonly number[]): void {
  for (const share of shares) {
    if (!(share >= 0 && share <= 1)) throw new RangeError(`a judge's rates need to be in [0, 1], got ${share}`);
  }
}
