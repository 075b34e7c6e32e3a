import { durationText } from "../../plan/duration.ts";
import { entry, metric, oneHarm, size, time, where } from "../entry.ts";

/** Labels, refunds and complaints come later than somebody thought when the plan was made: looks are blind meanwhile. */
export const delayedTruth = entry({
  name: "delayed_truth",
  story: "The candidate is worse, and what shows it becomes known later than planned.",
  parameters: { by: size.optional(), late: time.prefault("24h"), metric, where },
  build: ({ late, ...written }, project) => {
    const { told, harms } = oneHarm(written, project, "primary");
    const metrics = harms.map((harm) => harm.metric.name);
    return { told: [...told, durationText(late)], harms, conditions: { late: { metrics, byMs: late } } };
  },
});
