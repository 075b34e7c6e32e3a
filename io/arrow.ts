import { type FileHandle, open, rm } from "node:fs/promises";
import type {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBListValue,
  DuckDBTimestampValue,
  DuckDBValue,
} from "@duckdb/node-api";
import * as arrow from "apache-arrow";
import { Footer } from "apache-arrow/ipc/metadata/file";
import { InputError } from "../plan/input-error.ts";
import type { Database } from "./duckdb.ts";
import { publishFile, temporaryName } from "./run-folder.ts";
import { join, name, raw, type Sql, sql } from "./sql.ts";

export type { RecordBatch } from "apache-arrow";

/**
 * The schema of an Arrow IPC file or stream, after a look at every message of it: one that is cut off, compressed, or
 * lists other batches than it holds is refused before a row is read.
 *
 * @throws InputError for a file that cannot be read, is empty, damaged, compressed, or not Arrow at all
 */
export async function arrowSchema(file: string): Promise<arrow.Schema> {
  const bytes = await FileBytes.open(file);
  try {
    return (await outlineOf(bytes)).schema;
  } finally {
    await bytes.close();
  }
}

/**
 * The record batches of an Arrow IPC file or stream, one in memory at a time.
 *
 * No offset, view or dictionary index of a batch leads outside of its buffers: apache-arrow trusts them, and answers
 * `undefined` or a shorter text where they are wrong.
 *
 * @throws InputError as {@link arrowSchema}, and with its number (from 1) for a damaged batch
 */
export async function* readArrow(file: string): AsyncGenerator<arrow.RecordBatch> {
  const bytes = await FileBytes.open(file);
  try {
    const outline = await outlineOf(bytes);
    const reader = await arrow.RecordBatchReader.from(messagesOf(bytes, outline));
    const sound = new WeakSet<arrow.Data>();
    let number = 0;
    for (const { kind, rows } of outline.parts) {
      if (kind !== arrow.MessageHeader.RecordBatch) continue;
      number += 1;
      yield await attempt(file, `record batch ${number}`, async () => {
        const { done, value } = await reader.next();
        if (done === true || value.numRows !== rows) throw new RangeError("it ends early");
        const batch: arrow.RecordBatch = value;
        batch.data.children.forEach((column, i) => {
          requireSound(column, `column ${batch.schema.fields[i]?.name}`, sound);
        });
        return batch;
      });
    }
  } finally {
    await bytes.close();
  }
}

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

/**
 * Writes record batches of one schema into an IPC file, which is there whole or not at all.
 *
 * @returns the rows
 */
export async function writeArrow(file: string, batches: AsyncIterable<arrow.RecordBatch>): Promise<number> {
  const temporary = temporaryName(file);
  const handle = await open(temporary, "w");
  const chunks = new Chunks();
  const writer = new FileWriter().reset(chunks);
  let rows = 0;
  let schema: arrow.Schema | undefined;
  try {
    for await (const batch of batches) {
      schema ??= batch.schema;
      // apache-arrow would close the file here, without a word
      if (!arrow.util.compareSchemas(schema, batch.schema))
        throw new TypeError("record batches differ in their schema");
      writer.write(batch);
      rows += batch.numRows;
      await handle.writeFile(chunks.take());
    }
    writer.finish();
    await handle.writeFile(chunks.take());
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  publishFile(temporary, file);
  return rows;
}

/** A file's bytes by position. Small reads come from a window: a million small messages are no million calls. */
class FileBytes {
  readonly file: string;
  readonly size: number;
  readonly #handle: FileHandle;
  #window = new Uint8Array(0);
  #windowAt = 0;

  private constructor(file: string, size: number, handle: FileHandle) {
    this.file = file;
    this.size = size;
    this.#handle = handle;
  }

  static async open(file: string): Promise<FileBytes> {
    try {
      const handle = await open(file);
      return new FileBytes(file, (await handle.stat()).size, handle);
    } catch (cause) {
      throw unreadable(file, cause);
    }
  }

  /** @throws RangeError when the bytes are not all there */
  async read(at: number, length: number): Promise<Uint8Array> {
    if (at < 0 || length < 0 || at + length > this.size) throw new RangeError("it is cut off");
    const start = at - this.#windowAt;
    if (start >= 0 && start + length <= this.#window.length) return this.#window.subarray(start, start + length);
    if (length > windowBytes / 4) return this.#fill(at, length);
    // batches lie in the window, so it is replaced and never written again
    this.#window = await this.#fill(at, Math.min(windowBytes, this.size - at));
    this.#windowAt = at;
    return this.#window.subarray(0, length);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #fill(at: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const most = Math.min(length - done, 2 ** 30);
      const { bytesRead } = await this.#handle
        .read(bytes, done, most, at + done)
        .catch((cause) => Promise.reject(unreadable(this.file, cause)));
      if (bytesRead === 0) throw new RangeError("it became shorter while it was read");
      done += bytesRead;
    }
    return bytes;
  }
}

const windowBytes = 1 << 20;

function unreadable(file: string, cause: unknown): InputError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "EISDIR") return new InputError(file, "is a folder", "name a file in it", { cause });
  if (code === "ENOENT") return new InputError(file, "no such file", "check the path", { cause });
  return new InputError(file, `cannot be read (${message})`, "check the file and its permissions", { cause });
}

