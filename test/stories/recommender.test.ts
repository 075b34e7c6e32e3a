import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { count, percent, rate } from "../../reports/format.ts";
import { repository } from "../support/folders.ts";
import { recommenderStory, users } from "./recommender.ts";

const page = join(repository, "docs/recommender.md");

describe("the story of docs/recommender.md", () => {
  it("has the figures that the simulation finds", async () => {
    const { collapsed, unchanged } = await recommenderStory();
    const minutes = (hours: number) => `${Math.round(60 * hours)} min`;
    const { hoursToDecision: time, unitsExposed: exposed } = collapsed;
    const table = [
      "| | everyone at once | a canary of 5 % |",
      "|---|--:|--:|",
      `| found after | 8 h | ${minutes(time.p50)} (p90 ${minutes(time.p90)}) |`,
      `| users who had it | ${count(users)} | ${count(exposed.p50)} (p90 ${count(exposed.p90)}) |`,
      `| of all who came | 100 % | ${percent(exposed.p50 / users)} |`,
      `| rolled back | by hand | ${rate(collapsed.rollback)} |`,
      `| rolled back without a change | – | ${rate(unchanged.rollback)} |`,
    ].join("\n");
    const text = readFileSync(page, "utf8");
    const block = /(<!-- made by test\/stories\/recommender\.ts -->\n)[\s\S]*?(\n\n)/;
    if (process.env.UPDATE_GOLDEN) writeFileSync(page, text.replace(block, `$1${table}$2`));
    else expect(text).toContain(table);
  }, 120_000);
});
