import { bucketCount, type TextHash } from "../plan/assignment.ts";
import type { Look } from "../plan/decide.ts";
import { type ControlledStage, controlledStages } from "../plan/plan.ts";
import type { Values } from "../shadow/outcomes.ts";
import { type Assignment, assignUnits } from "./assign-units.ts";
import { addColumns, type Block, blockOf, type Columns, columnsOf } from "./columns.ts";
import { Courses } from "./courses.ts";
import { DesignEffects } from "./design-effect.ts";
import { createKernel, type Kernel, lanes } from "./gather.ts";
import { LookRule } from "./look-rule.ts";
import { PickedSessions } from "./picked-sessions.ts";
import { type ChangedBlocks, Places, type Sums, tableRows } from "./places.ts";
import type { Rollout } from "./rollout.ts";
import type { SimulationInput, World } from "./simulation-input.ts";
import { unitsServed } from "./units-served.ts";

/** What a scenario changes: the guardrails whose values are not the control's, and the population's design effects. */
interface Arm extends ChangedBlocks {
  readonly values: readonly Values[];
  /** by group of units */
  readonly effects: readonly DesignEffects[];
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
  readonly #columns: readonly Columns[];
  readonly #control: readonly Block[];
  /** by group of units, then by guardrail */
  readonly #controlValues: readonly (readonly Values[])[];
  /** by group of units */
  readonly #controlEffects: readonly DesignEffects[];
  readonly #arms: readonly Arm[];
  readonly #replicates: number;
  readonly #kernel: Kernel;
  readonly #place: Places;
  readonly #rule: LookRule;
  /** by column, then by bucket */
  readonly #sums: Float64Array;
  #onLook: ((seen: SeenLook) => void) | undefined;

