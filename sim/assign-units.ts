import { bucketCount, position, type TextHash } from "../plan/assignment.ts";

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
 * @param resampled whether units are drawn at all; each is there once otherwise
 *
 * Source: Hanley & MacGibbon (2006), Comput. Methods Programs Biomed. 83:57–62 (Poisson bootstrap).
 */
export function assignUnits(unitHash: Uint32Array, salt: TextHash, resampled = true): Assignment {
  const units = unitHash.length / 2;
  const starts = new Int32Array(units + 1);
  const buckets: number[] = [];
  for (let u = 0; u < units; u++) {
    const unit: TextHash = [unitHash[2 * u] as number, unitHash[2 * u + 1] as number];
    const copies = !resampled ? 1 : poissonOne(position(unit, [salt[0] ^ 0x85ebca6b, salt[1]]));
    for (let copy = 0; copy < copies; copy++) {
      buckets.push(Math.floor(position(unit, [salt[0] + copy * 0x9e3779b9, salt[1]]) * bucketCount));
    }
    starts[u + 1] = buckets.length;
  }
  return { buckets: Uint16Array.from(buckets), starts };
}

/** Quantile of Poisson(1). */
function poissonOne(uniform: number): number {
  let probability = Math.exp(-1);
  let below = probability;
  let count = 0;
  while (uniform >= below && count < 20) {
    count += 1;
    probability /= count;
    below += probability;
  }
  return count;
}
