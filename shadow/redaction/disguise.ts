/** A stretch of a text. */
export interface Span {
  readonly start: number;
  /** behind its last sign */
  readonly end: number;
}

/** A text as its reader sees it, and the way back to the text that it was written as. */
export interface Layer {
  readonly text: string;
  /** the stretch of the original text that a stretch of this one was written as */
  original(span: Span): Span;
}

/**
 * A text and what shows when its escapes are undone, one level after the other: at most five layers, the text itself first.
 *
 * Undone are HTML character references (`&#64;`, `&commat;`), percent encoding, the escapes of JSON, signs of no width and
 * soft hyphens (left out), and the full-width forms of ASCII.
 */
export function layers(text: string): readonly Layer[] {
  const all: Layer[] = [{ text, original: (span) => span }];
  while (all.length < 5) {
    const below = all.at(-1) as Layer;
    if (!isDisguised(below.text)) break;
    const above = undoOnce(below);
    if (!above) break;
    all.push(above);
  }
  return all;
}

/** Whether a text may hold anything to undo: certain when false. */
export function isDisguised(text: string): boolean {
  return mayBeDisguise.test(text);
}

const mayBeDisguise = /[\\\p{DI}\uff01-\uff5e\ufe6b]|%[\da-f]{2}|&#?[a-z\d]/iu;

const noWidth = /\p{DI}/u;

/** Sources: HTML Standard, 13.5; RFC 3986, 2.1, of well-formed UTF-8; RFC 8259, 7 (\b and \f are commoner in paths). */
const disguise = new RegExp(
  [
    "&#\\d{1,7};?",
    "&#[xX][\\da-fA-F]{1,6};?",
    "&(?:commat|period|plus|hyphen|dash|lowbar|lpar|rpar|colon|equals|sol|bsol|nbsp|lt|gt|amp|quot|apos|shy|zwj|zwnj|ZeroWidthSpace|NoBreak);",
    "%[0-7][\\da-fA-F]",
    "%[c-fC-F][\\da-fA-F](?:%[89abAB][\\da-fA-F]){1,3}",
    "\\\\u[\\da-fA-F]{4}",
    "\\\\u\\{[\\da-fA-F]{1,6}\\}",
    "\\\\x[\\da-fA-F]{2}",
    "\\\\[nrt\"'\\\\/]",
    noWidth.source,
    "[\\uff01-\\uff5e\\ufe6b]",
  ].join("|"),
  "gu",
);

const references: Readonly<Record<string, string>> = {
  commat: "@",
  period: ".",
  plus: "+",
  hyphen: "-",
  dash: "-",
  lowbar: "_",
  lpar: "(",
  rpar: ")",
  colon: ":",
  equals: "=",
  sol: "/",
  bsol: "\\",
  nbsp: "\u00a0",
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

function undoOnce(below: Layer): Layer | undefined {
  const pieces: string[] = [];
  const edits: Edit[] = [];
  let copied = 0;
  let length = 0;
  for (const { 0: written, index } of below.text.matchAll(disguise)) {
    const shown = shownAs(written);
    if (shown === undefined) continue;
    const before = below.text.slice(copied, index);
    copied = index + written.length;
    pieces.push(before, shown);
    const start = length + before.length;
    length = start + shown.length;
    edits.push({ start, end: length, from: index, to: copied });
  }
  if (edits.length === 0) return undefined;
  const text = pieces.join("") + below.text.slice(copied);
  return {
    text,
    original: ({ start, end }) =>
      below.original({ start: signBelow(edits, start).start, end: signBelow(edits, end - 1).end }),
  };
}

/** A stretch of the upper text, and what it stands for in the lower one. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/** Where a sign of the upper text stands in the lower one. */
function signBelow(edits: readonly Edit[], at: number): Span {
  let low = 0;
  let high = edits.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edits[middle] as Edit).start <= at) low = middle + 1;
    else high = middle;
  }
  let i = low - 1;
  // signs of no width end where they start, and are none of the upper text's
  while (i >= 0 && (edits[i] as Edit).start === (edits[i] as Edit).end) i -= 1;
  const own = edits[i];
  if (own && at < own.end) return { start: own.from, end: own.to };
  const nearest = edits[low - 1];
  const start = at + (nearest ? nearest.to - nearest.end : 0);
  return { start, end: start + 1 };
}

function shownAs(written: string): string | undefined {
  if (written.startsWith("&#")) {
    const hex = /[xX]/.test(written[2] as string);
    return signOf(Number.parseInt(written.slice(hex ? 3 : 2), hex ? 16 : 10));
  }
  if (written.startsWith("&")) return references[written.slice(1, -1)] ?? "";
  if (written.startsWith("%")) return percentDecoded(written);
  if (/^\\[ux]/.test(written)) return signOf(Number.parseInt(written.replace(/^\\[ux]\{?/, ""), 16));
  if (written.startsWith("\\"))
    return ({ n: "\n", r: "\r", t: "\t" } as Record<string, string>)[written[1] as string] ?? (written[1] as string);
  if (noWidth.test(written)) return "";
  return written === "\ufe6b" ? "@" : String.fromCharCode(written.charCodeAt(0) - 0xfee0);
}

/** A sign of no width shows as nothing, however it is written. */
function signOf(code: number): string | undefined {
  if (!(code <= 0x10ffff)) return undefined;
  const sign = String.fromCodePoint(code);
  return noWidth.test(sign) ? "" : sign;
}

function percentDecoded(written: string): string | undefined {
  try {
    return decodeURIComponent(written);
  } catch {
    return undefined;
  }
}
