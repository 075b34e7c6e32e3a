import { z } from "zod";
import { metricKinds } from "../plan/metric.ts";
import { duration, partialShare, share } from "../plan/plan-schema.ts";
import { time } from "../scenarios/entry.ts";
import { scenarioLibrary } from "../scenarios/library.ts";

/** Lanes of a replay, in the order in which they are told. */
export const laneNames = ["recorded", "control", "control_again", "candidate"] as const;
export type LaneName = (typeof laneNames)[number];

const text = z.string('write a text (numbers in quotes: "2.10")').min(1, "write a text that is not empty");
const column = z.union(
  [text, z.strictObject({ sql: text })],
  "write a column's name, or { sql: one scalar expression }",
);
const sources = z.union([text, z.array(text).min(1)], "write a file, a glob, or a list of them");

const secretKinds = ["email", "phone", "card", "key"] as const;
const secretKind = z.enum(secretKinds, "write email, phone, card or key");

const recordedSchema = z.strictObject({
  source: sources.optional(),
  session: column.optional(),
  user: column.optional(),
  at: column.optional(),
  where: text.optional(),
  /** a boolean: this record is a failed request */
  failed: column.optional(),
  /** what a failed request says of itself */
  error: column.optional(),
  measures: z.record(z.string(), column),
});

const canaryArmSchema = recordedSchema.partial();

const policySchema = z
  .strictObject({ module: text.optional(), recorded: recordedSchema.optional() })
  .refine(
    ({ module, recorded }) => (module === undefined) !== (recorded === undefined),
    "write either module: policy.js, or recorded: { … }",
  );

const metricSchema = z.strictObject({
  kind: z.enum(metricKinds, `write ${metricKinds.slice(0, -1).join(", ")} or ${metricKinds.at(-1)}`),
  value: text.optional(),
  numerator: text.optional(),
  denominator: text.optional(),
  quantile: z.number("write a number between 0 and 1, as 0.95").gt(0).lt(1).optional(),
  /** of a distinct-share: recommendations that are drawn, and items that there are to show */
  draws: z.int("write a whole number").min(1, "write at least 1").max(1e9, "write at most 1e9").optional(),
  catalogue: z.int("write a whole number").min(1, "write at least 1").max(1e9, "write at most 1e9").optional(),
  /** of a calibration-error */
  probability: text.optional(),
  outcome: text.optional(),
  bins: z.int("write a whole number").min(1, "write at least 1").max(1000, "write at most 1000").optional(),
  better: z.enum(["higher", "lower"], "write higher or lower"),
  measuredIn: text.optional(),
  matureAfter: z.union([z.literal("labels"), duration], "write a duration, as 24h, or labels").default(0),
  whenFailed: z.enum(["worst", "missing"], "write worst or missing").optional(),
});

/** By the name of a library entry, which no type can tell. */
const entries: object = Object.fromEntries(
  scenarioLibrary.map(({ name, parameters }) => [name, parameters.optional()]),
);

/**
 * Unknown names pass, and are complained of where all known names can be told: inside a union they would be lost. An
 * editor that checks the JSON Schema refuses them.
 */
const named = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z
    .object({ ...shape, ...entries })
    .catchall(z.unknown())
    .meta({ additionalProperties: false });

const scenarioSchema = z.union(
  [
    text,
    named({
      /** several harms at once */
      name: text.optional(),
      story: text.optional(),
      harms: z
        .array(z.union([text, named({})], "write { completion_drop: { by: 5pp } }"))
        .min(1, "write at least one harm, as { completion_drop: { by: 5pp } }")
        .optional(),
      /** when they are there: gone by half after so long, at full size after so long, or none before */
      fades: time.optional(),
      grows: time.optional(),
      begins: time.optional(),
      fromExposure: share.optional(),
      /** what is unlike the log */
      traffic: partialShare.optional(),
      late: time.optional(),
      mixed: partialShare.optional(),
      spilled: partialShare.optional(),
      routing: z
        .enum(["reused_salt", "power_users", "per_session"], "write reused_salt, power_users or per_session")
        .optional(),
      /** or a scenario written in TypeScript or JavaScript */
      module: text.optional(),
    }),
  ],
  "write no_change, at_margin:<metric>, or { segment_broken: { where: …, metric: …, by: 40pp } }",
);

