import { mkdirSync } from "node:fs";
import type { Database } from "../io/duckdb.ts";
import { parquetFiles, publishFile, shardFile, temporaryName } from "../io/run-folder.ts";
import { join, literal, name, raw, type Sql, sql } from "../io/sql.ts";
import { InputError } from "../plan/input-error.ts";
import type { Metric, MetricKind } from "../plan/metric.ts";
import {
  bind,
  type Lane,
  type LaneMeasures,
  laneMeasures,
  lanes,
  metricError,
  metricExpressions,
} from "./metric-expressions.ts";
import type { OutcomeSummary, Outcomes } from "./outcomes.ts";
import { laneSlot, readOutcomes } from "./read-outcomes.ts";

const slot = (metric: number, part: number) => name(`m${metric}_${part}`);

/**
 * Aggregates the observations of each lane to one value per session and metric.
 *
 * The database must have one thread: sums of doubles on two are not reproducible.
 *
 * @param folders of the observations' Parquet files, by lane
 * @param sessions the table of createSessions, as a Parquet file
 * @param place where a metric stands in the project's file
 * @param options.lastShard of the replay, when a lane stopped: sessions of later ones are not counted as unmatched
 * @param options.unpaired  keep sessions that are in one lane only: their values are missing in the other
 * @throws InputError for an expression that is not one aggregate, a column that no lane has, and a measure that one lane
 *   lacks
 */
export async function computeOutcomes(
  database: Database,
  folders: Readonly<Record<Lane, string>>,
  sessions: string,
  metrics: readonly Metric[],
  attributes: readonly string[],
  place: (metric: string) => string,
  { lastShard = Number.MAX_SAFE_INTEGER, unpaired = false }: { lastShard?: number; unpaired?: boolean } = {},
): Promise<{ readonly outcomes: Outcomes; readonly summary: OutcomeSummary }> {
  const reported = await laneMeasures(database, folders);
  for (const lane of lanes) await createLaneTable(database, lane, folders[lane]);
  const measures = unpaired ? reported : await withFailedLane(database, reported);
  const expressions: Sql[][] = [];
  for (const metric of metrics)
    expressions.push(await metricExpressions(database, metric, measures, place(metric.name)));
  for (const [i, metric] of metrics.entries())
    await bind(database, expressions[i] as Sql[], metric, place(metric.name));
  for (const lane of lanes) {
    await database
      .run(sql`
      create table ${name(`${lane}_outcomes`)} as
      select session, bool_or(status <> 'ok') as failed
        ${join(
          expressions.flatMap((own, i) => own.map((value, k) => sql`, ${value} as ${slot(i, k)}`)),
          "",
        )}
      from (select * from ${name(lane)} order by session, seq)
      group by session`)
      .catch((error) => Promise.reject(metricError(error, metrics, place)));
  }
  const outer = raw(unpaired ? "left" : "");
  await database.run(sql`
    create table matched as
    select position, session, unit, arrival, ends, attributes, shard, control.failed as control_failed,
      candidate.failed as candidate_failed,
      ${join(lanes.flatMap((lane) => expressions.flatMap((own, i) => own.map((_, k) => sql`${name(lane)}.${slot(i, k)} as ${laneSlot(lane, i, k)}`))))}
    from read_parquet(${sessions}) as sessions
    ${outer} join control_outcomes as control using (session)
    ${outer} join candidate_outcomes as candidate using (session)
    order by position`);
  const outcomes = await readOutcomes(database, metrics, attributes);
  if (outcomes.sessions.length === 0) {
    throw new InputError(
      "control and candidate",
      "no session is in both lanes",
      "check that session names the same thing in both logs",
    );
  }
  const notReplayed = sql`select session from read_parquet(${sessions}) where shard > ${lastShard}`;
  return { outcomes, summary: await summarize(database, reported, notReplayed) };
}

/** What a metric of several columns calls them. */
const columnsOf: Readonly<Partial<Record<MetricKind, readonly string[]>>> = {
  ratio: [".numerator", ".denominator"],
  "calibration-error": [".probability", ".outcome"],
};

/**
 * Writes the outcomes of {@link computeOutcomes} as one file per shard: session, unit, arrival, ends, attributes, and for each
 * metric and lane `<metric>.<lane>` (of a ratio `<metric>.<lane>.numerator` and `.denominator`, of a quantile the list of its
 * requests' values, of a composition the list of what was shown, of a calibration-error those `.probability` and `.outcome`) as the lane has it: NULL is missing, and failed sessions, whose `failure_rate` is 1, are not yet replaced.
 */
export async function writeOutcomes(database: Database, metrics: readonly Metric[], folder: string): Promise<void> {
  const columns = metrics.flatMap((metric, i) =>
    lanes.flatMap((lane) => {
      const parts = columnsOf[metric.kind] ?? [""];
      return parts.map((part, k) => sql`${laneSlot(lane, i, k)} as ${name(`${metric.name}.${lane}${part}`)}`);
    }),
  );
  mkdirSync(folder, { recursive: true });
  const shards = await database.rows<{ shard: number }>(sql`select distinct shard from matched order by shard`);
  for (const { shard } of shards) {
    const file = shardFile(folder, shard);
    const temporary = temporaryName(file);
    await database.run(sql`
      copy (
        select session, unit, arrival, ends, attributes, ${join(columns)} from matched where shard = ${shard} order by position
      ) to ${temporary} (format parquet)`);
    publishFile(temporary, file);
  }
}

