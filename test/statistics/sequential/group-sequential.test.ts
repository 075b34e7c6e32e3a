import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalUpperQuantile, normalUpperTail } from "../../../statistics/distributions.ts";
import { powerMeans } from "../../../statistics/power/power-means.ts";
import { powerOneMean } from "../../../statistics/power/power-one-mean.ts";
import { powerOneProportion } from "../../../statistics/power/power-one-proportion.ts";
import { powerProportions } from "../../../statistics/power/power-proportions.ts";
import { haybittlePetoBounds, wangTsiatisBounds } from "../../../statistics/sequential/bound-shapes.ts";
import {
  type Bounds,
  crossingProbabilities,
  efficacyBounds,
  fractionsWithOverrun,
  futilityDesign,
} from "../../../statistics/sequential/group-sequential.ts";
import {
  driftForPower,
  driftOfFixedTest,
  inflationFactor,
  optimalWangTsiatis,
  sequentialPower,
} from "../../../statistics/sequential/sequential-design.ts";
import { cumulativeSpending, type Spending } from "../../../statistics/sequential/spending.ts";
import golden from "../../golden/group-sequential.json" with { type: "json" };

// biome-ignore lint/suspicious/noExplicitAny: each table has inputs of its own shape
type Entry = any;
type Row = [string, Entry];
const rowsOf = (table: keyof Omit<typeof golden, "made_by">): Row[] =>
  (golden[table] as Entry[]).map((entry) => [entry.id, entry]);
const only = (table: keyof Omit<typeof golden, "made_by">, ...ids: string[]): Row[] =>
  rowsOf(table).filter(([id]) => ids.includes(id));

const finite = (values: readonly (number | null)[], missing: number) => values.map((value) => value ?? missing);
const equalLooks = (looks: number) => Array.from({ length: looks }, (_, k) => (k + 1) / looks);
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
/** Within an entry's own relative tolerance. */
function alike(got: number, wanted: number, tolerance: number): void {
  near(got, wanted, tolerance * Math.abs(wanted));
}

function near(got: number, wanted: number, tolerance: number): void {
  expect(Math.abs(got - wanted), `${got} for ${wanted}`).toBeLessThanOrEqual(tolerance);
}

function spendingOf(name: string): Spending {
  if (name === "LDOF") return { kind: "obrien-fleming" };
  if (name === "LDPocock") return { kind: "pocock" };
  const parameter = Number(name.slice(name.indexOf("_") + 1));
  return name.startsWith("HSD") ? { kind: "hwang-shih-decani", gamma: parameter } : { kind: "power", rho: parameter };
}

