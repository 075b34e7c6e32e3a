import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { jsonLines } from "../support/import-log.ts";
import { projectFolder, requests } from "../support/project-folder.ts";
import { foretaste } from "../support/run-cli.ts";

const log = requests(60);
const good = jsonLines(log);
const bad = (request: string) => `{"session":"bad","user":"u","at":"2026-01-05T00:02:00Z","input":${request}}\n`;
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
const objects = `${'{"a":'.repeat(300_000)}1${"}".repeat(300_000)}`;
const names = ["__proto__", "constructor", "toString", "\u0000", "'\"<script>", "\u202e\u001b[31m", "-- x\n", " "];
const odd = log.map((row, i) => ({ ...row, session: `${names[i % 8]}${i >> 3}`, user: names[i % 8] }));

/** Runs a rehearsal of a log; records that are bad are given up, however many they are. */
async function rehearse(own: string, content: string | Uint8Array) {
  const traffic = {
    source: own,
    columns: { session: "session", user: "user", at: "at", request: "input" },
    quarantineLimit: "100%",
  };
  const folder = projectFolder({ project: { traffic }, files: { [own]: content } });
  return foretaste(["rehearse", folder, "--replicates", "20"]);
}

describe("a rehearsal of a hostile log", () => {
  it.each<[string, string, string | Uint8Array]>([
    ["a record that nests a hundred thousand levels deep", "a.jsonl", good + bad(nested(100_000))],
    ["a record that nests 199 levels deep", "a.jsonl", good + bad(nested(198))],
    ["names of JavaScript's own, zero bytes and escape codes", "a.jsonl", jsonLines(odd)],
    ["numbers beyond every type", "a.jsonl", good.replaceAll('"n":', '"n":1e999,"m":')],
    ["a line of 20 MB", "a.jsonl", good + bad(`"${"x".repeat(20_000_000)}"`)],
    ["half of a character, and bytes that are none", "a.jsonl", good + bad('"\\ud800"') + bad('"\u0000"')],
    ["NaN in a JSON array", "a.json", JSON.stringify(log).replace('"n":5', '"n":NaN')],
    [
      "line ends of old Macs",
      "a.csv",
      `session,user,at,input\r${log.map((r) => `${r.session},${r.user},${r.at},1\r`).join("")}`,
    ],
  ])("with %s ends with a verdict", async (_, own, content) => {
    const { code, stderr, stdout } = await rehearse(own, content);
    expect([0, 10, 11, 12], stderr).toContain(code);
    expect(stdout).not.toBe("");
  });

  it.each<[string, string, string | Uint8Array]>([
    ["zero bytes", "a.jsonl", Buffer.alloc(10_000)],
    ["a gzip stream that is cut off", "a.jsonl.gz", gzipSync(good).subarray(0, 200)],
    ["UTF-16", "a.csv", Buffer.from("\ufeffsession,at\n1,2\n", "utf16le")],
    ["a JSON object of one endless record", "a.json", `{"a":${objects}}`],
    ["a JSON array without its end", "a.json", "[".repeat(1_000_000)],
    ["Parquet that is none", "a.parquet", Buffer.from(`PAR1${"x".repeat(1000)}PAR1`)],
    ["Arrow that is none", "a.arrow", Buffer.from(`ARROW1\0\0${"x".repeat(1000)}ARROW1`)],
    ["nothing but a header", "a.csv", "session,user,at,input\n"],
  ])("of %s ends with the file, the problem and a way out", async (_, own, content) => {
    const { code, stderr, stdout } = await rehearse(own, content);
    expect(stderr).toMatch(new RegExp(`/${own.replaceAll(".", "\\.")}(:\\d+)?: \\S.*; \\S`));
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});
