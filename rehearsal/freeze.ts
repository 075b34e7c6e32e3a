import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { referenceOf } from "../analysis/reference.ts";
import { canonicalJson, sha256 } from "../io/hash.ts";
import { readJsonFile, writeTextFile } from "../io/run-folder.ts";
import { InputError } from "../plan/input-error.ts";
import { changesSince, type Frozen, isWhole, type Lock, lockOf, lockSchema } from "../plan/lock.ts";
import type { PolicyIdentity } from "../shadow/policy-version.ts";
import { simulationInput } from "../sim/simulation-input.ts";
import type { Project } from "./project.ts";
import { measure } from "./rehearse.ts";
import type { Progress } from "./replay-project.ts";
import { identifyPolicies, type RunOptions } from "./run.ts";

/** What {@link freezePlan} returns: plain data. */
export interface FrozenPlan {
  readonly file: string;
  readonly lock: Lock;
  /** what an amendment has changed */
  readonly changes: readonly string[];
}

/** What {@link verifyPlan} returns: plain data. */
export interface Verification {
  readonly status: "intact" | "changed" | "damaged";
  readonly file: string;
  readonly frozenAt: string;
  readonly hash: string;
  readonly amendments: Lock["amendments"];
  /** since it was frozen, in words */
  readonly changes: readonly string[];
}

/** A salt of a plan that was frozen before. */
export interface PastSalt {
  readonly salt: string;
  /** the project's name then */
  readonly plan: string;
  readonly frozenAt: string;
}

const hashOf = (value: unknown) => sha256(canonicalJson(value));

/**
 * Freezes the plan: measures the recorded traffic (from the newest run of the same inputs, if there is one) and writes
 * `plan.lock.json` beside the plan, with a copy in `.foretaste/locks`.
 *
 * @param why the reason to freeze a plan again that is frozen already; kept as an amendment
 * @throws InputError when there is a lock and no reason
 */
export async function freezePlan(
  project: Project,
  options: RunOptions & { readonly why?: string | undefined },
  onProgress: Progress = () => {},
): Promise<FrozenPlan> {
  const file = lockFile(project);
  const before = readLock(project);
  if (options.why !== undefined && options.why.trim() === "") {
    throw new InputError("--amend", "the reason is empty", "say why the plan is frozen again: it is kept");
  }
  if (!before && options.why !== undefined) {
    throw new InputError("--amend", "nothing is frozen yet", "leave it out");
  }
  if (before && options.why === undefined) {
    throw new InputError(
      shown(project, file),
      `the plan was frozen at ${before.frozenAt}`,
      'to freeze it again say why: --amend "…"; for a new rollout remove the file and write a new salt',
    );
  }
  const measured = await measure(project, { ...options, resume: true }, onProgress);
  const { plan } = measured.project;
  const { calibration } = simulationInput(plan, measured.outcomes, []).plan;
  if (!calibration) throw new RangeError("a simulated plan has no calibration");
  const frozen: Frozen = {
    name: project.name,
    plan: { ...plan, calibration },
    policies: hashesOf(measured.run.manifest.policies),
    reference: referenceOf(plan, measured.outcomes),
  };
  const at = options.startedAt.toISOString();
  const changes = before ? changesSince(before, frozen) : [];
  const amendments = before ? [...before.amendments, { at, why: options.why ?? "", changes }] : [];
  const lock = lockOf(JSON.parse(JSON.stringify(frozen)) as Frozen, at, amendments, hashOf);
  const text = `${JSON.stringify(lock, null, 2)}\n`;
  writeTextFile(join(locksFolder(project, options.out), `${lock.hash.slice(0, 16)}.json`), text);
  writeTextFile(file, text);
  return { file, lock, changes };
}

/**
 * What has changed since the plan was frozen.
 *
 * @throws InputError when it was not
 */
export async function verifyPlan(project: Project): Promise<Verification> {
  const lock = readLock(project);
  const file = lockFile(project);
  if (!lock) throw notFrozen(project);
  const changes = await changesOf(project, lock);
  const status = isWhole(lock, hashOf) ? (changes.length === 0 ? "intact" : "changed") : "damaged";
  const { frozenAt, hash, amendments } = lock;
  return { status, file, frozenAt, hash, amendments, changes };
}

