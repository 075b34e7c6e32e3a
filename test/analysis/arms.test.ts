import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ArmSummary, summarizeArm } from "../../analysis/arms.ts";
import type { Metric } from "../../plan/metric.ts";
import type { Values } from "../../shadow/outcomes.ts";
import { type Own, outcomes } from "../support/outcomes.ts";
import { cost, errors, latency, success } from "../support/traffic.ts";

/** The control arm of a metric over sessions of named units. */
function summarized(metric: Metric, own: readonly (readonly [unit: string, value: Own])[]): ArmSummary {
  const made = outcomes({
    metrics: [metric],
    sessions: own.map(([unit, both]) => ({ unit, values: { [metric.name]: { both } } })),
  });
  const everyone = made.sessions.map((_, i) => i);
  return summarizeArm(metric, made.metrics[0]?.control as Values, everyone, made.unit, made.unitNames.length);
}

describe("an arm", () => {
  it("counts units and sessions with a value, and sessions without one", () => {
    const own = summarized(cost, [
      ["a", 1],
      ["a", 3],
      ["b", null],
      ["c", 5],
      ["c", null],
    ]);
    expect(own).toMatchObject({ n: 2, sessions: 3, missing: 2, estimate: 3 });
  });

  it("of a mean does not see units without a value", () => {
    const present: [string, Own][] = [
      ["a", 1],
      ["b", 3],
      ["c", 8],
    ];
    expect(summarized(cost, [...present, ["d", null], ["e", null]])).toEqual({
      ...summarized(cost, present),
      missing: 2,
    });
  });

  it("is of the chosen sessions only", () => {
    const made = outcomes({ metrics: [cost], sessions: [1, 2, 30, 4].map((both) => ({ values: { cost: { both } } })) });
    const values = made.metrics[0]?.control as Values;
    const own = summarizeArm(cost, values, [0, 3], made.unit, 4);
    expect(own).toMatchObject({ n: 2, sessions: 2, estimate: 2.5 });
  });

  it("does not depend on the order of the sessions or the names of the units", () => {
    const session = fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(fc.array(session, { minLength: 1, maxLength: 30 }), (own) => {
        const there = summarized(cost, own);
        const back = summarized(
          cost,
          [...own].reverse().map(([unit, value]) => [`${unit}!`, value]),
        );
        expect(back.estimate).toBeCloseTo(there.estimate, 12);
        expect(back.n).toBe(there.n);
        if (there.n > 1) expect(back.standardError).toBeCloseTo(there.standardError, 9);
        else expect(back.standardError).toBeNaN();
      }),
    );
  });

  it("of nothing has no value", () => {
    expect(summarized(cost, [["a", null]])).toMatchObject({ n: 0, sessions: 0, missing: 1, estimate: Number.NaN });
    expect(summarized(latency, [["a", null]])).toMatchObject({ n: 0, sessions: 0, missing: 1, estimate: Number.NaN });
  });
});

describe("the effective sample of a proportion", () => {
  const flips = (n: number, by: (i: number) => string) =>
    Array.from({ length: n }, (_, i): [string, Own] => [by(i), i % 4 === 0]);

  it("is nearly the sessions when each is its own unit", () => {
    const own = summarized(
      success,
      flips(400, (i) => `u${i}`),
    );
    expect(own.effectiveSample).toBeCloseTo(399, 6);
    expect(own.standardError).toBeCloseTo(Math.sqrt((0.25 * 0.75) / own.effectiveSample), 12);
  });

  it("is that of the units when a unit's sessions are all alike", () => {
    const alike = Array.from({ length: 400 }, (_, i): [string, Own] => [
      `u${Math.floor(i / 4)}`,
      Math.floor(i / 4) % 4 === 0,
    ]);
    expect(summarized(success, alike).effectiveSample).toBeCloseTo(99, 6);
  });

  it("is that of the units when nothing ever happens, where no variance can be seen", () => {
    const never = Array.from({ length: 300 }, (_, i): [string, Own] => [`u${Math.floor(i / 3)}`, false]);
    expect(summarized(success, never)).toMatchObject({ estimate: 0, standardError: 0, effectiveSample: 100 });
  });

  it("is that of the sessions when units do not differ at all, though that may be chance", () => {
    const same: [string, Own][] = ["a", "b", "c"].flatMap((unit): [string, Own][] => [
      [unit, true],
      [unit, false],
    ]);
    expect(summarized(success, same)).toMatchObject({ standardError: 0, effectiveSample: 6 });
  });

  it("is positive and finite whenever there is a session", () => {
    const session = fc.tuple(fc.constantFrom("a", "b", "c", "d", "e"), fc.boolean());
    fc.assert(
      fc.property(fc.array(session, { minLength: 1, maxLength: 40 }), (own) => {
        const { effectiveSample } = summarized(success, own);
        expect(effectiveSample).toBeGreaterThan(0);
        expect(Number.isFinite(effectiveSample)).toBe(true);
      }),
    );
  });
});

describe("a ratio", () => {
  it("is a sum over a sum, not a mean of ratios", () => {
    const own = summarized(errors, [
      ["a", { over: [1, 1] }],
      ["b", { over: [0, 9] }],
    ]);
    expect(own.estimate).toBe(0.1);
  });

  it("takes a session with nothing in its denominator for one with a value", () => {
    expect(
      summarized(errors, [
        ["a", { over: [0, 0] }],
        ["b", { over: [1, 2] }],
        ["c", null],
      ]),
    ).toMatchObject({
      n: 2,
      sessions: 2,
      missing: 1,
      estimate: 0.5,
    });
  });
});
