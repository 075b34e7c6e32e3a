import { type Estimate, type TestResult, type Undetermined, undetermined } from "../estimate.ts";
import { requireLevel } from "../requirements.ts";
import { ratioContrast } from "./fieller.ts";
import {
  type ArmEstimate,
  compareMeans,
  type Difference,
  differenceTest,
  type MeansMethod,
  meansTest,
  whyIncomparable,
} from "./means.ts";
import { onScale } from "./ratio.ts";

export type Better = "higher" | "lower";

/**
 * The largest loss still accepted, never signed. `absolute`: in the metric's unit. `relative`: the candidate may reach
 * control × factor, above 1 where lower is better and below 1 where higher is; {@link shareMargin} makes one of a share.
 */
export type Margin =
  | { readonly kind: "absolute"; readonly loss: number }
  | { readonly kind: "relative"; readonly factor: number };

/**
 * The margin of a loss that is a share of the control's value, .2 for 20 %.
 *
 * @throws RangeError when the share is not above 0, or not below 1 where higher is better
 */
export function shareMargin(share: number, better: Better): Margin {
  if (!(share > 0 && (better === "lower" ? share < Number.POSITIVE_INFINITY : share < 1))) {
    throw new RangeError(`shareMargin needs a share above 0${better === "higher" ? " and below 1" : ""}, got ${share}`);
  }
  return { kind: "relative", factor: better === "lower" ? 1 + share : 1 - share };
}

/**
 * Where harm is measured against a relative margin. `contrast`: candidate − factor · control, without dividing by the
 * control, exact for normal arms. `share`: as a share of the control, by the delta method. `log`: ln(candidate / control).
 */
export type HarmScale = "contrast" | "share" | "log";

/** How much worse the candidate is, and where its margin lies, on one scale: a test of the margin is one z or t. */
export interface Harm {
  readonly status: "ok";
  /** positive when the candidate is worse */
  readonly harm: number;
  /** harm at the margin: positive, but 0 on the scale `contrast`, where harm is what goes beyond the margin */
  readonly margin: number;
  readonly standardError: number;
  readonly degreesOfFreedom: number;
}

/**
 * Harm of the candidate on the scale of its margin, with the standard error on that scale.
 *
 * For rare proportions take the score test under the margin instead: both errors here are those of the estimates.
 *
 * @param scale of a relative margin; an absolute one is always in the metric's unit
 * @returns undetermined below two units in an arm, without a finite estimate and error, for a share of a control that is
 *   not above zero (of a negative one it bounds nothing; of zero only `contrast` says anything), and on the scale `log` when
 *   the candidate is not above zero
 * @throws RangeError when the margin allows no loss or any loss
 *
 * Sources: Laster & Johnson (2003), Stat. Med. 22:187–200, eq. 3, for the contrast; delta method for the others.
 */
export function harmOf(
  control: ArmEstimate,
  candidate: ArmEstimate,
  {
    margin,
    better,
    scale = "contrast",
  }: { readonly margin: Margin; readonly better: Better; readonly scale?: HarmScale },
): Harm | Undetermined {
  requireMargin(margin, better);
  const why = whyNoHarm(control, candidate, margin, scale);
  if (why !== null) return undetermined(why);
  const sign = better === "lower" ? 1 : -1;
  const on = ({ difference, standardError, degreesOfFreedom }: Difference, at: number): Harm => ({
    status: "ok",
    harm: difference === 0 ? 0 : sign * difference,
    margin: at === 0 ? 0 : sign * at,
    standardError,
    degreesOfFreedom,
  });
  if (margin.kind === "absolute") return on(compareMeans(control, candidate), sign * margin.loss);
  if (scale === "contrast") return on(ratioContrast(control, candidate, margin.factor), 0);
  return scale === "share"
    ? on(onScale(control, candidate, "delta"), margin.factor - 1)
    : on(onScale(control, candidate, "log"), Math.log(margin.factor));
}

/**
 * Test of harm at its margin: `less` is the p-value of non-inferiority (harm is inside the margin), `greater` that of harm
 * beyond it.
 *
 * @returns undetermined with the harm, and when nothing varies
 */
export function marginTest(harm: Harm | Undetermined): TestResult {
  return harm.status === "ok" ? differenceTest({ ...harm, difference: harm.harm }, harm.margin) : harm;
}

/** What an interval says about a margin. */
export type IntervalReading =
  | {
      readonly status: "ok";
      /**
       * `superior`: all of the interval is better than control. `noninferior`: all of it is inside the margin.
       * `inferior`: all of it is beyond. `inconclusive`: the margin is in it.
       */
      readonly verdict: "superior" | "noninferior" | "inferior" | "inconclusive";
      /** all of the interval is worse than control: with `noninferior` a real harm that is accepted */
      readonly harmShown: boolean;
      /** the estimate as harm, positive when the candidate is worse */
      readonly harm: { readonly value: number; readonly low: number; readonly high: number };
    }
  | Undetermined;

/**
 * Reads the interval of an effect against a margin: by where its ends lie, an end on the margin being inconclusive.
 *
 * At a two-sided level of .95 each verdict is wrong with probability at most 2.5 %. Reading superiority after
 * non-inferiority costs nothing more (they are nested); choosing the margin after the data does.
 *
 * @param effect of the candidate against control: a difference, a lift or a ratio
 * @param margin largest accepted loss on the effect's own scale, unsigned; for a ratio the loss in the ratio itself (.2
 *   accepts 1.2 where lower is better, .8 where higher is)
 * @param none   the effect of a candidate that equals control: 0, or 1 for a ratio
 * @throws RangeError when the margin is not above 0
 *
 * Source: CONSORT extension for non-inferiority, Piaggio et al. (2012), JAMA 308:2594–2604, figure 1.
 */
