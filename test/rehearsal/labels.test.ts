import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parquetFiles, readJsonFile } from "../../io/run-folder.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { compareLanes, rehearse, replayTraffic } from "../../rehearsal/rehearse.ts";
import type { Imported } from "../../rehearsal/replay-project.ts";
import type { LabelSummary } from "../../shadow/ingest/labels.ts";
import { observationsFolder } from "../../shadow/shard-store.ts";
import { jsonLines } from "../support/import-log.ts";
import { type ProjectParts, parquetRows, policyModule, projectFolder, runOptions } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

const minute = 60_000;
const start = Date.UTC(2026, 0, 5);
const iso = (ms: number) => new Date(ms).toISOString();

/** Sixty sessions, ten minutes apart, of one to three requests a minute apart; two of three requests belong to a ticket. */
const log = Array.from({ length: 60 }, (_, i) =>
  Array.from({ length: 1 + (i % 3) }, (_, k) => ({
    session: `s${i}`,
    user: `u${i >> 1}`,
    at: iso(start + (10 * i + k) * minute),
    input: i,
    ticket: (i + k) % 3 === 0 ? null : `t${i >> 2}`,
    said: `answer ${i % 5}`,
  })),
).flat();

interface Label {
  readonly id: string;
  readonly seen: string;
  readonly resolved: boolean | null;
  readonly rating: number | null;
  readonly truth: string | null;
}

const label = (id: string, minutes: number, own: Partial<Label> = {}): Label => ({
  id,
  seen: iso(start + minutes * minute),
  resolved: true,
  rating: 1,
  truth: "answer 0",
  ...own,
});

/** Labels of most sessions, later for the later ones, not in the order of time; some are given twice, some belong to nothing. */
const bySession: readonly Label[] = [
  ...Array.from({ length: 60 }, (_, i) => i)
    .filter((i) => i % 7 > 0)
    .map((i) =>
      label(`s${i}`, 10 * i + 5 + 2 * i, {
        resolved: i % 4 === 0 ? null : i % 3 > 0,
        rating: i % 5 === 0 ? null : i / 4,
        truth: `answer ${i % 4}`,
      }),
    ),
  // of two the later one counts, and of two of the same time the one that comes later in the file
  label("s3", 500, { truth: "the latest" }),
  label("s3", 31, { truth: "an older one" }),
  label("s4", 600, { truth: "the same time" }),
  label("s4", 600, { truth: "and later in the file" }),
  label("nobody's", 20),
  label("nobody's either", 30),
  // before the session has begun, and in the midst of it
  label("s49", 480),
  label("s56", 561.5),
];

/** What counts of several labels. */
const latest = (labels: readonly Label[]) =>
  new Map([...labels].sort((a, b) => Date.parse(a.seen) - Date.parse(b.seen)).map((own) => [own.id, own]));

/** The summary, computed in another way. */
function summaryOf(labels: readonly Label[], keyOf: (request: (typeof log)[number]) => string | null): LabelSummary {
  const known = latest(labels);
  const of = (request: (typeof log)[number]) => known.get(keyOf(request) ?? "");
  const late = (request: (typeof log)[number]) => {
    const own = of(request);
    return own ? [Date.parse(own.seen) - Date.parse(request.at)] : [];
  };
  const delays = log.flatMap(late).sort((a, b) => a - b);
  const quantile = (share: number) => delays[Math.ceil(share * delays.length) - 1] as number;
  const lateness = [...new Set(log.map(({ session }) => session))].flatMap((session) => {
    const own = log.filter((request) => request.session === session);
    const seen = own.flatMap((request) => of(request)?.seen ?? []).map(Date.parse);
    const ends = Math.max(...own.map(({ at }) => Date.parse(at)));
    return seen.length === 0 ? [] : [Math.max(...seen) - ends];
  });
  const keys = new Set(log.map(keyOf));
  const early = [...known.values()].filter(({ id, seen }) => {
    const asked = log.filter((request) => keyOf(request) === id).map(({ at }) => Date.parse(at));
    return asked.length > 0 && Date.parse(seen) < Math.min(...asked);
  });
  return {
    labels: labels.length,
    repeated: labels.length - known.size,
    labelledRequests: delays.length,
    unlabelledRequests: log.length - delays.length,
    unused: [...known.keys()].filter((id) => !keys.has(id)).length,
    early: early.length,
    delayMs: { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99), max: quantile(1) },
    matureAfterMs: Math.max(0, ...lateness),
  };
}

