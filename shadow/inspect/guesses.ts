import type { ColumnFacts } from "./columns.ts";
import { matchName, type NameMatch, type Role } from "./names.ts";
import { countText, decimalText, shareText } from "./words.ts";

/** Which column plays a role, and why. */
export interface Guess {
  readonly column: string;
  readonly why: string;
  /** false for a guess by content alone, which a reader has to confirm; no warning is about it, unless it is the session */
  readonly sure: boolean;
  readonly runnerUp: { readonly column: string; readonly why: string } | null;
}

export type RoleGuesses = Readonly<Record<Role, Guess | null>>;

/**
 * Guesses the roles of columns by the names in use, then by what the columns hold.
 *
 * - session: has at least two values; named so, or by content a text without white space of 8 to 80 characters that repeats
 *   (at most 90 % different, 60 % where that is an estimate) and has at least 50 and √records different values
 * - at: at least 90 % of the values are times; numbers that are no epoch after 2000 only when the column is called
 *   outright a time (they may count from the log's start) and at least half of them differ
 * - user: named so, at least two values; accounts and tenants only from √records different values on: fewer make a
 *   segment
 * - request, response: named so, texts or nested values before numbers; for the request by content the longest column of
 *   texts or nested values, at most half of them missing
 *
 * @param stated columns that are given and not guessed
 */
export function guessRoles(
  columns: readonly ColumnFacts[],
  records: number,
  stated: Readonly<Partial<Record<Role, string>>> = {},
): RoleGuesses {
  const taken = new Set<string>(Object.values(stated));
  const ranked = new Map<Role, readonly Candidate[]>();
  const best = new Map<Role, Omit<Guess, "runnerUp">>();
  for (const role of ["session", "at", "user", "request", "response"] as const) {
    const candidates = columns
      .filter(({ name, distinct }) => name !== "" && distinct > 0)
      .flatMap((column) => candidate[role](column, records, matchName(role, column.name)) ?? [])
      .filter(({ points }) => points >= 30)
      .sort((a, b) => b.points - a.points);
    ranked.set(role, candidates);
    const own = stated[role];
    // where no two requests have the same time, it may be the session too
    const free = (column: string) => !taken.has(column) || (role === "at" && column === stated.session);
    const guess =
      own === undefined ? candidates.find(({ column }) => free(column)) : { column: own, why: "as stated", sure: true };
    if (!guess) continue;
    best.set(role, { column: guess.column, why: guess.why, sure: guess.sure });
    taken.add(guess.column);
  }
  const guessOf = (role: Role): Guess | null => {
    const guess = best.get(role);
    const second = ranked.get(role)?.find(({ column }) => !taken.has(column));
    return guess ? { ...guess, runnerUp: second ? { column: second.column, why: second.why } : null } : null;
  };
  return {
    session: guessOf("session"),
    user: guessOf("user"),
    at: guessOf("at"),
    request: guessOf("request"),
    response: guessOf("response"),
  };
}

/** What a column's type is to a guess. */
export function kindOf({ type }: ColumnFacts): "text" | "boolean" | "integer" | "number" | "time" | "nested" {
  if (/^(STRUCT|MAP|UNION)\b|\]$|^JSON$|…$/.test(type)) return "nested";
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT|U?INTEGER)$/.test(type)) return "integer";
  if (/^(DOUBLE|FLOAT|DECIMAL.*)$/.test(type)) return "number";
  if (/^(TIMESTAMP.*|DATE)$/.test(type)) return "time";
  return type === "BOOLEAN" ? "boolean" : "text";
}

interface Candidate {
  readonly column: string;
  readonly why: string;
  readonly sure: boolean;
  /** an order of the candidates; 30 is the least that counts */
  readonly points: number;
}

type Judge = (column: ColumnFacts, records: number, match: NameMatch | undefined) => Candidate | undefined;

const candidate: Readonly<Record<Role, Judge>> = { session, at, user, request, response };

