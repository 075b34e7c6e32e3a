/** A request took longer than the replay allows. */
export class TimedOut extends Error {
  override readonly name = "TimedOut";
}

/**
 * Timeouts for many promises with one timer: a timer a call would cost more than many a policy.
 *
 * A promise is given up between one and 1.25 times the timeout.
 */
export class Deadlines {
  readonly #timeoutMs: number;
  readonly #waiting = new Set<{ ticks: number; readonly giveUp: () => void }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** The promise's own outcome, or {@link TimedOut}. */
  within<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const entry = {
        ticks: 0,
        giveUp: () => reject(new TimedOut(`no answer within ${this.#timeoutMs} ms`)),
      };
      this.#waiting.add(entry);
      this.#timer ??= setInterval(() => this.#tick(), this.#timeoutMs / 4);
      promise.then(
        (value) => {
          this.#waiting.delete(entry);
          resolve(value);
        },
        (error) => {
          this.#waiting.delete(entry);
          reject(error);
        },
      );
    });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    for (const entry of this.#waiting) {
      entry.ticks += 1;
      if (entry.ticks <= 4) continue;
      this.#waiting.delete(entry);
      entry.giveUp();
    }
  }
}