const columns = { session: "session", user: "user", at: "at", request: "input" };
const values = { resolved: "resolved", rating: "rating", truth: "truth" };

/** A project with labels; parts of `labels` may be changed. */
function labelled(
  labels: object = {},
  { project = {}, files = {}, ...parts }: ProjectParts = {},
  traffic: object = {},
) {
  return projectFolder({
    log,
    files: { "labels.jsonl": jsonLines(bySession), ...files },
    project: {
      traffic: {
        source: "log.jsonl",
        columns,
        labels: { source: "labels.jsonl", key: "id", at: "seen", values, ...labels },
        ...traffic,
      },
      ...project,
    },
    ...parts,
  });
}

async function replayed(folder: string) {
  const result = await replayTraffic(await loadProject(folder), runOptions());
  const imported = readJsonFile<Imported>(join(result.folder, "import.json"));
  const rows = (lane: string) =>
    parquetRows<Record<string, unknown> & { session: string; seq: number }>(
      parquetFiles(observationsFolder(result.folder, lane)),
    );
  return { result, labels: imported?.labels, rows };
}

/** The labels that each observation should have, by session and number. */
function expectedRows(labels: readonly Label[], keyOf: (request: (typeof log)[number]) => string | null) {
  const known = latest(labels);
  return log.map((request, i) => {
    const own = known.get(keyOf(request) ?? "");
    const seq = log.slice(0, i).filter(({ session }) => session === request.session).length;
    return {
      session: request.session,
      seq,
      resolved: own?.resolved ?? null,
      rating: own?.rating ?? null,
      truth: own?.truth ?? null,
    };
  });
}

const inOrder = <Row extends { session: string; seq: number }>(rows: readonly Row[]) =>
  [...rows].sort((a, b) => (`${a.session} ${a.seq}` < `${b.session} ${b.seq}` ? -1 : 1));

describe("labels", () => {
  it("are joined by the session: the latest of several counts, and each request of it has them in every lane", async () => {
    const { labels, rows, result } = await replayed(labelled());
    const expected = summaryOf(bySession, ({ session }) => session);
    expect(labels).toEqual(expected);
    expect(labels).toMatchObject({ repeated: 4, unused: 2, early: 1 });
    for (const lane of ["control", "candidate"]) {
      expect(inOrder(await rows(lane))).toMatchObject(inOrder(expectedRows(bySession, ({ session }) => session)));
    }
    expect(result.imports.map(({ role, records, kept }) => [role, records, kept])).toEqual([
      ["traffic", log.length, log.length],
      ["labels", bySession.length, bySession.length],
    ]);
  });

  it("are joined by another column of the requests, which may be missing, where on says so", async () => {
    const byTicket = Array.from({ length: 14 }, (_, i) =>
      label(`t${i}`, 40 * i + (i % 2 ? 90 : -5), { resolved: i % 2 === 0, rating: i, truth: i % 3 ? `${i}` : null }),
    );
    const { labels, rows } = await replayed(
      labelled({ on: "ticket" }, { files: { "labels.jsonl": jsonLines(byTicket) } }),
    );
    const expected = summaryOf(byTicket, ({ ticket }) => ticket);
    expect(labels).toEqual(expected);
    expect(expected.early).toBe(7);
    expect(inOrder(await rows("candidate"))).toMatchObject(inOrder(expectedRows(byTicket, ({ ticket }) => ticket)));
  });

  it("may be made by expressions, in files of another format, left out by where, and without times", async () => {
    const csv = [
      "number,stars,kind",
      ...Array.from({ length: 30 }, (_, i) => `${i},${i % 5},${i % 10 === 3 ? "test" : "real"}`),
    ].join("\n");
    const { labels, rows, result } = await replayed(
      labelled(
        {
          source: ["labels.csv"],
          key: { sql: "'s' || number" },
          at: undefined,
          where: "kind = 'real'",
          values: { good: { sql: "stars >= 3" }, stars: "stars" },
        },
        { files: { "labels.csv": csv } },
      ),
    );
    expect(labels).toEqual({
      labels: 27,
      repeated: 0,
      labelledRequests: log.filter(({ input }) => input < 30 && input % 10 !== 3).length,
      unlabelledRequests: log.filter(({ input }) => input >= 30 || input % 10 === 3).length,
      unused: 0,
      early: 0,
    });
    const own = await rows("control");
    expect(own.find(({ session }) => session === "s4")).toMatchObject({ good: true, stars: 4 });
    expect(own.find(({ session }) => session === "s13")).toMatchObject({ good: null, stars: null });
    expect(result.imports[1]).toMatchObject({ role: "labels", records: 30, kept: 27, excluded: 3 });
  });

  it("that cannot be read go to the quarantine, with the file and the line of the labels", async () => {
    const lines = `${jsonLines(bySession)}{"id":"s1","seen":"yesterday"}\n{"seen":"2026-01-05T00:00:00Z"}\nnot JSON\n`;
    const folder = labelled({}, { files: { "labels.jsonl": lines } }, { quarantineLimit: "10%" });
    const { result, labels } = await replayed(folder);
    expect(labels?.labels).toBe(bySession.length);
    const bad = await parquetRows<{ role: string; line: number }>(join(result.folder, "quarantine.parquet"));
    expect(bad.map(({ role, line }) => [role, Number(line) - bySession.length])).toEqual([
      ["labels", 1],
      ["labels", 2],
      ["labels", 3],
    ]);
  });
});

