import { InputError } from "../../plan/input-error.ts";
import type { OwnPattern, SecretKind } from "./find-secrets.ts";
import { type PathProblem, type PathStep, parseJsonPath } from "./json-path.ts";

/** What is to be redacted. */
export interface RedactionRules {
  readonly kinds: readonly SecretKind[];
  /** JSON paths, see {@link parseJsonPath}: what they lead to is replaced as a whole */
  readonly paths: readonly string[];
  readonly patterns: readonly RedactionPattern[];
}

/** A regular expression with the `u` flag; its name is the kind of its tokens. */
export interface RedactionPattern {
  readonly name: string;
  readonly pattern: string;
}

/** Kinds of tokens that own patterns cannot be named. */
export const builtInKinds: readonly string[] = ["email", "phone", "card", "key", "path"];

/** A pattern's name and expression, or what is wrong with them and what to do about it. */
export function parsePattern({ name, pattern }: RedactionPattern): OwnPattern | PathProblem {
  if (!/^[a-z][\w-]{0,39}$/i.test(name)) {
    const problem = `the pattern's name ${JSON.stringify(name)} is not a word`;
    return { problem, wayOut: "name it with up to 40 letters, digits, _ and -, as in customer_id" };
  }
  if (builtInKinds.includes(name))
    return { problem: `the pattern's name ${name} is that of a built-in kind`, wayOut: "give it another name" };
  try {
    return { name, expression: new RegExp(pattern, "gu") };
  } catch (error) {
    const problem = `the pattern ${name} is no regular expression (${(error as Error).message})`;
    return { problem, wayOut: "mend it; a backslash stands only before signs that have a meaning" };
  }
}

/**
 * The paths and patterns of rules, read.
 *
 * @throws InputError at `paths[1]` or `patterns[0]` for one that cannot be read
 */
export function readRules({ paths, patterns }: RedactionRules): {
  readonly paths: readonly (readonly PathStep[])[];
  readonly patterns: readonly OwnPattern[];
} {
  return {
    paths: paths.map((path, i) => required(parseJsonPath(path), `paths[${i}]`)),
    patterns: patterns.map((pattern, i) => required(parsePattern(pattern), `patterns[${i}]`)),
  };
}

function required<T extends object>(read: T | PathProblem, place: string): T {
  if ("problem" in read) throw new InputError(place, read.problem, read.wayOut);
  return read;
}
