import { describe, expect, it, onTestFinished } from "vitest";
import { Deadlines, TimedOut } from "../../shadow/deadlines.ts";

function deadlines(timeoutMs: number): Deadlines {
  const own = new Deadlines(timeoutMs);
  onTestFinished(() => own.stop());
  return own;
}

const never = () => new Promise<never>(() => {});
const later = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));

describe("a promise with a deadline", () => {
  it("keeps its own outcome when it has one in time", async () => {
    const own = deadlines(2000);
    expect(await own.within(Promise.resolve(1))).toBe(1);
    expect(await own.within(later(10, "late"))).toBe("late");
    await expect(own.within(Promise.reject(new Error("own")))).rejects.toThrow("own");
  });

  it("is given up after the timeout and not before, whenever it starts", async () => {
    const own = deadlines(80);
    const waited = await Promise.all(
      [0, 7, 19, 33].map(async (delay) => {
        await later(delay, undefined);
        const start = performance.now();
        await expect(own.within(never())).rejects.toThrow(TimedOut);
        return performance.now() - start;
      }),
    );
    // a timer may fire a millisecond early
    for (const ms of waited) expect(ms).toBeGreaterThanOrEqual(80 - 2);
  });

  it("does not give up others with it", async () => {
    const own = deadlines(200);
    const slow = own.within(never());
    const quick = later(150, undefined).then(() => own.within(later(100, "done")));
    await expect(slow).rejects.toThrow("no answer within 200 ms");
    expect(await quick).toBe("done");
  });
});
