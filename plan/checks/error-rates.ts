import { levelsOf } from "../boundaries.ts";
import type { Finding, PlanFacts } from "../finding.ts";
import { listInWords, shareInWords } from "../in-words.ts";
import { type ControlledStage, controlledStages, looksOf, type Plan } from "../plan.ts";
import { growthOf, missChance, pointChance, repeatedLevel, rollbackChance, rollbackUnits } from "../planned-looks.ts";

/** Whether the rule keeps the budgets that the plan states. */
export function checkErrorRates(plan: Plan, facts: PlanFacts): readonly Finding[] {
  return [
    ...timeoutPromotes(plan),
    ...timeoutRollsBack(plan),
    ...repeatedLooks(plan, facts),
    ...pointEstimates(plan, facts),
    ...smallLevels(plan),
    ...leaks(plan),
  ];
}

/** Where the plan says what happens at a stage's last look. */
function timeoutsOf({ stages, rule }: Plan) {
  const own = stages.flatMap((stage, i) =>
    stage.kind === "controlled" && stage.onTimeout !== undefined
      ? [{ path: ["stages", i, "onTimeout"], at: `stages[${i}].onTimeout`, onTimeout: stage.onTimeout }]
      : [],
  );
  const heeded = stages.some((stage) => stage.kind === "controlled" && stage.onTimeout === undefined);
  return heeded ? [{ path: ["rule", "onTimeout"], at: "rule.onTimeout", onTimeout: rule.onTimeout }, ...own] : own;
}

function timeoutPromotes(plan: Plan): Finding[] {
  return timeoutsOf(plan)
    .filter(({ onTimeout }) => onTimeout === "promote")
    .map(({ path, at }) => ({
      check: "timeout-promotes",
      severity: "error",
      path,
      problem: `${at} is promote`,
      reason: `A release at its margin that nobody could tell from a good one is promoted by the clock, so that missedRegression: ${shareInWords(plan.budgets.missedRegression)} is void.`,
      fix: "write onTimeout: hold, and give the stage the time that its sample takes",
    }));
}

function timeoutRollsBack(plan: Plan): Finding[] {
  const { falseRollback, falseStop } = plan.budgets;
  if (falseStop <= falseRollback) return [];
  return timeoutsOf(plan)
    .filter(({ onTimeout }) => onTimeout === "rollback")
    .map(({ path, at }) => ({
      check: "timeout-rolls-back",
      severity: "warning",
      path,
      problem: `${at} is rollback, and up to ${shareInWords(falseStop)} of unchanged releases may be stopped while ${shareInWords(falseRollback)} may be rolled back`,
      reason: "What would have been a false stop ends as a false rollback, whose budget is the smaller one.",
      fix: `write onTimeout: hold, or falseStop: ${shareInWords(falseRollback)} with the samples that it takes`,
    }));
}