async function createLaneTable(database: Database, lane: Lane, folder: string): Promise<void> {
  const files = parquetFiles(folder).map(literal);
  await database.run(sql`
    create view ${name(lane)} as select * from read_parquet([${join(files)}], union_by_name = true)`);
}

/**
 * A lane in which every request failed reports no measure: it gets those of the other one, all missing, so that its failure
 * is judged and not refused.
 */
async function withFailedLane(database: Database, reported: LaneMeasures): Promise<LaneMeasures> {
  const failed: { lane: Lane; error: string | null }[] = [];
  for (const lane of lanes) {
    const { ok, error } = await database.row<{ ok: number; error: string | null }>(sql`
      select count(*) filter (where status = 'ok') as ok, first(error order by session, seq) filter (where error is not null) as error
      from ${name(lane)}`);
    if (ok === 0) failed.push({ lane, error });
  }
  const [only, other] = failed;
  if (!only) return reported;
  if (other) {
    throw new InputError(
      "control and candidate",
      `every request failed in both lanes, the first with: ${only.error ?? "no message"}`,
      "mend what they both need, as a key or a file",
    );
  }
  const from = reported[only.lane === "control" ? "candidate" : "control"];
  const own = reported[only.lane];
  const lacking = [...from].filter(([measure]) => !own.has(measure));
  const types: Readonly<Record<string, string>> = { BOOLEAN: "boolean", DOUBLE: "double" };
  await database.run(sql`alter view ${name(only.lane)} rename to failed_lane`);
  await database.run(sql`
    create view ${name(only.lane)} as
    select * ${join(
      lacking.map(([measure, type]) => sql`, cast(null as ${raw(types[type] ?? "varchar")}) as ${name(measure)}`),
      "",
    )}
    from failed_lane`);
  return { ...reported, [only.lane]: new Map([...own, ...lacking]) };
}

async function summarize(database: Database, reported: LaneMeasures, notReplayed: Sql): Promise<OutcomeSummary> {
  const unmatchedIn = (outcomes: string) => sql`(
    select count(*) from ${name(outcomes)}
    where session not in (select session from matched) and session not in (${notReplayed}))`;
  const unmatched = await database.row<{ control: number; candidate: number }>(sql`
    select ${unmatchedIn("control_outcomes")} as control, ${unmatchedIn("candidate_outcomes")} as candidate`);
  const noUses = raw("null::integer as tool_hits, null::integer as tool_drifts, null::integer as tool_misses");
  const uses = new Map(
    lanes
      .filter((lane) => reported[lane].has("tool_hits"))
      .map((lane) => [lane, raw("tool_hits, tool_drifts, tool_misses")]),
  );
  const failedSessions = await database.row<{ control: number; candidate: number }>(sql`
    select count(*) filter (where control_failed) as control, count(*) filter (where candidate_failed) as candidate from matched`);
  const statuses = await database.rows<{ lane: string; status: string; requests: number }>(sql`
    select lane, status, count(*) as requests
    from (select 'control' as lane, status from control union all select 'candidate', status from candidate)
    group by all order by lane desc, status`);
  const [control, candidate] = (await database.columns(sql`
    select control_failed, candidate_failed from matched order by position`)) as unknown as [boolean[], boolean[]];
  const failed = { control: Uint8Array.from(control, Number), candidate: Uint8Array.from(candidate, Number) };
  const failures = await database.rows<OutcomeSummary["failures"][number]>(sql`
    select lane, status, coalesce(error, '') as error, count(*) as requests
    from (select 'control' as lane, status, error from control union all select 'candidate', status, error from candidate)
    where status not in ('ok', 'skipped')
    group by all
    order by requests desc, lane desc, error
    limit 6`);
  const tools = await database.rows<OutcomeSummary["tools"][number]>(sql`
    select lane, cast(sum(tool_hits) as bigint) as hits, cast(sum(tool_drifts) as bigint) as drifts,
      cast(sum(tool_misses) as bigint) as misses, count(distinct session) filter (where tool_misses > 0) as diverged
    from (
      ${join(
        lanes.map((lane) => sql`select ${lane} as lane, session, ${uses.get(lane) ?? noUses} from ${name(lane)}`),
        " union all ",
      )})
    group by lane
    having sum(tool_hits + tool_drifts + tool_misses) > 0
    order by lane desc`);
  const responses = await database.row<OutcomeSummary["responses"]>(sql`
    with pairs as (
      select session, seq, control.response_digest <> candidate.response_digest as differs
      from control join candidate using (session, seq)
      where control.response_digest is not null and candidate.response_digest is not null
    ),
    firsts as (select session, min(seq) filter (where differs) as first from pairs group by session)
    select (select count(*) from pairs) as compared, (select count(*) from pairs where differs) as differing,
      count(*) as sessions, count(first) as "divergedSessions", cast(median(first) as double) as "firstDivergence"
    from firsts`);
  return { unmatched, failedSessions, failed, statuses, tools, responses, failures };
}
