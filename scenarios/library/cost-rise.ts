import { entry, metric, oneHarm, size, where } from "../entry.ts";
import { costs } from "../fitting-metric.ts";

/** A dearer model, longer prompts or more steps, at the same quality. */
export const costRise = entry({
  name: "cost_rise",
  story: "Every session costs more.",
  parameters: { by: size.default("20%"), metric, where },
  build: (written, project) => oneHarm(written, project, costs),
});
