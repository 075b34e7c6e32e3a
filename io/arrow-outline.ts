import * as arrow from "apache-arrow";
import { Footer } from "apache-arrow/ipc/metadata/file";
import { InputError } from "../plan/input-error.ts";
import { attempt, writeAgain } from "./arrow-damage.ts";
import { firstMessage, type Message, messageAt } from "./arrow-messages.ts";
import { isBigEndian, requireTables } from "./arrow-metadata.ts";
import { type Part, partOf } from "./arrow-parts.ts";
import type { FileBytes } from "./file-bytes.ts";

/** Where the messages of a file lie. */
export interface Outline {
  readonly schema: arrow.Schema;
  /** the schema's message, without its prefix */
  readonly head: Uint8Array;
  /** in reading order: a stream's dictionaries stand before their use, those of a file may stand anywhere */
  readonly parts: readonly Part[];
  /** where the last message ends at the latest */
  readonly end: number;
}

/**
 * Goes from message to message, past their bodies.
 *
 * A file is a stream between two magics with a footer that lists its batches: both must agree, or rows would be missing
 * without a word. For the same reason a stream must have its end marker, which the format leaves to the writer.
 *
 * @throws InputError for a file that is empty, cut off, damaged, compressed, or not Arrow at all
 *
 * Source: https://arrow.apache.org/docs/format/Columnar.html, Serialization and Interprocess Communication
 */
export async function outlineOf(bytes: FileBytes): Promise<Outline> {
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

const magic = "ARROW1";
/** The magic at the start of a file, padded to eight bytes. */
const fileStart = 8;

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

function schemaOf(file: string, { content, metadata }: Message): Promise<arrow.Schema> {
  return attempt(file, "its schema", () => {
    if (!content?.isSchema()) throw new RangeError("it is missing");
    if (isBigEndian(metadata)) throw new InputError(file, "is big-endian", "write it on a machine that is not");
    return content.header();
  });
}

/** Dictionaries first. */
function rank({ kind }: Part): number {
  return kind === arrow.MessageHeader.DictionaryBatch ? 0 : 1;
}
