import { jsonExcerpt } from "../redaction/json-pieces.ts";
import { type AlignmentBudget, align } from "./align.ts";
import { textDistance } from "./text-distance.ts";
import { Forest, orderOf, type ValueNode } from "./value-tree.ts";

/** One place where two responses differ. */
export interface Difference {
  /**
   * RFC 6901 pointer into control, and for what is only in the candidate into the candidate; goes on into JSON inside of texts.
   */
  readonly path: string;
  /** `missing` is in control only, `extra` in the candidate only; `order`: the same items in another order */
  readonly kind: "type" | "missing" | "extra" | "number" | "text" | "boolean" | "order";
  /** its JSON, cut to 200 signs */
  readonly control?: string;
  readonly candidate?: string;
  /** of numbers |candidate − control| over the larger magnitude, between 0 and 2; of texts {@link textDistance} */
  readonly distance?: number;
}

/**
 * Where the structure and values of two responses differ, in the order of names and items.
 *
 * Members are compared by name, whatever their order. Arrays with the same items in another order are one difference; other
 * arrays are aligned on their equal items (a longest common subsequence, up to four million table cells in all, beyond that by
 * index), and what stands between is compared item by item: an inserted item is one `extra`. A text that holds a JSON object or
 * array is compared as JSON with another such text. A response that is undefined is one difference at `""`.
 *
 * Swapped responses give the same differences swapped, their paths into the other side. `undefined` members count as absent;
 * values may nest deeper than a call stack. About 10 µs for equal responses of 250 bytes, 30 µs for different ones; see
 * {@link textDistance} for long texts.
 *
 * @param options.closeness numbers are equal up to this relative distance; unless stated 1e-9, and whole numbers, which may be
 *   identifiers or times, are equal only when they are the same
 * @param options.limit number of differences kept, the first ones
 * @throws RangeError for a closeness that is not in [0, 1), or a limit below 1
 */
export function responseDifference(
  control: unknown,
  candidate: unknown,
  { closeness, limit = 20 }: { readonly closeness?: number; readonly limit?: number } = {},
): Difference[] {
  if (closeness !== undefined && !(closeness >= 0 && closeness < 1))
    throw new RangeError(`responseDifference needs a closeness from 0 to below 1, got ${closeness}`);
  if (!(limit >= 1)) throw new RangeError(`responseDifference needs a limit of at least 1, got ${limit}`);
  if (control === undefined || candidate === undefined) return oneSided(control, candidate);
  const forest = new Forest(closeness ?? defaultCloseness, closeness !== undefined);
  const ours = forest.plant(control);
  const theirs = forest.plant(candidate);
  // which of two equally good alignments is taken must not depend on which response is control
  const swapped = orderOf(ours, theirs) > 0;
  return differences(swapped ? theirs : ours, swapped ? ours : theirs, { closeness, limit, swapped });
}

const defaultCloseness = 1e-9;
const excerptLength = 200;

function oneSided(control: unknown, candidate: unknown): Difference[] {
  if (control !== undefined) return [{ path: "", kind: "missing", control: jsonExcerpt(control, excerptLength) }];
  if (candidate !== undefined) return [{ path: "", kind: "extra", candidate: jsonExcerpt(candidate, excerptLength) }];
  return [];
}

/** A part of one response, and where it stands there. */
interface Part {
  readonly node: ValueNode;
  readonly at: Spot | undefined;
}

interface Spot {
  readonly above: Spot | undefined;
  readonly key: string | number;
}

/** Parts that stand for each other; at least one is there. */
interface Pair {
  readonly left?: Part;
  readonly right?: Part;
}

interface Comparison {
  readonly closeness: number | undefined;
  readonly limit: number;
  /** left is the candidate */
  readonly swapped: boolean;
}

function differences(left: ValueNode, right: ValueNode, comparison: Comparison): Difference[] {
  const found: Difference[] = [];
  const budget: AlignmentBudget = { cells: 4_000_000 };
  const rest: Pair[] = [{ left: { node: left, at: undefined }, right: { node: right, at: undefined } }];
  while (found.length < comparison.limit) {
    const pair = rest.pop();
    if (!pair) break;
    const compared = compare(pair, comparison, budget);
    if ("kind" in compared) found.push(described(pair, compared, comparison.swapped));
    else for (let i = compared.length - 1; i >= 0; i--) rest.push(compared[i] as Pair);
  }
  return found;
}

/** How two parts differ themselves. */
interface Verdict {
  readonly kind: Difference["kind"] | "left" | "right";
  readonly distance?: number;
}

