import { domainToASCII } from "node:url";
import type { Span } from "./disguise.ts";

/**
 * E-mail addresses in a text, without brackets, `mailto:` or the sentence's full stop.
 *
 * An address is `local@label.label`: letters and digits of any script with `. _ % + - '` inside, or a quoted local part; a domain
 * ends in letters, as a version (`pkg@1.2.3`) and a picture's density (`icon@2x.png`) do not, or is an IP address in
 * brackets. In text of a script without spaces (Han, kana, Thai, …, and Hangul with its particles) an address in letters of
 * another script ends where that script begins. Local parts with other signs that RFC 5322 allows (`= / ! #` …) are found from
 * the last such sign on: `to=a@b.c` is commoner than a name with an equals sign.
 *
 * Sources: RFC 5321, 4.1.2; RFC 6531, 3.3.
 */
export function findEmails(text: string): Span[] {
  const spans: Span[] = [];
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    const start = startOfLocalPart(text, at);
    if (start === at || credentials.test(text.slice(Math.max(0, start - 600), start))) continue;
    const end = endOfDomain(text, at + 1);
    if (end !== undefined) spans.push({ start, end });
  }
  return spans;
}

/** Before it `scheme://user:password`, whose host is no domain of an address. */
const credentials = /:\/\/[^\s:@/]{0,256}:[^\s@/]{0,256}$/;

/** One text for every way to write an address: `A@Bücher.example` and `a@xn--bcher-kva.example` are the same. */
export function normalEmail(address: string): string {
  const [, local = "", domain = ""] = /^([\s\S]*)@([\s\S]*)$/.exec(address.normalize("NFC").toLowerCase()) ?? [];
  return `${local}@${domainToASCII(domain) || domain}`;
}

/** 0 ends an address, 1 a letter or digit, 2 a letter of a script without spaces, 3 a sign that may stand inside. */
function classOf(code: number): 0 | 1 | 2 | 3 {
  if (code < 0x80) {
    if ((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a)) return 1;
    return "._%+-'".includes(String.fromCharCode(code)) ? 3 : 0;
  }
  const sign = String.fromCharCode(code);
  if (!/[\p{L}\p{N}\p{M}]/u.test(sign)) return 0;
  return unspaced.test(sign) ? 2 : 1;
}

const unspaced =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;

function startOfLocalPart(text: string, at: number): number {
  if (text[at - 1] === '"') {
    const opening = text.lastIndexOf('"', at - 2);
    const quotes =
      opening >= 0 && at - opening <= 66 && (opening === 0 || /[\s<:;,(]/.test(text[opening - 1] as string));
    return quotes && !text.slice(opening, at).includes("\n") ? opening : at;
  }
  let start = at;
  let spaced = false;
  let inside = 0;
  while (start > 0) {
    const own = classOf(text.charCodeAt(start - 1));
    if (own === 0 || (own === 2 && spaced)) break;
    if (text[start - 1] === "'" && !(start < at && start > 1 && classOf(text.charCodeAt(start - 2)) === 1)) break;
    if (own === 1 && inside !== 2) spaced = true;
    if (own !== 3) inside = own;
    start -= 1;
  }
  while (start < at && classOf(text.charCodeAt(start)) === 3 && text[start] !== "_") start += 1;
  return start;
}

function endOfDomain(text: string, from: number): number | undefined {
  if (text[from] === "[") {
    const closing = text.indexOf("]", from);
    const literal =
      closing > 0 && closing - from < 50 && /^(?:IPv6:)?[\da-f:.]{3,}$/i.test(text.slice(from + 1, closing));
    return literal ? closing + 1 : undefined;
  }
  const labels = labelsFrom(text, from);
  const [first, second] = labels;
  if (!first || !second || (/^\d+$/.test(first.text) && /^\d/.test(second.text))) return undefined;
  for (let last = labels.length - 1; last > 0; last--) {
    const own = labels[last] as Label;
    const [letters = ""] = /^(?:xn--[a-z\d-]*[a-z\d]|[\p{L}\p{M}]+)/iu.exec(own.text) ?? [];
    const single = letters.length === 1 && !/^\p{L}/u.test((labels[last - 1] as Label).text);
    if (letters === "" || single) continue;
    const end = own.start + letters.length;
    return /^\dx\.(?:png|jpe?g|gif|webp|avif|svg)$/i.test(text.slice(from, end)) ? undefined : end;
  }
  return undefined;
}

interface Label {
  readonly text: string;
  readonly start: number;
}

/** Letters, digits and hyphens between dots; a label in spaced letters ends before one of a script without spaces. */
function labelsFrom(text: string, from: number): Label[] {
  const labels: Label[] = [];
  let start = from;
  for (;;) {
    let end = start;
    let first: 0 | 1 | 2 | 3 = 0;
    for (; end < text.length; end++) {
      const own = classOf(text.charCodeAt(end));
      const hyphen = text[end] === "-" && end > start;
      if (!hyphen && own !== 1 && own !== 2) break;
      if (first === 0) first = own;
      if (own === 2 && first === 1) break;
    }
    if (end === start) return labels;
    labels.push({ text: text.slice(start, end), start });
    if (text[end] !== "." || labels.length > 127) return labels;
    start = end + 1;
  }
}
