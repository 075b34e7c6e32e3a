import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { CanaryJudgement } from "../../index.ts";
import { freezePlan } from "../../rehearsal/freeze.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { canaryLog, canaryPlan, canaryProject } from "../support/canary.ts";
import { repository } from "../support/folders.ts";
import { jsonLines } from "../support/import-log.ts";
import { projectFolder, runOptions } from "../support/project-folder.ts";
import { foretaste } from "../support/run-cli.ts";

function folderWith(canary: readonly object[] | string, project: object = {}, plan: object = {}): string {
  return projectFolder({
    project: { ...canaryProject, ...project },
    plan: { ...canaryPlan, ...plan },
    log: canaryLog({ n: 2000 }),
    files: { "canary.jsonl": typeof canary === "string" ? canary : jsonLines(canary) },
  });
}

const judged = async (folder: string, ...options: string[]) => {
  const { code, stdout, stderr } = await foretaste(["judge", folder, "--json", ...options]);
  expect([0, 10, 11], stderr).toContain(code);
  return { code, ...(JSON.parse(stdout) as CanaryJudgement) };
};

describe("foretaste judge", () => {
  const harmed = canaryLog({ harm: 0.4 });

  it("rolls back a harmful canary with exit code 11, names the metric, the look and the segment", async () => {
    const { code, stdout } = await foretaste(["judge", folderWith(harmed), "--looks"]);
    expect(code).toBe(11);
    expect(stdout).toMatch(/^The plan is not frozen/);
    expect(stdout).toMatch(
      /^third \(30 %\), from 2026-01-05 00:00\S*, 8 looks: rollback \(completion\) at look \d, 2026-01-0\d \d\d:\d\d\S*$/m,
    );
    expect(stdout).toMatch(/^completion .* Z_|^completion +\d/m);
    expect(stdout).toMatch(/^tier=pro +completion/m);
    expect(stdout).toMatch(/ROLLBACK in third: completion$/m);
  });

  it("promotes one without a change, with exit code 0", async () => {
    const { code, end, sessions, stages } = await judged(folderWith(canaryLog()));
    expect([code, end?.decision.action, end?.stage]).toEqual([0, "promote", "third"]);
    expect(sessions.control + sessions.candidate).toBe(6000);
    expect(stages[0]?.sampleRatio.share).toBeCloseTo(0.3, 1);
  });

  it("holds with exit code 10 while data grow, and says later what it said then", async () => {
    const folder = folderWith(harmed);
    const whole = await judged(folder);
    const early = await judged(folder, "--as-of", "2026-01-05T06:30Z");
    expect(early.code).toBe(10);
    expect(early.looks.map(({ atMs }) => new Date(atMs).getUTCHours())).toEqual([6]);
    expect(early.looks).toEqual(whole.looks.slice(0, 1));
    const none = await judged(folder, "--as-of", "2026-01-05T01:00");
    expect([none.code, none.looks]).toEqual([10, []]);
  });

  it("judges two logs like one that says whose a record is", async () => {
    const { control, candidate, source, ...common } = canaryProject.canary;
    const one = await judged(folderWith(harmed));
    const folder = folderWith(harmed, {
      canary: { ...common, control: { source: "v1.jsonl" }, candidate: { source: "v2.jsonl" } },
    });
    for (const variant of ["v1", "v2"]) {
      writeFileSync(join(folder, `${variant}.jsonl`), jsonLines(harmed.filter((own) => own.variant === variant)));
    }
    const two = await judged(folder);
    expect([control, candidate, source]).toBeDefined();
    expect(two.looks).toEqual(one.looks);
  });

  it("says whether the plan was frozen before the data, and that the frozen plan is the one that is judged", async () => {
    const folder = folderWith(canaryLog());
    // before the canary of January
    await freezePlan(await loadProject(folder), runOptions({ startedAt: new Date(Date.UTC(2026, 0, 1)) }));
    expect((await judged(folder)).frozen.status).toBe("before the data");
    writeFileSync(
      join(folder, "plan.yaml"),
      JSON.stringify({ ...canaryPlan, margins: { completion: "1pp", cost: "1%" } }),
    );
    const { plan, looks } = await judged(folder);
    expect(plan.guardrails.map(({ written }) => written)).toEqual(["6pp", "20%", "1pp"]);
    // three times the traffic that it was frozen on, and no look ahead of the clock
    expect(looks[0]?.decision.readings[0]?.time).toBe(6 / 48);
    const { stdout } = await foretaste(["judge", folder]);
    expect(stdout).toMatch(/^The plan was frozen at .*, before the data\.$/m);
    expect(stdout).toMatch(
      /^The frozen plan is judged; these are otherwise now:\n {2}margin of completion: 6pp → 1pp\n/m,
    );
    expect((await foretaste(["plan", "freeze", folder, "--amend", "the margins were slips"])).code).toBe(0);
    expect((await foretaste(["judge", folder])).stdout).toMatch(/AFTER the data began/);
  });

  it("refuses a lock that was edited, which says nothing of what was meant before the data", async () => {
    const folder = folderWith(canaryLog());
    expect((await foretaste(["plan", "freeze", folder])).code).toBe(0);
    const file = join(folder, "plan.lock.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"missedRegression": 0.1', '"missedRegression": 0.9'));
    const { code, stderr } = await foretaste(["judge", folder]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/plan\.lock\.json: was edited since it was frozen: its hash does not fit; restore it/),
    ]);
  });

  it("freezes a plan before the canary has a log", async () => {
    const folder = folderWith(harmed, { canary: { ...canaryProject.canary, source: "later/*.jsonl" } });
    expect((await foretaste(["plan", "freeze", folder])).code).toBe(0);
    const { code, stderr } = await foretaste(["judge", folder]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/foretaste\.yaml:\d+: no file matches later\/\*\.jsonl/)]);
  });

  it("judges a project that has a canary and nothing to replay", async () => {
    const { code } = await judged(
      folderWith(canaryLog(), { control: undefined, recorded: undefined, replay: undefined }),
    );
    expect(code).toBe(0);
  });

  it("holds while the candidate has no record yet, and while a measure has no value yet", async () => {
    const early = canaryLog({ n: 600 });
    const none = await judged(folderWith(early.filter(({ variant }) => variant === "v1")));
    expect([none.code, none.sessions.candidate]).toEqual([10, 0]);
    expect(none.looks.at(-1)?.decision).toMatchObject({
      waitingFor: ["the sample ratio does not fit the exposure"],
      readings: expect.arrayContaining([expect.objectContaining({ unknown: "the candidate has no units yet" })]),
    });
    const silent = await judged(folderWith(canaryLog().map((own) => ({ ...own, cost: null }))));
    expect(silent.code).toBe(10);
    expect(silent.looks.at(-1)?.decision).toMatchObject({
      waitingFor: [expect.stringMatching(/^cost: the control has no value/)],
    });
  });

  it("counts what is odd about the records, and says so", async () => {
    const log = canaryLog();
    const first = log[0] as (typeof log)[number];
    const odd = [
      ...log,
      first,
      { ...first, conversation: "ahead", at: "2126-01-01T00:00:00Z" },
      { ...first, variant: first.variant === "v1" ? "v2" : "v1" },
      { ...log[9], conversation: "nobody", user: null },
    ];
    const { notes, looks } = await judged(folderWith(odd));
    expect(notes).toEqual([
      expect.stringMatching(/^one session has records in both arms; if each log numbers its sessions by itself/),
      expect.stringMatching(/^one record is later than 20\d\d-.* and left out$/),
      "one session has no user: each is a unit of its own",
      "a session has ended when no request came for 30min (canary.idle)",
      "one record repeats another one, value by value: all are counted",
    ]);
    expect(looks.at(-1)?.decision).toMatchObject({ waitingFor: ["1 unit was served by both arms"] });
  });

  it("says at no later time that a look was another: sessions that go on are not counted before they have ended", async () => {
    // the candidate's sessions take four hours, the control's are over at once; both complete nine of ten
    const slow = canaryLog({ n: 3000 }).flatMap((own, i) =>
      own.variant === "v1"
        ? [{ ...own, completed: i % 10 > 0 }]
        : [0, 1, 2].map((k) => ({
            ...own,
            at: new Date(Date.parse(own.at) + k * 7_200_000).toISOString(),
            completed: k === 2 && i % 10 > 0,
            cost: own.cost / 3,
          })),
    );
    const folder = folderWith(slow, { canary: { ...canaryProject.canary, idle: "3h" } });
    const whole = await judged(folder);
    expect(whole.end?.decision.action).not.toBe("rollback");
    for (const asOf of ["2026-01-05T18:00Z", "2026-01-06T12:30Z"]) {
      const then = await judged(folder, "--as-of", asOf);
      expect(then.looks.length).toBeGreaterThan(0);
      expect(then.looks).toEqual(whole.looks.slice(0, then.looks.length));
    }
  });

  it("is not led on by a clock that is wrong", async () => {
    const early = canaryLog({ n: 400 }).map((own) => ({ ...own, at: own.at.replace("2026-01-05", "2026-01-04") }));
    const { asOfMs, notes } = await judged(
      folderWith([...early, { ...early[0], conversation: "late", at: "2026-02-01T00:00:00Z" }]),
    );
    expect(new Date(asOfMs).toISOString()).toMatch(/^2026-01-0/);
    expect(notes).toEqual([expect.stringMatching(/^one session lies \d+ days after all others: looks end before/)]);
  });

  it("counts records that it cannot read, and judges the others", async () => {
    const folder = folderWith(`${jsonLines(canaryLog())}{"conversation": "broken"\n`);
    const { imports } = await judged(folder);
    expect(imports.map(({ quarantined }) => quarantined)).toEqual([1, 1]);
    expect((await foretaste(["judge", folder])).stdout).toMatch(/control: 1 record could not be read/);
  });

  it.each([
    ["no canary", { canary: undefined }, [], /foretaste\.yaml: names no log of a canary; write canary: /],
    [
      "arms of the same records",
      { canary: { ...canaryProject.canary, control: {}, candidate: {} } },
      [],
      /foretaste\.yaml:\d+: control and candidate are the same records; say which are whose/,
    ],
    [
      "a log that is not there",
      { canary: { ...canaryProject.canary, source: "gone.jsonl" } },
      [],
      /foretaste\.yaml:\d+: no such file: gone\.jsonl/,
    ],
    [
      "no session",
      { canary: { ...canaryProject.canary, session: undefined } },
      [],
      /canary\.session is missing; name the column/,
    ],
    ["no time", { canary: { ...canaryProject.canary, at: undefined } }, [], /foretaste\.yaml:\d+: .*time/],
    [
      "a duration instead of a time",
      {},
      ["--as-of", "6h"],
      /--as-of: 6h is not a time \(a time, not a duration\); write it as/,
    ],
    ["an unknown stage", {}, ["--stage", "thrid=2026-01-05"], /--stage: unknown stage thrid; did you mean third\?/],
    [
      "a stage without a time",
      {},
      ["--stage", "third"],
      /--stage: third is not a stage and a time; write --stage canary=/,
    ],
  ] as const)("refuses %s with place, problem and way out", async (_, project, options, message) => {
    const { code, stderr } = await foretaste(["judge", folderWith(harmed, project), ...options]);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/internal error/);
    expect(code).toBe(2);
  });
});

