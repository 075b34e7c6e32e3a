import { truncateSync, writeFileSync } from "node:fs";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { arrowSchema } from "../../io/arrow-reader.ts";
import { InputError } from "../../plan/input-error.ts";
import { textStream } from "../../statistics/random-stream.ts";
import { batchesOf, boundaries, counted, exampleTable, type Format, ipc, rowsOf, written } from "../support/arrow.ts";
import { refusal } from "../support/refusal.ts";

describe.each(["file", "stream"] satisfies Format[])("an Arrow %s", (format) => {
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
});
