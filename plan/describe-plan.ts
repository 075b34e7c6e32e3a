import type { Spending } from "../statistics/sequential/spending.ts";
import { durationText } from "./duration.ts";
import type { Margin } from "./margin.ts";
import type { Metric } from "./metric.ts";
import { type ControlledStage, type Guardrail, type Plan, type Stage, segmentsInWords } from "./plan.ts";

/** Everything that a plan says, one fact a line, by what it is about: `stage canary, exposure` → `1%`. */
export function describePlan(plan: Plan): ReadonlyMap<string, string> {
  const facts = new Map<string, string>();
  const add = (about: string, fact: string | undefined) => {
    if (fact !== undefined) facts.set(about, fact);
  };
  add("owner", plan.owner);
  add("channel", plan.channel);
  add("assignBy", plan.assignBy);
  add("salt", plan.salt);
  add("primary", plan.primary);
  for (const guardrail of plan.guardrails) describeGuardrail(guardrail, add);
  for (const metric of new Set(plan.guardrails.map((own) => own.metric)))
    add(`metric ${metric.name}`, definition(metric));
  for (const { name, metrics, minimumSample, owner } of plan.gates) {
    add(`gate ${name}`, `${metrics.join(", ")} on ${minimumSample} pairs${owner === undefined ? "" : `, ${owner}`}`);
  }
  add("stages", plan.stages.map(({ name }) => name).join(" → "));
  for (const stage of plan.stages) describeStage(stage, add);
  const { evidence, onTimeout, rollbackFloor, leak } = plan.rule;
  add("rule, evidence", evidence);
  add("rule, onTimeout", onTimeout);
  add("rule, rollbackFloor", String(rollbackFloor));
  add("rule, leak", percent(leak));
  for (const [name, budget] of Object.entries(plan.budgets)) add(`budget ${name}`, percent(budget));
  return facts;
}

type Add = (about: string, fact: string | undefined) => void;

function describeGuardrail({ key, written, rollbackAbove, spending, weight }: Guardrail, add: Add): void {
  add(`margin of ${key}`, written);
  add(`rollbackAbove of ${key}`, rollbackAbove && marginText(rollbackAbove));
  add(`spending of ${key}`, spendingText(spending));
  add(`weight of ${key}`, String(weight));
}

function definition(metric: Metric): string {
  const { name: _, ...rest } = metric;
  return Object.entries(rest)
    .map(([key, value]) => (key === "matureAfterMs" ? `matureAfter ${durationText(Number(value))}` : `${key} ${value}`))
    .join(", ");
}

function describeStage(stage: Stage, addFact: Add): void {
  const add: Add = (about, fact) => addFact(`stage ${stage.name}, ${about}`, fact);
  if (stage.kind === "full") {
    add("exposure", "100%");
    add("hotStandby", durationText(stage.hotStandbyMs));
    return;
  }
  if (stage.where.length > 0) add("where", segmentsInWords(stage.where));
  if (stage.approval) {
    const { by, timeoutMs } = stage.approval;
    add("approval", timeoutMs === undefined ? by : `${by} within ${durationText(timeoutMs)}`);
  }
  if (stage.kind === "routed") {
    add("header", stage.header);
    add("duration", durationText(stage.durationMs));
    return;
  }
  describeControlled(stage, add);
}

function describeControlled(stage: ControlledStage, add: Add): void {
  add("exposure", percent(stage.exposure));
  add("minimum duration", durationText(stage.minimumMs));
  add("maximum duration", durationText(stage.maximumMs));
  add("minimum sample", String(stage.minimumSample));
  add("look every", durationText(stage.lookEveryMs));
  add("weight", String(stage.weight));
  add("onTimeout", stage.onTimeout);
  add("rollbackFloor", stage.rollbackFloor === undefined ? undefined : String(stage.rollbackFloor));
  for (const [key, { written }] of Object.entries(stage.margins ?? {})) add(`margin of ${key}`, written);
}

function marginText(margin: Margin): string {
  return margin.kind === "absolute" ? String(margin.loss) : `factor ${Number(margin.factor.toPrecision(12))}`;
}

/** A spending function as the plan writes it. */
export function spendingText(spending: Spending): string {
  const { kind, ...parameter } = spending;
  const [value] = Object.values(parameter);
  return value === undefined ? kind : `${kind} ${value}`;
}

function percent(value: number): string {
  return `${Number((100 * value).toPrecision(12))}%`;
}
