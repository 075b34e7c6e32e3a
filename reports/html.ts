import type { Result } from "./result.ts";
export function htmlReport(_: Result): string {
  return "";
}
