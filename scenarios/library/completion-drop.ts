import { entry, metric, oneHarm, size, where } from "../entry.ts";

/** The candidate does its job less often: the regression that a rollout is there to find. */
export const completionDrop = entry({
  name: "completion_drop",
  story: "The candidate finishes fewer of its tasks.",
  parameters: { by: size.optional(), metric, where },
  build: (written, project) => oneHarm(written, project, "primary"),
});
