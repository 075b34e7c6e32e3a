import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Decision, decide, type Look } from "../../plan/decide.ts";
import type { Margin } from "../../plan/margin.ts";
import type { Metric } from "../../plan/metric.ts";
import { evidences, type Guardrail, type Plan, type Rule, type StageMargin, timeouts } from "../../plan/plan.ts";
import type { ArmReading, Arms } from "../../plan/reading.ts";
import { normalUpperQuantile } from "../../statistics/distributions.ts";
import { arm, guardrail, hour, look, plan } from "../support/plan.ts";
import { cost, errors, latency, success } from "../support/traffic.ts";

/** A margin of any kind and a metric of any kind, named so that several fit one plan. */
interface Case {
  readonly guardrail: Guardrail;
  readonly arms: Arms<ArmReading>;
}

// multiples of 2^-10: sums and differences of these are exact, so that laws do not hang on a last bit
const dyadic = (low: number, high: number) => fc.integer({ min: low * 1024, max: high * 1024 }).map((n) => n / 1024);

const arms = (low: number, high: number): fc.Arbitrary<Arms<ArmReading>> => {
  const one = fc.record({
    estimate: fc.oneof({ weight: 9, arbitrary: dyadic(low, high) }, { weight: 1, arbitrary: fc.constant(Number.NaN) }),
    standardError: fc.oneof(dyadic(0, 1), fc.constant(0)),
    effectiveSample: fc.integer({ min: 0, max: 20_000 }),
  });
  return fc.record({ control: one, candidate: one });
};

const better = fc.constantFrom("lower" as const, "higher" as const);
const absolute = dyadic(0, 1).map((loss): Margin => ({ kind: "absolute", loss: Math.min(0.75, loss + 1 / 1024) }));
const margin = (own: "lower" | "higher"): fc.Arbitrary<Margin> =>
  fc.oneof(
    absolute,
    dyadic(0, 0.5).map(
      (share): Margin => ({ kind: "relative", factor: own === "lower" ? 1 + share + 1 / 1024 : 1 - share - 1 / 1024 }),
    ),
  );

const oneCase = (margins = margin): fc.Arbitrary<Case> =>
  fc.tuple(fc.constantFrom(success, cost, errors, latency), better).chain(([base, direction]) =>
    fc.record({
      guardrail: margins(direction).map(
        (own): Guardrail => ({
          key: base.name,
          metric: { ...base, better: direction },
          margin: own,
          written: "",
          spending: { kind: "pocock" },
          weight: 1,
        }),
      ),
      arms: base.kind === "proportion" ? arms(0, 1) : arms(-1, 4),
    }),
  );

const cases = (margins = margin) =>
  fc
    .array(oneCase(margins), { minLength: 1, maxLength: 4 })
    .map((own) =>
      own.map((one, i): Case => ({ ...one, guardrail: { ...one.guardrail, key: `${one.guardrail.key}_${i}` } })),
    );

const rules = fc.record({
  evidence: fc.constantFrom(...evidences),
  onTimeout: fc.constantFrom("hold" as const, "rollback" as const, "promote" as const),
  rollbackFloor: fc.integer({ min: 1, max: 200 }),
});

const looks = fc.record({
  stage: fc.nat(1),
  elapsedMs: fc.integer({ min: 0, max: 48 }).map((hours) => hours * hour),
  last: fc.boolean(),
  units: fc.record({ control: fc.nat(400), candidate: fc.nat(400) }),
});

const situation = (margins = margin) =>
  fc.record({ cases: cases(margins), rule: rules, at: looks }).map((own) => ({ ...own, ...built(own) }));

function built({
  cases,
  rule,
  at,
}: {
  readonly cases: readonly Case[];
  readonly rule: Partial<Rule>;
  readonly at: Partial<Look>;
}): { readonly plan: Plan; readonly look: Look } {
  return {
    plan: plan({ guardrails: cases.map((own) => own.guardrail), exposures: [0.25, 0.5], rule }),
    look: look(
      cases.map((own) => own.arms),
      { firstSeen: { control: 0, candidate: 0 }, ...at },
    ),
  };
}

