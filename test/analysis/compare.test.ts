import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compare, type MetricComparison, sessionsOf } from "../../analysis/compare.ts";
import type { Metric } from "../../plan/metric.ts";
import type { Guardrail } from "../../plan/plan.ts";
import { studentUpperQuantile } from "../../statistics/distributions.ts";
import { type Own, outcomes, type Session } from "../support/outcomes.ts";
import { guardrail, plan } from "../support/plan.ts";
import { cost, errors, latency, success } from "../support/traffic.ts";

/** The comparison of a single metric. */
function compared(
  metric: Metric,
  sessions: readonly Session[],
  guardrails: readonly Guardrail[] = [],
): MetricComparison {
  const [own] = compare(plan({ guardrails }), outcomes({ metrics: [metric], sessions })).metrics;
  if (!own) throw new Error("nothing was compared");
  return own;
}

/** One session each: what control has and what the candidate has. */
const pairs = (metric: Metric, own: readonly (readonly [Own, Own])[]): Session[] =>
  own.map(([control, candidate]) => ({ values: { [metric.name]: { control, candidate } } }));

const value = (own: MetricComparison["difference"]) => (own.status === "ok" ? own.value : own.reason);

describe("the difference, computed directly,", () => {
  it("of a proportion is that of the shares of sessions", () => {
    const sessions = [
      { unit: "a", values: { success: { control: true, candidate: true } } },
      { unit: "a", values: { success: { control: true, candidate: false } } },
      { unit: "b", values: { success: { control: false, candidate: false } } },
      { unit: "c", values: { success: { control: true, candidate: false } } },
    ];
    const own = compared(success, sessions);
    expect([own.control.estimate, own.candidate.estimate]).toEqual([0.75, 0.25]);
    expect(value(own.difference)).toBe(-0.5);
    expect(value(own.relative)).toBeCloseTo(-2 / 3, 12);
    expect(own.control).toMatchObject({ n: 3, sessions: 4, missing: 0 });
  });

  it("of a mean has Welch's interval over units", () => {
    const own = compared(
      cost,
      pairs(cost, [
        [1, 2],
        [2, 4],
        [3, 9],
        [6, 5],
      ]),
    );
    // control: mean 3, variance 14/3; candidate: mean 5, variance 26/3
    const [a, b] = [14 / 3 / 4, 26 / 3 / 4];
    const freedom = (a + b) ** 2 / ((a ** 2 + b ** 2) / 3);
    const half = studentUpperQuantile(0.025, freedom) * Math.sqrt(a + b);
    expect(own.difference).toEqual({
      status: "ok",
      value: 2,
      low: expect.closeTo(2 - half, 10),
      high: expect.closeTo(2 + half, 10),
      level: 0.95,
    });
    expect(own.test).toBe("Welch on units");
  });

  it("of a mean is per session, with the error of units", () => {
    const twice = pairs(cost, [
      [1, 2],
      [2, 4],
      [3, 9],
      [6, 5],
    ]).flatMap((session, i) => {
      const own = { ...session, unit: `u${i}` };
      return [own, own];
    });
    const once = compared(
      cost,
      pairs(cost, [
        [1, 2],
        [2, 4],
        [3, 9],
        [6, 5],
      ]),
    );
    const own = compared(cost, twice);
    expect(own.control).toMatchObject({ n: 4, sessions: 8, estimate: 3 });
    expect(own.difference).toEqual(once.difference);
  });

  it("of a ratio is that of the sums", () => {
    const over = (numerator: number, denominator: number): Own => ({ over: [numerator, denominator] });
    const own = compared(
      errors,
      pairs(errors, [
        [over(1, 10), over(2, 10)],
        [over(0, 5), over(1, 5)],
        [over(3, 25), over(9, 25)],
      ]),
    );
    expect(own.control.estimate).toBeCloseTo(4 / 40, 12);
    expect(own.candidate.estimate).toBeCloseTo(12 / 40, 12);
    expect(value(own.difference)).toBeCloseTo(0.2, 12);
  });

  it("of a quantile is that of the requests", () => {
    const sessions = Array.from({ length: 200 }, (_, i): [Own, Own] => [
      [i, i + 0.25],
      [i + 50, i + 50.25],
    ]);
    const own = compared(latency, pairs(latency, sessions));
    const sorted = sessions.flatMap(([control]) => control as number[]).sort((a, b) => a - b);
    const at = 0.95 * (sorted.length - 1);
    const low = sorted[Math.floor(at)] as number;
    expect(own.control.estimate).toBeCloseTo(low + ((sorted[Math.ceil(at)] as number) - low) * (at % 1), 9);
    expect(value(own.difference)).toBe(50);
    expect(own.test).toBe("order statistics");
  });
});

