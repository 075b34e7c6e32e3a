import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundariesAt, curvesOf, levelsOf } from "../../plan/boundaries.ts";
import { evidences, type Guardrail, type Plan } from "../../plan/plan.ts";
import { asymptoticOneSidedBounds } from "../../statistics/anytime/normal-sequential.ts";
import { normalUpperQuantile } from "../../statistics/distributions.ts";
import { crossingProbabilities, efficacyBounds } from "../../statistics/sequential/group-sequential.ts";
import { guardrail, plan } from "../support/plan.ts";
import { cost, success } from "../support/traffic.ts";

const sequential = (others: Partial<Plan> = {}, evidence: Plan["rule"]["evidence"] = "sequential") =>
  plan({
    guardrails: [guardrail(success, "5pp"), guardrail(cost, "20%")],
    exposures: [0.1, 0.5],
    rule: { evidence },
    ...others,
  });

// stages of 48 hours with a look every 6
const looks = [1, 2, 3, 4, 5, 6, 7, 8].map((k) => k / 8);

describe("levels", () => {
  it("share α over guardrails and stages by their weights, and give β to the last controlled stage, the leak to those before", () => {
    const weighted = sequential();
    const [first, second] = weighted.guardrails as [Guardrail, Guardrail];
    const own = { ...weighted, guardrails: [{ ...first, weight: 3 }, second] };
    const stages = own.stages.map((stage, i) => (i === 1 ? { ...stage, weight: 4 } : stage)) as Plan["stages"];
    const at = (stage: number, g: number) => levelsOf({ ...own, stages }, stage, own.guardrails[g] as Guardrail);
    expect(at(0, 0)).toEqual({ rollback: 0.05 * (3 / 4) * (1 / 5), pass: 0.25 });
    expect(at(1, 1)).toEqual({ rollback: 0.05 * (1 / 4) * (4 / 5), pass: 0.1 });
    const total = [0, 1].flatMap((stage) => [0, 1].map((g) => at(stage, g).rollback)).reduce((a, b) => a + b, 0);
    expect(total).toBeCloseTo(0.05, 15);
  });
});

describe("the least of rolling back", () => {
  const spendings: readonly Guardrail["spending"][] = [
    { kind: "pocock" },
    { kind: "obrien-fleming" },
    { kind: "power", rho: 3 },
    { kind: "exponential", nu: 0.8 },
    { kind: "points", shares: [0, 0, 0.1, 0.1, 0.5, 0.5, 0.6, 1] },
  ];

  it.each(evidences)("is below the boundary at every time, whatever is spent (%s)", (evidence) => {
    for (const spending of spendings) {
      for (const falseRollback of evidence === "always-valid" ? [0.01, 0.4] : [0.01, 0.4, 0.99]) {
        const base = sequential({}, evidence);
        const own = {
          ...base,
          guardrails: base.guardrails.map((one) => ({ ...one, spending })),
          budgets: { ...base.budgets, falseRollback },
        };
        const { rollback, leastRollback } = curvesOf(own, 0, 0);
        const times = Array.from({ length: 600 }, (_, k) => (k + 1) / 500);
        const lowest = Math.min(...times.map(rollback).filter((bound) => !Number.isNaN(bound)));
        expect(leastRollback).toBeLessThanOrEqual(lowest);
      }
    }
  });
});

