import { normalUpperQuantile } from "../statistics/distributions.ts";
import { crossingProbabilities } from "../statistics/sequential/group-sequential.ts";
import { boundariesAt, levelsOf } from "./boundaries.ts";
import type { Baseline, PlanFacts, TrafficFacts } from "./finding.ts";
import { type ControlledStage, controlledStages, type Guardrail, looksOf, marginIn, type Plan } from "./plan.ts";
import { readMargin } from "./reading.ts";

/** What a stage knows at one of its looks, when the traffic comes as it was recorded and nothing has changed. */
export interface PlannedLook {
  readonly elapsedMs: number;
  /** units of the smaller arm whose every value is known */
  readonly smallerArm: number;
  /** by guardrail: units of both arms that have its value */
  readonly units: readonly number[];
}

/** The share of units in the smaller arm. */
export function smallerShare({ exposure }: ControlledStage): number {
  return Math.min(exposure, 1 - exposure);
}

/** Units that arrive within so long of a stage's start. Beyond the log it is used again under new names, as the simulation does. */
export function unitsWithin({ arrived }: TrafficFacts, ms: number): number {
  const last = arrived.at(-1);
  if (!last || !(ms > 0)) return 0;
  if (ms >= last.withinMs) return (last.units * ms) / last.withinMs;
  const after = arrived.findIndex(({ withinMs }) => withinMs >= ms);
  const to = arrived[after] as (typeof arrived)[number];
  const from = arrived[after - 1] ?? { withinMs: 0, units: 0 };
  return from.units + ((to.units - from.units) * (ms - from.withinMs)) / (to.withinMs - from.withinMs);
}

/** The time within which so many units arrive. */
export function timeOfUnits(traffic: TrafficFacts, units: number): number {
  const { arrived } = traffic;
  const after = arrived.findIndex((own) => own.units >= units);
  if (after < 0) {
    const last = arrived.at(-1);
    return last ? (last.withinMs * units) / last.units : Number.POSITIVE_INFINITY;
  }
  const to = arrived[after] as (typeof arrived)[number];
  const from = arrived[after - 1] ?? { withinMs: 0, units: 0 };
  return from.withinMs + ((to.withinMs - from.withinMs) * (units - from.units)) / (to.units - from.units || 1);
}

/** The looks of a stage on recorded traffic; undefined while none is known. */
export function plannedLooks(plan: Plan, stageIndex: number, facts: PlanFacts): readonly PlannedLook[] | undefined {
  const { traffic, baselines } = facts;
  if (!traffic || !baselines) return undefined;
  const stage = controlledStages(plan)[stageIndex] as ControlledStage;
  const slowest = Math.max(...plan.guardrails.map(({ metric }) => metric.matureAfterMs));
  const taking = traffic.taking[stageIndex] ?? 1;
  return Array.from({ length: looksOf(stage) }, (_, k) => {
    const elapsedMs = Math.min(stage.maximumMs, (k + 1) * stage.lookEveryMs);
    return {
      elapsedMs,
      smallerArm: unitsWithin(traffic, elapsedMs - slowest) * taking * smallerShare(stage),
      units: plan.guardrails.map(
        ({ metric }, g) =>
          unitsWithin(traffic, elapsedMs - metric.matureAfterMs) * (baselines[stageIndex]?.[g]?.share ?? 0),
      ),
    };
  });
}

/** How Z_P grows when nothing has changed: Z_P ~ N(rate·√units, spread²), in units of both arms. */
export interface Growth {
  /** Infinity where control does not vary */
  readonly rate: number;
  /** 1, but for proportions, whose standard error is the one at the margin; 0 where control does not vary */
  readonly spread: number;
}

/**
 * The growth of a guardrail in a stage from control's values, by the rule's own reading of two equal arms.
 *
 * @returns undefined where control allows no reading, as a share of zero
 */
export function growthOf(stage: ControlledStage, guardrail: Guardrail, baseline: Baseline): Growth | undefined {
  const margin = marginIn(stage, guardrail);
  const arm = (share: number) => ({
    estimate: baseline.estimate,
    standardError: baseline.standardError / Math.sqrt(share),
    effectiveSample: baseline.effectiveSample * share,
  });
  const arms = { control: arm(1 - stage.exposure), candidate: arm(stage.exposure) };
  const { overMargin, zMargin } = readMargin(guardrail.metric, margin, arms);
  if (!(zMargin > 0 && overMargin < 0)) return undefined;
  const factor = margin.kind === "relative" ? margin.factor : 1;
  const error = Math.hypot(arms.candidate.standardError, factor * arms.control.standardError);
  const atMargin = -overMargin / zMargin;
  return { rate: zMargin / Math.sqrt(baseline.units), spread: error === 0 ? 0 : error / atMargin };
}

