import { normalUpperQuantile } from "../statistics/distributions.ts";
import type { Look } from "./decide.ts";
import type { Reference } from "./lock.ts";
import { controlledStages, type Plan } from "./plan.ts";

/** What is looked at is a control that has drifted, not one that a good week has moved: one look in a thousand by chance. */
export const referenceZ = normalUpperQuantile(0.0005);

const trafficRange = { least: 0.5, most: 2 };
const dayMs = 86_400_000;

/**
 * Why a frozen plan does not cover what a look sees: a control outside the ranges of the recorded traffic by more than its own
 * error, or less than half or more than twice the traffic. Traffic is compared from a whole day on, and at the last look.
 *
 * @returns undefined when it does
 */
export function uncertified(plan: Plan, reference: Reference, look: Omit<Look, "uncertified">): string | undefined {
  const reasons = plan.guardrails.flatMap(({ key }, g) => {
    const range = reference.guardrails.find((own) => own.key === key)?.control;
    const control = look.metrics[g]?.control;
    if (!range || !control || !Number.isFinite(control.standardError)) return [];
    const error = referenceZ * control.standardError;
    const outside = control.estimate + error < range.low || control.estimate - error > range.high;
    return outside
      ? [
          `control's ${key} is ${digits(control.estimate)}, in the recorded traffic ${digits(range.low)} to ${digits(range.high)}`,
        ]
      : [];
  });
  const traffic = trafficShare(plan, look);
  if (traffic !== undefined && (traffic < trafficRange.least || traffic > trafficRange.most)) {
    reasons.push(`traffic is ${digits(traffic)} times the planned one`);
  }
  return reasons.length === 0 ? undefined : reasons.join("; ");
}

/** Units against those planned by now, as if they arrived evenly. */
function trafficShare(plan: Plan, { stage, elapsedMs, last, metrics }: Omit<Look, "uncertified">): number | undefined {
  const own = controlledStages(plan)[stage];
  if (!own || (elapsedMs < dayMs && !last)) return undefined;
  const shares = metrics.flatMap(({ units }, g) => {
    const planned = plan.calibration?.plannedSample[stage]?.[g] ?? 0;
    if (!(planned > 0) || plan.guardrails[g]?.segment) return [];
    const whole = planned / (own.exposure * (1 - own.exposure));
    return [(units.control + units.candidate) / (whole * Math.min(1, elapsedMs / own.maximumMs))];
  });
  // the metric that matures first has nearly all units
  return shares.length === 0 ? undefined : Math.max(...shares);
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
