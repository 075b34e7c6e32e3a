import type { MetricKind } from "../plan/metric.ts";
import type { Estimate } from "../statistics/estimate.ts";
import type { Result } from "./result.ts";

/** What decides how a metric's values are shown. */
export interface Shown {
  readonly kind: MetricKind;
  readonly measuredIn?: string | undefined;
}

const absent = "–";
const minus = "−";

/** Three significant digits; from 1,000 on whole numbers, whose digits are all kept; `–` for what is not there. */
export function number(value: number | null | undefined): string {
  return trimmed(threeDigits(value));
}

/** A whole number with thousands separators. */
export function count(value: number | null | undefined): string {
  return isKnown(value) && Number.isFinite(value) ? withMinus(grouped(Math.round(value).toFixed(0))) : number(value);
}

/** A fraction as `4.7 %`. */
export function percent(fraction: number | null | undefined): string {
  return isKnown(fraction) ? `${number(100 * fraction)} %` : absent;
}

/** A metric's value in one lane: `92.1 %` for proportions and ratios, otherwise in its unit; a ratio in a unit keeps it. */
export function metricValue(value: number | null | undefined, shown: Shown): string {
  if (!isKnown(value)) return absent;
  const { factor, unit } = isRate(shown) ? { factor: 100, unit: "%" } : { factor: 1, unit: shown.measuredIn ?? "" };
  return spaced(value === 0 ? "0" : threeDigits(factor * value), unit);
}

/** `−3.2 pp [−4.1, −2.3]`: candidate − control, in percentage points for proportions and ratios, otherwise in the unit. */
export function difference(own: Estimate, shown: Shown): string {
  return isRate(shown)
    ? estimate(own, { factor: 100, unit: "pp", signed: true })
    : estimate(own, { unit: shown.measuredIn ?? "", signed: true });
}

/** `+12 % [+3, +21]`: a difference as a share of the control's value. */
export function relativeDifference(own: Estimate): string {
  return estimate(own, { factor: 100, unit: "%", signed: true });
}

/** `4.7 % [3.5, 6.2]`: a rate with its interval. */
export function rate(own: Estimate): string {
  return estimate(own, { factor: 100, unit: "%" });
}

/**
 * An estimate, always with its interval, or `undetermined: reason`. Value and bounds have as many decimals as make the
 * interval 15 to 150 steps of the last one wide: what is beyond them is noise.
 *
 * @param factor from the estimate's unit to the one shown
 * @param signed whether rises carry a plus sign
 */
export function estimate(
  own: Estimate,
  { factor = 1, unit = "", signed = false }: { factor?: number; unit?: string; signed?: boolean } = {},
): string {
  if (own.status === "undetermined") return `undetermined: ${own.reason}`;
  const [value, low, high] = [factor * own.value, factor * own.low, factor * own.high] as const;
  const decimals = decimalsFor(high - low);
  const largest = Math.max(Math.abs(value), Math.abs(low), Math.abs(high));
  const show = (part: number) => {
    const exact = part === 0 || (part === 100 && unit === "%") || decimals === undefined || largest < smallest;
    const digits = exact ? number(part) : fixed(part, decimals);
    return signed && part > 0 && !isZero(digits) ? `+${digits}` : digits;
  };
  return `${spaced(show(value), unit)} [${show(low)}, ${show(high)}]`;
}

/** `9 h`, and `3.1 d` above 72 hours. */
export function hours(value: number | null | undefined): string {
  if (!isKnown(value)) return absent;
  return value > 72 ? `${number(Number((value / 24).toFixed(1)))} d` : `${number(value)} h`;
}

/** `0.032`, `0.47`, `< 1e-4`. */
export function pValue(p: number | null | undefined): string {
  if (!isKnown(p)) return absent;
  if (p < 1e-4) return "< 1e-4";
  return p < 0.0995 ? trimmed(p.toPrecision(2)) : p.toFixed(2);
}

const verdictWords = { go: "GO", hold: "HOLD", "no-go": "NO-GO", "cannot-tell": "CANNOT TELL" } as const;

export function verdictWord(decision: Result["verdict"]["decision"]): string {
  return verdictWords[decision];
}

const readingWords = {
  inside: "inside its margin",
  beyond: "beyond its margin",
  unresolved: "not shown",
  "no margin": "no margin",
} as const;

export function readingWord(reading: keyof typeof readingWords): string {
  return readingWords[reading];
}

/**
 * Text of a log, fit for a page or a terminal: control characters (escape sequences among them), overrides of the writing
 * direction and halves of characters become U+FFFD; new lines and tabs stay.
 */
export function printable(text: string): string {
  return text
    .replace(/\r\n?|[\u2028\u2029]/g, "\n")
    .replace(/(?![\n\t])[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

/** At most `length` characters, the last one an ellipsis when some were left out. */
export function clipped(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text;
}

/** Below this a number is written with an exponent. */
const smallest = 1e-4;

function isKnown(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && !Number.isNaN(value);
}

function isRate({ kind, measuredIn }: Shown): boolean {
  return kind === "proportion" || kind === "distinct-share" || (kind === "ratio" && measuredIn === undefined);
}

function threeDigits(value: number | null | undefined): string {
  if (!isKnown(value)) return absent;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${minus}∞`;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < smallest || size >= 1e12) return withMinus(value.toExponential(2).replace("e+", "e"));
  if (size >= 999.5) return withMinus(grouped(value.toFixed(0)));
  return withMinus(value.toPrecision(3));
}

/** Decimals by the width of an interval, or undefined when it has none. */
function decimalsFor(width: number): number | undefined {
  if (!(width > 0) || !Number.isFinite(width)) return undefined;
  return Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(width / 1.5))));
}

function fixed(value: number, decimals: number): string {
  const [whole = "", rest] = value.toFixed(decimals).split(".");
  const digits = rest === undefined ? grouped(whole) : `${grouped(whole)}.${rest}`;
  return isZero(digits) ? digits.replace("-", "") : withMinus(digits);
}

/** Without zeros behind the last digit that counts. */
function trimmed(digits: string): string {
  return digits.replace(/(\.\d*?)0+(?=$|e)/, "$1").replace(/\.(?=$|e)/, "");
}

function grouped(whole: string): string {
  return whole.replace(/\B(?=(\d{3})+$)/g, ",");
}

function withMinus(digits: string): string {
  return digits.replace(/^-/, minus);
}

function isZero(digits: string): boolean {
  return !/[1-9∞]/.test(digits);
}

function spaced(digits: string, unit: string): string {
  return unit === "" ? digits : `${digits} ${unit}`;
}
