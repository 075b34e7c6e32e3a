import type { Toll } from "../../sim/toll.ts";

/** Of rollouts that harm nobody. */
export const noToll = (): Toll => ({ sessionsHarmed: 0, losses: new Array<number>(20).fill(0) });