describe("sequential boundaries", () => {
  it("are exact at the planned looks: the chance to cross is the level", () => {
    const own = sequential();
    const upper = looks.map((time) => boundariesAt(own, 0, 0, time).rollback);
    const lower = upper.map(() => Number.NEGATIVE_INFINITY);
    const { upper: crossed } = crossingProbabilities({ information: looks, upper, lower });
    const level = levelsOf(own, 0, own.guardrails[0] as Guardrail).rollback;
    expect(crossed.reduce((a, b) => a + b, 0)).toBeCloseTo(level, 10);
  });

  it("spend on passing from the minimum duration on", () => {
    const own = sequential();
    const stages = own.stages.map((stage) =>
      stage.kind === "controlled" ? { ...stage, minimumMs: stage.maximumMs / 2 } : stage,
    );
    const late = { ...own, stages };
    const information = looks.filter((time) => time >= 0.5);
    const { upper } = efficacyBounds({ information, error: 0.1, spending: { kind: "pocock" } });
    expect(information.map((time) => boundariesAt(late, 1, 1, time).pass)).toEqual(upper);
    expect(boundariesAt(own, 1, 1, 0.5).pass).toBeGreaterThan(upper[0] as number);
  });

  it("follow the metric's own spending: late for O'Brien–Fleming, early for Pocock", () => {
    const base = sequential();
    const [first, second] = base.guardrails as [Guardrail, Guardrail];
    const own = { ...base, guardrails: [{ ...first, spending: { kind: "obrien-fleming" as const } }, second] };
    expect(boundariesAt(own, 0, 0, 1 / 8).rollback).toBeGreaterThan(boundariesAt(own, 0, 1, 1 / 8).rollback + 3);
    expect(boundariesAt(own, 0, 0, 1).rollback).toBeLessThan(boundariesAt(own, 0, 1, 1).rollback);
  });

  it("lie between those of the looks around, on the scale of b·√t, and before the first look that scale stays", () => {
    const own = sequential();
    const score = (time: number) => boundariesAt(own, 0, 0, time).rollback * Math.sqrt(time);
    fc.assert(
      fc.property(fc.double({ min: 1 / 8, max: 1, noNaN: true }), (time) => {
        const k = Math.min(6, Math.floor(time * 8) - 1);
        const [low, high] = [score((k + 1) / 8), score((k + 2) / 8)];
        expect(score(time)).toBeGreaterThanOrEqual(Math.min(low, high) - 1e-9);
        expect(score(time)).toBeLessThanOrEqual(Math.max(low, high) + 1e-9);
      }),
    );
    for (const time of [1e-6, 0.01, 0.12]) expect(score(time)).toBeCloseTo(score(1 / 8), 9);
    expect(boundariesAt(own, 0, 0, 0)).toEqual({ rollback: Number.POSITIVE_INFINITY, pass: Number.POSITIVE_INFINITY });
  });
});

describe("calibrated boundaries", () => {
  const factors = [
    [
      { rollback: 1.2, pass: 0.8 },
      { rollback: 1, pass: 1 },
    ],
    [
      { rollback: 1, pass: 1 },
      { rollback: 1, pass: -1 },
    ],
  ];
  const calibrated = (own?: typeof factors) =>
    sequential({ calibration: { plannedSample: [], ...(own ? { factors: own } : {}) } }, "calibrated");

  it("are the sequential ones until a factor is known", () => {
    for (const time of looks) {
      expect(boundariesAt(calibrated(), 1, 1, time)).toEqual(boundariesAt(sequential(), 1, 1, time));
    }
  });

  it("are κ times the sequential ones, and never below zero", () => {
    for (const time of looks) {
      const [exact, own] = [boundariesAt(sequential(), 0, 0, time), boundariesAt(calibrated(factors), 0, 0, time)];
      expect(own.rollback).toBeCloseTo(1.2 * exact.rollback, 12);
      expect(own.pass).toBeCloseTo(0.8 * exact.pass, 12);
      expect(boundariesAt(calibrated(factors), 1, 1, time).pass).toBe(0);
    }
  });
});

describe("always-valid boundaries", () => {
  it("are those of the confidence sequence that is tightest at the planned sample", () => {
    const own = sequential({}, "always-valid");
    const { rollback } = levelsOf(own, 0, own.guardrails[0] as Guardrail);
    for (const time of [0.01, 0.5, 1, 3]) {
      const interval = asymptoticOneSidedBounds({ difference: 0, standardError: 1 }, 4000 * time, {
        level: 1 - rollback,
        tunedTo: 4000,
      });
      const half = interval.status === "ok" ? interval.high : Number.NaN;
      expect(boundariesAt(own, 0, 0, time).rollback).toBeCloseTo(half, 10);
    }
  });
});

describe("every kind of evidence but point", () => {
  it("asks at the last look for at least what one test of the same level would", () => {
    for (const evidence of evidences.filter((own) => own !== "point")) {
      const own = sequential({}, evidence);
      const { rollback, pass } = levelsOf(own, 1, own.guardrails[1] as Guardrail);
      const bounds = boundariesAt(own, 1, 1, 1);
      expect(bounds.rollback).toBeGreaterThanOrEqual(normalUpperQuantile(rollback));
      expect(bounds.pass).toBeGreaterThanOrEqual(normalUpperQuantile(pass));
    }
  });
});
