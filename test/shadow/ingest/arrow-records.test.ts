import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  blobValue,
  type DuckDBValue,
  dateValue,
  decimalValue,
  intervalValue,
  listValue,
  mapValue,
  structValue,
  timestampTZValue,
  timestampValue,
  timeValue,
} from "@duckdb/node-api";
import * as arrow from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeArrow } from "../../../io/arrow-writer.ts";
import { Database } from "../../../io/duckdb.ts";
import { recordBatches } from "../../../io/record-batches.ts";
import { join as joined, name, raw, sql } from "../../../io/sql.ts";
import { InputError } from "../../../plan/input-error.ts";
import { loadArrow } from "../../../shadow/ingest/arrow-records.ts";
import { textStream } from "../../../statistics/random-stream.ts";
import { openDatabase } from "../../support/database.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { refusal } from "../../support/refusal.ts";

const field = (own: string, type: arrow.DataType) => new arrow.Field(own, type, true);

/** A column of a type, of values as apache-arrow's builders take them. */
function column(type: arrow.DataType, values: readonly unknown[]): arrow.Vector {
  return arrow.vectorFromArray(values, type);
}

/** A column of a type whose builder rounds: its own integers. */
function stored(type: arrow.DataType, values: readonly (bigint | null)[]): arrow.Vector {
  const [{ length, nullCount, nullBitmap, values: data }] = arrow.vectorFromArray(values, new arrow.Int64()).data as [
    arrow.Data<arrow.Int64>,
  ];
  return new arrow.Vector([arrow.makeData({ type: type as arrow.Int64, length, nullCount, nullBitmap, data })]);
}

type Columns = Readonly<Record<string, arrow.Vector>>;

function table(columns: Columns): arrow.Table {
  return new arrow.Table(columns as Record<string, arrow.Vector>);
}

/** Writes a file, or a stream under a name that says nothing. */
function written(columns: Columns | arrow.Table, own = "log.arrow", folder = temporaryFolder()): string {
  const file = join(folder, own);
  const format = own.endsWith(".arrow") ? "file" : "stream";
  const content = columns instanceof arrow.Table ? columns : table(columns);
  writeFileSync(file, arrow.tableToIPC(content, format));
  return file;
}

/** The rows of loaded files, and the types of their columns. */
async function loaded(...files: string[]) {
  const database = await openDatabase();
  await loadArrow(database, files, "log");
  const described = await database.describe(
    sql`select * exclude (__file, __line, __record, __broken, __problem) from log`,
  );
  const columns = await database.columns(sql`select * from log order by __file, __line`);
  const own = described.map((one, i) => [one.name, columns[i] ?? []] as const);
  return {
    database,
    types: Object.fromEntries(described.map((one) => [one.name, one.type])),
    columns: Object.fromEntries(own) as Record<string, DuckDBValue[]>,
    files: columns.at(-5),
    lines: columns.at(-4)?.map(Number),
    rest: columns.slice(-3),
  };
}

/** The only column of a file, as it is loaded. */
async function only(vector: arrow.Vector) {
  const { types, columns } = await loaded(written({ x: vector }));
  return { type: types.x, values: columns.x };
}

