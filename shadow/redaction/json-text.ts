/** What {@link rewriteJson} asks on its way; `P` says where it stands. */
export interface JsonVisitor<P> {
  /** the place of a member (by its name) or an item (by its index) of a container */
  child(place: P, key: string | number, container: object): P;
  /** whether the value at a place is replaced as a whole, whatever it holds */
  replaces(place: P): boolean;
  whole(value: unknown): unknown;
  text(place: P, text: string): unknown;
  /** a number as it is written, with all its digits */
  number(place: P, digits: string): unknown;
  /** a member's name; `members` is the object that it stands in, `wanted` is kept for the visitor while the object lasts */
  name(name: string, members: object, wanted: Map<string, number>): string;
}

/**
 * The object, array or text that a text is as JSON, or undefined.
 *
 * A look at both ends spares most texts the cost of a failing parse.
 */
export function parsedJson(text: string): object | string | undefined {
  if (!looksLikeJson(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function looksLikeJson(text: string): boolean {
  let start = 0;
  while (isSpace(text.charCodeAt(start))) start += 1;
  const opening = text[start];
  if (opening !== "{" && opening !== "[" && opening !== '"') return false;
  let end = text.length - 1;
  while (isSpace(text.charCodeAt(end))) end -= 1;
  if (end <= start || text[end] !== (opening === "{" ? "}" : opening === "[" ? "]" : '"')) return false;
  let second = start + 1;
  while (isSpace(text.charCodeAt(second))) second += 1;
  if (opening === "{") return text[second] === '"' || second === end;
  return opening === '"' || /["{[\]\-\dtfn]/.test(text[second] as string);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

interface Frame<P> {
  readonly place: P;
  readonly value: object;
  readonly names: Map<string, number> | undefined;
  /** the name or index of the value that comes next */
  key: string | number;
  expectsName: boolean;
}

/**
 * Rewrites the values and names of a JSON text and leaves all other signs alone: white space, the digits of numbers too long
 * for a double, members that occur twice.
 *
 * @param text   valid JSON
 * @param parsed what it holds
 */
export function rewriteJson<P>(text: string, parsed: unknown, root: P, visitor: JsonVisitor<P>): string {
  const pieces: string[] = [];
  const frames: Frame<P>[] = [];
  let frame: Frame<P> | undefined;
  let copied = 0;
  const substitute = (start: number, end: number, value: unknown): number => {
    pieces.push(text.slice(copied, start), JSON.stringify(value));
    copied = end;
    return end;
  };
  const here = (): P => (frame ? visitor.child(frame.place, frame.key, frame.value) : root);
  let at = 0;
  while (at < text.length) {
    const sign = text[at] as string;
    if (sign === "}" || sign === "]") {
      frames.pop();
      frame = frames.at(-1);
      at += 1;
    } else if (sign === ",") {
      const own = frame as Frame<P>;
      if (own.names) own.expectsName = true;
      else own.key = (own.key as number) + 1;
      at += 1;
    } else if (sign === ":" || isSpace(text.charCodeAt(at))) {
      at += 1;
    } else if (sign === '"' && frame?.expectsName) {
      const end = endOfText(text, at);
      const name = JSON.parse(text.slice(at, end)) as string;
      const written = visitor.name(name, frame.value, frame.names as Map<string, number>);
      if (written !== name) substitute(at, end, written);
      frame.key = name;
      frame.expectsName = false;
      at = end;
    } else if (sign === '"') {
      const end = endOfText(text, at);
      const own = JSON.parse(text.slice(at, end)) as string;
      const written = visitor.text(here(), own);
      at = written === own ? end : substitute(at, end, written);
    } else if (sign === "{" || sign === "[") {
      const place = here();
      if (visitor.replaces(place)) {
        const end = endOfNested(text, at);
        at = substitute(at, end, visitor.whole(JSON.parse(text.slice(at, end))));
      } else {
        const value = objectOf(frame ? (frame.value as Record<string | number, unknown>)[frame.key] : parsed);
        const names = sign === "{" ? new Map<string, number>() : undefined;
        frame = { place, value, names, key: 0, expectsName: sign === "{" };
        frames.push(frame);
        at += 1;
      }
    } else {
      const end = endOfWord(text, at);
      const word = text.slice(at, end);
      const place = here();
      const number = sign !== "t" && sign !== "f" && sign !== "n";
      if (number) {
        const written = visitor.number(place, word);
        at = written === word ? end : substitute(at, end, written);
      } else {
        at = sign !== "n" && visitor.replaces(place) ? substitute(at, end, visitor.whole(sign === "t")) : end;
      }
    }
  }
  return copied === 0 ? text : pieces.join("") + text.slice(copied);
}

/** Of members that occur twice the last one is parsed, which may be none. */
function objectOf(value: unknown): object {
  return value !== null && typeof value === "object" ? value : {};
}

/** Behind the quote that closes a text: the first one with an even number of backslashes before it. */
function endOfText(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
}

function endOfNested(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const sign = text[at];
    if (sign === '"') {
      at = endOfText(text, at);
      continue;
    }
    if (sign === "{" || sign === "[") depth += 1;
    if (sign === "}" || sign === "]") depth -= 1;
    at += 1;
  } while (depth > 0);
  return at;
}

function endOfWord(text: string, start: number): number {
  let end = start;
  while (end < text.length && !/[\s,\]}]/.test(text[end] as string)) end += 1;
  return end;
}
