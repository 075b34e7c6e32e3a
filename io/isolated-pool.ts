import { type ChildProcess, fork } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Piscina } from "piscina";
import { InputError } from "../plan/input-error.ts";
import type { Outcome } from "./pool.ts";

/** Runs jobs whose code may hang, exit, eat memory or crash; each such end is an error of the one job. */
export interface IsolatedPool<Job, Result> {
  readonly workers: number;
  /**
   * @param alone wait until nothing else runs, and keep it so
   * @throws Died when the job's worker died
   */
  run(job: Job, alone?: boolean): Promise<Result>;
  close(): Promise<void>;
}

/**
 * Where a job says that it goes on: memory that is shared with its thread, or a file of its process. The first two numbers
 * change while it does, and are 0 before it begins; what follows is the job's own affair.
 */
export type FlightMemory = SharedArrayBuffer | string;

/** What every job is given besides its own members. */
export interface Flight {
  readonly flight: FlightMemory;
}

/** A worker died and took its job with it. */
export class Died extends Error {
  override readonly name = "Died";
  readonly fate: Fate;
  /** the job's flight memory at its end */
  readonly flight: Int32Array;

  constructor(fate: Fate, message: string, flight: Int32Array) {
    super(message);
    this.fate = fate;
    this.flight = flight;
  }
}

/**
 * `blocked`: the worker's event loop stood still and was stopped. `memory`: it ran out of heap, or the memory of the process
 * passed its limit (which says nothing of which worker did it). `exit`: it ended itself or was killed.
 */
export type Fate = "blocked" | "memory" | "exit";

export interface IsolationOptions {
  readonly workers: number;
  /** a thread each, or a process each, which survives crashes of native code */
  readonly isolation: "thread" | "process";
  /** heap of each worker; the process may grow by as much for each of them, and by {@link slackMegabytes} */
  readonly memoryMegabytes: number;
  /** a worker in which nothing moves for so long is stopped */
  readonly blockedAfterMs: number;
  /** numbers in the flight memory */
  readonly flightLength: number;
}

/** What a rehearsal itself may need beside its workers. */
const slackMegabytes = 1024;

/** Of a thread's heap, a third of what Node takes: measured to cost no time. */
const youngMegabytes = 16;

/** A check of all workers this often; 8 of them in a row without a change are `blockedAfterMs`. */
const checksToBlocked = 8;

/**
 * @param worker URL of a module whose default export is `guarded` of io/pool, with the same file ending as its caller; for
 *   processes, of one that answers messages
 */
export function isolatedPool<Job extends object, Result>(
  worker: URL,
  { workers, isolation, memoryMegabytes, blockedAfterMs, flightLength }: IsolationOptions,
): IsolatedPool<Job, Result> {
  const create = isolation === "thread" ? threadRunner : processRunner;
  const runners = Array.from({ length: workers }, () => create<Job, Result>(worker, memoryMegabytes, flightLength));
  const free = [...runners];
  const waiting: {
    readonly start: (runner: Runner<Job, Result>) => void;
    readonly giveUp: () => void;
    readonly alone: boolean;
  }[] = [];
  let busy = 0;
  let locked = false;
  const pump = () => {
    for (;;) {
      const [first] = waiting;
      if (!first || locked || (first.alone && busy > 0)) return;
      const runner = free.pop();
      if (!runner) return;
      waiting.shift();
      locked = first.alone;
      busy += 1;
      first.start(runner);
    }
  };
  const memoryLimit = process.memoryUsage.rss() + 2 ** 20 * (slackMegabytes + workers * memoryMegabytes);
  const isFull = () => isolation === "thread" && process.memoryUsage.rss() > memoryLimit;
  const check = () => {
    const full = isFull();
    for (const runner of runners) runner.check(full);
  };
  const timer = setInterval(check, Math.max(20, blockedAfterMs / checksToBlocked));
  timer.unref();
  const memoryTimer = setInterval(() => {
    if (isFull()) check();
    else for (const runner of runners) runner.checkMemory();
  }, 100);
  memoryTimer.unref();
  return {
    workers,
    run: async (job, alone = false) => {
      const runner = await new Promise<Runner<Job, Result>>((start, reject) => {
        waiting.push({ start, giveUp: () => reject(new Error("the pool is closed")), alone });
        pump();
      });
      try {
        // a thread that has ended gives its memory back a little later: the next job is not to be blamed for it
        for (let wait = 0; wait < 100 && isFull(); wait++) await new Promise((resolve) => setTimeout(resolve, 50));
        return await runner.run(job);
      } finally {
        free.push(runner);
        busy -= 1;
        locked = false;
        pump();
      }
    },
    close: async () => {
      clearInterval(timer);
      clearInterval(memoryTimer);
      for (const { giveUp } of waiting.splice(0)) giveUp();
      await Promise.all(runners.map((runner) => runner.close()));
    },
  };
}

