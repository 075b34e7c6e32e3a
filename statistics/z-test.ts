import { normalUpperTail } from "./distributions.ts";
import type { TestResult } from "./estimate.ts";

/** The p-values of a statistic that is standard normal under the null. */
export function zTest(z: number): Extract<TestResult, { status: "ok" }> {
  return {
    status: "ok",
    statistic: z,
    less: normalUpperTail(-z),
    greater: normalUpperTail(z),
    twoSided: Math.min(1, 2 * normalUpperTail(Math.abs(z))),
  };
}
