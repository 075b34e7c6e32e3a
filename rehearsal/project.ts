import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { filesMatching } from "../io/glob.ts";
import { isReservedMeasure, reservedMeasures } from "../io/tables.ts";
import { allComplaints, checkDocument, readDocument, type SourceDocument } from "../plan/document.ts";
import { InputError } from "../plan/input-error.ts";
import { failureRate, isComposition, type Metric, type MetricKind } from "../plan/metric.ts";
import { parsePlan } from "../plan/parse-plan.ts";
import type { Plan } from "../plan/plan.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { type Arrivals, diurnal, flat } from "../shadow/ingest/arrivals.ts";
import type { ColumnExpression } from "../shadow/ingest/map-records.ts";
import { parseJsonPath } from "../shadow/redaction/json-path.ts";
import { parsePattern, type RedactionRules } from "../shadow/redaction/rules.ts";
import { type CanarySource, canaryOf } from "./canary-source.ts";
import { statedScenarios } from "./project-scenarios.ts";
import { type LaneName, laneNames, projectSchema, type WrittenProject } from "./project-schema.ts";

/** Where requests come from, with their files found. */
export interface TrafficSource {
  readonly files: readonly string[];
  readonly session: ColumnExpression;
  readonly user?: ColumnExpression | undefined;
  readonly at?: ColumnExpression | undefined;
  readonly request?: ColumnExpression | undefined;
  readonly response?: ColumnExpression | undefined;
  /** recorded tool calls of a request */
  readonly tools?: ColumnExpression | undefined;
  readonly where?: string | undefined;
}

/** Where the labels come from. */
export interface LabelSource {
  readonly files: readonly string[];
  readonly key: ColumnExpression;
  /** of the traffic; its session unless stated */
  readonly on?: ColumnExpression | undefined;
  readonly at?: ColumnExpression | undefined;
  readonly where?: string | undefined;
  readonly values: Readonly<Record<string, ColumnExpression>>;
}

/** A lane's policy: a module to replay, or what a log recorded of it. */
export type LanePolicy =
  | { readonly kind: "module"; readonly module: string }
  | {
      readonly kind: "recorded";
      /** `traffic`: the requests' own records */
      readonly source: Omit<TrafficSource, "request" | "response" | "tools"> | "traffic";
      readonly failed?: ColumnExpression | undefined;
      readonly error?: ColumnExpression | undefined;
      readonly measures: Readonly<Record<string, ColumnExpression>>;
    };

/** How the traffic is replayed; shares are fractions. */
export interface ReplayOptions {
  /** of the units */
  readonly sample?: number | undefined;
  readonly timeoutMs: number;
  /** sessions in flight */
  readonly concurrency: number;
  readonly maxCalls?: number | undefined;
  readonly callsPerSecond?: number | undefined;
  readonly isolation: "thread" | "process";
  /** of each worker */
  readonly memoryMegabytes: number;
  readonly failureLimit: { readonly share: number; readonly sessions: number };
  readonly responses: "digest" | "store";
}

/** A rehearsal's project, checked, with every path absolute. */
export interface Project {
  readonly name: string;
  readonly folder: string;
  readonly file: string;
  /** undefined when both lanes are recorded: the requests are then the control's records */
  readonly traffic?: TrafficSource | undefined;
  readonly attributes: readonly { readonly name: string; readonly from: ColumnExpression }[];
  readonly arrivals?: (Arrivals & { readonly written: string }) | undefined;
  readonly quarantineLimit: number;
  readonly redact?: RedactionRules | undefined;
  readonly labels?: LabelSource | undefined;
  /** metrics whose values are known when the labels are */
  readonly maturedByLabels: readonly string[];
  /** in the order of {@link laneNames} */
  readonly lanes: readonly { readonly lane: LaneName; readonly policy: LanePolicy }[];
  /** the lanes that stand for control and candidate in every figure */
  readonly compared: { readonly control: LaneName; readonly candidate: LaneName };
  /** what a real canary logged */
  readonly canary?: CanarySource | undefined;
  readonly replay: ReplayOptions;
  /** those of the file, then the failure rate */
  readonly metrics: readonly Metric[];
  readonly plan: Plan;
  readonly planFile: string;
  readonly scenarios: readonly Scenario[];
  /** `file:line` of a value, for messages */
  readonly place: (...path: readonly PropertyKey[]) => string;
}

