import { finalize, hashText, position, type TextHash } from "../plan/assignment.ts";
import { isComposition } from "../plan/metric.ts";
import { type ControlledStage, controlledStages, type Guardrail, type Plan } from "../plan/plan.ts";
import { type Course, shareHarmed } from "../scenarios/course.ts";
import type { Attribute, Outcomes, Values } from "../shadow/outcomes.ts";
import { quantileSorted } from "../statistics/quantiles/quantiles.ts";
import { lapsOf, unroll } from "./laps.ts";
import { plannedSample } from "./planned-sample.ts";
import { copyShared, shared } from "./shared-arrays.ts";

/** Everything that the simulation of a plan reads: typed arrays on shared memory, so that threads read one copy. */
export interface SimulationInput {
  readonly plan: Plan;
  readonly windowMs: number;
  /** windows that the plan can last */
  readonly planWindows: number;
  /** times that a plan of full length goes around the log; above 1 its traffic is used again, by new units */
  readonly laps: number;
  readonly sessions: SessionColumns;
  readonly guardrails: readonly SimulatedGuardrail[];
  /** who takes part in stages: 1 for the sessions of the log that do, null for everyone */
  readonly groups: readonly (Uint8Array | null)[];
  /** index of the group of each controlled stage */
  readonly stageGroups: readonly number[];
  /** by group and guardrail: share of the group's sessions that are in the guardrail's segment */
  readonly shares: readonly (readonly number[])[];
  /** index of the largest `matureAfter`: units are counted when all their values are known */
  readonly slowest: number;
  readonly scenarios: readonly string[];
  /** how each scenario's harm goes on */
  readonly worlds: readonly World[];
  /** by session of the log, in [0, 1): a harm that reaches a share of sessions reaches those below it; null when none does */
  readonly chance: Float64Array | null;
}

/** How a scenario's harm goes on. */
export interface World {
  /** share of the sessions that it reaches, by window since the rollout's start; null for all */
  readonly shares: Float64Array | null;
  /** index of the controlled stage from which on it is there */
  readonly fromStage: number;
}

/** The sessions of the whole plan, in the order of arrival: those of the log, lap after lap. */
export interface SessionColumns {
  /** the session of the log whose values it has */
  readonly base: Int32Array;
  /** a unit of another lap is another unit */
  readonly unit: Int32Array;
  readonly units: number;
  /** two words a unit */
  readonly unitHash: Uint32Array;
  /** 1 for the sessions of the log that the other arm serves; null where none is */
  readonly swapped: Uint8Array | null;
  /** the unit of each session of the log, where sessions are assigned each by itself; null where units are */
  readonly owners: Int32Array | null;
  /** of each unit, where no salt decides: lower ones are exposed first; null where salts do */
  readonly buckets: Uint16Array | null;
  /** sessions of window w: from windowStart[w] to windowStart[w + 1] */
  readonly windowStart: Int32Array;
  /** 1 for the first session of its unit */
  readonly first: Uint8Array;
  /** visible this many whole windows after the window of arrival, one array per distinct `matureAfter` */
  readonly lags: readonly Lags[];
}

export interface Lags {
  readonly lag: Uint8Array;
  /** window delay of each lag index, rising */
  readonly delays: readonly number[];
}

/** A guardrail's values under control, and under the candidate of each scenario; the same object where they are equal. */
export interface SimulatedGuardrail {
  readonly kind: "session" | "ratio" | "quantile";
  readonly guardrail: Guardrail;
  /** index into lags */
  readonly maturity: number;
  /** subtracted per unit of denominator before squaring, so that sums of squares do not cancel */
  readonly centre: number;
  /** 1 for the sessions of the segment; null for everyone */
  readonly mask: Uint8Array | null;
  /** upper edges of the bins of a quantile metric, rising; the last is the largest value */
  readonly edges: Float64Array | null;
  /** of a composition: variance of second order, times the squared sum of denominators; else 0 */
  readonly curvature: number;
  readonly control: Values;
  readonly candidates: readonly Values[];
  /** the control's values by group, where they are not the same in all stages; null where they are */
  readonly controls: readonly Values[] | null;
}

/** What is unlike the log in a scenario's own world. */
export interface Unlike {
  /** of the log's units, where every rollout exposes them in the same order: lower ones first */
  readonly buckets?: Uint16Array | undefined;
  /** the control's values at an exposure, one entry a metric of the outcomes */
  readonly controlAt?: ((exposure: number) => readonly Values[]) | undefined;
  /** the unit of each session, where sessions are assigned each by itself and are the units of the outcomes */
  readonly owners?: Int32Array | undefined;
  /** 1 for the sessions that the other arm serves, whose values are exchanged in the outcomes */
  readonly swapped?: Uint8Array | undefined;
}

