import { type Section, table } from "../blocks.ts";
import type { Result } from "../result.ts";

/** What no rehearsal can know: always there, whatever the verdict. */
export function limitsSection({ limits }: Result): Section {
  return {
    id: "limits",
    title: "What this report cannot tell you",
    blocks:
      limits.length > 0
        ? [{ kind: "list", items: limits }]
        : [
            {
              kind: "paragraph",
              text: "This run states no limits, which no rehearsal can claim: take it as incomplete.",
            },
          ],
  };
}

/** How the same bytes are made again. */
export function reproduceSection({ run, verdict, schemaVersion }: Result): Section {
  const { policies, policyHashes } = run;
  return {
    id: "reproduce",
    title: "How to reproduce",
    blocks: [
      { kind: "code", text: run.command },
      {
        kind: "facts",
        facts: [
          { term: "Run", text: run.id, literal: true },
          { term: "Started", text: run.startedAt },
          { term: "Seed", text: run.seed, literal: true },
          { term: "Plan hash", text: run.planHash, literal: true },
          { term: "Versions", text: `foretaste ${run.foretaste}, Node ${run.node}, result schema ${schemaVersion}` },
          { term: "Exit code", text: `${verdict.exitCode}` },
        ],
      },
      ...table(
        "Policies",
        [{ title: "Lane" }, { title: "Policy" }, { title: "SHA-256" }],
        [
          ["control", policies.control, policyHashes.control],
          ["candidate", policies.candidate, policyHashes.candidate],
        ],
      ),
      ...table(
        "Inputs",
        [{ title: "Role" }, { title: "File" }, { title: "SHA-256" }],
        run.inputs.map(({ role, file, sha256 }) => [role, file, sha256]),
      ),
    ],
  };
}