/** How a pair differs, or the pairs inside of it to look at. */
function compare({ left, right }: Pair, { closeness }: Comparison, budget: AlignmentBudget): Verdict | readonly Pair[] {
  if (!left || !right) return { kind: left ? "left" : "right" };
  const a = left.node;
  const b = right.node;
  if (a.id === b.id) return [];
  if (a.kind !== b.kind || a.quoted !== b.quoted) {
    const texts = [a, b].every(({ quoted, kind }) => quoted || kind === "text");
    const json = a.quoted && b.quoted;
    return texts && !json ? textVerdict(a, b) : { kind: "type" };
  }
  if (a.kind === "object") return members(left, right);
  if (a.kind === "array") return sameItems(a, b) ? { kind: "order" } : items(left, right, budget);
  if (a.kind === "text") return textVerdict(a, b);
  if (a.kind === "boolean") return { kind: "boolean" };
  const [one, other] = [Number(a.value), Number(b.value)];
  const distance = relativeDistance(one, other);
  const exact = closeness === undefined && Number.isSafeInteger(one) && Number.isSafeInteger(other);
  return !exact && distance <= (closeness ?? defaultCloseness) ? [] : { kind: "number", distance };
}

function textVerdict(a: ValueNode, b: ValueNode): Verdict {
  return { kind: "text", distance: textDistance(a.value as string, b.value as string) };
}

/** Divided first: the difference of two large numbers may be infinite. */
function relativeDistance(a: number, b: number): number {
  const largest = Math.max(Math.abs(a), Math.abs(b));
  if (largest === 0) return 0;
  if (largest === Number.POSITIVE_INFINITY) return a === -b ? 2 : 1;
  return Math.abs(a / largest - b / largest);
}

function members(left: Part, right: Part): readonly Pair[] {
  const pairs: Pair[] = [];
  const [ours, theirs] = [left.node.names, right.node.names];
  let i = 0;
  let j = 0;
  while (i < ours.length || j < theirs.length) {
    const [our, their] = [ours[i], theirs[j]];
    const both = our === their;
    const leftFirst = their === undefined || (our !== undefined && our < their);
    pairs.push({
      ...(both || leftFirst ? { left: child(left, i, our as string) } : {}),
      ...(both || !leftFirst ? { right: child(right, j, their as string) } : {}),
    });
    if (both || leftFirst) i += 1;
    if (both || !leftFirst) j += 1;
  }
  return pairs;
}

function child({ node, at }: Part, i: number, key: string | number): Part {
  return { node: node.children[i] as ValueNode, at: { above: at, key } };
}

/** Whether two arrays, which are not equal, hold the same items as often. */
function sameItems(a: ValueNode, b: ValueNode): boolean {
  if (a.children.length !== b.children.length) return false;
  const surplus = new Map<number, number>();
  for (const { id } of a.children) surplus.set(id, (surplus.get(id) ?? 0) + 1);
  return b.children.every(({ id }) => {
    const left = surplus.get(id) ?? 0;
    surplus.set(id, left - 1);
    return left > 0;
  });
}

/** Between aligned items, which are equal, the others stand for each other in their order. */
function items(left: Part, right: Part, budget: AlignmentBudget): readonly Pair[] {
  const ids = ({ node }: Part) => node.children.map(({ id }) => id);
  const partners = align(ids(left), ids(right), budget);
  const pairs: Pair[] = [];
  const end = { left: left.node.children.length, right: right.node.children.length };
  let i = 0;
  let j = 0;
  while (i < end.left || j < end.right) {
    let stop = i;
    while (stop < end.left && partners[stop] === -1) stop += 1;
    const until = stop < end.left ? (partners[stop] as number) : end.right;
    for (; i < stop || j < until; i++, j++) {
      pairs.push({
        ...(i < stop ? { left: child(left, i, i) } : {}),
        ...(j < until ? { right: child(right, j, j) } : {}),
      });
    }
    i = stop + 1;
    j = until + 1;
  }
  return pairs;
}

function described({ left, right }: Pair, { kind, distance }: Verdict, swapped: boolean): Difference {
  const [control, candidate] = swapped ? [right, left] : [left, right];
  const own = kind === "left" || kind === "right" ? (control ? "missing" : "extra") : kind;
  return {
    path: pointer((control ?? candidate)?.at),
    kind: own,
    ...(control ? { control: jsonExcerpt(control.node.value, excerptLength) } : {}),
    ...(candidate ? { candidate: jsonExcerpt(candidate.node.value, excerptLength) } : {}),
    ...(distance === undefined ? {} : { distance }),
  };
}

/** RFC 6901, section 3. */
function pointer(spot: Spot | undefined): string {
  const keys: string[] = [];
  for (let own = spot; own; own = own.above) {
    keys.push(`/${String(own.key).replaceAll("~", "~0").replaceAll("/", "~1")}`);
  }
  return keys.reverse().join("");
}
