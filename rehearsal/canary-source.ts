import type { SourceDocument } from "../plan/document.ts";
import { InputError } from "../plan/input-error.ts";
import type { ColumnExpression } from "../shadow/ingest/map-records.ts";
import type { WrittenProject } from "./project-schema.ts";

/** One arm's log of a real canary. */
export interface CanaryArm {
  /** files or patterns, looked for when the canary is judged: before it there are none */
  readonly sources: readonly string[];
  readonly session: ColumnExpression;
  readonly user?: ColumnExpression | undefined;
  readonly at?: ColumnExpression | undefined;
  readonly where?: string | undefined;
  readonly failed?: ColumnExpression | undefined;
  readonly error?: ColumnExpression | undefined;
  readonly measures: Readonly<Record<string, ColumnExpression>>;
  /** where a key of it stands in the project's file */
  readonly place: (key: string) => string;
}

/** What a real canary logged: two logs, or one that says which arm served a record. */
export interface CanarySource {
  readonly control: CanaryArm;
  readonly candidate: CanaryArm;
  /** a session that has had no request for so long has ended; undefined: a usual time, where sessions have several requests */
  readonly idleMs?: number | undefined;
}

type Written = NonNullable<WrittenProject["canary"]>;

const armNames = ["control", "candidate"] as const;

/**
 * The canary's logs: those of the section `canary`, else those of recorded lanes that have logs of their own.
 *
 * @returns undefined when there are neither
 */
export function canaryOf(
  { canary }: WrittenProject,
  document: SourceDocument,
  lanes: readonly { readonly lane: string; readonly policy: RecordedLane | { readonly kind: "module" } }[],
): CanarySource | undefined {
  if (!canary) return canaryOfLanes(document, lanes);
  const [control, candidate] = [armOf("control", canary, document), armOf("candidate", canary, document)];
  const same =
    JSON.stringify([control.sources, control.where]) === JSON.stringify([candidate.sources, candidate.where]);
  if (same) {
    throw new InputError(
      document.place(["canary"]),
      "control and candidate are the same records",
      "say which are whose: control: { where: \"variant = 'v1'\" }, candidate: { where: \"variant = 'v2'\" }",
    );
  }
  return { control, candidate, idleMs: canary.idle };
}

function armOf(arm: "control" | "candidate", canary: Written, document: SourceDocument): CanaryArm {
  const { control: _, candidate: __, idle: ___, ...common } = canary;
  const own = canary[arm];
  const place = (key: string) => {
    const [first = "", ...rest] = key.split(".");
    return document.place(Object.hasOwn(own, first) ? ["canary", arm, first, ...rest] : ["canary", first, ...rest]);
  };
  const { source, session, measures, ...others } = { ...common, ...own };
  const needed = {
    source: "the log: canary/*.jsonl",
    session: "the column that names a session",
    measures: "what metrics read: { completed: completed }",
  };
  for (const [key, hint] of Object.entries(needed)) {
    if ({ source, session, measures }[key as keyof typeof needed] === undefined) {
      throw new InputError(document.place(["canary"]), `canary.${key} is missing`, `name ${hint}`);
    }
  }
  return {
    sources: [source as NonNullable<typeof source>].flat(),
    session: session as ColumnExpression,
    measures: measures ?? {},
    ...others,
    place,
  };
}

interface RecordedLane {
  readonly kind: "recorded";
  readonly source:
    | (Omit<CanaryArm, "sources" | "measures" | "failed" | "error" | "place"> & { readonly files: readonly string[] })
    | "traffic";
  readonly failed?: ColumnExpression | undefined;
  readonly error?: ColumnExpression | undefined;
  readonly measures: Readonly<Record<string, ColumnExpression>>;
}

function canaryOfLanes(
  document: SourceDocument,
  lanes: readonly { readonly lane: string; readonly policy: RecordedLane | { readonly kind: "module" } }[],
): CanarySource | undefined {
  const armOfLane = (arm: string): CanaryArm | undefined => {
    const policy = lanes.find(({ lane }) => lane === arm)?.policy;
    if (policy?.kind !== "recorded" || policy.source === "traffic") return undefined;
    const { source, failed, error, measures } = policy;
    const { files, ...own } = source;
    return {
      sources: files,
      ...own,
      failed,
      error,
      measures,
      place: (key) => document.place([arm, "recorded", ...key.split(".")]),
    };
  };
  const [control, candidate] = armNames.map(armOfLane);
  return control && candidate ? { control, candidate } : undefined;
}
