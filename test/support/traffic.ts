import type { Metric } from "../../plan/metric.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Attribute, Outcomes, Values } from "../../shadow/outcomes.ts";
import { randomStream, studyKey } from "../../statistics/random-stream.ts";

export const success: Metric = {
  name: "success",
  kind: "proportion",
  value: "",
  better: "higher",
  matureAfterMs: 0,
  whenFailed: "worst",
};

export const cost: Metric = {
  name: "cost",
  kind: "mean",
  value: "",
  better: "lower",
  matureAfterMs: 0,
  whenFailed: "missing",
};

export const errors: Metric = {
  name: "errors",
  kind: "ratio",
  numerator: "",
  denominator: "",
  better: "lower",
  matureAfterMs: 0,
  whenFailed: "missing",
};

export const latency: Metric = {
  name: "latency",
  kind: "quantile",
  quantile: 0.95,
  value: "",
  better: "lower",
  measuredIn: "ms",
  matureAfterMs: 0,
  whenFailed: "missing",
};

/**
 * A fortnight of clustered traffic: users come back, and their outcomes are alike.
 *
 * Success has a user effect (some users nearly always succeed), cost a lognormal user effect, errors are counts among
 * calls; sessions last up to two hours.
 */
export function clusteredTraffic({
  seed = "traffic",
  users = 1500,
  sessionsPerUser = 4,
  days = 7,
}: {
  seed?: string;
  users?: number;
  sessionsPerUser?: number;
  days?: number;
} = {}): Outcomes {
  const random = randomStream(studyKey(seed), 99, 0);
  const sessions: {
    at: number;
    end: number;
    unit: number;
    success: number;
    cost: number;
    errors: number;
    calls: number;
    values: number[];
  }[] = [];
  for (let unit = 0; unit < users; unit++) {
    const skill = random() ** 0.5;
    const price = Math.exp(0.5 * normal(random));
    const own = 1 + Math.floor(-Math.log(1 - random()) * (sessionsPerUser - 1));
    for (let k = 0; k < own; k++) {
      const at = Math.floor(random() * days * 86_400_000);
      const calls = 1 + Math.floor(random() * 6);
      sessions.push({
        at,
        end: at + Math.floor(random() ** 4 * 7_200_000),
        unit,
        success: random() < 0.4 + 0.55 * skill ? 1 : 0,
        cost: price * (0.5 + random()),
        errors: Array.from({ length: calls }, () => (random() < 0.12 * (1.2 - skill) ? 1 : 0)).reduce<number>(
          (a, b) => a + b,
          0,
        ),
        calls,
        values: Array.from({ length: calls }, () => Math.exp(6 + 0.4 * Math.log(price) + 0.6 * normal(random))),
      });
    }
  }
  sessions.sort((a, b) => a.at - b.at);
  const sums = (numerator: (i: number) => number, denominator: (i: number) => number): Values => ({
    kind: "sums",
    numerator: Float64Array.from(sessions, (_, i) => numerator(i)),
    denominator: Float64Array.from(sessions, (_, i) => denominator(i)),
    missing: new Uint8Array(sessions.length),
  });
  const at = (i: number) => sessions[i] as (typeof sessions)[number];
  const offsets = new Int32Array(sessions.length + 1);
  sessions.forEach(({ values }, i) => {
    offsets[i + 1] = (offsets[i] as number) + values.length;
  });
  const both = (metric: Metric, values: Values) => ({ metric, control: values, candidate: values });
  return {
    sessions: sessions.map((_, i) => `s${i}`),
    unit: Int32Array.from(sessions, ({ unit }) => unit),
    unitNames: Array.from({ length: users }, (_, unit) => `u${unit}`),
    arrivalMs: Float64Array.from(sessions, (session) => session.at),
    endMs: Float64Array.from(sessions, (session) => session.end),
    attributes: new Map<string, Attribute>(),
    metrics: [
      both(
        success,
        sums(
          (i) => at(i).success,
          () => 1,
        ),
      ),
      both(
        cost,
        sums(
          (i) => at(i).cost,
          () => 1,
        ),
      ),
      both(
        errors,
        sums(
          (i) => at(i).errors,
          (i) => at(i).calls,
        ),
      ),
      both(latency, { kind: "requests", offsets, values: Float64Array.from(sessions.flatMap(({ values }) => values)) }),
    ],
  };
}

const hour = 3_600_000;

/** Three stages with looks every six hours. */
export function smallPlan(overrides: Partial<Plan> = {}): Plan {
  return {
    assignBy: "user",
    salt: "test",
    primary: "success",
    guardrails: [
      {
        key: "success",
        metric: success,
        margin: { kind: "absolute", loss: 0.08 },
        written: "8pp",
        spending: { kind: "pocock" },
        weight: 1,
      },
      {
        key: "cost",
        metric: cost,
        margin: { kind: "relative", factor: 1.25 },
        written: "25%",
        spending: { kind: "pocock" },
        weight: 1,
      },
      {
        key: "errors",
        metric: errors,
        margin: { kind: "relative", factor: 1.6 },
        written: "60%",
        spending: { kind: "pocock" },
        weight: 1,
      },
    ],
    gates: [],
    stages: [
      {
        kind: "controlled",
        name: "tenth",
        exposure: 0.1,
        where: [],
        weight: 1,
        minimumMs: 12 * hour,
        maximumMs: 36 * hour,
        minimumSample: 40,
        lookEveryMs: 6 * hour,
      },
      {
        kind: "controlled",
        name: "third",
        exposure: 0.3,
        where: [],
        weight: 1,
        minimumMs: 12 * hour,
        maximumMs: 48 * hour,
        minimumSample: 100,
        lookEveryMs: 6 * hour,
      },
      {
        kind: "controlled",
        name: "half",
        exposure: 0.5,
        where: [],
        weight: 1,
        minimumMs: 24 * hour,
        maximumMs: 48 * hour,
        minimumSample: 200,
        lookEveryMs: 12 * hour,
      },
      { kind: "full", name: "full", hotStandbyMs: 0 },
    ],
    rule: { evidence: "fixed", onTimeout: "hold", rollbackFloor: 30, leak: 0.25 },
    budgets: { falseRollback: 0.2, missedRegression: 0.1, falseStop: 0.2 },
    ...overrides,
  };
}

/** Box–Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
