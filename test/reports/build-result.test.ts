import { describe, expect, it } from "vitest";
import { compare } from "../../analysis/compare.ts";
import { operatingCharacteristics } from "../../analysis/operating-characteristics.ts";
import { buildResult, type Findings } from "../../reports/build-result.ts";
import { type Result, resultSchema } from "../../reports/result.ts";
import { trustChecks } from "../../reports/trust.ts";
import { asReplayed, atMargin, noChange, type Scenario } from "../../scenarios/scenario.ts";
import type { Rollout } from "../../sim/rollout.ts";
import { noToll } from "../support/no-toll.ts";
import { outcomes, type Session, summary } from "../support/outcomes.ts";
import { guardrail, hour, plan } from "../support/plan.ts";
import { cost, errors, latency, success } from "../support/traffic.ts";

const guardrails = [guardrail(success, "10pp"), guardrail(cost, "20%")];
const own = plan({
  guardrails,
  exposures: [0.1, 0.5],
  gates: [{ name: "offline", metrics: ["cost"], minimumSample: 5 }],
});

/** Lanes with a bit of everything: missing values, a metric nobody has, a control of zero, a quantile of too few values. */
const sessions = Array.from(
  { length: 60 },
  (_, i): Session => ({
    unit: `u${i % 25}`,
    attributes: { tier: i % 3 === 0 ? "gold" : "free" },
    values: {
      success: { control: i % 10 !== 0, candidate: i % 11 !== 0 },
      cost: { control: i % 7 === 0 ? null : 1 + (i % 5), candidate: 1 + (i % 4) },
      errors: { both: { over: [0, i % 3] } },
      ...(i < 3 ? { latency: { both: [i] } } : {}),
    },
  }),
);

function findings({
  rows = sessions,
  of = own,
  others = {},
}: {
  readonly rows?: readonly Session[];
  readonly of?: typeof own;
  readonly others?: Partial<Findings>;
} = {}): Findings {
  const made = outcomes({ metrics: [success, cost, errors, latency, { ...cost, name: "unseen" }], sessions: rows });
  const rollout: Rollout = { end: "promoted", stage: 1, windows: 9, starts: [0, 4], unitsExposed: 4, because: -1 };
  const scenario = (scenario: Scenario) =>
    operatingCharacteristics(of, scenario, { scenario: scenario.name, bySalt: [[rollout, rollout]] }, hour, noToll);
  return {
    name: "a rehearsal",
    run: {
      id: "1",
      seed: "s",
      planHash: "h",
      startedAt: "2026-01-01T00:00:00Z",
      foretaste: "0",
      node: "v20",
      command: "foretaste rehearse",
      policies: { control: "1", candidate: "2" },
      policyHashes: { control: "a", candidate: "b" },
      inputs: [],
    },
    plan: of,
    trust: trustChecks(
      [],
      {
        requests: 1,
        sessions: 60,
        units: 25,
        shards: 1,
        requestsByShard: [],
        fromMs: 0,
        untilMs: 1,
        changing: [],
        withoutUser: 0,
        outOfSample: 0,
      },
      made,
      summary(made),
      { quarantineLimit: 0.01, laps: 1 },
    ),
    traffic: {
      imports: [],
      requests: 60,
      sessions: 60,
      units: 25,
      assignBy: "user",
      from: "a",
      until: "b",
      statuses: [],
      failures: [],
      failedSessions: { control: 0, candidate: 0 },
      unmatched: { control: 0, candidate: 0 },
      notes: [],
    },
    outcomes: made,
    comparison: compare(of, made),
    scenarios: [asReplayed, noChange, ...guardrails.map(atMargin)].map(scenario),
    simulation: { replicates: 2, salts: 1, windowHours: 1, laps: 1, notes: [] },
    ...others,
  };
}

