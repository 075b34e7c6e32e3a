/** How one simulated rollout ended. */
export interface Rollout {
  readonly end: "promoted" | "rolledBack" | "stopped";
  /** controlled stage in which it ended */
  readonly stage: number;
  /** windows from the start of the rollout to the end of its last controlled stage */
  readonly windows: number;
  /** windows from the start of the rollout to that of each stage that it reached */
  readonly starts: readonly number[];
  /** units that the candidate served at least once before then */
  readonly unitsExposed: number;
  /** index of the guardrail that rolled back; −1 for a timeout, and where nothing did */
  readonly because: number;
}
