import { mkdirSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { Database } from "../io/duckdb.ts";
import { recordBytes } from "../io/lines.ts";
import { publishFile, readJsonFile, temporaryName, writeTextFile } from "../io/run-folder.ts";
import { name, raw, type Sql, sql } from "../io/sql.ts";
import { labelPrefix } from "../io/tables.ts";
import { InputError } from "../plan/input-error.ts";
import { compareResponses, type ResponseSummary } from "../shadow/difference/compare-responses.ts";
import { createQuarantine, type Import, importRecords } from "../shadow/ingest/import-records.ts";
import {
  createLabels,
  type LabelSummary,
  labelFields,
  labelKey,
  summarizeLabels,
  withLabels,
} from "../shadow/ingest/labels.ts";
import type { Field } from "../shadow/ingest/map-records.ts";
import { recordedFields, writeRecorded } from "../shadow/ingest/recorded.ts";
import {
  createSessions,
  placedInOrder,
  placeRequests,
  requireTimes,
  type SessionSpec,
  type SessionSummary,
} from "../shadow/ingest/sessions.ts";
import { redactor } from "../shadow/redaction/redaction.ts";
import { type ReplaySummary, replay } from "../shadow/replay.ts";
import { type RequestSchema, requestSchema } from "../shadow/request-table.ts";
import { observationsFolder, requestsFile, shardsPerFile } from "../shadow/shard-store.ts";
import type { Project, TrafficSource } from "./project.ts";
import type { LaneName } from "./project-schema.ts";
import { openRun, planCalls, type Run, type RunOptions } from "./run.ts";

/** A run whose observations are there. */
export interface Replayed {
  readonly run: Run;
  readonly imported: Imported;
  readonly replayed: ReplaySummary;
  /** of stored responses */
  readonly responses?: ResponseSummary | undefined;
}

/** What was read of the log; kept in the run's folder, so that a resumed run reads nothing twice. */
export interface Imported {
  readonly imports: readonly Import[];
  readonly sessions: SessionSummary;
  /** types of the requests' members, when a policy answers batches */
  readonly schema?: RequestSchema | undefined;
  readonly labels?: LabelSummary | undefined;
  /** secrets that were replaced, by kind */
  readonly redacted?: Readonly<Record<string, number>> | undefined;
}

/** Told while a rehearsal goes on; shown on stderr by the command line. */
export type Progress = (step: string, done: number, total: number, note?: string) => void;

/** Reads the log and replays it through the lanes; finished parts of a resumed run are kept. */
export async function replayProject(
  project: Project,
  options: RunOptions,
  onProgress: Progress = () => {},
): Promise<Replayed> {
  const run = await openRun(project, options);
  const imported =
    readJsonFile<Imported>(importFile(run)) ?? (await importProject(project, run, options.threads, onProgress));
  const { shards, requests } = imported.sessions;
  const modules = project.lanes.flatMap(({ lane, policy }) =>
    policy.kind === "module"
      ? [{ lane, module: policy.module, network: run.manifest.policies[lane]?.network === true }]
      : [],
  );
  for (const { lane, policy, calls } of planCalls(project, run.manifest, requests)) {
    onProgress(`network calls planned in ${lane}, ${policy}`, calls, calls);
  }
  if (modules.length === 0) return { run, imported, replayed: { stopped: [], strays: 0, printed: 0 } };
  const { replay: settings, compared } = project;
  const isModule = (lane: LaneName) => modules.some((own) => own.lane === lane);
  // one thread: requests are read in the order of their file
  const database = await Database.open({ threads: 1, folders: [run.folder], keptMegabytes: 2 });
  let done = 0;
  let failed = 0;
  onProgress("replay", 0, requests);
  try {
    const replayed = await replay(
      database,
      {
        folder: run.folder,
        shards,
        lanes: modules,
        compared: [compared.control, compared.candidate],
        seed: run.manifest.seed,
        timeoutMs: settings.timeoutMs,
        concurrency: settings.concurrency,
        callsPerSecond: settings.callsPerSecond,
        isolation: settings.isolation,
        memoryMegabytes: settings.memoryMegabytes,
        failureLimit: settings.failureLimit,
        schema: imported.schema,
        labels: Object.keys(project.labels?.values ?? {}),
        keepResponses: settings.responses === "store",
        threads: options.threads,
      },
      (batch) => {
        done += batch.requests;
        failed += batch.failedSessions;
        onProgress("replay", done, requests, failed > 0 ? `${failed} failed` : undefined);
      },
      options.signal,
    );
    const stored = settings.responses === "store" && [compared.control, compared.candidate].every(isModule);
    const responses = stored ? await compareResponses(database, run.folder, compared, shards) : undefined;
    return { run, imported, replayed, responses };
  } finally {
    await database.close();
  }
}

function importFile({ folder }: Run): string {
  return join(folder, "import.json");
}

async function importProject(project: Project, run: Run, threads: number, onProgress: Progress): Promise<Imported> {
  const folders = [run.folder, ...new Set(run.manifest.inputs.map(({ file }) => dirname(file)))];
  const memoryMegabytes = memoryFor(
    run.manifest.inputs.map(({ file }) => file),
    threads,
  );
  const database = await Database.open({ threads, folders, memoryMegabytes, givesBack: true });
  try {
    await createQuarantine(database);
    const imports: Import[] = [];
    // equal secrets of one seed have equal tokens, so that lanes and labels join
    const own = project.redact && redactor(project.redact, `foretaste ${run.manifest.seed}`);
    const quarantined = () =>
      writeTable(database, join(run.folder, "quarantine.parquet"), sql`select * from quarantine`);
    const base = project.traffic ? "traffic" : (project.lanes[0]?.lane as string);
    const attributeFields = project.attributes.map(
      ({ name: own, from }): Field => ({
        name: `attribute:${own}`,
        from,
        as: "text",
        place: project.place("traffic", "attributes"),
      }),
    );
    const load = async (
      role: string,
      source: TrafficSource,
      place: (key: string) => string,
      fields: readonly Field[],
    ) => {
      onProgress(`read ${role}`, 0, 1);
      const at = role === base ? source.at : undefined;
      requireTimes(role !== base || at !== undefined, role === base ? project.arrivals : undefined, place("at"));
      const spec = { ...source, role, fields, place, quarantineLimit: project.quarantineLimit, redactor: own };
      try {
        imports.push(await importRecords(database, spec, role));
        onProgress(`read ${role}`, 1, 1);
      } finally {
        await quarantined();
      }
    };
    const recorded = project.lanes.flatMap(({ lane, policy }) => {
      if (policy.kind === "module") return [];
      const place = (key: string) =>
        project.place(lane, ...(policy.source === "traffic" ? [] : ["recorded"]), ...key.split("."));
      return [{ lane, policy, place, fields: recordedFields(policy, place) }];
    });
    if (project.traffic) {
      const { traffic } = project;
      if (project.lanes.some(({ policy }) => policy.kind === "module") && traffic.request === undefined) {
        throw new InputError(
          project.place("traffic", "columns"),
          "traffic.columns.request is missing",
          "name what the policies answer: request: input",
        );
      }
      const place = (key: string) => project.place("traffic", "columns", key);
      const texts = (["request", "response", "tools"] as const).flatMap((own): Field[] => {
        const from = traffic[own];
        return from === undefined ? [] : [{ name: own, from, as: "json", place: place(own) }];
      });
      const measured = recorded.find(({ policy }) => policy.source === "traffic")?.fields ?? [];
      const { on } = project.labels ?? {};
      const key: Field[] =
        on === undefined
          ? []
          : [{ name: labelKey, from: on, as: "text", place: project.place("traffic", "labels", "on") }];
      await load("traffic", traffic, place, [...attributeFields, ...texts, ...measured, ...key]);
    }
    for (const { lane, policy, place, fields } of recorded) {
      if (policy.source === "traffic") continue;
      await load(lane, policy.source, place, lane === base ? [...fields, ...attributeFields] : fields);
    }
    const labels = Object.keys(project.labels?.values ?? {});
    if (project.labels) {
      const { key, values, ...source } = project.labels;
      const place = (part: string) => project.place("traffic", "labels", part === "session" ? "key" : part);
      const placeOf = (label: string) => project.place("traffic", "labels", "values", label);
      await load("labels", { ...source, session: key }, place, labelFields(values, placeOf));
      await createLabels(database, "labels", labels, placeOf);
    }
    const byKey = project.labels?.on !== undefined;
    const from = (table: string) =>
      labels.length === 0 ? name(table) : withLabels(table, byKey && table === "traffic");
    const spec: SessionSpec = {
      assignBy: project.plan.assignBy,
      attributes: project.attributes.map((attribute) => attribute.name),
      arrivals: project.arrivals,
      sample: project.replay.sample,
      samplePlace: project.place("replay", "sample"),
    };
    await database.giveBack();
    const sessions = await createSessions(database, base, spec);
    await writeTable(database, join(run.folder, "sessions.parquet"), sql`from sessions`);
    if (project.traffic) {
      const columns = new Set((await database.describe(sql`from traffic`)).map((column) => column.name));
      const further = [
        ...["request", "response", "tools"].map((own) => ({ column: columns.has(own) ? own : undefined, as: own })),
        ...labels.map((label) => ({ column: labelPrefix + label, as: labelPrefix + label })),
      ];
      for (let shard = 0; shard < sessions.shards; shard += shardsPerFile) {
        const file = requestsFile(run.folder, shard);
        mkdirSync(dirname(file), { recursive: true });
        await placeRequests(database, from("traffic"), spec, further, { from: shard, to: shard + shardsPerFile });
        await writeTable(database, file, placedInOrder, sessions.requests <= 12_288 ? 122_880 : 10_240);
      }
    }
    for (const { lane, policy, place } of recorded) {
      const folder = observationsFolder(run.folder, lane);
      mkdirSync(folder, { recursive: true });
      const table = policy.source === "traffic" ? "traffic" : lane;
      await writeRecorded(database, table, policy, join(folder, "recorded.parquet"), {
        sample: project.replay.sample,
        from: from(table),
        labels,
        place,
      });
    }
    const labelled = labels.length > 0 ? await summarizeLabels(database, base, "labels", byKey) : undefined;
    if (labelled?.labelledRequests === 0) {
      throw new InputError(
        project.place("traffic", "labels", "key"),
        `no request has the key of one of the ${labelled.labels} labels`,
        "check key, and on where the key is not the session",
      );
    }
    const batches = Object.values(run.manifest.policies).some(({ batch }) => batch);
    const imported = {
      imports,
      sessions,
      ...(own ? { redacted: own.counts() } : {}),
      ...(labelled ? { labels: labelled } : {}),
      ...(batches ? { schema: await schemaOf(database) } : {}),
    };
    writeTextFile(importFile(run), `${JSON.stringify(imported, null, 2)}\n`);
    return imported;
  } finally {
    await database.close();
  }
}

/**
 * Memory to read files in, in megabytes: so much for each thread, however long the log is. Tables are spilled; records are
 * grouped and joined in parts that fit; requests are placed and sorted {@link shardsPerFile} shards at a time; JavaScript
 * holds counts of shards, and a few shards. Long records need more than short ones: threads work on 2,048 of them at a time,
 * in several copies, and a sort merges 122,880 (measured: 100,000 texts of 4 kB are sorted in 650, not in 500).
 */
function memoryFor(files: readonly string[], threads: number): number {
  const text = files.filter((file) => /\.(jsonl|ndjson|csv|tsv|json)(\.gz)?$/i.test(file)).map(recordBytes);
  const longestText = Math.max(0, ...text);
  // what a columnar file does not tell
  const longest = text.length === files.length ? longestText : Math.max(longestText, 20_000);
  const bytes = longestText * 122_880 + longest * 2048 * 8 * threads;
  const wanted = leastMegabytes + megabytesPerThread * threads + bytes / 2 ** 20;
  return Math.round(Math.min(wanted, Math.max(300, totalmem() / 2 ** 21)));
}

/** Measured: 3 million short records need less than 100 on one thread, 150 on four and 200 on eight. */
const leastMegabytes = 90;
const megabytesPerThread = 30;

async function schemaOf(database: Database): Promise<RequestSchema> {
  const { structure } = await database.row<{ structure: string | null }>(sql`
    select cast(json_group_structure(request) as varchar) as structure from traffic`);
  return requestSchema(structure === null ? null : JSON.parse(structure));
}

async function writeTable(database: Database, file: string, query: Sql, rowGroup = 122_880): Promise<void> {
  const temporary = temporaryName(file);
  await database.run(sql`copy (${query}) to ${temporary} (format parquet, row_group_size ${raw(String(rowGroup))})`);
  publishFile(temporary, file);
}
