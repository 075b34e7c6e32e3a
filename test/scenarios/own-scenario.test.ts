import { describe, expect, it } from "vitest";
import { defineScenario, type OwnSession, type OwnValue } from "../../scenarios/own-scenario.ts";
import { candidateValues, type ModuleScenario } from "../../scenarios/scenario.ts";
import type { Values } from "../../shadow/outcomes.ts";
import { outcomes } from "../support/outcomes.ts";
import { clusteredTraffic, cost, errors, latency, success } from "../support/traffic.ts";

const traffic = outcomes({
  metrics: [success, cost, errors, latency],
  sessions: Array.from({ length: 50 }, (_, i) => ({
    unit: `u${i % 20}`,
    attributes: { region: i % 2 === 0 ? "eu" : "us" },
    values: {
      success: { both: i % 5 === 0 ? null : i % 2 === 1 },
      cost: { both: i },
      errors: { both: { over: [1, 4] as const } },
      latency: { both: [10, 20 + i] },
    },
  })),
});
const own = (change: ModuleScenario["change"]): ModuleScenario => ({ kind: "own", name: "mine", place: "p:1", change });
const candidateOf = (change: ModuleScenario["change"]) => candidateValues(own(change), traffic);

describe("a scenario of one's own", () => {
  it("is shown each session once, as it was under the control", () => {
    const seen: OwnSession[] = [];
    candidateOf((session) => {
      seen.push(session);
      return undefined;
    });
    expect(seen.map(({ id }) => id)).toEqual(traffic.sessions);
    expect(seen[10]).toEqual({
      id: "s10",
      unit: "u10",
      at: 600_000,
      attributes: { region: "eu" },
      values: { success: null, cost: 10, errors: { numerator: 1, denominator: 4 }, latency: [10, 30] },
      chance: seen[10]?.chance,
    });
    expect(seen[11]?.values).toMatchObject({ success: 1 });
  });

  it("changes what it answers, in these sessions alone", () => {
    const changed: Readonly<Record<string, OwnValue>> = {
      success: 0,
      cost: 7.5,
      errors: { numerator: 2, denominator: 3 },
      latency: [1, 2, 3],
    };
    const values = candidateOf(({ id }) => (id === "s11" ? changed : undefined));
    const row = (own: Values, i: number) =>
      own.kind === "sums"
        ? [own.numerator[i], own.denominator[i], own.missing[i]]
        : [...own.values.subarray(own.offsets[i], own.offsets[i + 1])];
    expect(values.map((own) => row(own, 11))).toEqual([
      [0, 1, 0],
      [7.5, 1, 0],
      [2, 3, 0],
      [1, 2, 3],
    ]);
    traffic.metrics.forEach(({ control }, m) => {
      for (let i = 0; i < 50; i++) if (i !== 11) expect(row(values[m] as Values, i)).toEqual(row(control, i));
    });
  });

  it("leaves metrics that it never names the same object, so that nothing is simulated twice", () => {
    const values = candidateOf(() => ({ cost: 1 }));
    expect(values[0]).toBe(traffic.metrics[0]?.control);
    expect(values[1]).not.toBe(traffic.metrics[1]?.control);
  });

  it("may take a value away, and give one that was missing", () => {
    const [values] = candidateOf(({ id }) =>
      id === "s1" ? { success: null } : id === "s0" ? { success: 1 } : undefined,
    );
    const { numerator, denominator, missing } = values as Extract<Values, { kind: "sums" }>;
    expect([numerator[0], denominator[0], missing[0]]).toEqual([1, 1, 0]);
    expect([numerator[1], denominator[1], missing[1]]).toEqual([0, 0, 1]);
  });

  it("has chances that are even, and the same in every run", () => {
    const chances = (): number[] => {
      const all: number[] = [];
      const sessions = clusteredTraffic({ users: 500 });
      candidateValues(
        own(({ chance }) => {
          all.push(chance);
          return undefined;
        }),
        sessions,
      );
      return all;
    };
    const first = chances();
    expect(chances()).toEqual(first);
    const below = first.filter((chance) => chance < 0.1).length;
    // binomial: beyond five standard errors in 6 of 10 million
    expect(Math.abs(below - 0.1 * first.length)).toBeLessThan(5 * Math.sqrt(first.length * 0.09));
  });

  it.each<[string, unknown, RegExp]>([
    [
      "success",
      0.5,
      /^p:1: mine changes success of session s0 to 0\.5: a proportion is 0 or 1 in a session; change one/,
    ],
    ["cost", Number.NaN, /a mean has one finite number/],
    ["cost", "7", /a mean has one finite number/],
    ["errors", 3, /a ratio has \{ numerator, denominator \}/],
    ["errors", { numerator: 1, denominator: -1 }, /not below 0/],
    ["latency", 3, /a quantile has a list of finite numbers/],
    ["latency", null, /a quantile has a list, which may be empty/],
    ["costs", 3, /there is no such metric; change one of success, cost, errors, latency$/],
  ])("is refused when it changes %s to %j", (metric, value, message) => {
    expect(() => candidateOf(() => ({ [metric]: value as OwnValue }))).toThrow(message);
  });

  it("that throws is told with its session", () => {
    const broken = () => {
      throw new Error("not today");
    };
    expect(() => candidateOf(broken)).toThrow(
      /^p:1: mine throws for session s0: not today; mend change of the module$/,
    );
  });

  it("is checked by its types alone where it is defined", () => {
    const plain = { name: "mine", change: () => undefined };
    expect(defineScenario(plain)).toBe(plain);
  });
});
