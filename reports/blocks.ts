import type { Result } from "./result.ts";

/**
 * What a report says, as plain data: its sections are built once, and HTML and Markdown are two ways to write them down.
 * Every string is bare text, most of it from logs: only the writers know what must be escaped.
 */
export interface Report {
  readonly title: string;
  /** one line below the title */
  readonly subtitle: string;
  readonly sections: readonly Section[];
}

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

export type Block =
  | { readonly kind: "verdict"; readonly decision: Result["verdict"]["decision"]; readonly sentence: string }
  | { readonly kind: "figures"; readonly figures: readonly Figure[] }
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | { readonly kind: "facts"; readonly facts: readonly Fact[] }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "forest"; readonly caption: string; readonly rows: readonly ForestRow[] }
  /** a long part: folded in HTML, left out of Markdown */
  | { readonly kind: "details"; readonly summary: string; readonly blocks: readonly Block[] }
  | Table;

/** A number at the head of the report, and what it is of. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly detail: string;
  /** how it stands against its budget */
  readonly status?: { readonly text: string; readonly mark: Mark };
}

export interface Fact {
  readonly term: string;
  readonly text: string;
  /** shown letter by letter: hashes, seeds, file names */
  readonly literal?: boolean;
}

export interface Table {
  readonly kind: "table";
  readonly caption: string;
  /** the first column names the row */
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface Column {
  readonly title: string;
  readonly numeric?: boolean;
}

export type Cell =
  | string
  | { readonly text: string; readonly detail?: string | undefined; readonly mark?: Mark | undefined };

/** How a cell is to be taken; always written as a sign before a word, never as a colour alone. */
export type Mark = "good" | "bad" | "open" | "warn";

export const signs: Readonly<Record<Mark, string>> = { good: "✓", bad: "✕", open: "?", warn: "!" };

export const verdictMarks = { go: "good", hold: "open", "no-go": "bad", "cannot-tell": "warn" } as const;

/** One metric on a common scale: 0 is no difference, 1 its margin, above 0 is harm. */
export interface ForestRow {
  readonly name: string;
  readonly harm: number;
  readonly low: number;
  readonly high: number;
  readonly margin: string;
  readonly reading: string;
  readonly mark?: Mark | undefined;
}

/** A details block when there is something to fold. */
export function details(summary: string, blocks: readonly Block[]): Block[] {
  return blocks.length === 0 ? [] : [{ kind: "details", summary, blocks }];
}

/** A list when there is something to list. */
export function list(items: readonly string[]): Block[] {
  return items.length === 0 ? [] : [{ kind: "list", items }];
}

/** A table when it has rows. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): Block[] {
  return rows.length === 0 ? [] : [{ kind: "table", caption, columns, rows }];
}
