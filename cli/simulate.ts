import { loadProject, simulatePlan } from "../index.ts";
import { type Common, print, progressReporter, runOptions } from "./common.ts";
import { scenarioTable } from "./tables.ts";

/** Simulates the plan; 10 when it misses a budget. */
export async function simulateCommand(path: string, options: Common): Promise<number> {
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
