import { partialShare } from "../../plan/plan-schema.ts";
import { anyHarm, entry, metric, percent, size, where } from "../entry.ts";

/** A quiet week, or a plan that was made in a busy one: looks come as planned, and show less than planned. */
export const lowTraffic = entry({
  name: "low_traffic",
  story: "Far fewer users come than in the log.",
  parameters: { share: partialShare.prefault("25%"), by: size.optional(), metric, where },
  build: ({ share, ...written }, project) => {
    const { told, harms } = anyHarm(written, project);
    return { told: [percent(share), ...told], harms, conditions: { traffic: share } };
  },
});
