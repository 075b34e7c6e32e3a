import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadProject } from "../../rehearsal/project.ts";
import { replayTraffic } from "../../rehearsal/rehearse.ts";
import { diurnal, flat } from "../../shadow/ingest/arrivals.ts";
import { temporaryFolder } from "../support/folders.ts";
import { type ProjectParts, policyModule, projectFolder, requests, runOptions } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

/** The message of a project that is refused, loaded or at the latest replayed. */
async function refused(parts: ProjectParts): Promise<string> {
  const folder = projectFolder(parts);
  const message = await refusal(async () => replayTraffic(await loadProject(folder), runOptions()));
  return message.replaceAll(`${folder}/`, "");
}

const completion = { kind: "proportion", value: "bool_or(completed)", better: "higher" };
const columns = { session: "session", user: "user", at: "at", request: "input" };
const metrics = (own: object) => ({
  metrics: { completion, own: { kind: "mean", value: "sum(x)", better: "lower", ...own } },
});

describe("a project", () => {
  it("is read whole, from its folder or from its file, with every path absolute", async () => {
    const folder = projectFolder({
      project: {
        traffic: {
          source: "log.jsonl",
          columns,
          attributes: ["plan", "tier"],
          where: "n > 1",
          quarantineLimit: "2.5%",
        },
        replay: { timeout: "2s", concurrency: 3, maxCalls: 100 },
        metrics: {
          completion,
          cost: { kind: "mean", value: "sum(cost)", better: "lower", measuredIn: "USD", matureAfter: "1h" },
          errors: { kind: "ratio", numerator: "sum(e)", denominator: "sum(n)", better: "lower" },
          latency: { kind: "quantile", value: "latency_ms", quantile: 0.95, better: "lower", whenFailed: "worst" },
        },
      },
    });
    const project = await loadProject(folder);
    const { place, ...fromFile } = await loadProject(join(folder, "foretaste.yaml"));
    const { place: _, ...fromFolder } = project;
    expect(fromFile).toEqual(fromFolder);
    expect(place("metrics", "cost")).toMatch(/foretaste\.yaml:\d+$/);
    expect(project).toMatchObject({
      folder,
      traffic: { files: [join(folder, "log.jsonl")], ...columns, where: "n > 1" },
      attributes: [
        { name: "plan", from: "plan" },
        { name: "tier", from: "tier" },
      ],
      lanes: [
        { lane: "control", policy: { kind: "module", module: join(folder, "control.mjs") } },
        { lane: "candidate", policy: { kind: "module" } },
      ],
      compared: { control: "control", candidate: "candidate" },
      quarantineLimit: 0.025,
      replay: { timeoutMs: 2000, concurrency: 3, maxCalls: 100 },
    });
    expect(project.metrics.map(({ name, whenFailed, matureAfterMs }) => [name, whenFailed, matureAfterMs])).toEqual([
      ["completion", "worst", 0],
      ["cost", "missing", 3_600_000],
      ["errors", "missing", 0],
      ["latency", "worst", 0],
      ["failure_rate", "worst", 0],
    ]);
  });

  it("finds its logs by a pattern in the order of their names, by a list in its own order, and in a folder called [a]", async () => {
    const parent = projectFolder({
      project: { traffic: { source: ["b/*.jsonl", "a.jsonl"], columns } },
      files: { "a.jsonl": "", "b/2.jsonl": "", "b/1.jsonl": "", "b/3.csv": "" },
    });
    const folder = join(temporaryFolder(), "my [a]");
    renameSync(parent, folder);
    mkdirSync(parent);
    const { traffic } = await loadProject(folder);
    expect(traffic?.files).toEqual(["b/1.jsonl", "b/2.jsonl", "a.jsonl"].map((file) => join(folder, file)));
  });

  it("may state arrivals: flat, diurnal, or by a file of hourly rates", async () => {
    const arrivals = async (pattern?: string) => {
      const project = {
        traffic: { source: "log.jsonl", columns, arrivals: { perDay: 50, ...(pattern ? { pattern } : {}) } },
      };
      const rates = Array.from({ length: 24 }, (_, hour) => hour % 3);
      const folder = projectFolder({ project, files: { "rates.txt": `${rates.join("\n")}\n` } });
      return (await loadProject(folder)).arrivals;
    };
    expect(await arrivals()).toEqual({ perDay: 50, hourlyRates: flat, written: "50 sessions a day, flat" });
    expect((await arrivals("diurnal"))?.hourlyRates).toEqual(diurnal);
    expect((await arrivals("rates.txt"))?.hourlyRates).toEqual(Array.from({ length: 24 }, (_, hour) => hour % 3));
  });

  it("may be written in JSON, and names the line of what is wrong in it", async () => {
    const text = `{\n  "name": "x",\n  "traffic": {\n    "soruce": "log.jsonl"\n  }\n}`;
    const message = await refused({ files: { "foretaste.yaml": text } });
    expect(message).toMatch(/^foretaste\.yaml:4: unknown key soruce in traffic; did you mean source\?$/m);
    expect(message).toMatch(/^foretaste\.yaml:1: metrics is missing; /m);
  });
});

