import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { onDisk } from "../io/run-folder.ts";
import type { Answer, Measure } from "./policy.ts";

/** What a network policy answered to a request, or how it failed; and the recorded tools that it asked for. */
export type Logged = (
  | { readonly answer: Answer }
  | {
      readonly failed: {
        readonly status: "error" | "timeout";
        readonly message: string;
        readonly stack: string | null;
      };
    }
) & { readonly tools?: readonly AskedTool[] };

/** Name and arguments (a JSON text) of a recorded tool call that a policy asked for. */
export type AskedTool = readonly [name: string, args: string];

/**
 * The calls of one lane and batch, written as each is answered, so that a killed run pays for none of them twice. One JSON
 * line a call: session, number of the request in it, and what came of it. Lines are only ever appended; one that was cut
 * off is no call.
 */
export class CallLog {
  readonly #file: string;
  readonly #sessions = new Map<string, Logged[]>();
  #handle: number | undefined;
  /** the file ends in a line that was cut off, by a kill or a full disk */
  #torn = false;

  /** @throws InputError when the disk cannot be read */
  constructor(file: string) {
    this.#file = file;
    if (!existsSync(file)) return;
    const text = onDisk(file, () => readFileSync(file, "utf8"));
    this.#torn = text !== "" && !text.endsWith("\n");
    for (const line of text.split("\n")) this.#read(line);
  }

  /** Answers of a session's first requests, in their order. */
  of(session: string): readonly Logged[] {
    return this.#sessions.get(session) ?? [];
  }

  /** @throws InputError when the disk is full or cannot be written: the call is then not in the log */
  note(session: string, seq: number, logged: Logged): void {
    const line = Buffer.from(`${this.#torn ? "\n" : ""}${lineOf(session, seq, logged)}\n`);
    onDisk(this.#file, () => {
      this.#handle ??= this.#open();
      this.#torn = true;
      // a disk that fills up takes a part and says so only when asked again
      for (let at = 0; at < line.length; ) at += writeSync(this.#handle, line, at);
      this.#torn = false;
    });
  }

  close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }

  #open(): number {
    mkdirSync(dirname(this.#file), { recursive: true });
    return openSync(this.#file, "a");
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

function lineOf(session: string, seq: number, logged: Logged): string {
  if ("failed" in logged) return JSON.stringify([session, seq, logged]);
  const { response, measures } = logged.answer;
  const members = [
    ...(response === undefined ? [] : [`"response":${JSON.stringify(response)}`]),
    ...(measures === undefined ? [] : [`"measures":${measuresText(measures)}`]),
  ];
  const tools = logged.tools === undefined ? "" : `,"tools":${JSON.stringify(logged.tools)}`;
  return `[${JSON.stringify(session)},${seq},{"answer":{${members.join(",")}}${tools}}]`;
}

/** JSON has a -0, but JSON.stringify does not write it. */
function measuresText(measures: Readonly<Record<string, Measure>>): string {
  const members = Object.entries(measures)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${JSON.stringify(key)}:${Object.is(value, -0) ? "-0" : JSON.stringify(value)}`);
  return `{${members.join(",")}}`;
}
