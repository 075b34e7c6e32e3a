import type { Values } from "../shadow/outcomes.ts";
import { quantileSorted } from "../statistics/quantiles/quantiles.ts";
import type { SessionColumns, SimulatedGuardrail, SimulationInput } from "./simulation-input.ts";

/** What the population says of the sessions from one start on, by the number of windows since. */
export interface EffectsFrom {
  /** design effect of guardrail g after k windows at k · guardrails + g: clustered over independent variance */
  readonly designEffect: Float64Array;
  /** units per session that is visible at maturity m after k windows, at k · maturities + m */
  readonly unitsPerSession: Float64Array;
  /** distinct units that arrive within k windows, for the whole plan */
  readonly unitsArrived: Float64Array;
}

/**
 * Design effects of the population, by start of a stage.
 *
 * Sessions of one user in two windows make sums of squares by unit not additive over windows; added up as if independent
 * they turn a nominal 5 % into 13 %. The sums by session are additive, and the population's own ratio of the two
 * variances, taken over exactly the windows that a look has seen, corrects them.
 *
 * Source: Kish (1965), Survey Sampling, §8.2, for the design effect; the residual is that of the ratio of sums.
 */
export class DesignEffects {
  readonly #input: SimulationInput;
  readonly #values: readonly Values[];
  readonly #longest: number;
  readonly #base: DesignEffects | undefined;
  readonly #group: Uint8Array | null;
  readonly #known = new Map<number, EffectsFrom>();
  /** by guardrail: the same from every start */
  readonly #cuts: number[] = [];

  /**
   * @param values the arm's values, one entry a guardrail
   * @param longest windows of the longest stage
   * @param base    effects of an arm with which some values are shared, the same objects
   * @param group   1 for the sessions of the log that take part, null for all
   */
  constructor(
    input: SimulationInput,
    values: readonly Values[],
    longest: number,
    base?: DesignEffects,
    group: Uint8Array | null = null,
  ) {
    this.#input = input;
    this.#values = values;
    this.#longest = longest;
    this.#base = base;
    this.#group = group;
  }

