import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, sha256, sha256OfFile } from "../io/hash.ts";
import { Died, isolatedPool } from "../io/isolated-pool.ts";
import { readJsonFile, runFolders, runsFolder, writeTextFile } from "../io/run-folder.ts";
import { InputError } from "../plan/input-error.ts";
import { flightLength } from "../shadow/flight-recorder.ts";
import type { IdentifyJob, PolicyIdentity } from "../shadow/policy-version.ts";
import { replayWorker } from "../shadow/replay.ts";
import type { LanePolicy, Project } from "./project.ts";
import type { LaneName } from "./project-schema.ts";

const loadTimeoutMs = 10_000;

/** What the caller of a rehearsal decides; the clock and the machine are its business. */
export interface RunOptions {
  readonly seed: string;
  readonly threads: number;
  /** go on in the newest unfinished run of the same inputs */
  readonly resume: boolean;
  readonly startedAt: Date;
  readonly versions: { readonly foretaste: string; readonly node: string };
  /** how to get the same result again, for the report */
  readonly command: string;
  /** folder for the runs; `.foretaste` beside the project's file unless given */
  readonly out?: string | undefined;
  /** when it is aborted, what is under way (shards of a replay, salts of a simulation) is finished; the error is then Interrupted */
  readonly signal?: AbortSignal | undefined;
}

/** One run's folder and what it is made from. */
export interface Run {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly resumed: boolean;
}

export interface Manifest {
  readonly id: string;
  /** hash of everything that the replay depends on: equal keys have equal observations */
  readonly key: string;
  readonly seed: string;
  readonly planHash: string;
  readonly startedAt: string;
  readonly versions: { readonly foretaste: string; readonly node: string };
  readonly command: string;
  readonly inputs: readonly { readonly role: string; readonly file: string; readonly sha256: string }[];
  readonly policies: Readonly<Partial<Record<LaneName, PolicyIdentity>>>;
}

/** Opens a new run's folder, or with `resume` that of the newest run with the same inputs. */
export async function openRun(project: Project, options: RunOptions): Promise<Run> {
  const described = await describeRun(project, options);
  const found = options.resume ? newestRun(project, options, described) : undefined;
  if (found) return found;
  const { seed, startedAt, versions, command } = options;
  const id = `${startedAt.toISOString().replace(/[:.]/g, "-")}-${described.key.slice(0, 6)}`;
  const folder = join(runsFolder(options.out ?? project.folder), id);
  const manifest = { id, seed, startedAt: startedAt.toISOString(), versions, command, ...described };
  mkdirSync(folder, { recursive: true });
  writeTextFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return { folder, manifest, resumed: false };
}

/** The newest run with the same inputs, finished or not. */
export async function runOfSameInputs(project: Project, options: RunOptions): Promise<Run | undefined> {
  return newestRun(project, options, await describeRun(project, options));
}

type Described = Pick<Manifest, "key" | "planHash" | "inputs" | "policies">;

async function describeRun(project: Project, { seed, versions }: RunOptions): Promise<Described> {
  const inputs = await inputsOf(project);
  const policies = await identifyPolicies(project);
  const { traffic, attributes, arrivals, lanes, replay, plan, redact, labels } = project;
  // how fast it goes changes no observation
  const { concurrency, maxCalls, callsPerSecond, ...settings } = replay;
  const key = sha256(
    canonicalJson({
      inputs: inputs.map(({ role, sha256: hash }) => [role, hash]),
      policies,
      mapping: [mappingOf(traffic), attributes, arrivals, mappingOf(lanes), redact, mappingOf(labels)],
      replay: { ...settings, seed, assignBy: plan.assignBy, version: versions.foretaste },
    }),
  );
  return { key, planHash: sha256(canonicalJson(plan)), inputs, policies };
}

