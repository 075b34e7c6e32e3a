import { loadProject, type PlanReview, reviewPlan } from "../index.ts";
import { durationText } from "../plan/duration.ts";
import { count, number, percent } from "../reports/format.ts";
import { oneLine, print } from "./common.ts";
import { table } from "./table.ts";

/** The table that a launch review signs. */
export async function planReviewCommand(path: string, { json }: { readonly json?: boolean }): Promise<number> {
  const { name, plan } = await loadProject(path);
  const review = reviewPlan(plan);
  if (json) {
    print(JSON.stringify(review, null, 2));
    return 0;
  }
  const { owner, channel, assignBy, salt, budgets, evidence } = review;
  print(`Launch review of ${oneLine(name)}`);
  print(`can pause and roll back: ${oneLine(owner ?? "nobody is named")}`);
  print(`announced in: ${oneLine(channel ?? "no channel is named")}`);
  print(`assigned by ${oneLine(assignBy)}, salt ${oneLine(salt)}`);
  print(
    `budgets: false rollback ${percent(budgets.falseRollback)}, missed regression ${percent(budgets.missedRegression)}, false stop ${percent(budgets.falseStop)}; evidence: ${evidence}`,
  );
  if (review.gates.length > 0) print(`\nGates, before any unit is exposed\n${gatesTable(review)}`);
  print(`\nStages\n${stagesTable(review)}`);
  print(`\nWhat happens\n${actions(review)}`);
  print(`\nThresholds, set before\n${thresholdsTable(review)}`);
  return 0;
}

function gatesTable({ gates }: PlanReview): string {
  return table(
    ["gate", "metrics inside their margins", "pairs at least", "owner"],
    gates.map(({ name, metrics, minimumSample, owner }) => [
      name,
      metrics.join(", "),
      count(minimumSample),
      owner ?? "nobody is named",
    ]),
  );
}

function stagesTable({ stages }: PlanReview): string {
  return table(
    ["stage", "candidate's share", "duration", "units in each arm", "rolls back from", "looks", "hot standby"],
    stages.map((stage) => [
      stage.name,
      shareOf(stage),
      span(stage),
      atLeast(stage.minimumSample),
      stage.rollbackFloor === null ? "–" : `${count(stage.rollbackFloor)} units`,
      stage.lookEveryMs === null ? "none" : `${count(stage.looks)}, every ${durationText(stage.lookEveryMs)}`,
      stage.hotStandbyMs === null ? "–" : stage.hotStandbyMs === 0 ? "none" : durationText(stage.hotStandbyMs),
    ]),
  );
}

type Row = PlanReview["stages"][number];

function shareOf({ exposure, addresses }: Row): string {
  const share = exposure === null ? "all" : percent(exposure);
  return addresses === null ? share : `${share} of ${addresses}`;
}

function span({ minimumMs, maximumMs }: Row): string {
  if (minimumMs === null || maximumMs === null) return "–";
  return minimumMs === maximumMs ? durationText(maximumMs) : `${durationText(minimumMs)} to ${durationText(maximumMs)}`;
}

function atLeast(units: number | null): string {
  return units === null ? "–" : `at least ${count(units)}`;
}

/** Three lines a stage: sentences are no table. */
function actions({ stages }: PlanReview): string {
  const width = Math.max(...stages.map(({ name }) => oneLine(name).length));
  const timeout = ({ approval }: Row) =>
    approval === null
      ? ""
      : approval.timeoutMs === undefined
        ? " (no timeout)"
        : ` within ${durationText(approval.timeoutMs)}`;
  return stages
    .flatMap((stage) => [
      `${oneLine(stage.name).padEnd(width)}  passes: ${oneLine(stage.onPass)}${timeout(stage)}`,
      `${" ".repeat(width)}  harm: ${oneLine(stage.onFail)}`,
      `${" ".repeat(width)}  neither: ${oneLine(stage.onHold)}`,
    ])
    .join("\n");
}

function thresholdsTable({ thresholds }: PlanReview): string {
  return table(
    ["stage", "metric", "better", "largest loss", "roll back at z", "error", "pass at z", "error"],
    thresholds.map(({ stage, guardrail, role, better, margin, levels, boundaries: { first, last } }) => [
      stage,
      role === "primary" ? `${guardrail} (primary)` : guardrail,
      better,
      margin,
      boundary(first.rollback, last.rollback),
      percent(levels.rollback),
      boundary(first.pass, last.pass),
      percent(levels.pass),
    ]),
  );
}

/** From the first look on to the last one. */
function boundary(first: number | null, last: number | null): string {
  if (last === null) return "any estimate";
  const [from, to] = [first === null ? "never" : number(first), number(last)];
  return from === to ? to : `${from} → ${to}`;
}
