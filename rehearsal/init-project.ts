import type { Preset } from "../plan/presets/preset.ts";

/** A file of a new project; its path is relative to the project's folder. */
export interface ProjectFile {
  readonly path: string;
  readonly text: string;
  /** what it is, in a few words */
  readonly what: string;
}

export interface NewProject {
  /** in the order in which a reader wants them */
  readonly files: readonly ProjectFile[];
  /** what the preset cannot know */
  readonly toFillIn: readonly string[];
}

/** What is known of a log, and its section of the project's file. */
export interface KnownTraffic {
  readonly section: string;
  readonly columns: readonly string[];
  readonly attributes: readonly string[];
  /** whether a column for the session was found */
  readonly session: boolean;
}

/**
 * The files of a project that begins with a preset.
 *
 * @param name     of the project; the salt is made of it
 * @param recorded whether both versions are in logs: lanes that read them instead of policy modules
 */
export function newProject(
  preset: Preset,
  { name, traffic, recorded = false }: { name: string; traffic?: KnownTraffic | undefined; recorded?: boolean },
): NewProject {
  const project = {
    path: "foretaste.yaml",
    text: [
      `# Begun with the preset ${preset.name}. Every key is explained in docs/project.md of foretaste.`,
      `name: ${JSON.stringify(name)}`,
      traffic ? traffic.section.trimEnd() : trafficTemplate(preset),
      ...(recorded ? recordedLanes(preset, traffic) : moduleLanes),
      preset.metrics.trimEnd(),
      "plan: plan.yaml",
      "",
    ].join("\n"),
    what: "traffic, lanes and metrics",
  };
  const plan = {
    path: "plan.yaml",
    text: preset.plan.replace(/^salt: .*?(?=#)/m, () => `salt: ${JSON.stringify(`${name}-1`)} `.padEnd(35)),
    what: "stages, margins and the rule",
  };
  const policies = (["control", "candidate"] as const).map((lane) => ({
    path: `policies/${lane}.mjs`,
    text: policyModule(preset, lane),
    what: lane === "control" ? "what production runs now" : "what is to replace it",
  }));
  return {
    files: [project, plan, ...(recorded ? [] : policies)],
    toFillIn: [
      ...trafficToFillIn(preset, traffic),
      ...(recorded
        ? [`foretaste.yaml: which records are whose (where), and ${measureNames(preset)} of control and candidate`]
        : [
            `policies/*.mjs: ask your versions there and report ${measureNames(preset)}; until then both answer as production did`,
          ]),
      "plan.yaml: owner and channel; then margins and stages, if yours differ",
    ],
  };
}

function measureNames({ measures }: Preset): string {
  const names = Object.keys(measures);
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function trafficToFillIn({ attributes }: Preset, traffic: KnownTraffic | undefined): string[] {
  if (!traffic) return ["foretaste.yaml: the traffic section; foretaste traffic inspect FILE… writes it"];
  const lacking = attributes.filter((own) => !traffic.attributes.includes(own));
  return [
    ...(traffic.session ? [] : ["foretaste.yaml: the column of the session, which could not be guessed"]),
    ...lacking.map((own) => `foretaste.yaml: the attribute ${own}, which plan.yaml names; or change the plan`),
  ];
}

function trafficTemplate({ attributes }: Preset): string {
  const names = attributes.length > 0 ? attributes.join(", ") : "COLUMN, COLUMN";
  return `# Uncomment and fill in; foretaste traffic inspect FILE… writes it with guesses from a log.
# traffic:
#   source: logs/*.jsonl           # jsonl, csv, json, parquet or arrow
#   columns:
#     session: COLUMN              # needed
#     user: COLUMN                 # without it every session is its own user
#     at: COLUMN                   # without times: arrivals below
#     request: COLUMN              # what the policies answer
#     response: COLUMN             # what production answered
#   attributes: [${names}]${" ".repeat(Math.max(1, 17 - names.length))}# columns that make segments
#   arrivals: { perDay: 1000, pattern: flat }`;
}

const moduleLanes = [
  "control:   { module: policies/control.mjs }",
  "candidate: { module: policies/candidate.mjs }",
  "replay: { timeout: 30s, concurrency: 8 }   # maxCalls: 10000 for policies with network: true",
];

/** Both versions as logs have them. */
function recordedLanes(preset: Preset, traffic: KnownTraffic | undefined): string[] {
  const width = Math.max(...Object.keys(preset.measures).map((measure) => 2 * measure.length));
  const measures = Object.entries(preset.measures).map(([measure, meaning]) => {
    const column = traffic?.columns.find((own) => own.toLowerCase() === measure.toLowerCase());
    const line = `${measure}: ${column === undefined ? measure : JSON.stringify(column)}`;
    const absent = traffic && column === undefined ? "NOT IN THE LOG: name a column, or { sql: … }: " : "";
    return `      ${line.padEnd(width + 4)}  # ${absent}${meaning}`;
  });
  return [
    "# Sessions are joined by name: both versions must have answered the same ones (a shadow log, a benchmark).",
    "control:",
    "  recorded:",
    "    # source: logs/control.jsonl     # as traffic unless stated",
    "    where: version = 'control'       # which records are the control's",
    "    measures: &measures",
    ...measures,
    "candidate:",
    "  recorded:",
    "    # source: logs/candidate.jsonl   # as traffic unless stated",
    "    where: version = 'candidate'     # which are the candidate's",
    "    measures: *measures",
  ];
}

/** A policy that answers as production did, until its author writes another. */
function policyModule({ name, measures }: Preset, lane: "control" | "candidate"): string {
  const width = Math.max(...Object.keys(measures).map((measure) => 2 * measure.length));
  const reported = Object.entries(measures).map(
    ([measure, meaning]) => `          ${`${measure}: answer?.${measure},`.padEnd(width + 11)} // ${meaning}`,
  );
  const role = lane === "control" ? "What production runs now." : "What is to replace the control.";
  return `/**
 * ${role} Until you ask your own version here, it answers what production logged.
 * How policies work: docs/policies.md of foretaste.
 *
 * @type {import("foretaste").Policy}
 */
export default {
  name: "${name}",
  version: "${lane}-1", // a new one for every change
  config: {}, // prompt, model, temperature, tools: whatever distinguishes this version
  // network: true, // when respond calls a network; then set replay.maxCalls in foretaste.yaml
  open: (session, context) => ({
    respond: async (request) => {
      const answer = context.recorded; // ask your version here: await yourAgent(request)
      return {
        response: answer,
        measures: {
${reported.join("\n")}
        },
      };
    },
  }),
};
`;
}
