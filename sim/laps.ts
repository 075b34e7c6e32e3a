import type { Outcomes } from "../shadow/outcomes.ts";

const dayMs = 86_400_000;

/**
 * How long a lap is. The log's span with one mean gap more keeps its rate of arrivals; from a day on it is rounded to whole
 * days, so that nights stay nights.
 */
export function lapsOf(
  { arrivalMs }: Outcomes,
  planMs: number,
  startMs: number,
): { readonly lapMs: number; readonly laps: number } {
  const n = arrivalMs.length;
  if (arrivalMs[0] === arrivalMs[n - 1]) {
    throw new RangeError("all sessions of the log arrive at the same instant: it has no duration to rehearse on");
  }
  const span = Math.max(1, ((arrivalMs[n - 1] as number) - (arrivalMs[0] as number)) * (n / Math.max(1, n - 1)));
  const lapMs = span < dayMs ? span : Math.round(span / dayMs) * dayMs;
  const covered = (arrivalMs[n - 1] as number) - startMs;
  return { lapMs, laps: planMs <= covered ? 1 : Math.ceil(planMs / lapMs) };
}

/** A session of the log in one of its laps. */
export interface Unrolled {
  readonly session: number;
  readonly lap: number;
  readonly at: number;
}

/** The sessions of all laps that arrive before `until`, in the order of arrival. */
export function unroll({ arrivalMs }: Outcomes, laps: number, lapMs: number, until: number): Unrolled[] {
  const all: Unrolled[] = [];
  for (let lap = 0; lap < laps; lap++) {
    for (let session = 0; session < arrivalMs.length; session++) {
      const at = (arrivalMs[session] as number) + lap * lapMs;
      if (at < until) all.push({ session, lap, at });
    }
  }
  return laps === 1 ? all : all.sort((a, b) => a.at - b.at || a.lap - b.lap || a.session - b.session);
}
