import { entry, metric, oneHarm, size, where } from "../entry.ts";

/** Any loss in any metric: what no other entry of the library tells. */
export const metricShift = entry({
  name: "metric_shift",
  story: "One metric gets worse.",
  parameters: { metric, by: size, where },
  build: (written, project) => oneHarm(written, project, "none"),
});