const logs = join(repository, "..", "shared", "data", "traces", "llmperf_individual");
const there = existsSync(logs);
if (!there) console.info("skipped: the llmperf logs are not beside the project, see examples/llmperf/README.md");

/**
 * One model at several providers, 150 requests each. Known quantiles: P95 3.13 s at anyscale, 3.00 s at together; lepton answered
 * 130 of 150 requests with HTTP 429 and a latency of zero.
 *
 * Source: ray-project/llmperf-leaderboard @ 27aa9b6, raw_data/individual/*_70b.json.
 */
describe.skipIf(!there)("judged as a canary, a provider", () => {
  function canaryOf(candidate: string): string {
    const requests = ["anyscale", candidate].flatMap((provider, arm) =>
      (
        JSON.parse(gunzipSync(readFileSync(join(logs, `${provider}_70b.json.gz`))).toString("utf8")) as Record<
          string,
          unknown
        >[]
      ).map((own, i) => ({
        session: `${provider}-${i}`,
        // the arms take turns, one request a minute each
        at: new Date(Date.UTC(2026, 0, 5) + (2 * i + arm) * 30_000).toISOString(),
        provider,
        seconds: own.end_to_end_latency_s,
        refused: own.error_code !== null,
      })),
    );
    return projectFolder({
      log: [{ session: "s", at: "2026-01-05T00:00:00Z", user: "u", input: {} }],
      project: {
        metrics: {
          latency_p95: { kind: "quantile", quantile: 0.95, value: "latency_ms", better: "lower", measuredIn: "ms" },
        },
        canary: {
          source: "canary.jsonl",
          session: "session",
          at: "at",
          failed: "refused",
          measures: { latency_ms: { sql: "seconds * 1000" } },
          control: { where: "provider = 'anyscale'" },
          candidate: { where: `provider = '${candidate}'` },
        },
      },
      plan: {
        assignBy: "session",
        primary: "latency_p95",
        margins: { latency_p95: "20%", failure_rate: "5pp" },
        stages: [
          {
            name: "half",
            exposure: "50%",
            duration: { min: "2h", max: "160min" },
            minimumSample: 100,
            lookEvery: "20min",
          },
          { name: "full", exposure: "100%" },
        ],
        rule: { evidence: "sequential" },
      },
      files: { "canary.jsonl": jsonLines(requests) },
    });
  }

  it.each([
    { candidate: "groq", action: "promote", because: undefined },
    { candidate: "together", action: "promote", because: undefined },
    { candidate: "fireworks", action: "rollback", because: "latency_p95" },
    { candidate: "lepton", action: "rollback", because: "failure_rate" },
  ])("$candidate after anyscale ends as $action", async ({ candidate, action, because }) => {
    const { end, looks } = await judged(canaryOf(candidate), "--as-of", "2026-01-05T02:40Z");
    expect((end ?? looks.at(-1))?.decision).toMatchObject({ action, ...(because ? { because } : {}) });
    if (candidate !== "lepton") return;
    // its zeros are not fast answers: what is known of its latency is that of the requests which it answered
    const reading = end?.decision.readings[0];
    expect(reading?.candidate === null || (reading?.candidate as number) > 1000).toBe(true);
  });
});
