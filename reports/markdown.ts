import type { Result } from "./result.ts";
export function markdownReport(_: Result): string {
  return "";
}
