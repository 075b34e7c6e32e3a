import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { judgeLooks } from "../../analysis/judge.ts";
import type { Look, MetricLook } from "../../plan/decide.ts";
import { parseMargin } from "../../plan/margin.ts";
import type { Metric } from "../../plan/metric.ts";
import type { Evidence, Plan } from "../../plan/plan.ts";
import type { ArmReading, Arms } from "../../plan/reading.ts";
import { sampleRatioChiSquared } from "../../statistics/anytime/sample-ratio.ts";
import { repository } from "../support/folders.ts";

/**
 * Thirty-nine real experiments of ASOS.com, cumulative moments of both arms at every look.
 *
 * Source: Liu, Cardoso, Couturier & McCoy (2021), Datasets for Online Controlled Experiments, NeurIPS Datasets track; CC-BY-4.0.
 */
export const asosFile = join(repository, "..", "shared", "data", "ab", "asos_digital_experiments_39of78.csv.gz");
export const asosIsThere = existsSync(asosFile);

const dayMs = 86_400_000;

interface Row {
  readonly metric: number;
  readonly day: number;
  readonly count: Arms<number>;
  readonly mean: Arms<number>;
  readonly variance: Arms<number>;
}

/** One variant against its control. */
export interface Experiment {
  readonly name: string;
  /** numbers of its metrics, 1 to 4 */
  readonly metrics: readonly number[];
  /** by day, rising; each with a row per metric that was read then */
  readonly looks: readonly { readonly day: number; readonly rows: readonly Row[] }[];
}

export function asosExperiments(): Experiment[] {
  const [header = "", ...lines] = gunzipSync(readFileSync(asosFile)).toString("utf8").trim().split("\n");
  const columns = header.split(",");
  const pairs = new Map<string, Row[]>();
  for (const line of lines) {
    const fields = line.split(",");
    const text = (column: string) => fields[columns.indexOf(column)] ?? "";
    // an empty variance is missing, not zero
    const value = (column: string) => (text(column) === "" ? Number.NaN : Number(text(column)));
    const both = (what: string) => ({ control: value(`${what}_c`), candidate: value(`${what}_t`) });
    const name = `${text("experiment_id")}/${text("variant_id")}`;
    const rows = pairs.get(name) ?? [];
    rows.push({
      metric: value("metric_id"),
      day: value("time_since_start"),
      count: both("count"),
      mean: both("mean"),
      variance: both("variance"),
    });
    pairs.set(name, rows);
  }
  return [...pairs].map(([name, rows]) => ({
    name,
    metrics: [...new Set(rows.map(({ metric }) => metric))].sort(),
    looks: [...new Set(rows.map(({ day }) => day))]
      .sort((a, b) => a - b)
      .map((day) => ({ day, rows: rows.filter((row) => row.day === day) })),
  }));
}

/** One stage at 50 %, margins of 1 % of the control's value, as long as the experiment and looked at as often. */
export function asosPlan({ metrics, looks }: Experiment, evidence: Evidence): Plan {
  const days = looks.map(({ day }) => day);
  const lastDay = days.at(-1) as number;
  const every = lastDay / days.length;
  return {
    assignBy: "user",
    salt: "asos",
    primary: "metric_1",
    guardrails: metrics.map((number) => {
      const metric: Metric = {
        name: `metric_${number}`,
        kind: number === 1 ? "proportion" : "mean",
        value: "",
        better: "higher",
        matureAfterMs: 0,
        whenFailed: "missing",
      };
      const margin = parseMargin("1%", metric);
      if ("problem" in margin) throw new RangeError(margin.problem);
      const spending = { kind: number === 1 ? "obrien-fleming" : "pocock" } as const;
      return { key: metric.name, metric, margin, written: "1%", spending, weight: 1 };
    }),
    gates: [],
    stages: [
      {
        kind: "controlled",
        name: "half",
        exposure: 0.5,
        where: [],
        minimumMs: 0,
        maximumMs: lastDay * dayMs,
        minimumSample: 1,
        lookEveryMs: every * dayMs,
        weight: 1,
      },
      { kind: "full", name: "full", hotStandbyMs: 0 },
    ],
    rule: { evidence, onTimeout: "hold", rollbackFloor: 30, leak: 0.25 },
    budgets: { falseRollback: 0.05, missedRegression: 0.1, falseStop: 0.2 },
  };
}

