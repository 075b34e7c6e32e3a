import { type Result, resultSchema } from "../../reports/result.ts";

/** Text that breaks out of HTML, attributes, styles, comments, tables, code and links where it is not escaped. */
export const hostile = [
  `</style></title><script>alert("1")</script>`,
  `'"><img src=x onerror=alert(1)>`,
  "<!-- ]]> --> | pipe | \\| \\",
  "",
  "# heading",
  "- item",
  "```",
  "`code` [link](javascript:alert(1)) ![image](https://evil.example/x.png) @everyone #1 GH-1 www.evil.example",
  "&lt;b&gt; &amp; $x$ 😀 \u202eoverride \u001b[31mred \u0000",
].join("\n");

/** The result with the text in every string field that may hold any text, and how many these are. */
export function planted(result: Result, text: string): { readonly result: Result; readonly fields: number } {
  const copy = structuredClone(result);
  let fields = 0;
  const walk = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const own = node as Record<string, unknown>;
    for (const [key, value] of Object.entries(own)) {
      if (typeof value !== "string") walk(value);
      else {
        own[key] = text;
        if (resultSchema.safeParse(copy).success) fields += 1;
        else own[key] = value;
      }
    }
  };
  walk(copy);
  return { result: resultSchema.parse(copy), fields };
}
