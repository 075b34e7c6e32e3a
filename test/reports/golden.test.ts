import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { htmlReport } from "../../reports/html.ts";
import { markdownReport } from "../../reports/markdown.ts";
import { resultSchema } from "../../reports/result.ts";
import { cases } from "../support/cases.ts";

/** `UPDATE_GOLDEN=1 npx vitest run test/reports/golden.test.ts` writes the folders anew; look at the pages afterwards. */
const update = process.env.UPDATE_GOLDEN === "1";

describe.each(Object.keys(cases) as (keyof typeof cases)[])("the report of a %s", (name) => {
  const folder = join(import.meta.dirname, name);
  const file = (own: string) => join(folder, own);
  if (update) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file("input.json"), `${JSON.stringify(cases[name], null, 2)}\n`);
    writeFileSync(file("expected.html"), htmlReport(cases[name]));
    writeFileSync(file("expected.md"), markdownReport(cases[name]));
  }
  const result = resultSchema.parse(JSON.parse(readFileSync(file("input.json"), "utf8")));

  it("is the expected page", () => {
    expect(htmlReport(result)).toBe(readFileSync(file("expected.html"), "utf8"));
  });

  it("is the expected Markdown", () => {
    expect(markdownReport(result)).toBe(readFileSync(file("expected.md"), "utf8"));
  });
});