describe("lanes that are identical", () => {
  const session = fc.record({
    unit: fc.constantFrom("a", "b", "c", "d", "e"),
    values: fc.record({
      success: fc.boolean().map((both) => ({ both })),
      cost: fc.option(fc.integer({ min: -5, max: 50 }), { nil: null }).map((both) => ({ both })),
      errors: fc.tuple(fc.nat(3), fc.nat(9)).map((over) => ({ both: { over } })),
      latency: fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 30 }).map((both) => ({ both })),
    }),
  });

  it("have a difference of exactly zero and p = 1 in every metric and segment, and are never beyond a margin", () => {
    const guardrails = [
      guardrail(success, "1pp"),
      guardrail(cost, "1%"),
      guardrail(errors, "x1.1"),
      guardrail(latency, "1"),
    ];
    let determined = 0;
    fc.assert(
      fc.property(fc.array(session, { minLength: 4, maxLength: 60 }), (own) => {
        const sessions = own.map((one, i) => ({ ...one, attributes: { half: i % 2 === 0 ? "even" : "odd" } }));
        const { metrics, segments } = compare(
          plan({ guardrails }),
          outcomes({ metrics: [success, cost, errors, latency], sessions }),
        );
        for (const { difference, relative, pValue, reading } of [...metrics, ...segments]) {
          expect(reading).not.toBe("beyond");
          if (difference.status === "undetermined") {
            expect(pValue).toBeNull();
            continue;
          }
          determined += 1;
          expect(difference.value).toBe(0);
          expect(difference.low).toBe(0 - difference.high);
          expect(pValue).toBe(1);
          if (relative.status === "ok") expect(relative.value).toBe(0);
        }
        for (const { adjusted } of segments) expect(adjusted.pValue ?? 1).toBe(1);
      }),
    );
    expect(determined).toBeGreaterThan(500);
  });
});

describe("lanes that are swapped", () => {
  it("flip the sign of the difference and keep the p-value", () => {
    const one = fc.tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }));
    fc.assert(
      fc.property(fc.array(one, { minLength: 3, maxLength: 40 }), (own) => {
        const there = compared(cost, pairs(cost, own));
        const back = compared(
          cost,
          pairs(
            cost,
            own.map(([a, b]) => [b, a]),
          ),
        );
        if (there.difference.status !== "ok" || back.difference.status !== "ok") throw new Error("undetermined");
        expect(back.difference.value).toBeCloseTo(-there.difference.value, 9);
        expect(back.difference.low).toBeCloseTo(-there.difference.high, 6);
        expect(back.pValue).toBeCloseTo(there.pValue as number, 9);
      }),
    );
  });
});

describe("the test of a proportion", () => {
  const own = [
    ...new Array<[boolean, boolean]>(10).fill([true, true]),
    ...new Array<[boolean, boolean]>(8).fill([true, false]),
    ...new Array<[boolean, boolean]>(2).fill([false, true]),
    ...new Array<[boolean, boolean]>(5).fill([false, false]),
  ];

  it("is McNemar's, exact, when each unit has one session", () => {
    const { test, paired, pValue, pairs: n } = compared(success, pairs(success, own));
    expect(test).toBe("McNemar, exact");
    expect(paired).toEqual({ both: 10, controlOnly: 8, candidateOnly: 2, neither: 5 });
    expect(n).toBe(25);
    // 2 · P(X ≤ 2), X ~ Binomial(10, ½) = 2 · 56/1024
    expect(pValue).toBeCloseTo(112 / 1024, 12);
  });

  it("is McNemar's by unit as soon as one unit has two sessions", () => {
    const sessions = pairs(success, own).map((session, i) => ({ ...session, unit: `u${Math.floor(i / 2)}` }));
    const { test, paired, pValue } = compared(success, sessions);
    expect(test).toBe("McNemar, clustered by unit");
    expect(paired).toEqual({ both: 10, controlOnly: 8, candidateOnly: 2, neither: 5 });
    // units lose 2 four times and gain 2 once: z = −6 / √20
    expect(pValue).toBeCloseTo(2 * 0.0898562474949957, 8);
  });

  it("leaves sessions out that one lane lacks", () => {
    const { paired, pairs: n } = compared(success, pairs(success, [...own, [true, null], [null, false]]));
    expect(n).toBe(25);
    expect(paired).toEqual({ both: 10, controlOnly: 8, candidateOnly: 2, neither: 5 });
  });

  it("without any pair is Welch's: no pairs are no evidence of no difference", () => {
    const apart = [
      ...new Array<[Own, Own]>(30).fill([true, null]),
      ...new Array<[Own, Own]>(2).fill([false, null]),
      ...new Array<[Own, Own]>(30).fill([null, false]),
      ...new Array<[Own, Own]>(2).fill([null, true]),
    ];
    const { test, pValue, paired } = compared(success, pairs(success, apart));
    expect(test).toBe("Welch on units");
    expect(pValue).toBeLessThan(1e-6);
    expect(paired).toBeUndefined();
  });
});

