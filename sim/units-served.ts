import { bucketCount } from "../plan/assignment.ts";
import { controlledStages } from "../plan/plan.ts";
import type { SimulationInput } from "./simulation-input.ts";

/**
 * The units that the candidate serves at least once where the order of exposure is fixed, of the log's own population.
 *
 * @param starts windows in which the stages start
 * @param end    window before which the rollout ends
 */
export function unitsServed(
  { plan, sessions, groups, stageGroups }: SimulationInput,
  buckets: Uint16Array,
  starts: readonly number[],
  end: number,
): number {
  const stages = controlledStages(plan);
  const served = new Uint8Array(sessions.units);
  let count = 0;
  for (const [stage, start] of starts.entries()) {
    const exposed = Math.round((stages[stage] as { readonly exposure: number }).exposure * bucketCount);
    const group = groups[stageGroups[stage] as number] ?? null;
    const last = sessions.windowStart[starts[stage + 1] ?? end] as number;
    for (let i = sessions.windowStart[start] as number; i < last; i++) {
      const unit = sessions.unit[i] as number;
      if (served[unit] === 1 || (buckets[unit] as number) >= exposed) continue;
      if (group !== null && group[sessions.base[i] as number] === 0) continue;
      served[unit] = 1;
      count += 1;
    }
  }
  return count;
}
