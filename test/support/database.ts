import { onTestFinished } from "vitest";
import { Database } from "../../io/duckdb.ts";

/** A database of one thread that is closed when the test ends. */
export async function openDatabase({ threads = 1, folders }: { threads?: number; folders?: readonly string[] } = {}) {
  const database = await Database.open(folders ? { threads, folders } : { threads });
  onTestFinished(() => database.close());
  return database;
}
