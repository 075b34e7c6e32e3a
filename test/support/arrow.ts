import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as arrow from "apache-arrow";
import { readArrow } from "../../io/arrow-reader.ts";
import { sql } from "../../io/sql.ts";
import { temporaryFolder } from "./folders.ts";

export const field = (name: string, type: arrow.DataType) => new arrow.Field(name, type, true);

/** Thirty rows and twelve more, with every kind of buffer that the format has. */
export function exampleTable(): arrow.Table {
  const rows = Array.from({ length: 30 }, (_, i) => i);
  const maybe = <T>(value: (i: number) => T) => rows.map((i) => (i % 5 === 2 ? null : value(i)));
  const entry = new arrow.Struct([new arrow.Field("key", new arrow.Utf8(), false), field("value", new arrow.Int32())]);
  const table = new arrow.Table({
    text: arrow.vectorFromArray(
      maybe((i) => `text ${i} é`),
      new arrow.Utf8(),
    ),
    large: arrow.vectorFromArray(
      maybe((i) => `large ${i}`),
      new arrow.LargeUtf8(),
    ),
    view: arrow.vectorFromArray(
      maybe((i) => "a view ".repeat(i % 4)),
      new arrow.Utf8View(),
    ),
    tier: arrow.vectorFromArray(
      maybe((i) => `tier ${i % 3}`),
      new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 7),
    ),
    count: arrow.vectorFromArray(maybe(BigInt), new arrow.Int64()),
    flag: arrow.vectorFromArray(
      maybe((i) => i % 2 === 0),
      new arrow.Bool(),
    ),
    share: arrow.vectorFromArray(
      maybe((i) => i / 7),
      new arrow.Float64(),
    ),
    bytes: arrow.vectorFromArray(
      maybe((i) => Uint8Array.of(i, 255)),
      new arrow.Binary(),
    ),
    list: arrow.vectorFromArray(
      maybe((i) => [i, null, 3]),
      new arrow.List(field("item", new arrow.Int16())),
    ),
    pair: arrow.vectorFromArray(
      maybe((i) => [i, i + 1]),
      new arrow.FixedSizeList(2, field("item", new arrow.Uint32())),
    ),
    meta: arrow.vectorFromArray(
      maybe((i) => ({ user: `u${i}`, age: i })),
      new arrow.Struct([field("user", new arrow.Utf8()), field("age", new arrow.Int32())]),
    ),
    tags: arrow.vectorFromArray(
      maybe((i) => new Map([[`k${i}`, i]])),
      new arrow.Map_(field("entries", entry) as never),
    ),
    price: arrow.vectorFromArray(
      maybe((i) => Uint32Array.of(i, 0, 0, 0)),
      new arrow.Decimal(2, 10),
    ),
    nothing: arrow.vectorFromArray(
      rows.map(() => null),
      new arrow.Null(),
    ),
  });
  return table.concat(table.slice(0, 12));
}

/** A file has a footer, a stream has not. */
export type Format = "file" | "stream";

/** A table or batches as bytes, as apache-arrow writes them. */
export function ipc(format: Format, table: arrow.Table | arrow.RecordBatch[] = exampleTable()): Uint8Array {
  const Writer = format === "file" ? arrow.RecordBatchFileWriter : arrow.RecordBatchStreamWriter;
  const writer = new Writer();
  for (const batch of Array.isArray(table) ? table : table.batches) writer.write(batch);
  return writer.finish().toUint8Array(true);
}

/** A temporary file of these bytes. */
export function written(bytes: Uint8Array, name = "log.arrow"): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, bytes);
  return file;
}

/** The rows of a file as JSON, batch by batch. */
export async function batchesOf(file: string): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const batch of readArrow(file)) batches.push(rowsOf(new arrow.Table([batch])));
  return batches;
}

/** Rows as JSON. */
export function rowsOf(table: arrow.Table): string[] {
  return table
    .toArray()
    .map((row) => JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}n` : value)));
}

/** How many rows a file has, all of them read. */
export async function counted(file: string): Promise<number> {
  let rows = 0;
  for await (const batch of readArrow(file)) rows += batch.numRows;
  return rows;
}

/** Where the messages of a stream begin and where it ends, by the lengths that they state. */
export function boundaries(stream: Uint8Array): number[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  const found = [0];
  for (let at = 0; view.getInt32(at + 4, true) !== 0; found.push(at)) {
    const length = view.getInt32(at + 4, true);
    const message = arrow.Message.decode(stream.subarray(at + 8, at + 8 + length));
    at += 8 + length + message.bodyLength;
  }
  return found;
}

/** Four rows of every type that is exported in its own way. */
export const everyType = sql`
  select cast(range as integer) as "select", range = 2 as flag, cast(range as bigint) + 9007199254740992 as big,
    range / 4 as share, if(range % 2 = 0, 'text é ' || range, null) as "text", date '1969-12-31' as day,
    timestamp '2026-01-05 00:00:00.123456' + to_seconds(range) as "at", timestamptz '2026-01-05 02:00:00+02' as zoned,
    [range * 0.5, null] as list, [['a'], null] as nested, {'user': 'u' || range} as meta, map {'k': range} as tags,
    1.25::decimal(5, 2) as price, '\\x00\\xFF'::blob as bytes, cast(range as utinyint) as tiny, null as nothing
  from range(4)`;

/** What comes out of an iterable. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
