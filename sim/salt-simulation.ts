import { bucketCount, type TextHash } from "../plan/assignment.ts";
import type { Look } from "../plan/decide.ts";
import { type ControlledStage, controlledStages } from "../plan/plan.ts";
import type { Values } from "../shadow/outcomes.ts";
import { type Assignment, assignUnits } from "./assign-units.ts";
import { type Block, blockOf, type Columns, columnsOf } from "./columns.ts";
import { Courses } from "./courses.ts";
import { DesignEffects } from "./design-effect.ts";
import { createKernel, type Kernel } from "./gather.ts";
import { type CohortLook, LookRule } from "./look-rule.ts";
import { MixedUnits } from "./mixed-units.ts";
import { Places } from "./places.ts";
import type { Rollout } from "./rollout.ts";
import type { SimulationInput, World } from "./simulation-input.ts";
import { unitsServed } from "./units-served.ts";
import { arrivalsColumn, type ChangedValues, type VisibleTable, WindowTables } from "./window-tables.ts";

/** What a scenario changes: the guardrails whose values are not the control's, and the population's design effects. */
interface Arm extends ChangedValues {
  /** by group of units */
  readonly effects: readonly DesignEffects[];
  /** by guardrail: where a rollout's sums of the candidate are */
  readonly candidateAt: Int32Array;
}

/** A look of one of the rollouts. */
export interface SeenLook {
  readonly scenario: number;
  readonly replicate: number;
  /** at whose end it is, from the rollout's start */
  readonly window: number;
  readonly look: Look;
}

/**
 * Simulates all replicates of a salt under every scenario, window by window: the sums of a window's sessions by bucket are made
 * once, and every rollout that is under way adds up its own buckets of them. A rollout carries its own stage and start, so that
 * promotions, holds and rollbacks change its course.
 *
 * Sums are integers, so that they do not depend on the order in which they are made. Memory: the tables of the sessions that
 * become visible in one window, and some vectors a rollout; never the whole log's.
 */
export class SaltSimulation {
  readonly #input: SimulationInput;
  readonly #stages: readonly ControlledStage[];
  readonly #control: readonly Block[];
  /** by guardrail: where a rollout's sums under control are */
  readonly #controlAt: Int32Array;
  /** by group of units */
  readonly #controlEffects: readonly DesignEffects[];
  readonly #arms: readonly Arm[];
  readonly #replicates: number;
  readonly #kernel: Kernel;
  readonly #place: Places;
  readonly #tables: WindowTables;
  readonly #rule: LookRule;
  readonly #mixed: MixedUnits | null;
  /** of the salt before */
  #units: Assignment | undefined;
  /** units that rollouts of a course expose, by their starts and end */
  readonly #exposed = new Map<string, number>();
  #onLook: ((seen: SeenLook) => void) | undefined;

