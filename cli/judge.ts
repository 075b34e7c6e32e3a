import { availableParallelism } from "node:os";
import {
  type CanaryJudgement,
  InputError,
  type JudgedLook,
  type JudgedStage,
  judgeCanary,
  loadProject,
} from "../index.ts";
import { count, metricValue, percent, pValue } from "../reports/format.ts";
import { oneLine, print, progressReporter } from "./common.ts";
import { finite, readingTable, words } from "./decision-words.ts";
import { table } from "./table.ts";

export interface JudgeCommandOptions {
  readonly asOf?: string;
  readonly start?: string;
  /** `name=time` */
  readonly stage: readonly string[];
  readonly looks?: boolean;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Applies the frozen plan to a real canary; 11 when it is rolled back, 10 while or when it holds. */
export async function judgeCommand(path: string, options: JudgeCommandOptions): Promise<number> {
  const judgement = await judgeCanary(
    await loadProject(path, { judging: true }),
    {
      threads: options.threads ?? availableParallelism(),
      now: new Date(),
      asOf: options.asOf,
      start: options.start,
      stageStarts: stageStarts(options.stage),
    },
    progressReporter(),
  );
  if (options.json) print(JSON.stringify(judgement, null, 2));
  else printJudgement(judgement, options.looks === true);
  const action = (judgement.end ?? judgement.looks.at(-1))?.decision.action;
  if (action === "rollback") return 11;
  return action === "promote" ? 0 : 10;
}

function stageStarts(texts: readonly string[]): Record<string, string> {
  const starts = texts.map(stageStart);
  const twice = starts.find(([stage], i) => starts.findIndex(([own]) => own === stage) < i);
  if (twice) throw new InputError("--stage", `${twice[0]} is stated twice`, "keep one of them");
  return Object.fromEntries(starts);
}

function stageStart(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1)
    throw new InputError("--stage", `${text} is not a stage and a time`, "write --stage canary=2026-11-20T14:00Z");
  return [text.slice(0, at), text.slice(at + 1)];
}

function printJudgement(judgement: CanaryJudgement, everyLook: boolean): void {
  const { plan, frozen, imports, sessions, stages, looks, end, asOfMs, notes } = judgement;
  print(frozenLine(frozen));
  if (frozen.changes.length > 0) {
    print(`The frozen plan is judged; ${frozen.changes.length === 1 ? "this is" : "these are"} otherwise now:`);
    for (const change of frozen.changes) print(`  ${oneLine(change)}`);
  }
  print(
    `control ${count(sessions.control)} sessions, candidate ${count(sessions.candidate)}; seen up to ${time(asOfMs)} UTC`,
  );
  for (const { role, quarantined, notes: read } of imports) {
    if (quarantined > 0)
      print(`${role}: ${count(quarantined)} ${quarantined === 1 ? "record" : "records"} could not be read`);
    for (const own of read) print(`${role}: ${oneLine(own)}`);
  }
  for (const note of notes) print(oneLine(note));
  print("");
  for (const stage of stages) printStage(stage, judgement.looks);
  const shown = end ?? looks.at(-1);
  if (!shown) {
    print("no look is due yet");
    return;
  }
  if (everyLook) {
    print("\nEvery look:");
    print(table(["stage", "look at (UTC)", "units control / candidate", "the rule says"], looks.map(lookRow)));
  }
  print(`\n${end ? "The look that decided" : "The latest look"}, ${oneLine(shown.stage)}, ${time(shown.atMs)} UTC:`);
  print(readingTable(judgement.plan, shown.decision));
  const accepted = shown.decision.readings.filter(({ harmful, passes }) => harmful && passes);
  for (const { key } of accepted) print(`${oneLine(key)}: harm is shown, and shown to be inside its margin: accepted`);
  printSegments(judgement);
  if (plan.calibration === undefined) print("Time is the clock's share of a stage: the plan is not frozen.");
  if (plan.rule.evidence === "calibrated" && plan.calibration?.factors === undefined) {
    print("No factors are calibrated yet: the boundaries are the sequential ones.");
  }
  print(`\n${sentence(shown, end !== undefined)}`);
}

