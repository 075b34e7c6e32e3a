import { anyHarm, entry, metric, size, where } from "../entry.ts";

/** A gateway weighs traffic without stickiness, or a cookie is lost: who is a unit to the plan meets both arms. */
export const requestRouting = entry({
  name: "request_routing",
  story: "Every session is routed by itself, so that units meet both arms.",
  parameters: { by: size.optional(), metric, where },
  build: (written, project) => ({ ...anyHarm(written, project), conditions: { routing: "per_session" } }),
});
