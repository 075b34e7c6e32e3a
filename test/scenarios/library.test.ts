import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Metric } from "../../plan/metric.ts";
import { type Harm, harmed } from "../../scenarios/harm.ts";
import { scenarioLibrary } from "../../scenarios/library.ts";
import { candidateValues, type HarmScenario } from "../../scenarios/scenario.ts";
import { NoRoom } from "../../scenarios/shift.ts";
import { composed } from "../../shadow/compose.ts";
import type { Outcomes, Values } from "../../shadow/outcomes.ts";
import { quantileSorted } from "../../statistics/quantiles/quantiles.ts";
import { shown } from "../support/compositions.ts";
import { outcomes, type Session } from "../support/outcomes.ts";
import { clusteredTraffic, cost, errors, latency, success } from "../support/traffic.ts";

const hour = 3_600_000;
const named = <Own extends Metric>(metric: Own, name: string, others: Partial<Metric> = {}) =>
  ({ ...metric, name, ...others }) as Metric;

const costs = named(cost, "cost_per_task", { measuredIn: "USD" });
const tools = named(errors, "tool_error_rate");
const clicks = named(errors, "click_through_rate", { better: "higher" });
const triggers = named(success, "guardrail_trigger_rate", { better: "lower" });
const leavers = named(success, "abandonment_rate", { better: "lower" });
const plain = [success, costs, tools, latency, clicks, triggers, leavers];

const sessions = 400;
const rows = Array.from(
  { length: sessions },
  (_, i): Session => ({
    attributes: { workflow: i % 7 === 0 ? "refund" : "faq", region: i % 3 === 0 ? "eu" : "us" },
    values: {
      success: { both: i === 11 ? null : i % 10 < 7 },
      cost_per_task: { both: i === 9 ? null : 1 + (i % 5) },
      tool_error_rate: { both: { over: [i % 4 === 0 ? 1 : 0, 1 + (i % 3)] } },
      latency: { both: [100 + i, 2 * i + 50] },
      click_through_rate: { both: { over: [i % 2, 4] } },
      guardrail_trigger_rate: { both: i % 20 === 3 },
      abandonment_rate: { both: i % 10 === 5 },
    },
  }),
);

const diversity = named({ ...cost, kind: "entropy", value: "" }, "diversity", { better: "higher" });
const coverage = { ...diversity, name: "coverage", kind: "distinct-share", draws: 3, catalogue: 9 } as Metric;

/** The plain metrics, and two that are of what all sessions show together. */
const own: Outcomes = (() => {
  const made = outcomes({ metrics: plain, sessions: rows });
  const observed = { kind: "categories", ...shown(rows.map((_, i) => [i % 3, i % 5])) } as const;
  const composition = (metric: Metric) => {
    const { control } = composed(metric as Parameters<typeof composed>[0], observed, observed, made.unit);
    return { metric, control, candidate: control };
  };
  return { ...made, metrics: [...made.metrics, composition(diversity), composition(coverage)] };
})();

const project = {
  place: "foretaste.yaml:9",
  metrics: own.metrics.map(({ metric }) => metric),
  primary: "success",
  attributes: ["workflow", "region"],
};

function built(name: string, written: object = {}): HarmScenario {
  const entry = scenarioLibrary.find((own) => own.name === name);
  if (!entry) throw new RangeError(`no entry ${name}`);
  return entry.build(entry.parameters.parse(written), project);
}

/** The metric of all sessions, or of the chosen ones. */
function value(metric: Metric, values: Values, chosen: (i: number) => boolean = () => true): number {
  if (values.kind === "requests") {
    const requests = [...values.values].filter((_, k) => chosen(values.offsets.findLastIndex((from) => from <= k)));
    return quantileSorted(Float64Array.from(requests).sort(), metric.kind === "quantile" ? metric.quantile : 0);
  }
  const sum = (column: Float64Array) => column.reduce((all, own, i) => (chosen(i) ? all + own : all), 0);
  return sum(values.numerator) / sum(values.denominator);
}

const before = new Map(own.metrics.map(({ metric, control }) => [metric.name, { metric, control }]));
const was = (name: string, chosen?: (i: number) => boolean) => {
  const { metric, control } = before.get(name) as { metric: Metric; control: Values };
  return value(metric, control, chosen);
};
const refund = (i: number) => i % 7 === 0;
const elsewhere = (i: number) => !refund(i);
/** Sessions that have success: one has none. */
const present = sessions - 1;

