import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { align } from "../../../shadow/difference/align.ts";
import { type Difference, responseDifference } from "../../../shadow/difference/response-difference.ts";
import { textDistance } from "../../../shadow/difference/text-distance.ts";
import { jsonExcerpt } from "../../../shadow/redaction/json-pieces.ts";

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value));
const brief = (found: readonly Difference[]) => found.map(({ path, kind }) => `${kind} ${path}`);

describe("the difference of two responses", () => {
  it.each<[string, unknown, unknown, Difference[]]>([
    ["a number", { n: 1 }, { n: 2 }, [{ path: "/n", kind: "number", control: "1", candidate: "2", distance: 0.5 }]],
    ["a boolean", [true], [false], [{ path: "/0", kind: "boolean", control: "true", candidate: "false" }]],
    ["a text", "cat", "cut", [{ path: "", kind: "text", control: '"cat"', candidate: '"cut"', distance: 1 / 3 }]],
    ["a type", { a: [] }, { a: {} }, [{ path: "/a", kind: "type", control: "[]", candidate: "{}" }]],
    ["null and nothing else", { a: null }, { a: 0 }, [{ path: "/a", kind: "type", control: "null", candidate: "0" }]],
    ["a missing member", { a: 1, b: { c: 2 } }, { a: 1 }, [{ path: "/b", kind: "missing", control: '{"c":2}' }]],
    ["an extra member", { a: 1 }, { a: 1, b: [2] }, [{ path: "/b", kind: "extra", candidate: "[2]" }]],
    ["null against absent", { a: null }, {}, [{ path: "/a", kind: "missing", control: "null" }]],
    ["no response", { a: 1 }, undefined, [{ path: "", kind: "missing", control: '{"a":1}' }]],
    ["a response where there was none", undefined, "x", [{ path: "", kind: "extra", candidate: '"x"' }]],
    ["null where there was none", undefined, null, [{ path: "", kind: "extra", candidate: "null" }]],
    ["an order", [1, 2, 3], [3, 1, 2], [{ path: "", kind: "order", control: "[1,2,3]", candidate: "[3,1,2]" }]],
    [
      "signs in a name",
      { "a/b~c": { "": 1 } },
      { "a/b~c": { "": true } },
      [{ path: "/a~1b~0c/", kind: "type", control: "1", candidate: "true" }],
    ],
  ])("is %s", (_, control, candidate, expected) => {
    expect(responseDifference(control, candidate)).toEqual(expected);
  });

  it("is nothing for two responses that are lacking", () => {
    expect(responseDifference(undefined, undefined)).toEqual([]);
  });

  it("lists members by name, and looks into all of them", () => {
    const control = { z: 1, a: { y: [1, { x: "old" }] }, gone: 1 };
    const candidate = { a: { y: [1, { x: "new" }] }, added: 2, z: 3 };
    expect(brief(responseDifference(control, candidate))).toEqual([
      "text /a/y/1/x",
      "extra /added",
      "missing /gone",
      "number /z",
    ]);
  });

  it("treats an undefined member as absent, and an undefined item as null", () => {
    expect(responseDifference({ a: undefined, b: 1 }, { b: 1 })).toEqual([]);
    expect(responseDifference([undefined], [null])).toEqual([]);
  });

  it("keeps the first differences up to the limit", () => {
    const control = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${String(i).padStart(2, "0")}`, i]));
    const candidate = Object.fromEntries(Object.keys(control).map((name) => [name, "x"]));
    expect(responseDifference(control, candidate)).toHaveLength(20);
    expect(brief(responseDifference(control, candidate, { limit: 2 }))).toEqual(["type /k00", "type /k01"]);
    expect(responseDifference(control, candidate, { limit: 1000 })).toHaveLength(50);
  });

  it("cuts what it shows to 200 signs, never inside of a pair of surrogates", () => {
    const [long, objects] = ["😀".repeat(300), Array.from({ length: 300 }, (_, i) => ({ i }))];
    const [found] = responseDifference({ a: long }, { a: objects });
    expect(found?.control).toHaveLength(200);
    expect(found?.control).toMatch(/^"(😀)+…$/u);
    expect(found?.candidate).toHaveLength(200);
    expect(found?.candidate).toMatch(/^\[\{"i":0\},\{"i":1\},.*…$/);
    expect(jsonExcerpt("a".repeat(198), 200)).toBe(`"${"a".repeat(198)}"`);
    expect(jsonExcerpt("a".repeat(199), 200)).toBe(`"${"a".repeat(198)}…`);
  });

  it.each([-1, 1, Number.NaN, Number.POSITIVE_INFINITY])("is refused for a closeness of %d", (closeness) => {
    expect(() => responseDifference(1, 2, { closeness })).toThrow(RangeError);
  });

  it.each([0, -1, Number.NaN])("is refused for a limit of %d", (limit) => {
    expect(() => responseDifference(1, 2, { limit })).toThrow(RangeError);
  });
});