  /** @param replicates of each salt */
  constructor(input: SimulationInput, replicates: number, kernel: "wasm" | "javascript" = "wasm") {
    this.#input = input;
    this.#stages = controlledStages(input.plan);
    this.#replicates = replicates;
    this.#columns = input.guardrails.map((guardrail) => columnsOf(guardrail, input.laps));
    const block = (maturity: number, chosen: (g: number) => boolean, before: number) => {
      const guardrails = input.guardrails.flatMap((own, g) => (own.maturity === maturity && chosen(g) ? [g] : []));
      return blockOf(
        guardrails.map((g) => this.#columns[g] as Columns),
        guardrails,
        before,
      );
    };
    // the control's first column counts sessions
    this.#control = input.sessions.lags.map((_, maturity) => block(maturity, () => true, 1));
    this.#controlValues = input.groups.map((_, group) =>
      input.guardrails.map(({ control, controls }) => controls?.[group] ?? control),
    );
    const longest = Math.max(...this.#stages.map(({ maximumMs }) => maximumMs / input.windowMs));
    this.#controlEffects = input.groups.map(
      (group, own) => new DesignEffects(input, this.#controlValues[own] as Values[], longest, undefined, group),
    );
    this.#arms = input.scenarios.map((_, s) => {
      const values = input.guardrails.map(({ candidates }) => candidates[s] as Values);
      const changed = values.map((own, g) => this.#controlValues.some((control) => own !== control[g]));
      return {
        values,
        effects: input.groups.map((group, own) => {
          const control = this.#controlEffects[own] as DesignEffects;
          return changed.includes(true) ? new DesignEffects(input, values, longest, control, group) : control;
        }),
        blocks: input.sessions.lags.map((_, maturity) => {
          const own = block(maturity, (g) => changed[g] === true, 0);
          return own.columns.length === 0 ? null : own;
        }),
      };
    });
    this.#place = new Places(input, this.#control, this.#arms, replicates);
    this.#kernel = createKernel(this.#place.bytes, kernel);
    this.#rule = new LookRule(input, this.#columns);
    const widest = Math.max(
      ...[...this.#control, ...this.#arms.flatMap(({ blocks }) => blocks)].map((own) => own?.width ?? 0),
    );
    this.#sums = new Float64Array(bucketCount * widest);
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
    const units = assignUnits(input.sessions.unitHash, salt, resampled, input.sessions.buckets);
    kernel.integers.fill(0);
    for (let r = 0; r < replicates; r++) kernel.shorts.set(orderOf(r), place.order(r) >> 1);
    kernel.shorts[place.totalOrder >> 1] = bucketCount;
    const course = new Courses(this.#arms.length * replicates);
    const picked = new PickedSessions();
    for (let window = 0; window < input.planWindows && course.underWay > 0; window++) {
      const since = course.earliestStarts(input);
      const visible = since.map((start, group) => {
        if (start > window) return [];
        this.#countArrivals(window, group, units);
        return this.#fillTables(window, group, start, units, picked);
      });
      for (let i = 0; i < course.count; i++) {
        if (course.isOver(i)) continue;
        const group = input.stageGroups[course.stage[i] as number] as number;
        this.#advance(course, i, window, group, visible[group] as readonly VisibleCell[]);
      }
    }
    return this.#arms.map((_, s) => course.rollouts.slice(s * replicates, (s + 1) * replicates));
  }

  #parts() {
    return { input: this.#input, place: this.#place, kernel: this.#kernel, replicates: this.#replicates };
  }

  /** Units of a group that are first seen in a window, by bucket. */
  #countArrivals(window: number, group: number, { buckets, starts }: Assignment): void {
    const { sessions, groups } = this.#input;
    const mask = groups[group] ?? null;
    const table = this.#place.arrivals(group) >> 2;
    const { integers } = this.#kernel;
    integers.fill(0, table, table + tableRows * lanes);
    let total = 0;
    for (let i = sessions.windowStart[window] as number; i < (sessions.windowStart[window + 1] as number); i++) {
      if (sessions.first[i] === 0 || (mask !== null && mask[sessions.base[i] as number] === 0)) continue;
      const unit = sessions.unit[i] as number;
      for (let copy = starts[unit] as number; copy < (starts[unit + 1] as number); copy++) {
        const at = table + (buckets[copy] as number) * lanes;
        integers[at] = (integers[at] as number) + 1;
        total += 1;
      }
    }
    integers[table + bucketCount * lanes] = total;
  }

  /** The tables of what becomes visible of a group at the end of a window, of sessions that arrived since a start. */
  #fillTables(
    window: number,
    group: number,
    since: number,
    units: Assignment,
    picked: PickedSessions,
  ): readonly VisibleCell[] {
    const { sessions, groups } = this.#input;
    const cells: VisibleCell[] = [];
    for (const [maturity, { lag, delays }] of sessions.lags.entries()) {
      for (const [index, delay] of delays.entries()) {
        const arrival = window - delay;
        if (arrival < since || arrival < 0) continue;
        picked.pick(sessions, units, arrival, { lag, index, mask: groups[group] ?? null });
        if (picked.count === 0) continue;
        cells.push({ maturity, index, arrival });
        const controlValues = this.#controlValues[group] as readonly Values[];
        this.#fill(
          this.#control[maturity] as Block,
          controlValues,
          controlValues,
          this.#place.control(group, maturity, index),
          picked,
          true,
        );
        for (const [s, arm] of this.#arms.entries()) {
          const block = arm.blocks[maturity];
          if (!block) continue;
          const share = this.#input.worlds[s]?.shares?.[arrival] ?? 1;
          const reached = share === 1 ? picked.count : picked.reach(this.#input.chance as Float64Array, share);
          const table = this.#place.changed(group, s, maturity, index);
          this.#fill(block, arm.values, controlValues, table, picked, false, reached);
        }
      }
    }
    return cells;
  }