/** Steps towards promotion. */
const rank = ({ action }: Decision) => ({ rollback: 0, hold: 1, promote: 2 })[action];

/** Without the readings, whose z differ in a last bit, and the reasons, which name an arm. */
function outcome({ readings, ...rest }: Decision) {
  const waitingFor = "waitingFor" in rest ? rest.waitingFor.map((reason) => reason.replace(/: .*/, "")) : undefined;
  return { ...rest, waitingFor, readings: readings.map(({ key, harmful, passes }) => ({ key, harmful, passes })) };
}

const law = <T>(arbitrary: fc.Arbitrary<T>, check: (own: T) => void) =>
  fc.assert(fc.property(arbitrary, check), { numRuns: 1000, seed: 20_260 });

describe("the rule, whatever the look:", () => {
  it("never promotes below the minimum sample or before the minimum duration, except by a timeout", () => {
    law(situation(), ({ plan, look }) => {
      const decision = decide(plan, look);
      if (decision.action !== "promote" || decision.timeout) return;
      expect(Math.min(look.units.control, look.units.candidate)).toBeGreaterThanOrEqual(100);
      expect(look.elapsedMs).toBeGreaterThanOrEqual(6 * hour);
      expect(decision.readings.every(({ passes }) => passes)).toBe(true);
    });
  });

  it("never rolls back for harm below the rollback floor", () => {
    law(situation(), ({ plan, look }) => {
      const decision = decide(plan, look);
      if (decision.action !== "rollback" || decision.timeout) return;
      expect(Math.min(look.units.control, look.units.candidate)).toBeGreaterThanOrEqual(plan.rule.rollbackFloor);
    });
  });

  it("times out at a last look only, and then never just holds on, unless it holds on timeouts or trust is broken", () => {
    law(situation(), ({ plan, look }) => {
      const decision = decide(plan, look);
      if ("timeout" in decision && decision.timeout) {
        expect(look.last).toBe(true);
        expect(plan.rule.onTimeout).toBe(decision.action);
      }
      if (look.last && decision.action === "hold") expect(plan.rule.onTimeout).toBe("hold");
      if (decision.action === "hold") expect(decision.final).toBe(look.last);
    });
  });

  it("takes more harm of the same error never as a step towards promotion", () => {
    const harm = fc.tuple(fc.nat(), dyadic(0, 4));
    law(fc.tuple(situation(), harm), ([own, [which, more]]) => {
      const index = which % own.cases.length;
      const cases = own.cases.map((one, i) =>
        i === index && one.guardrail.metric.kind !== "proportion" ? harmed(one, more) : one,
      );
      expect(rank(decide(own.plan, built({ ...own, cases }).look))).toBeLessThanOrEqual(
        rank(decide(own.plan, own.look)),
      );
    });
  });

  it("does not depend on the order of the guardrails, except in which harm it names", () => {
    law(fc.tuple(situation(), fc.infiniteStream(fc.nat())), ([own, order]) => {
      const cases = own.cases
        .map((one) => ({ one, at: order.next().value as number }))
        .sort((a, b) => a.at - b.at)
        .map(({ one }) => one);
      const { plan, look } = built({ ...own, cases });
      const [before, after] = [decide(own.plan, own.look), decide(plan, look)];
      expect(after.action).toBe(before.action);
      const byKey = (decision: Decision) => [...decision.readings].sort((a, b) => a.key.localeCompare(b.key));
      expect(byKey(after)).toEqual(byKey(before));
      if (after.action === "hold" && before.action === "hold") {
        expect([...after.waitingFor].sort()).toEqual([...before.waitingFor].sort());
      }
    });
  });

  it("does not depend on the unit of measure of a mean, a ratio or a quantile", () => {
    law(fc.tuple(situation(), fc.integer({ min: -40, max: 40 })), ([own, power]) => {
      const cases = own.cases.map((one) =>
        one.guardrail.metric.kind === "proportion" ? one : measuredIn(one, 2 ** power),
      );
      const { plan, look } = built({ ...own, cases });
      expect(outcome(decide(plan, look))).toEqual(outcome(decide(own.plan, own.look)));
    });
  });

  it("treats a fall where higher is better as a rise where lower is better, at an absolute margin", () => {
    law(
      situation(() => absolute),
      (own) => {
        const cases = own.cases.map((one) => mirrored(one));
        const { plan, look } = built({ ...own, cases });
        expect(outcome(decide(plan, look))).toEqual(outcome(decide(own.plan, own.look)));
      },
    );
  });

  it("treats arms that are swapped like a metric whose direction is, at an absolute margin", () => {
    law(
      situation(() => absolute),
      (own) => {
        const cases = own.cases.map(({ guardrail, arms: { control, candidate } }) => ({
          guardrail: { ...guardrail, metric: turned(guardrail.metric) },
          arms: { control: candidate, candidate: control },
        }));
        const { control, candidate } = own.at.units;
        const { plan, look } = built({
          ...own,
          cases,
          at: { ...own.at, units: { control: candidate, candidate: control } },
        });
        expect(outcome(decide(plan, look))).toEqual(outcome(decide(own.plan, own.look)));
      },
    );
  });

  it("holds, and does nothing else, when trust is broken, however large the harm", () => {
    law(fc.tuple(situation(), fc.boolean()), ([own, mixed]) => {
      const broken = mixed ? { unitsInBothArms: 1 } : { firstSeen: { control: 1000, candidate: 1000 }, stage: 0 };
      const decision = decide(own.plan, { ...own.look, ...broken });
      expect(decision).toMatchObject({ action: "hold", final: own.look.last });
      expect(decision.readings).toHaveLength(own.plan.guardrails.length);
      expect(decision.action === "hold" ? decision.waitingFor : []).toEqual([
        mixed ? "1 unit was served by both arms" : "the sample ratio does not fit the exposure",
      ]);
    });
  });

  it("neither rolls back for a metric without a value nor promotes with one", () => {
    law(
      fc.tuple(situation(), fc.nat(), fc.constantFrom("control" as const, "candidate" as const)),
      ([own, at, lane]) => {
        const lost = at % own.cases.length;
        const missing = { estimate: Number.NaN, standardError: Number.NaN, effectiveSample: 0 };
        const cases = own.cases.map((one, i) =>
          i === lost ? { ...one, arms: { ...one.arms, [lane]: missing } } : one,
        );
        const { plan, look } = built({ ...own, cases });
        const decision = decide(plan, look);
        const key = (cases[lost] as Case).guardrail.key;
        expect(decision.readings[lost]).toMatchObject({ key, harmful: false, passes: false });
        if (decision.action === "promote") expect(decision.timeout).toBe(true);
        if (decision.action === "rollback") expect(decision.because).not.toBe(key);
      },
    );
  });

  it("gives a reading of every guardrail, in the plan's order", () => {
    law(situation(), ({ plan, look }) => {
      const { readings } = decide(plan, look);
      expect(readings.map(({ key }) => key)).toEqual(plan.guardrails.map(({ key }) => key));
      expect(readings.map(({ control, candidate }) => [control, candidate])).toEqual(
        look.metrics.map(({ control, candidate }) => [control.estimate, candidate.estimate]),
      );
    });
  });
});

