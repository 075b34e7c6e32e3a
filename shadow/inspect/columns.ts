import { type Database, SqlError } from "../../io/duckdb.ts";
import { join, literal, name, raw, type Sql, sql } from "../../io/sql.ts";
import { origin } from "../ingest/origin.ts";
import type { Source } from "../ingest/source.ts";
import { typedRelation } from "../ingest/typed-columns.ts";
import { placeKey, textName, withTexts } from "./texts.ts";

/** One column of a log, as it is there. */
export interface ColumnFacts {
  readonly name: string;
  /** as the importer reads it, in DuckDB's words; at most 200 characters; from 40,000 records on by a sample */
  readonly type: string;
  /** share of readable records in which it is NULL, not there, or an empty text */
  readonly missing: number;
  /** different values that are not missing */
  readonly distinct: number;
  /** `distinct` is an estimate, 13 % off as a rule (HyperLogLog): the log has more than 100,000 records */
  readonly approximate: boolean;
  /** the first value that is not missing, at most 80 characters of it */
  readonly example: string | null;
  /** mean length of a value's text, characters */
  readonly meanLength: number;
  /** share of the values that hold white space */
  readonly spaced: number;
  /** share of the values that are a time, as `timesAs` says; numbers count from 2000 to 2100 only */
  readonly times: number;
  readonly timesAs: "timestamp" | "date" | "text" | `epoch ${EpochUnit}` | null;
  /** share of the values that are a finite number, in quotes or not */
  readonly numbers: number;
}

type EpochUnit = (typeof epochs)[number]["unit"];

/** Larger logs are counted by approx_count_distinct. */
export const exactUntil = 100_000;

/** Looks at every column of a log. */
export async function columnFacts(database: Database, source: Source, readable: number): Promise<ColumnFacts[]> {
  const sample = await typeSample(database, source, readable);
  const facts: ColumnFacts[] = [];
  for (let start = 0; start < source.columns.length; start += columnsAtOnce) {
    const columns = source.columns.slice(start, start + columnsAtOnce);
    const usable = sql`select * from ${name(source.table)} where ${name(origin.problem)} is null`;
    const texts = await withTexts(database, source, usable, columns);
    const counts = await database.row<Counts>(countsOf(texts, columns.length, readable));
    const exact = readable > exactUntil ? {} : await distinctOf(database, texts, columns.length);
    for (const [i, column] of columns.entries()) {
      const type = await typeOf(database, sample, column);
      facts.push(factsOf(column, type, readable, (key) => exact[`${key}_${i}`] ?? counts[`${key}_${i}`]));
    }
  }
  return facts;
}

type Counts = Readonly<Record<string, number | string | null>>;

const columnsAtOnce = 60;

/** The importer decides a column's type in one pass over all records; here 20,000 to 40,000 of a longer log do. */
async function typeSample(database: Database, source: Source, readable: number): Promise<Source> {
  const every = Math.floor(readable / 20_000);
  if (every < 2) return source;
  const table = `${source.table}_sample`;
  await database.run(sql`
    create table ${name(table)} as
    select * from ${name(source.table)} where hash(${placeKey}) % ${raw(String(every))} = 0`);
  return { ...source, table };
}

async function typeOf(database: Database, source: Source, column: string): Promise<string> {
  // SQL has no name without a character
  if (column === "") return "VARCHAR";
  try {
    const relation = await typedRelation(database, source, [column], source.files[0] as string);
    const [described] = await database.describe(sql`select ${name(column)} from (${relation})`);
    return cut(described?.type ?? "VARCHAR", 200);
  } catch (error) {
    if (error instanceof SqlError) return "JSON";
    throw error;
  }
}

