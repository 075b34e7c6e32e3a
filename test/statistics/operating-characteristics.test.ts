import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runAll } from "../characteristics/studies.ts";
import { type Cell, comparisonsOf, excessOf, falseAlarm } from "../characteristics/study.ts";

/** The smallest size of each population and split. */
const small = ({ n }: Cell) => n <= 400 || n === 2000;
const rows = runAll(120, small);
const comparisons = comparisonsOf(rows);

describe(`without a difference, on equal, 1 : 9 and 1 : 99 splits (chance of a false alarm ${falseAlarm} over all ${comparisons} comparisons),`, () => {
  it.each([...new Set(rows.map((row) => row.method))])(
    "%s rejects and misses no more often than it says, where it says that it holds",
    (method) => {
      const own = rows.filter((row) => row.method === method && !row.fails);
      const beyond = own.filter((row) => {
        const { levels, coverage } = excessOf(row, comparisons);
        return levels.length > 0 || coverage;
      });
      expect(
        beyond.map(({ cell, rejected, replicates, missed, intervals }) => ({
          cell,
          rejected,
          replicates,
          missed,
          intervals,
        })),
      ).toEqual([]);
    },
  );

  it("the known traps are seen: peeking, requests of one user, stages pooled", () => {
    const seen = rows.filter((row) => {
      const { levels } = excessOf(row, comparisons);
      return levels.length > 0;
    });
    for (const method of [
      "z at every look, uncorrected",
      "Welch by request, as if independent",
      "pooled z over all stages",
    ])
      expect(
        seen.some((row) => row.method === method),
        method,
      ).toBe(true);
  });

  it("every method has its place in docs/operating-characteristics.md", () => {
    const text = readFileSync(new URL("../../docs/operating-characteristics.md", import.meta.url), "utf8");
    for (const { method } of rows) expect(text).toContain(`| ${method} |`);
  });
});
