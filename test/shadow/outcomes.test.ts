import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Values } from "../../shadow/outcomes.ts";
import {
  failureRate,
  mean,
  type Observed,
  type ObservedLanes,
  outcomesOf,
  proportion,
  quantile,
  ratio,
} from "../support/observations.ts";
import { refusal } from "../support/refusal.ts";

/** Values as they read: numerator/denominator of each session, `missing`, or the list of its requests' values. */
function shown(values: Values): (string | number[])[] {
  if (values.kind === "requests") {
    return [...values.offsets.slice(1)].map((end, i) => [...values.values.slice(values.offsets[i], end)]);
  }
  return [...values.numerator].map((top, i) => {
    const bottom = values.denominator[i] as number;
    if (values.missing[i] === 1) {
      // it must add nothing to a sum
      expect([top, bottom]).toEqual([0, 0]);
      return "missing";
    }
    return bottom === 1 ? String(top) : `${top}/${bottom}`;
  });
}

/** Two lanes that observed the same. */
const both = (rows: readonly Observed[], own: Partial<ObservedLanes> = {}): ObservedLanes => ({
  control: rows,
  candidate: rows,
  ...own,
});

describe("a metric of a session", () => {
  const rows: Observed[] = [
    { session: "a", done: false, cost: 1, calls: 2, errors: 1, latency_ms: 30 },
    { session: "a", done: true, cost: 0.5, calls: 4, errors: 0, latency_ms: 10 },
    { session: "b", done: false, cost: 0, calls: 3, errors: 3, latency_ms: 20 },
  ];

  it("is 0 or 1 for a proportion, one number for a mean, a sum over a sum, and a list of requests for a quantile", async () => {
    const { metric, outcomes } = await outcomesOf(
      both(rows, {
        metrics: [
          proportion("bool_or(done)"),
          mean("sum(cost)"),
          ratio("sum(errors)", "sum(calls)"),
          quantile("latency_ms"),
        ],
      }),
    );
    expect(outcomes.sessions).toEqual(["a", "b"]);
    expect(shown(metric("proportion").control)).toEqual(["1", "0"]);
    expect(shown(metric("mean").control)).toEqual(["1.5", "0"]);
    expect(shown(metric("ratio").control)).toEqual(["1/6", "3/3"]);
    expect(shown(metric("quantile").control)).toEqual([[30, 10], [20]]);
    for (const { control, candidate } of outcomes.metrics) expect(candidate).toEqual(control);
  });

  it("may use the order of requests, and several aggregates", async () => {
    const { metric } = await outcomesOf(
      both(rows, {
        metrics: [mean("first(latency_ms) - max(latency_ms) + count(*)"), ratio("arg_max(cost, seq)", "count(*)")],
      }),
    );
    expect(shown(metric("mean").control)).toEqual(["2", "1"]);
    expect(shown(metric("ratio").control)).toEqual(["0.5/2", "0"]);
  });

  it("is, for any observations, what adding up by hand gives", async () => {
    const observed = fc.record({
      session: fc.constantFrom("a", "b", "c", "d"),
      cost: fc.option(fc.integer({ min: -5, max: 5 })),
      latency_ms: fc.option(fc.integer({ min: 0, max: 9 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(observed, { minLength: 1, maxLength: 25 }), async (written) => {
        // the first rows make sure that each measure is there, and numbers
        const rows = [...["a", "b", "c", "d"].map((session) => ({ session, cost: 0, latency_ms: 0 })), ...written];
        const { metric, outcomes } = await outcomesOf(
          both(rows, { metrics: [mean("sum(cost)"), ratio("sum(cost)", "count(cost)"), quantile("latency_ms")] }),
        );
        const by = (session: string) => rows.filter((row) => row.session === session);
        const costs = (session: string) => by(session).flatMap(({ cost }) => (cost === null ? [] : [cost]));
        const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
        const { sessions } = outcomes;
        expect(metric("mean").control).toMatchObject({ numerator: Float64Array.from(sessions, (s) => sum(costs(s))) });
        expect(metric("ratio").candidate).toMatchObject({
          numerator: Float64Array.from(sessions, (s) => sum(costs(s))),
          denominator: Float64Array.from(sessions, (s) => costs(s).length),
        });
        const sorted = (lists: (string | number[])[]) => lists.map((list) => [...(list as number[])].sort());
        expect(sorted(shown(metric("quantile").control))).toEqual(
          sorted(sessions.map((s) => by(s).flatMap(({ latency_ms: own }) => (own === null ? [] : [own])))),
        );
      }),
      { numRuns: 12 },
    );
  });
});

describe("a value that is missing", () => {
  it("is never zero", async () => {
    const rows: Observed[] = [
      { session: "a", done: null, cost: null, latency_ms: null },
      { session: "b", done: true, cost: 0, latency_ms: 0 },
      { session: "c", done: false, cost: 2, latency_ms: null },
      { session: "c", done: null, cost: null, latency_ms: 7 },
    ];
    const { metric } = await outcomesOf(
      both(rows, {
        metrics: [
          proportion("bool_or(done)"),
          mean("sum(cost)"),
          ratio("sum(cost)", "count(cost) + sum(cost)"),
          quantile("latency_ms"),
        ],
      }),
    );
    expect(shown(metric("proportion").control)).toEqual(["missing", "1", "0"]);
    expect(shown(metric("mean").control)).toEqual(["missing", "0", "2"]);
    expect(shown(metric("ratio").control)).toEqual(["missing", "0", "2/3"]);
    expect(shown(metric("quantile").control)).toEqual([[], [0], [7]]);
  });

  it("may be every value of a metric", async () => {
    const { metric } = await outcomesOf(
      both([{ session: "a" }, { session: "b" }], { metrics: [quantile("latency_ms"), mean("max(latency_ms)")] }),
    );
    expect(shown(metric("quantile").control)).toEqual([[], []]);
    expect(shown(metric("mean").control)).toEqual(["missing", "missing"]);
  });

  it("is what divides by zero, too", async () => {
    const rows: Observed[] = [
      { session: "a", cost: 1, n: 0 },
      { session: "b", cost: 1, n: 2 },
    ];
    const { metric } = await outcomesOf(both(rows, { metrics: [mean("sum(cost) / sum(n)"), quantile("cost / n")] }));
    expect(shown(metric("mean").control)).toEqual(["missing", "0.5"]);
    expect(shown(metric("quantile").control)).toEqual([[], [0.5]]);
  });
});

describe("a session in which the policy failed", () => {
  const rows: Observed[] = [
    { session: "a", done: true, cost: 3, latency_ms: 5 },
    { session: "b", done: false, cost: 1, latency_ms: 9 },
    // what it did before it failed does not count
    { session: "c", done: true, cost: 9 },
    { session: "c", status: "error" },
  ];
  const candidate: Observed[] = [...rows.slice(0, 2), { session: "c", done: true, cost: 8, latency_ms: 50 }];
  const lanes = (...metrics: NonNullable<ObservedLanes["metrics"]>) =>
    outcomesOf({ control: rows, candidate, metrics });

  it.each([
    ["higher", "0"],
    ["lower", "1"],
  ] as const)("takes the worst value of a proportion, where %s is better", async (better, worst) => {
    const { metric } = await lanes(proportion("bool_or(done)", { better }));
    expect(shown(metric("proportion").control)).toEqual(["1", "0", worst]);
    expect(shown(metric("proportion").candidate)).toEqual(["1", "0", "1"]);
  });

  it("is missing for a mean and a ratio", async () => {
    const { metric } = await lanes(mean("sum(cost)"), ratio("sum(cost)", "count(*) + sum(cost)"));
    expect(shown(metric("mean").control)).toEqual(["3", "1", "missing"]);
    expect(shown(metric("ratio").control)).toEqual(["3/4", "1/2", "missing"]);
  });

  it("is missing for a proportion that says so", async () => {
    const { metric } = await lanes(proportion("bool_or(done)", { whenFailed: "missing" }));
    expect(shown(metric("proportion").control)).toEqual(["1", "0", "missing"]);
  });

  it.each([
    ["higher", "1", [5]],
    ["lower", "8", [50]],
  ] as const)(
    "takes the worst value seen in either lane where the metric says so and %s is better",
    async (better, worst, slowest) => {
      const own = { better, whenFailed: "worst" } as const;
      const { metric } = await lanes(mean("sum(cost)", own), quantile("latency_ms", own));
      expect(shown(metric("mean").control)).toEqual(["3", "1", worst]);
      expect(shown(metric("quantile").control)).toEqual([[5], [9], slowest]);
      expect(shown(metric("mean").candidate)).toEqual(["3", "1", "8"]);
    },
  );

  it("is failed by any of its requests, counts in the failure rate, and its failed requests have no latency", async () => {
    const control: Observed[] = [
      { session: "a", latency_ms: 1 },
      { session: "a", status: "timeout", latency_ms: 999 },
      { session: "a", status: "skipped" },
      { session: "b", latency_ms: 2 },
      { session: "c", status: "error", latency_ms: 999 },
    ];
    const fine: Observed[] = ["a", "b", "c"].map((session) => ({ session, latency_ms: 3 }));
    const { metric, summary } = await outcomesOf({
      control,
      candidate: fine,
      metrics: [failureRate, quantile("latency_ms")],
    });
    expect(shown(metric("failure_rate").control)).toEqual(["1", "0", "1"]);
    expect(shown(metric("failure_rate").candidate)).toEqual(["0", "0", "0"]);
    expect((metric("quantile").control as { values: Float64Array }).values).not.toContain(999);
    expect(summary.failedSessions).toEqual({ control: 2, candidate: 0 });
    expect([...summary.failed.control]).toEqual([1, 0, 1]);
    expect(summary.statuses).toEqual([
      { lane: "control", status: "error", requests: 1 },
      { lane: "control", status: "ok", requests: 2 },
      { lane: "control", status: "skipped", requests: 1 },
      { lane: "control", status: "timeout", requests: 1 },
      { lane: "candidate", status: "ok", requests: 3 },
    ]);
  });
});

describe("sessions of two lanes", () => {
  it("are joined; those of one lane only are counted, and numbers of requests may differ", async () => {
    const { outcomes, summary, metric } = await outcomesOf({
      control: [
        { session: "a", n: 1 },
        { session: "only control", n: 1 },
        { session: "b", n: 2 },
        { session: "b", n: 3 },
      ],
      candidate: [
        { session: "b", n: 10 },
        { session: "x", n: 1 },
        { session: "y", n: 1 },
        { session: "a", n: 20 },
      ],
      metrics: [mean("sum(n)")],
    });
    expect(outcomes.sessions).toEqual(["a", "b"]);
    expect(shown(metric("mean").control)).toEqual(["1", "5"]);
    expect(shown(metric("mean").candidate)).toEqual(["20", "10"]);
    expect(summary.unmatched).toEqual({ control: 1, candidate: 2 });
  });

  it("that have none in common are refused", async () => {
    const lanes = { control: [{ session: "a", n: 1 }], candidate: [{ session: "b", n: 1 }], metrics: [mean("sum(n)")] };
    expect(await refusal(() => outcomesOf(lanes))).toMatch(/^control and candidate: no session is in both lanes; /);
  });

  it("keep units, times and attributes, with (missing) for none", async () => {
    const rows = ["a", "b", "c"].map((session) => ({ session, n: 1 }));
    const { outcomes } = await outcomesOf(
      both(rows, {
        metrics: [mean("sum(n)")],
        attributes: { a: { plan: "pro", "q/~": "x" }, b: { plan: null, "q/~": "y" }, c: { plan: "pro", "q/~": "x" } },
      }),
    );
    const texts = (own: string) => {
      const { names, codes } = outcomes.attributes.get(own) as { names: readonly string[]; codes: Int32Array };
      return [...codes].map((code) => names[code]);
    };
    expect(texts("plan")).toEqual(["pro", "(missing)", "pro"]);
    expect(texts("q/~")).toEqual(["x", "y", "x"]);
    expect([...outcomes.unit].map((unit) => outcomes.unitNames[unit])).toEqual(
      rows.map(({ session }) => `unit of ${session}`),
    );
    expect([...outcomes.arrivalMs]).toEqual([0, 1, 2].map((hour) => Date.UTC(2026, 0, 5, hour)));
    expect([...outcomes.endMs]).toEqual([0, 1, 2].map((hour) => Date.UTC(2026, 0, 5, hour, 30)));
  });

  it("may lie in several shards, of which some lack a measure", async () => {
    const { metric } = await outcomesOf({
      control: [[{ session: "a", n: 1 }], [{ session: "b" }]],
      candidate: [[{ session: "a" }], [{ session: "b", n: 2 }]],
      metrics: [mean("sum(n)")],
    });
    expect(shown(metric("mean").control)).toEqual(["1", "missing"]);
    expect(shown(metric("mean").candidate)).toEqual(["missing", "2"]);
  });
});

describe("a metric is refused at its place", () => {
  const rows: Observed[] = [{ session: "a", completed: true, cost: 1, note: "x" }];

  it.each([
    [
      "that reads an unknown column",
      mean("sum(cots)"),
      /^foretaste\.yaml:mean: metric mean reads cots, which no lane reports; did you mean cost\?$/,
    ],
    [
      "that reads a column far from any known one",
      mean("sum(tokens)"),
      /which no lane reports; known are .*completed.*cost/,
    ],
    ["that is a scalar", mean("cost"), /^foretaste\.yaml:mean: "cost" is not an aggregate; write one aggregate/],
    [
      "that is an aggregate where requests count",
      quantile("sum(cost)"),
      /^foretaste\.yaml:quantile: "sum\(cost\)" is an aggregate; /,
    ],
    ["that is a statement", mean("sum(cost); drop table control"), /is not a SQL expression/],
    ["that adds texts", mean("sum(note)"), /^foretaste\.yaml:mean: .*cannot be computed: .+; check /s],
    ["whose text is no number", mean("max(note)"), /^foretaste\.yaml:mean: .*cannot be computed: .+; check /s],
    [
      "with a proportion that is no 0 or 1",
      proportion("sum(cost) + 1"),
      /^metric proportion: is a proportion, but a session of control has the value 2; .* use kind: mean/,
    ],
  ])("%s", async (_, metric, message) => {
    expect(await refusal(() => outcomesOf(both(rows, { metrics: [metric] })))).toMatch(message);
  });

  it("that one lane never reports", async () => {
    const [has, lacks] = [[{ session: "a", cost: 1 }], [{ session: "a", other: 1 }]];
    expect(await refusal(() => outcomesOf({ control: has, candidate: lacks, metrics: [mean("sum(cost)")] }))).toMatch(
      /^foretaste\.yaml:mean: metric mean reads cost, which control reports and candidate never does; make candidate report it/,
    );
    expect(await refusal(() => outcomesOf({ control: lacks, candidate: has, metrics: [mean("sum(cost)")] }))).toMatch(
      /reads cost, which candidate reports and control never does; make control report it/,
    );
  });

  it("that has two types, in two lanes or in two shards", async () => {
    const [number, text] = [[{ session: "a", n: 1 }], [{ session: "a", n: "1" }]];
    expect(await refusal(() => outcomesOf({ control: number, candidate: text, metrics: [] }))).toMatch(
      /^measure n: is DOUBLE in control and .+ in candidate; return one type in both lanes$/,
    );
    expect(
      await refusal(() =>
        outcomesOf({ control: [number, [{ session: "b", n: "1" }]], candidate: number, metrics: [] }),
      ),
    ).toMatch(/: measure n of control is .+ in some shards and .+ in others; return one type$/);
  });
});