describe("a loaded file", () => {
  it("has its rows in their order, numbered from 1, and nothing that is broken", async () => {
    const n = Array.from({ length: 40_000 }, (_, i) => i);
    const found = await loaded(written({ n: column(new arrow.Int32(), n) }));
    expect(found.columns.n).toEqual(n);
    expect(found.lines).toEqual(n.map((i) => i + 1));
    expect(found.files?.every((file) => file === 0)).toBe(true);
    expect(found.rest.flat().every((value) => value === null)).toBe(true);
  });

  it("may come in many small batches, some of them empty", async () => {
    const whole = table({
      n: column(
        new arrow.Int32(),
        Array.from({ length: 3000 }, (_, i) => i),
      ),
    });
    const cuts = Array.from({ length: 430 }, (_, i) => whole.slice(7 * i, 7 * i + 7).batches[0]);
    const batches = cuts.flatMap((batch, i) => (i % 50 === 0 ? [batch?.slice(0, 0), batch] : [batch]));
    const file = join(temporaryFolder(), "log.arrows");
    writeFileSync(
      file,
      arrow.RecordBatchStreamWriter.writeAll(batches.filter((batch) => batch !== undefined)).toUint8Array(true),
    );
    const found = await loaded(file);
    expect(found.columns.n).toEqual(Array.from({ length: 3000 }, (_, i) => i));
    expect(found.lines?.at(-1)).toBe(3000);
  });

  it("may have names that SQL has too, quotes, emoji, and letters that differ by more than A–Z", async () => {
    const names = ["select", '"', "a b", "😀", "__proto__", "É", "é", "file", "line"];
    const vectors = names.map((own, i) => [own, column(new arrow.Int32(), [i])]);
    const { columns, types } = await loaded(written(Object.fromEntries(vectors) as Columns));
    expect(Object.keys(types)).toEqual(names);
    for (const [i, own] of names.entries()) expect(columns[own]).toEqual([i]);
  });

  it("lets an expression read a field of a struct, as Parquet does", async () => {
    const meta = new arrow.Struct([field("user_id", new arrow.Utf8()), field("a b", new arrow.Int32())]);
    const { database } = await loaded(written({ meta: column(meta, [{ user_id: "u1", "a b": 7 }, null]) }));
    expect(await database.rows(sql`select meta.user_id, meta."a b" as n, to_json(meta) as json from log`)).toEqual([
      { user_id: "u1", n: 7, json: '{"user_id":"u1","a b":7}' },
      { user_id: null, n: null, json: null },
    ]);
  });

  it("gives back what DuckDB itself exported, timestamps in lists included", async () => {
    const query = sql`
      select range as n, if(range % 3 = 0, null, [timestamp '2026-01-05' + to_seconds(range), null]) as times,
        [[range * 0.5], null, []] as nested, 'é' || range as "text"
      from range(10)`;
    const database = await openDatabase();
    const file = join(temporaryFolder(), "out.arrow");
    await writeArrow(file, recordBatches(database, await database.describe(query), [query]));
    await loadArrow(database, [file], "log");
    const both = sql`(${query}) except select n, times, nested, "text" from log`;
    expect(await database.rows(sql`select * from (${both})`)).toEqual([]);
  });
});

