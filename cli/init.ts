import { existsSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { type KnownTraffic, newProject, type Preset, presets } from "../index.ts";
import { writeTextFile } from "../io/run-folder.ts";
import { allComplaints, didYouMean } from "../plan/document.ts";
import { InputError } from "../plan/input-error.ts";
import { trafficSection } from "../reports/traffic-section.ts";
import { inspectTraffic } from "../shadow/inspect/traffic.ts";
import { oneLine, print, progressReporter } from "./common.ts";
import { filesOf, sourceFrom } from "./traffic.ts";

/** Options of `foretaste init`. */
export interface InitOptions {
  readonly preset?: string;
  readonly traffic?: readonly string[];
  readonly recorded?: boolean;
  readonly json?: boolean;
  readonly threads: number;
}

/** Writes a project that begins with a preset; without a preset it lists them and ends with 2. Overwrites nothing. */
export async function initCommand(folder: string, options: InitOptions): Promise<number> {
  if (options.preset === undefined) return listPresets(options.json === true);
  const preset = presetOf(options.preset);
  const target = resolve(folder);
  if (existsSync(target) && !statSync(target).isDirectory())
    throw new InputError(folder, "is a file", "name a folder, a new one or one that is there");
  const name = basename(target) || preset.name;
  const asked = { name, recorded: options.recorded === true };
  // before the log is read, which may take long
  refuseToOverwrite(
    folder,
    newProject(preset, asked).files.map(({ path }) => path),
  );
  const traffic = options.traffic ? await knownTraffic(target, options.traffic, options.threads) : undefined;
  const { files, toFillIn } = newProject(preset, { ...asked, traffic });
  for (const { path, text } of files) writeTextFile(join(target, path), text);
  const next = `foretaste rehearse${target === process.cwd() ? "" : ` ${shellWord(relative(process.cwd(), target))}`}`;
  if (options.json) {
    print(
      JSON.stringify({ preset: preset.name, folder, files: files.map(({ path }) => path), toFillIn, next }, null, 2),
    );
    return 0;
  }
  const width = Math.max(...files.map(({ path }) => path.length));
  print(`${oneLine(name)}, from the preset ${preset.name}. Written:`);
  for (const { path, what } of files) print(`  ${path.padEnd(width)}  ${what}`);
  print("\nTo fill in:");
  for (const line of toFillIn) print(`- ${line}`);
  print(`\nThen: ${next}`);
  return 0;
}

function listPresets(json: boolean): number {
  if (json) {
    print(
      JSON.stringify(
        presets.map(({ name, description }) => ({ name, description })),
        null,
        2,
      ),
    );
    return 2;
  }
  const width = Math.max(...presets.map(({ name }) => name.length));
  for (const { name, description } of presets) print(`${name.padEnd(width)}  ${description}`);
  process.stderr.write("\n--preset: none is named; write foretaste init --preset NAME, with one of these\n");
  return 2;
}

function presetOf(name: string): Preset {
  const preset = presets.find((own) => own.name === name);
  if (preset) return preset;
  const wayOut = didYouMean(
    name,
    presets.map((own) => own.name),
  );
  throw new InputError("--preset", `there is no preset ${name}`, wayOut);
}

function refuseToOverwrite(folder: string, paths: readonly string[]): void {
  const there = paths.map((path) => join(folder, path)).filter((path) => existsSync(path));
  if (there.length === 0) return;
  throw allComplaints(
    there.map((path) => new InputError(path, "exists already", "move it away, or name another folder")),
  );
}

async function knownTraffic(target: string, patterns: readonly string[], threads: number): Promise<KnownTraffic> {
  const inspection = await inspectTraffic(await filesOf(patterns), { threads, onProgress: progressReporter() });
  return {
    section: trafficSection(
      inspection,
      patterns.map((pattern) => sourceFrom(target, pattern)),
    ),
    columns: inspection.columns.map(({ name }) => name),
    attributes: inspection.guesses.attributes.chosen.map(({ column }) => column),
    session: inspection.guesses.session !== null,
  };
}

/** A path as a shell takes it for one word. */
function shellWord(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
