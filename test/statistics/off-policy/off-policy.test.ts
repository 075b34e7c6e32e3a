import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  empiricalBernsteinLowerBound,
  hoeffdingLowerBound,
  importanceWeights,
  type LoggedDecisions,
} from "../../../statistics/off-policy/importance-weights.ts";
import { type Estimator, offPolicyValue } from "../../../statistics/off-policy/off-policy.ts";
import golden from "../../golden/off-policy.json" with { type: "json" };

const data = golden.data as unknown as Readonly<Record<string, LoggedDecisions>>;

interface Entry {
  readonly id: string;
  readonly rows: string;
  readonly unit: readonly number[] | null;
  readonly estimator: Estimator;
  readonly expect: Readonly<Record<string, number>>;
  readonly tolerance: number;
}

const entries = golden.entries as unknown as readonly Entry[];

function close(have: number, want: number, tolerance: number, what: string) {
  expect(Math.abs(have - want), `${what}: ${have} for ${want}`).toBeLessThanOrEqual(tolerance * (Math.abs(want) || 1));
}

const ok = (logged: LoggedDecisions, estimator: Estimator, level?: number) => {
  const got = offPolicyValue(logged, estimator, level === undefined ? {} : { level });
  if (got.status !== "ok") throw new Error(got.reason);
  return got;
};

describe("an off-policy estimate agrees with references made elsewhere", () => {
  it.each(entries.map((entry) => [entry.id, entry] as const))(
    "%s",
    (_, { rows, unit, estimator, expect: wanted, tolerance }) => {
      const logged = data[rows] as LoggedDecisions;
      const got = ok(unit === null ? logged : { ...logged, unit }, estimator);
      for (const [key, want] of Object.entries(wanted)) {
        // a slope by differences has an error of h² = 1e-8 of the estimate
        close(got[key as "value"], want, key === "value" ? 1e-10 : tolerance, key);
      }
    },
  );

  it.each(golden.bounds.map((bound) => [bound.data, bound] as const))("bounds of %s", (name, bound) => {
    const logged = data[name] as LoggedDecisions;
    const weights = importanceWeights(logged);
    if ("status" in weights) throw new Error(weights.reason);
    const weighted = weights.map((weight, i) => weight * (logged.reward[i] as number));
    const highest = Math.max(...weighted);
    close(hoeffdingLowerBound(weighted, highest, bound.tail), bound.hoeffding, 1e-10, "hoeffding");
    close(empiricalBernsteinLowerBound(weighted, highest, bound.tail), bound.bernstein, 1e-10, "bernstein");
    const { effectiveSampleSize, standardError } = ok(logged, { kind: "ips" });
    close(effectiveSampleSize, bound.ess, 1e-10, "effective sample");
    close(standardError, bound.standardError, 1e-10, "standard error");
  });
});

const kinds: readonly Estimator[] = [
  { kind: "ips" },
  { kind: "ips", clip: 2 },
  { kind: "snips" },
  { kind: "dm" },
  { kind: "dr" },
  { kind: "sndr" },
  { kind: "switchDr", threshold: 1 },
  { kind: "drOs", lambda: 3 },
  { kind: "subGaussianIps", lambda: 0.3 },
  { kind: "subGaussianDr", lambda: 0.3 },
];

const probability = fc.double({ min: 0.05, max: 1, noNaN: true });
const row = fc.record({
  reward: fc.double({ min: -10, max: 10, noNaN: true }),
  behaviour: probability,
  evaluation: probability,
  predicted: fc.double({ min: -10, max: 10, noNaN: true }),
  direct: fc.double({ min: -10, max: 10, noNaN: true }),
});
const log = fc.array(row, { minLength: 2, maxLength: 30 }).map((rows) => ({
  reward: rows.map((own) => own.reward),
  behaviour: rows.map((own) => own.behaviour),
  evaluation: rows.map((own) => own.evaluation),
  predicted: rows.map((own) => own.predicted),
  direct: rows.map((own) => own.direct),
}));

