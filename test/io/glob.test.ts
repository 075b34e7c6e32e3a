import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesMatching } from "../../io/glob.ts";
import { temporaryFolder } from "../support/folders.ts";

function folderWith(...files: string[]): string {
  const folder = temporaryFolder();
  for (const file of files) {
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(join(folder, file), "");
  }
  return folder;
}

describe("the files that match a pattern", () => {
  it.each([
    ["logs/*.jsonl", ["logs/a.jsonl", "logs/b.jsonl", "logs/c10.jsonl", "logs/c2.jsonl"]],
    ["logs/?.jsonl", ["logs/a.jsonl", "logs/b.jsonl"]],
    ["logs/[b-c]*.jsonl", ["logs/b.jsonl", "logs/c10.jsonl", "logs/c2.jsonl"]],
    ["**/*.parquet", ["logs/day=1/x.parquet", "logs/day=2/x.parquet"]],
    ["logs/*", ["logs/a.jsonl", "logs/b.jsonl", "logs/c10.jsonl", "logs/c2.jsonl"]],
    ["other/*", []],
  ])("%s are in the order of their names, without folders", async (pattern, expected) => {
    const folder = folderWith(
      "logs/c2.jsonl",
      "logs/b.jsonl",
      "logs/a.jsonl",
      "logs/c10.jsonl",
      "logs/day=2/x.parquet",
      "logs/day=1/x.parquet",
    );
    expect(await filesMatching(join(folder, pattern))).toEqual(expected.map((file) => join(folder, file)));
  });
});
