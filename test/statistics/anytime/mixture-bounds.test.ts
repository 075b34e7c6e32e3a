import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bestRho,
  betaBinomialMixture,
  gammaExponentialMixture,
  gammaPoissonMixture,
  type Mixture,
  mixtureBound,
  normalMixture,
  polynomialStitchingBound,
  zeta,
} from "../../../statistics/anytime/mixture-bounds.ts";

const tuning = { variance: 80, alpha: 0.05 };
const mixtures: readonly (readonly [string, Mixture])[] = [
  ["two-sided normal", normalMixture(tuning, 2)],
  ["one-sided normal", normalMixture(tuning, 1)],
  ["gamma-exponential", gammaExponentialMixture(tuning, 1.5)],
  ["gamma-Poisson", gammaPoissonMixture(tuning, 1.5)],
  ["two-sided beta-binomial", betaBinomialMixture(tuning, 0.05, 0.95, 2)],
  ["one-sided beta-binomial", betaBinomialMixture(tuning, 0.05, 0.95, 1)],
];

describe.each(mixtures)("the %s mixture", (_, mixture) => {
  it("is 1 before anything was seen", () => {
    expect(mixture.logValue(0, 0)).toBeCloseTo(0, 12);
  });

  it("is 1/α at its bound", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: 1, max: 200, noNaN: true }),
        (v, l) => {
          const bound = mixtureBound(mixture, v, Math.exp(-l));
          if (bound === mixture.largestSum(v)) expect(mixture.logValue(bound, v)).toBeLessThan(l);
          // near the bound the log rises by less than 1 per unit of the sum, which has 16 digits
          else expect(Math.abs(mixture.logValue(bound, v) - l)).toBeLessThan(1e-7);
        },
      ),
    );
  });

  it("has a bound that rises with V and falls with α", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-6, max: 0.3, noNaN: true }),
        (v, a) => {
          expect(mixtureBound(mixture, v * 1.01, a)).toBeGreaterThan(mixtureBound(mixture, v, a));
          const tighter = mixtureBound(mixture, v, a / 2);
          const bound = mixtureBound(mixture, v, a);
          if (bound < mixture.largestSum(v)) expect(tighter).toBeGreaterThan(bound);
        },
      ),
    );
  });

  it.each([0.05, 1e-300])("is finite at V = 1e9 and α = %f, near the normal bound", (alpha) => {
    const v = 1e9;
    const normal = mixtureBound(normalMixture(tuning, 2), v, alpha);
    // sums of scale c ≤ 1.5 and 1e6 standard deviations per c differ from normal ones by c·s/v in relation
    expect(Math.abs(mixtureBound(mixture, v, alpha) / normal - 1)).toBeLessThan(0.05);
  });

  it.each([0, 1, -0.1, Number.NaN])("has no bound at α = %f", (alpha) => {
    expect(() => mixtureBound(mixture, 10, alpha)).toThrow(RangeError);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("has no bound at V = %f", (v) => {
    expect(() => mixtureBound(mixture, v, 0.05)).toThrow(RangeError);
  });
});

describe("the beta-binomial mixture of two-valued observations", () => {
  const g = 0.2;
  const h = 0.8;
  const n = 60;
  /** its mean over all counts of ups, when an up (+h) has probability `up` */
  const mean = (mixture: Mixture, up: number) => {
    let total = 0;
    let choose = 0;
    for (let k = 0; k <= n; k++) {
      const log = choose + k * Math.log(up) + (n - k) * Math.log(1 - up);
      total += Math.exp(log + mixture.logValue(k * h - (n - k) * g, n * g * h));
      choose += Math.log((n - k) / (k + 1));
    }
    return total;
  };

  it("is fair: its mean is exactly 1 without drift, on one side and on two", () => {
    expect(mean(betaBinomialMixture({ variance: 10 }, g, h, 2), 0.2)).toBeCloseTo(1, 10);
    expect(mean(betaBinomialMixture({ variance: 10 }, g, h, 1), 0.2)).toBeCloseTo(1, 10);
  });

  it("is unfavourable on one side when the drift is downwards", () => {
    expect(mean(betaBinomialMixture({ variance: 10 }, g, h, 1), 0.15)).toBeLessThan(1);
    expect(mean(betaBinomialMixture({ variance: 10 }, g, h, 2), 0.15)).toBeGreaterThan(1);
  });
});