function harmed({ guardrail, arms }: Case, more: number): Case {
  const sign = guardrail.metric.better === "lower" ? 1 : -1;
  const candidate = { ...arms.candidate, estimate: arms.candidate.estimate + sign * more };
  return { guardrail, arms: { ...arms, candidate } };
}

function measuredIn({ guardrail, arms }: Case, scale: number): Case {
  const { margin } = guardrail;
  const scaled = (own: ArmReading) => ({
    ...own,
    estimate: own.estimate * scale,
    standardError: own.standardError * scale,
  });
  return {
    guardrail:
      margin.kind === "absolute" ? { ...guardrail, margin: { ...margin, loss: margin.loss * scale } } : guardrail,
    arms: { control: scaled(arms.control), candidate: scaled(arms.candidate) },
  };
}

function turned(metric: Metric): Metric {
  return { ...metric, better: metric.better === "lower" ? "higher" : "lower" };
}

/** Values negated (successes counted as failures) and the direction with them. */
function mirrored({ guardrail, arms }: Case): Case {
  const proportion = guardrail.metric.kind === "proportion";
  const turn = (own: ArmReading) => ({ ...own, estimate: proportion ? 1 - own.estimate : -own.estimate });
  return {
    guardrail: { ...guardrail, metric: turned(guardrail.metric) },
    arms: { control: turn(arms.control), candidate: turn(arms.candidate) },
  };
}

