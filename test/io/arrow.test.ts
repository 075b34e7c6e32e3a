import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as arrow from "apache-arrow";
import { FileBlock, Footer } from "apache-arrow/ipc/metadata/file";
import { describe, expect, it } from "vitest";
import { arrowSchema, readArrow, recordBatches, writeArrow } from "../../io/arrow.ts";
import { raw, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";
import { textStream } from "../../statistics/random-stream.ts";
import { openDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/folders.ts";
import { refusal } from "../support/refusal.ts";

const field = (name: string, type: arrow.DataType) => new arrow.Field(name, type, true);

/** Thirty rows and twelve more, with every kind of buffer that the format has. */
function exampleTable(): arrow.Table {
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

const formats = { file: ".arrow", stream: ".arrows" } as const;
type Format = keyof typeof formats;

function ipc(format: Format, table: arrow.Table | arrow.RecordBatch[] = exampleTable()): Uint8Array {
  const Writer = format === "file" ? arrow.RecordBatchFileWriter : arrow.RecordBatchStreamWriter;
  const writer = new Writer();
  for (const batch of Array.isArray(table) ? table : table.batches) writer.write(batch);
  return writer.finish().toUint8Array(true);
}

function written(bytes: Uint8Array, name = "log.arrow"): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, bytes);
  return file;
}

/** The rows of a file as JSON, batch by batch. */
async function batchesOf(file: string): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const batch of readArrow(file)) batches.push(rowsOf(new arrow.Table([batch])));
  return batches;
}

