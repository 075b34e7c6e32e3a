import { type TestResult, undetermined } from "../estimate.ts";
import { zTest } from "../z-test.ts";

/**
 * One test from the tests of several stages, with weights that were fixed in advance: Σ wₖzₖ / √Σ wₖ².
 *
 * It holds its level even where a stage's size was chosen after the stages before it were seen.
 *
 * As good as the z of each stage: stages with a handful of units in an arm spoil it.
 *
 * Only for stages with disjoint units. Units that stay in the candidate over several stages make the z's dependent, and a
 * nominal 5 % becomes 7 % at a correlation of .3 and 8.7 % at .6.
 *
 * @param z       of each stage; of candidate against control, positive when the candidate is above
 * @param weights above 0
 *
 * Source: Lehmacher & Wassmer (1999), Biometrics 55:1286–1290; Cui, Hung & Wang (1999), Biometrics 55:853–857.
 */
export function inverseNormal(z: readonly number[], weights: readonly number[]): TestResult {
  if (z.length !== weights.length)
    throw new RangeError(`inverseNormal needs a weight for each stage, got ${weights.length} for ${z.length}`);
  const bad = weights.find((weight) => !(weight > 0 && Number.isFinite(weight)));
  if (bad !== undefined) throw new RangeError(`inverseNormal needs weights above 0, got ${bad}`);
  if (z.length === 0) return undetermined("no stage");
  if (!z.every((own) => Number.isFinite(own))) return undetermined("a stage has no z");
  const squares = weights.reduce((sum, weight) => sum + weight ** 2, 0);
  const statistic = z.reduce((sum, own, k) => sum + own * (weights[k] as number), 0) / Math.sqrt(squares);
  return zTest(statistic);
}
