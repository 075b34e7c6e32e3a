import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calibrationError } from "../../../statistics/composition/calibration-error.ts";
import { everyRow, predictionsOf } from "../../support/compositions.ts";

const rows = fc.array(
  fc.record({
    probabilities: fc.array(
      fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
      { maxLength: 4 },
    ),
    unit: fc.integer({ min: 0, max: 5 }),
    seed: fc.integer({ min: 0, max: 15 }),
  }),
  { minLength: 1, maxLength: 20 },
);

interface Row {
  readonly probabilities: readonly number[];
  readonly unit: number;
  readonly seed: number;
}

function of(own: readonly Row[], options: Parameters<typeof calibrationError>[3] = {}) {
  const outcomes = own.map(({ probabilities, seed }) => probabilities.map((_, k) => (seed >> k) & 1));
  return calibrationError(
    predictionsOf(
      own.map(({ probabilities }) => probabilities),
      outcomes,
    ),
    Int32Array.from(own, ({ unit }) => unit),
    everyRow(own),
    options,
  );
}

describe("the calibration error", () => {
  it("does not depend on the order of rows or the numbers of units", () => {
    fc.assert(
      fc.property(rows, (own) => {
        const other = own.map((row) => ({ ...row, unit: 9 - row.unit })).reverse();
        const [a, b] = [of(own), of(other)];
        if (Number.isNaN(a.estimate)) expect(b.estimate).toBeNaN();
        else expect(b.estimate).toBeCloseTo(a.estimate, 12);
        expect(b.curvature).toBeCloseTo(a.curvature, 10);
      }),
    );
  });

  it("has influences and directions that sum to 0 over all predictions", () => {
    fc.assert(
      fc.property(rows, (own) => {
        const { influence, direction } = of(own);
        expect(influence.reduce((sum, one) => sum + one, 0)).toBeCloseTo(0, 9);
        expect(direction.reduce((sum, one) => sum + one, 0)).toBeCloseTo(0, 9);
      }),
    );
  });

  it("is the squared gap where the gaps are known exactly", () => {
    // 1,000 units that are each right in 3 of 4 at a probability of .5: a gap of .25, the same in every unit
    const probabilities = Array.from({ length: 1000 }, () => [0.5, 0.5, 0.5, 0.5]);
    const outcomes = probabilities.map(() => [1, 1, 1, 0]);
    const unit = Int32Array.from(everyRow(probabilities));
    const found = calibrationError(predictionsOf(probabilities, outcomes), unit, everyRow(probabilities));
    expect(found.estimate).toBeCloseTo(0.0625, 12);
    expect(found.curvature).toBe(0);
  });

  it("has a probability of 1 in the last bin and one on an edge in the bin above it", () => {
    const found = (...probabilities: readonly number[]) =>
      calibrationError(
        predictionsOf(
          probabilities.map((own) => [own]),
          probabilities.map(() => [1]),
        ),
        Int32Array.from(everyRow(probabilities)),
        everyRow(probabilities),
        { bins: 2 },
      ).estimate;
    // two units a bin: of .5 and 1 the mean gap is .25 and its variance .0625
    expect(found(0.5, 1)).toBeCloseTo(0.25 ** 2 - 0.0625, 12);
    // alone in its bin, 0.4 has no variance and counts as no gap
    expect(found(0.4, 0.5, 1)).toBeCloseTo((2 / 3) * (0.25 ** 2 - 0.0625), 12);
  });

  it("refuses what is no probability, and no number of bins", () => {
    const one = (probability: number, bins = 10) =>
      calibrationError(predictionsOf([[probability]], [[1]]), Int32Array.of(0), [0], { bins });
    expect(() => one(1.2)).toThrow("calibrationError needs probabilities in [0, 1], got 1.2");
    expect(() => one(Number.NaN)).toThrow("calibrationError needs probabilities in [0, 1], got NaN");
    expect(() => one(0.5, 0)).toThrow("calibrationError needs bins to be a whole number of at least 1, got 0");
  });
});
