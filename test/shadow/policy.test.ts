import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { definePolicy, loadPolicy, type Policy } from "../../shadow/policy.ts";
import { temporaryFolder } from "../support/folders.ts";
import { writeFiles } from "../support/import-log.ts";
import { refusal } from "../support/refusal.ts";

function moduleOf(text: string, name = "policy.mjs"): string {
  const folder = temporaryFolder();
  writeFiles(folder, { [name]: text });
  return join(folder, name);
}

describe("a policy's module", () => {
  it("exports the policy by default, as an ES module or as CommonJS", async () => {
    const object = '{ name: "a", version: "1", open() {} }';
    expect(await loadPolicy(moduleOf(`export default ${object}`))).toMatchObject({ name: "a", version: "1" });
    expect(await loadPolicy(moduleOf(`module.exports = ${object}`, "policy.cjs"))).toMatchObject({ name: "a" });
  });

  it.each([
    ["a syntax error", "export default {", /cannot be loaded \(.+\); mend the module/],
    ["an error while it is loaded", "throw new Error('no key')", /cannot be loaded \(no key\); mend the module/],
    [
      "an import that does not exist",
      'import "./nowhere.mjs"',
      /cannot be loaded \(.*nowhere.*\); check the path and what the module imports$/,
    ],
    ["no default export", "export const policy = 1", /exports no policy by default \(name, version, open missing\); /],
    ["null", "export default null", /exports no policy by default \(name, version, open missing\); /],
    ["a function", "export default () => {}", /exports no policy by default \(version, open missing\); /],
    [
      "a policy without open",
      'export default { name: "a", version: "1" }',
      /\(open missing\); write export default definePolicy/,
    ],
    ["a version that is a number", 'export default { name: "a", version: 2.1, open() {} }', /\(version missing\)/],
  ])("is refused with %s", async (_, text, message) => {
    expect(await refusal(() => loadPolicy(moduleOf(text)))).toMatch(message);
  });

  it("is refused when it is not there", async () => {
    expect(await refusal(() => loadPolicy(join(temporaryFolder(), "policy.mjs")))).toMatch(
      /policy\.mjs: cannot be loaded/,
    );
  });
});

describe("definePolicy", () => {
  it("returns the policy itself", () => {
    const policy: Policy = { name: "a", version: "1", open: () => ({ respond: () => ({}) }) };
    expect(definePolicy(policy)).toBe(policy);
  });
});