describe("bounds from a spending function", () => {
  it.each(rowsOf("high_precision"))(
    "are those of a solver that converged to 5e-16: %s",
    (_, { input, expect: wanted }) => {
      const spending = spendingOf(input.spending);
      const { upper } = efficacyBounds({ information: input.info, error: input.alpha, spending });
      for (const [k, bound] of upper.entries()) near(bound, wanted.bounds[k], 1e-9);
      const spent = cumulativeSpending(spending, input.alpha, input.info);
      for (const [k, own] of spent.entries()) near(own / wanted.cum_alpha[k], 1, 1e-9);
    },
  );

  it.each(rowsOf("bounds"))("are those of another quadrature: %s", (_, { input, expect: wanted, tolerance }) => {
    const { upper } = efficacyBounds(input);
    for (const [k, bound] of finite(wanted.upper, Number.POSITIVE_INFINITY).entries())
      if (Number.isFinite(bound)) near(upper[k] as number, bound, tolerance);
      else expect(upper[k]).toBe(bound);
  });

  it("are exact far out: 1.2e-23 of the error is spent at the 5 % look of a canary, at z = 9.955145577", () => {
    const { upper } = efficacyBounds({
      information: [0.05, 0.25, 0.5, 1],
      error: 0.025,
      spending: { kind: "obrien-fleming" },
    });
    near(upper[0] as number, 9.955145577, 1e-9);
  });

  it("hold at 196 looks: what crosses is what was spent", () => {
    const information = equalLooks(196);
    const spending: Spending = { kind: "power", rho: 2 };
    const crossed = crossingProbabilities(efficacyBounds({ information, error: 0.025, spending })).upper;
    const spent = cumulativeSpending(spending, 0.025, information);
    crossed.forEach((own, k) => void near(own, (spent[k] as number) - (spent[k - 1] ?? 0), 1e-12));
  });

  it("spend what was to be spent, whatever the information, the error and the function", () => {
    const family: fc.Arbitrary<Spending> = fc.oneof(
      fc.constant<Spending>({ kind: "obrien-fleming" }),
      fc.constant<Spending>({ kind: "pocock" }),
      fc.record({ kind: fc.constant("power" as const), rho: fc.double({ min: 0.2, max: 6, noNaN: true }) }),
      fc.record({
        kind: fc.constant("hwang-shih-decani" as const),
        gamma: fc.double({ min: -12, max: 4, noNaN: true }),
      }),
      fc.record({ kind: fc.constant("exponential" as const), nu: fc.double({ min: 0.2, max: 1.5, noNaN: true }) }),
    );
    const steps = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(
        steps,
        family,
        fc.double({ min: 1e-6, max: 0.3, noNaN: true }),
        fc.constantFrom(1, 2),
        (own, spending, error, sides) => {
          const information = own.map((_, k) => total(own.slice(0, k + 1)));
          const bounds = efficacyBounds({ information, error, spending, sides: sides as 1 | 2 });
          const crossed = crossingProbabilities(bounds);
          // rounding of sums of about a thousand terms
          near(total(crossed.upper) / error, 1, 1e-10);
          near(total(crossed.lower), sides === 2 ? error : 0, 1e-10 * error);
        },
      ),
      { numRuns: 60, seed: 4 },
    );
  });

  it("do not depend on the unit of information", () => {
    const spending: Spending = { kind: "hwang-shih-decani", gamma: -4 };
    const [one, other] = [1, 12_345.678].map((unit) =>
      efficacyBounds({ information: [0.01, 0.05, 0.25, 1].map((t) => t * unit), error: 0.025, spending }),
    ) as [Bounds, Bounds];
    one.upper.forEach((bound, k) => void near(bound / (other.upper[k] as number), 1, 1e-12));
  });

  it("need information that rises, an error in (0, 1), and a share for each look", () => {
    const bounds =
      (information: number[], error = 0.025, spending: Spending = { kind: "pocock" }) =>
      () =>
        efficacyBounds({ information, error, spending });
    expect(bounds([])).toThrow(/at least one look/);
    expect(bounds([0.5, 0.5, 1])).toThrow(/rises from above 0, got 0.5 before 0.5/);
    expect(bounds([0, 1])).toThrow(/got 0 before 0/);
    expect(bounds([1], 0)).toThrow(/an error in \(0, 1\), got 0/);
    expect(bounds([0.5, 1], 0.025, { kind: "power", rho: 0 })).toThrow(/rho above 0/);
    expect(bounds([0.5, 1], 0.025, { kind: "exponential", nu: -1 })).toThrow(/nu above 0/);
    expect(bounds([0.5, 1], 0.025, { kind: "points", shares: [1] })).toThrow(/a share for each of 2 looks/);
    expect(bounds([0.5, 1], 0.025, { kind: "points", shares: [0.6, 0.5] })).toThrow(/0.6 before 0.5/);
    const binding = {
      information: [0.5, 1],
      error: 0.4,
      spending: { kind: "points", shares: [0, 1] } as Spending,
      lower: [1, -9],
    };
    expect(() => efficacyBounds(binding)).toThrow(/binding lower bounds leave less/);
  });
});

