/** A record, or a session by its name. */
export type Example = { readonly file: string; readonly line: number } | { readonly session: string };

/**
 * Something about a log that an engineer should know before she rehearses on it.
 *
 * `count` is of what `kind` names; `message` says it in words, with values of the log in it as they are (escape them
 * before a terminal or a page shows them).
 */
export type TrafficWarning = Common &
  (
    | { readonly kind: "unusable records"; readonly reason: string }
    | { readonly kind: "times from the log's start" }
    | { readonly kind: "times far from the rest"; readonly usualFrom: string; readonly usualUntil: string }
    | { readonly kind: "times without a zone" }
    | {
        readonly kind: "times in several zones";
        readonly zones: readonly { readonly zone: string; readonly records: number }[];
      }
    | { readonly kind: "time runs backwards"; readonly largestStepMs: number; readonly newestFirst: boolean }
    | {
        readonly kind: "gaps";
        readonly emptyDays: number;
        readonly typicalMs: number;
        readonly longest: readonly Gap[];
      }
    | {
        readonly kind: "sessions over midnight";
        readonly sessions: number;
        readonly longest: { readonly session: string; readonly durationMs: number };
      }
    | { readonly kind: "values that change"; readonly column: string; readonly sessions: number }
    | { readonly kind: "exact duplicates" }
    | { readonly kind: "repeated requests" }
  );

interface Common {
  readonly count: number;
  readonly message: string;
  readonly example: Example;
}

/** A stretch without any request; times are ISO text in UTC. */
export interface Gap {
  readonly from: string;
  readonly until: string;
  readonly durationMs: number;
}

/** `logs/a.jsonl:17`, or `session 4711`. */
export function exampleText(example: Example): string {
  return "session" in example ? `session ${example.session}` : `${example.file}:${example.line}`;
}