describe("numbers", () => {
  it.each([
    [0.1 + 0.2, 0.3, []],
    [1, 1 + 1e-10, []],
    [1.5, 1.5 + 1e-8, ["number "]],
    [0, -0, []],
    [0, 1e-300, ["number "]],
    [5e-324, 1e-323, ["number "]],
    [1e308, -1e308, ["number "]],
    [1e308, 1.0000000001e308, []],
    [12345678901, 12345678902, ["number "]],
    [1700000000000, 1700000000001, ["number "]],
    [2 ** 60, 2 ** 60 + 2 ** 20, []],
  ])("%d and %d are compared by their relative distance, whole ones exactly", (control, candidate, expected) => {
    expect(brief(responseDifference(control, candidate))).toEqual(expected);
    expect(brief(responseDifference({ a: [control, "x"] }, { a: [candidate, "x"] }))).toEqual(
      expected.map(() => "number /a/0"),
    );
  });

  it("that are whole are as close as others where a closeness is stated", () => {
    expect(responseDifference(100, 101, { closeness: 0.01 })).toEqual([]);
    expect(responseDifference(100, 102, { closeness: 0.01 })).toHaveLength(1);
    expect(responseDifference(0.1 + 0.2, 0.3, { closeness: 0 })).toHaveLength(1);
    expect(responseDifference(1, 1 + Number.EPSILON, { closeness: 0 })).toHaveLength(1);
  });

  it("have a distance between 0 and 2", () => {
    expect(responseDifference(1, -1)).toMatchObject([{ distance: 2 }]);
    expect(responseDifference(0, 5)).toMatchObject([{ distance: 1 }]);
    expect(responseDifference(JSON.parse("1e999"), 5)).toMatchObject([{ distance: 1 }]);
    expect(responseDifference(JSON.parse("1e999"), JSON.parse("-1e999"))).toMatchObject([{ distance: 2 }]);
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
        const [found] = responseDifference(a, b, { closeness: 0 });
        if (a === b) expect(found).toBeUndefined();
        else {
          expect(found?.distance).toBeGreaterThan(0);
          expect(found?.distance).toBeLessThanOrEqual(2);
        }
      }),
    );
  });

  it("are close exactly up to the closeness, in arrays too", () => {
    const far = fc.double({ min: 1e-3, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), far, far, (value, closeness, change) => {
        fc.pre(Math.abs(change / closeness - 1) > 1e-9);
        const other = value * (1 - change);
        const expected = change <= closeness ? 0 : 1;
        expect(responseDifference(value, other, { closeness })).toHaveLength(expected);
        expect(responseDifference(["a", value, null], ["a", other, null], { closeness })).toHaveLength(expected);
      }),
    );
  });
});

