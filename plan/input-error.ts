/** A file or an option that the user gave is wrong: the message names place, problem and way out. */
export class InputError extends Error {
  override readonly name = "InputError";

  /**
   * @param place   file, with line or key where it is known: `plan.yaml:14`
   * @param problem what is wrong, with the value
   * @param wayOut  what to do about it
   */
  constructor(place: string, problem: string, wayOut: string, options?: ErrorOptions) {
    super(`${place}: ${problem}; ${wayOut}`, options);
  }

  /** The same error on this side of a thread's border, where only its message arrives. */
  static revive(message: string): InputError {
    return Object.assign(new InputError("", "", ""), { message });
  }
}