/**
 * Reads a project: a folder with `foretaste.yaml`, or the file itself.
 *
 * @param judging what the lanes are is not asked: only a real canary is judged
 * @throws InputError with every complaint
 */
export async function loadProject(
  path: string,
  { judging = false }: { readonly judging?: boolean } = {},
): Promise<Project> {
  const file = projectFile(path);
  const folder = dirname(file);
  const document = readDocument(
    readFileSync(file, "utf8"),
    file === resolve(path) ? path : join(path, "foretaste.yaml"),
  );
  const written = checkDocument(document, projectSchema);
  const place = (...keys: readonly PropertyKey[]) => document.place(keys);
  const metrics = [...metricsOf(written, document), failureRate];
  const attributes = Array.isArray(written.traffic.attributes)
    ? written.traffic.attributes.map((name) => ({ name, from: name as ColumnExpression }))
    : Object.entries(written.traffic.attributes).map(([name, from]) => ({ name, from }));
  const plan = readPlan(
    folder,
    written.plan,
    document,
    metrics,
    attributes.map(({ name }) => name),
  );
  const find = async (patterns: string | readonly string[], at: readonly PropertyKey[]) => [
    // a file that two patterns name is read once
    ...new Set(
      (await Promise.all([patterns].flat().map((pattern) => filesOf(folder, pattern, document.place(at))))).flat(),
    ),
  ];
  const traffic = await trafficOf(written, document, find);
  const replayed = written.control !== undefined && written.candidate !== undefined;
  const lanes = judging && !replayed ? [] : await lanesOf(written, document, folder, find, traffic);
  return {
    name: written.name,
    folder,
    file,
    traffic,
    attributes,
    arrivals: arrivalsOf(written, document, folder),
    quarantineLimit: written.traffic.quarantineLimit,
    redact: redactionOf(written, document),
    labels: await labelsOf(written, document, find, lanes),
    maturedByLabels: maturedByLabels(written, document),
    lanes,
    canary: canaryOf(written, document, lanes),
    compared:
      lanes.length === 0
        ? { control: "control", candidate: "candidate" }
        : comparedLanes(
            lanes.map(({ lane }) => lane),
            place("replay", "lanes"),
          ),
    replay: {
      sample: written.replay.sample,
      timeoutMs: written.replay.timeout,
      concurrency: written.replay.concurrency,
      maxCalls: written.replay.maxCalls,
      callsPerSecond: written.replay.callsPerSecond,
      isolation: written.replay.isolation,
      memoryMegabytes: written.replay.memory,
      failureLimit: written.replay.failureLimit,
      responses: written.replay.responses,
    },
    metrics,
    plan,
    planFile: resolve(folder, written.plan),
    scenarios: await statedScenarios(written, {
      folder,
      document,
      metrics,
      plan,
      attributes: attributes.map(({ name }) => name),
    }),
    place,
  };
}

function projectFile(path: string): string {
  const absolute = resolve(path);
  if (!existsSync(absolute))
    throw new InputError(path, "no such file or folder", "name a folder with a foretaste.yaml");
  if (!statSync(absolute).isDirectory()) return absolute;
  const file = join(absolute, "foretaste.yaml");
  if (!existsSync(file)) throw new InputError(path, "has no foretaste.yaml", "name the project's folder or its file");
  return file;
}

function readPlan(
  folder: string,
  plan: string,
  project: SourceDocument,
  metrics: readonly Metric[],
  attributes: readonly string[],
): Plan {
  const file = existingFile(folder, plan, project.place(["plan"]));
  const shown = join(dirname(project.file), plan);
  const parsed = parsePlan(readDocument(readFileSync(file, "utf8"), shown), { metrics, attributes });
  refuseCompositionSegments(parsed, shown);
  return parsed;
}

