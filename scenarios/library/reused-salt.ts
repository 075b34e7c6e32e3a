import { anyHarm, entry, metric, size, where } from "../entry.ts";

/** The salt of a rollout before this one: its canary, with whatever that one left in it, is the canary again. */
export const reusedSalt = entry({
  name: "reused_salt",
  story: "The plan's salt is not new: the units that it puts first meet the candidate first, in every rollout.",
  parameters: { by: size.optional(), metric, where },
  build: (written, project) => ({ ...anyHarm(written, project), conditions: { routing: "reused_salt" } }),
});
