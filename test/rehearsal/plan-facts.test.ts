import { describe, expect, it } from "vitest";
import { inline } from "../../io/pool.ts";
import { controlledStages, type Plan } from "../../plan/plan.ts";
import { growthOf, passChance, plannedLooks, rollbackChance } from "../../plan/planned-looks.ts";
import { planFacts } from "../../rehearsal/plan-facts.ts";
import type { Project } from "../../rehearsal/project.ts";
import { candidateValues, noChange } from "../../scenarios/scenario.ts";
import type { Outcomes } from "../../shadow/outcomes.ts";
import { simulate, simulateSalts } from "../../sim/simulate.ts";
import { simulationInput } from "../../sim/simulation-input.ts";
import { guardrail, hour } from "../support/plan.ts";
import { clusteredTraffic, smallPlan, success } from "../support/traffic.ts";

const day = 24 * hour;

/** What `planFacts` reads of a project. */
function projectOf(plan: Plan, others: Partial<Project> = {}): Project {
  return {
    plan,
    attributes: [],
    lanes: [],
    maturedByLabels: [],
    traffic: { files: [], session: "id" },
    ...others,
  } as unknown as Project;
}

const outcomes = clusteredTraffic({ users: 1500 });

/** So many sessions, one an hour from midnight of Monday, 5 January 1970 on, by turns of so many units. */
function hourly(n: number, units: number, attribute = (_: number) => "a"): Outcomes {
  const first = 4 * day;
  const values = Array.from({ length: n }, (_, i) => attribute(i));
  const names = [...new Set(values)];
  const column = {
    kind: "sums" as const,
    numerator: Float64Array.from({ length: n }, (_, i) => i % 2),
    denominator: new Float64Array(n).fill(1),
    missing: new Uint8Array(n),
  };
  return {
    sessions: Array.from({ length: n }, (_, i) => `s${i}`),
    unit: Int32Array.from({ length: n }, (_, i) => i % units),
    unitNames: Array.from({ length: Math.min(n, units) }, (_, u) => `u${u}`),
    arrivalMs: Float64Array.from({ length: n }, (_, i) => first + i * hour),
    endMs: Float64Array.from({ length: n }, (_, i) => first + i * hour),
    attributes: new Map([["tier", { names, codes: Int32Array.from(values, (value) => names.indexOf(value)) }]]),
    metrics: [{ metric: success, control: column, candidate: column }],
  };
}

const oneStage = (change: object = {}, guards = [guardrail(success, "8pp")]): Plan => {
  const plan = smallPlan({ guardrails: guards });
  const [stage, full] = [plan.stages[2], plan.stages[3]] as [Plan["stages"][number], Plan["stages"][number]];
  return { ...plan, stages: [{ ...stage, ...change } as Plan["stages"][number], full] };
};

describe("the traffic of a plan", () => {
  const { traffic } = planFacts(projectOf(smallPlan()), outcomes, []);

  it("has all units by its end, each once", () => {
    const arrived = traffic?.arrived ?? [];
    expect(arrived.at(-1)).toEqual({ withinMs: traffic?.spanMs, units: outcomes.unitNames.length });
    expect(arrived.every(({ units }, k) => k === 0 || units >= (arrived[k - 1]?.units as number))).toBe(true);
    expect(traffic?.units).toBe(1500);
    expect(traffic?.sessions).toBe(outcomes.sessions.length);
  });

  it("counts units that come back once, from whatever start", () => {
    // 10 units by turns: after k hours there are k of them, then 10
    const few = planFacts(projectOf(oneStage()), hourly(100, 10), []).traffic?.arrived ?? [];
    expect(few.slice(0, 12).map(({ units }) => units)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]);
  });

  it("compares days of the weekend with weekdays", () => {
    const all = hourly(14 * 24, 1000);
    const kept = all.sessions.flatMap((_, i) => (Math.floor(i / 24) % 7 >= 5 && i % 2 === 1 ? [] : [i]));
    const pick = <T extends Float64Array | Int32Array>(column: T) => column.filter((_, i) => kept.includes(i)) as T;
    const own = {
      ...all,
      sessions: kept.map((i) => `s${i}`),
      unit: pick(all.unit),
      arrivalMs: pick(all.arrivalMs),
      endMs: pick(all.endMs),
    };
    expect(planFacts(projectOf(oneStage()), own, []).traffic?.weekend).toBeCloseTo(0.5, 1);
    expect(planFacts(projectOf(oneStage()), hourly(14 * 24, 1000), []).traffic?.weekend).toBe(1);
    expect(planFacts(projectOf(oneStage()), hourly(5 * 24, 1000), []).traffic?.weekend).toBeUndefined();
  });

  it("knows the units that a stage lets take part, and a guardrail's segment among all", () => {
    const every = hourly(72, 1000, (i) => (i % 4 === 0 ? "pro" : "free"));
    const segment = { attribute: "tier", value: "pro" };
    const facts = planFacts(projectOf(oneStage({ where: [segment], maximumMs: 48 * hour })), every, []);
    expect(facts.traffic?.taking).toEqual([0.25]);
    expect(facts.baselines?.[0]?.[0]).toMatchObject({ units: 12, share: 0.25 });
    const inSegment = planFacts(projectOf(oneStage({}, [guardrail(success, "8pp", segment)])), every, []);
    expect(inSegment.baselines?.[0]?.[0]).toMatchObject({ share: 0.25 });
    const nobody = planFacts(projectOf(oneStage({ where: [{ attribute: "tier", value: "gold" }] })), every, []);
    expect(nobody.traffic?.taking).toEqual([0]);
    expect(nobody.baselines?.[0]?.[0]).toBeUndefined();
  });

  it("has no outcome that is not mature by the stage's end", () => {
    const late = guardrail({ ...success, matureAfterMs: 36 * hour }, "8pp");
    const facts = planFacts(projectOf(oneStage({ maximumMs: 48 * hour }, [late])), hourly(72, 1000), []);
    expect(facts.baselines?.[0]?.[0]?.units).toBe(12);
  });
});

