import { describe, expect, it } from "vitest";
import { markdownReport } from "../../reports/markdown.ts";
import { cases } from "../support/cases.ts";
import { hostile, planted } from "../support/hostile.ts";
import { large, result } from "../support/result.ts";

describe("the Markdown", () => {
  it.each([
    ["go", "**✓ GO**"],
    ["hold", "**? HOLD**"],
    ["no-go", "**✕ NO-GO**"],
    ["cannot-tell", "**! CANNOT TELL**"],
  ] as const)("of a %s has the verdict and its reasons at its head", (decision, words) => {
    const [, , , , , , verdict = "", , reasons = ""] = markdownReport(cases[decision]).split("\n");
    expect(verdict).toContain(words);
    expect(reasons).toMatch(/^- /);
  });

  it("has tables whose rows are as wide as their heads", () => {
    expect(widthsOf(markdownReport(result())).length).toBeGreaterThan(10);
    for (const widths of widthsOf(markdownReport(result()))) expect(widths.size).toBe(1);
  });

  it("says what is only in the HTML report", () => {
    expect(markdownReport(result())).toContain("*In the HTML report: Where rollouts ended, by stage.*");
  });

  it("fits into a comment on GitHub, which has at most 65,536 characters", () => {
    expect(markdownReport(large()).length).toBeLessThan(65_536);
  });

  it("names metrics, intervals and segments as they are", () => {
    const text = markdownReport(result());
    expect(text).toContain("| workflow=refund | completion_rate | 84.1 % | 51.7 % | −32.4 pp [−38.1, −26.7] | 5pp |");
  });
});

describe("hostile text in every field", () => {
  const text = markdownReport(planted(result(), hostile).result);
  const outside = withoutCode(text);

  it("makes no HTML", () => expect(outside).not.toMatch(/(?<!\\)[<>]/));

  it("makes no link, image, mention or reference", () => {
    expect(outside).not.toMatch(/(?<!\\)\]\(|:\/\/|(?<![\w])@\w|#\d|www\./);
  });

  it("makes no heading, list, fence or table row of its own", () => {
    const shape = (own: string) =>
      withoutCode(own)
        .split("\n")
        .map((line) => /^(#+ |- |\||```|\*)?/.exec(line)?.[0]);
    expect(shape(text)).toEqual(shape(markdownReport(planted(result(), "harmless").result)));
    for (const widths of widthsOf(outside)) expect(widths.size).toBe(1);
  });

  it("opens no code and no emphasis", () => {
    expect(outside.replace(/^\*\*.*\*\*(: .*)?$|^\*In the HTML report: .*\*$/gm, "")).not.toMatch(
      /(?<!\\)(?:\\\\)*[`*]/,
    );
  });

  it("stays inside the fence of the command", () => {
    expect(text).toMatch(/\n````\n<\/style>|\n````\n/);
    expect(text.match(/^````$/gm)).toHaveLength(2);
  });
});

/** The numbers of cells that the rows of each table have. */
function widthsOf(text: string): Set<number>[] {
  return text
    .trim()
    .split(/\n\n/)
    .filter((block) => block.startsWith("|"))
    .map((block) => new Set(block.split("\n").map((row) => row.split(/(?<!\\)\|/).length)));
}

/** Without the fenced command and code spans, in which everything is text. */
function withoutCode(text: string): string {
  return text.replace(/^(`{3,})\n[\s\S]*?\n\1$/m, "").replace(/(?<![\\`])(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, "code");
}
