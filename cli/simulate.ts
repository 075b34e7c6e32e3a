import { loadProject, simulatePlan, traceSimulation } from "../index.ts";
import { count, number } from "../reports/format.ts";
import { type Common, oneLine, print, progressReporter, runOptions } from "./common.ts";
import { readingTable, words } from "./decision-words.ts";
import { table } from "./table.ts";
import { scenarioTable } from "./tables.ts";

/** Which rollout is shown look by look. */
export interface TraceOptions {
  readonly trace?: string;
  readonly salt: number;
  readonly replicate: number;
}

/** Simulates the plan; 10 when it misses a budget. */
export async function simulateCommand(path: string, options: Common & TraceOptions): Promise<number> {
  if (options.trace !== undefined) return traceCommand(path, options, options.trace);
  const result = await simulatePlan(await loadProject(path), runOptions(options), progressReporter());
  if (options.json) {
    print(JSON.stringify(result, null, 2));
  } else {
    print(scenarioTable(result.scenarios));
    for (const note of result.simulation.notes) print(note);
  }
  const missed = result.scenarios.some(
    ({ wrong, falseStop }) => wrong?.verdict === "missed" || falseStop?.verdict === "missed",
  );
  return missed ? 10 : 0;
}

/** One rollout, look by look. */
async function traceCommand(path: string, options: Common & TraceOptions, scenario: string): Promise<number> {
  const { salt, replicate } = options;
  const trace = await traceSimulation(
    await loadProject(path),
    runOptions(options),
    { scenario, salt, replicate },
    progressReporter(),
  );
  if (options.json) {
    print(JSON.stringify(trace, null, 2));
    return 0;
  }
  print(
    table(
      ["stage", "hours", "units control / candidate", "the rule says"],
      trace.looks.map(({ stage, hours, look, decision }) => [
        stage,
        number(hours),
        `${count(look.units.control)} / ${count(look.units.candidate)}`,
        `${words(decision)}${decision.action === "hold" ? `: ${decision.waitingFor.join(", ")}` : ""}`,
      ]),
    ),
  );
  const last = trace.looks.at(-1);
  if (last)
    print(
      `\nThe last look, ${oneLine(last.stage)}, after ${number(last.hours)} h:\n${readingTable(trace.plan, last.decision)}`,
    );
  return 0;
}
