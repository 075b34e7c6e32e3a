import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { recordBatches } from "../../io/record-batches.ts";
import { sql } from "../../io/sql.ts";
import { all, everyType, rowsOf } from "../support/arrow.ts";
import { openDatabase } from "../support/database.ts";

describe("record batches of a query", () => {
  it("keep DuckDB's values: exact integers, microseconds, lists, JSON, and what is missing", async () => {
    const database = await openDatabase();
    const [batch] = await all(recordBatches(database, await database.describe(everyType), [everyType]));
    const table = new arrow.Table([batch as arrow.RecordBatch]);
    expect(table.schema.fields.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      "select: Int32",
      "flag: Bool",
      "big: Int64",
      "share: Float64",
      "text: Utf8",
      "day: Date32<DAY>",
      "at: Timestamp<MICROSECOND>",
      "zoned: Timestamp<MICROSECOND, UTC>",
      "list: List<Float64>",
      "nested: List<List<Utf8>>",
      "meta: Utf8",
      "tags: Utf8",
      "price: Float64",
      "bytes: Binary",
      "tiny: Uint8",
      "nothing: Int32",
    ]);
    expect(JSON.parse(rowsOf(table)[2] as string)).toEqual({
      select: 2,
      flag: true,
      big: "9007199254740994n",
      share: 0.5,
      text: "text é 2",
      day: -86_400_000,
      at: Date.UTC(2026, 0, 5, 0, 0, 2, 123) + 0.456,
      zoned: Date.UTC(2026, 0, 5),
      list: [1, null],
      nested: [["a"], null],
      meta: '{"user":"u2"}',
      tags: '{"k":2}',
      price: 1.25,
      bytes: { 0: 0, 1: 255 },
      tiny: 2,
      nothing: null,
    });
    expect(table.getChild("text")?.get(1)).toBe(null);
  });

  it("have one schema, whatever columns a query lacks, and there is an empty one when there is no row", async () => {
    const database = await openDatabase();
    const columns = await database.describe(everyType);
    const queries = [sql`select 7 as "select"`, sql`select * from (${everyType}) where false`, everyType];
    const batches = await all(recordBatches(database, columns, queries));
    expect(batches.map(({ numRows }) => numRows)).toEqual([1, 4]);
    const [own, full] = batches as [arrow.RecordBatch, arrow.RecordBatch];
    expect(arrow.util.compareSchemas(own.schema, full.schema)).toBe(true);
    expect(own.getChild("select")?.get(0)).toBe(7);
    expect(own.schema.fields.filter(({ name }) => own.getChild(name)?.get(0) === null)).toHaveLength(15);
    const none = await all(recordBatches(database, columns, [sql`select * from (${everyType}) where false`]));
    expect(none.map(({ numRows, schema }) => [numRows, schema.fields.length])).toEqual([[0, 16]]);
  });
});
