import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freezePlan, lockFile, pastSaltsOf, readLock, verifyPlan } from "../../rehearsal/freeze.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { policyModule, projectFolder, requests, runOptions } from "../support/project-folder.ts";

const calibrated = { rule: { evidence: "calibrated" } };

/** A user comes with two sessions of two requests, a minute apart. */
const log = requests(480).map((request, i) => ({
  ...request,
  at: new Date(Date.UTC(2026, 0, 5) + i * 60_000).toISOString(),
}));

async function frozen(folder = projectFolder({ plan: calibrated, log })) {
  const project = await loadProject(folder);
  return { folder, project, frozen: await freezePlan(project, runOptions()) };
}

const edit = (folder: string, file: string, instead: string, written: string) => {
  const text = readFileSync(join(folder, file), "utf8");
  expect(text).toContain(instead);
  writeFileSync(join(folder, file), text.replace(instead, written));
};

describe("freezing a plan", () => {
  it("writes the plan, its policies, its planned samples and what the traffic was like, with one hash over all", async () => {
    const { project, frozen: own } = await frozen();
    expect(own.file).toBe(lockFile(project));
    expect(own.file).toMatch(/\/plan\.lock\.json$/);
    expect(readLock(project)).toEqual(own.lock);
    const { lock } = own;
    expect(lock).toMatchObject({
      schemaVersion: 1,
      name: "test",
      frozenAt: "2026-01-01T00:00:00.000Z",
      amendments: [],
      policies: { control: { name: "test 1" }, candidate: { name: "test 2" } },
      reference: { from: "2026-01-05T00:00:00.000Z", units: 120, sessions: 240 },
    });
    expect(lock.hash).toMatch(/^[0-9a-f]{64}$/);
    // a user every four minutes: thirty in the two hours of the stage, less one whose last request comes at its end
    const planned = lock.plan.calibration?.plannedSample as number[][];
    expect(planned).toHaveLength(1);
    for (const own of planned[0] as number[]) expect([0.25 * 30, 0.25 * 29]).toContain(own);
  });

  it("knows the control's ranges by day, its unit variance and its design effect", async () => {
    const completing = (share: string) => policyModule({ respond: `({ measures: { completed: ${share} } })` });
    const files = { "control.mjs": completing("request.n % 4 !== 0") };
    const { frozen: own } = await frozen(projectFolder({ plan: calibrated, log, files }));
    const [completion, failure] = own.lock.reference.guardrails;
    // requests 0 and 1, 2 and 3 make sessions: every one has a completed request
    expect(completion).toMatchObject({
      key: "completion",
      control: { low: 1, high: 1 },
      unitVariance: 0,
      designEffect: null,
    });
    expect(failure).toMatchObject({ key: "failure_rate", control: { low: 0, high: 0 } });
  });

  it("takes the newest run of the same inputs, and keeps a copy among the locks", async () => {
    const { folder } = await frozen();
    expect(readdirSync(join(folder, ".foretaste/runs"))).toHaveLength(1);
    rmSync(join(folder, "plan.lock.json"));
    await frozen(folder);
    expect(readdirSync(join(folder, ".foretaste/runs"))).toHaveLength(1);
    expect(readdirSync(join(folder, ".foretaste/locks"))).toHaveLength(1);
  });

  it("does not freeze a frozen plan again without a reason, and keeps the reason with what it changed", async () => {
    const { folder, project } = await frozen();
    await expect(freezePlan(project, runOptions())).rejects.toThrow(
      /^plan\.lock\.json: the plan was frozen at 2026-01-01T00:00:00\.000Z; to freeze it again say why: --amend "…"/,
    );
    edit(folder, "plan.yaml", "5pp", "6pp");
    const again = await freezePlan(await loadProject(folder), {
      ...runOptions({ startedAt: new Date(Date.UTC(2026, 0, 2)) }),
      why: "the margin was a slip",
    });
    expect(again.lock.amendments).toEqual([
      { at: "2026-01-02T00:00:00.000Z", why: "the margin was a slip", changes: ["margin of completion: 5pp → 6pp"] },
    ]);
  });
});

describe("the reason to freeze again", () => {
  it.each([
    ["is not empty", "  ", /--amend: the reason is empty; say why/],
    ["is of a frozen plan", "no", /--amend: nothing is frozen yet; leave it out/],
  ])("%s", async (_, why, message) => {
    const project = await loadProject(projectFolder({ plan: calibrated, log }));
    await expect(freezePlan(project, { ...runOptions(), why })).rejects.toThrow(message);
  });
});

describe("verifying a frozen plan", () => {
  it("finds nothing when nothing has changed", async () => {
    const { project } = await frozen();
    expect(await verifyPlan(project)).toMatchObject({ status: "intact", changes: [] });
  });

  it("says in words what has changed in plan, metrics and policies", async () => {
    const { folder } = await frozen();
    edit(folder, "plan.yaml", '"minimumSample": 1', '"minimumSample": 50');
    edit(folder, "foretaste.yaml", "bool_or(completed)", "bool_and(completed)");
    appendFileSync(join(folder, "candidate.mjs"), "// mended\n");
    const { status, changes } = await verifyPlan(await loadProject(folder));
    expect(status).toBe("changed");
    expect(changes).toEqual([
      expect.stringMatching(/^metric completion: .*bool_or\(completed\).* → .*bool_and\(completed\)/),
      "stage half, minimum sample: 1 → 50",
      expect.stringMatching(/^policy of candidate: test 2 \([0-9a-f]{12}\) → test 2 \([0-9a-f]{12}\)$/),
    ]);
  });

  it("finds a lock that was edited by hand", async () => {
    const { folder, project } = await frozen();
    edit(folder, "plan.lock.json", '"missedRegression": 0.1', '"missedRegression": 0.4');
    expect(await verifyPlan(project)).toMatchObject({
      status: "damaged",
      changes: ["budget missedRegression: 40% → 10%"],
    });
  });

  it.each([
    ["cut off", (text: string) => text.slice(0, 100), /^plan\.lock\.json: is not JSON; restore it/],
    [
      "of another version",
      (text: string) => text.replace('"schemaVersion": 1', '"schemaVersion": 9'),
      /was written by another version \(schemaVersion 9\); move it away and freeze the plan again/,
    ],
    ["another file", () => '{ "lockfileVersion": 3 }', /^plan\.lock\.json: is not a lock of a plan; restore it/],
  ])("refuses a lock that is %s", async (_, damage, message) => {
    const { folder, project } = await frozen();
    const file = join(folder, "plan.lock.json");
    writeFileSync(file, damage(readFileSync(file, "utf8")));
    await expect(verifyPlan(project)).rejects.toThrow(message);
  });

  it("says that a plan is not frozen", async () => {
    await expect(verifyPlan(await loadProject(projectFolder()))).rejects.toThrow(
      /^plan\.lock\.json: the plan is not frozen; freeze it: foretaste plan freeze$/,
    );
  });
});

describe("salts of plans that were frozen before", () => {
  it("are those of other candidates", async () => {
    const { folder, project } = await frozen();
    expect(await pastSaltsOf(project)).toEqual([]);
    appendFileSync(join(folder, "candidate.mjs"), "// the next release\n");
    expect(await pastSaltsOf(await loadProject(folder))).toEqual([
      { salt: "test", plan: "test", frozenAt: "2026-01-01T00:00:00.000Z" },
    ]);
  });
});
