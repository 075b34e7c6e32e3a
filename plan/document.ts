import {
  type Alias,
  type Document,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLParseError,
} from "yaml";
import { z } from "zod";
import { InputError } from "./input-error.ts";

/** A parsed YAML or JSON text that can say where each of its values stands. */
export interface SourceDocument {
  readonly file: string;
  readonly value: unknown;
  /** `file:line` of the value at a path, or of its nearest parent that exists */
  place(path: readonly PropertyKey[]): string;
}

/**
 * Reads YAML (JSON is YAML) and remembers lines.
 *
 * @throws InputError when the text is not YAML, has duplicate keys or aliases of nothing, or is empty
 */
export function readDocument(text: string, file: string): SourceDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(placeOfError(document, error));
    const [problem = ""] = error.message.split(";");
    throw new InputError(`${file}:${line}:${col}`, `not valid YAML: ${problem}`, hintForYaml(error.code));
  }
  if (document.contents === null) throw new InputError(file, "the file is empty", "see README for an example");
  return {
    file,
    value: resolved(document, lines, file),
    place: (path) => placeOf(document, lines, file, path),
  };
}

/** A quote that nobody closed is missed at the end of the file; its author looks for where it begins. */
function placeOfError(document: Document.Parsed, { code, pos: [at] }: YAMLParseError): number {
  let place = at;
  if (code === "MISSING_CHAR") {
    visit(document, {
      Scalar(_, { type, range }) {
        if (type?.startsWith("QUOTE") && range && range[1] >= at) place = range[0];
      },
    });
  }
  return place;
}

function resolved(document: Document.Parsed, lines: LineCounter, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const alias = aliasOfNothing(document);
    if (!alias)
      throw new InputError(file, "the file repeats aliases too often", "write the values out", { cause: error });
    const { line, col } = lines.linePos(alias.range?.[0] ?? 0);
    throw new InputError(
      `${file}:${line}:${col}`,
      `*${alias.source} is an alias of nothing`,
      "in YAML a * before a text makes it an alias: quote the text",
      { cause: error },
    );
  }
}

function aliasOfNothing(document: Document.Parsed): Alias | undefined {
  let found: Alias | undefined;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document)) return undefined;
      found = alias;
      return visit.BREAK;
    },
  });
  return found;
}

/**
 * Checks a document against a schema and complains about everything at once.
 *
 * @throws InputError with one line per complaint
 */
export function checkDocument<S extends z.ZodType>(document: SourceDocument, schema: S): z.output<S> {
  const result = schema.safeParse(document.value, { reportInput: true });
  if (result.success) return result.data;
  throw allComplaints(result.error.issues.flatMap((issue) => complaintsOf(issue, document, schema)));
}

/** Several complaints as one error, a line each. */
export function allComplaints(complaints: readonly InputError[]): InputError {
  const [first] = complaints;
  if (!first) throw new RangeError("allComplaints needs at least one complaint");
  if (complaints.length > 1) first.message = complaints.map(({ message }) => message).join("\n");
  return first;
}

