import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Estimate } from "../../../statistics/estimate.ts";
import {
  type Better,
  equivalenceLevel,
  equivalenceTest,
  type HarmScale,
  harmOf,
  type Margin,
  marginTest,
  readEquivalence,
  readInterval,
  shareMargin,
} from "../../../statistics/means/margins.ts";
import {
  type ArmEstimate,
  compareMeans,
  differenceInterval,
  upperTailP,
  welch,
} from "../../../statistics/means/means.ts";
import { relativeLift } from "../../../statistics/means/ratio.ts";

const arm = (estimate: number, standardError: number, n = 100): ArmEstimate => ({ n, estimate, standardError });
const interval = (value: number, low: number, high: number): Estimate => ({
  status: "ok",
  value,
  low,
  high,
  level: 0.95,
});
const better = fc.constantFrom<Better>("higher", "lower");
const firm = fc
  .record({
    n: fc.integer({ min: 20, max: 5000 }),
    value: fc.integer({ min: 100, max: 10_000 }),
    share: fc.integer({ min: 1, max: 100 }),
  })
  .map(({ n, value, share }) => arm(value, (value * share) / 600, n));

function ok<T extends { readonly status: string }>(result: T): Exclude<T, { status: "undetermined" }> {
  if (result.status === "undetermined") throw new Error(JSON.stringify(result));
  return result as Exclude<T, { status: "undetermined" }>;
}