/**
 * Units of both arms at which one test of a guardrail passes with a power, when nothing has changed: ((z + spread·z_power)/rate)².
 *
 * Source: Farrington & Manning (1990), Stat. Med. 9:1447–1454, for the score; Chow, Shao & Wang (2008), ch. 3, for means.
 */
export function unitsToPass({ rate, spread }: Growth, level: number, power: number): number {
  return (Math.max(0, normalUpperQuantile(level) + spread * normalUpperQuantile(1 - power)) / rate) ** 2;
}

/**
 * More looks than these are thinned out, which takes 30 ms instead of a second for 960: the chance to cross a constant bound is
 * then 4 % too low for 200 looks, 9 % for 400, 16 % for 960.
 */
const mostLooks = 100;

/**
 * The chance that a guardrail passes at some look of a stage that may promote, when nothing has changed: exact for the plan's
 * boundaries and normal estimates. All guardrails must pass at one look, so that no promotion is likelier than this.
 */
export function passChance(
  plan: Plan,
  stageIndex: number,
  guardrail: number,
  looks: readonly PlannedLook[],
  growth: Growth,
): number {
  const stage = controlledStages(plan)[stageIndex] as ControlledStage;
  const able = looks.filter(
    ({ elapsedMs, smallerArm }) => elapsedMs >= stage.minimumMs && smallerArm >= stage.minimumSample,
  );
  const rising = risingLooks(able, guardrail);
  const planned = looks.at(-1)?.units[guardrail] as number;
  if (rising.length === 0) return 0;
  const point = plan.rule.evidence === "point";
  const bounded = rising.map((units) => ({
    units,
    bound: point ? 0 : boundariesAt(plan, stageIndex, guardrail, units / planned).pass,
  }));
  const { rate, spread } = growth;
  if (spread === 0) return bounded.some(({ units, bound }) => rate * Math.sqrt(units) >= bound) ? 1 : 0;
  return crossed(
    bounded.map(({ units, bound }) => ({ units, bound: bound / spread })),
    rate / spread,
  );
}

/**
 * How many times the units of a stage's looks a guardrail takes to pass with a power; 1 where they suffice, undefined beyond a
 * million.
 */
export function unitsFactor(
  plan: Plan,
  stageIndex: number,
  guardrail: number,
  looks: readonly PlannedLook[],
  growth: Growth,
  power: number,
): number | undefined {
  const shortfall = (factor: number) =>
    passChance(
      plan,
      stageIndex,
      guardrail,
      looks.map((own) => multiplied(own, factor)),
      growth,
    ) - power;
  if (shortfall(1) >= 0) return 1;
  let high = 2;
  while (shortfall(high) < 0) {
    high *= 2;
    if (high > 1e6) return undefined;
  }
  let low = high / 2;
  // to a thousandth: it is written in two digits
  while (high / low > 1.001) {
    const middle = Math.sqrt(low * high);
    if (shortfall(middle) < 0) low = middle;
    else high = middle;
  }
  return high;
}

function multiplied({ elapsedMs, smallerArm, units }: PlannedLook, factor: number): PlannedLook {
  return { elapsedMs, smallerArm: factor * smallerArm, units: units.map((own) => factor * own) };
}

/**
 * The chance that a test at one level, repeated at every look without a correction, rejects what is true at one of them.
 *
 * @param units at the looks, rising; any multiple of them
 */
export function repeatedLevel(level: number, units: readonly number[]): number {
  const bound = normalUpperQuantile(level);
  return crossed(
    thinned(units).map((own) => ({ units: own, bound })),
    0,
  );
}

/** The chance that the estimated harm is beyond its margin at one of the looks, although nothing has changed. */
export function pointChance({ rate, spread }: Growth, units: readonly number[]): number {
  if (spread === 0) return 0;
  return crossed(
    thinned(units).map((own) => ({ units: own, bound: (rate / spread) * Math.sqrt(own) })),
    0,
  );
}

/** A guardrail's units at the looks at which something may roll back, rising; of equal steps while no traffic is known. */
export function rollbackUnits(plan: Plan, stageIndex: number, guardrail: number, facts: PlanFacts): readonly number[] {
  const stage = controlledStages(plan)[stageIndex] as ControlledStage;
  const looks = plannedLooks(plan, stageIndex, facts);
  if (!looks) return Array.from({ length: looksOf(stage) }, (_, k) => k + 1);
  const floor = stage.rollbackFloor ?? plan.rule.rollbackFloor;
  return risingLooks(
    looks.filter(({ units }) => (units[guardrail] as number) * smallerShare(stage) >= floor),
    guardrail,
  );
}

