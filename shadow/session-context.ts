import { canonicalJson } from "../io/hash.ts";
import { hashText } from "../plan/assignment.ts";
import { type RandomStream, randomStream, type StudyKey } from "../statistics/random-stream.ts";
import type { AskedTool } from "./call-log.ts";
import type { Observations } from "./observations.ts";
import type { Context } from "./policy.ts";
import { RecordedTools, type ToolUse } from "./recorded-tools.ts";
import type { Requests } from "./requests.ts";

/** Separates the stream of policies from those of the simulation. */
const policyPurpose = 1;

/** Everything is computed on demand: a policy that asks for nothing costs nothing. */
export class SessionContext implements Context {
  readonly mode = "shadow";
  /** of the current request */
  row: number;
  readonly #requests: Requests;
  readonly #session: number;
  readonly #study: StudyKey;
  #random: RandomStream | undefined;
  #abort: AbortController | undefined;
  #tools: RecordedTools | undefined;
  readonly #used: { readonly row: number; readonly use: ToolUse; readonly call: AskedTool }[] = [];

  constructor(requests: Requests, session: number, study: StudyKey) {
    this.#requests = requests;
    this.#session = session;
    this.#study = study;
    this.row = this.#from;
  }

  get random(): RandomStream {
    if (!this.#random) {
      const [high, low] = hashText(this.#requests.session[this.#session] as string);
      this.#random = randomStream(this.#study, policyPurpose, high, low);
    }
    return this.#random;
  }

  get recorded(): unknown {
    const text = this.#requests.response[this.row] as string;
    return text === "" ? undefined : JSON.parse(text);
  }

  readonly tool = (name: string, args: unknown = {}): unknown => {
    this.#tools ??= new RecordedTools(this.#requests.tools.slice(this.#from, this.#to));
    const { use, result } = this.#tools.use(name, args, this.seq);
    this.#used.push({ row: this.row, use, call: [name, typeof args === "string" ? args : canonicalJson(args)] });
    return result;
  };

  get seq(): number {
    return this.row - this.#from;
  }

  get at(): number {
    return this.#requests.at[this.row] as number;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  abort(): void {
    this.#abort?.abort();
  }

  /** The recorded tool calls that were asked for at the current request, in their order. */
  get asked(): readonly AskedTool[] {
    return this.#used.filter(({ row }) => row === this.row).map(({ call }) => call);
  }

  /** Counts the recorded tool calls that were asked for. */
  toolUse(into: Observations): void {
    if (this.#used.length === 0) return;
    into.toolUse ??= new Uint32Array(3 * into.rows);
    for (const { row, use } of this.#used) {
      const at = 3 * row + ["hit", "drift", "miss"].indexOf(use);
      into.toolUse[at] = (into.toolUse[at] as number) + 1;
    }
  }

  get #from(): number {
    return this.#requests.starts[this.#session] as number;
  }

  get #to(): number {
    return this.#requests.starts[this.#session + 1] as number;
  }
}
