import { describe, expect, it } from "vitest";
import type { Margin } from "../../plan/margin.ts";
import type { CompositionMetric } from "../../plan/metric.ts";
import { NoRoom, shifted } from "../../scenarios/shift.ts";
import { composed } from "../../shadow/compose.ts";
import type { Observed, Values } from "../../shadow/outcomes.ts";
import { everyRow, predictionsOf, shown } from "../support/compositions.ts";

const common = { name: "own", better: "lower", matureAfterMs: 0, whenFailed: "missing" } as const;
const calibration: CompositionMetric = {
  ...common,
  kind: "calibration-error",
  probability: "p",
  outcome: "y",
  bins: 2,
};
const drift: CompositionMetric = { ...common, kind: "drift", value: "x" };
const diversity: CompositionMetric = { ...common, kind: "entropy", value: "x", better: "higher" };
const coverage: CompositionMetric = {
  ...common,
  kind: "distinct-share",
  value: "x",
  draws: 3,
  catalogue: 9,
  better: "higher",
};

const lists = Array.from({ length: 60 }, (_, i) => [i % 2, i % 3]);
const sessions = lists.map((_, i) => `s${i}`);
const categories: Observed = { kind: "categories", ...shown(lists) };
const predictions: Observed = {
  kind: "predictions",
  ...predictionsOf(
    lists.map((_, i) => [(i % 10) / 10]),
    lists.map((_, i) => [Number(i % 3 === 0)]),
  ),
};
const of = (metric: CompositionMetric, observed: Observed) =>
  composed(metric, observed, observed, Int32Array.from(everyRow(lists))).control as Extract<Values, { kind: "sums" }>;
const sum = (values: Float64Array) => values.reduce((all, own) => all + own, 0);
const value = (values: Values) =>
  values.kind === "sums" ? sum(values.numerator) / sum(values.denominator) : Number.NaN;
/** Variance of what sessions add beside their value. */
const spread = (values: Values) =>
  values.kind === "sums"
    ? values.numerator.reduce((all, own, i) => all + (own - value(values) * (values.denominator[i] as number)) ** 2, 0)
    : Number.NaN;

describe("the harm of a composition", () => {
  it.each<[string, CompositionMetric, Observed, Margin, number]>([
    ["an entropy", diversity, categories, { kind: "absolute", loss: 0.2 }, -0.2],
    ["a share of a catalogue", coverage, categories, { kind: "absolute", loss: 0.05 }, -0.05],
    ["a calibration error", calibration, predictions, { kind: "absolute", loss: 0.01 }, 0.01],
    ["a drift", drift, categories, { kind: "absolute", loss: 0.02 }, 0.02],
  ])("of %s is of the size that was asked for", (_, metric, observed, size, harm) => {
    const own = of(metric, observed);
    expect(value(shifted(own, metric, size, sessions))).toBeCloseTo(value(own) + harm, 12);
  });

  it("that is a share of the control is that share", () => {
    const own = of(coverage, categories);
    expect(value(shifted(own, coverage, { kind: "relative", factor: 0.8 }, sessions))).toBeCloseTo(
      0.8 * value(own),
      12,
    );
  });

  it("varies as a distance of its size does, which no drift does not", () => {
    const own = of(drift, categories);
    expect(spread(own)).toBe(0);
    const [small, large] = [0.01, 0.04].map((loss) =>
      spread(shifted(own, drift, { kind: "absolute", loss }, sessions)),
    );
    expect(small).toBeGreaterThan(0);
    expect(large).toBeCloseTo(4 * (small as number), 10);
  });

  it("is refused where there is no value to harm", () => {
    const none = of({ ...coverage, draws: 1000 } as CompositionMetric, categories);
    expect(() => shifted(none, coverage, { kind: "absolute", loss: 0.05 }, sessions)).toThrow(NoRoom);
    expect(() => shifted(none, coverage, { kind: "relative", factor: 0.8 }, sessions)).toThrow(
      "own has no value: 120 shown, fewer than the 1000 draws of this share",
    );
  });
});
