import { normalUpperQuantile } from "../distributions.ts";
import { fallingRoot } from "../line-search.ts";
import { type Bounds, crossingProbabilities, type Efficacy, fractionsOf } from "./group-sequential.ts";

/**
 * Bounds C·t^(Δ−½): Pocock's constant bounds with Δ = .5, O'Brien & Fleming's with Δ = 0.
 *
 * @param error of one tail
 *
 * Source: Wang & Tsiatis (1987), Biometrics 43:193–199.
 */
export function wangTsiatisBounds({
  information,
  error,
  delta,
  sides = 1,
  lower,
}: Omit<Efficacy, "spending"> & { readonly delta: number }): Bounds {
  const shape = fractionsOf(information).map((fraction) => fraction ** (delta - 0.5));
  const bounds = (constant: number) =>
    withLower(
      information,
      shape.map((own) => constant * own),
      sides,
      lower,
    );
  const fixed = normalUpperQuantile(error);
  return bounds(
    fallingRoot(
      (constant) => totalUpper(bounds(constant)) - error,
      fixed * 0.999,
      fixed + Math.sqrt(2 * Math.log(information.length + 1)),
    ),
  );
}

/**
 * One early bound at every look but the last, which has the rest of the error.
 *
 * @param early 3 unless stated
 * @throws RangeError when the early looks use up more than the error
 *
 * Source: Haybittle (1971), Br. J. Radiol. 44:793–797; Peto et al. (1976), Br. J. Cancer 34:585–612.
 */
export function haybittlePetoBounds({
  information,
  error,
  early = 3,
  sides = 1,
  lower,
}: Omit<Efficacy, "spending"> & { readonly early?: number }): Bounds {
  const bounds = (last: number) =>
    withLower(
      information,
      information.map((_, k) => (k === information.length - 1 ? last : early)),
      sides,
      lower,
    );
  if (totalUpper(bounds(Number.POSITIVE_INFINITY)) >= error)
    throw new RangeError(`haybittlePetoBounds needs early bounds that leave some of ${error}, got ${early}`);
  return bounds(fallingRoot((last) => totalUpper(bounds(last)) - error, normalUpperQuantile(error) - 1, 12));
}

function withLower(
  information: readonly number[],
  upper: readonly number[],
  sides: 1 | 2,
  lower: readonly number[] | undefined,
): Bounds {
  return {
    information,
    upper,
    lower: upper.map((bound, k) => (sides === 2 ? -bound : (lower?.[k] ?? Number.NEGATIVE_INFINITY))),
  };
}

function totalUpper(bounds: Bounds): number {
  return crossingProbabilities(bounds).upper.reduce((sum, own) => sum + own, 0);
}
