import type { Values } from "../shadow/outcomes.ts";
import { quantileSorted } from "../statistics/quantiles/quantiles.ts";
import type { SimulatedGuardrail, SimulationInput } from "./simulation-input.ts";

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
        : new Cluster(guardrail, this.#values[g] as Values, sessions.units),
    );
    const maturities = sessions.lags.length;
    const visible = sessions.lags.map(() => ({ sessions: 0, units: 0, seen: new Uint8Array(sessions.units) }));
    const designEffect = new Float64Array((this.#longest + 1) * guardrails.length).fill(1);
    const unitsPerSession = new Float64Array((this.#longest + 1) * maturities).fill(1);
    for (let k = 1; k <= this.#longest; k++) {
      for (const [maturity, { delays }] of sessions.lags.entries()) {
        const own = visible[maturity] as (typeof visible)[number];
        for (const [lag, delay] of delays.entries()) {
          this.#eachSession(start + k - 1 - delay, start, maturity, lag, (i, unit) => {
            for (const [g, guardrail] of guardrails.entries()) {
              if (guardrail.maturity === maturity) clusters[g]?.add(i, unit);
            }
            own.sessions += 1;
            if (own.seen[unit] === 0) own.units += 1;
            own.seen[unit] = 1;
          });
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

  #eachSession(
    window: number,
    start: number,
    maturity: number,
    lag: number,
    visit: (session: number, unit: number) => void,
  ): void {
    const { sessions, planWindows } = this.#input;
    if (window < start || window >= planWindows) return;
    const lags = (sessions.lags[maturity] as { lag: Uint8Array }).lag;
    for (let i = sessions.windowStart[window] as number; i < (sessions.windowStart[window + 1] as number); i++) {
      const base = sessions.base[i] as number;
      if (lags[i] === lag && this.#takesPart(base)) visit(base, sessions.unit[i] as number);
    }
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

/** Running sums of one guardrail by unit and by independent piece: session, or request of a quantile metric. */
class Cluster {
  readonly #guardrail: SimulatedGuardrail;
  readonly #values: Values;
  readonly #cut: number;
  readonly #numerator: Float64Array;
  readonly #denominator: Float64Array;
  #sumA = 0;
  #sumB = 0;
  readonly #byUnit = { aa: 0, ab: 0, bb: 0 };
  readonly #byPiece = { aa: 0, ab: 0, bb: 0 };

  constructor(guardrail: SimulatedGuardrail, values: Values, units: number) {
    this.#guardrail = guardrail;
    this.#values = values;
    this.#numerator = new Float64Array(units);
    this.#denominator = new Float64Array(units);
    const { metric } = guardrail.guardrail;
    this.#cut =
      metric.kind === "quantile" && values.kind === "requests"
        ? quantileSorted(Float64Array.from(values.values).sort(), metric.quantile)
        : 0;
  }

  add(session: number, unit: number): void {
    const { mask, centre } = this.#guardrail;
    if (mask && mask[session] === 0) return;
    const values = this.#values;
    if (values.kind === "sums") {
      const denominator = values.denominator[session] as number;
      this.#piece((values.numerator[session] as number) - centre * denominator, denominator, unit);
      return;
    }
    for (let k = values.offsets[session] as number; k < (values.offsets[session + 1] as number); k++) {
      this.#piece((values.values[k] as number) <= this.#cut ? 1 : 0, 1, unit);
    }
  }

  /** Clustered over independent variance of the ratio of sums; 1 while there is no variance. */
  effect(): number {
    if (this.#sumB === 0) return 1;
    const ratio = this.#sumA / this.#sumB;
    const residual = ({ aa, ab, bb }: { aa: number; ab: number; bb: number }) =>
      aa - 2 * ratio * ab + ratio * ratio * bb;
    const independent = residual(this.#byPiece);
    const clustered = residual(this.#byUnit);
    return independent > 1e-12 * this.#byPiece.bb && clustered > 0 ? clustered / independent : 1;
  }

  #piece(a: number, b: number, unit: number): void {
    const before = this.#numerator[unit] as number;
    const weight = this.#denominator[unit] as number;
    this.#byUnit.aa += a * (2 * before + a);
    this.#byUnit.ab += a * weight + b * before + a * b;
    this.#byUnit.bb += b * (2 * weight + b);
    this.#byPiece.aa += a * a;
    this.#byPiece.ab += a * b;
    this.#byPiece.bb += b * b;
    this.#sumA += a;
    this.#sumB += b;
    this.#numerator[unit] = before + a;
    this.#denominator[unit] = weight + b;
  }
}
