import { type Curves, curvesOf } from "../plan/boundaries.ts";
import { differs, type Look, timeOf } from "../plan/decide.ts";
import type { Margin } from "../plan/margin.ts";
import type { Metric } from "../plan/metric.ts";
import { type ControlledStage, controlledStages, marginIn } from "../plan/plan.ts";
import { type Arms, harmOverMargin, noHarm, zOfHarm, zOfMargin } from "../plan/reading.ts";
import { promote, type Standing, verdictOf } from "../plan/verdict.ts";
import { type MutableReading, readError, readEstimate } from "./arm-reading.ts";
import type { Columns } from "./columns.ts";
import type { EffectsFrom } from "./design-effect.ts";
import type { SimulationInput } from "./simulation-input.ts";
import { arrivalsColumn } from "./window-tables.ts";

/** What a look leads to. */
export interface LookOutcome {
  readonly action: "promote" | "hold" | "rollback";
  readonly final: boolean;
  /** index of the guardrail that rolled back; −1 otherwise */
  readonly because: number;
}

/** What looks of several rollouts have in common. */
export interface CohortLook {
  readonly stage: number;
  /** at the end of which window of the stage, from 1 on */
  readonly k: number;
  readonly effects: Arms<EffectsFrom>;
  /** of all buckets under control, laid out as a rollout's sums are */
  readonly totals: Int32Array;
  /** by guardrail: where a rollout's sums of the candidate are; the control's where nothing is changed */
  readonly candidateAt: Int32Array;
  readonly unitsInBothArms: number;
}

/**
 * `decide` of plan/decide.ts on sums of integers, without the words: the same order, the same tests, the same boundaries, asked
 * only as far as the decision needs them.
 */
export class LookRule implements Standing {
  readonly guardrails: number;
  readonly #input: SimulationInput;
  readonly #integers: Int32Array;
  readonly #own: readonly ReadGuardrail[];
  readonly #stages: readonly ControlledStage[];
  /** by stage and guardrail */
  readonly #terms: readonly (readonly Terms[])[];
  readonly #known: Uint8Array;
  /** by maturity: first integer of its sums, which counts sessions */
  readonly #counts: readonly number[];
  /** of each maturity: exposed, then of the control */
  readonly #sessions: Float64Array;
  readonly #matureUnits: Float64Array;
  readonly #firstSeen = { control: 0, candidate: 0 };
  #stageIndex = 0;
  #stage: ControlledStage;
  #k = 0;
  #look: CohortLook | undefined;
  #exposed = 0;

  /**
   * @param integers   the kernel's memory
   * @param counts     by maturity: where a rollout's sums count sessions; arrivals are counted after the first of them
   * @param controlAt  by guardrail: where a rollout's sums under control are
   */
  constructor(
    input: SimulationInput,
    columns: readonly Columns[],
    integers: Int32Array,
    counts: readonly number[],
    controlAt: Int32Array,
  ) {
    const { plan } = input;
    this.#input = input;
    this.#integers = integers;
    this.guardrails = columns.length;
    this.#stages = controlledStages(plan);
    this.#stage = this.#stages[0] as ControlledStage;
    this.#own = columns.map((own, g) => readGuardrail(own, controlAt[g] as number));
    this.#terms = this.#stages.map((_, stage) => columns.map((_, g) => termsOf(input, stage, g)));
    this.#known = new Uint8Array(columns.length);
    this.#counts = counts;
    this.#sessions = new Float64Array(2 * counts.length);
    this.#matureUnits = new Float64Array(2 * counts.length);
  }