/**
 * Another plan, read with the project's metrics and attributes.
 *
 * @throws InputError when it is not one
 */
export function planOfFile({ metrics, attributes }: Project, file: string): Plan {
  if (!existsSync(file)) throw new InputError(file, "no such file", "name a plan");
  if (statSync(file).isDirectory()) throw new InputError(file, "is a folder", "name the plan's file in it");
  const parsed = parsePlan(readDocument(readFileSync(file, "utf8"), file), {
    metrics: metrics.filter(({ name }) => name !== failureRate.name),
    attributes: attributes.map(({ name }) => name),
  });
  refuseCompositionSegments(parsed, file);
  return parsed;
}

function metricsOf({ metrics }: WrittenProject, document: SourceDocument): Metric[] {
  const complaints: InputError[] = [];
  const found = Object.entries(metrics).flatMap(([name, written]): Metric[] => {
    const complain = (problem: string, wayOut: string) => {
      complaints.push(new InputError(document.place(["metrics", name]), problem, wayOut));
      return [];
    };
    const { kind, better, measuredIn, matureAfter, whenFailed, ...has } = written;
    const aKind = `${kind === "entropy" ? "an" : "a"} ${kind}`;
    const needed = neededKeys[kind];
    const lacking = needed.filter((key) => has[key] === undefined);
    const may: readonly MetricKey[] = kind === "calibration-error" ? [...needed, "bins"] : needed;
    const extra = metricKeys.filter((key) => has[key] !== undefined && !may.includes(key));
    if (name === failureRate.name)
      return complain(`the metric ${name} always exists`, "remove it, or call yours otherwise");
    if (/[@=]/.test(name)) return complain(`the metric name ${name} has a @ or =`, "these mark segments: rename it");
    if (lacking.length > 0)
      return complain(`metric ${name} has no ${lacking.join(" and no ")}`, `${aKind} needs ${needed.join(" and ")}`);
    if (extra.length > 0)
      return complain(`metric ${name} has a ${extra.join(" and a ")}`, `${aKind} has only ${may.join(" and ")}`);
    if (kind === "ratio" && whenFailed === "worst")
      return complain(`metric ${name} takes the worst value of a ratio`, "a ratio has none: remove whenFailed");
    const composed = kind in compositionUnits;
    if (composed && whenFailed === "worst")
      return complain(
        `metric ${name} takes the worst value of ${aKind}`,
        "a single session has none: failed sessions are missing, and the failure_rate counts them; remove whenFailed",
      );
    if (composed && measuredIn !== undefined)
      return complain(
        `metric ${name} is measured in ${measuredIn}`,
        `${aKind} is ${compositionUnits[kind] ? `in ${compositionUnits[kind]}` : "without a unit"}: remove measuredIn`,
      );
    if ((kind === "calibration-error" || kind === "drift") && better === "higher")
      return complain(
        `metric ${name} says that a higher ${kind} is better`,
        "it measures a fault: write better: lower",
      );
    const unit = compositionUnits[kind] ?? measuredIn;
    const common = {
      name,
      better,
      // that of labels is known when they are read
      matureAfterMs: matureAfter === "labels" ? 0 : matureAfter,
      whenFailed: whenFailed ?? (kind === "proportion" ? "worst" : "missing"),
      ...(unit === undefined ? {} : { measuredIn: unit }),
    } as const;
    // what the kind needs is there
    const own = Object.fromEntries(may.flatMap((key) => (has[key] === undefined ? [] : [[key, has[key]]])));
    return [{ ...common, kind, ...(kind === "calibration-error" ? { bins: 10 } : {}), ...own } as unknown as Metric];
  });
  if (complaints.length > 0) throw allComplaints(complaints);
  return found;
}

const metricKeys = [
  "value",
  "numerator",
  "denominator",
  "quantile",
  "draws",
  "catalogue",
  "probability",
  "outcome",
  "bins",
] as const;
type MetricKey = (typeof metricKeys)[number];