describe("a metric may read labels", () => {
  const accuracy = { kind: "mean", value: "avg(cast(said = truth as double))", better: "higher" };
  const metrics = {
    completion: { kind: "proportion", value: "bool_or(resolved)", better: "higher" },
    accuracy,
    rating: { kind: "mean", value: "max(rating)", better: "higher" },
  };
  const known = latest(bySession);
  const sessions = [...new Set(log.map(({ session }) => session))];
  const meanOf = (found: readonly (number | null)[]) => {
    const there = found.filter((own) => own !== null);
    return there.reduce((sum, own) => sum + own, 0) / there.length;
  };
  /** Share of sessions whose answer is the truth, of those whose truth is known. */
  const right = (said: (i: number) => string) =>
    meanOf(
      sessions.map((session, i) => {
        const truth = known.get(session)?.truth;
        return truth === null || truth === undefined ? null : Number(said(i) === truth);
      }),
    );
  const saying = (answer: string) =>
    policyModule({ version: answer, respond: `({ measures: { completed: true, said: \`${answer}\` } })` });
  const modules = {
    "control.mjs": saying(`answer \${request % 4}`),
    "candidate.mjs": saying(`answer \${request % 2}`),
  };

  it("in lanes that are replayed, in what production logged, and in another log", async () => {
    const other = sessions.map((name, i) => ({ name, answer: `answer ${i % 3}` }));
    const files = { ...modules, "other.jsonl": jsonLines(other) };
    const expected = {
      recorded: right((i) => `answer ${i % 5}`),
      control: right((i) => `answer ${i % 4}`),
      candidate: right((i) => `answer ${i % 2}`),
      other: right((i) => `answer ${i % 3}`),
    };
    const recorded = { measures: { said: "said" } };
    const own = { recorded: { source: "other.jsonl", session: "name", measures: { said: "answer" } } };
    const lanes: [object, keyof typeof expected, keyof typeof expected][] = [
      [{}, "control", "candidate"],
      [{ recorded, control: undefined, replay: { lanes: ["recorded", "candidate"] } }, "recorded", "candidate"],
      [{ candidate: own }, "control", "other"],
    ];
    for (const [project, control, candidate] of lanes) {
      const folder = labelled({}, { files, project: { metrics, ...project } });
      const { comparison } = await compareLanes(await loadProject(folder), runOptions());
      const metric = (name: string) => comparison.metrics.find((own) => own.name === name);
      expect(metric("accuracy")?.control).toBeCloseTo(expected[control], 12);
      expect(metric("accuracy")?.candidate).toBeCloseTo(expected[candidate], 12);
      const labelledSessions = sessions.filter((session) => known.has(session)).length;
      expect(metric("accuracy")?.n.control).toBe(labelledSessions);
      const ratings = sessions.map((session) => known.get(session)?.rating ?? null);
      for (const arm of ["control", "candidate"] as const)
        expect(metric("rating")?.[arm]).toBeCloseTo(meanOf(ratings), 12);
      expect(metric("rating")?.missing.control).toBe(ratings.filter((own) => own === null).length);
    }
  });

  it("which are known as late as the labels come: as late as the same number written by hand", async () => {
    // without those that come after the log has ended
    const labels = bySession.filter(({ id }) => id !== "s3" && id !== "s4");
    const { matureAfterMs } = summaryOf(labels, ({ session }) => session);
    const scenarios = async (matureAfter: string) => {
      const folder = labelled(
        {},
        {
          files: { "labels.jsonl": jsonLines(labels) },
          project: {
            metrics: { completion: { ...metrics.completion, matureAfter } },
            scenarios: [{ completion_drop: { by: "20pp" } }],
          },
          plan: {
            rule: { evidence: "point" },
            stages: [
              { name: "half", exposure: "50%", duration: { min: "1h", max: "8h" }, minimumSample: 5, lookEvery: "1h" },
              { name: "full", exposure: "100%" },
            ],
          },
        },
      );
      const { result } = await rehearse(await loadProject(folder), {
        ...runOptions(),
        salts: 6,
        replicatesPerSalt: 25,
      });
      const { scenarios, simulation, comparison } = result;
      return { scenarios, simulation, comparison };
    };
    const byLabels = await scenarios("labels");
    expect(byLabels).toEqual(await scenarios(`${(matureAfterMs as number) / minute}m`));
    const atOnce = await scenarios("0s");
    expect(byLabels.comparison).toEqual(atOnce.comparison);
    expect(byLabels.scenarios).not.toEqual(atOnce.scenarios);
    const unchanged = ({ scenarios: own }: typeof byLabels) => own.find(({ name }) => name === "no_change");
    expect(unchanged(byLabels)?.hoursToDecision.p50).toBeGreaterThan(unchanged(atOnce)?.hoursToDecision.p50 as number);
  });
});

