import { isAscii, isUtf8 } from "node:buffer";
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructType,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBType,
  type DuckDBValue,
  FLOAT,
  INTEGER,
  INTERVAL,
  LIST,
  MAP,
  SMALLINT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  TINYINT,
  UBIGINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
  VARCHAR,
} from "@duckdb/node-api";
import * as arrow from "apache-arrow";
import { arrowSchema, readArrow } from "../../io/arrow-reader.ts";
import type { Database } from "../../io/duckdb.ts";
import { join, name, raw, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";
import { origin } from "./origin.ts";

const { DataType } = arrow;

/**
 * Loads Arrow files and streams into a table: all their columns, and those of {@link origin}.
 *
 * Nested values stay nested, so that `meta.user_id` reads a field; dictionaries become their values, extension types their
 * storage. DuckDB's times have microseconds: finer ones are cut off, towards the past. A decimal that DuckDB cannot hold
 * (more than 38 digits, or a negative scale) becomes a DOUBLE.
 *
 * @param files of one or more rows in all; their columns may stand in any order
 * @throws InputError for a file that cannot be read or has other columns than the first one, for a column that DuckDB
 *   cannot hold, and with its row for a value that is outside of its type
 */
export async function loadArrow(database: Database, files: readonly string[], table: string): Promise<void> {
  const columns = await columnsOf(files);
  const described = [...columns, ...originColumns].map((column) => sql`${name(column.name)} ${raw(`${column.type}`)}`);
  await database.run(sql`create table ${name(table)} (${join(described)})`);
  let total = 0;
  for (const [index, file] of files.entries()) {
    const appender = new BatchAppender(database, table, columns, file, index);
    for await (const batch of readArrow(file)) await appender.add(batch);
    await appender.flush();
    total += appender.rows;
  }
  if (total === 0) throw new InputError(files.join(", "), "has no rows", "give a log with at least one request");
  const { n } = await database.row<{ n: number }>(sql`select count(*) as n from ${name(table)}`);
  if (n !== total) throw new Error(`${files.join(", ")}: ${n} of ${total} rows were kept`);
}

interface Column {
  readonly name: string;
  readonly type: DuckDBType;
}

const originColumns: readonly Column[] = [
  { name: origin.file, type: INTEGER },
  { name: origin.line, type: BIGINT },
  { name: origin.record, type: VARCHAR },
  { name: origin.broken, type: VARCHAR },
  { name: origin.problem, type: VARCHAR },
];

/** The columns of the first file; one of type null has the type that it has in another file. */
async function columnsOf(files: readonly string[]): Promise<Column[]> {
  const [first = "", ...others] = files;
  const columns = await fileColumns(first);
  for (const file of others) {
    const own = await fileColumns(file);
    const added = own.find((column) => !columns.some((known) => known.name === column.name));
    if (added) throw new InputError(file, `has a column ${added.name}, which ${first} has not`, sameColumns);
    for (const [i, known] of columns.entries()) {
      const column = own.find((one) => one.name === known.name);
      if (!column) throw new InputError(file, `has no column ${known.name}, which ${first} has`, sameColumns);
      if (known.empty) columns[i] = column;
      else if (!column.empty && String(column.type) !== String(known.type)) {
        const types = `is ${column.type}, but ${known.type} in ${first}`;
        throw new InputError(file, `column ${column.name} ${types}`, sameColumns);
      }
    }
  }
  return columns;
}

const sameColumns = "give files with the same columns";

async function fileColumns(file: string): Promise<(Column & { readonly empty: boolean })[]> {
  const { fields } = await arrowSchema(file);
  if (fields.length === 0) throw new InputError(file, "has no columns", "give a log with at least one");
  return attempt(file, () => {
    requireNames(fields, "column");
    for (const { name: own } of fields) {
      if (Object.values<string>(origin).includes(lowerCase(own)))
        throw new RangeError(`has a column ${own}, which is a name of foretaste's own`);
    }
    return fields.map((field) => ({
      name: field.name,
      type: readingOf(field, "column").type,
      empty: DataType.isNull(field.type),
    }));
  });
}

function attempt<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new InputError(place, cause.message, "mend it where the file is written", { cause });
  }
}

