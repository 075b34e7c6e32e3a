import { bucketCount, firstSaltWord, positionByWords, type TextHash } from "../plan/assignment.ts";

/** Buckets of the copies of every unit, for one salt. */
export interface Assignment {
  /** bucket of copy k of unit u at starts[u] + k */
  readonly buckets: Uint16Array;
  readonly starts: Int32Array;
}

/**
 * Resamples the population of units and assigns each copy to a bucket.
 *
 * A unit is drawn Poisson(1) times, which is the bootstrap of a population whose size is not fixed; copies are units of
 * their own. Re-randomising one fixed log instead has no population variance and understates missed regressions.
 *
 * @param fixed     the bucket of each unit, of all its copies, where no salt decides
 * @param resampled whether units are drawn at all; each is there once otherwise
 * @param spent     an assignment of the same units that is not needed any more, whose memory is used again
 *
 * Source: Hanley & MacGibbon (2006), Comput. Methods Programs Biomed. 83:57–62 (Poisson bootstrap).
 */
export function assignUnits(
  unitHash: Uint32Array,
  [salt0, salt1]: TextHash,
  resampled = true,
  fixed: Uint16Array | null = null,
  spent?: Assignment,
): Assignment {
  const units = unitHash.length / 2;
  const starts = spent?.starts ?? new Int32Array(units + 1);
  const drawing = firstSaltWord(salt0 ^ 0x85ebca6b);
  for (let u = 0; u < units; u++) {
    const position = positionByWords(unitHash[2 * u] as number, unitHash[2 * u + 1] as number, drawing, salt1);
    starts[u + 1] = (starts[u] as number) + (resampled ? poissonOne(position) : 1);
  }
  const copies = starts[units] as number;
  const memory = spent ? new Uint16Array(spent.buckets.buffer) : new Uint16Array(0);
  const buckets = (memory.length >= copies ? memory : new Uint16Array(1.1 * copies)).subarray(0, copies);
  const words = Array.from({ length: mostCopies }, (_, copy) => firstSaltWord(salt0 + copy * 0x9e3779b9));
  for (let u = 0; u < units; u++) {
    const first = starts[u] as number;
    for (let at = first; at < (starts[u + 1] as number); at++) {
      const word = words[at - first] as number;
      const position = positionByWords(unitHash[2 * u] as number, unitHash[2 * u + 1] as number, word, salt1);
      buckets[at] = fixed?.[u] ?? Math.floor(position * bucketCount);
    }
  }
  return { buckets, starts };
}

/** Copies of a unit: more have a probability of 1e-20. */
export const mostCopies = 20;

/** P(at most k) of Poisson(1), by k below {@link mostCopies}. */
const distribution = new Float64Array(mostCopies);
for (let k = 0, probability = Math.exp(-1), below = 0; k < mostCopies; k++, probability /= k) {
  below += probability;
  distribution[k] = below;
}

/** Quantile of Poisson(1). */
function poissonOne(uniform: number): number {
  let count = 0;
  while (count < mostCopies && uniform >= (distribution[count] as number)) count += 1;
  return count;
}