describe("at a look,", () => {
  const mean: Metric = { ...cost, better: "lower" };
  const guarded = plan({ guardrails: [guardrail(mean, "0.5")], exposures: [0.25, 0.5] });
  const at = (candidate: number, { standardError = 0.1, ...others }: Partial<Look> & { standardError?: number } = {}) =>
    look([{ control: arm(2, { standardError }), candidate: arm(candidate, { standardError }) }], {
      firstSeen: { control: 0, candidate: 0 },
      ...others,
    });

  it("promotes what is shown inside its margin", () => {
    expect(decide(guarded, at(2))).toMatchObject({ action: "promote", timeout: false });
  });

  it("rolls back what is shown to be harmful and not inside its margin, and names it", () => {
    expect(decide(guarded, at(2.5))).toMatchObject({ action: "rollback", because: "cost", timeout: false });
  });

  it("accepts harm that is real but shown inside its margin", () => {
    const decision = decide(guarded, at(2.1, { standardError: 0.02 }));
    expect(decision.readings[0]).toMatchObject({ harmful: true, passes: true });
    expect(decision).toMatchObject({ action: "promote" });
  });

  it("holds while harm is neither shown nor excluded, and says what it waits for", () => {
    expect(decide(guarded, at(2.3, { standardError: 0.3 }))).toMatchObject({ action: "hold", waitingFor: ["cost"] });
  });

  it("waits for time and for units in each arm as well", () => {
    const early = at(2.3, { standardError: 0.3, elapsedMs: 6 * hour - 1, units: { control: 500, candidate: 99 } });
    expect(decide(guarded, early)).toMatchObject({
      action: "hold",
      final: false,
      waitingFor: ["minimum duration", "minimum sample", "cost"],
    });
    const enough = at(2, { elapsedMs: 6 * hour, units: { control: 100, candidate: 100 } });
    expect(decide(guarded, enough)).toMatchObject({ action: "promote" });
  });

  it("rolls back before the minimum duration and sample, once each arm has the rollback floor", () => {
    const early = { elapsedMs: 0, units: { control: 500, candidate: 30 } };
    expect(decide(guarded, at(3, early))).toMatchObject({ action: "rollback" });
    expect(decide(guarded, at(3, { ...early, units: { control: 500, candidate: 29 } }))).toMatchObject({
      action: "hold",
    });
    expect(decide(guarded, at(3, { ...early, units: { control: 29, candidate: 500 } }))).toMatchObject({
      action: "hold",
    });
  });

  it("needs all guardrails to promote and only one to roll back", () => {
    const two = plan({ guardrails: [guardrail(mean, "0.5"), guardrail(latency, "20%")], exposures: [0.5] });
    const both = (a: number, b: number) =>
      look([
        { control: arm(2, { standardError: 0.1 }), candidate: arm(a, { standardError: 0.1 }) },
        { control: arm(800, { standardError: 20 }), candidate: arm(b, { standardError: 20 }) },
      ]);
    expect(decide(two, both(2, 800))).toMatchObject({ action: "promote" });
    expect(decide(two, both(2, 930))).toMatchObject({ action: "rollback", because: "latency" });
    expect(decide(two, both(3, 800))).toMatchObject({ action: "rollback", because: "cost" });
    expect(decide(two, both(3, 1100))).toMatchObject({ action: "rollback", because: "cost" });
  });

  it.each([
    ["as planned", { candidate: 250, control: 750 }, true],
    ["as chance may have it", { candidate: 270, control: 730 }, true],
    ["with the shares of the arms swapped", { candidate: 750, control: 250 }, false],
    ["with a third of the control lost", { candidate: 250, control: 500 }, false],
    ["of nobody yet", { candidate: 0, control: 0 }, true],
  ])("trusts a split of a quarter: %s", (_, firstSeen, trusted) => {
    const decision = decide(guarded, at(2, { firstSeen }));
    if (trusted) expect(decision.action).toBe("promote");
    else expect(decision).toMatchObject({ waitingFor: ["the sample ratio does not fit the exposure"] });
  });

  it("latches nothing: two guardrails that pass at different looks never promote", () => {
    const two = plan({ guardrails: [guardrail(mean, "0.5"), guardrail(latency, "20%")], exposures: [0.5] });
    const wide = { standardError: 1 };
    const sharp = { standardError: 0.01 };
    const seen = (first: object, second: object) =>
      decide(two, look([first, second].map((error) => ({ control: arm(2, error), candidate: arm(2, error) }))));
    expect(seen(sharp, wide)).toMatchObject({ action: "hold", waitingFor: ["latency"] });
    expect(seen(wide, sharp)).toMatchObject({ action: "hold", waitingFor: ["cost"] });
    expect(seen(sharp, sharp)).toMatchObject({ action: "promote" });
  });

  it.each([
    ["hold", { action: "hold", final: true, waitingFor: ["cost"] }],
    ["rollback", { action: "rollback", because: "timeout", timeout: true }],
    ["promote", { action: "promote", timeout: true }],
  ] as const)("ends an undecided stage by onTimeout: %s", (onTimeout, wanted) => {
    const undecided = { standardError: 0.3, last: true };
    const own = plan({ guardrails: [guardrail(mean, "0.5")], rule: { onTimeout } });
    expect(decide(own, at(2.3, undecided))).toMatchObject(wanted);
    expect(decide(own, at(2.3, { ...undecided, last: false }))).toMatchObject({ action: "hold", final: false });
    expect(decide(own, at(4, undecided))).toMatchObject({ action: "rollback", because: "cost", timeout: false });
  });

  it("has z-boundaries of α over guardrails and stages, and of β in the last controlled stage and the leak before it", () => {
    const own = plan({
      guardrails: [guardrail(mean, "0.5"), guardrail(latency, "20%")],
      exposures: [0.01, 0.05, 0.5],
      rule: { leak: 0.2 },
    });
    const both = [...at(2).metrics, ...at(2).metrics];
    const boundaries = [0, 1, 2].map((stage) => {
      const { readings } = decide(own, look(both, { stage, firstSeen: { control: 0, candidate: 0 } }));
      return readings.map(({ boundaryRollback, boundaryPass }) => [boundaryRollback, boundaryPass]);
    });
    const rollback = normalUpperQuantile(0.05 / 6);
    const [leak, last] = [normalUpperQuantile(0.2), normalUpperQuantile(0.1)];
    expect(boundaries).toEqual(
      [leak, leak, last].map((pass) => [
        [rollback, pass],
        [rollback, pass],
      ]),
    );
  });

  it.each(evidences)(
    "judges a 2%% candidate by its control: at 2%% it passes, at 0.1%% it rolls back (%s)",
    (evidence) => {
      const failures: Metric = { ...success, name: "failures", better: "lower" };
      const own = plan({ guardrails: [guardrail(failures, "x3")], exposures: [0.5], rule: { evidence } });
      const against = (rate: number) => {
        const sample = { effectiveSample: 3000 };
        return decide(own, look([{ control: arm(rate, sample), candidate: arm(0.02, sample) }]));
      };
      expect(against(0.02)).toMatchObject({ action: "promote" });
      expect(against(0.001)).toMatchObject({ action: "rollback", because: "failures" });
    },
  );

  it("shows the harm of each direction as positive", () => {
    const fall = plan({ guardrails: [guardrail(success, "5pp")] });
    const [reading] = decide(fall, look([{ control: arm(0.9), candidate: arm(0.8) }])).readings;
    expect(reading?.harm).toBeCloseTo(0.1, 12);
    expect(reading?.zRollback).toBeGreaterThan(0);
    expect(reading?.zPass).toBeLessThan(0);
  });
});

