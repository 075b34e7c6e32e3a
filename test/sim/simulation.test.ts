import { describe, expect, it } from "vitest";
import { inline, threadPool } from "../../io/pool.ts";
import { position, type TextHash } from "../../plan/assignment.ts";
import type { ControlledStage, Plan } from "../../plan/plan.ts";
import { asReplayed, atMargin, candidateValues, noChange } from "../../scenarios/scenario.ts";
import type { Outcomes, Values } from "../../shadow/outcomes.ts";
import { assignUnits } from "../../sim/assign-units.ts";
import type { Rollout } from "../../sim/rollout.ts";
import { type SaltsJob, simulate, simulateSalts, simulationWorker } from "../../sim/simulate.ts";
import { type SimulationInput, simulationInput } from "../../sim/simulation-input.ts";
import { clusteredQuantile } from "../../statistics/quantiles/quantiles.ts";
import { armReading, BucketTables } from "../support/plain-engine.ts";
import { guardrail } from "../support/plan.ts";
import { clusteredTraffic, latency, smallPlan } from "../support/traffic.ts";

const outcomes = clusteredTraffic({ users: 600 });
const plan = smallPlan();

function inputOf(own: Plan, traffic: Outcomes = outcomes): SimulationInput {
  const scenarios = [noChange, asReplayed, ...own.guardrails.map(atMargin)];
  return simulationInput(
    own,
    traffic,
    scenarios.map((scenario) => ({ name: scenario.name, candidate: candidateValues(scenario, traffic) })),
  );
}

describe("simulate", () => {
  it("gives the same rollouts on 1, 2 and 8 threads and without threads", async () => {
    const settings = { seed: "threads", salts: 12, replicatesPerSalt: 5 };
    const alone = await simulate(inputOf(plan), settings, inline(simulateSalts));
    for (const threads of [1, 2, 8]) {
      const pool = threadPool<SaltsJob, Rollout[][][]>(simulationWorker, threads);
      expect(await simulate(inputOf(plan), settings, pool)).toEqual(alone);
    }
  });

  it("gives the first replicates of a longer simulation", async () => {
    const short = await simulate(inputOf(plan), { seed: "x", salts: 3, replicatesPerSalt: 5 }, inline(simulateSalts));
    const long = await simulate(inputOf(plan), { seed: "x", salts: 7, replicatesPerSalt: 5 }, inline(simulateSalts));
    expect(long[0]?.bySalt.slice(0, 3)).toEqual(short[0]?.bySalt);
  });

  it("treats a candidate equal to the control in value as one that is the control itself", async () => {
    const copies: Outcomes = {
      ...outcomes,
      metrics: outcomes.metrics.map((own) => ({ ...own, candidate: structuredClone(own.control) as Values })),
    };
    const [unchanged, replayed] = await simulate(
      inputOf(plan, copies),
      { seed: "x", salts: 5, replicatesPerSalt: 10 },
      inline(simulateSalts),
    );
    expect(replayed?.bySalt).toEqual(unchanged?.bySalt);
  });

  it("never ends a rollout before a stage's minimum, and never after the sum of the maxima", async () => {
    const input = inputOf(plan);
    const longest =
      plan.stages.reduce((sum, stage) => sum + (stage.kind === "controlled" ? stage.maximumMs : 0), 0) / input.windowMs;
    for (const { bySalt } of await simulate(
      input,
      { seed: "x", salts: 10, replicatesPerSalt: 10 },
      inline(simulateSalts),
    )) {
      for (const { end, windows, unitsExposed } of bySalt.flat()) {
        expect(windows).toBeLessThanOrEqual(longest);
        const least = (plan.stages as readonly ControlledStage[])
          .slice(0, 3)
          .reduce((sum, { minimumMs }) => sum + minimumMs, 0);
        if (end === "promoted") expect(windows * input.windowMs).toBeGreaterThanOrEqual(least);
        expect(unitsExposed).toBeGreaterThan(0);
        expect(unitsExposed).toBeLessThanOrEqual(600 * 0.5);
      }
    }
  });
});

