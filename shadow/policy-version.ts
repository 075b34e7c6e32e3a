import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { init, parse } from "es-module-lexer";
import { canonicalJson, sha256, sha256OfFile } from "../io/hash.ts";
import { InputError } from "../plan/input-error.ts";
import type { Policy } from "./policy.ts";

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
  return sha256(canonicalJson({ name, version, config, files: contents }));
}

async function importedFiles(file: string, seen: Set<string>): Promise<Set<string>> {
  if (seen.has(file) || !existsSync(file)) return seen;
  seen.add(file);
  const [imports] = parse(await readFile(file, "utf8"), file);
  for (const { specifier } of imports) {
    if (specifier?.startsWith(".")) await importedFiles(resolve(dirname(file), specifier), seen);
  }
  return seen;
}
