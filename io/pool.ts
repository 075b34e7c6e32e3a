import { createRequire } from "node:module";
import { Piscina } from "piscina";
import { InputError } from "../plan/input-error.ts";
import { Interrupted } from "./interrupted.ts";

/** Runs jobs, some at once, and gives their results in the order of the jobs. */
export type Pool<Job, Result> = (
  jobs: readonly Job[],
  onDone?: (result: Result, index: number) => void,
) => Promise<Result[]>;

/** What a worker sends back: an error of the user's files keeps its kind across the border. */
export type Outcome<Result> = { readonly result: Result } | { readonly inputError: string };

/** The pool without threads, for tests and for use inside other programs. */
export function inline<Job, Result>(work: (job: Job) => Result | Promise<Result>): Pool<Job, Result> {
  return async (jobs, onDone) => {
    const results: Result[] = [];
    for (const [index, job] of jobs.entries()) {
      const result = await work(job);
      results.push(result);
      onDone?.(result, index);
    }
    return results;
  };
}

/**
 * A pool of worker threads.
 *
 * @param worker URL of a module whose default export is {@link guarded}, beside its caller with the same file ending
 * @param threads at least 1; the results do not depend on it
 * @param signal  when it is aborted, jobs under way are finished, and none is begun: the error is then {@link Interrupted}
 */
export function threadPool<Job, Result>(worker: URL, threads: number, signal?: AbortSignal): Pool<Job, Result> {
  return async (jobs, onDone) => {
    if (jobs.length === 0) return [];
    const source = worker.pathname.endsWith(".ts");
    const piscina = new Piscina<Job, Outcome<Result>>({
      filename: worker.href,
      minThreads: 1,
      maxThreads: Math.max(1, Math.min(threads, jobs.length)),
      ...(source ? { execArgv: ["--import", createRequire(import.meta.url).resolve("tsx")] } : {}),
    });
    const results = new Array<Result>(jobs.length);
    const queue = jobs.entries();
    let failed = false;
    const feed = async () => {
      for (const [index, job] of queue) {
        if (failed || signal?.aborted) return;
        const outcome = await piscina.run(job).catch((cause: Error) => {
          throw /worker exited/i.test(cause.message)
            ? new InputError(
                "a policy",
                `ended its thread (${cause.message})`,
                "a policy must not exit: throw an error instead",
                {
                  cause,
                },
              )
            : cause;
        });
        if ("inputError" in outcome) throw InputError.revive(outcome.inputError);
        results[index] = outcome.result;
        onDone?.(outcome.result, index);
      }
    };
    const feeders = Array.from({ length: Math.max(1, Math.min(threads, jobs.length)) }, () =>
      feed().catch((error) => {
        failed = true;
        throw error;
      }),
    );
    try {
      // a thread that is stopped inside DuckDB takes the process with it: wait for those that still run
      const ended = await Promise.allSettled(feeders);
      const rejected = ended.find((end) => end.status === "rejected");
      if (rejected) throw rejected.reason;
      if (signal?.aborted) throw new Interrupted("interrupted");
      return results;
    } finally {
      await piscina.destroy();
    }
  };
}

/** The work of a worker file. */
export function guarded<Job, Result>(
  work: (job: Job) => Result | Promise<Result>,
): (job: Job) => Promise<Outcome<Result>> {
  return async (job) => {
    try {
      return { result: await work(job) };
    } catch (error) {
      if (error instanceof InputError) return { inputError: error.message };
      throw error;
    }
  };
}

/** The worker file that stands beside a module, in source and in `dist` alike. */
export function workerBeside(module: string, name: string): URL {
  return new URL(`./${name}.${module.endsWith(".ts") ? "ts" : "js"}`, module);
}
