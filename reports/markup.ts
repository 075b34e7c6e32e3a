import { printable } from "./format.ts";

const markup: unique symbol = Symbol("markup");

/** A piece of HTML whose text is already escaped. Only `html` makes one; nothing that was read from a file can be one. */
export interface Markup {
  readonly [markup]: string;
}

export type Content = string | number | undefined | Markup | readonly Content[];

/** HTML that escapes every interpolation unless it is markup itself; fit for text and for quoted attribute values. */
export function html(literals: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  const parts = literals.map((literal, i) => literal + (i < contents.length ? written(contents[i]) : ""));
  return { [markup]: parts.join("") };
}

/** The finished text. */
export function textOf(content: Markup): string {
  return content[markup];
}

function written(content: Content): string {
  if (content === undefined) return "";
  if (typeof content === "string") return escaped(content);
  if (typeof content === "number") return escaped(String(content));
  return isMarkup(content) ? content[markup] : content.map(written).join("");
}

function isMarkup(content: Markup | readonly Content[]): content is Markup {
  return markup in content;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

function escaped(text: string): string {
  return printable(text).replace(/[&<>"'`]/g, (character) => entities[character] as string);
}