function notFrozen(project: Project): InputError {
  return new InputError(
    shown(project, lockFile(project)),
    "the plan is not frozen",
    "freeze it: foretaste plan freeze",
  );
}

/** `plan.lock.json` for `plan.yaml`. */
export function lockFile({ planFile }: Project): string {
  return planFile.replace(/(\.(ya?ml|json))?$/i, ".lock.json");
}

/**
 * The lock beside the plan; undefined when there is none.
 *
 * @throws InputError when it is not one
 */
export function readLock(project: Project): Lock | undefined {
  const file = lockFile(project);
  if (!existsSync(file)) return undefined;
  const place = shown(project, file);
  if (statSync(file).isDirectory()) throw new InputError(place, "is a folder", "move it away");
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new InputError(place, "is not JSON", "restore it from version control", { cause });
  }
  const read = lockSchema.safeParse(value);
  if (read.success) return value as Lock;
  const version = (value as { readonly schemaVersion?: unknown } | null)?.schemaVersion;
  throw typeof version === "number" && version !== 1
    ? new InputError(
        place,
        `was written by another version (schemaVersion ${version})`,
        "move it away and freeze the plan again",
      )
    : new InputError(place, "is not a lock of a plan", "restore it from version control, or move it away");
}

/** Whether a lock is as it was written. */
export function isIntact(lock: Lock): boolean {
  return isWhole(lock, hashOf);
}

/** What project, plan and policies say otherwise than the lock, in words. */
export async function changesOf(project: Project, lock: Lock): Promise<string[]> {
  // a project that only judges names no policies
  const policies = project.lanes.length === 0 ? lock.policies : hashesOf(await identifyPolicies(project));
  const current = { plan: withMaturity(project, lock), policies };
  const renamed = lock.name === project.name ? [] : [`project: ${lock.name} → ${project.name}`];
  return [...renamed, ...changesSince(lock, JSON.parse(JSON.stringify(current)) as typeof current)];
}

/** Salts of plans that were frozen for other candidates: to use one again puts the same units into the canary. */
export async function pastSaltsOf(project: Project, out?: string): Promise<PastSalt[]> {
  const folder = locksFolder(project, out);
  if (!existsSync(folder)) return [];
  const candidate = hashesOf(await identifyPolicies(project))[project.compared.candidate]?.hash;
  return readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const lock = readJsonFile<Lock>(join(folder, file));
      if (!lock || !lockSchema.safeParse(lock).success) return [];
      const own = lock.policies[project.compared.candidate]?.hash;
      return own === candidate ? [] : [{ salt: lock.plan.salt, plan: lock.name, frozenAt: lock.frozenAt }];
    });
}

function locksFolder({ folder }: Project, out = folder): string {
  return join(out, ".foretaste", "locks");
}

/** Labels showed, when the plan was frozen, how late values are known. */
function withMaturity({ plan, maturedByLabels }: Project, lock: Lock): Project["plan"] {
  const frozen = new Map(lock.plan.guardrails.map(({ metric }) => [metric.name, metric.matureAfterMs]));
  return {
    ...plan,
    guardrails: plan.guardrails.map((guardrail) => {
      const { metric } = guardrail;
      const matureAfterMs = maturedByLabels.includes(metric.name)
        ? (frozen.get(metric.name) ?? metric.matureAfterMs)
        : metric.matureAfterMs;
      return { ...guardrail, metric: { ...metric, matureAfterMs } };
    }),
  };
}

function hashesOf(policies: Readonly<Partial<Record<string, PolicyIdentity>>>): Frozen["policies"] {
  return Object.fromEntries(
    Object.entries(policies).flatMap(([lane, policy]) =>
      policy ? [[lane, { name: policy.name, hash: policy.hash }]] : [],
    ),
  );
}

function shown({ folder }: Project, file: string): string {
  return relative(folder, file) || file;
}
