import { entry, metric, oneHarm, size, sizeOf } from "../entry.ts";
import { clicks, isDiversity } from "../fitting-metric.ts";

/**
 * A recommender narrows to a few popular items, and users click less.
 *
 * Every entropy and every share of a catalogue where higher is better falls by `diversity`; a project may have none.
 */
export const diversityCollapse = entry({
  name: "diversity_collapse",
  story: "Recommendations narrow to a few items, and users click less.",
  parameters: { by: size.default("23%"), diversity: size.default("20%"), metric },
  build: ({ diversity, ...written }, project) => {
    const { told, harms } = oneHarm(written, project, clicks);
    const narrowed = project.metrics
      .filter((own) => isDiversity(own) && own.name !== harms[0].metric.name)
      .map((own) => ({ metric: own, size: sizeOf(diversity, own, project), where: [] }));
    return {
      told: narrowed.length === 0 ? told : [...told, String(diversity)],
      harms: [...harms, ...narrowed],
    };
  },
});
