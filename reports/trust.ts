import type { Import } from "../shadow/ingest/import-records.ts";
import type { SessionSummary } from "../shadow/ingest/sessions.ts";
import type { OutcomeSummary, Outcomes } from "../shadow/outcomes.ts";
import { mcNemarClustered } from "../statistics/proportions/paired.ts";
import { count, hours, percent, pValue as shownP } from "./format.ts";

/** One question about the inputs, answered. A failed one voids the rest. */
export interface TrustCheck {
  readonly name: string;
  readonly status: "pass" | "warn" | "fail";
  readonly figure: string;
  readonly threshold: string;
  readonly why: string;
}

/** Level of each check for a difference between the lanes. */
const level = 0.001;

/** Checks whether the inputs can be trusted. */
export function trustChecks(
  imports: readonly Import[],
  sessions: SessionSummary,
  outcomes: Outcomes,
  summary: OutcomeSummary,
  { quarantineLimit, laps }: { readonly quarantineLimit: number; readonly laps: number },
): TrustCheck[] {
  return [
    ...imports.map((own) => quarantineCheck(own, quarantineLimit)),
    matchCheck(outcomes, summary),
    ...missingChecks(outcomes, summary),
    changingCheck(sessions),
    gapCheck(outcomes),
    coverageCheck(laps),
  ];
}

function quarantineCheck({ role, records, quarantined, excluded, reasons }: Import, limit: number): TrustCheck {
  const left = excluded > 0 ? `, ${count(excluded)} left out by where` : "";
  return {
    name: `records of ${role}`,
    status: quarantined === 0 ? "pass" : "warn",
    figure: `${count(quarantined)} of ${count(records)} in quarantine${left}`,
    threshold: `at most ${percent(limit)}`,
    why:
      quarantined === 0
        ? "every record could be read"
        : reasons.map(({ reason, count: n }) => `${count(n)} × ${reason}`).join("; "),
  };
}

function matchCheck(outcomes: Outcomes, { unmatched }: OutcomeSummary): TrustCheck {
  const lost = unmatched.control + unmatched.candidate;
  const share = lost / (lost + outcomes.sessions.length);
  return {
    name: "sessions in both lanes",
    status: lost === 0 ? "pass" : share > 0.5 ? "fail" : "warn",
    figure: `${count(outcomes.sessions.length)} matched, ${count(unmatched.control)} only in control, ${count(unmatched.candidate)} only in candidate`,
    threshold: "at least half matched",
    why: lost === 0 ? "both lanes answered the same sessions" : "unmatched sessions are left out of every figure",
  };
}

/**
 * A value missing more often in one lane than in the other, among sessions that failed in neither: what is left is then
 * not the same traffic. Failures themselves are judged as harm, by the failure rate.
 */
function missingChecks(outcomes: Outcomes, summary: OutcomeSummary): TrustCheck[] {
  const { failed } = summary;
  return outcomes.metrics.map(({ metric, control, candidate }) => {
    const lacks = (values: typeof control, i: number) =>
      values.kind === "sums" ? values.missing[i] === 1 : values.offsets[i] === values.offsets[i + 1];
    const byUnit = new Float64Array(outcomes.unitNames.length);
    const counts = { control: 0, candidate: 0 };
    for (let i = 0; i < outcomes.sessions.length; i++) {
      if (failed.control[i] === 1 || failed.candidate[i] === 1) continue;
      const [was, is] = [Number(lacks(control, i)), Number(lacks(candidate, i))];
      counts.control += was;
      counts.candidate += is;
      const unit = outcomes.unit[i] as number;
      byUnit[unit] = (byUnit[unit] as number) + is - was;
    }
    const { pValue } = mcNemarClustered(byUnit);
    return {
      name: `missing values of ${metric.name}`,
      status: pValue < level ? "fail" : "pass",
      figure: `${count(counts.control)} in control, ${count(counts.candidate)} in candidate (p ${shownP(pValue)})`,
      threshold: `p at least ${level}`,
      why:
        pValue < level
          ? "one lane lacks values that the other has: what is left is not the same traffic"
          : "neither lane lacks values more often",
    } as const;
  });
}

function changingCheck({ changing, withoutUser, sessions }: SessionSummary): TrustCheck {
  const parts = changing.map(({ attribute, sessions: n }) => `${attribute} changes inside ${n} sessions`);
  return {
    name: "attributes and units",
    status: parts.length === 0 ? "pass" : "warn",
    figure:
      [...parts, ...(withoutUser > 0 && withoutUser < sessions ? [`${withoutUser} sessions have no user`] : [])].join(
        "; ",
      ) || "none changes inside a session",
    threshold: "none",
    why:
      parts.length === 0
        ? "each session has one value of each attribute"
        : "the value of a session's first request is used",
  };
}

/** One session of another year makes a log of mostly nothing, on which every simulated rollout would start. */
function gapCheck({ arrivalMs }: Outcomes): TrustCheck {
  const n = arrivalMs.length;
  let gap = 0;
  let after = 0;
  for (let i = 1; i < n; i++) {
    const own = (arrivalMs[i] as number) - (arrivalMs[i - 1] as number);
    if (own > gap) [gap, after] = [own, arrivalMs[i - 1] as number];
  }
  const span = (arrivalMs[n - 1] as number) - (arrivalMs[0] as number);
  const share = n > 10 && span > 0 ? gap / span : 0;
  return {
    name: "gaps in the log",
    status: share >= 0.5 ? "fail" : share >= 0.2 ? "warn" : "pass",
    figure: `the longest lasts ${hours(gap / 3_600_000)}, ${percent(share)} of the log`,
    threshold: "below 20 %, at most 50 %",
    why:
      share < 0.2
        ? "traffic goes on through the log"
        : `no session arrives after ${new Date(after).toISOString()} for that long: look for records with a wrong time`,
  };
}

function coverageCheck(laps: number): TrustCheck {
  return {
    name: "length of the log",
    status: laps > 1 ? "warn" : "pass",
    figure: laps > 1 ? `the plan may go around the log ${laps} times` : "the log covers the longest rollout",
    threshold: "1 time",
    why:
      laps > 1
        ? "later laps repeat the log with new units; rates that rest on them are not certified"
        : "no traffic is used twice",
  };
}