describe("a project that is not there is refused:", () => {
  it.each<[string, Record<string, string> | undefined, RegExp]>([
    ["no such folder", undefined, /nowhere: no such file or folder; /],
    ["a folder without a project", {}, /: has no foretaste\.yaml; /],
    ["an empty file", { "foretaste.yaml": "" }, /foretaste\.yaml: the file is empty; /],
    ["comments only", { "foretaste.yaml": "# name: x\n" }, /foretaste\.yaml: the file is empty; /],
    [
      "YAML that is not YAML",
      { "foretaste.yaml": "name: [a\ntraffic: {" },
      /foretaste\.yaml:\d+:\d+: not valid YAML: .+; /,
    ],
    [
      "a key twice",
      { "foretaste.yaml": "name: a\nname: b\n" },
      /foretaste\.yaml:2:1: not valid YAML: .+; keep one of the two/,
    ],
    ["a text", { "foretaste.yaml": "hello\n" }, /foretaste\.yaml:1: the file is "hello"; /],
  ])("%s", async (_, files, message) => {
    const folder = temporaryFolder();
    for (const [own, text] of Object.entries(files ?? {})) writeFileSync(join(folder, own), text);
    expect(await refusal(() => loadProject(files ? folder : join(folder, "nowhere")))).toMatch(message);
  });
});

