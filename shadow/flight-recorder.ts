import { openSync, writeSync } from "node:fs";
import type { FlightMemory } from "../io/isolated-pool.ts";

/** A session that was under way when its worker died. */
export interface InFlight {
  /** index into the batch's sessions */
  readonly session: number;
  /** index into the job's lanes */
  readonly lane: number;
  /** row of the request in the batch */
  readonly row: number;
}

/**
 * Progress, ticks, and the session (from 1) whose policy has the thread to itself; then two numbers for each session: its
 * lane (from 1; 0 before) and its row.
 */
const header = 3;
const inside = 2;
const ended = -1;

/** Numbers that the recorder of a batch of so many sessions needs. */
export function flightLength(sessions: number): number {
  return header + 2 * sessions;
}

/** Notes which session is where, so that the end of a worker tells who was in it. Cheap: two or three stores a request. */
export class FlightRecorder {
  readonly #numbers: Int32Array;
  readonly #file: number | undefined;

  constructor(memory: FlightMemory, length: number) {
    this.#file = typeof memory === "string" ? openFile(memory) : undefined;
    this.#numbers = typeof memory === "string" ? new Int32Array(length) : new Int32Array(memory);
  }

  /** A session asks its policy for the answer to a request. */
  enter(session: number, lane: number, row: number): void {
    const at = header + 2 * session;
    this.#numbers[at] = lane + 1;
    this.#numbers[at + 1] = row;
    this.#write(at, 2);
    this.#numbers[inside] = session + 1;
    this.#count(0);
  }

  /** The call has come back, with an answer or the promise of one. */
  back(): void {
    this.#numbers[inside] = 0;
    this.#write(inside, 1);
  }

  /** A session has ended in its last lane. */
  leave(session: number): void {
    this.#numbers[header + 2 * session] = ended;
    this.#write(header + 2 * session, 1);
    this.#count(0);
  }

  /** The event loop turns. */
  tick(): void {
    this.#count(1);
  }

  #count(at: number): void {
    this.#numbers[at] = ((this.#numbers[at] as number) + 1) | 0;
    this.#write(0, header);
  }

  #write(from: number, length: number): void {
    if (this.#file === undefined) return;
    const { buffer, byteOffset } = this.#numbers;
    writeSync(this.#file, new Uint8Array(buffer, byteOffset + 4 * from, 4 * length), 0, 4 * length, 4 * from);
  }
}

/** The session in whose call the worker died: nothing else could run then. */
export function inCall(numbers: Int32Array): InFlight | undefined {
  const session = (numbers[inside] as number) - 1;
  return session < 0 ? undefined : inFlight(numbers).find((own) => own.session === session);
}

/** The sessions that were under way. */
export function inFlight(numbers: Int32Array): InFlight[] {
  return Array.from({ length: (numbers.length - header) >> 1 }, (_, session) => ({
    session,
    lane: (numbers[header + 2 * session] as number) - 1,
    row: numbers[header + 2 * session + 1] as number,
  })).filter(({ lane }) => lane >= 0);
}

const open = new Map<string, number>();

function openFile(file: string): number {
  const handle = open.get(file) ?? openSync(file, "r+");
  open.set(file, handle);
  return handle;
}
