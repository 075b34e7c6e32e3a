/** Exposures are multiples of one bucket in a thousand. */
export const bucketCount = 1000;

/** Two 32-bit words: the hash of a text. */
export type TextHash = readonly [number, number];

/** The hash of a unit's name or of a salt, independent of machine and version. */
export function hashText(text: string): TextHash {
  const bytes = new TextEncoder().encode(text);
  return [murmur3(bytes, 0), murmur3(bytes, 0x9747b28c)];
}

/**
 * Where a unit stands in [0, 1) under a salt. The candidate gets the units below the exposure, so that a unit, once
 * exposed, stays exposed while the exposure grows; another salt shuffles all units anew.
 *
 * The words of unit and salt go through the finalizer of murmur3, each word of the salt before a word of the unit.
 */
export function position(unit: TextHash, salt: TextHash): number {
  return positionByWords(unit[0], unit[1], firstSaltWord(salt[0]), salt[1]);
}

/** What {@link positionByWords} takes of the first word of a salt: the same for all units. */
export function firstSaltWord(salt0: number): number {
  return finalize(salt0 + 0x9e3779b9);
}

/** {@link position} for many units. */
export function positionByWords(unit0: number, unit1: number, saltWord: number, salt1: number): number {
  return finalize(unit1 ^ finalize(finalize(unit0 ^ saltWord) ^ salt1)) / 4294967296;
}

/**
 * MurmurHash3_x86_32.
 *
 * Source: Appleby, smhasher, MurmurHash3.cpp.
 */
export function murmur3(bytes: Uint8Array, seed: number): number {
  let hash = seed | 0;
  const blocks = bytes.length & ~3;
  for (let i = 0; i < blocks; i += 4) {
    const word =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    hash ^= scramble(word);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= blocks; i--) tail = (tail << 8) | (bytes[i] as number);
  if (bytes.length > blocks) hash ^= scramble(tail);
  return finalize(hash ^ bytes.length);
}

function scramble(word: number): number {
  const product = Math.imul(word, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}

/** murmur3's finalizer: a bijection of 32 bits in which every input bit changes every output bit. */
export function finalize(word: number): number {
  let hash = word | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