function repeatedLooks(plan: Plan, facts: PlanFacts): Finding[] {
  const stages = controlledStages(plan);
  if (plan.rule.evidence !== "fixed" || stages.every((stage) => looksOf(stage) === 1)) return [];
  const primary = plan.guardrails[0] as Plan["guardrails"][number];
  const tests = stages.map((stage, s) => {
    const level = levelsOf(plan, s, primary).rollback;
    return { stage, level, repeated: repeatedLevel(level, rollbackUnits(plan, s, 0, facts)) };
  });
  const worst = tests.reduce((a, b) => (b.repeated / b.level > a.repeated / a.level ? b : a));
  const { falseRollback, missedRegression } = plan.budgets;
  const all = stages.flatMap((_, s) => plan.guardrails.map((_, g) => rollbackChance(plan, s, g, facts)));
  const atMost = Math.min(1, sum(all));
  // every release enters the first stage
  const atLeast = Math.max(...plan.guardrails.map((_, g) => rollbackChance(plan, 0, g, facts, { ended: true })));
  const missed = stages.reduce((product, _, s) => product * missChance(plan, s, 0, facts), 1);
  const looks = listInWords(stages.map((stage) => `${looksOf(stage)}`));
  const also =
    missed > missedRegression
      ? `, and up to ${shareInWords(missed)} of releases at its margin reach the end, not ${shareInWords(missedRegression)}`
      : "";
  return [
    {
      check: "repeated-looks",
      severity: atLeast > falseRollback ? "error" : "warning",
      path: ["rule", "evidence"],
      problem:
        `evidence is fixed, looked at ${looks} times: the test of ${primary.key} in ${worst.stage.name} has a level of ` +
        `${shareInWords(worst.level)} at each look and rejects at one of them in ${shareInWords(worst.repeated)} of unchanged releases; ` +
        `all tests together roll back up to ${shareInWords(atMost)} of these, not ${shareInWords(falseRollback)}${also}`,
      reason: "Every further look is a further chance to be wrong, and a level per look does not count them.",
      fix: "write evidence: sequential or calibrated, which spend the same error over the looks",
    },
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function pointEstimates(plan: Plan, facts: PlanFacts): Finding[] {
  if (plan.rule.evidence !== "point") return [];
  const { baselines } = facts;
  const chances = (baselines ?? []).flatMap((own, s) =>
    own.flatMap((baseline, g) => {
      const guardrail = plan.guardrails[g];
      const growth = guardrail && baseline && growthOf(stageAt(plan, s), guardrail, baseline);
      return growth ? [pointChance(growth, rollbackUnits(plan, s, g, facts))] : [];
    }),
  );
  const total = Math.min(1, sum(chances));
  return [
    {
      check: "point-evidence",
      severity: "error",
      path: ["rule", "evidence"],
      problem:
        "evidence is point: estimates are compared with margins as if they were exact" +
        (chances.length > 0
          ? `; on the recorded traffic up to ${shareInWords(total)} of unchanged releases are rolled back`
          : ""),
      reason:
        "A release exactly at its margin is estimated inside it at every other look, and a good one beyond it by chance.",
      fix: "write evidence: sequential or calibrated",
    },
  ];
}

function stageAt(plan: Plan, index: number): ControlledStage {
  return controlledStages(plan)[index] as ControlledStage;
}

/** Below it a boundary lies more than three standard errors out, where means of skewed values are not normal for long. */
const smallestLevel = 0.001;

function smallLevels(plan: Plan): Finding[] {
  const stages = controlledStages(plan);
  const levels = stages.flatMap((stage, s) =>
    plan.guardrails.map((guardrail) => ({ stage, guardrail, level: levelsOf(plan, s, guardrail).rollback })),
  );
  const least = levels.reduce((a, b) => (b.level < a.level ? b : a));
  if (least.level >= smallestLevel) return [];
  return [
    {
      check: "small-levels",
      severity: "warning",
      path: ["margins"],
      problem: `${plan.guardrails.length} guardrails in ${stages.length} stages share falseRollback: ${shareInWords(plan.budgets.falseRollback)}, which leaves ${shareInWords(least.level)} to ${least.guardrail.key} in ${least.stage.name}`,
      reason: "Harm must then be more than three standard errors large before it is one, and is found that much later.",
      fix: "guard fewer metrics or segments, or write rule.weights that give the budget to those that matter",
    },
  ];
}

/** A release at its margin that more often than not reaches the last stage has met no stages before it. */
const mostLeaked = 0.5;

function leaks(plan: Plan): Finding[] {
  const before = controlledStages(plan).length - 1;
  const leaked = plan.rule.leak ** before;
  if (before === 0 || leaked <= mostLeaked) return [];
  const leak = Math.floor(100 * mostLeaked ** (1 / before)) / 100;
  return [
    {
      check: "leaky-stages",
      severity: "warning",
      path: ["rule", "leak"],
      problem: `with leak: ${shareInWords(plan.rule.leak)} a release at its margin passes ${before === 1 ? "the stage" : `all ${before} stages`} before the last one in ${shareInWords(leaked)} of rollouts`,
      reason: "The early stages then protect nobody from harm at the margin: the users of the largest stage find it.",
      fix: `write leak: ${shareInWords(leak)} or less`,
    },
  ];
}