function rowsOf(table: arrow.Table): string[] {
  return table
    .toArray()
    .map((row) => JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}n` : value)));
}

async function counted(file: string): Promise<number> {
  let rows = 0;
  for await (const batch of readArrow(file)) rows += batch.numRows;
  return rows;
}

/** Where the messages of a stream begin and where it ends, by the lengths that they state. */
function boundaries(stream: Uint8Array): number[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  const found = [0];
  for (let at = 0; view.getInt32(at + 4, true) !== 0; found.push(at)) {
    const length = view.getInt32(at + 4, true);
    const message = arrow.Message.decode(stream.subarray(at + 8, at + 8 + length));
    at += 8 + length + message.bodyLength;
  }
  return found;
}

describe.each(Object.keys(formats) as Format[])("an Arrow %s", (format) => {
  it("is read batch by batch, under any name", async () => {
    for (const name of ["log.arrow", "log.arrows", "log.feather", "log"]) {
      const table = exampleTable();
      const batches = await batchesOf(written(ipc(format, table), name));
      expect(batches.map((rows) => rows.length)).toEqual([30, 12]);
      expect(batches.flat()).toEqual(rowsOf(table));
    }
  });

  it("has a schema that is known before its rows are read, also without rows", async () => {
    const table = exampleTable();
    const [batch] = table.batches as [arrow.RecordBatch];
    for (const batches of [table.batches, [batch.slice(0, 0)]]) {
      const schema = await arrowSchema(written(ipc(format, batches)));
      expect(schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual(
        table.schema.fields.map(({ name, type }) => `${name} ${type}`),
      );
    }
  });

  it("knows what is missing where its writer did not count it: −1 in the metadata", async () => {
    const table = new arrow.Table({ n: arrow.vectorFromArray([1, null, 3, null, 5, null, 7], new arrow.Int32()) });
    const bytes = ipc(format, table);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let changed = 0;
    for (let at = 0; at + 16 <= bytes.length; at += 8) {
      if (view.getBigInt64(at, true) !== 7n || view.getBigInt64(at + 8, true) !== 3n) continue;
      view.setBigInt64(at + 8, -1n, true);
      changed += 1;
    }
    expect(changed).toBe(1);
    expect(await batchesOf(written(bytes))).toEqual([rowsOf(table)]);
  });

  it("is refused where it is cut off, at every boundary of a message and beside it", async () => {
    const whole = ipc(format);
    const inner = format === "file" ? whole.subarray(8) : whole;
    const stream = format === "file" ? ipc("stream") : whole;
    const cuts = format === "file" ? [...boundaries(stream), inner.length - 1] : boundaries(stream);
    expect(cuts.length).toBeGreaterThan(3);
    for (const cut of cuts.flatMap((at) => [at - 1, at, at + 1, at + 4, at + 9])) {
      const at = cut + whole.length - inner.length;
      if (at < 0 || at >= whole.length) continue;
      await refusal(() => counted(written(whole.subarray(0, at))));
    }
  });

  it("that is damaged is refused by its name, or has the rows that its batches state: 200 mutations", async () => {
    const whole = ipc(format);
    const file = written(whole);
    const draw = textStream(format);
    const random = (bound: number) => Math.floor(bound * draw());
    let refused = 0;
    for (let i = 0; i < 200; i++) {
      const bytes = Uint8Array.from(whole);
      const at = random(bytes.length);
      const kind = i % 4;
      if (kind === 0) bytes[at] = (bytes[at] as number) ^ (1 << random(8));
      if (kind === 1) bytes.fill(0, at, at + 1 + random(64));
      if (kind === 2) bytes.fill(255, at, at + 1 + random(8));
      writeFileSync(file, bytes);
      if (kind === 3) truncateSync(file, at);
      try {
        expect(await counted(file), `mutation ${i}`).toBe(42);
      } catch (error) {
        expect(error, `mutation ${i}: ${(error as Error).stack}`).toBeInstanceOf(InputError);
        expect((error as InputError).message).toContain(file);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  it.each([
    [0, "LZ4", [4, 34, 77, 24, 64, 0, 0]],
    [1, "ZSTD", [40, 181, 47, 253, 0, 0]],
  ])("with compressed batches is refused with what to do about it (codec %i)", async (compressionType, name, magic) => {
    arrow.compressionRegistry.set(compressionType, { encode: () => Uint8Array.from(magic) });
    const Writer = format === "file" ? arrow.RecordBatchFileWriter : arrow.RecordBatchStreamWriter;
    const writer = new Writer({ compressionType });
    for (const batch of exampleTable().batches) writer.write(batch);
    const file = written(writer.finish().toUint8Array(true));
    expect(await refusal(() => arrowSchema(file))).toMatch(
      new RegExp(`its record batches are compressed with ${name}; .*compression="uncompressed"`),
    );
  });
});

describe("a stream", () => {
  it("of before version 0.15 has no continuation marks, and is read too", async () => {
    const writer = new arrow.RecordBatchStreamWriter({ writeLegacyIpcFormat: true });
    for (const batch of exampleTable().batches) writer.write(batch);
    expect(await counted(written(writer.finish().toUint8Array(true)))).toBe(42);
  });

  it("may replace its dictionaries and add to them", async () => {
    const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 0);
    const batches = ["a", "b"].map((own) => {
      const table = new arrow.Table({ d: arrow.vectorFromArray([own, `${own}2`, own], type) });
      return table.batches[0] as arrow.RecordBatch;
    });
    expect((await batchesOf(written(ipc("stream", batches)))).flat()).toEqual(
      ["a", "a2", "a", "b", "b2", "b"].map((d) => `{"d":"${d}"}`),
    );
  });

  it("is refused when bytes follow its end, as those of another stream", async () => {
    const [one, two] = [ipc("stream"), ipc("stream")];
    expect(await refusal(() => counted(written(Buffer.concat([one, two]))))).toMatch(
      /has \d+ bytes after the end of its stream; give each stream a file of its own/,
    );
    expect(await refusal(() => counted(written(Buffer.concat([one.subarray(0, -8), two]))))).toMatch(
      /holds several streams; /,
    );
  });
});

describe("a file", () => {
  const records = ({ kind }: Part) => kind === arrow.MessageHeader.RecordBatch;

  it("may have its dictionaries behind the records that use them", async () => {
    const { schema, parts } = partsOf(ipc("stream"));
    const file = fileOf(schema, [...parts.filter(records), ...parts.filter((part) => !records(part))]);
    expect((await batchesOf(written(file))).flat()).toEqual(rowsOf(exampleTable()));
  });

  it("is refused when its footer lists fewer batches than it holds: rows would be missing without a word", async () => {
    const { schema, parts } = partsOf(ipc("stream"));
    expect(await refusal(() => counted(written(fileOf(schema, parts, parts.slice(0, -1)))))).toMatch(
      /its footer lists other record batches than it holds; /,
    );
  });

  it("is refused when it replaces a dictionary: which records would the first one have been for?", async () => {
    const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 0);
    const batches = ["a", "b"].map((own) => new arrow.Table({ d: arrow.vectorFromArray([own], type) }).batches[0]);
    const { schema, parts } = partsOf(ipc("stream", batches as arrow.RecordBatch[]));
    expect(await refusal(() => counted(written(fileOf(schema, parts))))).toMatch(
      /replaces a dictionary, as only a stream may; /,
    );
  });

  it("is refused when its footer has another schema than its start", async () => {
    const [one, two] = ["a", "b"].map((own) =>
      partsOf(ipc("stream", new arrow.Table({ [own]: new arrow.Vector(ints) }))),
    );
    if (!one || !two) throw new Error("two streams");
    const file = fileOf(two.schema, [one.head, ...one.parts], one.parts);
    expect(await refusal(() => counted(written(file)))).toMatch(/has one schema at its start and another one in its /);
  });
});

const ints = [arrow.makeData({ type: new arrow.Int32(), length: 2, nullCount: 0, data: Int32Array.of(1, 2) })];

interface Part {
  readonly kind: arrow.MessageHeader;
  readonly bytes: Uint8Array;
  readonly bodyLength: number;
}

/** The messages of a stream. */
function partsOf(stream: Uint8Array): { schema: arrow.Schema; head: Part; parts: Part[] } {
  const cuts = boundaries(stream);
  const all = cuts.slice(1).map((end, i): Part => {
    const bytes = stream.subarray(cuts[i], end);
    const { headerType, bodyLength } = arrow.Message.decode(bytes.subarray(8));
    return { kind: headerType, bytes, bodyLength };
  });
  const [head, ...parts] = all as [Part, ...Part[]];
  return { schema: arrow.Message.decode(head.bytes.subarray(8)).header() as unknown as arrow.Schema, head, parts };
}

/** A file of messages, with a footer that lists some of them. */
function fileOf(schema: arrow.Schema, parts: readonly Part[], listed: readonly Part[] = parts): Uint8Array {
  let at = 8;
  const blocks = parts.flatMap((part) => {
    const { kind, bytes, bodyLength } = part;
    const block = new FileBlock(bytes.length - bodyLength, bodyLength, at);
    at += bytes.length;
    return listed.includes(part) ? [{ kind, block }] : [];
  });
  const of = (kind: arrow.MessageHeader) => blocks.filter((own) => own.kind === kind).map(({ block }) => block);
  const { RecordBatch, DictionaryBatch } = arrow.MessageHeader;
  const footer = Footer.encode(new Footer(schema, arrow.MetadataVersion.V5, of(RecordBatch), of(DictionaryBatch)));
  const length = Buffer.alloc(4);
  length.writeInt32LE(footer.length);
  const end = Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]);
  const bodies = parts.map(({ bytes }) => bytes);
  return Buffer.concat([Buffer.from("ARROW1\0\0"), ...bodies, end, footer, length, Buffer.from("ARROW1")]);
}

describe("what is no Arrow file is refused:", () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ["an empty one", "", /is empty; /],
    ["a few bytes", "AR", /is no Arrow file or stream/],
    ["a magic only", "ARROW1", /is cut off: its footer is missing; /],
    ["two magics", "ARROW1\0\0ARROW1", /is cut off: its footer is missing; /],
    ["two magics without a footer", "ARROW1\0\0\0\0\0\0ARROW1", /its footer is damaged \(it takes 0 bytes\); /],
    ["text", "session,user\n1,2\n", /is no Arrow file or stream, or its start is damaged .*; check that its name says/],
    ["zeros", new Uint8Array(1000), /is no Arrow file or stream/],
    ["Parquet", "PAR1 and so on", /is a Parquet file; call it \.parquet/],
    ["Feather of version 1", "FEA1 and so on", /is Feather version 1, which is not Arrow; /],
    ["an end mark only", Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0), /it does not begin with a schema/],
  ])("%s", async (_, content, message) => {
    const file = written(Buffer.from(content));
    expect(await refusal(() => counted(file))).toMatch(message);
    expect(await refusal(() => arrowSchema(file))).toMatch(message);
  });

  it("a folder and what is not there", async () => {
    const folder = temporaryFolder();
    expect(await refusal(() => counted(folder))).toMatch(/is a folder; |is empty; /);
    expect(await refusal(() => counted(join(folder, "no.arrow")))).toMatch(/no\.arrow: no such file; /);
  });
});

describe("metadata that lie", () => {
  const stream = ipc("stream");
  const [, first = 0] = boundaries(stream);
  const schema = Uint8Array.from(stream.subarray(8, first));

  /** Positions of 32 bits whose value is a vector's length or an offset, as far as one can see. */
  const words = Array.from({ length: schema.length / 4 }, (_, i) => 4 * i);

  it("cannot make the reader go round for ever or claim memory that is not there, wherever a word is changed", async () => {
    const file = written(stream);
    for (const value of [0x7fffffff, 0x10000000, 0, 4]) {
      for (const at of words) {
        const bytes = Buffer.from(stream);
        bytes.writeInt32LE(value, 8 + at);
        writeFileSync(file, bytes);
        await arrowSchema(file).catch((error) => expect(error).toBeInstanceOf(InputError));
      }
    }
  });

  it("cannot share tables so that sixty of them count as 2⁶⁰", async () => {
    const file = written(streamOf(sharedFields(50)));
    expect(await refusal(() => arrowSchema(file))).toMatch(/more tables than they have room for/);
  });

  it("cannot nest types so deeply that DuckDB would fail on them", async () => {
    const nested = (depth: number): arrow.DataType =>
      depth === 0 ? new arrow.Int32() : new arrow.List(field("item", nested(depth - 1)));
    const schema = (depth: number) => arrow.Message.from(new arrow.Schema([field("deep", nested(depth))]));
    expect(await refusal(() => arrowSchema(written(streamOf(arrow.Message.encode(schema(70))))))).toMatch(
      /its types are nested too deeply/,
    );
    expect((await arrowSchema(written(streamOf(arrow.Message.encode(schema(20)))))).fields).toHaveLength(1);
  });

  it("cannot claim more rows than their bytes can hold", async () => {
    const table = new arrow.Table({ nothing: arrow.vectorFromArray([null, null], new arrow.Null()) });
    const bytes = ipc("stream", table);
    const [, records = 0] = boundaries(bytes);
    const file = written(bytes);
    expect(await counted(file)).toBe(2);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let at = records; at < bytes.length - 8; at += 8) {
      if (view.getBigInt64(at, true) === 2n) view.setBigInt64(at, 2n ** 40n, true);
    }
    writeFileSync(file, bytes);
    expect(await refusal(() => counted(file))).toMatch(/it would hold 1099511627776 values, \d+ missing, in 0 bytes/);
  });
});

/** A stream of nothing but a schema. */
function streamOf(metadata: Uint8Array): Uint8Array {
  const prefix = Buffer.alloc(8, 255);
  prefix.writeInt32LE(metadata.length, 4);
  return Buffer.concat([prefix, metadata, Buffer.from([255, 255, 255, 255, 0, 0, 0, 0])]);
}

/** A schema whose field has twice the same child, which has twice the same child, and so on. */
function sharedFields(levels: number): Uint8Array {
  const bytes = Buffer.alloc(72 + 20 * (levels + 2));
  const shorts = (at: number, ...values: number[]) => {
    values.forEach((value, i) => {
      bytes.writeUInt16LE(value, at + 2 * i);
    });
    return at;
  };
  // slots of a message (its header and the header's type), of a schema (its fields) and of a field (its children)
  const message = shorts(4, 14, 12, 0, 8, 4, 0, 0);
  const schema = shorts(20, 8, 8, 0, 4);
  const fieldSlots = shorts(28, 16, 8, 0, 0, 0, 0, 0, 4);
  const table = (at: number, slots: number, target: number) => {
    bytes.writeInt32LE(at - slots, at);
    bytes.writeUInt32LE(target - at - 4, at + 4);
  };
  bytes.writeUInt32LE(48, 0);
  table(48, message, 60);
  bytes[56] = 1;
  table(60, schema, 68);
  for (let level = 0, at = 68; level <= levels; level++, at += 20) {
    bytes.writeUInt32LE(level === levels ? 0 : 2, at);
    if (level === levels) break;
    bytes.writeUInt32LE(8, at + 4);
    bytes.writeUInt32LE(4, at + 8);
    table(at + 12, fieldSlots, at + 20);
  }
  return bytes;
}

describe("record batches of a query", () => {
  const every = sql`
    select cast(range as integer) as "select", range = 2 as flag, cast(range as bigint) + 9007199254740992 as big,
      range / 4 as share, if(range % 2 = 0, 'text é ' || range, null) as "text", date '1969-12-31' as day,
      timestamp '2026-01-05 00:00:00.123456' + to_seconds(range) as "at", timestamptz '2026-01-05 02:00:00+02' as zoned,
      [range * 0.5, null] as list, [['a'], null] as nested, {'user': 'u' || range} as meta, map {'k': range} as tags,
      1.25::decimal(5, 2) as price, '\\x00\\xFF'::blob as bytes, cast(range as utinyint) as tiny, null as nothing
    from range(4)`;

  it("keep DuckDB's values: exact integers, microseconds, lists, JSON, and what is missing", async () => {
    const database = await openDatabase();
    const [batch] = await all(recordBatches(database, await database.describe(every), [every]));
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
    const columns = await database.describe(every);
    const queries = [sql`select 7 as "select"`, sql`select * from (${every}) where false`, every];
    const batches = await all(recordBatches(database, columns, queries));
    expect(batches.map(({ numRows }) => numRows)).toEqual([1, 4]);
    const [own, full] = batches as [arrow.RecordBatch, arrow.RecordBatch];
    expect(arrow.util.compareSchemas(own.schema, full.schema)).toBe(true);
    expect(own.getChild("select")?.get(0)).toBe(7);
    expect(own.schema.fields.filter(({ name }) => own.getChild(name)?.get(0) === null)).toHaveLength(15);
    const none = await all(recordBatches(database, columns, [sql`select * from (${every}) where false`]));
    expect(none.map(({ numRows, schema }) => [numRows, schema.fields.length])).toEqual([[0, 16]]);
  });

  it("are written into a file that is read again, by its footer or from its start to its end", async () => {
    const database = await openDatabase();
    const file = join(temporaryFolder(), "out.arrow");
    const source = () =>
      database.describe(every).then((columns) => all(recordBatches(database, columns, [every, every])));
    expect(await writeArrow(file, arrayed(await source()))).toBe(8);
    const bytes = readFileSync(file);
    const expected = rowsOf(new arrow.Table(await source()));
    expect(rowsOf(arrow.tableFromIPC(bytes))).toEqual(expected);
    expect(rowsOf(arrow.tableFromIPC(bytes.subarray(8)))).toEqual(expected);
    expect((await batchesOf(file)).flat()).toEqual(expected);
  });

  it("leave no file and no part of one when they end in an error or differ in their schema", async () => {
    const database = await openDatabase();
    const folder = temporaryFolder();
    const [one, two] = await Promise.all(
      ["select 1 as a", "select 'x' as a"].map(async (text) => {
        const query = sql`${raw(text)}`;
        return (await all(recordBatches(database, await database.describe(query), [query])))[0] as arrow.RecordBatch;
      }),
    );
    async function* failing() {
      yield one as arrow.RecordBatch;
      throw new Error("stopped");
    }
    await expect(writeArrow(join(folder, "a.arrow"), failing())).rejects.toThrow("stopped");
    await expect(writeArrow(join(folder, "b.arrow"), arrayed([one, two] as arrow.RecordBatch[]))).rejects.toThrow(
      /differ in their schema/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function* arrayed<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