/** What goes wrong while a part of the file is decoded is the file's fault, whatever apache-arrow throws. */
async function attempt<T>(file: string, part: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const { message } = cause as Error;
    if (message.startsWith("Unrecognized type")) {
      throw new InputError(
        file,
        `has a column of a type that is not read (${message})`,
        "write run-end encoded columns and list views as plain columns and lists",
        { cause },
      );
    }
    throw new InputError(file, `${part} is damaged (${message.replace(/\s+/g, " ")})`, writeAgain, { cause });
  }
}

const writeAgain = "copy or write the file again";

/** Where the messages of a file lie. */
interface Outline {
  readonly schema: arrow.Schema;
  /** the schema's message, without its prefix */
  readonly head: Uint8Array;
  /** in reading order: a stream's dictionaries stand before their use, those of a file may stand anywhere */
  readonly parts: readonly Part[];
  /** where the last message ends at the latest */
  readonly end: number;
}

interface Part {
  readonly kind: arrow.MessageHeader;
  readonly at: number;
  readonly rows: number;
  /** id of a dictionary that is new and does not add to another one */
  readonly dictionary: number | undefined;
}

const magic = "ARROW1";
/** The magic at the start of a file, padded to eight bytes. */
const fileStart = 8;

/**
 * Goes from message to message, past their bodies.
 *
 * A file is a stream between two magics with a footer that lists its batches: both must agree, or rows would be missing
 * without a word. For the same reason a stream must have its end marker, which the format leaves to the writer.
 *
 * Source: https://arrow.apache.org/docs/format/Columnar.html, Serialization and Interprocess Communication
 */
async function outlineOf(bytes: FileBytes): Promise<Outline> {
  const { file, size } = bytes;
  if (size === 0) throw new InputError(file, "is empty", "give a file with at least one record");
  const start = Buffer.from(await bytes.read(0, Math.min(size, fileStart))).toString("latin1");
  refuseOtherFormats(file, start);
  const footer = start.startsWith(magic) ? await footerOf(bytes) : undefined;
  const end = footer?.start ?? size;
  const parts: Part[] = [];
  let head: Uint8Array | undefined;
  let schema: arrow.Schema | undefined;
  let at = footer ? fileStart : 0;
  while (at < end) {
    const message = await (at === 0 ? firstMessage(bytes) : messageAt(bytes, at, end));
    at = message.next;
    if (!message.content) break;
    if (!footer && at === end)
      throw new InputError(file, "is cut off: its end marker is missing", "copy it again, or close its writer");
    if (!message.content.isSchema()) {
      parts.push(await partOf(file, message, footer?.schema ?? (schema as arrow.Schema)));
      continue;
    }
    if (schema) throw new InputError(file, "holds several streams", "give each stream a file of its own");
    head = message.metadata;
    schema = await schemaOf(file, message);
  }
  if (!footer) {
    if (at < end)
      throw new InputError(
        file,
        `has ${end - at} bytes after the end of its stream`,
        "give each stream a file of its own",
      );
    return { schema: schema as arrow.Schema, head: head as Uint8Array, parts, end };
  }
  const positions = (kind: arrow.MessageHeader) => parts.filter((part) => part.kind === kind).map((part) => part.at);
  for (const [kind, listed] of footer.listed) {
    if (positions(kind).join() !== listed.join())
      throw new InputError(file, "its footer lists other record batches than it holds", writeAgain);
  }
  const dictionaries = parts.flatMap(({ dictionary }) => dictionary ?? []);
  if (new Set(dictionaries).size < dictionaries.length)
    throw new InputError(file, "replaces a dictionary, as only a stream may", "write it as a stream");
  if (schema && !arrow.util.compareSchemas(schema, footer.schema))
    throw new InputError(file, "has one schema at its start and another one in its footer", writeAgain);
  return {
    schema: footer.schema,
    head: head ?? arrow.Message.encode(arrow.Message.from(footer.schema)),
    parts: parts.toSorted((a, b) => rank(a) - rank(b)),
    end,
  };
}

