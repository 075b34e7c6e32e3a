import { decide, type Look } from "../plan/decide.ts";
import { bucketCount } from "../plan/parse-plan.ts";
import { type ControlledStage, controlledStages } from "../plan/plan.ts";
import type { ArmReading } from "../plan/reading.ts";
import { normalUpperQuantile } from "../statistics/distributions.ts";
import { quantileRanks } from "../statistics/quantiles/quantiles.ts";
import type { BucketTables, Cell, FirstSeen, Layout } from "./bucket-tables.ts";
import type { DesignEffects, EffectsFrom } from "./design-effect.ts";
import type { SimulatedGuardrail, SimulationInput } from "./simulation-input.ts";

/** How one simulated rollout ended. */
export interface Rollout {
  readonly end: "promoted" | "rolledBack" | "stopped";
  /** controlled stage in which it ended */
  readonly stage: number;
  /** windows from the start of the rollout to the end of its last controlled stage */
  readonly windows: number;
  /** units that the candidate served at least once before then */
  readonly unitsExposed: number;
  /** index of the guardrail that rolled back; −1 for a timeout, and where nothing did */
  readonly because: number;
}

/** The traffic of one salt under one scenario. */
export interface World {
  readonly input: SimulationInput;
  readonly control: BucketTables;
  /** the same object when the candidate equals the control */
  readonly candidate: BucketTables;
  readonly firstSeen: FirstSeen;
  readonly controlEffects: DesignEffects;
  readonly candidateEffects: DesignEffects;
}

/**
 * One rollout's life: stage after stage, look after look, each judged by {@link decide} on what it would have seen.
 *
 * @param permutation of the buckets: the first `exposure` of them are the candidate's, so that a unit, once exposed,
 *   stays exposed
 */
export function simulateRollout(world: World, permutation: Uint16Array): Rollout {
  const { plan, windowMs } = world.input;
  const stages = controlledStages(plan);
  const exposedFrom: { readonly start: number; readonly added: number }[] = [];
  let start = 0;
  let before = 0;
  for (const [index, stage] of stages.entries()) {
    exposedFrom.push({ start, added: stage.exposure - before });
    before = stage.exposure;
    const sums = new StageSums(world, permutation, start, Math.round(stage.exposure * bucketCount));
    const longest = stage.maximumMs / windowMs;
    const step = stage.lookEveryMs / windowMs;
    for (let k = 1; k <= longest; k++) {
      sums.advance(k);
      if (k % step !== 0 && k !== longest) continue;
      const decision = decide(plan, sums.look(index, k, stage));
      if (decision.action === "promote") {
        start += k;
        break;
      }
      if (decision.action === "hold" && !decision.final) continue;
      return {
        end: decision.action === "hold" ? "stopped" : "rolledBack",
        stage: index,
        windows: start + k,
        unitsExposed: unitsExposed(world, exposedFrom, start + k),
        because:
          decision.action === "rollback" && !decision.timeout
            ? plan.guardrails.findIndex(({ key }) => key === decision.because)
            : -1,
      };
    }
  }
  return {
    end: "promoted",
    stage: stages.length - 1,
    windows: start,
    unitsExposed: unitsExposed(world, exposedFrom, start),
    because: -1,
  };
}

/** Expected over the permutations of buckets: the share added at each stage, of the units that arrive from then on. */
function unitsExposed(
  { controlEffects }: World,
  exposedFrom: readonly { readonly start: number; readonly added: number }[],
  end: number,
): number {
  return exposedFrom.reduce(
    (sum, { start, added }) => sum + added * (controlEffects.from(start).unitsArrived[end - start] as number),
    0,
  );
}

/** Sums of a stage so far: of the exposed buckets in either table, and of all buckets under control. */
class StageSums {
  readonly #world: World;
  readonly #permutation: Uint16Array;
  readonly #start: number;
  readonly #exposed: number;
  readonly #candidate: Float64Array[];
  readonly #controlExposed: Float64Array[];
  readonly #controlTotal: Float64Array[];
  #firstExposed = 0;
  #firstTotal = 0;

  constructor(world: World, permutation: Uint16Array, start: number, exposed: number) {
    this.#world = world;
    this.#permutation = permutation;
    this.#start = start;
    this.#exposed = exposed;
    const rows = () => world.control.layouts.map(({ width }) => new Float64Array(width));
    this.#candidate = rows();
    this.#controlExposed = world.candidate === world.control ? this.#candidate : rows();
    this.#controlTotal = rows();
  }

