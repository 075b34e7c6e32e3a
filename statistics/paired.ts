import { binomialLowerTail, normalUpperTail } from "./distributions.ts";

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
