import { pathToFileURL } from "node:url";
import type { RecordBatch } from "apache-arrow";
import { InputError } from "../plan/input-error.ts";
import type { RandomStream } from "../statistics/random-stream.ts";

/**
 * A named, immutable version of an agent: prompt, model, temperature, token limits, tool permissions and guardrails in
 * `config`, and the code that applies them.
 */
export interface Policy<Request = unknown> {
  readonly name: string;
  readonly version: string;
  /** The same request in the same session always gets the same answer. */
  readonly deterministic?: boolean;
  /** The policy calls a network; refused without `replay.maxCalls`. */
  readonly network?: boolean;
  /** Whatever distinguishes this version; hashed with the code. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Further files that belong to the version (prompts, rules), relative to the module; hashed too. */
  readonly files?: readonly string[];
  /** Called once per session, before its first request. */
  readonly open?: (session: Session, context: Context) => Conversation<Request> | Promise<Conversation<Request>>;
  /**
   * Instead of `open`, for models that score many requests at once, each by itself: answers in the order of the rows. The
   * batch has the columns session, seq, at and request; a request that is an object is a struct of its members.
   */
  readonly respondBatch?: (requests: RecordBatch) => BatchAnswers | Promise<BatchAnswers>;
}

export interface Conversation<Request = unknown> {
  /** Called for each request in recorded order. A throw, a rejection or a timeout fails the session in this lane. */
  readonly respond: (request: Request) => Answer | Promise<Answer>;
  /**
   * Told of an answer that a killed run has already got, instead of a call; the conversation is then as it was. Without
   * it, a session of a network policy that a kill has cut off begins anew.
   */
  readonly resume?: (request: Request, answer: Answer) => void | Promise<void>;
}

/** Columns, one entry a row of the batch: arrays, typed arrays or Arrow vectors. */
export interface BatchAnswers {
  readonly response?: Column | undefined;
  readonly measures?: Readonly<Record<string, Column>> | undefined;
}

export type Column = ArrayLike<unknown> | { readonly length: number; readonly get: (row: number) => unknown };

export interface Answer {
  readonly response?: unknown;
  readonly measures?: Readonly<Record<string, Measure>>;
}

/** A measure is one of these, the same in every lane; null and undefined are missing. */
export type Measure = boolean | number | string | null | undefined;

export interface Session {
  readonly id: string;
  readonly attributes: Readonly<Record<string, string | null>>;
}

/** What a policy may know of the replay. One object per session and lane. */
export interface Context {
  /** A replay never performs a side effect of production. */
  readonly mode: "shadow";
  /** The same stream of numbers in [0, 1) in every lane of a session. */
  readonly random: RandomStream;
  /** What production answered to the current request, when the log has it. */
  readonly recorded: unknown;
  /**
   * What production's tool gave back to this call, by its name and arguments. Undefined when the session has no such call:
   * then the session is marked as diverged from what production did. No tool is ever called.
   */
  readonly tool: (name: string, args?: unknown) => unknown;
  /** Position of the current request in its session, from 0. */
  readonly seq: number;
  /** Log time of the current request, epoch ms. */
  readonly at: number;
  /** Aborted when a request of the session times out. */
  readonly signal: AbortSignal;
}

/** A policy as it is, with its types checked. */
export function definePolicy<Request = unknown>(policy: Policy<Request>): Policy<Request> {
  return policy;
}

/**
 * The policy that a module exports by default.
 *
 * @throws InputError when the module cannot be loaded or exports no policy
 */
export async function loadPolicy(file: string): Promise<Policy> {
  let loaded: { default?: Partial<Policy> };
  try {
    loaded = await import(pathToFileURL(file).href);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
    if (missing && /package 'foretaste'/.test((cause as Error).message)) {
      throw new InputError(
        file,
        "imports foretaste, which is not installed where the policy lies",
        "npm install foretaste there, or export the policy as a plain object without definePolicy",
        { cause },
      );
    }
    const way = missing
      ? "check the path and what the module imports"
      : "mend the module: node must be able to import it";
    throw new InputError(file, `cannot be loaded (${(cause as Error | null)?.message ?? String(cause)})`, way, {
      cause,
    });
  }
  const policy = loaded.default;
  const answers = typeof policy?.open === "function" || typeof policy?.respondBatch === "function";
  const missing = [
    ...(["name", "version"] as const).filter((key) => typeof policy?.[key] !== "string"),
    ...(answers ? [] : ["open"]),
  ];
  if (!policy || missing.length > 0) {
    throw new InputError(
      file,
      `exports no policy by default (${missing.join(", ")} missing)`,
      "write export default definePolicy({ name, version, open })",
    );
  }
  return policy as Policy;
}
