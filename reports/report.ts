import type { Report } from "./blocks.ts";
import * as format from "./format.ts";
import type { Result } from "./result.ts";
import { limitsSection, reproduceSection } from "./sections/closing.ts";
import { comparisonSection } from "./sections/comparison.ts";
import { planSection } from "./sections/plan.ts";
import { scenariosSection } from "./sections/scenarios.ts";
import { segmentsSection } from "./sections/segments.ts";
import { trustSection } from "./sections/trust.ts";
import { verdictSection } from "./sections/verdict.ts";

/** What the report of a result says, in the order of its sections; those without data are left out. */
export function reportOf(result: Result): Report {
  const { run, name } = result;
  const sections = [
    verdictSection(result),
    planSection(result),
    trustSection(result),
    comparisonSection(result),
    segmentsSection(result),
    scenariosSection(result),
    limitsSection(result),
    reproduceSection(result),
  ];
  return {
    title: `Rollout rehearsal: ${name}`,
    subtitle: `Control ${run.policies.control}, candidate ${run.policies.candidate}. Run ${run.id}, ${run.startedAt}.`,
    sections: sections.filter((section) => section !== undefined),
  };
}

/** `GO: support-agent 2.3 → 2.4`, for a window's title or a subject line. */
export function shortTitle({ verdict, name }: Result): string {
  return `${format.verdictWord(verdict.decision)}: ${name}`;
}
