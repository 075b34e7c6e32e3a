import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadProject } from "../../rehearsal/project.ts";
import { simulatePlan } from "../../rehearsal/rehearse.ts";
import { traceSimulation } from "../../rehearsal/trace-simulation.ts";
import { parquetRows, policyModule, projectFolder, requests, runOptions } from "../support/project-folder.ts";

const log = requests(1920, 1).map((request, i) => ({
  ...request,
  at: new Date(Date.UTC(2026, 0, 5) + i * 15_000).toISOString(),
}));
const plan = {
  margins: { completion: "10pp" },
  stages: [
    { name: "tenth", exposure: "10%", duration: { min: "1h", max: "3h" }, minimumSample: 1, lookEvery: "30min" },
    { name: "half", exposure: "50%", duration: { min: "1h", max: "3h" }, minimumSample: 1, lookEvery: "30min" },
    { name: "full", exposure: "100%" },
  ],
  rule: { evidence: "sequential" },
};
const half = policyModule({ respond: "({ measures: { completed: request.n % 3 !== 0 } })" });

describe("a traced rollout", () => {
  it("is the one of the table, look by look, and its last look is what ended it", async () => {
    const folder = projectFolder({ log, plan, files: { "control.mjs": half, "candidate.mjs": half } });
    const project = await loadProject(folder);
    const options = { ...runOptions(), salts: 3, replicatesPerSalt: 5 };
    const { run } = await simulatePlan(project, options);
    const rows = await parquetRows<{
      readonly scenario: string;
      readonly salt: number;
      readonly replicate: number;
      readonly end: string;
      readonly stage: string;
      readonly hours: number;
    }>(join(folder, ".foretaste/runs", run.id, "rollouts.parquet"));
    const chosen = rows.filter((_, i) => i % 11 === 0);
    expect(chosen.length).toBeGreaterThan(3);
    for (const { scenario, salt, replicate, end, stage, hours } of chosen) {
      const { looks } = await traceSimulation(project, options, { scenario, salt, replicate });
      const last = looks.at(-1);
      expect([last?.stage, last?.hours]).toEqual([stage, hours]);
      const { action } = last?.decision ?? {};
      expect(action).toBe({ promoted: "promote", rolledBack: "rollback", stopped: "hold" }[end]);
      expect(looks.slice(0, -1).every(({ decision }) => decision.action !== "rollback")).toBe(true);
    }
  });

  it("of a scenario that is not simulated is refused", async () => {
    const project = await loadProject(projectFolder({ log, plan }));
    const options = { ...runOptions(), salts: 2, replicatesPerSalt: 2 };
    await expect(traceSimulation(project, options, { scenario: "no_chnage", salt: 0, replicate: 0 })).rejects.toThrow(
      /--trace: unknown scenario no_chnage; did you mean no_change\?/,
    );
    await expect(traceSimulation(project, options, { scenario: "no_change", salt: 0, replicate: 2 })).rejects.toThrow(
      /--replicate: a salt has 2 replicates, numbered from 0/,
    );
  });
});