describe("bounds of a shape", () => {
  it.each(rowsOf("published"))("are the published constants: %s", (_, { input, expect: wanted }) => {
    const { upper } = wangTsiatisBounds({
      information: equalLooks(input.K),
      error: input.alpha_two_sided / 2,
      delta: input.design === "Pocock" ? 0.5 : 0,
      sides: 2,
    });
    near(upper.at(-1) as number, wanted.C_hp, 1e-9);
    near(upper.at(-1) as number, wanted.C_3dp, 0.0006);
  });

  it.each(only("rpact", "rpact_gs_50", "rpact_gs_318", "rpact_gs_1310"))(
    "are those of rpact: %s",
    (_, { input, expect: wanted, tol }) => {
      const { kMax = 3, alpha = 0.025, deltaWT = 0, futilityBounds } = input;
      const bounds = wangTsiatisBounds({
        information: equalLooks(kMax),
        error: alpha,
        delta: deltaWT,
        lower: futilityBounds && [...futilityBounds, Number.NEGATIVE_INFINITY],
      });
      bounds.upper.forEach((bound, k) => void alike(bound, wanted.criticalValues[k], tol));
      bounds.upper.forEach((bound, k) => void alike(normalUpperTail(bound), wanted.stageLevels[k], tol));
      crossingProbabilities(bounds).upper.reduce((sum, own, k) => {
        // rpact prints .02499999 for the .025 that is spent in all
        if (k === kMax - 1) near(sum + own, alpha, 1e-14);
        else alike(sum + own, wanted.alphaSpent[k], tol);
        return sum + own;
      }, 0);
    },
  );

  it.each(only("rpact", "rpact_gs_1368", "rpact_gs_1434"))(
    "are the best ones of rpact: %s",
    (_, { input, expect: wanted, tol }) => {
      const { informationRates: information, alpha, sided, beta, optimizationCriterion } = input;
      const { delta } = optimalWangTsiatis({
        information,
        error: alpha / sided,
        sides: sided,
        power: 1 - beta,
        over: optimizationCriterion === "ASNsum" ? "sum" : "alternative",
      });
      // rpact rounds the exponent to three decimals
      const rounded = Math.round(1000 * delta) / 1000;
      const bounds = wangTsiatisBounds({ information, error: alpha / sided, sides: sided, delta: rounded });
      bounds.upper.forEach((bound, k) => void alike(bound, wanted.criticalValues[k], tol));
      const { power } = sequentialPower(bounds, driftForPower(bounds, 1 - beta));
      power.forEach((own, k) => void alike(own, wanted.power[k], tol));
    },
  );

  it("without early efficacy are those of rpact, with binding futility", () => {
    const [[, { expect: wanted, tol }]] = only("rpact", "rpact_gs_1718") as [Row];
    const { upper } = efficacyBounds({
      information: equalLooks(4),
      error: 0.025,
      spending: { kind: "points", shares: [0, 0, 0, 1] },
      lower: [0, 0.5, 1, Number.NEGATIVE_INFINITY],
    });
    expect(upper.slice(0, 3)).toEqual([1, 1, 1].map(() => Number.POSITIVE_INFINITY));
    alike(upper[3] as number, wanted.criticalValues[3], tol);
  });

  it("of Haybittle and Peto leave almost everything to the last look", () => {
    const bounds = haybittlePetoBounds({ information: equalLooks(5), error: 0.025, sides: 2 });
    expect(bounds.upper.slice(0, 4)).toEqual([3, 3, 3, 3]);
    near(total(crossingProbabilities(bounds).upper), 0.025, 1e-12);
    expect(() => haybittlePetoBounds({ information: equalLooks(5), error: 0.001 })).toThrow(
      /leave some of 0.001, got 3/,
    );
  });

  it.each(only("gsdesign", "JT_WT_K9", "JT_WT_K7"))(
    "need as much more information as Jennison & Turnbull's table says: %s",
    (_, { input, expect: wanted, tol }) => {
      const bounds = wangTsiatisBounds({
        information: equalLooks(input.K),
        error: input.alpha_one_sided,
        delta: input.Delta,
        sides: 2,
      });
      near(bounds.upper.at(-1) as number, wanted.last_bound, tol);
      near(inflationFactor(bounds, input.alpha_one_sided, 1 - input.beta), wanted.inflation, tol);
    },
  );

  it.each(only("gsdesign", "OF_K4_two_sided_.05"))("are those of gsDesign: %s", (_, { input, expect: wanted, tol }) => {
    const { upper } = wangTsiatisBounds({
      information: equalLooks(input.K),
      error: input.alpha_one_sided,
      delta: 0,
      sides: 2,
    });
    upper.forEach((bound, k) => void near(bound, wanted.bounds[k], tol));
  });
});

