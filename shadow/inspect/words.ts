/** `1,234`. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** `1.78`, and whole numbers from 100 on. */
export function decimalText(value: number): string {
  return value >= 100 ? countText(value) : String(Number(value.toPrecision(3)));
}

/** `3,990 sessions`, `1 session`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** A fraction as `99.8 %`; never 100 % or 0 % when it is not. */
export function shareText(share: number): string {
  if (share > 0.999 && share < 1) return "more than 99.9 %";
  if (share > 0 && share < 0.001) return "less than 0.1 %";
  return `${Number((100 * share).toFixed(1))} %`;
}

/** `250 ms`, `12 s`, `3.5 min`, `26 h`, `3.1 d`. */
export function durationText(ms: number): string {
  const unit = units.findLast(({ size, from }) => ms >= from * size) ?? units[0];
  return `${decimalText(ms / unit.size)} ${unit.name}`;
}

const units = [
  { name: "ms", size: 1, from: 0 },
  { name: "s", size: 1000, from: 1 },
  { name: "min", size: 60_000, from: 2 },
  { name: "h", size: 3_600_000, from: 2 },
  { name: "d", size: 86_400_000, from: 3 },
] as const;

/** Epoch milliseconds as `2026-01-05 09:30:00 UTC`. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