interface Runner<Job, Result> {
  run(job: Job): Promise<Result>;
  /** called now and then: ends the job when it is blocked, or because memory is full */
  check(full: boolean): void;
  checkMemory(): void;
  close(): Promise<void>;
}

/** Counts how often nothing has changed. */
class Watch {
  #seen = [0, 0];
  #unchanged = 0;

  blocked([progress = 0, ticks = 0]: ArrayLike<number> & Iterable<number>): boolean {
    const same = progress === this.#seen[0] && ticks === this.#seen[1];
    this.#unchanged = same && (progress !== 0 || ticks !== 0) ? this.#unchanged + 1 : 0;
    this.#seen = [progress, ticks];
    return this.#unchanged >= checksToBlocked;
  }
}

function threadRunner<Job extends object, Result>(
  worker: URL,
  memoryMegabytes: number,
  flightLength: number,
): Runner<Job, Result> {
  const piscina = new Piscina<Job & Flight, Outcome<Result>>({
    filename: worker.href,
    minThreads: 1,
    maxThreads: 1,
    resourceLimits: { maxOldGenerationSizeMb: memoryMegabytes, maxYoungGenerationSizeMb: youngMegabytes },
    ...(sourceArguments(worker) ? { execArgv: sourceArguments(worker) as string[] } : {}),
  });
  // the death of a thread is told by its job
  piscina.on("error", () => {});
  const flight = new SharedArrayBuffer(4 * flightLength);
  const numbers = new Int32Array(flight);
  let current: { readonly end: AbortController; readonly watch: Watch; fate?: Fate } | undefined;
  const end = (fate: Fate) => {
    if (!current || current.fate) return;
    current.fate = fate;
    current.end.abort();
  };
  return {
    run: async (job) => {
      numbers.fill(0);
      const own: NonNullable<typeof current> = { end: new AbortController(), watch: new Watch() };
      current = own;
      try {
        return unwrap(await piscina.run({ ...job, flight }, { signal: own.end.signal }));
      } catch (error) {
        const { message, code } = error as NodeJS.ErrnoException;
        const died = (fate: Fate, what: string) => new Died(fate, what, numbers.slice());
        if (own.fate === "blocked") throw died("blocked", "its thread was blocked");
        if (own.fate === "memory") throw died("memory", `more than ${memoryMegabytes} MB of memory were taken`);
        if (code === "ERR_WORKER_OUT_OF_MEMORY") throw died("memory", `ran out of memory (${memoryMegabytes} MB)`);
        if (/worker exited/i.test(message)) throw died("exit", `ended its thread (${message})`);
        throw error;
      } finally {
        current = undefined;
      }
    },
    check: (full) => {
      if (current && full) end("memory");
      else if (current?.watch.blocked(numbers)) end("blocked");
    },
    checkMemory: () => {},
    close: () => piscina.destroy(),
  };
}

