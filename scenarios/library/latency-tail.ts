import { entry, metric, oneHarm, size, where } from "../entry.ts";
import { slowRequests } from "../fitting-metric.ts";

/** Answers take longer, each by the same share of its time: the slowest lose most, and these are what a quantile sees. */
export const latencyTail = entry({
  name: "latency_tail",
  story: "Answers take longer, and the slowest ones lose most.",
  parameters: { by: size.default("50%"), metric, where },
  build: (written, project) => oneHarm(written, project, slowRequests),
});
