import { open, rm } from "node:fs/promises";
import * as arrow from "apache-arrow";
import { publishFile, temporaryName } from "./run-folder.ts";

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
