import type { Database } from "../../io/duckdb.ts";
import { join, literal, name, raw, type Sql, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";
import { type Arrivals, createArrivals } from "./arrivals.ts";

/** How records become sessions. */
export interface SessionSpec {
  /** the unit of assignment: `session`, `user` or an attribute */
  readonly assignBy: string;
  readonly attributes: readonly string[];
  /** stated arrivals, for a log without times */
  readonly arrivals?: Arrivals | undefined;
  /** share of the units that is replayed, 1 unless stated */
  readonly sample?: number | undefined;
  /** where the project's file states the sample, for messages */
  readonly samplePlace?: string | undefined;
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
  /** sessions whose units are not in the sample */
  readonly outOfSample: number;
}

/** What is replayed, lost and resumed in one piece is at most about this much. */
const shardSize = { requests: 10_000, bytes: 32_000_000 };

/**
 * Sorts records into sessions and shards.
 *
 * Creates `sessions` (session, unit, arrival, ends, attributes as JSON, position, shard) and the view `requests` (session,
 * seq, at, request, response, position, shard, and `record`, the row of the records' table). Inside a session requests
 * follow time, then file and line; attributes and user are those of the first one. Shards hold whole units. A sample is
 * drawn by a hash of the unit, so that a smaller one is part of a larger one; the other sessions are in `out_of_sample`.
 *
 * @param table of {@link importRecords}, with the attributes as columns `attribute:<name>`
 */
export async function createSessions(database: Database, table: string, spec: SessionSpec): Promise<SessionSummary> {
  const records = name(table);
  const attributes = sql`json_object(${join(spec.attributes.map((own) => sql`${literal(own)}, ${attributeColumn(own)}`))})`;
  const { timed } = await database.row<{ timed: boolean }>(sql`select count("at") > 0 as timed from ${records}`);
  await database.run(sql`
    create table spans as
    select session, min("at") as arrival, max("at") as ends, count(*) as requests,
      ${timed ? firstInTime : raw("min(record)")} as first
      ${join(
        spec.attributes.map(
          (own, i) => sql`, min(hash(${labelled(own)})) <> max(hash(${labelled(own)})) as ${changed(i)}`,
        ),
        "",
      )}
    from ${records}
    group by session`);
  await database.run(sql`
    create table firsts as
    select spans.session, spans.arrival, spans.ends, requests, first, "user", ${attributes} as attributes,
      ${unitOf(spec)} as unit
      ${join(
        spec.attributes.map((_, i) => sql`, ${changed(i)}`),
        "",
      )}
    from spans
    join ${records} as own on own.record = first`);
  await database.run(sql`drop table spans`);
  const { all } = await database.row<{ all: number }>(sql`select count(*) as all from firsts`);
  if (spec.sample !== undefined) {
    const kept = inSample(raw("unit"), spec.sample);
    await database.run(sql`create table out_of_sample as select session from firsts where not ${kept}`);
    await database.run(sql`delete from firsts where not ${kept}`);
  }
  const stated = spec.arrivals ? await createArrivals(database, spec.arrivals) : undefined;
  const { requests, sessions, units, withoutUser } = await database.row<{
    requests: number;
    sessions: number;
    units: number;
    withoutUser: number;
  }>(sql`
    select coalesce(cast(sum(requests) as bigint), 0) as requests, count(*) as sessions, count(distinct unit) as units,
      count(*) filter (where "user" is null) as "withoutUser"
    from firsts`);
  if (sessions === 0) {
    throw new InputError(spec.samplePlace ?? "replay.sample", `none of ${all} sessions is in the sample`, "raise it");
  }
  const columns = new Set((await database.describe(sql`select * from ${records}`)).map((column) => column.name));
  const orNull = (column: string) => (columns.has(column) ? name(column) : raw("cast(null as varchar)"));
  const { bytes } = await database.row<{ bytes: number }>(sql`
    select coalesce(sum(coalesce(strlen(${orNull("request")}), 0) + coalesce(strlen(${orNull("response")}), 0)), 0)::double
      * ${sessions / all} as bytes
    from ${records}`);
  const shards = Math.max(1, Math.ceil(requests / shardSize.requests), Math.ceil(bytes / shardSize.bytes));
  await database.run(sql`
    create table sessions as
    select session, unit, arrival, ends, attributes, cast(row_number() over () - 1 as integer) as position, shard, first
    from (
      select session, unit, ${stated ? raw(`stated."at"`) : raw("firsts.arrival")} as arrival,
        ${stated ? raw(`stated."at"`) : raw("firsts.ends")} as ends, attributes,
        cast(md5_number_lower(unit) % ${shards} as integer) as shard, first
      from firsts
      ${stated ? raw("join (select session, row_number() over (order by first) - 1 as number from firsts) using (session) join stated using (number)") : raw("")}
      order by arrival, session)`);
  await database.run(sql`
    create view requests as
    select own.session, cast(row_number() over (partition by own.session order by own."at", own.record) - 1 as integer) as seq,
      ${stated ? raw("arrival") : raw(`own."at"`)} as "at", ${orNull("request")} as request, ${orNull("response")} as response,
      position, shard, own.record
    from ${records} as own
    join sessions on sessions.session = own.session`);
  const span = await database.row<{ fromMs: number; untilMs: number }>(sql`
    select epoch_ms(min(arrival)) as "fromMs", epoch_ms(max(ends)) as "untilMs" from sessions`);
  const counted = await database.rows<{ shard: number; n: number }>(sql`
    select shard, cast(sum(requests) as bigint) as n from sessions join firsts using (session) group by shard order by shard`);
  const requestsByShard = Array.from(
    { length: shards },
    (_, shard) => counted.find((row) => row.shard === shard)?.n ?? 0,
  );
  const changing: { attribute: string; sessions: number }[] = [];
  for (const [i, attribute] of spec.attributes.entries()) {
    const { n } = await database.row<{ n: number }>(sql`select count(*) as n from firsts where ${changed(i)}`);
    if (n > 0) changing.push({ attribute, sessions: n });
  }
  await database.run(sql`drop table firsts`);
  const outOfSample = all - sessions;
  return { requests, sessions, units, shards, requestsByShard, ...span, changing, withoutUser, outOfSample };
}

/**
 * Creates `placed` (shard, position, session, at, attributes, the further columns, record): the requests of some shards, in
 * no order. Attributes stand at the first request of a session. Joining them and sorting them are two statements, since
 * each takes what memory there is.
 *
 * @param shards `from` up to, and without, `to`
 * @param further columns of the records' table, with their names in the result; NULL when there is no such column
 */
export async function placeRequests(
  database: Database,
  records: Sql,
  spec: SessionSpec,
  further: readonly { readonly column: string | undefined; readonly as: string }[],
  shards: { readonly from: number; readonly to: number },
): Promise<void> {
  const more = further.map(
    ({ column, as }) =>
      sql`, ${column === undefined ? raw("cast(null as varchar)") : sql`own.${name(column)}`} as ${name(as)}`,
  );
  await database.run(sql`
    create or replace table placed as
    select shard, position, own.session, ${spec.arrivals ? raw("arrival") : raw(`own."at"`)} as "at",
      case when own.record = first then attributes end as attributes ${join(more, "")}, own.record
    from ${records} as own
    join sessions on sessions.session = own.session
    where shard >= ${raw(String(shards.from))} and shard < ${raw(String(shards.to))}`);
}

/** The requests of {@link placeRequests} in the order of the replay: by shard, session and, inside a session, time, file and line. */
export const placedInOrder = sql`
  select * exclude (record)
  from placed
  order by shard, position, "at", record`;

/**
 * The first record in time, then in the log. As one number, it is a third of the memory of DuckDB's arg_min over a pair:
 * microseconds since 1970 in front of 40 bits of the record.
 */
const firstInTime = raw(`cast(min(epoch_us("at")::hugeint * 1099511627776 + record) % 1099511627776 as bigint)`);

const attributeColumn = (own: string) => name(`attribute:${own}`);
const labelled = (own: string) => sql`coalesce(${attributeColumn(own)}, '(missing)')`;
const changed = (i: number) => name(`changed_${i}`);

/**
 * Whether a record of another log than that of {@link createSessions} is in the sample: its session is, or only that log has
 * it, and it would be drawn if it were a unit.
 */
export function inSampleToo(share: number): Sql {
  return sql`(
    session in (select session from sessions)
    or session not in (select session from out_of_sample) and ${inSample(raw("session"), share)})`;
}

/** By a hash of the unit, in millionths. */
function inSample(unit: Sql, share: number): Sql {
  return sql`md5_number_lower('replay.sample ' || ${unit}) % 1000000 < ${Math.round(1e6 * share)}`;
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
  if (assignBy === "session") return raw("spans.session");
  if (assignBy === "user") return sql`coalesce("user", 'session:' || spans.session)`;
  return labelled(assignBy);
}
