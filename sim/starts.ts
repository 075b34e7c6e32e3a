import { controlledStages, type Plan } from "../plan/plan.ts";
import type { Outcomes } from "../shadow/outcomes.ts";
import { firstHourMs } from "./simulation-input.ts";

/**
 * When rollouts start, ms after the log's first hour begins: every so often, as long as a plan of full length ends inside the
 * log. Just 0 when it does not even then.
 */
export function startsOf(outcomes: Outcomes, plan: Plan, everyMs: number): number[] {
  const planMs = controlledStages(plan).reduce((sum, { maximumMs }) => sum + maximumMs, 0);
  const lastMs = outcomes.arrivalMs[outcomes.arrivalMs.length - 1] as number;
  const room = lastMs - firstHourMs(outcomes) - planMs;
  return Array.from({ length: 1 + Math.max(0, Math.floor(room / everyMs)) }, (_, k) => k * everyMs);
}

/** The sessions that arrive from a start on. */
export function sessionsFrom(outcomes: Outcomes, start: number): Int32Array {
  const from = firstHourMs(outcomes) + start;
  return Int32Array.from(outcomes.sessions.keys()).filter((i) => (outcomes.arrivalMs[i] as number) >= from);
}
