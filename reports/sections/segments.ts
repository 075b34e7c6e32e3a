import { type Block, type Cell, details, list, type Section, table } from "../blocks.ts";
import * as format from "../format.ts";
import type { Result, SegmentResult } from "../result.ts";
import { readingCell } from "./comparison.ts";

/** Rows shown at once, unless more are beyond their margin. */
const shownAtOnce = 12;
/** More rows than this are not read, and a page of them is too large: the rest is in `result.json`. */
const mostRows = 200;

/** Does one group carry the loss? */
export function segmentsSection({ comparison }: Result): Section | undefined {
  const { segments, notes, level } = comparison;
  if (segments.length === 0 && notes.length === 0) return undefined;
  const sorted = worstFirst(segments);
  const beyond = sorted.filter(({ reading }) => reading === "beyond").length;
  const first = Math.min(mostRows, Math.max(shownAtOnce, beyond));
  const rest = sorted.slice(first, mostRows);
  return {
    id: "segments",
    title: "Segments",
    blocks: [
      ...summary(sorted),
      ...segmentsTable("Segments, those beyond their margin first", sorted.slice(0, first), level),
      ...details(`${format.count(rest.length)} more segments`, segmentsTable("The other segments", rest, level)),
      ...(sorted.length > mostRows
        ? list([`${format.count(sorted.length - mostRows)} further rows are only in result.json.`])
        : []),
      ...list(notes),
    ],
  };
}

const order = ["beyond", "unresolved", "inside", "no margin"];

function worstFirst(segments: readonly SegmentResult[]): SegmentResult[] {
  const unknown = 2;
  return [...segments].sort(
    (a, b) =>
      order.indexOf(a.reading) - order.indexOf(b.reading) ||
      (a.pBeyond ?? unknown) - (b.pBeyond ?? unknown) ||
      (a.pValue ?? unknown) - (b.pValue ?? unknown),
  );
}

const countWords: Readonly<Record<SegmentResult["reading"], string>> = {
  beyond: "beyond the margin",
  unresolved: "not shown",
  inside: "inside the margin",
  "no margin": "without a margin",
};

function summary(segments: readonly SegmentResult[]): Block[] {
  if (segments.length === 0) return [];
  const counts = Object.entries(countWords)
    .map(([reading, words]) => ({ words, n: segments.filter((own) => own.reading === reading).length }))
    .filter(({ n }) => n > 0)
    .map(({ words, n }) => `${format.count(n)} ${words}`);
  return [
    {
      kind: "paragraph",
      text:
        `${format.count(segments.length)} comparisons: ${counts.join(", ")}. ` +
        "Not shown means that the segment is too small to say. Both p are adjusted by Holm's method over the segments of " +
        "the metric: p of a loss no larger than the margin (small: the loss is beyond it), and p of no difference.",
    },
  ];
}

function segmentsTable(caption: string, segments: readonly SegmentResult[], level: number): Block[] {
  return table(
    caption,
    [
      { title: "Segment" },
      { title: "Metric" },
      { title: "Control", numeric: true },
      { title: "Candidate", numeric: true },
      { title: `Difference [${format.percent(level)}]`, numeric: true },
      { title: "Margin", numeric: true },
      { title: "Reading" },
      { title: "p, within margin", numeric: true },
      { title: "p, no difference", numeric: true },
      { title: "n, control / candidate", numeric: true },
    ],
    segments.map(segmentRow),
  );
}

/** Longer values are cut: a row is read, not searched. */
const longestName = 80;

function segmentRow(own: SegmentResult): Cell[] {
  return [
    format.clipped(`${own.attribute}=${own.value}`, longestName),
    own.metric,
    format.metricValue(own.control, own),
    format.metricValue(own.candidate, own),
    format.difference(own.difference, own),
    own.margin ?? "–",
    readingCell(own.reading),
    format.pValue(own.pBeyond),
    format.pValue(own.pValue),
    `${format.count(own.n.control)} / ${format.count(own.n.candidate)}`,
  ];
}
