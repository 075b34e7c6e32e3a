import { binomialLowerTail, binomialMassLog, binomialUpperTail, normalUpperTail } from "../distributions.ts";
import { type TestResult, undetermined } from "../estimate.ts";
import { zTest } from "../z-test.ts";

/** Sessions by success under control and under candidate. */
export interface Concordance {
  readonly both: number;
  readonly controlOnly: number;
  readonly candidateOnly: number;
  readonly neither: number;
}

/**
 * McNemar's exact two-sided p-value for independent pairs: 1 when no pair is discordant.
 *
 * Source: McNemar (1947), Psychometrika 12:153–157; exact binomial form.
 */
export function mcNemarExact({
  controlOnly,
  candidateOnly,
}: Pick<Concordance, "controlOnly" | "candidateOnly">): number {
  const discordant = controlOnly + candidateOnly;
  if (discordant === 0) return 1;
  return Math.min(1, 2 * binomialLowerTail(Math.min(controlOnly, candidateOnly), discordant, 0.5));
}

/** Which p-value {@link mcNemarTest} gives. */
export type McNemarForm = "exact" | "mid-p" | "asymptotic" | "continuity-corrected";

/**
 * McNemar's test of independent pairs: does the candidate succeed where control fails as often as the other way round?
 *
 * `exact` never exceeds its level and is conservative. `mid-p` kept to 5 % in all 9,595 settings of its paper; it can
 * exceed it by a hair (5.02 % for 20 pairs of which 80 % are discordant, exact enumeration). `asymptotic` often exceeds it
 * a little; `continuity-corrected` is about as conservative as `exact`. Pairs of one unit are not independent: use
 * {@link mcNemarClustered}.
 *
 * @returns `statistic` is candidateOnly for the exact forms, and z for the others, z² being R's chi-squared; undetermined
 *   when no pair is discordant
 * @throws RangeError for counts that are negative or not whole
 *
 * Source: McNemar (1947), Psychometrika 12:153–157; Edwards (1948), Psychometrika 13:185–187, correction; Fagerland,
 * Lydersen & Laake (2013), BMC Med. Res. Methodol. 13:91, mid-p: 1 − P(X = k)/2 for as many in each direction.
 */
export function mcNemarTest(
  { controlOnly, candidateOnly }: Pick<Concordance, "controlOnly" | "candidateOnly">,
  { form = "exact" }: { readonly form?: McNemarForm } = {},
): TestResult {
  for (const count of [controlOnly, candidateOnly]) {
    if (!(Number.isSafeInteger(count) && count >= 0)) {
      throw new RangeError(`mcNemarTest needs whole counts of 0 or more, got ${controlOnly} and ${candidateOnly}`);
    }
  }
  const n = controlOnly + candidateOnly;
  if (n === 0) return undetermined("no pair is discordant");
  if (form === "exact" || form === "mid-p") {
    const own = form === "mid-p" ? Math.exp(binomialMassLog(candidateOnly, n, 0.5)) : 0;
    const less = binomialLowerTail(candidateOnly, n, 0.5) - own / 2;
    const greater = binomialUpperTail(candidateOnly, n, 0.5) - own / 2;
    // in a tie, half of what is observed is taken once, not once on each side
    const twoSided = controlOnly === candidateOnly ? 1 - own / 2 : 2 * Math.min(less, greater);
    return { status: "ok", statistic: candidateOnly, less, greater, twoSided: Math.min(1, twoSided) };
  }
  const excess = candidateOnly - controlOnly;
  const shrunk = form === "continuity-corrected" ? Math.sign(excess) * Math.max(0, Math.abs(excess) - 1) : excess;
  const z = shrunk / Math.sqrt(n);
  return zTest(z);
}

/**
 * Pairs by success under control and under candidate.
 *
 * @param control success of each pair under control: true or a number other than 0
 * @param candidate the same under candidate, of the same length
 * @throws RangeError when the columns differ in length
 */
export function concordanceOf(
  control: ArrayLike<boolean | number>,
  candidate: ArrayLike<boolean | number>,
): Concordance {
  if (control.length !== candidate.length) {
    throw new RangeError(`concordanceOf needs columns of one length, got ${control.length} and ${candidate.length}`);
  }
  const counts = { both: 0, controlOnly: 0, candidateOnly: 0, neither: 0 };
  for (let i = 0; i < control.length; i++) {
    if (control[i]) counts[candidate[i] ? "both" : "controlOnly"]++;
    else counts[candidate[i] ? "candidateOnly" : "neither"]++;
  }
  return counts;
}

/**
 * McNemar's test when a unit has several pairs: d_k is the sum of candidate − control over the pairs of unit k.
 *
 * With one pair a unit, z² is McNemar's chi-squared without continuity correction. Large-sample: it wants some 25 units
 * with d ≠ 0.
 *
 * @returns p = 1 when every difference is 0
 *
 * Source: Durkalski, Palesch, Lipsitz & Rust (2003), Stat. Med. 22:2417–2428, eq. 4 with unit weights.
 */
export function mcNemarClustered(differences: ArrayLike<number>): { readonly z: number; readonly pValue: number } {
  let sum = 0;
  let squares = 0;
  for (let k = 0; k < differences.length; k++) {
    sum += differences[k] as number;
    squares += (differences[k] as number) ** 2;
  }
  const z = squares === 0 ? 0 : sum / Math.sqrt(squares);
  return { z, pValue: Math.min(1, 2 * normalUpperTail(Math.abs(z))) };
}
