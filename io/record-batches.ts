import type {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBListValue,
  DuckDBTimestampValue,
  DuckDBValue,
} from "@duckdb/node-api";
import * as arrow from "apache-arrow";
import type { Database } from "./duckdb.ts";
import { join, name, raw, type Sql, sql } from "./sql.ts";

export type { RecordBatch } from "apache-arrow";

/**
 * The rows of queries as record batches, one a query, all of one schema: a column that a query lacks is missing in its rows.
 * Without a row there is one empty batch, so that the schema is known anyway.
 *
 * Timestamps have microseconds (in UTC where DuckDB's have a zone), lists are lists, exact numbers that JavaScript has no
 * array for (DECIMAL, HUGEINT) are doubles, nested values are JSON, and whatever else DuckDB has is its text.
 *
 * @param columns of all queries, as {@link Database.describe} has them
 * @param queries of as many rows as may be in memory at a time
 */
export async function* recordBatches(
  database: Database,
  columns: readonly { readonly name: string; readonly type: string }[],
  queries: Iterable<Sql> | AsyncIterable<Sql>,
): AsyncGenerator<arrow.RecordBatch> {
  const exported = columns.map((column) => ({ name: column.name, ...exportType(column.type) }));
  const schema = new arrow.Schema(exported.map((column) => new arrow.Field(column.name, column.arrow, true)));
  const batchOf = (values: readonly (readonly DuckDBValue[])[]) => {
    const children = exported.map((column, i) => dataOf(column.arrow, values[i] ?? []));
    const type = new arrow.Struct(schema.fields);
    return new arrow.RecordBatch(schema, arrow.makeData({ type, length: values[0]?.length ?? 0, children }));
  };
  let empty = true;
  for await (const query of queries) {
    const own = new Set((await database.describe(query)).map((column) => column.name));
    const values = exported.map((column) => {
      return sql`cast(${own.has(column.name) ? name(column.name) : raw("null")} as ${raw(column.sql)})`;
    });
    const found = await database.columns(sql`select ${join(values)} from (${query})`);
    if (found[0]?.length === 0) continue;
    empty = false;
    yield batchOf(found);
  }
  if (empty) yield batchOf([]);
}

interface ExportType {
  /** what the values are cast to */
  readonly sql: string;
  readonly arrow: arrow.DataType;
}

function exportType(type: string): ExportType {
  const list = /^(.*)\[\d*\]$/s.exec(type);
  if (list) {
    const item = exportType(list[1] as string);
    return { sql: `${item.sql}[]`, arrow: new arrow.List(new arrow.Field("item", item.arrow, true)) };
  }
  if (/^(DECIMAL|U?HUGEINT)/.test(type)) return exportType("DOUBLE");
  if (/^(STRUCT|MAP|UNION|JSON)/.test(type)) return { sql: "JSON", arrow: new arrow.Utf8() };
  if (type === "TIMESTAMP WITH TIME ZONE") return { sql: type, arrow: new arrow.TimestampMicrosecond("UTC") };
  if (type.startsWith("TIMESTAMP")) return { sql: "TIMESTAMP", arrow: new arrow.TimestampMicrosecond() };
  const same = sameTypes[type];
  return same ? { sql: type, arrow: same } : { sql: "VARCHAR", arrow: new arrow.Utf8() };
}

const sameTypes: Readonly<Record<string, arrow.DataType>> = {
  BOOLEAN: new arrow.Bool(),
  TINYINT: new arrow.Int8(),
  SMALLINT: new arrow.Int16(),
  INTEGER: new arrow.Int32(),
  BIGINT: new arrow.Int64(),
  UTINYINT: new arrow.Uint8(),
  USMALLINT: new arrow.Uint16(),
  UINTEGER: new arrow.Uint32(),
  UBIGINT: new arrow.Uint64(),
  FLOAT: new arrow.Float32(),
  DOUBLE: new arrow.Float64(),
  DATE: new arrow.DateDay(),
  BLOB: new arrow.Binary(),
};

/** DuckDB's values as a column of one of the types of {@link exportType}. */
function dataOf(type: arrow.DataType, values: readonly DuckDBValue[]): arrow.Data {
  const { length } = values;
  const bits = (isSet: (value: DuckDBValue) => boolean) => {
    const bytes = new Uint8Array(Math.ceil(length / 8));
    values.forEach((value, i) => {
      if (isSet(value)) bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7));
    });
    return bytes;
  };
  const nullCount = values.filter((value) => value === null).length;
  const common = { length, nullCount, nullBitmap: nullCount === 0 ? null : bits((value) => value !== null) };
  const offsets = (sizes: readonly number[]) => {
    const valueOffsets = new Int32Array(length + 1);
    sizes.forEach((size, i) => {
      valueOffsets[i + 1] = (valueOffsets[i] as number) + size;
    });
    return valueOffsets;
  };
  if (arrow.DataType.isList(type)) {
    const items = values.map((value) => (value as DuckDBListValue | null)?.items ?? []);
    const child = dataOf(type.valueType, items.flat());
    return arrow.makeData({ type, ...common, valueOffsets: offsets(items.map((own) => own.length)), child });
  }
  if (arrow.DataType.isUtf8(type) || arrow.DataType.isBinary(type)) {
    const bytes = values.map((value) =>
      typeof value === "string" ? Buffer.from(value) : ((value as DuckDBBlobValue | null)?.bytes ?? Buffer.alloc(0)),
    );
    const valueOffsets = offsets(bytes.map((own) => own.length));
    return arrow.makeData({ type: type as arrow.Utf8, ...common, valueOffsets, data: Buffer.concat(bytes) });
  }
  if (arrow.DataType.isBool(type)) return arrow.makeData({ type, ...common, data: bits((value) => value === true) });
  const data = new type.ArrayType(length);
  values.forEach((value, i) => {
    if (value !== null) data[i] = numberOf(type, value);
  });
  return arrow.makeData({ type: type as arrow.Int, ...common, data });
}

function numberOf(type: arrow.DataType, value: DuckDBValue): DuckDBValue {
  if (arrow.DataType.isTimestamp(type)) return (value as DuckDBTimestampValue).micros;
  return arrow.DataType.isDate(type) ? (value as DuckDBDateValue).days : value;
}