describe("evidence: point", () => {
  const both = (evidence: "point" | "fixed", candidate: number, standardError: number) =>
    decide(
      plan({ guardrails: [guardrail(cost, "20%")], rule: { evidence } }),
      look([{ control: arm(1, { standardError }), candidate: arm(candidate, { standardError }) }]),
    ).action;

  it("looks at the estimate alone, where fixed asks how sure it is", () => {
    expect([both("point", 1.19, 10), both("fixed", 1.19, 10)]).toEqual(["promote", "hold"]);
    expect([both("point", 1.21, 10), both("fixed", 1.21, 10)]).toEqual(["rollback", "hold"]);
    expect([both("point", 1.19, 0.001), both("fixed", 1.19, 0.001)]).toEqual(["promote", "promote"]);
  });

  it("has no boundaries of z", () => {
    const own = plan({ guardrails: [guardrail(cost, "20%")], rule: { evidence: "point" } });
    const [reading] = decide(own, look([{ control: arm(1), candidate: arm(1) }])).readings;
    expect(reading).toMatchObject({ boundaryRollback: 0, boundaryPass: 0 });
  });

  it("counts harm of exactly the margin as inside it", () => {
    const exact = plan({ guardrails: [guardrail(cost, "0.5")], rule: { evidence: "point" } });
    const decision = decide(exact, look([{ control: arm(1), candidate: arm(1.5) }]));
    expect(decision.action).toBe("promote");
    expect(decision.readings[0]).toMatchObject({ harmful: false, passes: true });
  });

  it("neither passes nor fails a share of a negative control, which bounds nothing", () => {
    const own = plan({ guardrails: [guardrail(cost, "20%")], rule: { evidence: "point" } });
    for (const candidate of [-12, -10, -8, 0, 5]) {
      expect(decide(own, look([{ control: arm(-10), candidate: arm(candidate) }])).action).toBe("hold");
    }
  });
});