describe("against its margin a metric", () => {
  const lanes = (difference: number) =>
    pairs(
      cost,
      Array.from({ length: 40 }, (_, i): [Own, Own] => [10 + (i % 5), 10 + ((i * 3) % 5) + difference]),
    );

  it.each([
    ["inside", 0, "2"],
    ["beyond", 4, "2"],
    ["unresolved", 2, "2"],
    ["inside", 0, "20%"],
    ["beyond", 4, "20%"],
  ] as const)("is %s when it rises by %f and %s is accepted", (reading, rise, written) => {
    expect(compared(cost, lanes(rise), [guardrail(cost, written)])).toMatchObject({ reading, guardrail: { written } });
  });

  it("is never inside or beyond without one", () => {
    expect(compared(cost, lanes(4))).toMatchObject({ reading: "no margin", guardrail: null, pBeyond: null });
  });

  it("is inside or beyond at the same level of Student's t: with two units an arm, 4 standard errors are not enough", () => {
    // units at mean ± 1: standard error 1 an arm, √2 of the difference, two degrees of freedom, at which t.025 is 4.30
    const few = (shift: number) =>
      pairs(cost, [
        [9, 9 + shift],
        [11, 11 + shift],
      ]);
    const margin = (z: number) => [guardrail(cost, `${z * Math.SQRT2}`)];
    expect(compared(cost, few(0), margin(4)).reading).toBe("unresolved");
    expect(compared(cost, few(0), margin(4.5)).reading).toBe("inside");
    expect(compared(cost, few(4 * Math.SQRT2 + 0.001), margin(0.001 / Math.SQRT2)).reading).toBe("unresolved");
    expect(compared(cost, few(4.5 * Math.SQRT2 + 0.001), margin(0.001 / Math.SQRT2)).reading).toBe("beyond");
  });

  it("of a share of a negative control is unresolved", () => {
    const negative = pairs(
      cost,
      Array.from({ length: 20 }, (_, i): [Own, Own] => [-10 + (i % 3), -10 + (i % 4)]),
    );
    expect(compared(cost, negative, [guardrail(cost, "20%")])).toMatchObject({ reading: "unresolved", pBeyond: null });
  });
});

