/** `30min`, `6h`, `66h`, `4d`, `6.1d`: as a plan would write it, to a tenth. */
export function durationInWords(ms: number): string {
  const hours = ms / hourMs;
  if (hours > 72 || (hours >= 48 && hours % 24 === 0)) return `${tenths(hours / 24)}d`;
  if (hours >= 1) return `${tenths(hours)}h`;
  return ms >= 60_000 ? `${tenths(ms / 60_000)}min` : `${tenths(ms / 1000)}s`;
}

/** A duration of at least so long that a plan would write: whole hours, half days above three days. */
export function durationToWrite(ms: number): string {
  const step = ms > 72 * hourMs ? 12 * hourMs : ms > hourMs ? hourMs : 600_000;
  return durationInWords(Math.ceil(ms / step - 1e-9) * step);
}

/** `5%`, `0.25%`. */
export function shareInWords(fraction: number): string {
  return `${short(100 * fraction)}%`;
}

/** `12,000`. */
export function countInWords(n: number): string {
  return Math.round(n)
    .toFixed(0)
    .replace(/\B(?=(\d{3})+$)/g, ",");
}

/** At least so many units, in two digits. */
export function sampleToWrite(n: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(n)) - 1);
  return Math.ceil(n / step - 1e-9) * step;
}

/** `a`, `a and b`, `a, b and c`. */
export function listInWords(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

const hourMs = 3_600_000;

function tenths(value: number): string {
  return String(Math.round(10 * value) / 10);
}

/** At most three digits. */
function short(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