describe("probabilities of stopping", () => {
  it.each(rowsOf("crossings"))("are those of another quadrature: %s", (_, { input, expect: wanted, tolerance }) => {
    const bounds = {
      information: input.information,
      upper: finite(input.upper, Number.POSITIVE_INFINITY),
      lower: finite(input.lower, Number.NEGATIVE_INFINITY),
    };
    const got = crossingProbabilities(bounds, input.drift);
    for (const side of ["upper", "lower"] as const)
      got[side].forEach((own, k) => void near(own, wanted[side][k], tolerance * Math.max(1e-3, wanted[side][k])));
  });

  it.each(only("gsdesign", "repeated_look_alpha_K2", "repeated_look_alpha_K10"))(
    "of repeated looks at 1.96: %s",
    (_, { input, expect: wanted, tol }) => {
      const looks = equalLooks(input.K);
      const { upper } = crossingProbabilities({
        information: looks,
        upper: looks.map(() => input.bound),
        lower: looks.map(() => input.lower),
      });
      near(total(upper), wanted.upper_crossing, tol);
    },
  );

  it.each([
    ["the ramp 1, 5, 25, 50 %, cumulated", [0.02, 0.116, 0.495, 1], 0.161],
    ["5 equal looks", equalLooks(5), 0.142],
    ["28 daily looks", equalLooks(28), 0.275],
    ["168 hourly looks", equalLooks(168), 0.412],
  ])("of peeking at |Z| ≥ 1.96 without a change are published: %s", (_, information, wanted) => {
    const bounds = {
      information,
      upper: information.map(() => 1.959963984540054),
      lower: information.map(() => -1.959963984540054),
    };
    const { upper, lower } = crossingProbabilities(bounds);
    // to the digits that are published
    near(total(upper) + total(lower), wanted, 0.0005);
  });

  it("of peeking that starts anew in each of four stages are 1 − .95⁴", () => {
    near(1 - (1 - 2 * normalUpperTail(1.959963984540054)) ** 4, 0.186, 0.0006);
  });

  it("are mirrored when bounds and drift are", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -4, max: 4, noNaN: true }),
        fc.double({ min: 1, max: 4, noNaN: true }),
        fc.double({ min: -3, max: 0.5, noNaN: true }),
        (drift, upper, lower) => {
          const information = [0.1, 0.3, 1];
          const given = { information, upper: information.map(() => upper), lower: information.map(() => lower) };
          const mirrored = { information, upper: information.map(() => -lower), lower: information.map(() => -upper) };
          const [one, other] = [crossingProbabilities(given, drift), crossingProbabilities(mirrored, -drift)];
          one.upper.forEach((own, k) => void near(own, other.lower[k] as number, 1e-12));
        },
      ),
      { numRuns: 40, seed: 5 },
    );
  });
});