describe("what is known without traffic", () => {
  it("is the project's: attributes, users, labels that are waited for", () => {
    const facts = planFacts(
      projectOf(smallPlan(), {
        attributes: [{ name: "tier", from: "tier" }],
        traffic: { files: [], session: "id", user: "user" },
        maturedByLabels: ["solved"],
      }),
      undefined,
      [{ salt: "a", plan: "b", frozenAt: "c" }],
    );
    expect(facts).toEqual({
      attributes: ["tier"],
      hasUsers: true,
      pastSalts: [{ salt: "a", plan: "b", frozenAt: "c" }],
      waitingForLabels: ["solved"],
    });
  });

  it("knows sessions in which the unit changes from the import", () => {
    const plan = { ...smallPlan(), assignBy: "tier" };
    const changing = [{ attribute: "tier", sessions: 7 }];
    expect(planFacts(projectOf(plan), outcomes, [], { changing }).traffic?.changingSessions).toBe(7);
    expect(planFacts(projectOf(smallPlan()), outcomes, [], { changing }).traffic?.changingSessions).toBeUndefined();
  });
});

describe("the chances of an unchanged release, against the simulation", () => {
  it.each(["fixed", "sequential"] as const)("bound what %s evidence does", async (evidence) => {
    const plan = oneStage({ minimumMs: 24 * hour, maximumMs: 72 * hour, lookEveryMs: 6 * hour, minimumSample: 50 });
    const own: Plan = {
      ...plan,
      rule: { ...plan.rule, evidence },
      budgets: { falseRollback: 0.05, missedRegression: 0.1, falseStop: 0.2 },
    };
    const facts = planFacts(projectOf(own), outcomes, []);
    const looks = plannedLooks(own, 0, facts) ?? [];
    const [stage] = controlledStages(own);
    const growth =
      stage &&
      facts.baselines?.[0]?.[0] &&
      growthOf(stage, own.guardrails[0] as Plan["guardrails"][number], facts.baselines[0][0]);
    if (!growth) throw new Error("no growth");
    const input = simulationInput(own, outcomes, [
      { name: noChange.name, candidate: candidateValues(noChange, outcomes) },
    ]);
    const [rollouts] = await simulate(
      input,
      { seed: "facts", salts: 120, replicatesPerSalt: 25 },
      inline(simulateSalts),
    );
    /** share of rollouts, with four standard errors over salts */
    const share = (wanted: string) => {
      const own = (rollouts?.bySalt ?? []).map((salt) => salt.filter(({ end }) => end === wanted).length / salt.length);
      const value = own.reduce((sum, x) => sum + x, 0) / own.length;
      const variance = own.reduce((sum, x) => sum + (x - value) ** 2, 0) / (own.length - 1);
      return { value, slack: 4 * Math.sqrt(variance / own.length) };
    };
    const atMost = rollbackChance(own, 0, 0, facts);
    const atLeast = rollbackChance(own, 0, 0, facts, { ended: true });
    const rolledBack = share("rolledBack");
    expect(rolledBack.slack).toBeLessThan(0.05);
    expect(rolledBack.value).toBeLessThan(atMost + rolledBack.slack);
    expect(rolledBack.value).toBeGreaterThan(atLeast - rolledBack.slack);
    const promoted = share("promoted");
    expect(promoted.value).toBeLessThan(passChance(own, 0, 0, looks, growth) + promoted.slack);
    expect(promoted.value).toBeGreaterThan(1 - atMost - 0.05);
  });
});
