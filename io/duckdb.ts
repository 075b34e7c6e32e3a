import { realpathSync } from "node:fs";
import {
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBDoubleVector,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
} from "@duckdb/node-api";
import { join, literal, name, type Sql, sql, textOf } from "./sql.ts";

/** A failed SQL statement, with the statement. */
export class SqlError extends Error {
  override readonly name = "SqlError";
  readonly sql: string;

  constructor(statement: Sql, cause: unknown) {
    super(`${(cause as Error).message}\n${textOf(statement).trim()}`, { cause });
    this.sql = textOf(statement);
  }

  /** The first line of the database's own words. */
  get problem(): string {
    return ((this.cause as Error).message.split("\n")[0] as string).replace(/^[A-Z][A-Za-z ]+ Error: /, "");
  }
}

export interface DatabaseOptions {
  /** 1 where bits matter: sums of doubles on two threads are not reproducible. */
  readonly threads: number;
  /** Folders that may be read and written; no other file, no network. Every folder when undefined. */
  readonly folders?: readonly string[];
  /** what it may hold in memory, 300 unless stated; the rest is spilled to the first of its folders */
  readonly memoryMegabytes?: number;
  /** Memory that is freed at once and goes back to the system at once, 16 unless stated: see {@link Database.giveBack}. */
  readonly keptMegabytes?: number;
  /** whether {@link Database.giveBack} will be called; it is locked only then */
  readonly givesBack?: boolean;
}

/**
 * An in-memory DuckDB, with UTC as its zone and locked to the folders it may touch. Statements that are asked for at once
 * run one after the other.
 */
export class Database {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open({
    threads,
    folders,
    memoryMegabytes = 300,
    keptMegabytes = 16,
    givesBack = false,
  }: DatabaseOptions): Promise<Database> {
    const instance = await DuckDBInstance.create(":memory:", { threads: String(threads) });
    const database = new Database(instance, await instance.connect());
    await database.run(sql`set timezone = 'UTC'`);
    await database.run(sql`set autoinstall_known_extensions = false`);
    await database.run(sql`set autoload_known_extensions = false`);
    // files are read once, and it fills the memory that there is
    await database.run(sql`set enable_external_file_cache = false`);
    // it moves a cast that two expressions share out of their try()
    await database.run(sql`set disabled_optimizers = 'common_subexpressions'`);
    if (folders) {
      const allowed = folders.map((folder) => literal(`${realpathSync(folder)}/`));
      await database.run(sql`set temp_directory = ${literal(`${folders[0]}/spill`)}`);
      await database.run(sql`set memory_limit = ${literal(`${memoryMegabytes}MB`)}`);
      await database.run(sql`set allocator_bulk_deallocation_flush_threshold = ${literal(`${keptMegabytes}MB`)}`);
      await database.run(sql`set allowed_directories = [${join(allowed)}]`);
      await database.run(sql`set enable_external_access = false`);
      if (!givesBack) await database.run(sql`set lock_configuration = true`);
    }
    return database;
  }

  /**
   * From now on freed memory is given back at once, for joins and sorts of much: each thread that ran a statement keeps what
   * was freed otherwise, as much as the limit in all. It costs a fifth of their time.
   */
  async giveBack(): Promise<void> {
    // less than a block
    await this.run(sql`set allocator_bulk_deallocation_flush_threshold = '64KB'`);
    await this.run(sql`set lock_configuration = true`);
  }

  async run(statement: Sql): Promise<void> {
    await this.#guard(statement, () => this.#connection.run(textOf(statement), valuesOf(statement)));
  }

  /** Rows as objects: numbers and text as they are, 64-bit integers as numbers, everything else as DuckDB's JSON. */
  async rows<Row>(statement: Sql): Promise<Row[]> {
    const reader = await this.#read(statement);
    return reader.getRowObjects().map((row) => mapValues(row, plainValue)) as Row[];
  }

  /** The one row of a statement. */
  async row<Row>(statement: Sql): Promise<Row> {
    const [row] = await this.rows<Row>(statement);
    if (!row) throw new SqlError(statement, new Error("Empty result: expected one row"));
    return row;
  }

  /** Whole columns as arrays, in the order of the select list; empty ones when there is no row. */
  async columns(statement: Sql): Promise<DuckDBValue[][]> {
    const reader = await this.#read(statement);
    return reader.currentRowCount === 0 ? Array.from({ length: reader.columnCount }, () => []) : reader.getColumns();
  }

  /** Names and types of a query's columns, without running it. */
  async describe(query: Sql): Promise<{ readonly name: string; readonly type: string }[]> {
    const rows = await this.rows<{ column_name: string; column_type: string }>(sql`describe ${query}`);
    return rows.map(({ column_name, column_type }) => ({ name: column_name, type: column_type }));
  }

  /** How many statements a text holds, as DuckDB's own parser counts them. */
  async statementCount(text: string): Promise<number> {
    return (await this.#connection.extractStatements(text)).count;
  }

  /** Appends columns of equal length to a table; null is NULL. */
  async append(table: string, types: readonly DuckDBType[], columns: readonly DuckDBValue[][]): Promise<void> {
    await this.#appendChunks(table, types, columns[0]?.length ?? 0, (chunk, start, end) => {
      chunk.setColumns(columns.map((column) => column.slice(start, end)));
    });
  }

  /** Appends numbers to a table of DOUBLE columns; NaN is NULL. */
  async appendNumbers(table: string, columns: readonly Float64Array[]): Promise<void> {
    const types = columns.map(() => DOUBLE);
    await this.#appendChunks(table, types, columns[0]?.length ?? 0, (chunk, start, end) => {
      chunk.rowCount = end - start;
      columns.forEach((column, k) => {
        const vector = chunk.getColumnVector(k) as DuckDBDoubleVector;
        for (let i = start; i < end; i++) {
          const value = column[i] as number;
          vector.setItem(i - start, Number.isNaN(value) ? null : value);
        }
        vector.flush();
      });
    });
  }

  #appendChunks(
    table: string,
    types: readonly DuckDBType[],
    rows: number,
    fill: (chunk: DuckDBDataChunk, start: number, end: number) => void,
  ): Promise<void> {
    return this.#guard(sql`insert into ${name(table)}`, async () => {
      const appender = await this.#connection.createAppender(table);
      // its memory is freed only when garbage is collected
      const chunk = DuckDBDataChunk.create(types);
      for (let start = 0; start < rows; start += 2048) {
        chunk.reset();
        fill(chunk, start, Math.min(rows, start + 2048));
        appender.appendDataChunk(chunk);
      }
      appender.closeSync();
    });
  }

  /** Closes the database when every statement that is under way has ended: DuckDB crashes otherwise. */
  async close(): Promise<void> {
    await this.#last;
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  #read(statement: Sql) {
    return this.#guard(statement, () => this.#connection.runAndReadAll(textOf(statement), valuesOf(statement)));
  }

  async #guard<T>(statement: Sql, work: () => Promise<T>): Promise<T> {
    const running = this.#last.then(work);
    this.#last = running.catch(() => {});
    try {
      return await running;
    } catch (cause) {
      throw new SqlError(statement, cause);
    }
  }
}

function mapValues<A, B>(object: Record<string, A>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
}

/** Undefined without any: DuckDB then plans and runs the statement off the main thread. */
function valuesOf({ values }: Sql): DuckDBValue[] | undefined {
  return values.length === 0 ? undefined : [...values];
}

function plainValue(value: DuckDBValue): unknown {
  if (typeof value === "bigint") return Number(value);
  return value;
}