/** Dictionaries first. */
function rank({ kind }: Part): number {
  return kind === arrow.MessageHeader.DictionaryBatch ? 0 : 1;
}

function refuseOtherFormats(file: string, start: string): void {
  if (start.startsWith("PAR1")) throw new InputError(file, "is a Parquet file", "call it .parquet");
  if (start.startsWith("FEA1"))
    throw new InputError(file, "is Feather version 1, which is not Arrow", "write it as version 2, uncompressed");
}

interface FileFooter {
  /** where it begins */
  readonly start: number;
  readonly schema: arrow.Schema;
  /** positions of the messages of each kind */
  readonly listed: readonly (readonly [arrow.MessageHeader, readonly number[]])[];
}

async function footerOf(bytes: FileBytes): Promise<FileFooter> {
  const { file, size } = bytes;
  const tail = 4 + magic.length;
  const last = size < fileStart + tail ? "" : Buffer.from(await bytes.read(size - tail, tail)).toString("latin1");
  if (!last.endsWith(magic))
    throw new InputError(file, "is cut off: its footer is missing", "copy it again, or close its writer");
  return attempt(file, "its footer", async () => {
    const length = Buffer.from(last, "latin1").readInt32LE();
    const start = size - tail - length;
    if (length <= 0 || start < fileStart) throw new RangeError(`it takes ${length} bytes`);
    const metadata = await bytes.read(start, length);
    requireTables(metadata, "Footer");
    const footer = Footer.decode(metadata);
    const { DictionaryBatch, RecordBatch } = arrow.MessageHeader;
    return {
      start,
      schema: footer.schema,
      listed: [
        [DictionaryBatch, Array.from(footer.dictionaryBatches(), ({ offset }) => offset)],
        [RecordBatch, Array.from(footer.recordBatches(), ({ offset }) => offset)],
      ],
    };
  });
}

interface Message {
  /** undefined for the end marker */
  readonly content: arrow.Message | undefined;
  readonly at: number;
  readonly metadata: Uint8Array;
  readonly bodyAt: number;
  readonly next: number;
}

async function firstMessage(bytes: FileBytes): Promise<Message> {
  try {
    const message = await readMessage(bytes, 0, bytes.size);
    if (message.content?.isSchema() !== true) throw new RangeError("it does not begin with a schema");
    return message;
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(
      bytes.file,
      `is no Arrow file or stream, or its start is damaged (${(cause as Error).message})`,
      "check that its name says its format, or write it again",
      { cause },
    );
  }
}

function messageAt(bytes: FileBytes, at: number, end: number): Promise<Message> {
  return attempt(bytes.file, `the message at byte ${at}`, () => readMessage(bytes, at, end));
}

/** @throws RangeError for a message that is cut off or damaged */
async function readMessage(bytes: FileBytes, at: number, end: number): Promise<Message> {
  const int32 = async (position: number) => viewOf(await bytes.read(position, 4)).getInt32(0, true);
  const mark = await int32(at);
  // before version 0.15 a message began with its length
  const prefix = mark === -1 ? 8 : 4;
  const length = mark === -1 ? await int32(at + 4) : mark;
  const bodyAt = at + prefix + length;
  if (length === 0) return { content: undefined, at, metadata: new Uint8Array(0), bodyAt, next: bodyAt };
  if (length < 0 || length > largestMetadata || bodyAt > end)
    throw new RangeError(`its metadata would take ${length} bytes`);
  const metadata = await bytes.read(at + prefix, length);
  requireTables(metadata, "Message");
  const content = arrow.Message.decode(metadata);
  const next = bodyAt + content.bodyLength;
  if (next < bodyAt || next > end) throw new RangeError(`its body would take ${content.bodyLength} bytes`);
  return { content, at, metadata, bodyAt, next };
}

/** Schemas of ten thousand columns take two megabytes. */
const largestMetadata = 1 << 28;

