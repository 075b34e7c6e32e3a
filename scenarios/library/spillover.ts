import { partialShare } from "../../plan/plan-schema.ts";
import { entry, metric, oneHarm, percent, size, where } from "../entry.ts";

/**
 * Interference: what the candidate does to shared limits, stock or other users reaches the control, the more so the more units
 * it serves. The arms then differ by less than a launch would cost.
 */
export const spillover = entry({
  name: "spillover",
  story: "The candidate is worse, and its harm reaches sessions of the control, the more the more units are exposed.",
  parameters: { by: size.optional(), share: partialShare.prefault("50%"), metric, where },
  build: ({ share, ...written }, project) => {
    const { told, harms } = oneHarm(written, project, "primary");
    return { told: [...told, percent(share)], harms, conditions: { spillover: share } };
  },
});
