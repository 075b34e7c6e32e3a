/**
 * JSON with sorted keys of a value of any depth; the text of `canonicalJson`, which is faster and ends at the stack's.
 *
 * @param value as `JSON.parse` gives it
 */
export function deepCanonicalJson(value: unknown): string {
  const pieces: string[] = [];
  writeJson(value, {
    sorted: true,
    write: (piece) => {
      pieces.push(piece);
      return true;
    },
  });
  return pieces.join("");
}

/** The beginning of a value's JSON, at most `length` signs long; a longer one is cut and ends with `…`. */
export function jsonExcerpt(value: unknown, length: number): string {
  let text = "";
  writeJson(value, {
    sorted: false,
    longest: length,
    write: (piece) => {
      text += piece;
      return text.length <= length;
    },
  });
  return text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

interface Writing {
  readonly sorted: boolean;
  /** texts may be cut behind so many signs */
  readonly longest?: number;
  /** false ends the writing */
  readonly write: (piece: string) => boolean;
}

interface OpenValue {
  readonly value: object;
  /** names of an object's members */
  readonly keys: readonly string[] | undefined;
  readonly length: number;
  next: number;
}

/** Without recursion: logs nest deeper than a call stack. */
function writeJson(root: unknown, { sorted, longest = Number.POSITIVE_INFINITY, write }: Writing): void {
  const open: OpenValue[] = [];
  const begin = (value: unknown): boolean => {
    if (value === null || typeof value !== "object") return write(leafJson(value, longest));
    if (Array.isArray(value)) {
      open.push({ value, keys: undefined, length: value.length, next: 0 });
      return write("[");
    }
    const keys = Object.keys(value).filter((key) => (value as Record<string, unknown>)[key] !== undefined);
    open.push({ value, keys: sorted ? keys.sort() : keys, length: keys.length, next: 0 });
    return write("{");
  };
  let more = begin(root);
  for (let own = open.at(-1); own && more; own = open.at(-1)) {
    if (own.next === own.length) {
      open.pop();
      more = write(own.keys ? "}" : "]");
      continue;
    }
    const key = own.keys ? (own.keys[own.next] as string) : own.next;
    const comma = own.next > 0 ? "," : "";
    own.next += 1;
    if (own.keys || comma) more = write(own.keys ? `${comma}${leafJson(key, longest)}:` : comma);
    if (more) more = begin((own.value as Record<string | number, unknown>)[key]);
  }
}

/** A cut text keeps at least `longest` signs. */
function leafJson(value: unknown, longest: number): string {
  if (typeof value === "string" && value.length > longest) return JSON.stringify(value.slice(0, longest));
  return typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? "null");
}
