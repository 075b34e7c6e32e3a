import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repository, temporaryFolder } from "./support/folders.ts";
import { run } from "./support/run-cli.ts";

const file = join(repository, "README.md");
const readme = readFileSync(file, "utf8");
const block = /(<!-- output of npm start -->\n```text\n)([\s\S]*?)(```)/;

/** The repository as it is cloned, with its dependencies: `npm start` builds, and other tests use the build meanwhile. */
function clone(): string {
  const folder = join(temporaryFolder(), "foretaste");
  cpSync(repository, folder, {
    recursive: true,
    filter: (source) => !/\/(node_modules|dist|\.git|\.foretaste|logs)(\/|$)/.test(source.slice(repository.length - 1)),
  });
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** What differs from run to run and from machine to machine. */
function steady(text: string): string {
  return text.replace(/runs\/[^/]+\//, "runs/…/").replace(/node v\S+/, "node …");
}

describe("the README", () => {
  it("shows the real output of npm start, which ends with exit code 11", async () => {
    const cwd = clone();
    const { stdout, code } = await run("npm", ["start", "--silent"], { cwd });
    const shown = steady(stdout);
    if (process.env.UPDATE_GOLDEN)
      writeFileSync(
        file,
        readme.replace(block, (_, open, __, close) => open + shown + close),
      );
    expect(block.exec(readFileSync(file, "utf8"))?.[2]).toBe(shown);
    expect(code).toBe(11);
    const report = /report: (.*)/.exec(stdout)?.[1] as string;
    expect(existsSync(join(cwd, report))).toBe(true);
  });

  it("names scripts and files that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    for (const [, script] of readme.matchAll(/npm (?:run )?(start|test|bench)\b/g))
      expect(scripts).toHaveProperty(script as string);
    for (const [, path] of readme.matchAll(/\]\(([^)#:]+)\)/g))
      expect(existsSync(join(repository, path as string)), path).toBe(true);
  });
});
