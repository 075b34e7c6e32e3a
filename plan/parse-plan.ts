import type { Spending } from "../statistics/sequential/spending.ts";
import { allComplaints, checkDocument, didYouMean, type SourceDocument } from "./document.ts";
import { InputError } from "./input-error.ts";
import type { Margin } from "./margin.ts";
import { failureRate, type MetricKind } from "./metric.ts";
import { parseStages } from "./parse-stages.ts";
import { controlledStages, type Guardrail, type Plan, type Segment } from "./plan.ts";
import { type Complain, marginOf, type PlanContext } from "./plan-context.ts";
import { planSchema, type WrittenPlan, type WrittenSpending } from "./plan-schema.ts";

/**
 * The plan of a document, with margins and segments resolved; `failure_rate` is guarded at 1pp unless it has a margin.
 *
 * @throws InputError with every complaint: place, problem and way out
 */
export function parsePlan(document: SourceDocument, context: PlanContext): Plan {
  const written = checkDocument(document, planSchema);
  const complaints: InputError[] = [];
  const complain: Complain = (path, problem, wayOut) => {
    const complaint = new InputError(document.place(path), problem, wayOut);
    if (!complaints.some(({ message }) => message === complaint.message)) complaints.push(complaint);
  };
  const named = namesOf(written);
  const guardrails = Object.entries({ [failureRate.name]: "1pp", ...written.margins }).flatMap(([key, margin]) =>
    guardrailOf(key, String(margin), written, context, complain),
  );
  checkPrimary(written, named, context, complain);
  checkRule(written, named, complain);
  checkNames(written, named, context, complain);
  const stages = parseStages(written, context, named, complain);
  if (complaints.length === 0 && controlledStages({ stages }).length === 0) {
    complain(["stages"], "no stage has a control arm", "write at least one stage below 100%");
  }
  if (complaints.length > 0) throw allComplaints(complaints);
  const { evidence, onTimeout, rollbackFloor, leak } = written.rule;
  return {
    ...(written.owner === undefined ? {} : { owner: written.owner }),
    ...(written.channel === undefined ? {} : { channel: written.channel }),
    assignBy: written.assignBy,
    salt: written.salt,
    primary: written.primary,
    guardrails: [
      ...guardrails.filter(({ key }) => key === written.primary),
      ...guardrails.filter(({ key }) => key !== written.primary && key !== failureRate.name),
      ...guardrails.filter(({ key }) => key !== written.primary && key === failureRate.name),
    ],
    gates: written.gates.map(({ owner, ...gate }) => (owner === undefined ? gate : { ...gate, owner })),
    stages,
    rule: { evidence, onTimeout, rollbackFloor, leak },
    budgets: written.budgets,
  };
}

/** Keys of all margins; a margin that is malformed has its own complaint. */
function namesOf({ margins }: WrittenPlan): readonly string[] {
  return [...new Set([...Object.keys(margins), failureRate.name])];
}

function checkPrimary(
  { primary }: WrittenPlan,
  named: readonly string[],
  { metrics }: PlanContext,
  complain: Complain,
): void {
  if (named.includes(primary)) return;
  const metric = metrics.find(({ name }) => name === primary);
  complain(
    ["primary"],
    `primary ${primary} has no margin`,
    metric ? `add it to margins: ${metric.name}: ${usualMargins[metric.kind] ?? "20%"}` : didYouMean(primary, named),
  );
}

/** As an example of how a margin is written; of the other kinds a share of the control's value. */
const usualMargins: Readonly<Partial<Record<MetricKind, string>>> = {
  proportion: "5pp",
  ratio: "5pp",
  "distinct-share": "5pp",
  drift: "0.02",
};