/** The project's file, `foretaste.yaml`, as written. */
export const projectSchema = z.strictObject({
  name: text,
  traffic: z
    .strictObject({
      source: sources.optional(),
      columns: z
        .strictObject({
          session: column,
          user: column.optional(),
          at: column.optional(),
          request: column.optional(),
          response: column.optional(),
          /** a list of { name, arguments, result } */
          tools: column.optional(),
        })
        .optional(),
      attributes: z.union([z.array(text), z.record(z.string(), column)], "write a list of columns").default([]),
      where: text.optional(),
      arrivals: z
        .strictObject({
          perDay: z.number("write sessions a day").min(1, "write at least 1 session a day"),
          pattern: text.default("flat"),
        })
        .optional(),
      quarantineLimit: share.default(0.01),
      redact: z
        .union(
          [
            z.array(secretKind),
            z.strictObject({
              kinds: z.array(secretKind).default([...secretKinds]),
              paths: z.array(text).default([]),
              patterns: z.record(z.string(), text).default({}),
            }),
          ],
          "write a list of email, phone, card and key, or { kinds, paths, patterns }",
        )
        .optional(),
      labels: z
        .strictObject({
          source: sources,
          key: column,
          /** column of the traffic that holds the key; its session unless stated */
          on: column.optional(),
          at: column.optional(),
          where: text.optional(),
          values: z
            .record(z.string(), column)
            .refine((values) => Object.keys(values).length > 0, "write at least one label, as { resolved: resolved }"),
        })
        .optional(),
    })
    .prefault({}),
  /** what production logged, when its lane is replayed */
  recorded: z
    .strictObject({ failed: column.optional(), error: column.optional(), measures: z.record(z.string(), column) })
    .optional(),
  control: policySchema.optional(),
  candidate: policySchema.optional(),
  replay: z
    .strictObject({
      lanes: z
        .array(z.enum(laneNames, "write recorded, control, control_again or candidate"))
        .min(2, "write at least two lanes")
        .default(["control", "candidate"]),
      sample: share.optional(),
      timeout: duration
        .refine((ms) => ms >= 1 && ms <= 86_400_000, "write a timeout between 1ms and 1d")
        .default(30_000),
      concurrency: z.int("write a whole number").min(1).max(10_000, "write at most 10000").default(8),
      maxCalls: z.int("write a whole number").min(0).optional(),
      callsPerSecond: z.number("write a number above 0").gt(0, "write a number above 0").optional(),
      isolation: z.enum(["thread", "process"], "write thread or process").default("thread"),
      memory: z
        .string("write megabytes or gigabytes, as 512MB or 2GB")
        .regex(/^[1-9]\d*\s*(MB|GB)$/, "write megabytes or gigabytes, as 512MB or 2GB")
        .default("1GB")
        .transform((text) => Number.parseInt(text, 10) * (text.endsWith("GB") ? 1024 : 1)),
      failureLimit: z
        .strictObject({
          share: share.default(0.5),
          sessions: z.int("write a whole number").min(1, "write at least 1").default(200),
        })
        .prefault({}),
      responses: z.enum(["digest", "store"], "write digest or store").default("digest"),
    })
    .prefault({}),
  metrics: z
    .record(z.string(), metricSchema)
    .refine((metrics) => Object.keys(metrics).length > 0, "write at least one metric"),
  plan: text,
  /** what a real canary logged, for `judge`: what the arms share, then what each has for itself */
  canary: z
    .strictObject(
      {
        ...canaryArmSchema.shape,
        /** a session that has had no request for so long has ended */
        idle: duration.optional(),
        control: canaryArmSchema.prefault({}),
        candidate: canaryArmSchema.prefault({}),
      },
      "write canary: { source: canary/*.jsonl, session: …, at: …, measures: { … }, control: { where: … }, candidate: { where: … } }",
    )
    .optional(),
  scenarios: z.array(scenarioSchema).default([]),
});

export type WrittenProject = z.output<typeof projectSchema>;
