import type { Finding, PlanFacts } from "../finding.ts";
import { countInWords, shareInWords } from "../in-words.ts";
import { controlledStages, type Plan, segmentsInWords } from "../plan.ts";

/** From one stage to the next at most so many times the users: a factor of ten is one more digit of who is hurt. */
const largestJump = 10;

/** Who gets the candidate, in which steps, and whether a unit stays where it is. */
export function checkExposure(plan: Plan, facts: PlanFacts): readonly Finding[] {
  return [
    ...saltUsedBefore(plan, facts),
    ...sessionsOfOneUser(plan, facts),
    ...changingUnit(plan, facts),
    ...routedStages(plan),
    ...firstExposure(plan),
    ...jumps(plan),
    ...end(plan),
  ];
}

function saltUsedBefore({ salt }: Plan, { pastSalts }: PlanFacts): Finding[] {
  const used = pastSalts.filter((past) => past.salt === salt);
  const [first] = used;
  if (!first) return [];
  const others = used.length > 1 ? ` and ${used.length - 1} more` : "";
  return [
    {
      check: "salt-used-before",
      severity: "error",
      path: ["salt"],
      problem: `the salt ${salt} was used by ${first.plan}, frozen at ${first.frozenAt}${others}`,
      reason:
        "The same users would come first again: they bear every risk, and what the last candidate did to them is taken for this one's doing.",
      fix: "write a salt that no rollout had, as the candidate's name and version",
    },
  ];
}

function sessionsOfOneUser({ assignBy }: Plan, { hasUsers, traffic }: PlanFacts): Finding[] {
  const perUser = traffic?.sessionsPerUser;
  // one in a hundred users with a second session is no reason to stop
  if (assignBy !== "session" || !hasUsers || (perUser !== undefined && perUser < 1.01)) return [];
  const times =
    perUser === undefined ? "and the log knows users" : `and a user has ${Number(perUser.toPrecision(3))} sessions`;
  return [
    {
      check: "session-assignment",
      severity: "warning",
      path: ["assignBy"],
      problem: `assignBy is session, ${times}`,
      reason:
        "A user meets both policies in turn, so that memory, retries and trust carry over between the arms, and sessions of one user count as if they were independent.",
      fix: "write assignBy: user",
    },
  ];
}

function changingUnit({ assignBy }: Plan, { traffic }: PlanFacts): Finding[] {
  const sessions = traffic?.changingSessions ?? 0;
  if (sessions === 0) return [];
  return [
    {
      check: "changing-unit",
      severity: "error",
      path: ["assignBy"],
      problem: `assignBy is ${assignBy}, which changes inside ${countInWords(sessions)} sessions of the log`,
      reason: "Such a session moves to the other policy between two of its requests and belongs to neither arm.",
      fix: "assign by what a session keeps: write assignBy: user or assignBy: session",
    },
  ];
}

function routedStages({ stages }: Plan): Finding[] {
  return stages.flatMap((stage, i) =>
    stage.kind === "routed"
      ? [
          {
            check: "routed-stage",
            severity: "warning" as const,
            path: ["stages", i],
            problem: `stages[${i}] ${stage.name} sends all of ${stage.header ?? segmentsInWords(stage.where)} to the candidate: nothing is compared`,
            reason: "These users have no control that is like them, so the stage ends by the clock, whatever happens.",
            fix: "say in the review who watches it, or compare half of them: write an exposure of 50% with a where",
          },
        ]
      : [],
  );
}

/** A stage's share of everyone, with its place in the file; those of a segment only have no share that compares. */
function exposuresOf({ stages }: Plan) {
  return stages.flatMap((stage, i) => {
    if (stage.kind === "routed" || (stage.kind === "controlled" && stage.where.length > 0)) return [];
    return [{ i, name: stage.name, kind: stage.kind, exposure: stage.kind === "full" ? 1 : stage.exposure }];
  });
}

function firstExposure(plan: Plan): Finding[] {
  const [first] = exposuresOf(plan);
  if (!first || first.exposure <= 1 / largestJump) return [];
  return [
    {
      check: "first-exposure",
      severity: "warning",
      path: ["stages", first.i, "exposure"],
      problem: `stages[${first.i}] ${first.name} begins with ${shareInWords(first.exposure)} of all units`,
      reason: "A candidate that is broken for everyone is found within the first looks, at a price of as many users.",
      fix: "put a stage of 1% to 5% before it",
    },
  ];
}

function jumps(plan: Plan): Finding[] {
  const exposures = exposuresOf(plan);
  return exposures.slice(1).flatMap((stage, k) => {
    const before = exposures[k] as (typeof exposures)[number];
    const factor = stage.exposure / before.exposure;
    if (factor <= largestJump * (1 + 1e-9)) return [];
    const between = Math.sqrt(stage.exposure * before.exposure);
    return [
      {
        check: "exposure-jump",
        severity: "warning" as const,
        path: ["stages", stage.i, "exposure"],
        problem: `stages[${stage.i}] ${stage.name} exposes ${shareInWords(stage.exposure)}, ${Number(factor.toPrecision(3))} times the ${shareInWords(before.exposure)} before it`,
        reason:
          "What grows with load or hits one user in a thousand is first seen there, by ten times as many users or more.",
        fix: `put a stage of about ${shareInWords(Number(between.toPrecision(1)))} between the two`,
      },
    ];
  });
}

function end({ stages }: Plan): Finding[] {
  const last = stages.length - 1;
  const stage = stages[last];
  if (stage?.kind !== "full") {
    const [highest] = controlledStages({ stages }).slice(-1);
    return [
      {
        check: "no-full-stage",
        severity: "warning",
        path: ["stages", last],
        problem: `the plan ends at ${highest ? shareInWords(highest.exposure) : "a segment"}, without a stage of 100%`,
        reason: "What comes after the last promotion, and how one gets back from there, is then decided on the day.",
        fix: "write a last stage, as { name: full, exposure: 100%, hotStandby: 48h }",
      },
    ];
  }
  if (stage.hotStandbyMs > 0) return [];
  return [
    {
      check: "no-hot-standby",
      severity: "warning",
      path: ["stages", last],
      problem: `stages[${last}] ${stage.name} keeps no hot standby of the control`,
      reason: "At 100 % no control is left to compare with: getting back quickly is the only protection that remains.",
      fix: "write how long the control can take the traffic back at once, as hotStandby: 48h",
    },
  ];
}