describe("the normal bound on a fair walk of ±1", () => {
  const bound = normalMixture({ variance: 100, alpha: 0.05 }, 1);
  /** P(the walk is at or above the bound at some of its first n steps), exactly */
  const crossing = (mixture: Mixture, twoSided: boolean, n: number) => {
    let at = new Map([[0, 1]]);
    let crossed = 0;
    for (let step = 1; step <= n; step++) {
      const limit = mixtureBound(mixture, step, 0.05);
      const next = new Map<number, number>();
      for (const [s, p] of at) for (const to of [s - 1, s + 1]) next.set(to, (next.get(to) ?? 0) + p / 2);
      for (const [s, p] of next) {
        if ((twoSided ? Math.abs(s) : s) < limit) continue;
        crossed += p;
        next.delete(s);
      }
      at = next;
    }
    return crossed;
  };

  it("is crossed with a probability below 5 %, though looked at after each of 600 steps", () => {
    const oneSided = crossing(bound, false, 600);
    const twoSided = crossing(normalMixture({ variance: 100, alpha: 0.05 }, 2), true, 600);
    for (const probability of [oneSided, twoSided]) {
      expect(probability).toBeLessThan(0.05);
      expect(probability).toBeGreaterThan(0.01);
    }
  });
});

describe("units", () => {
  it("do not matter: sums times k and V times k² leave every mixture as it was", () => {
    const k = 1000;
    const wide = { variance: tuning.variance * k ** 2, alpha: 0.05 };
    const pairs: [Mixture, Mixture][] = [
      [normalMixture(tuning, 1), normalMixture(wide, 1)],
      [gammaExponentialMixture(tuning, 1.5), gammaExponentialMixture(wide, 1.5 * k)],
      [gammaPoissonMixture(tuning, 1.5), gammaPoissonMixture(wide, 1.5 * k)],
      [betaBinomialMixture(tuning, 0.2, 0.8), betaBinomialMixture(wide, 0.2 * k, 0.8 * k)],
    ];
    for (const [own, other] of pairs) {
      expect(other.logValue(30 * k, 120 * k ** 2)).toBeCloseTo(own.logValue(30, 120), 10);
    }
  });

  it("of scale 0 make a sub-exponential sum a normal one", () => {
    const normal = normalMixture(tuning, 1).logValue(30, 120);
    expect(gammaExponentialMixture(tuning, 1e-4).logValue(30, 120)).toBeCloseTo(normal, 3);
    expect(gammaPoissonMixture(tuning, 1e-4).logValue(30, 120)).toBeCloseTo(normal, 3);
  });
});

describe("polynomial stitching", () => {
  it("keeps before its start the bound of the start", () => {
    expect(polynomialStitchingBound(3, 0.05, { start: 10 })).toBe(polynomialStitchingBound(10, 0.05, { start: 10 }));
  });

  // closed form: ζ(2) = π²/6; ζ(1.05) of scipy 1.17.1
  it.each([
    [2, Math.PI ** 2 / 6],
    [1.05, 20.580844302036976],
  ])("knows ζ(%f)", (s, wanted) => {
    expect(Math.abs(zeta(s) / wanted - 1)).toBeLessThan(1e-13);
  });

  it.each([{ start: 0 }, { start: 1, s: 1 }, { start: 1, eta: 1 }])("refuses %o", (options) => {
    expect(() => polynomialStitchingBound(10, 0.05, options)).toThrow(RangeError);
  });
});

describe("wrong calls", () => {
  it.each([
    () => bestRho({ variance: 0 }),
    () => bestRho({ variance: 1, alpha: 0.5 }, 1),
    () => gammaExponentialMixture(tuning, 0),
    () => gammaPoissonMixture(tuning, -1),
    () => betaBinomialMixture(tuning, 0, 1),
    () => gammaExponentialMixture(tuning, 1).logValue(-1000, 10),
  ])("are refused: %s", (call) => {
    expect(call).toThrow(RangeError);
  });
});
