import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "../io/duckdb.ts";
import { Interrupted } from "../io/interrupted.ts";
import { isolatedPool } from "../io/isolated-pool.ts";
import { workerBeside } from "../io/pool.ts";
import { flightLength } from "./flight-recorder.ts";
import type { BatchJob, BatchResult, LaneJob } from "./handle-job.ts";
import { emptyObservations, type Observations, place } from "./observations.ts";
import { type ReplayedBatch, replayBatch } from "./replay-batch.ts";
import type { ReplaySettings } from "./replay-requests.ts";
import type { RequestBatch } from "./requests.ts";
import {
  countSessions,
  observationsFile,
  RequestFile,
  readShard,
  writeObservations,
  writeResponses,
} from "./shard-store.ts";

/** The module that runs policies in a thread or a process. */
export const replayWorker = workerBeside(import.meta.url, "worker");

/** What is replayed: shards of requests through the lanes that have a module. */
export interface ReplaySpec extends Omit<ReplaySettings, "until"> {
  /** the run's folder */
  readonly folder: string;
  readonly shards: number;
  readonly lanes: readonly { readonly lane: string; readonly module: string; readonly network: boolean }[];
  /** the replay ends when one of these lanes stops */
  readonly compared: readonly string[];
  readonly threads: number;
  readonly isolation: "thread" | "process";
  readonly memoryMegabytes: number;
  readonly failureLimit: FailureLimit;
  /** labels of the requests, which observations have beside their measures */
  readonly labels?: readonly string[] | undefined;
}

/** A lane stops after the shard in which its share of failed sessions passes the limit, once it has so many sessions. */
export interface FailureLimit {
  readonly share: number;
  readonly sessions: number;
}

/** What was done of a replay. */
export interface ReplaySummary {
  readonly stopped: readonly StoppedLane[];
  /** errors of policies that came when their session had ended: nobody's */
  readonly strays: number;
  readonly printed: number;
}

export interface StoppedLane {
  readonly lane: string;
  /** the last shard that was replayed */
  readonly shard: number;
  readonly sessions: number;
  readonly failed: number;
}

/** Told after each batch, and of each shard that was there. */
export interface ReplayProgress {
  readonly requests: number;
  /** over all lanes */
  readonly failedSessions: number;
}

/**
 * Replays the shards whose observations are not there yet; those that are were written whole, by the same inputs.
 *
 * Shards are written in their order, so that what a killed run leaves, and where a failing lane stops, does not depend on
 * the number of threads.
 *
 * @throws InputError for a measure of a reserved name or of two types; Interrupted when `signal` is aborted, after the
 *   shards that are under way
 */
