import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cochranMantelHaenszel, mantelHaenszel } from "../../../statistics/means/mantel-haenszel.ts";
import { randomStream, studyKey } from "../../../statistics/random-stream.ts";

const count = fc
  .record({ n: fc.integer({ min: 1, max: 200 }), share: fc.integer({ min: 0, max: 100 }) })
  .map(({ n, share }) => ({ n, events: Math.round((n * share) / 100) }));
const strata = fc.array(fc.record({ control: count, candidate: count }), { minLength: 1, maxLength: 6 });
const swapped = <T>(own: readonly { control: T; candidate: T }[]) =>
  own.map(({ control, candidate }) => ({ control: candidate, candidate: control }));

describe("Mantel and Haenszel's risk difference", () => {
  it("turns when the arms are swapped, and its ratios are inverted", () => {
    fc.assert(
      fc.property(strata, (own) => {
        const [there, back] = [mantelHaenszel(own), mantelHaenszel(swapped(own))];
        if (there.status !== "ok" || back.status !== "ok") throw new Error("undetermined");
        expect(back.difference).toBeCloseTo(-there.difference, 12);
        expect(back.standardError).toBeCloseTo(there.standardError, 12);
        if (there.riskRatio > 0) expect(back.riskRatio * there.riskRatio).toBeCloseTo(1, 9);
        if (there.oddsRatio > 0 && there.oddsRatio < Number.POSITIVE_INFINITY) {
          expect(back.oddsRatio * there.oddsRatio).toBeCloseTo(1, 9);
        }
      }),
    );
  });

  it("of one stratum is the plain difference, with nearly Wald's error", () => {
    const found = mantelHaenszel([{ control: { events: 200, n: 1000 }, candidate: { events: 150, n: 500 } }]);
    if (found.status !== "ok") throw new Error(found.reason);
    expect(found.difference).toBeCloseTo(0.1, 12);
    // √(.2·.8/1000 + .3·.7/500); Sato's differs by terms of order 1/n
    expect(found.standardError / Math.sqrt(0.00016 + 0.00042)).toBeCloseTo(1, 2);
  });

  it("is not fooled by a ramp in drifting traffic, as pooled arms are", () => {
    // 10 % at 1 % exposure, 30 % at 50 %, in both arms
    const ramp = [
      { control: { events: 990, n: 9900 }, candidate: { events: 10, n: 100 } },
      { control: { events: 1500, n: 5000 }, candidate: { events: 1500, n: 5000 } },
    ];
    const found = mantelHaenszel(ramp);
    if (found.status !== "ok") throw new Error(found.reason);
    expect(found.difference).toBeCloseTo(0, 12);
    expect(found.riskRatio).toBeCloseTo(1, 12);
  });

  it("ignores strata with an empty arm, and needs one without", () => {
    const full = { control: { events: 3, n: 10 }, candidate: { events: 4, n: 12 } };
    const empty = { control: { events: 3, n: 10 }, candidate: { events: 0, n: 0 } };
    expect(mantelHaenszel([full, empty])).toEqual(mantelHaenszel([full]));
    expect(mantelHaenszel([empty])).toEqual({ status: "undetermined", reason: "no stratum has units in both arms" });
    expect(cochranMantelHaenszel([full, empty])).toEqual(cochranMantelHaenszel([full]));
  });

  it("refuses more events than units", () => {
    const wrong = [{ control: { events: 3, n: 2 }, candidate: { events: 0, n: 1 } }];
    expect(() => mantelHaenszel(wrong)).toThrow(
      new RangeError("mantelHaenszel needs 0 ≤ events ≤ n, got 3 of 2 in stratum 1"),
    );
    expect(() => cochranMantelHaenszel(wrong)).toThrow(RangeError);
  });
});

describe("Cochran, Mantel and Haenszel's test", () => {
  it("exchanges less and greater when the arms are swapped or events are counted as their opposite", () => {
    const opposite = ({ events, n }: { events: number; n: number }) => ({ events: n - events, n });
    fc.assert(
      fc.property(strata, fc.boolean(), (own, correct) => {
        const there = cochranMantelHaenszel(own, { correct });
        for (const turned of [
          swapped(own),
          own.map(({ control, candidate }) => ({ control: opposite(control), candidate: opposite(candidate) })),
        ]) {
          const back = cochranMantelHaenszel(turned, { correct });
          expect(back.status).toBe(there.status);
          if (there.status !== "ok" || back.status !== "ok") continue;
          expect(back.statistic).toBeCloseTo(-there.statistic, 9);
          expect(Math.abs(back.less - there.greater)).toBeLessThan(1e-9);
          expect(back.twoSided).toBeCloseTo(there.twoSided, 9);
        }
      }),
    );
  });

  it("of pairs is McNemar's without correction", () => {
    const pair = (was: number, is: number) => ({ control: { events: was, n: 1 }, candidate: { events: is, n: 1 } });
    const own = [...Array(9).fill(pair(0, 1)), ...Array(3).fill(pair(1, 0)), ...Array(5).fill(pair(1, 1))];
    const test = cochranMantelHaenszel(own);
    if (test.status !== "ok") throw new Error(test.reason);
    expect(test.statistic).toBeCloseTo((9 - 3) / Math.sqrt(12), 12);
  });

  it("is more careful with the correction, and never past no effect", () => {
    fc.assert(
      fc.property(strata, (own) => {
        const [plain, corrected] = [cochranMantelHaenszel(own), cochranMantelHaenszel(own, { correct: true })];
        if (plain.status !== "ok" || corrected.status !== "ok") return;
        for (const key of ["less", "greater", "twoSided"] as const) {
          expect(corrected[key]).toBeGreaterThanOrEqual(plain[key] - 1e-12);
        }
      }),
    );
  });

  it("ignores a stratum of one effective unit, which has no variance", () => {
    const full = { control: { events: 3, n: 10 }, candidate: { events: 4, n: 12 } };
    const one = { control: { events: 0.5, n: 0.5 }, candidate: { events: 0, n: 0.5 } };
    expect(cochranMantelHaenszel([full, one])).toEqual(cochranMantelHaenszel([full]));
  });

  it("has nothing to say when no stratum has both outcomes", () => {
    const none = [{ control: { events: 0, n: 50 }, candidate: { events: 0, n: 5 } }];
    expect(cochranMantelHaenszel(none)).toMatchObject({ status: "undetermined" });
    expect(cochranMantelHaenszel([])).toMatchObject({ status: "undetermined" });
  });

  it("holds 5% over a ramp whose rates drift, with rare events in the candidate", () => {
    const replicates = 2000;
    const random = randomStream(studyKey("cmh"), 1, 0);
    const drawn = (n: number, rate: number) => {
      let events = 0;
      for (let i = 0; i < n; i++) if (random() < rate) events += 1;
      return { events, n };
    };
    let rejected = 0;
    for (let r = 0; r < replicates; r++) {
      const test = cochranMantelHaenszel([
        { control: drawn(990, 0.02), candidate: drawn(10, 0.02) },
        { control: drawn(950, 0.05), candidate: drawn(50, 0.05) },
        { control: drawn(500, 0.1), candidate: drawn(500, 0.1) },
      ]);
      if (test.status === "ok" && test.twoSided < 0.05) rejected += 1;
    }
    // four standard errors, false for one seed in 16,000; the candidate expects 53 events, so that lattice effects are
    // below half a percent
    const error = Math.sqrt((0.05 * 0.95) / replicates);
    expect(Math.abs(rejected / replicates - 0.05)).toBeLessThan(4 * error + 0.005);
  });
});