function countsOf(texts: Sql, columns: number, readable: number): Sql {
  const indices = Array.from({ length: columns }, (_, i) => i);
  const number = (i: number) => name(`number_${i}`);
  const parsed = indices.map((i) => {
    const text = textName(i);
    return sql`${text}, case when length(${text}) <= 40 and isfinite(try_cast(${text} as double)) then try_cast(${text} as double) end as ${number(i)}`;
  });
  // aggregates with a filter took ten times as long: 492 ms against 51 for eight on each of 44 columns, 10,000 rows
  const howMany = (condition: Sql) => sql`count(case when ${condition} then 1 end)`;
  const counts = indices.flatMap((i) => {
    const [text, value] = [textName(i), number(i)];
    const key = (own: string) => name(`${own}_${i}`);
    const isTime = sql`${value} is null and length(${text}) between 8 and 40 and isfinite(try_cast(${isoText(text)} as timestamptz))`;
    return [
      sql`count(${text}) as ${key("filled")}`,
      ...(readable > exactUntil ? [sql`approx_count_distinct(${text}) as ${key("distinct")}`] : []),
      sql`arg_min(left(${text}, 80), place) as ${key("example")}`,
      sql`coalesce(sum(length(${text})), 0) as ${key("characters")}`,
      sql`${howMany(sql`regexp_matches(${text}, '\\s')`)} as ${key("spaced")}`,
      sql`count(${value}) as ${key("numbers")}`,
      sql`${howMany(isTime)} as ${key("iso")}`,
      ...epochs.map(({ unit, perSecond }) => {
        const from = raw(String(from2000 * perSecond));
        const until = raw(String(to2100 * perSecond));
        return sql`${howMany(sql`${value} >= ${from} and ${value} < ${until}`)} as ${key(unit)}`;
      }),
    ];
  });
  return sql`select ${join(counts)} from (select ${placeKey} as place, ${join(parsed)} from (${texts}))`;
}

/**
 * Different values by their 64-bit hashes, a column at a time: as fast as all at once, with one set of values in memory
 * instead of sixty.
 */
async function distinctOf(database: Database, texts: Sql, columns: number): Promise<Counts> {
  const hash = (i: number) => name(`hash_${i}`);
  const indices = Array.from({ length: columns }, (_, i) => i);
  const hashes = indices.map(
    (i) => sql`case when ${textName(i)} is not null then hash(${textName(i)}) end as ${hash(i)}`,
  );
  await database.run(sql`create table column_hashes as select ${join(hashes)} from (${texts})`);
  const counts: Record<string, number> = {};
  for (const i of indices) {
    const { n } = await database.row<{ n: number }>(sql`select count(distinct ${hash(i)}) as n from column_hashes`);
    counts[`distinct_${i}`] = n;
  }
  await database.run(sql`drop table column_hashes`);
  return counts;
}

/** A text that the importer would cast to a time: DuckDB knows neither a time without seconds nor a small z. */
function isoText(text: Sql): Sql {
  return sql`regexp_replace(upper(${text}), ${literal("^(.{10}[T ]\\d\\d:\\d\\d)(Z|[-+].*|)$")}, ${literal("\\1:00\\2")})`;
}

const from2000 = Date.UTC(2000, 0) / 1000;
const to2100 = Date.UTC(2100, 0) / 1000;

const epochs = [
  { unit: "seconds", perSecond: 1 },
  { unit: "milliseconds", perSecond: 1e3 },
  { unit: "microseconds", perSecond: 1e6 },
  { unit: "nanoseconds", perSecond: 1e9 },
] as const;

function factsOf(
  column: string,
  type: string,
  readable: number,
  of: (key: string) => number | string | null | undefined,
): ColumnFacts {
  const filled = Number(of("filled"));
  const share = (count: unknown) => (filled === 0 ? 0 : Number(count) / filled);
  return {
    name: column,
    type,
    missing: readable === 0 ? 0 : 1 - filled / readable,
    distinct: Math.min(filled, Number(of("distinct"))),
    approximate: readable > exactUntil,
    example: (of("example") ?? null) as string | null,
    meanLength: share(of("characters")),
    spaced: share(of("spaced")),
    ...timesOf(type, filled, of),
    numbers: share(of("numbers")),
  };
}

function timesOf(type: string, filled: number, of: (key: string) => unknown): Pick<ColumnFacts, "times" | "timesAs"> {
  if (filled > 0 && type.startsWith("TIMESTAMP")) return { times: 1, timesAs: "timestamp" };
  if (filled > 0 && type === "DATE") return { times: 1, timesAs: "date" };
  const kinds = [
    { timesAs: "text" as const, count: Number(of("iso")) },
    ...epochs.map(({ unit }) => ({ timesAs: `epoch ${unit}` as const, count: Number(of(unit)) })),
  ];
  const best = kinds.reduce((most, next) => (next.count > most.count ? next : most));
  return best.count === 0 ? { times: 0, timesAs: null } : { times: best.count / filled, timesAs: best.timesAs };
}

function cut(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text;
}
