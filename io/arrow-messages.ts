import * as arrow from "apache-arrow";
import { InputError } from "../plan/input-error.ts";
import { attempt } from "./arrow-damage.ts";
import { requireTables } from "./arrow-metadata.ts";
import { type FileBytes, viewOf } from "./file-bytes.ts";

/** A message of a file or stream, and where it lies; its body is not read yet. */
export interface Message {
  /** undefined for the end marker */
  readonly content: arrow.Message | undefined;
  readonly at: number;
  readonly metadata: Uint8Array;
  readonly bodyAt: number;
  readonly next: number;
}

/**
 * The schema at the start of a stream.
 *
 * @throws InputError for what does not begin with one: it may be no Arrow at all
 */
export async function firstMessage(bytes: FileBytes): Promise<Message> {
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

/**
 * The message that begins at a byte, and ends before `end`.
 *
 * @throws InputError with the byte for a message that is cut off or damaged
 */
export function messageAt(bytes: FileBytes, at: number, end: number): Promise<Message> {
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