function processRunner<Job extends object, Result>(
  worker: URL,
  memoryMegabytes: number,
  flightLength: number,
): Runner<Job, Result> {
  const folder = mkdtempSync(join(tmpdir(), "foretaste-"));
  const flight = join(folder, "flight");
  const handle = openFlight(flight, flightLength);
  let child: ChildProcess | undefined;
  let current: { readonly watch: Watch; fate?: Fate } | undefined;
  const start = () =>
    fork(worker, {
      serialization: "advanced",
      // its stdout is not a place for results
      stdio: ["ignore", 2, 2, "ipc"],
      execArgv: [`--max-old-space-size=${memoryMegabytes}`, ...(sourceArguments(worker) ?? [])],
    });
  const end = (fate: Fate) => {
    if (!current || current.fate) return;
    current.fate = fate;
    child?.kill("SIGKILL");
  };
  return {
    run: async (job) => {
      writeFileSync(flight, Buffer.alloc(4 * flightLength));
      const own: NonNullable<typeof current> = { watch: new Watch() };
      current = own;
      child ??= start();
      try {
        return unwrap(await answerOf<Result>(child, { ...job, flight }));
      } catch (error) {
        if (!(error instanceof Gone)) throw error;
        child = undefined;
        const numbers = readFlight(handle, flightLength);
        if (own.fate === "blocked") throw new Died("blocked", "its process was blocked", numbers);
        throw own.fate === "memory"
          ? new Died("memory", `more than ${memoryMegabytes + slackMegabytes} MB of memory were taken`, numbers)
          : new Died("exit", `its process died (${error.message})`, numbers);
      } finally {
        current = undefined;
      }
    },
    check: () => {
      if (current?.watch.blocked(readFlight(handle, 2))) end("blocked");
    },
    checkMemory: () => {
      if (current && child?.pid && residentMegabytes(child.pid) > memoryMegabytes + slackMegabytes) end("memory");
    },
    close: async () => {
      const gone = child && new Promise((resolve) => child?.once("exit", resolve));
      child?.kill("SIGKILL");
      await gone;
      closeSync(handle);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A process ended without an answer. */
class Gone extends Error {
  constructor(code: number | null, signal: NodeJS.Signals | null) {
    // what Node does when its heap is full, too
    super(signal === "SIGABRT" ? "SIGABRT: an abort, or out of memory" : (signal ?? `exit code ${code}`));
  }
}

function answerOf<Result>(child: ChildProcess, job: object): Promise<Outcome<Result>> {
  return new Promise((resolve, reject) => {
    const off = () => {
      child.off("message", onMessage);
      child.off("exit", onExit);
    };
    const onMessage = (message: unknown) => {
      off();
      resolve(message as Outcome<Result>);
    };
    const onExit = (code: number | null, signal: NodeJS.Signals | null) => {
      off();
      reject(new Gone(code, signal));
    };
    child.on("message", onMessage);
    child.on("exit", onExit);
    child.send(job);
  });
}

function unwrap<Result>(outcome: Outcome<Result>): Result {
  if ("inputError" in outcome) throw InputError.revive(outcome.inputError);
  return outcome.result;
}

function openFlight(file: string, length: number): number {
  writeFileSync(file, Buffer.alloc(4 * length));
  return openSync(file, "r");
}

function readFlight(handle: number, length: number): Int32Array {
  const bytes = Buffer.alloc(4 * length);
  readSync(handle, bytes, 0, bytes.length, 0);
  return new Int32Array(bytes.buffer, bytes.byteOffset, length);
}

/** 0 where the system does not tell. */
function residentMegabytes(pid: number): number {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096) / 2 ** 20;
  } catch {
    return 0;
  }
}

function sourceArguments(worker: URL): readonly string[] | undefined {
  return worker.pathname.endsWith(".ts") ? ["--import", createRequire(import.meta.url).resolve("tsx")] : undefined;
}