function session(column: ColumnFacts, records: number, match: NameMatch | undefined): Candidate | undefined {
  const { name, distinct, meanLength, spaced, timesAs, times } = column;
  const kind = kindOf(column);
  if (kind === "nested" || kind === "boolean" || kind === "number" || kind === "time") return undefined;
  const many = distinct >= Math.sqrt(records);
  const repeats = distinct <= (column.approximate ? 0.6 : 0.9) * records;
  const idLike = kind === "text" && spaced === 0 && meanLength >= 8 && meanLength <= 80 && !(timesAs && times >= 0.9);
  const byContent = idLike && many && distinct >= 50 && repeats && column.missing < 0.1 && !isAnothers("session", name);
  if (!match && !byContent) return undefined;
  const filled = records * (1 - column.missing);
  const each =
    distinct >= filled && !column.approximate
      ? "each record its own"
      : `${decimalText(filled / distinct)} records each`;
  return {
    column: name,
    why: `${nameText(match) || "repeats, as a session does"}; ${valuesText(column)}, ${each}`,
    sure: match !== undefined,
    points:
      (match ? namePoints(match) : 30) +
      (repeats ? 15 : 0) +
      (many ? 10 : 0) -
      (distinct < 2 ? 60 : 0) -
      50 * column.missing,
  };
}

function at(column: ColumnFacts, records: number, match: NameMatch | undefined): Candidate | undefined {
  const { name, times, timesAs, distinct } = column;
  const named = match !== undefined;
  const spread = 10 * (distinct / records) - 50 * column.missing;
  if (timesAs && times >= 0.9) {
    const byNumber = timesAs.startsWith("epoch");
    return {
      column: name,
      why: `${nameText(match, "; ")}${shareText(times)} of the values are times (${timeWords[timesAs] ?? timesAs})`,
      sure: named || !byNumber,
      points: (match ? namePoints(match) : byNumber ? 30 : 45) + spread - (timesAs === "date" ? 20 : 0),
    };
  }
  const outright = match?.tier === 0 && match.exact;
  if (!outright || column.numbers < 0.9 || distinct < records / 2) return undefined;
  return {
    column: name,
    why: `${nameText(match)}; numbers that are no epoch after 2000, they may count from the log's start`,
    sure: true,
    points: namePoints(match) - 60 + spread,
  };
}

const timeWords: Readonly<Record<string, string>> = { timestamp: "timestamps", date: "days", text: "as text" };

function user(column: ColumnFacts, records: number, match: NameMatch | undefined): Candidate | undefined {
  const kind = kindOf(column);
  if (!match || column.distinct < 2 || !(kind === "text" || kind === "integer")) return undefined;
  const many = column.distinct >= Math.sqrt(records);
  if (match.tier > 0 && !many) return undefined;
  return {
    column: column.name,
    why: `${nameText(match)}; ${valuesText(column)}`,
    sure: true,
    points: namePoints(match) + (many ? 10 : 0) - 30 * column.missing,
  };
}

function request(column: ColumnFacts, records: number, match: NameMatch | undefined): Candidate | undefined {
  const kind = kindOf(column);
  const wordy = kind === "nested" || (kind === "text" && column.spaced >= 0.5);
  const whatText = `${kind === "nested" ? "nested values" : kind === "text" ? "texts" : "values"} of ${countText(column.meanLength)} characters on average`;
  const byName = match && named(column, match, wordy);
  if (byName) return { ...byName, why: `${nameText(match)}; ${whatText}` };
  if (!wordy || column.missing > 0.5 || column.distinct < records / 5 || column.meanLength < 20) return undefined;
  // the longest wins; a thousandth of a point per character, at most ten points
  const points = 30 + Math.min(10, column.meanLength / 1000);
  return { column: column.name, why: `by its content only: ${whatText}`, sure: false, points };
}

function response(column: ColumnFacts, _records: number, match: NameMatch | undefined): Candidate | undefined {
  const kind = kindOf(column);
  return match && named(column, match, kind === "nested" || (kind === "text" && column.spaced >= 0.5));
}

function named(column: ColumnFacts, match: NameMatch, wordy: boolean): Candidate | undefined {
  if (!match.exact && column.missing > 0.5) return undefined;
  const kind = kindOf(column);
  const doubt = (kind === "text" || kind === "nested" ? 0 : 60) + 30 * column.missing;
  return {
    column: column.name,
    why: nameText(match),
    sure: true,
    points: namePoints(match) + (wordy ? 10 : 0) - doubt,
  };
}

function namePoints({ tier, exact, order }: NameMatch): number {
  return 100 - 30 * tier - (exact ? 0 : 10) - order / 2;
}

function isAnothers(role: Role, column: string): boolean {
  return (["user", "at", "request", "response"] as const).some(
    (other) => other !== role && matchName(other, column) !== undefined,
  );
}

function nameText(match: NameMatch | undefined, after = ""): string {
  return match ? `${match.exact ? "by its name" : `its name ends in ${match.name}`}${after}` : "";
}

function valuesText({ distinct, approximate }: ColumnFacts): string {
  return `${approximate ? "about " : ""}${countText(distinct)} different ${distinct === 1 ? "value" : "values"}`;
}
