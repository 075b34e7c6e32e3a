import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repository } from "../support/folders.ts";
import { asosExperiments, asosIsThere, asosMismatches, asosTable } from "./asos.ts";

if (!asosIsThere) console.info("skipped: the ASOS experiments are not beside the project, see docs/judging.md");

describe.skipIf(!asosIsThere)("39 real experiments, judged by their cumulative moments", () => {
  const experiments = asosIsThere ? asosExperiments() : [];

  it("are 50 pairs of a variant and its control", () => {
    expect(experiments).toHaveLength(50);
    expect(new Set(experiments.map(({ name }) => name.split("/")[0])).size).toBe(39);
  });

  it("stop early and disagree with their last look as docs/judging.md says", () => {
    expect(readFileSync(join(repository, "docs/judging.md"), "utf8")).toContain(asosTable(experiments));
  });

  it("have a broken split in 16 % of pairs, and the test that may be looked at at any time finds no other", () => {
    const { sequential, atTheEnd } = asosMismatches(experiments);
    expect(atTheEnd.length / experiments.length).toBe(0.16);
    expect(atTheEnd.filter((own) => sequential.includes(own))).toHaveLength(7);
    expect(sequential.filter((own) => !atTheEnd.includes(own))).toEqual([]);
  });
});
