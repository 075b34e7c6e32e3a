import cliProgress from "cli-progress";
import type { Progress, RunOptions, SimulationOptions } from "../index.ts";
import { count, printable } from "../reports/format.ts";

/** Options of the commands that work on a project. */
export interface Common {
  readonly seed: string;
  readonly threads: number;
  readonly out?: string;
  readonly resume?: boolean;
  /** of commands that simulate */
  readonly replicates?: number;
  /** a fraction */
  readonly precision?: number;
  readonly fixedPopulation?: boolean;
  readonly detection?: boolean;
  /** ms */
  readonly startEvery?: number;
  readonly json?: boolean;
  readonly startedAt: Date;
  readonly signal: AbortSignal;
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
  precision,
  fixedPopulation,
  detection,
  startEvery,
  startedAt,
  signal,
  versions,
  command,
}: Common): RunOptions & SimulationOptions {
  return {
    seed,
    threads,
    out,
    resume: resume === true,
    startedAt,
    signal,
    versions,
    command,
    ...(replicates === undefined
      ? {}
      : {
          salts: Math.max(2, Math.ceil(replicates / replicatesPerSalt)),
          replicatesPerSalt,
          precision,
          fixedPopulation,
          detection,
          startEveryMs: startEvery,
        }),
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

let step = "";

/** What is under way, as {@link progressReporter} was told. */
export function currentStep(): string {
  return step;
}

/** Progress on stderr: a bar on a terminal, else a line when a step begins or ends and every few seconds. */
export function progressReporter(): Progress {
  const report = process.stderr.isTTY ? barReporter() : lineReporter();
  return (own, done, total, note) => {
    step = done >= total ? "" : own;
    report(own, done, total, note);
  };
}

function lineReporter(): Progress {
  let current = "";
  let begun = { at: 0, done: 0 };
  let last = 0;
  return (own, done, total, note) => {
    const now = performance.now();
    if (own !== current) begun = { at: now, done };
    if (own === current && done < total && now - last < 5000) return;
    current = own;
    last = now;
    const rate = (1000 * (done - begun.done)) / (now - begun.at);
    const going = done < total && done > begun.done;
    const left = going ? `, ${count(Math.round(rate))}/s, ${minutes((total - done) / rate)} left` : "";
    process.stderr.write(`${own}: ${count(done)} of ${count(total)}${left}${note ? `, ${note}` : ""}\n`);
  };
}

function minutes(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function barReporter(): Progress {
  let bar: cliProgress.SingleBar | undefined;
  let current = "";
  let begun = { at: 0, done: 0 };
  return (own, done, total, note = "") => {
    if (own !== current || !bar) {
      bar?.stop();
      bar = new cliProgress.SingleBar(
        {
          format: "{step} {bar} {percentage}% | {value} of {total} | {speed}/s | {eta_formatted} left {note}",
          clearOnComplete: true,
          stream: process.stderr,
        },
        cliProgress.Presets.shades_classic,
      );
      bar.start(total, done, { step: own, note, speed: "–" });
      current = own;
      begun = { at: performance.now(), done };
    }
    const seconds = (performance.now() - begun.at) / 1000;
    const speed = done > begun.done && seconds > 0 ? count(Math.round((done - begun.done) / seconds)) : "–";
    bar.setTotal(total);
    bar.update(done, { step: own, note, speed });
    if (done >= total) {
      bar.stop();
      bar = undefined;
      current = "";
    }
  };
}
