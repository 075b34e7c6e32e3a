/** Something in a plan that a launch review should not let pass: the figures, why they matter, what to write instead. */
export interface Finding {
  /** kebab-case, one name for each kind of finding */
  readonly check: string;
  /** `error`: the plan cannot do what it promises; `warning`: it can, at a price that is stated */
  readonly severity: "error" | "warning";
  /** into the plan's file, for `SourceDocument.place` */
  readonly path: readonly PropertyKey[];
  readonly problem: string;
  readonly reason: string;
  readonly fix: string;
}

/** One way of looking at a plan; it says nothing where it finds nothing, or where a fact that it needs is not known. */
export type Check<Subject> = (subject: Subject, facts: PlanFacts) => readonly Finding[];

/** What is known beside a plan: plain data. */
export interface PlanFacts {
  /** names of the project's attributes, each of which makes segments */
  readonly attributes: readonly string[];
  /** the log says whose each session is */
  readonly hasUsers: boolean;
  /** salts of plans that were frozen for other candidates */
  readonly pastSalts: readonly { readonly salt: string; readonly plan: string; readonly frozenAt: string }[];
  /** metrics whose maturity only the labels of a replayed log tell; they count as mature at once until then */
  readonly waitingForLabels?: readonly string[];
  /** absent until something was replayed */
  readonly traffic?: TrafficFacts;
  /** of control, by controlled stage and guardrail; undefined where it has no value there, absent as `traffic` is */
  readonly baselines?: readonly (readonly (Baseline | undefined)[])[];
}

/** The recorded traffic, in the plan's units of assignment. */
export interface TrafficFacts {
  readonly spanMs: number;
  readonly units: number;
  readonly sessions: number;
  /**
   * Units that arrive within so long of a stage's start, each once: the mean over starts through the log, rising. A unit that
   * comes back is no new one, so that this is no straight line.
   */
  readonly arrived: readonly { readonly withinMs: number; readonly units: number }[];
  /** by controlled stage: share of the units that its `where` lets take part */
  readonly taking: readonly number[];
  /** sessions of a mean Saturday or Sunday (UTC) over those of a mean weekday; absent below a week of log */
  readonly weekend?: number;
  /** when users are known and are not what is assigned */
  readonly sessionsPerUser?: number;
  /** when an attribute is assigned: sessions in which it changes */
  readonly changingSessions?: number;
}

/**
 * A guardrail of control, on the sessions of the log that a stage of full length would see in both arms, if nobody had the
 * candidate: in its segment, among those who take part, mature by the stage's end.
 */
export interface Baseline {
  readonly estimate: number;
  /** by unit */
  readonly standardError: number;
  /** units with a value */
  readonly units: number;
  /** of a proportion: sessions over their design effect */
  readonly effectiveSample: number;
  /** these units among all that arrive in that time */
  readonly share: number;
}

/** What of a plan was not looked at, and why. */
export interface NotChecked {
  readonly what: string;
  readonly why: string;
}
