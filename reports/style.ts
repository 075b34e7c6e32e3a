import { html } from "./markup.ts";

/** Everything that is coloured also has a sign or a word. Contrast of text is at least 4.5 : 1 in both schemes. */
export const style = html`<style>
:root { color-scheme: light dark; --page: #fff; --ink: #1b1f24; --soft: #57606a; --rule: #d0d7de; --fill: #f6f8fa;
  --good: #1a6b34; --bad: #b3261e; --open: #7a4d00; --accent: #24579c; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171b; --ink: #e3e7ec; --soft: #9aa5b1; --rule: #39414a; --fill: #1d2227;
    --good: #6cc787; --bad: #ff938a; --open: #e5b45c; --accent: #8cb8f5; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: .6rem; border-top: 1px solid var(--rule); }
header p { margin: .25rem 0 0; color: var(--soft); }
p, ul { max-width: 60rem; margin: .6rem 0; }
ul { padding-left: 1.3rem; }
li { margin: .15rem 0; }
.verdict { border-left: .4rem solid currentColor; padding: .6rem 1rem; background: var(--fill); font-size: 1.1rem; max-width: none; }
.verdict span { color: var(--ink); }
.verdict strong { font-size: 1.3rem; margin-right: .5rem; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .open, .warn { color: var(--open); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.figures div { border: 1px solid var(--rule); border-radius: .4rem; padding: .6rem .8rem; }
.figures dt { color: var(--soft); font-size: .85rem; }
.figures dd { margin: 0; }
.figures .value { font-size: 1.2rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures .detail { font-size: .85rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .8rem 0; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: .88em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { background: var(--fill); border: 1px solid var(--rule); border-radius: .4rem; padding: .6rem .8rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; line-height: 1.35; }
caption { text-align: left; font-weight: 600; font-size: .95rem; padding-bottom: .35rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid var(--rule); }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; background: var(--fill); }
tbody th { font-weight: 600; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.words, thead .n, .n small { white-space: normal; }
.n small.n { white-space: nowrap; }
.mark { min-width: 8.6rem; }
.long { overflow-wrap: anywhere; }
small { display: block; color: var(--soft); font-weight: 400; font-size: .92em; }
details { margin: .8rem 0; }
summary { cursor: pointer; color: var(--accent); }
figure { margin: 1.2rem 0; max-width: 50rem; }
figcaption { color: var(--soft); font-size: .87rem; }
.forest { width: 100%; height: auto; font-size: 13px; fill: currentColor; }
.forest text { fill: var(--ink); }
.forest .label { fill: var(--soft); font-size: 12px; }
.forest line { stroke: var(--soft); stroke-width: 1; }
.forest .margin { stroke-dasharray: 4 3; stroke: var(--ink); }
.forest .interval { stroke: currentColor; stroke-width: 2; }
@page { margin: 14mm 12mm; }
@media print {
  :root { color-scheme: light; --page: #fff; --ink: #000; --soft: #444; --rule: #bbb; --fill: #f4f4f4;
    --good: #1a6b34; --bad: #b3261e; --open: #7a4d00; --accent: #000; }
  :root { font-size: 12px; }
  body { padding: 0; max-width: none; font-size: 9.5pt; }
  h2 { break-after: avoid; margin-top: 1.6rem; }
  .figures { grid-template-columns: repeat(4, 1fr); }
  th, td { padding: .25rem .35rem; }
  thead { display: table-header-group; }
  caption, thead, summary { break-after: avoid; }
  tr, figure, .figures, .verdict, table:not(:has(tr:nth-child(10))) { break-inside: avoid; }
  .scroll { overflow: visible; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
}
</style>`;
