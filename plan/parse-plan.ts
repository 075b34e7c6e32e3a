import { z } from "zod";
import { allComplaints, checkDocument, didYouMean, type SourceDocument } from "./document.ts";
import { parseDuration } from "./duration.ts";
import { InputError } from "./input-error.ts";
import { parseMargin } from "./margin.ts";
import { failureRate, type Metric } from "./metric.ts";
import { controlledStages, type Guardrail, type Plan, type Stage } from "./plan.ts";

/** Exposures are multiples of one bucket in a thousand. */
export const bucketCount = 1000;

const percentage = z
  .string("write a percentage with its sign, as 5%")
  .regex(/^\s*\d+(\.\d+)?\s*%\s*$/, { error: "write a percentage with its sign, as 5%", abort: true });

const shareOf = (text: string) => Number(text.replace("%", "")) / 100;

/** `1%` → .01. Bare numbers are refused: 1 could mean either 1 % or 100 %. */
export const share = percentage.refine((text) => shareOf(text) <= 1, "write at most 100%").transform(shareOf);

/** The rate of an error: no evidence is enough for 0 %, and none is needed for 100 %. */
const level = percentage
  .refine((text) => shareOf(text) > 0 && shareOf(text) < 1, "write a percentage above 0% and below 100%")
  .transform(shareOf);

/** `30s`, `6h`, `2d` → milliseconds. */
export const duration = z
  .string("write a duration with its unit, as 30s, 10min, 6h or 2d")
  .refine((text) => parseDuration(text) !== undefined, "write a duration with its unit, as 30s, 10min, 6h or 2d")
  .transform((text) => parseDuration(text) as number);

const textOf = (wayOut: string) =>
  z
    .string({
      error: ({ input }) =>
        typeof input === "number" ? "write a text in quotes: YAML reads 2.10 as the number 2.1" : wayOut,
    })
    .min(1, "write a text that is not empty");
const text = textOf("write a text");
const count = z.int("write a whole number").min(1, "write a whole number of at least 1");

const stageSchema = z.strictObject(
  {
    name: text,
    exposure: share,
    duration: z
      .strictObject({ min: duration.optional(), max: duration }, "write duration: { min: 6h, max: 48h }")
      .optional(),
    minimumSample: count.optional(),
    lookEvery: duration.optional(),
    hotStandby: duration.optional(),
  },
  "write a stage, as { name: full, exposure: 100% }",
);

/** The plan's file, as written; {@link parsePlan} gives it meaning. */
export const planSchema = z.strictObject({
  owner: text.optional(),
  channel: text.optional(),
  assignBy: text.default("user"),
  salt: textOf("write a text, a new one for every rollout"),
  primary: textOf("write the name of the metric that decides"),
  margins: z.record(
    z.string(),
    z.union([z.string(), z.number()], "write a margin, as 5pp, 20%, x3 or 200 ms"),
    "write the largest accepted loss of each metric, as { completion_rate: 5pp }",
  ),
  gates: z
    .array(
      z.strictObject(
        {
          name: text,
          metrics: z.array(text, "write a list of metrics").min(1, "name at least one metric"),
          minimumSample: count,
          owner: text.optional(),
        },
        "write a gate, as { name: offline, metrics: [completion_rate], minimumSample: 200 }",
      ),
      "write a list of gates",
    )
    .default([]),
  stages: z.array(stageSchema, "write a list of stages").min(1, "write at least one stage below 100%"),
  rule: z.strictObject(
    {
      evidence: z.enum(["point", "fixed"], "write point or fixed"),
      onTimeout: z.enum(["hold", "rollback", "promote"], "write hold, rollback or promote").default("hold"),
      rollbackFloor: count.default(30),
      leak: level.default(0.25),
    },
    "write rule: { evidence: fixed }",
  ),
  budgets: z
    .strictObject(
      {
        falseRollback: level.default(0.05),
        missedRegression: level.default(0.1),
        falseStop: level.default(0.2),
      },
      "write budgets: { falseRollback: 5% }, or leave it out",
    )
    .prefault({}),
});

