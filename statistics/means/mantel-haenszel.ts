import { normalUpperTail } from "../distributions.ts";
import { type TestResult, type Undetermined, undetermined } from "../estimate.ts";
import type { Count } from "../proportions/proportions.ts";
import type { Difference } from "./means.ts";
import type { Stratum } from "./strata.ts";

/** A common risk difference over strata, and the ratios that go with the same weights. */
export interface MantelHaenszel extends Difference {
  readonly status: "ok";
  /** candidate / control; NaN when control has no event */
  readonly riskRatio: number;
  /** odds of the candidate over those of control; NaN when it is 0 / 0 */
  readonly oddsRatio: number;
}

/**
 * Mantel–Haenszel's common risk difference: right for many small strata as well as for few large ones, with rare events
 * and arms of any sizes.
 *
 * @param strata events among units, an arm; strata with an empty arm say nothing and have no weight
 * @returns undetermined when every stratum has an empty arm
 * @throws RangeError when events are not within 0 and n
 *
 * Sources: Greenland & Robins (1985), Biometrics 41:55–68; standard error by Sato (1989), Biometrics 45:1323–1324, which
 * holds in both limits.
 */
export function mantelHaenszel(strata: readonly Stratum<Count>[]): MantelHaenszel | Undetermined {
  let weight = 0;
  let numerator = 0;
  let p = 0;
  let q = 0;
  let risks: readonly [number, number] = [0, 0];
  let odds: readonly [number, number] = [0, 0];
  for (const { control, candidate } of informative("mantelHaenszel", strata)) {
    const n = control.n + candidate.n;
    const [a, b] = [candidate.events, control.events];
    const [c, d] = [candidate.n - a, control.n - b];
    weight += (candidate.n * control.n) / n;
    numerator += (a * control.n - b * candidate.n) / n;
    p +=
      (candidate.n ** 2 * b - control.n ** 2 * a + (candidate.n * control.n * (control.n - candidate.n)) / 2) / n ** 2;
    q += (a * d + c * b) / (2 * n);
    risks = [risks[0] + (a * control.n) / n, risks[1] + (b * candidate.n) / n];
    odds = [odds[0] + (a * d) / n, odds[1] + (b * c) / n];
  }
  if (weight === 0) return undetermined("no stratum has units in both arms");
  const difference = numerator / weight;
  const standardError = Math.sqrt(Math.max(0, difference * p + q)) / weight;
  return {
    status: "ok",
    difference,
    standardError,
    degreesOfFreedom: Number.POSITIVE_INFINITY,
    t: difference === 0 ? 0 : difference / standardError,
    riskRatio: risks[1] === 0 ? Number.NaN : risks[0] / risks[1],
    oddsRatio: odds[0] / odds[1],
  };
}

/**
 * The Cochran–Mantel–Haenszel test that no stratum has an effect, powerful when effects have one sign; the statistic is z,
 * its square R's chi-squared.
 *
 * @param correct subtract ½ from the excess of events, as R does unless told; each one-sided p-value moves toward 1
 * @returns undetermined when no stratum with units in both arms has both an event and a unit without
 * @throws RangeError when events are not within 0 and n
 *
 * Source: Mantel & Haenszel (1959), J. Natl. Cancer Inst. 22:719–748; as R's `mantelhaen.test`.
 */
export function cochranMantelHaenszel(
  strata: readonly Stratum<Count>[],
  { correct = false }: { readonly correct?: boolean } = {},
): TestResult {
  let excess = 0;
  let variance = 0;
  for (const { control, candidate } of informative("cochranMantelHaenszel", strata)) {
    const n = control.n + candidate.n;
    if (n <= 1) continue;
    const events = control.events + candidate.events;
    excess += (candidate.events * control.n - control.events * candidate.n) / n;
    variance += (((candidate.n / n) * control.n) / n) * ((events * (n - events)) / (n - 1));
  }
  if (variance === 0) return undetermined("no stratum has units in both arms, and units with and without an event");
  const half = correct ? 0.5 : 0;
  const z = (shift: number) => (excess + shift) / Math.sqrt(variance);
  const size = Math.max(0, Math.abs(excess) - half) / Math.sqrt(variance);
  return {
    status: "ok",
    statistic: excess < 0 ? -size : size,
    less: normalUpperTail(-z(half)),
    greater: normalUpperTail(z(-half)),
    twoSided: Math.min(1, 2 * normalUpperTail(size)),
  };
}

function informative(name: string, strata: readonly Stratum<Count>[]): readonly Stratum<Count>[] {
  for (const [i, { control, candidate }] of strata.entries()) {
    for (const { events, n } of [control, candidate]) {
      if (!(events >= 0 && events <= n)) {
        throw new RangeError(`${name} needs 0 ≤ events ≤ n, got ${events} of ${n} in stratum ${i + 1}`);
      }
    }
  }
  return strata.filter(({ control, candidate }) => control.n > 0 && candidate.n > 0);
}
