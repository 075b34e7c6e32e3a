import { compareLanes, loadProject } from "../index.ts";
import { type Common, oneLine, print, progressReporter, runOptions } from "./common.ts";
import { comparisonTable, segmentTable } from "./tables.ts";

/** Compares the lanes; 11 when harm beyond a margin is shown. */
export async function compareCommand(path: string, options: Common): Promise<number> {
  const result = await compareLanes(await loadProject(path), runOptions(options), progressReporter());
  const { comparison } = result;
  const beyond = [...comparison.metrics, ...comparison.segments].some(({ reading }) => reading === "beyond");
  if (options.json) {
    print(JSON.stringify(result, null, 2));
  } else {
    print(
      `${oneLine(result.run.policies.control)} (control) against ${oneLine(result.run.policies.candidate)} (candidate)\n`,
    );
    print(comparisonTable(comparison));
    const segments = segmentTable(comparison, true);
    if (segments) print(`\nSegments in which a difference is shown (Holm over the segments of a metric):\n${segments}`);
    for (const note of comparison.notes) print(note);
  }
  return beyond ? 11 : 0;
}