describe("arrays", () => {
  it.each<[unknown[], unknown[], string[]]>([
    [[1, 2, 3], [9, 1, 2, 3], ["extra /0"]],
    [[1, 2, 3], [1, 9, 2, 3], ["extra /1"]],
    [[1, 2, 3], [1, 2, 3, 9], ["extra /3"]],
    [[1, 2, 3], [2, 3], ["missing /0"]],
    [[1, 2, 3], [1, 3], ["missing /1"]],
    [[1, 2, 3], [1, 2], ["missing /2"]],
    [[1, 2, 3], [1, 9, 3], ["number /1"]],
    [[], [1, 2], ["extra /0", "extra /1"]],
    [
      [1, 2, 3, 4],
      [1, 8, 2, 3, 9, 4],
      ["extra /1", "extra /4"],
    ],
    [
      [
        { id: 1, n: "a" },
        { id: 2, n: "b" },
      ],
      [{ id: 0 }, { id: 1, n: "a" }, { id: 2, n: "c" }],
      ["extra /0", "text /1/n"],
    ],
    [["a", "a", "b"], ["a", "b", "b"], ["text /1"]],
    [["a", "b", "a"], ["b", "a", "a"], ["order "]],
    [[[1, 2], [3]], [[2, 1], [3]], ["order /0"]],
    [[{ a: 1, b: 2 }, 1], [1, { b: 2, a: 1 }], ["order "]],
    [['{"a": 1}', 2], [2, '{"a":1}'], ["order "]],
    [[0.1 + 0.2, 1.5], [1.5, 0.3], ["order "]],
  ])("%j and %j are aligned", (control, candidate, expected) => {
    expect(brief(responseDifference(control, candidate))).toEqual(expected);
  });

  it("with two far insertions among ten thousand items differ in two places", () => {
    const control = Array.from({ length: 10_000 }, (_, i) => ({ id: i, even: i % 2 === 0 }));
    const candidate: unknown[] = copy(control);
    candidate.splice(9_000, 0, "late");
    candidate.splice(10, 0, "early");
    expect(brief(responseDifference(control, candidate))).toEqual(["extra /10", "extra /9001"]);
  });

  it("too unlike to align within the bound are compared by index", () => {
    const control = Array.from({ length: 3000 }, (_, i) => i % 7);
    const candidate = Array.from({ length: 3001 }, (_, i) => (i + 3) % 7);
    const found = responseDifference(control, candidate, { limit: 5 });
    expect(found).toHaveLength(5);
    for (const { kind, path, control: one, candidate: other } of found) {
      expect(kind).toBe("number");
      const i = Number(path.slice(1));
      expect([one, other]).toEqual([String(control[i]), String(candidate[i])]);
    }
  });

  it("are aligned on a longest common subsequence", () => {
    const ids = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 12 });
    const longest = (a: readonly number[], b: readonly number[]): number => {
      const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
      for (let i = 1; i <= a.length; i++)
        for (let j = 1; j <= b.length; j++) {
          const row = table[i] as number[];
          const above = table[i - 1] as number[];
          row[j] =
            a[i - 1] === b[j - 1] ? (above[j - 1] as number) + 1 : Math.max(above[j] as number, row[j - 1] as number);
        }
      return table[a.length]?.[b.length] as number;
    };
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const partners = [...align(a, b, { cells: 1000 })];
        const taken = partners.filter((j) => j >= 0);
        expect(taken).toEqual([...new Set(taken)].sort((x, y) => x - y));
        for (const [i, j] of partners.entries()) if (j >= 0) expect(b[j]).toBe(a[i]);
        expect(taken).toHaveLength(longest(a, b));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("JSON inside of texts", () => {
  it("is compared by its value, and the path leads into it", () => {
    expect(responseDifference({ arguments: '{"a": 1, "b":[2]}' }, { arguments: '{"b":[2],"a":1.0}' })).toEqual([]);
    expect(responseDifference({ arguments: '{"city":"Ulm"}' }, { arguments: '{"city": "Köln"}' })).toMatchObject([
      { path: "/arguments/city", kind: "text", control: '"Ulm"', candidate: '"Köln"' },
    ]);
    expect(brief(responseDifference("[1,2]", "[2,1]"))).toEqual(["order "]);
    expect(brief(responseDifference('{"a":"{\\"b\\":1}"}', '{"a":"{\\"b\\":2}"}'))).toEqual(["number /a/b"]);
  });

  it("is a text beside a text that is none, and of another type than a value", () => {
    expect(responseDifference('{"a":1}', "sorry")).toMatchObject([{ kind: "text", control: '"{\\"a\\":1}"' }]);
    expect(brief(responseDifference('{"a":1}', { a: 1 }))).toEqual(["type "]);
    expect(brief(responseDifference('{"a":1}', "[1]"))).toEqual(["type "]);
    expect(brief(responseDifference("12", "12.0"))).toEqual(["text "]);
    expect(brief(responseDifference('{"a":1', '{"a":2'))).toEqual(["text "]);
  });
});

describe("the distance of texts", () => {
  it.each([
    ["", "", 0],
    ["", "abc", 1],
    ["kitten", "sitting", 3 / 7],
    ["approved", "declined", 6 / 8],
    ["Your order is late.", "Your order is here.", 3 / 19],
    ["abc", "xyz", 1],
    ["Paris", "paris", 1 / 5],
  ])("of %j and %j is %d", (a, b, expected) => {
    expect(textDistance(a, b)).toBeCloseTo(expected, 12);
  });

  it("is the edit distance over the longer length", () => {
    const edits = (a: string, b: string): number => {
      let row = Array.from({ length: b.length + 1 }, (_, j) => j);
      for (let i = 1; i <= a.length; i++) {
        const next = [i];
        for (let j = 1; j <= b.length; j++) {
          const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
          next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
        }
        row = next;
      }
      return row[b.length] as number;
    };
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 140 }),
      fc.string({ unit: fc.constantFrom("a", "b", "c", "😀", "é"), maxLength: 70 }),
      fc.string({ maxLength: 40 }),
    );
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(textDistance(a, b)).toBeCloseTo(edits(a, b) / Math.max(1, a.length, b.length), 12);
      }),
      { numRuns: 1000 },
    );
  });

  it("of long texts is between 0 and 1, symmetric, not 0, and small for a small change", () => {
    const words = fc.array(fc.constantFrom("refund", "order", "late", "the", "a", "is", ",", "\n"), {
      minLength: 1000,
      maxLength: 1500,
    });
    fc.assert(
      fc.property(words, words, (a, b) => {
        const [one, other] = [a.join(" "), b.join(" ")];
        const distance = textDistance(one, other);
        expect(distance).toBe(textDistance(other, one));
        expect(distance).toBeGreaterThan(one === other ? -1 : 0);
        expect(distance).toBeLessThanOrEqual(1);
        const changed = [...a.slice(0, 5), "changed", ...a.slice(6, -5), "too", ...a.slice(-4)].join(" ");
        expect(textDistance(one, changed)).toBeLessThan(0.02);
      }),
      { numRuns: 20 },
    );
  });

  it("of texts of millions of signs is quick", () => {
    const a = "all is well. ".repeat(200_000);
    expect(textDistance(`x${a}x`, `y${a}y`)).toBeLessThan(0.01);
    expect(textDistance("a".repeat(3_000_000), "b".repeat(3_000_000))).toBe(1);
    expect(textDistance(" ".repeat(2000), "\n".repeat(2000))).toBe(1);
  });
});

