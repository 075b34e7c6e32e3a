import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sql } from "../../io/sql.ts";
import type { RunOptions } from "../../rehearsal/run.ts";
import { openDatabase } from "./database.ts";
import { temporaryFolder } from "./folders.ts";
import { jsonLines } from "./import-log.ts";

export interface ProjectParts {
  /** parts of foretaste.yaml that differ from the defaults */
  readonly project?: Readonly<Record<string, unknown>>;
  /** parts of plan.yaml that differ from the defaults */
  readonly plan?: Readonly<Record<string, unknown>>;
  readonly log?: readonly object[];
  /** further files by their path, or other contents for those that are there anyway */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/**
 * Writes a project into a temporary folder: a log of requests, two policies that complete every one of them, a plan.
 *
 * @returns the folder, with log.jsonl, control.mjs, candidate.mjs, plan.yaml and foretaste.yaml
 */
export function projectFolder({ project = {}, plan = {}, log = requests(12), files = {} }: ProjectParts = {}): string {
  const folder = temporaryFolder();
  const all = {
    "log.jsonl": jsonLines(log),
    "control.mjs": policyModule({ version: "1" }),
    "candidate.mjs": policyModule({ version: "2" }),
    "plan.yaml": JSON.stringify({ ...defaultPlan, ...plan }, null, 2),
    "foretaste.yaml": JSON.stringify({ ...defaultProject, ...project }, null, 2),
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

const defaultProject = {
  name: "test",
  traffic: { source: "log.jsonl", columns: { session: "session", user: "user", at: "at", request: "input" } },
  control: { module: "control.mjs" },
  candidate: { module: "candidate.mjs" },
  metrics: { completion: { kind: "proportion", value: "bool_or(completed)", better: "higher" } },
  plan: "plan.yaml",
};

const defaultPlan = {
  salt: "test",
  primary: "completion",
  margins: { completion: "5pp" },
  stages: [
    { name: "half", exposure: "50%", duration: { min: "1h", max: "2h" }, minimumSample: 1, lookEvery: "1h" },
    { name: "full", exposure: "100%" },
  ],
  rule: { evidence: "fixed" },
};

/** So many requests, some of each session and user, a second apart. */
export function requests(n: number, perSession = 2) {
  return Array.from({ length: n }, (_, i) => ({
    session: `session ${Math.floor(i / perSession)}`,
    user: `user ${Math.floor(i / perSession / 2)}`,
    at: new Date(Date.UTC(2026, 0, 5) + i * 1000).toISOString(),
    input: { n: i },
  }));
}

/** A policy's module; `respond` and `before` are its JavaScript. */
export function policyModule({
  version = "1",
  respond = "({ measures: { completed: true } })",
  before = "",
  more = "",
}: {
  version?: string;
  respond?: string;
  before?: string;
  more?: string;
} = {}): string {
  return `${before}
export default {
  name: "test", version: "${version}", ${more}
  open: (session, context) => ({ respond: (request) => ${respond} }),
};
`;
}

/** Options of a run; equal ones and equal inputs give the same run. */
export function runOptions(options: Partial<RunOptions> = {}): RunOptions {
  return {
    seed: "test",
    threads: 1,
    resume: false,
    startedAt: new Date(Date.UTC(2026, 0, 1)),
    versions: { foretaste: "0", node: "20" },
    command: "test",
    ...options,
  };
}

/** The rows of Parquet files. */
export async function parquetRows<Row>(files: string | readonly string[]): Promise<Row[]> {
  const database = await openDatabase();
  const rows: Row[] = [];
  for (const file of [files].flat()) rows.push(...(await database.rows<Row>(sql`select * from read_parquet(${file})`)));
  return rows;
}
