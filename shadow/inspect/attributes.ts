import type { ColumnFacts } from "./columns.ts";
import { kindOf } from "./guesses.ts";
import { isOutcomeName } from "./names.ts";
import type { Changes } from "./sessions.ts";
import { countOf, countText, shareText } from "./words.ts";

/** Columns that make segments, and those that nearly do. */
export interface AttributeGuesses {
  readonly chosen: readonly Attribute[];
  readonly others: readonly Attribute[];
}

interface Attribute {
  readonly column: string;
  readonly why: string;
}

/** A plan with more segments than these attributes make finds something in one of them by chance. */
const mostAttributes = 8;

/** Columns watched for changes inside sessions. */
const mostWatched = 40;

/**
 * Columns that may be attributes: short texts, whole numbers and booleans of few values, at least half filled.
 *
 * Few is 2 to 50, for numbers 2 to 20, and at most a fifth of the records. What speaks of an outcome by its name (error,
 * reward, clicks) is measured and makes no segment.
 */
export function attributeCandidates(
  columns: readonly ColumnFacts[],
  records: number,
  taken: ReadonlySet<string>,
): readonly string[] {
  const fits = (column: ColumnFacts) => {
    const kind = kindOf(column);
    const most = Math.min(kind === "integer" ? 20 : 50, Math.max(2, records / 5));
    return (
      (kind === "text" || kind === "integer" || kind === "boolean") &&
      column.distinct >= 2 &&
      column.distinct <= most &&
      column.missing <= 0.5 &&
      column.meanLength <= 40 &&
      !(column.times >= 0.9) &&
      column.name !== "" &&
      !taken.has(column.name) &&
      !isOutcomeName(column.name)
    );
  };
  return columns
    .filter(fits)
    .slice(0, mostWatched)
    .map(({ name }) => name);
}

/** Chooses among the candidates those that are constant inside at least 90 % of the sessions with several requests. */
export function guessAttributes(
  candidates: readonly string[],
  columns: readonly ColumnFacts[],
  changes: readonly Changes[],
  stated: readonly string[] | undefined,
): AttributeGuesses {
  const described = candidates.map((column) => {
    const distinct = columns.find(({ name }) => name === column)?.distinct ?? 0;
    const { changing = 0, several = 0 } = changes.find((own) => own.column === column) ?? {};
    return {
      column,
      constant: changing <= 0.1 * several,
      why: `${countOf(distinct, "value")}${several === 0 ? "" : changing === 0 ? ", constant inside every session" : `, changes inside ${countText(changing)} of ${countOf(several, "longer session")} (${shareText(changing / several)})`}`,
    };
  });
  const bare = ({ column, why }: Attribute) => ({ column, why });
  const isChosen = stated ? ({ column }: Attribute) => stated.includes(column) : undefined;
  const constant = described.filter(({ constant: own }) => own);
  const chosen = isChosen ? described.filter(isChosen) : constant.slice(0, mostAttributes);
  return {
    chosen: chosen.map(bare),
    others: described.filter((own) => !chosen.includes(own)).map(bare),
  };
}
