import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BIGINT, BOOLEAN, VARCHAR } from "@duckdb/node-api";
import { describe, expect, it } from "vitest";
import { SqlError } from "../../io/duckdb.ts";
import { sql } from "../../io/sql.ts";
import { openDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/folders.ts";

describe("a database", () => {
  it("reads and writes in its folders and nowhere else, and cannot be talked out of it", async () => {
    const [mine, other] = [temporaryFolder(), temporaryFolder()];
    writeFileSync(join(mine, "a.csv"), "x\n1\n");
    writeFileSync(join(other, "a.csv"), "x\n1\n");
    const database = await openDatabase({ folders: [mine] });
    expect(await database.rows(sql`select * from read_csv(${join(mine, "a.csv")})`)).toEqual([{ x: 1 }]);
    await database.run(sql`copy (select 1) to ${join(mine, "b.csv")}`);
    for (const statement of [
      sql`select * from read_csv(${join(other, "a.csv")})`,
      sql`select * from read_text(${join(mine, "..", "..", "etc", "hostname")})`,
      sql`copy (select 1) to ${join(other, "b.csv")}`,
      sql`attach ${join(other, "b.duckdb")}`,
      sql`set enable_external_access = true`,
      sql`set allowed_directories = ['/']`,
      sql`select * from 'https://example.com/a.parquet'`,
    ]) {
      await expect(database.run(statement)).rejects.toThrow(SqlError);
    }
  });

  it("takes a time without a zone for UTC", async () => {
    const database = await openDatabase();
    const { ms } = await database.row<{ ms: number }>(sql`select epoch_ms(timestamptz '2026-07-01 12:00:00') as ms`);
    expect(ms).toBe(Date.UTC(2026, 6, 1, 12));
  });

  it("says in a failure which statement it was, and in its own words what is wrong", async () => {
    const database = await openDatabase();
    const error = await database.rows(sql`select nothing from (select ${1} as something)`).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(SqlError);
    expect(error.message).toContain("select nothing from (select $1 as something)");
    expect(error.problem).toMatch(/^Referenced column "nothing" not found/);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("appends more rows than one chunk holds, NULLs included", async () => {
    const database = await openDatabase();
    await database.run(sql`create table t (n bigint, text varchar, flag boolean)`);
    const rows = Array.from({ length: 5000 }, (_, i) => i);
    await database.append(
      "t",
      [BIGINT, VARCHAR, BOOLEAN],
      [
        rows.map(BigInt),
        rows.map((i) => (i % 3 === 0 ? null : `n${i}`)),
        rows.map((i) => (i % 7 === 0 ? null : i % 2 === 0)),
      ],
    );
    const wrong = await database.row(sql`
      select count(*) as n, count(*) filter (
        where text is distinct from if(n % 3 = 0, null, 'n' || n) or flag is distinct from if(n % 7 = 0, null, n % 2 = 0)
      ) as wrong, count(distinct n) as different
      from t`);
    expect(wrong).toEqual({ n: 5000, wrong: 0, different: 5000 });
  });

  it("gives each column of a query, also when there is no row", async () => {
    const database = await openDatabase();
    const query = (n: number) => sql`select range as n, 'r' || range as name from range(${n}) order by n`;
    expect(await database.columns(query(2))).toEqual([
      [0n, 1n],
      ["r0", "r1"],
    ]);
    expect(await database.columns(query(0))).toEqual([[], []]);
  });

  it("has one row where one is asked for, or fails", async () => {
    const database = await openDatabase();
    await expect(database.row(sql`select 1 as one where false`)).rejects.toThrow(SqlError);
  });
});