describe("bucket tables", () => {
  it("hold every session once, weighted by the copies of its unit", () => {
    const input = inputOf(plan);
    const assignment = assignUnits(input.sessions.unitHash, [1, 2]);
    const values = input.guardrails.map(({ control }) => control);
    const tables = new BucketTables(input, assignment, values);
    let sessions = 0;
    let successes = 0;
    for (let window = 0; window < input.planWindows; window++) {
      for (const lag of input.sessions.lags[0]?.delays.keys() ?? []) {
        const cell = tables.cell(0, lag, window);
        sessions += cell?.total[0] ?? 0;
        const centre = input.guardrails[0]?.centre as number;
        successes += (cell?.total[1] ?? 0) + centre * (cell?.total[3] ?? 0);
      }
    }
    const copies = (i: number) => {
      const unit = input.sessions.unit[i] as number;
      return (assignment.starts[unit + 1] as number) - (assignment.starts[unit] as number);
    };
    let expected = 0;
    let expectedSuccesses = 0;
    const own = values[0] as Extract<Values, { kind: "sums" }>;
    for (let i = 0; i < input.sessions.base.length; i++) {
      expected += copies(i);
      expectedSuccesses += copies(i) * (own.numerator[input.sessions.base[i] as number] as number);
    }
    expect(sessions).toBe(expected);
    expect(successes).toBeCloseTo(expectedSuccesses, 6);
  });

  it("draw each unit once on average, Poisson-distributed, and spread copies evenly over the buckets", () => {
    const units = 200_000;
    const hashes = Uint32Array.from({ length: 2 * units }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 0);
    const { starts, buckets } = assignUnits(hashes, [3, 4]);
    const counts = new Float64Array(6);
    for (let u = 0; u < units; u++) {
      const copies = Math.min(5, (starts[u + 1] as number) - (starts[u] as number));
      counts[copies] = (counts[copies] as number) + 1;
    }
    const probability = [1, 1, 1 / 2, 1 / 6, 1 / 24].map((p) => p / Math.E);
    const expected = [...probability, 1 - probability.reduce((a, b) => a + b, 0)].map((p) => p * units);
    const chiSquared = expected.reduce((sum, e, k) => sum + ((counts[k] as number) - e) ** 2 / e, 0);
    // 5 degrees of freedom: above 30.9 once in 100,000 seeds
    expect(chiSquared).toBeLessThan(30.9);
    const inBucket = new Float64Array(1000);
    for (const bucket of buckets) inBucket[bucket] = (inBucket[bucket] as number) + 1;
    const even = buckets.length / 1000;
    const spread = inBucket.reduce((sum, n) => sum + (n - even) ** 2 / even, 0);
    // 999 degrees of freedom: mean 999, sd 44.7; 4.3 sd
    expect(Math.abs(spread - 999)).toBeLessThan(192);
  });

  it("keep the copies of a unit apart from its weight", () => {
    const salt: TextHash = [5, 6];
    const pairs = Array.from({ length: 20_000 }, (_, i) => {
      const unit: TextHash = [Math.imul(i, 0x9e3779b1) >>> 0, i];
      return [position(unit, salt), position(unit, [salt[0] ^ 0x85ebca6b, salt[1]])] as const;
    });
    const mean = (pick: (pair: readonly [number, number]) => number) =>
      pairs.reduce((sum, pair) => sum + pick(pair), 0) / pairs.length;
    const covariance = mean(([a, b]) => a * b) - mean(([a]) => a) * mean(([, b]) => b);
    // variance of each is 1/12: correlation within 4.5 standard errors of zero
    expect(Math.abs(covariance * 12)).toBeLessThan(4.5 / Math.sqrt(pairs.length));
  });
});

