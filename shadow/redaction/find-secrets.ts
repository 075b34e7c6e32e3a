import { isDisguised, layers, type Span } from "./disguise.ts";
import { findCards, normalCard } from "./find-cards.ts";
import { findEmails, normalEmail } from "./find-emails.ts";
import { findKeys, mayHoldKey } from "./find-keys.ts";
import { findPhones, normalPhone } from "./find-phones.ts";

export type SecretKind = "email" | "phone" | "card" | "key";

/** A user's own regular expression, and what its matches are called. */
export interface OwnPattern {
  readonly name: string;
  readonly expression: RegExp;
}

/** A stretch of a text that holds a secret. */
export interface Secret extends Span {
  readonly kind: string;
  /** the secret without its spelling: equal for equal secrets */
  readonly normal: string;
}

export interface SecretFinder {
  /** Whether a text may hold a secret: certain when false. */
  suspects(text: string): boolean;
  /** The secrets of a text in their order, none overlapping another and none inside of a token. */
  find(text: string): readonly Secret[];
}

/**
 * Looks for secrets of some kinds, through the disguises of {@link layers}.
 *
 * Secrets that overlap are one, of the kind that comes first: own patterns, key, card, email, phone.
 *
 * @param token what stands for a secret that was redacted before; a global expression
 */
export function secretFinder(kinds: readonly SecretKind[], own: readonly OwnPattern[], token: RegExp): SecretFinder {
  const known = detectors.filter(({ kind }) => kinds.includes(kind));
  const suspects = (text: string) =>
    !(own.length === 0 && timestamp.test(text)) &&
    (known.some(({ may }) => may(text)) ||
      (known.length + own.length > 0 && isDisguised(text)) ||
      own.some(({ expression }) => text.search(expression) >= 0));
  const order: readonly string[] = [...own.map(({ name }) => name), ...detectors.map(({ kind }) => kind)];

  const find = (text: string): readonly Secret[] => {
    const found: (Span & { readonly kind: string })[] = [];
    const all = layers(text);
    for (const [depth, layer] of all.entries()) {
      for (const { kind, may, find, everyLayer } of known) {
        if (!(everyLayer || depth === all.length - 1) || !may(layer.text)) continue;
        for (const span of find(layer.text)) found.push({ kind, ...layer.original(span) });
      }
      for (const { name, expression } of own) {
        for (const { 0: match, index } of layer.text.matchAll(expression)) {
          if (match !== "") found.push({ kind: name, ...layer.original({ start: index, end: index + match.length }) });
        }
      }
    }
    if (found.length === 0) return [];
    return merged(aroundTokens(found, text, token), order).map(({ kind, start, end }) => ({
      kind,
      start,
      end,
      normal: normalSecret(kind, text.slice(start, end)),
    }));
  };
  return { suspects, find };
}

/** A secret without its spelling and its disguise: equal for equal secrets. */
export function normalSecret(kind: string, written: string): string {
  const shown = layers(written).at(-1)?.text ?? written;
  return detectors.find((each) => each.kind === kind)?.normal(shown) ?? shown;
}

interface Detector {
  readonly kind: SecretKind;
  /** whether a text without disguises may hold one: certain when false */
  readonly may: (text: string) => boolean;
  readonly find: (text: string) => readonly Span[];
  readonly normal: (written: string) => string;
  /** also looks at the text as it is written: undoing escapes may cut a password */
  readonly everyLayer: boolean;
}

const detectors: readonly Detector[] = [
  { kind: "key", may: mayHoldKey, find: findKeys, normal: String, everyLayer: true },
  { kind: "card", may: (text) => thirteenDigits.test(text), find: findCards, normal: normalCard, everyLayer: false },
  {
    kind: "email",
    may: (text) => text.includes("@"),
    find: findEmails,
    normal: normalEmail,
    everyLayer: false,
  },
  { kind: "phone", may: (text) => sevenDigits.test(text), find: findPhones, normal: normalPhone, everyLayer: false },
];

/** With at most three other signs between two. */
const sevenDigits = /\d(?:[^\dA-Za-z]{0,3}\d){6}/;
const thirteenDigits = /\d(?:[^\dA-Za-z]{0,3}\d){12}/;

/** In every record, and full of digits. */
const timestamp = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.]{0,16}(?:Z|[+-]\d\d:?\d\d)?$/;

type Found = Span & { readonly kind: string };

/** Without those inside of a token, and the others widened over the tokens that they cut. */
function aroundTokens(found: readonly Found[], text: string, token: RegExp): readonly Found[] {
  const tokens = [...text.matchAll(token)].map(({ 0: own, index }) => ({ start: index, end: index + own.length }));
  if (tokens.length === 0) return found;
  const around: Found[] = [];
  for (const own of found) {
    let { start, end } = own;
    let outside = end - start;
    for (let i = firstEndingAfter(tokens, own.start); i < tokens.length; i++) {
      const cut = tokens[i] as Span;
      if (cut.start >= own.end) break;
      outside -= Math.min(own.end, cut.end) - Math.max(own.start, cut.start);
      start = Math.min(start, cut.start);
      end = Math.max(end, cut.end);
    }
    if (outside > 0) around.push({ kind: own.kind, start, end });
  }
  return around;
}

function firstEndingAfter(spans: readonly Span[], at: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as Span).end > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

function merged(found: readonly Found[], order: readonly string[]): readonly Found[] {
  const sorted = [...found].sort((a, b) => a.start - b.start || a.end - b.end);
  const whole: { kind: string; start: number; end: number }[] = [];
  for (const own of sorted) {
    const last = whole.at(-1);
    if (!last || own.start >= last.end) {
      whole.push({ ...own });
      continue;
    }
    last.end = Math.max(last.end, own.end);
    if (order.indexOf(own.kind) < order.indexOf(last.kind)) last.kind = own.kind;
  }
  return whole;
}
