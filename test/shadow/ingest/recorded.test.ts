import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runFolders } from "../../../io/run-folder.ts";
import { loadProject } from "../../../rehearsal/project.ts";
import { compareLanes, replayTraffic } from "../../../rehearsal/rehearse.ts";
import { recordedFields } from "../../../shadow/ingest/recorded.ts";
import { observationsFolder } from "../../../shadow/shard-store.ts";
import { jsonLines } from "../../support/import-log.ts";
import { type ProjectParts, parquetRows, projectFolder, requests, runOptions } from "../../support/project-folder.ts";
import { refusal } from "../../support/refusal.ts";

const at = (second: number) => new Date(Date.UTC(2026, 0, 5, 0, 0, second)).toISOString();

/** Logs of two lanes that both recorded three sessions, of which two are the same. */
const logs = {
  control: [
    { task: "007", who: "u1", time: at(30), ok: true, cost: 2, note: "second", tier: "pro" },
    { task: "007", who: "u1", time: at(10), ok: false, cost: 1, note: "first", tier: "free" },
    { task: "b", who: null, time: at(20), ok: true, cost: 3, note: "x", tier: "pro" },
    { task: "only control", who: "u1", time: at(40), ok: true, cost: 3, note: "x", tier: "pro" },
    { task: "left out", who: "u1", time: at(50), ok: true, cost: 3, note: "x", tier: "test" },
  ],
  candidate: [
    { task: "b", ok: false, cost: 5, note: "x" },
    { task: "007", ok: true, cost: 4, note: "x" },
    { task: "x", ok: true, cost: 1, note: "x" },
    { task: "y", ok: true, cost: 1, note: "x" },
  ],
};

const measures = { completed: "ok", cost: { sql: "cost / 2" }, text: "note", latency_ms: { sql: "cost * 100" } };

/** A project of two recorded lanes. */
function recordedProject(
  own: { control?: object; candidate?: object; traffic?: object } = {},
  parts: ProjectParts = {},
): string {
  return projectFolder({
    files: { "control.jsonl": jsonLines(logs.control), "candidate.jsonl": jsonLines(logs.candidate), ...parts.files },
    project: {
      traffic: { attributes: ["tier"], ...own.traffic },
      control: {
        recorded: {
          source: "control.jsonl",
          session: "task",
          user: "who",
          at: "time",
          where: "tier <> 'test'",
          measures,
          ...own.control,
        },
      },
      candidate: { recorded: { source: "candidate.jsonl", session: "task", measures, ...own.candidate } },
      ...parts.project,
    },
  });
}

async function replayed(folder: string) {
  const result = await replayTraffic(await loadProject(folder), runOptions());
  const observed = (lane: string) =>
    parquetRows<Record<string, unknown>>(join(observationsFolder(result.folder, lane), "recorded.parquet"));
  return { result, observed };
}

describe("a recorded lane", () => {
  it("observes each record once, in the order of time inside a session, with measures at their types", async () => {
    const { observed, result } = await replayed(recordedProject());
    const control = await observed("control");
    expect(control).toMatchObject([
      { session: "007", seq: 0, status: "ok", latency_ms: 100, completed: false, cost: 0.5, text: "first" },
      { session: "007", seq: 1, status: "ok", latency_ms: 200, completed: true, cost: 1, text: "second" },
      { session: "b", seq: 0, status: "ok", latency_ms: 300, completed: true, cost: 1.5, text: "x" },
      { session: "only control", seq: 0, status: "ok", latency_ms: 300, completed: true, cost: 1.5, text: "x" },
    ]);
    expect(await observed("candidate")).toHaveLength(4);
    expect(result.imports).toMatchObject([
      { role: "control", records: 5, kept: 4, excluded: 1, quarantined: 0 },
      { role: "candidate", records: 4, kept: 4, excluded: 0, quarantined: 0 },
    ]);
    expect(result.sessions).toMatchObject({ requests: 4, sessions: 3, changing: [{ attribute: "tier", sessions: 1 }] });
  });

  it("says why a request failed, where the log does", async () => {
    const failing = { failed: { sql: "not ok" }, error: { sql: "'because of ' || note" } };
    const { observed } = await replayed(recordedProject({ control: failing }));
    expect((await observed("control")).map(({ error }) => error)).toEqual(["because of first", null, null, null]);
  });

  it("fails the requests of which the log says so, and only these", async () => {
    const { observed } = await replayed(recordedProject({ control: { failed: { sql: "not ok" } } }));
    expect((await observed("control")).map(({ status }) => status)).toEqual(["error", "ok", "ok", "ok"]);
    expect((await observed("candidate")).map(({ status }) => status)).toEqual(["ok", "ok", "ok", "ok"]);
  });

  it("has no value where the log has none, or one that is not finite", async () => {
    const csv = "task,ok,cost,note\n007,true,1,x\nb,false,,x\nc,true,2,x\nd,true,3,x\n";
    const inverse = { sql: "1 / (cost - 2)" };
    const { observed } = await replayed(
      recordedProject(
        { candidate: { source: "log.csv", measures: { ...measures, inverse } } },
        { files: { "log.csv": csv } },
      ),
    );
    expect((await observed("candidate")).map(({ session, cost, inverse: own }) => [session, cost, own])).toEqual([
      ["007", 0.5, -1],
      ["b", null, null],
      ["c", 1, null],
      ["d", 1.5, 1],
    ]);
  });

  it("is joined with the other on the session; what has no partner is counted, and attributes are those of control", async () => {
    const project = await loadProject(
      recordedProject(
        {},
        { project: { metrics: { completion: { kind: "proportion", value: "bool_or(completed)", better: "higher" } } } },
      ),
    );
    const { traffic, comparison } = await compareLanes(project, runOptions());
    expect(traffic.unmatched).toEqual({ control: 1, candidate: 2 });
    expect(traffic).toMatchObject({ sessions: 3, requests: 4, from: at(10), until: at(40) });
    const [completion] = comparison.metrics;
    expect(completion).toMatchObject({ n: { control: 2, candidate: 2, pairs: 2 }, control: 1, candidate: 0.5 });
    expect(new Set(comparison.segments.map(({ value }) => value))).toEqual(new Set(["free", "pro"]));
  });

  it("may take its records from the traffic's log, beside a policy that answers the same requests", async () => {
    const log = requests(10).map((request, i) => ({ ...request, done: i % 4 !== 0 }));
    const folder = projectFolder({ log, project: { control: { recorded: { measures: { completed: "done" } } } } });
    const project = await loadProject(folder);
    const { comparison, traffic } = await compareLanes(project, runOptions());
    expect(traffic.unmatched).toEqual({ control: 0, candidate: 0 });
    expect(comparison.metrics[0]).toMatchObject({ n: { control: 5, candidate: 5, pairs: 5 }, candidate: 1 });
  });
});

