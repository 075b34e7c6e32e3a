import type { RandomStream } from "../../statistics/random-stream.ts";

/** A damaged copy of a file, and how it was damaged. */
export interface Mutation {
  readonly name: string;
  readonly bytes: Buffer;
}

export interface Damage {
  /** how many copies are damaged at random, in all {@link ways} by turns */
  readonly drawn: number;
  /** offsets where parts of the file end: it is cut off at each of them and at its two neighbours */
  readonly boundaries?: readonly number[];
  /** bytes that are put in twice, anywhere and at a boundary */
  readonly snippets?: readonly Uint8Array[];
}

/** Damaged copies of a file, all of them different from each other and from the original. */
export function mutationsOf(
  original: Buffer,
  random: RandomStream,
  { drawn, boundaries = [], snippets = [] }: Damage,
): Mutation[] {
  const seen = new Set([original.toString("latin1")]);
  const found: Mutation[] = [];
  const keep = (name: string, bytes: Buffer) => {
    const text = bytes.toString("latin1");
    if (!seen.has(text)) found.push({ name, bytes });
    seen.add(text);
  };
  for (const at of new Set(boundaries.flatMap((end) => [end - 1, end, end + 1]))) {
    if (at >= 0) keep(`cut off at ${at}`, original.subarray(0, at));
  }
  for (const [i, snippet] of snippets.entries()) {
    for (const at of [below(original.length, random), boundaries[below(boundaries.length, random)] ?? 0])
      keep(`snippet ${i} put in at ${at}`, inserted(original, snippet, at));
  }
  const all = Object.entries(ways);
  const enough = found.length + drawn;
  for (let i = 0; found.length < enough; i++) {
    const [name, way] = all[i % all.length] as (typeof all)[number];
    keep(`${name} (${i})`, way(Buffer.from(original), random));
  }
  return found;
}

type Way = (bytes: Buffer, random: RandomStream) => Buffer;

const ways: Readonly<Record<string, Way>> = {
  "cut off": (bytes, random) => bytes.subarray(0, below(bytes.length, random)),
  "one bit flipped": (bytes, random) => flipped(bytes, 1, random),
  "bits flipped": (bytes, random) => flipped(bytes, 1 + below(100, random), random),
  "neighbouring bits flipped": (bytes, random) => {
    const { from, until } = range(bytes, random, 16);
    flipped(bytes.subarray(from, until), 1 + below(20, random), random);
    return bytes;
  },
  "a range zeroed": (bytes, random) => {
    const { from, until } = range(bytes, random);
    return bytes.fill(0, from, until);
  },
  "a range of ones": (bytes, random) => {
    const { from, until } = range(bytes, random, 16);
    return bytes.fill(0xff, from, until);
  },
  "a range deleted": (bytes, random) => {
    const { from, until } = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(until)]);
  },
  "a range twice": (bytes, random) => {
    const { from, until } = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, until), bytes.subarray(from)]);
  },
  "a range shuffled": (bytes, random) => {
    const { from, until } = range(bytes, random);
    for (let i = until - 1; i > from; i--) swap(bytes, i, from + below(i - from + 1, random));
    return bytes;
  },
  "two ranges exchanged": (bytes, random) => {
    const [a, b, c, d] = [0, 0, 0, 0].map(() => below(bytes.length + 1, random)).sort((x, y) => x - y) as Four;
    return Buffer.concat([0, c, b, a, d].map((from, i) => bytes.subarray(from, [a, d, c, b, bytes.length][i])));
  },
  "random bytes put in": (bytes, random) => {
    const noise = Buffer.from(Array.from({ length: 1 + below(40, random) }, () => below(256, random)));
    return inserted(bytes, noise, below(bytes.length + 1, random));
  },
};

type Four = [number, number, number, number];

/** A whole number from 0 up to, but not including, the limit. */
function below(limit: number, random: RandomStream): number {
  return Math.floor(limit * random());
}

function flipped(bytes: Buffer, bits: number, random: RandomStream): Buffer {
  for (let i = 0; i < bits; i++) {
    const bit = below(8 * bytes.length, random);
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  }
  return bytes;
}

/** A range of at least one byte; short ones are as likely as long ones. */
function range(bytes: Buffer, random: RandomStream, longest = bytes.length / 2) {
  const length = Math.max(1, Math.floor(longest ** random()));
  const from = below(bytes.length - length + 1, random);
  return { from, until: from + length };
}

function swap(bytes: Buffer, i: number, j: number): void {
  [bytes[i], bytes[j]] = [bytes[j] as number, bytes[i] as number];
}

function inserted(bytes: Buffer, part: Uint8Array, at: number): Buffer {
  return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
}

/** Bytes that break readers of text: other encodings, marks, zero bytes, halves of pairs, lone quotes and odd line ends. */
export const textSnippets: readonly Uint8Array[] = [
  Buffer.from("café", "latin1"),
  Buffer.from([0xff, 0xfe]),
  Buffer.from([0xfe, 0xff]),
  Buffer.from("utf-16 without a mark\n", "utf16le"),
  Buffer.from("\ufeffwith a mark\n", "utf16le"),
  Buffer.from("\ufeff"),
  // overlong slash and NUL, a surrogate in UTF-8, beyond U+10FFFF, a start without its end, an end without its start
  Buffer.from([0xc0, 0xaf]),
  Buffer.from([0xe0, 0x80, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf4, 0x90, 0x80, 0x80]),
  Buffer.from([0xe2, 0x82]),
  Buffer.from([0x80]),
  Buffer.from([0x00]),
  Buffer.from([0x01]),
  Buffer.alloc(300),
  ...'\\ud800|\\udc00\\ud800|\\u0000|\\|"|\'|""|\r|\r\r\n|\n|\n\n|,|;|\t|,,,,,|{|}|[|]|:|null|NaN|-Infinity|1e999|\u2028|\u0085'
    .split("|")
    .map((text) => Buffer.from(text)),
  Buffer.from("18446744073709551617"),
  Buffer.from('"__proto__": {"session": "evil"}, '),
  Buffer.from('"session": "twice", '),
  Buffer.from("[".repeat(20_000)),
  Buffer.from('{"a":'.repeat(20_000)),
];