  from(start: number): EffectsFrom {
    const known = this.#known.get(start);
    if (known) return known;
    const base = this.#base?.from(start);
    const { designEffect, unitsPerSession } = this.#clustering(start, base);
    const found = { designEffect, unitsPerSession, unitsArrived: base?.unitsArrived ?? this.#arrivals(start) };
    this.#known.set(start, found);
    return found;
  }

  #clustering(start: number, base: EffectsFrom | undefined): Pick<EffectsFrom, "designEffect" | "unitsPerSession"> {
    const { guardrails, sessions } = this.#input;
    const shared = this.#base ? this.#base.#values : undefined;
    const clusters = guardrails.map((guardrail, g) =>
      base && this.#values[g] === shared?.[g]
        ? undefined
        : new Cluster(guardrail, this.#values[g] as Values, this.#cut(g), sessions.units),
    );
    const maturities = sessions.lags.length;
    const visible = sessions.lags.map(() => ({ sessions: 0, units: 0, seen: new Uint8Array(sessions.units) }));
    const designEffect = new Float64Array((this.#longest + 1) * guardrails.length).fill(1);
    const unitsPerSession = new Float64Array((this.#longest + 1) * maturities).fill(1);
    const some = new SomeSessions(sessions);
    for (let k = 1; k <= this.#longest; k++) {
      for (const [maturity, { lag, delays }] of sessions.lags.entries()) {
        const own = visible[maturity] as (typeof visible)[number];
        for (const [index, delay] of delays.entries()) {
          const window = start + k - 1 - delay;
          if (window < start || window >= this.#input.planWindows) continue;
          some.choose(window, lag, index, this.#group);
          for (const [g, guardrail] of guardrails.entries()) {
            if (guardrail.maturity === maturity) clusters[g]?.add(some);
          }
          own.sessions += some.count;
          own.units += some.countNew(own.seen);
        }
      }
      for (const [g, cluster] of clusters.entries()) {
        const at = k * guardrails.length + g;
        designEffect[at] = cluster ? cluster.effect() : (base?.designEffect[at] as number);
      }
      for (const [maturity, own] of visible.entries()) {
        unitsPerSession[k * maturities + maturity] = own.sessions === 0 ? 1 : own.units / own.sessions;
      }
    }
    return { designEffect, unitsPerSession };
  }

  /** The quantile of all values of a guardrail; 0 for other metrics. */
  #cut(g: number): number {
    const known = this.#cuts[g];
    if (known !== undefined) return known;
    const { metric } = (this.#input.guardrails[g] as SimulatedGuardrail).guardrail;
    const values = this.#values[g] as Values;
    const cut =
      metric.kind === "quantile" && values.kind === "requests"
        ? quantileSorted(Float64Array.from(values.values).sort(), metric.quantile)
        : 0;
    this.#cuts[g] = cut;
    return cut;
  }

  #takesPart(base: number): boolean {
    return this.#group === null || this.#group[base] === 1;
  }

  #arrivals(start: number): Float64Array {
    const { sessions, planWindows } = this.#input;
    const seen = new Uint8Array(sessions.units);
    const arrived = new Float64Array(planWindows - start + 1);
    for (let window = start; window < planWindows; window++) {
      let count = arrived[window - start] as number;
      for (let i = sessions.windowStart[window] as number; i < (sessions.windowStart[window + 1] as number); i++) {
        if (!this.#takesPart(sessions.base[i] as number)) continue;
        const unit = sessions.unit[i] as number;
        if (seen[unit] === 0) count += 1;
        seen[unit] = 1;
      }
      arrived[window - start + 1] = count;
    }
    return arrived;
  }
}

/** Sessions of a window that become visible together. */
class SomeSessions {
  /** of the log */
  readonly who: Int32Array;
  readonly units: Int32Array;
  count = 0;
  readonly #columns: SessionColumns;

  constructor(columns: SessionColumns) {
    this.#columns = columns;
    const { windowStart } = columns;
    const most = windowStart.reduce((longest, from, w) => Math.max(longest, (windowStart[w + 1] ?? from) - from), 0);
    this.who = new Int32Array(most);
    this.units = new Int32Array(most);
  }

  choose(window: number, lag: Uint8Array, index: number, group: Uint8Array | null): void {
    const { base, unit, windowStart } = this.#columns;
    const [first, last] = [windowStart[window] as number, windowStart[window + 1] as number];
    let count = 0;
    for (let i = first; i < last; i++) {
      const session = base[i] as number;
      if (lag[i] !== index || (group !== null && group[session] === 0)) continue;
      this.who[count] = session;
      this.units[count] = unit[i] as number;
      count += 1;
    }
    this.count = count;
  }

  /** Marks their units as seen; returns how many were not. */
  countNew(seen: Uint8Array): number {
    let unseen = 0;
    for (let j = 0; j < this.count; j++) {
      const unit = this.units[j] as number;
      unseen += 1 - (seen[unit] as number);
      seen[unit] = 1;
    }
    return unseen;
  }
}

/** Running sums of one guardrail by unit and by independent piece: session, or request of a quantile metric. */
class Cluster {
  readonly #guardrail: SimulatedGuardrail;
  readonly #values: Values;
  readonly #cut: number;
  /** numerator and denominator of each unit, side by side */
  readonly #ofUnit: Float64Array;
  #sumA = 0;
  #sumB = 0;
  readonly #byUnit: Products = { aa: 0, ab: 0, bb: 0 };
  readonly #byPiece: Products = { aa: 0, ab: 0, bb: 0 };

  /** @param cut values of a quantile metric up to it count */
  constructor(guardrail: SimulatedGuardrail, values: Values, cut: number, units: number) {
    this.#guardrail = guardrail;
    this.#values = values;
    this.#cut = cut;
    this.#ofUnit = new Float64Array(2 * units);
  }

  add({ who, units, count }: SomeSessions): void {
    const { mask, centre } = this.#guardrail;
    const values = this.#values;
    for (let j = 0; j < count; j++) {
      const session = who[j] as number;
      if (mask !== null && mask[session] === 0) continue;
      const unit = units[j] as number;
      if (values.kind === "sums") {
        const denominator = values.denominator[session] as number;
        this.#piece((values.numerator[session] as number) - centre * denominator, denominator, unit);
        continue;
      }
      for (let k = values.offsets[session] as number; k < (values.offsets[session + 1] as number); k++) {
        this.#piece((values.values[k] as number) <= this.#cut ? 1 : 0, 1, unit);
      }
    }
  }

  /** Clustered over independent variance of the ratio of sums; 1 while there is no variance. */
  effect(): number {
    if (this.#sumB === 0) return 1;
    const ratio = this.#sumA / this.#sumB;
    const residual = ({ aa, ab, bb }: Products) => aa - 2 * ratio * ab + ratio * ratio * bb;
    const independent = residual(this.#byPiece);
    const clustered = residual(this.#byUnit);
    return independent > 1e-12 * this.#byPiece.bb && clustered > 0 ? clustered / independent : 1;
  }

  #piece(a: number, b: number, unit: number): void {
    const at = 2 * unit;
    const before = this.#ofUnit[at] as number;
    const weight = this.#ofUnit[at + 1] as number;
    this.#byUnit.aa += a * (2 * before + a);
    this.#byUnit.ab += a * weight + b * before + a * b;
    this.#byUnit.bb += b * (2 * weight + b);
    this.#byPiece.aa += a * a;
    this.#byPiece.ab += a * b;
    this.#byPiece.bb += b * b;
    this.#sumA += a;
    this.#sumB += b;
    this.#ofUnit[at] = before + a;
    this.#ofUnit[at + 1] = weight + b;
  }
}

interface Products {
  aa: number;
  ab: number;
  bb: number;
}
