import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Answer } from "./policy.ts";

/** What a network policy answered to a request, or how it failed. */
export type Logged =
  | { readonly answer: Answer }
  | {
      readonly failed: {
        readonly status: "error" | "timeout";
        readonly message: string;
        readonly stack: string | null;
      };
    };

/**
 * The calls of one lane and batch, written as each is answered, so that a killed run pays for none of them twice. One JSON
 * line a call: session, number of the request in it, and what came of it.
 */
export class CallLog {
  readonly #file: string;
  readonly #sessions = new Map<string, Logged[]>();
  #handle: number | undefined;
  #torn = false;

  constructor(file: string) {
    this.#file = file;
    if (!existsSync(file)) return;
    const text = readFileSync(file, "utf8");
    this.#torn = text !== "" && !text.endsWith("\n");
    for (const line of text.split("\n")) this.#read(line);
  }

  /** Answers of a session's first requests, in their order. */
  of(session: string): readonly Logged[] {
    return this.#sessions.get(session) ?? [];
  }

  note(session: string, seq: number, logged: Logged): void {
    if (this.#handle === undefined) {
      mkdirSync(dirname(this.#file), { recursive: true });
      this.#handle = openSync(this.#file, "a");
      // the end of a line that a kill has cut off
      if (this.#torn) writeSync(this.#handle, "\n");
    }
    writeSync(this.#handle, `${JSON.stringify([session, seq, logged])}\n`);
  }

  close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }

  #read(line: string): void {
    let entry: [string, number, Logged];
    try {
      entry = JSON.parse(line);
    } catch {
      return;
    }
    const [session, seq, logged] = entry;
    const known = this.#sessions.get(session) ?? [];
    // a session that was begun anew starts over at its first request
    known.length = Math.min(known.length, seq);
    if (known.length === seq) known.push(logged);
    this.#sessions.set(session, known);
  }
}
