import type { Metric } from "../plan/metric.ts";
import type { Predictions } from "../statistics/composition/calibration-error.ts";
import type { Shown } from "../statistics/composition/tally.ts";

/**
 * The inputs of every metric for every session, under control and under candidate: columns of one length, in the order
 * of arrival.
 */
export interface Outcomes {
  readonly sessions: readonly string[];
  /** index into unitNames */
  readonly unit: Int32Array;
  readonly unitNames: readonly string[];
  /** epoch ms */
  readonly arrivalMs: Float64Array;
  readonly endMs: Float64Array;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly metrics: readonly MetricOutcomes[];
}

/** The values of one attribute: `(missing)` where a session has none. */
export interface Attribute {
  readonly names: readonly string[];
  /** index into names, one a session */
  readonly codes: Int32Array;
}

export interface MetricOutcomes {
  readonly metric: Metric;
  readonly control: Values;
  readonly candidate: Values;
}

/**
 * One metric in one lane. `sums`: numerator and denominator of each session; a missing value is 0 over 0, so that it adds
 * nothing. `requests`: the values of all requests, those of session i from offsets[i] to offsets[i + 1].
 *
 * A composition is kept as sums, too: to first order it is a sum over a sum, of session i value · showings + influence over
 * showings, and Σ numerator / Σ denominator is its value exactly.
 */
export type Values =
  | {
      readonly kind: "sums";
      readonly numerator: Float64Array;
      readonly denominator: Float64Array;
      readonly missing: Uint8Array;
      readonly composition?: Composition;
    }
  | { readonly kind: "requests"; readonly offsets: Int32Array; readonly values: Float64Array };

/** What the sums of a composition are made from, and what they leave out. */
export interface Composition {
  readonly observed: Observed;
  /** why the lane has no value: its sums are then 0 over 0 */
  readonly undetermined: string | null;
  /** variance of second order, times the squared sum of denominators */
  readonly curvature: number;
  /** for each session what a harm h adds to the numerator, over √h, beside h · denominator; null where nothing */
  readonly direction: Float64Array | null;
}

/** What the requests of each session showed: categories, or probabilities with what came of them. */
export type Observed = ({ readonly kind: "categories" } & Shown) | ({ readonly kind: "predictions" } & Predictions);

/** What there is besides the outcomes: how lanes matched, failed and lacked values. */
export interface OutcomeSummary {
  readonly unmatched: { readonly control: number; readonly candidate: number };
  readonly failedSessions: { readonly control: number; readonly candidate: number };
  /** 1 for the sessions that failed, in the order of the outcomes */
  readonly failed: { readonly control: Uint8Array; readonly candidate: Uint8Array };
  /** sessions by status of their requests and lane */
  readonly statuses: readonly { readonly lane: string; readonly status: string; readonly requests: number }[];
  /** recorded tool calls that policies asked for, of lanes that did: `diverged` are the sessions with a miss */
  readonly tools: readonly {
    readonly lane: string;
    readonly hits: number;
    readonly drifts: number;
    readonly misses: number;
    readonly diverged: number;
  }[];
  /** requests with a response in both lanes, those whose digests differ, and the sessions with one of these */
  readonly responses: {
    readonly compared: number;
    readonly differing: number;
    readonly sessions: number;
    readonly divergedSessions: number;
    /** median number, from 0, of the request at which a diverged session first differs */
    readonly firstDivergence: number | null;
  };
  /** the most frequent messages of failed requests */
  readonly failures: readonly {
    readonly lane: string;
    readonly status: string;
    readonly error: string;
    readonly requests: number;
  }[];
}