function newestRun(
  project: Project,
  { out, command }: RunOptions,
  { key, planHash }: Pick<Described, "key" | "planHash">,
): Run | undefined {
  for (const folder of runFolders(out ?? project.folder).reverse()) {
    const manifest = readJsonFile<Manifest>(join(folder, "manifest.json"));
    if (manifest?.key === key) return { folder, manifest: { ...manifest, planHash, command }, resumed: true };
  }
  return undefined;
}

/** What each lane's policy is: its hash covers prompt, model, tools, guardrails and code. */
export async function identifyPolicies({ lanes }: Project): Promise<Manifest["policies"]> {
  const policies: Partial<Record<LaneName, PolicyIdentity>> = {};
  for (const { lane, policy } of lanes) policies[lane] = await identify(lane, policy);
  return policies;
}

async function inputsOf({ traffic, labels, lanes }: Project): Promise<Manifest["inputs"]> {
  const files = [
    ...(traffic?.files ?? []).map((file) => ({ role: "traffic", file })),
    ...(labels?.files ?? []).map((file) => ({ role: "labels", file })),
    ...lanes.flatMap(({ lane, policy }) =>
      policy.kind === "recorded" && policy.source !== "traffic"
        ? policy.source.files.map((file) => ({ role: lane as string, file }))
        : [],
    ),
  ];
  return Promise.all(files.map(async ({ role, file }) => ({ role, file, sha256: await sha256OfFile(file) })));
}

/** Modules are loaded in a thread, where an exit or a stray error cannot end the program. */
async function identify(role: string, lane: LanePolicy): Promise<PolicyIdentity> {
  if (lane.kind === "recorded") {
    return { name: `${role} (recorded)`, hash: sha256(canonicalJson(mappingOf(lane))), network: false, batch: false };
  }
  const pool = isolatedPool<IdentifyJob, PolicyIdentity>(replayWorker, {
    workers: 1,
    isolation: "thread",
    memoryMegabytes: 1024,
    blockedAfterMs: loadTimeoutMs,
    flightLength: flightLength(0),
  });
  try {
    return await pool.run({ identify: lane.module, timeoutMs: loadTimeoutMs });
  } catch (error) {
    if (!(error instanceof Died)) throw error;
    throw new InputError(
      lane.module,
      error.fate === "blocked" ? `is not loaded after ${loadTimeoutMs} ms` : `${error.message} when it was loaded`,
      error.fate === "blocked"
        ? "look for an endless loop at its top level"
        : "a policy must not exit: throw an error instead",
      { cause: error },
    );
  } finally {
    await pool.close();
  }
}

/** A mapping without the paths of its files, whose contents are hashed. */
function mappingOf(part: unknown): unknown {
  return JSON.parse(
    JSON.stringify(part ?? null, (key, value) => (key === "files" || key === "module" ? undefined : value)),
  );
}

/**
 * Refuses network policies without a limit of calls, or above it.
 *
 * @returns the lanes that call a network, with the calls that they will make at most
 */
export function planCalls(
  project: Project,
  { policies }: Manifest,
  requests: number,
): readonly { readonly lane: LaneName; readonly policy: string; readonly calls: number }[] {
  const { maxCalls } = project.replay;
  const planned = project.lanes.flatMap(({ lane }) =>
    policies[lane]?.network ? [{ lane, policy: policies[lane].name, calls: requests }] : [],
  );
  const calls = planned.length * requests;
  const place = project.place("replay");
  if (planned.length > 0 && maxCalls === undefined) {
    throw new InputError(
      place,
      `${planned.map(({ policy }) => policy).join(" and ")} call a network (${calls} calls planned)`,
      `state replay.maxCalls: ${calls} to allow them`,
    );
  }
  if (calls > (maxCalls ?? calls)) {
    throw new InputError(
      place,
      `${calls} network calls are planned, replay.maxCalls is ${maxCalls}`,
      "raise it, or replay less traffic, as by replay.sample: 10%",
    );
  }
  return planned;
}
