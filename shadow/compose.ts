import { type CompositionMetric, isComposition } from "../plan/metric.ts";
import { calibrationError } from "../statistics/composition/calibration-error.ts";
import { compositionDrift } from "../statistics/composition/composition-drift.ts";
import { distinctShare } from "../statistics/composition/distinct-share.ts";
import { entropy } from "../statistics/composition/entropy.ts";
import { type Linearised, type Tally, tally } from "../statistics/composition/tally.ts";
import type { Composition, MetricOutcomes, Observed, Values } from "./outcomes.ts";

/** One metric in both lanes. */
interface LaneValues {
  readonly control: Values;
  readonly candidate: Values;
}

/**
 * A composition of both lanes as sums of sessions, exact in value over the chosen sessions and of first order in each.
 *
 * A drift is that of the candidate from the control: the control's own is 0, with minus its influence on the distance as its
 * variance, so that candidate − control varies as the distance does.
 *
 * @param unit   of every session
 * @param chosen sessions that count; the others are missing. All unless given
 */
export function composed(
  metric: CompositionMetric,
  control: Observed,
  candidate: Observed,
  unit: Int32Array,
  chosen: readonly number[] = Array.from(unit, (_, i) => i),
): LaneValues {
  if (control.kind === "predictions" || candidate.kind === "predictions") {
    const bins = metric.kind === "calibration-error" ? metric.bins : 10;
    const lane = (observed: Observed) =>
      predicted(observed as Extract<Observed, { kind: "predictions" }>, unit, chosen, bins);
    return { control: lane(control), candidate: lane(candidate) };
  }
  const before = tally(control, unit, chosen);
  const after = tally(candidate, unit, chosen);
  if (metric.kind === "drift") return drifted(control, candidate, before, after, chosen);
  const lane = (observed: Categories, own: Tally): Values => {
    const found = metric.kind === "distinct-share" ? distinctShare(own, metric) : entropy(own);
    return "status" in found ? withoutValue(observed, found.reason) : summed(observed, chosen, found);
  };
  return { control: lane(control, before), candidate: lane(candidate, after) };
}

/** The outcomes of a metric over the chosen sessions alone: a composition of these, which is no sum of what it is of all. */
export function recomposed(own: MetricOutcomes, chosen: readonly number[], unit: Int32Array): MetricOutcomes {
  const { metric, control, candidate } = own;
  if (!isComposition(metric) || control.kind !== "sums" || candidate.kind !== "sums") return own;
  if (!control.composition || !candidate.composition) return own;
  return { metric, ...composed(metric, control.composition.observed, candidate.composition.observed, unit, chosen) };
}

type Categories = Extract<Observed, { kind: "categories" }>;

function drifted(
  control: Categories,
  candidate: Categories,
  before: Tally,
  after: Tally,
  chosen: readonly number[],
): LaneValues {
  const drift = compositionDrift(before, after);
  const own = (lane: "control" | "candidate", sign: 1 | -1, estimate: number): Linearised => ({
    estimate,
    influence: drift[lane].influence.map((influence) => sign * influence),
    curvature: drift[lane].curvature,
  });
  const undetermined = after.total === 0 ? "the candidate shows nothing" : "the control shows nothing to drift from";
  if (before.total === 0 || after.total === 0)
    return { control: withoutValue(control, undetermined), candidate: withoutValue(candidate, undetermined) };
  return {
    control: summed(control, chosen, own("control", -1, 0), drift.direction),
    candidate: summed(candidate, chosen, own("candidate", 1, drift.estimate)),
  };
}

function summed(
  observed: Categories,
  chosen: readonly number[],
  { estimate, influence, curvature }: Linearised,
  direction: Float64Array | null = null,
): Values {
  const n = observed.offsets.length - 1;
  const towards = direction && new Float64Array(n);
  const influences = new Float64Array(n);
  for (const i of chosen) {
    for (let k = observed.offsets[i] as number; k < (observed.offsets[i + 1] as number); k++) {
      const code = observed.codes[k] as number;
      influences[i] = (influences[i] as number) + (influence[code] as number);
      if (towards && direction) towards[i] = (towards[i] as number) + (direction[code] as number);
    }
  }
  return sums(observed, chosen, estimate, influences, { observed, undetermined: null, curvature, direction: towards });
}

function predicted(
  observed: Extract<Observed, { kind: "predictions" }>,
  unit: Int32Array,
  chosen: readonly number[],
  bins: number,
): Values {
  const { estimate, influence, curvature, direction } = calibrationError(observed, unit, chosen, { bins });
  return sums(observed, chosen, estimate, influence, { observed, undetermined: null, curvature, direction });
}

/** value · showings + influence over showings, of the chosen sessions that showed something. */
function sums(
  observed: Observed,
  chosen: readonly number[],
  estimate: number,
  influence: Float64Array,
  composition: Composition,
): Values {
  const n = observed.offsets.length - 1;
  const numerator = new Float64Array(n);
  const denominator = new Float64Array(n);
  const missing = new Uint8Array(n).fill(1);
  for (const i of chosen) {
    const showings = (observed.offsets[i + 1] as number) - (observed.offsets[i] as number);
    if (showings === 0) continue;
    numerator[i] = estimate * showings + (influence[i] as number);
    denominator[i] = showings;
    missing[i] = 0;
  }
  return { kind: "sums", numerator, denominator, missing, composition };
}

/** Sums of 0 over 0: what was shown is there, but no value. */
function withoutValue(observed: Categories, reason: string): Values {
  const n = observed.offsets.length - 1;
  return {
    kind: "sums",
    numerator: new Float64Array(n),
    denominator: new Float64Array(n),
    missing: Uint8Array.from({ length: n }, (_, i) => (observed.offsets[i] === observed.offsets[i + 1] ? 1 : 0)),
    composition: { observed, undetermined: reason, curvature: 0, direction: null },
  };
}
