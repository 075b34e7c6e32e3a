import { describe, expect, it } from "vitest";
import { z } from "zod";
import { allComplaints, checkDocument, didYouMean, dotted, nearest, readDocument } from "../../plan/document.ts";
import { InputError } from "../../plan/input-error.ts";

/** The message of the InputError that a call throws; any other outcome is a failure. */
function complaint(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error("no complaint");
}

const text = z.string("write a text");
const schema = z.strictObject({
  name: text.optional(),
  channel: text.optional(),
  steps: z.array(z.strictObject({ name: text, weight: z.number().optional() })).default([]),
  lanes: z.record(z.string(), z.strictObject({ module: text.optional(), timeout: text.optional() })).default({}),
  limits: z.strictObject({ perDay: z.number().default(1), perHour: z.number().default(1) }).prefault({}),
  source: z.union([text, z.strictObject({ sql: text })], "write a column, or { sql: … }").optional(),
  size: z.union([z.string(), z.number()]).optional(),
});
const check = (yaml: string) => checkDocument(readDocument(yaml, "plan.yaml"), schema);

describe("readDocument", () => {
  it("reads YAML and JSON alike", () => {
    const value = { name: "a", steps: [{ name: "b" }] };
    expect(readDocument("name: a\nsteps:\n  - name: b\n", "f").value).toEqual(value);
    expect(readDocument(JSON.stringify(value, null, 2), "f").value).toEqual(value);
  });

  it("reads a file with a byte order mark and with the line ends of Windows", () => {
    const document = readDocument("\uFEFFname: a\r\nsteps: []\r\n", "f");
    expect(document.value).toEqual({ name: "a", steps: [] });
    expect(document.place(["steps"])).toBe("f:2");
  });

  it("says on which line a key stands, however deep", () => {
    const document = readDocument(
      "name: a\n\nsteps:\n  # a comment\n  - name: b\n  - name: c\n    weight: 2\n",
      "plan.yaml",
    );
    expect(document.place(["name"])).toBe("plan.yaml:1");
    expect(document.place(["steps"])).toBe("plan.yaml:3");
    expect(document.place(["steps", 0])).toBe("plan.yaml:5");
    expect(document.place(["steps", 1, "name"])).toBe("plan.yaml:6");
    expect(document.place(["steps", 1, "weight"])).toBe("plan.yaml:7");
  });

  it("names the nearest parent of what is not there", () => {
    const document = readDocument("name: a\nsteps:\n  - name: b\n", "plan.yaml");
    expect(document.place(["steps", 0, "weight"])).toBe("plan.yaml:3");
    expect(document.place(["steps", 7, "weight"])).toBe("plan.yaml:2");
    expect(document.place(["nothing", "at", "all"])).toBe("plan.yaml:1");
  });

  it("finds keys that are numbers or have dots", () => {
    const document = readDocument("a:\n  1: x\n  b.c: y\n", "plan.yaml");
    expect(document.place(["a", "1"])).toBe("plan.yaml:2");
    expect(document.place(["a", "b.c"])).toBe("plan.yaml:3");
  });

  it.each([
    ["", "plan.yaml: the file is empty; see README for an example"],
    ["# only a comment\n", "plan.yaml: the file is empty; see README for an example"],
    ["name: a\nname: b\n", "plan.yaml:2:1: not valid YAML: Map keys must be unique; keep one of the two"],
    ["steps:\n\t- name: a\n", "plan.yaml:2:1: not valid YAML: Tabs are not allowed as indentation; indent with spaces"],
    [
      "name: a\n---\nname: b\n",
      "plan.yaml:2:1: not valid YAML: Source contains multiple documents; keep one: remove the line ---",
    ],
    [
      'name: "a\n',
      'plan.yaml:1:7: not valid YAML: Missing closing "quote; check indentation, quotes and brackets there',
    ],
    [
      "name: a: b\n",
      "plan.yaml:1:7: not valid YAML: Nested mappings are not allowed in compact mappings; check indentation, quotes and brackets there",
    ],
    [
      "name: a\nsource: *.parquet\n",
      "plan.yaml:2:9: *.parquet is an alias of nothing; in YAML a * before a text makes it an alias: quote the text",
    ],
    [
      "size: *later\nname: &later a\n",
      "plan.yaml:1:7: *later is an alias of nothing; in YAML a * before a text makes it an alias: quote the text",
    ],
  ])("refuses %j", (yaml, message) => {
    expect(complaint(() => readDocument(yaml, "plan.yaml"))).toBe(message);
  });

  it("follows aliases, and refuses those that multiply without end", () => {
    expect(readDocument("a: &stage { name: x }\nb: *stage\n", "f").value).toEqual({
      a: { name: "x" },
      b: { name: "x" },
    });
    const levels = Array.from(
      { length: 9 },
      (_, i) => `a${i + 1}: &a${i + 1} [${new Array(9).fill(`*a${i}`).join(", ")}]`,
    );
    const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]", ...levels].join("\n");
    expect(complaint(() => readDocument(bomb, "plan.yaml"))).toBe(
      "plan.yaml: the file repeats aliases too often; write the values out",
    );
  });
});

