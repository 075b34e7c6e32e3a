import { share } from "../../plan/plan-schema.ts";
import { entry, metric, oneHarm, percent, size, where } from "../entry.ts";
import { slowRequests } from "../fitting-metric.ts";

/** The candidate does well until it has so much traffic that a limit is reached: early stages cannot see it. */
export const loadDependent = entry({
  name: "load_dependent",
  story: "The candidate does well while its exposure is small, and gets worse when it is large.",
  parameters: { by: size.default("50%"), fromExposure: share.prefault("25%"), metric, where },
  build: ({ fromExposure, ...written }, project) => {
    const { told, harms } = oneHarm(written, project, slowRequests);
    return { told: [...told, percent(fromExposure)], harms, fromExposure };
  },
});