export function readInterval(
  effect: Estimate,
  { margin, better, none = 0 }: { readonly margin: number; readonly better: Better; readonly none?: number },
): IntervalReading {
  if (!(margin > 0 && margin < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`readInterval needs a finite margin above 0, got ${margin}`);
  }
  if (effect.status === "undetermined") return effect;
  if (![effect.value, effect.low, effect.high].every((end) => !Number.isNaN(end))) {
    return undetermined("the interval is not a number");
  }
  const worse = (value: number) => (better === "lower" ? value - none : none - value);
  const [low, high] = better === "lower" ? [effect.low, effect.high] : [effect.high, effect.low];
  const harm = { value: worse(effect.value), low: worse(low), high: worse(high) };
  const verdict =
    harm.high < 0 ? "superior" : harm.high < margin ? "noninferior" : harm.low > margin ? "inferior" : "inconclusive";
  return { status: "ok", verdict, harmShown: harm.low > 0, harm };
}

/** Largest differences candidate − control that still count as the same, both above 0. */
export interface EquivalenceMargins {
  readonly below: number;
  readonly above: number;
}

/**
 * Reads an interval against equivalence margins: `equivalent` when all of it is inside, `different` when all of it is
 * outside.
 *
 * The interval at level 1 − 2α is the two one-sided tests at α: 90 % for a test at 5 %.
 *
 * @throws RangeError when a margin is not above 0
 *
 * Source: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15:657–680.
 */
export function readEquivalence(
  effect: Estimate,
  margins: EquivalenceMargins,
): { readonly status: "ok"; readonly verdict: "equivalent" | "different" | "inconclusive" } | Undetermined {
  requireEquivalence("readEquivalence", margins);
  if (effect.status === "undetermined") return effect;
  if (Number.isNaN(effect.low) || Number.isNaN(effect.high)) return undetermined("the interval is not a number");
  const verdict =
    effect.low > -margins.below && effect.high < margins.above
      ? "equivalent"
      : effect.low > margins.above || effect.high < -margins.below
        ? "different"
        : "inconclusive";
  return { status: "ok", verdict };
}

/** The level of the interval that {@link readEquivalence} needs for two one-sided tests at `alpha`: 1 − 2α. */
export function equivalenceLevel(alpha: number): number {
  const level = 1 - 2 * alpha;
  requireLevel("equivalenceLevel", level);
  return level;
}

/** Both one-sided tests of equivalence, and the larger p-value, which is that of the whole. */
export type EquivalenceTest =
  | {
      readonly status: "ok";
      /** p-value of the difference being above −below */
      readonly aboveLower: number;
      /** p-value of the difference being below `above` */
      readonly belowUpper: number;
      readonly pValue: number;
    }
  | Undetermined;

/**
 * Two one-sided tests that the candidate's mean equals the control's within margins.
 *
 * At small samples the level is below α, and no sample shows equivalence whose interval is wider than the margins.
 *
 * @returns undetermined as `meansTest`
 * @throws RangeError when a margin is not above 0
 *
 * Source: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15:657–680.
 */
export function equivalenceTest(
  control: ArmEstimate,
  candidate: ArmEstimate,
  { below, above, method = "welch" }: EquivalenceMargins & { readonly method?: MeansMethod },
): EquivalenceTest {
  requireEquivalence("equivalenceTest", { below, above });
  const lower = meansTest(control, candidate, { difference: -below, method });
  const upper = meansTest(control, candidate, { difference: above, method });
  if (lower.status === "undetermined") return lower;
  if (upper.status === "undetermined") return upper;
  const [aboveLower, belowUpper] = [lower.greater, upper.less];
  return { status: "ok", aboveLower, belowUpper, pValue: Math.max(aboveLower, belowUpper) };
}

function whyNoHarm(control: ArmEstimate, candidate: ArmEstimate, margin: Margin, scale: HarmScale): string | null {
  const why = whyIncomparable(control, candidate);
  if (why !== null) return why;
  if (margin.kind === "absolute") return null;
  if (control.estimate < 0) return "a share of a negative control bounds nothing";
  if (control.estimate === 0 && scale !== "contrast") return "control is zero";
  if (candidate.estimate <= 0 && scale === "log") return `candidate is ${candidate.estimate}`;
  return null;
}

function requireMargin(margin: Margin, better: Better): void {
  if (margin.kind === "absolute") {
    if (!(margin.loss > 0 && Number.isFinite(margin.loss))) {
      throw new RangeError(`harmOf needs a finite loss above 0, got ${margin.loss}`);
    }
  } else if (
    !(better === "lower" ? margin.factor > 1 && Number.isFinite(margin.factor) : margin.factor > 0 && margin.factor < 1)
  ) {
    const range = better === "lower" ? "above 1 where lower is better" : "in (0, 1) where higher is better";
    throw new RangeError(`harmOf needs a factor ${range}, got ${margin.factor}`);
  }
}

function requireEquivalence(name: string, { below, above }: EquivalenceMargins): void {
  if (!(below > 0 && above > 0)) throw new RangeError(`${name} needs margins above 0, got ${below} and ${above}`);
}
