import { bucketCount } from "../../plan/assignment.ts";
import { decide, type Look } from "../../plan/decide.ts";
import { type ControlledStage, controlledStages } from "../../plan/plan.ts";
import type { ArmReading, Arms } from "../../plan/reading.ts";
import type { Values } from "../../shadow/outcomes.ts";
import { simulatedRanks } from "../../sim/arm-reading.ts";
import type { Assignment } from "../../sim/assign-units.ts";
import type { DesignEffects, EffectsFrom } from "../../sim/design-effect.ts";
import type { Rollout } from "../../sim/rollout.ts";
import type { SimulatedGuardrail, SimulationInput } from "../../sim/simulation-input.ts";
import { normalUpperQuantile } from "../../statistics/distributions.ts";

/*
 * The engine of sim/ written plainly: sums in floating point, one rollout after another, and every look put into words for
 * `decide`. It is the judge of the fast one.
 */

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
        starts: exposedFrom.map((own) => own.start),
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
    starts: exposedFrom.map((own) => own.start),
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
    const units = rows.map(({ control, candidate }, maturity) => {
      const perSession = effects.control.unitsPerSession[k * rows.length + maturity] as number;
      return { control: (control[0] as number) * perSession, candidate: (candidate[0] as number) * perSession };
    });
    return {
      stage: stageIndex,
      elapsedMs: k * input.windowMs,
      last: k * input.windowMs >= stage.maximumMs,
      units: units[input.slowest] as Arms<number>,
      firstSeen: { control: this.#firstTotal - this.#firstExposed, candidate: this.#firstExposed },
      unitsInBothArms: 0,
      metrics: input.guardrails.map((guardrail, g) => {
        const { maturity } = guardrail;
        const share = input.shares[0]?.[g] as number;
        const everyone = units[maturity] as Arms<number>;
        const offset = (control.layouts[maturity] as Layout).offset[g] as number;
        const own = rows[maturity] as { control: Float64Array; candidate: Float64Array };
        const effect = ({ designEffect }: EffectsFrom) => designEffect[k * input.guardrails.length + g] as number;
        return {
          control: armReading(guardrail, own.control, offset, effect(effects.control)),
          candidate: armReading(guardrail, own.candidate, offset, effect(effects.candidate)),
          units: { control: everyone.control * share, candidate: everyone.candidate * share },
          missing: noneMissing,
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

/** The log's own missing values are in both arms. */
const noneMissing: Arms<number> = { control: 0, candidate: 0 };

const unknown: ArmReading = { estimate: Number.NaN, standardError: Number.NaN, effectiveSample: 0 };

/**
 * What an arm's sums say of a guardrail, with the variance of independent sessions times the design effect. A composition is
 * read to first order, with the variance of second order beside it and no value below the draws that it asks for.
 */
export function armReading(
  {
    kind,
    centre,
    edges,
    curvature,
    guardrail,
  }: Pick<SimulatedGuardrail, "kind" | "centre" | "edges" | "curvature" | "guardrail">,
  sums: Float64Array,
  offset: number,
  designEffect: number,
): ArmReading {
  const { metric } = guardrail;
  if (kind === "quantile") {
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
  if (!(b > 0) || (metric.kind === "distinct-share" && b < metric.draws)) return unknown;
  const ratio = a / b;
  const sessions = session ? b : (sums[0] as number);
  const aa = sums[session ? offset + 1 : offset + 2] as number;
  const ab = session ? a : (sums[offset + 3] as number);
  const bb = session ? b : (sums[offset + 4] as number);
  const residual = Math.max(0, aa - 2 * ratio * ab + ratio * ratio * bb);
  const variance = sessions < 2 ? Number.NaN : ((residual * sessions) / (sessions - 1) / (b * b)) * designEffect;
  return {
    estimate: centre + ratio,
    standardError: Math.sqrt(variance + curvature / (b * b)),
    effectiveSample: b / designEffect,
  };
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
  const { lower, upper } = simulatedRanks(effective, p);
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

/** Where a guardrail's columns start in a row, and how many there are. */
export interface Layout {
  readonly offset: readonly number[];
  /** columns of a row; the first is the number of sessions */
  readonly width: number;
}

/** Sums of outcomes by bucket: `bucketCount` rows of `width` columns, and the total over all buckets. */
export interface Cell {
  readonly rows: Float64Array;
  readonly total: Float64Array;
}

/**
 * The columns of one maturity: sessions, then per guardrail
 * - session: numerator, its square, denominator (0 or 1)
 * - ratio: numerator, denominator, numerator², numerator·denominator, denominator²
 * - quantile: requests below or at each edge's bin
 *
 * Numerators are centred: numerator − centre · denominator.
 */
function layoutOf(guardrails: readonly SimulatedGuardrail[], maturity: number): Layout {
  let width = 1;
  const offset = guardrails.map((guardrail) => {
    const at = width;
    if (guardrail.maturity === maturity) width += columnsOf(guardrail);
    return at;
  });
  return { offset, width };
}

function columnsOf({ kind, edges }: SimulatedGuardrail): number {
  if (kind === "quantile") return (edges as Float64Array).length;
  return kind === "ratio" ? 5 : 3;
}

/**
 * Bucket tables of one salt and one arm, a cell for each window of arrival and each delay of visibility, built when they
 * are first asked for: most rollouts end before the plan's last window.
 */
export class BucketTables {
  readonly #input: SimulationInput;
  readonly #assignment: Assignment;
  readonly #values: readonly Values[];
  readonly #cells = new Map<number, Cell | null>();
  readonly layouts: readonly Layout[];

  /** @param values the arm's values, one entry a guardrail */
  constructor(input: SimulationInput, assignment: Assignment, values: readonly Values[]) {
    this.#input = input;
    this.#assignment = assignment;
    this.#values = values;
    this.layouts = input.sessions.lags.map((_, maturity) => layoutOf(input.guardrails, maturity));
  }

  /** Sums of the sessions that arrive in a window and become visible at a delay; null when there are none. */
  cell(maturity: number, lag: number, window: number): Cell | null {
    const key = (window * 256 + lag) * 16 + maturity;
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const built = this.#build(maturity, lag, window);
    this.#cells.set(key, built);
    return built;
  }

  #build(maturity: number, lag: number, window: number): Cell | null {
    const { sessions, guardrails } = this.#input;
    const { buckets, starts } = this.#assignment;
    const { offset, width } = this.layouts[maturity] as Layout;
    const lags = (sessions.lags[maturity] as { lag: Uint8Array }).lag;
    let rows: Float64Array | null = null;
    const row = new Float64Array(width);
    for (let i = sessions.windowStart[window] as number; i < (sessions.windowStart[window + 1] as number); i++) {
      if (lags[i] !== lag) continue;
      const unit = sessions.unit[i] as number;
      const from = starts[unit] as number;
      const to = starts[unit + 1] as number;
      if (from === to) continue;
      rows ??= new Float64Array(bucketCount * width);
      row.fill(0);
      row[0] = 1;
      for (let g = 0; g < guardrails.length; g++) {
        const guardrail = guardrails[g] as SimulatedGuardrail;
        if (guardrail.maturity === maturity)
          contribute(guardrail, this.#values[g] as Values, sessions.base[i] as number, row, offset[g] as number);
      }
      for (let copy = from; copy < to; copy++) {
        const at = (buckets[copy] as number) * width;
        for (let c = 0; c < width; c++) rows[at + c] = (rows[at + c] as number) + (row[c] as number);
      }
    }
    return rows && { rows, total: columnTotals(rows, width) };
  }
}

function contribute(
  { kind, mask, centre, edges }: SimulatedGuardrail,
  values: Values,
  i: number,
  row: Float64Array,
  at: number,
): void {
  if (mask && mask[i] === 0) return;
  if (values.kind === "requests") {
    for (let k = values.offsets[i] as number; k < (values.offsets[i + 1] as number); k++) {
      const bin = at + binOf(edges as Float64Array, values.values[k] as number);
      row[bin] = (row[bin] as number) + 1;
    }
    return;
  }
  const denominator = values.denominator[i] as number;
  const numerator = (values.numerator[i] as number) - centre * denominator;
  if (kind === "session") {
    row[at] = numerator;
    row[at + 1] = numerator * numerator;
    row[at + 2] = denominator;
    return;
  }
  row[at] = numerator;
  row[at + 1] = denominator;
  row[at + 2] = numerator * numerator;
  row[at + 3] = numerator * denominator;
  row[at + 4] = denominator * denominator;
}

/** Index of the first edge that is not below the value. */
function binOf(edges: Float64Array, value: number): number {
  let low = 0;
  let high = edges.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function columnTotals(rows: Float64Array, width: number): Float64Array {
  const totals = new Float64Array(width);
  for (let at = 0; at < rows.length; at += width) {
    for (let c = 0; c < width; c++) totals[c] = (totals[c] as number) + (rows[at + c] as number);
  }
  return totals;
}

/** Units first seen in each window, by bucket. */
export class FirstSeen {
  readonly #input: SimulationInput;
  readonly #assignment: Assignment;
  readonly #windows = new Map<number, { readonly counts: Int32Array; readonly total: number }>();

  constructor(input: SimulationInput, assignment: Assignment) {
    this.#input = input;
    this.#assignment = assignment;
  }

  window(window: number): { readonly counts: Int32Array; readonly total: number } {
    const known = this.#windows.get(window);
    if (known) return known;
    const { sessions } = this.#input;
    const { buckets, starts } = this.#assignment;
    const counts = new Int32Array(bucketCount);
    let total = 0;
    for (let i = sessions.windowStart[window] as number; i < (sessions.windowStart[window + 1] as number); i++) {
      if (sessions.first[i] === 0) continue;
      const unit = sessions.unit[i] as number;
      for (let copy = starts[unit] as number; copy < (starts[unit + 1] as number); copy++) {
        const bucket = buckets[copy] as number;
        counts[bucket] = (counts[bucket] as number) + 1;
        total += 1;
      }
    }
    const built = { counts, total };
    this.#windows.set(window, built);
    return built;
  }
}