describe("the measures of a recorded lane", () => {
  const place = (key: string) => `foretaste.yaml:${key}`;

  it.each(["status", "Seq", "lane", "at"])("may not be called %s", async (own) => {
    expect(await refusal(() => recordedFields({ measures: { [own]: "x" } }, place))).toMatch(
      /^foretaste\.yaml:measures\.\w+: the measure name \w+ is reserved; call it otherwise; reserved are session, seq, at/,
    );
  });

  it("may not differ only in case", async () => {
    expect(await refusal(() => recordedFields({ measures: { done: "x", Done: "y" } }, place))).toMatch(
      /measures \w+ and \w+ differ only in case; rename one$/,
    );
  });
});

describe("a project of recorded lanes is refused", () => {
  const refused = async (...parts: Parameters<typeof recordedProject>) => {
    const folder = recordedProject(...parts);
    return refusal(async () => compareLanes(await loadProject(folder), runOptions()));
  };

  it("without times and without stated arrivals", async () => {
    expect(await refused({ control: { at: undefined } })).toMatch(
      /foretaste\.yaml:\d+: the log has no times; name their column/,
    );
  });

  it("with an unknown column, at its line", async () => {
    expect(await refused({ candidate: { measures: { ...measures, completed: "okay" } } })).toMatch(
      /foretaste\.yaml:\d+: column okay is not in .*candidate\.jsonl; .*ok/,
    );
  });

  it("when no session is in both lanes", async () => {
    const files = { "candidate.jsonl": jsonLines([{ task: "zzz", ok: true, cost: 1, note: "x" }]) };
    expect(await refused({}, { files })).toMatch(/^control and candidate: no session is in both lanes; /);
  });

  it("when a metric reads a measure that one lane lacks", async () => {
    const { completed: _, ...rest } = measures;
    expect(await refused({ candidate: { measures: rest } })).toMatch(
      /foretaste\.yaml:\d+: metric completion reads completed, which control reports and candidate never does; /,
    );
  });
});

describe("quarantine.parquet", () => {
  it("has one row for each bad record, with role, file, line and reason", async () => {
    const folder = recordedProject(
      { traffic: { quarantineLimit: "50%" } },
      {
        files: {
          "control.jsonl": `{"broken\n${jsonLines(logs.control)}[]\n`,
          "candidate.jsonl": `${jsonLines(logs.candidate)}{"task": null}\n`,
        },
      },
    );
    const { result } = await replayed(folder);
    const rows = await parquetRows<{ role: string; file: string; line: number; reason: string }>(
      join(result.folder, "quarantine.parquet"),
    );
    expect(rows.map(({ role, file, line, reason }) => [role, file.split("/").at(-1), line, reason])).toEqual([
      ["control", "control.jsonl", 1, "not valid JSON"],
      ["control", "control.jsonl", 7, "not a JSON object"],
      ["candidate", "candidate.jsonl", 5, "the session is missing"],
    ]);
    expect(result.imports.map(({ quarantined }) => quarantined)).toEqual([2, 1]);
  });

  it("is there also when the run stops because of it, and empty when nothing is bad", async () => {
    const folder = recordedProject({}, { files: { "control.jsonl": `{"broken\n${jsonLines(logs.control)}` } });
    await refusal(() => replayed(folder));
    const [stopped] = runFolders(folder);
    expect(await parquetRows(join(stopped as string, "quarantine.parquet"))).toHaveLength(1);

    const fine = await replayed(recordedProject());
    expect(existsSync(join(fine.result.folder, "quarantine.parquet"))).toBe(true);
    expect(await parquetRows(join(fine.result.folder, "quarantine.parquet"))).toEqual([]);
  });
});
