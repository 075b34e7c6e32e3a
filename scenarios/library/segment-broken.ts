import { InputError } from "../../plan/input-error.ts";
import { entry, metric, oneHarm, size, where } from "../entry.ts";

/** Something that only some sessions need no longer works, and everyone else notices nothing. */
export const segmentBroken = entry({
  name: "segment_broken",
  story: "One segment breaks, and all others stay as they are.",
  parameters: { where, metric, by: size },
  build: (written, project) => {
    if (Object.keys(written.where ?? {}).length === 0)
      throw new InputError(project.place, `${project.entry} names no segment`, "write where: { workflow: refund }");
    return oneHarm(written, project, "primary");
  },
});
