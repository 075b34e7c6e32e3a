import { type Margin, parseMargin } from "./margin.ts";
import type { Metric } from "./metric.ts";

/** What a plan may refer to. */
export interface PlanContext {
  readonly metrics: readonly Metric[];
  readonly attributes: readonly string[];
}

/** Notes what is wrong at a path of the plan. */
export type Complain = (path: readonly PropertyKey[], problem: string, wayOut: string) => void;

/** A margin as written, or a complaint. */
export function marginOf(
  written: string,
  metric: Metric,
  at: readonly PropertyKey[],
  complain: Complain,
): Margin | undefined {
  const margin = parseMargin(written, metric);
  if (!("problem" in margin)) return margin;
  complain(at, margin.problem, margin.wayOut);
  return undefined;
}