/** JSON values in which no text is JSON itself, and numbers are whole. */
const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.string().filter((text) => !/^\s*[[{]/.test(text)),
);
const values = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 4 }, leaf, tie("array"), tie("object")),
  array: fc.array(tie("any"), { maxLength: 5 }),
  object: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "a/b", "~", "0")), tie("any"), {
    maxKeys: 5,
    noNullPrototype: true,
  }),
})).any;

/** The value at an RFC 6901 pointer. */
function at(root: unknown, path: string): unknown {
  const keys = path
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  return keys.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], root);
}

const pointer = (keys: readonly (string | number)[]) =>
  keys.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

type Way = readonly (string | number)[];

/** Every place of a value. */
function places(root: unknown, way: Way = []): readonly Way[] {
  if (root === null || typeof root !== "object") return [way];
  const keys = Array.isArray(root) ? [...root.keys()] : Object.keys(root);
  return [way, ...keys.flatMap((key) => places((root as Record<string | number, unknown>)[key], [...way, key]))];
}

/** The value with another one at a place, or without the place when `value` is undefined. */
function changed(root: unknown, [key, ...rest]: Way, value: unknown): unknown {
  if (key === undefined) return value;
  const inner = changed((root as Record<string | number, unknown>)[key], rest, value);
  if (Array.isArray(root)) return inner === undefined ? root.toSpliced(Number(key), 1) : root.with(Number(key), inner);
  const members = Object.entries(root as object).map(([name, own]) => [name, name === key ? inner : own] as const);
  return Object.fromEntries(members.filter(([, own]) => own !== undefined));
}

