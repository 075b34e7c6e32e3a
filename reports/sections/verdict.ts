import { type Figure, list, type Mark, type Section } from "../blocks.ts";
import * as format from "../format.ts";
import type { Result, ScenarioResult } from "../result.ts";
import { ofStatedArrivals } from "./stated-hours.ts";

/** Read on, or stop here? */
export function verdictSection(result: Result): Section {
  const { decision, reasons } = result.verdict;
  const figures = [missedRegression(result), falseRollback(result), ...asReplayed(result)];
  const shown = figures.filter((figure) => figure !== undefined);
  return {
    id: "verdict",
    title: "Verdict",
    blocks: [
      { kind: "verdict", decision, sentence: sentences[decision] },
      ...list(reasons),
      ...(shown.length > 0 ? [{ kind: "figures", figures: shown } as const] : []),
    ],
  };
}

const sentences = {
  go: "On this traffic every margin is kept, and the rehearsal did not find the plan over any of its budgets.",
  hold: "No harm beyond a margin is shown, but a question is open: do not start before it is settled.",
  "no-go": "Harm beyond a margin is shown. Do not start this rollout.",
  "cannot-tell":
    "The inputs cannot be trusted, so this rehearsal says neither yes nor no. Take every figure below as void.",
} as const;

type Held = NonNullable<ScenarioResult["falseStop"]>;

const budgetWords = {
  kept: "kept",
  "not separated": "not separated",
  missed: "missed",
} as const;
const budgetMarks = { kept: "good", "not separated": "open", missed: "bad" } as const;

/** `✓`, `?` or `✕` of a rate against its budget. */
export function budgetMark({ verdict }: Held): Mark {
  return budgetMarks[verdict];
}

/** `budget 5 %: kept` */
export function budgetWord({ budget, verdict }: Held): string {
  return `budget ${format.percent(budget)}: ${budgetWords[verdict]}`;
}

function missedRegression({ scenarios }: Result): Figure | undefined {
  const atMargin = scenarios.flatMap(({ name, wrong }) =>
    wrong?.kind === "missed regression" ? [{ metric: name.replace(/^at_margin:/, ""), ...wrong }] : [],
  );
  const known = atMargin.flatMap((own) => (own.rate.status === "ok" ? [{ ...own, value: own.rate.value }] : []));
  const [first] = atMargin;
  if (!first) return undefined;
  const worst = known.length > 0 ? known.reduce((a, b) => (b.value > a.value ? b : a)) : first;
  const unknown = atMargin.length - known.length;
  const partly = unknown > 0 && known.length > 0;
  const rest = partly ? `; undetermined at ${unknown} of ${atMargin.length} margins` : "";
  return {
    name: "P(missed regression), worst",
    value: format.rate(worst.rate),
    detail: `promoted, if the harm sits at the margin of ${worst.metric}${rest}`,
    status:
      partly && worst.verdict === "kept"
        ? { text: `${budgetWord(worst)} where it could be determined`, mark: "open" }
        : { text: budgetWord(worst), mark: budgetMark(worst) },
  };
}

function falseRollback({ scenarios }: Result): Figure | undefined {
  const wrong = scenarios.find(({ wrong }) => wrong?.kind === "false rollback")?.wrong;
  return (
    wrong && {
      name: "P(false rollback)",
      value: format.rate(wrong.rate),
      detail: "rolled back, if the candidate equals the control",
      status: { text: budgetWord(wrong), mark: budgetMark(wrong) },
    }
  );
}

function asReplayed(result: Result): Figure[] {
  const own = result.scenarios.find(({ name }) => name === "as_replayed");
  if (!own) return [];
  const { hoursToDecision: time, unitsExposed: units } = own;
  const rollouts = `${format.count(own.replicates)} rollouts of the candidate as replayed`;
  return [
    {
      name: "Time to decision",
      value: `${format.hours(time.p50)} (p90 ${format.hours(time.p90)})`,
      detail: `median and p90 of ${rollouts}${ofStatedArrivals(result)}`,
    },
    {
      name: "Units exposed",
      value: `${format.count(units.p50)} (p90 ${format.count(units.p90)})`,
      detail: `median and p90 of the same, out of ${format.count(result.traffic.units)} units in the log`,
    },
  ];
}
