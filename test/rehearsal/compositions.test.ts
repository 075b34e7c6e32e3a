import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parquetFiles } from "../../io/run-folder.ts";
import { exportTable } from "../../rehearsal/export.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { compareLanes, rehearse, simulatePlan } from "../../rehearsal/rehearse.ts";
import { jsonLines } from "../support/import-log.ts";
import { parquetRows, projectFolder, runOptions } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

const metrics = {
  coverage: { kind: "distinct-share", value: "string_split(items, ',')", draws: 2, catalogue: 8, better: "higher" },
  diversity: { kind: "entropy", value: "category", better: "higher" },
  calibration: { kind: "calibration-error", probability: "p_click", outcome: "clicked", better: "lower" },
  drift: { kind: "drift", value: "category", better: "lower" },
};
const margins = { coverage: "10pp", diversity: "0.3 bits", calibration: "0.05", drift: "0.05", failure_rate: "5pp" };

const measures = { items: "items", category: "category", p_click: "p_click", clicked: "clicked" };
const recordedLane = { recorded: { source: "control.jsonl", session: "session", at: "at", measures } };

/**
 * A recommender whose control shows eight items alike and two categories alike, and is right that a quarter clicks. Its
 * candidate shows item 0 to everyone, category A to three in four, and is sure of three clicks in four.
 */
function recommender(repeats: number, changes: { readonly project?: object; readonly plan?: object } = {}): string {
  const sessions = Array.from({ length: 40 * repeats }, (_, i) => ({ i, k: i % 40 }));
  const common = ({ i, k }: { i: number; k: number }) => ({
    session: `s${i}`,
    at: new Date(Date.UTC(2026, 0, 5) + (i * 12 * 3_600_000) / sessions.length).toISOString(),
    cohort: k % 2 === 0 ? "new" : "old",
    clicked: k % 4 === 0,
  });
  const control = sessions.map((own) => ({
    ...common(own),
    items: `${own.k % 4},${4 + (own.k % 4)}`,
    category: own.k % 2 === 0 ? "A" : "B",
    p_click: 0.25,
  }));
  const candidate = sessions.map((own) => ({
    ...common(own),
    items: `0,${4 + (own.k % 4)}`,
    category: own.k < 30 ? "A" : "B",
    p_click: 0.75,
  }));
  const recorded = (source: string, more: object = {}) => ({
    recorded: { source, session: "session", ...more, measures },
  });
  return projectFolder({
    files: { "control.jsonl": jsonLines(control), "candidate.jsonl": jsonLines(candidate) },
    project: {
      traffic: { attributes: ["cohort"] },
      control: recorded("control.jsonl", { at: "at" }),
      candidate: recorded("candidate.jsonl"),
      metrics,
      ...changes.project,
    },
    plan: { assignBy: "session", primary: "coverage", margins, ...changes.plan },
  });
}