describe("the law", () => {
  it("of identity: equal values do not differ, whatever the order of their members", () => {
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (value === null || typeof value !== "object") return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, own]) => [name, reversed(own)]),
      );
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(responseDifference(value, copy(value))).toEqual([]);
        expect(responseDifference(copy(value), reversed(copy(value)))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it("of difference: values that differ have one", () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        expect(responseDifference(a, b).length === 0).toBe(isDeepStrictEqual(copy(a), copy(b)));
      }),
      { numRuns: 1000 },
    );
  });

  const swap = ({ kind, control, candidate, distance }: Difference) => ({
    kind: kind === "missing" ? "extra" : kind === "extra" ? "missing" : kind,
    control: candidate,
    candidate: control,
    distance,
  });
  const plain = ({ kind, control, candidate, distance }: Difference) => ({ kind, control, candidate, distance });

  it("of symmetry: swapped values have the same differences, swapped", () => {
    const few = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 3 }, fc.constantFrom(1, 2, "a", "b", null), tie("array"), tie("object")),
      array: fc.array(tie("any"), { maxLength: 7 }),
      object: fc.dictionary(fc.constantFrom("x", "y", "z"), tie("any"), { noNullPrototype: true }),
    })).any;
    fc.assert(
      fc.property(fc.oneof(few, values), fc.oneof(few, values), (a, b) => {
        const found = responseDifference(a, b, { limit: 1000 });
        const back = responseDifference(b, a, { limit: 1000 });
        expect(back.map(plain)).toEqual(found.map(swap));
        const flat = !JSON.stringify([a, b]).slice(1, -1).includes("[");
        if (flat) expect(back.map(({ path }) => path)).toEqual(found.map(({ path }) => path));
      }),
      { numRuns: 3000 },
    );
  });

  it("of places: a path leads to what is shown", () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        for (const { path, control, candidate } of responseDifference(a, b)) {
          if (control !== undefined) expect(jsonExcerpt(at(copy(a), path), 200)).toBe(control);
          else expect(jsonExcerpt(at(copy(b), path), 200)).toBe(candidate);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("of order: a shuffled array is one difference, wherever it is", () => {
    const shuffled = fc
      .array(values, { minLength: 2, maxLength: 8 })
      .chain((items) => fc.tuple(fc.constant(items), fc.shuffledSubarray(items, { minLength: items.length })));
    fc.assert(
      fc.property(values, shuffled, fc.nat(), (root, [items, other], pick) => {
        const all = places(root);
        const way = all[pick % all.length] as Way;
        const [control, candidate] = [changed(root, way, items), changed(root, way, other)];
        const expected = isDeepStrictEqual(copy(items), copy(other)) ? [] : [`order ${pointer(way)}`];
        expect(brief(responseDifference(control, candidate))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("of a planted change: it is found at its place, with its kind", () => {
    const kindOf = (before: unknown, after: unknown) => {
      const type = (value: unknown) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
      if (type(before) !== type(after)) return "type";
      return ({ number: "number", string: "text", boolean: "boolean" } as Record<string, string>)[type(before)];
    };
    fc.assert(
      fc.property(values, fc.nat(), leaf, (root, pick, value) => {
        const leaves = places(root).filter(
          (way) => typeof way.reduce<unknown>((own, key) => (own as Record<string, unknown>)[key], root) !== "object",
        );
        fc.pre(leaves.length > 0);
        const way = leaves[pick % leaves.length] as Way;
        const before = at(root, pointer(way));
        fc.pre(before !== value);
        const candidate = changed(root, way, value);
        expect(brief(responseDifference(root, candidate))).toEqual([`${kindOf(before, value)} ${pointer(way)}`]);
        const quoted = responseDifference({ a: JSON.stringify([root]) }, { a: JSON.stringify([candidate], null, 1) });
        expect(brief(quoted)).toEqual([`${kindOf(before, value)} /a/0${pointer(way)}`]);
      }),
      { numRuns: 1000 },
    );
  });

  it("of a removed part: it is the only one missing, or extra the other way round", () => {
    fc.assert(
      fc.property(values, fc.nat(), (root, pick) => {
        const all = places(root).filter((way) => way.length > 0);
        fc.pre(all.length > 0);
        const way = all[pick % all.length] as Way;
        const removed = at(root, pointer(way));
        const found = responseDifference(root, changed(root, way, undefined));
        expect(found).toHaveLength(1);
        expect(found[0]).toMatchObject({ kind: "missing", control: jsonExcerpt(copy(removed), 200) });
        expect(at(root, found[0]?.path ?? "")).toEqual(removed);
        expect(pointer(way.slice(0, -1))).toBe((found[0]?.path ?? "").replace(/\/[^/]*$/, ""));
        expect(responseDifference(changed(root, way, undefined), root)).toMatchObject([
          { kind: "extra", path: found[0]?.path },
        ]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("hostile values", () => {
  const nest = (levels: number, inner: unknown): unknown => {
    let value = inner;
    for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
    return value;
  };

  it("may nest a hundred thousand levels, as values and in texts", () => {
    const [found] = responseDifference(nest(100_000, 1), nest(100_000, "x"));
    expect(found).toMatchObject({ kind: "type", control: "1", candidate: '"x"' });
    expect(found?.path).toHaveLength(200_000);
    expect(responseDifference(nest(100_000, 1), nest(100_000, 1))).toEqual([]);
    expect(responseDifference(nest(100_000, 1), nest(99_999, 1))).toHaveLength(1);
    const text = (inner: number) => `${"[".repeat(100_000)}${inner}${"]".repeat(100_000)}`;
    expect(responseDifference(text(1), text(2))).toMatchObject([{ kind: "number" }]);
    expect(responseDifference(undefined, nest(100_000, 1))[0]?.candidate).toHaveLength(200);
  });

  it("may have members called __proto__, toString and the like", () => {
    const [a, b] = ['{"__proto__":{"x":1},"toString":1}', '{"__proto__":{"x":2},"constructor":1}'].map((own) =>
      JSON.parse(own),
    );
    expect(brief(responseDifference(a, b))).toEqual(["number /__proto__/x", "extra /constructor", "missing /toString"]);
  });

  it("with hundreds of thousands of members, items and signs take time in proportion", () => {
    const wide = (mark: number) =>
      Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i === 70_000 ? mark : i]));
    expect(brief(responseDifference(wide(0), wide(1)))).toEqual(["number /k70000"]);
    const long = (step: number) => Array.from({ length: 100_000 }, (_, i) => (i * step) % 1009);
    expect(responseDifference(long(7), long(11))).toHaveLength(20);
    expect(responseDifference("a b ".repeat(500_000), "b c ".repeat(500_000))).toHaveLength(1);
  }, 60_000);

  it("that are no JSON do not throw", () => {
    const odd = [10n, () => 1, Symbol("x"), Number.NaN, new Date(0), undefined];
    for (const a of odd) for (const b of odd) expect(Array.isArray(responseDifference([a], [b]))).toBe(true);
  });
});