describe("segments", () => {
  /** 300 sessions a workflow; refunds succeed 85% under control and 40% under the candidate, the others gain 8 pp. */
  const workflows = ["faq", "order", "refund", "account"];
  const sessions = workflows.flatMap((workflow) =>
    Array.from({ length: workflow === "refund" ? 100 : 300 }, (_, i): Session => {
      const control = i % 20 < 17;
      const candidate = workflow === "refund" ? i % 20 < 8 : i % 50 < 46 || control;
      return { attributes: { workflow }, values: { success: { control, candidate } } };
    }),
  );
  const refundBroken = compare(
    plan({ guardrails: [guardrail(success, "5pp")] }),
    outcomes({ metrics: [success], sessions }),
  );

  it("show a broken minority although the average improves", () => {
    const [all] = refundBroken.metrics;
    expect(value(all?.difference as MetricComparison["difference"])).toBeGreaterThan(0);
    expect(all?.reading).toBe("inside");
    const beyond = refundBroken.segments.filter(({ reading }) => reading === "beyond");
    expect(beyond.map(({ segment }) => segment)).toEqual([{ attribute: "workflow", value: "refund" }]);
    expect(beyond[0]?.adjusted.pBeyond).toBeLessThan(0.001);
  });

  it("have p-values that Holm raises over all segments of the metric, never over those of another", () => {
    const raw = refundBroken.segments.map(({ pBeyond }) => pBeyond as number);
    const adjusted = refundBroken.segments.map(({ adjusted: own }) => own.pBeyond as number);
    const smallest = Math.min(...raw);
    expect(raw).toHaveLength(4);
    expect(Math.min(...adjusted)).toBeCloseTo(4 * smallest, 12);
    raw.forEach((p, i) => {
      expect(adjusted[i]).toBeGreaterThanOrEqual(p);
    });
  });

  it("beyond their margin before Holm's correction only are unresolved after it", () => {
    // two segments without a difference and one that is harmed just enough to be beyond its margin alone
    const harmed = (index: number, i: number) => index === 0 && i % 25 < 5;
    const many = Array.from({ length: 3 }, (_, index) =>
      Array.from({ length: 100 }, (_, i): Session => {
        const control = i % 10 < 9;
        return {
          attributes: { region: `r${index}` },
          values: { success: { control, candidate: control && !harmed(index, i) } },
        };
      }),
    ).flat();
    const { segments } = compare(
      plan({ guardrails: [guardrail(success, "5pp")] }),
      outcomes({ metrics: [success], sessions: many }),
    );
    const [first] = segments;
    expect(first?.pBeyond).toBeLessThan(0.025);
    expect(first?.adjusted.pBeyond).toBeGreaterThan(0.025);
    expect(first?.adjusted.pBeyond).toBeLessThan(0.05);
    expect(first?.reading).toBe("unresolved");
  });

  it("are held against their own margin where the plan has one, else against the metric's", () => {
    const segment = { attribute: "workflow", value: "refund" };
    const looser = plan({ guardrails: [guardrail(success, "5pp"), guardrail(success, "60pp", segment)] });
    const { segments, metrics } = compare(looser, outcomes({ metrics: [success], sessions }));
    expect(segments.map((own) => [own.segment.value, own.guardrail?.written, own.reading])).toEqual([
      ["faq", "5pp", "inside"],
      ["order", "5pp", "inside"],
      ["refund", "60pp", "inside"],
      ["account", "5pp", "inside"],
    ]);
    expect(metrics.map(({ name, control }) => [name, control.sessions])).toEqual([
      ["success", 1000],
      ["success@workflow=refund", 100],
    ]);
  });

  it("that a plan guards but no session is in are unresolved, with the reason", () => {
    const nobody = guardrail(success, "5pp", { attribute: "workflow", value: "refnd" });
    const { metrics } = compare(plan({ guardrails: [nobody] }), outcomes({ metrics: [success], sessions }));
    expect(metrics.find(({ name }) => name === "success@workflow=refnd")).toMatchObject({
      reading: "unresolved",
      difference: { status: "undetermined", reason: "control has no unit with a value" },
    });
  });

  it("are not cut from an attribute of one value, and include the sessions without one", () => {
    const own = Array.from(
      { length: 20 },
      (_, i): Session => ({
        attributes: { region: "eu", ...(i % 2 === 0 ? { tier: "gold" } : {}) },
        values: { success: { both: i % 3 === 0 } },
      }),
    );
    const { segments } = compare(plan(), outcomes({ metrics: [success], sessions: own }));
    expect(segments.map(({ segment }) => `${segment.attribute}=${segment.value}`)).toEqual([
      "tier=gold",
      "tier=(missing)",
    ]);
  });

  it("are cut from an attribute of 50 values, and noted not to be from one of 51", () => {
    const of = (values: number) => {
      const own = Array.from(
        { length: 2 * values },
        (_, i): Session => ({
          attributes: { customer: `c${i % values}` },
          values: { success: { both: true } },
        }),
      );
      return compare(plan(), outcomes({ metrics: [success], sessions: own }));
    };
    expect(of(50).segments).toHaveLength(50);
    expect(of(50).notes).toEqual([]);
    expect(of(51).segments).toEqual([]);
    expect(of(51).notes).toEqual(["customer has 51 values, more than 50: it is not cut into segments"]);
  });

  it("hold the sessions that have their value, and none for an unknown value or attribute", () => {
    const own = outcomes({
      metrics: [success],
      sessions: ["a", "b", "a"].map((tier) => ({ attributes: { tier }, values: { success: { both: true } } })),
    });
    expect(sessionsOf({ attribute: "tier", value: "a" }, own)).toEqual([0, 2]);
    expect(sessionsOf({ attribute: "tier", value: "z" }, own)).toEqual([]);
    expect(sessionsOf({ attribute: "region", value: "a" }, own)).toEqual([]);
  });
});