describe("a recommender's compositions", () => {
  // one session a unit: the counts of 40 sessions, worked by hand
  const pairs = (n: number) => (n * (n - 1)) / 2;
  const missed = (times: number) => pairs(80 - times) / pairs(80);
  const coverage = { control: 1 - missed(10), candidate: (1 - missed(40) + 4 * (1 - missed(10))) / 8 };
  const bits = (p: number) => -p * Math.log2(p) - (1 - p) * Math.log2(1 - p);
  const ownVariance = (0.25 * 0.75) / 39;
  // of 40 pairs 15 go from B to A and 5 from A to B: Σ (d − mean)² = 20 − 40 · (1/4)²
  const pairedVariance = (20 - 40 * 0.25 ** 2) / 40 ** 2;
  const noDrift = (pairedVariance * (1 / 0.625 + 1 / 0.375)) / (8 * Math.LN2);
  const divergence = bits(0.625) - (bits(0.5) + bits(0.75)) / 2;

  it("are what counting by hand gives, in the comparison and in its difference", async () => {
    const { comparison } = await compareLanes(await loadProject(recommender(1)), runOptions());
    const expected: Readonly<Record<string, { control: number; candidate: number }>> = {
      coverage,
      // without one session in turn: one of 20 and 20, one of the 30 or of the 10
      diversity: {
        control: 40 - 39 * bits(19 / 39),
        candidate: 40 * bits(0.75) - 39 * (0.75 * bits(29 / 39) + 0.25 * bits(9 / 39)),
      },
      calibration: { control: -ownVariance, candidate: 0.25 - ownVariance },
      drift: { control: 0, candidate: divergence - noDrift },
    };
    for (const [name, { control, candidate }] of Object.entries(expected)) {
      const own = comparison.metrics.find((metric) => metric.name === name);
      expect(own?.control, name).toBeCloseTo(control, 12);
      expect(own?.candidate, name).toBeCloseTo(candidate, 12);
      expect(own?.difference).toMatchObject({ status: "ok", value: expect.closeTo(candidate - control, 12) });
      expect(own?.n).toEqual({ control: 40, candidate: 40, pairs: 40, units: 40 });
    }
    expect(comparison.metrics.find(({ name }) => name === "drift")?.relative).toMatchObject({ status: "undetermined" });
  });

  it("are those of the segment inside a segment, not shares of the whole", async () => {
    const { comparison } = await compareLanes(await loadProject(recommender(1)), runOptions());
    const inside = (metric: string, value: string) =>
      comparison.segments.find((own) => own.metric === metric && own.value === value);
    // the control gives category A to the new and B to the old: there is no diversity in either
    expect(inside("diversity", "new")?.control).toBeCloseTo(0, 12);
    expect(inside("diversity", "old")?.control).toBeCloseTo(0, 12);
    // a candidate whose 15 of 20 are A has drifted from one that has A only
    const only = bits(0.875) - bits(0.75) / 2;
    const variance = (20 * 0.25 * 0.75) / 20 ** 2;
    expect(inside("drift", "new")?.candidate).toBeCloseTo(
      only - (variance * (1 / 0.875 + 1 / 0.125)) / (8 * Math.LN2),
      12,
    );
  });

  it("are kept by session as they were shown", async () => {
    const { folder } = await rehearse(await loadProject(recommender(1)), {
      ...runOptions(),
      salts: 1,
      replicatesPerSalt: 1,
    });
    const [first] = await parquetRows<Record<string, unknown>>(parquetFiles(join(folder, "outcomes")));
    expect(JSON.stringify(first?.["coverage.control"])).toContain('"0","4"');
    expect(JSON.stringify(first?.["diversity.candidate"])).toContain('"A"');
    expect(JSON.stringify(first?.["calibration.candidate.probability"])).toContain("0.75");
    expect(JSON.stringify(first?.["calibration.candidate.outcome"])).toContain("1");
    // other tools have them as Arrow, too
    const { rows } = await exportTable({ folder, table: "outcomes", file: join(folder, "out.arrow") });
    expect(rows).toBe(40);
  });

  it("are simulated: the candidate is rolled back, no change is not, and each margin has its scenario", async () => {
    const { scenarios, simulation } = await simulatePlan(await loadProject(recommender(30)), {
      ...runOptions(),
      salts: 4,
      replicatesPerSalt: 25,
    });
    const rate = (name: string, end: "rollback" | "promote") => {
      const own = scenarios.find((scenario) => scenario.name === name)?.[end];
      return own?.status === "ok" ? own.value : Number.NaN;
    };
    expect(simulation.notes).toEqual([]);
    expect(rate("as_replayed", "rollback")).toBeGreaterThan(0.9);
    expect(rate("no_change", "rollback")).toBeLessThan(0.1);
    for (const name of Object.keys(metrics)) expect(rate(`at_margin:${name}`, "promote")).toBeLessThan(0.3);
  });

  it.each<[string, number, string, boolean]>([
    ["are passed on where nothing changes and margins are wide", 2, "0.9", true],
    ["are not passed on with more draws than an arm shows", 79, "0.9", false],
    // without drift the first order vanishes: only the second keeps the rule from passing on 20 sessions an arm
    ["are not passed on with a margin within the error that a drift has without any", 2, "0.001", false],
  ])("%s", async (_, draws, margin, promoted) => {
    const folder = recommender(1, {
      project: {
        control: recordedLane,
        candidate: recordedLane,
        metrics: { coverage: { ...metrics.coverage, draws }, drift: metrics.drift },
      },
      plan: { margins: { coverage: "99pp", drift: margin, failure_rate: "99pp" } },
    });
    const { scenarios } = await simulatePlan(await loadProject(folder), {
      ...runOptions(),
      salts: 2,
      replicatesPerSalt: 10,
    });
    const unchanged = scenarios.find(({ name }) => name === "no_change");
    if (promoted) expect(unchanged?.promote).toMatchObject({ value: expect.toSatisfy((rate: number) => rate > 0.5) });
    else expect(unchanged?.promote).toMatchObject({ value: 0 });
    expect(unchanged?.rollback).toMatchObject({ value: 0 });
  });
});