/** @throws RangeError for names that DuckDB cannot hold or tell apart: it compares them with A–Z as a–z */
function requireNames(fields: readonly arrow.Field[], kind: string): void {
  const seen = new Map<string, string>();
  for (const { name: own } of fields) {
    // apache-arrow has null for a name that is left out
    if (!own) throw new RangeError(`has a ${kind} without a name`);
    if (own.includes("\0")) throw new RangeError(`has a ${kind} with a zero byte in its name, ${JSON.stringify(own)}`);
    const alike = seen.get(lowerCase(own));
    if (alike === own) throw new RangeError(`has two ${kind}s called ${own}`);
    if (alike !== undefined) throw new RangeError(`has ${kind}s ${alike} and ${own}, which differ only in case`);
    seen.set(lowerCase(own), own);
  }
}

function lowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Appends the batches of one file, in steps of their own, whatever the batches' sizes. */
class BatchAppender {
  readonly #database: Database;
  readonly #table: string;
  readonly #columns: readonly Column[];
  readonly #file: string;
  readonly #index: number;
  readonly #readings = new Map<string, Reading>();
  #pending: DuckDBValue[][];
  #pendingRows = 0;
  #pendingBytes = 0;
  /** rows that were added */
  rows = 0;

  constructor(database: Database, table: string, columns: readonly Column[], file: string, index: number) {
    this.#database = database;
    this.#table = table;
    this.#columns = columns;
    this.#file = file;
    this.#index = index;
    this.#pending = columns.map(() => []);
  }

