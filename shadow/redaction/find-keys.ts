import type { Span } from "./disguise.ts";

/**
 * Passwords, keys and access tokens in a text: by their well-known shapes, and by the name that they are assigned to.
 *
 * - Shapes: `sk-…`, `sk_live_…`, `ghp_…` and its kin, `github_pat_…`, `xoxb-…`, `AKIA…`, `AIza…`, `glpat-…`, `hf_…`, `npm_…`,
 *   `SG.….…`, JSON web tokens `eyJ….….…`, `Bearer …`, PEM blocks of private keys, and the password of `scheme://user:password@host`.
 * - Assignments: a name that ends in password, secret, token, api key, authorization and the like, then `=`, `:`, `=>` or `:=`, then a
 *   text in quotes, or one without spaces; `--password …`; `<password>…</password>`. Words that stand for a type or for nothing
 *   (`string`, `null`), masks (`***`, `[REDACTED]`) and references to variables (`${TOKEN}`, `os.environ`) are left.
 *
 * The span is the secret alone, without its name, its quotes and the word Bearer. A password with a space is found in quotes only.
 *
 * Sources: the issuers' pages on their tokens' formats; RFC 7519, 3.1; RFC 6750, 2.1; RFC 7468.
 */
export function findKeys(text: string): Span[] {
  return [...byShape(text), ...bearers(text), ...privateKeys(text), ...inAddresses(text), ...assigned(text)];
}

/** Whether a text may hold a key: certain when false. */
export function mayHoldKey(text: string): boolean {
  return mayBeKey.test(text);
}

const mayBeKey =
  /[prs]k[-_][a-z\d]|key|secret|token|pass|pwd|bearer|authoriz|credential|gh[oprsu]_|github_pat_|xox|xapp-|A[KS]IA|AIza|glpat-|hf_|npm_|SG\.|eyJ|-----BEGIN|:\/\/[^\s/]*@/i;

/** Counts are bounded because V8 ends a longer run with a stack overflow; {@link endOfRun} goes on behind them. */
const shapes = new RegExp(
  `(?<![\\w-])(?:${[
    "sk-(?=[A-Za-z_-]{0,64}\\d)[\\w-]{16,4096}",
    "[srp]k_(?:live|test)_\\w{10,4096}",
    "gh[oprsu]_[A-Za-z\\d]{16,4096}",
    "github_pat_\\w{20,4096}",
    "xox[abeoprs]-[\\w-]{8,4096}",
    "xapp-[\\w-]{10,4096}",
    "A[KS]IA[A-Z\\d]{16}(?!\\w)",
    "AIza[\\w-]{30,4096}",
    "glpat-[\\w-]{16,4096}",
    "hf_[A-Za-z\\d]{16,4096}",
    "npm_[A-Za-z\\d]{30,4096}",
    "SG\\.[\\w-]{16,4096}\\.[\\w-]{16,4096}",
    "eyJ[\\w-]{6,65536}\\.[\\w-]{6,65536}\\.[\\w-]{0,65536}(?:\\.[\\w-]{1,65536}){0,2}",
  ].join("|")})`,
  "g",
);

function byShape(text: string): Span[] {
  return [...text.matchAll(shapes)].map(({ 0: found, index }) => ({
    start: index,
    end: endOfRun(text, index + found.length, /[\w-]/),
  }));
}

/** `Bearer` is a word too: what follows must not look like one. */
function bearers(text: string): Span[] {
  return [...text.matchAll(/\bbearer[ \t]{1,8}([\w.~+/=-]{7,65536}[\w~+/=-])/gi)]
    .filter(([, own = ""]) => own.length >= 20 || /[\d_~+/=]|[a-z][A-Z]|\w\.\w/.test(own))
    .map(({ 0: found, 1: own = "", index }) => ({
      start: index + found.length - own.length,
      end: endOfRun(text, index + found.length, /[\w~+/=-]/),
    }));
}

function endOfRun(text: string, from: number, sign: RegExp): number {
  let end = from;
  while (end < text.length && sign.test(text[end] as string)) end += 1;
  return end;
}