describe("a look that does not fit its plan", () => {
  const own = plan({ guardrails: [guardrail(cost, "20%")], exposures: [0.1, 0.5] });
  const metrics = [{ control: arm(1), candidate: arm(1) }];

  it.each([2, -1, 0.5, Number.NaN])("is refused: stage %d of two", (stage) => {
    expect(() => decide(own, look(metrics, { stage }))).toThrow(
      new RangeError(`look.stage is ${stage}, the plan has 2 controlled stages`),
    );
  });

  it("is refused: another number of metrics", () => {
    expect(() => decide(own, look([...metrics, ...metrics]))).toThrow(
      new RangeError("the look has 2 metrics, the plan 1 guardrails"),
    );
  });
});

describe("every state that a stage can reach has the decision of the rule's table", () => {
  const guarded = (rule: Partial<Rule>) => plan({ guardrails: [guardrail(cost, "0.5")], exposures: [0.5], rule });
  const sharp = { standardError: 0.01 };
  // harm and pass of the one guardrail, shown by very small errors, or nothing shown by a very large one
  const metrics = {
    passes: [arm(1, sharp), arm(1, sharp)],
    "harm inside its margin": [arm(1, sharp), arm(1.25, sharp)],
    harm: [arm(1, sharp), arm(1.75, sharp)],
    open: [arm(1, { standardError: 100 }), arm(1, { standardError: 100 })],
    unknown: [arm(1, sharp), arm(Number.NaN, sharp)],
  } as const;
  const all = <T>(...values: readonly T[]) => values;
  const states = all("trusted", "mixed units", "broken split", "missing in one arm").flatMap((trust) =>
    (Object.keys(metrics) as (keyof typeof metrics)[]).flatMap((metric) =>
      all(29, 30, 99, 100).flatMap((units) =>
        all(false, true).flatMap((minimum) =>
          all(false, true).flatMap((certified) =>
            all(false, true).map((last) => ({ trust, metric, units, minimum, certified, last })),
          ),
        ),
      ),
    ),
  );
  type State = (typeof states)[number];

  /** The table of the rule, written once more. */
  function wanted({ trust, metric, units, minimum, certified, last }: State, onTimeout: Rule["onTimeout"]): string {
    if (trust !== "trusted") return last ? "stop" : "hold";
    if (metric === "harm" && units >= 30) return "rollback";
    const inside = metric === "passes" || metric === "harm inside its margin";
    if (inside && units >= 100 && minimum && certified) return "promote";
    if (!last) return "hold";
    if (onTimeout === "promote") return certified ? "promote" : "stop";
    return onTimeout === "rollback" ? "rollback" : "stop";
  }

  it.each(evidences.flatMap((evidence) => timeouts.map((onTimeout) => [evidence, onTimeout] as const)))(
    "%s, onTimeout: %s",
    (evidence, onTimeout) => {
      const own = guarded({ evidence, onTimeout });
      for (const state of states) {
        // estimates alone cannot be open
        if (evidence === "point" && state.metric === "open") continue;
        const { trust, metric, units, minimum, certified, last } = state;
        const [control, candidate] = metrics[metric];
        const count = { control: units, candidate: units };
        const missing =
          trust === "missing in one arm" ? { control: 0, candidate: units } : { control: 0, candidate: 0 };
        const decision = decide(
          own,
          look([{ control, candidate, units: count, missing }], {
            units: count,
            elapsedMs: (minimum ? 6 : 5) * hour,
            last,
            firstSeen: trust === "broken split" ? { control: 900, candidate: 100 } : { control: 0, candidate: 0 },
            unitsInBothArms: trust === "mixed units" ? 3 : 0,
            ...(certified ? {} : { uncertified: "the control has drifted" }),
          }),
        );
        const word = decision.action === "hold" && decision.final ? "stop" : decision.action;
        expect({ ...state, word }).toEqual({ ...state, word: wanted(state, onTimeout) });
        if (decision.action === "hold" && word === "hold") expect(decision.waitingFor).not.toEqual([]);
      }
    },
  );
});

