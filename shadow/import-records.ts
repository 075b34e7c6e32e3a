import type { Database } from "../io/duckdb.ts";
import { join, literal, name, raw, type Sql, sql } from "../io/sql.ts";
import { InputError } from "../plan/input-error.ts";
import { type ColumnExpression, type Field, mapRecords } from "./map-records.ts";
import { loadSource, origin } from "./source.ts";

/** Which records of which files are read, and what they say. */
export interface ImportSpec {
  /** `traffic`, `control` or `candidate`: named in the quarantine */
  readonly role: string;
  readonly files: readonly string[];
  readonly session: ColumnExpression;
  readonly user?: ColumnExpression | undefined;
  readonly at?: ColumnExpression | undefined;
  /** a boolean expression; other records are left out and counted */
  readonly where?: string | undefined;
  readonly fields: readonly Field[];
  /** file and line of a key in the project's file, for messages */
  readonly place: (key: string) => string;
  /** largest share of bad records */
  readonly quarantineLimit: number;
}

/** What became of the records: kept + excluded + quarantined = records. */
export interface Import {
  readonly role: string;
  readonly files: readonly string[];
  readonly records: number;
  readonly kept: number;
  readonly excluded: number;
  readonly quarantined: number;
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  /** what a reader of the result should know, in words */
  readonly notes: readonly string[];
}

/** The table of bad records: {@link importRecords} adds to it. */
export async function createQuarantine(database: Database): Promise<void> {
  await database.run(sql`
    create table quarantine (role varchar, file varchar, line bigint, reason varchar, record varchar)`);
}

/**
 * Reads records into a table with file, line, session (text), user (text or NULL), at (TIMESTAMP in UTC or NULL) and
 * the other fields; bad ones go to the table `quarantine` with line and reason.
 *
 * @throws InputError for broken files and expressions, when no record is usable, and when the share of bad records is
 *   above the limit
 */
export async function importRecords(database: Database, spec: ImportSpec, table: string): Promise<Import> {
  const source = await loadSource(database, spec.files, `${table}_records`);
  const mapped = `${table}_mapped`;
  await mapRecords(database, source, fieldsOf(spec), mapped);
  const time = spec.at === undefined ? undefined : await timeOf(database, mapped);
  const problem = sql`case
    when ${name(origin.problem)} is not null then ${name(origin.problem)}
    when session is null or session = '' then 'the session is missing'
    ${time ? sql`when "__at" is null then 'the time is missing' when ${time.value} is null then 'not a time: ' || left(cast("__at" as varchar), 40) when not (${time.value} between timestamp '1970-01-01' and timestamp '2200-01-01') then 'not a time between 1970 and 2200: ' || left(cast("__at" as varchar), 40)` : raw("")}
  end`;
  const kept = spec.where === undefined ? raw("true") : raw("coalesce(try_cast(__where as boolean), false)");
  await database.run(
    sql`create view ${name(`${table}_judged`)} as select *, ${problem} as problem, ${kept} as kept from ${name(mapped)}`,
  );
  await database.run(sql`
    insert into quarantine
    select ${spec.role}, list_extract([${join(spec.files.map(literal))}], ${name(origin.file)} + 1), ${name(origin.line)},
      problem, coalesce(${name(origin.broken)}, ${name(origin.record)})
    from ${name(`${table}_judged`)}
    join ${name(source.table)} using (${name(origin.file)}, ${name(origin.line)})
    where problem is not null
    order by ${name(origin.file)}, ${name(origin.line)}`);
  await database.run(sql`
    create table ${name(table)} as
    select ${name(origin.file)} as file, ${name(origin.line)} as line, session,
      ${spec.user === undefined ? raw("cast(null as varchar)") : raw(`nullif("__user", '')`)} as "user",
      ${time?.value ?? raw("cast(null as timestamp)")} as "at"
      ${join(
        spec.fields.map((field) => sql`, ${name(field.name)}`),
        "",
      )}
    from ${name(`${table}_judged`)}
    where problem is null and kept
    order by file, line`);
  const counts = await database.row<{ records: number; bad: number; kept: number }>(sql`
    select count(*) as records, count(problem) as bad, count(*) filter (where problem is null and kept) as kept
    from ${name(`${table}_judged`)}`);
  const reasons = await database.rows<{ reason: string; count: number }>(sql`
    select reason, count(*) as count
    from (select regexp_replace(problem, '(?s)(^not a time[^:]*|: expected [^,]*)(: |, found ).*', '\\1') as reason from ${name(`${table}_judged`)} where problem is not null)
    group by reason order by count desc, reason`);
  await database.run(sql`drop view ${name(`${table}_judged`)}`);
  for (const used of [mapped, source.table]) await database.run(sql`drop table ${name(used)}`);
  const result: Import = {
    role: spec.role,
    files: spec.files,
    records: counts.records,
    kept: counts.kept,
    excluded: counts.records - counts.bad - counts.kept,
    quarantined: counts.bad,
    reasons,
    notes: time?.notes ?? [],
  };
  await refuseBadLog(database, spec, result);
  return result;
}

