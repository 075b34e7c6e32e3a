import { type Line, longestLine, problemOf } from "./lines.ts";

/** A record of a CSV file, or the reason why a line is none. */
export type CsvRecord =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly problem: string; readonly text: string };

/** A quoted field may run over this many lines, and signs, before its opening quote is taken for a slip. */
const longestRecord = { lines: 1000, signs: longestLine };

/**
 * Cuts physical lines into CSV records (RFC 4180), so that one broken line costs one line.
 *
 * A quoted field may hold line ends. Where a quote never closes, or closes inside a later record, the line that opened
 * it is given up and reading goes on with the next one; readers of whole files swallow the rows between.
 */
export class CsvReader {
  readonly #delimiter: string;
  readonly #width: number;
  /** lines of the record that is not complete */
  #pending: { line: number; text: string }[] = [];
  /** its fields that are complete, and the texts of the one that is open */
  #fields: string[] = [];
  #open: string[] = [];
  #signs = 0;

  /** @param width number of fields of each record; Infinity while it is not known */
  constructor(delimiter: string, width: number) {
    this.#delimiter = delimiter;
    this.#width = width;
  }

  /** Records that are complete after this line. Blank lines between records are none. */
  push(line: Line): CsvRecord[] {
    const { number, text } = line;
    if (text === null) return [...this.end(), { line: number, problem: problemOf(line), text: "" }];
    const open = this.#pending.length > 0;
    if (!open && text === "") return [];
    this.#pending.push({ line: number, text });
    this.#open.push(text);
    this.#signs += text.length;
    if (open && !closesQuote(text) && this.#fits()) return [];
    return this.#drain(false);
  }

  /** Records that are left at the end of the file. */
  end(): CsvRecord[] {
    return this.#pending.length === 0 ? [] : this.#drain(true);
  }

  #fits(): boolean {
    return this.#pending.length < longestRecord.lines && this.#signs < longestRecord.signs;
  }

  #drain(end: boolean): CsvRecord[] {
    const { fields, open } = splitFields(this.#open.join("\n"), this.#delimiter, this.#fields);
    if (open && fields.length < this.#width && !end && this.#fits()) {
      this.#open = [open];
      return [];
    }
    const lines = this.#pending;
    const [first] = lines as [{ line: number; text: string }];
    this.#pending = [];
    this.#fields = [];
    this.#open = [];
    this.#signs = 0;
    const problem = this.#problemOf(fields, open);
    if (problem === undefined) return [{ line: first.line, fields }];
    return [{ line: first.line, problem, text: first.text }, ...this.#again(lines, end)];
  }

  #problemOf({ length }: readonly string[], open: string | undefined): string | undefined {
    if (open === "") return "text follows a closing quote";
    if (open) return "a quote is opened and not closed";
    if (length === this.#width || this.#width === Number.POSITIVE_INFINITY) return undefined;
    return `${length} fields, the header has ${this.#width}`;
  }

  #again(lines: readonly { line: number; text: string }[], end: boolean): CsvRecord[] {
    const records = lines.slice(1).flatMap(({ line, text }) => this.push({ number: line, text }));
    return end ? [...records, ...this.end()] : records;
  }
}

/** The delimiter of a header: the most frequent of comma, tab, semicolon and bar outside quotes; comma when none is there. */
export function delimiterOf(header: string): string {
  const bare = header
    .split('"')
    .filter((_, i) => i % 2 === 0)
    .join("");
  const counts = [",", "\t", ";", "|"].map((delimiter) => ({ delimiter, count: bare.split(delimiter).length }));
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).delimiter;
}

/** Whether a line ends a quoted field that is open before it: an even number of quotes is some of the field's own. */
function closesQuote(text: string): boolean {
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    const start = at;
    while (text[at] === '"') at += 1;
    if ((at - start) % 2 === 1) return true;
  }
  return false;
}

/**
 * Appends the fields of a text; a quote inside an unquoted field is an ordinary character.
 *
 * @returns with the text of the last field where its quote is open, and with "" where text follows a closing quote
 */
function splitFields(text: string, delimiter: string, fields: string[]): { fields: string[]; open?: string } {
  if (fields.length === 0 && !text.includes('"')) return { fields: text.split(delimiter) };
  let at = 0;
  for (;;) {
    const start = at;
    let field = "";
    const quoted = text[at] === '"';
    let from = at + 1;
    while (quoted) {
      const quote = text.indexOf('"', from);
      if (quote < 0) return { fields, open: text.slice(start) };
      field += text.slice(from, quote);
      at = quote + 1;
      if (text[at] !== '"') break;
      field += '"';
      from = at + 1;
    }
    const next = text.indexOf(delimiter, at);
    const rest = text.slice(at, next < 0 ? text.length : next);
    if (quoted && rest !== "") return { fields, open: "" };
    fields.push(field + rest);
    if (next < 0) return { fields };
    at = next + delimiter.length;
  }
}
