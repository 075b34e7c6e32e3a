#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { InputError, Interrupted } from "../index.ts";
import { diskProblem } from "../io/run-folder.ts";
import { durationText, parseDuration } from "../plan/duration.ts";
import { printable } from "../reports/format.ts";
import { type Common, currentStep } from "./common.ts";
import { compareCommand } from "./compare.ts";
import { type ExportOptions, exportCommand } from "./export.ts";
import { generateCommand } from "./generate.ts";
import { type InitOptions, initCommand } from "./init.ts";
import { type JudgeCommandOptions, judgeCommand } from "./judge.ts";
import { planCheckCommand } from "./plan-check.ts";
import { planDiffCommand, planFreezeCommand, planVerifyCommand } from "./plan-lock.ts";
import { planReviewCommand } from "./plan-review.ts";
import { type PowerOptions, powerCommand } from "./power.ts";
import { rehearseCommand } from "./rehearse.ts";
import { replayCommand } from "./replay.ts";
import { simulateCommand } from "./simulate.ts";
import { type TrafficOptions, trafficCommand } from "./traffic.ts";

const version = (JSON.parse(readFileSync(packageFile(), "utf8")) as { version: string }).version;

// modules of policies are loaded here too; what they print is not a result
for (const level of ["log", "info", "debug"] as const) console[level] = console.error;

const program = new Command("foretaste")
  .description("Rehearse a staged rollout on recorded traffic before any user is exposed.")
  .version(version)
  .option("--debug", "show stack traces")
  .showSuggestionAfterError()
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text) })
  .addHelpText(
    "after",
    "\nExit codes: 0 go · 1 internal error · 2 wrong input or usage · 10 hold · 11 no-go · 12 cannot tell · 130 interrupted",
  );

withCommon(program.command("rehearse"), "replay, compare, simulate, and say go or no-go")
  .addHelpText("after", "\nExample:\n  $ foretaste rehearse examples/support-agent")
  .action(run(rehearseCommand));
withCommon(program.command("replay"), "replay the traffic through control and candidate").action(run(replayCommand));
withCommon(program.command("compare"), "compare the lanes; exit code 11 when harm is shown").action(
  run(compareCommand),
);
withCommon(program.command("simulate"), "simulate the plan; exit code 10 when a budget is missed")
  .option("--trace <scenario>", "show one rollout look by look instead")
  .option("--salt <n>", "of the rollout that is shown, from 0", whole, 0)
  .option("--replicate <n>", "of the rollout that is shown, from 0", whole, 0)
  .action(run(simulateCommand));
program
  .command("init")
  .description("begin a project from a preset; without --preset, list the presets")
  .argument("[folder]", "new or existing; nothing in it is overwritten", ".")
  .option("--preset <name>", "what is rolled out")
  .option("--traffic <files...>", "logs to guess the traffic section from; put the folder before it")
  .option("--recorded", "both versions are in logs: no policy modules")
  .option("--json", "print what was written as JSON")
  .option("--threads <n>", "results do not depend on it", atMost(256), availableParallelism())
  .addHelpText("after", "\nExample:\n  $ foretaste init my-rollout --preset agent-policy --traffic 'logs/*.jsonl'")
  .action(async (folder: string, options: InitOptions) => {
    process.exitCode = await initCommand(folder, options);
  });
program
  .command("generate")
  .description("write seeded support-agent traffic, with the marginals of recorded traffic")
  .argument("<file>", "where to, .jsonl")
  .option("--seed <text>", "any text", "support-agent")
  .option("--sessions <n>", "sessions in all", atMost(100_000_000), 60_000)
  .option("--days <n>", "days of traffic", atMost(3660), 14)
  .option("--json", "print the summary as JSON")
  .action(async (file: string, options: { seed: string; sessions: number; days: number; json?: boolean }) => {
    process.exitCode = await generateCommand(file, options);
  });

program
  .command("traffic")
  .description("look at recorded traffic")
  .command("inspect")
  .description("what a log holds, guesses of its columns, warnings, and the traffic section for foretaste.yaml")
  .argument("<files...>", "files or globs, of one format")
  .option("--session <column>", "this column, and no guess")
  .option("--user <column>", "as --session")
  .option("--at <column>", "as --session")
  .option("--request <column>", "as --session")
  .option("--response <column>", "as --session")
  .option("--attribute <column>", "an attribute, and no guesses; may be repeated", several)
  .option("--write <file>", "write the section to a new file")
  .option("--json", "print the result as JSON")
  .option("--threads <n>", "results do not depend on it", atMost(256), availableParallelism())
  .action(async (files: string[], options: TrafficOptions) => {
    process.exitCode = await trafficCommand(files, options);
  });