describe("what a look lacks is said:", () => {
  const own = plan({ guardrails: [guardrail(cost, "0.5")], exposures: [0.5] });
  const waiting = (metrics: Parameters<typeof look>[0], others: Parameters<typeof look>[1] = {}) => {
    const decision = decide(own, look(metrics, others));
    return decision.action === "hold" ? decision.waitingFor : [];
  };

  it.each([
    ["an empty arm", { units: { control: 1000, candidate: 0 } }, "cost: the candidate has no units yet"],
    ["a metric without values", { control: arm(Number.NaN) }, "cost: the control has no value"],
    [
      "too few units",
      { candidate: arm(1, { standardError: Number.NaN }) },
      "cost: the candidate has too few units for a standard error",
    ],
  ])("%s", (_, lacking, reason) => {
    expect(waiting([{ control: arm(1), candidate: arm(1), ...lacking }])).toEqual([reason]);
  });

  it("a share of a negative control", () => {
    const shared = plan({ guardrails: [guardrail(cost, "20%")], exposures: [0.5] });
    const decision = decide(shared, look([{ control: arm(-1), candidate: arm(-1) }]));
    expect(decision).toMatchObject({ waitingFor: ["cost: a share of a negative control bounds nothing"] });
  });

  it("values that are missing more often in one arm, which is no matter of the arms' sizes", () => {
    const missing = (control: number, candidate: number) =>
      waiting([
        {
          control: arm(1),
          candidate: arm(1),
          units: { control: 9000, candidate: 1000 },
          missing: { control, candidate },
        },
      ]);
    expect(missing(450, 50)).toEqual([]);
    expect(missing(450, 150)).toEqual(["cost is missing more often in the candidate"]);
    expect(missing(900, 10)).toEqual(["cost is missing more often in the control"]);
  });

  it("an unchanged release is held uncertified, a harmful one is rolled back all the same", () => {
    const others = { uncertified: "traffic is 3 times the planned one" };
    expect(waiting([{ control: arm(1), candidate: arm(1) }], others)).toEqual([
      "uncertified: traffic is 3 times the planned one",
    ]);
    expect(decide(own, look([{ control: arm(1), candidate: arm(3) }], others))).toMatchObject({ action: "rollback" });
  });
});

