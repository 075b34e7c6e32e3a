import fc from "fast-check";
import { pchisq } from "lib-r-math.js";
import { describe, expect, it } from "vitest";
import { finalize, hashText, murmur3, position } from "../../plan/assignment.ts";
import { normalUpperQuantile } from "../../statistics/distributions.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const units = Array.from({ length: 50_000 }, (_, i) => hashText(`user-${i}`));
const salt = hashText("support-agent-2.4");

/** Each test of chance below fails by chance for one choice of names in a million. */
const falseAlarm = 1e-6;

describe("murmur3 gives the published values", () => {
  // Appleby's x86_32 as collected by Ian Boyd, stackoverflow.com/a/31929528
  const binary: readonly [string, number, number][] = [
    ["", 0, 0],
    ["", 1, 0x514e28b7],
    ["", 0xffffffff, 0x81f16f39],
    ["ff ff ff ff", 0, 0x76293b50],
    ["21 43 65 87", 0, 0xf55b516b],
    ["21 43 65 87", 0x5082edee, 0x2362f9de],
    ["21 43 65", 0, 0x7e4a8634],
    ["21 43", 0, 0xa0f7b07a],
    ["21", 0, 0x72661cf4],
    ["00 00 00 00", 0, 0x2362f9de],
    ["00 00 00", 0, 0x85f0b427],
    ["00 00", 0, 0x30f4c306],
    ["00", 0, 0x514e28b7],
  ];
  it.each(binary)("for the bytes [%s] with the seed %i", (hex, seed, wanted) => {
    expect(
      murmur3(
        Uint8Array.from(hex === "" ? [] : hex.split(" "), (byte) => Number.parseInt(byte, 16)),
        seed,
      ),
    ).toBe(wanted);
  });

  // the same collection, the tests of mmh3 (Python) and murmur_test.go of spaolacci/murmur3 (Go)
  const texts: readonly [string, number, number][] = [
    ["aaaa", 0x9747b28c, 0x5a97808a],
    ["aaa", 0x9747b28c, 0x283e0130],
    ["aa", 0x9747b28c, 0x5d211726],
    ["a", 0x9747b28c, 0x7fa09ea6],
    ["abcd", 0x9747b28c, 0xf0478627],
    ["abc", 0x9747b28c, 0xc84a62dd],
    ["ab", 0x9747b28c, 0x74875592],
    ["Hello, world!", 0x9747b28c, 0x24884cba],
    ["ππππππππ", 0x9747b28c, 0xd58063c1],
    ["a".repeat(256), 0x9747b28c, 0x37405bdc],
    ["abc", 0, 0xb3dd93fa],
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 0, 0xee925b90],
    ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
    ["The quick brown fox jumps over the lazy dog", 0, 0x2e4ff723],
    ["hello", 0, 0x248bfa47],
    ["hello, world", 0, 0x149bbb7f],
    ["19 Jan 2038 at 3:14:07 AM", 0, 0xe31e8a70],
    ["The quick brown fox jumps over the lazy dog.", 0, 0xd5c48bfc],
    ["hello", 1, 0xbb4abcad],
    ["hello, world", 0x2a, 0x7ec7c6c2],
    ["19 Jan 2038 at 3:14:07 AM", 0x2a, 0x58f745f6],
  ];
  it.each(texts)("for %j with the seed %i", (text, seed, wanted) => {
    expect(murmur3(utf8(text), seed)).toBe(wanted);
  });
});

describe("finalize", () => {
  it("is a bijection, so that no two words are confused", () => {
    // the inverse, from the modular inverses of the two multipliers
    const undone = (word: number) => {
      let hash = word ^ (word >>> 16);
      hash = Math.imul(hash, 0x7ed1b41d);
      hash = hash ^ (hash >>> 13) ^ (hash >>> 26);
      hash = Math.imul(hash, 0xa5cb9243);
      return (hash ^ (hash >>> 16)) >>> 0;
    };
    fc.assert(fc.property(fc.nat(0xffffffff), (word) => undone(finalize(word)) === word));
  });
});

