import { InputError } from "../../plan/input-error.ts";
import { entry, metric, oneHarm, segment, size, sizeOf } from "../entry.ts";

/**
 * A minority breaks while the average looks better than before: Simpson's trap, which only a guardrail in the segment sees.
 *
 * The others improve by what the overall mean needs to be `improves` better than the control's, the broken segment included.
 */
export const refundWorkflowBroken = entry({
  name: "refund_workflow_broken",
  story: "A minority of sessions breaks while the average over all sessions improves.",
  parameters: {
    where: segment.default({ workflow: "refund" }),
    by: size.default("40pp"),
    improves: size.default("0.5pp"),
    metric,
  },
  build: ({ improves, ...written }, project) => {
    if (Object.keys(written.where).length === 0)
      throw new InputError(project.place, `${project.entry} names no segment`, "write where: { workflow: refund }");
    const { told, harms } = oneHarm(written, project, "primary");
    const [broken] = harms;
    if (broken.metric.kind === "quantile")
      throw new InputError(
        project.place,
        `${project.entry} balances ${broken.metric.name}, but a quantile is no average`,
        "write metric: with a proportion, a mean or a ratio",
      );
    const size = sizeOf(improves, broken.metric, project, "gain_elsewhere");
    return { told: [...told, String(improves)], harms: [broken, { ...broken, size, effect: "gain_elsewhere" }] };
  },
});
