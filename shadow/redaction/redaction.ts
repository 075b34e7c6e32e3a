import { isPhone } from "./find-phones.ts";
import { normalSecret, type SecretFinder, type SecretKind, secretFinder } from "./find-secrets.ts";
import { pathMatcher } from "./json-path.ts";
import { deepCanonicalJson } from "./json-pieces.ts";
import { type JsonVisitor, parsedJson, rewriteJson } from "./json-text.ts";
import { nowhere, type Place, Places } from "./place.ts";
import { builtInKinds, type RedactionRules, readRules } from "./rules.ts";
import { RedactionTokens, tokenShape } from "./tokens.ts";

export interface Redactor {
  /** A JSON value without its secrets; the input itself when it has none, and never a changed input. */
  redact(value: unknown): unknown;
  /** A text without its secrets; one that is JSON is redacted as that JSON, by the paths too, and keeps its layout. */
  text(text: string): string;
  /** Replacements by kind since the redactor was made: 0 for a kind that it looks for and has not found. */
  counts(): Readonly<Record<string, number>>;
}

/**
 * Replaces secrets by tokens as `[email:3f9a1c2b4d5e]`: the kind and the first 12 hex digits of an HMAC-SHA-256 of the secret.
 *
 * Equal secrets have equal tokens, however they are spelt (letter case and punycode of an address, separators of a number), so
 * that identifiers still join; without the key nobody can tell a secret from its token, or try guesses. Of a million different
 * secrets two have the same token with probability 0.2 %.
 *
 * Looks into texts, names of members, and numbers; into JSON inside of texts, at any depth of quoting; through `\u0040`, `&#64;`,
 * `%40` and signs of no width (see {@link layers}). A member whose name says so (`password`, `api_key`, `phone`) is replaced as a
 * whole, as are the items of a list in it, and a `value` behind a `name` or `key` that says so. What a path leads to is replaced
 * whatever it is, but for null, which hides nothing: missing stays missing. Paths lead into JSON inside of texts too. Names that
 * become equal are told apart by `#2`, `#3`.
 *
 * Not found: what is encoded otherwise (base64, pictures, `joe at example dot com`), split over several values, or written digit by
 * digit; secrets without a known shape or name (`my password is swordfish`); cards of more digits than a double holds when they
 * come as numbers (in a text that is JSON they keep their digits); cards directly beside other digits, keys directly behind letters.
 *
 * Redacting twice changes nothing more; values may nest deeper than a call stack. About 2 µs for a record of 300 bytes without
 * secrets, and some 8 µs more for each one found.
 *
 * @param key of the HMAC; whoever has it can try guesses
 * @throws InputError for a path or a pattern that cannot be read; RangeError for an empty key
 *
 * Source: RFC 2104; FIPS 180-4.
 */
export function redactor(rules: RedactionRules, key: string): Redactor {
  if (key === "") throw new RangeError("redactor needs a key that is not empty, or every token can be guessed");
  const { paths, patterns } = readRules(rules);
  const own = patterns.map(({ name }) => name);
  const token = tokenShape([...builtInKinds, ...own]);
  const wholeToken = new RegExp(`^${token}$`);
  const finder = secretFinder(rules.kinds, patterns, new RegExp(token, "g"));
  const redaction: Redaction = {
    kinds: new Set(rules.kinds),
    ownPatterns: patterns.length > 0,
    finder,
    places: new Places(rules.kinds, pathMatcher(paths), finder),
    tokens: new RedactionTokens(key, [...rules.kinds, ...(paths.length > 0 ? ["path"] : []), ...own]),
    isToken: (text) => text.length < 100 && wholeToken.test(text),
  };
  return {
    redact: (value) => redactValue(redaction, value),
    text: (text) => redactText(redaction, redaction.places.root, text),
    counts: () => redaction.tokens.counts(),
  };
}

interface Redaction {
  readonly kinds: ReadonlySet<SecretKind>;
  readonly ownPatterns: boolean;
  readonly finder: SecretFinder;
  readonly places: Places;
  readonly tokens: RedactionTokens;
  readonly isToken: (text: string) => boolean;
}

interface OpenContainer {
  readonly from: object;
  readonly into: object;
  readonly place: Place;
}