describe("a type", () => {
  const { SECOND, MILLISECOND, MICROSECOND, NANOSECOND } = arrow.TimeUnit;
  const at = (zone: string | null, unit: arrow.TimeUnit) => new arrow.Timestamp(unit, zone);
  const noon = 1_767_614_400n;

  it.each<[string, arrow.Vector, string, DuckDBValue[]]>([
    ["bool", column(new arrow.Bool(), [true, null, false]), "BOOLEAN", [true, null, false]],
    ["int8", column(new arrow.Int8(), [-128, null, 127]), "TINYINT", [-128, null, 127]],
    ["uint8", column(new arrow.Uint8(), [0, 255]), "UTINYINT", [0, 255]],
    ["int16", column(new arrow.Int16(), [-32768]), "SMALLINT", [-32768]],
    ["uint16", column(new arrow.Uint16(), [65535]), "USMALLINT", [65535]],
    ["int32", column(new arrow.Int32(), [-(2 ** 31)]), "INTEGER", [-(2 ** 31)]],
    ["uint32", column(new arrow.Uint32(), [2 ** 32 - 1]), "UINTEGER", [2 ** 32 - 1]],
    [
      "int64",
      column(new arrow.Int64(), [-(2n ** 63n), null, 2n ** 53n + 1n]),
      "BIGINT",
      [-(2n ** 63n), null, 2n ** 53n + 1n],
    ],
    ["uint64", column(new arrow.Uint64(), [2n ** 64n - 1n]), "UBIGINT", [2n ** 64n - 1n]],
    [
      "float16",
      column(new arrow.Float16(), [0.5, null, -65504, Number.NaN, Infinity]),
      "FLOAT",
      [0.5, null, -65504, Number.NaN, Infinity],
    ],
    ["float32", column(new arrow.Float32(), [0.5, -0.25]), "FLOAT", [0.5, -0.25]],
    ["float64", column(new arrow.Float64(), [0.1, -Infinity, Number.NaN]), "DOUBLE", [0.1, -Infinity, Number.NaN]],
    ["utf8", column(new arrow.Utf8(), ["é😀", "", null, "a\0b"]), "VARCHAR", ["é😀", "", null, "a\0b"]],
    ["large utf8", column(new arrow.LargeUtf8(), ["plain", null]), "VARCHAR", ["plain", null]],
    [
      "utf8 view",
      column(new arrow.Utf8View(), ["twelve bytes", "thirteen bytes", null, ""]),
      "VARCHAR",
      ["twelve bytes", "thirteen bytes", null, ""],
    ],
    ["binary", column(new arrow.Binary(), [Uint8Array.of(0, 255), null]), "BLOB", [blobValue(Buffer.of(0, 255)), null]],
    ["large binary", column(new arrow.LargeBinary(), [Uint8Array.of(1)]), "BLOB", [blobValue(Buffer.of(1))]],
    [
      "binary view",
      column(new arrow.BinaryView(), [new Uint8Array(20), null]),
      "BLOB",
      [blobValue(Buffer.alloc(20)), null],
    ],
    [
      "fixed-size binary",
      column(new arrow.FixedSizeBinary(2), [Uint8Array.of(1, 2), null]),
      "BLOB",
      [blobValue(Buffer.of(1, 2)), null],
    ],
    ["date32", column(new arrow.DateDay(), [Date.UTC(1969, 11, 30), null]), "DATE", [dateValue(-2), null]],
    ["date64", stored(new arrow.DateMillisecond(), [-172_800_000n, null]), "DATE", [dateValue(-2), null]],
    ["time32 s", column(new arrow.TimeSecond(), [86_399, null]), "TIME", [timeValue(86_399_000_000n), null]],
    ["time32 ms", column(new arrow.TimeMillisecond(), [1]), "TIME", [timeValue(1000n)]],
    ["time64 µs", column(new arrow.TimeMicrosecond(), [1n]), "TIME", [timeValue(1n)]],
    ["time64 ns", column(new arrow.TimeNanosecond(), [1999n]), "TIME", [timeValue(1n)]],
    ["timestamp s", stored(at(null, SECOND), [noon, null]), "TIMESTAMP", [timestampValue(noon * 1_000_000n), null]],
    ["timestamp ms", stored(at(null, MILLISECOND), [1n]), "TIMESTAMP", [timestampValue(1000n)]],
    ["timestamp µs", stored(at(null, MICROSECOND), [-1n]), "TIMESTAMP", [timestampValue(-1n)]],
    [
      "timestamp ns, cut off towards the past",
      stored(at(null, NANOSECOND), [1999n, -1n]),
      "TIMESTAMP",
      [timestampValue(1n), timestampValue(-1n)],
    ],
    [
      "timestamp with a zone",
      stored(at("Europe/Berlin", MILLISECOND), [noon * 1000n]),
      "TIMESTAMP WITH TIME ZONE",
      [timestampTZValue(noon * 1_000_000n)],
    ],
    ["duration", stored(new arrow.DurationMillisecond(), [-5n, null]), "INTERVAL", [intervalValue(0, 0, -5000n), null]],
    [
      "interval in months",
      column(new arrow.IntervalYearMonth(), [Int32Array.of(1, 2)]),
      "INTERVAL",
      [intervalValue(14, 0, 0n)],
    ],
    [
      "interval in days",
      column(new arrow.IntervalDayTime(), [Int32Array.of(3, 500)]),
      "INTERVAL",
      [intervalValue(0, 3, 500_000n)],
    ],
    [
      "interval in all",
      column(new arrow.IntervalMonthDayNano(), [Int32Array.of(1, 2, -1000, -1)]),
      "INTERVAL",
      [intervalValue(1, 2, -1n)],
    ],
    [
      "decimal",
      column(new arrow.Decimal(2, 10), [
        Uint32Array.of(125, 0, 0, 0),
        Uint32Array.of(2 ** 32 - 125, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1),
        null,
      ]),
      "DECIMAL(10,2)",
      [decimalValue(125n, 10, 2), decimalValue(-125n, 10, 2), null],
    ],
    [
      "decimal of 32 bits",
      column(new arrow.Decimal(1, 5, 32), [Uint32Array.of(15)]),
      "DECIMAL(5,1)",
      [decimalValue(15n, 5, 1)],
    ],
    [
      "decimal beyond DuckDB's",
      column(new arrow.Decimal(1, 60, 256), [Uint32Array.of(15, 0, 0, 0, 0, 0, 0, 0)]),
      "DOUBLE",
      [1.5],
    ],
    ["null", column(new arrow.Null(), [null, null]), "INTEGER", [null, null]],
    [
      "dictionary",
      column(new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 3), ["b", null, "a", "b"]),
      "VARCHAR",
      ["b", null, "a", "b"],
    ],
    [
      "dictionary of numbers",
      column(new arrow.Dictionary(new arrow.Float64(), new arrow.Uint16(), 4), [0.5, 0.5, null]),
      "DOUBLE",
      [0.5, 0.5, null],
    ],
    [
      "list",
      column(new arrow.List(field("item", new arrow.Utf8())), [["a", null], null, []]),
      "VARCHAR[]",
      [listValue(["a", null]), null, listValue([])],
    ],
    [
      "fixed-size list",
      column(new arrow.FixedSizeList(2, field("item", new arrow.Int32())), [[1, 2], null, [5, null]]),
      "INTEGER[]",
      [listValue([1, 2]), null, listValue([5, null])],
    ],
    [
      "struct",
      column(new arrow.Struct([field("a", new arrow.Int32()), field("B c", new arrow.Utf8())]), [
        { a: 1, "B c": "x" },
        null,
      ]),
      'STRUCT(a INTEGER, "B c" VARCHAR)',
      [structValue({ a: 1, "B c": "x" }), null],
    ],
    [
      "list of structs",
      column(new arrow.List(field("item", new arrow.Struct([field("a", new arrow.Bool())]))), [[{ a: true }, null]]),
      "STRUCT(a BOOLEAN)[]",
      [listValue([structValue({ a: true }), null])],
    ],
  ])("%s is read as DuckDB has it", async (_, vector, type, values) => {
    expect(await only(vector)).toEqual({ type, values });
  });

  it("map is read as a map, and a struct without fields as an empty one", async () => {
    const entry = new arrow.Struct([
      new arrow.Field("key", new arrow.Utf8(), false),
      field("value", new arrow.Int32()),
    ]);
    const map = column(new arrow.Map_(field("entries", entry) as never), [
      new Map([
        ["a", 1],
        ["b", null],
      ]),
      null,
      new Map(),
    ]);
    expect(await only(map)).toEqual({
      type: "MAP(VARCHAR, INTEGER)",
      values: [
        mapValue([
          { key: "a", value: 1 },
          { key: "b", value: null },
        ]),
        null,
        mapValue([]),
      ],
    });
    const empty = new arrow.Vector([
      arrow.makeData({ type: new arrow.Struct([]), length: 2, nullCount: 0, children: [] }),
    ]);
    const beside = column(new arrow.Int32(), [1, 2]);
    const { database } = await loaded(written({ empty, beside }));
    expect(await database.rows(sql`select cast(to_json(empty) as varchar) as json from log`)).toEqual([
      { json: "{}" },
      { json: "{}" },
    ]);
  });

  it("that is an extension is read as its storage", async () => {
    const metadata = new Map([
      ["ARROW:extension:name", "arrow.json"],
      ["ARROW:extension:metadata", ""],
    ]);
    const schema = new arrow.Schema([new arrow.Field("x", new arrow.Utf8(), true, metadata)]);
    const own = new arrow.Table(schema, { x: column(new arrow.Utf8(), ["{}"]) });
    expect(own.schema.fields[0]?.metadata.size).toBe(2);
    expect((await loaded(written(own))).types).toEqual({ x: "VARCHAR" });
  });
});

