import { entry, metric, oneHarm, size, where } from "../entry.ts";
import { guardrailTriggers } from "../fitting-metric.ts";

/** A guardrail is tuned too strictly and stops requests that were fine. */
export const guardrailOverreach = entry({
  name: "guardrail_overreach",
  story: "Guardrails stop requests that they used to let pass.",
  parameters: { by: size.default("x3"), metric, where },
  build: (written, project) => oneHarm(written, project, guardrailTriggers),
});
