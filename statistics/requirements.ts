/**
 * Refuses a confidence level that is none.
 *
 * @throws RangeError unless 0 < level < 1
 */
export function requireLevel(name: string, level: number): void {
  if (!(level > 0 && level < 1)) throw new RangeError(`${name} needs a level in (0, 1), got ${level}`);
}
