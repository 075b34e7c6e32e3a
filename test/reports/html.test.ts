import { describe, expect, it } from "vitest";
import type { Block, Report } from "../../reports/blocks.ts";
import { printable } from "../../reports/format.ts";
import { htmlReport } from "../../reports/html.ts";
import { html, textOf } from "../../reports/markup.ts";
import { reportOf } from "../../reports/report.ts";
import { forestRow } from "../../reports/sections/comparison.ts";
import { cases } from "../support/cases.ts";
import { hostile, planted } from "../support/hostile.ts";
import {
  atMargin,
  estimate,
  large,
  metric,
  metrics,
  rate,
  result,
  scenario,
  segment,
  undetermined,
} from "../support/result.ts";
import { elementsOf, visibleText } from "../support/well-formed.ts";

describe("the html template", () => {
  it("escapes text inside elements and inside quoted attributes", () => {
    const text = `<b> & "double" 'single' \`tick\``;
    const escaped = "&lt;b&gt; &amp; &quot;double&quot; &#39;single&#39; &#96;tick&#96;";
    expect(textOf(html`<p class="${text}">${text}</p>`)).toBe(`<p class="${escaped}">${escaped}</p>`);
  });

  it("leaves its own markup as it is, also in lists, and nothing of what is undefined", () => {
    const items = ["<", "b"].map((text) => html`<li>${text}</li>`);
    expect(textOf(html`<ul>${items}${undefined}${3}</ul>`)).toBe("<ul><li>&lt;</li><li>b</li>3</ul>");
  });
});

