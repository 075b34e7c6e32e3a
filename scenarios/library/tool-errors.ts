import { entry, metric, oneHarm, size, where } from "../entry.ts";
import { failedToolCalls } from "../fitting-metric.ts";

/** The candidate calls tools with arguments that they refuse, as after a renamed parameter. */
export const toolErrors = entry({
  name: "tool_errors",
  story: "More of the candidate's tool calls fail.",
  parameters: { by: size.default("x3"), metric, where },
  build: (written, project) => oneHarm(written, project, failedToolCalls),
});
