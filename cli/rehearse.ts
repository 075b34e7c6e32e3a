import { relative } from "node:path";
import pc from "picocolors";
import { loadProject, rehearse } from "../index.ts";
import { count, hours, rate, verdictWord } from "../reports/format.ts";
import { type Common, oneLine, print, progressReporter, runOptions } from "./common.ts";
import { comparisonTable, scenarioTable, segmentTable } from "./tables.ts";

/** Rehearses the rollout; the exit code is the verdict's. */
export async function rehearseCommand(path: string, options: Common): Promise<number> {
  const { result, reports } = await rehearse(await loadProject(path), runOptions(options), progressReporter());
  const { verdict, comparison, scenarios, traffic, run } = result;
  if (options.json) {
    print(JSON.stringify(result, null, 2));
    return verdict.exitCode;
  }
  print(
    `${oneLine(result.name)}: ${count(traffic.sessions)} sessions of ${count(traffic.units)} units, ${traffic.from} to ${traffic.until}\n`,
  );
  print(comparisonTable(comparison));
  const segments = segmentTable(comparison);
  if (segments) print(`\n${segments}`);
  else if (comparison.notes.length === 0) print("\nno segment is shown beyond a margin");
  print(`\n${scenarioTable(scenarios)}`);
  for (const note of result.simulation.notes) print(note);
  const replayed = scenarios.find(({ name }) => name === "as_replayed");
  const unchanged = scenarios.find(({ name }) => name === "no_change");
  if (replayed && unchanged) {
    print(
      `\nAs written, the plan promotes this candidate in ${rate(replayed.promote)} of simulated rollouts, and one that changes nothing in ${rate(unchanged.promote)}.\n` +
        `Before it decides, the candidate has served ${count(replayed.unitsExposed.p50)} units (p90 ${count(replayed.unitsExposed.p90)}) over ${hours(replayed.hoursToDecision.p50)} (p90 ${hours(replayed.hoursToDecision.p90)}).`,
    );
  }
  for (const { lane, status, error, requests } of traffic.failures.slice(0, 3)) {
    print(`${lane}: ${count(requests)} requests ended in ${status}: ${oneLine(error)}`);
  }
  for (const note of [...comparison.notes, ...traffic.notes]) print(oneLine(note));
  if (traffic.arrivals) print(`Hours are those of stated arrivals: ${traffic.arrivals}.`);
  print(`\n${pc.bold(verdictWord(verdict.decision))} (exit code ${verdict.exitCode})`);
  for (const reason of verdict.reasons) print(`- ${oneLine(reason)}`);
  print(`\nreport: ${relative(process.cwd(), reports.html)}`);
  print(`seed ${run.seed} · plan ${run.planHash.slice(0, 12)} · foretaste ${run.foretaste} · node ${run.node}`);
  return verdict.exitCode;
}
