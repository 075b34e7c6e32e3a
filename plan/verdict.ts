/** How things stand at a look, asked for one by one: most looks are decided by a few answers. */
export interface Standing {
  /** of guardrails */
  readonly guardrails: number;
  isTrusted(): boolean;
  /** harm of a guardrail is shown, on enough units for a rollback */
  isHarmful(guardrail: number): boolean;
  /** harm of a guardrail is shown to be inside its margin */
  passes(guardrail: number): boolean;
  /** minimum duration and sample are reached, and the plan covers what is seen */
  mayPromote(): boolean;
}

/** Index of the guardrail that rolls back, or one of these. */
export const promote = -1;
export const hold = -2;

/**
 * THE rule's order: trust, harm, promotion, else hold. A timeout is not asked here.
 *
 * @returns {@link promote}, {@link hold}, or the index of the first guardrail that rolls back
 */
export function verdictOf(standing: Standing): number {
  if (!standing.isTrusted()) return hold;
  for (let g = 0; g < standing.guardrails; g++) {
    if (standing.isHarmful(g) && !standing.passes(g)) return g;
  }
  if (!standing.mayPromote()) return hold;
  for (let g = 0; g < standing.guardrails; g++) if (!standing.passes(g)) return hold;
  return promote;
}
