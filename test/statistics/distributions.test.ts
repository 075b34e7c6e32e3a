import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as distributions from "../../statistics/distributions.ts";
import {
  betaLowerTail,
  betaQuantile,
  betaUpperTail,
  binomialLowerTail,
  binomialQuantile,
  logGamma,
  normalUpperQuantile,
  normalUpperTail,
  studentUpperQuantile,
  studentUpperTail,
} from "../../statistics/distributions.ts";
import { gaussLegendre, integrate } from "../../statistics/quadrature.ts";
import golden from "../golden/distributions.json" with { type: "json" };

const degrees = fc.double({ min: 0.5, max: 1e6, noNaN: true });

describe("the normal distribution", () => {
  it("has a quantile that undoes its tail, also far out", () => {
    fc.assert(
      fc.property(fc.double({ min: -5, max: 37, noNaN: true }), (z) => {
        expect(normalUpperQuantile(normalUpperTail(z))).toBeCloseTo(z, 8);
      }),
    );
  });
});

describe("Student's t", () => {
  it("is symmetric about 0", () => {
    fc.assert(
      fc.property(fc.double({ min: -50, max: 50, noNaN: true }), degrees, (t, df) => {
        expect(studentUpperTail(t, df) + studentUpperTail(-t, df)).toBeCloseTo(1, 12);
      }),
    );
  });

  it("has a quantile that undoes its tail", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 0.999, noNaN: true }),
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        (p, df) => {
          expect(studentUpperTail(studentUpperQuantile(p, df), df) / p).toBeCloseTo(1, 8);
        },
      ),
      { seed: 1 },
    );
  });

  it("has heavier tails than the normal, the fewer its degrees of freedom", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 6, noNaN: true }), degrees, (t, df) => {
        expect(studentUpperTail(t, df)).toBeGreaterThan(studentUpperTail(t, df * 2));
        expect(studentUpperTail(t, df)).toBeGreaterThanOrEqual(normalUpperTail(t));
      }),
      { seed: 1 },
    );
  });

  it("is the normal at infinitely many degrees of freedom", () => {
    expect(studentUpperTail(1.96, Number.POSITIVE_INFINITY)).toBe(normalUpperTail(1.96));
    expect(studentUpperQuantile(0.025, Number.POSITIVE_INFINITY)).toBe(normalUpperQuantile(0.025));
  });

  it("has no mass beyond infinity", () => {
    expect(studentUpperTail(Number.POSITIVE_INFINITY, 3)).toBe(0);
    expect(studentUpperTail(Number.NEGATIVE_INFINITY, 3)).toBe(1);
    expect(studentUpperTail(Number.NaN, 3)).toBeNaN();
  });
});

describe("the binomial distribution", () => {
  it("has the lower tail that adding up its probabilities gives", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.nat(60),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (n, at, p) => {
          const k = at % (n + 1);
          let term = (1 - p) ** n;
          let sum = term;
          for (let i = 1; i <= k; i++) {
            term *= ((n - i + 1) / i) * (p / (1 - p));
            sum += term;
          }
          expect(Math.abs(binomialLowerTail(k, n, p) - sum)).toBeLessThan(1e-11);
        },
      ),
      { seed: 1 },
    );
  });

  it("has nothing below 0 and everything at n", () => {
    expect(binomialLowerTail(-1, 10, 0.3)).toBe(0);
    expect(binomialLowerTail(10, 10, 0.3)).toBe(1);
    expect([binomialLowerTail(3, 10, 0), binomialLowerTail(3, 10, 1)]).toEqual([1, 0]);
  });

  it("has as its quantile the first k whose tail is reached", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.integer({ min: 1, max: 3000 }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (tail, n, p) => {
          const k = binomialQuantile(tail, n, p);
          expect(binomialLowerTail(k, n, p)).toBeGreaterThanOrEqual(tail * (1 - 1e-13));
          if (k > 0) expect(binomialLowerTail(k - 1, n, p)).toBeLessThan(tail);
        },
      ),
      { seed: 1 },
    );
  });
});

describe("ln Γ", () => {
  it("grows by ln x from x to x + 1", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1e5, noNaN: true }), (x) => {
        const scale = Math.max(1, Math.abs(logGamma(x)));
        expect(Math.abs(logGamma(x + 1) - logGamma(x) - Math.log(x)) / scale).toBeLessThan(1e-14);
      }),
      { seed: 1 },
    );
  });
});

describe("tails, their logarithms and quantiles", () => {
  const entries = golden.entries as {
    function: string;
    input: number[];
    expect: number;
    tolerance: number;
    source: string;
  }[];
  it.each(entries.map((entry) => [`${entry.function}(${entry.input}), ${entry.source}`, entry] as const))(
    "%s",
    (_, entry) => {
      const own = (distributions as unknown as Record<string, (...input: number[]) => number>)[entry.function];
      const got = own?.(...entry.input) as number;
      expect(Math.abs(got - entry.expect), `${got}`).toBeLessThanOrEqual(
        entry.tolerance * Math.max(Math.abs(entry.expect), 1e-300),
      );
    },
  );

  it("of a beta variable add up to 1 and are undone by its quantile", () => {
    const shape = fc.double({ min: 0.2, max: 500, noNaN: true });
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), shape, shape, (p, a, b) => {
        const x = betaQuantile(p, a, b);
        expect(betaLowerTail(x, a, b) + betaUpperTail(x, a, b)).toBeCloseTo(1, 11);
        // a quantile near 1 is known to the distance of doubles there
        if (x > 1e-300 && x < 1 - 1e-12) expect(Math.abs(betaLowerTail(x, a, b) - p)).toBeLessThan(1e-9);
      }),
    );
  });
});

describe("Gauss–Legendre quadrature", () => {
  it("is exact for polynomials up to degree 2n − 1", () => {
    for (const n of [1, 2, 5, 16, 20]) {
      const { nodes, weights } = gaussLegendre(n);
      for (let degree = 0; degree < 2 * n; degree++) {
        const sum = nodes.reduce((all, x, i) => all + (weights[i] as number) * x ** degree, 0);
        expect(sum).toBeCloseTo(degree % 2 === 0 ? 2 / (degree + 1) : 0, 13);
      }
    }
  });

  it("finds the area under a normal density", () => {
    expect(integrate((x) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI), -9, 9)).toBeCloseTo(1, 14);
  });
});
