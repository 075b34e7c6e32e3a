import { Database } from "./duckdb.ts";
import { sql } from "./sql.ts";

/** The files that match a pattern with `*`, `**`, `?` or `[…]`, in the order of their names. */
export async function filesMatching(pattern: string): Promise<string[]> {
  const database = await Database.open({ threads: 1 });
  try {
    const rows = await database.rows<{ file: string }>(sql`select file from glob(${pattern}) order by file`);
    return rows.map(({ file }) => file);
  } finally {
    await database.close();
  }
}