/** A scenario's values of the candidate, one entry a metric of the outcomes. */
export interface ScenarioValues {
  readonly name: string;
  readonly candidate: readonly Values[];
  /** which share of sessions has these values, by the middle of a window; the others have the control's */
  readonly course?: Course | undefined;
  /** exposure from which on they are there; the control's before */
  readonly fromExposure?: number | undefined;
}

const mostLags = 12;
const quantileBins = 16;
const mostWindows = 20_000;
const mostUnits = 20_000_000;
const hourMs = 3_600_000;

/**
 * Prepares outcomes, plan and scenarios for the simulation.
 *
 * Windows are the greatest common divisor of all look intervals and durations of the plan; the first begins at the full
 * hour before the log's first session.
 *
 * @throws RangeError when the plan's times are so uneven that it has more than 20,000 windows, and when it goes around a
 *   short log so often that there are more than 20 million units
 */
export function simulationInput(
  plan: Plan,
  outcomes: Outcomes,
  scenarios: readonly ScenarioValues[],
  { buckets, controlAt, owners, swapped }: Unlike = {},
): SimulationInput {
  const stages = controlledStages(plan);
  const windowMs = stages.flatMap((stage) => [stage.lookEveryMs, stage.maximumMs]).reduce(greatestCommonDivisor);
  const planWindows = stages.reduce((sum, stage) => sum + stage.maximumMs / windowMs, 0);
  if (planWindows > mostWindows) {
    throw new RangeError(
      `the plan has ${planWindows} windows of ${windowMs} ms, at most ${mostWindows} can be simulated`,
    );
  }
  const startMs = firstHourMs(outcomes);
  const { lapMs, laps } = lapsOf(outcomes, planWindows * windowMs, startMs);
  const logUnits = outcomes.unitNames.length;
  if (laps * logUnits > mostUnits) {
    throw new RangeError(
      `the plan goes around the log ${laps} times with ${logUnits} units each, more than ${mostUnits} units in all`,
    );
  }
  const unrolled = unroll(outcomes, laps, lapMs, startMs + planWindows * windowMs);
  const n = unrolled.length;
  const base = copyShared(
    Int32Array,
    Int32Array.from(unrolled, ({ session }) => session),
  );
  const unit = copyShared(
    Int32Array,
    Int32Array.from(unrolled, ({ session, lap }) => (outcomes.unit[session] as number) + lap * logUnits),
  );
  const arrival = Int32Array.from(unrolled, ({ at }) => Math.floor((at - startMs) / windowMs));
  const endMs = Float64Array.from(unrolled, ({ session, lap }) => (outcomes.endMs[session] as number) + lap * lapMs);
  const maturities = [...new Set(plan.guardrails.map(({ metric }) => metric.matureAfterMs))].sort((a, b) => a - b);
  const controls = controlAt ? stages.map(({ exposure }) => controlAt(exposure)) : null;
  const guardrails = plan.guardrails.map((guardrail) =>
    simulatedGuardrail(guardrail, outcomes, scenarios, maturities, controls),
  );
  const sessions: SessionColumns = {
    base,
    unit,
    units: laps * logUnits,
    unitHash: unitHashes(outcomes.unitNames, laps),
    swapped: swapped ? copyShared(Uint8Array, swapped) : null,
    owners: owners ? copyShared(Int32Array, owners) : null,
    buckets: buckets ? copyShared(Uint16Array, repeated(buckets, laps)) : null,
    windowStart: windowStarts(arrival, planWindows),
    first: firstSessions(unit, laps * logUnits),
    lags: maturities.map((mature) =>
      lagsOf(
        Int32Array.from(
          { length: n },
          (_, i) => Math.ceil(((endMs[i] as number) + mature - startMs) / windowMs) - (arrival[i] as number) - 1,
        ),
      ),
    ),
  };
  const { groups, stageGroups } = groupsOf(stages, outcomes, controls !== null);
  const masks = stageGroups.map((group) => groups[group] ?? null);
  const calibration = plan.calibration ?? { plannedSample: plannedSample(plan, windowMs, sessions, guardrails, masks) };
  return {
    plan: { ...plan, calibration },
    windowMs,
    planWindows,
    laps,
    sessions,
    guardrails,
    groups,
    stageGroups,
    shares: groups.map((group) => guardrails.map(({ mask }) => shareInside(mask, group))),
    slowest: maturities.length - 1,
    scenarios: scenarios.map(({ name }) => name),
    worlds: scenarios.map((own) => worldOf(own, stages, planWindows, windowMs)),
    chance: scenarios.some(({ course }) => course !== undefined) ? chances(outcomes) : null,
  };
}

