import { normalUpperQuantile, normalUpperTail } from "../distributions.ts";

/**
 * How the error of one tail is used up over the information.
 *
 * - `obrien-fleming`: Lan & DeMets' function of that kind: almost nothing early
 * - `pocock`: Lan & DeMets' function of that kind: about evenly
 * - `power`: Kim & DeMets, α·t^ρ
 * - `hwang-shih-decani`: γ = −4 is near O'Brien–Fleming, 1 near Pocock, 0 even
 * - `exponential`: α^(t^−ν)
 * - `points`: shares of the error used up by the looks themselves, rising to 1
 */
export type Spending =
  | { readonly kind: "obrien-fleming" }
  | { readonly kind: "pocock" }
  | { readonly kind: "power"; readonly rho: number }
  | { readonly kind: "hwang-shih-decani"; readonly gamma: number }
  | { readonly kind: "exponential"; readonly nu: number }
  | { readonly kind: "points"; readonly shares: readonly number[] };

/**
 * The error that is used up at each information fraction, rising, in (0, error]; all of it from fraction 1 on.
 *
 * @param error     of one tail, in (0, 1)
 * @param fractions rising, above 0; those above 1 count as 1
 * @throws RangeError for fractions that do not rise, an error outside (0, 1), or a parameter outside its range
 *
 * Sources: Lan & DeMets (1983), Biometrika 70:659–663; Kim & DeMets (1987), Biometrika 74:149–154; Hwang, Shih & DeCani
 * (1990), Stat. Med. 9:1439–1445; Anderson & Clark (2010), Stat. Med. 29:321–327 (exponential).
 */
export function cumulativeSpending(spending: Spending, error: number, fractions: readonly number[]): number[] {
  if (!(error > 0 && error < 1)) throw new RangeError(`cumulativeSpending needs an error in (0, 1), got ${error}`);
  requireRising("cumulativeSpending", fractions);
  if (spending.kind === "points") return points(spending.shares, error, fractions);
  const spent = spendingFunction(spending, error);
  return fractions.map((fraction) => (fraction >= 1 ? error : Math.min(error, spent(fraction))));
}

/** @throws RangeError unless fractions are above 0 and rise strictly */
export function requireRising(name: string, fractions: readonly number[]): void {
  if (fractions.length === 0) throw new RangeError(`${name} needs at least one look`);
  for (const [k, fraction] of fractions.entries()) {
    const before = fractions[k - 1] ?? 0;
    if (!(fraction > before && Number.isFinite(fraction))) {
      throw new RangeError(`${name} needs information that rises from above 0, got ${before} before ${fraction}`);
    }
  }
}

function spendingFunction(spending: Exclude<Spending, { kind: "points" }>, error: number): (t: number) => number {
  switch (spending.kind) {
    case "obrien-fleming": {
      const z = normalUpperQuantile(error / 2);
      return (t) => 2 * normalUpperTail(z / Math.sqrt(t));
    }
    case "pocock":
      return (t) => error * Math.log1p((Math.E - 1) * t);
    case "power": {
      const { rho } = spending;
      if (!(rho > 0)) throw new RangeError(`power spending needs rho above 0, got ${rho}`);
      return (t) => error * t ** rho;
    }
    case "hwang-shih-decani": {
      const { gamma } = spending;
      if (!(Math.abs(gamma) <= 700))
        throw new RangeError(`Hwang–Shih–DeCani spending needs |gamma| up to 700, got ${gamma}`);
      return gamma === 0 ? (t) => error * t : (t) => (error * Math.expm1(-gamma * t)) / Math.expm1(-gamma);
    }
    case "exponential": {
      const { nu } = spending;
      if (!(nu > 0)) throw new RangeError(`exponential spending needs nu above 0, got ${nu}`);
      return (t) => Math.exp(Math.log(error) * t ** -nu);
    }
  }
}

function points(shares: readonly number[], error: number, fractions: readonly number[]): number[] {
  if (shares.length !== fractions.length)
    throw new RangeError(
      `spending by points needs a share for each of ${fractions.length} looks, got ${shares.length}`,
    );
  shares.forEach((share, k) => {
    if (!(share >= (shares[k - 1] ?? 0) && share <= 1))
      throw new RangeError(
        `spending by points needs shares that rise from 0 to 1, got ${shares[k - 1] ?? 0} before ${share}`,
      );
  });
  return shares.map((share) => error * share);
}
