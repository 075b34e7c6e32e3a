import { entry, metric, oneHarm, size, where } from "../entry.ts";
import { abandonedSessions } from "../fitting-metric.ts";

/** Users give up a little more often, for reasons that no other metric shows. */
export const abandonment = entry({
  name: "abandonment",
  story: "More users leave before they are done.",
  parameters: { by: size.default("10%"), metric, where },
  build: (written, project) => oneHarm(written, project, abandonedSessions),
});
