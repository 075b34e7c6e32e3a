import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Pool, workerBeside } from "../io/pool.ts";
import { shardFile } from "../io/run-folder.ts";
import type { ShardJob, ShardSummary } from "./replay-shard.ts";

/** The module that runs {@link replayShard} in a thread. */
export const replayWorker = workerBeside(import.meta.url, "worker");

/** What is replayed: shards of requests through the lanes that have a module. */
export interface ReplaySpec {
  /** the run's folder */
  readonly folder: string;
  readonly shards: number;
  readonly lanes: readonly { readonly lane: string; readonly module: string }[];
  readonly seed: string;
  readonly timeoutMs: number;
  /** sessions in flight in all threads together */
  readonly concurrency: number;
  readonly threads: number;
}

/**
 * Replays the shards whose observations are not there yet; those that are were written whole, by the same inputs.
 *
 * @param onProgress after each shard: requests done, sessions that failed
 */
export async function replay(
  { folder, shards, lanes, seed, timeoutMs, concurrency, threads }: ReplaySpec,
  pool: Pool<ShardJob, ShardSummary>,
  onProgress: (summary: ShardSummary) => void = () => {},
): Promise<void> {
  const jobs = Array.from({ length: shards }, (_, shard) => ({
    requests: requestsFile(folder, shard),
    lanes: lanes
      .map(({ lane, module }) => ({ lane, module, observations: observationsFile(folder, lane, shard) }))
      .filter(({ observations }) => !existsSync(observations)),
    seed,
    timeoutMs,
    concurrency: Math.max(1, Math.ceil(concurrency / threads)),
  }));
  await pool(
    jobs.filter((job) => job.lanes.length > 0),
    onProgress,
  );
}

/** The shards whose observations are there in every lane. */
export function finishedShards(folder: string, shards: number, lanes: readonly string[]): number[] {
  return Array.from({ length: shards }, (_, shard) => shard).filter((shard) =>
    lanes.every((lane) => existsSync(observationsFile(folder, lane, shard))),
  );
}

export function requestsFile(folder: string, shard: number): string {
  return shardFile(join(folder, "requests"), shard);
}

export function observationsFolder(folder: string, lane: string): string {
  return join(folder, "observations", lane);
}

export function observationsFile(folder: string, lane: string, shard: number): string {
  return shardFile(observationsFolder(folder, lane), shard);
}