describe("harm", () => {
  it("is a rise where lower is better and a fall where higher is, in the metric's unit for an absolute margin", () => {
    const margin: Margin = { kind: "absolute", loss: 3 };
    expect(harmOf(arm(10, 1), arm(12, 1), { margin, better: "lower" })).toMatchObject({ harm: 2, margin: 3 });
    expect(harmOf(arm(10, 1), arm(12, 1), { margin, better: "higher" })).toMatchObject({ harm: -2, margin: 3 });
  });

  it("is a share of the control, or a logarithm of the ratio, when asked for", () => {
    const margin = shareMargin(0.2, "lower");
    const lower = { margin, better: "lower" } as const;
    expect(ok(harmOf(arm(10, 1), arm(15, 1), { ...lower, scale: "share" }))).toMatchObject({ harm: 0.5 });
    expect(ok(harmOf(arm(10, 1), arm(15, 1), { ...lower, scale: "share" })).margin).toBeCloseTo(0.2, 12);
    const log = ok(harmOf(arm(10, 1), arm(15, 1), { ...lower, scale: "log" }));
    expect([log.harm, log.margin]).toEqual([expect.closeTo(Math.log(1.5), 12), expect.closeTo(Math.log(1.2), 12)]);
    const higher = { margin: shareMargin(0.2, "higher"), better: "higher" } as const;
    const fall = ok(harmOf(arm(10, 1), arm(7, 1), { ...higher, scale: "share" }));
    expect([fall.harm, fall.margin]).toEqual([expect.closeTo(0.3, 12), expect.closeTo(0.2, 12)]);
  });

  it("beyond the margin has one sign on every scale", () => {
    const scale = fc.constantFrom<HarmScale>("contrast", "share", "log");
    fc.assert(
      fc.property(firm, firm, better, scale, fc.integer({ min: 1, max: 90 }), (a, b, own, on, percent) => {
        const margin = shareMargin(percent / 100, own);
        const beyond = (which: HarmScale) => {
          const { harm, margin: at } = ok(harmOf(a, b, { margin, better: own, scale: which }));
          return harm - at;
        };
        const [one, other] = [beyond("contrast"), beyond(on)];
        if (Math.abs(one) > 1e-6) expect(Math.sign(other)).toBe(Math.sign(one));
      }),
    );
  });

  it("turned upside down, metric and direction, is the same harm", () => {
    const turned = ({ n, estimate, standardError }: ArmEstimate) => arm(-estimate, standardError, n);
    fc.assert(
      fc.property(firm, firm, fc.integer({ min: 1, max: 1000 }), (a, b, loss) => {
        const margin: Margin = { kind: "absolute", loss };
        expect(harmOf(turned(a), turned(b), { margin, better: "higher" })).toEqual(
          harmOf(a, b, { margin, better: "lower" }),
        );
      }),
    );
  });

  it("against a relative margin does not depend on the unit of measure", () => {
    const scale = fc.constantFrom<HarmScale>("contrast", "share", "log");
    fc.assert(
      fc.property(firm, firm, better, scale, fc.constantFrom(1e-9, 1000), (a, b, own, on, factor) => {
        const scaled = ({ n, estimate, standardError }: ArmEstimate) =>
          arm(estimate * factor, standardError * factor, n);
        const test = (x: ArmEstimate, y: ArmEstimate) =>
          ok(marginTest(harmOf(x, y, { margin: shareMargin(0.3, own), better: own, scale: on })));
        expect(test(scaled(a), scaled(b)).statistic).toBeCloseTo(test(a, b).statistic, 9);
      }),
    );
  });

  it("on the scale of the contrast has the z of candidate − factor · control, which no zero control spoils", () => {
    const margin = shareMargin(0.5, "lower");
    const harm = ok(harmOf(arm(10, 1), arm(18, 2), { margin, better: "lower" }));
    expect(harm).toMatchObject({ harm: 3, margin: 0 });
    expect(harm.standardError).toBeCloseTo(Math.hypot(2, 1.5), 12);
    expect(harmOf(arm(0, 1), arm(18, 2), { margin, better: "lower" })).toMatchObject({ status: "ok", harm: 18 });
  });

  it("says why there is none", () => {
    const margin = shareMargin(0.5, "lower");
    const reason = (control: ArmEstimate, candidate: ArmEstimate, scale: HarmScale) => {
      const harm = harmOf(control, candidate, { margin, better: "lower", scale });
      expect(marginTest(harm)).toEqual(harm);
      return harm.status === "undetermined" ? harm.reason : "";
    };
    expect(reason(arm(-1, 1), arm(1, 1), "contrast")).toBe("a share of a negative control bounds nothing");
    expect(reason(arm(0, 1), arm(1, 1), "share")).toBe("control is zero");
    expect(reason(arm(1, 1), arm(0, 1), "log")).toBe("candidate is 0");
    expect(reason(arm(1, 1), arm(1, 1, 1), "contrast")).toBe("candidate has one unit");
    expect(reason(arm(1, Number.NaN), arm(1, 1), "contrast")).toBe("the standard error of control is NaN");
    expect(marginTest(harmOf(arm(1, 0), arm(1, 0), { margin, better: "lower" }))).toEqual({
      status: "undetermined",
      reason: "nothing varies: the standard error is 0",
    });
  });

  it("refuses a margin that allows no loss or any loss", () => {
    const own = [arm(1, 1), arm(1, 1)] as const;
    expect(() => harmOf(...own, { margin: { kind: "absolute", loss: 0 }, better: "lower" })).toThrow(
      new RangeError("harmOf needs a finite loss above 0, got 0"),
    );
    expect(() => harmOf(...own, { margin: { kind: "relative", factor: 0.9 }, better: "lower" })).toThrow(
      new RangeError("harmOf needs a factor above 1 where lower is better, got 0.9"),
    );
    expect(() => harmOf(...own, { margin: { kind: "relative", factor: 1.1 }, better: "higher" })).toThrow(RangeError);
    expect(() => shareMargin(1, "higher")).toThrow(
      new RangeError("shareMargin needs a share above 0 and below 1, got 1"),
    );
    expect(() => shareMargin(0, "lower")).toThrow(RangeError);
  });
});

