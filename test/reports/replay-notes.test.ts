import { describe, expect, it } from "vitest";
import { type ReplayFacts, replayNotes } from "../../reports/replay-notes.ts";
import type { LabelSummary } from "../../shadow/ingest/labels.ts";
import type { OutcomeSummary } from "../../shadow/outcomes.ts";

const hour = 3_600_000;

/** A replay of ten sessions of which there is nothing to say. */
const quiet: ReplayFacts = {
  sessions: {
    requests: 30,
    sessions: 10,
    units: 5,
    shards: 1,
    requestsByShard: [30],
    fromMs: 0,
    untilMs: hour,
    changing: [],
    withoutUser: 0,
    outOfSample: 0,
  },
  replayed: { stopped: [], strays: 0, printed: 0 },
};

const nothing: OutcomeSummary = {
  unmatched: { control: 0, candidate: 0 },
  failedSessions: { control: 0, candidate: 0 },
  failed: { control: new Uint8Array(10), candidate: new Uint8Array(10) },
  statuses: [],
  tools: [],
  responses: { compared: 0, differing: 0, sessions: 0, divergedSessions: 0, firstDivergence: null },
  failures: [],
};

const labels: LabelSummary = {
  labels: 20,
  repeated: 0,
  labelledRequests: 24,
  unlabelledRequests: 6,
  unused: 0,
  early: 0,
};

const replayed = (own: Partial<ReplayFacts["replayed"]>): Partial<ReplayFacts> => ({
  replayed: { ...quiet.replayed, ...own },
});
const summary = (own: Partial<OutcomeSummary>): Partial<ReplayFacts> => ({ summary: { ...nothing, ...own } });
const responses = (own: Partial<OutcomeSummary["responses"]>) =>
  summary({ responses: { ...nothing.responses, compared: 2000, sessions: 400, ...own } });

describe("the notes of a replay", () => {
  it.each<[string, Partial<ReplayFacts>]>([
    ["of a replay that went as expected", {}],
    ["of outcomes without responses and tools", { summary: nothing }],
    ["of a redaction that looks for nothing", { redacted: {} }],
    ["of stored responses that are all the same", { responses: { compared: 30, differing: 0, kinds: {} } }],
  ])("are none: %s", (_, facts) => {
    expect(replayNotes({ ...quiet, ...facts })).toEqual([]);
  });

  it.each<[string, Partial<ReplayFacts>, readonly string[]]>([
    [
      "a sample, with what there is in all",
      { sessions: { ...quiet.sessions, sessions: 1200, outOfSample: 10_800 } },
      ["a sample of the units was replayed: 1,200 of 12,000 sessions"],
    ],
    [
      "what was redacted, also where nothing was found",
      { redacted: { email: 1234, card: 0, customer_id: 5 } },
      ["redacted before anything was stored: 1,234 email, 0 card, 5 customer_id"],
    ],
    ["labels that fit", { labels }, ["24 of 30 requests have a label"]],
    [
      "labels that do not fit",
      { labels: { ...labels, repeated: 3, unused: 2, early: 1 } },
      [
        "24 of 30 requests have a label; of 20 labels 3 are older ones of a key that has a later one, 2 belong to no request, 1 are older than their request",
      ],
    ],
    [
      "one way in which labels do not fit",
      { labels: { ...labels, labels: 2000, unused: 1500 } },
      ["24 of 30 requests have a label; of 2,000 labels 1,500 belong to no request"],
    ],
    [
      "how late labels come, in hours, and in days where these are many",
      { labels: { ...labels, delayMs: { p50: hour / 4, p90: 2 * hour, p99: 72 * hour, max: 240 * hour } } },
      [
        "24 of 30 requests have a label",
        "labels come 0.25 h after their request (median; p90 2 h, p99 72 h, at most 10 d)",
      ],
    ],
    [
      "each lane that was stopped",
      replayed({
        stopped: [
          { lane: "candidate", shard: 0, sessions: 10_000, failed: 5001 },
          { lane: "control_again", shard: 3, sessions: 400, failed: 400 },
        ],
      }),
      [
        "candidate was stopped: 5,001 of its first 10,000 sessions failed; later ones were not replayed",
        "control_again was stopped: 400 of its first 400 sessions failed; later ones were not replayed",
      ],
    ],
    [
      "errors that are no one's",
      replayed({ strays: 7 }),
      ["policies let go 7 errors after their session had ended: they are no one's"],
    ],
    ["what was printed", replayed({ printed: 1500 }), ["policies printed 1,500 times: see printed.txt of the run"]],
    [
      "the structure of stored responses, in the order in which kinds are given",
      { responses: { compared: 3000, differing: 40, kinds: { text: 1100, missing: 2 } } },
      [
        "40 of 3,000 stored responses differ in their structure, by kind: 1,100 text, 2 missing; see differences/ of the run",
      ],
    ],
    [
      "recorded tool calls, lane by lane",
      summary({
        tools: [
          { lane: "control", hits: 1000, drifts: 200, misses: 3, diverged: 2 },
          { lane: "candidate", hits: 0, drifts: 0, misses: 1, diverged: 1 },
        ],
      }),
      [
        "control asked for 1,203 recorded tool calls: 1,000 hits, 200 drifts, 3 misses; 2 sessions diverged",
        "candidate asked for 1 recorded tool calls: 0 hits, 0 drifts, 1 misses; 1 sessions diverged",
      ],
    ],
    [
      "responses that are all the same",
      responses({ differing: 0 }),
      ["both lanes gave the same responses to all 2,000 requests"],
    ],
    [
      "responses that differ, and where sessions part; the first request is 1",
      responses({ differing: 500, divergedSessions: 100, firstDivergence: 0 }),
      ["500 of 2,000 responses (25 %) differ between the lanes, in 100 of 400 sessions, first at request 1 (median)"],
    ],
    [
      "a median between two requests as it is",
      responses({ differing: 2, divergedSessions: 2, firstDivergence: 2.5 }),
      ["2 of 2,000 responses (0.1 %) differ between the lanes, in 2 of 400 sessions, first at request 3.5 (median)"],
    ],
  ])("say %s", (_, facts, notes) => {
    expect(replayNotes({ ...quiet, ...facts })).toEqual(notes);
  });

  it("come in the order of the work: sample, redaction, labels, replay, responses", () => {
    const all = replayNotes({
      ...quiet,
      sessions: { ...quiet.sessions, outOfSample: 1 },
      redacted: { email: 1 },
      labels: { ...labels, delayMs: { p50: 0, p90: 0, p99: 0, max: 0 } },
      replayed: { stopped: [{ lane: "candidate", shard: 0, sessions: 1, failed: 1 }], strays: 1, printed: 1 },
      responses: { compared: 1, differing: 1, kinds: { type: 1 } },
      summary: {
        ...nothing,
        tools: [{ lane: "control", hits: 1, drifts: 0, misses: 0, diverged: 0 }],
        responses: { compared: 1, differing: 1, sessions: 1, divergedSessions: 1, firstDivergence: 0 },
      },
    });
    expect(
      all.map(
        (note) => /sample|redacted|have a label|labels come|stopped|let go|printed|stored|tool|between/.exec(note)?.[0],
      ),
    ).toEqual([
      "sample",
      "redacted",
      "have a label",
      "labels come",
      "stopped",
      "let go",
      "printed",
      "stored",
      "tool",
      "between",
    ]);
  });
});