/**
 * The chance that a guardrail rolls an unchanged release back in a stage that it has entered: at most so, as if nothing else ended
 * the stage. Without traffic: the repeated level.
 *
 * Harm that is shown to be inside its margin does not roll back, so that the bound at a look is the larger of the two.
 *
 * @param ended the stage ends once this guardrail passes where it may: at least so, since no promotion comes before that
 */
export function rollbackChance(
  plan: Plan,
  stageIndex: number,
  guardrailIndex: number,
  facts: PlanFacts,
  { ended = false }: { readonly ended?: boolean } = {},
): number {
  const stage = controlledStages(plan)[stageIndex] as ControlledStage;
  const guardrail = plan.guardrails[guardrailIndex] as Guardrail;
  const looks = plannedLooks(plan, stageIndex, facts);
  const baseline = facts.baselines?.[stageIndex]?.[guardrailIndex];
  const growth = baseline && growthOf(stage, guardrail, baseline);
  if (!looks || !growth) {
    const { rollback } = levelsOf(plan, stageIndex, guardrail);
    return ended ? 0 : repeatedLevel(rollback, rollbackUnits(plan, stageIndex, guardrailIndex, facts));
  }
  if (growth.spread === 0) return 0;
  const floor = stage.rollbackFloor ?? plan.rule.rollbackFloor;
  const planned = looks.at(-1)?.units[guardrailIndex] as number;
  return crossed(
    thinned(rising(looks, guardrailIndex)).map(({ elapsedMs, smallerArm, units }) => {
      const own = units[guardrailIndex] as number;
      const { rollback, pass } = boundariesAt(plan, stageIndex, guardrailIndex, own / planned);
      const passing = (growth.rate * Math.sqrt(own) - pass) / growth.spread;
      const able = ended && elapsedMs >= stage.minimumMs && smallerArm >= stage.minimumSample;
      return {
        units: own,
        bound: own * smallerShare(stage) >= floor ? Math.max(rollback, passing) : Number.POSITIVE_INFINITY,
        lower: able ? passing : Number.NEGATIVE_INFINITY,
      };
    }),
    0,
  );
}

/** The chance, at most, that a guardrail passes at a look of a stage although harm sits at its margin. */
export function missChance(plan: Plan, stageIndex: number, guardrail: number, facts: PlanFacts): number {
  const stage = controlledStages(plan)[stageIndex] as ControlledStage;
  const looks = plannedLooks(plan, stageIndex, facts);
  const first = Math.max(1, Math.ceil(stage.minimumMs / stage.lookEveryMs - 1e-9));
  const units = looks
    ? risingLooks(
        looks.filter(({ elapsedMs, smallerArm }) => elapsedMs >= stage.minimumMs && smallerArm >= stage.minimumSample),
        guardrail,
      )
    : Array.from({ length: looksOf(stage) - first + 1 }, (_, k) => first + k);
  return repeatedLevel(levelsOf(plan, stageIndex, plan.guardrails[guardrail] as Guardrail).pass, units);
}

function risingLooks(looks: readonly PlannedLook[], guardrail: number): number[] {
  return thinned(rising(looks, guardrail)).map(({ units }) => units[guardrail] as number);
}

/** Without the looks that bring a guardrail no new unit: these are the look before them. */
function rising(looks: readonly PlannedLook[], guardrail: number): PlannedLook[] {
  const found: PlannedLook[] = [];
  for (const look of looks) {
    const before = found.at(-1)?.units[guardrail] ?? 0;
    if ((look.units[guardrail] as number) > before * (1 + 1e-9)) found.push(look);
  }
  return found;
}

/** All of the first half, where information grows fastest, then evenly. */
function thinned<T>(looks: readonly T[]): T[] {
  if (looks.length <= mostLooks) return [...looks];
  const half = mostLooks / 2;
  const rest = looks.slice(half);
  return [
    ...looks.slice(0, half),
    ...Array.from({ length: half }, (_, k) => rest[Math.round(((k + 1) * rest.length) / half) - 1] as T),
  ];
}

/** P(a bound is reached before a lower one, if there is one). */
function crossed(
  looks: readonly { readonly units: number; readonly bound: number; readonly lower?: number }[],
  drift: number,
): number {
  if (looks.length === 0) return 0;
  const { upper } = crossingProbabilities(
    {
      information: looks.map(({ units }) => units),
      upper: looks.map(({ bound }) => bound),
      lower: looks.map(({ bound, lower = Number.NEGATIVE_INFINITY }) => Math.min(bound, lower)),
    },
    drift,
  );
  return Math.min(
    1,
    upper.reduce((sum, own) => sum + own, 0),
  );
}
