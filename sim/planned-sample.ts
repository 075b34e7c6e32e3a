import { controlledStages, type Plan } from "../plan/plan.ts";
import type { SessionColumns, SimulatedGuardrail } from "./simulation-input.ts";

/**
 * n* of every controlled stage and guardrail: 1 / (1/n₁ + 1/n₀) in units that are mature at the stage's maximum duration, as the
 * log has them when every stage before takes its minimum duration.
 *
 * @param groups who takes part in each controlled stage, null for everyone
 * @returns by controlled stage, then by guardrail; 0 where the log has no mature unit by then
 */
export function plannedSample(
  plan: Plan,
  windowMs: number,
  sessions: SessionColumns,
  guardrails: readonly Pick<SimulatedGuardrail, "maturity" | "mask">[],
  groups: readonly (Uint8Array | null)[],
): number[][] {
  let start = 0;
  return controlledStages(plan).map(({ exposure, minimumMs, maximumMs }, stage) => {
    const end = start + maximumMs / windowMs;
    const units = guardrails.map(({ maturity, mask }) =>
      matureUnits(sessions, maturity, [mask, groups[stage] ?? null], start, end),
    );
    start += Math.ceil(minimumMs / windowMs);
    return units.map((n) => exposure * (1 - exposure) * n);
  });
}

function matureUnits(
  { base, unit, units, windowStart, lags }: SessionColumns,
  maturity: number,
  masks: readonly (Uint8Array | null)[],
  start: number,
  end: number,
): number {
  const { lag, delays } = lags[maturity] as SessionColumns["lags"][number];
  const seen = new Uint8Array(units);
  let count = 0;
  for (let window = start; window < Math.min(end, windowStart.length - 1); window++) {
    for (let i = windowStart[window] as number; i < (windowStart[window + 1] as number); i++) {
      if (window + (delays[lag[i] as number] as number) >= end) continue;
      if (masks.some((mask) => mask !== null && mask[base[i] as number] === 0)) continue;
      const own = unit[i] as number;
      if (seen[own] === 0) count += 1;
      seen[own] = 1;
    }
  }
  return count;
}