/** A block that is cut off reaches to the text's end. */
function privateKeys(text: string): Span[] {
  const spans: Span[] = [];
  let until = 0;
  for (const { index } of text.matchAll(/-----BEGIN [A-Z\d ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g)) {
    if (index < until) continue;
    const [footer = ""] =
      /^-----END [A-Z\d ]{0,60}-----/.exec(text.slice(text.indexOf("-----END ", index)).slice(0, 90)) ?? [];
    until = footer === "" ? text.length : text.indexOf("-----END ", index) + footer.length;
    spans.push({ start: index, end: until });
  }
  return spans;
}

function inAddresses(text: string): Span[] {
  return [...text.matchAll(/:\/\/[^\s:@/]{0,256}:([^\s@/]{1,256})@/g)].map(({ 0: found, 1: own = "", index }) => ({
    start: index + found.length - 1 - own.length,
    end: index + found.length - 1,
  }));
}

const names = [
  "pass(?:word|wd|phrase|code)",
  "pwd",
  "secret",
  "(?<!(?:page|next|continuation|sync|eos|bos|pad|unk|sep|cls|mask|stop|start|end|special|max|per)[-_ ]?)token",
  "(?:api|access|secret|private|signing|encryption|auth|account|shared|master|subscription)[-_. ]?key",
  "authorization",
  "credentials?",
].join("|");
const assignment = new RegExp(
  `(?:${names})(?:[\\\\"'\`*\\])]{0,4}[ \\t]{0,4}(?:=>|:=|={1,3}|:)\\*{0,2}[ \\t]{0,4}|(?<=--[\\w-]{1,60})[ \\t]{1,4}(?=[^\\s-]))`,
  "gi",
);
const element = new RegExp(`<([\\w:.-]{0,64}(?:${names}))>[^<]{1,8192}(?=</)`, "gi");

function assigned(text: string): Span[] {
  const spans: Span[] = [];
  let until = 0;
  for (const { 0: found, index } of text.matchAll(assignment)) {
    // a name inside of a value
    if (index + found.length < until) continue;
    const value = assignedValue(text, index + found.length);
    if (!value) continue;
    spans.push(value);
    until = value.end;
  }
  for (const { 0: found, 1: name = "", index } of text.matchAll(element)) {
    const end = index + found.length;
    if (text.startsWith(`</${name}>`, end)) spans.push({ start: index + name.length + 2, end });
  }
  return spans;
}

function assignedValue(text: string, at: number): Span | undefined {
  const quote = text[at];
  if (quote === '"' || quote === "'" || quote === "`") return span(at + 1, endOfQuoted(text, at + 1, quote));
  // an escaped quote: the layer without the escapes shows the whole text
  if (quote === "\\" && /["'\\]/.test(text[at + 1] ?? "")) return undefined;
  scheme.lastIndex = at;
  const start = at + (scheme.exec(text)?.[0].length ?? 0);
  const end = endOfBare(text, start);
  return noSecret.test(text.slice(start, Math.min(end, start + 200))) ? undefined : span(start, end);
}

const scheme = /(?:bearer|basic|token|digest|apikey|negotiate)[ \t]+(?=\S)/iy;
const noSecret =
  /^(?:null|none|nil|undefined|true|false|string|str|text|number|integer|int|bytes|any|required|optional)$|^[*•x]+$|^\[?(?:redacted|masked|hidden|removed|filtered)\]?$|^\$?\{|^\$[A-Z_\d]+$|^%\w$|^(?:process\.env|os\.environ|os\.getenv|getenv)\b/i;

function span(start: number, end: number): Span | undefined {
  return end > start ? { start, end } : undefined;
}

/** At the closing quote, or where the line ends. */
function endOfQuoted(text: string, start: number, quote: string): number {
  let end = start;
  while (end < text.length && text[end] !== quote && text[end] !== "\n") end += text[end] === "\\" ? 2 : 1;
  return Math.min(end, text.length);
}

/** A comma or a bracket may be part of a password, but not where a text, a list or another assignment goes on behind it. */
function endOfBare(text: string, start: number): number {
  let end = start;
  for (; end < text.length; end++) {
    const sign = text[end] as string;
    if (/[\s"'`<>&]/.test(sign)) break;
    if (sign === "\\" && /[nrt"']/.test(text[end + 1] ?? "")) break;
    if ((sign === "," || sign === ";") && goesOn(text, end + 1)) break;
    if (/[)\]}]/.test(sign) && /^[\s"'`,;)\]}]?$/.test(text[end + 1] ?? "")) break;
    if (sign === "." && /^\s?$/.test(text[end + 1] ?? "")) break;
  }
  return end;
}

function goesOn(text: string, at: number): boolean {
  next.lastIndex = at;
  return next.test(text);
}

const next = /$|[\s"'`]|[\w.-]{1,64}\s{0,2}[=:]/y;