describe("a result", () => {
  const result = buildResult(findings());

  it("is what its schema says", () => {
    expect(resultSchema.parse(result)).toEqual(result);
  });

  it("survives being written as JSON: no number in it is infinite or none", () => {
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  it("has null for the value of a metric that nobody has", () => {
    const unseen = result.comparison.metrics.find(({ name }) => name === "unseen");
    expect(unseen).toMatchObject({
      control: null,
      candidate: null,
      pValue: null,
      reading: "no margin",
      missing: { control: 60, candidate: 60 },
    });
  });

  it("counts sessions with a value in each lane, in both, and their units", () => {
    const money = result.comparison.metrics.find(({ name }) => name === "cost");
    expect(money).toMatchObject({
      n: { control: 51, candidate: 60, pairs: 51, units: 25 },
      missing: { control: 9, candidate: 0 },
    });
  });

  it("has the plan in hours, and nothing to look at where everyone is exposed", () => {
    expect(result.plan.stages).toEqual([
      {
        name: "10%",
        exposure: 0.1,
        minimumHours: 6,
        maximumHours: 48,
        minimumSample: 100,
        lookEveryHours: 6,
        looks: 8,
      },
      {
        name: "50%",
        exposure: 0.5,
        minimumHours: 6,
        maximumHours: 48,
        minimumSample: 100,
        lookEveryHours: 6,
        looks: 8,
      },
      {
        name: "everyone",
        exposure: 1,
        minimumHours: null,
        maximumHours: null,
        minimumSample: null,
        lookEveryHours: null,
        looks: 0,
      },
    ]);
  });

  it("counts a last look that does not lie on the grid", () => {
    const [stage] = plan().stages;
    const uneven = {
      ...own,
      stages: [{ ...(stage as Extract<typeof stage, { kind: "controlled" }>), lookEveryMs: 36 * hour }],
    };
    expect(buildResult(findings({ of: uneven })).plan.stages[0]?.looks).toBe(2);
  });

  it("says which scenarios the project stated, with their story, and not of those that every rehearsal has", () => {
    const dear: Scenario = {
      kind: "harm",
      name: "dear",
      harms: [{ metric: cost, size: { kind: "relative", factor: 2 }, where: [] }],
    };
    const told: Scenario = { ...dear, name: "told", story: "Every session costs more." };
    const own = findings();
    const [some] = own.scenarios as [(typeof own.scenarios)[0]];
    const scenarios = [...own.scenarios, ...[dear, told].map((scenario) => ({ ...some, scenario }))];
    const notes = buildResult({ ...own, scenarios }).scenarios.map(({ name, note }) => [name, note]);
    expect(notes.filter(([, note]) => note !== undefined)).toEqual([
      ["dear", "harm stated in the project"],
      ["told", "harm stated in the project: Every session costs more."],
    ]);
  });

  it("names as limits what hours and laps rest on, only where it is so", () => {
    const plain = buildResult(findings()).limits;
    const stretched = buildResult(
      findings({
        others: {
          traffic: { ...findings().traffic, arrivals: "500 sessions a day, flat" },
          simulation: { ...findings().simulation, laps: 3 },
        },
      }),
    ).limits;
    const more = stretched.filter((limit) => !plain.includes(limit));
    expect(more).toHaveLength(2);
    expect(more[0]).toContain("stated arrivals (500 sessions a day, flat)");
    expect(more[1]).toContain("up to 3 times");
  });
});

describe("the exit code", () => {
  const code = (of: Findings): Result["verdict"] => buildResult(of).verdict;
  const alike = Array.from(
    { length: 400 },
    (_, i): Session => ({ values: { success: { both: i % 10 !== 0 }, cost: { both: 1 + (i % 3) } } }),
  );
  const dear = alike.map(
    (session, i): Session => ({ values: { ...session.values, cost: { control: 1, candidate: 2 + (i % 3) } } }),
  );
  const noGate = { ...own, gates: [] };

  it("of a go is 0", () => {
    const scenarios = findings().scenarios.slice(0, 2);
    expect(code(findings({ rows: alike, of: noGate, others: { scenarios } }))).toMatchObject({
      decision: "go",
      exitCode: 0,
    });
  });

  it("of a hold is 10", () => {
    expect(code(findings({ rows: alike.slice(0, 12), of: noGate }))).toMatchObject({ decision: "hold", exitCode: 10 });
  });

  it("of a no-go is 11", () => {
    expect(code(findings({ rows: dear }))).toMatchObject({ decision: "no-go", exitCode: 11 });
  });

  it("of what cannot be told is 12", () => {
    const trust = [{ name: "a", status: "fail", figure: "b", threshold: "c", why: "d" }] as const;
    expect(code(findings({ others: { trust } }))).toMatchObject({ decision: "cannot-tell", exitCode: 12 });
  });
});
