import { bucketCount } from "../plan/assignment.ts";
import { controlledStages } from "../plan/plan.ts";
import type { Values } from "../shadow/outcomes.ts";
import { requestsIn } from "../shadow/some-sessions.ts";
import type { Rollout } from "./rollout.ts";
import type { SimulatedGuardrail, SimulationInput, World } from "./simulation-input.ts";

/** What a rollout does to the log's sessions until it ends: the mean over who is exposed, given its course. */
export interface Toll {
  /** sessions that the candidate serves with a worse value in some guardrail than the control's */
  readonly sessionsHarmed: number;
  /**
   * By guardrail: what the sums of its metric lose in the direction of harm, over the sessions that the candidate serves: successes,
   * dollars, failed calls. NaN for a quantile and for a composition, which are no sums.
   */
  readonly losses: readonly number[];
}

/** The tolls of the rollouts of a scenario. */
export function tollOf(input: SimulationInput, scenario: number): (rollout: Rollout) => Toll {
  const stages = controlledStages(input.plan);
  const figures = input.guardrails.length + 1;
  // sums over the windows before, by stage, window and figure
  const before = stages.map((_, stage) => servedBefore(input, scenario, stage));
  return ({ starts, windows }) => {
    const sums = new Array<number>(figures).fill(0);
    for (const [stage, start] of starts.entries()) {
      const end = starts[stage + 1] ?? windows;
      const own = before[stage] as Float64Array;
      for (let f = 0; f < figures; f++) {
        sums[f] = (sums[f] as number) + (own[end * figures + f] as number) - (own[start * figures + f] as number);
      }
    }
    const [sessionsHarmed, ...losses] = sums as [number, ...number[]];
    return { sessionsHarmed, losses };
  };
}

function servedBefore(input: SimulationInput, scenario: number, stage: number): Float64Array {
  const { guardrails, sessions, planWindows, groups, stageGroups, chance } = input;
  const { fromStage, shares } = input.worlds[scenario] as World;
  const figures = guardrails.length + 1;
  const before = new Float64Array((planWindows + 1) * figures);
  const changed = guardrails.map(({ control, candidates }) => candidates[scenario] !== control);
  const group = groups[stageGroups[stage] as number] ?? null;
  const exposure = (controlledStages(input.plan)[stage] as { readonly exposure: number }).exposure;
  const isThere = stage >= fromStage;
  const losses = new Float64Array(guardrails.length);
  for (let window = 0; window < planWindows; window++) {
    const [from, at] = [window * figures, (window + 1) * figures];
    for (let f = 0; f < figures; f++) before[at + f] = before[from + f] as number;
    if (!isThere || !changed.includes(true)) continue;
    const reached = shares?.[window] ?? 1;
    for (let i = sessions.windowStart[window] as number; i < (sessions.windowStart[window + 1] as number); i++) {
      const session = sessions.base[i] as number;
      if (group !== null && group[session] === 0) continue;
      if (reached < 1 && (chance?.[session] ?? 0) >= reached) continue;
      const isSwapped = sessions.swapped?.[session] === 1;
      const own = servedShare(sessions.buckets, sessions.unit[i] as number, exposure);
      const served = isSwapped ? 1 - own : own;
      if (served === 0) continue;
      let harmed = false;
      for (const [g, guardrail] of guardrails.entries()) {
        losses[g] = 0;
        if (!changed[g] || (guardrail.mask !== null && guardrail.mask[session] === 0)) continue;
        const candidate = guardrail.candidates[scenario] as Values;
        const found = isSwapped
          ? lossIn(guardrail, candidate, guardrail.control, session)
          : lossIn(guardrail, guardrail.control, candidate, session);
        losses[g] = found.loss;
        harmed ||= found.isWorse;
      }
      before[at] = (before[at] as number) + (harmed ? served : 0);
      for (let g = 0; g < losses.length; g++) {
        before[at + 1 + g] = (before[at + 1 + g] as number) + served * (losses[g] as number);
      }
    }
  }
  return before;
}

/** How surely the candidate serves a unit. */
function servedShare(buckets: Uint16Array | null, unit: number, exposure: number): number {
  if (buckets === null) return exposure;
  return (buckets[unit] as number) < Math.round(exposure * bucketCount) ? 1 : 0;
}

/** What a session loses under the candidate, and whether its own value is worse. */
function lossIn(
  { guardrail: { metric }, kind }: SimulatedGuardrail,
  control: Values,
  candidate: Values,
  i: number,
): { readonly loss: number; readonly isWorse: boolean } {
  const sign = metric.better === "lower" ? 1 : -1;
  if (control.kind === "sums" && candidate.kind === "sums") {
    const [a, b] = [control.numerator[i] as number, candidate.numerator[i] as number];
    const [m, n] = [control.denominator[i] as number, candidate.denominator[i] as number];
    const isWorse = m > 0 && n > 0 && sign * (b / n - a / m) > 0;
    return { loss: isSum(metric.kind, kind) ? sign * (b - a) : Number.NaN, isWorse };
  }
  if (control.kind !== "requests" || candidate.kind !== "requests") return { loss: Number.NaN, isWorse: false };
  return { loss: Number.NaN, isWorse: sign * (meanOf(candidate, i) - meanOf(control, i)) > 0 };
}

/** A composition is kept as sums, and is none. */
function isSum(metric: string, kind: SimulatedGuardrail["kind"]): boolean {
  return kind === "session" || (kind === "ratio" && metric === "ratio");
}

function meanOf(values: Extract<Values, { kind: "requests" }>, i: number): number {
  const own = requestsIn(values, i);
  return own.reduce((sum, value) => sum + value, 0) / own.length;
}
