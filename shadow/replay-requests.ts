import { hash } from "node:crypto";
import { canonicalJson } from "../io/hash.ts";
import { isReservedMeasure, type MeasureType } from "../io/tables.ts";
import { finalize, hashText } from "../plan/assignment.ts";
import { InputError } from "../plan/input-error.ts";
import { type RandomStream, randomStream, type StudyKey, studyKey } from "../statistics/random-stream.ts";
import { Deadlines, TimedOut } from "./deadlines.ts";
import type { Answer, Context, Conversation, Measure, Policy } from "./policy.ts";

/** The requests of a shard, in the order of sessions and of requests inside them. */
export interface ShardRequests {
  readonly session: readonly string[];
  readonly seq: readonly number[];
  /** epoch ms */
  readonly at: readonly number[];
  /** JSON text, or null */
  readonly request: readonly (string | null)[];
  readonly response: readonly (string | null)[];
  readonly attributes: readonly string[];
}

/** What a lane did, one entry a request, in the order of the requests. */
export interface Observations {
  readonly status: string[];
  readonly latencyMs: (number | null)[];
  readonly digest: (string | null)[];
  readonly error: (string | null)[];
  readonly measures: Map<string, { readonly type: MeasureType; readonly values: (boolean | number | string | null)[] }>;
}

export interface ReplaySettings {
  readonly seed: string;
  readonly timeoutMs: number;
  /** sessions in flight */
  readonly concurrency: number;
}

/**
 * Runs every session through every lane: lanes one after the other in an order drawn per session, requests in recorded
 * order, several sessions at once. Entries stand in the order of the requests, however sessions overlap in time.
 */
export async function replayRequests(
  requests: ShardRequests,
  lanes: readonly { readonly lane: string; readonly policy: Policy }[],
  { seed, timeoutMs, concurrency }: ReplaySettings,
): Promise<Observations[]> {
  const study = studyKey(seed);
  const observations = lanes.map(() => emptyObservations(requests.session.length));
  const deadlines = new Deadlines(timeoutMs);
  const starts = requests.session.flatMap((own, i) => (own === requests.session[i - 1] ? [] : [i]));
  let next = 0;
  const worker = async () => {
    while (next < starts.length) {
      const from = starts[next] as number;
      const to = starts[next + 1] ?? requests.session.length;
      next += 1;
      const drawn = hashText(requests.session[from] as string);
      const swap = (finalize(drawn[0] ^ study[0]) & 1) === 1;
      const order = swap ? [...lanes.keys()].reverse() : [...lanes.keys()];
      for (const i of order) {
        const { policy } = lanes[i] as (typeof lanes)[number];
        await runSession(policy, requests, from, to, observations[i] as Observations, study, deadlines);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.max(1, concurrency) }, worker));
  } finally {
    deadlines.stop();
  }
  return observations;
}

async function runSession(
  policy: Policy,
  requests: ShardRequests,
  from: number,
  to: number,
  into: Observations,
  study: StudyKey,
  deadlines: Deadlines,
): Promise<void> {
  const context = new SessionContext(requests, from, study);
  let at = from;
  try {
    const session = {
      id: requests.session[from] as string,
      attributes: JSON.parse(requests.attributes[from] as string),
    };
    let conversation = policy.open(session, context);
    if (isThenable(conversation)) conversation = await deadlines.within(conversation);
    for (; at < to; at++) {
      context.index = at;
      const text = requests.request[at] as string | null;
      let answer = (conversation as Conversation).respond(text === null ? null : JSON.parse(text));
      if (isThenable(answer)) answer = await deadlines.within(answer);
      record(into, at, answer as Answer);
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    into.status[at] = error instanceof TimedOut ? "timeout" : "error";
    into.error[at] = messageOf(error);
    for (let later = at + 1; later < to; later++) into.status[later] = "skipped";
    if (error instanceof TimedOut) context.abort();
  }
}

/** Everything is computed on demand: a policy that asks for nothing costs nothing. */
class SessionContext implements Context {
  readonly mode = "shadow";
  index: number;
  readonly #requests: ShardRequests;
  readonly #from: number;
  readonly #study: StudyKey;
  #random: RandomStream | undefined;
  #abort: AbortController | undefined;

  constructor(requests: ShardRequests, from: number, study: StudyKey) {
    this.#requests = requests;
    this.#from = from;
    this.#study = study;
    this.index = from;
  }

  get random(): RandomStream {
    if (!this.#random) {
      const [high, low] = hashText(this.#requests.session[this.#from] as string);
      this.#random = randomStream(this.#study, policyPurpose, high, low);
    }
    return this.#random;
  }

  get recorded(): unknown {
    const text = this.#requests.response[this.index] ?? null;
    return text === null ? undefined : JSON.parse(text);
  }

  get seq(): number {
    return this.#requests.seq[this.index] as number;
  }

  get at(): number {
    return this.#requests.at[this.index] as number;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  abort(): void {
    this.#abort?.abort();
  }
}

/** Separates the stream of policies from those of the simulation. */
const policyPurpose = 1;

function emptyObservations(n: number): Observations {
  return {
    status: new Array(n).fill("ok"),
    latencyMs: new Array(n).fill(null),
    digest: new Array(n).fill(null),
    error: new Array(n).fill(null),
    measures: new Map(),
  };
}

function record(into: Observations, at: number, answer: Answer): void {
  if (answer === null || typeof answer !== "object")
    throw new TypeError(`respond returned ${answer}, not { response, measures }`);
  const { response, measures } = answer;
  if (response !== undefined) {
    into.digest[at] = hash("sha256", typeof response === "string" ? response : canonicalJson(response), "hex").slice(
      0,
      16,
    );
  }
  for (const key in measures) recordMeasure(into, at, key, measures[key]);
}

function recordMeasure(into: Observations, at: number, key: string, value: Measure): void {
  if (value === null || value === undefined) return;
  const type = typeof value === "string" ? "text" : (typeof value as "boolean" | "number");
  if (type === "number" ? !Number.isFinite(value) : type !== "boolean" && type !== "text") {
    throw new TypeError(`measure ${key} is ${String(value)}, not a finite number, boolean or text`);
  }
  if (key === "latency_ms") {
    if (type !== "number") throw new TypeError(`measure latency_ms is ${JSON.stringify(value)}, not a number`);
    into.latencyMs[at] = value as number;
    return;
  }
  let measure = into.measures.get(key);
  if (!measure) {
    requireMeasureName(into, key);
    measure = { type, values: new Array(into.status.length).fill(null) };
    into.measures.set(key, measure);
  }
  if (measure.type !== type) {
    throw new InputError(
      `measure ${key}`,
      `is a ${measure.type} in one answer and a ${type} in another`,
      "return one type",
    );
  }
  measure.values[at] = value;
}

function requireMeasureName({ measures }: Observations, key: string): void {
  if (isReservedMeasure(key)) throw new InputError(`measure ${key}`, "its name is reserved", "rename it in the policy");
  const alike = [...measures.keys()].find((known) => known.toLowerCase() === key.toLowerCase());
  if (alike !== undefined)
    throw new InputError(`measure ${key}`, `differs from ${alike} only in case`, "rename one of them in the policy");
}

function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null)?.then === "function";
}

/** Anything may be thrown, also what has no text. */
function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error).slice(0, 500);
  } catch {
    return "something without a text was thrown";
  }
}
