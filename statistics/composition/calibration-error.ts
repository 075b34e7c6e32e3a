import { byUnit, withoutOwnError } from "./tally.ts";

/** Probabilities and what came of them: those of row i from offsets[i] to offsets[i + 1]. */
export interface Predictions {
  readonly offsets: Int32Array;
  /** in [0, 1] */
  readonly probabilities: Float64Array;
  /** 0 or 1 */
  readonly outcomes: Float64Array;
}

export interface CalibrationError {
  readonly estimate: number;
  /** of each row, which sum to 0 over all rows */
  readonly influence: Float64Array;
  /** of each row: its influence on an error of 1 that is the same gap in every bin of a calibrated lane */
  readonly direction: Float64Array;
  /** variance of second order, times the square of the number of predictions */
  readonly curvature: number;
}

/**
 * Mean squared calibration gap over equal-width bins, Σ w_b (mean outcome − mean probability)², less the gaps' own variances
 * by unit, so that a calibrated lane has 0 on average.
 *
 * The squared scale is the smooth one: it has an estimate without bias, and its root (the l₂ calibration error) none near
 * 0, where it is infinitely steep. 0.0004 is a gap of 2 percentage points everywhere. It is not the whole calibration error:
 * gaps that cancel inside a bin are not seen, so that more bins see more. A gap within its own error may make the estimate
 * negative: that is no better than 0.
 *
 * Where gaps are 0 the influences vanish and the estimate is a centred weighted χ², with the variance 2 Σ (w_b Var gap_b)²
 * that is kept beside the first order's. A bin with predictions of one unit has no variance and counts as without a gap.
 *
 * @param bins of equal width; a probability of 1 is in the last
 * @returns NaN for the estimate when there is no prediction
 * @throws RangeError for a probability outside [0, 1] and unless bins is a whole number above 0
 *
 * Source: Kumar, Liang & Ma (2019), Verified uncertainty calibration, NeurIPS 32, §5 (debiased estimator), of which this is the
 * case of one unit a prediction and one probability a bin.
 */
export function calibrationError(
  { offsets, probabilities, outcomes }: Predictions,
  unit: Int32Array,
  rows: readonly number[],
  { bins = 10 }: { readonly bins?: number } = {},
): CalibrationError {
  if (!(Number.isSafeInteger(bins) && bins >= 1))
    throw new RangeError(`calibrationError needs bins to be a whole number of at least 1, got ${bins}`);
  const binOf = (k: number) => {
    const probability = probabilities[k] as number;
    if (!(probability >= 0 && probability <= 1))
      throw new RangeError(`calibrationError needs probabilities in [0, 1], got ${probability}`);
    return Math.min(bins - 1, Math.floor(probability * bins));
  };
  const eachOf = (row: number, visit: (bin: number, residual: number) => void) => {
    for (let k = offsets[row] as number; k < (offsets[row + 1] as number); k++)
      visit(binOf(k), (outcomes[k] as number) - (probabilities[k] as number));
  };
  const units = byUnit(unit, rows);
  const { n, total, present, gap, variance } = gapsOf(units, bins, eachOf);
  let plain = 0;
  let bias = 0;
  let quadratic = 0;
  for (let b = 0; b < bins; b++) {
    const weight = total === 0 ? 0 : (n[b] as number) / total;
    plain += weight * (gap[b] as number) ** 2;
    bias += weight * (variance[b] as number);
    quadratic += 2 * (weight * (variance[b] as number)) ** 2;
  }
  const influence = new Float64Array(offsets.length - 1);
  const direction = new Float64Array(offsets.length - 1);
  let squares = 0;
  for (const group of units) {
    let own = 0;
    for (const row of group) {
      eachOf(row, (bin, residual) => {
        const beyond = residual - (gap[bin] as number);
        influence[row] =
          (influence[row] as number) + 2 * (gap[bin] as number) * beyond + (gap[bin] as number) ** 2 - plain;
        if ((present[bin] as number) > 1) direction[row] = (direction[row] as number) + 2 * beyond;
      });
      own += influence[row] as number;
    }
    squares += own * own;
  }
  const shrink = withoutOwnError(squares / (total * total || 1), quadratic);
  return {
    estimate: total === 0 ? Number.NaN : plain - bias,
    influence: influence.map((own) => shrink * own),
    direction,
    curvature: quadratic * total ** 2,
  };
}

/** Counts, gaps and the gaps' variances by unit; bins of fewer than two units have neither gap nor variance. */
function gapsOf(
  units: readonly Int32Array[],
  bins: number,
  eachOf: (row: number, visit: (bin: number, residual: number) => void) => void,
) {
  const n = new Float64Array(bins);
  const residuals = new Float64Array(bins);
  for (const group of units) {
    for (const row of group) {
      eachOf(row, (bin, residual) => {
        n[bin] = (n[bin] as number) + 1;
        residuals[bin] = (residuals[bin] as number) + residual;
      });
    }
  }
  const mean = residuals.map((sum, b) => sum / ((n[b] as number) || 1));
  const squares = new Float64Array(bins);
  const present = new Float64Array(bins);
  const own = new Float64Array(bins);
  const there = new Uint8Array(bins);
  for (const group of units) {
    for (const row of group) {
      eachOf(row, (bin, residual) => {
        own[bin] = (own[bin] as number) + residual - (mean[bin] as number);
        there[bin] = 1;
      });
    }
    for (let b = 0; b < bins; b++) {
      if (there[b] === 0) continue;
      squares[b] = (squares[b] as number) + (own[b] as number) ** 2;
      present[b] = (present[b] as number) + 1;
      own[b] = 0;
      there[b] = 0;
    }
  }
  return {
    n,
    total: n.reduce((sum, own) => sum + own, 0),
    /** units */
    present,
    gap: mean.map((own, b) => ((present[b] as number) > 1 ? own : 0)),
    variance: squares.map((sum, b) => {
      const k = present[b] as number;
      return k > 1 ? (sum / (n[b] as number) ** 2) * (k / (k - 1)) : 0;
    }),
  };
}