describe("power of a design", () => {
  const drift = normalUpperQuantile(0.025) + normalUpperQuantile(0.2);
  it.each<[string, Spending, number, readonly number[]]>([
    ["Hwang–Shih–DeCani −4", { kind: "hwang-shih-decani", gamma: -4 }, 0.796, []],
    ["Kim–DeMets 2", { kind: "power", rho: 2 }, 0.789, [0.0001, 0.007, 0.292, 0.789]],
    ["Pocock", { kind: "pocock" }, 0.743, [0.003, 0.045, 0.391, 0.743]],
  ])("on the ramp, worth 80 %% in one fixed test, comes late: %s", (_, spending, last, byStage) => {
    const bounds = efficacyBounds({ information: [0.02, 0.116, 0.495, 1], error: 0.025, spending });
    const { power } = sequentialPower(bounds, drift);
    near(power.at(-1) as number, last, 0.0006);
    byStage.forEach((wanted, k) => void near(power[k] as number, wanted, wanted < 0.001 ? 0.00006 : 0.0006));
  });

  it.each([...only("gsdesign", "JT_OF_K20", "JT_Pocock_K15"), ...only("gsdesign", "JT_Pow2_K10")])(
    "is that of Jennison & Turnbull's tables: %s",
    (_, { input, expect: wanted, tol }) => {
      const information = equalLooks(input.K);
      const error = input.alpha_one_sided;
      const bounds =
        input.rho === undefined
          ? wangTsiatisBounds({ information, error, delta: input.design.startsWith("OF") ? 0 : 0.5, sides: 2 })
          : efficacyBounds({ information, error, spending: { kind: "power", rho: input.rho }, sides: 2 });
      const inflation = inflationFactor(bounds, error, 1 - input.beta);
      const ended = driftForPower(bounds, 1 - input.beta);
      near(100 * inflation, wanted.max_n_pct, tol);
      const sizes = wanted.asn_pct_at_theta_0_half_1_1half ?? [wanted.asn_h0_pct];
      sizes.forEach(
        (size: number, i: number) =>
          void near(100 * inflation * sequentialPower(bounds, (i / 2) * ended).expectedInformation, size, tol),
      );
    },
  );

  /** Power of one tail of the fixed test in which a sequential one of rpact's would be at its last look. */
  function fixedPower(input: Entry, expected: number, error: number): number {
    const {
      maxNumberOfSubjects: n,
      allocationRatioPlanned: ratio = 1,
      groups,
      thetaH0,
      stDev,
      pi2,
      riskRatio,
      meanRatio,
    } = input;
    const sizes = { candidate: (n * ratio) / (1 + ratio), control: n / (1 + ratio) };
    if (stDev !== undefined) {
      const sides = { alpha: error, alternative: expected < 0 ? "less" : "greater" } as const;
      const test = input.normalApproximation ? "z" : "t";
      if (groups === 1) return powerOneMean({ mean: expected, deviation: stDev }, n, { ...sides, test });
      const deviation = { candidate: stDev, control: meanRatio ? thetaH0 * stDev : stDev };
      return powerMeans({ difference: expected, deviation: meanRatio ? deviation : stDev }, sizes, { ...sides, test });
    }
    const nullRate = thetaH0 ?? (riskRatio ? 1 : 0);
    const below = groups === 1 || !riskRatio ? expected - (pi2 ?? 0) < nullRate : expected / pi2 < nullRate;
    const alternative = (input.directionUpper ?? !below) ? "greater" : "less";
    if (groups === 1)
      return powerOneProportion({ rate: expected, nullRate }, n, { test: "z", alpha: error, alternative });
    const scale = riskRatio ? "ratio" : "difference";
    return powerProportions({ control: pi2, candidate: expected }, sizes, {
      null: { scale, value: nullRate },
      alpha: error,
      alternative,
    });
  }

  it.each(rowsOf("rpact_power"))(
    "of means and rates is rpact's, with futility that is not binding: %s",
    (_, { input, expect: wanted, tol }) => {
      const { informationRates, alpha, sided = 1, deltaWT, futilityBounds = [] } = input._0.args;
      const error = alpha / sided;
      const bounds = wangTsiatisBounds({ information: informationRates, error, delta: deltaWT, sides: sided });
      const lower = sided === 2 ? bounds.lower : [...futilityBounds, Number.NEGATIVE_INFINITY];
      const expected: number[] = input.stDev === undefined ? input.pi1 : [wanted.effect].flat();
      for (const [i, own] of expected.entries()) {
        const drift = driftOfFixedTest(error, fixedPower(input, own, error));
        const crossed = crossingProbabilities({ ...bounds, lower }, drift);
        near(total(crossed.upper) + (sided === 2 ? total(crossed.lower) : 0), [wanted.overallReject].flat()[i], tol);
        if (sided === 1) alike(total(crossed.lower), [wanted.futilityStop].flat()[i], tol);
      }
    },
  );

  it("finds the drift again", () => {
    const bounds = efficacyBounds({ information: [0.01, 0.05, 0.25, 1], error: 0.025, spending: { kind: "pocock" } });
    for (const power of [0.05, 0.5, 0.8, 0.999])
      near(sequentialPower(bounds, driftForPower(bounds, power)).power.at(-1) as number, power, 1e-10);
    expect(() => driftForPower(bounds, 1)).toThrow(/a power in \(0, 1\), got 1/);
  });
});

