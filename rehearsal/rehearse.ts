import { join, relative } from "node:path";
import { compare } from "../analysis/compare.ts";
import { Database } from "../io/duckdb.ts";
import { parquetFiles, writeTextFile } from "../io/run-folder.ts";
import { didYouMean } from "../plan/document.ts";
import { InputError } from "../plan/input-error.ts";
import type { Metric } from "../plan/metric.ts";
import { buildResult, comparisonResult, type OtherComparison, scenarioResult } from "../reports/build-result.ts";
import { htmlReport } from "../reports/html.ts";
import { markdownReport } from "../reports/markdown.ts";
import { replayNotes } from "../reports/replay-notes.ts";
import { type Result, resultSchema } from "../reports/result.ts";
import { type TrustCheck, trustChecks } from "../reports/trust.ts";
import { computeOutcomes, writeOutcomes } from "../shadow/compute-outcomes.ts";
import type { OutcomeSummary, Outcomes } from "../shadow/outcomes.ts";
import type { PolicyIdentity } from "../shadow/policy-version.ts";
import { observationsFolder } from "../shadow/shard-store.ts";
import type { Project } from "./project.ts";
import type { LaneName } from "./project-schema.ts";
import { type Imported, type Progress, type Replayed, replayProject } from "./replay-project.ts";
import { type Run, type RunOptions, runOfSameInputs } from "./run.ts";
import { type SimulationOptions, simulateOutcomes } from "./simulate-outcomes.ts";

/** Values of requests are put together by session, which does not spill. */
const outcomesMegabytes = 1024;

/** A run whose outcomes are there. */
export interface Measured extends Replayed {
  /** with the maturity that the labels showed */
  readonly project: Project;
  readonly outcomes: Outcomes;
  readonly summary: OutcomeSummary;
}

/** What {@link replayTraffic} returns: plain data. */
export interface ReplayResult {
  readonly run: Result["run"];
  readonly folder: string;
  readonly resumed: boolean;
  readonly imports: Imported["imports"];
  readonly sessions: Imported["sessions"];
  readonly replay: Replayed["replayed"];
  /** what else there is to know, in words */
  readonly notes: readonly string[];
}

/** What {@link compareLanes} returns: plain data. */
export interface CompareResult {
  readonly run: Result["run"];
  readonly traffic: Result["traffic"];
  readonly comparison: Result["comparison"];
}

/** What {@link simulatePlan} returns: plain data. */
export interface SimulateResult {
  readonly run: Result["run"];
  readonly scenarios: Result["scenarios"];
  readonly simulation: Result["simulation"];
}

/** A rehearsal's result, and where its reports lie. */
export interface Rehearsed {
  readonly result: Result;
  readonly folder: string;
  readonly reports: { readonly html: string; readonly markdown: string; readonly json: string };
}

/**
 * The main job: replay → compare → simulate → report.
 *
 * @throws InputError for anything wrong in the project's files or its logs
 */
export async function rehearse(
  written: Project,
  options: RunOptions & SimulationOptions,
  onProgress: Progress = () => {},
): Promise<Rehearsed> {
  const measured = await measure(written, options, onProgress);
  const { project } = measured;
  const comparison = compare(project.plan, measured.outcomes);
  const others = await otherComparisons(measured);
  const { scenarios, simulation, kept } = await simulateOutcomes(project, measured, options, onProgress);
  const { run } = measured;
  const result = resultSchema.parse(
    buildResult({
      name: project.name,
      run: runResult(project, measured.run),
      plan: project.plan,
      trust: trustOf(project, measured, simulation.laps),
      traffic: trafficResult(project, measured),
      outcomes: measured.outcomes,
      comparison,
      compared: project.compared,
      others,
      scenarios,
      simulation,
    }),
  );
  const reports = {
    html: join(run.folder, "report.html"),
    markdown: join(run.folder, "report.md"),
    json: join(run.folder, "result.json"),
  };
  writeTextFile(reports.json, `${JSON.stringify(result, null, 2)}\n`);
  writeTextFile(reports.markdown, markdownReport(result));
  writeTextFile(reports.html, htmlReport(result));
  kept.remove();
  return { result, folder: run.folder, reports };
}

