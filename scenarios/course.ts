/**
 * How a harm goes on from the rollout's start: the share of sessions that it reaches.
 *
 * - `fades`: all at first, half of them after each half-life
 * - `grows`: none at first, all after a time, evenly more in between
 * - `begins`: none before a time, all from then on
 */
export type Course =
  | { readonly kind: "fades"; readonly halfLifeMs: number }
  | { readonly kind: "grows"; readonly overMs: number }
  | { readonly kind: "begins"; readonly afterMs: number };

/** The share of sessions that a harm reaches, so long after the rollout's start. */
export function shareHarmed(course: Course, elapsedMs: number): number {
  if (course.kind === "fades") return 0.5 ** (elapsedMs / course.halfLifeMs);
  if (course.kind === "grows") return Math.min(1, elapsedMs / course.overMs);
  return elapsedMs >= course.afterMs ? 1 : 0;
}