/** Without recursion: logs nest deeper than a call stack. */
function redactValue(redaction: Redaction, value: unknown): unknown {
  const { places } = redaction;
  const before = redaction.tokens.total;
  const open: OpenContainer[] = [];
  const written = (own: unknown, place: Place): unknown => {
    if (typeof own === "string") return redactLeaf(redaction, place, own);
    if (typeof own === "number") return redactNumber(redaction, place, own, String(own));
    if (own === null || own === undefined) return own;
    if (place.hit) return pathToken(redaction, own);
    if (typeof own !== "object") return own;
    const into = Array.isArray(own) ? [] : {};
    open.push({ from: own, into, place });
    return into;
  };
  const result = written(value, places.root);
  for (let own = open.pop(); own; own = open.pop()) {
    const { from, into, place } = own;
    if (Array.isArray(from)) {
      for (let i = 0; i < from.length; i++) {
        (into as unknown[]).push(written(from[i], places.child(place, i, from)));
      }
      continue;
    }
    let names: Map<string, number> | undefined;
    for (const name of Object.keys(from)) {
      let key = name;
      if (!places.isClean(name)) {
        names ??= new Map();
        key = redactName(redaction, name, from, names);
      }
      const copy = written((from as Record<string, unknown>)[name], places.child(place, name, from));
      if (key === "__proto__") define(into, key, copy);
      else (into as Record<string, unknown>)[key] = copy;
    }
  }
  return redaction.tokens.total === before ? value : result;
}

/** An assignment to `__proto__` would set the prototype. */
function define(into: object, key: string, value: unknown): void {
  Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });
}

function redactText(redaction: Redaction, place: Place, text: string): string {
  let current = text;
  // what stands beside a token may be a secret only now
  for (;;) {
    const next = redactTextOnce(redaction, place, current);
    if (next === current) return next;
    current = next;
  }
}

function redactTextOnce(redaction: Redaction, place: Place, text: string): string {
  const { finder, ownPatterns } = redaction;
  const suspect = finder.suspects(text);
  if (!suspect && !ownPatterns && place.states.length === 0) return text;
  const parsed = parsedJson(text);
  if (parsed !== undefined) {
    const root = place.holds ? { ...place, holds: undefined } : place;
    return rewriteJson(text, parsed, root, visitorOf(redaction));
  }
  if (!suspect) return text;
  const pieces: string[] = [];
  let copied = 0;
  for (const { kind, start, end, normal } of finder.find(text)) {
    pieces.push(text.slice(copied, start), redaction.tokens.of(kind, normal));
    copied = end;
  }
  return copied === 0 ? text : pieces.join("") + text.slice(copied);
}

function visitorOf(redaction: Redaction): JsonVisitor<Place> {
  return {
    child: (place, key, container) => redaction.places.child(place, key, container),
    replaces: (place) => place.hit,
    whole: (value) => pathToken(redaction, value),
    text: (place, text) => redactLeaf(redaction, place, text),
    number: (place, digits) => redactNumber(redaction, place, digits, digits),
    name: (name, members, names) => redactName(redaction, name, members, names),
  };
}

function redactLeaf(redaction: Redaction, place: Place, text: string): string {
  const { tokens, isToken } = redaction;
  if (place.hit) return isToken(text) ? text : pathToken(redaction, text);
  if (place.holds === "password" || place.holds === "key") {
    const secret = text.trim().replace(/^(?:bearer|basic|token)\s+(?=\S)/i, "");
    return secret === "" || isToken(secret) ? text : tokens.of("key", normalSecret("key", secret));
  }
  if (place.holds === "phone" && isPhone(text)) return tokens.of("phone", normalSecret("phone", text.trim()));
  return redactText(redaction, place, text);
}

/** @param own the number as the caller has it, given back when it is no secret */
function redactNumber(redaction: Redaction, place: Place, own: unknown, digits: string): unknown {
  const { tokens, kinds, finder, ownPatterns } = redaction;
  if (place.hit) return pathToken(redaction, Number(digits));
  if (place.holds === "password") return tokens.of("key", digits);
  if (place.holds === "phone" && /^\d+$/.test(digits) && isPhone(digits)) return tokens.of("phone", digits);
  const card = kinds.has("card") && digits.length >= 13 && /^\d+$/.test(digits);
  if (!card && !ownPatterns) return own;
  if (!finder.suspects(digits)) return own;
  const written = redactText(redaction, nowhere, digits);
  return written === digits ? own : redactLeaf(redaction, place, written);
}

function pathToken({ tokens }: Redaction, value: unknown): string {
  return tokens.of("path", deepCanonicalJson(value));
}

/** @param names the new names of the same object, and how often each was wanted */
function redactName(redaction: Redaction, name: string, members: object, names: Map<string, number>): string {
  if (redaction.places.isClean(name)) return name;
  const wanted = redactText(redaction, nowhere, name);
  let times = names.get(wanted) ?? 0;
  let free: string;
  do {
    times += 1;
    free = times === 1 ? wanted : `${wanted}#${times}`;
  } while (Object.hasOwn(members, free));
  names.set(wanted, times);
  return free;
}