describe("what cannot be computed is undetermined, with its reason:", () => {
  const over = (numerator: number, denominator: number): Own => ({ over: [numerator, denominator] });

  it.each<[string, Metric, readonly (readonly [Own, Own])[], string]>([
    ["one unit", cost, [[1, 2]], "control has one unit with a value"],
    [
      "one unit in the candidate",
      cost,
      [
        [1, 2],
        [3, null],
      ],
      "candidate has one unit with a value",
    ],
    [
      "no value in the candidate",
      cost,
      [
        [1, null],
        [2, null],
      ],
      "candidate has no unit with a value",
    ],
    [
      "no value at all",
      success,
      [
        [null, null],
        [null, null],
      ],
      "control has no unit with a value",
    ],
    [
      "denominators of zero",
      errors,
      [
        [over(0, 0), over(1, 5)],
        [over(0, 0), over(0, 5)],
      ],
      "control has no value: its denominators sum to zero",
    ],
    [
      "a quantile of too few values",
      latency,
      [
        [[1, 2], [3]],
        [[4], [5, 6]],
      ],
      "control has too few values for an interval of this quantile",
    ],
  ])("%s", (_, metric, own, reason) => {
    const got = compared(metric, pairs(metric, own), [guardrail(metric, "20%")]);
    expect(got).toMatchObject({
      difference: { status: "undetermined", reason },
      relative: { status: "undetermined", reason },
      pValue: null,
      pBeyond: null,
      test: "none",
      reading: "unresolved",
    });
  });

  it("one unit with many sessions", () => {
    const sessions = pairs(cost, [
      [1, 2],
      [3, 4],
      [5, 6],
    ]).map((session) => ({ ...session, unit: "the only one" }));
    expect(value(compared(cost, sessions).difference)).toBe("control has one unit with a value");
  });

  it("a share of a control that is zero, though the difference is known", () => {
    const { difference, relative } = compared(
      cost,
      pairs(cost, [
        [0, 1],
        [0, 2],
        [0, 3],
      ]),
    );
    expect(value(difference)).toBe(2);
    expect(relative).toEqual({ status: "undetermined", reason: "control is zero" });
  });
});

describe("missing values", () => {
  it("are counted per lane, never as zero", () => {
    const own = compared(
      cost,
      pairs(cost, [
        [4, null],
        [6, 8],
        [null, 10],
        [null, null],
        [8, 12],
      ]),
    );
    expect(own.control).toMatchObject({ estimate: 6, n: 3, sessions: 3, missing: 2 });
    expect(own.candidate).toMatchObject({ estimate: 10, n: 3, sessions: 3, missing: 2 });
    expect(own.pairs).toBe(2);
  });

  it("of a quantile are sessions without a request", () => {
    const own = compared(
      latency,
      pairs(latency, [
        [[1, 2], []],
        [[3], [4, 5]],
        [null, [6]],
      ]),
    );
    expect(own.control).toMatchObject({ sessions: 2, missing: 1 });
    expect(own.candidate).toMatchObject({ sessions: 2, missing: 1 });
    expect(own.pairs).toBe(1);
  });

  it("of a unit's one session leave its others", () => {
    const sessions = [
      { unit: "a", values: { cost: { control: 1, candidate: null } } },
      { unit: "a", values: { cost: { control: 3, candidate: 5 } } },
      { unit: "b", values: { cost: { control: 2, candidate: 3 } } },
    ];
    expect(compared(cost, sessions).candidate).toMatchObject({ n: 2, sessions: 2, missing: 1, estimate: 4 });
  });
});

describe("the order of a comparison", () => {
  it("is that of the plan's guardrails, then that of the metrics without a margin", () => {
    const sessions = Array.from({ length: 5 }, (): Session => ({ values: {} }));
    const own = compare(
      plan({ guardrails: [guardrail(latency, "20%"), guardrail(success, "5pp")] }),
      outcomes({ metrics: [cost, success, errors, latency], sessions }),
      0.9,
    );
    expect(own.metrics.map(({ name }) => name)).toEqual(["latency", "success", "cost", "errors"]);
    expect(own.level).toBe(0.9);
  });
});
