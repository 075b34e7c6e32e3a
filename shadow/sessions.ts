import type { Database } from "../io/duckdb.ts";
import { join, literal, name, raw, type Sql, sql } from "../io/sql.ts";
import { InputError } from "../plan/input-error.ts";
import { type Arrivals, createArrivals } from "./arrivals.ts";

/** How records become sessions. */
export interface SessionSpec {
  /** the unit of assignment: `session`, `user` or an attribute */
  readonly assignBy: string;
  readonly attributes: readonly string[];
  /** stated arrivals, for a log without times */
  readonly arrivals?: Arrivals | undefined;
}

export interface SessionSummary {
  readonly requests: number;
  readonly sessions: number;
  readonly units: number;
  readonly shards: number;
  /** requests of each shard */
  readonly requestsByShard: readonly number[];
  /** first and last request, epoch ms */
  readonly fromMs: number;
  readonly untilMs: number;
  /** sessions in which an attribute changes, by attribute */
  readonly changing: readonly { readonly attribute: string; readonly sessions: number }[];
  /** sessions without a user when units are users: each is its own unit */
  readonly withoutUser: number;
}

/** Records of one shard are replayed in one piece: large enough to hide a worker's start, small enough to resume. */
const requestsPerShard = 10_000;

/**
 * Sorts records into sessions and shards.
 *
 * Creates `sessions` (session, unit, arrival, ends, attributes as JSON, position, shard) and `requests` (session, seq, at,
 * request, response, position, shard). Inside a session requests follow time, then file and line; attributes and user
 * are those of the first one. Shards hold whole units.
 *
 * @param table of {@link importRecords}, with the attributes as columns `attribute:<name>`
 */
export async function createSessions(database: Database, table: string, spec: SessionSpec): Promise<SessionSummary> {
  const columns = new Set((await database.describe(sql`select * from ${name(table)}`)).map((column) => column.name));
  const orNull = (column: string) => (columns.has(column) ? name(column) : raw("cast(null as varchar)"));
  const attributes = sql`json_object(${join(spec.attributes.map((own) => sql`${literal(own)}, ${name(`attribute:${own}`)}`))})`;
  await database.run(sql`
    create table ordered as
    select session, "user", "at", file, line,
      ${join(
        spec.attributes.map((own) => sql`${name(`attribute:${own}`)}, `),
        "",
      )}
      row_number() over (partition by session order by "at", file, line) - 1 as seq
    from ${name(table)}`);
  await database.run(sql`
    create table firsts as
    select session, "user", "at", file, line, ${attributes} as attributes, ${unitOf(spec)} as unit
    from ordered
    where seq = 0`);
  const stated = spec.arrivals ? await createArrivals(database, spec.arrivals) : undefined;
  const { requests, sessions, units, withoutUser } = await database.row<{
    requests: number;
    sessions: number;
    units: number;
    withoutUser: number;
  }>(sql`
    select (select count(*) from ordered) as requests, count(*) as sessions, count(distinct unit) as units,
      count(*) filter (where "user" is null) as "withoutUser"
    from firsts`);
  const shards = Math.max(1, Math.ceil(requests / requestsPerShard));
  await database.run(sql`
    create table sessions as
    with timed as (
      select firsts.session, unit, attributes, ${stated ? raw(`stated."at"`) : raw("spans.arrival")} as arrival,
        ${stated ? raw(`stated."at"`) : raw("spans.ends")} as ends
      from firsts
      join (select session, min("at") as arrival, max("at") as ends from ordered group by session) as spans using (session)
      ${stated ? raw("join (select session, row_number() over (order by file, line) - 1 as number from firsts) using (session) join stated using (number)") : raw("")}
    )
    select session, unit, arrival, ends, attributes,
      cast(row_number() over (order by arrival, session) - 1 as integer) as position,
      cast(md5_number_lower(unit) % ${shards} as integer) as shard
    from timed
    order by arrival, session`);
  await database.run(sql`
    create table requests as
    select ordered.session, cast(seq as integer) as seq, ${spec.arrivals ? raw("arrival") : raw(`ordered."at"`)} as "at",
      ${orNull("request")} as request, ${orNull("response")} as response,
      position, shard
    from ordered
    join ${name(table)} using (file, line)
    join sessions on sessions.session = ordered.session
    order by shard, position, seq`);
  const span = await database.row<{ fromMs: number; untilMs: number }>(sql`
    select epoch_ms(min(arrival)) as "fromMs", epoch_ms(max(ends)) as "untilMs" from sessions`);
  const counted = await database.rows<{ shard: number; n: number }>(sql`
    select shard, count(*) as n from requests group by shard order by shard`);
  const requestsByShard = Array.from(
    { length: shards },
    (_, shard) => counted.find((row) => row.shard === shard)?.n ?? 0,
  );
  const changing: { attribute: string; sessions: number }[] = [];
  for (const attribute of spec.attributes) {
    const column = name(`attribute:${attribute}`);
    const { n } = await database.row<{ n: number }>(sql`
      select count(*) as n
      from (select session from ordered group by session having count(distinct coalesce(${column}, '(missing)')) > 1)`);
    changing.push({ attribute, sessions: n });
  }
  await database.run(sql`drop table ordered`);
  await database.run(sql`drop table firsts`);
  return {
    requests,
    sessions,
    units,
    shards,
    requestsByShard,
    ...span,
    changing: changing.filter((found) => found.sessions > 0),
    withoutUser,
  };
}

/** A log without times needs stated arrivals; a log with times must not have them. */
export function requireTimes(hasTimes: boolean, arrivals: Arrivals | undefined, place: string): void {
  if (!hasTimes && !arrivals) {
    throw new InputError(
      place,
      "the log has no times",
      "name their column (at: …), or state arrivals: { perDay: 50000, pattern: flat }",
    );
  }
  if (hasTimes && arrivals) {
    throw new InputError(place, "both times (at) and stated arrivals are given", "remove one of them");
  }
}

function unitOf({ assignBy }: SessionSpec): Sql {
  if (assignBy === "session") return raw("session");
  if (assignBy === "user") return sql`coalesce("user", 'session:' || session)`;
  return sql`coalesce(${name(`attribute:${assignBy}`)}, '(missing)')`;
}
