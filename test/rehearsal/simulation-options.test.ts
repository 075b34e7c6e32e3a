import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadProject } from "../../rehearsal/project.ts";
import { simulatePlan } from "../../rehearsal/rehearse.ts";
import { parquetRows, projectFolder, requests, runOptions } from "../support/project-folder.ts";

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

describe("scenarios", () => {
  it("of a module, and under conditions of their own, are simulated beside the others, in the order of the result's", async () => {
    const folder = projectFolder({
      log,
      plan: { rule: { evidence: "fixed", rollbackFloor: 1 } },
      project: {
        scenarios: [
          { module: "none.mjs" },
          "low_traffic",
          "request_routing",
          { name: "spilled", harms: [{ completion_drop: { by: "20pp" } }], spilled: "100%" },
        ],
      },
      files: {
        "none.mjs": `export default {
          name: "nobody completes", story: "It is down.", change: () => ({ completion: 0 }),
        };`,
      },
    });
    const project = await loadProject(folder);
    const { scenarios } = await simulatePlan(project, { ...runOptions(), salts: 3, replicatesPerSalt: 4 });
    const names = scenarios.map(({ name }) => name);
    expect(names.slice(-4)).toEqual(["nobody completes", "low_traffic:25%", "request_routing", "spilled"]);
    const own = (name: string) => scenarios.find((scenario) => scenario.name === name);
    expect(own("nobody completes")).toMatchObject({
      note: "a module of the project: It is down.",
      rollback: { value: 1 },
    });
    // half of the requests that come in an hour or two, each a lost completion
    expect(own("nobody completes")?.sessionsHarmed?.p50).toBe(own("nobody completes")?.costs?.[0]?.p50);
    expect(own("low_traffic:25%")?.unitsExposed.p50).toBeLessThan(0.5 * (own("no_change")?.unitsExposed.p50 as number));
    // users have two sessions: whoever comes twice meets both arms
    expect(own("request_routing")?.stop).toMatchObject({ value: 1 });
    expect(scenarios.map(({ replicates }) => replicates)).toEqual(scenarios.map(() => 12));
  });
});

describe("starts", () => {
  it("are taken in turns, each salt's rollouts being those of a log that begins there", async () => {
    const folder = projectFolder({ log });
    const project = await loadProject(folder);
    const few = { ...runOptions(), salts: 7, replicatesPerSalt: 5, startEveryMs: 2 * 3_600_000 };
    const { simulation, run, scenarios } = await simulatePlan(project, few);
    // eight hours of log, two of plan
    expect(simulation.starts).toBe(3);
    expect(simulation.notes).toEqual(["rollouts start at 3 times of the log, which salts take in turns"]);
    const rows = (file: string) =>
      parquetRows<{ scenario: string; salt: number; start_hours: number; end: string; units_exposed: number }>(
        join(file, ".foretaste/runs", run.id, "rollouts.parquet"),
      );
    const found = await rows(folder);
    for (const { salt, start_hours } of found) expect(start_hours).toBe([0, 2, 4][salt % 3]);
    expect(found).toHaveLength(35 * scenarios.length);
    const of = (all: typeof found, start: number, salts: readonly number[]) =>
      all.filter(({ start_hours, salt }) => start_hours === start && salts.includes(salt));
    const plain = await simulatePlan(project, { ...few, startEveryMs: undefined, resume: true });
    expect(plain.simulation.starts).toBe(1);
    const atOnce = await rows(folder);
    expect(of(atOnce, 0, [0, 3, 6])).toEqual(of(found, 0, [0, 3, 6]));
    expect(of(atOnce, 0, [1, 4])).not.toEqual(of(found, 2, [1, 4]));
  });

  it("that leave no room are the log's beginning alone", async () => {
    const project = await loadProject(projectFolder({ log }));
    const { simulation } = await simulatePlan(project, { ...runOptions(), salts: 2, startEveryMs: 7 * 3_600_000 });
    expect(simulation).toMatchObject({
      starts: 1,
      notes: [expect.stringMatching(/^every rollout starts with the log/)],
    });
  });
});

describe("detection", () => {
  it("adds harm of 1.5 and 2 times each margin, which is found more surely the larger it is", async () => {
    const project = await loadProject(projectFolder({ log, plan: { margins: { completion: "20pp" } } }));
    const { scenarios } = await simulatePlan(project, {
      ...runOptions(),
      salts: 8,
      replicatesPerSalt: 10,
      detection: true,
    });
    const found = (name: string) => {
      const own = scenarios.find((scenario) => scenario.name === name);
      return { note: own?.note, rollback: own?.rollback.status === "ok" ? own.rollback.value : Number.NaN };
    };
    const [once, more, twice] = ["", ":1.5x", ":2x"].map((times) => found(`at_margin:completion${times}`));
    expect([more?.note, twice?.note]).toEqual(["harm of 1.5 times the margin", "harm of 2 times the margin"]);
    expect(more?.rollback).toBeGreaterThanOrEqual(once?.rollback as number);
    expect(twice?.rollback).toBeGreaterThanOrEqual(more?.rollback as number);
    expect(scenarios.find(({ name }) => name === "at_margin:failure_rate:2x")?.wrong).toBeUndefined();
  });
});