/** What each entry does to each metric that it touches: candidate − control, exactly. */
const effects: readonly [string, object, Readonly<Record<string, number>>][] = [
  ["completion_drop", {}, { success: -Math.round(0.05 * present) / present }],
  ["completion_drop", { by: "10pp" }, { success: -Math.round(0.1 * present) / present }],
  ["completion_drop", { metric: "cost_per_task" }, { cost_per_task: 0.2 * was("cost_per_task") }],
  ["tool_errors", {}, { tool_error_rate: 2 * was("tool_error_rate") }],
  ["cost_rise", {}, { cost_per_task: 0.2 * was("cost_per_task") }],
  ["cost_rise", { by: "0.5 USD" }, { cost_per_task: 0.5 }],
  ["token_blowup", {}, { cost_per_task: 2 * was("cost_per_task") }],
  ["latency_tail", {}, { latency: 0.5 * was("latency") }],
  ["latency_tail", { by: "200 ms" }, { latency: 200 }],
  ["guardrail_overreach", {}, { guardrail_trigger_rate: 2 * was("guardrail_trigger_rate") }],
  ["abandonment", {}, { abandonment_rate: 0.1 * was("abandonment_rate") }],
  [
    "diversity_collapse",
    {},
    {
      click_through_rate: -0.23 * was("click_through_rate"),
      diversity: -0.2 * was("diversity"),
      coverage: -0.2 * was("coverage"),
    },
  ],
  ["metric_shift", { metric: "click_through_rate", by: "5pp" }, { click_through_rate: -0.05 }],
  ["segment_broken", { where: { workflow: "refund" }, by: "40pp" }, { success: -23 / present }],
  ["fairness_gap", { where: { region: "eu" } }, { success: -Math.round(0.05 * 134) / present }],
  ["refund_workflow_broken", {}, { success: Math.round(0.005 * present) / present }],
  [
    "refund_workflow_broken",
    { metric: "cost_per_task", by: "x3", improves: "2%" },
    { cost_per_task: -0.02 * was("cost_per_task") },
  ],
  [
    "refund_workflow_broken",
    { metric: "click_through_rate", by: "50%", improves: "0.1pp" },
    { click_through_rate: 0.001 },
  ],
  ["load_dependent", {}, { latency: 0.5 * was("latency") }],
  ["novelty", {}, { success: Math.round(0.05 * present) / present }],
  ["novelty", { looks: "worse" }, { success: -Math.round(0.05 * present) / present }],
  ["novelty", { metric: "cost_per_task" }, { cost_per_task: -0.2 * was("cost_per_task") }],
  ["slow_burn", {}, { success: -Math.round(0.05 * present) / present }],
  ["lucky_first_hour", {}, { success: -Math.round(0.05 * present) / present }],
  ["delayed_truth", {}, { success: -Math.round(0.05 * present) / present }],
  ["contamination", {}, { success: -Math.round(0.05 * present) / present }],
  ["spillover", { by: "10pp" }, { success: -Math.round(0.1 * present) / present }],
  ["low_traffic", {}, {}],
  ["low_traffic", { by: "10pp" }, { success: -Math.round(0.1 * present) / present }],
  ["power_user_cohort", {}, {}],
  ["power_user_cohort", { metric: "cost_per_task" }, { cost_per_task: 0.2 * was("cost_per_task") }],
  ["reused_salt", {}, {}],
  ["request_routing", {}, {}],
  ["request_routing", { by: "10pp" }, { success: -Math.round(0.1 * present) / present }],
  ["reused_salt", { by: "10pp" }, { success: -Math.round(0.1 * present) / present }],
];

describe("the library", () => {
  const names = scenarioLibrary.map(({ name }) => name);

  it("has one name for each entry, which is that of its file", () => {
    expect(new Set(names).size).toBe(names.length);
    const files = readdirSync(new URL("../../scenarios/library", import.meta.url));
    expect(files.sort()).toEqual(names.map((name) => `${name.replaceAll("_", "-")}.ts`).sort());
  });

  it("tells each entry's story in one sentence of its own", () => {
    for (const { story } of scenarioLibrary) expect(story).toMatch(/^[A-Z][^.]*\.$/);
    expect(new Set(scenarioLibrary.map(({ story }) => story)).size).toBe(names.length);
  });

  it("has the effect of each of its entries tested", () => {
    expect(new Set(effects.map(([name]) => name))).toEqual(new Set(names));
  });
});

describe("the exact effect of", () => {
  it.each(effects)("%s %j is on these metrics alone: %j", (name, written, expected) => {
    const scenario = built(name, written);
    const after = candidateValues(scenario, own);
    own.metrics.forEach(({ metric, control }, m) => {
      const change = expected[metric.name];
      if (change === undefined) expect(after[m], metric.name).toBe(control);
      else expect(value(metric, after[m] as Values) - value(metric, control), metric.name).toBeCloseTo(change, 10);
    });
    expect(Object.keys(expected).length).toBe(new Set(scenario.harms.map(({ metric }) => metric.name)).size);
  });

  // the others are about everyone
  it.each(effects.filter(([name]) => name !== "diversity_collapse" && name !== "refund_workflow_broken"))(
    "%s %j inside a segment leaves every session outside it as it was",
    (name, written) => {
      const where = name === "fairness_gap" ? { region: "eu" } : { workflow: "refund" };
      const inside = name === "fairness_gap" ? (i: number) => i % 3 === 0 : refund;
      const after = candidateValues(built(name, { ...written, where }), own);
      own.metrics.forEach(({ control }, m) => {
        const values = after[m] as Values;
        rows.forEach((_, i) => {
          if (!inside(i)) expect(ofSession(values, i)).toEqual(ofSession(control, i));
        });
      });
    },
  );
});

