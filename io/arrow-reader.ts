import * as arrow from "apache-arrow";
import { requireSound } from "./arrow-buffers.ts";
import { attempt } from "./arrow-damage.ts";
import { nodesOf } from "./arrow-layout.ts";
import { type Message, messageAt } from "./arrow-messages.ts";
import { type Outline, outlineOf } from "./arrow-outline.ts";
import { batchOf } from "./arrow-parts.ts";
import { FileBytes } from "./file-bytes.ts";

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
