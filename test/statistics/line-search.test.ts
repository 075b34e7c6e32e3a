import { describe, expect, it } from "vitest";
import { lastWhere, lowestPoint } from "../../statistics/line-search.ts";

describe("the border of a condition", () => {
  it("is found to the last digits, from either side", () => {
    expect(lastWhere((x) => x * x < 2, 0, 2)).toBeCloseTo(Math.SQRT2, 15);
    expect(lastWhere((x) => x * x > 2, 2, 0)).toBeCloseTo(Math.SQRT2, 15);
  });

  it("is found with all its digits near zero", () => {
    expect(lastWhere((x) => x < 3e-200, 0, 1) / 3e-200).toBeCloseTo(1, 14);
  });

  it("never asks at the ends", () => {
    const asked: number[] = [];
    lastWhere((x) => asked.push(x) > 0, 0, 1);
    expect(asked.every((x) => x > 0 && x < 1)).toBe(true);
  });
});

describe("the lowest point", () => {
  it("of a valley is found to half the digits", () => {
    expect(lowestPoint((x) => (x - 0.3) ** 2, -4, 5)).toBeCloseTo(0.3, 7);
  });
});