program
  .command("export")
  .description("write observations, outcomes or simulated rollouts of a run for other tools, as .arrow or .parquet")
  .argument("[project]", "folder with a foretaste.yaml, or the file", ".")
  .addOption(
    new Option("--table <name>", "what to write")
      .choices(["observations", "outcomes", "rollouts"])
      .default("observations"),
  )
  .option("--lane <name>", "one lane of the observations, instead of all")
  .requiredOption("--to <file>", "where to: .arrow, .feather or .parquet")
  .option("--run <id>", "which run, instead of the newest")
  .option("--out <folder>", "where runs are kept, instead of beside the project's file")
  .option("--json", "print what was written as JSON")
  .action(async (project: string, options: ExportOptions) => {
    process.exitCode = await exportCommand(project, options);
  });

program
  .command("power")
  .description("how many units it takes to find a difference, and how many days")
  .option("--rate <share>", "the control's rate: 20%")
  .option("--deviation <x>", "of a mean: its standard deviation over units")
  .option("--difference <x>", "what is to be found: 2pp of a rate, or a number")
  .option("--units <n>", "units of the candidate, when they are known")
  .option("--exposure <share>", "the candidate's share of units", "50%")
  .option("--per-day <n>", "new units a day")
  .option("--alpha <share>", "two-sided", "5%")
  .option("--power <share>", "chance of finding it", "80%")
  .option("--json", "print the answer as JSON")
  .addHelpText("after", "\nExample:\n  $ foretaste power --rate 20% --difference 1pp --exposure 5% --per-day 50000")
  .action((options: PowerOptions) => {
    process.exitCode = powerCommand(options);
  });

const plan = program.command("plan").description("check, review, freeze and verify the rollout plan");
withCommon(plan.command("check"), "what a reviewer would ask; exit code 10 when an error is found", false).action(
  run(planCheckCommand),
);
plan
  .command("review")
  .description("what a launch review signs: thresholds, samples, durations, and who does what when")
  .argument("[project]", "folder with a foretaste.yaml, or the file", ".")
  .option("--json", "print the review as JSON")
  .action(async (project: string, options: { json?: boolean }) => {
    process.exitCode = await planReviewCommand(project, options);
  });
withCommon(plan.command("freeze"), "write plan.lock.json: the rule, before there are data", false)
  .option("--amend <why>", "freeze a frozen plan again; the reason is kept")
  .action(run(planFreezeCommand));
plan
  .command("verify")
  .description("whether plan, metrics and policies are the frozen ones; exit code 10 when they are not")
  .argument("[project]", "folder with a foretaste.yaml, or the file", ".")
  .option("--json", "print the result as JSON")
  .action(async (project: string, options: { json?: boolean }) => {
    process.exitCode = await planVerifyCommand(project, options);
  });
plan
  .command("diff")
  .description("what another plan says otherwise, in words; exit code 10 when it does")
  .argument("<project>", "folder with a foretaste.yaml, or the file")
  .argument("<other>", "the other plan's file")
  .option("--json", "print the changes as JSON")
  .action(async (project: string, other: string, options: { json?: boolean }) => {
    process.exitCode = await planDiffCommand(project, other, options);
  });

program
  .command("judge")
  .description("apply the frozen plan to what a real canary logged; exit code 11 when it rolls back, 10 when it holds")
  .argument("[project]", "folder with a foretaste.yaml, or the file", ".")
  .option("--as-of <time>", "only what was known by then, as 2026-11-20T14:00Z")
  .option("--start <time>", "of the first stage, instead of the first session's arrival")
  .option("--stage <name=time>", "when a stage really began; may be repeated", several, [])
  .option("--looks", "print every look")
  .option("--json", "print the result as JSON")
  .option("--threads <n>", "results do not depend on it", atMost(256), availableParallelism())
  .action(async (project: string, options: JudgeCommandOptions) => {
    process.exitCode = await judgeCommand(project, options);
  });

// whoever reads the results has seen enough: … | head
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

