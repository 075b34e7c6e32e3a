import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstFrom } from "../../statistics/sorted.ts";

describe("firstFrom", () => {
  it("finds what a look at every value finds", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 })), fc.integer({ min: -11, max: 11 }), (values, bound) => {
        const rising = values.sort((a, b) => a - b);
        const found = rising.findIndex((own) => own >= bound);
        expect(firstFrom(rising, bound)).toBe(found < 0 ? rising.length : found);
      }),
    );
  });
});