  async add(batch: arrow.RecordBatch): Promise<void> {
    const { fields } = batch.schema;
    const order = this.#columns.map((column) => fields.findIndex((field) => field.name === column.name));
    const bytesPerRow = batch.data.byteLength / batch.numRows;
    for (let from = 0; from < batch.numRows; ) {
      const room = Math.ceil((bytesPerStep - this.#pendingBytes) / bytesPerRow);
      const until = Math.min(batch.numRows, from + Math.min(room, rowsPerStep - this.#pendingRows));
      for (const [i, column] of order.entries()) {
        const pending = this.#pending[i] as DuckDBValue[];
        const found = this.#read(fields[column] as arrow.Field, batch.data.children[column] as arrow.Data, from, until);
        for (const value of found) pending.push(value);
      }
      this.#pendingRows += until - from;
      this.#pendingBytes += (until - from) * bytesPerRow;
      this.rows += until - from;
      from = until;
      if (this.#pendingRows >= rowsPerStep || this.#pendingBytes >= bytesPerStep) await this.flush();
    }
  }

  async flush(): Promise<void> {
    const pending = this.#pendingRows;
    if (pending === 0) return;
    const first = this.rows - pending + 1;
    const lines = Array.from({ length: pending }, (_, i) => BigInt(first + i));
    const nulls = new Array<null>(pending).fill(null);
    await this.#database.append(
      this.#table,
      [...this.#columns, ...originColumns].map(({ type }) => type),
      [...this.#pending, new Array<number>(pending).fill(this.#index), lines, nulls, nulls, nulls],
    );
    this.#pending = this.#columns.map(() => []);
    this.#pendingRows = 0;
    this.#pendingBytes = 0;
  }

  #read(field: arrow.Field, data: arrow.Data, from: number, until: number): DuckDBValue[] {
    const reading = this.#readings.get(field.name) ?? readingOf(field, "column");
    this.#readings.set(field.name, reading);
    try {
      return reading.read(data, from, until);
    } catch (error) {
      let row = from;
      const place = () => `${this.#file}:${this.rows + row - from + 1}`;
      for (; row < until; row++) attempt(place(), () => reading.read(data, row, row + 1));
      throw error;
    }
  }
}

const rowsPerStep = 8 * 2048;
/** Records may be long; a step takes a few times this in memory. */
const bytesPerStep = 1 << 25;

/** How a column is read: its type in DuckDB, and its values from one row to another one. */
interface Reading {
  readonly type: DuckDBType;
  /** @throws RangeError for a value that is outside of the type */
  readonly read: (data: arrow.Data, from: number, until: number) => DuckDBValue[];
}

/** @throws RangeError for a type that DuckDB cannot hold */
function readingOf({ name: own, type }: arrow.Field, kind = "field"): Reading {
  const named = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new RangeError(`${kind} ${own}: ${cause.message}`, { cause });
    }
  };
  const found = named(() => reading(type));
  return { type: found.type, read: (data, from, until) => named(() => found.read(data, from, until)) };
}

function reading(type: arrow.DataType): Reading {
  if (DataType.isNull(type)) return values(INTEGER, () => null);
  if (DataType.isBool(type)) return values(BOOLEAN, ({ values: bits }, i) => isSet(bits, i));
  if (DataType.isInt(type)) return values(integerType(type), ({ values: own }, i) => own[i]);
  if (DataType.isFloat(type)) return floats(type);
  if (DataType.isDecimal(type)) return decimals(type);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return texts;
  if (DataType.isUtf8View(type)) return values(VARCHAR, (data, i) => textOf(viewed(data, i)));
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) return blobs;
  if (DataType.isBinaryView(type)) return values(BLOB, (data, i) => new DuckDBBlobValue(viewed(data, i)));
  if (DataType.isFixedSizeBinary(type)) return fixedBlobs(type);
  if (DataType.isDate(type)) return dates(type);
  if (DataType.isTime(type)) return times(type);
  if (DataType.isTimestamp(type)) return timestamps(type);
  if (DataType.isDuration(type)) return durations(type);
  if (DataType.isInterval(type)) return intervals(type);
  if (DataType.isDictionary(type)) return dictionary(type);
  if (DataType.isList(type) || DataType.isLargeList(type)) return lists(type.children[0] as arrow.Field);
  if (DataType.isFixedSizeList(type)) return lists(type.children[0] as arrow.Field, type.listSize);
  if (DataType.isStruct(type)) return structs(type.children);
  if (DataType.isMap(type)) return maps(type.children[0]?.type.children ?? []);
  throw new RangeError(`${type} is a type that is not read`);
}

/** Values one by one, save those that are missing. */
function values(type: DuckDBType, value: (data: arrow.Data, i: number) => DuckDBValue): Reading {
  return prepared(type, (data) => (i) => value(data, i));
}

/** Values of which something is done at once for all rows from one to another one. */
function prepared(
  type: DuckDBType,
  prepare: (data: arrow.Data, from: number, until: number) => (i: number) => DuckDBValue,
): Reading {
  return {
    type,
    read: (data, from, until) => {
      if (from === until) return [];
      const value = prepare(data, from, until);
      const there = data.nullCount === 0 ? undefined : data.nullBitmap;
      const found = new Array<DuckDBValue>(until - from);
      for (let i = from; i < until; i++) found[i - from] = !there || isSet(there, i) ? value(i) : null;
      return found;
    },
  };
}

function isSet(bits: Uint8Array, i: number): boolean {
  return ((bits[i >> 3] as number) & (1 << (i & 7))) !== 0;
}

function integerType({ bitWidth, isSigned }: arrow.Int): DuckDBType {
  const type = (isSigned ? signed : unsigned)[bitWidth];
  if (!type) throw new RangeError(`integers of ${bitWidth} bits are not read`);
  return type;
}

const signed: Readonly<Record<number, DuckDBType>> = { 8: TINYINT, 16: SMALLINT, 32: INTEGER, 64: BIGINT };
const unsigned: Readonly<Record<number, DuckDBType>> = { 8: UTINYINT, 16: USMALLINT, 32: UINTEGER, 64: UBIGINT };

function floats({ precision }: arrow.Float): Reading {
  const { HALF, SINGLE } = arrow.Precision;
  if (precision === HALF) return values(FLOAT, ({ values: own }, i) => arrow.util.uint16ToFloat64(own[i]));
  return values(precision === SINGLE ? FLOAT : DOUBLE, ({ values: own }, i) => own[i]);
}

/** Two's complement in words of 32 bits, the lowest one first. */
function decimals({ precision, scale, bitWidth }: arrow.Decimal): Reading {
  const words = bitWidth / 32;
  if (precision < 1 || ![1, 2, 4, 8].includes(words))
    throw new RangeError(`decimals of ${precision} digits in ${bitWidth} bits are not read`);
  const unscaled = (own: Uint32Array, i: number) => {
    let value = 0n;
    for (let word = words - 1; word >= 0; word--) value = (value << 32n) | BigInt(own[words * i + word] as number);
    return BigInt.asIntN(bitWidth, value);
  };
  const width = Math.max(precision, scale);
  if (scale < 0 || width > 38) return values(DOUBLE, ({ values: own }, i) => Number(`${unscaled(own, i)}e${-scale}`));
  const most = 10n ** BigInt(width) - 1n;
  const type = DECIMAL(width, scale);
  return values(type, ({ values: own }, i) => {
    return new DuckDBDecimalValue(within(unscaled(own, i), -most, most, type), width, scale);
  });
}

function within(value: bigint, least: bigint, most: bigint, type: DuckDBType): bigint {
  if (value < least || value > most) throw new RangeError(`${value} is no ${type}`);
  return value;
}

const texts = prepared(VARCHAR, ({ values: bytes, valueOffsets }, from, until) => {
  const start = Number(valueOffsets[from]);
  const all = Buffer.from(bytes.buffer, bytes.byteOffset + start, Number(valueOffsets[until]) - start);
  const offset = (i: number) => Number(valueOffsets[i]) - start;
  if (all.length < longestText && isAscii(all)) {
    const text = all.toString("latin1");
    return (i) => text.slice(offset(i), offset(i + 1));
  }
  return (i) => textOf(all.subarray(offset(i), offset(i + 1)));
});

/** Half of what V8 accepts. */
const longestText = 1 << 28;

function textOf(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new RangeError("a text is not UTF-8");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

/** A view's value: in the twelve bytes behind its length if it fits there, else in one of the buffers. */
function viewed({ values: views, variadicBuffers }: arrow.Data, i: number): Uint8Array {
  const view = new DataView(views.buffer, views.byteOffset + 16 * i, 16);
  const size = view.getInt32(0, true);
  if (size <= 12) return views.subarray(16 * i + 4, 16 * i + 4 + size);
  const start = view.getInt32(12, true);
  return (variadicBuffers[view.getInt32(8, true)] as Uint8Array).subarray(start, start + size);
}

const blobs = values(BLOB, ({ values: bytes, valueOffsets }, i) => {
  return new DuckDBBlobValue(bytes.subarray(Number(valueOffsets[i]), Number(valueOffsets[i + 1])));
});

function fixedBlobs({ byteWidth: size }: arrow.FixedSizeBinary): Reading {
  return values(BLOB, ({ values: bytes }, i) => new DuckDBBlobValue(bytes.subarray(size * i, size * (i + 1))));
}

/** Days since the epoch, or the milliseconds of a midnight. */
function dates({ unit }: arrow.Date_): Reading {
  return values(DATE, ({ values: own }, i) => {
    const days = unit === arrow.DateUnit.DAY ? own[i] : Number(own[i]) / 86_400_000;
    if (!Number.isInteger(days)) throw new RangeError(`${own[i]} ms is a date with a time of day`);
    if (Math.abs(days) > DuckDBDateValue.Max.days) throw new RangeError(`${own[i]} is no ${DATE}`);
    return new DuckDBDateValue(days);
  });
}

function times({ unit }: arrow.Time): Reading {
  const { Min, Max } = DuckDBTimeValue;
  const micros = microsOf(unit);
  return values(TIME, ({ values: own }, i) => {
    return new DuckDBTimeValue(within(micros(BigInt(own[i])), Min.micros, Max.micros, TIME));
  });
}

/** Values are in UTC where the type has a zone. */
function timestamps({ unit, timezone }: arrow.Timestamp): Reading {
  const { Min, Max } = DuckDBTimestampValue;
  const micros = microsOf(unit);
  const type = timezone ? TIMESTAMPTZ : TIMESTAMP;
  const Value = timezone ? DuckDBTimestampTZValue : DuckDBTimestampValue;
  return values(type, ({ values: own }, i) => new Value(within(micros(own[i]), Min.micros, Max.micros, type)));
}

function durations({ unit }: arrow.Duration): Reading {
  const most = 2n ** 63n - 1n;
  const micros = microsOf(unit);
  return values(INTERVAL, ({ values: own }, i) => {
    return new DuckDBIntervalValue(0, 0, within(micros(own[i]), -most, most, INTERVAL));
  });
}

function microsOf(unit: arrow.TimeUnit): (value: bigint) => bigint {
  const { SECOND, MILLISECOND, MICROSECOND, NANOSECOND } = arrow.TimeUnit;
  if (unit === SECOND) return (value) => value * 1_000_000n;
  if (unit === MILLISECOND) return (value) => value * 1000n;
  if (unit === MICROSECOND) return (value) => value;
  if (unit === NANOSECOND) return (value) => (value - (((value % 1000n) + 1000n) % 1000n)) / 1000n;
  throw new RangeError(`times of unit ${unit} are not read`);
}

/** Months; days and milliseconds; or months, days and 64 bits of nanoseconds. */
function intervals({ unit }: arrow.Interval): Reading {
  const { YEAR_MONTH, DAY_TIME } = arrow.IntervalUnit;
  const nanos = microsOf(arrow.TimeUnit.NANOSECOND);
  return values(INTERVAL, ({ values: own }, i) => {
    if (unit === YEAR_MONTH) return new DuckDBIntervalValue(own[i], 0, 0n);
    if (unit === DAY_TIME) return new DuckDBIntervalValue(0, own[2 * i], BigInt(own[2 * i + 1]) * 1000n);
    const [months, days, low, high] = own.subarray(4 * i, 4 * i + 4);
    return new DuckDBIntervalValue(months, days, nanos((BigInt(high) << 32n) | BigInt(low >>> 0)));
  });
}

/** The values of a dictionary are read once, as many batches as it serves. */
function dictionary({ dictionary: type }: arrow.Dictionary): Reading {
  const inner = reading(type);
  const known = new WeakMap<arrow.Vector, DuckDBValue[]>();
  return prepared(inner.type, ({ values: indices, dictionary: own }) => {
    const vector = own as arrow.Vector;
    const entries = known.get(vector) ?? vector.data.flatMap((chunk) => inner.read(chunk, 0, chunk.length));
    known.set(vector, entries);
    return (i) => entries[Number(indices[i])] as DuckDBValue;
  });
}

/** @param size of each list, where the type fixes it */
function lists(item: arrow.Field, size?: number): Reading {
  const inner = readingOf(item);
  return prepared(LIST(inner.type), ({ valueOffsets, children }, from, until) => {
    const offset = (i: number) => (size === undefined ? Number(valueOffsets[i]) : size * i);
    const start = offset(from);
    const items = inner.read(children[0] as arrow.Data, start, offset(until));
    return (i) => new DuckDBListValue(items.slice(offset(i) - start, offset(i + 1) - start));
  });
}

function structs(fields: readonly arrow.Field[]): Reading {
  // DuckDB has no STRUCT without fields; as JSON an empty map is the same
  if (fields.length === 0) return values(MAP(VARCHAR, VARCHAR), () => new DuckDBMapValue([]));
  requireNames(fields, "field");
  const names = fields.map((field) => field.name);
  const inner = fields.map((field) => readingOf(field));
  const types = inner.map(({ type }) => type);
  return prepared(new DuckDBStructType(names, types), ({ children }, from, until) => {
    const columns = inner.map(({ read }, c) => read(children[c] as arrow.Data, from, until));
    return (i) => {
      const entries: Record<string, DuckDBValue> = Object.create(null);
      for (const [c, own] of names.entries()) entries[own] = columns[c]?.[i - from] as DuckDBValue;
      return new DuckDBStructValue(entries);
    };
  });
}

function maps([keyField, valueField]: readonly arrow.Field[]): Reading {
  if (!keyField || !valueField) throw new RangeError("a map has no keys or no values");
  const keys = readingOf(keyField);
  const inner = readingOf(valueField);
  return prepared(MAP(keys.type, inner.type), ({ valueOffsets, children }, from, until) => {
    const [start, end] = [Number(valueOffsets[from]), Number(valueOffsets[until])];
    const [ownKeys, ownValues] = (children[0] as arrow.Data).children as [arrow.Data, arrow.Data];
    const found = { keys: keys.read(ownKeys, start, end), values: inner.read(ownValues, start, end) };
    return (i) => {
      const entries = [];
      for (let k = Number(valueOffsets[i]) - start; k < Number(valueOffsets[i + 1]) - start; k++) {
        const key = found.keys[k] as DuckDBValue;
        if (key === null) throw new RangeError("a map has a missing key");
        entries.push({ key, value: found.values[k] as DuckDBValue });
      }
      return new DuckDBMapValue(entries);
    };
  });
}
