import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, sha256, sha256OfFile } from "../io/hash.ts";
import { threadPool } from "../io/pool.ts";
import { readJsonFile, runFolders, runsFolder, writeTextFile } from "../io/run-folder.ts";
import { InputError } from "../plan/input-error.ts";
import type { IdentifyJob, PolicyIdentity } from "../shadow/policy-version.ts";
import { replayWorker } from "../shadow/replay.ts";
import type { LanePolicy, Project } from "./project.ts";

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
  readonly policies: { readonly control: PolicyIdentity; readonly candidate: PolicyIdentity };
}

/** Opens a new run's folder, or with `resume` that of the newest run with the same inputs. */
export async function openRun(project: Project, options: RunOptions): Promise<Run> {
  const inputs = await inputsOf(project);
  const policies = {
    control: await identify("control", project.control),
    candidate: await identify("candidate", project.candidate),
  };
  const { seed, startedAt, versions, command } = options;
  const { traffic, attributes, arrivals, control, candidate, timeoutMs, plan } = project;
  const key = sha256(
    canonicalJson({
      inputs: inputs.map(({ role, sha256: hash }) => [role, hash]),
      policies,
      mapping: [mappingOf(traffic), attributes, arrivals, mappingOf(control), mappingOf(candidate)],
      replay: { timeoutMs, seed, assignBy: plan.assignBy, version: versions.foretaste },
    }),
  );
  const root = options.out ?? project.folder;
  const planHash = sha256(canonicalJson(plan));
  if (options.resume) {
    for (const folder of runFolders(root).reverse()) {
      const manifest = readJsonFile<Manifest>(join(folder, "manifest.json"));
      if (manifest?.key === key) return { folder, manifest: { ...manifest, planHash, command }, resumed: true };
    }
  }
  const id = `${startedAt.toISOString().replace(/[:.]/g, "-")}-${key.slice(0, 6)}`;
  const folder = join(runsFolder(root), id);
  const manifest = { id, key, seed, planHash, startedAt: startedAt.toISOString(), versions, command, inputs, policies };
  mkdirSync(folder, { recursive: true });
  writeTextFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return { folder, manifest, resumed: false };
}

async function inputsOf({ traffic, control, candidate }: Project): Promise<Manifest["inputs"]> {
  const files = [
    ...(traffic?.files ?? []).map((file) => ({ role: "traffic", file })),
    ...(
      [
        ["control", control],
        ["candidate", candidate],
      ] as const
    ).flatMap(([role, lane]) => (lane.kind === "recorded" ? lane.source.files.map((file) => ({ role, file })) : [])),
  ];
  return Promise.all(files.map(async ({ role, file }) => ({ role, file, sha256: await sha256OfFile(file) })));
}

/** Modules are loaded in a thread, where an exit or a stray error cannot end the program. */
async function identify(role: string, lane: LanePolicy): Promise<PolicyIdentity> {
  if (lane.kind === "recorded") {
    return { name: `${role} (recorded)`, hash: sha256(canonicalJson(mappingOf(lane))), network: false };
  }
  const [identity] = await threadPool<IdentifyJob, PolicyIdentity>(
    replayWorker,
    1,
  )([{ identify: lane.module, timeoutMs: 10_000 }]);
  return identity as PolicyIdentity;
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
 * @returns the planned calls
 */
export function planCalls(project: Project, { policies }: Manifest, requests: number): number {
  const lanes = [policies.control, policies.candidate].filter(({ network }) => network);
  const calls = lanes.length * requests;
  const place = project.place("replay");
  if (lanes.length > 0 && project.maxCalls === undefined) {
    throw new InputError(
      place,
      `${lanes.map(({ name }) => name).join(" and ")} call a network (${calls} calls planned)`,
      `state replay.maxCalls: ${calls} to allow them`,
    );
  }
  if (calls > (project.maxCalls ?? calls)) {
    throw new InputError(
      place,
      `${calls} network calls are planned, replay.maxCalls is ${project.maxCalls}`,
      "raise it, or replay less traffic",
    );
  }
  return calls;
}
