import { checkProject, loadProject, type PlanCheck } from "../index.ts";
import { count } from "../reports/format.ts";
import { type Common, oneLine, print, runOptions } from "./common.ts";

/** What a reviewer would ask about the plan; 10 when an error is found. */
export async function planCheckCommand(path: string, options: Common): Promise<number> {
  const check = await checkProject(await loadProject(path), runOptions(options));
  if (options.json) print(JSON.stringify(check, null, 2));
  else printFindings(check);
  return check.findings.some(({ severity }) => severity === "error") ? 10 : 0;
}

function printFindings({ findings, notChecked }: PlanCheck): void {
  for (const severity of ["error", "warning"] as const) {
    const own = findings.filter((finding) => finding.severity === severity);
    print(own.length === 0 ? `no ${severity}s` : `${count(own.length)} ${severity}${own.length === 1 ? "" : "s"}`);
    for (const { place, problem, fix, reason } of own) {
      print(`  ${oneLine(place)}: ${oneLine(problem)}; ${oneLine(fix)}`);
      print(`    ${oneLine(reason)}`);
    }
  }
  for (const { what, why } of notChecked) print(`not checked: ${oneLine(what)}; ${oneLine(why)}`);
}
