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
 * @param fixed     the bucket of each unit, of all its copies, where no salt decides
 * @param resampled whether units are drawn at all; each is there once otherwise
 *
 * Source: Hanley & MacGibbon (2006), Comput. Methods Programs Biomed. 83:57–62 (Poisson bootstrap).
 */
export function assignUnits(
  unitHash: Uint32Array,
  salt: TextHash,
  resampled = true,
  fixed: Uint16Array | null = null,
): Assignment {
  const units = unitHash.length / 2;
  const starts = new Int32Array(units + 1);
  for (let u = 0; u < units; u++) {
    const copies = resampled ? poissonOne(place(unitHash, u, salt[0] ^ 0x85ebca6b, salt[1])) : 1;
    starts[u + 1] = (starts[u] as number) + copies;
  }
  const buckets = new Uint16Array(starts[units] as number);
  for (let u = 0; u < units; u++) {
    const first = starts[u] as number;
    for (let at = first; at < (starts[u + 1] as number); at++) {
      buckets[at] =
        fixed?.[u] ?? Math.floor(place(unitHash, u, salt[0] + (at - first) * 0x9e3779b9, salt[1]) * bucketCount);
    }
  }
  return { buckets, starts };
}

/** The position of a unit under a salt of two words. */
function place(unitHash: Uint32Array, u: number, salt0: number, salt1: number): number {
  return position([unitHash[2 * u] as number, unitHash[2 * u + 1] as number], [salt0, salt1]);
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
