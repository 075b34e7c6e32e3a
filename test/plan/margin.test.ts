import { describe, expect, it } from "vitest";
import { parseMargin } from "../../plan/margin.ts";
import type { Metric } from "../../plan/metric.ts";

const common = { value: "x", matureAfterMs: 0, whenFailed: "missing" } as const;
const completion: Metric = { ...common, name: "completion", kind: "proportion", better: "higher" };
const failures: Metric = { ...common, name: "failures", kind: "proportion", better: "lower" };
const errors: Metric = { ...common, name: "errors", kind: "ratio", numerator: "a", denominator: "b", better: "lower" };
const cost: Metric = { ...common, name: "cost", kind: "mean", better: "lower", measuredIn: "USD" };
const score: Metric = { ...common, name: "score", kind: "mean", better: "higher" };
const latency: Metric = {
  ...common,
  name: "latency",
  kind: "quantile",
  quantile: 0.95,
  better: "lower",
  measuredIn: "ms",
};
const coverage: Metric = {
  ...common,
  name: "coverage",
  kind: "distinct-share",
  draws: 100,
  catalogue: 500,
  better: "higher",
};
const diversity: Metric = { ...common, name: "diversity", kind: "entropy", better: "higher", measuredIn: "bits" };
const calibration: Metric = {
  ...common,
  name: "calibration",
  kind: "calibration-error",
  probability: "p",
  outcome: "y",
  bins: 10,
  better: "lower",
};
const drift: Metric = { ...common, name: "drift", kind: "drift", better: "lower", measuredIn: "bits" };

describe("a margin", () => {
  it.each<[string, Metric, number]>([
    ["5pp", completion, 0.05],
    ["5 pp", completion, 0.05],
    ["0.5pp", failures, 0.005],
    ["  5pp  ", completion, 0.05],
    ["5pp", errors, 0.05],
    ["250pp", errors, 2.5],
    ["0.02", errors, 0.02],
    ["200 ms", latency, 200],
    ["200ms", latency, 200],
    ["200", latency, 200],
    ["0.2 s", latency, 200],
    ["0.5 min", latency, 30_000],
    ["0.5", cost, 0.5],
    ["0.5 USD", cost, 0.5],
    ["1e-3", cost, 0.001],
    ["2.5", score, 2.5],
    ["5pp", coverage, 0.05],
    ["0.2 bits", diversity, 0.2],
    ["0.2", diversity, 0.2],
    ["0.01", calibration, 0.01],
    ["0.05", drift, 0.05],
    ["0.05 bits", drift, 0.05],
  ])("%s of a loss is absolute", (text, metric, loss) => {
    expect(parseMargin(text, metric)).toEqual({ kind: "absolute", loss });
  });

  it.each<[string, Metric, number]>([
    ["20%", cost, 1.2],
    ["20 %", cost, 1.2],
    ["20%", completion, 0.8],
    ["99%", completion, 0.01],
    ["20%", score, 0.8],
    ["100%", cost, 2],
    ["250%", failures, 3.5],
    ["x3", errors, 3],
    ["X3", errors, 3],
    ["x 1.5", latency, 1.5],
    ["x3", failures, 3],
    ["20%", coverage, 0.8],
    ["5%", diversity, 0.95],
    ["x2", calibration, 2],
    ["50%", calibration, 1.5],
  ])("%s is relative to the control", (text, metric, factor) => {
    const margin = parseMargin(text, metric);
    expect(margin).toEqual({ kind: "relative", factor: expect.closeTo(factor, 12) });
  });
});

const signed = (better: string) =>
  `write the largest accepted loss without a sign; its direction follows from better: ${better}`;
const anyForm = "write 5pp, 20%, x3 or 200 ms";
const noFall = "a factor bounds a rise; write the accepted fall as 5pp or 20%";
const percentage = "write a percentage of the control's value above 0% and, where higher is better, below 100%";
const zero = "no finite sample can show a loss of exactly zero; state the largest loss that is still acceptable";
const rate = "write percentage points (5pp) or a share of the control's value (20%)";