  /** @param exposed first integer of a rollout's sums */
  begin(look: CohortLook, exposed: number): void {
    const { stage, k, effects, totals } = look;
    this.#look = look;
    this.#exposed = exposed;
    this.#stageIndex = stage;
    this.#stage = this.#stages[stage] as ControlledStage;
    this.#k = k;
    for (let g = 0; g < this.guardrails; g++) this.#known[g] = unread;
    const maturities = this.#counts.length;
    for (let maturity = 0; maturity < maturities; maturity++) {
      const at = this.#counts[maturity] as number;
      const perSession = effects.control.unitsPerSession[k * maturities + maturity] as number;
      const candidate = this.#integers[exposed + at] as number;
      const control = (totals[at] as number) - candidate;
      this.#sessions[2 * maturity] = candidate;
      this.#sessions[2 * maturity + 1] = control;
      this.#matureUnits[2 * maturity] = candidate * perSession;
      this.#matureUnits[2 * maturity + 1] = control * perSession;
    }
    const arrivals = (this.#counts[0] as number) + arrivalsColumn;
    this.#firstSeen.candidate = this.#integers[exposed + arrivals] as number;
    this.#firstSeen.control = (totals[arrivals] as number) - this.#firstSeen.candidate;
  }

  decide(): LookOutcome {
    const verdict = verdictOf(this);
    if (verdict >= 0) return { action: "rollback", final: true, because: verdict };
    if (verdict === promote) return promoted;
    if (!this.#isLast()) return held;
    const onTimeout = this.#stage.onTimeout ?? this.#input.plan.rule.onTimeout;
    if (onTimeout === "hold" || !this.isTrusted()) return stopped;
    return onTimeout === "promote" ? promoted : timedOut;
  }

  /** The look in words, as `decide` takes it. */
  look(): Look {
    const { slowest, windowMs } = this.#input;
    const none = { control: 0, candidate: 0 };
    return {
      stage: this.#stageIndex,
      elapsedMs: this.#k * windowMs,
      last: this.#isLast(),
      units: {
        control: this.#matureUnits[2 * slowest + 1] as number,
        candidate: this.#matureUnits[2 * slowest] as number,
      },
      firstSeen: { ...this.#firstSeen },
      unitsInBothArms: (this.#look as CohortLook).unitsInBothArms,
      metrics: this.#own.map((_, g) => {
        const { control, candidate } = this.#read(g);
        const units = { control: this.#units(g, 1), candidate: this.#units(g, 0) };
        // the log's own missing values are in both arms
        return { control: { ...control }, candidate: { ...candidate }, units, missing: none };
      }),
    };
  }

  isTrusted(): boolean {
    const { exposure } = this.#stage;
    if ((this.#look as CohortLook).unitsInBothArms > 0) return false;
    return !differs(this.#firstSeen, { control: 1 - exposure, candidate: exposure }, 100);
  }

  isHarmful(g: number): boolean {
    const { metric, rollbackAbove, margin, rollbackFloor, curves } = this.#termsOf(g);
    if (Math.min(this.#units(g, 0), this.#units(g, 1)) < rollbackFloor) return false;
    if (curves === null) {
      const arms = this.#read(g);
      return !this.#isUnknown(g, arms) && harmOverMargin(metric, margin, arms) > 0;
    }
    const { rollback, leastRollback } = curves;
    const estimates = this.#estimate(g);
    const harm = harmOverMargin(metric, rollbackAbove, estimates);
    if (leastRollback >= 0 && harm < 0) return false;
    if (metric.kind !== "proportion") {
      // the error of a difference is at least that of the candidate
      this.#readCandidateError(g);
      if (harm < leastRollback * estimates.candidate.standardError) return false;
    }
    const arms = this.#read(g);
    if (this.#isUnknown(g, arms)) return false;
    const z = zOfHarm(metric, arms, rollbackAbove);
    return z >= leastRollback && z >= rollback(this.#time(g));
  }

  passes(g: number): boolean {
    const { metric, margin, curves } = this.#termsOf(g);
    const arms = this.#read(g);
    if (this.#isUnknown(g, arms)) return false;
    if (curves === null) return harmOverMargin(metric, margin, arms) <= 0;
    return zOfMargin(metric, margin, arms) >= curves.pass(this.#time(g));
  }

  mayPromote(): boolean {
    const { minimumMs, minimumSample } = this.#stage;
    if (this.#k * this.#input.windowMs < minimumMs) return false;
    const { slowest } = this.#input;
    const candidate = this.#matureUnits[2 * slowest] as number;
    const control = this.#matureUnits[2 * slowest + 1] as number;
    return Math.min(candidate, control) >= minimumSample;
  }

  #isLast(): boolean {
    return this.#k * this.#input.windowMs >= this.#stage.maximumMs;
  }

  #termsOf(g: number): Terms {
    return (this.#terms[this.#stageIndex] as readonly Terms[])[g] as Terms;
  }

  /** Mature units of a guardrail: 0 of the candidate, 1 of the control. */
  #units(g: number, arm: 0 | 1): number {
    const { maturity, share } = this.#termsOf(g);
    return (this.#matureUnits[2 * maturity + arm] as number) * share;
  }

  #time(g: number): number {
    const { planned } = this.#termsOf(g);
    const share = planned > 0 ? 1 / (1 / this.#units(g, 0) + 1 / this.#units(g, 1)) / planned : Number.NaN;
    const clock = (this.#k * this.#input.windowMs) / this.#stage.maximumMs;
    return timeOf(this.#input.plan.rule.evidence, share, clock, this.#isLast());
  }

  #isUnknown(g: number, { control, candidate }: Arms<MutableReading>): boolean {
    return (
      this.#units(g, 0) === 0 ||
      this.#units(g, 1) === 0 ||
      Number.isNaN(control.standardError) ||
      Number.isNaN(candidate.standardError)
    );
  }

  /** Both arms, with their estimates alone. */
  #estimate(g: number): Arms<MutableReading> {
    const { columns, steps, controlAt, sums, arms } = this.#own[g] as ReadGuardrail;
    if (this.#known[g] !== unread) return arms;
    this.#known[g] = estimated;
    const { totals, candidateAt } = this.#look as CohortLook;
    const own = this.#exposed + (candidateAt[g] as number);
    const under = this.#exposed + controlAt;
    for (let c = 0; c < steps.length; c++) {
      const step = steps[c] as number;
      sums.candidate[c] = (this.#integers[own + c] as number) * step;
      sums.control[c] = ((totals[controlAt + c] as number) - (this.#integers[under + c] as number)) * step;
    }
    const { maturity } = columns.guardrail;
    readEstimate(arms.candidate, columns, sums.candidate, this.#sessions[2 * maturity] as number);
    readEstimate(arms.control, columns, sums.control, this.#sessions[2 * maturity + 1] as number);
    return arms;
  }

  #readCandidateError(g: number): void {
    this.#estimate(g);
    if (this.#known[g] !== estimated) return;
    this.#known[g] = candidateRead;
    const { columns, sums, arms } = this.#own[g] as ReadGuardrail;
    const sessions = this.#sessions[2 * columns.guardrail.maturity] as number;
    const { designEffect } = (this.#look as CohortLook).effects.candidate;
    readError(arms.candidate, columns, sums.candidate, sessions, designEffect[this.#k * this.guardrails + g] as number);
  }

  #read(g: number): Arms<MutableReading> {
    this.#readCandidateError(g);
    const { columns, sums, arms } = this.#own[g] as ReadGuardrail;
    if (this.#known[g] === read) return arms;
    this.#known[g] = read;
    const sessions = this.#sessions[2 * columns.guardrail.maturity + 1] as number;
    const { designEffect } = (this.#look as CohortLook).effects.control;
    readError(arms.control, columns, sums.control, sessions, designEffect[this.#k * this.guardrails + g] as number);
    return arms;
  }
}

/** How far a guardrail is read at a look. */
const [unread, estimated, candidateRead, read] = [0, 1, 2, 3];

/** A guardrail that is read into, look after look. */
interface ReadGuardrail {
  readonly columns: Columns;
  /** of one integer of each column, in its own unit */
  readonly steps: Float64Array;
  readonly controlAt: number;
  readonly sums: Arms<Float64Array>;
  readonly arms: Arms<MutableReading>;
}

function readGuardrail(columns: Columns, controlAt: number): ReadGuardrail {
  const reading = (): MutableReading => ({ estimate: Number.NaN, standardError: Number.NaN, effectiveSample: 0 });
  return {
    columns,
    steps: columns.scales.map((scale) => 1 / scale),
    controlAt,
    sums: { control: new Float64Array(columns.width), candidate: new Float64Array(columns.width) },
    arms: { control: reading(), candidate: reading() },
  };
}

/** What a guardrail is held to in a stage. */
interface Terms {
  readonly metric: Metric;
  readonly maturity: number;
  readonly margin: Margin;
  readonly rollbackAbove: Margin;
  /** units that each arm needs for a rollback */
  readonly rollbackFloor: number;
  /** none on point evidence */
  readonly curves: Curves | null;
  /** of the group's sessions, those in the guardrail's segment */
  readonly share: number;
  /** as 1 / (1/n₁ + 1/n₀); 0 while none is frozen */
  readonly planned: number;
}

function termsOf({ plan, guardrails, shares, stageGroups }: SimulationInput, index: number, g: number): Terms {
  const stage = controlledStages(plan)[index] as ControlledStage;
  const { guardrail, maturity } = guardrails[g] as SimulationInput["guardrails"][number];
  return {
    metric: guardrail.metric,
    maturity,
    margin: marginIn(stage, guardrail),
    rollbackAbove: guardrail.rollbackAbove ?? noHarm,
    rollbackFloor: stage.rollbackFloor ?? plan.rule.rollbackFloor,
    curves: plan.rule.evidence === "point" ? null : curvesOf(plan, index, g),
    share: shares[stageGroups[index] as number]?.[g] as number,
    planned: plan.calibration?.plannedSample[index]?.[g] ?? 0,
  };
}

const promoted: LookOutcome = { action: "promote", final: true, because: -1 };
const held: LookOutcome = { action: "hold", final: false, because: -1 };
const stopped: LookOutcome = { action: "hold", final: true, because: -1 };
const timedOut: LookOutcome = { action: "rollback", final: true, because: -1 };
