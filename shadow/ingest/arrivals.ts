import { BIGINT, DOUBLE } from "@duckdb/node-api";
import type { Database } from "../../io/duckdb.ts";
import { sql } from "../../io/sql.ts";

/** Stated arrivals of sessions for a log without times: so many a day, spread over the hours by relative rates. */
export interface Arrivals {
  readonly perDay: number;
  /** relative rates of consecutive hours, repeated; 24 or 168 of them as a rule, all ≥ 0 and not all 0 */
  readonly hourlyRates: readonly number[];
}

/** Every hour like every other. */
export const flat: readonly number[] = Array.from({ length: 24 }, () => 1);

/**
 * Requests by hour of day of a university's RAG assistant, one week.
 *
 * Source: flashserve/RAGPulse, data/0_trace.jsonl, counts by hour of local time.
 */
export const diurnal: readonly number[] = [
  320, 107, 66, 25, 20, 22, 35, 108, 231, 311, 445, 453, 382, 423, 479, 485, 446, 379, 435, 461, 376, 374, 398, 325,
];

/** Stated arrivals begin here: a Monday, at midnight. */
const start = "2001-01-01 00:00:00";

/**
 * Creates `stated` (number, at): the arrival of every session of `firsts` by its number in the log's order. Arrivals are
 * evenly spaced inside an hour; nothing is drawn.
 */
export async function createArrivals(database: Database, { perDay, hourlyRates }: Arrivals): Promise<true> {
  const total = hourlyRates.reduce((sum, rate) => sum + rate, 0);
  const perCycle = (perDay * hourlyRates.length) / 24;
  let before = 0;
  const hours = hourlyRates.map((rate, hour) => {
    const sessions = (perCycle * rate) / total;
    const row = { hour, before, sessions };
    before += sessions;
    return row;
  });
  const busy = hours.filter(({ sessions }) => sessions > 0);
  await database.run(sql`create table hours (hour bigint, before double, sessions double)`);
  await database.append(
    "hours",
    [BIGINT, DOUBLE, DOUBLE],
    [busy.map(({ hour }) => BigInt(hour)), busy.map((row) => row.before), busy.map((row) => row.sessions)],
  );
  await database.run(sql`
    create table stated as
    with numbered as (
      select number, floor(number / ${perCycle}) as cycle,
        greatest(number - floor(number / ${perCycle}) * ${perCycle}, 0) as rest
      from (select row_number() over () - 1 as number from firsts)
    )
    select number, cast(${start} as timestamp) + to_microseconds(cast(round(
      (cycle * ${hourlyRates.length} + hour + least((rest - before) / sessions, 1)) * 3600000000) as bigint)) as "at"
    from numbered
    asof join hours on rest >= before`);
  return true;
}
