import type { Span } from "./disguise.ts";

/**
 * Telephone numbers in a text, by how they are written; a number of digits alone is none, unless `+` or `tel:` stands before it.
 *
 * - International: `+` and 8 to 15 digits in groups, also `(0)` after the country code; `00` likewise, in groups with spaces.
 * - United States and Canada: `(555) 234-5678`, `555-234-5678`, `555.234.5678`, with or without `1`. With spaces,
 *   `555 234 5678`, area and exchange must begin with 2 to 9, and it must not stand in a row of numbers.
 * - United Kingdom, Germany and others with a trunk 0: an area code of 3 to 5 digits with the 0, a separator, and further groups
 *   of two and more digits, 9 to 12 digits in all: `020 7946 0958`, `07700 900123`, `030/901820`, `(0711) 12 34 56`.
 *
 * Never a part of a longer number, of a word, of a date or time, of a ZIP+4 code, or of an address such as an IP or a UUID. An
 * extension (`x12`) stays.
 *
 * Sources: ITU-T E.164 and E.123; NANP, Ofcom and Bundesnetzagentur numbering plans.
 */
export function findPhones(text: string): Span[] {
  return [
    ...matches(text, international, 8, 15),
    ...matches(text, dialled, 10, 17),
    ...matches(text, american, 10, 11),
    ...matches(text, trunk, 9, 12),
    ...matches(text, link, 7, 15),
  ];
}

/** The digits, with `+` for `00` and without a trunk `(0)`. */
export function normalPhone(number: string): string {
  const digits = number.replace(/\(0\)/, "").replace(/\D/g, "");
  return number.startsWith("+") ? `+${digits}` : digits.startsWith("00") ? `+${digits.slice(2)}` : digits;
}

/** Whether a text is nothing but a number: 7 to 15 digits with the signs that separate them. */
export function isPhone(text: string): boolean {
  if (text.length > 40 || !/^\s*\+?[\d\s().\-/\u00a0\u2010-\u2015]+$/.test(text)) return false;
  const digits = digitsIn(text);
  return digits >= 7 && digits <= 15;
}

const space = "[ \\u00a0\\u2007\\u2009\\u202f]";
const dash = "[\\-\\u2010-\\u2015\\u2212]";
const between = `(?:${space}?(?:${dash}|[./])${space}?|${space}?\\(|\\)${space}?[-/]?${space}?|${space})`;
const notInside = "(?<![\\p{L}\\p{N}_+]|\\p{L}-|\\p{N}[-.:/\\u2010-\\u2015])";

const international = new RegExp(
  `(?<![\\p{L}\\p{N}_+])\\+[1-9]\\d{0,14}(?:${between}\\d{1,14}){0,9}(?!\\d|:\\d)`,
  "gu",
);
const dialled = new RegExp(
  `${notInside}(?<!\\d )00[1-9]\\d{0,2}(?:(?:${space}|${space}?\\(|\\)${space}?)\\d{1,14}){1,9}(?!\\d|[-.:/]\\d)`,
  "gu",
);
const american = new RegExp(
  [
    `${notInside}(?:\\+?1(?:${dash}|[. ]))?`,
    `(?:\\(\\d{3}\\)${space}?\\d{3}(?:${dash}|[. ])\\d{4}`,
    `|\\d{3}${dash}\\d{3}${dash}\\d{4}`,
    "|\\d{3}\\.\\d{3}\\.\\d{4}",
    `|[2-9]\\d{2}${space}[2-9]\\d{2}${dash}\\d{4}`,
    `|(?<!\\d{3} )[2-9]\\d{2}${space}[2-9]\\d{2}${space}\\d{4}(?! \\d{3}))`,
    "(?!\\d|[-.]\\d)",
  ].join(""),
  "gu",
);
const trunk = new RegExp(
  [
    notInside,
    `(?:\\(0[1-9]\\d{1,3}\\)${space}?|0[1-9]\\d{1,3}(?:${space}?[-/]${space}?|${space}))`,
    `\\d{2,8}(?:(?:${space}|${dash})\\d{2,8}){0,4}(?!\\d|[-.:/]\\d)`,
  ].join(""),
  "gu",
);
const link = /(?<=\btel:)\+?[\d(][\d().-]{5,20}\d/g;

const isoDate = /\d{4}-\d{2}-\d{2}/;
const zipCode = /^\d{5}-\d{4}$/;

/** Matches of so many digits; one with too many gives up its last groups that a space sets apart. */
function matches(text: string, shape: RegExp, fewest: number, most: number): Span[] {
  const spans: Span[] = [];
  for (const { 0: found, index } of text.matchAll(shape)) {
    let own = found;
    while (digitsIn(own) > most && / \d+$/.test(own)) own = own.replace(/ \d+$/, "");
    const digits = digitsIn(own);
    if (digits >= fewest && digits <= most && !isoDate.test(own) && !zipCode.test(own))
      spans.push({ start: index, end: index + own.length });
  }
  return spans;
}

function digitsIn(text: string): number {
  let digits = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x30 && text.charCodeAt(i) <= 0x39) digits += 1;
  return digits;
}
