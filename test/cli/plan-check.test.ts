import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { PlanCheck, PlanReview } from "../../index.ts";
import { copyExample, repository } from "../support/folders.ts";
import { projectFolder } from "../support/project-folder.ts";
import { foretaste } from "../support/run-cli.ts";

const page = join(repository, "docs/plan.md");

/** The block after a marker: its command, and what it printed. */
const block = (marker: string) =>
  new RegExp(`(<!-- output of ${marker} -->\\n\`\`\`console\\n\\$ [^\\n]*\\n)([^\`]*)(\`\`\`)`);

/** Compares with the page, or writes it anew. */
function expectOnPage(marker: string, shown: string): void {
  const text = readFileSync(page, "utf8");
  if (process.env.UPDATE_GOLDEN)
    writeFileSync(
      page,
      text.replace(block(marker), (_, open, __, close) => open + shown + close),
    );
  expect(block(marker).exec(readFileSync(page, "utf8"))?.[2]).toBe(shown);
}

describe("foretaste plan check", () => {
  it("says of the bundled example what docs/plan.md shows", async () => {
    const project = copyExample("support-agent");
    expect((await foretaste(["generate", join(project, "logs/requests.jsonl")])).code).toBe(0);
    const without = await foretaste(["plan", "check", project]);
    expect(without.stdout).toMatch(/\nnot checked: samples, .* measure one first: foretaste compare\n$/);
    expect((await foretaste(["compare", project])).code).toBe(11);
    const { stdout, code } = await foretaste(["plan", "check", project]);
    expectOnPage("foretaste plan check", stdout);
    expect(code).toBe(0);
  });

  it("exits with 10 for an error, and prints with --json what it found and where", async () => {
    const project = projectFolder();
    const { stdout, code } = await foretaste(["plan", "check", project, "--json"]);
    const check = JSON.parse(stdout) as PlanCheck;
    expect(code).toBe(10);
    expect(check.run).toBeNull();
    expect(check.notChecked).toHaveLength(1);
    const [first] = check.findings;
    expect(first).toMatchObject({ check: "no-owner", severity: "error", place: "plan.yaml:1", path: ["owner"] });
    expect(Object.keys(first ?? {}).sort()).toEqual(["check", "fix", "path", "place", "problem", "reason", "severity"]);
  });

  it("prints errors first, each with place, fix and reason, and no warning as an error", async () => {
    const { stdout } = await foretaste(["plan", "check", projectFolder()]);
    const [errors, first, reason] = stdout.split("\n");
    expect(errors).toBe("1 error");
    expect(first).toMatch(/^ {2}plan\.yaml:1: no owner is named; write owner: /);
    expect(reason).toMatch(/^ {4}A hold waits for a person/);
    expect(stdout.indexOf("1 error")).toBeLessThan(stdout.indexOf(" warnings"));
  });

  it("is fit for a terminal whatever the plan is called", async () => {
    const project = projectFolder({
      plan: {
        salt: "x",
        assignBy: "session",
        stages: [{ name: "a\u001b[31m", exposure: "50%", duration: { max: "2h" }, minimumSample: 1, lookEvery: "1h" }],
      },
    });
    const { stdout } = await foretaste(["plan", "check", project]);
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toMatch(/assignBy is session/);
  });
});

describe("foretaste plan review", () => {
  it("prints of the bundled example what docs/plan.md shows", async () => {
    const project = copyExample("support-agent");
    await foretaste(["generate", join(project, "logs/requests.jsonl"), "--sessions", "100"]);
    const { stdout, code } = await foretaste(["plan", "review", project]);
    expectOnPage("foretaste plan review", stdout);
    expect(code).toBe(0);
  });

  it("prints with --json what reviewPlan returns", async () => {
    const { stdout, code } = await foretaste(["plan", "review", projectFolder(), "--json"]);
    const review = JSON.parse(stdout) as PlanReview;
    expect(code).toBe(0);
    expect(review).toMatchObject({ owner: null, channel: null, evidence: "fixed", salt: "test" });
    expect(review.stages.map(({ name }) => name)).toEqual(["half", "full"]);
    expect(review.thresholds.map(({ guardrail }) => guardrail)).toEqual(["completion", "failure_rate"]);
  });
});
