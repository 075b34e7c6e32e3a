import { partialShare } from "../../plan/plan-schema.ts";
import { entry, metric, oneHarm, percent, size, where } from "../entry.ts";

/** A cache, a shared session or a late flag serves some sessions by the arm that they are not in: the arms look more alike. */
export const contamination = entry({
  name: "contamination",
  story: "The candidate is worse, and some sessions of each arm are served by the other, unknown to the log.",
  parameters: { by: size.optional(), share: partialShare.prefault("10%"), metric, where },
  build: ({ share, ...written }, project) => {
    const { told, harms } = oneHarm(written, project, "primary");
    return { told: [...told, percent(share)], harms, conditions: { contamination: share } };
  },
});
