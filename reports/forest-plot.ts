import { type ForestRow, signs } from "./blocks.ts";
import { clipped } from "./format.ts";
import { html, type Markup } from "./markup.ts";

/** Sizes in the units of the drawing, which is scaled to the width of the page. */
const size = { width: 760, row: 26, top: 30, bottom: 8, left: 215, right: 165 } as const;
/** Shown range, in margins; what lies beyond it ends in an arrow. */
const range = { from: -1.5, to: 2.5 } as const;
const longestName = 30;

/** One line a metric: its interval between no difference and its margin, and the reading in words at the end. */
export function forestPlot(caption: string, rows: readonly ForestRow[]): Markup {
  const height = size.top + rows.length * size.row + size.bottom;
  return html`<figure>
<svg class="forest" viewBox="0 0 ${size.width} ${height}" role="img" aria-label="${caption} ${rows.map(inWords)}">
${guide(0, "no difference", height)}${guide(1, "margin", height, "margin")}
${rows.map((row, i) => line(row, size.top + (i + 0.5) * size.row))}</svg>
<figcaption>${caption}</figcaption>
</figure>
`;
}

/** Horizontal place of a harm, inside the shown range. */
function place(harm: number): number {
  const share = (Math.min(range.to, Math.max(range.from, harm)) - range.from) / (range.to - range.from);
  return rounded(size.left + share * (size.width - size.left - size.right));
}

function guide(harm: number, label: string, height: number, name = "zero"): Markup {
  const x = place(harm);
  return html`<line class="${name}" x1="${x}" x2="${x}" y1="${size.top - 8}" y2="${height - size.bottom}"/>
<text class="label" x="${x}" y="14" text-anchor="middle">${label}</text>
`;
}

function line({ name, harm, low, high, reading, mark }: ForestRow, y: number): Markup {
  const [from, to] = [place(low), place(high)];
  const sign = mark ? `${signs[mark]} ` : "";
  return html`<g class="${mark ?? "none"}"><text x="${size.left - 12}" y="${y + 4}" text-anchor="end">${clipped(name, longestName)}</text>
<line class="interval" x1="${from}" x2="${to}" y1="${y}" y2="${y}"/>${arrow(low, y)}${arrow(high, y)}${estimate(harm, y)}
<text x="${size.width - size.right + 12}" y="${y + 4}">${sign}${reading}</text></g>
`;
}

function estimate(harm: number, y: number): Markup | undefined {
  return harm < range.from || harm > range.to ? undefined : html`<circle cx="${place(harm)}" cy="${y}" r="4.5"/>`;
}

/** An arrow's head where a bound lies beyond what is shown. */
function arrow(bound: number, y: number): Markup | undefined {
  if (bound >= range.from && bound <= range.to) return undefined;
  const x = place(bound);
  const back = bound > range.to ? x - 8 : x + 8;
  return html`<path d="M${x} ${y}L${back} ${y - 5}V${y + 5}Z"/>`;
}

function inWords({ name, reading, margin }: ForestRow): string {
  return `${name}: ${reading} (${margin}). `;
}

function rounded(value: number): number {
  return Math.round(10 * value) / 10;
}
