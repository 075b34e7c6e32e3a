import type { Metric } from "../../plan/metric.ts";
import type { Attribute, OutcomeSummary, Outcomes, Values } from "../../shadow/outcomes.ts";

/**
 * What one lane has of one metric in one session: a number (booleans are 0 and 1), numerator and denominator of a ratio,
 * the requests' values of a quantile, or null for a missing value.
 */
export type Own = number | boolean | { readonly over: readonly [number, number] } | readonly number[] | null;

export interface Session {
  /** its own unit unless named */
  readonly unit?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  /** by metric: both lanes alike, or control and candidate */
  readonly values: Readonly<
    Record<string, { readonly both: Own } | { readonly control: Own; readonly candidate: Own }>
  >;
}

/** Outcomes from a list of sessions, in which only what matters is written; sessions arrive a minute apart. */
export function outcomes({
  metrics,
  sessions,
}: {
  readonly metrics: readonly Metric[];
  readonly sessions: readonly Session[];
}): Outcomes {
  const names = sessions.map((_, i) => `s${i}`);
  const units = encode(sessions.map(({ unit }, i) => unit ?? (names[i] as string)));
  const attributes = new Set(sessions.flatMap((session) => Object.keys(session.attributes ?? {})));
  return {
    sessions: names,
    unit: units.codes,
    unitNames: units.names,
    arrivalMs: Float64Array.from(sessions, (_, i) => i * 60_000),
    endMs: Float64Array.from(sessions, (_, i) => i * 60_000),
    attributes: new Map(
      [...attributes].map((attribute) => [
        attribute,
        encode(sessions.map((session) => session.attributes?.[attribute] ?? "(missing)")),
      ]),
    ),
    metrics: metrics.map((metric) => ({
      metric,
      control: valuesOf(metric, sessions, "control"),
      candidate: valuesOf(metric, sessions, "candidate"),
    })),
  };
}

/** Nothing failed and nothing was lost. */
export function summary(
  { sessions }: Pick<Outcomes, "sessions">,
  others: Partial<OutcomeSummary> = {},
): OutcomeSummary {
  const none = () => new Uint8Array(sessions.length);
  return {
    unmatched: { control: 0, candidate: 0 },
    failedSessions: { control: 0, candidate: 0 },
    failed: { control: none(), candidate: none() },
    statuses: [],
    tools: [],
    responses: { compared: 0, differing: 0, sessions: 0, divergedSessions: 0, firstDivergence: null },
    failures: [],
    ...others,
  };
}

function valuesOf(metric: Metric, sessions: readonly Session[], lane: "control" | "candidate"): Values {
  const own = sessions.map(({ values }) => {
    const written = values[metric.name];
    if (written === undefined) return null;
    return "both" in written ? written.both : written[lane];
  });
  if (metric.kind === "quantile") {
    const requests = own.map((value) => (Array.isArray(value) ? (value as number[]) : []));
    const offsets = new Int32Array(own.length + 1);
    requests.forEach(({ length }, i) => {
      offsets[i + 1] = (offsets[i] as number) + length;
    });
    return { kind: "requests", offsets, values: Float64Array.from(requests.flat()) };
  }
  const pairs = own.map((value): readonly [number, number] => {
    if (value === null) return [0, 0];
    return typeof value === "object" && "over" in value ? value.over : [Number(value), 1];
  });
  return {
    kind: "sums",
    numerator: Float64Array.from(pairs, ([numerator]) => numerator),
    denominator: Float64Array.from(pairs, ([, denominator]) => denominator),
    missing: Uint8Array.from(own, (value) => (value === null ? 1 : 0)),
  };
}

function encode(texts: readonly string[]): Attribute {
  const names = [...new Set(texts)];
  return { names, codes: Int32Array.from(texts, (text) => names.indexOf(text)) };
}