function fieldsOf({ session, user, at, where, fields, place }: ImportSpec): Field[] {
  const all: Field[] = [{ name: "session", from: session, as: "text", place: place("session") }];
  if (user !== undefined) all.push({ name: "__user", from: user, as: "text", place: place("user") });
  if (at !== undefined) all.push({ name: "__at", from: at, as: "value", place: place("at") });
  if (where !== undefined) all.push({ name: "__where", from: { sql: where }, as: "value", place: place("where") });
  return [...all, ...fields];
}

async function refuseBadLog(database: Database, spec: ImportSpec, found: Import): Promise<void> {
  const { records, quarantined, kept, excluded } = found;
  const files =
    spec.files.length === 1 ? (spec.files[0] as string) : `${spec.files[0]} and ${spec.files.length - 1} more`;
  if (quarantined > spec.quarantineLimit * records) {
    const first = await database.row<{ file: string; line: number; reason: string }>(sql`
      select file, line, reason from quarantine where role = ${spec.role} limit 1`);
    const percent = (share: number) => `${Number((100 * share).toPrecision(3))}%`;
    throw new InputError(
      `${first.file}:${first.line}`,
      `${first.reason.replace(/\s+/g, " ")}; ${quarantined} of ${records} records (${percent(quarantined / records)}) cannot be used, more than the accepted ${percent(spec.quarantineLimit)}`,
      first.reason === "not UTF-8"
        ? `convert the file: iconv -f LATIN1 -t UTF-8 ${first.file}`
        : "see quarantine.parquet for each of them; mend the log, or raise traffic.quarantineLimit",
    );
  }
  if (kept === 0) {
    throw new InputError(
      files,
      `no usable record among ${records} (${excluded} left out by where)`,
      "check the file and where",
    );
  }
}

interface Time {
  readonly value: Sql;
  readonly notes: readonly string[];
}

/** `__at` as TIMESTAMP in UTC: a timestamp, ISO text, or epoch seconds, milliseconds, microseconds or nanoseconds. */
export async function timeOf(database: Database, table: string): Promise<Time> {
  const at = raw('"__at"');
  const described = await database.describe(sql`select ${at} from ${name(table)}`);
  const type = described[0]?.type ?? "VARCHAR";
  if (type === "TIMESTAMP WITH TIME ZONE") return { value: sql`(${at} at time zone 'UTC')`, notes: [] };
  if (type.startsWith("TIMESTAMP") || type === "DATE")
    return { value: sql`cast(${at} as timestamp)`, notes: [zoneless] };
  const number = sql`try_cast(${at} as double)`;
  const { numbers, filled, middle } = await database.row<{
    numbers: number;
    filled: number;
    middle: number | null;
  }>(sql`
    select count(${number}) as numbers, count(${at}) as filled, median(abs(${number})) as middle from ${name(table)}`);
  if (numbers >= 0.9 * filled && middle !== null) {
    const unit = epochUnits.find(({ below }) => middle < below) ?? (epochUnits.at(-1) as (typeof epochUnits)[number]);
    return {
      value: sql`try(make_timestamp(cast(round(${number} * ${raw(`${unit.micros}e0`)}) as bigint)))`,
      notes: [`times are read as epoch ${unit.name}`],
    };
  }
  const { bare } = await database.row<{ bare: number }>(sql`
    select count(*) filter (where not regexp_matches(cast(${at} as varchar), ':\\d.*([zZ]|[-+]\\d\\d(:?\\d\\d)?|[A-Z]{3,4})\\s*$')) as bare
    from ${name(table)}`);
  // DuckDB knows neither a time without seconds nor a small z
  const text = sql`regexp_replace(upper(cast(${at} as varchar)), '^(.{10}[T ]\\d\\d:\\d\\d)(Z|[-+].*|)$', '\\1:00\\2')`;
  return {
    value: sql`(try_cast(${text} as timestamptz) at time zone 'UTC')`,
    notes: bare > 0 ? [zoneless] : [],
  };
}

const zoneless = "times without a zone are read as UTC";

/** An epoch in one of these units below this size is before the year 5138. */
const epochUnits = [
  { name: "seconds", below: 1e11, micros: 1e6 },
  { name: "milliseconds", below: 1e14, micros: 1e3 },
  { name: "microseconds", below: 1e17, micros: 1 },
  { name: "nanoseconds", below: Number.POSITIVE_INFINITY, micros: 1e-3 },
] as const;
