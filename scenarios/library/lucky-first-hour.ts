import { durationText } from "../../plan/duration.ts";
import { entry, metric, oneHarm, size, time, where } from "../entry.ts";

/** The candidate does well in the first hour, in which everyone watches, and is worse from then on. */
export const luckyFirstHour = entry({
  name: "lucky_first_hour",
  story: "The candidate does well for a short time, and is worse from then on.",
  parameters: { by: size.optional(), after: time.prefault("1h"), metric, where },
  build: ({ after, ...written }, project) => {
    const { told, harms } = oneHarm(written, project, "primary");
    return { told: [...told, durationText(after)], harms, course: { kind: "begins", afterMs: after } };
  },
});
