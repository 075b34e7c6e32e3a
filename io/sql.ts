/** A SQL text with its parameters: values are bound, only {@link name}, {@link literal} and {@link raw} splice. */
export interface Sql {
  /** one more than values */
  readonly strings: readonly string[];
  readonly values: readonly SqlValue[];
}

export type SqlValue = string | number | bigint | boolean | null;

/**
 * A SQL statement as a tagged template. Interpolated {@link Sql} is spliced with its own parameters; every other value
 * becomes a parameter.
 */
export function sql(strings: TemplateStringsArray, ...parts: readonly (Sql | SqlValue)[]): Sql {
  const texts = [strings[0] as string];
  const values: SqlValue[] = [];
  const append = (text: string) => {
    texts[texts.length - 1] += text;
  };
  parts.forEach((part, i) => {
    if (part !== null && typeof part === "object") {
      append(part.strings[0] as string);
      texts.push(...part.strings.slice(1));
      values.push(...part.values);
    } else {
      values.push(part);
      texts.push("");
    }
    append(strings[i + 1] as string);
  });
  return { strings: texts, values };
}

/** The statement with `$1`, `$2` … for its values. */
export function textOf({ strings }: Sql): string {
  return strings.reduce((text, next, i) => `${text}$${i}${next}`);
}

/** An identifier, quoted, so that a column may be called `select` or hold a quote. */
export function name(identifier: string): Sql {
  return raw(`"${identifier.replaceAll('"', '""')}"`);
}

/** A text literal, quoted, where DuckDB takes no parameter. */
export function literal(text: string): Sql {
  return raw(`'${text.replaceAll("'", "''")}'`);
}

/** SQL that is already safe, as a vetted expression. */
export function raw(text: string): Sql {
  return { strings: [text], values: [] };
}

/** Parts joined by a separator, `", "` unless told. */
export function join(parts: readonly Sql[], separator = ", "): Sql {
  return parts.reduce<Sql>((all, part, i) => (i === 0 ? part : sql`${all}${raw(separator)}${part}`), raw(""));
}
