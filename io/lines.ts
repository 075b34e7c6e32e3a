import { isUtf8 } from "node:buffer";
import { closeSync, createReadStream, openSync, type ReadStream, readSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { InputError } from "../plan/input-error.ts";

/** One physical line of a text file; `text` is null when its bytes are not UTF-8, or too many. */
export interface Line {
  /** 1-based */
  readonly number: number;
  readonly text: string | null;
  /** more than {@link longestLine} bytes */
  readonly tooLong?: true;
}

/** In bytes. Each of DuckDB's JSON functions takes some four times this for such a record. */
export const longestLine = 8_000_000;

/** Why a line has no text. */
export function problemOf({ tooLong }: Pick<Line, "tooLong">): string {
  return tooLong ? "longer than 8 MB" : "not UTF-8";
}

const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * Lines of a text file in batches of one read, gunzipped when it is gzip (by its first bytes, whatever its name).
 *
 * Line ends may be LF or CRLF, mixed, or CR where there is no LF at all; a byte-order mark is dropped; blank lines are kept,
 * the empty end is not a line. Of a line that is too long no more than its beginning is ever held.
 *
 * @throws InputError when the file cannot be read, is UTF-16, or its gzip stream is broken
 */
export async function* readLines(file: string): AsyncGenerator<Line[]> {
  let number = 0;
  let rest: Buffer[] = [];
  let length = 0;
  let end: number | undefined;
  const take = (tail: Buffer): Line => {
    number += 1;
    const bytes = rest.length === 0 ? tail : Buffer.concat([...rest, tail]);
    const tooLong = length + tail.length > longestLine;
    rest = [];
    length = 0;
    return tooLong ? { number, text: null, tooLong } : { number, text: textOf(bytes, number) };
  };
  for await (const chunk of bytesOf(file)) {
    if (end === undefined) refuseUtf16(file, chunk);
    end ??= lineEndOf(chunk);
    const lines: Line[] = [];
    let start = 0;
    for (let at = chunk.indexOf(end); at >= 0; at = chunk.indexOf(end, start)) {
      lines.push(take(chunk.subarray(start, at)));
      start = at + 1;
    }
    length += chunk.length - start;
    if (length > longestLine) rest = [];
    else if (start < chunk.length) rest.push(Buffer.from(chunk.subarray(start)));
    if (lines.length > 0) yield lines;
  }
  if (length > 0) yield [take(Buffer.alloc(0))];
}

function textOf(bytes: Buffer, number: number): string | null {
  const end = bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
  const start = number === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const body = bytes.subarray(start, end);
  return isUtf8(body) ? body.toString("utf8") : null;
}

/** Files of old Macs end their lines in CR. */
function lineEndOf(chunk: Buffer): number {
  const first = chunk.indexOf(carriageReturn);
  // one at the end may be half of CRLF
  return first >= 0 && first < chunk.length - 1 && !chunk.includes(newline) ? carriageReturn : newline;
}

/** The bytes of a file, gunzipped when it is gzip. */
export async function* bytesOf(file: string): AsyncGenerator<Buffer> {
  let raw: ReadStream | undefined;
  try {
    const first = (await firstChunk(file)) ?? Buffer.alloc(0);
    const zipped = first[0] === 0x1f && first[1] === 0x8b;
    raw = createReadStream(file, { highWaterMark: 1 << 20 });
    const stream = zipped ? raw.pipe(createGunzip({ chunkSize: 1 << 20 })) : raw;
    raw.on("error", (error) => stream.destroy(error));
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (cause) {
    throw unreadable(file, cause as NodeJS.ErrnoException);
  } finally {
    raw?.destroy();
  }
}

async function firstChunk(file: string): Promise<Buffer | undefined> {
  for await (const chunk of createReadStream(file, { end: 1 })) return chunk as Buffer;
  return undefined;
}

function unreadable(file: string, cause: NodeJS.ErrnoException): Error {
  if (cause instanceof InputError) return cause;
  if (cause.code === "EISDIR") return new InputError(file, "is a folder", "name a file in it", { cause });
  if (cause.code === "ENOENT") return new InputError(file, "no such file", "check the path", { cause });
  if (cause.code?.startsWith("Z_")) {
    return new InputError(file, `the gzip stream is broken or cut off (${cause.message})`, "copy the file again", {
      cause,
    });
  }
  return new InputError(file, `cannot be read (${cause.message})`, "check the file and its permissions", { cause });
}

/** @throws InputError for bytes that begin with a byte-order mark of UTF-16 */
export function refuseUtf16(file: string, chunk: Buffer): void {
  const [a, b] = chunk;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    throw new InputError(file, "is UTF-16, not UTF-8", `convert it: iconv -f UTF-16 -t UTF-8 ${file}`);
  }
}

/** Whether a file's first bytes are those of gzip. */
export function isGzip(file: string): boolean {
  const handle = openSync(file, "r");
  try {
    const bytes = new Uint8Array(2);
    readSync(handle, bytes, 0, 2, 0);
    return bytes[0] === 0x1f && bytes[1] === 0x8b;
  } finally {
    closeSync(handle);
  }
}

/** Bytes of a record, about, from the first megabytes of a file: the mean length of its lines, or all that was read of one that has none. */
export function recordBytes(file: string): number {
  const handle = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(4_000_000);
    const length = readSync(handle, bytes, 0, bytes.length, 0);
    let lines = 0;
    for (let at = bytes.indexOf(newline); at >= 0 && at < length; at = bytes.indexOf(newline, at + 1)) lines += 1;
    // text is unzipped to some eight times its length
    return (length / Math.max(1, lines)) * (isGzip(file) ? 8 : 1);
  } finally {
    closeSync(handle);
  }
}
