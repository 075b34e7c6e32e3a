import { hashText, position } from "../../plan/assignment.ts";
import { randomStream, studyKey } from "../../statistics/random-stream.ts";

/** One record of a canary's log. */
export interface CanaryRecord {
  readonly conversation: string;
  readonly user: string;
  readonly at: string;
  readonly variant: "v1" | "v2";
  readonly tier: string;
  readonly completed: boolean;
  readonly cost: number;
}

/**
 * A canary's log: `n` sessions of some users over three days, whose users are the candidate's below the exposure.
 *
 * @param harm of the candidate's completion in the tier `pro`
 */
export function canaryLog({ n = 6000, exposure = 0.3, harm = 0 } = {}): CanaryRecord[] {
  const random = randomStream(studyKey("canary"), 99, 0);
  const start = Date.UTC(2026, 0, 5);
  return Array.from({ length: n }, (_, i) => {
    const user = `u${Math.floor(random() * n * 0.6)}`;
    const candidate = position(hashText(user), hashText("canary")) < exposure;
    const tier = hashText(user)[0] % 3 === 0 ? "pro" : "free";
    const rate = candidate && tier === "pro" ? 0.9 - harm : 0.9;
    return {
      conversation: `c${i}`,
      user,
      at: new Date(start + Math.floor((i * 3 * 86_400_000) / n)).toISOString(),
      variant: candidate ? "v2" : "v1",
      tier,
      completed: random() < rate,
      cost: 0.01 * (1 + random()),
    };
  });
}

/** A project that rehearses on a log of the same shape, and judges `canary.jsonl`. */
export const canaryProject = {
  name: "a canary",
  traffic: { source: "log.jsonl", columns: { session: "conversation", user: "user", at: "at" }, attributes: ["tier"] },
  recorded: { measures: { completed: "completed", cost: "cost" } },
  control: {
    recorded: {
      source: "log.jsonl",
      session: "conversation",
      at: "at",
      measures: { completed: "completed", cost: "cost" },
    },
  },
  candidate: undefined,
  replay: { lanes: ["recorded", "control"] },
  metrics: {
    completion: { kind: "proportion", value: "bool_or(completed)", better: "higher" },
    cost: { kind: "mean", value: "sum(cost)", better: "lower", measuredIn: "USD" },
  },
  canary: {
    source: "canary.jsonl",
    session: "conversation",
    user: "user",
    at: "at",
    measures: { completed: "completed", cost: "cost" },
    control: { where: "variant = 'v1'" },
    candidate: { where: "variant = 'v2'" },
  },
};

export const canaryPlan = {
  owner: "on-call",
  salt: "canary",
  primary: "completion",
  margins: { completion: "6pp", cost: "20%" },
  stages: [
    { name: "third", exposure: "30%", duration: { min: "12h", max: "48h" }, minimumSample: 100, lookEvery: "6h" },
    { name: "full", exposure: "100%" },
  ],
  rule: { evidence: "sequential" },
};
