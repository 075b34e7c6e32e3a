import type { Line } from "./lines.ts";

/** A record of a CSV file, or the reason why a line is none. */
export type CsvRecord =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly problem: string; readonly text: string };

/** A quoted field may run over this many lines before its opening quote is taken for a slip. */
const longestRecord = 1000;

/**
 * Cuts physical lines into CSV records (RFC 4180), so that one broken line costs one line.
 *
 * A quoted field may hold line ends. Where a quote never closes, or closes inside a later record, the line that opened
 * it is given up and reading goes on with the next one; readers of whole files swallow the rows between.
 */
export class CsvReader {
  readonly #delimiter: string;
  readonly #width: number;
  #pending: { line: number; text: string }[] = [];

  /** @param width number of fields of each record; Infinity while it is not known */
  constructor(delimiter: string, width: number) {
    this.#delimiter = delimiter;
    this.#width = width;
  }

  /** Records that are complete after this line. Blank lines between records are none. */
  push({ number, text }: Line): CsvRecord[] {
    if (text === null) return [...this.end(), { line: number, problem: "not UTF-8", text: "" }];
    if (this.#pending.length === 0 && text === "") return [];
    const open = this.#pending.length > 0;
    this.#pending.push({ line: number, text });
    if (open && !text.includes('"') && this.#pending.length < longestRecord) return [];
    return this.#drain(false);
  }

  /** Records that are left at the end of the file. */
  end(): CsvRecord[] {
    return this.#pending.length === 0 ? [] : this.#drain(true);
  }

  #drain(end: boolean): CsvRecord[] {
    const lines = this.#pending;
    const [first] = lines as [{ line: number; text: string }];
    const text = lines.length === 1 ? first.text : lines.map((line) => line.text).join("\n");
    const fields = text.includes('"') ? splitFields(text, this.#delimiter) : text.split(this.#delimiter);
    if (fields === "open" && !end && lines.length < longestRecord) return [];
    this.#pending = [];
    if (typeof fields === "string") {
      const problem = fields === "open" ? "a quote is opened and not closed" : "text follows a closing quote";
      return [{ line: first.line, problem, text: first.text }, ...this.#again(lines, end)];
    }
    if (fields.length === this.#width || this.#width === Number.POSITIVE_INFINITY)
      return [{ line: first.line, fields }];
    const problem = `${fields.length} fields, the header has ${this.#width}`;
    return [{ line: first.line, problem, text: first.text }, ...this.#again(lines, end)];
  }

  #again(lines: readonly { line: number; text: string }[], end: boolean): CsvRecord[] {
    const records = lines.slice(1).flatMap(({ line, text }) => this.push({ number: line, text }));
    return end ? [...records, ...this.end()] : records;
  }
}

/** The delimiter of a header: the most frequent of comma, tab, semicolon and bar outside quotes; comma when none is there. */
export function delimiterOf(header: string): string {
  const bare = header.replace(/"(?:[^"]|"")*"/g, "");
  const counts = [",", "\t", ";", "|"].map((delimiter) => ({ delimiter, count: bare.split(delimiter).length }));
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).delimiter;
}

/** Fields of a record; a quote inside an unquoted field is an ordinary character. */
function splitFields(text: string, delimiter: string): string[] | "open" | "bad" {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let field = "";
    const quoted = text[at] === '"';
    let from = at + 1;
    while (quoted) {
      const quote = text.indexOf('"', from);
      if (quote < 0) return "open";
      field += text.slice(from, quote);
      at = quote + 1;
      if (text[at] !== '"') break;
      field += '"';
      from = at + 1;
    }
    const next = text.indexOf(delimiter, at);
    const rest = text.slice(at, next < 0 ? text.length : next);
    if (quoted && rest !== "") return "bad";
    fields.push(field + rest);
    if (next < 0) return fields;
    at = next + delimiter.length;
  }
}
