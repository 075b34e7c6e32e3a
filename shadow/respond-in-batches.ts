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

/**
 * Asks a batch policy for all rows at once. When that fails, each row is asked by itself, so that only those fail that must;
 * the rows of a session after a failed one are skipped, as if they had been asked one by one.
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
  for (const session of requests.session.keys()) enter(session, requests.starts[session] as number);
  try {
    return await ask(Array.from({ length: until }, (_, row) => row));
  } catch (error) {
    if (error instanceof InputError) throw error;
  }
  for (let session = 0; session < requests.session.length; session++) {
    const to = requests.starts[session + 1] as number;
    for (let row = requests.starts[session] as number; row < Math.min(to, until); row++) {
      enter(session, row);
      try {
        await ask([row]);
      } catch (error) {
        if (error instanceof InputError) throw error;
        const status = error instanceof TimedOut ? "timeout" : "error";
        failFrom(into, row, to, status, { message: messageOf(error), stack: stackOf(error) });
        break;
      }
    }
  }
}

/** The answer of each row. */
function answersOf(answered: BatchAnswers, rows: number): (row: number) => Answer {
  if (answered === null || typeof answered !== "object")
    throw new TypeError(`respondBatch returned ${answered}, not { response, measures }`);
  const columns = Object.entries(answered.measures ?? {});
  for (const [name, column] of [["response", answered.response] as const, ...columns]) {
    if (column !== undefined && column.length !== rows)
      throw new TypeError(`respondBatch returned ${column.length} entries of ${name} for ${rows} requests`);
  }
  const { response } = answered;
  return (row) => ({
    ...(response === undefined ? {} : { response: entry(response, row) ?? undefined }),
    measures: Object.fromEntries(columns.map(([name, column]) => [name, entry(column, row) as Measure])),
  });
}

function entry(column: Column, row: number): unknown {
  const value =
    "get" in column && typeof column.get === "function" ? column.get(row) : (column as ArrayLike<unknown>)[row];
  return typeof value === "bigint" ? Number(value) : value;
}
