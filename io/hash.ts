import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { finalize } from "../plan/assignment.ts";

/** sha-256 of a text, as hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** sha-256 of a file's bytes, as hex. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** JSON with sorted keys: equal values have equal texts. Undefined members are left out, as JSON does. */
export function canonicalJson(value: unknown): string {
  if (typeof value === "function") return '"[function]"';
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (value !== null && typeof value === "object") {
    if ("toJSON" in value && typeof value.toJSON === "function") return canonicalJson(value.toJSON());
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/**
 * sha-256 of plain data in which there are typed arrays, as hex: equal data have equal hashes, whatever the order of members.
 * Undefined members are left out; an array that is there several times is read once.
 *
 * @throws TypeError for what is not plain, as a function or a Map: two that differ would look alike
 */
export function sha256OfData(data: unknown): string {
  const digests = new Map<object, string>();
  const digest = (array: ArrayBufferView) => {
    const known = digests.get(array);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const own = `${array.constructor.name} ${createHash("sha256").update(bytes).digest("hex")}`;
    digests.set(array, own);
    return own;
  };
  const text = (value: unknown): string => {
    if (typeof value === "string") return JSON.stringify(value);
    if (Object.is(value, -0)) return "-0";
    if (value === null || ["number", "boolean", "undefined"].includes(typeof value)) return String(value);
    if (ArrayBuffer.isView(value)) return digest(value);
    if (Array.isArray(value)) return `[${value.map(text).join(",")}]`;
    if (typeof value !== "object" || !isPlain(value))
      throw new TypeError(`a hash needs plain data, got ${Object.prototype.toString.call(value)}`);
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${text(member)}`);
    return `{${members.join(",")}}`;
  };
  return sha256(text(data));
}

/** An object without a class, of this realm or another. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * A digest of a text, to tell whether two are equal: a whole number below 2⁵³, of MurmurHash3_x86_32 of its UTF-16LE bytes
 * under two seeds: all bits of the first and the upper 21 of the second. Five times as fast as sha-256 on short texts; two
 * different ones agree with probability 2⁻⁵³.
 *
 * Source: Appleby, smhasher, MurmurHash3.cpp.
 */
export function digest53(text: string): number {
  let a = 0;
  let b = 0x9747b28c | 0;
  const pairs = text.length >> 1;
  for (let i = 0; i < pairs; i++) {
    let word = text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 16);
    word = Math.imul(word, 0xcc9e2d51);
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    a ^= word;
    a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    b ^= word;
    b = (Math.imul((b << 13) | (b >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (text.length & 1) {
    let word = Math.imul(text.charCodeAt(text.length - 1), 0xcc9e2d51);
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    a ^= word;
    b ^= word;
  }
  return finalize(a ^ (2 * text.length)) * 2 ** 21 + (finalize(b ^ (2 * text.length)) >>> 11);
}
