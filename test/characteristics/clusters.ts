import { cuped, cupedLift } from "../../statistics/means/covariates.ts";
import { differenceInterval, meansTest, welch } from "../../statistics/means/means.ts";
import { meansByUnit, pairedTInterval, pairedTTest } from "../../statistics/means/paired-means.ts";
import { ratioOfSums } from "../../statistics/means/ratio.ts";
import { moments } from "../../statistics/moments.ts";
import { mcNemarClustered } from "../../statistics/proportions/paired.ts";
import { quantileDifference, quantileTest } from "../../statistics/quantiles/quantile-differences.ts";
import { clusteredQuantileInterval } from "../../statistics/quantiles/quantiles.ts";
import { signedRank } from "../../statistics/ranks/signed-rank.ts";
import { armSizes, splits, two } from "./numbers.ts";
import { normal, poisson } from "./populations.ts";
import type { Cell, Method, Study } from "./study.ts";

/** Requests of an arm, with the unit of each; `before` is a covariate per unit, and `other` the same requests in another lane. */
interface Arm {
  readonly units: number;
  readonly unit: Int32Array;
  readonly value: Float64Array;
  readonly other: Float64Array;
  readonly before: Float64Array;
}

interface Sample {
  readonly control: Arm;
  readonly candidate: Arm;
}

const icc = 0.3;
const smaller = (cell: Cell) => armSizes(cell)[1];

function sums({ units, unit, value }: Arm) {
  const sum = new Float64Array(units);
  const size = new Float64Array(units);
  unit.forEach((own, i) => {
    sum[own] = (sum[own] as number) + (value[i] as number);
    size[own] = (size[own] as number) + 1;
  });
  return { sum, size };
}

const byUnit = (arm: Arm) => {
  const { sum, size } = sums(arm);
  return ratioOfSums(moments([sum, size]));
};
const byRequest = ({ value }: Arm) => ratioOfSums(moments([value, new Float64Array(value.length).fill(1)]));
const withCovariate = (arm: Arm) => {
  const { sum, size } = sums(arm);
  return moments([sum, size, arm.before, new Float64Array(arm.units).fill(1)]);
};
const adjusted = ({ control, candidate }: Sample) => cuped(withCovariate(control), withCovariate(candidate));
const p90 = ({ value, unit, units }: Arm) => clusteredQuantileInterval(value, unit, units, { p: 0.9 });
const differences = ({ value, other }: Arm) => other.map((own, i) => own - (value[i] as number));

const methods: readonly Method<Sample>[] = [
  {
    name: "Welch of ratios of sums, by unit",
    file: "ratio",
    test: ({ control, candidate }) => two(meansTest(byUnit(control), byUnit(candidate))),
    interval: ({ control, candidate }) => differenceInterval(welch(byUnit(control), byUnit(candidate))),
    fails: (cell) => smaller(cell) < 50,
  },
  {
    name: "Welch by request, as if independent",
    file: "means",
    test: ({ control, candidate }) => two(meansTest(byRequest(control), byRequest(candidate))),
    fails: () => true,
  },
  {
    name: "CUPED of ratios of sums",
    file: "covariates",
    test: (sample) => {
      const { control, candidate } = adjusted(sample);
      return two(meansTest(control, candidate));
    },
    interval: (sample) => {
      const { control, candidate } = adjusted(sample);
      return differenceInterval(welch(control, candidate));
    },
    fails: (cell) => smaller(cell) < 50,
  },
  {
    name: "CUPED, relative lift",
    file: "covariates",
    interval: ({ control, candidate }) => cupedLift(withCovariate(control), withCovariate(candidate)),
    fails: (cell) => smaller(cell) < 50,
  },
  {
    name: "difference of P90, by unit",
    file: "quantile-differences",
    test: ({ control, candidate }) => two(quantileTest(p90(control), p90(candidate))),
    interval: ({ control, candidate }) => quantileDifference(p90(control), p90(candidate)),
    fails: (cell) => smaller(cell) < 50,
  },
  {
    name: "P90 of the candidate, by unit",
    file: "quantiles",
    interval: ({ candidate }) => p90(candidate),
    // of a normal variable with mean 10 and variance 2 · icc + 1 − icc
    truth: () => 10 + 1.2815515655446004 * Math.sqrt(1 + icc),
    fails: (cell) => smaller(cell) < 100,
  },
  {
    name: "signed rank of units' means",
    file: "signed-rank",
    test: ({ control: arm }) => two(signedRank(meansByUnit(differences(arm), arm.unit))),
  },
  {
    name: "paired t, by unit",
    file: "paired-means",
    test: ({ control: { value, other, unit } }) => two(pairedTTest(value, other, { units: unit })),
    interval: ({ control: { value, other, unit } }) => pairedTInterval(value, other, { units: unit }),
  },
  {
    name: "McNemar, by unit",
    file: "paired",
    test: ({ control: arm }) => {
      const perUnit = new Float64Array(arm.units);
      for (const [i, own] of differences(arm).entries()) {
        const unit = arm.unit[i] as number;
        perUnit[unit] = (perUnit[unit] as number) + Math.sign(Math.trunc(own));
      }
      return mcNemarClustered(perUnit).pValue;
    },
  },
];

/** Users with about five requests each, which are alike. */
export const clusters: Study<Sample> = {
  name: "requests of users, five each, intraclass correlation .3",
  cells: splits.flatMap((split) => [200, 2000].map((n) => ({ population: "normal", split, n }))),
  draw: (cell, random) => {
    const arm = (units: number): Arm => {
      const unit: number[] = [];
      const value: number[] = [];
      const other: number[] = [];
      const before = new Float64Array(units);
      for (let k = 0; k < units; k++) {
        const own = Math.sqrt(icc) * normal(random);
        const lanes = [Math.sqrt(icc) * normal(random), Math.sqrt(icc) * normal(random)] as const;
        before[k] = own + 0.5 * normal(random);
        const size = 1 + poisson(random, 4);
        for (let i = 0; i < size; i++) {
          unit.push(k);
          value.push(10 + own + lanes[0] + Math.sqrt(1 - icc) * normal(random));
          other.push(10 + own + lanes[1] + Math.sqrt(1 - icc) * normal(random));
        }
      }
      return {
        units,
        unit: Int32Array.from(unit),
        value: Float64Array.from(value),
        other: Float64Array.from(other),
        before,
      };
    };
    const [n0, n1] = armSizes(cell);
    return { control: arm(n0), candidate: arm(n1) };
  },
  methods,
};