describe("the page", () => {
  it.each(Object.entries(cases))("of a %s is well-formed", (_, own) => {
    expect(() => elementsOf(htmlReport(own))).not.toThrow();
  });

  it("loads nothing and runs nothing", () => {
    const page = htmlReport(result());
    expect(page).toMatch(/<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;;[^"]*">/);
    expect(page).not.toMatch(/<script|@import|url\(/i);
    const attributes = new Set(elementsOf(page).flatMap((element) => element.attributes));
    for (const loading of ["src", "href", "style", "srcset", "action"]) expect(attributes).not.toContain(loading);
  });

  it("has one h1, a caption on every table and a scope on every heading of a row or column", () => {
    const elements = elementsOf(htmlReport(result()));
    const named = (name: string) => elements.filter((element) => element.name === name);
    expect(named("h1")).toHaveLength(1);
    expect(named("caption")).toHaveLength(named("table").length);
    expect(named("th").every(({ attributes }) => attributes.includes("scope"))).toBe(true);
    expect(htmlReport(result())).toContain('<html lang="en">');
  });

  it("does not depend on colour: every coloured word has a sign before it", () => {
    const coloured = [
      ...htmlReport(result()).matchAll(/<(?:span|p) class="(?:verdict )?(?:good|bad|open|warn)">(.*?)<\//g),
    ];
    expect(coloured.length).toBeGreaterThan(10);
    for (const [, text = ""] of coloured) expect(text).toMatch(/^(<strong>)?[✓✕?!]/);
  });

  it("is below 200 KB for 12 metrics, 60 segments and 15 scenarios", () => {
    expect(Buffer.byteLength(htmlReport(large()))).toBeLessThan(200_000);
  });

  it("stays below 200 KB when a log has thousands of segments with long names", () => {
    const segments = Array.from({ length: 3000 }, (_, i) => segment({ value: `${i}${"x".repeat(5000)}` }));
    const page = htmlReport(result({ comparison: { segments } }));
    expect(Buffer.byteLength(page)).toBeLessThan(200_000);
    expect(visibleText(page)).toContain("2,800 further rows are only in result.json.");
  });
});

describe("hostile text in every field", () => {
  const { result: own, fields } = planted(result(), hostile);
  const page = htmlReport(own);

  it("is planted in most of them", () => expect(fields).toBeGreaterThan(100));

  it("leaves the page well-formed, with the elements that a harmless text gives", () => {
    const elements = (text: string) =>
      elementsOf(htmlReport(planted(result(), text).result)).map(({ name, attributes }) => [
        name,
        attributes.filter((attribute) => attribute !== "class"),
      ]);
    expect(elements(hostile)).toEqual(elements("harmless"));
  });

  it("is shown as it is, but for control characters", () => {
    expect(visibleText(page).split(printable(hostile)).length).toBeGreaterThan(100);
    expect(page).not.toMatch(/(?![\n\t])[\p{Cc}\u202e]/u);
  });

  it("never stands unescaped", () => {
    expect(page).not.toMatch(/<script|<img|<!--|<\/title><|onerror=alert\(1\)>/i);
    expect(page.match(/<style>/g)).toHaveLength(1);
  });
});

describe("what the report says", () => {
  it("has its sections in order, and leaves out those without data", () => {
    const ids = (report: Report) => report.sections.map(({ id }) => id);
    const all = ["verdict", "plan", "trust", "comparison", "segments", "scenarios", "limits", "reproduce"];
    expect(ids(reportOf(result()))).toEqual(all);
    const empty = result({ comparison: { metrics: [], segments: [], notes: [] }, scenarios: [] });
    expect(ids(reportOf(empty))).toEqual(["verdict", "plan", "trust", "limits", "reproduce"]);
    expect(() => elementsOf(htmlReport(empty))).not.toThrow();
  });

  it.each(Object.entries(cases))(
    "gives every estimate its interval, or the reason why there is none (%s)",
    (_, own) => {
      const estimated = /^(Difference|Rolled back|Stopped|Promoted)/;
      const counted = ["Rollouts that left each stage this way", "Rollouts that each metric rolled back"];
      const cells = reportOf(own)
        .sections.flatMap(({ blocks }) => tablesIn(blocks))
        .filter(({ caption }) => !counted.includes(caption))
        .flatMap(({ columns, rows }) =>
          rows.map((row) => row.filter((_, i) => estimated.test(columns[i]?.title ?? ""))),
        )
        .flat()
        .map((cell) => (typeof cell === "string" ? cell : cell.text))
        .filter((text) => text !== "");
      expect(cells.length).toBeGreaterThan(10);
      for (const text of cells) expect(text).toMatch(/ \[.+, .+\]$|^undetermined: ./);
    },
  );

  it("shows the worst missed regression with its metric, and not as kept while another one is undetermined", () => {
    const worst = (scenarios: ReturnType<typeof scenario>[]) =>
      figuresOf(reportOf(result({ scenarios }))).find(({ name }) => name.startsWith("P(missed"));
    const two = [atMargin("completion_rate", 0.02), atMargin("latency_p95", 0.06)];
    expect(worst(two)).toMatchObject({ value: "6.0 % [4.7, 7.6]", status: { mark: "good" } });
    expect(worst(two)?.detail).toContain("latency_p95");
    const unknown = atMargin("cost_per_task", 0);
    const wrong = { kind: "missed regression", budget: 0.1, verdict: "not separated" } as const;
    const third = { ...unknown, wrong: { ...wrong, rate: undetermined("no replicates") } };
    expect(worst([...two, third])).toMatchObject({ value: "6.0 % [4.7, 7.6]", status: { mark: "open" } });
    expect(worst([...two, third])?.detail).toContain("undetermined at 1 of 3 margins");
    expect(worst([third])?.value).toBe("undetermined: no replicates");
  });

  it("says wherever hours are shown that they are hours of stated arrivals", () => {
    const own = result({ traffic: { arrivals: "500 sessions a day, flat" } });
    for (const { id, blocks } of reportOf(own).sections) {
      if (/\d [hd]\b/.test(JSON.stringify(blocks)))
        expect(`${id}: ${JSON.stringify(blocks)}`).toContain("stated arrivals");
    }
    expect(JSON.stringify(reportOf(result()))).not.toContain("stated arrivals");
  });

  it("lists segments beyond their margin first, however many rows are folded away", () => {
    const segments = [...Array.from({ length: 40 }, () => segment()), segment({ value: "refund", reading: "beyond" })];
    const section = reportOf(result({ comparison: { segments } })).sections.find(({ id }) => id === "segments");
    const [first, rest] = tablesIn(section?.blocks ?? []);
    expect(first?.rows[0]?.[0]).toBe("workflow=refund");
    expect(first?.rows).toHaveLength(12);
    expect(rest?.rows).toHaveLength(29);
  });

  it("always prints what it cannot tell", () => {
    expect(visibleText(htmlReport(result({ limits: [] })))).toContain("What this report cannot tell you");
  });

  it("puts the rule into words that follow its evidence and its timeout", () => {
    const rule = { evidence: "point", onTimeout: "promote", rollbackFloor: 30, leak: 0.25 };
    const text = visibleText(htmlReport(result({ plan: { rule } })));
    expect(text).toContain("the estimated harm is beyond its margin, with at least 30 units in each arm");
    expect(text).toContain("the missed-regression budget is then void");
  });

  it("has a false stop of its own row beside the false rollback", () => {
    const falseStop = { rate: rate(0.3), budget: 0.2, verdict: "missed" } as const;
    const own = result({ scenarios: [scenario({ name: "no_change", falseStop })] });
    expect(visibleText(htmlReport(own))).toContain("false stop 30.0 % [27.2, 32.9]");
  });
});

describe("the forest plot", () => {
  it("puts every metric on the scale of its own margin, harm upwards", () => {
    const rows = metrics().map((own) => forestRow(own));
    expect(rows.map((row) => Number(row?.harm.toFixed(3)))).toEqual([0.08, 0.069, -0.405, 0.145, 0.05]);
    const fall = forestRow(metric({ difference: estimate(-0.05, 0.01) }));
    expect(fall?.harm).toBeCloseTo(1);
    expect(fall?.low).toBeCloseTo(0.8);
    expect(fall?.high).toBeCloseTo(1.2);
  });

  it("leaves out what has no margin, no interval or a margin that it cannot read", () => {
    expect(forestRow(metric({ margin: null }))).toBeUndefined();
    expect(forestRow(metric({ margin: "a lot" }))).toBeUndefined();
    expect(forestRow(metric({ difference: undetermined("no unit") }))).toBeUndefined();
  });

  it("ends in an arrow beyond the shown range", () => {
    const own = result({ comparison: { metrics: [metric({ difference: estimate(-0.3, 0.02) })] } });
    expect(htmlReport(own)).toMatch(/<path d="M595 [\d.]+L587 [\d.]+V[\d.]+Z"\/>/);
  });
});

function tablesIn(blocks: readonly Block[]): Extract<Block, { kind: "table" }>[] {
  return blocks.flatMap((block) =>
    block.kind === "table" ? [block] : block.kind === "details" ? tablesIn(block.blocks) : [],
  );
}

function figuresOf({ sections }: Report) {
  return sections.flatMap(({ blocks }) => blocks.flatMap((block) => (block.kind === "figures" ? block.figures : [])));
}
