import { describe, expect, it } from "vitest";
import { type Comparison, compare } from "../../analysis/compare.ts";
import { type OperatingCharacteristics, operatingCharacteristics } from "../../analysis/operating-characteristics.ts";
import type { Gate, Plan } from "../../plan/plan.ts";
import { metricValue as shown } from "../../reports/format.ts";
import type { TrustCheck } from "../../reports/trust.ts";
import { judgeGates, verdictOf } from "../../reports/verdict.ts";
import { atMargin, noChange, type Scenario } from "../../scenarios/scenario.ts";
import type { Rollout } from "../../sim/rollout.ts";
import { noToll } from "../support/no-toll.ts";
import { outcomes, type Session } from "../support/outcomes.ts";
import { guardrail, hour, plan } from "../support/plan.ts";
import { cost, success } from "../support/traffic.ts";

const gate: Gate = { name: "offline", metrics: ["success"], minimumSample: 200 };

/** 400 sessions in two workflows, alike in both lanes but for what a test changes. */
function traffic(
  change: (session: { readonly i: number; readonly refund: boolean; readonly good: boolean }) => {
    success?: boolean;
    cost?: number;
  } = () => ({}),
): Session[] {
  return Array.from({ length: 400 }, (_, i) => {
    const refund = i % 4 === 0;
    const good = i % 10 !== 3;
    const candidate = { success: good, cost: 1 + (i % 7) / 10, ...change({ i, refund, good }) };
    return {
      attributes: { workflow: refund ? "refund" : "faq" },
      values: {
        success: { control: good, candidate: candidate.success },
        cost: { control: 1 + (i % 7) / 10, candidate: candidate.cost },
      },
    };
  });
}

const guardrails = [guardrail(success, "10pp"), guardrail(cost, "20%")];

function judged({
  sessions = traffic(),
  trust = [],
  scenarios = [],
  own = plan({ guardrails, gates: [gate] }),
}: {
  readonly sessions?: readonly Session[];
  readonly trust?: readonly TrustCheck[];
  readonly scenarios?: readonly OperatingCharacteristics[];
  readonly own?: Plan;
}) {
  const comparison: Comparison = compare(own, outcomes({ metrics: [success, cost], sessions }));
  return verdictOf(own, trust, comparison, scenarios, judgeGates(own, comparison));
}

/** A scenario in which these shares of 1,000 rollouts end so. */
function scenario(own: Scenario, ends: Partial<Record<Rollout["end"], number>>): OperatingCharacteristics {
  const rollouts = Object.entries(ends).flatMap(([end, share]) =>
    Array.from(
      { length: Math.round(share * 50) },
      (): Rollout => ({ end: end as Rollout["end"], stage: 0, windows: 1, starts: [0], unitsExposed: 1, because: -1 }),
    ),
  );
  return operatingCharacteristics(
    plan({ guardrails }),
    own,
    { scenario: own.name, bySalt: Array.from({ length: 20 }, () => rollouts) },
    hour,
    noToll,
  );
}

const trustCheck = (status: TrustCheck["status"]): TrustCheck => ({
  name: "sessions in both lanes",
  status,
  figure: "3 of 9",
  threshold: "at least half",
  why: "most are lost",
});

const broken = traffic(({ refund, good }) => (refund ? { success: false } : { success: good }));
const marginal = [scenario(atMargin(guardrails[0] as (typeof guardrails)[0]), { promoted: 0.3, stopped: 0.7 })];

