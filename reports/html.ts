import {
  type Block,
  type Cell,
  type Column,
  type Fact,
  type Figure,
  type Mark,
  type Section,
  signs,
  verdictMarks,
} from "./blocks.ts";
import { forestPlot } from "./forest-plot.ts";
import { verdictWord } from "./format.ts";
import { html, type Markup, textOf } from "./markup.ts";
import { reportOf, shortTitle } from "./report.ts";
import type { Result } from "./result.ts";
import { style } from "./style.ts";

/** Nothing is loaded and nothing runs: even text that escaped the escaping could not. */
const contentSecurityPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** The report of a result as one page of HTML that needs nothing else. */
export function htmlReport(result: Result): string {
  const { title, subtitle, sections } = reportOf(result);
  return textOf(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="foretaste ${result.run.foretaste}">
<title>${shortTitle(result)}</title>
${style}
</head>
<body>
<header>
<h1>${title}</h1>
<p>${subtitle}</p>
</header>
<main>
${sections.map(section)}</main>
</body>
</html>
`);
}

function section({ id, title, blocks }: Section): Markup {
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${blocks.map(block)}</section>
`;
}

function block(own: Block): Markup {
  switch (own.kind) {
    case "verdict":
      return verdict(own.decision, own.sentence);
    case "figures":
      return html`<dl class="figures">
${own.figures.map(figure)}</dl>
`;
    case "paragraph":
      return html`<p>${own.text}</p>
`;
    case "list":
      return html`<ul>
${own.items.map((item) => html`<li>${item}</li>\n`)}</ul>
`;
    case "facts":
      return html`<dl class="facts">
${own.facts.map(fact)}</dl>
`;
    case "code":
      return html`<pre><code>${own.text}</code></pre>
`;
    case "forest":
      return forestPlot(own.caption, own.rows);
    case "details":
      return html`<details>
<summary>${own.summary}</summary>
${own.blocks.map(block)}</details>
`;
    case "table":
      return table(own.caption, own.columns, own.rows);
  }
}

function verdict(decision: Result["verdict"]["decision"], sentence: string): Markup {
  const mark = verdictMarks[decision];
  return html`<p class="verdict ${mark}"><strong>${signs[mark]} ${verdictWord(decision)}</strong> <span>${sentence}</span></p>
`;
}

function figure({ name, value, detail, status }: Figure): Markup {
  const against = status && html`<dd class="detail">${marked(status.text, status.mark)}</dd>`;
  return html`<div><dt>${name}</dt><dd class="value">${value}</dd><dd class="detail">${detail}</dd>${against}</div>
`;
}

function fact({ term, text, literal }: Fact): Markup {
  return html`<dt>${term}</dt><dd>${literal ? html`<code>${text}</code>` : text}</dd>
`;
}

function table(caption: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): Markup {
  return html`<div class="scroll"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ title, numeric }) => html`<th scope="col"${numeric ? html` class="n"` : undefined}>${title}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => html`<tr>${row.map((own, i) => cell(own, i, columns[i]))}</tr>\n`)}</tbody>
</table></div>
`;
}

function cell(own: Cell, i: number, column: Column | undefined): Markup {
  const { text, detail, mark } = typeof own === "string" ? { text: own } : own;
  const short = column?.numeric && detail !== undefined && detail.length <= shortDetail;
  const below =
    detail === undefined ? undefined : html`<small${short ? html` class="n"` : undefined}>${detail}</small>`;
  const content = html`${marked(text, mark)}${below}`;
  const name = classes(text, column?.numeric, mark);
  return i === 0 ? html`<th scope="row"${name}>${content}</th>` : html`<td${name}>${content}</td>`;
}

/** Longer than any number with its interval: words, which wrap. */
const longestNumber = 36;
/** A range of two numbers, which does not wrap. */
const shortDetail = 16;
/** Longer than any name: a hash or a path, which may break anywhere. */
const longestWord = /\S{28}/;

function classes(text: string, numeric: boolean | undefined, mark: Mark | undefined): Markup | undefined {
  const names = [
    ...(numeric ? [text.length > longestNumber ? "n words" : "n"] : []),
    ...(mark && !numeric ? ["mark"] : []),
    ...(longestWord.test(text) ? ["long"] : []),
  ];
  return names.length > 0 ? html` class="${names.join(" ")}"` : undefined;
}

/** The sign stays on the line of the first word. */
function marked(text: string, mark: Mark | undefined): Markup {
  return mark ? html`<span class="${mark}">${signs[mark]}\u00a0${text}</span>` : html`${text}`;
}