function schemaOf(file: string, { content, metadata }: Message): Promise<arrow.Schema> {
  return attempt(file, "its schema", () => {
    if (!content?.isSchema()) throw new RangeError("it is missing");
    if (isBigEndian(metadata)) throw new InputError(file, "is big-endian", "write it on a machine that is not");
    return content.header();
  });
}

/** The records or the dictionary of a message, if its metadata can be true of its body. */
function partOf(file: string, { content, at, bodyAt, next }: Message, schema: arrow.Schema): Promise<Part> {
  return attempt(file, `the message at byte ${at}`, () => {
    const { header, batch, types } = batchOf(content, schema);
    const codec = content?.metadata.get("ARROW:experimental_compression") ?? codecs[batch.compression?.type ?? -1];
    if (batch.compression !== null || codec !== undefined) {
      throw new InputError(
        file,
        `its record batches are compressed with ${codec ?? "an unknown codec"}`,
        'write it with compression="uncompressed" (to_feather of pandas, pyarrow, polars), or as Parquet',
      );
    }
    const body = next - bodyAt;
    const most = Math.max(8 * body, nullsPerBatch);
    for (const { length, nullCount } of batch.nodes) {
      if (!(-1 <= nullCount && nullCount <= length && 0 <= length && length <= most))
        throw new RangeError(`it would hold ${length} values, ${nullCount} missing, in ${body} bytes`);
    }
    for (const { offset, length } of batch.buffers) {
      if (!(0 <= offset && 0 <= length && offset + length <= body)) throw new RangeError("a buffer leads outside");
    }
    const nodes = nodesOf(types, batch.variadicBufferCounts);
    if (nodes.length !== batch.nodes.length) throw new RangeError("it does not fit the schema");
    if (nodes.some(({ column }, i) => column && batch.nodes[i]?.length !== batch.length))
      throw new RangeError("its columns differ in length");
    const dictionary = "isDelta" in header && !header.isDelta ? header.id : undefined;
    return { kind: (content as arrow.Message).headerType, at, rows: batch.length, dictionary };
  });
}

const codecs = ["LZ4", "ZSTD"];

/** A value takes at least a bit, save in columns of type null, which may claim any number of rows. */
const nullsPerBatch = 1 << 20;

/** What a message holds, and the types of its columns; a dictionary is one column. */
function batchOf(content: arrow.Message | undefined, schema: arrow.Schema) {
  if (content?.isRecordBatch()) {
    const header = content.header();
    return { header, batch: header, types: schema.fields.map(({ type }) => type) };
  }
  if (!content?.isDictionaryBatch()) throw new RangeError("it holds no records");
  const header = content.header();
  const type = schema.dictionaries.get(header.id);
  if (!type) throw new RangeError(`no column has the dictionary ${header.id}`);
  return { header, batch: header.data, types: [type] };
}

interface Node {
  /** whether it is a column, or else a part of one */
  readonly column: boolean;
  /** its null bitmap's place among the buffers, undefined for a type that has none */
  readonly bitmap: number | undefined;
}

/** The nodes of columns, each before its children, in the order of a message. */
function nodesOf(types: readonly arrow.DataType[], variadicBufferCounts: readonly number[]): Node[] {
  const nodes: Node[] = [];
  let buffers = 0;
  let views = 0;
  const add = (type: arrow.DataType, column: boolean) => {
    nodes.push({ column, bitmap: arrow.DataType.isNull(type) ? undefined : buffers });
    buffers += buffersOf(type);
    if (isView(type)) buffers += variadicBufferCounts[views++] ?? 0;
    if (arrow.DataType.isDictionary(type)) return;
    for (const child of (type.children ?? []) as readonly arrow.Field[]) add(child.type, false);
  };
  for (const type of types) add(type, true);
  return nodes;
}

function buffersOf(type: arrow.DataType): number {
  if (arrow.DataType.isNull(type)) return 0;
  if (arrow.DataType.isStruct(type) || arrow.DataType.isFixedSizeList(type)) return 1;
  return hasOffsets(type) && !type.children?.length ? 3 : 2;
}

function isView(type: arrow.DataType): boolean {
  return arrow.DataType.isUtf8View(type) || arrow.DataType.isBinaryView(type);
}