const neededKeys: Readonly<Record<MetricKind, readonly MetricKey[]>> = {
  proportion: ["value"],
  mean: ["value"],
  ratio: ["numerator", "denominator"],
  quantile: ["value", "quantile"],
  "distinct-share": ["value", "draws", "catalogue"],
  entropy: ["value"],
  "calibration-error": ["probability", "outcome"],
  drift: ["value"],
};

/** What the compositions are measured in. */
const compositionUnits: Readonly<Partial<Record<MetricKind, string | undefined>>> = {
  "distinct-share": undefined,
  entropy: "bits",
  "calibration-error": undefined,
  drift: "bits",
};

/** What a lane's requests make together differs inside a segment; the simulator has it for everyone. */
function refuseCompositionSegments({ guardrails }: Plan, file: string): void {
  const found = guardrails.find(({ metric, segment }) => segment !== undefined && isComposition(metric));
  if (!found) return;
  throw new InputError(
    `${file}: margins`,
    `${found.key} guards ${found.metric.kind === "entropy" ? "an" : "a"} ${found.metric.kind} in a segment, which is not simulated`,
    `guard ${found.metric.name} over all sessions; the comparison shows every segment`,
  );
}

function redactionOf({ traffic }: WrittenProject, document: SourceDocument): RedactionRules | undefined {
  const { redact } = traffic;
  if (redact === undefined) return undefined;
  const { kinds, paths, patterns } = Array.isArray(redact) ? { kinds: redact, paths: [], patterns: {} } : redact;
  const own = Object.entries(patterns).map(([name, pattern]) => ({ name, pattern }));
  const problems = [
    ...paths.map((path, i) => ({ read: parseJsonPath(path), at: ["traffic", "redact", "paths", i] })),
    ...own.map((pattern) => ({ read: parsePattern(pattern), at: ["traffic", "redact", "patterns", pattern.name] })),
  ].flatMap(({ read, at }) =>
    "problem" in read ? [new InputError(document.place(at), read.problem, read.wayOut)] : [],
  );
  if (problems.length > 0) throw allComplaints(problems);
  return { kinds, paths, patterns: own };
}

async function labelsOf(
  { traffic }: WrittenProject,
  document: SourceDocument,
  find: Find,
  lanes: Project["lanes"],
): Promise<LabelSource | undefined> {
  if (traffic.labels === undefined) return undefined;
  const { source, ...labels } = traffic.labels;
  for (const { lane, policy } of lanes) {
    if (policy.kind === "module") continue;
    if (labels.on !== undefined && policy.source !== "traffic")
      throw new InputError(
        document.place(["traffic", "labels", "on"]),
        `labels are joined by a column of the traffic, but ${lane} is read from a log by itself`,
        "join by the session: remove on",
      );
    const measures = new Map(Object.keys(policy.measures).map((measure) => [measure.toLowerCase(), measure]));
    for (const label of Object.keys(labels.values)) {
      const measure = measures.get(label.toLowerCase());
      if (measure !== undefined)
        throw new InputError(
          document.place(["traffic", "labels", "values", label]),
          `the label ${label} is called as the measure ${measure} of ${lane}`,
          "rename one of them",
        );
    }
  }
  return { files: await find(source, ["traffic", "labels", "source"]), ...labels };
}

function maturedByLabels({ metrics, traffic }: WrittenProject, document: SourceDocument): string[] {
  const names = Object.keys(metrics).filter((name) => metrics[name]?.matureAfter === "labels");
  const [first] = names;
  if (first === undefined) return names;
  const place = document.place(["metrics", first, "matureAfter"]);
  if (traffic.labels?.at === undefined)
    throw new InputError(
      place,
      "matureAfter: labels needs labels with times",
      "write traffic.labels with at: …, or a duration",
    );
  if (traffic.arrivals !== undefined)
    throw new InputError(
      place,
      "matureAfter: labels needs a log with times, not stated arrivals",
      "write a duration, as 24h",
    );
  return names;
}