describe("a stage's own words go before the plan's:", () => {
  const stageWith = (own: Partial<ReturnType<typeof plan>["stages"][number]>) => {
    const base = plan({ guardrails: [guardrail(cost, "0.5")], exposures: [0.1, 0.5] });
    return { ...base, stages: base.stages.map((stage, i) => (i === 0 ? { ...stage, ...own } : stage)) } as Plan;
  };
  const at = (own: Plan, stage: number, candidate: number, others: Parameters<typeof look>[1] = {}) =>
    decide(
      own,
      look([{ control: arm(1), candidate: arm(candidate) }], {
        stage,
        firstSeen: { control: 0, candidate: 0 },
        ...others,
      }),
    );

  it("margins", () => {
    const wide: StageMargin = { margin: { kind: "absolute", loss: 1 }, written: "1" };
    const own = stageWith({ margins: { cost: wide } });
    expect([at(own, 0, 1.75).action, at(own, 1, 1.75).action]).toEqual(["promote", "rollback"]);
  });

  it("onTimeout", () => {
    const own = stageWith({ onTimeout: "rollback" });
    const open = { last: true, elapsedMs: 0 };
    expect(at(own, 0, 1, open)).toMatchObject({ action: "rollback", because: "timeout" });
    expect(at(own, 1, 1, open)).toMatchObject({ action: "hold", final: true });
  });

  it("rollbackFloor", () => {
    const own = stageWith({ rollbackFloor: 5 });
    const few = { units: { control: 1000, candidate: 5 } };
    expect([at(own, 0, 3, few).action, at(own, 1, 3, few).action]).toEqual(["rollback", "hold"]);
  });
});

describe("rollbackAbove", () => {
  it("is harm that is none yet, on the margin's scale", () => {
    const lenient: Guardrail = { ...guardrail(cost, "20%"), rollbackAbove: { kind: "relative", factor: 1.1 } };
    const strict = guardrail(cost, "20%");
    const read = (own: Guardrail, candidate: number) =>
      decide(plan({ guardrails: [own] }), look([{ control: arm(1), candidate: arm(candidate) }])).readings[0];
    expect(read(strict, 1.08)?.harmful).toBe(true);
    expect(read(lenient, 1.08)?.harmful).toBe(false);
    expect(read(lenient, 1.3)?.harmful).toBe(true);
    // (1.3 − 1.1) / √(.01² + (1.1 · .01)²)
    expect(read(lenient, 1.3)?.zRollback).toBeCloseTo(0.2 / Math.hypot(0.01, 0.011), 10);
  });
});

describe("the time of a look", () => {
  const frozen = (evidence: Rule["evidence"]) =>
    plan({
      guardrails: [guardrail(cost, "0.5")],
      exposures: [0.5],
      rule: { evidence },
      calibration: { plannedSample: [[250]] },
    });
  const timeAt = (own: Plan, units: number, others: Parameters<typeof look>[1] = {}) =>
    decide(
      own,
      look([{ control: arm(1), candidate: arm(1) }], { ...others, units: { control: units, candidate: units } }),
    ).readings[0]?.time;

  it("is the share of the planned sample, 1 / (1/n₁ + 1/n₀), and 1 at the last look", () => {
    expect(timeAt(frozen("sequential"), 100)).toBe(0.2);
    expect(timeAt(frozen("sequential"), 100, { last: true })).toBe(1);
  });

  it("is never ahead of the clock: on more traffic than planned no look comes after all of the error is spent", () => {
    expect(timeAt(frozen("sequential"), 5000, { elapsedMs: 24 * hour })).toBe(0.5);
  });

  it("goes on beyond the plan for a confidence sequence, which has no last look", () => {
    expect(timeAt(frozen("always-valid"), 1000, { last: true })).toBe(2);
  });

  it("is the clock's share of the stage while the plan is not frozen", () => {
    const own = plan({ guardrails: [guardrail(cost, "0.5")], rule: { evidence: "sequential" } });
    expect(timeAt(own, 100, { elapsedMs: 12 * hour })).toBe(0.25);
  });
});
