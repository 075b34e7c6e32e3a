/** One step of a JSON path: a member, an item, or all of either; `deep` ones are looked for at any depth below. */
export type PathStep =
  | { readonly kind: "member"; readonly name: string; readonly deep: boolean }
  | { readonly kind: "item"; readonly index: number; readonly deep: boolean }
  | { readonly kind: "all"; readonly deep: boolean };

export interface PathProblem {
  readonly problem: string;
  readonly wayOut: string;
}

/**
 * Reads a JSON path: `$.input.name`, `$.messages[*].content`, `$.messages[0]`, `$..ssn`, `$["odd name"]`, `$.*`.
 *
 * Names without quotes may hold any signs but `.`, brackets, quotes, `*`, `@`, `?`, `,` and spaces. Filters, slices, unions and
 * indices from the end are not known, and `$` alone, the whole record, is refused.
 *
 * @returns its steps, or what is wrong and what to write instead
 *
 * Source: RFC 9535, section 2, child and descendant segments with one selector.
 */
export function parseJsonPath(text: string): readonly PathStep[] | PathProblem {
  if (!text.startsWith("$")) return refused(text, "does not begin with $", `write $.${text.replace(/^\.+/, "")}`);
  if (text === "$") return refused(text, "is the whole record", "name a member of it, as in $.input.name");
  const steps: PathStep[] = [];
  let at = 1;
  while (at < text.length) {
    const read = readStep(text, at);
    if ("problem" in read) return read;
    steps.push(read.step);
    at = read.end;
  }
  return steps;
}

type StepRead = { readonly step: PathStep; readonly end: number } | PathProblem;

function readStep(text: string, at: number): StepRead {
  const deep = text.startsWith("..", at);
  if (text[at] === "[" || (deep && text[at + 2] === "[")) return readBracket(text, deep ? at + 2 : at, deep);
  if (text[at] !== ".") return refused(text, `has ${where(text, at)} where . or [ must stand`, quoteTheName);
  const start = at + (deep ? 2 : 1);
  const [name = ""] = /^[^.[\]"'*@?,\s]+/.exec(text.slice(start)) ?? [];
  if (name !== "") return { step: { kind: "member", name, deep }, end: start + name.length };
  if (text[start] === "*") return { step: { kind: "all", deep }, end: start + 1 };
  if (start >= text.length) return refused(text, "ends with a dot", "name a member after it, or write *");
  return refused(text, `has ${where(text, start)} where a name must stand`, quoteTheName);
}

function readBracket(text: string, at: number, deep: boolean): StepRead {
  const inside = text.slice(at + 1);
  const end = (length: number) => at + 1 + length;
  const all = /^\s*\*\s*\]/.exec(inside);
  if (all) return { step: { kind: "all", deep }, end: end(all[0].length) };
  const item = /^\s*(\d{1,15})\s*\]/.exec(inside);
  if (item) return { step: { kind: "item", index: Number(item[1]), deep }, end: end(item[0].length) };
  const quoted = /^\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*\]/.exec(inside);
  if (quoted) {
    const name = unquoted(quoted[1] as string);
    if (name === undefined) return refused(text, `has an escape in ${quoted[1]} that JSON does not know`, quoteTheName);
    return { step: { kind: "member", name, deep }, end: end(quoted[0].length) };
  }
  if (!inside.includes("]")) return refused(text, "has a bracket that is not closed", "close it with ]");
  if (/^\s*-\d/.test(inside)) return refused(text, "counts from the end of an array", "write [*] for all items");
  if (/^\s*[\d-]*:/.test(inside)) return refused(text, "has a slice", "write [*] for all items");
  if (/^\s*\?/.test(inside)) return refused(text, "has a filter", "write [*] for all items");
  if (/^\s*(?:"[^"]*"|'[^']*'|\d+)\s*,/.test(inside))
    return refused(text, "names several at once", "write a path each");
  return refused(text, `has ${where(text, at)} where ["name"], [0] or [*] must stand`, quoteTheName);
}

const quoteTheName = 'put a name with odd signs in quotes and brackets, as in $["odd name"]';

/** The name inside of quotes of either kind. */
function unquoted(text: string): string | undefined {
  const inside = text.slice(1, -1);
  const json = text.startsWith('"')
    ? inside
    : inside.replaceAll(/\\.|"/gs, (sign) => (sign === "\\'" ? "'" : sign === '"' ? '\\"' : sign));
  try {
    return JSON.parse(`"${json}"`);
  } catch {
    return undefined;
  }
}

function where(text: string, at: number): string {
  return at < text.length ? `${JSON.stringify(text.slice(at, at + 12))} at sign ${at + 1}` : "its end";
}

function refused(text: string, problem: string, wayOut: string): PathProblem {
  return { problem: `the path ${JSON.stringify(text)} ${problem}`, wayOut };
}

/** Where a walk through a value stands in every path: the steps that the next member or item may satisfy, rising. */
export type PathStates = readonly number[];

export interface PathMatcher {
  readonly start: PathStates;
  /** The states of a member (by its name) or an item (by its index); `hit` when a path ends here. */
  advance(states: PathStates, key: string | number): { readonly states: PathStates; readonly hit: boolean };
}

/** Follows several paths at once; the states at any depth are at most as many as the paths have steps. */
export function pathMatcher(paths: readonly (readonly PathStep[])[]): PathMatcher {
  const steps = paths.flatMap((path) => path.map((step, i) => ({ step, last: i === path.length - 1 })));
  let first = 0;
  const start: number[] = [];
  for (const path of paths) {
    start.push(first);
    first += path.length;
  }
  return {
    start,
    advance: (states, key) => {
      const next = new Set<number>();
      let hit = false;
      for (const state of states) {
        const { step, last } = steps[state] as (typeof steps)[number];
        if (step.deep) next.add(state);
        if (!satisfies(step, key)) continue;
        if (last) hit = true;
        else next.add(state + 1);
      }
      return { states: [...next].sort((a, b) => a - b), hit };
    },
  };
}

function satisfies(step: PathStep, key: string | number): boolean {
  if (step.kind === "all") return true;
  return step.kind === "member" ? step.name === key : step.index === key;
}