/** What a plan may refer to. */
export interface PlanContext {
  readonly metrics: readonly Metric[];
  readonly attributes: readonly string[];
}

/**
 * The plan of a document, with margins and segments resolved; `failure_rate` is guarded at 1pp unless it has a margin.
 *
 * @throws InputError with every complaint: place, problem and way out
 */
export function parsePlan(document: SourceDocument, { metrics, attributes }: PlanContext): Plan {
  const written = checkDocument(document, planSchema);
  const complaints: InputError[] = [];
  const complain = (path: readonly PropertyKey[], problem: string, wayOut: string) => {
    complaints.push(new InputError(document.place(path), problem, wayOut));
  };
  const guardrails = Object.entries({ [failureRate.name]: "1pp", ...written.margins }).flatMap(([key, margin]) =>
    guardrailOf(key, String(margin), metrics, attributes, (problem, wayOut) =>
      complain(["margins", key], problem, wayOut),
    ),
  );
  // a margin that is malformed has its own complaint
  const hasMargin = (key: string) => key === failureRate.name || Object.hasOwn(written.margins, key);
  if (!hasMargin(written.primary)) {
    const metric = metrics.find(({ name }) => name === written.primary);
    complain(
      ["primary"],
      `primary ${written.primary} has no margin`,
      metric
        ? `add it to margins: ${metric.name}: ${metric.kind === "proportion" || metric.kind === "ratio" ? "5pp" : "20%"}`
        : didYouMean(
            written.primary,
            guardrails.map(({ key }) => key),
          ),
    );
  }
  if (!["session", "user", ...attributes].includes(written.assignBy)) {
    complain(
      ["assignBy"],
      `assignBy is ${written.assignBy}`,
      didYouMean(written.assignBy, ["session", "user", ...attributes]),
    );
  }
  written.gates.forEach((gate, i) => {
    for (const metric of gate.metrics.filter((name) => !hasMargin(name))) {
      complain(
        ["gates", i, "metrics"],
        `gates[${i}] names ${metric}, which has no margin`,
        didYouMean(
          metric,
          guardrails.map(({ key }) => key),
        ),
      );
    }
  });
  const stages = written.stages.flatMap((stage, i) =>
    stageOf(stage, written.stages[i - 1], i, (key, problem, wayOut) => complain(["stages", i, key], problem, wayOut)),
  );
  written.stages.forEach(({ name }, i) => {
    const first = written.stages.findIndex((stage) => stage.name === name);
    if (first < i) {
      complain(["stages", i, "name"], `stages[${i}] is called ${name}, as stages[${first}] is`, "name each stage once");
    }
  });
  if (complaints.length === 0 && controlledStages({ stages }).length === 0) {
    complain(["stages"], "no stage has a control arm", "write at least one stage below 100%");
  }
  if (complaints.length > 0) throw allComplaints(complaints);
  return {
    ...(written.owner === undefined ? {} : { owner: written.owner }),
    ...(written.channel === undefined ? {} : { channel: written.channel }),
    assignBy: written.assignBy,
    salt: written.salt,
    primary: written.primary,
    guardrails: [
      ...guardrails.filter(({ key }) => key === written.primary),
      ...guardrails.filter(({ key }) => key !== written.primary && key !== failureRate.name),
      ...guardrails.filter(({ key }) => key !== written.primary && key === failureRate.name),
    ],
    gates: written.gates.map(({ owner, ...gate }) => (owner === undefined ? gate : { ...gate, owner })),
    stages,
    rule: written.rule,
    budgets: written.budgets,
  };
}

