import type { Finding } from "../finding.ts";
import type { Plan } from "../plan.ts";

/** Who acts, and who hears of it. */
export function checkPeople(plan: Plan): readonly Finding[] {
  return [...noOwner(plan), ...noChannel(plan), ...gatesWithoutOwner(plan), ...endlessApprovals(plan)];
}

function noOwner({ owner }: Plan): Finding[] {
  if (owner !== undefined) return [];
  return [
    {
      check: "no-owner",
      severity: "error",
      path: ["owner"],
      problem: "no owner is named",
      reason: "A hold waits for a person, and nobody is the person who may pause or roll back.",
      fix: "write owner: who can pause and roll back at any hour, as owner: agent-platform on-call",
    },
  ];
}

function noChannel({ channel }: Plan): Finding[] {
  if (channel !== undefined) return [];
  return [
    {
      check: "no-channel",
      severity: "warning",
      path: ["channel"],
      problem: "no channel is named",
      reason: "Those who see users complain do not learn that a candidate is out, or that it was rolled back.",
      fix: 'write channel: where each decision is announced, as channel: "#agent-rollouts"',
    },
  ];
}

function gatesWithoutOwner({ gates }: Plan): Finding[] {
  return gates.flatMap(({ name, owner }, i) =>
    owner === undefined
      ? [
          {
            check: "gate-without-owner",
            severity: "warning" as const,
            path: ["gates", i],
            problem: `gates[${i}] ${name} has no owner`,
            reason: "A gate that fails stops the rollout before its first user, and nobody is asked to say why.",
            fix: "write its owner, as owner: eval team",
          },
        ]
      : [],
  );
}

function endlessApprovals({ stages }: Plan): Finding[] {
  return stages.flatMap((stage, i) =>
    stage.kind !== "full" && stage.approval !== undefined && stage.approval.timeoutMs === undefined
      ? [
          {
            check: "approval-without-timeout",
            severity: "warning" as const,
            path: ["stages", i, "approval"],
            problem: `stages[${i}] ${stage.name} waits for ${stage.approval.by} without an end`,
            reason:
              "While it waits, users keep the candidate on evidence that grows old, and nothing says that it was forgotten.",
            fix: `write approval: { by: ${stage.approval.by}, timeout: 4h }, after which the promotion lapses`,
          },
        ]
      : [],
  );
}
