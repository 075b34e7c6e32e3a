import { z } from "zod";
import { parseDuration } from "./duration.ts";
import { evidences, timeouts } from "./plan.ts";

const percentage = z
  .string("write a percentage with its sign, as 5%")
  .regex(/^\s*\d+(\.\d+)?\s*%\s*$/, { error: "write a percentage with its sign, as 5%", abort: true });

const shareOf = (text: string) => Number(text.replace("%", "")) / 100;

/** `1%` → .01. Bare numbers are refused: 1 could mean either 1 % or 100 %. */
export const share = percentage.refine((text) => shareOf(text) <= 1, "write at most 100%").transform(shareOf);

/** A part of something, neither nothing nor more than all of it. */
export const partialShare = share.refine((own) => own > 0, "write a percentage above 0%");

/** The rate of an error: no evidence is enough for 0 %, and none is needed for 100 %. */
const level = percentage
  .refine((text) => shareOf(text) > 0 && shareOf(text) < 1, "write a percentage above 0% and below 100%")
  .transform(shareOf);

const durationHint = "write a duration with its unit, as 30s, 10min, 6h or 2d";

const durationText = z
  .string(durationHint)
  .refine((text) => parseDuration(text) !== undefined, { error: durationHint, abort: true });

/** `30s`, `6h`, `2d` → milliseconds. */
export const duration = durationText.transform((text) => parseDuration(text) as number);

/** A duration above 0. */
const cycle = durationText
  .refine((text) => parseDuration(text) !== 0, "write a duration above 0")
  .transform((text) => parseDuration(text) as number);

/** A duration, or a number of the plan's cycles. */
export type WrittenDuration = { readonly ms: number } | { readonly cycles: number };

const cycles = /^\s*(\d+(?:\.\d+)?)\s*cycles?\s*$/;

/** `6h` → milliseconds, `3 cycles` → cycles. */
const planDuration = z
  .string(durationHint)
  .refine((text) => cycles.test(text) || parseDuration(text) !== undefined, durationHint)
  .transform((text): WrittenDuration => {
    const match = cycles.exec(text);
    return match ? { cycles: Number(match[1]) } : { ms: parseDuration(text) as number };
  });

const textOf = (wayOut: string) =>
  z
    .string({
      error: ({ input }) =>
        typeof input === "number" ? "write a text in quotes: YAML reads 2.10 as the number 2.1" : wayOut,
    })
    .min(1, "write a text that is not empty");
const text = textOf("write a text");
const count = z.int("write a whole number").min(1, "write a whole number of at least 1");
const weight = z.number("write a number above 0").gt(0, "write a number above 0");

const marginText = z.union([z.string(), z.number()], "write a margin, as 5pp, 20%, x3 or 200 ms");
const margins = (hint: string) => z.record(z.string(), marginText, hint);

const where = z
  .record(
    z.string(),
    z.union([z.string(), z.number(), z.boolean()], "write one value of the attribute, as { tier: internal }"),
    "write attributes and their values, as { tier: internal }",
  )
  .refine((own) => Object.keys(own).length > 0, "write at least one attribute, as { tier: internal }");

const approval = z.strictObject(
  { by: textOf("write who must agree, as release manager"), timeout: duration.optional() },
  "write who must agree, as { by: release manager, timeout: 4h }",
);

const headerHint = "write a header and its value in quotes, as 'x-canary: always'";

/** A stage, as written. */
export const stageSchema = z.strictObject(
  {
    name: text,
    exposure: share.optional(),
    /** the candidate's by a header, as `x-canary: always`; not compared */
    header: z
      .string(headerHint)
      .regex(/^[!#$%&'*+.^_`|~\w-]+:\s*\S.*$/, headerHint)
      .optional(),
    where: where.optional(),
    duration: z
      .strictObject({ min: planDuration.optional(), max: planDuration }, "write duration: { min: 6h, max: 48h }")
      .optional(),
    minimumSample: count.optional(),
    lookEvery: planDuration.optional(),
    hotStandby: duration.optional(),
    weight: weight.optional(),
    onTimeout: z.enum(timeouts, "write hold, rollback or promote").optional(),
    rollbackFloor: count.optional(),
    margins: margins("write the margins of this stage, as { latency_p95: 300 ms }").optional(),
    approval: approval.optional(),
  },
  "write a stage, as { name: full, exposure: 100% }",
);
export type WrittenStage = z.output<typeof stageSchema>;

const parameter = (low: number, high: number) =>
  z
    .number(`write a number from ${low} to ${high}`)
    .min(low, `write at least ${low}`)
    .max(high, `write at most ${high}`);

const spending = z.union(
  [
    z.enum(["obrien-fleming", "pocock"]),
    z.strictObject({ power: parameter(0.1, 20) }),
    z.strictObject({ "hwang-shih-decani": parameter(-40, 40) }),
  ],
  "write obrien-fleming, pocock, { power: 2 } or { hwang-shih-decani: -4 }",
);
export type WrittenSpending = z.output<typeof spending>;

/** The plan's file, as written; `parsePlan` gives it meaning. */
export const planSchema = z.strictObject({
  owner: text.optional(),
  channel: text.optional(),
  assignBy: text.default("user"),
  salt: textOf("write a text, a new one for every rollout"),
  /** of a batch job: what `cycles` in durations are */
  cycle: cycle.optional(),
  primary: textOf("write the name of the metric that decides"),
  margins: margins("write the largest accepted loss of each metric, as { completion_rate: 5pp }"),
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
      "write a list of gates, or leave it out",
    )
    .default([]),
  stages: z.array(stageSchema, "write a list of stages").min(1, "write at least one stage below 100%"),
  rule: z
    .strictObject(
      {
        evidence: z.enum(evidences, "write point, fixed, sequential, always-valid or calibrated").default("calibrated"),
        onTimeout: z.enum(timeouts, "write hold, rollback or promote").default("hold"),
        rollbackFloor: count.default(30),
        leak: level.default(0.25),
        rollbackAbove: margins("write how much harm is none yet, as { cost_per_task: 5% }").default({}),
        spending: z
          .record(z.string(), spending, "write how errors are spent, as { completion_rate: obrien-fleming }")
          .default({}),
        weights: z
          .record(z.string(), weight, "write shares of the false-rollback budget, as { completion_rate: 2 }")
          .default({}),
      },
      "write rule: { evidence: calibrated }",
    )
    .prefault({}),
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
export type WrittenPlan = z.output<typeof planSchema>;
