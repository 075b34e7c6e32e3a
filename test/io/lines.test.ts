import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLines } from "../../io/lines.ts";
import { temporaryFolder } from "../support/folders.ts";
import { refusal } from "../support/refusal.ts";

async function linesOf(bytes: string | Uint8Array, name = "log.jsonl", folder = temporaryFolder()) {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  const lines: { number: number; text: string | null }[] = [];
  for await (const batch of readLines(file)) lines.push(...batch);
  return lines;
}

const textsOf = async (...args: Parameters<typeof linesOf>) => (await linesOf(...args)).map(({ text }) => text);

const text = fc
  .array(fc.constantFrom("a", " ", "{", '"', "é", "😀", "\t", "\u2028", "\u0000"))
  .map((parts) => parts.join(""));

describe("the lines of a file", () => {
  it("are the same whether they end in LF or CRLF, or in both by turns, plain or gzipped", async () => {
    const folder = temporaryFolder();
    const lines = fc.array(fc.tuple(text, fc.constantFrom("\n", "\r\n")), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(lines, fc.boolean(), async (written, zipped) => {
        const bytes = Buffer.from(written.map(([line, end]) => line + end).join(""));
        const read = await linesOf(zipped ? gzipSync(bytes) : bytes, "log.csv", folder);
        expect(read).toEqual(written.map(([line], i) => ({ number: i + 1, text: line })));
      }),
      { numRuns: 150 },
    );
  });

  it("count the last one without a line end, and no line after the last end", async () => {
    expect(await textsOf("a\nb")).toEqual(["a", "b"]);
    expect(await textsOf("a\nb\n")).toEqual(["a", "b"]);
    expect(await textsOf("a\n\nb\n\n")).toEqual(["a", "", "b", ""]);
    expect(await textsOf("\n")).toEqual([""]);
  });

  it("are none in an empty file, gzipped or not", async () => {
    expect(await textsOf("")).toEqual([]);
    expect(await textsOf(gzipSync(""))).toEqual([]);
  });

  it("lose a byte-order mark in front of the first, and nowhere else", async () => {
    expect(await textsOf("\ufeffa\n\ufeffb\n")).toEqual(["a", "\ufeffb"]);
    expect(await textsOf(gzipSync("\ufeffa\n"))).toEqual(["a"]);
  });

  it("keep a carriage return that ends no line", async () => {
    expect(await textsOf("a\rb\r\nc\r\r\n")).toEqual(["a\rb", "c\r"]);
  });

  it("are whole where the file is read in pieces: longer than one, and with ends and characters across the cut", async () => {
    const folder = temporaryFolder();
    const piece = 1 << 20;
    for (const around of [-2, -1, 0, 1]) {
      const lines = ["a".repeat(piece + around), `${"b".repeat(piece - 3 - 2 - around)}😀`, "c".repeat(3 * piece), "d"];
      for (const end of ["\n", "\r\n"]) {
        const read = await textsOf(lines.join(end), "log.jsonl", folder);
        expect(read.map((line) => line?.length)).toEqual(lines.map((line) => line.length));
        expect(read.every((line, i) => line === lines[i])).toBe(true);
      }
    }
  });

  it("are null where their bytes are not UTF-8, and only there", async () => {
    const latin1 = Buffer.from("caf\u00e9", "latin1");
    const bytes = Buffer.concat([Buffer.from("a\n"), latin1, Buffer.from("\ncafé\n"), Buffer.from([0xed, 0xa0, 0x80])]);
    expect(await linesOf(bytes)).toEqual([
      { number: 1, text: "a" },
      { number: 2, text: null },
      { number: 3, text: "café" },
      { number: 4, text: null },
    ]);
  });
});

describe("gzip", () => {
  it("is known by the first bytes, whatever the name says", async () => {
    expect(await textsOf(gzipSync("a\nb\n"), "log.jsonl")).toEqual(["a", "b"]);
    expect(await textsOf("a\nb\n", "log.jsonl.gz")).toEqual(["a", "b"]);
  });

  it("may consist of several members, as log shippers append them", async () => {
    expect(await textsOf(Buffer.concat([gzipSync("a\n"), gzipSync("b\n")]))).toEqual(["a", "b"]);
  });

  it("that is cut off anywhere, or damaged, is refused", async () => {
    const folder = temporaryFolder();
    const whole = gzipSync(Array.from({ length: 500 }, (_, i) => `line ${i * 7919}\n`).join(""));
    for (const length of [3, 12, whole.length >> 1, whole.length - 9, whole.length - 1]) {
      const message = await refusal(() => linesOf(whole.subarray(0, length), "log.jsonl.gz", folder));
      expect(message).toMatch(/log\.jsonl\.gz: the gzip stream is broken or cut off \(.+\); copy the file again$/);
    }
    const damaged = Buffer.from(whole);
    damaged[whole.length - 6] = (damaged[whole.length - 6] as number) ^ 1;
    expect(await refusal(() => linesOf(damaged, "log.jsonl.gz", folder))).toMatch(/the gzip stream is broken/);
  });
});

describe("a file that has no lines to read", () => {
  it.each([
    ["little-endian", [0xff, 0xfe, 0x61, 0x00]],
    ["big-endian", [0xfe, 0xff, 0x00, 0x61]],
  ])("is refused when it is UTF-16, %s, and the message says how to convert it", async (_, bytes) => {
    const expected = /log\.jsonl: is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8 .*log\.jsonl$/;
    expect(await refusal(() => linesOf(Buffer.from(bytes)))).toMatch(expected);
    expect(await refusal(() => linesOf(gzipSync(Buffer.from(bytes))))).toMatch(expected);
  });

  it("is refused when it is not there, or a folder", async () => {
    const folder = temporaryFolder();
    const read = async (path: string) => {
      for await (const _ of readLines(path)) throw new Error("a line was read");
    };
    expect(await refusal(() => read(join(folder, "log.jsonl")))).toMatch(/log\.jsonl: no such file; check the path$/);
    expect(await refusal(() => read(folder))).toMatch(/: is a folder; name a file in it$/);
  });
});
