import { oneLine } from "./common.ts";

/**
 * Rows as aligned text: the first column to the left, the others to the right. Cells of logs cannot bring escape
 * sequences or line ends into the terminal.
 */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows].map((row) => row.map(oneLine));
  const widths = header.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ""))));
  return all
    .map((row) =>
      row
        .map((cell, column) => {
          const padding = " ".repeat((widths[column] as number) - width(cell));
          return column === 0 ? cell + padding : padding + cell;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Characters, not UTF-16 units. */
function width(text: string): number {
  return [...text].length;
}
