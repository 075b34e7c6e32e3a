import { type Curves, curvesOf } from "../plan/boundaries.ts";
import { differs, type Look, timeOf } from "../plan/decide.ts";
import { type ControlledStage, controlledStages, marginIn, type Plan } from "../plan/plan.ts";
import { type Arms, harmOverMargin, zOfHarm, zOfMargin } from "../plan/reading.ts";
import { promote, type Standing, verdictOf } from "../plan/verdict.ts";
import { type MutableReading, readArm } from "./arm-reading.ts";
import type { Block, Columns } from "./columns.ts";
import type { EffectsFrom } from "./design-effect.ts";
import type { SimulationInput } from "./simulation-input.ts";

/** What a look leads to. */
export interface LookOutcome {
  readonly action: "promote" | "hold" | "rollback";
  readonly final: boolean;
  /** index of the guardrail that rolled back; −1 otherwise */
  readonly because: number;
}

/**
 * `decide` of plan/decide.ts on sums of integers, without the words: the same order, the same tests, the same boundaries, asked
 * only as far as the decision needs them.
 */
export class LookRule implements Standing {
  readonly guardrails: number;
  readonly #plan: Plan;
  readonly #windowMs: number;
  readonly #input: SimulationInput;
  readonly #columns: readonly Columns[];
  readonly #stages: readonly ControlledStage[];
  readonly #curves: readonly (readonly Curves[])[];
  readonly #arms: readonly { readonly control: MutableReading; readonly candidate: MutableReading }[];
  /** sums of each guardrail's columns, by arm */
  readonly #sums: readonly { readonly control: Float64Array; readonly candidate: Float64Array }[];
  readonly #known: Uint8Array;
  /** of each maturity: exposed, then of the control */
  readonly #sessions: Float64Array;
  readonly #matureUnits: Float64Array;
  readonly #firstSeen = { control: 0, candidate: 0 };
  #stageIndex = 0;
  #stage: ControlledStage;
  #k = 0;
  #control: EffectsFrom | undefined;
  #candidate: EffectsFrom | undefined;

  constructor(input: SimulationInput, columns: readonly Columns[]) {
    const { plan } = input;
    this.#plan = plan;
    this.#input = input;
    this.#windowMs = input.windowMs;
    this.#columns = columns;
    this.guardrails = columns.length;
    this.#stages = controlledStages(plan);
    this.#stage = this.#stages[0] as ControlledStage;
    this.#curves = this.#stages.map((_, stage) => columns.map((_, g) => curvesOf(plan, stage, g)));
    const reading = (): MutableReading => ({ estimate: Number.NaN, standardError: Number.NaN, effectiveSample: 0 });
    this.#arms = columns.map(() => ({ control: reading(), candidate: reading() }));
    this.#sums = columns.map(({ width }) => ({ control: new Float64Array(width), candidate: new Float64Array(width) }));
    this.#known = new Uint8Array(columns.length);
    this.#sessions = new Float64Array(2 * input.sessions.lags.length);
    this.#matureUnits = new Float64Array(2 * input.sessions.lags.length);
  }

  /** A look at the end of the k-th window of a stage. */
  begin(stage: number, k: number, control: EffectsFrom, candidate: EffectsFrom): void {
    this.#stageIndex = stage;
    this.#stage = this.#stages[stage] as ControlledStage;
    this.#k = k;
    this.#control = control;
    this.#candidate = candidate;
    this.#known.fill(0);
  }

  setArrivals(exposed: number, total: number): void {
    this.#firstSeen.candidate = exposed;
    this.#firstSeen.control = total - exposed;
  }

