import type { Baseline, Finding, PlanFacts } from "../finding.ts";
import { shareInWords } from "../in-words.ts";
import type { Margin } from "../margin.ts";
import type { Metric } from "../metric.ts";
import { type ControlledStage, type Guardrail, marginIn, type Plan } from "../plan.ts";
import { writtenIn } from "./samples.ts";
import { placedStages } from "./timing.ts";

/** Whether each margin allows some loss, and not every loss, of what control has. */
export function checkMargins(plan: Plan, facts: PlanFacts): readonly Finding[] {
  return placedStages(plan).flatMap(({ stage, i }, s) =>
    plan.guardrails.flatMap((guardrail, g) => {
      const baseline = facts.baselines?.[s]?.[g];
      const own = stage.margins?.[guardrail.key] !== undefined;
      // once for the plan, unless the stage has a margin of its own
      if (!baseline || (!own && s > 0)) return [];
      const path = own ? ["stages", i, "margins", guardrail.key] : ["margins", guardrail.key];
      return [...ofNothing(stage, guardrail, baseline, path), ...ofEverything(stage, guardrail, baseline, path)];
    }),
  );
}

function ofNothing(
  stage: ControlledStage,
  guardrail: Guardrail,
  { estimate }: Baseline,
  path: readonly PropertyKey[],
): Finding[] {
  if (marginIn(stage, guardrail).kind !== "relative" || estimate !== 0) return [];
  return [
    {
      check: "margin-of-nothing",
      severity: "error",
      path,
      problem: `the margin of ${guardrail.key} is ${writtenIn(stage, guardrail)} of the control, whose value in the log is 0`,
      reason: "Any share of nothing is nothing: no sample can show that the loss is below it.",
      fix: "write an absolute margin: percentage points for rates, else an amount",
    },
  ];
}

function ofEverything(
  stage: ControlledStage,
  guardrail: Guardrail,
  { estimate }: Baseline,
  path: readonly PropertyKey[],
): Finding[] {
  const { metric, key } = guardrail;
  // only rates have a worst value that is known
  if (metric.kind !== "proportion") return [];
  const bound = boundOf(marginIn(stage, guardrail), metric, estimate);
  const worst = metric.better === "higher" ? 0 : 1;
  if (metric.better === "higher" ? bound > worst : bound < worst) return [];
  const half = Number((50 * Math.abs(estimate - worst)).toPrecision(1));
  return [
    {
      check: "margin-of-everything",
      severity: "error",
      path,
      problem: `the margin of ${key} is ${writtenIn(stage, guardrail)}, and control has ${shareInWords(estimate)} in the log`,
      reason: `A candidate with ${shareInWords(worst)} is still inside it, so that it guards nothing.`,
      fix: `write a margin below what there is to lose${half > 0 ? `, as ${half}pp` : ""}`,
    },
  ];
}

/** The value that a candidate at its margin has. */
function boundOf(margin: Margin, { better }: Metric, control: number): number {
  if (margin.kind === "relative") return margin.factor * control;
  return better === "higher" ? control - margin.loss : control + margin.loss;
}
