import type { Span } from "./disguise.ts";

/**
 * Payment card numbers in a text: 13 to 19 digits in one piece or in groups of 3 to 7 (the last may be shorter) between single
 * spaces or dashes, with an issuer's prefix, one of its lengths, and a valid check digit.
 *
 * Of random numbers of 16 digits three in a hundred are one; of epoch times in seconds to nanoseconds none before the year 3000,
 * as none begins like a card.
 *
 * Sources: ISO/IEC 7812-1, annex B (Luhn's check digit); prefixes as the issuers publish them.
 */
export function findCards(text: string): Span[] {
  const spans: Span[] = [];
  for (const { 0: run, index } of text.matchAll(digitRun)) {
    if (run.length < 13 || isFraction(text, index, run.length)) continue;
    spans.push(...cardsIn(run, index));
  }
  return spans;
}

/** The digits alone. */
export function normalCard(number: string): string {
  return number.replace(/\D/g, "");
}

const digitRun = /\d[\d \-\u00a0\u2010-\u2015]*/g;

/** Digits behind a decimal point, or with one. */
function isFraction(text: string, start: number, length: number): boolean {
  return (
    /\d\.$/.test(text.slice(Math.max(0, start - 2), start)) ||
    /^\.\d/.test(text.slice(start + length, start + length + 2))
  );
}

/** Windows of whole groups, so that an expiry date beside a number does not hide it. */
function cardsIn(run: string, offset: number): Span[] {
  const groups = [...run.matchAll(/\d+/g)].map(({ 0: digits, index }) => ({ digits, start: index }));
  const spans: Span[] = [];
  for (let first = 0; first < groups.length; first++) {
    let digits = "";
    let found: { readonly end: number; readonly last: number } | undefined;
    for (let last = first; last < groups.length; last++) {
      const own = groups[last] as (typeof groups)[number];
      const previous = groups[last - 1];
      if (last > first && previous && own.start - previous.start - previous.digits.length > 1) break;
      digits += own.digits;
      if (digits.length > 19 || (last > first && own.digits.length > 7)) break;
      if (isCard(digits)) found = { end: own.start + own.digits.length, last };
      if (own.digits.length < 3 || (own.digits.length > 7 && last === first)) break;
    }
    if (!found) continue;
    spans.push({ start: offset + (groups[first] as (typeof groups)[number]).start, end: offset + found.end });
    first = found.last;
  }
  return spans;
}

function isCard(digits: string): boolean {
  return digits.length >= 13 && digits.length <= 19 && hasIssuer(digits) && passesLuhn(digits);
}

/** First and last prefix, and lengths. */
const issuers: readonly (readonly [first: number, last: number, lengths: readonly number[]])[] = [
  [4, 4, [13, 16, 19]], // Visa
  [51, 55, [16]], // Mastercard
  [2221, 2720, [16]],
  [34, 34, [15]], // American Express
  [37, 37, [15]],
  [300, 305, [14, 16]], // Diners Club
  [36, 36, [14, 16, 19]],
  [38, 39, [14, 16, 19]],
  [6011, 6011, [16, 17, 18, 19]], // Discover
  [644, 649, [16, 17, 18, 19]],
  [65, 65, [16, 17, 18, 19]],
  [3528, 3589, [16, 17, 18, 19]], // JCB
  [62, 62, [16, 17, 18, 19]], // UnionPay
  [2200, 2204, [16, 17, 18, 19]], // Mir
  [5018, 5018, [13, 14, 15, 16, 17, 18, 19]], // Maestro
  [5020, 5020, [13, 14, 15, 16, 17, 18, 19]],
  [5038, 5038, [13, 14, 15, 16, 17, 18, 19]],
  [5893, 5893, [13, 14, 15, 16, 17, 18, 19]],
  [6304, 6304, [13, 14, 15, 16, 17, 18, 19]],
  [6759, 6759, [13, 14, 15, 16, 17, 18, 19]],
  [6761, 6763, [13, 14, 15, 16, 17, 18, 19]],
];

function hasIssuer(digits: string): boolean {
  return issuers.some(([first, last, lengths]) => {
    const prefix = Number(digits.slice(0, String(first).length));
    return prefix >= first && prefix <= last && lengths.includes(digits.length);
  });
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 0x30;
    const doubled = i % 2 === 0 ? digit : 2 * digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
