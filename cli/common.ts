import cliProgress from "cli-progress";
import type { Progress, RunOptions, SimulationOptions } from "../index.ts";
import { printable } from "../reports/format.ts";

/** Options of the commands that work on a project. */
export interface Common {
  readonly seed: string;
  readonly threads: number;
  readonly out?: string;
  readonly resume?: boolean;
  readonly replicates: number;
  readonly json?: boolean;
  readonly startedAt: Date;
  readonly versions: { readonly foretaste: string; readonly node: string };
  readonly command: string;
}

const replicatesPerSalt = 25;

/** The options as the library takes them. */
export function runOptions({
  seed,
  threads,
  out,
  resume,
  replicates,
  startedAt,
  versions,
  command,
}: Common): RunOptions & SimulationOptions {
  return {
    seed,
    threads,
    out,
    resume: resume === true,
    startedAt,
    versions,
    command,
    salts: Math.max(2, Math.ceil(replicates / replicatesPerSalt)),
    replicatesPerSalt,
  };
}

/** Text of a log or a policy on one line, without anything that a terminal obeys. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, " ");
}

/** Prints a line of results. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Progress on stderr: a bar on a terminal, else a line when a step ends and every few seconds. */
export function progressReporter(): Progress {
  if (process.stderr.isTTY) return barReporter();
  let last = 0;
  return (step, done, total, note) => {
    const now = performance.now();
    if (done < total && now - last < 5000) return;
    last = now;
    process.stderr.write(`${step}: ${done} of ${total}${note ? `, ${note}` : ""}\n`);
  };
}

function barReporter(): Progress {
  const bar = new cliProgress.SingleBar(
    {
      format: "{step} {bar} {percentage}% | {value} of {total} | {eta_formatted} left {note}",
      clearOnComplete: true,
      stream: process.stderr,
    },
    cliProgress.Presets.shades_classic,
  );
  let current = "";
  return (step, done, total, note = "") => {
    if (step !== current) {
      bar.stop();
      bar.start(total, done, { step, note });
      current = step;
    }
    bar.update(done, { step, note });
    if (done >= total) {
      bar.stop();
      current = "";
    }
  };
}
