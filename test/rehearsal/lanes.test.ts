import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parquetFiles } from "../../io/run-folder.ts";
import { loadProject } from "../../rehearsal/project.ts";
import type { LaneName } from "../../rehearsal/project-schema.ts";
import { compareLanes, rehearse, replayTraffic } from "../../rehearsal/rehearse.ts";
import { observationsFolder } from "../../shadow/shard-store.ts";
import { jsonLines } from "../support/import-log.ts";
import { type ProjectParts, parquetRows, policyModule, projectFolder, runOptions } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

const units = 40;

/** Three sessions a user, of one or two requests, ten minutes apart; `ok` is what production logged. */
const log = Array.from({ length: 3 * units }, (_, i) =>
  Array.from({ length: 1 + (i % 2) }, (_, k) => ({
    session: `s${i}`,
    user: `u${Math.floor(i / 3)}`,
    at: new Date(Date.UTC(2026, 0, 5) + i * 600_000 + k * 1000).toISOString(),
    input: i,
    ok: i % 4 > 0,
    ms: 100 + i,
  })),
).flat();

const sessions = [...new Set(log.map(({ input }) => input))];
/** Share of sessions that a lane completes. */
const shares: Readonly<Record<LaneName, number>> = {
  recorded: sessions.filter((i) => i % 4 > 0).length / sessions.length,
  control: sessions.filter((i) => i % 3 > 0).length / sessions.length,
  control_again: sessions.filter((i) => i % 3 > 0).length / sessions.length,
  candidate: sessions.filter((i) => i % 5 > 0).length / sessions.length,
};

const completing = (version: string, every: number) =>
  policyModule({ version, respond: `({ response: request, measures: { completed: request % ${every} > 0 } })` });
const measures = { completed: "ok" };

/** A project that replays these lanes, with the sections that they need. */
function laned(lanes: readonly LaneName[], { project = {}, files = {}, ...parts }: ProjectParts = {}): string {
  const has = (...own: LaneName[]) => own.some((lane) => lanes.includes(lane));
  return projectFolder({
    log,
    files: { "control.mjs": completing("1", 3), "candidate.mjs": completing("2", 5), ...files },
    project: {
      ...(has("recorded") ? { recorded: { measures } } : {}),
      ...(has("control", "control_again") ? {} : { control: undefined }),
      ...(has("candidate") ? {} : { candidate: undefined }),
      replay: { lanes },
      ...project,
    },
    ...parts,
  });
}

const small = { ...runOptions(), salts: 2, replicatesPerSalt: 5 };

describe("the lanes that are compared", () => {
  it.each<[readonly LaneName[], readonly LaneName[], readonly (readonly LaneName[])[]]>([
    [["control", "candidate"], ["control", "candidate"], []],
    [["candidate", "control"], ["control", "candidate"], []],
    [["recorded", "candidate"], ["recorded", "candidate"], []],
    [["control", "control_again"], ["control", "control_again"], []],
    [["recorded", "control"], ["recorded", "control"], []],
    [["recorded", "control", "candidate"], ["control", "candidate"], [["recorded", "control"]]],
    [["control", "control_again", "candidate"], ["control", "candidate"], [["control", "control_again"]]],
    [["recorded", "control", "control_again"], ["control", "control_again"], [["recorded", "control"]]],
    [
      ["recorded", "control", "control_again", "candidate"],
      ["control", "candidate"],
      [
        ["control", "control_again"],
        ["recorded", "control"],
      ],
    ],
  ])(
    "of %j are %j, and beside them %j: in the result, in the report, each with its own figures",
    async (lanes, compared, others) => {
      const { result, folder } = await rehearse(await loadProject(laned(lanes)), small);
      const { comparison } = result;
      const completion = (own: typeof comparison.metrics) => own.find(({ name }) => name === "completion");
      const expected = ([control, candidate]: readonly LaneName[]) => ({
        control: expect.closeTo(shares[control as LaneName], 12),
        candidate: expect.closeTo(shares[candidate as LaneName], 12),
        n: { control: 3 * units, candidate: 3 * units, pairs: 3 * units, units },
      });
      expect(comparison.lanes).toEqual(compared);
      expect(completion(comparison.metrics)).toMatchObject(expected(compared));
      expect(comparison.others.map((own) => own.lanes)).toEqual(others);
      for (const own of comparison.others)
        expect(completion(own.metrics)).toMatchObject(expected(own.lanes as LaneName[]));
      expect(result.traffic.unmatched).toEqual({ control: 0, candidate: 0 });

      const report = readFileSync(join(folder, "report.md"), "utf8");
      const page = readFileSync(join(folder, "report.html"), "utf8");
      expect(report.replaceAll("\\", "")).toContain(`Lanes: ${compared.join(", ")}; 120 sessions of 40 units.`);
      expect(page).toContain(`Lanes: ${compared.join(", ")}; 120 sessions of 40 units.`);
      const captions = others.map(([one, other]) =>
        other === "control_again"
          ? "control_again against control: the same policy twice, the noise floor"
          : `${other} against ${one}`,
      );
      for (const caption of captions) {
        expect(report.replaceAll("\\", "")).toContain(`**${caption}**`);
        expect(page).toContain(caption);
      }
      expect(page.match(/noise floor/g)?.length ?? 0).toBe(
        others.filter(([, other]) => other === "control_again").length,
      );
      for (const lane of lanes)
        expect(await parquetRows(parquetFiles(observationsFolder(folder, lane)))).toHaveLength(log.length);
    },
  );
});