  /** @param replicates of each salt */
  constructor(input: SimulationInput, replicates: number, kernel: "wasm" | "javascript" = "wasm") {
    this.#input = input;
    this.#stages = controlledStages(input.plan);
    this.#replicates = replicates;
    const columns = input.guardrails.map((guardrail) => columnsOf(guardrail, input.laps));
    const block = (maturity: number, chosen: (g: number) => boolean, before: number) => {
      const guardrails = input.guardrails.flatMap((own, g) => (own.maturity === maturity && chosen(g) ? [g] : []));
      return blockOf(
        guardrails.map((g) => columns[g] as Columns),
        guardrails,
        before,
      );
    };
    // counts of sessions, and of arrivals
    this.#control = input.sessions.lags.map((_, maturity) =>
      block(maturity, () => true, maturity === 0 ? arrivalsColumn + 1 : 1),
    );
    // by group of units
    const controlValues = input.groups.map((_, group) =>
      input.guardrails.map(({ control, controls }) => controls?.[group] ?? control),
    );
    const changedValues = input.scenarios.map((_, s) => {
      const values = input.guardrails.map(({ candidates }) => candidates[s] as Values);
      const blocks = input.sessions.lags.map((_, maturity) => {
        const own = block(maturity, (g) => controlValues.some((control) => values[g] !== control[g]), 0);
        return own.columns.length === 0 ? null : own;
      });
      return { values, blocks };
    });
    this.#place = new Places(input, this.#control, changedValues, replicates);
    this.#controlAt = columnsAt(this.#control, this.#place.exposed, new Int32Array(columns.length));
    const longest = Math.max(...this.#stages.map(({ maximumMs }) => maximumMs / input.windowMs));
    this.#controlEffects = input.groups.map(
      (group, own) => new DesignEffects(input, controlValues[own] as readonly Values[], longest, undefined, group),
    );
    this.#arms = changedValues.map(({ values, blocks }, s) => ({
      values,
      blocks,
      effects: input.groups.map((group, own) => {
        const control = this.#controlEffects[own] as DesignEffects;
        return blocks.every((changed) => changed === null)
          ? control
          : new DesignEffects(input, values, longest, control, group);
      }),
      candidateAt: columnsAt(blocks, this.#place.changed[s] as readonly number[], this.#controlAt),
    }));
    this.#kernel = createKernel(this.#place.bytes, kernel);
    this.#tables = new WindowTables(input, this.#place, this.#kernel, this.#control, controlValues, this.#arms);
    const counts = this.#place.exposed.map((at) => at >> 2);
    const { owners } = input.sessions;
    this.#mixed = owners === null ? null : new MixedUnits(input, owners);
    this.#rule = new LookRule(input, columns, this.#kernel.integers, counts, this.#controlAt);
  }

  /**
   * @param orderOf   the buckets in the order in which a replicate exposes them
   * @param resampled whether the population of units is drawn anew
   * @param onLook    is shown every look of every rollout, before it is decided
   * @returns the rollouts of each scenario
   */
  simulate(
    salt: TextHash,
    orderOf: (replicate: number) => Uint16Array,
    resampled = true,
    onLook?: (seen: SeenLook) => void,
  ): Rollout[][] {
    const { input, place, kernel, replicates } = this.#parts();
    this.#onLook = onLook;
    const units = assignUnits(input.sessions.unitHash, salt, resampled, input.sessions.buckets, this.#units);
    this.#units = units;
    for (const [s] of this.#arms.entries()) for (let r = 0; r < replicates; r++) this.#clearSums(s, r);
    for (let r = 0; r < replicates; r++) kernel.shorts.set(orderOf(r), place.order(r) >> 1);
    for (let bucket = 0; bucket < bucketCount; bucket++) kernel.shorts[(place.everyBucket >> 1) + bucket] = bucket;
    const course = new Courses(this.#arms.length * replicates, input);
    const totals = input.groups.map(() => new Map<number, Int32Array>());
    for (let window = 0; window < input.planWindows && course.underWay > 0; window++) {
      const visible = input.groups.map((_, group) => {
        const starts = course.startsUnderWay(group);
        if (starts.length === 0) return [];
        const tables = this.#tables.fill(window, group, starts, units);
        for (const start of starts) this.#addTotals(totals[group] as Map<number, Int32Array>, start, group, tables);
        return tables;
      });
      const cohorts = new Map<number, Cohort>();
      for (let i = 0; i < course.count; i++) {
        if (course.isOver(i)) continue;
        const [stage, start] = [course.stage[i] as number, course.start[i] as number];
        const s = Math.floor(i / replicates);
        const key = (s * this.#stages.length + stage) * input.planWindows + start;
        let cohort = cohorts.get(key);
        if (cohort === undefined) {
          const group = input.stageGroups[stage] as number;
          const own = (totals[group] as Map<number, Int32Array>).get(start) as Int32Array;
          cohort = this.#cohort(s, stage, start, window, visible[group] as readonly VisibleTable[], own);
          cohorts.set(key, cohort);
        }
        this.#gather(cohort, s, i - s * replicates);
        if (cohort.look) this.#look(course, i, window, cohort.look);
      }
    }
    return this.#arms.map((_, s) => course.rollouts.slice(s * replicates, (s + 1) * replicates));
  }

  #parts() {
    return { input: this.#input, place: this.#place, kernel: this.#kernel, replicates: this.#replicates };
  }

  #clearSums(s: number, r: number): void {
    const first = this.#place.sums(s, r) >> 2;
    this.#kernel.integers.fill(0, first, first + this.#place.sumsWidth(s));
  }

  /** Adds the sums of all buckets to those since a start. */
  #addTotals(totals: Map<number, Int32Array>, start: number, group: number, visible: readonly VisibleTable[]): void {
    const { integers } = this.#kernel;
    const sums = totals.get(start) ?? new Int32Array(this.#place.controlWidth);
    totals.set(start, sums);
    for (const { maturity, table, since } of visible) {
      if (since < start) continue;
      const { width } = this.#control[maturity] as Block;
      const from = this.#place.totalRow(group, maturity, table) >> 2;
      const into = (this.#place.exposed[maturity] as number) >> 2;
      for (let c = 0; c < width; c++) {
        sums[into + c] = ((sums[into + c] as number) + (integers[from + c] as number)) | 0;
      }
    }
  }

  /** @param totals of all buckets since the start */
  #cohort(
    s: number,
    stage: number,
    start: number,
    window: number,
    visible: readonly VisibleTable[],
    totals: Int32Array,
  ): Cohort {
    const place = this.#place;
    const { exposure, lookEveryMs, maximumMs } = this.#stages[stage] as ControlledStage;
    const group = this.#input.stageGroups[stage] as number;
    const arm = this.#arms[s] as Arm;
    const isChanged = stage >= (this.#input.worlds[s] as World).fromStage;
    const gathers = visible.flatMap(({ maturity, table, since }) => {
      if (since < start) return [];
      const { vectors } = this.#control[maturity] as Block;
      const control = {
        table: place.controlTable(group, maturity, table),
        vectors,
        into: place.exposed[maturity] as number,
      };
      const block = isChanged ? arm.blocks[maturity] : null;
      if (!block) return [control];
      const changed = {
        table: place.changedTable(group, s, maturity, table),
        vectors: block.vectors,
        into: place.changed[s]?.[maturity] as number,
      };
      return [control, changed];
    });
    const k = window - start + 1;
    const elapsedMs = k * this.#input.windowMs;
    const control = (this.#controlEffects[group] as DesignEffects).from(start);
    const candidate = isChanged ? (arm.effects[group] as DesignEffects).from(start) : control;
    const look = {
      stage,
      k,
      effects: { control, candidate },
      totals,
      candidateAt: isChanged ? arm.candidateAt : this.#controlAt,
      unitsInBothArms: Math.round(this.#mixed?.inBothArms(stage, start, k) ?? 0),
    };
    return {
      exposed: Math.round(exposure * bucketCount),
      gathers,
      look: elapsedMs % lookEveryMs === 0 || elapsedMs === maximumMs ? look : null,
    };
  }

  /** A rollout adds up what a window shows of its exposed buckets. */
  #gather({ gathers, exposed }: Cohort, s: number, replicate: number): void {
    const order = this.#place.order(replicate);
    const sums = this.#place.sums(s, replicate);
    for (const { table, vectors, into } of gathers) {
      this.#kernel.gather(table, vectors, order, exposed, sums + into);
    }
  }

  /** The rule decides how a rollout goes on. */
  #look(course: Courses, i: number, window: number, look: CohortLook): void {
    const s = Math.floor(i / this.#replicates);
    const replicate = i - s * this.#replicates;
    const { stage } = look;
    const rule = this.#rule;
    rule.begin(look, this.#place.sums(s, replicate) >> 2);
    this.#onLook?.({ scenario: s, replicate, window, look: rule.look() });
    const outcome = rule.decide();
    if (outcome.action === "hold" && !outcome.final) return;
    if (outcome.action === "promote" && stage < this.#stages.length - 1) {
      course.promote(i, window + 1);
      this.#clearSums(s, replicate);
      return;
    }
    course.finish(i, {
      end: outcome.action === "promote" ? "promoted" : outcome.action === "hold" ? "stopped" : "rolledBack",
      stage,
      windows: window + 1,
      starts: course.startsOf(i),
      unitsExposed: this.#exposedOnce(course.startsOf(i), window + 1),
      because: outcome.because,
    });
  }

  #exposedOnce(starts: readonly number[], end: number): number {
    const key = `${starts.join(" ")} ${end}`;
    const known = this.#exposed.get(key) ?? this.#unitsExposed(starts, end);
    this.#exposed.set(key, known);
    return known;
  }

  /**
   * Expected over the orders of buckets: the share that a stage adds to those of its group, of the units that arrive from then
   * on. A unit of a segment that a later stage for everyone exposes again counts twice.
   */
  #unitsExposed(starts: readonly number[], end: number): number {
    const { stageGroups, groups, sessions } = this.#input;
    if (sessions.buckets !== null) return unitsServed(this.#input, sessions.buckets, starts, end);
    if (this.#mixed !== null) return this.#mixed.served(starts, end);
    const masks = stageGroups.map((group) => groups[group]);
    let sum = 0;
    for (const [stage, start] of starts.entries()) {
      const group = stageGroups[stage] as number;
      const before = masks.lastIndexOf(groups[group], stage - 1);
      const least = stage === 0 || before < 0 ? 0 : (this.#stages[before] as ControlledStage).exposure;
      const added = (this.#stages[stage] as ControlledStage).exposure - least;
      const { unitsArrived } = (this.#controlEffects[group] as DesignEffects).from(start);
      sum += added * (unitsArrived[end - start] as number);
    }
    return sum;
  }
}

/** Rollouts of a scenario that are in a stage since the same window: another window shows all of them the same. */
interface Cohort {
  /** buckets */
  readonly exposed: number;
  /** which tables are added to which of a rollout's sums */
  readonly gathers: readonly { readonly table: number; readonly vectors: number; readonly into: number }[];
  /** null where there is none in this window */
  readonly look: CohortLook | null;
}

/** Where the columns of guardrails are, by guardrail; as in `others` for those of no block. */
function columnsAt(blocks: readonly (Block | null)[], addresses: readonly number[], others: Int32Array): Int32Array {
  const at = others.slice();
  for (const [maturity, block] of blocks.entries()) {
    block?.guardrails.forEach((g, k) => {
      at[g] = ((addresses[maturity] as number) >> 2) + (block.offsets[k] as number);
    });
  }
  return at;
}