type Find = (patterns: string | readonly string[], at: readonly PropertyKey[]) => Promise<readonly string[]>;

async function trafficOf(
  { traffic }: WrittenProject,
  document: SourceDocument,
  find: Find,
): Promise<TrafficSource | undefined> {
  if (traffic.source === undefined) return undefined;
  if (!traffic.columns)
    throw new InputError(
      document.place(["traffic"]),
      "traffic.columns is missing",
      "write columns: { session: conversation_id, … }",
    );
  return { files: await find(traffic.source, ["traffic", "source"]), ...traffic.columns, where: traffic.where };
}

/**
 * Which lanes stand for control and candidate: those of that name; what production logged for a control that is not replayed;
 * a second replay of the control for a candidate that is not there.
 */
function comparedLanes(lanes: readonly LaneName[], place: string): Project["compared"] {
  const has = (lane: LaneName) => lanes.includes(lane);
  const candidate = (["candidate", "control_again", "control"] as const).find(has);
  const control = (["control", "recorded"] as const).find((lane) => has(lane) && lane !== candidate);
  if (control && candidate) return { control, candidate };
  throw new InputError(
    place,
    `${lanes.join(" and ")} leave nothing to compare`,
    "write a lane to compare with: [control, candidate], [recorded, candidate], [control, control_again]",
  );
}

async function lanesOf(
  written: WrittenProject,
  document: SourceDocument,
  folder: string,
  find: Find,
  traffic: TrafficSource | undefined,
): Promise<Project["lanes"]> {
  const { lanes } = written.replay;
  const twice = lanes.find((lane, i) => lanes.indexOf(lane) !== i);
  const at = document.place(["replay", "lanes"]);
  if (twice) throw new InputError(at, `${twice} is named twice`, "remove one of them");
  for (const section of ["recorded", "control", "candidate"] as const) {
    if (written[section] === undefined || lanes.includes(section)) continue;
    if (section === "control" && lanes.includes("control_again")) continue;
    throw new InputError(
      document.place([section]),
      `there is a ${section}, but replay.lanes has no ${section}`,
      `write replay: { lanes: [${[...lanes, section].join(", ")}] }, or remove it`,
    );
  }
  const found: { lane: LaneName; policy: LanePolicy }[] = [];
  for (const lane of laneNames.filter((own) => lanes.includes(own))) {
    const section = lane === "control_again" ? "control" : lane;
    if (written[section] === undefined)
      throw new InputError(
        at,
        `the lane ${lane} has no ${section}: section`,
        `write ${section}: …, or leave the lane out`,
      );
    const policy =
      section === "recorded"
        ? recordedOf(written, document, traffic)
        : await laneOf(section, written, document, folder, find, traffic);
    if (lane === "control_again" && policy.kind === "recorded")
      throw new InputError(
        at,
        "control_again repeats a recorded control",
        "what was recorded is the same twice: leave it out",
      );
    if (!traffic && policy.kind === "module")
      throw new InputError(
        document.place(["traffic"]),
        "traffic.source is missing",
        "a policy module needs traffic to answer: write source: logs/*.jsonl",
      );
    found.push({ lane, policy });
  }
  return found;
}

/** What production logged of the traffic itself. */
function recordedOf(
  { recorded }: WrittenProject,
  document: SourceDocument,
  traffic: TrafficSource | undefined,
): LanePolicy {
  if (!traffic)
    throw new InputError(
      document.place(["recorded"]),
      "traffic.source is missing",
      "name the log: source: logs/*.jsonl",
    );
  const { failed, error, measures } = recorded as NonNullable<typeof recorded>;
  requireMeasureNames(Object.keys(measures), (measure) => document.place(["recorded", "measures", measure]));
  return { kind: "recorded", source: "traffic", failed, error, measures };
}

function requireMeasureNames(measures: readonly string[], place: (measure: string) => string): void {
  const reserved = measures.find(isReservedMeasure);
  if (reserved === undefined) return;
  throw new InputError(
    place(reserved),
    `the measure name ${reserved} is reserved`,
    `call it otherwise; reserved are ${[...reservedMeasures].join(", ")}`,
  );
}