function ofSession(values: Values, i: number): readonly number[] {
  if (values.kind === "sums") return [values.numerator[i] as number, values.denominator[i] as number];
  return [...values.values.slice(values.offsets[i], values.offsets[i + 1])];
}

describe("a minority that breaks behind a better average", () => {
  it.each<[string, object, (change: number) => void]>([
    ["a proportion", {}, (change) => expect(change).toBeCloseTo(-23 / 58, 10)],
    [
      "a mean",
      { metric: "cost_per_task", by: "x3", improves: "2%" },
      (change) => expect(change).toBeCloseTo(2 * was("cost_per_task", refund), 10),
    ],
    [
      "a mean, in its unit",
      { metric: "cost_per_task", by: "1 USD", improves: "0.1 USD" },
      (change) => expect(change).toBeCloseTo(1, 10),
    ],
  ])("loses its size there, and all others gain: %s", (_, written, expected) => {
    const scenario = built("refund_workflow_broken", written);
    const { metric } = scenario.harms[0] as Harm;
    const after = candidateValues(scenario, own)[own.metrics.findIndex((known) => known.metric === metric)] as Values;
    const gained = (chosen?: (i: number) => boolean) => value(metric, after, chosen) - was(metric.name, chosen);
    const better = metric.better === "higher" ? 1 : -1;
    expected(gained(refund));
    expect(better * gained(elsewhere)).toBeGreaterThan(0);
    expect(better * gained()).toBeGreaterThan(0);
  });

  it("is the size over all sessions on any traffic, to one session of a proportion", () => {
    let balanced = 0;
    fc.assert(
      fc.property(
        fc.array(fc.record({ success: fc.boolean(), refund: fc.boolean() }), { minLength: 5, maxLength: 60 }),
        (written) => {
          const made = outcomes({
            metrics: [success],
            sessions: written.map((row) => ({
              attributes: { workflow: row.refund ? "refund" : "faq" },
              values: { success: { both: row.success } },
            })),
          });
          const scenario = built("refund_workflow_broken", { by: "50pp", improves: "5pp" });
          const control = made.metrics[0]?.control as Values;
          try {
            const [after] = candidateValues(scenario, made);
            const change = value(success, after as Values) - value(success, control);
            balanced += 1;
            expect(Math.abs(change - 0.05)).toBeLessThanOrEqual(0.5 / written.length + 1e-9);
          } catch (error) {
            expect(error).toBeInstanceOf(NoRoom);
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(balanced).toBeGreaterThan(50);
  });

  it("has no room where the others cannot improve so much, where there are none, and in a quantile", () => {
    const gain: Harm = {
      metric: success,
      size: { kind: "absolute", loss: 0.9 },
      where: [{ attribute: "workflow", value: "refund" }],
      effect: "gain_elsewhere",
    };
    const left = (harm: Harm) => {
      const { control } = before.get(harm.metric.name) as { control: Values };
      return harmed(control, harm, control, own);
    };
    expect(() => left(gain)).toThrow(/^success is 0\.\d+ and cannot rise by /);
    expect(() => left({ ...gain, where: [] })).toThrow(
      "success has no sessions outside the segment that could improve",
    );
    expect(() => left({ ...gain, metric: latency })).toThrow("latency is a quantile");
    expect(() => left({ ...gain, metric: costs, size: { kind: "relative", factor: -0.5 } })).toThrow(
      "cost_per_task cannot fall below 0 outside the segment",
    );
    expect(() => left({ ...gain, metric: diversity })).toThrow(
      "diversity is a composition, whose gain is not simulated",
    );
  });
});

describe("when the harm is there", () => {
  it.each<[string, object, Partial<HarmScenario>]>([
    ["load_dependent", {}, { fromExposure: 0.25 }],
    ["load_dependent", { fromExposure: "50%" }, { fromExposure: 0.5 }],
    ["novelty", {}, { course: { kind: "fades", halfLifeMs: 24 * hour } }],
    ["slow_burn", {}, { course: { kind: "grows", overMs: 7 * 24 * hour } }],
    ["slow_burn", { over: "3h" }, { course: { kind: "grows", overMs: 3 * hour } }],
    ["lucky_first_hour", {}, { course: { kind: "begins", afterMs: hour } }],
  ])("%s %j: %j", (name, written, expected) => {
    expect(built(name, written)).toMatchObject(expected);
  });

  it("is always, unless an entry is about time or exposure", () => {
    const about = ["load_dependent", "novelty", "slow_burn", "lucky_first_hour"];
    for (const [name, written] of effects) {
      if (about.includes(name)) continue;
      const scenario = built(name, written);
      expect([scenario.course, scenario.fromExposure]).toEqual([undefined, undefined]);
    }
  });
});

describe("what is unlike the log", () => {
  it.each<[string, object, HarmScenario["conditions"]]>([
    ["low_traffic", {}, { traffic: 0.25 }],
    ["low_traffic", { share: "3%" }, { traffic: 0.03 }],
    ["delayed_truth", {}, { late: { metrics: ["success"], byMs: 24 * hour } }],
    ["delayed_truth", { late: "2h", metric: "latency" }, { late: { metrics: ["latency"], byMs: 2 * hour } }],
    ["contamination", {}, { contamination: 0.1 }],
    ["spillover", {}, { spillover: 0.5 }],
    ["power_user_cohort", {}, { routing: "power_users" }],
    ["reused_salt", {}, { routing: "reused_salt" }],
    ["request_routing", {}, { routing: "per_session" }],
  ])("%s %j: %j", (name, written, expected) => {
    expect(built(name, written).conditions).toEqual(expected);
  });

  it("is nothing, unless an entry is about it", () => {
    const about = ["low_traffic", "delayed_truth", "contamination", "spillover"];
    about.push("power_user_cohort", "reused_salt", "request_routing");
    for (const [name, written] of effects) {
      if (!about.includes(name)) expect(built(name, written).conditions).toBeUndefined();
    }
  });
});

describe("the name of a scenario", () => {
  it.each([
    ["low_traffic", {}, "low_traffic:25%"],
    ["low_traffic", { by: "3pp" }, "low_traffic:25%:success:3pp"],
    ["delayed_truth", {}, "delayed_truth:success:5pp:24h"],
    ["contamination", {}, "contamination:success:5pp:10%"],
    ["power_user_cohort", {}, "power_user_cohort"],
    ["completion_drop", {}, "completion_drop:success:5pp"],
    ["cost_rise", { where: { workflow: "refund" } }, "cost_rise:cost_per_task@workflow=refund:20%"],
    ["refund_workflow_broken", {}, "refund_workflow_broken:success@workflow=refund:40pp:0.5pp"],
    ["diversity_collapse", {}, "diversity_collapse:click_through_rate:23%:20%"],
    ["load_dependent", {}, "load_dependent:latency:50%:25%"],
    ["novelty", {}, "novelty:success:5pp:better:24h"],
    ["slow_burn", {}, "slow_burn:success:5pp:7d"],
    ["lucky_first_hour", { by: "3pp" }, "lucky_first_hour:success:3pp:1h"],
  ])("%s %j is %s", (name, written, expected) => {
    expect(built(name, written).name).toBe(expected);
  });
});

describe("several harms", () => {
  const traffic = clusteredTraffic({ users: 100 });
  const harms: readonly Harm[] = [
    { metric: success, size: { kind: "absolute", loss: 0.05 }, where: [] },
    { metric: cost, size: { kind: "relative", factor: 1.2 }, where: [] },
    { metric: errors, size: { kind: "relative", factor: 3 }, where: [] },
    { metric: latency, size: { kind: "absolute", loss: 200 }, where: [] },
  ];
  const together = (some: readonly Harm[]) => candidateValues({ kind: "harm", name: "s", harms: some }, traffic);

  it("in different metrics are each what it is alone, in any order", () => {
    const alone = harms.map((harm, m) => together([harm])[m]);
    fc.assert(
      fc.property(fc.shuffledSubarray([...harms], { minLength: harms.length }), (order) => {
        expect(together(order)).toEqual(alone);
      }),
      { numRuns: 10 },
    );
  });

  it("in one metric come on top of each other", () => {
    const { control } = traffic.metrics[1] as (typeof traffic.metrics)[number];
    const twice: readonly Harm[] = [
      { metric: cost, size: { kind: "relative", factor: 2 }, where: [] },
      { metric: cost, size: { kind: "absolute", loss: 1 }, where: [] },
    ];
    expect(value(cost, together(twice)[1] as Values)).toBeCloseTo(2 * value(cost, control) + 1, 10);
    const [first] = harms as [Harm];
    const loss = (some: readonly Harm[]) =>
      value(success, traffic.metrics[0]?.control as Values) - value(success, together(some)[0] as Values);
    expect(loss([first, first])).toBeCloseTo(2 * loss([first]), 10);
  });
});