function guardrailOf(
  key: string,
  written: string,
  metrics: readonly Metric[],
  attributes: readonly string[],
  complain: (problem: string, wayOut: string) => void,
): Guardrail[] {
  const [name = "", where] = splitOnce(key, "@");
  const metric = [...metrics, failureRate].find((candidate) => candidate.name === name);
  if (!metric) {
    complain(
      `margins name the unknown metric ${name}`,
      didYouMean(name, [...new Set([...metrics, failureRate].map((known) => known.name))]),
    );
    return [];
  }
  const margin = parseMargin(written, metric);
  if ("problem" in margin) {
    complain(margin.problem, margin.wayOut);
    return [];
  }
  if (where === undefined) return [{ key, metric, margin, written }];
  const [attribute = "", value] = splitOnce(where, "=");
  if (value === undefined || value === "") {
    complain(`${key} is not a segment`, `write ${name}@attribute=value`);
    return [];
  }
  if (!attributes.includes(attribute)) {
    complain(`${key} names the unknown attribute ${attribute}`, didYouMean(attribute, attributes));
    return [];
  }
  return [{ key, metric, margin, written, segment: { attribute, value } }];
}

function stageOf(
  stage: z.output<typeof stageSchema>,
  before: z.output<typeof stageSchema> | undefined,
  index: number,
  complain: (key: string, problem: string, wayOut: string) => void,
): Stage[] {
  const at = `stages[${index}]`;
  const percent = (value: number) => `${Number((value * 100).toPrecision(12))}%`;
  const buckets = stage.exposure * bucketCount;
  if (before && stage.exposure <= before.exposure) {
    complain(
      "exposure",
      `${at}.exposure is ${percent(stage.exposure)}, must be above stages[${index - 1}].exposure (${percent(before.exposure)})`,
      "list stages in rising order",
    );
    return [];
  }
  if (Math.abs(buckets - Math.round(buckets)) > 1e-9 || buckets < 1) {
    const low = Math.max(1, Math.floor(buckets)) / bucketCount;
    const high = Math.max(1, Math.ceil(buckets)) / bucketCount;
    complain(
      "exposure",
      `${at}.exposure is ${percent(stage.exposure)}, which does not fit ${bucketCount} buckets`,
      low === high ? `write ${percent(low)}` : `write ${percent(low)} or ${percent(high)}`,
    );
    return [];
  }
  if (stage.exposure === 1) {
    for (const key of ["duration", "minimumSample", "lookEvery"] as const) {
      if (stage[key] !== undefined) {
        complain(
          key,
          `${at} exposes everyone and has a ${key}`,
          "at 100% no control is left and nothing is tested: remove it",
        );
      }
    }
    return [{ kind: "full", name: stage.name, hotStandbyMs: stage.hotStandby ?? 0 }];
  }
  if (stage.hotStandby !== undefined)
    complain("hotStandby", `${at}.hotStandby is set below 100%`, "move it to the 100% stage");
  if (!stage.duration) {
    complain("duration", `${at}.duration is missing`, "write duration: { min: 6h, max: 48h }");
    return [];
  }
  if (stage.minimumSample === undefined) {
    complain(
      "minimumSample",
      `${at}.minimumSample is missing`,
      "write the units that each arm needs before a promotion",
    );
    return [];
  }
  const { min: minimumMs = 0, max: maximumMs } = stage.duration;
  if (maximumMs <= 0 || minimumMs > maximumMs) {
    complain(
      "duration",
      `${at}.duration has ${maximumMs <= 0 ? "a max of zero" : "min above max"}`,
      "write a max of at least min, above 0",
    );
    return [];
  }
  const lookEveryMs = stage.lookEvery ?? maximumMs;
  if (lookEveryMs <= 0 || lookEveryMs > maximumMs) {
    complain(
      "lookEvery",
      `${at}.lookEvery is longer than the stage or zero`,
      "write a lookEvery above 0 and of at most duration.max",
    );
    return [];
  }
  return [
    {
      kind: "controlled",
      name: stage.name,
      exposure: Math.round(buckets) / bucketCount,
      minimumMs,
      maximumMs,
      minimumSample: stage.minimumSample,
      lookEveryMs,
    },
  ];
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
