import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { checkPlan, notChecked } from "../plan/check-plan.ts";
import { readDocument } from "../plan/document.ts";
import type { Finding, NotChecked } from "../plan/finding.ts";
import { pastSaltsOf } from "./freeze.ts";
import { planFacts } from "./plan-facts.ts";
import type { Project } from "./project.ts";
import { measureExisting } from "./rehearse.ts";
import type { RunOptions } from "./run.ts";

/** A finding with where it stands. */
export interface PlacedFinding extends Finding {
  /** `file:line`, from the project's folder */
  readonly place: string;
}

/** What {@link checkProject} returns: plain data. */
export interface PlanCheck {
  readonly findings: readonly PlacedFinding[];
  readonly notChecked: readonly NotChecked[];
  /** of the run whose traffic the figures come from; null when there is none */
  readonly run: string | null;
}

/** Checks a project's plan against its recorded traffic, as far as it is measured; replays nothing. */
export async function checkProject(written: Project, options: RunOptions): Promise<PlanCheck> {
  const measured = await measureExisting(written, options);
  const project = measured?.project ?? written;
  const facts = planFacts(
    project,
    measured?.outcomes,
    await pastSaltsOf(written, options.out),
    measured?.imported.sessions,
  );
  const { folder, planFile } = project;
  const document = readDocument(readFileSync(planFile, "utf8"), relative(folder, planFile));
  return {
    findings: checkPlan(project.plan, facts).map((own) => ({ ...own, place: document.place(own.path) })),
    notChecked: notChecked(project.plan, facts),
    run: measured?.run.manifest.id ?? null,
  };
}
