import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Database } from "../../io/duckdb.ts";
import { InputError } from "../../plan/input-error.ts";
import { loadSource, type Source } from "../ingest/source.ts";
import { textColumn } from "../ingest/typed-columns.ts";
import { type AttributeGuesses, attributeCandidates, guessAttributes } from "./attributes.ts";
import { type ColumnFacts, columnFacts } from "./columns.ts";
import { guessRoles, type RoleGuesses } from "./guesses.ts";
import type { Role } from "./names.ts";
import { duplicateWarnings, type Unreadable, unreadableRecords, unusableWarnings } from "./records.ts";
import { type ChosenColumns, createInspected } from "./requests.ts";
import { changesInSessions, changeWarning, type SessionFacts, sessionFacts } from "./sessions.ts";
import { type Span, timeWarnings } from "./times.ts";
import type { Example, TrafficWarning } from "./warning.ts";
import { countOf } from "./words.ts";

/** What a log holds, which columns a rehearsal would take from it, and what is odd about it. */
export interface TrafficInspection {
  readonly files: readonly string[];
  readonly format: Source["format"];
  /** unreadable ones too */
  readonly records: number;
  readonly unreadable: Unreadable;
  readonly columns: readonly ColumnFacts[];
  readonly guesses: RoleGuesses & { readonly attributes: AttributeGuesses };
  /** first and last time, without those far from the rest; null without a time */
  readonly span: Span | null;
  /** null without a session */
  readonly sessions: SessionFacts | null;
  /** the importer's remarks on the times, and columns that no SQL can name */
  readonly notes: readonly string[];
  readonly warnings: readonly TrafficWarning[];
}

export interface InspectOptions {
  /** columns that are known and not guessed */
  readonly columns?: Readonly<Partial<Record<Role, string>>>;
  readonly attributes?: readonly string[];
  /** results do not depend on it */
  readonly threads?: number;
  /** what a stated column is called in messages */
  readonly place?: (key: Role | "attributes") => string;
  /** told after each step */
  readonly onProgress?: (step: string, done: number, total: number) => void;
}

/**
 * Looks at a log before there is a project: what is there, guesses of the columns' roles, and warnings, each with a
 * number and an example. Nothing is written beside the log.
 *
 * @param files of one format; paths, not patterns
 * @throws InputError for files that cannot be read, and for stated columns that are not there
 */
export async function inspectTraffic(
  files: readonly string[],
  {
    columns: stated = {},
    attributes,
    threads = 1,
    place = (key) => (key === "attributes" ? key : `columns.${key}`),
    onProgress = () => {},
  }: InspectOptions = {},
): Promise<TrafficInspection> {
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) throw new InputError(missing, "no such file", "check the path");
  const paths = files.map((file) => realpathSync(file));
  // the first folder is where the database may spill
  const scratch = mkdtempSync(join(tmpdir(), "foretaste-inspect-"));
  try {
    const database = await Database.open({
      threads,
      folders: [scratch, ...new Set(paths.map((file) => dirname(file)))],
    });
    try {
      const source = await loadSource(database, paths, "log");
      onProgress("inspect", 1, 3);
      refuseUnknown(source, stated, attributes, place);
      return await inspectSource(database, source, { files, stated, attributes, place, onProgress });
    } finally {
      await database.close();
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Asked {
  /** the files' names as they were given */
  readonly files: readonly string[];
  readonly stated: Readonly<Partial<Record<Role, string>>>;
  readonly attributes: readonly string[] | undefined;
  readonly place: (key: Role | "attributes") => string;
  readonly onProgress: (step: string, done: number, total: number) => void;
}

async function inspectSource(
  database: Database,
  loaded: Source,
  { files, stated, attributes, place, onProgress }: Asked,
): Promise<TrafficInspection> {
  const source = { ...loaded, columns: loaded.columns.filter(isReadable) };
  const leftOut = loaded.columns.length - source.columns.length;
  const unreadable = await unreadableRecords(database, source.table, files);
  const readable = source.records - unreadable.records;
  const columns = await columnFacts(database, source, readable);
  onProgress("inspect", 2, 3);
  const roles = guessRoles(columns, readable, stated);
  const taken = new Set(Object.values(roles).flatMap((guess) => (guess?.sure ? [guess.column] : [])));
  const watched = attributeCandidates(columns, readable, taken);
  const chosen: ChosenColumns = {
    ...sureColumns(roles),
    watched: [...new Set([...(attributes ?? []), ...watched])],
  };
  const notes = await createInspected(database, source, chosen, (key) => place(key as Role));
  const placeOf = (file: number, line: number): Example => ({ file: files[file] as string, line });
  const times = await timeWarnings(database, placeOf);
  const sessions = chosen.session === undefined ? undefined : await sessionFacts(database, chosen.at !== undefined);
  const changes = sessions ? await changesInSessions(database, chosen.user, chosen.watched) : [];
  const segments = guessAttributes(chosen.watched, columns, changes, attributes);
  const kept = new Set([...segments.chosen.map(({ column }) => column), chosen.user]);
  const duplicates = await duplicateWarnings(
    database,
    chosen.session !== undefined && chosen.at !== undefined && chosen.request !== undefined,
    placeOf,
  );
  onProgress("inspect", 3, 3);
  return {
    files,
    format: source.format,
    records: source.records,
    unreadable,
    columns,
    guesses: { ...roles, attributes: segments },
    span: times.span,
    sessions: sessions?.facts ?? null,
    notes: [
      ...notes,
      ...(leftOut === 0
        ? []
        : [
            `${countOf(leftOut, "column is", "columns are")} left out: SQL cannot read a name with a NUL character in it`,
          ]),
    ],
    warnings: [
      ...(await unusableWarnings(database, placeOf)),
      ...times.warnings,
      ...(sessions?.warnings ?? []),
      ...changes
        .filter(({ column }) => kept.has(column))
        .flatMap((own) => changeWarning(own, sessions?.facts.sessions ?? 0)),
      ...duplicates,
    ],
  };
}

/** A session is needed, be it a doubtful one; other columns only count when they are sure. */
function sureColumns({ session, user, at, request }: RoleGuesses): Omit<ChosenColumns, "watched"> {
  return {
    ...(session ? { session: session.column } : {}),
    ...(user?.sure ? { user: user.column } : {}),
    ...(at?.sure ? { at: at.column } : {}),
    ...(request?.sure ? { request: request.column } : {}),
  };
}

function isReadable(column: string): boolean {
  return !column.includes("\0");
}

function refuseUnknown(
  source: Source,
  stated: Readonly<Partial<Record<Role, string>>>,
  attributes: readonly string[] | undefined,
  place: (key: Role | "attributes") => string,
): void {
  const named = [
    ...Object.entries(stated).map(([role, column]) => ({ place: place(role as Role), column })),
    ...(attributes ?? []).map((column) => ({ place: place("attributes"), column })),
  ];
  for (const { place: at, column } of named) {
    if (column === "" || !isReadable(column))
      throw new InputError(at, "a column without a name that SQL can read cannot be used", "rename it in the log");
    textColumn(source, column, at);
  }
}