describe("the position of a unit", () => {
  /** By an implementation of the docstrings in Python. A change of any of these moves every unit of every rollout. */
  it.each([
    ["user-1", "support-agent-2.4", 0.6013364987447858],
    ["user-2", "support-agent-2.4", 0.4446194777265191],
    ["user-1", "support-agent-2.5", 0.29474849672988057],
    ["", "", 0.5602773579303175],
    ["ünï", "σ", 0.4051338492427021],
  ])("%j under the salt %j never changes", (unit, own, wanted) => {
    expect(position(hashText(unit), hashText(own))).toBe(wanted);
  });

  it("is in [0, 1)", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (unit, own) => {
        const at = position(hashText(unit), hashText(own));
        return at >= 0 && at < 1;
      }),
    );
  });

  it("is uniform: a thousand buckets get as many units each as chance gives (chi-squared)", () => {
    const counts = new Array<number>(1000).fill(0);
    for (const unit of units) {
      const bucket = Math.floor(position(unit, salt) * 1000);
      counts[bucket] = (counts[bucket] as number) + 1;
    }
    const expected = units.length / 1000;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // both tails: hash slots that are too even would be wrong as well
    expect(pchisq(chiSquared, 999, 0, false)).toBeGreaterThan(falseAlarm / 2);
    expect(pchisq(chiSquared, 999, 0, true)).toBeGreaterThan(falseAlarm / 2);
  });

  it("puts the planned share below every exposure, and never takes a unit back while the exposure grows", () => {
    const exposures = [0.01, 0.05, 0.25, 0.5, 1];
    const z = normalUpperQuantile(falseAlarm / 2 / exposures.length);
    let before = new Set<number>();
    for (const exposure of exposures) {
      const exposed = new Set(units.flatMap((unit, i) => (position(unit, salt) < exposure ? [i] : [])));
      const standardError = Math.sqrt(units.length * exposure * (1 - exposure));
      expect(Math.abs(exposed.size - units.length * exposure)).toBeLessThanOrEqual(z * standardError);
      expect([...before].filter((unit) => !exposed.has(unit))).toEqual([]);
      before = exposed;
    }
  });

  it.each([
    ["of different names", "support-agent-2.4", "pricing-7"],
    ["that differ in one character", "support-agent-2.4", "support-agent-2.5"],
    ["that differ in one bit", "rollout-1", "rollout-0"],
    ["one of which is empty", "", "support-agent-2.4"],
  ])("says nothing about its position under another salt: two salts %s (10 × 10 table, chi-squared)", (_, a, b) => {
    const salts = [hashText(a), hashText(b)] as const;
    const counts = new Array<number>(100).fill(0);
    for (const unit of units) {
      const cell = 10 * Math.floor(10 * position(unit, salts[0])) + Math.floor(10 * position(unit, salts[1]));
      counts[cell] = (counts[cell] as number) + 1;
    }
    const expected = units.length / 100;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(pchisq(chiSquared, 99, 0, false)).toBeGreaterThan(falseAlarm);
  });

  it("is not correlated with that of a name that differs in one character", () => {
    const near = units.map((unit, i) => [position(unit, salt), position(hashText(`user_${i}`), salt)] as const);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    // for independent uniforms, E (x − ½)(y − ½) is 0 with variance 1/144
    const covariance = mean(near.map(([x, y]) => (x - 0.5) * (y - 0.5)));
    expect(Math.abs(covariance * 12 * Math.sqrt(near.length))).toBeLessThan(normalUpperQuantile(falseAlarm / 2));
  });

  it("flips half of its bits when one bit of the name flips", () => {
    const names = Array.from({ length: 4000 }, (_, i) => `user-${i}`);
    let flipped = 0;
    for (const [i, name] of names.entries()) {
      const bytes = utf8(name);
      const other = bytes.slice();
      const at = i % other.length;
      other[at] = (other[at] as number) ^ 1;
      const word = (own: Uint8Array) => position([murmur3(own, 0), murmur3(own, 0x9747b28c)], salt) * 2 ** 32;
      flipped += ones((word(bytes) ^ word(other)) >>> 0);
    }
    const bits = 32 * names.length;
    expect(Math.abs(flipped - bits / 2)).toBeLessThan(normalUpperQuantile(falseAlarm / 2) * Math.sqrt(bits / 4));
  });

  it("differs between names that differ in one character", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: "grapheme" }),
        fc.nat(),
        fc.string({ unit: "grapheme", maxLength: 1 }),
        (name, at, other) => {
          const characters = [...name];
          characters[at % characters.length] = other;
          const changed = characters.join("");
          fc.pre(changed !== name);
          expect(hashText(changed)).not.toEqual(hashText(name));
        },
      ),
    );
  });
});

function ones(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count += 1;
  return count;
}
