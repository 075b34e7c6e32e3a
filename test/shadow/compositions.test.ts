import { describe, expect, it } from "vitest";
import type { CompositionMetric } from "../../plan/metric.ts";
import { composed } from "../../shadow/compose.ts";
import type { Values } from "../../shadow/outcomes.ts";
import { type Observed, outcomesOf } from "../support/observations.ts";
import { refusal } from "../support/refusal.ts";

const common = { name: "own", better: "lower", matureAfterMs: 0, whenFailed: "missing" } as const;
const drift = (value: string): CompositionMetric => ({ ...common, kind: "drift", value });
const entropy = (value: string): CompositionMetric => ({ ...common, kind: "entropy", value });
const calibration: CompositionMetric = {
  ...common,
  kind: "calibration-error",
  probability: "p",
  outcome: "y",
  bins: 10,
};

/** Both lanes of one metric. */
async function lanes(metric: CompositionMetric, control: readonly Observed[], candidate = control) {
  const { metric: named, outcomes } = await outcomesOf({ control, candidate, metrics: [metric] });
  return { ...named("own"), unit: outcomes.unit };
}

/** What each session showed. */
function shownBy(values: Values): (readonly number[])[] {
  if (values.kind !== "sums" || values.composition?.observed.kind !== "categories") throw new Error("no categories");
  const { offsets, codes } = values.composition.observed;
  return [...offsets.slice(1)].map((end, i) => [...codes.slice(offsets[i], end)]);
}

const sum = (values: Float64Array) => values.reduce((all, own) => all + own, 0);
const ratioOf = (values: Values) =>
  values.kind === "sums" ? sum(values.numerator) / sum(values.denominator) : Number.NaN;

describe("what a session shows", () => {
  const rows: Observed[] = [
    { session: "a", items: "x,y", kind: "b", flag: true },
    { session: "a", items: "x", kind: null, flag: false },
    { session: "b", items: null, kind: "c", flag: null },
    { session: "c", items: "z", kind: "b", flag: true },
    { session: "c", status: "error", items: "z", kind: "b", flag: true },
  ];

  it.each<[string, string, (readonly number[])[]]>([
    ["one category a request", "kind", [[0], [1], []]],
    ["a list a request", "string_split(items, ',')", [[0, 1, 0], [], []]],
    ["true or false", "flag", [[0, 1], [], []]],
    ["a number as its text", "length(kind)", [[0], [0], []]],
    ["no missing parts of a list", "[kind, items]", [[0, 1, 2], [3], []]],
  ])("is %s; what is missing is not shown, and neither is what a failed session did", async (_, value, expected) => {
    const { control, candidate } = await lanes(entropy(value), rows);
    expect(shownBy(control)).toEqual(expected);
    expect(candidate).toEqual(control);
    expect(control).toMatchObject({ missing: Uint8Array.from(expected, ({ length }) => (length === 0 ? 1 : 0)) });
  });

  it("has the same code in both lanes", async () => {
    const other = rows.map((row) => ({ ...row, kind: row.kind === "b" ? "c" : "b" }));
    const { control, candidate } = await lanes(drift("kind"), rows, other);
    expect(shownBy(control)).toEqual([[0], [1], []]);
    expect(shownBy(candidate)).toEqual([[1, 0], [0], []]);
  });

  it("is a probability with its outcome, where there are both", async () => {
    const predictions: Observed[] = [
      { session: "a", p: 0.2, y: true },
      { session: "a", p: 0.4, y: null },
      { session: "b", p: null, y: true },
      { session: "c", p: 0.9, y: false },
    ];
    const { control } = await lanes(calibration, predictions);
    expect(control).toMatchObject({
      denominator: Float64Array.of(1, 0, 1),
      missing: Uint8Array.of(0, 1, 0),
      composition: {
        observed: { probabilities: Float64Array.of(0.2, 0.9), outcomes: Float64Array.of(1, 0) },
      },
    });
  });
});

describe("the sums of a composition", () => {
  const rows = (kinds: string): Observed[] => [...kinds].map((kind, i) => ({ session: `s${i >> 1}`, kind }));

  it("have its value as their ratio, and of a drift the control's is 0", async () => {
    const { control, candidate } = await lanes(drift("kind"), rows("aabbabab"), rows("aaaaabaa"));
    expect(ratioOf(control)).toBeCloseTo(0, 12);
    expect(ratioOf(candidate)).toBeGreaterThan(0);
    const same = await lanes(drift("kind"), rows("aabbabab"));
    expect(ratioOf(same.candidate)).toBe(0);
  });

  it("of some sessions are those of what these showed alone", async () => {
    const { control, candidate, unit } = await lanes(drift("kind"), rows("aabbabab"), rows("aaaaabaa"));
    if (control.kind !== "sums" || candidate.kind !== "sums") throw new Error("no sums");
    const observed = [control, candidate].map(({ composition }) => composition?.observed);
    const [before, after] = observed as [NonNullable<(typeof observed)[0]>, NonNullable<(typeof observed)[0]>];
    const inside = composed(drift("kind"), before, after, unit, [0, 2]);
    const alone = await lanes(drift("kind"), rows("aaab"), rows("aaab"));
    expect(ratioOf(inside.candidate)).toBeCloseTo(ratioOf(alone.candidate), 12);
    expect(inside.candidate).toMatchObject({ missing: Uint8Array.of(0, 1, 0, 1) });
  });

  it("are 0 over 0 where a lane shows nothing", async () => {
    const nothing = rows("aabb").map((row) => ({ ...row, kind: row.session === "none" ? "a" : null }));
    const { candidate } = await lanes(drift("kind"), rows("aabb"), [...nothing, { session: "none", kind: "a" }]);
    expect(candidate).toMatchObject({ composition: { undetermined: "the candidate shows nothing" } });
    expect(ratioOf(candidate)).toBeNaN();
  });
});

describe("a composition is refused at its place", () => {
  it.each([
    ["that is an aggregate", entropy("max(kind)"), /^foretaste\.yaml:own: "max\(kind\)" is an aggregate; /],
    [
      "that reads an unknown column",
      entropy("knid"),
      /metric own reads knid, which no lane reports; did you mean kind\?$/,
    ],
    [
      "that cannot be computed",
      entropy("kind + interval 1 day"),
      /^foretaste\.yaml:own: metric own cannot be computed: /,
    ],
  ])("%s", async (_, metric, message) => {
    expect(await refusal(() => lanes(metric, [{ session: "a", kind: "b" }]))).toMatch(message);
  });
});
