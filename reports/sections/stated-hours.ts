import type { Block } from "../blocks.ts";
import type { Result } from "../result.ts";

/** What is added to a time where the log has no times of its own. */
export function ofStatedArrivals({ traffic }: Result): string {
  return traffic.arrivals === undefined ? "" : ", in hours of stated arrivals";
}

/** The sentence that stands wherever hours are shown. */
export function statedHours({ traffic }: Result): Block[] {
  return traffic.arrivals === undefined
    ? []
    : [{ kind: "paragraph", text: `Hours are hours of stated arrivals, not of the log: ${traffic.arrivals}.` }];
}
