import { asymptoticBoundary } from "../statistics/anytime/normal-sequential.ts";
import { normalUpperQuantile } from "../statistics/distributions.ts";
import { efficacyBounds } from "../statistics/sequential/group-sequential.ts";
import type { Spending } from "../statistics/sequential/spending.ts";
import { firstFrom } from "../statistics/sorted.ts";
import { type ControlledStage, controlledStages, type Guardrail, looksOf, type Plan } from "./plan.ts";

/** z-boundaries of one guardrail at one look; Infinity where nothing can be decided yet. */
export interface Boundaries {
  readonly rollback: number;
  readonly pass: number;
}

/** The error that a guardrail may make in a stage, as fractions. */
export interface Levels {
  /** rolling back although nothing changed */
  readonly rollback: number;
  /** passing although harm sits at the margin */
  readonly pass: number;
}

/**
 * The levels of a guardrail in a stage. Rolling back: α, shared over guardrails and controlled stages by their weights.
 * Passing: β in the last controlled stage and the leak before it, not shared, since every guardrail must pass.
 *
 * @param stage index among the controlled stages
 */
export function levelsOf(plan: Plan, stage: number, guardrail: Guardrail): Levels {
  const stages = controlledStages(plan);
  const total = (weights: readonly { readonly weight: number }[]) =>
    weights.reduce((sum, { weight }) => sum + weight, 0);
  const own = stages[stage] as ControlledStage;
  const share = (guardrail.weight / total(plan.guardrails)) * (own.weight / total(stages));
  return {
    rollback: plan.budgets.falseRollback * share,
    pass: stage === stages.length - 1 ? plan.budgets.missedRegression : plan.rule.leak,
  };
}

/**
 * The z-boundaries of a guardrail at a time of a stage.
 *
 * - `point` has none: it compares the estimate with the margin.
 * - `fixed`: the same at every time, uncorrected for the number of looks.
 * - `sequential`: group-sequential, exact on the planned looks, from the guardrail's spending function; between their times by
 *   interpolation of b·√t, before the first of them b·√t stays. Passing spends on the looks from the minimum duration on.
 * - `always-valid`: a confidence sequence at the same level, tightest at time 1.
 * - `calibrated`: max(0, κ·`sequential`).
 *
 * @param stage     index among the controlled stages
 * @param guardrail index among the guardrails
 * @param time      share of the planned sample; above 1 matters to `always-valid` only
 *
 * Sources: Lan & DeMets (1983); Waudby-Smith et al. (2024), arXiv 2103.06476v7, eq. 134.
 */
export function boundariesAt(plan: Plan, stage: number, guardrail: number, time: number): Boundaries {
  const { rollback, pass } = curvesOf(plan, stage, guardrail);
  return { rollback: rollback(time), pass: pass(time) };
}

/** A boundary by the time of a look. */
export type Curve = (time: number) => number;
export interface Curves {
  readonly rollback: Curve;
  readonly pass: Curve;
  /** all boundaries of rolling back are above it, or 0 */
  readonly leastRollback: number;
}

/** Exact boundaries cost milliseconds and depend on the plan alone. */
const known = new WeakMap<Plan, Map<string, Curves>>();

/** The boundaries of a guardrail in a stage, drawn once; {@link boundariesAt} asks for one time. */
export function curvesOf(plan: Plan, stage: number, guardrail: number): Curves {
  const curves = known.get(plan) ?? new Map<string, Curves>();
  known.set(plan, curves);
  const key = `${stage}/${guardrail}`;
  const found = curves.get(key) ?? drawCurves(plan, stage, guardrail);
  curves.set(key, found);
  return found;
}

function drawCurves(plan: Plan, stageIndex: number, guardrailIndex: number): Curves {
  const guardrail = plan.guardrails[guardrailIndex] as Guardrail;
  const stage = controlledStages(plan)[stageIndex] as ControlledStage;
  const levels = levelsOf(plan, stageIndex, guardrail);
  if (plan.rule.evidence === "always-valid") {
    const curve =
      (level: number): Curve =>
      (time) =>
        asymptoticBoundary(time, level);
    return { rollback: curve(levels.rollback), pass: curve(levels.pass), leastRollback: 0 };
  }
  if (plan.rule.evidence !== "sequential" && plan.rule.evidence !== "calibrated") {
    const bound = (level: number) => (plan.rule.evidence === "fixed" ? normalUpperQuantile(level) : 0);
    const rollback = bound(levels.rollback);
    const leastRollback = rollback - rounding * Math.abs(rollback);
    return { rollback: constant(rollback), pass: constant(bound(levels.pass)), leastRollback };
  }
  const times = lookTimes(stage);
  const promotable = times.filter((time) => time * stage.maximumMs >= stage.minimumMs * (1 - 1e-12));
  const factors =
    plan.rule.evidence === "calibrated" ? plan.calibration?.factors?.[stageIndex]?.[guardrailIndex] : undefined;
  const rollback = sequential(guardrail.spending, levels.rollback, times);
  const pass = sequential(guardrail.spending, levels.pass, promotable);
  return {
    rollback: scaled(rollback.curve, factors?.rollback),
    pass: scaled(pass.curve, factors?.pass),
    leastRollback: scaled(constant(rollback.least), factors?.rollback)(1),
  };
}

/** Times of the planned looks under even traffic, rising to 1. */
function lookTimes(stage: ControlledStage): number[] {
  const looks = looksOf(stage);
  return Array.from({ length: looks }, (_, k) => Math.min(1, ((k + 1) * stage.lookEveryMs) / stage.maximumMs));
}

/** Share by which a least bound is below what it bounds. */
const rounding = 1e-9;

function constant(boundary: number): Curve {
  return () => boundary;
}

function scaled(curve: Curve, factor = 1): Curve {
  return (time) => Math.max(0, factor * curve(time));
}

/** Boundaries that several guardrails of a plan share are drawn once. */
const drawn = new Map<string, readonly number[]>();
const mostDrawn = 500;

function sequential(
  spending: Spending,
  error: number,
  times: readonly number[],
): { readonly curve: Curve; readonly least: number } {
  const key = JSON.stringify([spending, error, times.length, times[0], times[1]]);
  const bounds = drawn.get(key) ?? efficacyBounds({ information: times, error, spending }).upper;
  if (!drawn.has(key) && drawn.size >= mostDrawn) drawn.clear();
  drawn.set(key, bounds);
  const scores = bounds.map((bound, k) => bound * Math.sqrt(times[k] as number));
  const curve: Curve = (time) => {
    if (!(time > 0)) return Number.POSITIVE_INFINITY;
    const after = firstFrom(times, time * (1 - 1e-12));
    if (after === times.length) return bounds.at(-1) as number;
    if (after === 0) return (scores[0] as number) / Math.sqrt(time);
    const [t0, t1] = [times[after - 1] as number, times[after] as number];
    const part = Math.min(1, (time - t0) / (t1 - t0));
    const [s0, s1] = [scores[after - 1] as number, scores[after] as number];
    // nothing is spent at the earlier look: 0 · ∞ has no value
    const score = part === 1 || s0 === s1 ? s1 : s0 + part * (s1 - s0);
    return score / Math.sqrt(Math.min(1, time));
  };
  // from one time to the next b·√t is between theirs, and √t at most the later's
  const lowest = bounds.map((bound, k) => Math.min(bound, (scores[k - 1] ?? bound) / Math.sqrt(times[k] as number)));
  return { curve, least: Math.min(...lowest) * (1 - rounding) };
}
