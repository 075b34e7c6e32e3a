import { loadProject, replayTraffic } from "../index.ts";
import { type Common, oneLine, print, progressReporter, runOptions } from "./common.ts";

/** Replays the traffic and says where the observations lie. */
export async function replayCommand(path: string, options: Common): Promise<number> {
  const result = await replayTraffic(await loadProject(path), runOptions(options), progressReporter());
  if (options.json) {
    print(JSON.stringify(result, null, 2));
    return 0;
  }
  const { imports, sessions, folder, run, resumed, notes } = result;
  for (const { role, records, kept, quarantined, excluded } of imports) {
    print(`${role}: ${records} records, ${kept} used, ${quarantined} in quarantine, ${excluded} left out`);
  }
  print(`${sessions.requests} requests in ${sessions.sessions} sessions of ${sessions.units} units`);
  print(
    `${oneLine(run.policies.control)} (control) and ${oneLine(run.policies.candidate)} (candidate)${resumed ? ", resumed" : ""}`,
  );
  for (const note of notes) print(note);
  print(`observations: ${folder}`);
  return 0;
}
