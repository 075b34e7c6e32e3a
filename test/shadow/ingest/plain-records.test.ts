import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { field, importLog } from "../../support/import-log.ts";

const fields = [field("plan", "plan", "text"), field("request", "input", "json")];

/** The same columns as expressions, which only the careful reader understands. */
const careful = [{ ...field("plan", { sql: "plan" }, "text") }, { ...field("request", "input", "json") }];

const record = fc.record(
  {
    session: fc.oneof(fc.constantFrom("a", "b", "007", "", "é😀", "null"), fc.integer(), fc.constant(null)),
    user: fc.oneof(fc.constantFrom("u", ""), fc.constant(null)),
    at: fc.oneof(
      fc.constantFrom(
        "2026-01-05T10:00:00Z",
        "2026-01-05T10:00:00.1234567Z",
        "2026-01-05 10:00:00",
        "2026-01-05T10:00:00+02:00",
        "2026-01-05T10:00:00-0330",
        "2026-01-05 10:00",
        "2026-01-05T10:00z",
        "2026-01-05 10:00:00 CET",
        "2026-01-05",
      ),
      fc.date({ min: new Date(0), max: new Date("2199-12-31"), noInvalidDate: true }).map((at) => at.toISOString()),
    ),
    plan: fc.constantFrom("free", "pro", null, 1, true),
    input: fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string({ unit: "binary" })),
  },
  { requiredKeys: ["session", "at", "plan", "input"] },
);

const odd = fc.constantFrom(
  "",
  "   ",
  "{",
  "[1]",
  "7",
  "null",
  '{"session":"a","at":"never","plan":"x","input":1}',
  '{"session":"a","at":"1903-01-01T00:00:00Z","plan":"x","input":1}',
  '{"session":"a","at":"2026-01-05T10:00:00Z","plan":"x","input":[NaN]}',
  '{"session":"a","at":"2026-01-05T10:00:00Z","plan":"x","input":"NaN and Infinity"}',
  '{"session":"a","session":"b","at":"2026-01-05T10:00:00Z","plan":"x","input":2}',
  '{"session":"a","at":null,"plan":"x","input":2}',
  '\t{"session":"a","at":"2026-01-05T10:00:00Z","plan":"x","input":{"deep":{"er":[1,2]}}} ',
);

describe("JSON lines read in one pass", () => {
  it("are what the careful reader makes of them, line by line: rows, times, quarantine and counts", async () => {
    const line = fc.oneof(
      { weight: 6, arbitrary: record.map((own) => JSON.stringify(own)) },
      { weight: 1, arbitrary: odd },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 4, maxLength: 20 }),
        fc.constantFrom("\n", "\r\n"),
        fc.boolean(),
        async (lines, end, several) => {
          const [half, all] = [Math.floor(lines.length / 2), `${lines.join(end)}${end}`];
          const good = `{"session":"a","user":"u","at":"2026-01-05T10:00:00Z","plan":"free","input":1}${end}`.repeat(
            12 * lines.length,
          );
          const logs: Record<string, string> = several
            ? { "1.jsonl": good + lines.slice(0, half).join(end), "2.jsonl": good + lines.slice(half).join(end) }
            : { "log.jsonl": good + all };
          const spec = { logs, user: "user", at: "at", threads: 2 };
          const plain = await importLog({ ...spec, fields });
          const other = await importLog({ ...spec, fields: careful });
          const bare = ({ rows, quarantine, found }: typeof plain) => ({
            rows,
            quarantine: quarantine.map((own) => ({
              ...own,
              file: own.file.split("/").at(-1),
              // an expression names itself, a column itself
              reason: own.reason.replace(/^\w+: /, ""),
            })),
            found: { ...found, files: [], reasons: found.reasons.map(({ count }) => count).sort() },
          });
          expect(bare(plain)).toEqual(bare(other));
          expect(plain.found.kept + plain.found.quarantined).toBe(plain.found.records);
        },
      ),
      { numRuns: 60 },
    );
  });
});
