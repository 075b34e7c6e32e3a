import type { ResponseSummary } from "../shadow/difference/compare-responses.ts";
import type { LabelSummary } from "../shadow/ingest/labels.ts";
import type { SessionSummary } from "../shadow/ingest/sessions.ts";
import type { OutcomeSummary } from "../shadow/outcomes.ts";
import type { ReplaySummary } from "../shadow/replay.ts";
import { count, hours, number, percent } from "./format.ts";

/** What a replay did besides answering requests. */
export interface ReplayFacts {
  readonly sessions: SessionSummary;
  readonly replayed: ReplaySummary;
  readonly labels?: LabelSummary | undefined;
  readonly redacted?: Readonly<Record<string, number>> | undefined;
  readonly responses?: ResponseSummary | undefined;
  readonly summary?: OutcomeSummary | undefined;
}

/** What a reader of the figures should know of the replay, a sentence each. */
export function replayNotes({ sessions, replayed, labels, redacted, responses, summary }: ReplayFacts): string[] {
  return [
    ...sampleNote(sessions),
    ...redactionNote(redacted),
    ...(labels ? labelNotes(labels) : []),
    ...replayed.stopped.map(
      ({ lane, sessions: seen, failed }) =>
        `${lane} was stopped: ${count(failed)} of its first ${count(seen)} sessions failed; later ones were not replayed`,
    ),
    ...(replayed.strays > 0
      ? [`policies let go ${count(replayed.strays)} errors after their session had ended: they are no one's`]
      : []),
    ...(replayed.printed > 0 ? [`policies printed ${count(replayed.printed)} times: see printed.txt of the run`] : []),
    ...(responses ? kindsNote(responses) : []),
    ...(summary ? [...toolNotes(summary), ...responseNote(summary)] : []),
  ];
}

function sampleNote({ sessions, outOfSample }: SessionSummary): string[] {
  if (outOfSample === 0) return [];
  return [`a sample of the units was replayed: ${count(sessions)} of ${count(sessions + outOfSample)} sessions`];
}

function redactionNote(redacted: ReplayFacts["redacted"]): string[] {
  const found = Object.entries(redacted ?? {}).map(([kind, n]) => `${count(n)} ${kind}`);
  if (found.length === 0) return [];
  return [`redacted before anything was stored: ${found.join(", ")}`];
}

function labelNotes(labels: LabelSummary): string[] {
  const { labelledRequests, unlabelledRequests, unused, repeated, early, delayMs } = labels;
  const after = (ms: number) => hours(ms / 3_600_000);
  const extra = [
    ...(repeated > 0 ? [`${count(repeated)} are older ones of a key that has a later one`] : []),
    ...(unused > 0 ? [`${count(unused)} belong to no request`] : []),
    ...(early > 0 ? [`${count(early)} are older than their request`] : []),
  ];
  return [
    `${count(labelledRequests)} of ${count(labelledRequests + unlabelledRequests)} requests have a label${extra.length > 0 ? `; of ${count(labels.labels)} labels ${extra.join(", ")}` : ""}`,
    ...(delayMs
      ? [
          `labels come ${after(delayMs.p50)} after their request (median; p90 ${after(delayMs.p90)}, p99 ${after(delayMs.p99)}, at most ${after(delayMs.max)})`,
        ]
      : []),
  ];
}

function toolNotes({ tools }: OutcomeSummary): string[] {
  return tools.map(
    ({ lane, hits, drifts, misses, diverged }) =>
      `${lane} asked for ${count(hits + drifts + misses)} recorded tool calls: ${count(hits)} hits, ${count(drifts)} drifts, ${count(misses)} misses; ${count(diverged)} sessions diverged`,
  );
}

function kindsNote({ compared, differing, kinds }: ResponseSummary): string[] {
  if (differing === 0) return [];
  const found = Object.entries(kinds).map(([kind, n]) => `${count(n)} ${kind}`);
  return [
    `${count(differing)} of ${count(compared)} stored responses differ in their structure, by kind: ${found.join(", ")}; see differences/ of the run`,
  ];
}

function responseNote({ responses }: OutcomeSummary): string[] {
  const { compared, differing, sessions, divergedSessions, firstDivergence } = responses;
  if (compared === 0) return [];
  const share = `${count(differing)} of ${count(compared)} responses (${percent(differing / compared)})`;
  if (firstDivergence === null) return [`both lanes gave the same responses to all ${count(compared)} requests`];
  return [
    `${share} differ between the lanes, in ${count(divergedSessions)} of ${count(sessions)} sessions, first at request ${number(1 + firstDivergence)} (median)`,
  ];
}