function frozenLine({ status, frozenAt, hash }: CanaryJudgement["frozen"]): string {
  if (status === "not frozen") return "The plan is not frozen: nothing shows that the rule was there before the data.";
  const what = `The plan was frozen at ${frozenAt} (${hash?.slice(0, 12)})`;
  return status === "before the data"
    ? `${what}, before the data.`
    : `${what}, AFTER the data began: the rule may have been fitted to them.`;
}

function printStage(
  { stage, exposure, startMs, looks, ended, sampleRatio, inBothArms }: JudgedStage,
  all: readonly JudgedLook[],
): void {
  const { firstSeen, share, sequentialP } = sampleRatio;
  const number = ended ? all.filter((own) => own.stage === stage).indexOf(ended) + 1 : 0;
  const result = ended
    ? `${words(ended.decision)} at look ${count(number)}, ${time(ended.atMs)}`
    : looks === 0
      ? "no look yet"
      : "goes on";
  print(
    `${oneLine(stage)} (${percent(exposure)}), from ${time(startMs)}, ${count(looks)} ${looks === 1 ? "look" : "looks"}: ${result}`,
  );
  print(
    `  first-seen units ${count(firstSeen.control)} / ${count(firstSeen.candidate)}, ${percent(share)} the candidate's: sequential p ${pValue(sequentialP)}` +
      (inBothArms.units === 0
        ? ""
        : `; ${count(inBothArms.units)} units in both arms, as ${inBothArms.examples.map(oneLine).join(", ")}`),
  );
}

function lookRow({ stage, atMs, look, decision }: JudgedLook): string[] {
  const why = decision.action === "hold" ? `: ${decision.waitingFor.join(", ")}` : "";
  return [
    stage,
    time(atMs),
    `${count(look.units.control)} / ${count(look.units.candidate)}`,
    `${words(decision)}${why}`,
  ];
}

function printSegments({ segments, plan }: CanaryJudgement): void {
  const harmed = segments.filter(({ adjustedP }) => adjustedP !== null && adjustedP < 0.05);
  if (harmed.length === 0) return;
  print(
    "\nSegments with harm (one-sided, Holm over the segments of a metric); they decide nothing without a margin of their own:",
  );
  print(
    table(
      ["segment", "metric", "control", "candidate", "units", "adjusted p"],
      harmed.map(({ attribute, value, key, control, candidate, units, adjustedP }) => {
        const metric = plan.guardrails.find((own) => own.key === key)?.metric ?? { kind: "mean" as const };
        return [
          `${attribute}=${value}`,
          key,
          metricValue(finite(control), metric),
          metricValue(finite(candidate), metric),
          `${count(units.control)} / ${count(units.candidate)}`,
          pValue(adjustedP),
        ];
      }),
    ),
  );
}

function sentence({ stage, decision }: JudgedLook, final: boolean): string {
  const at = oneLine(stage);
  if (decision.action === "rollback") return `ROLLBACK in ${at}: ${oneLine(decision.because)}`;
  if (decision.action === "promote") return final ? `PROMOTE: ${at} is passed` : `PROMOTE to the stage after ${at}`;
  const harm = decision.readings.filter(({ harmful, passes }) => harmful && !passes).map(({ key }) => oneLine(key));
  const meanwhile = harm.length === 0 ? "" : `; harm is seen meanwhile in ${harm.join(", ")}: a person must decide`;
  return `${decision.final ? "STOP" : "HOLD"} in ${at}, waiting for: ${decision.waitingFor.map(oneLine).join(", ")}${meanwhile}`;
}

function time(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace("T", " ")
    .replace(/(:00)?\.000Z$/, "");
}