describe("an A/A replay", () => {
  const random = policyModule({
    respond:
      "({ response: context.random(), measures: { completed: context.random() < 0.5, cost: context.random() } })",
  });
  const cost = { kind: "mean", value: "sum(cost)", better: "lower" };
  const completion = { kind: "proportion", value: "bool_or(completed)", better: "higher" };
  const twice = (control: string) =>
    laned(["control", "control_again"], {
      files: { "control.mjs": control },
      project: { metrics: { completion, cost } },
    });

  it("of a deterministic policy differs in nothing, for any number of threads", async () => {
    const folder = twice(random);
    for (const threads of [1, 3]) {
      const { comparison, traffic } = await compareLanes(await loadProject(folder), runOptions({ threads }));
      for (const { control, candidate, difference } of comparison.metrics) {
        expect(candidate).toBe(control);
        expect(difference).toMatchObject({ status: "ok", value: 0 });
      }
      expect(comparison.metrics.map(({ control }) => control)).not.toContain(0.5);
      expect(traffic.notes).toContain(`both lanes gave the same responses to all ${log.length} requests`);
    }
  });

  it("of a policy that is not deterministic shows its noise", async () => {
    const noisy = policyModule({
      before: "let calls = 0;",
      respond: "(calls++, { response: calls, measures: { completed: calls % 7 > 0, cost: calls } })",
    });
    const { comparison, traffic } = await compareLanes(await loadProject(twice(noisy)), runOptions());
    const own = comparison.metrics.find(({ name }) => name === "cost");
    expect(own?.candidate).not.toBe(own?.control);
    expect(traffic.notes.join()).toMatch(
      /180 of 180 responses \(100 %\) differ between the lanes, in 120 of 120 sessions/,
    );
  });
});

describe("lanes are refused at their line:", () => {
  const section = { recorded: { measures } };
  it.each<[string, readonly string[], object, RegExp]>([
    [
      "one lane only",
      ["control"],
      { candidate: undefined },
      /: replay\.lanes is \["control"\]; write at least two lanes$/,
    ],
    [
      "an unknown one",
      ["control", "canary"],
      {},
      /: replay\.lanes\[1\] is "canary"; write recorded, control, control_again or candidate$/,
    ],
    ["one twice", ["control", "candidate", "control"], {}, /: control is named twice; remove one of them$/],
    [
      "recorded without its section",
      ["recorded", "control", "candidate"],
      {},
      /: the lane recorded has no recorded: section; write recorded: …, or leave the lane out$/,
    ],
    [
      "candidate without its section",
      ["control", "candidate"],
      { candidate: undefined },
      /: the lane candidate has no candidate: section; write candidate: …, or leave the lane out$/,
    ],
    [
      "control_again without a control",
      ["recorded", "control_again"],
      { ...section, control: undefined, candidate: undefined },
      /: the lane control_again has no control: section; write control: …, or leave the lane out$/,
    ],
    [
      "a section recorded that is not replayed",
      ["control", "candidate"],
      section,
      /: there is a recorded, but replay\.lanes has no recorded; write replay: \{ lanes: \[control, candidate, recorded\] \}, or remove it$/,
    ],
    [
      "a section control that is not replayed",
      ["recorded", "candidate"],
      section,
      /: there is a control, but replay\.lanes has no control; write .*, or remove it$/,
    ],
    [
      "a section candidate that is not replayed",
      ["control", "control_again"],
      {},
      /: there is a candidate, but replay\.lanes has no candidate; write .*, or remove it$/,
    ],
    [
      "control_again of a recorded control",
      ["control", "control_again", "candidate"],
      { control: { recorded: { measures } } },
      /: control_again repeats a recorded control; what was recorded is the same twice: leave it out$/,
    ],
    [
      "lanes that leave nothing to compare",
      ["control_again", "candidate"],
      {},
      /: control_again and candidate leave nothing to compare; write a lane to compare with: \[control, candidate\]/,
    ],
    [
      "recorded without traffic of its own",
      ["recorded", "candidate"],
      { ...section, traffic: {}, control: undefined },
      /: traffic\.source is missing; name the log: source: /,
    ],
    [
      "a recorded measure of a reserved name",
      ["recorded", "control", "candidate"],
      { recorded: { measures: { Status: "ok" } } },
      /: the measure name Status is reserved; call it otherwise; /,
    ],
  ])("%s", async (_, lanes, project, message) => {
    const folder = projectFolder({ log, project: { replay: { lanes }, ...project } });
    const told = (await refusal(() => loadProject(folder))).replaceAll(`${folder}/`, "");
    expect(told).toMatch(message);
    const line = Number(/^foretaste\.yaml:(\d+): /.exec(told)?.[1]);
    const written = readFileSync(join(folder, "foretaste.yaml"), "utf8").split("\n");
    expect(written[line - 1]).toMatch(/"(lanes|recorded|control|candidate|canary|traffic|Status)"/);
  });
});