describe("an off-policy estimate", () => {
  it("scales with the unit of the reward", () => {
    fc.assert(
      fc.property(log, fc.constantFrom(...kinds), (logged, estimator) => {
        const times = (values: readonly number[]) => values.map((own) => 1024 * own);
        const scaled = ok(
          {
            ...logged,
            reward: times(logged.reward),
            predicted: times(logged.predicted),
            direct: times(logged.direct),
          },
          estimator,
        );
        const plain = ok(logged, estimator);
        expect(scaled.value).toBeCloseTo(1024 * plain.value, 8);
        expect(scaled.high - scaled.low).toBeCloseTo(1024 * (plain.high - plain.low), 7);
      }),
    );
  });

  it("does not depend on the order of the rows or the names of the units", () => {
    fc.assert(
      fc.property(log, fc.constantFrom(...kinds), (logged, estimator) => {
        const unit = logged.reward.map((_, i) => i % 2);
        const turned = Object.fromEntries(
          Object.entries(logged).map(([name, values]) => [name, values.toReversed()]),
        ) as unknown as LoggedDecisions;
        const there = ok({ ...logged, unit }, estimator);
        const back = ok({ ...turned, unit: unit.toReversed().map((own) => `user ${own}`) }, estimator);
        expect(back.value).toBeCloseTo(there.value, 10);
        expect(back.standardError).toBeCloseTo(there.standardError, 10);
      }),
    );
  });

  it("of the logging policy itself is the mean reward, with its usual standard error", () => {
    fc.assert(
      fc.property(log, (logged) => {
        const own = { ...logged, evaluation: logged.behaviour };
        const n = own.reward.length;
        const mean = own.reward.reduce((a, b) => a + b, 0) / n;
        const variance = own.reward.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
        for (const estimator of [{ kind: "ips" }, { kind: "snips" }] as const) {
          const got = ok(own, estimator);
          expect(got.value).toBeCloseTo(mean, 10);
          expect(got.standardError).toBeCloseTo(Math.sqrt(variance / n), 10);
          expect(got.effectiveSampleSize).toBeCloseTo(n, 8);
        }
      }),
    );
  });

  it("shifts with the reward when it is self-normalised, which plain weighting does not", () => {
    const logged = data.mild as LoggedDecisions;
    const shifted = { ...logged, reward: Array.from(logged.reward, (value) => value + 100) };
    expect(ok(shifted, { kind: "snips" }).value).toBeCloseTo(ok(logged, { kind: "snips" }).value + 100, 8);
    expect(Math.abs(ok(shifted, { kind: "ips" }).value - ok(logged, { kind: "ips" }).value - 100)).toBeGreaterThan(1);
  });

  it("with units counted twice has an interval √2 wider than with rows taken as new units", () => {
    const logged = data.mild as LoggedDecisions;
    const twice = Object.fromEntries(
      Object.entries(logged).map(([name, values]) => [name, [...values, ...values]]),
    ) as unknown as LoggedDecisions;
    const n = logged.reward.length;
    const unit = Array.from({ length: 2 * n }, (_, i) => i % n);
    for (const estimator of kinds) {
      const once = ok(logged, estimator);
      expect(ok({ ...twice, unit }, estimator).standardError).toBeCloseTo(once.standardError, 12);
      // divisors n/(n − 1) and 2n/(2n − 1) apart, half the variance
      expect(ok(twice, estimator).standardError).toBeCloseTo(
        once.standardError * Math.sqrt((0.5 * (2 * n * (n - 1))) / ((2 * n - 1) * n)),
        12,
      );
    }
  });

  it("warns when few weights carry it", () => {
    const logged = {
      reward: Array.from({ length: 100 }, (_, i) => i % 2),
      behaviour: Array.from({ length: 100 }, (_, i) => (i === 0 ? 0.001 : 0.9)),
      evaluation: Array.from({ length: 100 }, () => 0.5),
    };
    const got = ok(logged, { kind: "ips" });
    expect(got.warning).toBe("the weights leave an effective sample of 1.23 out of 100 decisions");
    expect(got.maximumWeight).toBe(500);
    expect(ok({ ...logged, behaviour: logged.evaluation }, { kind: "ips" })).not.toHaveProperty("warning");
  });

  const two = { reward: [1, 0], behaviour: [0.5, 0.5], evaluation: [1, 0], predicted: [0.5, 0.5], direct: [0.4, 0.6] };

  it.each([
    ["no decisions", { reward: [] }, "no decisions"],
    ["a propensity of 0", { ...two, behaviour: [0.5, 0] }, "row 1 has a logged action of behaviour propensity 0"],
    ["a missing propensity", { ...two, behaviour: [Number.NaN, 0.5] }, "row 0 has no propensity"],
    ["a weight beyond a double's square", { ...two, behaviour: [1e-200, 0.5] }, "the weight of row 0 overflows"],
    ["no common action", { ...two, evaluation: [0, 0] }, "no logged action is one of the judged policy's"],
    ["one unit", { ...two, unit: ["a", "a"] }, "one unit has no spread"],
    ["a reward that is no number", { ...two, reward: [Number.NaN, 1] }, "a value is not a number, or weights overflow"],
  ])("of %s is undetermined", (_, logged, reason) => {
    for (const kind of ["ips", "snips"] as const) {
      expect(offPolicyValue(logged as LoggedDecisions, { kind })).toEqual({ status: "undetermined", reason });
    }
  });

  it("needs no propensities for the direct method, and says nothing of weights", () => {
    expect(ok({ reward: [0, 0], direct: [0.4, 0.6] }, { kind: "dm" })).toMatchObject({
      value: 0.5,
      effectiveSampleSize: Number.NaN,
    });
  });

  it("by replay needs a deterministic policy", () => {
    expect(
      ok({ ...two, reward: [3, 0, 5], behaviour: [0.5, 0.5, 0.5], evaluation: [1, 0, 1] }, { kind: "replay" }).value,
    ).toBe(4);
    expect(offPolicyValue({ ...two, evaluation: [0.5, 1] }, { kind: "replay" })).toEqual({
      status: "undetermined",
      reason: "replay of a policy that draws actions",
    });
  });

  it("refuses wrong calls", () => {
    const call =
      (logged: LoggedDecisions, estimator: Estimator, level = 0.95) =>
      () =>
        offPolicyValue(logged, estimator, { level });
    expect(call({ ...two, behaviour: [0.5] }, { kind: "ips" })).toThrow(
      new RangeError("this estimator needs a column behaviour of 2 rows, got 1"),
    );
    expect(call({ reward: [1, 2] }, { kind: "dm" })).toThrow("needs a column direct of 2 rows, got none");
    expect(call({ ...two, evaluation: [1.5, 0] }, { kind: "ips" })).toThrow(
      new RangeError("importanceWeights needs propensities in [0, 1], got 1.5 in row 0"),
    );
    expect(call({ ...two, unit: [1] }, { kind: "ips" })).toThrow("needs columns of one length, got reward 2, unit 1");
    expect(call(two, { kind: "ips", clip: -1 })).toThrow("offPolicyValue needs clip in [0, Infinity], got -1");
    expect(call(two, { kind: "subGaussianIps", lambda: 2 })).toThrow("offPolicyValue needs lambda in [0, 1], got 2");
    expect(call(two, { kind: "ips" }, 1)).toThrow("offPolicyValue needs level in (0, 1), got 1");
  });
});

describe("a lower bound of a mean in a range", () => {
  const bounds = { hoeffdingLowerBound, empiricalBernsteinLowerBound };

  it.each(Object.entries(bounds))("%s is below the mean, falls with the range and rises with the tail", (_, bound) => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 50 }), (values) => {
        const mean = values.reduce((a, b) => a + b, 0) / values.length;
        expect(bound(values, 1)).toBeLessThan(mean);
        expect(bound(values, 2)).toBeLessThan(bound(values, 1));
        expect(bound(values, 1, 0.2)).toBeGreaterThan(bound(values, 1, 0.01));
      }),
    );
  });

  it.each(Object.entries(bounds))("%s refuses values outside of the range and is NaN without values", (_, bound) => {
    expect(() => bound([0.5, 2], 1)).toThrow("needs values in [0, 1], got 2");
    expect(() => bound([0.5], 1, 0)).toThrow("needs tail in (0, 1), got 0");
    expect(bound([], 1)).toBeNaN();
  });
});
