import {
  type Block,
  type Cell,
  type Column,
  type Fact,
  type Figure,
  type Mark,
  type Section,
  signs,
  verdictMarks,
} from "./blocks.ts";
import { printable, verdictWord } from "./format.ts";
import { reportOf } from "./report.ts";
import type { Result } from "./result.ts";

/** The report of a result for a pull request: GitHub's Markdown without HTML, its long parts and figures left out. */
export function markdownReport(result: Result): string {
  const { title, subtitle, sections } = reportOf(result);
  return `${[`## ${escaped(title)}`, escaped(subtitle), ...sections.map(section)].join("\n\n")}\n`;
}

function section({ title, blocks }: Section): string {
  return [`### ${escaped(title)}`, ...blocks.flatMap(block)].join("\n\n");
}

function block(own: Block): string[] {
  switch (own.kind) {
    case "verdict":
      return [`**${marked(verdictWord(own.decision), verdictMarks[own.decision])}**: ${escaped(own.sentence)}`];
    case "figures":
      return [table(figureColumns, own.figures.map(figureRow))];
    case "paragraph":
      return [escaped(own.text)];
    case "list":
      return [own.items.map((item) => `- ${escaped(item)}`).join("\n")];
    case "facts":
      return [own.facts.map(fact).join("\n")];
    case "code":
      return [fenced(own.text)];
    case "forest":
      return [];
    case "details":
      return [`*In the HTML report: ${escaped(own.summary)}.*`];
    case "table":
      return [`**${escaped(own.caption)}**`, table(own.columns, own.rows)];
  }
}

const figureColumns = [
  { title: "Figure" },
  { title: "Value", numeric: true },
  { title: "Of what" },
  { title: "Budget" },
];

function figureRow({ name, value, detail, status }: Figure): Cell[] {
  return [name, value, detail, status ?? "–"];
}

function fact({ term, text, literal }: Fact): string {
  return `- ${escaped(term)}: ${literal ? codeSpan(text) : escaped(text)}`;
}

function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    row(columns.map(({ title }) => escaped(title))),
    row(columns.map(({ numeric }) => (numeric ? "---:" : "---"))),
    ...rows.map((cells) => row(cells.map(cell))),
  ].join("\n");
}

function cell(own: Cell): string {
  if (typeof own === "string") return escaped(own);
  return marked(own.text, own.mark) + (own.detail === undefined ? "" : `; ${escaped(own.detail)}`);
}

function marked(text: string, mark: Mark | undefined): string {
  return mark ? `${signs[mark]} ${escaped(text)}` : escaped(text);
}

const noSpace = "\u200b";

/**
 * Text on one line, whatever it contains: nothing in it formats, makes HTML or a link, mentions anybody or refers to an
 * issue. GitHub looks for the last three after the Markdown is done, so that only a space of no width stops them.
 */
function escaped(text: string): string {
  return printable(text)
    .replace(/\s+/g, " ")
    .replace(/[\\`*<>|~$]|\](?=[([:])|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\$&")
    .replace(/&/g, "&amp;")
    .replace(
      /^(?:[-+](?=[ -]|$)|#|\[(?=[ x]\])|\d+[.)](?= |$))/i,
      (start) => `${start.slice(0, -1)}\\${start.slice(-1)}`,
    )
    .replace(/(?<![\p{L}\p{N}_])@(?=[\p{L}\p{N}])/gu, `@${noSpace}`)
    .replace(/#(?=\d)/g, `#${noSpace}`)
    .replace(/:\/\//g, `:${noSpace}//`)
    .replace(/\bwww\./gi, (start) => `${start.slice(0, -1)}${noSpace}.`);
}

/** Source: CommonMark 0.31, §6.1: a span's fence is longer than any run of backticks inside it. */
function codeSpan(text: string): string {
  const line = printable(text).replace(/\s+/g, " ").trim();
  if (line === "") return "–";
  const fence = "`".repeat(longestRun(line) + 1);
  const pad = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${fence}${pad}${line}${pad}${fence}`;
}

function fenced(text: string): string {
  const own = printable(text);
  const fence = "`".repeat(Math.max(3, longestRun(own) + 1));
  return `${fence}\n${own}\n${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