/** The full hour in which the log's first session arrives, epoch ms. */
export function firstHourMs({ arrivalMs }: Outcomes): number {
  return Math.floor((arrivalMs[0] as number) / hourMs) * hourMs;
}

function worldOf(
  { course, fromExposure = 0 }: ScenarioValues,
  stages: readonly ControlledStage[],
  windows: number,
  windowMs: number,
): World {
  const fromStage = stages.findIndex(({ exposure }) => exposure >= fromExposure);
  return {
    fromStage: fromStage < 0 ? stages.length : fromStage,
    shares: course ? Float64Array.from({ length: windows }, (_, w) => shareHarmed(course, (w + 0.5) * windowMs)) : null,
  };
}

/** Keeps the sessions that a harm reaches apart from their assignment to arms. */
const chanceSalt: TextHash = [0x27d4eb2f, 0x165667b1];

function chances({ sessions }: Outcomes): Float64Array {
  const chance = shared(Float64Array, sessions.length);
  for (const [i, session] of sessions.entries()) chance[i] = position(hashText(session), chanceSalt);
  return chance;
}

/**
 * The distinct groups of units that stages address, and which is whose; equal groups have the same mask.
 *
 * @param apart whether each stage has a group of its own
 */
function groupsOf(stages: readonly ControlledStage[], outcomes: Outcomes, apart: boolean) {
  const names = stages.map(({ where }) => JSON.stringify(where));
  const distinct = [...new Set(names)];
  const n = outcomes.sessions.length;
  const masks = distinct.map((own) => {
    const { where } = stages[names.indexOf(own)] as ControlledStage;
    if (where.length === 0) return null;
    const segments = where.map(({ attribute, value }) => segmentMask(outcomes.attributes.get(attribute), value, n));
    const group = shared(Uint8Array, n);
    for (let i = 0; i < n; i++) group[i] = segments.every((mask) => mask[i] === 1) ? 1 : 0;
    return group;
  });
  const stageGroups = names.map((own) => distinct.indexOf(own));
  if (!apart) return { stageGroups, groups: masks };
  return { stageGroups: [...stages.keys()], groups: stageGroups.map((group) => masks[group] as Uint8Array | null) };
}

function shareInside(mask: Uint8Array | null, group: Uint8Array | null): number {
  if (mask === null) return 1;
  let inGroup = 0;
  let inside = 0;
  for (let i = 0; i < mask.length; i++) {
    if (group !== null && group[i] === 0) continue;
    inGroup += 1;
    inside += mask[i] as number;
  }
  return inGroup === 0 ? 0 : inside / inGroup;
}

function simulatedGuardrail(
  guardrail: Guardrail,
  outcomes: Outcomes,
  scenarios: readonly ScenarioValues[],
  maturities: readonly number[],
  controls: readonly (readonly Values[])[] | null,
): SimulatedGuardrail {
  const index = outcomes.metrics.findIndex(({ metric }) => metric.name === guardrail.metric.name);
  const own = outcomes.metrics[index];
  if (!own) throw new RangeError(`the outcomes have no metric ${guardrail.metric.name}`);
  const copies = new Map<Values, Values>();
  const share = (values: Values): Values => {
    const known = copies.get(values);
    if (known) return known;
    const copy = shareValues(values);
    copies.set(values, copy);
    return copy;
  };
  const control = share(own.control);
  const candidates = scenarios.map(({ candidate }) => share(candidate[index] as Values));
  const byGroup = controls?.map((values) => share(values[index] as Values));
  const { metric } = guardrail;
  const quantile = metric.kind === "quantile" ? metric.quantile : undefined;
  const mask = guardrail.segment
    ? segmentMask(
        outcomes.attributes.get(guardrail.segment.attribute),
        guardrail.segment.value,
        outcomes.sessions.length,
      )
    : null;
  return {
    kind: quantile !== undefined ? "quantile" : metric.kind === "ratio" || isComposition(metric) ? "ratio" : "session",
    guardrail,
    maturity: maturities.indexOf(guardrail.metric.matureAfterMs),
    centre: own.control.kind === "sums" ? total(own.control.numerator) / (total(own.control.denominator) || 1) : 0,
    mask,
    edges: quantile === undefined ? null : tailEdges([...copies.keys()], quantile),
    curvature: Math.max(...[...copies.keys()].map(curvatureOf)),
    control,
    candidates,
    controls: byGroup?.some((values) => values !== control) ? byGroup : null,
  };
}