describe("a project is refused with place, problem and way out:", () => {
  it.each<[string, ProjectParts, RegExp]>([
    [
      "an unknown key",
      { project: { metric: {} } },
      /^foretaste\.yaml:\d+: unknown key metric; did you mean metrics\?$/,
    ],
    [
      "an unknown key inside",
      { project: { replay: { timeuot: "1s" } } },
      /unknown key timeuot in replay; did you mean timeout\?$/,
    ],
    [
      "a version that YAML reads as a number",
      { project: { name: 2.1 } },
      /name is 2\.1; write a text \(numbers in quotes: "2\.10"\)/,
    ],
    [
      "a text that YAML reads as a comment",
      { project: { name: null } },
      /name is null; .*in YAML a # after a space starts a comment/,
    ],
    ["no metric", { project: { metrics: {} } }, /metrics is \{\}; write at least one metric/],
    [
      "neither module nor recorded",
      { project: { control: {} } },
      /control is \{\}; write either module: .* or recorded: /,
    ],
    [
      "a limit without a sign",
      { project: { traffic: { source: "log.jsonl", columns, quarantineLimit: 1 } } },
      /quarantineLimit is 1; write a percentage with its sign/,
    ],
    [
      "a log that is not there",
      { project: { traffic: { source: "lgo.jsonl", columns } } },
      /^foretaste\.yaml:\d+: no such file: lgo\.jsonl; /,
    ],
    [
      "a log that is a folder",
      { project: { traffic: { source: "logs", columns } }, files: { "logs/a.jsonl": "" } },
      /^foretaste\.yaml:\d+: logs is a folder; /,
    ],
    [
      "a pattern without files",
      { project: { traffic: { source: "logs/*.jsonl", columns } } },
      /^foretaste\.yaml:\d+: no file matches logs\/\*\.jsonl; /,
    ],
    ["an empty log", { files: { "log.jsonl": "" } }, /^log\.jsonl: is empty; /],
    [
      "a log without a usable record",
      { project: { traffic: { source: "log.jsonl", columns, where: "session = 'x'" } } },
      /^log\.jsonl: no usable record among 12 \(12 left out by where\); /,
    ],
    [
      "a column that is not in the log",
      { project: { traffic: { source: "log.jsonl", columns: { ...columns, user: "usr" } } } },
      /^foretaste\.yaml:\d+: column usr is not in log\.jsonl; did you mean user\?$/,
    ],
    [
      "an attribute that is not in the log",
      { project: { traffic: { source: "log.jsonl", columns, attributes: ["uesr"] } } },
      /^foretaste\.yaml:\d+: column uesr is not in .*mean user\?$/,
    ],
    [
      "a column that is a statement",
      { project: { traffic: { source: "log.jsonl", columns: { ...columns, user: { sql: "drop table x" } } } } },
      /^foretaste\.yaml:\d+: "drop table x" is not a SQL expression/,
    ],
    [
      "a condition that is an aggregate",
      { project: { traffic: { source: "log.jsonl", columns, where: "count(*) > 1" } } },
      /^foretaste\.yaml:\d+: "count\(\*\) > 1" is an aggregate; /,
    ],
    [
      "columns that are missing",
      { project: { traffic: { source: "log.jsonl" } } },
      /^foretaste\.yaml:\d+: traffic\.columns is missing; /,
    ],
    [
      "a request that is missing",
      { project: { traffic: { source: "log.jsonl", columns: { session: "session", at: "at" } } } },
      /^foretaste\.yaml:\d+: traffic\.columns\.request is missing; /,
    ],
    ["traffic that is missing", { project: { traffic: {} } }, /^foretaste\.yaml:\d+: traffic\.source is missing; /],
    [
      "times and stated arrivals",
      { project: { traffic: { source: "log.jsonl", columns, arrivals: { perDay: 5 } } } },
      /: both times \(at\) and stated arrivals are given; /,
    ],
    [
      "neither of them",
      { project: { traffic: { source: "log.jsonl", columns: { session: "session", request: "input" } } } },
      /: the log has no times; /,
    ],
    [
      "an unknown pattern of arrivals",
      { project: { traffic: { source: "log.jsonl", columns, arrivals: { perDay: 5, pattern: "weekly" } } } },
      /: pattern is weekly; write flat, diurnal, or a file/,
    ],
    [
      "a file of rates that has none",
      {
        project: { traffic: { source: "log.jsonl", columns, arrivals: { perDay: 5, pattern: "r.txt" } } },
        files: { "r.txt": "1\n2\n" },
      },
      /^r\.txt: is not a pattern of hourly rates \(2 values\); /,
    ],
    [
      "a policy that is not there",
      { project: { control: { module: "v1.js" } } },
      /^foretaste\.yaml:\d+: no such file: v1\.js; /,
    ],
    ["a policy that is a folder", { project: { control: { module: "." } } }, /^foretaste\.yaml:\d+: \. is a folder; /],
    [
      "a policy that exports nothing",
      { files: { "control.mjs": "export const x = 1;" } },
      /^control\.mjs: exports no policy by default/,
    ],
    [
      "a plan that is not there",
      { project: { plan: "paln.yaml" } },
      /^foretaste\.yaml:\d+: no such file: paln\.yaml; /,
    ],
    ["a plan that is a folder", { project: { plan: "." } }, /^foretaste\.yaml:\d+: \. is a folder; /],
    [
      "a metric without its parts",
      { project: metrics({ kind: "ratio" }) },
      /metric own has no numerator and no denominator; a ratio needs numerator and denominator/,
    ],
    [
      "a metric with too many parts",
      { project: metrics({ quantile: 0.5 }) },
      /metric own has a quantile; a mean has only value/,
    ],
    [
      "a ratio with a worst value",
      {
        project: metrics({
          kind: "ratio",
          value: undefined,
          numerator: "sum(a)",
          denominator: "sum(b)",
          whenFailed: "worst",
        }),
      },
      /takes the worst value of a ratio/,
    ],
    [
      "a metric called failure_rate",
      { project: { metrics: { completion, failure_rate: completion } } },
      /the metric failure_rate always exists; /,
    ],
    [
      "a metric called like a segment",
      { project: { metrics: { completion, "a@b=c": completion } } },
      /the metric name a@b=c has a @ or =; /,
    ],
    [
      "a reserved name of a measure",
      { project: { control: { recorded: { measures: { completed: "x", Status: "y" } } } } },
      /^foretaste\.yaml:\d+: the measure name Status is reserved; .*reserved are session, seq/,
    ],
    [
      "an unknown scenario",
      { project: { scenarios: ["no_chnage"] } },
      /^foretaste\.yaml:\d+: unknown scenario no_chnage; did you mean no_change\?$/,
    ],
    [
      "a scenario of an unknown metric",
      { project: { scenarios: [{ metric_shift: { metric: "completoin", by: "5pp" } }] } },
      /unknown metric completoin; did you mean completion\?$/,
    ],
    [
      "a scenario of an unknown attribute",
      {
        project: {
          traffic: { source: "log.jsonl", columns, attributes: ["user"] },
          scenarios: [{ segment_broken: { metric: "completion", by: "5pp", where: { uesr: "x" } } }],
        },
      },
      /unknown attribute uesr; did you mean user\?$/,
    ],
    [
      "a scenario with a size that does not fit",
      { project: { scenarios: [{ completion_drop: { by: "200 ms" } }] } },
      /^foretaste\.yaml:\d+: size 200 ms of completion .*; /,
    ],
  ])("%s", async (_, parts, message) => {
    expect(await refused(parts)).toMatch(message);
  });
});

