/** A rollout of one kind of system, as a project begins: metrics, what they read, and a plan. */
export interface Preset {
  readonly name: string;
  /** one line */
  readonly description: string;
  /** where each figure comes from */
  readonly sources: readonly { readonly figures: string; readonly from: string }[];
  /** what the metrics read of an answer, and what it is */
  readonly measures: Readonly<Record<string, string>>;
  /** attributes that the plan names */
  readonly attributes: readonly string[];
  /** the `metrics:` section of foretaste.yaml */
  readonly metrics: string;
  /** plan.yaml, with `salt: <name>-1` */
  readonly plan: string;
}

/** The source of a figure that nobody else recommends. */
export const ownDefault = "foretaste's own default";
