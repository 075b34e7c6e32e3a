import { type FileHandle, open } from "node:fs/promises";
import { InputError } from "../plan/input-error.ts";

/** A file's bytes by position. Small reads come from a window: a million small messages are no million calls. */
export class FileBytes {
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

/** The same bytes, to read numbers from. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
