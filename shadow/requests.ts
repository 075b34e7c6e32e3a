import type { Piece } from "./observations.ts";

/**
 * The requests of some whole sessions on their way to a worker: a few long texts cost much less than many short ones.
 * Rows are in the order of sessions, and of requests inside them.
 */
export interface RequestBatch {
  /** requests */
  readonly rows: number;
  /** the sessions' names, as JSON texts joined by {@link separator} */
  readonly sessions: string;
  /** JSON array of the number of requests of each session */
  readonly counts: string;
  /** JSON array of log times, epoch ms */
  readonly at: string;
  /** JSON texts joined by {@link separator}, one a row; empty where there is none */
  readonly request: string;
  readonly response: string;
  /** recorded tool calls */
  readonly tools: string;
  /** one a session */
  readonly attributes: string;
}

/** No JSON text holds it: control characters inside of texts are escaped. */
export const separator = "\x1e";

/** The requests of a shard, joined like those of a batch; log times are joined by commas. */
export interface WholeShard extends Omit<RequestBatch, "counts"> {
  /** a digit a row: 1 for the first one of a session */
  readonly firsts: string;
}

/** A job for a worker is at most about this much, in whole sessions. */
const batchSize = { requests: 1024, characters: 4_000_000 };

/** Cuts a shard into batches of whole sessions; a session that is larger than a batch is one by itself. */
export function batchesOf(whole: WholeShard): RequestBatch[] {
  // no unit of a small log has fallen into it
  if (whole.rows === 0) return [];
  const starts: number[] = [];
  for (let row = whole.firsts.indexOf("1"); row >= 0; row = whole.firsts.indexOf("1", row + 1)) starts.push(row);
  const sessions = starts.length;
  starts.push(whole.rows);
  const names = piecesOf(whole.sessions, separator, sessions);
  const attributes = piecesOf(whole.attributes, separator, sessions);
  const at = piecesOf(whole.at, ",", whole.rows);
  const texts = [whole.request, whole.response, whole.tools].map((text) => piecesOf(text, separator, whole.rows));
  const batches: RequestBatch[] = [];
  for (let first = 0; first < sessions; ) {
    const from = starts[first] as number;
    let next = first;
    let characters: number;
    do {
      next += 1;
      characters = texts.reduce((sum, { lengthOf }) => sum + lengthOf(from, starts[next] as number), 0);
    } while (
      next < sessions &&
      (starts[next + 1] as number) - from <= batchSize.requests &&
      characters < batchSize.characters
    );
    const to = starts[next] as number;
    const [request = "", response = "", tools = ""] = texts.map((text) => text.slice(from, to));
    const counts = starts.slice(first, next).map((start, i) => (starts[first + i + 1] as number) - start);
    batches.push({
      rows: to - from,
      sessions: names.slice(first, next),
      counts: JSON.stringify(counts),
      at: `[${at.slice(from, to)}]`,
      request,
      response,
      tools,
      attributes: attributes.slice(first, next),
    });
    first = next;
  }
  return batches;
}

/** A joined text in which pieces are found without taking it apart; an empty text has empty pieces. */
function piecesOf(text: string, separator: string, n: number) {
  const ends = new Int32Array(n);
  for (let i = 0, end = -1; i < n && text !== ""; i++) {
    end = text.indexOf(separator, end + 1);
    ends[i] = end < 0 ? text.length : end;
  }
  const start = (i: number) => (i === 0 || text === "" ? 0 : (ends[i - 1] as number) + 1);
  const end = (i: number) => ends[i - 1] as number;
  return {
    slice: (from: number, to: number) => text.slice(start(from), end(to)),
    lengthOf: (from: number, to: number) => end(to) - start(from),
  };
}

/** The requests of a batch, as its worker reads them. */
export interface Requests {
  /** one a session */
  readonly session: readonly string[];
  readonly attributes: readonly string[];
  /** first row of each session, and the number of rows at the end */
  readonly starts: readonly number[];
  /** one a row: epoch ms */
  readonly at: readonly number[];
  /** JSON text, empty without one */
  readonly request: readonly string[];
  readonly response: readonly string[];
  readonly tools: readonly string[];
}

export function readBatch(batch: RequestBatch): Requests {
  const counts = JSON.parse(batch.counts) as number[];
  const starts = [0];
  for (const count of counts) starts.push((starts.at(-1) as number) + count);
  const texts = (joined: string, n: number) =>
    joined === "" ? new Array<string>(n).fill("") : joined.split(separator);
  return {
    session: JSON.parse(`[${batch.sessions.replaceAll(separator, ",")}]`) as string[],
    attributes: texts(batch.attributes, counts.length),
    starts,
    at: JSON.parse(batch.at) as number[],
    request: texts(batch.request, batch.rows),
    response: texts(batch.response, batch.rows),
    tools: texts(batch.tools, batch.rows),
  };
}

/** Some sessions of a batch, by their indices. */
export function pickSessions(batch: RequestBatch, sessions: readonly number[]): RequestBatch {
  const { session, attributes, starts, at: times, request, response, tools } = readBatch(batch);
  const rows = pieces(starts, sessions).flatMap(({ from, to, at }) =>
    Array.from({ length: to - from }, (_, k) => at + k),
  );
  const own = <T>(column: readonly T[]) => rows.map((row) => column[row] as T);
  return {
    rows: rows.length,
    sessions: sessions.map((i) => JSON.stringify(session[i])).join(separator),
    counts: JSON.stringify(sessions.map((i) => (starts[i + 1] as number) - (starts[i] as number))),
    at: JSON.stringify(own(times)),
    request: own(request).join(separator),
    response: own(response).join(separator),
    tools: own(tools).join(separator),
    attributes: sessions.map((i) => attributes[i]).join(separator),
  };
}

/** Where the sessions of {@link pickSessions} come from. */
export function pieces(starts: readonly number[], sessions: readonly number[]): Piece[] {
  let from = 0;
  return sessions.map((i) => {
    const at = starts[i] as number;
    const to = from + (starts[i + 1] as number) - at;
    const piece = { from, to, at };
    from = to;
    return piece;
  });
}
