import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Policy } from "../../shadow/policy.ts";
import { policyVersion } from "../../shadow/policy-version.ts";
import { temporaryFolder } from "../support/folders.ts";
import { writeFiles } from "../support/import-log.ts";
import { refusal } from "../support/refusal.ts";

const policy: Policy = {
  name: "support",
  version: "2.4",
  config: { model: "m", temperature: 0, tools: ["lookup"] },
  files: ["prompt.md"],
  open: () => ({ respond: () => ({}) }),
};

/** A policy's folder: a module that imports others, a prompt, and files that do not belong to it. */
function folder(): string {
  const own = temporaryFolder();
  writeFiles(own, {
    "policy.mjs":
      'import { skill } from "./skill.mjs";\nexport * from "./again.mjs";\nconst late = () => import("./late.mjs");\n',
    "skill.mjs": 'import "./deep.mjs";\nimport "node:fs";\nimport "./policy.mjs";\nexport const skill = 1;\n',
    "again.mjs": "export const again = 1;\n",
    "deep.mjs": "export const deep = 1;\n",
    "late.mjs": "export const late = 1;\n",
    "prompt.md": "Be brief.",
    "notes.md": "unrelated",
    "other.mjs": "export const other = 1;\n",
  });
  return own;
}

const versionIn = (own: string, changes: Partial<Policy> = {}) =>
  policyVersion({ ...policy, ...changes }, join(own, "policy.mjs"));

describe("the hash of a policy's version", () => {
  it("is the same wherever the policy lies, and however its configuration is ordered", async () => {
    const first = await versionIn(folder());
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await versionIn(folder())).toBe(first);
    expect(await versionIn(folder(), { config: { tools: ["lookup"], temperature: 0, model: "m" } })).toBe(first);
  });

  it.each<[string, Partial<Policy>]>([
    ["its name", { name: "other" }],
    ["its version", { version: "2.5" }],
    ["a value of its configuration", { config: { ...policy.config, temperature: 0.1 } }],
    ["a further value of its configuration", { config: { ...policy.config, maxTokens: 1 } }],
    ["the order of a list", { config: { ...policy.config, tools: ["refund", "lookup"] } }],
    ["a date in its configuration", { config: { ...policy.config, since: new Date(1) } }],
    ["its declared files", { files: [] }],
  ])("changes with %s", async (_, changes) => {
    const own = folder();
    const config = { ...policy.config, ...(changes.config?.since ? { since: new Date(0) } : {}) };
    expect(await versionIn(own, changes)).not.toBe(await versionIn(own, { config }));
  });

  it.each(["policy.mjs", "skill.mjs", "deep.mjs", "again.mjs", "late.mjs", "prompt.md"])(
    "changes with the file %s",
    async (file) => {
      const own = folder();
      const before = await versionIn(own);
      writeFiles(own, {
        [file]: `// changed\n${file === "policy.mjs" || file === "skill.mjs" ? 'import "./deep.mjs";' : ""}`,
      });
      expect(await versionIn(own)).not.toBe(before);
    },
  );

  it("does not change with a file that is neither imported nor declared", async () => {
    const own = folder();
    const before = await versionIn(own);
    writeFileSync(join(own, "notes.md"), "changed");
    writeFileSync(join(own, "other.mjs"), "changed");
    writeFileSync(join(own, "new.mjs"), "new");
    expect(await versionIn(own)).toBe(before);
  });

  it("is refused where a declared file does not exist", async () => {
    expect(await refusal(() => versionIn(folder(), { files: ["prompts.md"] }))).toMatch(
      /policy\.mjs: declares the file prompts\.md, which does not exist; check files: /,
    );
  });
});