describe("the lane recorded", () => {
  const own = {
    failed: { sql: "input % 10 = 9" },
    error: { sql: "'code ' || input" },
    measures: { completed: "ok", latency_ms: "ms", user_name: "user" },
  };
  const observed = async (recorded: object, traffic: object = {}) => {
    const columns = { session: "session", user: "user", at: "at", request: "input" };
    const folder = laned(["recorded", "candidate"], {
      project: { recorded, traffic: { source: "log.jsonl", columns, ...traffic } },
    });
    const { folder: run, ...result } = await replayTraffic(await loadProject(folder), runOptions());
    const rows = await parquetRows<Record<string, unknown>>(parquetFiles(observationsFolder(run, "recorded")));
    return { result, rows, folder };
  };

  it("reads the traffic's own records: what failed and why, and the measures", async () => {
    const { rows, result } = await observed(own);
    const seen = new Map<string, number>();
    const expected = log.map(({ session, input, ok, ms, user }) => {
      const seq = seen.get(session) ?? 0;
      seen.set(session, seq + 1);
      const failed = input % 10 === 9;
      return {
        session,
        seq,
        status: failed ? "error" : "ok",
        error: failed ? `code ${input}` : null,
        latency_ms: ms,
        completed: ok,
        user_name: user,
        response_digest: null,
      };
    });
    const byPlace = (rows: readonly { session?: unknown; seq?: unknown }[]) =>
      [...rows].sort((a, b) => (`${a.session} ${a.seq}` < `${b.session} ${b.seq}` ? -1 : 1));
    expect(byPlace(rows)).toMatchObject(byPlace(expected));
    expect(result.imports).toMatchObject([{ role: "traffic", records: log.length, kept: log.length }]);
  });

  it("has only the records that where keeps", async () => {
    const { rows } = await observed(own, { where: "input < 10" });
    expect(rows).toHaveLength(log.filter(({ input }) => input < 10).length);
  });

  it.each([
    [
      "failed",
      { failed: "ms" },
      /foretaste\.yaml:\d+: failed is a HUGEINT, not true or false; write a condition, as \{ sql: error_code is not null \}$/,
    ],
    [
      "a measure",
      { measures: { completed: { sql: "[input]" } } },
      /foretaste\.yaml:\d+: completed is a HUGEINT\[\]; write an expression that gives /,
    ],
    [
      "an unknown column",
      { measures: { completed: "okay" } },
      /foretaste\.yaml:\d+: column okay is not in .*log\.jsonl; known are at, input, ms, ok, session, user$/,
    ],
  ])("is refused at the line of %s that does not work", async (_, recorded, message) => {
    expect(await refusal(() => observed({ ...own, ...recorded }))).toMatch(message);
  });
});