describe("any table of values", () => {
  interface Sample {
    readonly vector: (values: readonly unknown[]) => arrow.Vector;
    /** what a builder is given, and what DuckDB then has */
    readonly value: fc.Arbitrary<readonly [unknown, DuckDBValue]>;
  }

  const same = (type: arrow.DataType, value: fc.Arbitrary<DuckDBValue>): Sample => ({
    vector: (values) => column(type, values),
    value: value.map((own) => [own, own] as const),
  });
  const integer = (type: arrow.DataType, bits: number, isSigned: boolean) =>
    same(
      type,
      fc.integer(isSigned ? { min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 } : { min: 0, max: 2 ** bits - 1 }),
    );
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme", maxLength: 40 }));
  const micros = fc.bigInt(-(10n ** 15n), 10n ** 16n);
  const pair = fc.record({ a: fc.option(fc.integer({ min: -100, max: 100 })), b: fc.option(text) });
  const item = fc.option(text, { freq: 3 });
  const samples: readonly Sample[] = [
    same(new arrow.Bool(), fc.boolean()),
    integer(new arrow.Int8(), 8, true),
    integer(new arrow.Uint8(), 8, false),
    integer(new arrow.Int16(), 16, true),
    integer(new arrow.Uint16(), 16, false),
    integer(new arrow.Int32(), 32, true),
    integer(new arrow.Uint32(), 32, false),
    same(new arrow.Int64(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
    same(new arrow.Uint64(), fc.bigInt(0n, 2n ** 64n - 1n)),
    same(new arrow.Float32(), fc.float()),
    same(new arrow.Float64(), fc.double()),
    same(new arrow.Utf8(), text),
    same(new arrow.LargeUtf8(), text),
    same(new arrow.Utf8View(), text),
    same(new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 1), fc.constantFrom("a", "é", "", "free")),
    {
      vector: (values) => column(new arrow.Binary(), values),
      value: fc.uint8Array({ maxLength: 20 }).map((own) => [own, blobValue(Buffer.from(own))] as const),
    },
    {
      vector: (values) => column(new arrow.DateDay(), values),
      value: fc.integer({ min: -1e6, max: 1e6 }).map((days) => [days * 86_400_000, dateValue(days)] as const),
    },
    {
      vector: (values) => column(new arrow.TimeMicrosecond(), values),
      value: fc.bigInt(0n, 86_399_999_999n).map((own) => [own, timeValue(own)] as const),
    },
    {
      vector: (values) => stored(new arrow.TimestampMicrosecond(), values as bigint[]),
      value: micros.map((own) => [own, timestampValue(own)] as const),
    },
    {
      vector: (values) => stored(new arrow.TimestampSecond("UTC"), values as bigint[]),
      value: fc.bigInt(-(10n ** 10n), 10n ** 11n).map((own) => [own, timestampTZValue(own * 1_000_000n)] as const),
    },
    {
      vector: (values) => column(new arrow.Decimal(3, 20), values),
      value: fc
        .bigInt(-(10n ** 20n) + 1n, 10n ** 20n - 1n)
        .map((own) => [words(own), decimalValue(own, 20, 3)] as const),
    },
    {
      vector: (values) => column(new arrow.List(field("item", new arrow.Utf8())), values),
      value: fc.array(item, { maxLength: 4 }).map((own) => [own, listValue(own)] as const),
    },
    {
      vector: (values) =>
        column(new arrow.Struct([field("a", new arrow.Int32()), field("b", new arrow.Utf8())]), values),
      value: pair.map((own) => [own, structValue(own)] as const),
    },
  ];

  function words(value: bigint): Uint32Array {
    return Uint32Array.from([0n, 32n, 64n, 96n], (shift) => Number(BigInt.asUintN(32, value >> shift)));
  }

  it("is the same after it is written and loaded", async () => {
    const folder = temporaryFolder();
    const tables = fc.tuple(
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      fc.uniqueArray(fc.nat(samples.length - 1), { minLength: 1, maxLength: 6 }),
    );
    const content = tables.chain(([rows, file, kinds]) =>
      fc.record({
        file: fc.constant(file),
        columns: fc.tuple(
          ...kinds.map((kind) =>
            fc
              .array(fc.option((samples[kind] as Sample).value, { nil: null }), { minLength: rows, maxLength: rows })
              .map((values) => ({ kind, values })),
          ),
        ),
      }),
    );
    const database = await openDatabase();
    await fc.assert(
      fc.asyncProperty(content, async ({ file, columns }) => {
        const vectors = columns.map(({ kind, values }, i) => {
          const vector = (samples[kind] as Sample).vector(values.map((value) => (value === null ? null : value[0])));
          return [`c${i}`, vector];
        });
        const path = written(Object.fromEntries(vectors) as Columns, file ? "x.arrow" : "x.arrows", folder);
        await loadArrow(database, [path], "any_table");
        const names = columns.map((_, i) => name(`c${i}`));
        const found = await database.columns(sql`select ${joined(names)} from any_table order by __line`);
        await database.run(sql`drop table any_table`);
        expect(found).toEqual(columns.map(({ values }) => values.map((value) => (value === null ? null : value[1]))));
      }),
      { numRuns: 150 },
    );
  });
});

describe("several files", () => {
  const ints = (...values: (number | null)[]) => column(new arrow.Int32(), values);
  const texts = (...values: (string | null)[]) => column(new arrow.Utf8(), values);

  it("are one log in their order, whatever the order of their columns, as files and streams", async () => {
    const b = written({ n: ints(1, 2), t: texts("a", "b") }, "b.arrow");
    const a = written({ t: texts("c"), n: ints(3) }, "a.arrows");
    const { columns, files, lines } = await loaded(b, a);
    expect(columns).toEqual({ n: [1, 2, 3], t: ["a", "b", "c"] });
    expect([files, lines]).toEqual([
      [0, 0, 1],
      [1, 2, 1],
    ]);
  });

  it("may have a column without any value in some, and categories or texts in others", async () => {
    const none = written({ t: column(new arrow.Null(), [null]) }, "a.arrow");
    const some = written({ t: texts("x") }, "b.arrow");
    const categories = written(
      { t: column(new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 2), ["y"]) },
      "c.arrow",
    );
    expect(await loaded(none, some, categories)).toMatchObject({
      types: { t: "VARCHAR" },
      columns: { t: [null, "x", "y"] },
    });
  });

  it("may be without rows, but not all of them", async () => {
    const empty = written(table({ n: ints(1) }).slice(0, 0), "a.arrow");
    expect((await loaded(empty, written({ n: ints(1) }, "b.arrow"))).columns.n).toEqual([1]);
    expect(await refusal(() => loaded(empty))).toMatch(/a\.arrow: has no rows; /);
  });

  it.each<[string, Columns, RegExp]>([
    [
      "lacks a column",
      { n: ints(1) },
      /b\.arrow: has no column t, which .*a\.arrow has; give files with the same columns/,
    ],
    ["has one more", { n: ints(1), t: texts("x"), m: ints(1) }, /b\.arrow: has a column m, which .*a\.arrow has not; /],
    [
      "has another type",
      { n: texts("1"), t: texts("x") },
      /b\.arrow: column n is VARCHAR, but INTEGER in .*a\.arrow; /,
    ],
  ])("are refused when one of them %s", async (_, columns, message) => {
    const first = written({ n: ints(1), t: texts("x") }, "a.arrow");
    expect(await refusal(() => loaded(first, written(columns, "b.arrow")))).toMatch(message);
  });
});

