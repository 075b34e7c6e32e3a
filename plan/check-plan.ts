import { checkErrorRates } from "./checks/error-rates.ts";
import { checkExposure } from "./checks/exposure.ts";
import { checkLooks } from "./checks/looks.ts";
import { checkMargins } from "./checks/margins.ts";
import { checkMetrics } from "./checks/metrics.ts";
import { checkPeople } from "./checks/people.ts";
import { checkSamples, withoutValue } from "./checks/samples.ts";
import { checkTiming } from "./checks/timing.ts";
import type { Finding, NotChecked, PlanFacts } from "./finding.ts";
import { listInWords } from "./in-words.ts";
import type { Plan } from "./plan.ts";

/**
 * What a sceptical reviewer would ask about a plan that `parsePlan` accepts, answered from the plan and the recorded traffic.
 *
 * A check whose facts are not known finds nothing: {@link notChecked} names it. The figures are exact for normal estimates, the
 * plan's own boundaries and traffic that comes as it was recorded; several guardrails are taken together by Bonferroni's
 * bound, and what is said of power is an upper bound. A simulation has no such assumptions, and the last word.
 *
 * @returns errors first
 */
export function checkPlan(plan: Plan, facts: PlanFacts): readonly Finding[] {
  const findings = [
    ...checkPeople(plan),
    ...checkExposure(plan, facts),
    ...checkMetrics(plan, facts),
    ...checkMargins(plan, facts),
    ...checkErrorRates(plan, facts),
    ...checkTiming(plan, facts),
    ...checkLooks(plan, facts),
    ...checkSamples(plan, facts),
  ];
  return [...findings.filter(isError), ...findings.filter((own) => !isError(own))];
}

/** What {@link checkPlan} could not look at. */
export function notChecked(plan: Plan, facts: PlanFacts): readonly NotChecked[] {
  const found: NotChecked[] = [];
  if (!facts.traffic || !facts.baselines) {
    found.push({
      what: "samples, power, durations and looks against the recorded traffic",
      why: "no run of these inputs is measured yet; measure one first: foretaste compare",
    });
  }
  const waiting = (facts.waitingForLabels ?? []).filter((name) =>
    plan.guardrails.some(({ metric }) => metric.name === name),
  );
  if (waiting.length > 0) {
    found.push({
      what: `when ${listInWords(waiting)} ${waiting.length === 1 ? "is" : "are"} known`,
      why: "only the labels of a replayed log tell; replay it first: foretaste compare",
    });
  }
  if (plan.assignBy === "session" && facts.hasUsers && facts.traffic && facts.traffic.sessionsPerUser === undefined) {
    found.push({ what: "how many sessions a user has", why: "a run whose plan assigns by session keeps no users" });
  }
  const unread = withoutValue(plan, facts);
  if (unread.length > 0) {
    found.push({
      what: `the sample of ${listInWords(unread)}`,
      why: "control has no value with an error on the recorded traffic",
    });
  }
  return found;
}

function isError({ severity }: Finding): boolean {
  return severity === "error";
}