describe("a margin is refused, with a way out,", () => {
  it.each<[string, string, Metric, string, string]>([
    ["with a minus", "-5pp", completion, "margin -5pp of completion is signed", signed("higher")],
    ["with a plus", "+20%", cost, "margin +20% of cost is signed", signed("lower")],
    ["with a typographic minus", "−5pp", completion, "margin −5pp of completion is signed", signed("higher")],
    ["without a number", "some", cost, "margin some of cost is not a margin", anyForm],
    ["when it is empty", "", cost, "margin  of cost is not a margin", anyForm],
    ["with two numbers", "5 10pp", completion, "margin 5 10pp of completion is not a margin", anyForm],
    ["with a point and no digits", "5.pp", completion, "margin 5.pp of completion is not a margin", anyForm],
    ["without a digit before the point", ".5pp", completion, "margin .5pp of completion is not a margin", anyForm],
    [
      "as a factor and a unit",
      "x3 ms",
      latency,
      "margin x3 ms of latency has a factor and a unit",
      "write x3, or 200 ms",
    ],
    [
      "as a factor where higher is better",
      "x3",
      completion,
      "margin x3 of completion is a factor, but higher is better",
      noFall,
    ],
    ["as a factor of one", "x1", errors, "margin x1 of errors allows no loss", "write a factor above 1, as x3"],
    ["as a factor below one", "x0.5", errors, "margin x0.5 of errors allows no loss", "write a factor above 1, as x3"],
    ["as 0%", "0%", cost, "margin 0% of cost allows no loss", percentage],
    ["as 100% where higher is better", "100%", completion, "margin 100% of completion allows any loss", percentage],
    ["as 150% where higher is better", "150%", score, "margin 150% of score allows any loss", percentage],
    ["as zero", "0", latency, "margin 0 of latency is zero", zero],
    ["as zero percentage points", "0pp", completion, "margin 0pp of completion is zero", zero],
    [
      "as 100pp of a proportion",
      "100pp",
      completion,
      "margin 100pp of completion allows any loss",
      "write less than 100pp",
    ],
    [
      "in percentage points of a mean",
      "5pp",
      cost,
      "margin 5pp of cost is in percentage points, but the metric is a mean",
      "write 20% of the control's value, or an amount in USD",
    ],
    [
      "in percentage points of a mean without a unit",
      "5pp",
      score,
      "margin 5pp of score is in percentage points, but the metric is a mean",
      "write 20% of the control's value",
    ],
    [
      "in percentage points of an entropy",
      "5pp",
      diversity,
      "margin 5pp of diversity is in percentage points, but the metric is an entropy",
      "write 20% of the control's value, or an amount in bits",
    ],
    ...["20%", "x3", "0%"].map((text): [string, string, Metric, string, string] => [
      "relative to a control whose drift is 0",
      text,
      drift,
      `margin ${text} of drift is relative to the control, but a drift is measured from the control, whose own is 0`,
      "write the largest accepted divergence in bits, as 0.05",
    ]),
    [
      "in percentage points of a drift",
      "5pp",
      drift,
      "margin 5pp of drift is in percentage points, but a drift is measured from the control, whose own is 0",
      "write the largest accepted divergence in bits, as 0.05",
    ],
    [
      "as a bare number of a share of a catalogue",
      "0.05",
      coverage,
      "margin 0.05 of coverage has no unit that fits a distinct-share",
      rate,
    ],
    ["as 100pp of a share", "100pp", coverage, "margin 100pp of coverage allows any loss", "write less than 100pp"],
    [
      "in percentage points of a quantile",
      "5pp",
      latency,
      "margin 5pp of latency is in percentage points, but the metric is a quantile",
      "write 20% of the control's value, or an amount in ms",
    ],
    [
      "as a bare number of a proportion",
      "0.05",
      completion,
      "margin 0.05 of completion has no unit that fits a proportion",
      rate,
    ],
    [
      "in milliseconds of a proportion",
      "5 ms",
      completion,
      "margin 5 ms of completion has no unit that fits a proportion",
      rate,
    ],
    [
      "in an unknown unit",
      "200 kg",
      latency,
      "margin 200 kg of latency is in kg, but the metric is measured in ms",
      "write it in ms",
    ],
    [
      "in a unit of time where money is measured",
      "2 s",
      cost,
      "margin 2 s of cost is in s, but the metric is measured in USD",
      "write it in USD",
    ],
    [
      "in a unit where none is stated",
      "2 points",
      score,
      "margin 2 points of score is in points, but the metric is measured in no stated unit",
      "state measuredIn: points in the metric",
    ],
    [
      "in the name of a property that every object has",
      "2 constructor",
      latency,
      "margin 2 constructor of latency is in constructor, but the metric is measured in ms",
      "write it in ms",
    ],
  ])("%s", (_, text, metric, problem, wayOut) => {
    expect(parseMargin(text, metric)).toEqual({ problem, wayOut });
  });
});
