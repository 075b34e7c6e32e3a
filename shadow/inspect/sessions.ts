import type { Database } from "../../io/duckdb.ts";
import { join, name, type Sql, sql } from "../../io/sql.ts";
import { watchedColumn } from "./requests.ts";
import type { TrafficWarning } from "./warning.ts";
import { countOf, countText, durationText } from "./words.ts";

/** The sessions of a log. */
export interface SessionFacts {
  readonly sessions: number;
  readonly requests: number;
  /** null without a session column or without times */
  readonly longest: { readonly session: string; readonly durationMs: number } | null;
}

/** In how many sessions a column's value changes; a value that is missing is a value too. */
export interface Changes {
  readonly column: string;
  readonly changing: number;
  /** sessions of two or more requests: in others nothing can change */
  readonly several: number;
  /** the first session in the log's order */
  readonly example: string | null;
}

/** Counts changes of the user and of every watched column, in one pass over the view `usual`. */
export async function changesInSessions(
  database: Database,
  user: string | undefined,
  watched: readonly string[],
): Promise<readonly Changes[]> {
  const columns: { column: string; value: Sql }[] = watched.map((column, i) => ({ column, value: watchedColumn(i) }));
  if (user !== undefined) columns.unshift({ column: user, value: name("user") });
  if (columns.length === 0) return [];
  const changed = columns.map(
    ({ value }, i) =>
      sql`(max(${value}) is distinct from min(${value}) or (count(${value}) between 1 and count(*) - 1)) as ${name(`changed_${i}`)}`,
  );
  const counts = columns.map((_, i) => {
    const own = name(`changed_${i}`);
    return sql`count(case when ${own} then 1 end) as ${name(`changing_${i}`)}, arg_min(session, case when ${own} then place end) as ${name(`example_${i}`)}`;
  });
  const row = await database.row<Record<string, number | string | null>>(sql`
    select count(*) filter (where requests > 1) as several, ${join(counts)}
    from (
      select session, min(place) as place, count(*) as requests, ${join(changed)}
      from usual
      where session is not null
      group by session)`);
  return columns.map(({ column }, i) => ({
    column,
    changing: row[`changing_${i}`] as number,
    several: row.several as number,
    example: row[`example_${i}`] as string | null,
  }));
}

/** Warns about a column whose value changes inside sessions. */
export function changeWarning({ column, changing, example }: Changes, sessions: number): TrafficWarning[] {
  if (changing === 0 || example === null) return [];
  return [
    {
      kind: "values that change",
      column,
      count: changing,
      sessions,
      message: `${column} changes inside ${countText(changing)} of ${countOf(sessions, "session")}; the value of a session's first request counts`,
      example: { session: example },
    },
  ];
}

/** Counts the sessions of the view `usual`, and warns about those that are open over midnight (UTC). */
export async function sessionFacts(
  database: Database,
  timed: boolean,
): Promise<{ readonly facts: SessionFacts; readonly warnings: readonly TrafficWarning[] }> {
  const found = await database.row<{
    sessions: number;
    requests: number;
    over: number;
    straddling: string | null;
    session: string | null;
    durationMs: number | null;
  }>(sql`
    with spans as (
      select session, min("at") as since, max("at") as until, count(*) as n, min(place) as place
      from usual
      where session is not null
      group by session
    ),
    judged as (
      select session, n, epoch_ms(until) - epoch_ms(since) as duration, (epoch_ms(until) - epoch_ms(since), -place) as rank,
        cast(until as date) > cast(since as date) as over
      from spans
    )
    select count(*) as sessions, coalesce(sum(n), 0) as requests, count(case when over then 1 end) as over,
      arg_max(session, case when over then rank end) as straddling, arg_max(session, rank) as session,
      max(duration) as "durationMs"
    from judged`);
  const { sessions, requests, over, straddling, session, durationMs } = found;
  const longest = timed && session !== null && durationMs !== null ? { session, durationMs } : null;
  const facts: SessionFacts = { sessions, requests, longest };
  if (!longest || straddling === null) return { facts, warnings: [] };
  return {
    facts,
    warnings: [
      {
        kind: "sessions over midnight",
        count: over,
        sessions,
        longest,
        message: `${countText(over)} of ${countOf(sessions, "session")} ${over === 1 ? "is" : "are"} open over midnight UTC; the longest session of the log lasts ${durationText(longest.durationMs)}`,
        example: { session: straddling },
      },
    ],
  };
}
