const empty = new Set(["meta", "line", "circle", "path"]);
const tag = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z][a-zA-Z0-9-]*(?:="[^"<>]*")?)*)\s*\/?>/g;

export interface Element {
  readonly name: string;
  readonly attributes: readonly string[];
}

/**
 * The elements of a page, in order.
 *
 * @throws Error when a tag is not closed or not open, a character is not escaped or an entity is not one
 */
export function elementsOf(page: string): Element[] {
  const body = page.replace(/^<!doctype html>\n/, "");
  const open: string[] = [];
  const elements: Element[] = [];
  let at = 0;
  for (const match of body.matchAll(tag)) {
    checkText(body.slice(at, match.index));
    at = match.index + match[0].length;
    const [, closing, name = "", attributes = ""] = match;
    if (closing) {
      const last = open.pop();
      if (last !== name) throw new Error(`</${name}> closes <${last}>`);
    } else {
      elements.push({
        name,
        attributes: [...attributes.matchAll(/\s([a-zA-Z0-9-]+)(?:="[^"]*")?/g)].map(([, own = ""]) => own),
      });
      checkText(attributes);
      if (!empty.has(name)) open.push(name);
    }
  }
  checkText(body.slice(at));
  if (open.length > 0) throw new Error(`<${open.at(-1)}> is not closed`);
  return elements;
}

/** What a reader sees: the page without tags and styles. */
export function visibleText(page: string): string {
  return page
    .replace(/<style>[^<]*<\/style>/, "")
    .replace(/<[^<>]*>/g, "\n")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&#96;/g, "`")
    .replace(/&amp;/g, "&");
}

function checkText(text: string): void {
  const bad = /<|&(?!(?:amp|lt|gt|quot|#39|#96);)/.exec(text);
  if (bad) throw new Error(`not escaped: ${text.slice(Math.max(0, bad.index - 40), bad.index + 40)}`);
}
