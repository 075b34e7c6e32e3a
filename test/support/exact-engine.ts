import { decide } from "../../plan/decide.ts";
import { controlledStages, type Plan } from "../../plan/plan.ts";
import type { ArmReading } from "../../plan/reading.ts";
import type { Outcomes, Values } from "../../shadow/outcomes.ts";
import type { Rollout } from "../../sim/rollout.ts";
import { randomStream, studyKey } from "../../statistics/random-stream.ts";

/**
 * The slow judge of the simulation: every unit is drawn and assigned on its own, every look sums the sessions of each
 * unit, and variances are those between units. No buckets, no windows, no design effects. Metrics of sums only.
 */
export function exactRollout(
  plan: Plan,
  outcomes: Outcomes,
  candidates: readonly Values[],
  seed: string,
  replicate: number,
): Rollout {
  const random = randomStream(studyKey(seed), 7, replicate);
  const copies = outcomes.unitNames.map(() => Array.from({ length: poisson(random) }, () => random()));
  const firstArrival = new Map<number, number>();
  outcomes.unit.forEach((unit, i) => {
    if (!firstArrival.has(unit)) firstArrival.set(unit, outcomes.arrivalMs[i] as number);
  });
  const begin = Math.floor((outcomes.arrivalMs[0] as number) / 3_600_000) * 3_600_000;
  const stages = controlledStages(plan);
  const starts: number[] = [];
  let start = begin;
  for (const [index, stage] of stages.entries()) {
    starts.push(start);
    for (let elapsed = stage.lookEveryMs; ; elapsed += stage.lookEveryMs) {
      const now = start + Math.min(elapsed, stage.maximumMs);
      const arms = { control: new Arm(outcomes, plan), candidate: new Arm(outcomes, plan) };
      const firstSeen = { control: 0, candidate: 0 };
      for (let i = 0; i < outcomes.sessions.length; i++) {
        const arrival = outcomes.arrivalMs[i] as number;
        if (arrival < start || arrival >= now) continue;
        const unit = outcomes.unit[i] as number;
        for (const [copy, place] of (copies[unit] as number[]).entries()) {
          const arm = place < stage.exposure ? "candidate" : "control";
          if (firstArrival.get(unit) === arrival) firstSeen[arm] += 1;
          if ((outcomes.endMs[i] as number) <= now)
            arms[arm].add(i, unit, copy, arm === "candidate" ? candidates : undefined);
        }
      }
      const decision = decide(plan, {
        stage: index,
        elapsedMs: now - start,
        last: now - start >= stage.maximumMs,
        units: { control: arms.control.units, candidate: arms.candidate.units },
        firstSeen,
        unitsInBothArms: 0,
        metrics: plan.guardrails.map((_, g) => ({
          control: arms.control.reading(g),
          candidate: arms.candidate.reading(g),
          units: { control: arms.control.units, candidate: arms.candidate.units },
          missing: { control: 0, candidate: 0 },
        })),
      });
      if (decision.action === "promote") {
        start = now;
        break;
      }
      if (decision.action === "hold" && !decision.final) continue;
      return {
        end: decision.action === "hold" ? "stopped" : "rolledBack",
        stage: index,
        windows: (now - begin) / 3_600_000,
        starts: starts.map((own) => (own - begin) / 3_600_000),
        unitsExposed: exposed(plan, outcomes, copies, starts, now),
        because: decision.action === "rollback" ? plan.guardrails.findIndex(({ key }) => key === decision.because) : -1,
      };
    }
  }
  return {
    end: "promoted",
    stage: stages.length - 1,
    windows: (start - begin) / 3_600_000,
    starts: starts.map((own) => (own - begin) / 3_600_000),
    unitsExposed: exposed(plan, outcomes, copies, starts, start),
    because: -1,
  };
}

function exposed(
  plan: Plan,
  outcomes: Outcomes,
  copies: readonly number[][],
  starts: readonly number[],
  end: number,
): number {
  const stages = controlledStages(plan);
  const seen = new Set<string>();
  for (let i = 0; i < outcomes.sessions.length; i++) {
    const arrival = outcomes.arrivalMs[i] as number;
    if (arrival >= end) break;
    const stage = starts.findLastIndex((start) => start <= arrival);
    const exposure = stages[stage]?.exposure ?? 0;
    const unit = outcomes.unit[i] as number;
    for (const [copy, place] of (copies[unit] as number[]).entries()) if (place < exposure) seen.add(`${unit}/${copy}`);
  }
  return seen.size;
}

/** Sums of one arm, by unit. */
class Arm {
  readonly #outcomes: Outcomes;
  readonly #plan: Plan;
  readonly #rows = new Map<string, Float64Array>();

  constructor(outcomes: Outcomes, plan: Plan) {
    this.#outcomes = outcomes;
    this.#plan = plan;
  }

  get units(): number {
    return this.#rows.size;
  }

  add(session: number, unit: number, copy: number, candidates: readonly Values[] | undefined): void {
    const key = `${unit}/${copy}`;
    const row = this.#rows.get(key) ?? new Float64Array(2 * this.#plan.guardrails.length);
    this.#rows.set(key, row);
    for (const [g, { metric }] of this.#plan.guardrails.entries()) {
      const m = this.#outcomes.metrics.findIndex((own) => own.metric.name === metric.name);
      const values = candidates?.[m] ?? this.#outcomes.metrics[m]?.control;
      if (values?.kind !== "sums") throw new RangeError("the exact engine knows sums only");
      row[2 * g] = (row[2 * g] as number) + (values.numerator[session] as number);
      row[2 * g + 1] = (row[2 * g + 1] as number) + (values.denominator[session] as number);
    }
  }

  reading(g: number): ArmReading {
    const rows = [...this.#rows.values()];
    const n = rows.length;
    const a = rows.reduce((sum, row) => sum + (row[2 * g] as number), 0);
    const b = rows.reduce((sum, row) => sum + (row[2 * g + 1] as number), 0);
    if (n < 2 || b === 0) return { estimate: Number.NaN, standardError: Number.NaN, effectiveSample: 0 };
    const estimate = a / b;
    const residual = rows.reduce(
      (sum, row) => sum + ((row[2 * g] as number) - estimate * (row[2 * g + 1] as number)) ** 2,
      0,
    );
    const standardError = Math.sqrt((residual * n) / (n - 1)) / b;
    const independent = (estimate * (1 - estimate)) / b;
    return { estimate, standardError, effectiveSample: independent > 0 ? b / (standardError ** 2 / independent) : b };
  }
}

function poisson(random: () => number): number {
  let count = 0;
  for (let product = random(); product > Math.exp(-1); product *= random()) count += 1;
  return count;
}
