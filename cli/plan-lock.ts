import { relative } from "node:path";
import { changeInWords, diffPlans, freezePlan, loadProject, planOfFile, verifyPlan } from "../index.ts";
import { count } from "../reports/format.ts";
import { type Common, oneLine, print, progressReporter, runOptions } from "./common.ts";

/** Writes `plan.lock.json`. */
export async function planFreezeCommand(path: string, options: Common & { readonly amend?: string }): Promise<number> {
  const project = await loadProject(path);
  const { file, lock, changes } = await freezePlan(
    project,
    { ...runOptions(options), why: options.amend },
    progressReporter(),
  );
  if (options.json) {
    print(JSON.stringify({ file, lock, changes }, null, 2));
    return 0;
  }
  const { reference } = lock;
  print(`${relative(process.cwd(), file)} written, frozen at ${lock.frozenAt}`);
  print(`hash ${lock.hash}`);
  print(
    `rests on ${count(reference.sessions)} sessions of ${count(reference.units)} units, ${reference.from} to ${reference.until}`,
  );
  for (const change of changes) print(`amended: ${oneLine(change)}`);
  return 0;
}

/** Whether the plan, the metrics and the policies are those that were frozen; 10 when they are not. */
export async function planVerifyCommand(path: string, { json }: { readonly json?: boolean }): Promise<number> {
  const verification = await verifyPlan(await loadProject(path));
  if (json) print(JSON.stringify(verification, null, 2));
  else {
    const { status, frozenAt, hash, amendments, changes } = verification;
    const words = {
      intact: "nothing has changed",
      changed: `${count(changes.length)} changes since`,
      damaged: "the lock itself was edited: its hash does not fit",
    };
    print(`frozen at ${frozenAt} (${hash.slice(0, 12)}): ${words[status]}`);
    for (const { at, why } of amendments) print(`amended at ${at}: ${oneLine(why)}`);
    for (const change of changes) print(`  ${oneLine(change)}`);
  }
  return verification.status === "intact" ? 0 : 10;
}

/** What another plan says otherwise, in words; 10 when it does. */
export async function planDiffCommand(
  path: string,
  other: string,
  { json }: { readonly json?: boolean },
): Promise<number> {
  const project = await loadProject(path);
  const changes = diffPlans(project.plan, planOfFile(project, other));
  if (json) print(JSON.stringify(changes, null, 2));
  else if (changes.length === 0) print("both plans say the same");
  else for (const change of changes) print(oneLine(changeInWords(change)));
  return changes.length === 0 ? 0 : 10;
}
