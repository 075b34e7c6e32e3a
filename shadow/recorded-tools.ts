import { canonicalJson } from "../io/hash.ts";

/** A tool call that production made for a request, with what the tool gave back. */
export interface RecordedCall {
  readonly name: string;
  /** an object, or its JSON text */
  readonly arguments?: unknown;
  readonly result?: unknown;
}

/**
 * `hit`: the same call was recorded at the same request. `drift`: it was recorded, but at another request of the session, or
 * fewer times. `miss`: this tool was never called so in the session, and there is no result to give.
 */
export type ToolUse = "hit" | "drift" | "miss";

/** What the tools gave back to production in one session, by the signature of the call: tool and arguments. */
export class RecordedTools {
  readonly #calls = new Map<string, { readonly seq: number; readonly result: unknown; used: boolean }[]>();

  /** @param texts JSON arrays of {@link RecordedCall}, one a request of the session; empty where none is recorded */
  constructor(texts: readonly string[]) {
    texts.forEach((text, seq) => {
      if (text === "") return;
      const calls = JSON.parse(text) as unknown;
      for (const call of Array.isArray(calls) ? (calls as (RecordedCall | null)[]) : []) {
        if (typeof call?.name !== "string") continue;
        const key = signature(call.name, call.arguments);
        const known = this.#calls.get(key) ?? [];
        known.push({ seq, result: call.result, used: false });
        this.#calls.set(key, known);
      }
    });
  }

  /** The recorded result of a call; a call that was recorded several times gets its results in their order, then the last again. */
  use(name: string, args: unknown, seq: number): { readonly use: ToolUse; readonly result?: unknown } {
    const recorded = this.#calls.get(signature(name, args));
    if (!recorded) return { use: "miss" };
    const here = recorded.find((call) => call.seq === seq && !call.used);
    const found = here ?? recorded.find((call) => !call.used) ?? recorded.at(-1);
    if (!found) return { use: "miss" };
    found.used = true;
    return { use: here ? "hit" : "drift", result: found.result };
  }
}

function signature(name: string, args: unknown): string {
  return `${name} ${canonicalJson(parsed(args) ?? {})}`;
}

/** Models write arguments as JSON texts. */
function parsed(args: unknown): unknown {
  if (typeof args !== "string") return args;
  try {
    return JSON.parse(args);
  } catch {
    return args;
  }
}
