import { durationText } from "../../plan/duration.ts";
import { entry, metric, oneHarm, size, time, where } from "../entry.ts";

/** Harm that builds up, as a cache or an index that goes stale: stages that are shorter than it see little of it. */
export const slowBurn = entry({
  name: "slow_burn",
  story: "The candidate gets worse little by little.",
  parameters: { by: size.optional(), over: time.prefault("7d"), metric, where },
  build: ({ over, ...written }, project) => {
    const { told, harms } = oneHarm(written, project, "primary");
    return { told: [...told, durationText(over)], harms, course: { kind: "grows", overMs: over } };
  },
});
