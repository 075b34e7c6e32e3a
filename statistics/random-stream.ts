import seedrandom from "seedrandom";

/** A stream of uniform numbers in [0, 1) with 32 random bits each. */
export type RandomStream = () => number;

/** Four 32-bit words: a Philox counter or block. */
export type Words = readonly [number, number, number, number];

/**
 * The random stream of one replicate: a pure function of study, purpose and replicate, so that results do not depend on
 * how replicates are cut into jobs.
 *
 * Philox4x32-10 (key = study, counter = replicate, purpose, scenario, 0) seeds one xoshiro128**.
 *
 * @param study    key of the study, from {@link studyKey}
 * @param purpose  what is drawn; streams of different purposes are independent
 * @param replicate non-negative integer below 2^32
 *
 * Sources: Salmon, Moraes, Dror & Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, SC11 (Philox4x32-10);
 * Blackman & Vigna (2021), Scrambled linear pseudorandom number generators, ACM TOMS 47(4) (xoshiro128**).
 */
export function randomStream(study: StudyKey, purpose: number, replicate: number, scenario = 0): RandomStream {
  return xoshiro128(philox4x32([replicate >>> 0, purpose >>> 0, scenario >>> 0, 0], study));
}

/** Two 32-bit words that name a study. */
export type StudyKey = readonly [number, number];

/** The study's key from the text that a user gives as seed; any text, also the empty one. */
export function studyKey(seed: string): StudyKey {
  const draw = seedrandom(keyText(seed));
  return [draw.int32() >>> 0, draw.int32() >>> 0];
}

/** A uniform source in [0, 1) with 53 bits for `d3-random` distributions; a text is one stream. */
export function textStream(seed: string): RandomStream {
  const draw = seedrandom(keyText(seed));
  return () => draw();
}

/**
 * A text that seedrandom tells from every other: it repeats a key cyclically and keeps the low byte of each character, so
 * that `1` and `11`, or Cyrillic а and 0, would be one seed.
 */
function keyText(seed: string): string {
  const wellFormed = seed.replace(/\p{Cs}/gu, (half) => `\ufffd${half.charCodeAt(0).toString(16)}`);
  return `${encodeURIComponent(wellFormed)}/`;
}

/** Philox4x32 with ten rounds: a bijection of the counter under the key. */
export function philox4x32(counter: Words, key: StudyKey): Words {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Upper 32 bits of the product of two 32-bit unsigned integers. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** xoshiro128**, seeded by four words; the all-zero state, which would stay zero, is moved. */
export function xoshiro128(seed: Words): RandomStream {
  let [a, b, c, d] = seed;
  if ((a | b | c | d) === 0) a = 1;
  return () => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result / 4294967296;
  };
}
