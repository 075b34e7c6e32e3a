import type { Outcomes, Values } from "./outcomes.ts";

/**
 * The outcomes of some sessions; values that are the same object stay so.
 *
 * @param kept rising indices of sessions
 * @param pick the values of these sessions, by {@link picker}
 */
export function someSessions(outcomes: Outcomes, kept: Int32Array, pick = picker(kept)): Outcomes {
  const numbers = new Int32Array(outcomes.unitNames.length).fill(-1);
  const unitNames: string[] = [];
  const unit = kept.map((i) => {
    const own = outcomes.unit[i] as number;
    if (numbers[own] === -1) numbers[own] = unitNames.push(outcomes.unitNames[own] as string) - 1;
    return numbers[own] as number;
  });
  const times = (column: Float64Array) => Float64Array.from(kept, (i) => column[i] as number);
  return {
    sessions: Array.from(kept, (i) => outcomes.sessions[i] as string),
    unit,
    unitNames,
    arrivalMs: times(outcomes.arrivalMs),
    endMs: times(outcomes.endMs),
    attributes: new Map(
      [...outcomes.attributes].map(([name, own]) => [name, { ...own, codes: kept.map((i) => own.codes[i] as number) }]),
    ),
    metrics: outcomes.metrics.map(({ metric, control, candidate }) => ({
      metric,
      control: pick(control),
      candidate: pick(candidate),
    })),
  };
}

/** Picks the values of some sessions; of one object always the same. */
export function picker(kept: Int32Array): (values: Values) => Values {
  const known = new Map<Values, Values>();
  return (values) => {
    const own = known.get(values) ?? someValues(values, kept);
    known.set(values, own);
    return own;
  };
}

function someValues(values: Values, kept: Int32Array): Values {
  if (values.kind === "sums") {
    const { numerator, denominator, missing } = values;
    return {
      ...values,
      numerator: Float64Array.from(kept, (i) => numerator[i] as number),
      denominator: Float64Array.from(kept, (i) => denominator[i] as number),
      missing: Uint8Array.from(kept, (i) => missing[i] as number),
    };
  }
  return requestsOf(Array.from(kept, (i) => requestsIn(values, i)));
}

type Requests = Extract<Values, { kind: "requests" }>;

/** The values of a session's requests. */
export function requestsIn({ offsets, values }: Requests, session: number): Float64Array {
  return values.subarray(offsets[session], offsets[session + 1]);
}

/** The values of requests, a list for each session. */
export function requestsOf(sessions: readonly Float64Array[]): Requests {
  const offsets = new Int32Array(sessions.length + 1);
  for (const [i, own] of sessions.entries()) offsets[i + 1] = (offsets[i] as number) + own.length;
  const values = new Float64Array(offsets[sessions.length] as number);
  for (const [i, own] of sessions.entries()) values.set(own, offsets[i] as number);
  return { kind: "requests", offsets, values };
}
