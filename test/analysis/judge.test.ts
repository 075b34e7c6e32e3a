import { describe, expect, it } from "vitest";
import { type Canary, judge } from "../../analysis/judge.ts";
import { segmentReadings } from "../../analysis/segment-readings.ts";
import { hashText, position } from "../../plan/assignment.ts";
import { uncertified } from "../../plan/certify.ts";
import type { Reference } from "../../plan/lock.ts";
import type { Plan } from "../../plan/plan.ts";
import type { MetricOutcomes, Outcomes, Values } from "../../shadow/outcomes.ts";
import { guardrail, hour, plan } from "../support/plan.ts";
import { clusteredTraffic, cost, latency, success } from "../support/traffic.ts";

const traffic = clusteredTraffic({ users: 3000 });
const salt = hashText("judge");

type Sums = Extract<Values, { kind: "sums" }>;

/** The traffic as a canary: units below the exposure are the candidate's, whose values may be changed. */
function canary({
  exposure = 0.3,
  outcomes = traffic,
  changed = (own: MetricOutcomes) => own.candidate,
}: {
  readonly exposure?: number;
  readonly outcomes?: Outcomes;
  readonly changed?: (own: MetricOutcomes) => Values;
} = {}): Canary {
  const isCandidate = outcomes.unitNames.map((name) => position(hashText(name), salt) < exposure);
  const own: Outcomes = { ...outcomes, metrics: outcomes.metrics.map((one) => ({ ...one, candidate: changed(one) })) };
  return {
    outcomes: own,
    candidate: Uint8Array.from(outcomes.unit, (unit) => Number(isCandidate[unit])),
    failed: new Uint8Array(outcomes.sessions.length),
    inBothArms: new Uint8Array(outcomes.sessions.length),
  };
}

const guarded = (others: Partial<Plan> & { readonly exposures?: readonly number[] } = {}) =>
  plan({
    guardrails: [guardrail(success, "8pp"), guardrail(cost, "25%"), guardrail(latency, "30%")],
    exposures: [0.3],
    ...others,
  });

const lowered = (by: number) => (own: MetricOutcomes) => {
  if (own.metric.name !== "success") return own.candidate;
  const values = own.candidate as Sums;
  return { ...values, numerator: values.numerator.map((value, i) => (i % 100 < 100 * by ? 0 : value)) };
};

