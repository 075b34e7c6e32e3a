import { describePlan } from "./describe-plan.ts";
import type { Plan } from "./plan.ts";

/** One fact that two plans do not share. */
export interface PlanChange {
  readonly about: string;
  /** absent where the later plan adds it */
  readonly before?: string;
  /** absent where the later plan has dropped it */
  readonly after?: string;
}

/** What has changed from one plan to another, in the order of the later one; then what it has dropped. */
export function diffPlans(before: Plan, after: Plan): PlanChange[] {
  return diffFacts(describePlan(before), describePlan(after));
}

/** What has changed between facts by what they are about. */
export function diffFacts(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): PlanChange[] {
  const changes: PlanChange[] = [];
  for (const [about, fact] of after) {
    const was = before.get(about);
    if (was === undefined) changes.push({ about, after: fact });
    else if (was !== fact) changes.push({ about, before: was, after: fact });
  }
  for (const [about, fact] of before) if (!after.has(about)) changes.push({ about, before: fact });
  return changes;
}

/** `margin of cost: 20% → 30%` */
export function changeInWords({ about, before, after }: PlanChange): string {
  if (before === undefined) return `${about}: ${after}, new`;
  return after === undefined ? `${about}: no more ${before}` : `${about}: ${before} → ${after}`;
}