  /** Adds what becomes visible at the end of the k-th window. */
  advance(k: number): void {
    const { input, control, candidate, firstSeen } = this.#world;
    const now = this.#start + k - 1;
    const { counts, total } = firstSeen.window(now);
    for (let b = 0; b < this.#exposed; b++) this.#firstExposed += counts[this.#permutation[b] as number] as number;
    this.#firstTotal += total;
    for (const [maturity, { delays }] of input.sessions.lags.entries()) {
      for (const [lag, delay] of delays.entries()) {
        if (now - delay < this.#start) continue;
        const own = control.cell(maturity, lag, now - delay);
        if (own === null) continue;
        add(this.#controlTotal[maturity] as Float64Array, own.total);
        this.#gather(own, this.#controlExposed[maturity] as Float64Array);
        if (candidate !== control) {
          this.#gather(candidate.cell(maturity, lag, now - delay) as Cell, this.#candidate[maturity] as Float64Array);
        }
      }
    }
  }

  look(stageIndex: number, k: number, stage: ControlledStage): Look {
    const { input, controlEffects, candidateEffects, control } = this.#world;
    const effects = { control: controlEffects.from(this.#start), candidate: candidateEffects.from(this.#start) };
    const rows = this.#candidate.map((candidate, maturity) => ({
      candidate,
      control: subtract(this.#controlTotal[maturity] as Float64Array, this.#controlExposed[maturity] as Float64Array),
    }));
    const arms = rows[input.slowest] as { control: Float64Array; candidate: Float64Array };
    const perSession = effects.control.unitsPerSession[k] as number;
    return {
      stage: stageIndex,
      elapsedMs: k * input.windowMs,
      last: k * input.windowMs >= stage.maximumMs,
      units: {
        control: (arms.control[0] as number) * perSession,
        candidate: (arms.candidate[0] as number) * perSession,
      },
      firstSeen: { control: this.#firstTotal - this.#firstExposed, candidate: this.#firstExposed },
      unitsInBothArms: 0,
      metrics: input.guardrails.map((guardrail, g) => {
        const { maturity } = guardrail;
        const offset = (control.layouts[maturity] as Layout).offset[g] as number;
        const own = rows[maturity] as { control: Float64Array; candidate: Float64Array };
        const effect = ({ designEffect }: EffectsFrom) => designEffect[k * input.guardrails.length + g] as number;
        return {
          control: armReading(guardrail, own.control, offset, effect(effects.control)),
          candidate: armReading(guardrail, own.candidate, offset, effect(effects.candidate)),
        };
      }),
    };
  }

  #gather({ rows }: Cell, into: Float64Array): void {
    const width = into.length;
    for (let b = 0; b < this.#exposed; b++) {
      const at = (this.#permutation[b] as number) * width;
      for (let c = 0; c < width; c++) into[c] = (into[c] as number) + (rows[at + c] as number);
    }
  }
}

const unknown: ArmReading = { estimate: Number.NaN, standardError: Number.NaN, effectiveSample: 0 };

/** What an arm's sums say of a guardrail, with the variance of independent sessions times the design effect. */
export function armReading(
  { kind, centre, edges, guardrail }: Pick<SimulatedGuardrail, "kind" | "centre" | "edges" | "guardrail">,
  sums: Float64Array,
  offset: number,
  designEffect: number,
): ArmReading {
  if (kind === "quantile") {
    const { metric } = guardrail;
    return quantileReading(
      sums,
      offset,
      edges as Float64Array,
      metric.kind === "quantile" ? metric.quantile : 0.5,
      designEffect,
    );
  }
  const session = kind === "session";
  const a = sums[offset] as number;
  const b = sums[session ? offset + 2 : offset + 1] as number;
  if (!(b > 0)) return unknown;
  const ratio = a / b;
  const sessions = session ? b : (sums[0] as number);
  const aa = sums[session ? offset + 1 : offset + 2] as number;
  const ab = session ? a : (sums[offset + 3] as number);
  const bb = session ? b : (sums[offset + 4] as number);
  const residual = Math.max(0, aa - 2 * ratio * ab + ratio * ratio * bb);
  const variance = sessions < 2 ? Number.NaN : ((residual * sessions) / (sessions - 1) / (b * b)) * designEffect;
  return { estimate: centre + ratio, standardError: Math.sqrt(variance), effectiveSample: b / designEffect };
}

/** P-quantile from counts by bin, with the order-statistic interval over 2z as its standard error. */
function quantileReading(
  sums: Float64Array,
  offset: number,
  edges: Float64Array,
  p: number,
  designEffect: number,
): ArmReading {
  let n = 0;
  for (let j = 0; j < edges.length; j++) n += sums[offset + j] as number;
  const effective = n / designEffect;
  const { lower, upper } = quantileRanks(effective, p);
  if (lower === null || upper === null) return unknown;
  const at = (share: number): number => {
    let below = 0;
    const wanted = share * n;
    for (let j = 0; j < edges.length; j++) {
      const inside = sums[offset + j] as number;
      if (below + inside >= wanted && inside > 0) {
        const from = edges[Math.max(0, j - 1)] as number;
        return from + ((edges[j] as number) - from) * ((wanted - below) / inside);
      }
      below += inside;
    }
    return edges[edges.length - 1] as number;
  };
  const width = at(upper / effective) - at(lower / effective);
  return { estimate: at(p), standardError: width / (2 * twoSided95), effectiveSample: effective };
}

const twoSided95 = normalUpperQuantile(0.025);

function add(into: Float64Array, from: Float64Array): void {
  for (let c = 0; c < into.length; c++) into[c] = (into[c] as number) + (from[c] as number);
}

function subtract(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, c) => value - (b[c] as number));
}
