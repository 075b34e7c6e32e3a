import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Cluster,
  clusterOfSums,
  clusterSizes,
  designEffect,
  effectiveSample,
  intraclassCorrelation,
  observedDesignEffect,
} from "../../../statistics/means/clusters.ts";
import { ratioOfSums } from "../../../statistics/means/ratio.ts";
import { moments } from "../../../statistics/moments.ts";

function cluster(values: readonly number[]): Cluster {
  const n = values.length;
  const mean = n === 0 ? 0 : values.reduce((a, b) => a + b, 0) / n;
  return { n, mean, squares: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) };
}

const samples = fc.array(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 8 }), {
  minLength: 2,
  maxLength: 20,
});

describe("the intraclass correlation", () => {
  it("is 1 when clusters differ and their observations do not", () => {
    expect(intraclassCorrelation([cluster([3, 3]), cluster([5, 5, 5])])).toMatchObject({ status: "ok", value: 1 });
  });

  it("is −1 / (size − 1) when all clusters have one mean", () => {
    const found = intraclassCorrelation([cluster([0, 1, 2]), cluster([2, 0, 1]), cluster([1, 2, 0])]);
    if (found.status !== "ok") throw new Error(found.reason);
    expect(found.value).toBeCloseTo(-1 / 2, 12);
  });

  it("does not depend on origin, unit of measure, or order", () => {
    fc.assert(
      fc.property(
        samples,
        fc.integer({ min: -1000, max: 1000 }),
        fc.constantFrom(-2, 0.001, 1000),
        (all, by, factor) => {
          const moved = all.map((values) => cluster(values.map((value) => (value + by) * factor))).reverse();
          const [one, other] = [intraclassCorrelation(all.map(cluster)), intraclassCorrelation(moved)];
          expect(other.status).toBe(one.status);
          // a thousand beside deviations from one on, squared: 1e6 roundings of 1e-16
          if (one.status === "ok" && other.status === "ok") expect(other.value).toBeCloseTo(one.value, 8);
        },
      ),
    );
  });

  it("is the same from running sums", () => {
    fc.assert(
      fc.property(samples, (all) => {
        const sums = all.map((values) =>
          clusterOfSums({
            n: values.length,
            sum: values.reduce((a, b) => a + b, 0),
            sumOfSquares: values.reduce((a, b) => a + b * b, 0),
          }),
        );
        const [one, other] = [intraclassCorrelation(all.map(cluster)), intraclassCorrelation(sums)];
        expect(other.status).toBe(one.status);
        if (one.status === "ok" && other.status === "ok") expect(other.value).toBeCloseTo(one.value, 8);
      }),
    );
  });

  it("leaves clusters without observations out", () => {
    const two = [cluster([1, 2]), cluster([5, 5, 6])];
    expect(intraclassCorrelation([...two, cluster([])])).toEqual(intraclassCorrelation(two));
    expect(clusterSizes([...two, cluster([])])).toEqual(clusterSizes(two));
  });

  it("says why there is none", () => {
    expect(intraclassCorrelation([])).toEqual({ status: "undetermined", reason: "no clusters" });
    expect(intraclassCorrelation([cluster([1, 2])])).toEqual({ status: "undetermined", reason: "one cluster" });
    expect(intraclassCorrelation([cluster([1]), cluster([2])])).toEqual({
      status: "undetermined",
      reason: "no cluster has two observations",
    });
    expect(intraclassCorrelation([cluster([2, 2]), cluster([2, 2])])).toEqual({
      status: "undetermined",
      reason: "no observation differs from another",
    });
    expect(intraclassCorrelation([cluster([Number.NaN, 1]), cluster([1, 2])])).toMatchObject({
      status: "undetermined",
    });
    expect(() => intraclassCorrelation([{ n: 1.5, mean: 0, squares: 0 }])).toThrow(
      new RangeError("intraclassCorrelation needs whole sizes of at least 0, got 1.5"),
    );
  });
});

describe("a design effect", () => {
  it("is 1 for clusters of one or without correlation, and the size for clusters that repeat one value", () => {
    expect(designEffect({ correlation: 0.7, size: 1 })).toBe(1);
    expect(designEffect({ correlation: 0, size: 9, variation: 2 })).toBe(1);
    expect(designEffect({ correlation: 1, size: 9 })).toBe(9);
  });

  it("of unequal sizes is that of the sizes that an observation sees", () => {
    const sizes = [{ n: 1 }, { n: 3 }, { n: 8 }];
    // Σn² / Σn = 74 / 12
    expect(designEffect({ correlation: 0.5, ...clusterSizes(sizes) })).toBeCloseTo(1 + (74 / 12 - 1) * 0.5, 12);
  });

  it("refuses what is no correlation, size or variation", () => {
    expect(() => designEffect({ correlation: 1.1, size: 2 })).toThrow(RangeError);
    expect(() => designEffect({ correlation: 0.1, size: 0 })).toThrow(RangeError);
    expect(() => designEffect({ correlation: 0.1, size: 2, variation: -1 })).toThrow(RangeError);
    expect(() => designEffect({ correlation: Number.NaN, size: 2 })).toThrow(RangeError);
  });

  it("as observed is the variance of the ratio of sums over that of independent observations", () => {
    fc.assert(
      fc.property(samples, (all) => {
        const found = observedDesignEffect(all.map(cluster));
        const flat = all.flat();
        const { products } = moments([flat]);
        const independent = (products[0]?.[0] as number) / (flat.length - 1) / flat.length;
        if (found.status === "undetermined") {
          expect(independent).toBe(0);
          return;
        }
        const { standardError } = ratioOfSums(
          moments([all.map((values) => values.reduce((a, b) => a + b, 0)), all.map((values) => values.length)]),
        );
        expect(found.value).toBeCloseTo(standardError ** 2 / independent, 8);
      }),
    );
  });

  it("as observed is 1 for single observations", () => {
    const found = observedDesignEffect([3, 1, 4, 1, 5].map((value) => cluster([value])));
    if (found.status !== "ok") throw new Error(found.reason);
    expect(found.value).toBeCloseTo(1, 12);
    expect(observedDesignEffect([cluster([1, 2])])).toEqual({ status: "undetermined", reason: "one cluster" });
  });
});

describe("an effective sample", () => {
  it("is the sample over its design effect", () => {
    expect(effectiveSample(1000, 4)).toBe(250);
    expect(() => effectiveSample(-1, 1)).toThrow(RangeError);
    expect(() => effectiveSample(10, 0)).toThrow(RangeError);
  });
});
