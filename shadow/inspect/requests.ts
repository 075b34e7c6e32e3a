import type { Database } from "../../io/duckdb.ts";
import { join, literal, name, raw, type Sql, sql } from "../../io/sql.ts";
import { timeOf } from "../ingest/import-records.ts";
import { origin } from "../ingest/origin.ts";
import type { Source } from "../ingest/source.ts";
import { typedRelation } from "../ingest/typed-columns.ts";
import type { Role } from "./names.ts";
import { placeKey, textName, withTexts } from "./texts.ts";

/** The columns that the warnings are about. */
export type ChosenColumns = Readonly<Partial<Record<Exclude<Role, "response">, string>>> & {
  /** those that may change inside a session */
  readonly watched: readonly string[];
};

/** The name of a watched column in the table of {@link createInspected}. */
export function watchedColumn(i: number): Sql {
  return name(`watched_${i}`);
}

/**
 * Creates the table `inspected`, a row a readable record: `file` (index), `line`, `place` (sorts as both do), `session`
 * and `"user"` (text or NULL), `"at"` (TIMESTAMP in UTC or NULL), `zone` (as written, `UTC` for an epoch, empty without
 * one), `unusable` (why the importer would give the record up, or NULL), `request` and `record` (64-bit hashes: two
 * different ones of ten million are taken for equal once in 10⁵ logs) and the watched columns as text.
 *
 * @returns the importer's remarks on the times
 * @throws InputError for a column that the log has not
 */
export async function createInspected(
  database: Database,
  source: Source,
  { session, user, at, request, watched }: ChosenColumns,
  place: (key: string) => string,
): Promise<readonly string[]> {
  const relation = await typedRelation(database, source, at === undefined ? [] : [at], place("at"));
  const texts = [...new Set([session, user, request, ...watched].flatMap((column) => column ?? []))];
  const text = (column: string | undefined) =>
    column === undefined ? raw("cast(null as varchar)") : textName(texts.indexOf(column));
  const unhashed = new Set<string>([origin.file, origin.line, origin.problem, origin.broken]);
  const whole = (await database.describe(sql`select * from ${name(source.table)}`)).flatMap((column) =>
    unhashed.has(column.name) ? [] : [name(column.name)],
  );
  await database.run(sql`
    create table inspected_text as
    select ${name(origin.file)} as file, ${name(origin.line)} as line, ${placeKey} as place,
      ${name(origin.problem)} as misfit,
      ${text(session)} as session,
      ${text(user)} as "user",
      ${at === undefined ? raw("cast(null as timestamp)") : name(at)} as "__at",
      case when ${text(request)} is not null then hash(${text(request)}) end as request,
      hash(${join(whole)}) as record
      ${join(
        watched.map((column, i) => sql`, ${text(column)} as ${watchedColumn(i)}`),
        "",
      )}
    from (${await withTexts(database, source, relation, texts)})
    where ${name(origin.problem)} is null
      ${at === undefined ? raw("") : sql`or starts_with(${name(origin.problem)}, ${literal(`column ${at}: `)})`}`);
  const time = at === undefined ? undefined : await timeOf(database, "inspected_text");
  const written = time && (await zoneOf(database, time.notes));
  await database.run(sql`
    create table inspected as
    select file, line, place, session, "user", timed as "at", zone, request, record ${join(
      watched.map((_, i) => sql`, ${watchedColumn(i)}`),
      "",
    )},
      case
        when misfit is not null then 'a time of another type than the other times'
        ${session === undefined ? raw("") : raw("when session is null then 'the session is missing'")}
        ${at === undefined ? raw("") : raw(`when written is null then 'the time is missing' when timed is null then 'not a time' when not (timed between timestamp '1970-01-01' and timestamp '2200-01-01') then 'not a time between 1970 and 2200'`)}
      end as unusable
    from (
      select *, ${time?.value ?? raw("cast(null as timestamp)")} as timed, cast("__at" as varchar) as written,
        ${written ?? raw("cast(null as varchar)")} as zone
      from inspected_text)`);
  await database.run(sql`drop table inspected_text`);
  return time?.notes ?? [];
}

/** How the zone of `__at` is written: an offset as `+01:00`, `UTC`, a name, or empty. */
async function zoneOf(database: Database, notes: readonly string[]): Promise<Sql> {
  const [described] = await database.describe(sql`select "__at" from inspected_text`);
  const type = described?.type ?? "";
  if (type === "TIMESTAMP WITH TIME ZONE" || notes.some((note) => note.includes("epoch"))) return literal("UTC");
  if (type.startsWith("TIMESTAMP") || type === "DATE") return literal("");
  const zone = sql`regexp_extract(upper(cast("__at" as varchar)), ':\\d.*?(Z|[-+]\\d\\d(?::?\\d\\d)?|[A-Z]{3,4})\\s*$', 1)`;
  return sql`case
    when regexp_full_match(${zone}, 'Z|UTC|GMT|[-+]00(:?00)?') then 'UTC'
    else regexp_replace(regexp_replace(${zone}, '^([-+]\\d\\d)$', '\\1:00'), '^([-+]\\d\\d)(\\d\\d)$', '\\1:\\2')
  end`;
}