/** Reads the traffic and replays it through both lanes; `resume` goes on where a killed run stopped. */
export async function replayTraffic(
  project: Project,
  options: RunOptions,
  onProgress: Progress = () => {},
): Promise<ReplayResult> {
  const { run, imported, replayed, responses } = await replayProject(project, options, onProgress);
  return {
    run: runResult(project, run),
    folder: run.folder,
    resumed: run.resumed,
    ...imported,
    replay: replayed,
    notes: replayNotes({ ...imported, replayed, responses }),
  };
}

/** Replays the project and compares its lanes. */
export async function compareLanes(
  project: Project,
  options: RunOptions,
  onProgress: Progress = () => {},
): Promise<CompareResult> {
  const measured = await measure(project, options, onProgress);
  const comparison = comparisonResult(
    compare(project.plan, measured.outcomes),
    measured.outcomes,
    project.compared,
    await otherComparisons(measured),
  );
  return { run: runResult(project, measured.run), traffic: trafficResult(project, measured), comparison };
}

/** Replays the project and simulates its plan. */
export async function simulatePlan(
  written: Project,
  options: RunOptions & SimulationOptions,
  onProgress: Progress = () => {},
): Promise<SimulateResult> {
  const measured = await measure(written, options, onProgress);
  const { project } = measured;
  const { scenarios, simulation, kept } = await simulateOutcomes(project, measured, options, onProgress);
  kept.remove();
  return { run: runResult(project, measured.run), scenarios: scenarios.map(scenarioResult), simulation };
}

/**
 * The outcomes of the newest run of the same inputs that was measured whole; nothing is replayed.
 *
 * @returns undefined when there is none
 */
export async function measureExisting(project: Project, options: RunOptions): Promise<Measured | undefined> {
  const run = await runOfSameInputs(project, options);
  if (!run || parquetFiles(join(run.folder, "outcomes")).length === 0) return undefined;
  return measure(project, { ...options, resume: true }, () => {}, false);
}

/**
 * Replays the project and aggregates its observations to outcomes.
 *
 * @param keeps whether the outcomes are written to the run's folder
 */
export async function measure(
  written: Project,
  options: RunOptions,
  onProgress: Progress = () => {},
  keeps = true,
): Promise<Measured> {
  const replayed = await replayProject(written, options, onProgress);
  const project = matured(written, replayed.imported);
  onProgress("outcomes", 0, 1);
  const { folder } = replayed.run;
  // one thread: sums of doubles on two are not reproducible
  const database = await Database.open({ threads: 1, folders: [folder], memoryMegabytes: outcomesMegabytes });
  try {
    const measured = await outcomesOf(database, project, replayed, project.compared);
    requireSegments(project, measured.outcomes);
    if (keeps) await writeOutcomes(database, project.metrics, join(folder, "outcomes"));
    onProgress("outcomes", 1, 1);
    return { ...replayed, ...measured, project };
  } finally {
    await database.close();
  }
}

function outcomesOf(database: Database, project: Project, { run, replayed }: Replayed, lanes: Project["compared"]) {
  const stops = replayed.stopped.map(({ shard }) => shard);
  return computeOutcomes(
    database,
    {
      control: observationsFolder(run.folder, lanes.control),
      candidate: observationsFolder(run.folder, lanes.candidate),
    },
    join(run.folder, "sessions.parquet"),
    project.metrics,
    project.attributes.map(({ name }) => name),
    (metric) => project.place("metrics", metric),
    stops.length === 0 ? {} : { lastShard: Math.min(...stops) },
  );
}

