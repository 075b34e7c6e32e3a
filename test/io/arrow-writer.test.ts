import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { writeArrow } from "../../io/arrow-writer.ts";
import { recordBatches } from "../../io/record-batches.ts";
import { raw, sql } from "../../io/sql.ts";
import { all, batchesOf, everyType, rowsOf } from "../support/arrow.ts";
import { openDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/folders.ts";

describe("record batches", () => {
  it("are written into a file that is read again, by its footer or from its start to its end", async () => {
    const database = await openDatabase();
    const file = join(temporaryFolder(), "out.arrow");
    const source = () =>
      database.describe(everyType).then((columns) => all(recordBatches(database, columns, [everyType, everyType])));
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

async function* arrayed<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
