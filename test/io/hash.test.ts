import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, sha256, sha256OfData, sha256OfFile } from "../../io/hash.ts";
import { temporaryFolder } from "../support/folders.ts";

/** The same value with the members of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== "object") return value;
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, member] of Object.entries(value).reverse()) copy[key] = reversed(member);
  return copy;
}

describe("canonical JSON", () => {
  it("is JSON of the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("does not depend on the order of members", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it("differs for values that differ", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 1 }), fc.jsonValue({ maxDepth: 1 }), (a, b) => {
        const [x, y] = [a, b].map((value) => JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(a) === canonicalJson(b)).toBe(isDeepStrictEqual(x, y));
      }),
    );
    expect(canonicalJson([1, [2]])).not.toBe(canonicalJson([[1], 2]));
    expect(canonicalJson({ a: "1" })).not.toBe(canonicalJson({ a: 1 }));
    expect(canonicalJson({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
    expect(canonicalJson({ at: new Date(0) })).not.toBe(canonicalJson({ at: new Date(1) }));
  });

  it("leaves undefined members out, and keeps the places of undefined items", () => {
    expect(canonicalJson({ b: undefined, a: [undefined, 1] })).toBe('{"a":[null,1]}');
  });
});

describe("sha-256", () => {
  /** Source: FIPS 180-2, appendix B.1. */
  it("is that of the standard's example, for a text and for a file", async () => {
    const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(sha256("abc")).toBe(expected);
    const file = join(temporaryFolder(), "abc");
    writeFileSync(file, "abc");
    expect(await sha256OfFile(file)).toBe(expected);
  });

  it("of a file longer than one read is that of its text", async () => {
    const text = "0123456789abcdef".repeat(200_000);
    const file = join(temporaryFolder(), "long");
    writeFileSync(file, text);
    expect(await sha256OfFile(file)).toBe(sha256(text));
  });
});

describe("the hash of plain data", () => {
  const shared = (values: readonly number[]) => {
    const array = new Float64Array(new SharedArrayBuffer(8 * values.length));
    array.set(values);
    return array;
  };

  it("is equal for equal data, and only for them", () => {
    const data = fc.oneof(
      fc.jsonValue(),
      fc.record({ a: fc.float64Array({ maxLength: 3 }), b: fc.constantFrom(0, -0, Number.NaN, 1 / 0, "0", undefined) }),
    );
    fc.assert(
      fc.property(data, data, (a, b) => {
        expect(sha256OfData(structuredClone(a))).toBe(sha256OfData(a));
        if (sha256OfData(a) === sha256OfData(b)) expect(a).toEqual(b);
      }),
    );
  });

  it("does not depend on the order of members, on undefined ones, and on whether an array is there twice or copied", () => {
    const twice = shared([1, 2]);
    const hash = sha256OfData({ a: twice, b: { c: twice } });
    expect(sha256OfData({ b: { c: shared([1, 2]), d: undefined }, a: shared([1, 2]) })).toBe(hash);
    expect(sha256OfData({ a: twice, b: { c: Float64Array.from([1, 2]) } })).toBe(hash);
  });

  it("tells arrays of equal bytes and other types apart, reads a view's own part, and tells numbers from texts", () => {
    const zeros = [new Uint8Array(8), new Float64Array(1), new Int32Array(2), [0], ["0"], [-0], "[0]", null, {}, []];
    expect(new Set(zeros.map(sha256OfData)).size).toBe(zeros.length);
    expect(sha256OfData(Int32Array.from([1, 2, 3]).subarray(1, 2))).toBe(sha256OfData(Int32Array.from([2])));
  });

  it.each([
    ["a map", new Map()],
    ["a function", () => {}],
    ["a date", new Date(0)],
    ["a number of any size", 1n],
  ])("is not made of %s", (_, value) => {
    expect(() => sha256OfData({ value: [value] })).toThrow(/a hash needs plain data, got \[object /);
  });
});
