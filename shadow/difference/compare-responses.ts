import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DOUBLE, INTEGER, VARCHAR } from "@duckdb/node-api";
import type { Database } from "../../io/duckdb.ts";
import { parquetFiles, publishFile, shardFile, temporaryName } from "../../io/run-folder.ts";
import { join as joined, literal, sql } from "../../io/sql.ts";
import { responsesFile } from "../shard-store.ts";
import { type Difference, responseDifference } from "./response-difference.ts";

/** How stored responses of two lanes differ. */
export interface ResponseSummary {
  readonly compared: number;
  /** responses with a difference */
  readonly differing: number;
  /** differences by kind */
  readonly kinds: Readonly<Record<string, number>>;
}

/** The differences of a shard: session, seq, path, kind, control, candidate, distance; one row a difference. */
export function differencesFile(folder: string, shard: number): string {
  return shardFile(join(folder, "differences"), shard);
}

/** Compares the stored responses of two lanes, shard by shard, those that are not compared yet. */
export async function compareResponses(
  database: Database,
  folder: string,
  lanes: { readonly control: string; readonly candidate: string },
  shards: number,
): Promise<ResponseSummary> {
  let compared = 0;
  for (let shard = 0; shard < shards; shard++) {
    const files = [lanes.control, lanes.candidate].map((lane) => responsesFile(folder, lane, shard));
    if (!files.every((file) => existsSync(file))) continue;
    compared += await compareShard(database, files as [string, string], differencesFile(folder, shard));
  }
  const files = parquetFiles(join(folder, "differences"));
  if (files.length === 0) return { compared, differing: 0, kinds: {} };
  const from = sql`read_parquet([${joined(files.map(literal))}])`;
  const rows = await database.rows<{ kind: string; n: number }>(sql`
    select kind, count(*) as n from ${from} group by kind order by n desc, kind`);
  const { differing } = await database.row<{ differing: number }>(sql`
    select count(*) as differing from (select distinct session, seq from ${from})`);
  return { compared, differing, kinds: Object.fromEntries(rows.map(({ kind, n }) => [kind, n])) };
}

/** @returns the responses that were compared */
async function compareShard(database: Database, [control, candidate]: [string, string], file: string): Promise<number> {
  const pairs = sql`
    read_parquet(${control}) as control join read_parquet(${candidate}) as candidate using (session, seq)
    where (control.response is not null or candidate.response is not null)`;
  const { n } = await database.row<{ n: number }>(sql`select count(*) as n from ${pairs}`);
  if (existsSync(file)) return n;
  const [sessions, seqs, controls, candidates] = (await database.columns(sql`
    select session, seq, control.response, candidate.response from ${pairs} and control.response is distinct from candidate.response
    order by session, seq`)) as unknown as [string[], number[], (string | null)[], (string | null)[]];
  const parsed = (text: string | null | undefined) =>
    text === null || text === undefined ? undefined : JSON.parse(text);
  const found: (Difference & { session: string; seq: number })[] = sessions.flatMap((session, i) =>
    responseDifference(parsed(controls[i]), parsed(candidates[i])).map((own) => ({
      ...own,
      session,
      seq: seqs[i] as number,
    })),
  );
  await database.run(sql`
    create or replace temp table differences (session varchar, seq integer, path varchar, kind varchar, control varchar,
      candidate varchar, distance double)`);
  await database.append(
    "differences",
    [VARCHAR, INTEGER, VARCHAR, VARCHAR, VARCHAR, VARCHAR, DOUBLE],
    [
      found.map(({ session }) => session),
      found.map(({ seq }) => seq),
      found.map(({ path }) => path.toWellFormed()),
      found.map(({ kind }) => kind),
      found.map((own) => own.control?.toWellFormed() ?? null),
      found.map((own) => own.candidate?.toWellFormed() ?? null),
      found.map(({ distance }) => distance ?? null),
    ],
  );
  mkdirSync(dirname(file), { recursive: true });
  const temporary = temporaryName(file);
  await database.run(sql`copy differences to ${temporary} (format parquet)`);
  publishFile(temporary, file);
  return n;
}
