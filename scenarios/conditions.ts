import { bucketCount, hashText, position, type TextHash } from "../plan/assignment.ts";
import type { Plan } from "../plan/plan.ts";
import type { Outcomes, Values } from "../shadow/outcomes.ts";
import { requestsIn, requestsOf, someSessions } from "../shadow/some-sessions.ts";

/** What is unlike the log in the world of a scenario, beside the candidate's outcomes. */
export interface Conditions {
  /** share of the log's units that come */
  readonly traffic?: number;
  /** the values of some metrics become known so much later than the plan expects */
  readonly late?: { readonly metrics: readonly string[]; readonly byMs: number };
  /** share of each arm's sessions that the other arm serves, unknown to the log */
  readonly contamination?: number;
  /** share of the control's sessions that the harm reaches when everyone else is exposed; in proportion before */
  readonly spillover?: number;
  readonly routing?: Routing;
}

/**
 * Who meets the candidate, in place of units that are drawn:
 *
 * - `reused_salt`: first the units that the plan's salt, used before, has always put first
 * - `power_users`: first the units with the most sessions
 * - `per_session`: sessions that are drawn each by itself
 */
export type Routing = "reused_salt" | "power_users" | "per_session";

/**
 * The world of a scenario: the log's outcomes, with the scenario's as those of the candidate, under its conditions.
 *
 * @param candidate the scenario's values, one entry a metric
 * @throws RangeError when nobody comes
 */
export function conditioned(outcomes: Outcomes, candidate: readonly Values[], conditions: Conditions): Outcomes {
  const { traffic, contamination, routing } = conditions;
  let metrics = outcomes.metrics.map((own, m) => ({ ...own, candidate: candidate[m] as Values }));
  if (contamination !== undefined) {
    const swapped = swappedSessions(outcomes, contamination);
    metrics = metrics.map(({ metric, control, candidate: other }) => ({
      metric,
      control: mixed(control, other, swapped),
      candidate: mixed(other, control, swapped),
    }));
  }
  const world = { ...outcomes, metrics };
  const came = traffic === undefined ? world : thinned(world, traffic);
  if (routing !== "per_session") return came;
  return { ...came, unit: Int32Array.from(came.sessions.keys()), unitNames: came.sessions };
}

/** The plan, where values become known later than it expects. */
export function delayed(plan: Plan, { late }: Conditions): Plan {
  if (late === undefined) return plan;
  const guardrails = plan.guardrails.map((own) =>
    late.metrics.includes(own.metric.name)
      ? { ...own, metric: { ...own.metric, matureAfterMs: own.metric.matureAfterMs + late.byMs } }
      : own,
  );
  return { ...plan, guardrails };
}

/**
 * The control's values while a share of the units is exposed, one entry a metric; undefined where they do not depend on it.
 *
 * @param world after {@link conditioned}
 */
export function controlAt(
  { sessions, metrics }: Outcomes,
  { spillover }: Conditions,
): ((exposure: number) => readonly Values[]) | undefined {
  if (spillover === undefined) return undefined;
  const drawn = sessions.map((name) => position(hashText(name), spillSalt));
  return (exposure) => {
    const reached = Uint8Array.from(drawn, (own) => (own < spillover * exposure ? 1 : 0));
    return metrics.map(({ control, candidate }) => mixed(control, candidate, reached));
  };
}

/** The bucket of each unit, where no draw decides. */
export function bucketsOf(
  routing: Exclude<Routing, "per_session">,
  salt: string,
  { unit, unitNames }: Outcomes,
): Uint16Array {
  const hashes = unitNames.map((name) => position(hashText(name), hashText(salt)));
  if (routing === "reused_salt") return Uint16Array.from(hashes, (own) => Math.floor(own * bucketCount));
  const sessions = new Uint32Array(unitNames.length);
  for (const own of unit) sessions[own] = (sessions[own] as number) + 1;
  // of two that are equally busy, the salt's first
  const busiest = Array.from(sessions, (_, u) => u).sort(
    (a, b) => (sessions[b] as number) - (sessions[a] as number) || (hashes[a] as number) - (hashes[b] as number),
  );
  const buckets = new Uint16Array(unitNames.length);
  for (const [rank, u] of busiest.entries()) buckets[u] = Math.floor((rank * bucketCount) / busiest.length);
  return buckets;
}

/** Keep those whom a condition reaches apart from the assignment to arms, and from each other. */
const trafficSalt: TextHash = [0x7feb352d, 0x846ca68b];
const swapSalt: TextHash = [0x94d049bb, 0x133111eb];
const spillSalt: TextHash = [0xbf58476d, 0x1ce4e5b9];

/**
 * The sessions of a share of the units; a larger share has those of a smaller one.
 *
 * @throws RangeError when no unit is among them
 */
function thinned(outcomes: Outcomes, share: number): Outcomes {
  const comes = outcomes.unitNames.map((name) => position(hashText(name), trafficSalt) < share);
  const kept = Int32Array.from(outcomes.sessions.keys()).filter((i) => comes[outcomes.unit[i] as number] === true);
  if (kept.length === 0) throw new RangeError(`none of the log's ${comes.length} units is among the share that comes`);
  return someSessions(outcomes, kept);
}

/** 1 for the sessions that the other arm serves. */
export function swappedSessions({ sessions }: Outcomes, share: number): Uint8Array {
  return Uint8Array.from(sessions, (name) => (position(hashText(name), swapSalt) < share ? 1 : 0));
}

/** The values of one lane, with those of another in the sessions whose mark is 1. */
function mixed(own: Values, other: Values, marks: Uint8Array): Values {
  if (own === other) return own;
  if (own.kind === "sums" && other.kind === "sums") {
    const from = <Column extends Float64Array | Uint8Array>(a: Column, b: Column) =>
      a.map((value, i) => (marks[i] === 1 ? (b[i] as number) : value)) as Column;
    return {
      ...own,
      numerator: from(own.numerator, other.numerator),
      denominator: from(own.denominator, other.denominator),
      missing: from(own.missing, other.missing),
    };
  }
  if (own.kind !== "requests" || other.kind !== "requests") throw new RangeError("values of two kinds are mixed");
  return requestsOf(Array.from(marks, (mark, i) => requestsIn(mark === 1 ? other : own, i)));
}
