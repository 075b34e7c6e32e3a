const millisecondsPer: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["sec", 1_000],
  ["min", 60_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["hour", 3_600_000],
  ["hours", 3_600_000],
  ["d", 86_400_000],
  ["day", 86_400_000],
  ["days", 86_400_000],
]);

/** Milliseconds of `30s`, `10 min`, `6h`, `1.5d`; undefined when the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/.exec(text);
  const unit = match && millisecondsPer.get(match[2] as string);
  return unit ? Number(match[1]) * unit : undefined;
}

/** How many `to` one `from` is, for units of time; undefined when either is not one. */
export function timeConversion(from: string, to: string): number | undefined {
  const a = millisecondsPer.get(from);
  const b = millisecondsPer.get(to);
  return a && b ? a / b : undefined;
}

/** `90min`, `6h`, `2d` of milliseconds: the largest unit that leaves a whole number, days from two on. */
export function durationText(ms: number): string {
  const day = 86_400_000;
  if (ms >= 2 * day && ms % day === 0) return `${ms / day}d`;
  for (const [unit, size] of [
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1_000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
