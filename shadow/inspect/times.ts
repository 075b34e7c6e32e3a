import type { Database } from "../../io/duckdb.ts";
import { raw, sql } from "../../io/sql.ts";
import { fileAndLine } from "./texts.ts";
import type { Example, Gap, TrafficWarning } from "./warning.ts";
import { countOf, countText, durationText, timeText } from "./words.ts";

/** Where the log lies in time; times are ISO text in UTC. */
export interface Span {
  readonly from: string;
  readonly until: string;
}

/**
 * Warns about times, and creates the views `usual` and `far`: the usable records of `inspected` by their time.
 *
 * Far is more than 30 days, and more than 20 times the distance between the quartiles, before the first quartile or
 * after the third: an unset clock (1970), a wrong unit, a wrong century. Every other warning and the span leave these out.
 */
export async function timeWarnings(
  database: Database,
  placeOf: (file: number, line: number) => Example,
): Promise<{ readonly span: Span | null; readonly warnings: readonly TrafficWarning[] }> {
  const { n, low, high } = await database.row<{ n: number; low: number; high: number }>(sql`
    with quartiles as (
      select count(*) as n, quantile_disc(epoch_us("at"), 0.25) as q1, quantile_disc(epoch_us("at"), 0.75) as q3
      from inspected
      where unusable is null and "at" is not null
    )
    select n, coalesce(q1 - reach, 0) as low, coalesce(q3 + reach, 0) as high
    from (select *, greatest(20 * (q3 - q1), ${30 * dayMs * 1000}) as reach from quartiles)`);
  // bigints of microseconds before the year 2200 are exact in a double
  const inside = sql`("at" is null or epoch_us("at") between ${raw(low.toFixed(0))} and ${raw(high.toFixed(0))})`;
  await database.run(sql`create view usual as select * from inspected where unusable is null and ${inside}`);
  await database.run(sql`create view far as select * from inspected where unusable is null and not ${inside}`);
  if (n === 0) return { span: null, warnings: [] };
  const span = await database.row<{ from: number; until: number }>(sql`
    select epoch_ms(min("at")) as "from", epoch_ms(max("at")) as "until" from usual`);
  const known = { span: { from: iso(span.from), until: iso(span.until) }, placeOf };
  const found = [
    fromStart(await firstRecord(database), known, span.until, n),
    await farTimes(database, known),
    await zones(database, known, n),
    await backwards(database, known),
    await gaps(database, known),
  ];
  return { span: known.span, warnings: found.flat() };
}

const dayMs = 86_400_000;

interface Known {
  readonly span: Span;
  readonly placeOf: (file: number, line: number) => Example;
}

interface Place {
  readonly file: number;
  readonly line: number;
}

async function firstRecord(database: Database): Promise<Place> {
  return database.row<Place>(
    sql`select arg_min(file, place) as file, arg_min(line, place) as line from usual where "at" is not null`,
  );
}

/** No log of agents is from before 1980: numbers that small count from somewhere else. */
function fromStart(first: Place, { placeOf, span }: Known, untilMs: number, n: number): TrafficWarning[] {
  if (untilMs >= Date.UTC(1980, 0)) return [];
  return [
    {
      kind: "times from the log's start",
      count: n,
      message: `all times lie between ${span.from.slice(0, 10)} and ${span.until.slice(0, 10)}: they seem to count from the log's start, not from 1970; days and hours of the day mean nothing until the start is added`,
      example: placeOf(first.file, first.line),
    },
  ];
}

async function farTimes(database: Database, { span, placeOf }: Known): Promise<TrafficWarning[]> {
  const found = await database.row<{ n: number; file: number; line: number; time: number }>(sql`
    select count(*) as n, arg_min(file, place) as file, arg_min(line, place) as line, epoch_ms(arg_min("at", place)) as time
    from far`);
  if (found.n === 0) return [];
  return [
    {
      kind: "times far from the rest",
      count: found.n,
      usualFrom: span.from,
      usualUntil: span.until,
      message: `${countOf(found.n, "time")} far from all the others, as ${timeText(found.time)}; the rest lies between ${span.from.slice(0, 10)} and ${span.until.slice(0, 10)}`,
      example: placeOf(found.file, found.line),
    },
  ];
}