describe("an interval against a margin", () => {
  // harm interval, margin 2, lower is better
  it.each([
    [-3, -1, "superior", false],
    [-1, 1, "noninferior", false],
    [0.5, 1.5, "noninferior", true],
    [1, 3, "inconclusive", true],
    [-1, 3, "inconclusive", false],
    [3, 4, "inferior", true],
    [0, 2, "inconclusive", false],
    [2, 4, "inconclusive", true],
    [-1, 0, "noninferior", false],
  ] as const)("from %f to %f reads %s", (low, high, verdict, harmShown) => {
    const middle = (low + high) / 2;
    expect(readInterval(interval(middle, low, high), { margin: 2, better: "lower" })).toMatchObject({
      verdict,
      harmShown,
    });
    expect(readInterval(interval(-middle, -high, -low), { margin: 2, better: "higher" })).toMatchObject({
      verdict,
      harmShown,
    });
    expect(
      readInterval(interval(1 + middle, 1 + low, 1 + high), { margin: 2, better: "lower", none: 1 }),
    ).toMatchObject({
      verdict,
      harmShown,
    });
  });

  it("says what the tests at half of what it leaves out say", () => {
    fc.assert(
      fc.property(firm, firm, better, fc.integer({ min: 1, max: 5000 }), (a, b, own, loss) => {
        const difference = differenceInterval(compareMeans(a, b));
        const reading = ok(readInterval(difference, { margin: loss, better: own }));
        const test = ok(marginTest(harmOf(a, b, { margin: { kind: "absolute", loss }, better: own })));
        const none = welch(a, b);
        const superior = upperTailP({ ...none, t: own === "lower" ? -none.t : none.t }) < 0.025;
        const said = superior
          ? "superior"
          : test.less < 0.025
            ? "noninferior"
            : test.greater < 0.025
              ? "inferior"
              : "inconclusive";
        expect(reading.verdict).toBe(said);
      }),
    );
  });

  it("of a lift by Fieller says what the contrast at the margin says", () => {
    fc.assert(
      fc.property(firm, firm, better, fc.integer({ min: 1, max: 80 }), (a, b, own, percent) => {
        const lift = relativeLift(a, b, { method: "fieller" });
        const reading = ok(readInterval(lift, { margin: percent / 100, better: own }));
        const test = ok(marginTest(harmOf(a, b, { margin: shareMargin(percent / 100, own), better: own })));
        expect(reading.verdict === "superior" || reading.verdict === "noninferior").toBe(test.less < 0.025);
        expect(reading.verdict === "inferior").toBe(test.greater < 0.025);
      }),
    );
  });

  it("stays undetermined with its interval, and refuses a margin that is none", () => {
    const none = { status: "undetermined", reason: "no units" } as const;
    expect(readInterval(none, { margin: 1, better: "lower" })).toBe(none);
    expect(readInterval(interval(1, Number.NaN, 2), { margin: 1, better: "lower" })).toMatchObject({
      status: "undetermined",
    });
    expect(() => readInterval(interval(0, -1, 1), { margin: 0, better: "lower" })).toThrow(
      new RangeError("readInterval needs a finite margin above 0, got 0"),
    );
  });
});

describe("equivalence", () => {
  it.each([
    [-0.5, 0.9, "equivalent"],
    [-0.5, 1, "inconclusive"],
    [-3, 0, "inconclusive"],
    [1.5, 3, "different"],
    [-4, -2.5, "different"],
    [-5, 5, "inconclusive"],
  ] as const)("from %f to %f between −2 and 1 is %s", (low, high, verdict) => {
    expect(readEquivalence(interval(low, low, high), { below: 2, above: 1 })).toEqual({ status: "ok", verdict });
  });

  it("by an interval at 1 − 2α is the two one-sided tests at α", () => {
    const alpha = fc.constantFrom(0.01, 0.05, 0.1);
    fc.assert(
      fc.property(firm, firm, alpha, fc.integer({ min: 1, max: 9000 }), (a, b, own, within) => {
        const margins = { below: within, above: within / 2 };
        const test = ok(equivalenceTest(a, b, margins));
        const found = differenceInterval(compareMeans(a, b), equivalenceLevel(own));
        expect(ok(readEquivalence(found, margins)).verdict === "equivalent").toBe(test.pValue < own);
      }),
    );
  });

  it("exchanges its two tests when the arms are swapped", () => {
    fc.assert(
      fc.property(firm, firm, fc.integer({ min: 1, max: 9000 }), (a, b, below) => {
        const [there, back] = [
          ok(equivalenceTest(a, b, { below, above: 700 })),
          ok(equivalenceTest(b, a, { below: 700, above: below })),
        ];
        expect(Math.abs(there.aboveLower - back.belowUpper)).toBeLessThan(1e-12);
        expect(Math.abs(there.pValue - back.pValue)).toBeLessThan(1e-12);
      }),
    );
  });

  it("is undetermined without units, and refuses margins that are none", () => {
    expect(equivalenceTest(arm(1, 1, 1), arm(1, 1), { below: 1, above: 1 })).toMatchObject({ status: "undetermined" });
    expect(readEquivalence({ status: "undetermined", reason: "x" }, { below: 1, above: 1 })).toMatchObject({
      reason: "x",
    });
    expect(() => equivalenceTest(arm(1, 1), arm(1, 1), { below: 0, above: 1 })).toThrow(
      new RangeError("equivalenceTest needs margins above 0, got 0 and 1"),
    );
    expect(() => equivalenceLevel(0.5)).toThrow(RangeError);
  });
});
