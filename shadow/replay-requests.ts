import { canonicalJson, digest53 } from "../io/hash.ts";
import { isReservedMeasure } from "../io/tables.ts";
import { finalize } from "../plan/assignment.ts";
import { InputError } from "../plan/input-error.ts";
import { studyKey } from "../statistics/random-stream.ts";
import type { CallLog, Logged } from "./call-log.ts";
import { Deadlines, TimedOut } from "./deadlines.ts";
import { messageOf, stackOf } from "./failure.ts";
import type { FlightRecorder } from "./flight-recorder.ts";
import { emptyObservations, failFrom, measureOf, type Observations } from "./observations.ts";
import type { Answer, Conversation, Measure, Policy } from "./policy.ts";
import type { RequestSchema } from "./request-table.ts";
import type { Requests } from "./requests.ts";
import { respondInBatches } from "./respond-in-batches.ts";
import { SessionContext } from "./session-context.ts";

export interface ReplayLane {
  readonly lane: string;
  readonly policy: Policy;
  /** of a lane that calls a network */
  readonly calls?: CallLog | undefined;
}

export interface ReplaySettings {
  readonly seed: string;
  readonly timeoutMs: number;
  /** sessions in flight */
  readonly concurrency: number;
  /** network calls a second, all of them when undefined */
  readonly callsPerSecond?: number | undefined;
  /** keep the responses beside their digests */
  readonly keepResponses?: boolean | undefined;
  /** rows from here on are not asked */
  readonly until?: number | undefined;
  /** for policies that answer batches */
  readonly schema?: RequestSchema | undefined;
}

/** What the harness is told while sessions run: where they are, for the case that one of them ends the worker. */
export type Recorder = Pick<FlightRecorder, "enter" | "back" | "leave">;

const nobody: Recorder = { enter: () => {}, back: () => {}, leave: () => {} };

/** Wraps the run of a session; careful runs know by it whose error is thrown where nothing waits. */
export type Enclosure = (session: number, lane: number, run: () => Promise<void>) => Promise<void>;

/**
 * Runs every session through every lane: lanes one after the other in an order drawn per session, requests in recorded
 * order, several sessions at once. Entries stand in the order of the requests, however sessions overlap in time.
 */
export async function replayRequests(
  requests: Requests,
  lanes: readonly ReplayLane[],
  settings: ReplaySettings,
  recorder: Recorder = nobody,
  enclose: Enclosure = (_session, _lane, run) => run(),
): Promise<Observations[]> {
  const study = studyKey(settings.seed);
  const rows = requests.starts.at(-1) as number;
  const observations = lanes.map(() => emptyObservations(rows));
  const deadlines = new Deadlines(settings.timeoutMs);
  const pace = paceOf(settings.callsPerSecond);
  let next = 0;
  const work = async () => {
    while (next < requests.session.length) {
      const session = next;
      next += 1;
      const swap = (finalize(digest53(requests.session[session] as string) ^ study[0]) & 1) === 1;
      const order = swap ? [...lanes.keys()].reverse() : [...lanes.keys()];
      for (const lane of order) {
        const own = lanes[lane] as ReplayLane;
        if (own.policy.open === undefined) continue;
        const context = new SessionContext(requests, session, study);
        const into = observations[lane] as Observations;
        const replaying = { requests, session, lane, own, context, into, settings, deadlines, pace, recorder };
        await enclose(session, lane, () => replaySession(replaying));
      }
      recorder.leave(session);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.max(1, settings.concurrency) }, work));
    for (const [lane, { policy }] of lanes.entries()) {
      if (policy.open !== undefined) continue;
      const into = observations[lane] as Observations;
      await respondInBatches(requests, policy, {
        into,
        deadlines,
        schema: settings.schema,
        until: Math.min(rows, settings.until ?? rows),
        enter: (session, row) => {
          recorder.enter(session, lane, row);
          recorder.back();
        },
        record: (row, answer) => record(into, row, answer, settings),
      });
      for (let session = 0; session < requests.session.length; session++) recorder.leave(session);
    }
  } finally {
    deadlines.stop();
  }
  return observations;
}

interface SessionReplay {
  readonly requests: Requests;
  readonly session: number;
  readonly lane: number;
  readonly own: ReplayLane;
  readonly context: SessionContext;
  readonly into: Observations;
  readonly settings: ReplaySettings;
  readonly deadlines: Deadlines;
  readonly pace: Pace;
  readonly recorder: Recorder;
}

