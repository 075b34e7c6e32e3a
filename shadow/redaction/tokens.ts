import { createHmac } from "node:crypto";

/**
 * The tokens that stand for secrets, and how many of each kind were handed out.
 *
 * Remembers the last few thousand: an HMAC costs microseconds.
 */
export class RedactionTokens {
  readonly #key: string;
  readonly #counts: Map<string, number>;
  readonly #known = new Map<string, string>();
  #total = 0;

  /** @param kinds that are counted from 0 */
  constructor(key: string, kinds: readonly string[]) {
    this.#key = key;
    this.#counts = new Map(kinds.map((kind) => [kind, 0]));
  }

  /** Tokens handed out, of all kinds. */
  get total(): number {
    return this.#total;
  }

  /** @param secret its normal text: equal secrets have equal tokens */
  of(kind: string, secret: string): string {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#total += 1;
    const name = `${kind}:${secret}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const digest = createHmac("sha256", this.#key).update(secret).digest("hex").slice(0, 12);
    const token = `[${kind}:${digest}]`;
    if (this.#known.size >= 4096) this.#known.clear();
    if (secret.length <= 200) this.#known.set(name, token);
    return token;
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}

/** The shape of tokens of some kinds. */
export function tokenShape(kinds: readonly string[]): string {
  return `\\[(?:${kinds.join("|")}):[\\da-f]{12}\\]`;
}