function checkRule({ rule, budgets }: WrittenPlan, named: readonly string[], complain: Complain): void {
  for (const section of ["rollbackAbove", "spending", "weights"] as const) {
    for (const key of Object.keys(rule[section]).filter((own) => !named.includes(own))) {
      complain(["rule", section, key], `rule.${section} names ${key}, which has no margin`, didYouMean(key, named));
    }
  }
  // a one-sided confidence sequence at 50 % or more excludes nothing
  if (rule.evidence === "always-valid" && Math.max(rule.leak, budgets.missedRegression) >= 0.5) {
    const at = rule.leak >= 0.5 ? ["rule", "leak"] : ["budgets", "missedRegression"];
    complain(
      at,
      `${at.join(".")} is ${100 * Math.max(rule.leak, budgets.missedRegression)}% with evidence: always-valid`,
      "write a percentage below 50%",
    );
  }
}

function checkNames(
  { assignBy, gates }: WrittenPlan,
  named: readonly string[],
  { attributes }: PlanContext,
  complain: Complain,
): void {
  if (!["session", "user", ...attributes].includes(assignBy)) {
    complain(["assignBy"], `assignBy is ${assignBy}`, didYouMean(assignBy, ["session", "user", ...attributes]));
  }
  gates.forEach((gate, i) => {
    for (const metric of gate.metrics.filter((name) => !named.includes(name))) {
      complain(["gates", i, "metrics"], `gates[${i}] names ${metric}, which has no margin`, didYouMean(metric, named));
    }
  });
}

function guardrailOf(
  key: string,
  written: string,
  plan: WrittenPlan,
  { metrics, attributes }: PlanContext,
  complain: Complain,
): Guardrail[] {
  const at = ["margins", key];
  const [name = "", where] = splitOnce(key, "@");
  const metric = [...metrics, failureRate].find((candidate) => candidate.name === name);
  if (!metric) {
    complain(
      at,
      `margins name the unknown metric ${name}`,
      didYouMean(name, [...new Set([...metrics, failureRate].map((known) => known.name))]),
    );
    return [];
  }
  const margin = marginOf(written, metric, at, complain);
  const above = Object.hasOwn(plan.rule.rollbackAbove, key)
    ? marginOf(String(plan.rule.rollbackAbove[key]), metric, ["rule", "rollbackAbove", key], complain)
    : undefined;
  if (!margin) return [];
  if (above && !isTighter(above, margin)) {
    complain(
      ["rule", "rollbackAbove", key],
      `rollbackAbove of ${key} is ${plan.rule.rollbackAbove[key]}, its margin ${written}`,
      "write a harm inside the margin, in the margin's own unit (pp, %, x or an amount)",
    );
  }
  const guardrail = {
    key,
    metric,
    margin,
    written,
    ...(above ? { rollbackAbove: above } : {}),
    spending: spendingOf(plan.rule.spending[key] ?? (key === plan.primary ? "obrien-fleming" : "pocock")),
    weight: plan.rule.weights[key] ?? 1,
  };
  if (where === undefined) return [guardrail];
  const segment = segmentOf(key, name, where, attributes, (problem, wayOut) => complain(at, problem, wayOut));
  return segment ? [{ ...guardrail, segment }] : [];
}

function segmentOf(
  key: string,
  name: string,
  where: string,
  attributes: readonly string[],
  complain: (problem: string, wayOut: string) => void,
): Segment | undefined {
  const [attribute = "", value] = splitOnce(where, "=");
  if (value === undefined || value === "") {
    complain(`${key} is not a segment`, `write ${name}@attribute=value`);
    return undefined;
  }
  if (!attributes.includes(attribute)) {
    complain(`${key} names the unknown attribute ${attribute}`, didYouMean(attribute, attributes));
    return undefined;
  }
  return { attribute, value };
}

/** Whether a bound of the same kind allows less harm than another. */
function isTighter(bound: Margin, than: Margin): boolean {
  if (bound.kind === "absolute") return than.kind === "absolute" && bound.loss < than.loss;
  return than.kind === "relative" && Math.abs(bound.factor - 1) < Math.abs(than.factor - 1);
}

function spendingOf(written: WrittenSpending): Spending {
  if (typeof written === "string") return { kind: written };
  if ("power" in written) return { kind: "power", rho: written.power };
  return { kind: "hwang-shih-decani", gamma: written["hwang-shih-decani"] };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