describe("a quantile metric", () => {
  const own = smallPlan({
    guardrails: [guardrail(latency, "30%")],
  });
  const input = inputOf(own, clusteredTraffic());
  const simulated = input.guardrails[0] as SimulationInput["guardrails"][number];

  it("has from bins the quantile and the standard error that all its values have", () => {
    const values = simulated.control as Extract<Values, { kind: "requests" }>;
    const edges = simulated.edges as Float64Array;
    const sums = new Float64Array(1 + edges.length);
    for (const value of values.values) {
      const bin = edges.findIndex((edge) => edge >= value);
      sums[1 + bin] = (sums[1 + bin] as number) + 1;
    }
    const units = Int32Array.from(values.values, (_, k) => k);
    const exact = clusteredQuantile(values.values, units, units.length, 0.95);
    const binned = armReading(simulated, sums, 1, 1);
    // k values in a bin stand within √k/2 ranks (one standard deviation, in its middle) of an even spread; the quantile's own
    // standard error is √(n·p·q) ranks; 4.5 standard deviations happen by chance once in 150,000 seeds
    const k = sums[1 + edges.findIndex((edge) => edge >= exact.estimate)] as number;
    const ranks = Math.sqrt(values.values.length * 0.95 * 0.05);
    expect(Math.abs(binned.estimate - exact.estimate)).toBeLessThan(
      ((4.5 * Math.sqrt(k)) / 2 / ranks) * exact.standardError,
    );
    // the standard error is the distance of two such points, 2 · 1.96 · √(n·p·q) ranks apart; bins hold at most `most` values
    const most = Math.max(...sums.slice(2));
    const slip = (4.5 * Math.SQRT2 * Math.sqrt(most)) / 2 / (2 * 1.96 * ranks);
    expect(Math.abs(binned.standardError / exact.standardError - 1)).toBeLessThan(slip);
  });

  it("has bins around the control's quantile however far away the candidate's is", () => {
    const traffic = clusteredTraffic();
    const slow: Outcomes = {
      ...traffic,
      metrics: traffic.metrics.map((metric) =>
        metric.candidate.kind === "requests"
          ? { ...metric, candidate: { ...metric.candidate, values: metric.candidate.values.map((value) => 9 * value) } }
          : metric,
      ),
    };
    const { control, edges } = inputOf(own, slow).guardrails[0] as SimulationInput["guardrails"][number];
    const sorted = (control as Extract<Values, { kind: "requests" }>).values.slice().sort();
    const rank = (p: number) => sorted[Math.floor(p * sorted.length)] as number;
    const near = [...(edges as Float64Array)].filter((edge) => edge > rank(0.9) && edge < rank(0.99));
    expect(near.length).toBeGreaterThanOrEqual(5);
  });

  it("at its margin, with one stage and one look, is promoted as often as the level of passing says", async () => {
    const [, , half] = own.stages as readonly ControlledStage[];
    const once = { ...(half as ControlledStage), minimumMs: 0, maximumMs: 96 * 3_600_000, lookEveryMs: 96 * 3_600_000 };
    const single = inputOf({ ...own, stages: [once] }, clusteredTraffic());
    const rollouts = await simulate(single, { seed: "q", salts: 100, replicatesPerSalt: 10 }, inline(simulateSalts));
    const bySalt = (rollouts.find(({ scenario }) => scenario === "at_margin:latency")?.bySalt ?? []).map(
      (salt) => salt.filter(({ end }) => end === "promoted").length / salt.length,
    );
    const rate = bySalt.reduce((x, y) => x + y, 0) / bySalt.length;
    const variance = bySalt.reduce((sum, x) => sum + (x - rate) ** 2, 0) / (bySalt.length - 1);
    // four standard errors, clustered by salt: by chance once in 15,000 seeds
    expect(Math.abs(rate - own.budgets.missedRegression), `${rate}`).toBeLessThan(
      4 * Math.sqrt(variance / bySalt.length),
    );
  });
});

describe("a plan longer than the log", () => {
  it("goes around it at the log's own rate, with new units each time", () => {
    const n = 480;
    const short: Outcomes = {
      ...outcomes,
      sessions: Array.from({ length: n }, (_, i) => `s${i}`),
      unitNames: Array.from({ length: n }, (_, i) => `u${i}`),
      unit: Int32Array.from({ length: n }, (_, i) => i),
      arrivalMs: Float64Array.from({ length: n }, (_, i) => (i * 86_400_000) / 240),
      endMs: Float64Array.from({ length: n }, (_, i) => (i * 86_400_000) / 240),
      metrics: outcomes.metrics.slice(0, 3).map(({ metric }) => {
        const values: Values = {
          kind: "sums",
          numerator: new Float64Array(n).fill(1),
          denominator: new Float64Array(n).fill(1),
          missing: new Uint8Array(n),
        };
        return { metric, control: values, candidate: values };
      }),
    };
    const { sessions, laps, planWindows, windowMs } = simulationInput(plan, short, [
      { name: "no_change", candidate: short.metrics.map(({ control }) => control) },
    ]);
    expect(laps).toBe(3);
    const perWindow = Array.from(
      { length: planWindows },
      (_, w) => (sessions.windowStart[w + 1] as number) - (sessions.windowStart[w] as number),
    );
    expect(new Set(perWindow)).toEqual(new Set([(240 * windowMs) / 86_400_000]));
    expect(new Set(sessions.unit).size).toBe(sessions.unit.length);
    expect(
      new Set(
        Array.from({ length: sessions.units }, (_, u) => `${sessions.unitHash[2 * u]}/${sessions.unitHash[2 * u + 1]}`),
      ).size,
    ).toBe(sessions.units);
  });
});
