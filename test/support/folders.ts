import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export const repository = fileURLToPath(new URL("../..", import.meta.url));

/** An empty folder that is removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "foretaste-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of a folder of `examples/`, without runs and logs, in a folder where the package is installed. */
export function copyExample(name: string): string {
  const root = temporaryFolder();
  mkdirSync(join(root, "node_modules"));
  symlinkSync(repository, join(root, "node_modules/foretaste"));
  const folder = join(root, name);
  cpSync(join(repository, "examples", name), folder, {
    recursive: true,
    filter: (source) => !/(\/logs|\/\.foretaste)(\/|$)/.test(source),
  });
  return folder;
}
