import { entry, metric, oneHarm, size, where } from "../entry.ts";
import { costs } from "../fitting-metric.ts";

/** The candidate thinks aloud: answers are as good as before, and the bill is a multiple of what it was. */
export const tokenBlowup = entry({
  name: "token_blowup",
  story: "Answers are as good as before and take several times the tokens.",
  parameters: { by: size.default("x3"), metric, where },
  build: (written, project) => oneHarm(written, project, costs),
});
