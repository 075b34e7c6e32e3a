import { parsedJson } from "../redaction/json-text.ts";

/** A JSON value with the identity of everything in it: equal values of one forest have equal `id`s. */
export interface ValueNode {
  readonly id: number;
  readonly kind: "null" | "boolean" | "number" | "text" | "array" | "object";
  /** written as JSON inside of a text; `kind` and the rest are those of what it holds */
  readonly quoted: boolean;
  readonly value: unknown;
  /** names of an object's members, sorted; those of undefined members are left out */
  readonly names: readonly string[];
  /** an array's items, or an object's members in the order of `names` */
  readonly children: readonly ValueNode[];
}

/**
 * Gives equal values equal numbers, bottom up and without recursion, in time proportional to the values' size.
 *
 * Numbers far closer than `closeness` are mostly equal here already, and numbers farther apart than it never; whole numbers only
 * when they are the same, unless `wholeToo`. JSON in texts is read by its value, not by its layout.
 */
export class Forest {
  readonly #closeness: number;
  readonly #wholeToo: boolean;
  readonly #ids = new Map<string, number>();

  constructor(closeness: number, wholeToo: boolean) {
    this.#closeness = closeness;
    this.#wholeToo = wholeToo;
  }

  plant(value: unknown): ValueNode {
    const root = draft(value);
    const drafts = [root];
    for (let i = 0; i < drafts.length; i++) {
      const own = drafts[i] as Draft;
      for (const child of childrenOf(own)) {
        const planted = draft(child);
        own.children.push(planted);
        drafts.push(planted);
      }
    }
    for (let i = drafts.length - 1; i >= 0; i--) {
      const own = drafts[i] as Draft;
      own.id = this.#idOf(own);
    }
    return root;
  }

  #idOf(own: Draft): number {
    const key = `${own.quoted ? "q" : ""}${this.#shallowKey(own)}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#ids.set(key, this.#ids.size);
    return this.#ids.size - 1;
  }

  #shallowKey({ kind, value, names, children }: Draft): string {
    if (kind === "array") return `[${children.map(({ id }) => id).join()}`;
    if (kind === "object") return `{${names.map((name, i) => `${JSON.stringify(name)}${children[i]?.id}`).join()}`;
    if (kind === "number") return this.#numberKey(value as number);
    return kind === "text" ? `"${value}` : kind === "boolean" ? String(value) : "null";
  }

  /** Cells of half the closeness on a logarithmic scale. */
  #numberKey(value: number): string {
    const whole = Number.isSafeInteger(value) && !this.#wholeToo;
    if (whole || value === 0 || this.#closeness === 0 || !Number.isFinite(value)) return String(value);
    return `${value < 0 ? "-" : "+"}${Math.round(Math.log(Math.abs(value)) / (this.#closeness / 2))}~`;
  }
}

interface Draft extends ValueNode {
  id: number;
  /** the object or array inside, if any */
  readonly inside: object | undefined;
  readonly children: Draft[];
}

function draft(value: unknown): Draft {
  const parsed = typeof value === "string" ? parsedJson(value) : undefined;
  const quoted = typeof parsed === "object";
  const inside = quoted ? parsed : value;
  const kind = kindOf(inside);
  const names = kind === "object" ? namesOf(inside as Record<string, unknown>) : [];
  const nested = kind === "object" || kind === "array";
  return { id: -1, kind, quoted, value, names, children: [], inside: nested ? (inside as object) : undefined };
}

function kindOf(value: unknown): ValueNode["kind"] {
  if (Array.isArray(value)) return "array";
  if (typeof value === "string") return "text";
  if (typeof value === "number" || typeof value === "bigint") return "number";
  if (typeof value === "boolean") return "boolean";
  return typeof value === "object" && value !== null ? "object" : "null";
}

function namesOf(value: Record<string, unknown>): string[] {
  return Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort();
}

function childrenOf({ kind, names, inside }: Draft): readonly unknown[] {
  if (kind === "array") return inside as readonly unknown[];
  return names.map((name) => (inside as Record<string, unknown>)[name]);
}

/**
 * A total order of a forest's values that does not depend on which was planted first; 0 for equal ones.
 *
 * Walks down the first difference only.
 */
export function orderOf(a: ValueNode, b: ValueNode): number {
  let [left, right] = [a, b];
  while (left.id !== right.id) {
    const one: ValueNode = left;
    const other: ValueNode = right;
    if (one.kind !== other.kind) return one.kind < other.kind ? -1 : 1;
    if (one.quoted !== other.quoted) return one.quoted ? 1 : -1;
    if (one.kind === "number" || one.kind === "text" || one.kind === "boolean")
      return (one.value as number) < (other.value as number) ? -1 : 1;
    const length = Math.min(one.children.length, other.children.length);
    let first = 0;
    while (
      first < length &&
      one.names[first] === other.names[first] &&
      one.children[first]?.id === other.children[first]?.id
    )
      first += 1;
    if (first === length) return one.children.length - other.children.length;
    if (one.names[first] !== other.names[first])
      return (one.names[first] as string) < (other.names[first] as string) ? -1 : 1;
    left = one.children[first] as ValueNode;
    right = other.children[first] as ValueNode;
  }
  return 0;
}
