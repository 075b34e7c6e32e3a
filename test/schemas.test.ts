import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { planSchema } from "../plan/plan-schema.ts";
import { projectSchema } from "../rehearsal/project-schema.ts";
import { resultSchema } from "../reports/result.ts";

/** `UPDATE_GOLDEN=1 npx vitest run test/schemas.test.ts` writes them anew. */
describe("the published JSON Schemas", () => {
  it.each([
    ["foretaste.schema.json", projectSchema],
    ["plan.schema.json", planSchema],
    ["result.schema.json", resultSchema],
  ])("%s is the schema that the code checks", (name, schema) => {
    const file = new URL(`../schemas/${name}`, import.meta.url);
    const text = `${JSON.stringify(z.toJSONSchema(schema, { target: "draft-7", io: "input" }), null, 2)}\n`;
    if (process.env.UPDATE_GOLDEN) writeFileSync(file, text);
    expect(readFileSync(file, "utf8")).toBe(text);
  });
});
