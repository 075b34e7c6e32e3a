import { type Block, details, type Fact, list, type Section, table } from "../blocks.ts";
import * as format from "../format.ts";
import type { Result } from "../result.ts";

/** Fix the data first? */
export function trustSection({ trust, traffic }: Result): Section {
  const failed = trust.checks.filter(({ status }) => status === "fail").length;
  return {
    id: "trust",
    title: "Can the inputs be trusted?",
    blocks: [
      ...voided(failed),
      ...checksTable(trust.checks),
      { kind: "facts", facts: trafficFacts(traffic) },
      ...importsTable(traffic.imports),
      ...list(traffic.notes),
      ...statusesTable(traffic.statuses),
      ...failuresTable(traffic.failures),
    ],
  };
}

type Traffic = Result["traffic"];
type Checks = Result["trust"]["checks"];

function voided(failed: number): Block[] {
  if (failed === 0) return [];
  const checks = failed === 1 ? "One check has failed" : `${failed} checks have failed`;
  return [{ kind: "paragraph", text: `${checks}: everything below is void until that is repaired.` }];
}

const statusWords = {
  pass: { text: "pass", mark: "good" },
  warn: { text: "warning", mark: "warn" },
  fail: { text: "fail", mark: "bad" },
} as const;
const statusOrder = ["fail", "warn", "pass"];

function checksTable(checks: Checks): Block[] {
  const sorted = [...checks].sort((a, b) => statusOrder.indexOf(a.status) - statusOrder.indexOf(b.status));
  return table(
    "Checks of the inputs",
    [{ title: "Check" }, { title: "Status" }, { title: "Found" }, { title: "Threshold" }, { title: "What it means" }],
    sorted.map(({ name, status, figure, threshold, why }) => [name, statusWords[status], figure, threshold, why]),
  );
}

function trafficFacts(traffic: Traffic): Fact[] {
  const { requests, sessions, units, assignBy, failedSessions, unmatched } = traffic;
  const lanes = ({ control, candidate }: { readonly control: number; readonly candidate: number }) =>
    `${format.count(control)} in control, ${format.count(candidate)} in candidate`;
  return [
    { term: "Window", text: `${traffic.from} to ${traffic.until}` },
    ...(traffic.arrivals === undefined ? [] : [{ term: "Stated arrivals", text: traffic.arrivals }]),
    {
      term: "Traffic",
      text:
        `${format.count(requests)} requests in ${format.count(sessions)} sessions ` +
        `of ${format.count(units)} units (assigned by ${assignBy})`,
    },
    { term: "Sessions with a failed request", text: lanes(failedSessions) },
    { term: "Sessions in one lane only, left out", text: lanes(unmatched) },
  ];
}

function importsTable(imports: Traffic["imports"]): Block[] {
  return [
    ...table(
      "Records read",
      [
        { title: "Source" },
        { title: "Files" },
        { title: "Records", numeric: true },
        { title: "Kept", numeric: true },
        { title: "Left out by where", numeric: true },
        { title: "Quarantined", numeric: true },
      ],
      imports.map(({ role, files, records, kept, excluded, quarantined }) => [
        role,
        filesInWords(files),
        format.count(records),
        format.count(kept),
        format.count(excluded),
        quarantined > 0
          ? { text: `${format.count(quarantined)} (${format.percent(quarantined / records)})`, mark: "warn" }
          : "0",
      ]),
    ),
    ...details(
      "Why records are in quarantine",
      table(
        "Records in quarantine, by reason",
        [{ title: "Source" }, { title: "Reason" }, { title: "Records", numeric: true }],
        imports.flatMap(({ role, reasons }) =>
          reasons.map(({ reason, count }) => [role, reason, format.count(count)] as const),
        ),
      ),
    ),
    ...list(imports.flatMap(({ role, notes }) => notes.map((note) => `${role}: ${note}`))),
  ];
}

const mostFiles = 3;

function filesInWords(files: readonly string[]): string {
  const rest = files.length - mostFiles;
  return [...files.slice(0, mostFiles), ...(rest > 0 ? [`${format.count(rest)} more`] : [])].join(", ");
}

const knownStatuses = ["ok", "error", "timeout", "crashed", "skipped"];

function statusesTable(statuses: Traffic["statuses"]): Block[] {
  const lanes = [...new Set(statuses.map(({ lane }) => lane))];
  const found = [...new Set(statuses.map(({ status }) => status))];
  const columns = [
    ...knownStatuses.filter((status) => found.includes(status)),
    ...found.filter((status) => !knownStatuses.includes(status)).sort(),
  ];
  return table(
    "Requests by lane and status",
    [{ title: "Lane" }, ...columns.map((title) => ({ title, numeric: true }))],
    lanes.map((lane) => [
      lane,
      ...columns.map((status) =>
        format.count(statuses.find((own) => own.lane === lane && own.status === status)?.requests ?? 0),
      ),
    ]),
  );
}

function failuresTable(failures: Traffic["failures"]): Block[] {
  return table(
    "Why requests failed, the most frequent messages",
    [{ title: "Lane" }, { title: "Status" }, { title: "Message" }, { title: "Requests", numeric: true }],
    failures.map(({ lane, status, error, requests }) => [lane, status, error, format.count(requests)]),
  );
}
