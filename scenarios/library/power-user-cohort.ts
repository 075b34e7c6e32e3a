import { anyHarm, entry, metric, size, where } from "../entry.ts";

/** The canary goes to early adopters, staff or the loudest customers: they are unlike those who come after them. */
export const powerUserCohort = entry({
  name: "power_user_cohort",
  story: "The units with the most sessions meet the candidate first, in every rollout.",
  parameters: { by: size.optional(), metric, where },
  build: (written, project) => ({ ...anyHarm(written, project), conditions: { routing: "power_users" } }),
});
