import { jensenShannon } from "../drift/drift.ts";
import { linearVariance, regrouped, type Tally, weightedCovariance, withoutOwnError } from "./tally.ts";

/** The divergence of two lanes and what a showing in either does to it. */
export interface CompositionDrift {
  /** in bits; below 0 when the lanes differ less than two of the same do */
  readonly estimate: number;
  /** of one showing of each category, which sums to 0 over the lane's showings; and the lane's part of the second order */
  readonly control: LaneInfluence;
  readonly candidate: LaneInfluence;
  /** of one showing of control: its influence on a divergence of 1 bit that lies in its commonest category */
  readonly direction: Float64Array;
}

interface LaneInfluence {
  readonly influence: Float64Array;
  /** variance of second order, times the square of the lane's showings */
  readonly curvature: number;
}

/**
 * Jensen–Shannon divergence in bits between the categories that two lanes show, less what two lanes without any drift
 * would have: Σ Var(p̂ − q̂) / (8 ln 2 · share), variances by unit, so that it is 0 for identical lanes and 0 on average
 * without drift. For independent showings that is (K − 1)(1/N + 1/M)/(8 ln 2).
 *
 * Categories of less than `rare` of both lanes' showings on average count as one: their expected counts are too small for a
 * quadratic law, and the cut must not depend on the size of an arm.
 *
 * Away from 0 the estimate is normal with the variance of the influences. At 0 the influences vanish and it is a centred
 * weighted χ² with variance 2·(bias)²/(K − 1): both are kept, so that the one-sided level at no drift lies below the nominal
 * one (measured in test/statistics/composition).
 *
 * @param rare smallest share that is a category of its own
 * @returns NaN for the estimate when a lane showed nothing
 * @throws RangeError when the tallies differ in their categories
 *
 * Sources: Lin (1991), IEEE Trans. Inf. Theory 37:145–151; null distribution Menéndez, Pardo, Pardo & Pardo (1997), J.
 * Franklin Inst. 334B:307–318, theorem for φ-divergences; clusters Rao & Scott (1981), JASA 76:221–230.
 */
export function compositionDrift(
  control: Tally,
  candidate: Tally,
  { rare = 0.01 }: { readonly rare?: number } = {},
): CompositionDrift {
  if (control.counts.length !== candidate.counts.length)
    throw new RangeError(
      `compositionDrift needs the same categories, got ${control.counts.length} and ${candidate.counts.length}`,
    );
  const { groups, kept } = frequent(control, candidate, rare);
  const [before, after] = [regrouped(control, groups, kept), regrouped(candidate, groups, kept)];
  const p = shares(before);
  const q = shares(after);
  const middle = p.map((own, c) => (own + (q[c] as number)) / 2);
  const weights = middle.map((share) => (share > 0 ? 1 / (8 * Math.LN2 * share) : 0));
  const own0 = weightedCovariance(before, before, weights);
  const own1 = weightedCovariance(after, after, weights);
  const bias = own0 + own1 - 2 * weightedCovariance(before, after, weights);
  const lane = (tally: Tally, from: Float64Array, own: number): LaneInfluence => {
    // a lane of one unit has none, and rounding must not make it negative
    const quadratic = kept > 1 ? Math.max(0, (2 * own * (own0 + own1)) / (kept - 1)) : 0;
    const log = from.map((share, c) => (share > 0 ? Math.log2(share / (middle[c] as number)) / 2 : 0));
    const mean = from.reduce((sum, share, c) => sum + share * (log[c] as number), 0);
    const raw = log.map((value, c) => ((from[c] as number) > 0 ? value - mean : 0));
    const shrink = withoutOwnError(linearVariance(tally, raw), quadratic);
    return { influence: spread(raw, groups, shrink), curvature: quadratic * tally.total ** 2 };
  };
  return {
    estimate: before.total === 0 || after.total === 0 ? Number.NaN : jensenShannon(before.counts, after.counts) - bias,
    control: lane(before, p, own0),
    candidate: lane(after, q, own1),
    direction: spread(towardsCommonest(p), groups, 1),
  };
}

/** The group of each category, and how many there are: rare ones are group 0, which may be empty. */
function frequent(control: Tally, candidate: Tally, rare: number) {
  const [p, q] = [shares(control), shares(candidate)];
  let kept = 0;
  const isRare = p.map((own, c) => ((own + (q[c] as number)) / 2 < rare ? 1 : 0));
  const restShown = isRare.some((own, c) => own === 1 && (p[c] as number) + (q[c] as number) > 0);
  if (restShown) kept = 1;
  const groups = Int32Array.from(isRare, (own) => {
    if (own === 1) return 0;
    kept += 1;
    return kept - 1;
  });
  return { groups, kept: Math.max(1, kept) };
}

/**
 * Influence on a divergence of 1 bit: near 0 its variance is D / (2 ln 2) whatever the direction, from D = Σ δ²/(8 ln 2 · p) and
 * the influence δ / (4 ln 2 · p).
 */
function towardsCommonest(p: Float64Array): Float64Array {
  const share = Math.max(...p);
  const commonest = p.indexOf(share);
  const deviation = Math.sqrt(share * (1 - share) * 2 * Math.LN2);
  return p.map((_, c) => (deviation > 0 ? ((c === commonest ? 1 : 0) - share) / deviation : 0));
}

function shares({ counts, total }: Tally): Float64Array {
  return counts.map((count) => (total === 0 ? 0 : count / total));
}

function spread(values: Float64Array, groups: Int32Array, factor: number): Float64Array {
  return Float64Array.from(groups, (group) => factor * (values[group] as number));
}
