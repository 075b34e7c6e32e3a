import { type Observations, statuses } from "../../shadow/observations.ts";

/** Observations as plain values: null is missing. */
export interface Observed {
  readonly status: readonly string[];
  readonly latencyMs: readonly (number | null)[];
  readonly digest: readonly (number | null)[];
  readonly error: readonly (string | null)[];
  readonly stack: readonly (string | null)[];
  readonly measures: ReadonlyMap<string, { readonly type: string; readonly values: readonly unknown[] }>;
}

export function observed(observations: Observations | undefined): Observed {
  const { rows, status, latencyMs, digest, failures, measures } = observations as Observations;
  const number = (value: number) => (Number.isNaN(value) ? null : value);
  const all = Array.from({ length: rows }, (_, row) => row);
  return {
    status: Array.from(status, (code) => statuses[code] as string),
    latencyMs: Array.from(latencyMs, number),
    digest: Array.from(digest, number),
    error: all.map((row) => failures.find((failure) => failure.row === row)?.message ?? null),
    stack: all.map((row) => failures.find((failure) => failure.row === row)?.stack ?? null),
    measures: new Map(
      [...measures].map(([name, { type, values }]) => [
        name,
        {
          type,
          values: Array.from(values as ArrayLike<number | string | null>, (value) =>
            typeof value !== "number" || type === "text"
              ? value
              : type === "boolean"
                ? Number.isNaN(value)
                  ? null
                  : value === 1
                : number(value),
          ),
        },
      ]),
    ),
  };
}
