import type { Result } from "../../reports/result.ts";
import {
  atMargin,
  estimate,
  harmlessSegments,
  metric,
  metrics,
  rate,
  result,
  scenario,
  undetermined,
} from "./result.ts";

/** A result for each verdict. */
export const cases: Readonly<Record<Result["verdict"]["decision"], Result>> = {
  go: go(),
  hold: hold(),
  "no-go": result(),
  "cannot-tell": cannotTell(),
};

function go(): Result {
  return result({
    verdict: {
      decision: "go",
      reasons: [
        "every metric is inside its margin, and no segment is shown beyond one",
        "no budget is missed by the plan: false rollback 5 %, missed regression 10 %, false stop 20 %",
      ],
      exitCode: 0,
    },
    comparison: { segments: harmlessSegments(), notes: [] },
  });
}

/** A benchmark's log without times, judged by point estimates. */
function hold(): Result {
  const unitsExposed = { p10: 118, p50: 124, p90: 131 };
  return result({
    name: "retail benchmark: gpt-3.5 → gpt-4o",
    run: {
      policies: { control: "gpt-3.5 as recorded", candidate: "gpt-4o as recorded" },
      command: "foretaste rehearse examples/retail/foretaste.yaml --seed retail",
      seed: "retail",
    },
    trust: {
      checks: [
        {
          name: "sessions in both lanes",
          status: "warn",
          figure: "115 matched, 0 only in control, 2 only in candidate",
          threshold: "at least half matched",
          why: "unmatched sessions are left out of every figure",
        },
        {
          name: "length of the log",
          status: "warn",
          figure: "the plan may go around the log 3 times",
          threshold: "1 time",
          why: "later laps repeat the log with new units; rates that rest on them are not certified",
        },
      ],
    },
    verdict: {
      decision: "hold",
      reasons: [
        "cost_per_task: whether it stays inside its margin of 20% is not shown",
        "gate offline is not passed: completion_rate has 115 of 200 paired sessions",
        "missed regression under at_margin:completion_rate: 48.2 % of rollouts, the budget is 10 %",
        "false rollback under no_change: 31 % of rollouts, the budget is 5 %",
        "false stop under no_change: 31 % of rollouts, the budget is 20 %",
      ],
      exitCode: 10,
    },
    traffic: {
      arrivals: "500 sessions a day, flat",
      assignBy: "session",
      requests: 1380,
      sessions: 115,
      units: 115,
      imports: [imported("control", "gpt-3.5.json"), imported("candidate", "gpt-4o.json")],
      statuses: [
        { lane: "control", status: "ok", requests: 1380 },
        { lane: "candidate", status: "ok", requests: 1292 },
      ],
      failedSessions: { control: 0, candidate: 0 },
      unmatched: { control: 0, candidate: 2 },
    },
    plan: {
      assignBy: "session",
      salt: "retail-gpt-4o",
      guardrails: [
        { key: "completion_rate", margin: "5pp", better: "higher" },
        { key: "cost_per_task", margin: "20%", better: "lower" },
      ],
      gates: [
        {
          name: "offline",
          metrics: ["completion_rate"],
          minimumSample: 200,
          passed: false,
          why: "completion_rate has 115 of 200 paired sessions",
        },
      ],
      rule: { evidence: "point", onTimeout: "promote", rollbackFloor: 30, leak: 0.25 },
    },
    comparison: {
      sessions: 115,
      units: 115,
      metrics: [
        metric({
          control: 0.339,
          candidate: 0.609,
          difference: estimate(0.27, 0.125),
          relative: estimate(0.795, 0.49),
          pValue: 3e-6,
          test: "McNemar, exact",
          paired: { both: 31, controlOnly: 8, candidateOnly: 39, neither: 37 },
          n: { control: 115, candidate: 115, pairs: 115, units: 115 },
        }),
        metric({
          name: "cost_per_task",
          kind: "mean",
          better: "lower",
          measuredIn: "USD",
          control: 0.104,
          candidate: 0.121,
          difference: estimate(0.017, 0.0143),
          relative: estimate(0.163, 0.137),
          pValue: 0.021,
          test: "Welch on units",
          n: { control: 115, candidate: 115, pairs: 115, units: 115 },
          margin: "20%",
          reading: "unresolved",
        }),
      ],
      segments: [],
      notes: [],
    },
    scenarios: [
      scenario({ rollback: rate(0), stop: rate(0), unitsExposed }),
      scenario({
        name: "no_change",
        unitsExposed,
        rollback: rate(0.31),
        stop: rate(0),
        wrong: { kind: "false rollback", rate: rate(0.31), budget: 0.05, verdict: "missed" },
        falseStop: { rate: rate(0.31), budget: 0.2, verdict: "missed" },
      }),
      atMargin("completion_rate", 0.482),
      atMargin("cost_per_task", 0.09),
    ],
    simulation: {
      laps: 3,
      notes: ["cost_per_task has no room for harm in 2 of 115 sessions"],
    },
  });
}

function imported(role: string, file: string): Result["traffic"]["imports"][number] {
  return { role, files: [file], records: 115, kept: 115, excluded: 0, quarantined: 0, reasons: [], notes: [] };
}

/** The candidate's log lacks the costs of many sessions. */
function cannotTell(): Result {
  const [completion, toolErrors, , latency, failures] = metrics() as [...ReturnType<typeof metrics>];
  const why = "one lane lacks values that the other has: what is left is not the same traffic";
  const cost = metric({
    name: "cost_per_task",
    kind: "mean",
    better: "lower",
    measuredIn: "USD",
    control: 0.0421,
    candidate: null,
    difference: undetermined("candidate has no unit with a value"),
    relative: undetermined("candidate has no unit with a value"),
    pValue: null,
    test: "none",
    n: { control: 3990, candidate: 0, pairs: 0, units: 2906 },
    missing: { control: 10, candidate: 4000 },
    margin: "20%",
    reading: "unresolved",
  });
  const figure = "10 in control, 4000 in candidate (p 0.0)";
  return result({
    verdict: {
      decision: "cannot-tell",
      reasons: [`missing values of cost_per_task: ${figure}; ${why}`],
      exitCode: 12,
    },
    trust: {
      checks: [
        ...result().trust.checks.filter(({ name }) => !name.startsWith("missing")),
        { name: "missing values of cost_per_task", status: "fail", figure, threshold: "p at least 0.001", why },
      ],
    },
    comparison: {
      metrics: [completion, toolErrors, cost, latency, failures].filter((own) => own !== undefined),
      segments: harmlessSegments(),
      notes: [],
    },
    scenarios: result().scenarios.map((own) =>
      own.name === "at_margin:cost_per_task"
        ? {
            ...own,
            promote: undetermined("no replicates"),
            rollback: undetermined("no replicates"),
            stop: undetermined("no replicates"),
            wrong: {
              ...(own.wrong as NonNullable<typeof own.wrong>),
              rate: undetermined("no replicates"),
              verdict: "not separated",
            },
          }
        : own,
    ),
  });
}