  setSessions(maturity: number, exposed: number, total: number): void {
    const { unitsPerSession } = this.#control as EffectsFrom;
    const perSession = unitsPerSession[this.#k * this.#input.sessions.lags.length + maturity] as number;
    this.#sessions[2 * maturity] = exposed;
    this.#sessions[2 * maturity + 1] = total - exposed;
    this.#matureUnits[2 * maturity] = exposed * perSession;
    this.#matureUnits[2 * maturity + 1] = (total - exposed) * perSession;
  }

  /** Sums of the control's values: exposed buckets', which are the candidate's too where nothing is changed, and all buckets'. */
  setControl({ columns, guardrails, offsets }: Block, integers: Int32Array, exposed: number, total: number): void {
    for (let k = 0; k < columns.length; k++) {
      const { width, scales } = columns[k] as Columns;
      const { control, candidate } = this.#sums[guardrails[k] as number] as Arms<Float64Array>;
      const offset = offsets[k] as number;
      for (let c = 0; c < width; c++) {
        const own = integers[exposed + offset + c] as number;
        candidate[c] = own / (scales[c] as number);
        control[c] = ((integers[total + offset + c] as number) - own) / (scales[c] as number);
      }
    }
  }

  /** Sums of the values that a scenario changes, over exposed buckets. */
  setChanged({ columns, guardrails, offsets }: Block, integers: Int32Array, exposed: number): void {
    for (let k = 0; k < columns.length; k++) {
      const { width, scales } = columns[k] as Columns;
      const { candidate } = this.#sums[guardrails[k] as number] as Arms<Float64Array>;
      for (let c = 0; c < width; c++) {
        candidate[c] = (integers[exposed + (offsets[k] as number) + c] as number) / (scales[c] as number);
      }
    }
  }

  decide(): LookOutcome {
    const verdict = verdictOf(this);
    if (verdict >= 0) return { action: "rollback", final: true, because: verdict };
    if (verdict === promote) return promoted;
    if (!this.#isLast()) return held;
    const onTimeout = this.#stage.onTimeout ?? this.#plan.rule.onTimeout;
    if (onTimeout === "hold" || !this.isTrusted()) return stopped;
    return onTimeout === "promote" ? promoted : timedOut;
  }

  /** The look in words, as `decide` takes it. */
  look(): Look {
    const { slowest } = this.#input;
    const none = { control: 0, candidate: 0 };
    return {
      stage: this.#stageIndex,
      elapsedMs: this.#k * this.#windowMs,
      last: this.#isLast(),
      units: {
        control: this.#matureUnits[2 * slowest + 1] as number,
        candidate: this.#matureUnits[2 * slowest] as number,
      },
      firstSeen: { ...this.#firstSeen },
      unitsInBothArms: 0,
      metrics: this.#columns.map((_, g) => {
        const { control, candidate } = this.#read(g);
        const units = { control: this.#units(g, 1), candidate: this.#units(g, 0) };
        // the log's own missing values are in both arms
        return { control: { ...control }, candidate: { ...candidate }, units, missing: none };
      }),
    };
  }

  isTrusted(): boolean {
    const { exposure } = this.#stage;
    return !differs(this.#firstSeen, { control: 1 - exposure, candidate: exposure }, 100);
  }

  isHarmful(g: number): boolean {
    const { guardrail } = this.#input.guardrails[g] as SimulationInput["guardrails"][number];
    const arms = this.#read(g);
    if (this.#isUnknown(g, arms)) return false;
    const floor = this.#stage.rollbackFloor ?? this.#plan.rule.rollbackFloor;
    if (Math.min(this.#units(g, 0), this.#units(g, 1)) < floor) return false;
    if (this.#plan.rule.evidence === "point") {
      return harmOverMargin(guardrail.metric, marginIn(this.#stage, guardrail), arms) > 0;
    }
    const boundary = this.#curvesOf(g).rollback(this.#time(g));
    return zOfHarm(guardrail.metric, arms, guardrail.rollbackAbove) >= boundary;
  }

  passes(g: number): boolean {
    const { guardrail } = this.#input.guardrails[g] as SimulationInput["guardrails"][number];
    const arms = this.#read(g);
    if (this.#isUnknown(g, arms)) return false;
    const margin = marginIn(this.#stage, guardrail);
    if (this.#plan.rule.evidence === "point") return harmOverMargin(guardrail.metric, margin, arms) <= 0;
    return zOfMargin(guardrail.metric, margin, arms) >= this.#curvesOf(g).pass(this.#time(g));
  }

  mayPromote(): boolean {
    const { minimumMs, minimumSample } = this.#stage;
    if (this.#k * this.#windowMs < minimumMs) return false;
    const { slowest } = this.#input;
    const candidate = this.#matureUnits[2 * slowest] as number;
    const control = this.#matureUnits[2 * slowest + 1] as number;
    return Math.min(candidate, control) >= minimumSample;
  }

  #isLast(): boolean {
    return this.#k * this.#windowMs >= this.#stage.maximumMs;
  }

  #curvesOf(g: number): Curves {
    return (this.#curves[this.#stageIndex] as readonly Curves[])[g] as Curves;
  }

  /** Mature units of a guardrail: 0 of the candidate, 1 of the control. */
  #units(g: number, arm: 0 | 1): number {
    const { maturity } = this.#input.guardrails[g] as SimulationInput["guardrails"][number];
    const share = this.#input.shares[this.#input.stageGroups[this.#stageIndex] as number]?.[g] as number;
    return (this.#matureUnits[2 * maturity + arm] as number) * share;
  }

  #time(g: number): number {
    const planned = this.#plan.calibration?.plannedSample[this.#stageIndex]?.[g] ?? 0;
    const share = planned > 0 ? 1 / (1 / this.#units(g, 0) + 1 / this.#units(g, 1)) / planned : Number.NaN;
    const clock = (this.#k * this.#windowMs) / this.#stage.maximumMs;
    return timeOf(this.#plan.rule.evidence, share, clock, this.#isLast());
  }

  #isUnknown(g: number, { control, candidate }: Arms<MutableReading>): boolean {
    return (
      this.#units(g, 0) === 0 ||
      this.#units(g, 1) === 0 ||
      Number.isNaN(control.standardError) ||
      Number.isNaN(candidate.standardError)
    );
  }

  #read(g: number): Arms<MutableReading> {
    const arms = this.#arms[g] as Arms<MutableReading>;
    if (this.#known[g] === 1) return arms;
    this.#known[g] = 1;
    const { maturity } = this.#input.guardrails[g] as SimulationInput["guardrails"][number];
    const columns = this.#columns[g] as Columns;
    const { control, candidate } = this.#sums[g] as Arms<Float64Array>;
    const at = this.#k * this.guardrails + g;
    const effect = (own: EffectsFrom | undefined) => (own as EffectsFrom).designEffect[at] as number;
    readArm(arms.candidate, columns, candidate, this.#sessions[2 * maturity] as number, effect(this.#candidate));
    readArm(arms.control, columns, control, this.#sessions[2 * maturity + 1] as number, effect(this.#control));
    return arms;
  }
}

const promoted: LookOutcome = { action: "promote", final: true, because: -1 };
const held: LookOutcome = { action: "hold", final: false, because: -1 };
const stopped: LookOutcome = { action: "hold", final: true, because: -1 };
const timedOut: LookOutcome = { action: "rollback", final: true, because: -1 };