/** The messages as a stream, as the reader takes them. */
async function* messagesOf(bytes: FileBytes, { schema, head, parts, end }: Outline): AsyncGenerator<Uint8Array> {
  yield framed(head);
  for (const { at } of parts) {
    const message = await messageAt(bytes, at, end);
    yield framed(withNullCounts(message, schema));
    if (message.next > message.bodyAt) yield await bytes.read(message.bodyAt, message.next - message.bodyAt);
  }
}

/** A count of −1 is unknown, and apache-arrow takes it for none: here all may be missing that have a bitmap. */
function withNullCounts({ content, metadata, bodyAt, next }: Message, schema: arrow.Schema): Uint8Array {
  const { header, batch, types } = batchOf(content, schema);
  if (batch.nodes.every(({ nullCount }) => nullCount >= 0)) return metadata;
  for (const [i, { bitmap }] of nodesOf(types, batch.variadicBufferCounts).entries()) {
    const node = batch.nodes[i];
    if (!node || node.nullCount >= 0) continue;
    node.nullCount = bitmap !== undefined && batch.buffers[bitmap]?.length ? node.length : 0;
  }
  return arrow.Message.encode(arrow.Message.from(header, next - bodyAt));
}

function framed(metadata: Uint8Array): Uint8Array {
  const message = Buffer.alloc(8 + metadata.length);
  message.writeInt32LE(-1);
  message.writeInt32LE(metadata.length, 4);
  message.set(metadata, 8);
  return message;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/**
 * The tables of the format by their slots, where a slot leads to tables or vectors; numbers and texts are left out. An array
 * is a vector of tables, a number a vector of elements of that many bytes.
 *
 * Source: https://github.com/apache/arrow/tree/main/format, Message.fbs, Schema.fbs, File.fbs
 */
const tables: Readonly<Record<string, Readonly<Record<number, string | readonly [string] | number>>>> = {
  Footer: { 1: "Schema", 2: 24, 3: 24, 4: ["KeyValue"] },
  Message: { 2: "Header", 4: ["KeyValue"] },
  Schema: { 1: ["Field"], 2: ["KeyValue"], 3: 8 },
  DictionaryBatch: { 1: "RecordBatch" },
  RecordBatch: { 1: 16, 2: 16, 4: 8 },
  Field: { 5: ["Field"], 6: ["KeyValue"] },
};

/**
 * Follows every table and vector of a flatbuffer, so that none is longer than its bytes and no table has more than its own
 * parent: the decoder would go through two billion fields that are not there, or for ever through two that are.
 *
 * @throws RangeError for metadata that are damaged, and for types that are nested more than some sixty times
 */
function requireTables(metadata: Uint8Array, root: string): void {
  const view = viewOf(metadata);
  let left = metadata.length / 4;
  const follow = (table: string, at: number, depth: number): void => {
    left -= 1;
    if (left < 0) throw new RangeError("its metadata hold more tables than they have room for");
    if (depth > 64) throw new RangeError("its types are nested too deeply");
    for (const [number, kind] of Object.entries(tables[table] ?? {})) {
      const slot = slotOf(view, at, Number(number));
      if (slot === undefined) continue;
      const target = slot + view.getUint32(slot, true);
      if (typeof kind === "string") {
        // a union's slot stands behind that of its type
        const type = kind === "Header" ? slotOf(view, at, Number(number) - 1) : undefined;
        follow(type === undefined ? kind : (headers[view.getUint8(type)] ?? kind), target, depth + 1);
        continue;
      }
      const count = view.getUint32(target, true);
      const bytes = typeof kind === "number" ? kind : 4;
      if (target + 4 + count * bytes > view.byteLength) throw new RangeError(`its metadata claim ${count} entries`);
      if (typeof kind === "number") continue;
      for (let i = target + 4; i < target + 4 + 4 * count; i += 4)
        follow(kind[0], i + view.getUint32(i, true), depth + 1);
    }
  };
  follow(root, view.getUint32(0, true), 0);
}

const headers: Readonly<Record<number, string>> = { 1: "Schema", 2: "DictionaryBatch", 3: "RecordBatch" };

/** Where a table's slot lies, or undefined when it is left out. */
function slotOf(view: DataView, table: number, number: number): number | undefined {
  const slots = table - view.getInt32(table, true);
  const entry = 4 + 2 * number;
  const offset = entry < view.getUint16(slots, true) ? view.getUint16(slots + entry, true) : 0;
  return offset === 0 ? undefined : table + offset;
}

function isBigEndian(schema: Uint8Array): boolean {
  const view = viewOf(schema);
  const header = slotOf(view, view.getUint32(0, true), 2) as number;
  const endianness = slotOf(view, header + view.getUint32(header, true), 0);
  return endianness !== undefined && view.getInt16(endianness, true) === 1;
}

/** @throws RangeError for a column whose offsets, views or indices lead outside of its buffers */
function requireSound(data: arrow.Data, column: string, sound: WeakSet<arrow.Data>): void {
  const { type, length, children } = data;
  if (arrow.DataType.isNull(type)) return;
  const ensure = (holds: boolean, problem: string) => {
    if (!holds) throw new RangeError(`${column}: ${problem}`);
  };
  const values = (data.values as ArrayLike<unknown> | undefined)?.length ?? 0;
  if (data.nullCount > 0) ensure(8 * data.nullBitmap.length >= length, "its null bitmap is too short");
  if (hasOffsets(type)) {
    const limit = children[0]?.length ?? values;
    ensure(areOffsets(data.valueOffsets, length, limit), "its offsets lead outside");
  } else if (arrow.DataType.isBool(type)) {
    ensure(8 * values >= length, "it is too short");
  } else if (isView(type)) {
    ensure(values >= 16 * length && areViews(data), "its views lead outside");
  } else if (arrow.DataType.isFixedSizeList(type)) {
    ensure(type.listSize >= 0 && (children[0]?.length ?? 0) >= length * type.listSize, "its lists are too short");
  } else if (arrow.DataType.isStruct(type)) {
    ensure(
      children.every((child) => child.length >= length),
      "its fields are too short",
    );
  } else if (arrow.DataType.isUnion(type)) {
    ensure(false, "unions are not read");
  } else {
    ensure(data.stride >= 0 && values >= length * data.stride, "it is too short");
  }
  if (arrow.DataType.isDictionary(type)) {
    const { dictionary } = data;
    ensure(dictionary !== undefined && areIndices(data, dictionary.length), "its indices lead outside its dictionary");
    for (const chunk of dictionary?.data ?? []) {
      if (!sound.has(chunk)) requireSound(chunk, column, sound);
      sound.add(chunk);
    }
  }
  children.forEach((child, i) => {
    requireSound(child, `${column}.${type.children?.[i]?.name}`, sound);
  });
}

function hasOffsets(type: arrow.DataType): boolean {
  const { isUtf8, isLargeUtf8, isBinary, isLargeBinary, isList, isLargeList, isMap } = arrow.DataType;
  return [isUtf8, isLargeUtf8, isBinary, isLargeBinary, isList, isLargeList, isMap].some((is) => is(type));
}

function areOffsets(offsets: Int32Array | BigInt64Array, length: number, limit: number): boolean {
  if (length === 0) return true;
  if (offsets.length <= length || Number(offsets[0]) < 0 || Number(offsets[length]) > limit) return false;
  for (let i = 0; i < length; i++) {
    if ((offsets[i] as number) > (offsets[i + 1] as number)) return false;
  }
  return true;
}

/** A view is a length and twelve bytes: the value itself if it fits, else its buffer and offset behind four bytes of it. */
function areViews(data: arrow.Data): boolean {
  const views = viewOf(data.values as Uint8Array);
  for (let i = 0; i < data.length; i++) {
    if (!data.getValid(i)) continue;
    const size = views.getInt32(16 * i, true);
    if (size < 0) return false;
    if (size <= 12) continue;
    const buffer = data.variadicBuffers[views.getInt32(16 * i + 8, true)];
    const offset = views.getInt32(16 * i + 12, true);
    if (!buffer || offset < 0 || offset + size > buffer.length) return false;
  }
  return true;
}

function areIndices(data: arrow.Data, limit: number): boolean {
  const indices = data.values as ArrayLike<number | bigint>;
  for (let i = 0; i < data.length; i++) {
    const index = indices[i] as number | bigint;
    if ((index < 0 || index >= limit) && data.getValid(i)) return false;
  }
  return true;
}

/** Keeps what a writer writes until it is taken. */
class Chunks extends arrow.AsyncByteQueue {
  #chunks: Uint8Array[] = [];

  override write(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
  }

  take(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return all;
  }
}

/** A file with the schema at its start, where the format has it and apache-arrow does not: some read files as streams. */
class FileWriter extends arrow.RecordBatchFileWriter {
  protected override _writeSchema(schema: arrow.Schema): this {
    return super._writeSchema(schema)._writeMessage(arrow.Message.from(schema));
  }
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
