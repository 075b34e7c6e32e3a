import type { SecretFinder, SecretKind } from "./find-secrets.ts";
import type { PathMatcher, PathStates } from "./json-path.ts";
import { type HeldSecret, heldBy } from "./secret-names.ts";

/** Where a walk through a record stands, and what that says about the value there. */
export interface Place {
  /** a path ends here */
  readonly hit: boolean;
  readonly states: PathStates;
  /** by the name of the member */
  readonly holds: HeldSecret | undefined;
  /** inside the log-probabilities of a language model, whose `token`s are words */
  readonly logprobs: boolean;
}

/** Outside of any record. */
export const nowhere: Place = { hit: false, states: [], holds: undefined, logprobs: false };

interface NameFacts {
  /** no secret in the name itself */
  readonly clean: boolean;
  readonly holds: HeldSecret | undefined;
  readonly logprobs: boolean;
}

/** Finds the way through records; remembers what it learnt of a few thousand names, as records share theirs. */
export class Places {
  readonly #kinds: ReadonlySet<SecretKind>;
  readonly #paths: PathMatcher;
  readonly #finder: SecretFinder;
  readonly #names = new Map<string, NameFacts>();
  readonly root: Place;

  constructor(kinds: readonly SecretKind[], paths: PathMatcher, finder: SecretFinder) {
    this.#kinds = new Set(kinds);
    this.#paths = paths;
    this.#finder = finder;
    this.root = { ...nowhere, states: paths.start };
  }

  /** A member or an item: a list's items hold what the list holds, a `value` what its `name` or `key` says. */
  child(place: Place, key: string | number, container: object): Place {
    const facts = typeof key === "string" ? this.#factsOf(key) : undefined;
    const logprobs = place.logprobs || (facts?.logprobs ?? false);
    let holds = facts ? facts.holds : place.holds;
    if (key === "value") holds ??= this.#calledIn(container);
    if (holds === "key" && logprobs) holds = undefined;
    const plain = (logprobs ? wordPlaces : plainPlaces)[holds ?? "nothing"];
    if (place.states.length === 0) return plain;
    return { ...plain, ...this.#paths.advance(place.states, key) };
  }

  /** Whether a name holds no secret itself. */
  isClean(name: string): boolean {
    return this.#factsOf(name).clean;
  }

  #factsOf(name: string): NameFacts {
    const known = this.#names.get(name);
    if (known) return known;
    const held = heldBy(name);
    const facts = {
      clean: !this.#finder.suspects(name) || this.#finder.find(name).length === 0,
      holds: held && this.#kinds.has(held === "phone" ? "phone" : "key") ? held : undefined,
      logprobs: name === "logprobs" || name === "top_logprobs",
    };
    if (this.#names.size >= 4096) this.#names.clear();
    if (name.length <= 200) this.#names.set(name, facts);
    return facts;
  }

  #calledIn(container: object): HeldSecret | undefined {
    const { name, key } = container as { readonly name?: unknown; readonly key?: unknown };
    const called = typeof name === "string" ? name : key;
    return typeof called === "string" ? this.#factsOf(called).holds : undefined;
  }
}

/** Outside of all paths places are shared: a record of 300 bytes costs 2 µs in all. */
const shared = (logprobs: boolean) => {
  const place = (holds: HeldSecret | undefined): Place => ({ ...nowhere, holds, logprobs });
  return { nothing: place(undefined), password: place("password"), key: place("key"), phone: place("phone") };
};
const plainPlaces = shared(false);
const wordPlaces = shared(true);