/** The known word nearest to a misspelt one, when it is near enough to be meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= Math.max(1, Math.floor(best.candidate.length / 3)) ? best.candidate : undefined;
}

/** "did you mean …" when a known word is near, else the list of known words. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near) return `did you mean ${near}?`;
  return known.length === 0 ? "none is known here" : `known are ${known.join(", ")}`;
}

function complaintsOf(issue: z.core.$ZodIssue, document: SourceDocument, schema: z.ZodType): InputError[] {
  const at = dotted(issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map(
      (key) =>
        new InputError(
          document.place([...issue.path, key]),
          `unknown key ${key}${at ? ` in ${at}` : ""}`,
          didYouMean(key, known),
        ),
    );
  }
  if (issue.code === "invalid_union") {
    const inner = issue.errors.flatMap(([own]) => (own === undefined ? [] : [wayOutOf(own)]));
    const [first] = issue.errors.filter((issues) => issues.some(({ path }) => path.length > 0));
    if (first?.[0] && first[0].path.length > 0) {
      return complaintsOf(
        { ...first[0], path: [...issue.path, ...first[0].path] } as z.core.$ZodIssue,
        document,
        schema,
      );
    }
    return [
      new InputError(
        document.place(issue.path),
        `${at || "the file"} is ${shown(issue.input)}`,
        issue.message === "Invalid input" ? inner.join(", or ") : issue.message,
      ),
    ];
  }
  if (issue.input === undefined && issue.path.length > 0) {
    return [new InputError(document.place(issue.path), `${at} is missing`, wayOutOf(issue))];
  }
  const text = issue.code === "invalid_type" && issue.expected === "string";
  const comment = text && issue.input === null ? " (in YAML a # after a space starts a comment: quote the text)" : "";
  return [
    new InputError(
      document.place(issue.path),
      `${at || "the file"} is ${shown(issue.input)}`,
      wayOutOf(issue) + comment,
    ),
  ];
}

/** The schema's own words, or what kind of value belongs there. */
function wayOutOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_type" || !issue.message.startsWith("Invalid input")) return issue.message;
  return `write ${kinds[issue.expected] ?? `a value of the kind ${issue.expected}`}`;
}

const kinds: Readonly<Record<string, string>> = {
  object: "keys with values, as { key: value }",
  record: "keys with values, as { key: value }",
  array: "a list, as [a, b]",
  string: "a text",
  number: "a number",
  boolean: "true or false",
};

/** `stages[2].exposure` from its path. */
export function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)),
    "",
  );
}

function shown(value: unknown): string {
  const text = value === undefined ? "missing" : jsonOf(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** YAML's aliases can make a value hold itself. */
function jsonOf(value: unknown): string {
  // JSON has no word for infinity
  if (typeof value === "number") return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return "a value that holds itself";
  }
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let candidates: unknown[] = [schema];
  for (const key of path) candidates = candidates.flatMap(unwrap).flatMap((inner) => step(inner, key));
  return [
    ...new Set(
      candidates.flatMap(unwrap).flatMap((inner) => (inner instanceof z.ZodObject ? Object.keys(inner.shape) : [])),
    ),
  ];
}

function step(schema: unknown, key: PropertyKey): unknown[] {
  if (schema instanceof z.ZodObject) return key in schema.shape ? [schema.shape[key as string]] : [];
  if (schema instanceof z.ZodArray) return [schema.element];
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  return [];
}

function unwrap(schema: unknown): unknown[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  ) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrap);
  if (schema instanceof z.ZodPipe) return unwrap(schema.in);
  return [schema];
}

function placeOf(document: Document, lines: LineCounter, file: string, path: readonly PropertyKey[]): string {
  for (let depth = path.length; depth >= 0; depth--) {
    const keys = path.slice(0, depth) as (string | number)[];
    const parent = depth === 0 ? null : document.getIn(keys.slice(0, -1), true);
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(keys.at(-1)))
      : undefined;
    const node = pair?.key ?? (document.getIn(keys, true) as unknown);
    const range = (node as { range?: readonly [number, number, number] } | undefined)?.range;
    if (range) return `${file}:${lines.linePos(range[0]).line}`;
  }
  return file;
}

function hintForYaml(code: string): string {
  if (code === "DUPLICATE_KEY") return "keep one of the two";
  if (code === "TAB_AS_INDENT") return "indent with spaces";
  if (code === "MULTIPLE_DOCS") return "keep one: remove the line ---";
  return "check indentation, quotes and brackets there";
}

/**
 * Edits from one word to another: characters added, left out, replaced, or two neighbours swapped.
 *
 * Source: Damerau (1964), CACM 7:171–176, as optimal string alignment.
 */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  const at = (i: number, j: number) => (rows[i] as number[])[j] as number;
  for (let j = 1; j <= b.length; j++) (rows[0] as number[])[j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : replaced;
      (rows[i] as number[])[j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped);
    }
  }
  return at(a.length, b.length);
}