async function replaySession(replaying: SessionReplay): Promise<void> {
  const { requests, session, lane, own, context, into, settings, deadlines, pace, recorder } = replaying;
  const id = requests.session[session] as string;
  const from = requests.starts[session] as number;
  const to = requests.starts[session + 1] as number;
  const until = Math.min(to, settings.until ?? to);
  const logged = own.calls?.of(id) ?? [];
  const complete = from + logged.length >= until || logged.some((entry) => "failed" in entry);
  let row = from;
  const askAgain = ({ tools = [] }: Logged) => {
    context.row = row;
    for (const [tool, args] of tools) context.tool(tool, args);
  };
  const note = (entry: Logged) => {
    const { asked } = context;
    own.calls?.note(id, row - from, asked.length === 0 ? entry : { ...entry, tools: asked });
  };
  try {
    if (complete) {
      for (const entry of logged) {
        askAgain(entry);
        if ("failed" in entry) return failFrom(into, row, to, entry.failed.status, entry.failed);
        record(into, row, entry.answer, settings);
        row += 1;
      }
      return;
    }
    recorder.enter(session, lane, row);
    const known = { id, attributes: JSON.parse(requests.attributes[session] as string) };
    const opened = (own.policy.open as NonNullable<Policy["open"]>)(known, context);
    recorder.back();
    const conversation = (isThenable(opened) ? await deadlines.within(opened) : opened) as Conversation;
    for (; row < until; row++) {
      context.row = row;
      const text = requests.request[row] as string;
      const request = text === "" ? null : JSON.parse(text);
      const before = logged[row - from];
      if (before && "answer" in before && conversation.resume) {
        askAgain(before);
        await conversation.resume(request, before.answer);
        record(into, row, before.answer, settings);
        continue;
      }
      if (own.calls) await pace.next();
      recorder.enter(session, lane, row);
      const answered = conversation.respond(request);
      recorder.back();
      const answer = isThenable(answered) ? await deadlines.within(answered) : answered;
      record(into, row, answer, settings);
      if (own.calls) note({ answer: plain(answer) });
    }
  } catch (error) {
    recorder.back();
    if (error instanceof InputError) throw error;
    const status = error instanceof TimedOut ? "timeout" : "error";
    const failure = { message: messageOf(error), stack: status === "error" ? stackOf(error) : null };
    failFrom(into, row, to, status, failure);
    note({ failed: { status, ...failure } });
    if (status === "timeout") context.abort();
  } finally {
    context.toolUse(into);
  }
}

/** One a worker for each rate: a batch goes on at the pace of those before it. */
const paces = new Map<number | undefined, Pace>();

function paceOf(callsPerSecond: number | undefined): Pace {
  const pace = paces.get(callsPerSecond) ?? new Pace(callsPerSecond);
  paces.set(callsPerSecond, pace);
  return pace;
}

/** Calls start no faster than so many a second. */
class Pace {
  readonly #intervalMs: number;
  #free: Promise<void> = Promise.resolve();

  constructor(callsPerSecond: number | undefined) {
    this.#intervalMs = callsPerSecond === undefined ? 0 : 1000 / callsPerSecond;
  }

  async next(): Promise<void> {
    if (this.#intervalMs === 0) return;
    const mine = this.#free;
    this.#free = mine.then(() => new Promise((resolve) => setTimeout(resolve, this.#intervalMs)));
    await mine;
  }
}

function record(into: Observations, row: number, answer: Answer, { keepResponses }: ReplaySettings): void {
  if (answer === null || typeof answer !== "object")
    throw new TypeError(`respond returned ${answer}, not { response, measures }`);
  const { response, measures } = answer;
  if (response !== undefined) {
    const json = typeof response === "string" ? undefined : canonicalJson(response);
    // a date, or whatever else writes itself as a text, is that text
    const text = json === undefined ? (response as string) : json.startsWith('"') ? (JSON.parse(json) as string) : json;
    into.digest[row] = digest53(text);
    if (keepResponses) {
      into.responses ??= new Array<string | null>(into.rows).fill(null);
      into.responses[row] = json ?? JSON.stringify(response);
    }
  }
  for (const key in measures) recordMeasure(into, row, key, measures[key]);
}

function recordMeasure(into: Observations, row: number, key: string, value: Measure): void {
  if (value === null || value === undefined) return;
  const type = typeof value === "string" ? "text" : (typeof value as "boolean" | "number");
  if (type === "number" ? !Number.isFinite(value) : type !== "boolean" && type !== "text") {
    throw new TypeError(`measure ${key} is ${String(value)}, not a finite number, boolean or text`);
  }
  if (key === "latency_ms") {
    if (type !== "number") throw new TypeError(`measure latency_ms is ${JSON.stringify(value)}, not a number`);
    into.latencyMs[row] = value as number;
    return;
  }
  if (!into.measures.has(key)) requireMeasureName(into, key);
  const measure = measureOf(into, key, type);
  if (measure.type === "text") measure.values[row] = value as string;
  else measure.values[row] = Number(value);
}

function requireMeasureName({ measures }: Observations, key: string): void {
  if (isReservedMeasure(key)) throw new InputError(`measure ${key}`, "its name is reserved", "rename it in the policy");
  const alike = [...measures.keys()].find((known) => known.toLowerCase() === key.toLowerCase());
  if (alike !== undefined)
    throw new InputError(`measure ${key}`, `differs from ${alike} only in case`, "rename one of them in the policy");
}

/** An answer as JSON has it. */
function plain({ response, measures }: Answer): Answer {
  return {
    ...(response === undefined ? {} : { response: JSON.parse(canonicalJson(response)) }),
    ...(measures === undefined ? {} : { measures }),
  };
}

function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null)?.then === "function";
}
