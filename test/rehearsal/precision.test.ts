import { describe, expect, it } from "vitest";
import { loadProject } from "../../rehearsal/project.ts";
import { simulatePlan } from "../../rehearsal/rehearse.ts";
import { projectFolder, requests, runOptions } from "../support/project-folder.ts";

const log = requests(480).map((request, i) => ({
  ...request,
  at: new Date(Date.UTC(2026, 0, 5) + i * 60_000).toISOString(),
}));

describe("a precision", () => {
  it("adds replicates until every rate is known so well, and begins with the same ones", async () => {
    const project = await loadProject(projectFolder({ log }));
    const few = { ...runOptions(), salts: 4, replicatesPerSalt: 5 };
    const plain = await simulatePlan(project, few);
    const precise = await simulatePlan(project, { ...few, precision: 0.04, resume: true });
    expect(plain.simulation.replicates).toBe(20);
    expect(precise.simulation.replicates).toBeGreaterThan(20);
    const errors = precise.scenarios.flatMap(({ rollback, stop, promote }) =>
      [rollback, stop, promote].map((own) =>
        own.status === "ok" ? Math.max(own.high - own.value, own.value - own.low) : 1,
      ),
    );
    expect(Math.max(...errors)).toBeLessThanOrEqual(0.04);
    // as many at once give the same
    const { replicates } = precise.simulation;
    const once = await simulatePlan(project, { ...few, salts: replicates / 5, resume: true });
    expect(once.scenarios).toEqual(precise.scenarios);
  });
});
