import { InputError } from "../plan/input-error.ts";
import { type Deadlines, TimedOut } from "./deadlines.ts";
import { messageOf, stackOf } from "./failure.ts";
import { failFrom, type Observations } from "./observations.ts";
import type { Answer, BatchAnswers, Column, Measure, Policy } from "./policy.ts";
import { type RequestSchema, requestTable } from "./request-table.ts";
import type { Requests } from "./requests.ts";

/** What is done with each row. */
export interface BatchReplay {
  readonly into: Observations;
  readonly deadlines: Deadlines;
  readonly schema: RequestSchema | undefined;
  /** rows from here on are not asked */
  readonly until: number;
  readonly enter: (session: number, row: number) => void;
  readonly record: (row: number, answer: Answer) => void;
}

/** A session by itself is one in which a worker has died, or a very long one; this tells them apart. */
const longSession = 256;

/**
 * Asks a batch policy for all rows at once. When that fails, each row is asked by itself, so that only those fail that must;
 * the rows of a session after a failed one are skipped, as if they had been asked one by one.
 *
 * A null in a column of responses or measures is none. 64-bit integers become numbers; in responses, those that no number
 * holds become their digits.
 */
export async function respondInBatches(requests: Requests, policy: Policy, replay: BatchReplay): Promise<void> {
  const { into, deadlines, schema = { kind: "text" }, until, enter, record } = replay;
  const ask = async (rows: readonly number[]) => {
    const table = await requestTable(requests, rows, schema);
    const answered = (policy.respondBatch as NonNullable<Policy["respondBatch"]>)(table);
    const answers = answersOf(await deadlines.within(Promise.resolve(answered)), rows.length);
    rows.forEach((row, i) => {
      record(row, answers(i));
    });
  };
  const starts = requests.starts.slice(0, -1);
  if (starts.length > 1 || until > longSession) {
    // when the worker dies of it, each of them may have been the cause
    for (const [session, row] of starts.entries()) enter(session, row);
    try {
      return await ask(Array.from({ length: until }, (_, row) => row));
    } catch (error) {
      if (error instanceof InputError) throw error;
      forgetAnswers(into);
    }
  }
  for (const [session, from] of starts.entries()) {
    const to = requests.starts[session + 1] as number;
    for (let row = from; row < Math.min(to, until); row++) {
      enter(session, row);
      try {
        await ask([row]);
      } catch (error) {
        if (error instanceof InputError) throw error;
        const status = error instanceof TimedOut ? "timeout" : "error";
        failFrom(into, row, to, status, {
          message: messageOf(error),
          stack: status === "error" ? stackOf(error) : null,
        });
        break;
      }
    }
  }
}

/** Rows before the one that failed a batch are recorded already, and may fail when they are asked again. */
function forgetAnswers(into: Observations): void {
  into.latencyMs.fill(Number.NaN);
  into.digest.fill(Number.NaN);
  into.measures.clear();
  delete into.responses;
}

/** The answer of each row. */
function answersOf(answered: BatchAnswers, rows: number): (row: number) => Answer {
  if (answered === null || typeof answered !== "object")
    throw new TypeError(`respondBatch returned ${answered}, not { response, measures }`);
  const { response, measures = {} } = answered;
  const columns = Object.entries(measures).filter(([, column]) => column !== undefined);
  for (const [name, column] of [["response", response] as const, ...columns])
    if (column !== undefined) requireColumn(name, column, rows);
  return (row) => ({
    ...(response === undefined ? {} : { response: plain(entry(response, row)) ?? undefined }),
    measures: Object.fromEntries(columns.map(([name, column]) => [name, measureOf(entry(column, row))])),
  });
}

function requireColumn(name: string, column: Column, rows: number): void {
  if (column === null || typeof column !== "object" || typeof column.length !== "number")
    throw new TypeError(`respondBatch returned ${String(column)} as ${name}, not an array or a vector`);
  if (column.length !== rows) {
    throw new TypeError(
      `respondBatch returned ${column.length} entries of ${name} for ${rows} ${rows === 1 ? "request" : "requests"}`,
    );
  }
}

function entry(column: Column, row: number): unknown {
  return "get" in column && typeof column.get === "function" ? column.get(row) : (column as ArrayLike<unknown>)[row];
}

function measureOf(value: unknown): Measure {
  return (typeof value === "bigint" ? Number(value) : value) as Measure;
}

/** Rows of Arrow structs and lists as objects and arrays, 64-bit integers in them as JSON can have them. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value === null || typeof value !== "object") return value;
  if ("toJSON" in value && typeof value.toJSON === "function") return plain(value.toJSON());
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}
