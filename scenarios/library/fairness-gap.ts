import { InputError } from "../../plan/input-error.ts";
import { entry, metric, oneHarm, segment, size } from "../entry.ts";

/** One group of users, told by one attribute, is served worse than before: what a gap between groups comes from. */
export const fairnessGap = entry({
  name: "fairness_gap",
  story: "One group of users is served worse, and all others are served as before.",
  parameters: { where: segment, by: size.optional(), metric },
  build: (written, project) => {
    const { length } = Object.keys(written.where);
    if (length !== 1)
      throw new InputError(
        project.place,
        `${project.entry} names ${length} attributes, needs one`,
        "write where: { region: eu }",
      );
    return oneHarm(written, project, "primary");
  },
});