/** The noise floor, and how well the control's replay repeats what production logged, where these lanes were replayed. */
async function otherComparisons(measured: Measured): Promise<OtherComparison[]> {
  const { project, run } = measured;
  const has = (lane: LaneName) => project.lanes.some((own) => own.lane === lane);
  const pairs: Project["compared"][] = [
    { control: "control", candidate: "control_again" },
    { control: "recorded", candidate: "control" },
  ];
  const found: OtherComparison[] = [];
  for (const lanes of pairs) {
    const compared = lanes.control === project.compared.control && lanes.candidate === project.compared.candidate;
    if (compared || !has(lanes.control) || !has(lanes.candidate)) continue;
    const database = await Database.open({ threads: 1, folders: [run.folder], memoryMegabytes: outcomesMegabytes });
    try {
      const { outcomes } = await outcomesOf(database, project, measured, lanes);
      found.push({ lanes, comparison: compare(project.plan, outcomes) });
    } finally {
      await database.close();
    }
  }
  return found;
}

/** The project with the maturity of the metrics that wait for labels. */
function matured(project: Project, { labels }: Imported): Project {
  const { maturedByLabels, metrics, plan } = project;
  const known = (metric: Metric): Metric =>
    maturedByLabels.includes(metric.name) ? { ...metric, matureAfterMs: labels?.matureAfterMs ?? 0 } : metric;
  const guardrails = plan.guardrails.map((guardrail) => ({ ...guardrail, metric: known(guardrail.metric) }));
  return { ...project, metrics: metrics.map(known), plan: { ...plan, guardrails } };
}

/** A segment of the plan or of a scenario that no session is in is a slip of the pen. */
function requireSegments({ plan, scenarios, place }: Project, { attributes }: Outcomes): void {
  const named = [
    ...plan.guardrails.flatMap(({ key, segment }) => (segment ? [{ by: `margins: ${key}`, segment }] : [])),
    ...scenarios.flatMap((own) =>
      own.kind === "harm" ? own.harms.flatMap(({ where }) => where.map((segment) => ({ by: own.name, segment }))) : [],
    ),
  ];
  for (const { by, segment } of named) {
    const names = attributes.get(segment.attribute)?.names ?? [];
    if (names.includes(segment.value)) continue;
    throw new InputError(
      place("plan"),
      `${by}: no session has ${segment.attribute}=${segment.value}`,
      didYouMean(segment.value, names.slice(0, 20)),
    );
  }
}

function trustOf(project: Project, { imported, outcomes, summary }: Measured, laps: number): TrustCheck[] {
  return trustChecks(imported.imports, imported.sessions, outcomes, summary, {
    quarantineLimit: project.quarantineLimit,
    laps,
  });
}

function trafficResult(
  { plan, arrivals, folder }: Project,
  { imported, replayed, responses, summary }: Measured,
): Result["traffic"] {
  const { imports, sessions } = imported;
  return {
    imports: imports.map((own) => ({
      ...own,
      files: own.files.map((file) => relative(folder, file)),
      reasons: [...own.reasons],
      notes: [...own.notes],
    })),
    requests: sessions.requests,
    sessions: sessions.sessions,
    units: sessions.units,
    assignBy: plan.assignBy,
    from: new Date(sessions.fromMs).toISOString(),
    until: new Date(sessions.untilMs).toISOString(),
    ...(arrivals === undefined ? {} : { arrivals: arrivals.written }),
    statuses: [...summary.statuses],
    failures: [...summary.failures],
    failedSessions: summary.failedSessions,
    unmatched: summary.unmatched,
    notes: replayNotes({ ...imported, replayed, responses, summary }),
  };
}

function runResult({ folder, compared }: Project, { manifest }: Run): Result["run"] {
  const { id, seed, planHash, startedAt, versions, command, inputs, policies } = manifest;
  const control = policies[compared.control] as PolicyIdentity;
  const candidate = policies[compared.candidate] as PolicyIdentity;
  return {
    id,
    seed,
    planHash,
    startedAt,
    ...versions,
    command,
    inputs: inputs.map((input) => ({ ...input, file: relative(folder, input.file) })),
    policies: { control: control.name, candidate: candidate.name },
    policyHashes: { control: control.hash, candidate: candidate.hash },
  };
}
