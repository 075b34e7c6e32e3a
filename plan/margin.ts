import { timeConversion } from "./duration.ts";
import type { Metric } from "./metric.ts";

/**
 * The largest loss still accepted, never signed; the direction comes from the metric's `better`.
 *
 * `absolute`: a loss of `loss`, in the metric's unit (fractions for rates). `relative`: the candidate may reach
 * control × `factor`; above 1 where lower is better, below 1 where higher is.
 */
export type Margin =
  | { readonly kind: "absolute"; readonly loss: number }
  | { readonly kind: "relative"; readonly factor: number };

/**
 * Reads `5pp`, `20%`, `x3`, `200 ms`, `0.5`.
 *
 * @returns the margin, or the complaint: problem and way out
 */
export function parseMargin(
  text: string,
  metric: Metric,
): Margin | { readonly problem: string; readonly wayOut: string } {
  if (/^\s*[-+−–]/.test(text)) {
    return {
      problem: `margin ${text} of ${metric.name} is signed`,
      wayOut: `write the largest accepted loss without a sign; its direction follows from better: ${metric.better}`,
    };
  }
  if (/\d,\d/.test(text)) {
    return {
      problem: `margin ${text} of ${metric.name} has a comma`,
      wayOut: `write ${text.trim().replace(",", ".")}: decimals have a point`,
    };
  }
  const match = /^\s*(x?)\s*(\d+(?:\.\d+)?(?:e-?\d+)?)\s*([^\d\s.].*)?$/i.exec(text);
  if (!match) {
    return { problem: `margin ${text} of ${metric.name} is not a margin`, wayOut: "write 5pp, 20%, x3 or 200 ms" };
  }
  const [, times, digits, unitText = ""] = match;
  const amount = Number(digits);
  const unit = unitText.trim();
  if (metric.kind === "drift" && (times || unit === "%" || unit === "pp")) {
    return {
      problem: `margin ${text} of ${metric.name} is ${unit === "pp" ? "in percentage points" : "relative to the control"}, but a drift is measured from the control, whose own is 0`,
      wayOut: "write the largest accepted divergence in bits, as 0.05",
    };
  }
  if (times) return factorMargin(text, metric, amount, unit);
  if (unit === "%") return relativeMargin(text, metric, amount / 100);
  if (amount === 0) {
    return {
      problem: `margin ${text} of ${metric.name} is zero`,
      wayOut: "no finite sample can show a loss of exactly zero; state the largest loss that is still acceptable",
    };
  }
  if (unit === "pp") return pointsMargin(text, metric, amount / 100);
  return absoluteMargin(text, metric, amount, unit);
}

function factorMargin(text: string, metric: Metric, factor: number, unit: string): ReturnType<typeof parseMargin> {
  if (unit !== "") {
    return { problem: `margin ${text} of ${metric.name} has a factor and a unit`, wayOut: "write x3, or 200 ms" };
  }
  if (metric.better === "higher") {
    return {
      problem: `margin ${text} of ${metric.name} is a factor, but higher is better`,
      wayOut: "a factor bounds a rise; write the accepted fall as 5pp or 20%",
    };
  }
  if (factor <= 1) {
    return { problem: `margin ${text} of ${metric.name} allows no loss`, wayOut: "write a factor above 1, as x3" };
  }
  return { kind: "relative", factor };
}

function relativeMargin(text: string, metric: Metric, share: number): ReturnType<typeof parseMargin> {
  if (share === 0 || (metric.better === "higher" && share >= 1)) {
    return {
      problem: `margin ${text} of ${metric.name} ${share === 0 ? "allows no loss" : "allows any loss"}`,
      wayOut: "write a percentage of the control's value above 0% and, where higher is better, below 100%",
    };
  }
  return { kind: "relative", factor: metric.better === "lower" ? 1 + share : 1 - share };
}

function pointsMargin(text: string, metric: Metric, loss: number): ReturnType<typeof parseMargin> {
  const isShare = metric.kind === "proportion" || metric.kind === "distinct-share";
  if (!isShare && (metric.kind !== "ratio" || metric.measuredIn !== undefined)) {
    const what = metric.kind === "ratio" ? `a ratio in ${metric.measuredIn}` : `${article(metric.kind)} ${metric.kind}`;
    return {
      problem: `margin ${text} of ${metric.name} is in percentage points, but the metric is ${what}`,
      wayOut: `write 20% of the control's value${metric.measuredIn ? `, or an amount in ${metric.measuredIn}` : ""}`,
    };
  }
  if (isShare && loss >= 1) {
    return { problem: `margin ${text} of ${metric.name} allows any loss`, wayOut: "write less than 100pp" };
  }
  return { kind: "absolute", loss };
}

function absoluteMargin(text: string, metric: Metric, amount: number, unit: string): ReturnType<typeof parseMargin> {
  if (metric.kind === "proportion" || metric.kind === "distinct-share") {
    return {
      problem: `margin ${text} of ${metric.name} has no unit that fits a ${metric.kind}`,
      wayOut: "write percentage points (5pp) or a share of the control's value (20%)",
    };
  }
  const own = metric.measuredIn ?? "";
  if (unit === own || unit === "") return { kind: "absolute", loss: amount };
  const conversion = timeConversion(unit, own);
  if (conversion === undefined) {
    return {
      problem: `margin ${text} of ${metric.name} is in ${unit}, but the metric is measured in ${own || "no stated unit"}`,
      wayOut: own ? `write it in ${own}` : `state measuredIn: ${unit} in the metric`,
    };
  }
  return { kind: "absolute", loss: amount * conversion };
}

function article(kind: string): "a" | "an" {
  return /^[aeiou]/.test(kind) ? "an" : "a";
}
