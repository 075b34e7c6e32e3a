import type { Caught, Printed } from "./handle-job.ts";

/** Printed lines that are kept of a batch. */
const keptLines = 20;

/** Catches what a policy prints, and the errors that it lets go where nothing waits for them. */
export function surroundings(blame: (error: unknown) => boolean): Caught {
  let strays: unknown[] = [];
  let lines = 0;
  let first: string[] = [];
  const note = (error: unknown) => {
    if (!blame(error)) strays.push(error);
  };
  process.on("uncaughtException", note);
  process.on("unhandledRejection", note);
  const print = (...parts: unknown[]) => {
    lines += 1;
    if (first.length < keptLines) first.push(parts.map(shown).join(" ").slice(0, 500));
    return true;
  };
  for (const level of ["log", "info", "debug", "warn", "error", "dir", "table", "trace"] as const)
    console[level] = print;
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (chunk: unknown, ...rest: unknown[]) => {
      const done = rest.find((own) => typeof own === "function") as (() => void) | undefined;
      print(typeof chunk === "string" ? chunk.trimEnd() : "(bytes)");
      done?.();
      return true;
    };
  }
  return {
    takeStrays: () => {
      const own = strays;
      strays = [];
      return own;
    },
    takePrinted: (): Printed => {
      const printed = { lines, first };
      lines = 0;
      first = [];
      return printed;
    },
  };
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "(something without a text)";
  }
}