describe("judging a canary's rows", () => {
  it("shows the rule, at every look, the mature sessions of that stage, summed by unit", () => {
    const { looks } = judge(guarded(), canary({ changed: lowered(0.3) }));
    expect(looks.length).toBe(8);
    for (const { look } of looks) {
      // by the book: a mean of ratio form over units, and its linearised variance
      const units = new Map<number, [number, number]>();
      traffic.unit.forEach((unit, i) => {
        const start = traffic.arrivalMs[0] as number;
        const until = start + look.elapsedMs;
        const isCandidate = position(hashText(traffic.unitNames[unit] as string), salt) < 0.3;
        const arrived = (traffic.arrivalMs[i] as number) < until && (traffic.endMs[i] as number) <= until;
        if (!isCandidate || !arrived) return;
        const [sum, n] = units.get(unit) ?? [0, 0];
        const { numerator } = (traffic.metrics[1] as MetricOutcomes).control as Sums;
        units.set(unit, [sum + (numerator[i] as number), n + 1]);
      });
      const rows = [...units.values()];
      const [sum, sessions] = rows.reduce<[number, number]>(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
      const mean = sum / sessions;
      const residual = rows.reduce((total, [a, b]) => total + (a - mean * b) ** 2, 0);
      const standardError = Math.sqrt((residual * rows.length) / (rows.length - 1)) / sessions;
      expect(look.metrics[1]?.units.candidate).toBe(rows.length);
      expect(look.metrics[1]?.candidate.estimate).toBeCloseTo(mean, 10);
      expect(look.metrics[1]?.candidate.standardError).toBeCloseTo(standardError, 10);
    }
  });

  it("promotes no change, and rolls back harm, once there is enough to tell", () => {
    expect(judge(guarded(), canary()).end).toMatchObject({ stage: "30%", decision: { action: "promote" } });
    expect(judge(guarded(), canary({ changed: lowered(0.3) })).end).toMatchObject({
      decision: { action: "rollback", because: "success" },
    });
  });

  it("goes on looking after a rollback, and says first when it was", () => {
    const { looks, stages, end } = judge(guarded(), canary({ changed: lowered(0.3) }));
    expect(stages[0]?.ended).toBe(end);
    expect(looks.at(-1)?.atMs).toBeGreaterThan(end?.atMs ?? Number.NaN);
  });

  it("says the same of a look when there are data after it", () => {
    const all = judge(guarded(), canary({ changed: lowered(0.05) }));
    for (const { atMs } of all.looks) {
      const early = judge(guarded(), canary({ changed: lowered(0.05) }), { asOfMs: atMs });
      expect(early.looks).toEqual(all.looks.filter((look) => look.atMs <= atMs));
    }
  });

  it("has no look before the first is due, and none of no canary", () => {
    const start = traffic.arrivalMs[0] as number;
    expect(judge(guarded(), canary(), { asOfMs: start + hour }).looks).toEqual([]);
    expect(judge(guarded(), canary(), { startMs: start + 365 * 24 * hour })).toMatchObject({ looks: [], stages: [] });
  });

  it("begins a stage where the rule promotes, or where it really began", () => {
    const two = guarded({ exposures: [0.3, 0.5] });
    const ruled = judge(two, canary());
    expect(ruled.stages.map(({ stage, startMs }) => [stage, startMs])).toEqual([
      ["30%", traffic.arrivalMs[0]],
      ["50%", ruled.stages[0]?.ended?.atMs],
    ]);
    const began = (traffic.arrivalMs[0] as number) + 40 * hour;
    const stated = judge(two, canary(), { stageStarts: { "50%": began } });
    expect(stated.stages.map(({ startMs }) => startMs)).toEqual([traffic.arrivalMs[0], began]);
    expect(stated.looks.filter(({ stage }) => stage === "30%").map(({ atMs }) => atMs - began)).toEqual(
      [-34, -28, -22, -16, -10, -4].map((hours) => hours * hour),
    );
  });

  it("refuses the start of a stage that does not exist", () => {
    expect(() => judge(guarded(), canary(), { stageStarts: { later: 0 } })).toThrow(
      "there is no controlled stage later",
    );
  });
});

describe("a canary that cannot be trusted is void:", () => {
  it("units in both arms, which are counted and named", () => {
    const own = canary();
    // the first session of somebody who comes back is served by the other arm
    const again = traffic.unit.findIndex((unit, i) => traffic.unit.indexOf(unit) < i);
    const mixed = { ...own, candidate: own.candidate.map((lane, i) => (i === again ? 1 - lane : lane)) };
    const { looks, stages } = judge(guarded(), mixed);
    expect(looks.at(-1)?.decision).toMatchObject({ action: "hold", waitingFor: ["1 unit was served by both arms"] });
    expect(stages[0]?.inBothArms).toEqual({
      units: 1,
      examples: [traffic.unitNames[traffic.unit[again] as number]],
    });
  });

  it("a split that does not fit the exposure, by p-values that are those of the whole", () => {
    const { looks, stages } = judge(guarded({ exposures: [0.4] }), canary());
    expect(looks.at(-1)?.decision).toMatchObject({ waitingFor: ["the sample ratio does not fit the exposure"] });
    const ratio = stages[0]?.sampleRatio;
    expect(ratio?.share).toBeCloseTo(0.3, 1);
    expect(ratio?.sequentialP).toBeLessThan(0.001);
    expect(ratio?.pValue).toBeLessThan(0.001);
  });

  it("values that one arm lacks, unless its sessions failed: those are counted by the failure rate", () => {
    const lacking = (own: MetricOutcomes): Values => {
      if (own.metric.name !== "cost") return own.candidate;
      const values = own.candidate as Sums;
      const lost = (i: number) => i % 3 === 0;
      return {
        kind: "sums",
        numerator: values.numerator.map((value, i) => (lost(i) ? 0 : value)),
        denominator: values.denominator.map((value, i) => (lost(i) ? 0 : value)),
        missing: values.missing.map((_, i) => Number(lost(i))),
      };
    };
    const silent = canary({ changed: lacking });
    expect(judge(guarded(), silent).looks.at(-1)?.decision).toMatchObject({
      waitingFor: ["cost is missing more often in the candidate"],
    });
    const failed = Uint8Array.from(silent.failed, (_, i) => Number(i % 3 === 0));
    expect(judge(guarded(), { ...silent, failed }).end?.decision.action).toBe("promote");
  });
});

describe("segments at the last look", () => {
  const names = ["free", "pro"];
  const codes = Int32Array.from(traffic.unit, (unit) => unit % 2);
  const outcomes: Outcomes = { ...traffic, attributes: new Map([["tier", { names, codes }]]) };

  it("show the one that is harmed, after Holm, and leave the other alone", () => {
    const broken = (own: MetricOutcomes): Values => {
      if (own.metric.name !== "success") return own.candidate;
      const values = own.candidate as Sums;
      return { ...values, numerator: values.numerator.map((value, i) => (codes[i] === 1 && i % 5 < 2 ? 0 : value)) };
    };
    const own = canary({ outcomes, changed: broken });
    const segments = segmentReadings(guarded(), own, judge(guarded(), own));
    expect(segments.map(({ attribute, value, key }) => `${key}@${attribute}=${value}`)).toEqual([
      "success@tier=free",
      "success@tier=pro",
      "cost@tier=free",
      "cost@tier=pro",
      "latency@tier=free",
      "latency@tier=pro",
    ]);
    const of = (value: string) => segments.find((one) => one.key === "success" && one.value === value);
    expect(of("pro")?.adjustedP).toBeLessThan(1e-4);
    expect(of("free")?.adjustedP).toBeGreaterThan(0.01);
  });
});

describe("a plan that was frozen on other traffic", () => {
  const reference = (low: number, high: number): Reference => ({
    from: "2026-01-01T00:00:00.000Z",
    until: "2026-01-15T00:00:00.000Z",
    units: 1000,
    sessions: 4000,
    unitsPerDay: 100,
    guardrails: [{ key: "success", control: { low, high }, unitVariance: 1, designEffect: 1 }],
  });

  it("is uncertified when the control is outside the recorded ranges by more than its error, and says both figures", () => {
    const covered = judge(guarded(), canary(), { reference: reference(0.5, 0.9) });
    expect(covered.end?.decision.action).toBe("promote");
    const drifted = judge(guarded(), canary(), { reference: reference(0.9, 0.95) });
    const last = drifted.looks.at(-1)?.decision;
    expect(last?.action === "hold" ? last.waitingFor : []).toEqual([
      expect.stringMatching(/^uncertified: control's success is 0\.7\d+, in the recorded traffic 0\.9 to 0\.95$/),
    ]);
  });

  it("is uncertified below half and above twice the planned traffic, from a day on", () => {
    const look = (units: number, elapsedHours: number, last = false) => {
      const [first] = judge(guarded(), canary()).looks;
      if (!first) throw new Error("no look");
      const metrics = first.look.metrics.map((own) => ({
        ...own,
        units: { control: 0.7 * units, candidate: 0.3 * units },
      }));
      return { ...first.look, metrics, elapsedMs: elapsedHours * hour, last };
    };
    // 48 hours with 10,000 units: n* = .3 · .7 · 10,000
    const own = guarded({ calibration: { plannedSample: [[2100, 2100, 2100]] } });
    const at = (units: number, hours: number, last?: boolean) =>
      uncertified(own, reference(0, 1), look(units, hours, last));
    expect([at(2600, 24), at(9900, 24), at(20, 23)]).toEqual([undefined, undefined, undefined]);
    expect(at(2400, 24)).toBe("traffic is 0.48 times the planned one");
    expect(at(21_000, 48, true)).toBe("traffic is 2.1 times the planned one");
  });
});
