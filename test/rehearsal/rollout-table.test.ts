import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exportTable } from "../../rehearsal/export.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { replayTraffic, simulatePlan } from "../../rehearsal/rehearse.ts";
import { parquetRows, projectFolder, requests, runOptions } from "../support/project-folder.ts";

const log = requests(480).map((request, i) => ({
  ...request,
  at: new Date(Date.UTC(2026, 0, 5) + i * 60_000).toISOString(),
}));

interface Row {
  readonly scenario: string;
  readonly salt: number;
  readonly replicate: number;
  readonly end: string;
  readonly stage: string;
  readonly hours: number;
  readonly units_exposed: number;
  readonly because: string | null;
}

describe("the table of simulated rollouts", () => {
  it("has a row for every replicate, whose shares are the rates of the result", async () => {
    const folder = projectFolder({ log });
    const project = await loadProject(folder);
    const { scenarios, run } = await simulatePlan(project, { ...runOptions(), salts: 4, replicatesPerSalt: 5 });
    const file = join(folder, "rollouts.parquet");
    const exported = await exportTable({ folder: join(folder, ".foretaste/runs", run.id), table: "rollouts", file });
    expect(exported).toMatchObject({ table: "rollouts", lanes: [], rows: 20 * scenarios.length });
    const rows = await parquetRows<Row>(file);
    expect(rows.map(({ scenario, salt, replicate }) => [scenario, salt, replicate])).toEqual(
      scenarios.flatMap(({ name }) => Array.from({ length: 20 }, (_, i) => [name, Math.floor(i / 5), i % 5])),
    );
    for (const { name, rollback, promote, byMetric } of scenarios) {
      const own = rows.filter(({ scenario }) => scenario === name);
      const share = (end: string) => own.filter((row) => row.end === end).length / own.length;
      expect([share("rolledBack"), share("promoted")]).toEqual(
        [rollback, promote].map((rate) => (rate.status === "ok" ? rate.value : Number.NaN)),
      );
      for (const { metric, rollback: caused } of byMetric) {
        expect(own.filter(({ because }) => because === metric).length / own.length).toBe(caused);
      }
      for (const { stage, hours, units_exposed: exposed } of own) {
        expect([stage, hours > 0, exposed > 0]).toEqual(["half", true, true]);
      }
    }
  });

  it("is not there before anything was simulated", async () => {
    const folder = projectFolder({ log });
    const run = await replayTraffic(await loadProject(folder), runOptions());
    await expect(
      exportTable({ folder: run.folder, table: "rollouts", file: join(folder, "x.parquet") }),
    ).rejects.toThrow(/has no rollouts yet; go on in it: foretaste simulate --resume/);
  });
});