describe("a column is refused by its name:", () => {
  const one = () => column(new arrow.Int32(), [1]);
  const schemaOf = (...names: string[]) => {
    const fields = names.map((own) => field(own, new arrow.Int32()));
    const children = names.map(() => one().data[0] as arrow.Data);
    const data = arrow.makeData({ type: new arrow.Struct(fields), length: 1, nullCount: 0, children });
    return new arrow.Table(new arrow.RecordBatch(new arrow.Schema(fields), data as arrow.Data<arrow.Struct>));
  };

  it.each<[string, arrow.Table, RegExp]>([
    ["names that differ only in case", schemaOf("n", "N"), /has columns n and N, which differ only in case; /],
    ["one name twice", schemaOf("n", "n"), /has two columns called n; /],
    ["no name", schemaOf(""), /has a column without a name; /],
    ["a zero byte", schemaOf("a\0b"), /has a column with a zero byte in its name, "a\\u0000b"; /],
    ["a name of ours", schemaOf("__line"), /has a column __line, which is a name of foretaste's own; /],
    ["a name of ours in capitals", schemaOf("__FILE"), /has a column __FILE, which is a name of foretaste's own; /],
    [
      "fields that differ only in case",
      table({ m: column(new arrow.Struct([field("a", new arrow.Int32()), field("A", new arrow.Int32())]), [null]) }),
      /column m: has fields a and A, which differ only in case; /,
    ],
    [
      "a union",
      table({ u: column(new arrow.DenseUnion([0], [field("a", new arrow.Int32())]), []) }),
      /column u: Union<Int32> is a type that is not read; /,
    ],
  ])("%s", async (_, own, message) => {
    expect(await refusal(() => loaded(written(own)))).toMatch(message);
  });

  it("no columns", async () => {
    expect(await refusal(() => loaded(written(new arrow.Table(new arrow.Schema([])))))).toMatch(/has no columns; /);
  });
});

describe("a value that is outside of its type is refused with its row:", () => {
  const before = 20_000;
  const late = (own: bigint) => [...Array.from({ length: before }, () => 0n), own];
  const bad = Uint8Array.of(0x61, 0xff);
  const utf8 = arrow.makeData({
    type: new arrow.Utf8(),
    length: 3,
    nullCount: 0,
    valueOffsets: Int32Array.of(0, 1, 3, 4),
    data: Uint8Array.of(0x62, ...bad, 0x63),
  });

  it.each<[string, arrow.Vector, RegExp]>([
    [
      "a time beyond DuckDB's",
      stored(new arrow.TimestampSecond(), late(2n ** 62n)),
      /log\.arrow:20001: column x: \d+ is no TIMESTAMP; /,
    ],
    [
      "infinity, which is no time of a request",
      stored(new arrow.TimestampMicrosecond("UTC"), [2n ** 63n - 1n]),
      /log\.arrow:1: column x: \d+ is no TIMESTAMP WITH TIME ZONE; /,
    ],
    [
      "a date with a time of day",
      stored(new arrow.DateMillisecond(), [0n, 1n]),
      /log\.arrow:2: column x: 1 ms is a date with a time of day; /,
    ],
    [
      "a time of day beyond the day",
      stored(new arrow.TimeMicrosecond(), [86_400_000_001n]),
      /column x: 86400000001 is no TIME; /,
    ],
    [
      "more digits than a decimal has",
      column(new arrow.Decimal(0, 2), [Uint32Array.of(100, 0, 0, 0)]),
      /log\.arrow:1: column x: 100 is no DECIMAL\(2,0\); /,
    ],
    ["bytes that are not UTF-8", new arrow.Vector([utf8]), /log\.arrow:2: column x: a text is not UTF-8; /],
  ])("%s", async (_, vector, message) => {
    expect(await refusal(() => loaded(written({ x: vector })))).toMatch(message);
  });
});

describe("damage", () => {
  it("is an error that names the file, or leaves as many rows as the batches state: 200 mutations each", async () => {
    const rows = Array.from({ length: 25 }, (_, i) => i);
    const columns = {
      s: column(
        new arrow.Utf8(),
        rows.map((i) => (i % 4 ? `text é ${i}` : null)),
      ),
      d: column(
        new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 1),
        rows.map((i) => `d${i % 3}`),
      ),
      t: stored(
        new arrow.TimestampMillisecond("UTC"),
        rows.map((i) => 1_767_614_400_000n + BigInt(i)),
      ),
      l: column(
        new arrow.List(field("item", new arrow.Int32())),
        rows.map((i) => (i % 3 ? [i, null] : null)),
      ),
      m: column(
        new arrow.Struct([field("a", new arrow.Int32())]),
        rows.map((i) => ({ a: i })),
      ),
      p: column(
        new arrow.Decimal(2, 10),
        rows.map((i) => Uint32Array.of(i, 0, 0, 0)),
      ),
      b: column(
        new arrow.Bool(),
        rows.map((i) => i % 2 === 0),
      ),
    };
    const database = await openDatabase();
    for (const own of ["log.arrow", "log.arrows"]) {
      const file = written(columns, own);
      const whole = arrow.tableToIPC(table(columns), own === "log.arrow" ? "file" : "stream");
      const draw = textStream(own);
      for (let i = 0; i < 200; i++) {
        const at = Math.floor(draw() * whole.length);
        const bytes = Uint8Array.from(i % 4 === 3 ? whole.subarray(0, at) : whole);
        if (i % 4 === 0) bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(8 * draw()));
        if (i % 4 === 1) bytes.fill(0, at, at + 1 + Math.floor(64 * draw()));
        if (i % 4 === 2) bytes.fill(255, at, at + 1 + Math.floor(8 * draw()));
        writeFileSync(file, bytes);
        try {
          await loadArrow(database, [file], "damaged");
          const { n } = await database.row<{ n: number }>(sql`select count(*) as n from damaged`);
          expect(n, `mutation ${i} of ${own}`).toBe(25);
        } catch (error) {
          expect(error, `mutation ${i} of ${own}: ${(error as Error).stack}`).toBeInstanceOf(InputError);
          expect((error as InputError).message).toContain(file);
        }
        await database.run(sql`drop table if exists damaged`);
      }
    }
  });

  it("of the database is none of the file: an error of DuckDB stays one", async () => {
    const database = await Database.open({ threads: 1 });
    await database.run(sql`create table log (${raw("n integer")})`);
    const loading = loadArrow(database, [written({ n: column(new arrow.Int32(), [1]) })], "log");
    await expect(loading).rejects.not.toBeInstanceOf(InputError);
    await database.close();
  });
});