/** What is finished of a step that is interrupted. */
const finishedFirst: Readonly<Record<string, string>> = { replay: "shards", simulate: "salts" };

const interruption = new AbortController();
process.on("SIGINT", () => {
  const finished = finishedFirst[currentStep()];
  if (finished !== undefined && !interruption.signal.aborted) {
    process.stderr.write(`\nstopping when the ${finished} under way are written; Ctrl-C again stops at once\n`);
    interruption.abort();
    return;
  }
  process.stderr.write("\ninterrupted; go on with: the same command and --resume\n");
  process.exit(130);
});

await main();

async function main(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = report(error);
  }
}

function withCommon(command: Command, description: string, simulates = true): Command {
  const common = command
    .description(description)
    .argument("[project]", "folder with a foretaste.yaml, or the file", ".")
    .option("--seed <text>", "any text; equal seeds give equal results", "foretaste")
    .option("--threads <n>", "worker threads; results do not depend on it", atMost(256), availableParallelism())
    .option("--out <folder>", "where runs are kept, instead of beside the project's file")
    .option("--resume", "go on in the newest run of the same inputs")
    .option("--json", "print the result as JSON");
  return simulates
    ? common
        .option(
          "--replicates <n>",
          "simulated rollouts per scenario, rounded up to whole salts",
          atMost(1_000_000),
          1000,
        )
        .option("--precision <x>", "more of them until every rate is known to so many points, as 1pp", points)
        .option("--detection", "also harm of 1.5 and 2 times each margin: how surely and how soon it is found")
        .option("--start-every <duration>", "salts take turns to start so far apart in the log, as 24h", hours)
        .option("--fixed-population", "simulate the log's own units, without drawing from them: rates are too good")
    : common;
}

/** What the program itself adds to a command's options. */
type Circumstances = Pick<Common, "startedAt" | "versions" | "command" | "signal">;

function run<More extends object>(command: (project: string, options: Common & More) => Promise<number>) {
  return async (project: string, options: Omit<Common, keyof Circumstances> & More, self: Command) => {
    const { seed, replicates, precision, fixedPopulation, detection, startEvery } = options;
    const repeated = [
      ...(replicates === undefined ? [] : ["--replicates", replicates]),
      ...(precision === undefined ? [] : ["--precision", `${Number((100 * precision).toPrecision(12))}pp`]),
      ...(detection ? ["--detection"] : []),
      ...(startEvery === undefined ? [] : ["--start-every", durationText(startEvery)]),
      ...(fixedPopulation ? ["--fixed-population"] : []),
    ];
    process.exitCode = await command(project, {
      ...options,
      startedAt: new Date(),
      signal: interruption.signal,
      versions: { foretaste: version, node: process.version },
      command: ["foretaste", self.name(), project, "--seed", JSON.stringify(seed), ...repeated].join(" "),
    });
  };
}

function several(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

function hours(text: string): number {
  const value = parseDuration(text) ?? 0;
  if (value < 1000) throw new InvalidArgumentError("Write a duration with its unit, as 24h.");
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Write a whole number of at least 1.");
  return value;
}

/** `0.5pp` as a fraction. */
function points(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*pp\s*$/.exec(text);
  const value = match ? Number(match[1]) / 100 : Number.NaN;
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError("Write percentage points, as 1pp.");
  return value;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError("Write a whole number from 0 on.");
  return value;
}

function atMost(limit: number) {
  return (text: string) => {
    const value = positive(text);
    if (value > limit) throw new InvalidArgumentError(`Write at most ${limit}.`);
    return value;
  };
}

/** Says what went wrong; returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Interrupted) {
    process.stderr.write("interrupted; go on with: the same command and --resume\n");
    return 130;
  }
  const debug = program.opts<{ debug?: boolean }>().debug === true;
  const shown = error instanceof InputError ? error : (diskProblem(error) ?? error);
  const { message, stack } = shown as Error;
  const known = shown instanceof InputError;
  const text = known ? message : `internal error: ${message} (--debug shows where)`;
  process.stderr.write(`${debug ? stack : printable(text)}\n`);
  return known ? 2 : 1;
}

/** From `cli/` in source and from `dist/cli/` in the package. */
function packageFile(): URL {
  const beside = new URL("../package.json", import.meta.url);
  try {
    readFileSync(beside);
    return beside;
  } catch {
    return new URL("../../package.json", import.meta.url);
  }
}
