import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { init, parse } from "es-module-lexer";
import { canonicalJson, sha256, sha256OfFile } from "../io/hash.ts";
import { InputError } from "../plan/input-error.ts";
import { loadPolicy, type Policy } from "./policy.ts";

/** A module to be identified in a thread. */
export interface IdentifyJob {
  readonly identify: string;
  readonly timeoutMs: number;
}

/** Who a policy is. */
export interface PolicyIdentity {
  readonly name: string;
  readonly hash: string;
  readonly network: boolean;
  /** it answers batches of requests */
  readonly batch: boolean;
}

/**
 * Loads a policy and says who it is; done in a thread, where a module cannot end the program.
 *
 * @throws InputError for a module that is no policy, or is not loaded in time
 */
export async function identifyPolicy(module: string, timeoutMs: number): Promise<PolicyIdentity> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new InputError(
            module,
            `is not loaded after ${timeoutMs} ms`,
            "look for an await at its top level that never ends",
          ),
        ),
      timeoutMs,
    );
  });
  try {
    const policy = await Promise.race([loadPolicy(module), late]);
    const batch = policy.open === undefined;
    const network = policy.network === true;
    if (batch && network) {
      throw new InputError(
        module,
        "calls a network and answers batches",
        "answer one request at a time (open), so that calls can be counted and resumed",
      );
    }
    return { name: `${policy.name} ${policy.version}`, hash: await policyVersion(policy, module), network, batch };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The hash of a policy's version: configuration, module, everything it imports by relative path, and its declared files.
 *
 * Packages that it imports by name are not in it; a lock file is where their versions are kept.
 *
 * @throws InputError for a declared file that does not exist
 */
export async function policyVersion(policy: Policy, module: string): Promise<string> {
  await init;
  const folder = dirname(module);
  const files = new Set(await importedFiles(module, new Set()));
  for (const file of policy.files ?? []) {
    const path = resolve(folder, file);
    if (!existsSync(path))
      throw new InputError(module, `declares the file ${file}, which does not exist`, "check files: […] of the policy");
    files.add(path);
  }
  const contents = await Promise.all(
    [...files].sort().map(async (file) => [relative(folder, file), await sha256OfFile(file)] as const),
  );
  const { name, version, config = {} } = policy;
  try {
    return sha256(canonicalJson({ name, version, config, files: contents }));
  } catch (cause) {
    throw new InputError(
      module,
      `its config cannot be written as JSON (${(cause as Error).message})`,
      "keep plain values in config",
      { cause },
    );
  }
}

async function importedFiles(file: string, seen: Set<string>): Promise<Set<string>> {
  if (seen.has(file) || !existsSync(file)) return seen;
  seen.add(file);
  const text = await readFile(file, "utf8");
  const [imports] = /\.json$/.test(file) ? [[]] : parse(text, file);
  const required = [...text.matchAll(/\brequire\(\s*["'](\.[^"']+)["']\s*\)/g)].map(([, specifier]) => specifier);
  for (const specifier of [...imports.map((own) => own.specifier), ...required]) {
    if (specifier?.startsWith(".")) await importedFiles(resolve(dirname(file), specifier), seen);
  }
  return seen;
}