describe("checkDocument", () => {
  it("gives the checked value, with defaults", () => {
    expect(check("name: a\n")).toEqual({ name: "a", steps: [], lanes: {}, limits: { perDay: 1, perHour: 1 } });
  });

  it.each([
    ["nam: a", "plan.yaml:1: unknown key nam; did you mean name?"],
    [
      "wholly_different: a",
      "plan.yaml:1: unknown key wholly_different; known are name, channel, steps, lanes, limits, source, size",
    ],
    [
      "steps:\n  - name: a\n  - name: b\n    wieght: 2",
      "plan.yaml:4: unknown key wieght in steps[1]; did you mean weight?",
    ],
    ["lanes:\n  control: { modul: x.js }", "plan.yaml:2: unknown key modul in lanes.control; did you mean module?"],
    ["limits:\n  perday: 3", "plan.yaml:2: unknown key perday in limits; did you mean perDay?"],
    ["__proto__: 1", "plan.yaml:1: unknown key __proto__; known are name, channel, steps, lanes, limits, source, size"],
  ])("suggests a known key in place of the unknown one in %j", (yaml, message) => {
    expect(complaint(() => check(yaml))).toBe(message);
  });

  it.each([
    ["steps:\n  - weight: 2", "plan.yaml:2: steps[0].name is missing; write a text"],
    ["name: 2.10", "plan.yaml:1: name is 2.1; write a text"],
    ["name: true", "plan.yaml:1: name is true; write a text"],
    ["name: [a]", 'plan.yaml:1: name is ["a"]; write a text'],
    [
      "name: a\nchannel: #rollouts",
      "plan.yaml:2: channel is null; write a text (in YAML a # after a space starts a comment: quote the text)",
    ],
    ["steps:", "plan.yaml:1: steps is null; write a list, as [a, b]"],
    ["steps: a", 'plan.yaml:1: steps is "a"; write a list, as [a, b]'],
    ["steps: [a]", 'plan.yaml:1: steps[0] is "a"; write keys with values, as { key: value }'],
    ["limits: { perDay: many }", 'plan.yaml:1: limits.perDay is "many"; write a number'],
    ["source: 5", "plan.yaml:1: source is 5; write a column, or { sql: … }"],
    ["source: { sql: 5 }", "plan.yaml:1: source.sql is 5; write a text"],
    ["size: [5]", "plan.yaml:1: size is [5]; write a text, or write a number"],
    ["- a\n- b", 'plan.yaml:1: the file is ["a","b"]; write keys with values, as { key: value }'],
    ["null", "plan.yaml:1: the file is null; write keys with values, as { key: value }"],
  ])("says where, what and what instead for %j", (yaml, message) => {
    expect(complaint(() => check(yaml))).toBe(message);
  });

  it("shortens a long value", () => {
    const message = complaint(() => check(`source: [${new Array(100).fill("abc").join(", ")}]`));
    expect(message).toMatch(/^plan\.yaml:1: source is \["abc","abc".{1,50}…; write a column/);
  });

  it("complains about everything at once, a line each", () => {
    const lines = complaint(() => check("name: 1\nnane: 2\nsteps:\n  - {}\n  - { name: b, weight: x }\n")).split("\n");
    expect(lines.sort()).toEqual([
      "plan.yaml:1: name is 1; write a text",
      "plan.yaml:2: unknown key nane; did you mean name?",
      "plan.yaml:4: steps[0].name is missing; write a text",
      'plan.yaml:5: steps[1].weight is "x"; write a number',
    ]);
  });
});

describe("allComplaints", () => {
  it("is the one complaint, or all of them a line each", () => {
    const [a, b] = [new InputError("f:1", "a", "x"), new InputError("f:2", "b", "y")];
    expect(allComplaints([a]).message).toBe("f:1: a; x");
    expect(allComplaints([a, b]).message).toBe("f:1: a; x\nf:2: b; y");
  });

  it("needs at least one", () => {
    expect(() => allComplaints([])).toThrow(RangeError);
  });
});

describe("the nearest word", () => {
  it.each([
    ["exposre", ["name", "exposure"], "exposure"],
    ["LOOKEVERY", ["lookEvery", "name"], "lookEvery"],
    ["mn", ["min", "max"], "min"],
    ["teir", ["tier", "user"], "tier"],
    ["completion", ["completion_rate"], "completion_rate"],
    ["latency", ["cost", "name"], undefined],
    ["x", [], undefined],
    ["", ["a"], "a"],
  ])("to %j among %j is %j", (word, known, wanted) => {
    expect(nearest(word, known)).toBe(wanted);
  });

  it("is suggested, else all known words are listed, if there are any", () => {
    expect(didYouMean("exposre", ["exposure"])).toBe("did you mean exposure?");
    expect(didYouMean("zzz", ["exposure", "name"])).toBe("known are exposure, name");
    expect(didYouMean("zzz", [])).toBe("none is known here");
  });
});

describe("dotted", () => {
  it("writes a path as one would in code", () => {
    expect(dotted(["stages", 2, "duration", "min"])).toBe("stages[2].duration.min");
    expect(dotted([])).toBe("");
  });
});