describe("a composition is refused at its place:", () => {
  const metric = (name: keyof typeof metrics, change: object) => ({
    project: { metrics: { ...metrics, [name]: { ...metrics[name], ...change } } },
  });

  it.each<[string, Parameters<typeof recommender>[1], RegExp]>([
    [
      "a share without its draws",
      metric("coverage", { draws: undefined }),
      /metric coverage has no draws; a distinct-share needs value and draws and catalogue$/,
    ],
    [
      "bins of what is not calibrated",
      metric("diversity", { bins: 5 }),
      /metric diversity has a bins; an entropy has only value$/,
    ],
    [
      "a higher drift that is better",
      metric("drift", { better: "higher" }),
      /metric drift says that a higher drift is better; it measures a fault: write better: lower$/,
    ],
    [
      "the worst value of a lane's diversity",
      metric("diversity", { whenFailed: "worst" }),
      /metric diversity takes the worst value of an entropy; a single session has none: failed sessions are missing, .* remove whenFailed$/,
    ],
    [
      "a unit of its own",
      metric("diversity", { measuredIn: "nats" }),
      /metric diversity is measured in nats; an entropy is in bits: remove measuredIn$/,
    ],
    [
      "a margin in a segment",
      { plan: { margins: { ...margins, "diversity@cohort=new": "0.3" } } },
      /plan\.yaml: margins: diversity@cohort=new guards an entropy in a segment, which is not simulated; guard diversity over all sessions; /,
    ],
    [
      "harm in a segment",
      { project: { scenarios: [{ metric_shift: { metric: "diversity", by: "0.3", where: { cohort: "new" } } }] } },
      /metric_shift harms an entropy in a segment, which is not simulated; harm it over all sessions: remove where$/,
    ],
  ])("%s", async (_, changes, message) => {
    expect(await refusal(() => loadProject(recommender(1, changes ?? {})))).toMatch(message);
  });

  it.each<[string, Parameters<typeof recommender>[1], RegExp]>([
    [
      "a catalogue smaller than what is shown",
      metric("coverage", { catalogue: 7 }),
      /^metric coverage: has a catalogue of 7 items, but control shows 8 different ones; count all items/,
    ],
    [
      "a percentage as probability",
      metric("calibration", { probability: "100 * p_click" }),
      /^metric calibration: has the probability 25 in control; a probability lies between 0 and 1: divide/,
    ],
    [
      "an outcome that is a number",
      metric("calibration", { outcome: "2 * p_click" }),
      /^metric calibration: has the outcome 0\.5 in control; an outcome is true or false/,
    ],
  ])("%s, when the lanes are read", async (_, changes, message) => {
    const project = await loadProject(recommender(1, changes ?? {}));
    expect(await refusal(() => compareLanes(project, runOptions()))).toMatch(message);
  });

  it("more draws than a lane has leave the metric undetermined, and its harm out of the simulation", async () => {
    const changes = metric("coverage", { draws: 81, catalogue: 100 });
    const { result } = await rehearse(await loadProject(recommender(1, changes)), {
      ...runOptions(),
      salts: 1,
      replicatesPerSalt: 2,
    });
    const own = result.comparison.metrics.find(({ name }) => name === "coverage");
    expect(own?.difference).toEqual({
      status: "undetermined",
      reason: "control: 80 shown, fewer than the 81 draws of this share",
    });
    expect(result.simulation.notes.join()).toMatch(
      /at_margin:coverage is not simulated: coverage has no value: 80 shown, fewer than the 81 draws/,
    );
  });
});
