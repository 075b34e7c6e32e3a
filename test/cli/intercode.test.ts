import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Result } from "../../reports/result.ts";
import { copyExample, repository } from "../support/folders.ts";
import { foretaste } from "../support/run-cli.ts";

const recorded = join(repository, "..", "shared", "data", "agents");
const there = existsSync(recorded);
if (!there)
  console.info("skipped: the InterCode logs are not beside the project, see examples/intercode-sql/README.md");

/**
 * Known answers: princeton-nlp/intercode @ c3e46d8, data/results/sql, counted in the original files.
 */
describe.skipIf(!there)("the InterCode example, gpt-3.5 to gpt-4 on 1,034 tasks", () => {
  it("finds the known answers and says go", async () => {
    const project = copyExample("intercode-sql");
    mkdirSync(join(project, "logs"));
    for (const model of ["gpt-3.5", "gpt-4"]) {
      const file = `ic_sql_multiturn_${model}_10_turns.json.gz`;
      cpSync(join(recorded, file), join(project, "logs", file));
    }
    const { code, stdout, stderr } = await foretaste(["rehearse", project, "--json"]);
    expect(stderr).not.toMatch(/error/i);
    const result = JSON.parse(stdout) as Result;
    const metric = (name: string) => result.comparison.metrics.find((own) => own.name === name);

    expect(metric("success_rate")?.control).toBeCloseTo(0.4729, 4);
    expect(metric("success_rate")?.candidate).toBeCloseTo(0.7369, 4);
    expect(metric("success_rate")?.paired).toEqual({ both: 439, controlOnly: 50, candidateOnly: 323, neither: 222 });
    expect(metric("success_rate")?.test).toBe("McNemar, exact");
    expect((metric("success_rate")?.pValue as number) / 4.985694469285004e-50).toBeCloseTo(1, 9);
    expect(metric("success_rate")?.n).toEqual({ control: 1034, candidate: 1034, pairs: 1034, units: 1034 });
    expect(metric("invalid_action_rate")?.control).toBeCloseTo(0.5654, 4);
    expect(metric("invalid_action_rate")?.candidate).toBeCloseTo(0.2882, 4);
    expect(metric("turns_per_task")?.control).toBeCloseTo(7.2524, 4);
    expect(metric("turns_per_task")?.candidate).toBeCloseTo(5.6741, 4);

    const byHardness = Object.fromEntries(
      result.comparison.segments
        .filter((segment) => segment.metric === "success_rate")
        .map(({ value, n, control, candidate }) => [value, [n.control, control?.toFixed(4), candidate?.toFixed(4)]]),
    );
    expect(byHardness).toEqual({
      easy: [248, "0.7258", "0.8750"],
      medium: [446, "0.4439", "0.7668"],
      hard: [174, "0.4368", "0.6667"],
      extra: [166, "0.2108", "0.5241"],
    });
    expect(result.verdict.decision).toBe("go");
    expect(code).toBe(0);
    expect(result.traffic.arrivals).toBe("500 sessions a day, flat");
    expect(result.limits.join()).toMatch(/hour of stated arrivals/);
  });
});
