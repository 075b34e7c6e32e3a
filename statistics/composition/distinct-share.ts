import { type Undetermined, undetermined } from "../estimate.ts";
import type { Linearised, Tally } from "./tally.ts";

export interface DistinctShareOptions {
  /** that are drawn from what the arm shows: m */
  readonly draws: number;
  /** items that there are to show: C */
  readonly catalogue: number;
}

/**
 * The share of a catalogue that `draws` independent draws from an arm's showings are expected to show,
 * θ = Σ (1 − (1 − p_c)^m) / C, which does not depend on how much the arm showed.
 *
 * Rarefaction, without bias where showings are independent. A unit that showed an item x times is one factor
 * 1 − m·x/(N − shown before) instead of x of them: Hurlbert's estimate where every x is 1, and the one without bias for compound
 * Poisson showings. Hurlbert's own takes a clustered arm for a poorer one, the more so the smaller it is: .236 for .255 in an
 * arm of 500 showings by 100 units with m = 300, this one .252 (simulated). Factors are kept above −1, so that one unit that
 * showed little else cannot blow them up.
 *
 * The influence of a showing is that it alone shows its item among the draws, m · (1 − p_c)^(m − 1) / C, estimated from the
 * other units. Near 1 the error is skewed.
 *
 * @returns undetermined when the arm has fewer showings than `draws`
 * @throws RangeError when more items were shown than the catalogue has, and unless draws and catalogue are whole numbers ≥ 1
 *
 * Sources: Hurlbert (1971), Ecology 52:577–586 (expected species in a sample of m); Heck, van Belle & Simberloff (1975),
 * Ecology 56:1459–1461; influence as the Hájek projection of a U-statistic of order m, Hoeffding (1948), Ann. Math. Stat.
 * 19:293–325.
 */
export function distinctShare(shown: Tally, { draws, catalogue }: DistinctShareOptions): Linearised | Undetermined {
  requireWhole("draws", draws);
  requireWhole("catalogue", catalogue);
  const { counts, total } = shown;
  const seen = counts.filter((count) => count > 0).length;
  if (seen > catalogue) throw new RangeError(`distinctShare was shown ${seen} items, the catalogue has ${catalogue}`);
  if (total < draws) return undetermined(`${total} shown, fewer than the ${draws} draws of this share`);
  const byItem = timesByItem(shown);
  const absent = byItem.map((times) => absence(times, draws, total));
  const raw = Float64Array.from(byItem, (times) => (draws * chanceAlone(times, draws, total)) / catalogue);
  const mean = raw.reduce((sum, own, c) => sum + ((counts[c] as number) / total) * own, 0);
  return {
    estimate: absent.reduce((sum, chance) => sum + 1 - chance, 0) / catalogue,
    influence: raw.map((own, c) => ((counts[c] as number) > 0 ? own - mean : 0)),
    curvature: 0,
  };
}

/** How often each unit that showed an item did so, falling: the order of units is no matter. */
function timesByItem({ counts, category, count }: Tally): number[][] {
  const byItem = Array.from(counts, (): number[] => []);
  for (const [cell, c] of category.entries()) byItem[c]?.push(count[cell] as number);
  return byItem.map((times) => times.sort((a, b) => b - a));
}

/** The chance that none of the draws is the item, from all units but one. */
function absence(times: readonly number[], draws: number, total: number, without = -1): number {
  let chance = 1;
  let left = total;
  for (const [i, own] of times.entries()) {
    if (i === without) continue;
    if (left <= 0 || Math.abs(chance) < 1e-18) return 0;
    chance *= Math.max(-1, 1 - (draws * own) / left);
    left -= own;
  }
  return chance;
}

/** The chance that a showing is the only one of its item among the draws, the mean over the item's showings. */
function chanceAlone(times: readonly number[], draws: number, total: number): number {
  let sum = 0;
  let showings = 0;
  let known = { times: 0, chance: 0 };
  for (const [i, own] of times.entries()) {
    if (own !== known.times) known = { times: own, chance: absence(times, draws - 1, total - own, i) };
    sum += own * known.chance;
    showings += own;
  }
  return showings === 0 ? 0 : sum / showings;
}

function requireWhole(name: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 1))
    throw new RangeError(`distinctShare needs ${name} to be a whole number of at least 1, got ${value}`);
}
