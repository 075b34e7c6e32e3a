import { expect } from "vitest";
import { InputError } from "../../plan/input-error.ts";

/** The message of the InputError that a call ends in: place, problem and way out, on every line of it. */
export async function refusal(work: () => unknown): Promise<string> {
  let error: unknown;
  try {
    await work();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(InputError);
  const { message } = error as InputError;
  expect(message).toMatch(/^\S[^;]*?: \S.*; \S.*$/s);
  return message;
}
