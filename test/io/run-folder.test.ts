import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  parquetFiles,
  publishFile,
  readJsonFile,
  runFolders,
  runsFolder,
  temporaryName,
  writeTextFile,
} from "../../io/run-folder.ts";
import { temporaryFolder } from "../support/folders.ts";

describe("a file of a run", () => {
  it("replaces the one before, makes its folders, and leaves nothing else behind", () => {
    const folder = temporaryFolder();
    const file = join(folder, "a/b/result.json");
    writeTextFile(file, "first, and longer");
    writeTextFile(file, "second");
    expect(readFileSync(file, "utf8")).toBe("second");
    expect(readdirSync(join(folder, "a/b"))).toEqual(["result.json"]);
  });

  it("that was cut off while it was written is seen by no reader", () => {
    const folder = temporaryFolder();
    const file = join(folder, "00001.parquet");
    writeFileSync(temporaryName(file), "half");
    writeFileSync(join(folder, "00000.parquet"), "whole");
    expect(parquetFiles(folder)).toEqual([join(folder, "00000.parquet")]);
    publishFile(temporaryName(file), file);
    expect(parquetFiles(folder)).toEqual([join(folder, "00000.parquet"), file]);
    expect(existsSync(temporaryName(file))).toBe(false);
  });

  it("is undefined when it is JSON and not there, and none when its folder is missing", () => {
    const folder = temporaryFolder();
    expect(readJsonFile(join(folder, "import.json"))).toBeUndefined();
    expect(parquetFiles(join(folder, "observations"))).toEqual([]);
  });
});

describe("the runs of a project", () => {
  it("are those with a manifest, oldest first, and none before the first", () => {
    const project = temporaryFolder();
    expect(runFolders(project)).toEqual([]);
    for (const id of ["2026-02-01-b", "2026-01-01-a", "2026-03-01-c"]) {
      writeTextFile(join(runsFolder(project), id, "manifest.json"), "{}");
    }
    mkdirSync(join(runsFolder(project), "2026-04-01-killed-early"));
    expect(runFolders(project).map((folder) => folder.split("/").at(-1))).toEqual([
      "2026-01-01-a",
      "2026-02-01-b",
      "2026-03-01-c",
    ]);
  });
});