export async function replay(
  database: Database,
  spec: ReplaySpec,
  onProgress: (done: ReplayProgress) => void = () => {},
  signal?: AbortSignal,
): Promise<ReplaySummary> {
  const { folder, shards, lanes, compared, threads, failureLimit } = spec;
  const watch = new FailureWatch(failureLimit);
  const before = new Map<string, Awaited<ReturnType<typeof countSessions>>>();
  for (const { lane } of lanes) before.set(lane, await countSessions(database, folder, lane));
  const workers = Math.max(1, Math.min(threads, spec.concurrency));
  const pool = isolatedPool<BatchJob, BatchResult>(replayWorker, {
    workers,
    isolation: spec.isolation,
    memoryMegabytes: spec.memoryMegabytes,
    blockedAfterMs: spec.timeoutMs + Math.max(1000, spec.timeoutMs / 4),
    flightLength: flightLength(longestBatch),
  });
  const settings: ReplaySettings = {
    seed: spec.seed,
    timeoutMs: spec.timeoutMs,
    concurrency: Math.max(1, Math.floor(spec.concurrency / workers)),
    callsPerSecond: spec.callsPerSecond === undefined ? undefined : spec.callsPerSecond / workers,
    keepResponses: spec.keepResponses,
    schema: spec.schema,
  };
  const requests = new RequestFile(database, folder);
  let strays = 0;
  let printed = 0;
  const replayed = async (batch: RequestBatch, jobs: readonly LaneJob[]) => {
    const part = await replayBatch(pool, batch, jobs, settings);
    const failed = part.lanes.reduce((sum, { failures }) => sum + failures.length, 0);
    onProgress({ requests: batch.rows, failedSessions: failed });
    return part;
  };
  const commit = async ({ shard, going, batches, work }: OpenShard) => {
    const parts = await work;
    const counts = batches.flatMap((batch) => JSON.parse(batch.counts) as number[]);
    const seq = numbersInSessions(counts);
    const observed = going.map(({ lane }, i) => ({ lane, observations: together(parts, i, seq.length) }));
    const written = observed.filter(({ lane }) => !watch.hasStopped(lane));
    // observations last: a shard that has them is finished
    for (const own of written)
      if (spec.keepResponses) await writeResponses(database, requests, folder, shard, seq, own);
    if (written.length > 0) await writeObservations(database, requests, folder, shard, seq, written, spec.labels);
    for (const { lane } of lanes.filter((own) => !watch.hasStopped(own.lane))) {
      const own = written.find((part) => part.lane === lane);
      // a session fails once
      const known = own
        ? { sessions: counts.length, failed: own.observations.failures.length }
        : before.get(lane)?.get(shard);
      if (known) watch.add(lane, shard, known);
    }
    await requests.release(shard);
    for (const part of parts) {
      strays += part.strays;
      printed += part.printed.lines;
    }
    notePrinted(
      folder,
      parts.flatMap((part) => part.printed.first),
    );
  };
  const writing: Promise<void>[] = [];
  let committed = Promise.resolve();
  const ended = () => compared.some((lane) => watch.hasStopped(lane));
  try {
    let next = 0;
    while (next < shards && !signal?.aborted && !ended()) {
      const shard = next;
      next += 1;
      const going = lanes.filter(
        ({ lane }) => !watch.hasStopped(lane) && !existsSync(observationsFile(folder, lane, shard)),
      );
      if (going.length === 0)
        onProgress({ requests: before.get(lanes[0]?.lane ?? "")?.get(shard)?.requests ?? 0, failedSessions: 0 });
      const batches = going.length === 0 ? [] : await readShard(database, requests, shard);
      const jobs = (i: number) => going.map((lane) => laneJob(folder, lane, shard, i));
      const work = Promise.all(batches.map((batch, i) => replayed(batch, jobs(i))));
      // a failure is told when the shard's turn comes
      work.catch(() => {});
      committed = committed.then(() => (ended() ? undefined : commit({ shard, going, batches, work })));
      committed.catch(() => {});
      writing.push(committed);
      // enough is under way: wait for the first to be written
      if (writing.length > 1 + Math.ceil((2 * threads) / Math.max(1, batches.length))) await writing.shift();
    }
    await committed;
    if (signal?.aborted) throw new Interrupted("interrupted");
    return { stopped: watch.stopped, strays, printed };
  } finally {
    await pool.close();
    await Promise.allSettled(writing);
  }
}

/** Batches hold at most so many sessions: see `batchesOf`. */
const longestBatch = 1024;

interface OpenShard {
  readonly shard: number;
  /** the lanes that have no observations of it yet */
  readonly going: readonly { readonly lane: string }[];
  readonly batches: readonly RequestBatch[];
  readonly work: Promise<ReplayedBatch[]>;
}

class FailureWatch {
  readonly stopped: StoppedLane[] = [];
  readonly #limit: FailureLimit;
  readonly #counts = new Map<string, { sessions: number; failed: number }>();

  constructor(limit: FailureLimit) {
    this.#limit = limit;
  }

  hasStopped(lane: string): boolean {
    return this.stopped.some((own) => own.lane === lane);
  }

  add(lane: string, shard: number, counts: { readonly sessions: number; readonly failed: number }): void {
    const { sessions, failed } = this.#counts.get(lane) ?? { sessions: 0, failed: 0 };
    const sum = { sessions: sessions + counts.sessions, failed: failed + counts.failed };
    this.#counts.set(lane, sum);
    const { share, sessions: least } = this.#limit;
    if (sum.sessions >= least && sum.failed > share * sum.sessions) this.stopped.push({ lane, shard, ...sum });
  }
}

function laneJob(
  folder: string,
  { lane, module, network }: ReplaySpec["lanes"][number],
  shard: number,
  batch: number,
): LaneJob {
  const calls = `${folder}/calls/${lane}/${String(shard).padStart(5, "0")}-${String(batch).padStart(3, "0")}.jsonl`;
  return network ? { lane, module, calls } : { lane, module };
}

/** What policies print is kept: its beginning in each batch. */
function notePrinted(folder: string, lines: readonly string[]): void {
  if (lines.length > 0) appendFileSync(join(folder, "printed.txt"), `${lines.join("\n")}\n`);
}

/** The number of each request in its session. */
function numbersInSessions(counts: readonly number[]): Float64Array {
  const seq = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let row = 0;
  for (const count of counts) for (let own = 0; own < count; own++) seq[row++] = own;
  return seq;
}

/** The batches of a shard as one. */
function together(parts: readonly ReplayedBatch[], lane: number, rows: number): Observations {
  const whole = emptyObservations(rows);
  let first = 0;
  for (const { lanes } of parts) {
    const part = lanes[lane] as Observations;
    place(whole, part, [{ from: 0, to: part.rows, at: first }]);
    first += part.rows;
  }
  return whole;
}
