import { type Block, type Cell, details, list, type Section, table } from "../blocks.ts";
import * as format from "../format.ts";
import type { Result, ScenarioResult } from "../result.ts";
import { ofStatedArrivals, statedHours } from "./stated-hours.ts";
import { budgetMark, budgetWord } from "./verdict.ts";

/** Accept these error rates? */
export function scenariosSection(result: Result): Section | undefined {
  const { scenarios, simulation } = result;
  if (scenarios.length === 0) return undefined;
  return {
    id: "scenarios",
    title: "What this plan would have done",
    blocks: [
      ...scenariosTable(result),
      { kind: "paragraph", text: legend(result) },
      ...statedHours(result),
      ...list([...laps(simulation), ...simulation.notes]),
      ...details("What a rollout costs until it is decided, by metric", costsTable(scenarios)),
      ...details("Where rollouts ended, by stage", byStageTable(scenarios)),
      ...details("What rolled them back, by metric", byMetricTable(scenarios)),
    ],
  };
}

function legend({ simulation, scenarios }: Result): string {
  const level = scenarios.map(({ promote }) => promote).find((own) => own.status === "ok")?.level ?? 0.95;
  return (
    `${format.count(simulation.replicates)} rollouts of each scenario over ${format.count(simulation.salts)} salts; rates ` +
    `have ${format.percent(level)} Monte Carlo intervals, clustered by salt. Time and units are the median, then p10 to ` +
    "p90 of the rollouts. Not separated: the interval reaches across the budget; more rollouts would tell."
  );
}

function laps({ laps: times }: Result["simulation"]): string[] {
  return times > 1 ? [`The plan may outlast the log: it goes around it up to ${format.count(times)} times.`] : [];
}

function scenariosTable(result: Result): Block[] {
  return table(
    "Scenarios",
    [
      { title: "Scenario" },
      { title: "Rolled back", numeric: true },
      { title: "Stopped", numeric: true },
      { title: "Promoted", numeric: true },
      { title: "Wrong decision" },
      { title: `Time to decision${ofStatedArrivals(result)}`, numeric: true },
      { title: "Units exposed", numeric: true },
      { title: "Sessions harmed", numeric: true },
    ],
    result.scenarios.flatMap((own) => scenarioRows(own)),
  );
}

function scenarioRows(own: ScenarioResult): Cell[][] {
  const { wrong, falseStop, hoursToDecision: time, unitsExposed: units, sessionsHarmed: harmed } = own;
  const row: Cell[] = [
    { text: own.name, detail: inWords(own) },
    format.rate(own.rollback),
    format.rate(own.stop),
    format.rate(own.promote),
    wrong ? heldCell(wrong.kind, wrong) : "–",
    { text: format.hours(time.p50), detail: `${format.hours(time.p10)} to ${format.hours(time.p90)}` },
    { text: format.count(units.p50), detail: `${format.count(units.p10)} to ${format.count(units.p90)}` },
    harmed && harmed.p90 > 0
      ? { text: format.count(harmed.p50), detail: `${format.count(harmed.p10)} to ${format.count(harmed.p90)}` }
      : "–",
  ];
  if (!falseStop) return [row];
  const stop = heldCell("false stop", falseStop);
  return [row, [{ text: own.name, detail: "not promoted, for any reason" }, "", "", "", stop, "", "", ""]];
}

function heldCell(what: string, held: NonNullable<ScenarioResult["falseStop"]>): Cell {
  return { text: budgetWord(held), detail: `${what} ${format.rate(held.rate)}`, mark: budgetMark(held) };
}

function inWords({ name, note }: ScenarioResult): string | undefined {
  if (note !== undefined) return note;
  if (name === "as_replayed") return "the candidate as the replay found it";
  if (name === "no_change") return "the candidate equals the control";
  return name.startsWith("at_margin:") ? "harm exactly at this margin" : undefined;
}

function costsTable(scenarios: readonly ScenarioResult[]): Block[] {
  return table(
    "Total loss over the sessions that the candidate served; below 0 for a gain",
    [
      { title: "Scenario" },
      { title: "Metric" },
      { title: "Median", numeric: true },
      { title: "p10 to p90", numeric: true },
      { title: "in" },
    ],
    scenarios.flatMap(({ name, costs = [] }) =>
      costs.map(({ metric, measuredIn = "", p10, p50, p90 }) => [
        name,
        metric,
        format.number(p50),
        `${format.number(p10)} to ${format.number(p90)}`,
        measuredIn,
      ]),
    ),
  );
}

function byStageTable(scenarios: readonly ScenarioResult[]): Block[] {
  return table(
    "Rollouts that left each stage this way",
    [
      { title: "Scenario" },
      { title: "Stage" },
      { title: "Rolled back", numeric: true },
      { title: "Stopped", numeric: true },
      { title: "Promoted", numeric: true },
      { title: "of", numeric: true },
    ],
    scenarios.flatMap(({ name, replicates, byStage }) =>
      byStage.map(({ stage, rollback, stop, promote }) => [
        name,
        stage,
        ...[rollback, stop, promote].map((share) => format.count(share * replicates)),
        format.count(replicates),
      ]),
    ),
  );
}

function byMetricTable(scenarios: readonly ScenarioResult[]): Block[] {
  return table(
    "Rollouts that each metric rolled back",
    [
      { title: "Scenario" },
      { title: "Because of" },
      { title: "Rolled back", numeric: true },
      { title: "of", numeric: true },
    ],
    scenarios.flatMap(({ name, replicates, byMetric }) =>
      byMetric.map(({ metric, rollback }) => [
        name,
        metric,
        format.count(rollback * replicates),
        format.count(replicates),
      ]),
    ),
  );
}
