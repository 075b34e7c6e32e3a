/** The caller asked to stop; everything that was finished is kept. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}
