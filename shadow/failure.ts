/** Anything may be thrown, also what has no text. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error).slice(0, 500);
  } catch {
    return "something without a text was thrown";
  }
}

/** Where a policy threw, without the frames of the harness. */
export function stackOf(error: unknown): string | null {
  try {
    const stack = error instanceof Error ? error.stack : undefined;
    if (typeof stack !== "string") return null;
    const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
    const own = frames.findIndex((line) => /shadow\/(replay-requests|respond-in-batches)\.[jt]s/.test(line));
    const kept = own < 0 ? frames : frames.slice(0, own);
    return kept.length === 0 ? null : kept.join("\n").slice(0, 2000);
  } catch {
    return null;
  }
}
