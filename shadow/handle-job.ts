import { AsyncLocalStorage } from "node:async_hooks";
import type { Flight } from "../io/isolated-pool.ts";
import { CallLog } from "./call-log.ts";
import { messageOf, stackOf } from "./failure.ts";
import { FlightRecorder, flightLength } from "./flight-recorder.ts";
import { failFrom, type Observations } from "./observations.ts";
import { loadPolicy } from "./policy.ts";
import { type IdentifyJob, identifyPolicy, type PolicyIdentity } from "./policy-version.ts";
import { type Enclosure, type ReplaySettings, replayRequests } from "./replay-requests.ts";
import { type RequestBatch, readBatch } from "./requests.ts";

/** Some sessions through some lanes. */
export interface BatchJob extends ReplaySettings {
  readonly batch: RequestBatch;
  readonly lanes: readonly LaneJob[];
  /** one session after the other, so that errors which nothing waits for find their session */
  readonly careful: boolean;
}

export interface LaneJob {
  readonly lane: string;
  readonly module: string;
  /** file of the calls of a lane that calls a network */
  readonly calls?: string | undefined;
}

export interface BatchResult {
  /** one a lane */
  readonly lanes: readonly Observations[];
  /** errors that came where nothing waited for them: in a careful run, those of no session of it */
  readonly strays: readonly string[];
  readonly printed: Printed;
}

/** What policies printed: how many times, and the beginning. */
export interface Printed {
  readonly lines: number;
  readonly first: readonly string[];
}

/** What the surroundings of a policy catch. */
export interface Caught {
  readonly takeStrays: () => unknown[];
  readonly takePrinted: () => Printed;
}

/** Runs in the worker: the one place where code of policies is. */
export async function handleJob(
  job: (BatchJob | IdentifyJob) & Flight,
  caught: Caught,
): Promise<BatchResult | PolicyIdentity> {
  if ("identify" in job) {
    // it has begun: from here on it may be blocked
    new FlightRecorder(job.flight, flightLength(0)).tick();
    const identity = await identifyPolicy(job.identify, job.timeoutMs);
    caught.takePrinted();
    return identity;
  }
  const requests = readBatch(job.batch);
  const recorder = new FlightRecorder(job.flight, flightLength(requests.session.length));
  const lanes = await Promise.all(
    job.lanes.map(async ({ lane, module, calls }) => ({
      lane,
      policy: await loadPolicy(module),
      calls: calls === undefined ? undefined : new CallLog(calls),
    })),
  );
  recorder.tick();
  const ticks = setInterval(() => recorder.tick(), 20);
  caught.takeStrays();
  try {
    if (!job.careful) {
      const observations = await replayRequests(requests, lanes, job, recorder);
      return { lanes: observations, strays: (await straysOf(caught)).map(messageOf), printed: caught.takePrinted() };
    }
    const current = new AsyncLocalStorage<{ readonly session: number; readonly lane: number }>();
    const blamed: { session: number; lane: number; error: unknown }[] = [];
    const strays: string[] = [];
    const enclose: Enclosure = (session, lane, run) => current.run({ session, lane }, run);
    blame = (error) => {
      const own = current.getStore();
      if (own) blamed.push({ ...own, error });
      else strays.push(messageOf(error));
    };
    const observations = await replayRequests(requests, lanes, { ...job, concurrency: 1 }, recorder, enclose);
    await straysOf(caught);
    for (const { session, lane, error } of blamed) {
      const into = observations[lane] as Observations;
      const [from, to] = [requests.starts[session] as number, requests.starts[session + 1] as number];
      if (into.status.subarray(from, to).some((status) => status !== 0)) continue;
      failFrom(into, to - 1, to, "error", {
        message: `an error was thrown or rejected where nothing waits for it (${messageOf(error)})`,
        stack: stackOf(error),
      });
    }
    return { lanes: observations, strays, printed: caught.takePrinted() };
  } finally {
    blame = undefined;
    clearInterval(ticks);
    for (const { calls } of lanes) calls?.close();
  }
}

let blame: ((error: unknown) => void) | undefined;

/** Called when an error comes where nothing waits for it; true when it is known whose it is. */
export function blameStray(error: unknown): boolean {
  blame?.(error);
  return blame !== undefined;
}

/** Rejections are told after the microtasks, errors of timers later still: wait a little for both. */
async function straysOf({ takeStrays }: Caught): Promise<unknown[]> {
  await new Promise((resolve) => setImmediate(resolve));
  return takeStrays();
}