  /** @param reached of the picked sessions have these values, the others the control's */
  #fill(
    block: Block,
    values: readonly Values[],
    others: readonly Values[],
    table: number,
    picked: PickedSessions,
    counted: boolean,
    reached = picked.count,
  ): void {
    const { width, vectors, columns, guardrails, offsets } = block;
    const sums = this.#sums;
    sums.fill(0, 0, bucketCount * width);
    const { slots, count } = picked;
    if (counted) for (let j = 0; j < count; j++) sums[slots[j] as number] = (sums[slots[j] as number] as number) + 1;
    for (const [k, own] of columns.entries()) {
      const [offset, g] = [offsets[k] as number, guardrails[k] as number];
      addColumns(sums, bucketCount, offset, own, values[g] as Values, picked, 0, reached);
      addColumns(sums, bucketCount, offset, own, others[g] as Values, picked, reached, count);
    }
    const { integers } = this.#kernel;
    const first = table >> 2;
    const stride = vectors * lanes;
    const last = first + bucketCount * stride;
    for (let c = 0; c < width; c++) {
      const k = lastFrom(offsets, c);
      const scale = k < 0 ? 1 : ((columns[k] as Columns).scales[c - (offsets[k] as number)] as number);
      const column = c * bucketCount;
      let total = 0;
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        const value = Math.round((sums[column + bucket] as number) * scale);
        integers[first + bucket * stride + c] = value;
        total += value;
      }
      integers[last + c] = total;
    }
  }

  /** A rollout sees what a window shows of its stage; at a look, the rule decides. */
  #advance(course: Courses, i: number, window: number, group: number, visible: readonly VisibleCell[]): void {
    const { place, kernel, replicates } = this.#parts();
    const s = Math.floor(i / replicates);
    const order = place.order(i - s * replicates);
    const stage = this.#stages[course.stage[i] as number] as ControlledStage;
    const start = course.start[i] as number;
    const exposed = Math.round(stage.exposure * bucketCount);
    const sums = place.sums(i);
    const arm = this.#arms[s] as Arm;
    kernel.gather(place.arrivals(group), 1, order, exposed, sums.arrived);
    kernel.gather(place.arrivals(group), 1, place.totalOrder, 1, sums.arrivedTotal);
    for (const { maturity, index, arrival } of visible) {
      if (arrival < start) continue;
      const { vectors } = this.#control[maturity] as Block;
      const table = place.control(group, maturity, index);
      kernel.gather(table, vectors, order, exposed, sums.control(maturity));
      kernel.gather(table, vectors, place.totalOrder, 1, sums.total(maturity));
      const block = this.#changedIn(s, course.stage[i] as number) ? arm.blocks[maturity] : null;
      if (block) {
        kernel.gather(place.changed(group, s, maturity, index), block.vectors, order, exposed, sums.changed(maturity));
      }
    }
    const k = window - start + 1;
    const longest = stage.maximumMs / this.#input.windowMs;
    if (k % (stage.lookEveryMs / this.#input.windowMs) !== 0 && k !== longest) return;
    this.#look(course, i, s, window, k, sums);
  }

  /** Whether a scenario's harm is there in a stage. */
  #changedIn(s: number, stage: number): boolean {
    return stage >= (this.#input.worlds[s] as World).fromStage;
  }

  #look(course: Courses, i: number, s: number, window: number, k: number, sums: Sums): void {
    const arm = this.#arms[s] as Arm;
    const stage = course.stage[i] as number;
    const start = course.start[i] as number;
    const group = this.#input.stageGroups[stage] as number;
    const control = (this.#controlEffects[group] as DesignEffects).from(start);
    const isChanged = this.#changedIn(s, stage);
    const candidate = isChanged ? (arm.effects[group] as DesignEffects).from(start) : control;
    const rule = this.#rule;
    rule.begin(stage, k, control, candidate);
    const { integers } = this.#kernel;
    rule.setArrivals(integers[sums.arrived >> 2] as number, integers[sums.arrivedTotal >> 2] as number);
    for (const [maturity, block] of this.#control.entries()) {
      const exposed = sums.control(maturity) >> 2;
      const total = sums.total(maturity) >> 2;
      rule.setSessions(maturity, integers[exposed] as number, integers[total] as number);
      rule.setControl(block, integers, exposed, total);
      const changed = isChanged ? arm.blocks[maturity] : null;
      if (changed) rule.setChanged(changed, integers, sums.changed(maturity) >> 2);
    }
    this.#onLook?.({ scenario: s, replicate: i - s * this.#replicates, window, look: rule.look() });
    const outcome = rule.decide();
    if (outcome.action === "hold" && !outcome.final) return;
    if (outcome.action === "promote" && stage < this.#stages.length - 1) {
      course.promote(i, window + 1);
      this.#kernel.integers.fill(0, sums.arrived >> 2, sums.end >> 2);
      return;
    }
    course.finish(i, {
      end: outcome.action === "promote" ? "promoted" : outcome.action === "hold" ? "stopped" : "rolledBack",
      stage,
      windows: window + 1,
      starts: course.startsOf(i),
      unitsExposed: this.#unitsExposed(course.startsOf(i), window + 1),
      because: outcome.because,
    });
  }

  /**
   * Expected over the orders of buckets: the share that a stage adds to those of its group, of the units that arrive from then
   * on. A unit of a segment that a later stage for everyone exposes again counts twice.
   */
  #unitsExposed(starts: readonly number[], end: number): number {
    const { stageGroups, groups, sessions } = this.#input;
    if (sessions.buckets !== null) return unitsServed(this.#input, sessions.buckets, starts, end);
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

interface VisibleCell {
  readonly maturity: number;
  /** of the delay */
  readonly index: number;
  /** window of arrival */
  readonly arrival: number;
}

/** The last of rising offsets that is not above a column; −1 before the first. */
function lastFrom(offsets: readonly number[], column: number): number {
  let k = offsets.length - 1;
  while (k >= 0 && (offsets[k] as number) > column) k -= 1;
  return k;
}
