import { z } from "zod";
import { durationText } from "../../plan/duration.ts";
import { entry, metric, oneHarm, size, time, where } from "../entry.ts";

/**
 * Users react to what is new, for better or worse, and get used to it: in the end the candidate equals the control.
 *
 * A plan should promote it, and should not decide on the first hours.
 */
export const novelty = entry({
  name: "novelty",
  story: "The candidate looks different at first, and this wears off until it equals the control.",
  parameters: {
    by: size.optional(),
    looks: z.enum(["better", "worse"], "write better or worse").default("better"),
    halfLife: time.prefault("24h"),
    metric,
    where,
  },
  build: ({ looks, halfLife, ...written }, project) => {
    const { told, harms } = oneHarm(written, project, "primary", looks === "better" ? "gain" : undefined);
    return {
      told: [...told, looks, durationText(halfLife)],
      harms,
      course: { kind: "fades", halfLifeMs: halfLife },
    };
  },
});