async function laneOf(
  lane: "control" | "candidate",
  written: WrittenProject,
  document: SourceDocument,
  folder: string,
  find: Find,
  traffic: TrafficSource | undefined,
): Promise<LanePolicy> {
  const { module, recorded } = written[lane] as NonNullable<WrittenProject["control"]>;
  if (module !== undefined) {
    return { kind: "module", module: existingFile(folder, module, document.place([lane, "module"])) };
  }
  const { source, session, user, at, where, failed, error, measures } = recorded as NonNullable<typeof recorded>;
  const own = session ?? traffic?.session;
  const files = source === undefined ? traffic?.files : await find(source, [lane, "recorded", "source"]);
  if (!files)
    throw new InputError(
      document.place([lane, "recorded"]),
      `${lane}.recorded.source is missing`,
      "name the log, or give traffic.source",
    );
  if (own === undefined)
    throw new InputError(
      document.place([lane, "recorded"]),
      `${lane}.recorded.session is missing`,
      "name the column that joins the lanes",
    );
  requireMeasureNames(Object.keys(measures), (measure) => document.place([lane, "recorded", "measures", measure]));
  return {
    kind: "recorded",
    source: {
      files,
      session: own,
      // another log need not have the traffic's columns
      user: user ?? (source === undefined ? traffic?.user : undefined),
      at: at ?? (source === undefined ? traffic?.at : undefined),
      where: where ?? (source === undefined ? traffic?.where : undefined),
    },
    failed,
    error,
    measures,
  };
}

/**
 * The files of a pattern, or the file itself.
 *
 * @throws InputError when there are none
 */
export async function filesOf(folder: string, pattern: string, place: string): Promise<readonly string[]> {
  if (!/[*?[]/.test(pattern)) return [realpathSync(existingFile(folder, pattern, place))];
  // the project's own folder may be called `a[1]`
  const files = (await filesMatching(isAbsolute(pattern) ? pattern : join(folder.replace(/[*?[]/g, "[$&]"), pattern)))
    .filter((file) => !file.includes("/.foretaste/"))
    .map((file) => realpathSync(file));
  if (files.length === 0)
    throw new InputError(
      place,
      `no file matches ${pattern}`,
      "check the pattern; it is relative to the project's file",
    );
  return files;
}

function existingFile(folder: string, path: string, place: string): string {
  const file = resolve(folder, path);
  if (!existsSync(file))
    throw new InputError(place, `no such file: ${path}`, "check the path; it is relative to the project's file");
  if (statSync(file).isDirectory()) throw new InputError(place, `${path} is a folder`, "name a file in it");
  return file;
}

function arrivalsOf({ traffic }: WrittenProject, document: SourceDocument, folder: string): Project["arrivals"] {
  if (!traffic.arrivals) return undefined;
  const { perDay, pattern } = traffic.arrivals;
  const written = `${perDay} sessions a day, ${pattern}`;
  if (pattern === "flat") return { perDay, hourlyRates: flat, written };
  if (pattern === "diurnal") return { perDay, hourlyRates: diurnal, written };
  const file = resolve(folder, pattern);
  const place = document.place(["traffic", "arrivals", "pattern"]);
  if (!existsSync(file) || statSync(file).isDirectory())
    throw new InputError(
      place,
      `pattern is ${pattern}`,
      "write flat, diurnal, or a file with one relative rate per hour and line",
    );
  const rates = readFileSync(file, "utf8").trim().split(/\s+/).map(Number);
  if (rates.some((rate) => !(rate >= 0)) || rates.every((rate) => rate === 0) || rates.length % 24 !== 0) {
    throw new InputError(
      file,
      `is not a pattern of hourly rates (${rates.length} values)`,
      "write 24 or 168 numbers of at least 0, one a line",
    );
  }
  return { perDay, hourlyRates: rates, written };
}
