/** An estimate with its interval at a confidence level, or the reason why it cannot be computed. */
export type Estimate =
  | {
      readonly status: "ok";
      readonly value: number;
      readonly low: number;
      readonly high: number;
      readonly level: number;
    }
  | Undetermined;

export interface Undetermined {
  readonly status: "undetermined";
  readonly reason: string;
}

export function undetermined(reason: string): Undetermined {
  return { status: "undetermined", reason };
}

/** A test of no difference, with the p-values of candidate < control, of candidate > control, and of either. */
export type TestResult =
  | {
      readonly status: "ok";
      readonly statistic: number;
      readonly less: number;
      readonly greater: number;
      readonly twoSided: number;
    }
  | Undetermined;

/** A chi-squared test, or one that is asked for a single p-value. */
export type ChiSquaredResult =
  | {
      readonly status: "ok";
      readonly statistic: number;
      readonly degreesOfFreedom: number;
      readonly pValue: number;
    }
  | Undetermined;
