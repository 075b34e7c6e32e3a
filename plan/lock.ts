import { z } from "zod";
import { describePlan } from "./describe-plan.ts";
import { changeInWords, diffFacts } from "./diff-plans.ts";
import type { Plan } from "./plan.ts";

/** A plan as it was frozen, with everything that its error rates rest on: `plan.lock.json`. */
export interface Lock extends Frozen {
  readonly schemaVersion: 1;
  /** ISO, UTC */
  readonly frozenAt: string;
  /** sha-256 over everything but this */
  readonly hash: string;
  /** what was frozen again, and why */
  readonly amendments: readonly Amendment[];
}

/** What is frozen. */
export interface Frozen {
  /** the project's */
  readonly name: string;
  /** with its calibration */
  readonly plan: Plan;
  readonly policies: Readonly<Record<string, { readonly name: string; readonly hash: string }>>;
  readonly reference: Reference;
}

export interface Amendment {
  readonly at: string;
  readonly why: string;
  readonly changes: readonly string[];
}

/** What the recorded traffic was like: beyond it, the plan's error rates are not known. */
export interface Reference {
  /** ISO, UTC */
  readonly from: string;
  readonly until: string;
  readonly units: number;
  readonly sessions: number;
  /** units seen in a day, on average over the log */
  readonly unitsPerDay: number;
  readonly guardrails: readonly GuardrailReference[];
}

export interface GuardrailReference {
  readonly key: string;
  /** of the control's value over the log's weeks (days of a log below two weeks), with the error of each; null without a value */
  readonly control: { readonly low: number; readonly high: number } | null;
  /** variance of the metric's influence of one unit: SE² · units */
  readonly unitVariance: number | null;
  /** SE² by unit over SE² by session */
  readonly designEffect: number | null;
}

/** The plan's language is checked when the plan is read; of a lock only its frame is. */
export const lockSchema = z.looseObject({
  schemaVersion: z.literal(1),
  frozenAt: z.iso.datetime(),
  hash: z.string(),
  name: z.string(),
  amendments: z.array(z.object({ at: z.string(), why: z.string(), changes: z.array(z.string()) })),
  plan: z.looseObject({ salt: z.string(), guardrails: z.array(z.unknown()), stages: z.array(z.unknown()) }),
  policies: z.record(z.string(), z.object({ name: z.string(), hash: z.string() })),
  reference: z.looseObject({ guardrails: z.array(z.unknown()) }),
});

/** Hash of a canonical text; given by whoever knows hashes. */
export type HashOf = (value: unknown) => string;

/** Freezes: the hash covers everything, when and why included. */
export function lockOf(frozen: Frozen, frozenAt: string, amendments: readonly Amendment[], hashOf: HashOf): Lock {
  const content = { schemaVersion: 1 as const, ...frozen, frozenAt, amendments };
  return { ...content, hash: hashOf(content) };
}

/** Whether a lock is as it was written. */
export function isWhole({ hash, ...content }: Lock, hashOf: HashOf): boolean {
  return hashOf(content) === hash;
}

/** What has changed since the plan was frozen, in words; nothing when it is what will run. */
export function changesSince(lock: Lock, { plan, policies }: Pick<Frozen, "plan" | "policies">): string[] {
  const facts = (own: Pick<Frozen, "plan" | "policies">) =>
    new Map([
      ...describePlan(own.plan),
      ...Object.entries(own.policies).map(([lane, { name, hash }]): [string, string] => [
        `policy of ${lane}`,
        `${name} (${hash.slice(0, 12)})`,
      ]),
    ]);
  return diffFacts(facts(lock), facts({ plan, policies })).map(changeInWords);
}
