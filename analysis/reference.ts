import { referenceZ } from "../plan/certify.ts";
import type { GuardrailReference, Reference } from "../plan/lock.ts";
import type { Guardrail, Plan } from "../plan/plan.ts";
import type { Outcomes } from "../shadow/outcomes.ts";
import { type Chosen, summarizeArm } from "./arms.ts";
import { sessionsOf } from "./compare.ts";

const dayMs = 86_400_000;

/** What the control was like on recorded traffic, to know later whether a launch still is what was rehearsed. */
export function referenceOf(plan: Plan, outcomes: Outcomes): Reference {
  const { arrivalMs, endMs, unit } = outcomes;
  const from = arrivalMs[0] as number;
  const until = endMs.reduce((latest, own) => Math.max(latest, own), from);
  const seen = new Set<string>();
  for (let i = 0; i < unit.length; i++) seen.add(`${unit[i]}/${Math.floor(((arrivalMs[i] as number) - from) / dayMs)}`);
  return {
    from: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
    units: outcomes.unitNames.length,
    sessions: outcomes.sessions.length,
    unitsPerDay: seen.size / Math.max(1, ((arrivalMs.at(-1) as number) - from) / dayMs),
    guardrails: plan.guardrails.map((guardrail) => guardrailReference(guardrail, outcomes)),
  };
}

function guardrailReference(guardrail: Guardrail, outcomes: Outcomes): GuardrailReference {
  const own = outcomes.metrics.find(({ metric }) => metric.name === guardrail.metric.name);
  if (!own) throw new RangeError(`the outcomes have no metric ${guardrail.metric.name}`);
  const all = guardrail.segment ? sessionsOf(guardrail.segment, outcomes) : outcomes.sessions.map((_, i) => i);
  const units = outcomes.unitNames.length;
  const whole = summarizeArm(guardrail.metric, own.control, all, outcomes.unit, units);
  const bySession = summarizeArm(
    guardrail.metric,
    own.control,
    all,
    Int32Array.from(outcomes.sessions, (_, i) => i),
    outcomes.sessions.length,
  );
  const ranges = piecesOf(outcomes, all).flatMap((chosen) => {
    const { estimate, standardError } = summarizeArm(guardrail.metric, own.control, chosen, outcomes.unit, units);
    return Number.isFinite(standardError)
      ? [[estimate - referenceZ * standardError, estimate + referenceZ * standardError]]
      : [];
  });
  return {
    key: guardrail.key,
    control:
      ranges.length === 0
        ? null
        : {
            low: Math.min(...ranges.map(([low]) => low as number)),
            high: Math.max(...ranges.map(([, high]) => high as number)),
          },
    unitVariance: finite(whole.standardError ** 2 * whole.n),
    designEffect: finite(whole.standardError ** 2 / bySession.standardError ** 2),
  };
}

/** Weeks of a log of at least two, else days of a log of at least two, else the whole. */
function piecesOf({ arrivalMs }: Outcomes, chosen: Chosen): Chosen[] {
  const from = arrivalMs[0] as number;
  const span = (arrivalMs.at(-1) as number) - from;
  const length = span >= 14 * dayMs ? 7 * dayMs : span >= 2 * dayMs ? dayMs : Number.POSITIVE_INFINITY;
  const pieces = new Map<number, number[]>();
  for (const i of chosen) {
    const piece = Math.floor(((arrivalMs[i] as number) - from) / length);
    const own = pieces.get(piece) ?? [];
    own.push(i);
    pieces.set(piece, own);
  }
  return [...pieces.values()];
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