describe("futility by beta spending", () => {
  const families: Readonly<Record<string, (gamma: number) => Spending>> = {
    HSD: (gamma) => ({ kind: "hwang-shih-decani", gamma }),
    KD: (rho) => ({ kind: "power", rho }),
    OF: () => ({ kind: "obrien-fleming" }),
    P: () => ({ kind: "pocock" }),
  };
  const family = (name: string, parameter: number) => (families[name.slice(2)] as (own: number) => Spending)(parameter);

  function rpactDesign(input: Entry) {
    const { kMax = 3, informationRates = equalLooks(kMax), alpha = 0.025, typeOfDesign, gammaA, gammaB } = input;
    const { typeBetaSpending, userBetaSpending, bindingFutility = false } = input;
    const beta = input.beta ?? userBetaSpending?.at(-1) ?? 0.2;
    const betaSpending: Spending =
      typeBetaSpending === "bsUser"
        ? { kind: "points", shares: userBetaSpending.map((own: number) => own / beta) }
        : family(typeBetaSpending, gammaB);
    return futilityDesign({
      information: informationRates,
      error: alpha,
      spending: family(typeOfDesign, gammaA),
      beta,
      betaSpending,
      binding: bindingFutility,
    });
  }

  it.each(only("rpact", "rpact_gs_156", "rpact_gs_388", "rpact_gs_466", "rpact_gs_555", "rpact_gs_648"))(
    "is rpact's: %s",
    (_, { input, expect: wanted, tol }) => {
      const design = rpactDesign(input);
      // rpact's own quadrature is off by up to 2e-8
      design.upper.forEach((bound, k) => void alike(bound, wanted.criticalValues[k], tol));
      design.lower.slice(0, -1).forEach((bound, k) => void alike(bound, wanted.futilityBounds[k], tol));
      sequentialPower(design, design.drift).power.forEach((own, k) => void alike(own, wanted.power[k], tol));
    },
  );

  it.each(only("rpact", "rpact_char_193", "rpact_char_1262"))(
    "has rpact's sizes: %s",
    (_, { input, expect: wanted, tol }) => {
      const { args } = input._0;
      const design = rpactDesign(args);
      const fixed = (normalUpperQuantile(args.alpha) + normalUpperQuantile(args.beta)) ** 2;
      alike(fixed, wanted.nFixed, tol);
      alike(design.drift ** 2, wanted.shift, tol);
      alike(design.drift ** 2 / fixed, wanted.inflationFactor, tol);
      const { upper, lower } = crossingProbabilities(design, design.drift);
      upper.forEach((own, k) => void alike(own, wanted.rejectionProbabilities[k], tol));
      lower.slice(0, -1).forEach((own, k) => void alike(own, wanted.futilityProbabilities[k], tol));
      for (const [share, size] of [
        [0, wanted.averageSampleNumber0],
        [0.5, wanted.averageSampleNumber01],
        [1, wanted.averageSampleNumber1],
      ] as const)
        alike(
          (design.drift ** 2 / fixed) * sequentialPower(design, share * design.drift).expectedInformation,
          size,
          tol,
        );
    },
  );

  it.each(only("gsdesign", "JT_T3_K5", "JT_T3_K3", "JT_T3_K2"))(
    "has the sizes of Jennison & Turnbull's tables: %s",
    (_, { input, expect: wanted, tol }) => {
      const spending: Spending = { kind: "power", rho: input.rho };
      const { K, beta, alpha_one_sided: error } = input;
      const design = futilityDesign({
        information: equalLooks(K),
        error,
        spending,
        beta,
        betaSpending: spending,
        binding: true,
      });
      const inflation = design.drift ** 2 / (normalUpperQuantile(error) + normalUpperQuantile(beta)) ** 2;
      near(100 * inflation, wanted.max_n_pct, tol);
      [0, 0.5, 1].forEach(
        (share, i) =>
          void near(
            100 * inflation * sequentialPower(design, share * design.drift).expectedInformation,
            wanted.asn_pct_at_theta_0_half_1[i],
            tol,
          ),
      );
    },
  );

  it("costs no error when it is ignored, unless it is binding, and then it gives error back", () => {
    const design = (binding: boolean) =>
      futilityDesign({
        information: [0.1, 0.4, 1],
        error: 0.025,
        spending: { kind: "pocock" },
        beta: 0.1,
        betaSpending: { kind: "pocock" },
        binding,
      });
    const ignored = (own: Bounds) =>
      total(crossingProbabilities({ ...own, lower: own.lower.map(() => Number.NEGATIVE_INFINITY) }).upper);
    near(ignored(design(false)), 0.025, 1e-12);
    expect(ignored(design(true))).toBeGreaterThan(0.0251);
    near(total(crossingProbabilities(design(true)).upper), 0.025, 1e-10);
    expect(() =>
      futilityDesign({
        information: [1],
        error: 0.5,
        spending: { kind: "pocock" },
        beta: 0.6,
        betaSpending: { kind: "pocock" },
        binding: true,
      }),
    ).toThrow(/error \+ beta below 1/);
  });
});

describe("looks that run over the plan", () => {
  it.each(only("spotify", "sp_runover"))(
    "are fractions of what was reached: %s",
    (_, { input, expect: wanted, tol }) => {
      const information = fractionsWithOverrun(
        input.n.map(([a, b]: [number, number]) => a + b),
        input.planned,
      );
      const { upper } = efficacyBounds({
        information,
        error: input.alpha / 2,
        spending: { kind: "power", rho: input.rho },
      });
      upper.forEach((bound, k) => void near(2 * normalUpperTail(bound), wanted.adjusted_alpha[k], tol));
    },
  );

  it("are fractions of the plan before it is reached", () => {
    expect(fractionsWithOverrun([10, 25], 100)).toEqual([0.1, 0.25]);
    expect(fractionsWithOverrun([10, 25, 200], 100)).toEqual([0.05, 0.125, 1]);
  });
});
