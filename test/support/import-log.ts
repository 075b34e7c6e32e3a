import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Database } from "../../io/duckdb.ts";
import { join as joined, name, sql } from "../../io/sql.ts";
import { createQuarantine, type Import, type ImportSpec, importRecords } from "../../shadow/ingest/import-records.ts";
import type { ColumnExpression, Field } from "../../shadow/ingest/map-records.ts";
import { temporaryFolder } from "./folders.ts";

/** What a log becomes: the records that are kept, as rows, and those that are given up. */
export interface ImportedLog {
  readonly found: Import;
  readonly rows: readonly Record<string, unknown>[];
  readonly quarantine: readonly {
    readonly file: string;
    readonly line: number;
    readonly reason: string;
    readonly record: string | null;
  }[];
}

export interface LogSpec extends Partial<Omit<ImportSpec, "fields">> {
  /** file names with their contents, or files that are there */
  readonly logs: Readonly<Record<string, string | Uint8Array>> | readonly string[];
  readonly fields?: readonly Field[];
  readonly threads?: number;
  /** one that is used again: its own for each log unless told */
  readonly database?: Database;
}

/** Imports a log of which `session` is the session; rows come in the log's order, times as ISO text in UTC. */
export async function importLog({ threads = 1, database, ...spec }: LogSpec): Promise<ImportedLog> {
  const own = database ?? (await Database.open({ threads }));
  try {
    return await importInto(own, spec);
  } finally {
    if (database) await dropAll(database);
    else await own.close();
  }
}

async function dropAll(database: Database): Promise<void> {
  const views = await database.rows<{ view_name: string }>(
    sql`select view_name from duckdb_views() where not internal`,
  );
  for (const { view_name } of views) await database.run(sql`drop view ${name(view_name)}`);
  const tables = await database.rows<{ table_name: string }>(sql`select table_name from duckdb_tables()`);
  for (const { table_name } of tables) await database.run(sql`drop table ${name(table_name)}`);
}

async function importInto(database: Database, { logs, fields = [], ...spec }: LogSpec): Promise<ImportedLog> {
  const files = Array.isArray(logs)
    ? (logs as string[])
    : writeFiles(temporaryFolder(), logs as Record<string, string>);
  await createQuarantine(database);
  const found = await importRecords(
    database,
    {
      role: "traffic",
      files,
      session: "session",
      place: (key) => `foretaste.yaml:${key}`,
      quarantineLimit: 1,
      fields,
      ...spec,
    },
    "traffic",
  );
  const own = joined(
    fields.map((field) => sql`, ${name(field.name)}`),
    "",
  );
  const rows = await database.rows<Record<string, unknown>>(sql`
      select line, session, "user", strftime("at", '%Y-%m-%dT%H:%M:%S.%f') as "at" ${own} from traffic order by file, line`);
  const quarantine = await database.rows<ImportedLog["quarantine"][number]>(sql`
      select file, line, reason, record from quarantine order by file, line`);
  return { found, rows, quarantine };
}

/** A field that {@link importLog} reads, at its own type unless told. */
export function field(own: string, from: ColumnExpression = own, as: Field["as"] = "value"): Field {
  return { name: own, from, as, place: `foretaste.yaml:${own}` };
}

/** Records as JSON lines. */
export function jsonLines(records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** Writes files into a folder, and says where they lie. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): string[] {
  return Object.entries(files).map(([own, content]) => {
    const file = join(folder, own);
    writeFileSync(file, content);
    return file;
  });
}