describe("a label's key that is redacted", () => {
  it("still joins: an e-mail address in both files, however it is spelt", async () => {
    const address = (i: number) => `user.${i}@example.com`;
    const requests = log.map((request) => ({ ...request, session: address(request.input) }));
    const labels = bySession.map((own) => ({
      ...own,
      id: own.id.replace(/^s(\d+)$/, (_, i) => (Number(i) % 2 ? address(Number(i)).toUpperCase() : address(Number(i)))),
    }));
    const folder = labelled({}, { log: requests, files: { "labels.jsonl": jsonLines(labels) } }, { redact: ["email"] });
    const own = await replayed(folder);
    expect(own.labels).toEqual(summaryOf(bySession, ({ session }) => session));
    for (const { session } of await own.rows("candidate")) expect(session).toMatch(/^\[email:[\da-f]{12}\]$/);
  });
});

describe("labels are refused at their line:", () => {
  const refused = async (labels: object, parts: ProjectParts = {}, traffic: object = {}) => {
    const folder = labelled(labels, parts, traffic);
    const message = await refusal(async () => replayTraffic(await loadProject(folder), runOptions()));
    return message.replaceAll(`${folder}/`, "");
  };
  const completion = { kind: "proportion", value: "bool_or(resolved)", better: "higher" };

  it.each<[string, object, ProjectParts, object, RegExp]>([
    [
      "a reserved name",
      { values: { status: "resolved" } },
      {},
      {},
      /^foretaste\.yaml:\d+: the label name status is reserved; call it otherwise; reserved are session, /,
    ],
    [
      "the name of the latency",
      { values: { latency_ms: "rating" } },
      {},
      {},
      /^foretaste\.yaml:\d+: the label name latency_ms is reserved; /,
    ],
    [
      "two names that differ only in case",
      { values: { resolved: "resolved", Resolved: "rating" } },
      {},
      {},
      /^foretaste\.yaml:\d+: labels resolved and Resolved differ only in case; rename one$/,
    ],
    [
      "the name of a measure that another log has",
      {},
      { project: { candidate: { recorded: { source: "log.jsonl", measures: { completed: "said", Truth: "said" } } } } },
      {},
      /^foretaste\.yaml:\d+: the label truth is called as the measure Truth of candidate; rename one of them$/,
    ],
    [
      "the name of a measure that production logged",
      {},
      {
        project: {
          recorded: { measures: { completed: "said", truth: "said" } },
          replay: { lanes: ["recorded", "control", "candidate"] },
        },
      },
      {},
      /^foretaste\.yaml:\d+: the label truth is called as the measure truth of recorded; /,
    ],
    [
      "no label",
      { values: {} },
      {},
      {},
      /^foretaste\.yaml:\d+: traffic\.labels\.values is \{\}; write at least one label/,
    ],
    ["no key", { key: undefined }, {}, {}, /^foretaste\.yaml:\d+: traffic\.labels\.key is missing; /],
    [
      "a file that is not there",
      { source: "lables.jsonl" },
      {},
      {},
      /^foretaste\.yaml:\d+: no such file: lables\.jsonl; /,
    ],
    ["an empty file", {}, { files: { "labels.jsonl": "" } }, {}, /^labels\.jsonl: is empty; /],
    [
      "a key that is no column",
      { key: "idd" },
      {},
      {},
      /^foretaste\.yaml:\d+: column idd is not in labels\.jsonl; did you mean id\?$/,
    ],
    [
      "a label that is no column",
      { values: { resolved: "resolvd" } },
      {},
      {},
      /^foretaste\.yaml:\d+: column resolvd is not in labels\.jsonl; did you mean resolved\?$/,
    ],
    [
      "a column of the traffic that is not there",
      { on: "tikcet" },
      {},
      {},
      /^foretaste\.yaml:\d+: column tikcet is not in log\.jsonl; did you mean ticket\?$/,
    ],
    [
      "a label that is a list",
      { values: { resolved: { sql: "[rating]" } } },
      {},
      {},
      /^foretaste\.yaml:\d+: resolved is a DOUBLE\[\]; write an expression that gives true or false, a number or a text$/,
    ],
    [
      "keys that no request has",
      { key: { sql: "'x' || id" } },
      {},
      {},
      /^foretaste\.yaml:\d+: no request has the key of one of the 59 labels; check key, and on where the key is not the session$/,
    ],
    [
      "on, when a lane is read from a log by itself",
      { on: "ticket" },
      { project: { candidate: { recorded: { source: "log.jsonl", measures: { completed: "said" } } } } },
      {},
      /^foretaste\.yaml:\d+: labels are joined by a column of the traffic, but candidate is read from a log by itself; /,
    ],
    [
      "maturity by labels without times",
      { at: undefined },
      { project: { metrics: { completion: { ...completion, matureAfter: "labels" } } } },
      {},
      /^foretaste\.yaml:\d+: matureAfter: labels needs labels with times; write traffic\.labels with at: …, or a duration$/,
    ],
    [
      "maturity by labels of a log without times",
      {},
      { project: { metrics: { completion: { ...completion, matureAfter: "labels" } } } },
      { columns: { ...columns, at: undefined }, arrivals: { perDay: 100 } },
      /^foretaste\.yaml:\d+: matureAfter: labels needs a log with times, not stated arrivals; write a duration, as 24h$/,
    ],
  ])("%s", async (_, labels, parts, traffic, message) => {
    expect(await refused(labels, parts, traffic)).toMatch(message);
  });

  it("maturity by labels where there are none", async () => {
    const folder = projectFolder({
      project: { metrics: { completion: { ...completion, matureAfter: "labels" } } },
    });
    expect(await refusal(() => loadProject(folder))).toMatch(
      /foretaste\.yaml:\d+: matureAfter: labels needs labels with/,
    );
  });

  it.each(["resolved", "Resolved"])("the name of a measure that a policy returns as %s", async (measure) => {
    const policy = policyModule({ respond: `({ measures: { completed: true, ${measure}: true } })` });
    expect(await refused({}, { files: { "candidate.mjs": policy } })).toMatch(
      /^measure resolved: is the name of a label, too; rename one of them$/,
    );
  });
});