describe("a plan inside a project is refused at its own file and line:", () => {
  const stages = (...exposures: string[]) => ({
    stages: exposures.map((exposure, i) => ({ name: `s${i}`, exposure, duration: { max: "2h" }, minimumSample: 1 })),
  });

  it.each<[string, ProjectParts, RegExp]>([
    [
      "an unknown metric",
      { plan: { margins: { completion: "5pp", latncy: "20%" } } },
      /^plan\.yaml:\d+: margins name the unknown metric latncy; /,
    ],
    [
      "exposures that fall",
      { plan: stages("25%", "5%") },
      /^plan\.yaml:\d+: stages\[1\]\.exposure is 5%, must be above stages\[0\]\.exposure \(25%\); list stages in rising order$/,
    ],
    ["an unknown key", { plan: { slat: "x" } }, /^plan\.yaml:\d+: unknown key slat; did you mean salt\?$/],
    [
      "an unknown attribute",
      { plan: { margins: { completion: "5pp", "completion@tier=pro": "5pp" } } },
      /^plan\.yaml:\d+: completion@tier=pro names the unknown attribute tier; /,
    ],
    ["an unknown unit", { plan: { assignBy: "usr" } }, /^plan\.yaml:\d+: assignBy is usr; did you mean user\?$/],
    ["YAML that is not YAML", { files: { "plan.yaml": "salt: [\n" } }, /^plan\.yaml:\d+:\d+: not valid YAML: .+; /],
    ["an empty file", { files: { "plan.yaml": "" } }, /^plan\.yaml: the file is empty; /],
  ])("%s", async (_, parts, message) => {
    expect(await refused(parts)).toMatch(message);
  });

  it("tells everything that is wrong at once", async () => {
    const message = await refused({ plan: { slat: "x", primary: 7 } });
    expect(message.split("\n").length).toBeGreaterThan(1);
    for (const line of message.split("\n")) expect(line).toMatch(/^plan\.yaml:\d+: .+; .+$/);
  });
});

describe("policies that call a network", () => {
  const network = (version: string) => policyModule({ version, more: "network: true," });

  it("need a limit of calls, and may not plan more", async () => {
    const files = { "candidate.mjs": network("2") };
    expect(await refused({ files })).toMatch(
      /^foretaste\.yaml.*: test 2 call a network \(12 calls planned\); state replay\.maxCalls: 12 to allow them$/,
    );
    expect(await refused({ files, project: { replay: { maxCalls: 11 } } })).toMatch(
      /: 12 network calls are planned, replay\.maxCalls is 11; /,
    );
    const both = { "control.mjs": network("1"), "candidate.mjs": network("2") };
    expect(await refused({ files: both, log: requests(3), project: { replay: { maxCalls: 5 } } })).toMatch(
      /: 6 network calls are planned, replay\.maxCalls is 5; /,
    );
    const folder = projectFolder({ files, project: { replay: { maxCalls: 12 } } });
    expect((await replayTraffic(await loadProject(folder), runOptions())).sessions.requests).toBe(12);
  });
});
