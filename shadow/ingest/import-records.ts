import type { Database } from "../../io/duckdb.ts";
import { join, literal, name, raw, type Sql, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";
import type { Redactor } from "../redaction/redaction.ts";
import { type ColumnExpression, type Field, mapRecords } from "./map-records.ts";
import { origin } from "./origin.ts";
import { type PlainSpec, readPlainRecords } from "./plain-records.ts";
import { formatOf, isReadable, loadSource } from "./source.ts";
import { inRange, isZoneless, timeFromText } from "./times.ts";

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
  /** replaces secrets before anything is stored */
  readonly redactor?: Redactor | undefined;
  /** largest share of bad records */
  readonly quarantineLimit: number;
  /** the log is still being written: it may have no record yet, and one that is cut off */
  readonly growing?: boolean | undefined;
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
 * Reads records into a view with record (their number in the order of files and lines), file, line, session (text), user
 * (text or NULL), at (TIMESTAMP in UTC or NULL) and the other fields; bad ones go to the table `quarantine` with line and reason.
 *
 * @throws InputError for broken files and expressions, when no record is usable, and when the share of bad records is
 *   above the limit
 */
export async function importRecords(database: Database, spec: ImportSpec, table: string): Promise<Import> {
  const read = `${table}_read`;
  const plain = plainSpec(spec);
  const notes =
    plain !== undefined && (await readPlainRecords(database, spec.files, plain, read))
      ? await notesOf(database, read)
      : await readCarefully(database, spec, read);
  const columns = new Set((await database.describe(sql`from ${name(read)}`)).map((column) => column.name));
  const files = sql`[${join(spec.files.map(literal))}]`;
  await database.run(sql`
    create view ${name(`${table}_lines`)} as
    select rowid as record, * exclude (rowid) ${
      columns.has("line") ? raw("") : await linesOf(database, spec.files, read)
    }
    from (select rowid, * from ${name(read)})`);
  await database.run(sql`
    insert into quarantine
    select ${spec.role}, list_extract(${files}, file + 1), line, problem, broken
    from ${name(`${table}_lines`)}
    where problem <> ''
    order by file, line`);
  const kept = columns.has("kept") ? raw("kept") : raw("true");
  await database.run(sql`
    create view ${name(table)} as
    select record, file, line, session, "user", "at"
      ${join(
        spec.fields.map((field) => sql`, ${name(field.name)}`),
        "",
      )}
    from ${name(`${table}_lines`)}
    where problem is null and ${kept}`);
  const counts = await database.row<{ records: number; bad: number; kept: number }>(sql`
    select count(*) filter (where problem is distinct from '') as records, count(*) filter (where problem <> '') as bad,
      count(*) filter (where problem is null and ${kept}) as kept
    from ${name(read)}`);
  const reasons = await database.rows<{ reason: string; count: number }>(sql`
    select reason, count(*) as count
    from (select regexp_replace(problem, '(?s)(^not a time[^:]*|: expected [^,]*)(: |, found ).*', '\\1') as reason from ${name(read)} where problem <> '')
    group by reason order by count desc, reason`);
  const result: Import = {
    role: spec.role,
    files: spec.files,
    records: counts.records,
    kept: counts.kept,
    excluded: counts.records - counts.bad - counts.kept,
    quarantined: counts.bad,
    reasons,
    notes,
  };
  await refuseBadLog(database, spec, result);
  return result;
}

/** What {@link readPlainRecords} needs, when columns are taken as they stand. */
function plainSpec({ files, session, user, at, where, fields, redactor }: ImportSpec): PlainSpec | undefined {
  if (!files.every((file) => formatOf(file) === "jsonl" && isReadable(file)) || where !== undefined || redactor)
    return undefined;
  if (typeof session !== "string" || typeof user === "object" || typeof at === "object") return undefined;
  const plain = fields.flatMap((field) =>
    typeof field.from === "string" && field.as !== "value" ? [{ ...field, from: field.from, as: field.as }] : [],
  );
  return plain.length === fields.length ? { session, user, at, fields: plain } : undefined;
}

async function notesOf(database: Database, read: string): Promise<string[]> {
  const { bare } = await database.row<{ bare: boolean }>(sql`
    select coalesce(bool_or(zoneless), false) as bare from ${name(read)}`);
  return bare ? [zoneless] : [];
}

/** File and line of a table whose rows are the files' lines. */
async function linesOf(database: Database, files: readonly string[], read: string): Promise<Sql> {
  if (files.length === 1) return raw(", 0 as file, rowid + 1 as line");
  const firsts = await database.rows<{ file: string; first: number }>(sql`
    select filename as file, min(rowid) as first from ${name(read)} group by all`);
  const first = new Map(firsts.map((own) => [own.file, own.first]));
  const offsets = files.map((file) => raw(String(first.get(file) ?? 0)));
  const file = sql`list_position([${join(files.map(literal))}], filename)`;
  return sql`, cast(${file} - 1 as integer) as file, rowid + 1 - list_extract([${join(offsets)}], ${file}) as line`;
}

/**
 * Reads records of any format, with expressions and conditions over their columns, into a table with file, line, session,
 * user, at, the fields, problem, kept and broken.
 *
 * @returns what a reader of the result should know
 */
async function readCarefully(database: Database, spec: ImportSpec, table: string): Promise<readonly string[]> {
  const source = await loadSource(database, spec.files, `${table}_records`, spec.redactor);
  const mapped = `${table}_mapped`;
  await mapRecords(database, source, fieldsOf(spec), mapped);
  const time = spec.at === undefined ? undefined : await timeOf(database, mapped);
  const at = sql`left(cast("__at" as varchar), 40)`;
  const problem = sql`case
    when ${name(origin.problem)} is not null then ${name(origin.problem)}
    when session is null or session = '' then 'the session is missing'
    ${time ? sql`when "__at" is null then 'the time is missing' when "at" is null then 'not a time: ' || ${at} when not ${inRange(raw('"at"'))} then 'not a time between 1970 and 2200: ' || ${at}` : raw("")}
  end`;
  await database.run(sql`
    create table ${name(table)} as
    select mapped.${name(origin.file)} as file, mapped.${name(origin.line)} as line, session,
      ${spec.user === undefined ? raw("cast(null as varchar)") : raw(`nullif("__user", '')`)} as "user",
      ${time?.value ?? raw("cast(null as timestamp)")} as "at"
      ${join(
        spec.fields.map((field) => sql`, mapped.${name(field.name)}`),
        "",
      )},
      ${problem} as problem,
      ${spec.where === undefined ? raw("true") : raw("coalesce(try_cast(__where as boolean), false)")} as kept,
      case when problem is not null then coalesce(${name(origin.broken)}, ${name(origin.record)}) end as broken
    from ${name(mapped)} as mapped
    positional join (select ${name(origin.broken)}, ${name(origin.record)} from ${name(source.table)}) as records`);
  for (const used of [mapped, source.table]) await database.run(sql`drop table ${name(used)}`);
  return time?.notes ?? [];
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
  if (quarantined > Math.max(spec.quarantineLimit * records, spec.growing ? 1 : 0)) {
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
  if (kept === 0 && !spec.growing) {
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
  const below = epochUnits.map(
    (unit) => sql`count(*) filter (where abs(${number}) < ${unit.below}) as ${name(unit.name)}`,
  );
  const { numbers, filled, ...smaller } = await database.row<
    Record<"numbers" | "filled" | (typeof epochUnits)[number]["name"], number>
  >(sql`
    select count(${number}) as numbers, count(${at}) as filled, ${join(below)} from ${name(table)}`);
  if (numbers > 0 && numbers >= 0.9 * filled) {
    // that of the median, which DuckDB would hold all of them for
    const unit =
      epochUnits.find((own) => 2 * smaller[own.name] > numbers) ?? (epochUnits.at(-1) as (typeof epochUnits)[number]);
    return {
      value: sql`try(make_timestamp(cast(round(${number} * ${raw(`${unit.micros}e0`)}) as bigint)))`,
      notes: [`times are read as epoch ${unit.name}`],
    };
  }
  const text = sql`cast(${at} as varchar)`;
  const { bare } = await database.row<{ bare: number }>(sql`
    select count(*) filter (where ${isZoneless(text)}) as bare from ${name(table)}`);
  return { value: timeFromText(text), notes: bare > 0 ? [zoneless] : [] };
}

const zoneless = "times without a zone are read as UTC";

/** An epoch in one of these units below this size is before the year 5138. */
const epochUnits = [
  { name: "seconds", below: 1e11, micros: 1e6 },
  { name: "milliseconds", below: 1e14, micros: 1e3 },
  { name: "microseconds", below: 1e17, micros: 1 },
  { name: "nanoseconds", below: Number.POSITIVE_INFINITY, micros: 1e-3 },
] as const;