describe("the verdict is", () => {
  it("go when every metric is inside its margin, every gate is passed and no budget is missed", () => {
    const kept = [
      scenario(noChange, { promoted: 0.9, stopped: 0.1 }),
      scenario(atMargin(guardrails[0] as (typeof guardrails)[0]), { stopped: 1 }),
    ];
    expect(judged({ scenarios: kept })).toEqual({
      decision: "go",
      reasons: [
        "every metric is inside its margin, and no segment is shown beyond one",
        "no budget is missed by the plan: false rollback 5 %, missed regression 10 %, false stop 20 %",
      ],
    });
  });

  it("cannot-tell when a trust check fails, whatever else is wrong", () => {
    expect(judged({ trust: [trustCheck("fail")], sessions: broken, scenarios: marginal })).toEqual({
      decision: "cannot-tell",
      reasons: ["sessions in both lanes: 3 of 9; most are lost"],
    });
  });

  it("not swayed by warnings of trust", () => {
    expect(judged({ trust: [trustCheck("warn"), trustCheck("pass")] }).decision).toBe("go");
  });

  it("no-go when a metric is shown beyond its margin, whatever the simulation says", () => {
    const dear = traffic(({ i }) => ({ cost: 2 + (i % 7) / 10 }));
    const { decision, reasons } = judged({ sessions: dear, scenarios: marginal });
    const rise = `goes from ${shown(1.3, cost)} to ${shown(2.3, cost)}, beyond its margin of 20%`;
    expect(decision).toBe("no-go");
    expect(reasons[0]).toBe(`cost ${rise}`);
    expect(reasons.slice(1)).toEqual([`cost in workflow=refund ${rise}`, `cost in workflow=faq ${rise}`]);
  });

  it("no-go when only a segment is beyond its margin, though the average improves", () => {
    const lifted = traffic(({ refund, i }) => ({ success: !refund || i % 40 >= 12 }));
    const { decision, reasons } = judged({ sessions: lifted, own: plan({ guardrails: [guardrail(success, "10pp")] }) });
    expect(decision).toBe("no-go");
    expect(reasons).toEqual([
      `success in workflow=refund goes from ${shown(1, success)} to ${shown(0.7, success)}, beyond its margin of 10pp`,
    ]);
  });

  it("hold when a margin is unresolved", () => {
    const noisy = traffic(({ i }) => ({ cost: i % 40 === 1 ? 15 : 1.2 }));
    expect(judged({ sessions: noisy })).toEqual({
      decision: "hold",
      reasons: ["cost: whether it stays inside its margin of 20% is not shown"],
    });
  });

  it("not held up by a metric that has no margin", () => {
    const noisy = traffic(({ i }) => ({ cost: i % 40 === 1 ? 15 : 1.2 }));
    expect(judged({ sessions: noisy, own: plan({ guardrails: [guardrail(success, "10pp")] }) }).decision).toBe("go");
  });

  it("not held up by a segment that is unresolved, since few sessions are in it", () => {
    const few = traffic().map((session, i) => ({ ...session, attributes: { workflow: i < 3 ? "rare" : "faq" } }));
    expect(judged({ sessions: few }).decision).toBe("go");
  });

  it("hold when a segment that the plan guards is unresolved", () => {
    const few = traffic(({ i }) => ({ success: i % 10 !== 3 && i !== 0 })).map((session, i) => ({
      ...session,
      attributes: { workflow: i < 30 ? "rare" : "faq" },
    }));
    const own = plan({
      guardrails: [guardrail(success, "10pp"), guardrail(success, "5pp", { attribute: "workflow", value: "rare" })],
    });
    expect(judged({ sessions: few, own }).reasons).toEqual([
      "success@workflow=rare: whether it stays inside its margin of 5pp is not shown",
    ]);
  });

  it("hold when a gate is not passed", () => {
    const enough = plan({ guardrails, gates: [{ ...gate, minimumSample: 400 }] });
    expect(judged({ own: enough }).decision).toBe("go");
    const own = plan({ guardrails, gates: [{ ...gate, minimumSample: 401 }] });
    expect(judged({ own })).toEqual({
      decision: "hold",
      reasons: ["gate offline is not passed: success has 400 of 401 paired sessions"],
    });
  });

  it.each([
    [
      "false rollback",
      scenario(noChange, { promoted: 0.88, rolledBack: 0.12 }),
      "false rollback under no_change: 12 % of rollouts, the budget is 5 %",
    ],
    [
      "false stop",
      scenario(noChange, { promoted: 0.6, stopped: 0.4 }),
      "false stop under no_change: 40 % of rollouts, the budget is 20 %",
    ],
    [
      "missed regression",
      marginal[0] as OperatingCharacteristics,
      "missed regression under at_margin:success: 30 % of rollouts, the budget is 10 %",
    ],
  ])("hold when the plan misses its budget of %s", (_, own, reason) => {
    expect(judged({ scenarios: [own] })).toEqual({ decision: "hold", reasons: [reason] });
  });

  it("hold with all of its reasons: margins, then gates, then budgets", () => {
    const noisy = traffic(({ i }) => ({ cost: i % 40 === 1 ? 15 : 1.2 }));
    const own = plan({ guardrails, gates: [{ ...gate, metrics: ["cost"] }] });
    expect(judged({ sessions: noisy, own, scenarios: marginal }).reasons.map((reason) => reason.split(":")[0])).toEqual(
      ["cost", "gate offline is not passed", "missed regression under at_margin"],
    );
  });

  it("not swayed by a budget that is not separated from the rate", () => {
    expect(judged({ scenarios: [scenario(noChange, { promoted: 0.94, rolledBack: 0.06 })] }).decision).toBe("go");
  });
});

describe("a gate", () => {
  const gates = (own: readonly Gate[], sessions = traffic()) => {
    const of = plan({ guardrails, gates: own });
    return judgeGates(of, compare(of, outcomes({ metrics: [success, cost], sessions })));
  };

  it("is passed when its metrics are inside their margins on enough pairs", () => {
    expect(gates([gate])).toEqual([{ ...gate, passed: true, why: "every metric is inside its margin" }]);
  });

  it("counts pairs, not sessions of one lane", () => {
    const half = traffic().map((session, i) =>
      i % 2 === 0
        ? session
        : { ...session, values: { ...session.values, success: { control: true, candidate: null } } },
    );
    expect(gates([{ ...gate, minimumSample: 201 }], half)[0]).toMatchObject({
      passed: false,
      why: "success has 200 of 201 paired sessions",
    });
  });

  it("is not passed when one of its metrics is not shown inside its margin", () => {
    const noisy = traffic(({ i }) => ({ cost: i % 40 === 1 ? 15 : 1.2 }));
    expect(gates([{ ...gate, metrics: ["success", "cost"] }], noisy)[0]).toMatchObject({
      passed: false,
      why: "cost is not shown inside its margin",
    });
  });

  it("is judged apart from the others", () => {
    const noisy = traffic(({ i }) => ({ cost: i % 40 === 1 ? 15 : 1.2 }));
    expect(gates([gate, { ...gate, name: "money", metrics: ["cost"] }], noisy).map(({ passed }) => passed)).toEqual([
      true,
      false,
    ]);
  });
});