/**
 * Edges at equal steps of each distribution, four tails below and above its quantile, and its largest value: of each by
 * itself, since those of a pool would all lie above the quantile of the lower one.
 */
function tailEdges(distributions: readonly Values[], quantile: number): Float64Array {
  const tail = Math.min(1 - quantile, quantile);
  const from = Math.max(0, quantile - 4 * tail);
  const to = Math.min(1, quantile + 4 * tail);
  const edges = new Set<number>();
  for (const own of distributions) {
    if (own.kind !== "requests") continue;
    const sorted = own.values.slice().sort();
    for (let k = 0; k <= quantileBins; k++) edges.add(quantileSorted(sorted, from + ((to - from) * k) / quantileBins));
    edges.add(sorted[sorted.length - 1] ?? 0);
  }
  return copyShared(Float64Array, Float64Array.from(edges).sort());
}

function curvatureOf(values: Values): number {
  return values.kind === "sums" ? (values.composition?.curvature ?? 0) : 0;
}

function segmentMask(attribute: Attribute | undefined, value: string, n: number): Uint8Array {
  const mask = shared(Uint8Array, n);
  const code = attribute?.names.indexOf(value) ?? -1;
  for (let i = 0; i < n; i++) mask[i] = attribute && code >= 0 && attribute.codes[i] === code ? 1 : 0;
  return mask;
}

/**
 * Delays of visibility, rounded up to at most {@link mostLags} distinct ones.
 *
 * @param exact windows after its own in which a session becomes visible; below 0 counts as 0
 */
function lagsOf(exact: Int32Array): Lags {
  const n = exact.length;
  for (let i = 0; i < n; i++) exact[i] = Math.max(0, exact[i] as number);
  const sorted = exact.slice().sort();
  const distinct = [...new Set(sorted)];
  const delays =
    distinct.length <= mostLags
      ? distinct
      : [
          ...new Set(
            Array.from({ length: mostLags }, (_, k) => sorted[Math.ceil(((k + 1) * n) / mostLags) - 1] as number),
          ),
        ];
  const lag = shared(Uint8Array, n);
  for (let i = 0; i < n; i++) lag[i] = delays.findIndex((delay) => delay >= (exact[i] as number));
  return { lag, delays };
}

function firstSessions(unit: Int32Array, units: number): Uint8Array {
  const seen = new Uint8Array(units);
  const first = shared(Uint8Array, unit.length);
  for (let i = 0; i < unit.length; i++) {
    const own = unit[i] as number;
    first[i] = seen[own] === 0 ? 1 : 0;
    seen[own] = 1;
  }
  return first;
}

function windowStarts(arrival: Int32Array, windows: number): Int32Array {
  const starts = shared(Int32Array, windows + 1);
  let at = 0;
  for (let w = 0; w <= windows; w++) {
    while (at < arrival.length && (arrival[at] as number) < w) at += 1;
    starts[w] = at;
  }
  return starts;
}

function repeated(buckets: Uint16Array, laps: number): Uint16Array {
  return Uint16Array.from({ length: laps * buckets.length }, (_, i) => buckets[i % buckets.length] as number);
}

/** Two words a unit; the later laps' units are hashes of their own. */
function unitHashes(names: readonly string[], laps: number): Uint32Array {
  const hashes = shared(Uint32Array, names.length * laps * 2);
  names.forEach((own, i) => {
    const [a, b] = hashText(own);
    for (let lap = 0; lap < laps; lap++) {
      hashes.set(lap === 0 ? [a, b] : [finalize(a + lap), finalize(b ^ finalize(lap))], 2 * (lap * names.length + i));
    }
  });
  return hashes;
}

function shareValues(values: Values): Values {
  if (values.kind === "requests") {
    return {
      kind: "requests",
      offsets: copyShared(Int32Array, values.offsets),
      values: copyShared(Float64Array, values.values),
    };
  }
  return {
    kind: "sums",
    numerator: copyShared(Float64Array, values.numerator),
    denominator: copyShared(Float64Array, values.denominator),
    missing: copyShared(Uint8Array, values.missing),
  };
}

function total(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
