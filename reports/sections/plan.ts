import { type Block, type Fact, type Section, table } from "../blocks.ts";
import * as format from "../format.ts";
import type { Result } from "../result.ts";
import { statedHours } from "./stated-hours.ts";

/** Is this what we will run, and who acts? */
export function planSection(result: Result): Section {
  const { plan } = result;
  return {
    id: "plan",
    title: "Plan under rehearsal",
    blocks: [
      { kind: "facts", facts: planFacts(result) },
      ...stagesTable(plan),
      ...statedHours(result),
      ...ruleInWords(plan),
      ...marginsTable(plan),
      ...gatesTable(plan),
    ],
  };
}

type Plan = Result["plan"];

function planFacts({ plan, run }: Result): Fact[] {
  const { budgets } = plan;
  return [
    { term: "Can pause and roll back", text: plan.owner ?? "nobody is named in the plan" },
    { term: "Decisions are announced in", text: plan.channel ?? "no channel is named in the plan" },
    { term: "Assigned by", text: `${plan.assignBy}, with the salt ${plan.salt}; who has the candidate keeps it` },
    {
      term: "Budgets",
      text:
        `false rollback ${format.percent(budgets.falseRollback)}, ` +
        `missed regression ${format.percent(budgets.missedRegression)}, false stop ${format.percent(budgets.falseStop)}`,
    },
    { term: "Plan hash", text: run.planHash, literal: true },
  ];
}

function stagesTable({ stages }: Plan): Block[] {
  return table(
    "Stages",
    [
      { title: "Stage" },
      { title: "Candidate's share", numeric: true },
      { title: "Duration, at least", numeric: true },
      { title: "at most", numeric: true },
      { title: "Units in each arm, at least", numeric: true },
      { title: "Looks, at most", numeric: true },
    ],
    stages.map(
      ({ name, exposure, addresses, approval, minimumHours, maximumHours, minimumSample, lookEveryHours, looks }) => [
        stageName(name, [
          ...(addresses === undefined ? [] : [`only ${addresses}`]),
          ...(looks > 0
            ? []
            : exposure === null
              ? ["not compared: nothing is tested"]
              : ["no control is left: nothing is tested"]),
          ...(approval === undefined ? [] : [`${approval} must agree to the promotion`]),
        ]),
        exposure === null ? "–" : format.percent(exposure),
        format.hours(minimumHours),
        format.hours(maximumHours),
        format.count(minimumSample),
        lookEveryHours === null ? "–" : `${format.count(looks)}, every ${format.hours(lookEveryHours)}`,
      ],
    ),
  );
}

function stageName(text: string, details: readonly string[]) {
  return details.length === 0 ? text : { text, detail: details.join("; ") };
}

/** THE rule of `plan/decide.ts`, in the order in which it is asked at a look. */
function ruleInWords(plan: Plan): Block[] {
  const { rule } = plan;
  const { harmful, passes, note } = evidenceInWords(plan);
  const floor = format.count(rule.rollbackFloor);
  return [
    { kind: "paragraph", text: `At every look, on the data of that stage alone (evidence: ${rule.evidence}${note}):` },
    {
      kind: "list",
      items: [
        "Void: if the split does not fit the stage's share, or a unit was served by both arms, nothing is decided.",
        `Roll back: if for some metric ${harmful}, with at least ${floor} units in each arm.`,
        `Promote: if every metric passes at this same look (${passes}), after the minimum duration and sample.`,
        `Otherwise hold. ${timeoutInWords(rule.onTimeout)}`,
      ],
    },
  ];
}

function evidenceInWords({ rule: { evidence, leak }, budgets, guardrails, stages }: Plan) {
  if (evidence === "point") {
    return {
      harmful: "the estimated harm is beyond its margin",
      passes: "its estimated harm is not beyond its margin",
      note: ", no allowance for chance",
    };
  }
  const tests = guardrails.length * stages.filter(({ looks }) => looks > 0).length;
  return {
    harmful:
      `harm is ${shown[evidence]} and it does not pass ` +
      `(${format.percent(budgets.falseRollback)} shared over ${format.count(tests)} metrics and stages)`,
    passes:
      `harm at the margin is rejected at ${format.percent(budgets.missedRegression)} in the last stage with a control, ` +
      `at ${format.percent(leak)} before it`,
    note: notes[evidence] ?? "",
  };
}

const shown: Readonly<Record<string, string>> = {
  fixed: "shown at its share of the false-rollback budget",
  sequential: "beyond its group-sequential boundary",
  "always-valid": "outside its confidence sequence",
  calibrated: "beyond its calibrated boundary",
};

const notes: Readonly<Record<string, string>> = {
  fixed: ", the same level at every look, not corrected for the number of looks",
  sequential: ", boundaries exact for the planned looks of a stage",
  "always-valid": ", any number of looks",
  calibrated: ", exact boundaries for the planned looks of a stage, times a factor found on recorded traffic",
};

function timeoutInWords(onTimeout: string): string {
  if (onTimeout === "hold") return "At a stage's last look, holding means that the rollout is stopped.";
  if (onTimeout === "rollback") return "At a stage's last look, roll back.";
  if (onTimeout === "promote") return "At a stage's last look, promote: the missed-regression budget is then void.";
  return `At a stage's last look: ${onTimeout}.`;
}

function marginsTable({ guardrails, primary }: Plan): Block[] {
  return table(
    "Margins: the largest loss still accepted",
    [{ title: "Metric" }, { title: "Role" }, { title: "Better" }, { title: "Margin", numeric: true }],
    guardrails.map(({ key, margin, better }) => [key, key === primary ? "primary" : "guardrail", better, margin]),
  );
}

function gatesTable({ gates }: Plan): Block[] {
  return table(
    "Gates, before any unit is exposed",
    [{ title: "Gate" }, { title: "Metrics" }, { title: "Pairs, at least", numeric: true }, { title: "Result" }],
    gates.map(({ name, metrics, minimumSample, passed, why }) => [
      name,
      metrics.join(", "),
      format.count(minimumSample),
      { text: passed ? "passed" : "not passed", detail: why, mark: passed ? "good" : "bad" },
    ]),
  );
}