/** The looks of an experiment as the rule takes them. */
export function asosLooks({ metrics, looks }: Experiment): Look[] {
  const last = looks.at(-1)?.day;
  return looks.map(({ day, rows }) => {
    const counts = rows.reduce((most, { count }) => (count.control > most.control ? count : most), none);
    return {
      stage: 0,
      elapsedMs: day * dayMs,
      last: day === last,
      units: counts,
      firstSeen: counts,
      unitsInBothArms: 0,
      metrics: metrics.map((number) => metricLook(rows.find(({ metric }) => metric === number))),
    };
  });
}

const none: Arms<number> = { control: 0, candidate: 0 };

function metricLook(row: Row | undefined): MetricLook {
  const arm = (lane: "control" | "candidate"): ArmReading => ({
    estimate: row?.mean[lane] ?? Number.NaN,
    standardError: row ? Math.sqrt(row.variance[lane] / row.count[lane]) : Number.NaN,
    effectiveSample: row?.count[lane] ?? 0,
  });
  return { control: arm("control"), candidate: arm("candidate"), units: row?.count ?? none, missing: none };
}

/** How one kind of evidence would have ended an experiment, beside a single test of its last look. */
export interface AsosEnd {
  readonly action: "rollback" | "promote" | "hold" | "void";
  /** share of the experiment's time */
  readonly at: number;
  readonly atLastLook: "rollback" | "promote" | "hold" | "void";
}

export function asosEnd(experiment: Experiment, evidence: Evidence): AsosEnd {
  const looks = asosLooks(experiment);
  const { decisions, ended } = judgeLooks(asosPlan(experiment, evidence), looks);
  const at = ended ?? decisions.length - 1;
  const single = judgeLooks(asosPlan(experiment, "fixed"), looks.slice(-1)).decisions[0];
  return {
    action: wordOf(decisions[at]),
    at: (experiment.looks[at]?.day ?? 0) / (experiment.looks.at(-1)?.day ?? 1),
    atLastLook: wordOf(single),
  };
}

function wordOf(decision: ReturnType<typeof judgeLooks>["decisions"][number] | undefined): AsosEnd["action"] {
  if (!decision) throw new RangeError("an experiment has no look");
  const broken =
    decision.action === "hold" && decision.waitingFor.includes("the sample ratio does not fit the exposure");
  return broken ? "void" : decision.action;
}

/** The table of docs/judging.md. */
export function asosTable(experiments: readonly Experiment[]): string {
  const rows = (["fixed", "sequential", "always-valid"] as const).map((evidence) => {
    const ends = experiments.map((own) => asosEnd(own, evidence));
    const trusted = ends.filter(({ atLastLook }) => atLastLook !== "void");
    const early = trusted.filter(({ action, at }) => at < 1 && (action === "rollback" || action === "promote"));
    const against = early.filter(({ action, atLastLook }) => action !== atLastLook);
    const count = (action: string) => early.filter((own) => own.action === action).length;
    const times = early.map(({ at }) => at).sort((a, b) => a - b);
    const median =
      times.length === 0 ? "–" : `${Math.round(100 * (times[Math.floor((times.length - 1) / 2)] as number))} %`;
    return `| \`${evidence}\` | ${trusted.length} | ${count("rollback")} | ${count("promote")} | ${median} | ${against.length} |`;
  });
  return [
    "| evidence | pairs | rolled back early | promoted early | median time of these | of these against the last look |",
    "|---|--:|--:|--:|--:|--:|",
    ...rows,
  ].join("\n");
}

/** Experiments whose split does not fit a half: by a test that may be looked at any number of times, and by Pearson's at the end. */
export function asosMismatches(experiments: readonly Experiment[]) {
  const sequential = experiments.filter((own) => {
    const { decisions } = judgeLooks(asosPlan(own, "fixed"), asosLooks(own));
    return decisions.some((decision) => wordOf(decision) === "void");
  });
  const atTheEnd = experiments.filter((own) => {
    const { firstSeen } = asosLooks(own).at(-1) as Look;
    const test = sampleRatioChiSquared([firstSeen.candidate, firstSeen.control], [0.5, 0.5]);
    return test.status === "ok" && test.pValue < 0.001;
  });
  return { sequential, atTheEnd };
}