async function zones(database: Database, { placeOf }: Known, n: number): Promise<TrafficWarning[]> {
  const rows = await database.rows<{ zone: string; n: number; file: number; line: number }>(sql`
    select zone, count(*) as n, arg_min(file, place) as file, arg_min(line, place) as line
    from usual
    where "at" is not null
    group by zone
    order by n desc, zone`);
  const rarest = rows.at(-1);
  if (!rarest) return [];
  const bare = rows.find(({ zone }) => zone === "");
  if (rows.length > 1) {
    const words = rows.map(({ zone, n: records }) => `${zone || "none"} ${countText(records)}`).join(", ");
    return [
      {
        kind: "times in several zones",
        count: n - (rows[0]?.n ?? 0),
        zones: rows.map(({ zone, n: records }) => ({ zone, records })),
        message: `times are written in ${rows.length} zones (${words})${bare ? "; those without one are read as UTC and may be hours off" : ""}`,
        example: placeOf(rarest.file, rarest.line),
      },
    ];
  }
  if (!bare) return [];
  return [
    {
      kind: "times without a zone",
      count: bare.n,
      message: `${countOf(bare.n, "time")} without a zone, read as UTC: local times would move every day's end and repeat an hour in autumn`,
      example: placeOf(bare.file, bare.line),
    },
  ];
}

async function backwards(database: Database, { placeOf }: Known): Promise<TrafficWarning[]> {
  const found = await database.row<{ n: number; steps: number; largest: number; file: number; line: number }>(sql`
    with steps as (
      select file, line, epoch_ms(lag("at") over (partition by file order by line)) - epoch_ms("at") as back
      from usual
      where "at" is not null
    )
    select count(*) filter (where back > 0) as n, count(*) filter (where back <> 0) as steps, max(back) as largest,
      arg_max(file, back) as file, arg_max(line, back) as line
    from steps`);
  if (found.n === 0) return [];
  const newestFirst = found.n > 0.9 * found.steps && found.steps > 1;
  return [
    {
      kind: "time runs backwards",
      count: found.n,
      largestStepMs: found.largest,
      newestFirst,
      message: newestFirst
        ? `the files run from new to old: ${countOf(found.n, "request")} are earlier than the record before them`
        : `${countOf(found.n, "request is", "requests are")} earlier than the record before, by ${durationText(found.largest)} at most`,
      example: placeOf(found.file, found.line),
    },
  ];
}

/**
 * Stretches without any request: longer than an hour and than 20 times the 99th percentile of the gaps between
 * consecutive times, or with a whole empty day in them (UTC). Nights of a log that knows nights stay below that; an
 * outage of the log, a lost file and a closed weekend do not.
 */
async function gaps(database: Database, { placeOf }: Known): Promise<TrafficWarning[]> {
  const rows = await database.rows<{
    n: number;
    emptyDays: number;
    typical: number;
    from: number;
    until: number;
    file: number;
    line: number;
  }>(sql`
    with times as (select "at", min(place) as place from usual where "at" is not null group by "at"),
    pairs as (select "at" as since, lead("at") over (order by "at") as until, lead(place) over (order by "at") as place from times),
    measured as (
      select *, epoch_us(until) - epoch_us(since) as gap, date_diff('day', cast(since as date), cast(until as date)) - 1 as days
      from pairs
      where until is not null
    ),
    typical as (select quantile_disc(gap, 0.5) as middle, quantile_disc(gap, 0.99) as p99 from measured),
    long as (
      select * from measured, typical
      where (gap > 3600000000 and gap > 20 * p99) or days >= 1
    )
    select count(*) over () as n, sum(greatest(days, 0)) over () as "emptyDays", middle / 1000 as typical,
      epoch_ms(since) as "from", epoch_ms(until) as until,
      ${fileAndLine(raw("place"))}
    from long
    order by gap desc, since
    limit 3`);
  const [first] = rows;
  if (!first) return [];
  const longest: Gap[] = rows.map(({ from, until }) => ({
    from: iso(from),
    until: iso(until),
    durationMs: until - from,
  }));
  const days = first.emptyDays === 0 ? "" : `, with ${countOf(first.emptyDays, "empty day")}`;
  return [
    {
      kind: "gaps",
      count: first.n,
      emptyDays: first.emptyDays,
      typicalMs: first.typical,
      longest,
      message: `${countOf(first.n, "long stretch", "long stretches")} without any request${days}; the longest is ${durationText(first.until - first.from)} from ${timeText(first.from)}, where ${durationText(first.typical)} is usual`,
      example: placeOf(first.file, first.line),
    },
  ];
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