describe("a sample", () => {
  const many = 3000;
  /** Two sessions a user and one for each seventh; units are users. */
  const traffic = Array.from({ length: 2 * many }, (_, i) => ({
    session: `s${i}`,
    user: i % 7 === 0 ? null : `u${i >> 1}`,
    at: new Date(Date.UTC(2026, 0, 5) + i * 1000).toISOString(),
    input: i,
  }));
  const unitOf = new Map(traffic.map(({ session, user }) => [session, user ?? `session:${session}`]));
  const allUnits = new Set(unitOf.values());

  async function sampled(sample: string, options: Partial<Parameters<typeof runOptions>[0]> = {}, log = traffic) {
    const folder = projectFolder({ log, plan: { assignBy: "user" }, project: { replay: { sample } } });
    const result = await replayTraffic(await loadProject(folder), runOptions(options));
    const rows = await parquetRows<{ session: string }>(parquetFiles(observationsFolder(result.folder, "candidate")));
    return { result, sessions: new Set(rows.map(({ session }) => session)) };
  }

  it("has whole units, about as many as it says, and is a part of every larger one", async () => {
    const [third, tenth, hundredth] = [await sampled("30%"), await sampled("10%"), await sampled("1%")] as const;
    for (const [share, { sessions, result }] of [
      [0.3, third],
      [0.1, tenth],
      [0.01, hundredth],
    ] as const) {
      const kept = new Set([...sessions].map((session) => unitOf.get(session)));
      const whole = [...unitOf].filter(([, unit]) => kept.has(unit)).map(([session]) => session);
      expect(new Set(whole)).toEqual(sessions);
      const standardError = Math.sqrt((share * (1 - share)) / allUnits.size);
      expect(Math.abs(kept.size / allUnits.size - share)).toBeLessThan(4 * standardError);
      expect(result.sessions).toMatchObject({
        sessions: sessions.size,
        units: kept.size,
        outOfSample: traffic.length - sessions.size,
      });
      const size = (n: number) => n.toLocaleString("en");
      expect(result.notes[0]).toBe(
        `a sample of the units was replayed: ${size(sessions.size)} of ${size(traffic.length)} sessions`,
      );
    }
    expect([...tenth.sessions].filter((session) => !third.sessions.has(session))).toEqual([]);
    expect([...hundredth.sessions].filter((session) => !tenth.sessions.has(session))).toEqual([]);
  });

  it("is the same whatever the seed, the threads and the order of the log; 100% is all", async () => {
    const { sessions } = await sampled("10%");
    expect((await sampled("10%", { seed: "other", threads: 3 })).sessions).toEqual(sessions);
    expect((await sampled("10%", {}, [...traffic].reverse())).sessions).toEqual(sessions);
    const whole = await sampled("100%");
    expect(whole.sessions.size).toBe(traffic.length);
    expect(whole.result.notes.join()).not.toMatch(/sample/);
  });

  it("without a session is refused at its line", async () => {
    for (const sample of ["0%", "0.0001%"]) {
      expect(await refusal(() => sampled(sample, {}, traffic.slice(0, 12)))).toMatch(
        /foretaste\.yaml:\d+: none of 12 sessions is in the sample; raise it$/,
      );
    }
  });

  it("holds for recorded lanes of other files, too: what is left out of one is unmatched in none", async () => {
    const recorded = (file: string) => ({
      recorded: { source: file, session: "session", measures: { completed: "ok" } },
    });
    const extra = Array.from({ length: many }, (_, i) => ({ session: `only here ${i}`, ok: true }));
    const there = traffic.map(({ session }, i) => ({ session, ok: i % 3 > 0 }));
    const files = { "b.jsonl": jsonLines(there), "c.jsonl": jsonLines([...there, ...extra]) };
    const compared = async (project: Readonly<Record<string, unknown>>) => {
      const folder = projectFolder({ log: traffic, files, plan: { assignBy: "user" }, project });
      return compareLanes(await loadProject(folder), runOptions());
    };
    const replay = { sample: "10%" };
    const same = await compared({ replay, candidate: recorded("b.jsonl") });
    expect(same.traffic.unmatched).toEqual({ control: 0, candidate: 0 });
    expect(same.comparison.sessions).toBe(same.traffic.sessions);
    // the sessions that only one log has are sampled alike: each is a unit of its own
    const more = await compared({ replay, candidate: recorded("c.jsonl") });
    expect(more.traffic.unmatched.control).toBe(0);
    expect(Math.abs(more.traffic.unmatched.candidate - 0.1 * many)).toBeLessThan(4 * Math.sqrt(0.1 * 0.9 * many));
    expect(more.comparison.sessions).toBe(same.comparison.sessions);
    const both = await compared({
      replay,
      traffic: {},
      control: {
        recorded: { ...recorded("b.jsonl").recorded, at: { sql: "timestamp '2026-01-05' + to_seconds(__line)" } },
      },
      candidate: recorded("c.jsonl"),
    });
    expect(both.traffic.unmatched.control).toBe(0);
    expect(both.comparison.sessions).toBe(both.traffic.sessions);
  });
});
